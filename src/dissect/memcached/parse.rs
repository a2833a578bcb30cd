//! Bytes of Memcached's protocols (text, meta, binary) -> one unit each: a command with its value,
//! a line of a reply with its value, or a binary message. Each tells by itself who sent it: a
//! binary one by its first byte, a line by how its first word is written.

use memchr::memchr;

use super::super::framer::Head;

/// Longest line: a `get` of many keys.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Longest value: what servers can be told to take.
const VALUE_BYTES_MAX: u64 = 1 << 30;
/// Header of a binary message.
pub const BINARY_BYTES: usize = 24;

/// Commands that a value follows, with the place of its length among the words.
fn value_at(command: &[u8]) -> Option<usize> {
    match command {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => Some(4),
        b"ms" => Some(2),
        b"VALUE" => Some(3),
        b"VA" => Some(1),
        _ => None,
    }
}

/// Words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 10 {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The first line, without its end; None when it does not end.
pub fn line(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.get(..memchr(b'\n', bytes)?)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Length of the unit that begins here.
pub fn head(bytes: &[u8]) -> Head {
    match bytes.first() {
        None => Head::More,
        Some(0x80 | 0x81) => binary_head(bytes),
        Some(first) if first.is_ascii_alphanumeric() => line_head(bytes),
        Some(_) => Head::Bad,
    }
}

fn line_head(bytes: &[u8]) -> Head {
    let Some(end) = memchr(b'\n', bytes) else {
        let is_text = bytes.iter().take(LINE_BYTES_MAX).all(|b| *b >= 0x20 || *b == b'\r');
        return if is_text && bytes.len() < LINE_BYTES_MAX { Head::More } else { Head::Bad };
    };
    let line = line(bytes).unwrap_or_default();
    if line.iter().any(|byte| *byte < 0x20) {
        return Head::Bad;
    }
    let length = words(line).next().and_then(value_at).map(|at| words(line).nth(at));
    match length {
        None => Head::Frame(end as u64 + 1),
        Some(word) => match word.and_then(number) {
            Some(value @ 0..=VALUE_BYTES_MAX) => Head::Frame(end as u64 + 1 + value + 2),
            // Wrong: the server reads no value either.
            _ => Head::Frame(end as u64 + 1),
        },
    }
}

fn binary_head(bytes: &[u8]) -> Head {
    let Some(header) = binary(bytes) else {
        return if bytes.len() < BINARY_BYTES { Head::More } else { Head::Bad };
    };
    Head::Frame(BINARY_BYTES as u64 + u64::from(header.body_bytes))
}

/// The header of a binary message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    pub is_response: bool,
    pub opcode: u8,
    pub key_bytes: u16,
    pub extra_bytes: u8,
    /// Of a response; of a request it is a bucket's number.
    pub status: u16,
    pub body_bytes: u32,
    pub opaque: u32,
}

/// Reads the header; None when it is not whole or contradicts itself.
pub fn binary(bytes: &[u8]) -> Option<Binary> {
    let [magic, opcode, k0, k1, extra, kind, s0, s1, b0, b1, b2, b3, o0, o1, o2, o3] =
        *bytes.first_chunk::<16>()?;
    let header = Binary {
        is_response: magic == 0x81,
        opcode,
        key_bytes: u16::from_be_bytes([k0, k1]),
        extra_bytes: extra,
        status: u16::from_be_bytes([s0, s1]),
        body_bytes: u32::from_be_bytes([b0, b1, b2, b3]),
        opaque: u32::from_be_bytes([o0, o1, o2, o3]),
    };
    let parts = u32::from(header.key_bytes) + u32::from(header.extra_bytes);
    let is_sound = matches!(magic, 0x80 | 0x81)
        && kind == 0
        && parts <= header.body_bytes
        && u64::from(header.body_bytes) <= VALUE_BYTES_MAX
        && header.key_bytes <= 250
        && opcode_name(opcode).is_some();
    (is_sound && bytes.len() >= BINARY_BYTES).then_some(header)
}

/// The key of a binary message.
pub fn binary_key<'a>(header: &Binary, bytes: &'a [u8]) -> &'a [u8] {
    let start = BINARY_BYTES + usize::from(header.extra_bytes);
    let key = bytes.get(start..).unwrap_or_default();
    key.get(..usize::from(header.key_bytes)).unwrap_or(key)
}

