//! Whether bytes are MySQL's. A greeting tells for sure; of connections that began before the
//! capture, commands with SQL and answers that are whole do.

use super::super::framer::Begins;
use super::super::{Direction, Opening, Probe};
use super::parse::{self, HEADER_BYTES};

/// Words that begin statements, in lower case.
const VERBS: &[&str] = &[
    "alter",
    "analyze",
    "begin",
    "call",
    "commit",
    "create",
    "delete",
    "deallocate",
    "describe",
    "do",
    "drop",
    "execute",
    "explain",
    "flush",
    "grant",
    "insert",
    "kill",
    "load",
    "lock",
    "optimize",
    "prepare",
    "replace",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "start",
    "truncate",
    "unlock",
    "update",
    "use",
    "with",
    "xa",
];

pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let way = |way| Probe::Yes(Some(opening.sender.unwrap_or(way)));
    let verdicts = [
        (client(bytes, opening.port_hint), Direction::ToServer),
        (server(bytes, opening.port_hint), Direction::ToClient),
    ];
    for (verdict, direction) in verdicts {
        if verdict == Begins::Yes {
            return way(direction);
        }
    }
    match verdicts.iter().any(|(verdict, _)| *verdict == Begins::More) {
        true => Probe::Maybe(bytes.len() + 1),
        false => Probe::No,
    }
}

/// Whether a packet begins with a command; `hinted` where MySQL is expected.
pub fn client(bytes: &[u8], hinted: bool) -> Begins {
    let [a, b, c, sequence, rest @ ..] = bytes else { return short(bytes) };
    let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
    if *sequence == 1 {
        return login(rest, length);
    }
    if *sequence != 0 || length == 0 {
        return Begins::No;
    }
    let Some((&command, content)) = rest.split_first() else { return Begins::More };
    let is_whole = rest.len() == length;
    let is_text = |content: &[u8]| verb(content);
    match command {
        0x03 | 0x16 if is_whole || rest.len() < length => match is_text(content) {
            Begins::Yes if !is_whole && content.len() < 16 => Begins::More,
            verdict => verdict,
        },
        // One iteration, always.
        0x17 if length >= 10 => match content.get(4..9) {
            Some([flags, 1, 0, 0, 0]) if *flags < 16 => Begins::Yes,
            Some(_) => Begins::No,
            None => Begins::More,
        },
        0x01 | 0x0e | 0x09 | 0x1f if hinted && length == 1 && is_whole => Begins::Yes,
        0x19 | 0x1a if hinted && length == 5 && rest.len() >= 5 => Begins::Yes,
        0x02 if hinted && is_whole && content.iter().all(u8::is_ascii_graphic) => Begins::Yes,
        0x1c if hinted && length == 9 && is_whole => Begins::Yes,
        0x1b if hinted && length == 3 && is_whole => Begins::Yes,
        _ => Begins::No,
    }
}

/// A login has a row of zeros in it.
fn login(content: &[u8], length: usize) -> Begins {
    match content.get(9..28) {
        Some(zeros) if length >= 32 && zeros.iter().all(|byte| *byte == 0) => Begins::Yes,
        None if length >= 32 && content.len() < length => Begins::More,
        _ => Begins::No,
    }
}

/// Bytes that are no header yet.
fn short(bytes: &[u8]) -> Begins {
    match bytes.get(2) {
        None | Some(0) => Begins::More,
        Some(_) => Begins::No,
    }
}

/// Whether text begins as a statement.
fn verb(content: &[u8]) -> Begins {
    let mut content = content.trim_ascii_start();
    // Drivers and proxies put their hints in front; MariaDB has attributes there.
    while let Some(comment) = content.strip_prefix(b"/*") {
        match memchr::memmem::find(comment, b"*/") {
            Some(end) => content = comment.get(end + 2..).unwrap_or_default().trim_ascii_start(),
            None => return Begins::More,
        }
    }
    let content = content.strip_prefix(b"\0\x01").unwrap_or(content); // MySQL 8 with no attributes
    let content = content.strip_prefix(b"(").unwrap_or(content);
    let letters = content.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = content.get(..letters).unwrap_or_default().to_ascii_lowercase();
    let ends = letters < content.len();
    let is_verb = VERBS.iter().any(|verb| verb.as_bytes() == word);
    match ends {
        _ if is_verb => Begins::Yes,
        false if VERBS.iter().any(|verb| verb.as_bytes().starts_with(&word)) => Begins::More,
        _ => Begins::No,
    }
}

