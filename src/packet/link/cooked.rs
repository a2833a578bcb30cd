//! Headers that an operating system puts in place of a link's own: Linux cooked captures, BSD
//! loopback and OpenBSD's decrypted IPsec.

use super::super::walk::{Next, Peeled};
use super::super::{Rest, Undecoded};

/// LINKTYPE_LINUX_SLL.
pub(super) fn sll(rest: Rest) -> Peeled {
    cooked(rest, 14, 2, 16)
}

/// LINKTYPE_LINUX_SLL2.
pub(super) fn sll2(rest: Rest) -> Peeled {
    cooked(rest, 0, 8, 20)
}

/// The protocol is an EtherType, unless the hardware says otherwise.
fn cooked(rest: Rest, ether_at: usize, hardware_at: usize, header: usize) -> Peeled {
    let ether = rest.word(ether_at, "cooked header")?;
    let hardware = rest.word(hardware_at, "cooked header")?;
    let rest = rest.behind(header, "cooked header")?;
    match hardware {
        824 => Err(Undecoded::NoPacket("netlink message")),
        280 => Err(Undecoded::NoPacket("CAN frame")),
        _ => Ok((Next::EtherType(ether), rest)),
    }
}

/// BSD loopback: an address family, in the byte order of whoever captured (NULL) or of the
/// network (LOOP).
pub(super) fn null(rest: Rest) -> Peeled {
    let family = u32::from_le_bytes(*rest.head::<4>("loopback header")?);
    by_family(family, rest.behind(4, "loopback header")?)
}

/// LINKTYPE_ENC: address family, security parameter index, flags.
pub(super) fn enc(rest: Rest) -> Peeled {
    let family = u32::from_le_bytes(*rest.head::<4>("IPsec header")?);
    by_family(family, rest.behind(12, "IPsec header")?)
}

/// AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30. In either byte order.
fn by_family(family: u32, rest: Rest) -> Peeled {
    let value = if family > 0xffff { family.swap_bytes() } else { family };
    match value {
        2 | 10 | 24 | 28 | 30 => Ok((Next::Ip, rest)),
        _ => Err(Undecoded::NoPacket("loopback frame without IP")),
    }
}
