//! Whether bytes are Memcached's. Commands and replies have words of their own; those that other
//! protocols have too are believed only on its port.

use super::super::framer::{Begins, Head};
use super::super::{Direction, Opening, Probe};
use super::parse::{self, words};

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match begins(bytes, opening.port_hint) {
        Begins::No => Probe::No,
        Begins::More => Probe::Maybe(bytes.len() + 1),
        Begins::Yes => {
            let way = if is_reply(bytes) { Direction::ToClient } else { Direction::ToServer };
            Probe::Yes(Some(opening.sender.unwrap_or(way)))
        }
    }
}

/// Whether the server sent what begins here.
fn is_reply(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(0x80 | 0x81) => bytes.first() == Some(&0x81),
        _ => parse::is_reply(parse::line(bytes).unwrap_or(bytes)),
    }
}

pub fn begins(bytes: &[u8], hinted: bool) -> Begins {
    if matches!(bytes.first(), Some(0x80 | 0x81)) {
        return match parse::head(bytes) {
            Head::Frame(_) => Begins::Yes,
            Head::More => Begins::More,
            Head::Bad => Begins::No,
        };
    }
    let Some(line) = parse::line(bytes) else { return unfinished(bytes) };
    let is_ended = bytes.get(line.len()) == Some(&b'\r');
    let count = words(line).count();
    let first = words(line).next().unwrap_or_default();
    let is_number =
        |at| words(line).nth(at).is_some_and(|word| word.iter().all(u8::is_ascii_digit));
    let is_known = match first {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => {
            (5..=6).contains(&count) && is_number(2) && is_number(4)
        }
        b"cas" => (6..=7).contains(&count) && is_number(4),
        b"VALUE" => (4..=5).contains(&count) && is_number(2) && is_number(3),
        b"STAT" => count >= 3,
        b"STORED" | b"NOT_STORED" | b"DELETED" | b"TOUCHED" => count == 1,
        b"CLIENT_ERROR" | b"SERVER_ERROR" => count > 1,
        b"incr" | b"decr" | b"touch" | b"gat" | b"gats" => {
            count >= 3 && is_number(if first.starts_with(b"gat") { 1 } else { 2 })
        }
        b"get" | b"gets" | b"mg" => count >= 2,
        b"delete" | b"md" | b"ma" => (2..=4).contains(&count),
        b"ms" => count >= 3 && is_number(2),
        b"stats" | b"version" | b"flush_all" | b"verbosity" | b"quit" | b"mn" | b"me" => hinted,
        b"END" | b"ERROR" | b"OK" | b"HD" | b"EN" | b"NF" | b"NS" | b"EX" | b"MN"
        | b"NOT_FOUND" | b"EXISTS" | b"VERSION" => hinted,
        b"VA" => hinted && is_number(1),
        _ => false,
    };
    if is_known && is_ended && line.iter().all(|byte| *byte >= 0x20) {
        Begins::Yes
    } else {
        Begins::No
    }
}

/// A line without its end: whether it may become one of those above.
fn unfinished(bytes: &[u8]) -> Begins {
    const WORDS: &[&str] = &[
        "set ",
        "add ",
        "replace ",
        "append ",
        "prepend ",
        "cas ",
        "VALUE ",
        "STAT ",
        "STORED\r",
        "NOT_STORED\r",
        "DELETED\r",
        "TOUCHED\r",
        "CLIENT_ERROR ",
        "SERVER_ERROR ",
        "incr ",
        "decr ",
        "touch ",
        "gat ",
        "gats ",
        "get ",
        "gets ",
        "mg ",
        "delete ",
        "md ",
        "ma ",
        "ms ",
        "stats",
        "version\r",
        "flush_all",
        "verbosity ",
        "quit\r",
        "mn\r",
        "END\r",
        "ERROR\r",
    ];
    let fits = |word: &&str| {
        let length = word.len().min(bytes.len());
        word.as_bytes().get(..length) == bytes.get(..length)
    };
    let is_text = bytes.iter().all(|byte| *byte >= 0x20 || *byte == b'\r');
    if is_text && WORDS.iter().any(fits) { Begins::More } else { Begins::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (command, reply) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, hinted, expected) in [
            (&b"set k 0 0 3\r\nabc\r\n"[..], false, command),
            (b"get k\r\n", false, command),
            (b"get k", false, Probe::Maybe(6)),
            (b"VALUE k 0 3\r\nabc\r\nEND\r\n", false, reply),
            (b"END\r\n", false, Probe::No),
            (b"END\r\n", true, reply),
            (b"quit\r\n", false, Probe::No),
            (b"GET / HTTP/1.1\r\n", true, Probe::No),
            (b"\x81\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, reply),
            (b"\x80\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
