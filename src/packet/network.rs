//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers -> addresses, protocol and payload.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::{Layers, Next, Rest, Undecoded};
use crate::limits::Limits;

/// An IP packet with its headers taken off.
#[derive(Clone, Copy)]
pub(super) struct Ip<'a> {
    pub source: u128,
    pub target: u128,
    pub protocol: u8,
    pub rest: Rest<'a>,
}

pub(super) fn peel<'a>(
    next: Next,
    rest: Rest<'a>,
    limits: &Limits,
    layers: &mut Layers,
) -> Result<Ip<'a>, Undecoded> {
    let version = rest.bytes.first().map(|b| b >> 4);
    match (next, version) {
        (Next::EtherType(0x0800) | Next::Ip, Some(4)) => {
            layers.add(Layers::IPV4);
            ipv4(rest)
        }
        (Next::EtherType(0x86dd) | Next::Ip, Some(6)) => {
            layers.add(Layers::IPV6);
            ipv6(rest, limits)
        }
        (Next::EtherType(0x0800 | 0x86dd) | Next::Ip, _) => Err(rest.short("IP header")),
        (Next::EtherType(ether), _) => Err(Undecoded::EtherType(ether)),
    }
}

fn mapped(address: [u8; 4]) -> u128 {
    0xffff_0000_0000 | u128::from(u32::from_be_bytes(address))
}

fn ipv4(rest: Rest) -> Result<Ip, Undecoded> {
    let header = Ipv4HeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("IPv4 header"))?;
    let header_len = header.slice().len();
    // A zero length is a segment that the network card is still to cut (TSO, GSO).
    let total = match usize::from(header.total_len()) {
        0 => rest.bytes.len() + rest.cut as usize,
        total => total,
    };
    if total < header_len {
        return Err(Undecoded::Malformed("IPv4 length"));
    }
    if header.is_fragmenting_payload() {
        return Err(Undecoded::Fragment);
    }
    Ok(Ip {
        source: mapped(header.source()),
        target: mapped(header.destination()),
        protocol: header.protocol().0,
        rest: bounded(rest, header_len, total - header_len)?,
    })
}

fn ipv6<'a>(rest: Rest<'a>, limits: &Limits) -> Result<Ip<'a>, Undecoded> {
    let header = Ipv6HeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("IPv6 header"))?;
    let len = match usize::from(header.payload_length()) {
        0 => rest.bytes.len() + rest.cut as usize, // a jumbogram or a segment still to be cut
        len => len,
    };
    let ip = Ip {
        source: u128::from_be_bytes(header.source()),
        target: u128::from_be_bytes(header.destination()),
        protocol: header.next_header().0,
        rest: bounded(rest, 40, len)?,
    };
    extensions(ip, limits)
}

/// The payload: what lies behind the header, without link padding, and what the snap length cut.
fn bounded(rest: Rest, header: usize, len: usize) -> Result<Rest, Undecoded> {
    let behind = rest.bytes.get(header..).ok_or(rest.short("IP header"))?;
    let captured = behind.len().min(len);
    let missing = len - captured;
    if missing > 0 && rest.cut == 0 {
        // The length claims more than the frame held: keep what is there.
        return Ok(Rest { bytes: behind, cut: missing as u32 });
    }
    let bytes = behind.get(..captured).unwrap_or(behind);
    Ok(Rest { bytes, cut: missing as u32 })
}

/// Hop-by-hop, routing, destination, mobility and authentication headers (RFC 8200 section 4).
fn extensions<'a>(mut ip: Ip<'a>, limits: &Limits) -> Result<Ip<'a>, Undecoded> {
    for _ in 0..limits.packet_layers_max {
        let len = match (ip.protocol, ip.rest.bytes) {
            (0 | 43 | 60 | 135 | 139 | 140, [_, len, ..]) => (usize::from(*len) + 1) * 8,
            (51, [_, len, ..]) => (usize::from(*len) + 2) * 4,
            (44, _) => return Err(Undecoded::Fragment),
            (0 | 43 | 51 | 60 | 135 | 139 | 140, _) => return Err(ip.rest.short("IPv6 extension")),
            _ => return Ok(ip),
        };
        ip.protocol = ip.rest.bytes.first().copied().unwrap_or(59);
        ip.rest = ip.rest.skip(len).ok_or(ip.rest.short("IPv6 extension"))?;
    }
    Err(Undecoded::LayerLimit)
}
