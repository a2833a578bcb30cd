//! Data of resource records -> text: addresses, target names, texts; for types that say nothing
//! to people, the type and its size.

use std::net::Ipv6Addr;

use super::super::text::text as to_text;
use super::names::record_type;
use super::parse::{Cursor, Record};
use crate::field::{Text, ToCompactString, format_compact};
use crate::limits::Limits;

pub const OPT: u16 = 41;

/// None when the data do not have the shape of their type.
pub fn text(record: &Record, message: &[u8], limits: &Limits) -> Option<Text> {
    let data = message.get(record.start..record.end)?;
    if data.is_empty() {
        return Some(Text::default()); // as in updates (RFC 2136)
    }
    let mut cursor = Cursor { message: message.get(..record.end)?, at: record.start };
    match record.record_type {
        1 => Some(dotted(data.try_into().ok()?)),
        28 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_compact_string()),
        2 | 5 | 6 | 12 | 39 => target(&mut cursor, 0, limits),
        15 | 18 | 36 | 64 | 65 => target(&mut cursor, 2, limits),
        33 => target(&mut cursor, 6, limits),
        16 | 99 => strings(data, limits),
        256 => Some(to_text(data.get(4..)?, limits.field_bytes_max)),
        257 => authority(data, limits),
        other => Some(format_compact!("{} ({} bytes)", record_type(other), data.len())),
    }
}

/// An address of IPv4, which answers are made of: several times as fast as formatting it.
fn dotted(address: [u8; 4]) -> Text {
    let (mut out, mut at) = ([0; 15], 0);
    let mut put = |byte| {
        if let Some(slot) = out.get_mut(at) {
            *slot = byte;
            at += 1;
        }
    };
    for (position, byte) in address.into_iter().enumerate() {
        if position > 0 {
            put(b'.');
        }
        if byte >= 100 {
            put(b'0' + byte / 100);
        }
        if byte >= 10 {
            put(b'0' + byte / 10 % 10);
        }
        put(b'0' + byte % 10);
    }
    let text = out.get(..at).and_then(|digits| std::str::from_utf8(digits).ok());
    text.map_or(Text::default(), Text::from)
}

/// The name that stands after `skipped` bytes of preferences and ports.
fn target(cursor: &mut Cursor<'_>, skipped: usize, limits: &Limits) -> Option<Text> {
    cursor.take(skipped)?;
    cursor.name(limits)
}

/// Character strings, joined: they are pieces of one text (RFC 7208 section 3.3).
fn strings(data: &[u8], limits: &Limits) -> Option<Text> {
    let mut joined = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((&length, after)) = rest.split_first() {
        let (string, after) = after.split_at_checked(usize::from(length))?;
        joined.extend_from_slice(string);
        rest = after;
    }
    Some(to_text(&joined, limits.field_bytes_max))
}

/// `0 issue "ca.example"` (RFC 8659).
fn authority(data: &[u8], limits: &Limits) -> Option<Text> {
    let [flags, length, rest @ ..] = data else { return None };
    let (tag, value) = rest.split_at_checked(usize::from(*length))?;
    let part = |bytes| to_text(bytes, limits.field_bytes_max / 2);
    Some(format_compact!("{flags} {} \"{}\"", part(tag), part(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(record_type: u16, data: &[u8]) -> Option<Text> {
        let message = [b"\x03com\0", data].concat(); // "com" at 0
        let record = Record { record_type, ttl: 0, start: 5, end: message.len() };
        text(&record, &message, &Limits::default())
    }

    #[test]
    fn every_shape() {
        for (record_type, data, expected) in [
            (1, &b"\x0a\0\0\x01"[..], "10.0.0.1"),
            (1, b"\xff\x63\x0a\xc8", "255.99.10.200"),
            (28, b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", "fd00::1"),
            (2, b"\x01a\xc0\0", "a.com"),
            (5, b"\x01b\0", "b"),
            (6, b"\x02ns\0\x01r\0\0\0\0\x01", "ns"), // mname, rname, part of the numbers
            (15, b"\0\x0a\x02mx\xc0\0", "mx.com"),
            (33, b"\0\0\0\0\x18\xeb\x02db\xc0\0", "db.com"), // priority, weight, port 6379
            (16, b"\x02v=\x01x", "v=x"),
            (65, b"\0\x01\0\0\x01\0\x03\x02h2", "."), // itself, alpn=h2
            (256, b"\0\x01\0\x02http://a", "http://a"),
            (257, b"\0\x05issueca.example", "0 issue \"ca.example\""),
            (48, b"0123456789", "DNSKEY (10 bytes)"),
            (46, b"0", "RRSIG (1 bytes)"),
            (1, b"", ""),
        ] {
            assert_eq!(shown(record_type, data).as_deref(), Some(expected));
        }
    }

    #[test]
    fn misshapen() {
        for (record_type, data) in [
            (1, &b"\x0a\0\0"[..]),
            (28, b"\0"),
            (15, b"\0"),
            (16, b"\x05ab"),
            (257, b"\0\x09a"),
            (5, b"\x05a"),
        ] {
            assert_eq!(shown(record_type, data), None, "type {record_type}");
        }
    }
}
