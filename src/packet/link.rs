//! Link layers (tcpdump.org/linktypes.html) -> what the frame carries.

use super::{Next, Rest, Undecoded};
use crate::limits::Limits;

const VLAN_TAGS: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Takes the link header off.
pub(super) fn peel<'a>(
    link: u16,
    rest: Rest<'a>,
    limits: &Limits,
) -> Result<(Next, Rest<'a>), Undecoded> {
    match link {
        1 => ethernet(rest).and_then(|(ether, rest)| vlans(ether, rest, limits)),
        12 | 14 | 101 => Ok((Next::Ip, rest)),
        228 => Ok((Next::EtherType(IPV4), rest)),
        229 => Ok((Next::EtherType(IPV6), rest)),
        0 | 108 => null(rest),
        113 => cooked(rest, 14, 16).and_then(|(ether, rest)| vlans(ether, rest, limits)),
        276 => cooked(rest, 0, 20).and_then(|(ether, rest)| vlans(ether, rest, limits)),
        _ => Err(Undecoded::LinkType(link)),
    }
}

/// Two big-endian bytes at `at`.
fn word(rest: Rest, at: usize) -> Option<u16> {
    rest.bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}

fn ethernet(rest: Rest) -> Result<(u16, Rest), Undecoded> {
    let ether = word(rest, 12).ok_or(rest.short("Ethernet header"))?;
    let rest = rest.skip(14).ok_or(rest.short("Ethernet header"))?;
    // Below 0x600 it is a length (IEEE 802.3): LLC, and IP only behind SNAP.
    if ether < 0x600 { snap(rest) } else { Ok((ether, rest)) }
}

/// IEEE 802.2 LLC with a SNAP header; other LLC carries no IP.
fn snap(rest: Rest) -> Result<(u16, Rest), Undecoded> {
    match rest.bytes {
        [0xaa, 0xaa, 0x03, _, _, _, high, low, ..] => {
            let ether = u16::from_be_bytes([*high, *low]);
            Ok((ether, rest.skip(8).ok_or(rest.short("SNAP header"))?))
        }
        _ => Err(Undecoded::EtherType(0)),
    }
}

/// IEEE 802.1Q and 802.1ad tags, nested up to the limit.
fn vlans<'a>(
    mut ether: u16,
    mut rest: Rest<'a>,
    limits: &Limits,
) -> Result<(Next, Rest<'a>), Undecoded> {
    for _ in 0..limits.packet_layers_max {
        if !VLAN_TAGS.contains(&ether) {
            return Ok((Next::EtherType(ether), rest));
        }
        ether = word(rest, 2).ok_or(rest.short("VLAN tag"))?;
        rest = rest.skip(4).ok_or(rest.short("VLAN tag"))?;
    }
    Err(Undecoded::LayerLimit)
}

/// BSD loopback: an address family, in the byte order of whoever captured (NULL) or of the
/// network (LOOP). AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30.
fn null(rest: Rest) -> Result<(Next, Rest), Undecoded> {
    let family = rest.bytes.first_chunk::<4>().ok_or(rest.short("loopback header"))?;
    let value = u32::from_le_bytes(*family);
    let value = if value > 0xffff { value.swap_bytes() } else { value };
    let rest = rest.skip(4).ok_or(rest.short("loopback header"))?;
    match value {
        2 | 10 | 24 | 28 | 30 => Ok((Next::Ip, rest)),
        other => Err(Undecoded::EtherType((other & 0xffff) as u16)),
    }
}

/// Linux cooked captures, v1 (LINKTYPE_LINUX_SLL) and v2 (LINKTYPE_LINUX_SLL2).
fn cooked(rest: Rest, ether_at: usize, header: usize) -> Result<(u16, Rest), Undecoded> {
    let ether = word(rest, ether_at).ok_or(rest.short("cooked header"))?;
    let rest = rest.skip(header).ok_or(rest.short("cooked header"))?;
    Ok((ether, rest))
}
