//! Whether bytes are AMQP's: the protocol's name, or frames of known methods with the byte that
//! ends them in its place.

use super::super::framer::{Begins, Head};
use super::super::{Direction, Opening, Probe};
use super::parse::{self, head};

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match begins(bytes) {
        Begins::No => Probe::No,
        Begins::More => Probe::Maybe(bytes.len() + 1),
        Begins::Yes => Probe::Yes(opening.sender.or(way(bytes))),
    }
}

/// Where what only one side sends goes.
fn way(bytes: &[u8]) -> Option<Direction> {
    if parse::protocol(bytes).is_some() {
        return Some(Direction::ToServer);
    }
    if bytes.first() != Some(&parse::METHOD) {
        return None;
    }
    match parse::id(bytes)? {
        (10, 10 | 20 | 30 | 41) | (20, 11) | (60, 50 | 60 | 71 | 72) => Some(Direction::ToClient),
        (40 | 50 | 85 | 90, method) if method % 10 == 1 => Some(Direction::ToClient),
        (60, 11 | 21 | 31 | 111) => Some(Direction::ToClient),
        (10, 11 | 21 | 31 | 40) | (20, 10) | (40 | 50 | 85 | 90, _) => Some(Direction::ToServer),
        (60, 10 | 20 | 40 | 70 | 90 | 100 | 110) => Some(Direction::ToServer),
        _ => None,
    }
}

/// Whether a frame begins here.
pub fn begins(bytes: &[u8]) -> Begins {
    let total = match head(bytes) {
        Head::Frame(total) => total,
        // A single byte of 1, 2 or 3 begins much else: more than a header has to come.
        Head::More => {
            return if bytes.len() < parse::HEADER_BYTES { Begins::More } else { Begins::No };
        }
        Head::Bad => return Begins::No,
    };
    if parse::protocol(bytes).is_some() {
        return Begins::Yes;
    }
    let is_whole = total <= bytes.len() as u64;
    match bytes.len() < parse::HEADER_BYTES + 4 && !is_whole {
        true => Begins::More,
        false if !parse::is_formed(bytes) => Begins::No,
        // A body says nothing by itself, nor does a method whose end is not in sight.
        false if !is_whole && bytes.first() == Some(&parse::BODY) => Begins::No,
        false => Begins::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (client, server) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, expected) in [
            (&b"AMQP\0\0\x09\x01"[..], client),
            (b"AMQP\0\x01\0\0", client),
            (b"\x01\0\x01\0\0\0\x10\0\x3c\0\x28\0\0\x02ex\x04key1\0\0\xce", client),
            (b"\x01\0\x01\0\0\0\x04\0\x3c\0\x0b\xce", server),
            (b"\x01\0\x01\0\0\0\x04\0\x3c\0\x0b\xcd", Probe::No),
            (b"\x01\0\x01\0\0\0\x04\0\x3d\0\x0b\xce", Probe::No),
            (b"\x08\0\0\0\0\0\0\xce", Probe::Yes(None)),
            (b"\x01\0\x01", Probe::Maybe(4)),
            (b"\x05\0\x01", Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: false };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
