//! The first bytes of a stream -> is it TLS? Told by a hello; in mid-stream by records that follow
//! each other.

use super::super::{Direction, Opening, Probe};
use super::parse::{
    CLIENT_HELLO, Content, RECORD_HEADER_BYTES, SERVER_HELLO, begins_hello, record_header,
};

/// Bytes of a record's header and of a hello's up to its version.
const HELLO_BYTES: usize = 11;

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let like = [22, 3, 1];
    if bytes.len() < like.len() && like.starts_with(bytes) {
        return Probe::Maybe(HELLO_BYTES);
    }
    let Some(header) = record_header(bytes) else {
        let is_start = matches!(bytes, [20..=23, 3, 0..=4] | [20..=23, 3, 0..=4, _]);
        return if is_start { Probe::Maybe(RECORD_HEADER_BYTES) } else { Probe::No };
    };
    if begins_hello(bytes) {
        return match bytes.get(5) {
            Some(&CLIENT_HELLO) => Probe::Yes(Some(Direction::ToServer)),
            Some(&SERVER_HELLO) => Probe::Yes(Some(Direction::ToClient)),
            _ => Probe::No,
        };
    }
    match header.content {
        Content::Handshake if bytes.len() < HELLO_BYTES => Probe::Maybe(HELLO_BYTES),
        // A server that does not like the hello answers with nothing else.
        Content::Alert if header.length == 2 && bytes.len() == 7 => match bytes.get(5..) {
            Some([1 | 2, _]) => Probe::Yes(None),
            _ => Probe::No,
        },
        _ if opening.sender.is_some() => Probe::No,
        Content::ApplicationData | Content::ChangeCipherSpec => follow(bytes),
        _ => Probe::No,
    }
}

/// A connection joined in the middle: records one behind the other.
fn follow(bytes: &[u8]) -> Probe {
    let mut rest = bytes;
    let mut records = 0;
    while let Some(header) = record_header(rest) {
        records += 1;
        match rest.get(RECORD_HEADER_BYTES + header.length..) {
            Some([]) => return Probe::Yes(None),
            Some(after) => rest = after,
            None if records > 1 => return Probe::Yes(None),
            None => return Probe::Maybe(RECORD_HEADER_BYTES + header.length),
        }
    }
    match rest.len() < RECORD_HEADER_BYTES && records > 1 {
        true => Probe::Yes(None),
        false => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Probe {
        probe(Opening { sender: None, port_hint: false }, bytes)
    }

    #[test]
    fn told_by_content() {
        for (bytes, expected) in [
            (
                &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..],
                Probe::Yes(Some(Direction::ToServer)),
            ),
            (b"\x16\x03\x03\0\x5a\x02\0\0\x56\x03\x03", Probe::Yes(Some(Direction::ToClient))),
            (b"\x16\x03\x01\x02", Probe::Maybe(5)),
            (b"\x16\x03\x01\x02\0\x01", Probe::Maybe(11)),
            (b"\x15\x03\x01\0\x02\x02\x28", Probe::Yes(None)),
            (b"\x17\x03\x03\0\x02ab", Probe::Yes(None)),
            (b"\x17\x03\x03\0\x02ab\x17\x03\x03\0\x02", Probe::Yes(None)),
            (b"\x17\x03\x03\0\x02abcdefgh", Probe::No),
            (b"\x17\x03\x03\0\x09ab", Probe::Maybe(14)),
            (b"\x16\x03\x01\x02\0\x0b\0\x01\xfc\x03\x03", Probe::No),
            (b"\x16\x04\x01\x02\0\x01\0\x01\xfc\x03\x03", Probe::No),
            (b"GET / HTTP/1.1\r\n", Probe::No),
        ] {
            assert_eq!(verdict(bytes), expected, "{bytes:?}");
        }
    }
}