/// Whether a packet begins with a greeting or an answer.
pub fn server(bytes: &[u8], hinted: bool) -> Begins {
    let [a, b, c, sequence, rest @ ..] = bytes else { return short(bytes) };
    let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
    let content = rest.get(..length);
    match (*sequence, rest.first()) {
        _ if length == 0 => Begins::No,
        (0 | 1, None) => Begins::More,
        (0, Some(0x0a)) => match content {
            Some(content) if parse::greeting(content).is_some() => Begins::Yes,
            None if length < 512 => Begins::More,
            _ => Begins::No,
        },
        (0 | 1, Some(0xff)) => error(content, length),
        (1, Some(0)) if hinted => match content {
            Some(content) if content.len() == rest.len() && parse::ok(content).is_some() => {
                Begins::Yes
            }
            None if length < 512 => Begins::More,
            _ => Begins::No,
        },
        (1, Some(1..=0xfa)) if length == 1 => {
            columns(bytes.get(HEADER_BYTES + 1..).unwrap_or_default())
        }
        _ => Begins::No,
    }
}

/// An error has a number of the server's and, mostly, an SQLSTATE.
fn error(content: Option<&[u8]>, length: usize) -> Begins {
    let Some(content) = content else {
        return if (9..512).contains(&length) { Begins::More } else { Begins::No };
    };
    let failure = parse::failure(content);
    let is_text = failure.message.chars().all(|c| !c.is_control() || c.is_whitespace());
    let has_state = content.get(3) == Some(&b'#');
    let is_error = (1000..5000).contains(&failure.code) && is_text && !failure.message.is_empty();
    if is_error && (has_state || length > 12) { Begins::Yes } else { Begins::No }
}

/// The first definition of a column follows the count of them.
fn columns(bytes: &[u8]) -> Begins {
    match bytes {
        [_, _, _, 2, content @ ..] if parse::is_column(content) => Begins::Yes,
        [_, _, _, 2, content @ ..] if b"\x03def".starts_with(content) => Begins::More,
        [_, _, _, ..] => Begins::No,
        _ => Begins::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_content() {
        let (client, server) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, hinted, expected) in [
            (&b"\x1b\0\0\0\x0a5.5.5\0\x08\0\0\0abcdefgh\0\xff\xff\0\0\0\0\0"[..], false, server),
            (b"\x09\0\0\0\x03SELECT 1", false, client),
            (b"\x09\0\0\0\x03SELE", false, Probe::Maybe(10)),
            (b"\x09\0\0\0\x03FROBNICA", false, Probe::No),
            (b"\x0c\0\0\0\x03/*a*/ set a", false, client),
            (b"\x0a\0\0\0\x17\x01\0\0\0\0\x01\0\0\0", false, client),
            (b"\x01\0\0\0\x0e", false, Probe::No),
            (b"\x01\0\0\0\x0e", true, client),
            (b"\x07\0\0\x01\0\0\0\x02\0\0\0", true, server),
            (b"\x0b\0\0\x01\xff\x15\x04#28000no", false, server),
            (b"\x01\0\0\x01\x01\x0a\0\0\x02\x03def", false, server),
            (b"GET / HTTP/1.1", true, Probe::No),
            (b"\0\0\0\x08\x04\xd2\x16\x2f", false, Probe::No),
        ] {
            let opening = Opening { sender: None, port_hint: hinted };
            assert_eq!(probe(opening, bytes), expected, "{bytes:?}");
        }
    }
}
