//! Bytes of PostgreSQL's protocol 3 -> message heads and contents. Everything is judged by what is
//! at hand: contents that were cut give what could be read.

use super::super::framer::Head;
use super::super::text::text;
use crate::field::Text;

/// Longest message: what the server allows.
const MESSAGE_BYTES_MAX: u32 = 0x3fff_ffff;
/// Longest first message.
const STARTUP_BYTES_MAX: u32 = 10_000;
/// Text kept of one error field.
pub const ERROR_BYTES_MAX: usize = 256;

const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// Who sends a message: their types overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Frontend,
    Backend,
}

impl Role {
    pub fn other(self) -> Role {
        if self == Role::Frontend { Role::Backend } else { Role::Frontend }
    }

    fn types(self) -> &'static [u8] {
        match self {
            Role::Frontend => b"BCDEFHPQSXcdfp",
            Role::Backend => b"123ACDEGHIKNRSTVWZcdnstv",
        }
    }
}

/// A request without a type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    Startup,
    Cancel,
    Tls,
    Gss,
}

/// Four bytes as a number.
pub fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Which request without a type begins here.
pub fn first(bytes: &[u8]) -> Option<First> {
    let length = number(bytes)?;
    let first = match number(bytes.get(4..)?)? {
        CANCEL if (16..=268).contains(&length) => First::Cancel,
        TLS if length == 8 => First::Tls,
        GSS if length == 8 => First::Gss,
        0x3_0000..=0x3_ffff if (9..=STARTUP_BYTES_MAX).contains(&length) => First::Startup,
        _ => return None,
    };
    Some(first)
}

/// Type and length of the message that begins here.
pub fn head(role: Role, bytes: &[u8]) -> Head {
    let Some((&kind, rest)) = bytes.split_first() else { return Head::More };
    if kind == 0 && role == Role::Frontend {
        return match first(bytes) {
            Some(_) => Head::Frame(number(bytes).map_or(0, u64::from)),
            None if bytes.len() < 8 => Head::More,
            None => Head::Bad,
        };
    }
    match number(rest) {
        _ if !role.types().contains(&kind) => Head::Bad,
        None => Head::More,
        Some(length @ 4..=MESSAGE_BYTES_MAX) => Head::Frame(u64::from(length) + 1),
        Some(_) => Head::Bad,
    }
}

/// Text up to the next NUL, and what follows it.
pub fn cstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Text up to the next NUL, or all of it.
pub fn cut_string(bytes: &[u8]) -> &[u8] {
    cstring(bytes).map_or(bytes, |(text, _)| text)
}

/// Names and values of a startup message's content (what follows the version).
pub fn parameters(content: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (name, after) = cstring(rest).filter(|(name, _)| !name.is_empty())?;
        let (value, after) = cstring(after)?;
        rest = after;
        Some((name, value))
    })
}

/// An error or a notice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub severity: Text,
    pub code: Text,
    pub message: Text,
}

/// Fields of an ErrorResponse or NoticeResponse.
pub fn report(content: &[u8]) -> Report {
    let mut report = Report::default();
    let mut rest = content;
    while let Some((&field, after)) = rest.split_first().filter(|(field, _)| **field != 0) {
        let value = text(cut_string(after), ERROR_BYTES_MAX);
        match field {
            b'S' if report.severity.is_empty() => report.severity = value,
            b'V' => report.severity = value, // not translated, unlike S
            b'C' => report.code = value,
            b'M' => report.message = value,
            _ => {}
        }
        rest = cstring(after).map_or(&[], |(_, rest)| rest);
    }
    report
}

/// `INSERT 0 5` -> `INSERT`, 5 rows.
pub fn tag(content: &[u8]) -> (&[u8], u64) {
    let tag = cut_string(content);
    let is_number = |word: &&[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let last = tag.rsplit(|&byte| byte == b' ').next().filter(is_number);
    let rows = last.and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    let end = tag.windows(2).position(|w| matches!(w, [b' ', b'0'..=b'9']));
    (end.and_then(|end| tag.get(..end)).unwrap_or(tag), rows.unwrap_or(0))
}

/// Whether a whole message's content has the form of its type. Types whose content may be
/// anything are not judged.
pub fn is_formed(role: Role, kind: u8, content: &[u8]) -> bool {
    let is_empty = content.is_empty();
    let is_string = cstring(content).is_some_and(|(_, rest)| rest.is_empty());
    match (role, kind) {
        (Role::Frontend, b'H' | b'S' | b'X' | b'c')
        | (Role::Backend, b'1' | b'2' | b'3' | b'I' | b'n' | b's' | b'c') => is_empty,
        (Role::Frontend, b'Q' | b'f') | (Role::Backend, b'C') => is_string,
        (Role::Frontend, b'P') => is_parse(content),
        (Role::Frontend, b'B') => is_bind(content),
        (Role::Frontend, b'C' | b'D') => {
            matches!(content, [b'S' | b'P', name @ ..] if cstring(name).is_some_and(|(_, rest)| rest.is_empty()))
        }
        (Role::Frontend, b'E') => cstring(content).is_some_and(|(_, rest)| rest.len() == 4),
        (Role::Backend, b'Z') => matches!(content, [b'I' | b'T' | b'E']),
        (Role::Backend, b'D') => is_row(content),
        (Role::Backend, b'T') => is_description(content),
        (Role::Backend, b't') => count(content).is_some_and(|(n, rest)| rest.len() == n * 4),
        (Role::Backend, b'E' | b'N') => is_report(content),
        (Role::Backend, b'R') => number(content).is_some_and(|kind| kind <= 12),
        (Role::Backend, b'K') => (8..=260).contains(&content.len()),
        (Role::Backend, b'S') => {
            let value = cstring(content).filter(|(name, _)| !name.is_empty());
            value.and_then(|(_, rest)| cstring(rest)).is_some_and(|(_, rest)| rest.is_empty())
        }
        (Role::Backend, b'G' | b'H' | b'W') => {
            matches!(content, [0 | 1, rest @ ..] if count(rest).is_some_and(|(n, r)| r.len() == n * 2))
        }
        _ => true,
    }
}

/// Two bytes of count, and what follows.
fn count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_be_bytes(*count)), rest))
}

