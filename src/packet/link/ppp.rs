//! Point-to-point links: PPP (RFC 1661) bare, in HDLC framing (RFC 1662) and over Ethernet
//! (RFC 2516); Cisco HDLC and frame relay (RFC 2427).

use super::super::walk::{Next, Peeled};
use super::super::{Rest, Undecoded};
use super::{IPV4, IPV6, MPLS, ethernet};

/// PPP protocol numbers that carry packets, and the EtherTypes they amount to.
const PROTOCOLS: &[(u16, u16)] = &[(0x0021, IPV4), (0x0057, IPV6), (0x0281, MPLS), (0x0283, MPLS)];

/// Address and control may be left out, and the first byte of the protocol too.
pub(super) fn ppp(rest: Rest) -> Peeled {
    let rest = match rest.bytes {
        [0xff, 0x03, ..] => rest.behind(2, "PPP header")?,
        _ => rest,
    };
    let [first] = *rest.head::<1>("PPP protocol")?;
    let (protocol, len) = match first & 1 {
        1 => (u16::from(first), 1),
        _ => (rest.word(0, "PPP protocol")?, 2),
    };
    match PROTOCOLS.iter().find(|entry| entry.0 == protocol) {
        Some(&(_, ether)) => Ok((Next::EtherType(ether), rest.behind(len, "PPP protocol")?)),
        None => Err(Undecoded::PppProtocol(protocol)),
    }
}

/// A PPPoE session: version and type, code 0, session, length; then PPP.
pub(super) fn pppoe(rest: Rest) -> Peeled {
    match rest.head::<6>("PPPoE header")? {
        [0x11, 0, ..] => ppp(rest.behind(6, "PPPoE header")?),
        _ => Err(Undecoded::Malformed("PPPoE header")),
    }
}

/// Cisco HDLC: address, control, EtherType; or PPP, told by its address and control.
pub(super) fn cisco_hdlc(rest: Rest) -> Peeled {
    if let [0xff, 0x03, ..] = rest.bytes {
        return ppp(rest);
    }
    let ether = rest.word(2, "HDLC header")?;
    Ok((Next::EtherType(ether), rest.behind(4, "HDLC header")?))
}

/// Frame relay with a two-byte address: a network protocol identifier, or SNAP behind padding.
pub(super) fn frame_relay(rest: Rest) -> Peeled {
    match rest.bytes {
        [_, _, 3, 0xcc | 0x8e, ..] => Ok((Next::Ip, rest.behind(4, "frame relay header")?)),
        [_, _, 3, 0, 0x80, 0, 0, 0, high, low, ..] => {
            let ether = u16::from_be_bytes([*high, *low]);
            Ok((Next::EtherType(ether), rest.behind(10, "frame relay header")?))
        }
        [_, _, 0xaa, 0xaa, 3, ..] => ethernet::llc(rest.behind(2, "frame relay header")?),
        [_, _, high, low, _, ..] if *high >= 6 => {
            let ether = u16::from_be_bytes([*high, *low]);
            Ok((Next::EtherType(ether), rest.behind(4, "frame relay header")?))
        }
        [_, _, _, _, _, ..] => Err(Undecoded::NoPacket("frame relay without IP")),
        _ => Err(rest.short("frame relay header")),
    }
}
