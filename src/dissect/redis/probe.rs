//! The first bytes of a stream -> is it RESP, and who sent them? Also finds values again after a
//! loss.

use memchr::memchr;

use super::super::{Direction, Opening, Probe};
use super::command::is_verb;
use super::parse::Role;

/// Error kinds that no other protocol's error lines begin with.
const ERRORS: &[&[u8]] = &[
    b"ERR",
    b"OOM",
    b"WRONGTYPE",
    b"MOVED",
    b"ASK",
    b"NOAUTH",
    b"WRONGPASS",
    b"READONLY",
    b"LOADING",
    b"BUSY",
    b"CLUSTERDOWN",
    b"CROSSSLOT",
    b"MISCONF",
    b"NOSCRIPT",
    b"EXECABORT",
    b"TRYAGAIN",
    b"NOPERM",
    b"NOPROTO",
    b"BUSYGROUP",
    b"NOGROUP",
    b"BUSYKEY",
    b"MASTERDOWN",
    b"NOREPLICAS",
    b"DENIED",
    b"NOTBUSY",
    b"UNBLOCKED",
];

/// Longest first line that tells a value.
const LINE_BYTES_MAX: usize = 24;

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match bytes.first() {
        None => Probe::Maybe(4),
        Some(b'*') => array(opening.sender, bytes),
        Some(b'$' | b':' | b'+' | b'-' | b'%' | b'~' | b'>') => match reply(bytes) {
            Some(true) => Probe::Yes(Some(Direction::ToClient)),
            Some(false) => Probe::No,
            None => Probe::Maybe(bytes.len() + 1),
        },
        Some(_) if opening.port_hint => inline(bytes),
        Some(_) => Probe::No,
    }
}

/// Whether a packet begins with a value of this role, as far as bytes can tell.
pub fn begins(role: Role, bytes: &[u8]) -> bool {
    match (role, bytes.first()) {
        (_, Some(b'*')) => matches!(array(None, bytes), Probe::Yes(_)),
        (Role::Reply, Some(_)) => reply(bytes) == Some(true),
        _ => false,
    }
}

/// Whether bytes begin a command for sure: a list of strings, the first a known verb.
pub fn is_command(bytes: &[u8]) -> bool {
    array(None, bytes) == Probe::Yes(Some(Direction::ToServer))
}

/// `*2\r\n$3\r\nGET`: a command when its first word is a verb, else a list in a reply.
fn array(sender: Option<Direction>, bytes: &[u8]) -> Probe {
    let more = Probe::Maybe(bytes.len() + 1);
    let Some((b'*', count, rest)) = line(bytes) else { return undecided(bytes) };
    if !is_count(count) {
        return Probe::No;
    }
    match rest.first() {
        None if count == b"0" || count == b"-1" => return Probe::Yes(sender),
        None => return more,
        Some(b'$') => {}
        Some(b'*' | b':' | b'+' | b'-' | b'%' | b'_') => {
            return Probe::Yes(Some(Direction::ToClient));
        }
        Some(_) => return Probe::No,
    }
    let Some((b'$', length, word)) = line(rest) else { return undecided(rest).at_least(more) };
    if !is_count(length) {
        return Probe::No;
    }
    let length: usize = std::str::from_utf8(length).ok().and_then(|l| l.parse().ok()).unwrap_or(0);
    match word.get(..length) {
        _ if sender.is_some() || length > LINE_BYTES_MAX => Probe::Yes(sender),
        None => more,
        Some(word) if is_verb(word) => Probe::Yes(Some(Direction::ToServer)),
        Some(_) => Probe::Yes(None),
    }
}

/// Whether bytes begin a reply that is no list; None while more are needed.
fn reply(bytes: &[u8]) -> Option<bool> {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        let word = rest.split(|byte| !byte.is_ascii_uppercase()).next().unwrap_or_default();
        if word.len() == rest.len() {
            return if word.len() < LINE_BYTES_MAX { None } else { Some(false) };
        }
        // NATS writes `-ERR 'reason'`.
        let is_quoted = rest.get(word.len() + 1) == Some(&b'\'');
        return Some(ERRORS.contains(&word) && rest.get(word.len()) == Some(&b' ') && !is_quoted);
    }
    let Some((kind, content, rest)) = line(bytes) else {
        return if undecided(bytes) == Probe::No { Some(false) } else { None };
    };
    Some(match kind {
        b'$' | b':' | b'%' | b'~' => is_count(content),
        b'>' => is_count(content) && rest.first().is_none_or(|byte| b"$+".contains(byte)),
        b'+' => matches!(content, b"OK" | b"PONG" | b"QUEUED"),
        _ => false,
    })
}