fn is_parse(content: &[u8]) -> bool {
    let types = cstring(content).and_then(|(_, rest)| cstring(rest)).and_then(|(_, r)| count(r));
    types.is_some_and(|(types, rest)| rest.len() == types * 4)
}

fn is_bind(content: &[u8]) -> bool {
    let bind = || {
        let (_, rest) = cstring(content)?;
        let (_, rest) = cstring(rest)?;
        let (formats, rest) = count(rest)?;
        let (values, rest) = count(rest.get(formats * 2..)?)?;
        let rest = values_end(values, rest)?;
        let (formats, rest) = count(rest)?;
        Some(rest.len() == formats * 2)
    };
    bind().unwrap_or(false)
}

/// What follows so many values, each with its length in front (-1 for null).
fn values_end(values: usize, mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..values {
        let (length, after) = (number(rest)?, rest.get(4..)?);
        rest = if length == u32::MAX { after } else { after.get(length as usize..)? };
    }
    Some(rest)
}

fn is_row(content: &[u8]) -> bool {
    let row = || {
        let (values, rest) = count(content)?;
        values_end(values, rest)
    };
    row().is_some_and(<[u8]>::is_empty)
}

fn is_description(content: &[u8]) -> bool {
    let Some((columns, mut rest)) = count(content) else { return false };
    for _ in 0..columns {
        match cstring(rest).and_then(|(_, rest)| rest.get(18..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

fn is_report(content: &[u8]) -> bool {
    let is_first =
        matches!(content, [b'S', letter, ..] if letter.is_ascii_uppercase() || *letter >= 0x80);
    is_first && content.ends_with(b"\0\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        for (role, bytes, expected) in [
            (Role::Frontend, &b"Q\0\0\0\x0dselect 1\0"[..], Head::Frame(14)),
            (Role::Frontend, b"\0\0\0\x08\x04\xd2\x16\x2f", Head::Frame(8)),
            (Role::Frontend, b"\0\0\0\x08\x04\xd2", Head::More),
            (Role::Frontend, b"\0\0\0\x09\x04\xd2\x16\x2f", Head::Bad),
            (Role::Frontend, b"Z\0\0\0\x05I", Head::Bad),
            (Role::Backend, b"Z\0\0\0\x05I", Head::Frame(6)),
            (Role::Backend, b"Z\0\0\0", Head::More),
            (Role::Backend, b"Z\0\0\0\x03", Head::Bad),
            (Role::Backend, b"Z\xff\0\0\x03", Head::Bad),
            (Role::Backend, b"", Head::More),
        ] {
            assert_eq!(head(role, bytes), expected, "{bytes:?}");
        }
    }

    const ERROR: &[u8] = b"SFEHLER\0VERROR\0C42P01\0Mrelation \"x\" does not exist\0P15\0\0";

    #[test]
    fn reports() {
        let whole = report(ERROR);
        assert_eq!((whole.severity.as_str(), whole.code.as_str()), ("ERROR", "42P01"));
        assert_eq!(whole.message, "relation \"x\" does not exist");
        for cut in 0..ERROR.len() {
            assert!(whole.message.starts_with(report(&ERROR[..cut]).message.as_str()));
        }
    }

    #[test]
    fn tags() {
        for (content, command, rows) in [
            (&b"SELECT 5\0"[..], &b"SELECT"[..], 5),
            (b"INSERT 0 3\0", b"INSERT", 3),
            (b"CREATE TABLE\0", b"CREATE TABLE", 0),
            (b"BEGIN", b"BEGIN", 0),
            (b"COPY 99999999999999999999999\0", b"COPY", 0),
            (b"", b"", 0),
        ] {
            assert_eq!(tag(content), (command, rows));
        }
    }

    #[test]
    fn forms() {
        let row: &[u8] = b"\0\x02\0\0\0\x01a\xff\xff\xff\xff";
        let bind: &[u8] = b"\0s\0\0\x01\0\0\0\x01\0\0\0\x02ab\0\0";
        let parse: &[u8] = b"s\0select $1\0\0\x01\0\0\0\x17";
        let columns: &[u8] = b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
        for (role, kind, content) in [
            (Role::Backend, b'D', row),
            (Role::Frontend, b'B', bind),
            (Role::Frontend, b'P', parse),
            (Role::Backend, b'T', columns),
            (Role::Backend, b'E', ERROR),
            (Role::Backend, b'Z', b"I"),
            (Role::Frontend, b'Q', b"select 1\0"),
        ] {
            assert!(is_formed(role, kind, content), "{}", char::from(kind));
            for cut in 0..content.len() {
                assert!(!is_formed(role, kind, &content[..cut]), "{} {cut}", char::from(kind));
            }
        }
    }

    #[test]
    fn startup_parameters() {
        let content = b"user\0bob\0database\0shop\0\0";
        assert_eq!(parameters(content).count(), 2);
        for cut in 0..content.len() {
            assert!(parameters(&content[..cut]).count() <= 2);
        }
    }
}
