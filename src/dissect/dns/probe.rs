//! The first bytes of a stream or a datagram -> is it DNS? On port 53 a sound header with its
//! question is enough; elsewhere everything must add up, since twelve bytes of numbers fit much.
//! The formats that share DNS's shape are left out: NetBIOS names, mDNS and LLMNR.

use super::super::{Direction, Opening, Probe};
use super::names::is_opcode;
use super::parse::{Cursor, HEADER_BYTES, Header, Parsed, parse};
use crate::limits::Limits;

/// Questions that a message may have to be taken for one.
const QUESTIONS_MAX: u16 = 16;

/// A datagram is a message, a stream begins with a message's length: whichever fits.
pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match message(bytes, bytes.len(), opening.port_hint) {
        Probe::Yes(way) => Probe::Yes(way),
        _ => stream(bytes, opening.port_hint),
    }
}

/// Whether a stream's bytes begin with a message behind its length.
pub fn stream(bytes: &[u8], port_hint: bool) -> Probe {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Probe::Maybe(2) };
    let length = usize::from(u16::from_be_bytes(*length));
    match message(rest.get(..length).unwrap_or(rest), length, port_hint) {
        Probe::Maybe(more) => Probe::Maybe(2 + more),
        verdict => verdict,
    }
}

/// `bytes` are the first ones of what would be a message of `length` bytes.
fn message(bytes: &[u8], length: usize, port_hint: bool) -> Probe {
    let limits = Limits::default();
    if length <= HEADER_BYTES {
        return Probe::No;
    }
    let Some(header) = Header::read(bytes) else { return Probe::Maybe(HEADER_BYTES) };
    if !is_sound(header, length, port_hint) {
        return Probe::No;
    }
    let is_whole = bytes.len() >= length;
    let way = if header.is_response() { Direction::ToClient } else { Direction::ToServer };
    match parse(bytes, &limits) {
        Some(parsed) if port_hint || is_strict(&parsed, is_whole, length) => Probe::Yes(Some(way)),
        None if !is_whole && may_be_question(bytes) => Probe::Maybe(bytes.len() + 1),
        _ => Probe::No,
    }
}

fn is_sound(header: Header, length: usize, port_hint: bool) -> bool {
    let [questions, answers, ..] = header.counts;
    let records: usize = header.counts.iter().map(|&count| usize::from(count)).sum();
    let asks = questions > 0 || (header.opcode() == 1 && answers > 0);
    let is_sound = is_opcode(header.opcode())
        && questions <= QUESTIONS_MAX
        && (header.is_response() || header.rcode() == 0)
        && (asks || (header.is_response() && port_hint));
    // A record takes at least eleven bytes, a question five.
    let fits = port_hint || records * 5 + HEADER_BYTES <= length;
    let recursion = header.wants_recursion() || header.offers_recursion();
    let is_usual = recursion || header.is_authoritative();
    is_sound && fits && (port_hint || (header.id != 0 && !header.reserved() && is_usual))
}

/// Whether all counts and lengths add up, as far as the bytes are there.
fn is_strict(parsed: &Parsed, is_whole: bool, length: usize) -> bool {
    let is_query = parsed.questions.iter().all(|question| {
        matches!(question.class, 1 | 3 | 4 | 254 | 255)
            && question.record_type > 0
            && !is_netbios(&question.name)
            && question.name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    });
    let adds_up = match is_whole {
        true => parsed.flaw.is_none() && parsed.bytes == length,
        false => true,
    };
    is_query && adds_up && parsed.questions.len() == 1
}

/// A NetBIOS name: 32 letters from a to p, two for each byte (RFC 1001 section 14.1).
fn is_netbios(name: &str) -> bool {
    let label = name.split('.').next().unwrap_or_default();
    label.len() == 32 && label.bytes().all(|byte| (b'a'..=b'p').contains(&byte))
}

/// Whether the first question's labels are there in part and sound so far.
fn may_be_question(bytes: &[u8]) -> bool {
    let mut cursor = Cursor { message: bytes, at: HEADER_BYTES };
    loop {
        match cursor.u8() {
            None | Some(0) => return true,
            Some(length @ 1..64) => {
                let Some(label) = cursor.take(usize::from(length)) else { return true };
                if !label.iter().all(u8::is_ascii_graphic) {
                    return false;
                }
            }
            Some(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x03com\0\0\x01\0\x01";

    fn verdict(bytes: &[u8], port_hint: bool) -> Probe {
        probe(Opening { sender: None, port_hint }, bytes)
    }

    fn changed(at: usize, with: &[u8]) -> Vec<u8> {
        let mut bytes = QUERY.to_vec();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    }

    #[test]
    fn messages() {
        let query = Probe::Yes(Some(Direction::ToServer));
        assert_eq!(verdict(QUERY, false), query);
        assert_eq!(verdict(&[&[0, QUERY.len() as u8], QUERY].concat(), false), query);
        assert_eq!(verdict(&changed(2, b"\x81\x83"), false), Probe::Yes(Some(Direction::ToClient)));
        let cut = verdict(&[&[0, QUERY.len() as u8], &QUERY[..16]].concat(), false);
        assert_eq!(cut, Probe::Maybe(19));
    }

    #[test]
    fn what_only_looks_like_dns() {
        let netbios = [&QUERY[..12], b"\x20", &[b'C'; 32], b"\0\0\x20\0\x01"].concat();
        for (bytes, why) in [
            (netbios, "NetBIOS"),
            (changed(0, b"\0\0"), "mDNS"),
            (changed(2, b"\0\0"), "LLMNR"),
            (changed(4, b"\0\x09"), "counts"),
            (changed(2, b"\x19\0"), "opcode"),
            ([QUERY, b"x"].concat(), "trailing bytes"),
            (QUERY[..QUERY.len() - 1].to_vec(), "cut"),
        ] {
            assert_eq!(verdict(&bytes, false), Probe::No, "{why}");
        }
        assert!(matches!(verdict(&changed(0, b"\0\0"), true), Probe::Yes(_)), "on port 53");
        assert!(matches!(verdict(&[QUERY, b"x"].concat(), true), Probe::Yes(_)), "on port 53");
    }

    #[test]
    fn noise_is_not_dns() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            let noise: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            assert!(!matches!(verdict(&noise, false), Probe::Yes(_)));
        }
    }
}
