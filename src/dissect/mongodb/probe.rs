//! Whether bytes are MongoDB's: a length, an opcode that exists, and a content that begins as the
//! opcode demands. Any message tells, so that connections without their beginning are known too.

use super::super::framer::{Begins, Head};
use super::super::{Direction, Opening, Probe};
use super::bson::length;
use super::parse::{self, HEADER_BYTES};

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match begins(bytes) {
        Begins::No => Probe::No,
        Begins::More => Probe::Maybe(bytes.len().max(HEADER_BYTES + 4) + 1),
        Begins::Yes => {
            let answers = parse::header(bytes).is_some_and(|header| is_response(&header));
            let way = if answers { Direction::ToClient } else { Direction::ToServer };
            Probe::Yes(Some(opening.sender.unwrap_or(way)))
        }
    }
}

/// Whether a message answers another.
pub fn is_response(header: &parse::Header) -> bool {
    header.answers != 0 || header.opcode == parse::REPLY
}

pub fn begins(bytes: &[u8]) -> Begins {
    match parse::head(bytes) {
        Head::Bad => return Begins::No,
        // Few protocols begin with a small number whose low byte comes first.
        Head::More => {
            let is_small = bytes.get(3).is_none_or(|byte| *byte <= 2);
            return if is_small && bytes.len() < HEADER_BYTES { Begins::More } else { Begins::No };
        }
        Head::Frame(_) => {}
    }
    let (Some(header), Some(content)) = (parse::header(bytes), bytes.get(HEADER_BYTES..)) else {
        return Begins::No;
    };
    let is = |truth: bool| if truth { Begins::Yes } else { Begins::No };
    let Some(flags) = content.first_chunk::<4>().map(|flags| u32::from_le_bytes(*flags)) else {
        return Begins::More;
    };
    match (header.opcode, content.get(4..).unwrap_or_default()) {
        (parse::MSG, []) => Begins::More,
        (parse::MSG, [kind, ..]) => is(flags & !0x1_0003 == 0 && *kind < 2),
        (parse::REPLY, _) if flags >= 16 || header.answers == 0 => Begins::No,
        (parse::REPLY, _) => reply(bytes, content),
        (parse::COMPRESSED, _) => is(matches!(flags, 1 | 2004 | 2010..=2013)),
        (parse::QUERY | parse::INSERT, name) => is(flags < 256 && is_namespace(name)),
        (_, name) => is(flags == 0 && is_namespace(name)),
    }
}

/// An older answer holds as many documents as it says.
fn reply(bytes: &[u8], content: &[u8]) -> Begins {
    let total = length(bytes).unwrap_or(0);
    let returned = content.get(16..).and_then(length);
    match (returned, content.get(20..).and_then(length)) {
        (Some(0), _) if total == HEADER_BYTES + 20 => Begins::Yes,
        (Some(1..), Some(document @ 5..)) if document + HEADER_BYTES + 20 <= total => Begins::Yes,
        _ if content.len() < 24.min(total.saturating_sub(HEADER_BYTES)) => Begins::More,
        _ => Begins::No,
    }
}

/// Whether text with a dot in it stands here, as far as it is there.
fn is_namespace(bytes: &[u8]) -> bool {
    let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let is_whole = name.len() < bytes.len();
    (!is_whole || name.contains(&b'.'))
        && name.iter().all(|byte| *byte >= 0x20)
        && length(bytes) != Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (request, response) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, expected) in [
            (&b"\x28\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0"[..], request),
            (b"\x28\0\0\0\x01\0\0\0\x07\0\0\0\xdd\x07\0\0\0\0\0\0\0", response),
            (b"\x28\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\xff\0\0\0\0", Probe::No),
            (b"\x28\0\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0\0\0\0\0a.b\0", request),
            (b"\x24\0\0\0\x01\0\0\0\x07\0\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", response),
            (b"\x28\0\0\0\x01\0\0\0\x07\0\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Probe::Maybe(37)),
            (b"\x28\0\0\0\x01", Probe::Maybe(21)),
            (b"GET / HTTP/1.1\r\n", Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: false };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