/// `PING\r\n`: only where Redis is expected.
fn inline(bytes: &[u8]) -> Probe {
    let word = bytes.split(|byte| b" \r\n".contains(byte)).next().unwrap_or_default();
    match word.len() < bytes.len() {
        true if is_verb(word) => Probe::Yes(Some(Direction::ToServer)),
        false if word.len() < 12 && word.iter().all(u8::is_ascii_alphabetic) => {
            Probe::Maybe(bytes.len() + 1)
        }
        _ => Probe::No,
    }
}

/// Type, content and what follows the first line.
fn line(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr(b'\n', bytes)? + 1)?;
    let (kind, content) = line.strip_suffix(b"\r\n")?.split_first()?;
    Some((*kind, content, rest))
}

/// Bytes without a line: whether the rest of one may follow.
fn undecided(bytes: &[u8]) -> Probe {
    let content = bytes.get(1..).unwrap_or_default();
    let digits = content.strip_suffix(b"\r").unwrap_or(content);
    let is_word = bytes.first() == Some(&b'+') && digits.iter().all(u8::is_ascii_uppercase);
    let may_follow = is_word || digits.is_empty() || is_count(digits) || digits == b"-";
    match may_follow && bytes.len() < LINE_BYTES_MAX {
        true => Probe::Maybe(bytes.len() + 1),
        false => Probe::No,
    }
}

/// A number as RESP writes it.
fn is_count(digits: &[u8]) -> bool {
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit)
}

impl Probe {
    /// `more` in place of "need more", which was counted from within.
    fn at_least(self, more: Probe) -> Probe {
        if self == Probe::No { self } else { more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (command, reply) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, hinted, expected) in [
            ("*1\r\n$4\r\nPING\r\n", false, command),
            ("*2\r\n$3\r\nget\r\n$1", false, command),
            ("*2\r\n$5\r\nhello\r\n", false, command),
            ("*2\r\n$3\r\nfoo\r\n", false, Probe::Yes(None)),
            ("*2\r\n:1\r\n", false, reply),
            ("*2\r\n$3\r\nge", false, Probe::Maybe(11)),
            ("*", false, Probe::Maybe(2)),
            ("*12", false, Probe::Maybe(4)),
            ("*1x", false, Probe::No),
            ("*1\r\nGET", false, Probe::No),
            ("$5\r\nhello", false, reply),
            ("$-1\r\n", false, reply),
            (":12\r\n", false, reply),
            ("+OK\r\n", false, reply),
            ("+OK", false, Probe::Maybe(4)),
            ("+OK POP3 ready\r\n", false, Probe::No),
            ("-ERR unknown command", false, reply),
            ("-WRONGTYPE Operation", false, reply),
            ("-ERR 'Unknown Protocol Operation'\r\n", false, Probe::No),
            ("-ER", false, Probe::Maybe(4)),
            ("-err x", false, Probe::No),
            (">3\r\n$7\r\nmessage\r\n", false, reply),
            ("PING\r\n", false, Probe::No),
            ("PING\r\n", true, command),
            ("PI", true, Probe::Maybe(3)),
            ("get foo\r\n", true, command),
            ("EHLO x\r\n", true, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes.as_bytes()), expected, "{bytes:?}");
        }
        let opening = Opening { sender: Some(Direction::ToClient), port_hint: false };
        assert_eq!(probe(opening, b"*1\r\n$3\r\nGET\r\n"), reply, "a list that a server sends");
    }

    #[test]
    fn values_are_found_again() {
        assert!(begins(Role::Command, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"));
        assert!(!begins(Role::Command, b"$3\r\nGET\r\n"));
        assert!(begins(Role::Reply, b"$3\r\nabc\r\n"));
        assert!(!begins(Role::Reply, b"c\r\n"));
    }
}
