//! Encapsulations -> what they carry. Those in IP are named by its protocol number. Those in UDP
//! are only guessed by their port, so their headers must be sane, and what is inside must parse
//! (the walk sees to that); otherwise the datagram stands for itself. Encrypted tunnels are
//! recognised and stay closed.

use super::network::Ip;
use super::transport::Segment;
use super::walk::Next;
use super::{Rest, Tunnel, Undecoded, link};

const V4_MAPPED: u128 = 0xffff_0000_0000;

/// A tunnel, and what comes next inside.
type Inner<'a> = (Tunnel, Next, Rest<'a>);
type InUdp = for<'a> fn(Rest<'a>) -> Option<(Next, Rest<'a>)>;

/// UDP ports (either end), and who checks and takes off what stands behind them.
const UDP_TUNNELS: &[(u16, Tunnel, InUdp)] = &[
    (4789, Tunnel::Vxlan, vxlan), // IANA
    (8472, Tunnel::Vxlan, vxlan), // Linux' default: Flannel, Cilium
    (6784, Tunnel::Vxlan, vxlan), // Weave
    (6081, Tunnel::Geneve, geneve),
    (2152, Tunnel::Gtp, gtp),
    (3544, Tunnel::Teredo, teredo),
    (6635, Tunnel::Mpls, |rest| Some((Next::EtherType(link::MPLS), rest))),
];

/// Ports of WireGuard: its own, Calico's for IPv6, Cilium's.
const WIREGUARD_PORTS: [u16; 3] = [51820, 51821, 51871];

/// The tunnel in an IP packet, by its protocol number.
pub(super) fn in_ip<'a>(ip: &Ip, rest: Rest<'a>) -> Result<Inner<'a>, Undecoded> {
    let over_ipv4 = ip.source >> 32 == V4_MAPPED >> 32;
    let (tunnel, next) = match (ip.protocol, over_ipv4) {
        (4, true) => (Tunnel::IpIp, Next::EtherType(link::IPV4)),
        (4, false) => (Tunnel::FourInSix, Next::EtherType(link::IPV4)),
        (41, true) => (Tunnel::SixInFour, Next::EtherType(link::IPV6)),
        (41, false) => (Tunnel::SixInSix, Next::EtherType(link::IPV6)),
        (47, _) => return gre(rest),
        (97, _) => return ether_ip(rest),
        (137, _) => (Tunnel::Mpls, Next::EtherType(link::MPLS)),
        (other, _) => return Err(Undecoded::IpProtocol(other)),
    };
    Ok((tunnel, next, rest))
}

/// The tunnel in a UDP datagram, where its ports and header say so.
#[inline]
pub(super) fn in_udp<'a>(segment: &Segment<'a>) -> Option<Inner<'a>> {
    let (source, target) = segment.ports;
    let (_, tunnel, peel) =
        UDP_TUNNELS.iter().find(|entry| entry.0 == target || entry.0 == source)?;
    peel(segment.rest).map(|(next, rest)| (*tunnel, next, rest))
}

/// The encrypted tunnel that a UDP datagram belongs to.
#[inline]
pub(super) fn sealed(segment: &Segment) -> Tunnel {
    let (source, target) = segment.ports;
    let rest = segment.rest;
    match rest.bytes {
        [1..=4, 0, 0, 0, ..] if wireguard(rest, segment.ports) => Tunnel::WireGuard,
        // Zero in front would be key exchange, a single byte a keepalive (RFC 3948 section 2).
        [0, 0, 0, 0, ..] => Tunnel::None,
        [_, _, _, _, _, _, _, _, ..] if source == 4500 || target == 4500 => Tunnel::Ipsec,
        _ => Tunnel::None,
    }
}

/// Whether type and length agree as in section 5.4 of the protocol's paper. Data, of which less is
/// known, is only believed on a port of WireGuard's.
fn wireguard(rest: Rest, (source, target): (u16, u16)) -> bool {
    let port = || WIREGUARD_PORTS.contains(&source) || WIREGUARD_PORTS.contains(&target);
    match (rest.bytes.first(), rest.wire_len()) {
        (Some(1), 148) | (Some(2), 92) | (Some(3), 64) => true,
        (Some(4), len) => len >= 32 && len % 16 == 0 && port(),
        _ => false,
    }
}

/// EtherIP: version 3, twelve zero bits, an Ethernet frame.
fn ether_ip(rest: Rest) -> Result<Inner, Undecoded> {
    match rest.word(0, "EtherIP header")? {
        0x3000 => {
            let behind = rest.behind(2, "EtherIP header")?;
            Ok((Tunnel::EtherIp, Next::Link(link::ETHERNET), behind))
        }
        _ => Err(Undecoded::Malformed("EtherIP header")),
    }
}

