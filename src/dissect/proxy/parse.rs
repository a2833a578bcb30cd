//! Bytes -> a PROXY header (proxy-protocol.txt sections 2.1 and 2.2). Pure functions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::ProxyHeader;
use crate::dissect::text::{lossy, text};
use crate::field::{Text, ToCompactString};

/// The longest line of version 1, with its end.
const LINE_BYTES_MAX: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const HEADER_BYTES: usize = 16;
/// Longest value of an addition that is kept.
const VALUE_BYTES_MAX: usize = 256;

/// What the first bytes are.
#[derive(Debug)]
pub enum Found {
    /// A header and its length.
    Header(Box<ProxyHeader>, usize),
    /// It may become one; so many bytes in all tell more.
    Beginning(usize),
    Other,
}

/// Reads the header at the front of `bytes`.
pub fn header(bytes: &[u8]) -> Found {
    const LINE: &[u8] = b"PROXY ";
    if LINE.starts_with(bytes) || SIGNATURE.starts_with(bytes) {
        return Found::Beginning(bytes.len() + 1);
    }
    if let Some(rest) = bytes.strip_prefix(LINE) {
        return line(rest, bytes);
    }
    match bytes.strip_prefix(SIGNATURE) {
        Some(_) => binary(bytes).unwrap_or(Found::Other),
        None => Found::Other,
    }
}

/// Version 1: `PROXY TCP4 203.0.113.7 10.0.0.5 51234 80`.
fn line(rest: &[u8], bytes: &[u8]) -> Found {
    let Some(end) = rest.windows(2).take(LINE_BYTES_MAX).position(|pair| pair == b"\r\n") else {
        let is_short = bytes.len() < LINE_BYTES_MAX;
        return if is_short { Found::Beginning(bytes.len() + 1) } else { Found::Other };
    };
    let words = lossy(rest.get(..end).unwrap_or_default(), LINE_BYTES_MAX);
    let mut words = words.split(' ');
    let transport = words.next().unwrap_or_default();
    if !["TCP4", "TCP6", "UNKNOWN"].contains(&transport) {
        return Found::Other;
    }
    let mut address = || words.next()?.parse::<IpAddr>().ok();
    let (client, server) = (address(), address());
    let mut port = || words.next()?.parse::<u16>().ok();
    let ports = (port(), port());
    let row = ProxyHeader {
        proxy_version: 1,
        proxy_command: Text::const_new("PROXY"),
        proxy_transport: Text::from(transport),
        ..ended(client.zip(ports.0), server.zip(ports.1))
    };
    if transport != "UNKNOWN" && row.proxy_server_port == 0 {
        return Found::Other;
    }
    Found::Header(Box::new(row), bytes.len() - rest.len() + end + 2)
}

/// A row with the ends of the connection.
fn ended(client: Option<(IpAddr, u16)>, server: Option<(IpAddr, u16)>) -> ProxyHeader {
    let ip =
        |end: Option<(IpAddr, u16)>| end.map_or(Text::default(), |(ip, _)| ip.to_compact_string());
    let port = |end: Option<(IpAddr, u16)>| end.map_or(0, |(_, port)| i64::from(port));
    ProxyHeader {
        proxy_client_ip: ip(client),
        proxy_client_port: port(client),
        proxy_server_ip: ip(server),
        proxy_server_port: port(server),
        ..ProxyHeader::default()
    }
}

/// Version 2: signature, command, family, length, addresses, additions.
fn binary(bytes: &[u8]) -> Option<Found> {
    let Some((head, rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Some(Found::Beginning(HEADER_BYTES));
    };
    let &[.., command, family, high, low] = head else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let command = match command {
        0x20 => "LOCAL",
        0x21 => "PROXY",
        _ => return None,
    };
    let Some(content) = rest.get(..length) else {
        return Some(Found::Beginning(HEADER_BYTES + length));
    };
    let (transport, addresses) = match family {
        0x11 => ("TCP4", 12),
        0x12 => ("UDP4", 12),
        0x21 => ("TCP6", 36),
        0x22 => ("UDP6", 36),
        0x31 | 0x32 => ("UNIX", 216),
        _ => ("UNKNOWN", 0),
    };
    let (addresses, additions) = content.split_at_checked(addresses).unwrap_or((&[], &[]));
    let (client, server) = ends(addresses).unzip();
    let mut row = ProxyHeader {
        proxy_version: 2,
        proxy_command: Text::const_new(command),
        proxy_transport: Text::const_new(transport),
        ..ended(client, server)
    };
    each_addition(additions, |kind, value| addition(&mut row, kind, value));
    Some(Found::Header(Box::new(row), HEADER_BYTES + length))
}

/// Addresses and ports of client and server.
fn ends(bytes: &[u8]) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let ip = |bytes: &[u8]| -> Option<IpAddr> {
        match *bytes {
            [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
            _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
        }
    };
    let (addresses, ports) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    let (client, server) = addresses.split_at_checked(addresses.len() / 2)?;
    let &[a, b, c, d] = ports else { return None };
    Some(((ip(client)?, u16::from_be_bytes([a, b])), (ip(server)?, u16::from_be_bytes([c, d]))))
}

fn each_addition(mut bytes: &[u8], mut each: impl FnMut(u8, &[u8])) {
    while let Some((&[kind, high, low], rest)) = bytes.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, after)) = rest.split_at_checked(length) else { return };
        each(kind, value);
        bytes = after;
    }
}

fn addition(row: &mut ProxyHeader, kind: u8, value: &[u8]) {
    match kind {
        0x01 => row.proxy_alpn = text(value, VALUE_BYTES_MAX),
        0x02 => row.proxy_authority = text(value, VALUE_BYTES_MAX),
        // TLS: flags and the verdict on the certificate, then additions of its own.
        0x20 => each_addition(value.get(5..).unwrap_or_default(), |kind, value| match kind {
            0x21 => row.proxy_tls_version = text(value, VALUE_BYTES_MAX),
            0x22 => row.proxy_client_subject = text(value, VALUE_BYTES_MAX),
            _ => {}
        }),
        _ => {}
    }
}
