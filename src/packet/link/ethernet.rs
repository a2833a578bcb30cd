//! IEEE 802: Ethernet, VLAN tags, LLC with SNAP, FDDI, and MPLS labels.

use super::super::walk::{Next, Peeled};
use super::super::{Rest, Undecoded};
use super::{ETHERNET, ether_name};

/// Destination, source, EtherType; or a length (IEEE 802.3) with LLC behind it.
#[inline]
pub(super) fn ethernet(rest: Rest) -> Peeled {
    let ether = rest.word(12, "Ethernet header")?;
    let rest = rest.behind(14, "Ethernet header")?;
    typed(ether, rest)
}

/// Below 0x600 the field is a length.
#[inline]
fn typed(ether: u16, rest: Rest) -> Peeled {
    if ether < 0x600 { llc(rest) } else { Ok((Next::EtherType(ether), rest)) }
}

/// IEEE 802.1Q and 802.1ad tags: priority and VLAN, then the EtherType of what follows.
pub(super) fn vlan(rest: Rest) -> Peeled {
    let ether = rest.word(2, "VLAN tag")?;
    typed(ether, rest.behind(4, "VLAN tag")?)
}

/// Cisco metadata (security group tags): version, words of options, the options, EtherType.
pub(super) fn metadata(rest: Rest) -> Peeled {
    let [_, words] = *rest.head::<2>("Cisco metadata")?;
    let at = 2 + usize::from(words) * 4;
    let ether = rest.word(at, "Cisco metadata")?;
    typed(ether, rest.behind(at + 2, "Cisco metadata")?)
}

/// IEEE 802.2 LLC; IP stands behind SNAP (RFC 1042), bridged Ethernet too (RFC 2684).
pub(super) fn llc(rest: Rest) -> Peeled {
    match rest.bytes {
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, high, low, ..] => {
            let ether = u16::from_be_bytes([*high, *low]);
            Ok((Next::EtherType(ether), rest.behind(8, "SNAP header")?))
        }
        // RFC 2684: a bridged frame behind two bytes of padding, with or without its checksum.
        [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1 | 7, ..] => {
            Ok((Next::Link(ETHERNET), rest.behind(10, "bridged frame")?))
        }
        [0xaa, 0xaa, 3, _, _, _, _, _, ..] => Err(Undecoded::NoPacket("SNAP of a vendor")),
        [6, 6, 3, ..] => Ok((Next::Ip, rest.behind(3, "LLC header")?)),
        // OSI network layer with a protocol identifier (RFC 2684 section 5.2).
        [0xfe, 0xfe, 3, 0xcc | 0x8e, ..] => Ok((Next::Ip, rest.behind(4, "LLC header")?)),
        [dsap, _, _, ..] => Err(Undecoded::Llc(*dsap)),
        _ => Err(rest.short("LLC header")),
    }
}

/// FDDI: frame control and two addresses; only LLC frames carry data.
pub(super) fn fddi(rest: Rest) -> Peeled {
    let [control, ..] = rest.head::<13>("FDDI header")?;
    match control & 0xf0 {
        0x50 | 0xd0 => llc(rest.behind(13, "FDDI header")?),
        _ => Err(Undecoded::NoPacket("FDDI control frame")),
    }
}

/// MPLS labels (RFC 3032) down to the bottom of the stack. What follows is not named: the first
/// nibble tells IP from pseudowires (RFC 4385).
pub(super) fn mpls(rest: Rest) -> Peeled {
    let [_, _, label, _] = rest.head::<4>("MPLS label")?;
    let behind = rest.behind(4, "MPLS label")?;
    if label & 1 == 0 {
        return Ok((Next::EtherType(super::MPLS), behind));
    }
    match behind.bytes.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Ok((Next::Ip, behind)),
        Some(_) => pseudowire(behind),
        None => Err(behind.short("MPLS payload")),
    }
}

/// Ethernet over MPLS (RFC 4448), with a control word of zero in front or without.
fn pseudowire(rest: Rest) -> Peeled {
    let control_word = rest.bytes.first().is_some_and(|byte| byte >> 4 == 0);
    for skip in if control_word { [4, 0] } else { [0, 0] } {
        let Ok(frame) = rest.behind(skip, "control word") else { continue };
        if frame.word(12, "Ethernet header").is_ok_and(|ether| ether_name(ether).is_some()) {
            return Ok((Next::Link(ETHERNET), frame));
        }
    }
    Err(Undecoded::NoPacket("MPLS payload of an unknown kind"))
}