/// GRE: flags tell which fields follow the protocol type (RFC 2784, RFC 2890; version 1: RFC 2637).
fn gre(rest: Rest) -> Result<Inner, Undecoded> {
    let flags = rest.word(0, "GRE header")?;
    let protocol = rest.word(2, "GRE header")?;
    let has = |bit: u16| flags & bit != 0;
    let (checksum, routing, key, sequence) = (has(0x8000), has(0x4000), has(0x2000), has(0x1000));
    let acknowledgement = flags & 7 == 1 && has(0x80);
    if routing || flags & 7 > 1 {
        return Err(Undecoded::NoPacket("GRE with source routing or of an unknown version"));
    }
    let fields = [checksum, key, sequence, acknowledgement];
    let len = 4 + 4 * fields.into_iter().filter(|&there| there).count();
    let rest = rest.behind(len, "GRE header")?;
    match (protocol, flags & 7) {
        (0x88be | 0x22eb, 0) => erspan(protocol, sequence, rest),
        (_, 1) if !sequence => Err(Undecoded::NoPacket("GRE acknowledgement")),
        _ if rest.wire_len() == 0 => Err(Undecoded::NoPacket("GRE keepalive")),
        _ => Ok((Tunnel::Gre, Next::EtherType(protocol), rest)),
    }
}

/// ERSPAN in GRE: type I has no header and no sequence number, II has 8 bytes, III 12 with 8
/// optional ones (draft-foschiano-erspan).
fn erspan(protocol: u16, sequence: bool, rest: Rest) -> Result<Inner, Undecoded> {
    let len = match (protocol, sequence) {
        (0x88be, false) => 0,
        (0x88be, true) => 8,
        _ => match rest.head::<12>("ERSPAN header")? {
            [.., last] if last & 1 == 1 => 20,
            _ => 12,
        },
    };
    let behind = rest.behind(len, "ERSPAN header")?;
    Ok((Tunnel::Erspan, Next::Link(link::ETHERNET), behind))
}

/// Flags (the network identifier's must be set; the group policy's may be), identifier, zero.
fn vxlan(rest: Rest) -> Option<(Next, Rest)> {
    match rest.bytes {
        [0x08 | 0x88, _, _, _, _, _, _, 0, ..] => {
            Some((Next::Link(link::ETHERNET), rest.behind(8, "VXLAN header").ok()?))
        }
        _ => None,
    }
}

/// Version 0 and length of options, flags, protocol type, identifier, zero, options.
fn geneve(rest: Rest) -> Option<(Next, Rest)> {
    match rest.bytes {
        [options @ 0..=0x3f, flags, high, low, _, _, _, 0, ..] if flags & 0x3f == 0 => {
            let len = 8 + usize::from(*options) * 4;
            let ether = u16::from_be_bytes([*high, *low]);
            Some((Next::EtherType(ether), rest.behind(len, "Geneve header").ok()?))
        }
        _ => None,
    }
}

/// A T-PDU of GTP version 1: flags, type, length, tunnel; sequence number and extension headers
/// when a flag says so.
fn gtp(rest: Rest) -> Option<(Next, Rest)> {
    let [flags, 0xff, l0, l1, _, _, _, _, ..] = *rest.bytes else { return None };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & 0xf0 != 0x30 || len.saturating_add(8) > rest.wire_len() {
        return None;
    }
    let mut at: usize = 8;
    if flags & 7 != 0 {
        at = 12;
        // The last byte of each part names the extension that follows; each says its length.
        while flags & 4 != 0 && rest.bytes.get(at.checked_sub(1)?).is_some_and(|&next| next != 0) {
            let words = rest.bytes.get(at).filter(|&&words| words > 0)?;
            at += usize::from(*words) * 4;
        }
    }
    Some((Next::Ip, rest.behind(at, "GTP header").ok()?))
}

/// IPv6, perhaps behind an authentication and an origin indication (RFC 4380 section 5.1.1). Its
/// length must be that of the datagram.
fn teredo(rest: Rest) -> Option<(Next, Rest)> {
    let mut rest = rest;
    if let [0, 1, id, authentication, ..] = rest.bytes {
        let len = 13 + usize::from(*id) + usize::from(*authentication);
        rest = rest.behind(len, "Teredo authentication").ok()?;
    }
    if let [0, 0, ..] = rest.bytes {
        rest = rest.behind(8, "Teredo origin").ok()?;
    }
    let len = usize::from(rest.word(4, "IPv6 header").ok()?);
    let six = rest.bytes.first().is_some_and(|byte| byte >> 4 == 6);
    (six && len + 40 == rest.wire_len()).then_some((Next::EtherType(link::IPV6), rest))
}
