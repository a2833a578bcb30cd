//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers -> addresses, protocol and payload; a piece of a
//! datagram where it was fragmented.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::fragment::Piece;
use super::walk::{Found, Next, Step, Walk};
use super::{Layers, Rest, Undecoded};

/// Who an IP packet is from and to, and what its payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ip {
    pub source: u128,
    pub target: u128,
    pub protocol: u8,
    /// Identification of an IPv4 packet; 0 in IPv6.
    pub id: u16,
}

/// Takes an IP header off. Where the link names a version, the header must agree.
#[inline(always)]
pub(super) fn peel<'a>(
    named: Option<u8>,
    rest: Rest<'a>,
    walk: &mut Walk<'a>,
) -> Result<Step<'a>, Undecoded> {
    let version = rest.bytes.first().map(|byte| byte >> 4);
    match version.filter(|_| named.is_none() || named == version) {
        Some(4) => {
            walk.layers.add(Layers::IPV4);
            ipv4(rest, &mut walk.ip)
        }
        Some(6) => {
            walk.layers.add(Layers::IPV6);
            ipv6(rest, &mut walk.ip)
        }
        _ => Err(rest.short("IP header")),
    }
}

#[inline]
fn mapped(address: [u8; 4]) -> u128 {
    0xffff_0000_0000 | u128::from(u32::from_be_bytes(address))
}

#[inline(always)]
fn ipv4<'a>(rest: Rest<'a>, ip: &mut Ip) -> Result<Step<'a>, Undecoded> {
    let header = Ipv4HeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("IPv4 header"))?;
    let header_len = header.slice().len();
    // A zero length is a segment that the network card is still to cut (TSO, GSO).
    let len = match usize::from(header.total_len()) {
        0 => rest.wire_len().saturating_sub(header_len),
        total => total.checked_sub(header_len).ok_or(Undecoded::Malformed("IPv4 length"))?,
    };
    *ip = Ip {
        source: mapped(header.source()),
        target: mapped(header.destination()),
        protocol: header.protocol().0,
        id: header.identification(),
    };
    let payload = bounded(rest.behind(header_len, "IPv4 header")?, len);
    if !header.is_fragmenting_payload() {
        return Ok(Step::On(Next::Upper, payload));
    }
    let piece = Piece {
        id: u32::from(header.identification()),
        group: ip.protocol,
        offset: u32::from(header.fragments_offset().value()) * 8,
        more: header.more_fragments(),
    };
    fragment(piece, payload)
}

#[inline]
fn ipv6<'a>(rest: Rest<'a>, ip: &mut Ip) -> Result<Step<'a>, Undecoded> {
    let header = Ipv6HeaderSlice::from_slice(rest.bytes).map_err(|_| rest.short("IPv6 header"))?;
    let behind = rest.behind(40, "IPv6 header")?;
    let len = match usize::from(header.payload_length()) {
        0 => behind.wire_len(), // a jumbogram, or a segment still to be cut
        len => len,
    };
    *ip = Ip {
        source: u128::from_be_bytes(header.source()),
        target: u128::from_be_bytes(header.destination()),
        protocol: header.next_header().0,
        id: 0,
    };
    Ok(Step::On(Next::Upper, bounded(behind, len)))
}

/// The `len` bytes of a payload: without the link's padding, and with what is missing. A length
/// that claims more than the frame held leaves what is there.
#[inline]
fn bounded(behind: Rest, len: usize) -> Rest {
    let bytes = behind.bytes.get(..len).unwrap_or(behind.bytes);
    Rest { bytes, cut: (len - bytes.len()) as u32 }
}

/// A hop-by-hop, routing, destination, mobility, HIP or shim header (RFC 8200 section 4).
pub(super) fn extension<'a>(ip: &mut Ip, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
    let [protocol, len] = *rest.head::<2>("IPv6 extension")?;
    let behind = rest.behind((usize::from(len) + 1) * 8, "IPv6 extension")?;
    ip.protocol = protocol;
    Ok(Step::On(Next::Upper, behind))
}

/// An authentication header (RFC 4302): what it protects stays readable.
pub(super) fn authentication<'a>(ip: &mut Ip, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
    let [protocol, len] = *rest.head::<2>("authentication header")?;
    let behind = rest.behind((usize::from(len) + 2) * 4, "authentication header")?;
    ip.protocol = protocol;
    Ok(Step::On(Next::Upper, behind))
}

/// An IPv6 fragment header: next header, reserved, offset with flag, identification.
pub(super) fn fragment_header<'a>(ip: &mut Ip, rest: Rest<'a>) -> Result<Step<'a>, Undecoded> {
    let [protocol, _, o0, o1, id @ ..] = *rest.head::<8>("IPv6 fragment header")?;
    let field = u16::from_be_bytes([o0, o1]);
    let piece = Piece {
        id: u32::from_be_bytes(id),
        group: ip.protocol,
        offset: u32::from(field & 0xfff8),
        more: field & 1 == 1,
    };
    ip.protocol = protocol;
    let behind = rest.behind(8, "IPv6 fragment header")?;
    // An atomic fragment (RFC 6946) is the whole datagram.
    if piece.offset == 0 && !piece.more {
        return Ok(Step::On(Next::Upper, behind));
    }
    fragment(piece, behind)
}

/// A fragment that was captured whole waits for the others; of one that was cut, the first
/// says at least who talks to whom.
fn fragment<'a>(piece: Piece, payload: Rest<'a>) -> Result<Step<'a>, Undecoded> {
    match (payload.cut, piece.offset) {
        (0, _) if payload.bytes.is_empty() => Err(Undecoded::Malformed("fragment without bytes")),
        (0, _) => Ok(Step::End(Found::Piece(piece, payload.bytes))),
        (_, 0) => Ok(Step::On(Next::Upper, payload)),
        _ => Err(Undecoded::Cut("IP fragment")),
    }
}