/// Name of an opcode, and whether it is quiet: answered only when something is to be said.
pub fn opcode_name(opcode: u8) -> Option<(&'static str, bool)> {
    Some(match opcode {
        0x00 => ("get", false),
        0x01 => ("set", false),
        0x02 => ("add", false),
        0x03 => ("replace", false),
        0x04 => ("delete", false),
        0x05 => ("incr", false),
        0x06 => ("decr", false),
        0x07 => ("quit", false),
        0x08 => ("flush", false),
        0x09 => ("get", true),
        0x0a => ("noop", false),
        0x0b => ("version", false),
        0x0c => ("get", false),
        0x0d => ("get", true),
        0x0e => ("append", false),
        0x0f => ("prepend", false),
        0x10 => ("stat", false),
        0x11 => ("set", true),
        0x12 => ("add", true),
        0x13 => ("replace", true),
        0x14 => ("delete", true),
        0x15 => ("incr", true),
        0x16 => ("decr", true),
        0x17 => ("quit", true),
        0x18 => ("flush", true),
        0x19 => ("append", true),
        0x1a => ("prepend", true),
        0x1b => ("verbosity", false),
        0x1c => ("touch", false),
        0x1d => ("gat", false),
        0x1e => ("gat", true),
        0x20 => ("sasl_list", false),
        0x21 => ("sasl_auth", false),
        0x22 => ("sasl_step", false),
        0x23 => ("gat", false),
        0x24 => ("gat", true),
        _ => return None,
    })
}

/// Name of a binary status.
pub fn status_name(status: u16) -> &'static str {
    match status {
        0x00 => "OK",
        0x01 => "NOT_FOUND",
        0x02 => "EXISTS",
        0x03 => "TOO_LARGE",
        0x04 => "INVALID",
        0x05 => "NOT_STORED",
        0x06 => "NON_NUMERIC",
        0x07 => "WRONG_SERVER",
        0x20 => "AUTH_ERROR",
        0x21 => "AUTH_CONTINUE",
        0x81 => "UNKNOWN_COMMAND",
        0x82 => "OUT_OF_MEMORY",
        0x83 => "NOT_SUPPORTED",
        0x84 => "INTERNAL_ERROR",
        0x85 => "BUSY",
        0x86 => "TEMPORARY_FAILURE",
        _ => "UNKNOWN",
    }
}

/// Whether a line is a server's: its words are upper case, or it is a number.
pub fn is_reply(line: &[u8]) -> bool {
    let first = words(line).next().unwrap_or_default();
    let is_word = first.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    is_word || first.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GETQ: &[u8] = b"\x80\x09\0\x03\0\0\0\0\0\0\0\x03\0\0\0\x07\0\0\0\0\0\0\0\0key";

    #[test]
    fn heads() {
        for (bytes, expected) in [
            (&b"get a b\r\n"[..], Head::Frame(9)),
            (b"set k 0 0 3\r\n", Head::Frame(18)),
            (b"set k 0 0 -3\r\n", Head::Frame(14)),
            (b"set k 0 0\r\n", Head::Frame(11)),
            (b"ms k 3 T0\r\n", Head::Frame(16)),
            (b"VALUE k 0 3 7\r\n", Head::Frame(20)),
            (b"VA 3 t1\r\n", Head::Frame(14)),
            (b"END\r\n", Head::Frame(5)),
            (b"get", Head::More),
            (b"get\x01a", Head::Bad),
            (b"\r\n", Head::Bad),
            (GETQ, Head::Frame(27)),
            (b"\x80\x09\0\x03\0\x01\0\0\0\0\0\x03\0\0\0\x07\0\0\0\0\0\0\0\0", Head::Bad),
        ] {
            assert_eq!(head(bytes), expected, "{bytes:?}");
        }
        for cut in 1..24 {
            assert_eq!(head(&GETQ[..cut]), Head::More);
        }
    }

    #[test]
    fn binary_messages() {
        let header = binary(GETQ).unwrap();
        assert_eq!((header.opcode, header.opaque), (9, 7));
        assert_eq!(binary_key(&header, GETQ), b"key");
        assert_eq!(binary_key(&header, &GETQ[..25]), b"k");
        assert_eq!(opcode_name(9), Some(("get", true)));
    }

    #[test]
    fn who_sent_a_line() {
        assert!(is_reply(b"STORED") && is_reply(b"CLIENT_ERROR bad") && is_reply(b"42"));
        assert!(!is_reply(b"get a") && !is_reply(b"mg a"));
    }
}
