//! Bytes of the NATS client protocol -> operations: a line of words, with a payload behind it
//! where the last word is its length.

use memchr::memchr;

use super::super::framer::Head;
use crate::field::Pairs;

/// Longest line: INFO and CONNECT carry JSON.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Longest payload: what servers can be told to take.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;
/// Headers kept of one message.
const HEADERS_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Info,
    Connect,
    Pub,
    Hpub,
    Msg,
    Hmsg,
    Sub,
    Unsub,
    Ping,
    Pong,
    Ok,
    Err,
}

const OPERATIONS: &[(&str, Operation)] = &[
    ("INFO", Operation::Info),
    ("CONNECT", Operation::Connect),
    ("PUB", Operation::Pub),
    ("HPUB", Operation::Hpub),
    ("MSG", Operation::Msg),
    ("HMSG", Operation::Hmsg),
    ("SUB", Operation::Sub),
    ("UNSUB", Operation::Unsub),
    ("PING", Operation::Ping),
    ("PONG", Operation::Pong),
    ("+OK", Operation::Ok),
    ("-ERR", Operation::Err),
];

impl Operation {
    pub fn name(self) -> &'static str {
        OPERATIONS.iter().find(|(_, operation)| *operation == self).map_or("", |(name, _)| name)
    }

    /// Who sends it, where only one side does.
    pub fn is_servers(self) -> Option<bool> {
        use Operation::*;
        match self {
            Info | Msg | Hmsg | Ok | Err => Some(true),
            Connect | Pub | Hpub | Sub | Unsub => Some(false),
            Ping | Pong => None,
        }
    }

    fn has_payload(self) -> bool {
        matches!(self, Operation::Pub | Operation::Hpub | Operation::Msg | Operation::Hmsg)
    }
}

/// Words of a line behind the operation.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.skip(1)
}

/// The first line, without its end; None when it does not end.
pub fn line(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.get(..memchr(b'\n', bytes)?)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The operation that a line names, in any case.
pub fn operation(line: &[u8]) -> Option<Operation> {
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    let is = |(name, _): &&(&str, Operation)| word.eq_ignore_ascii_case(name.as_bytes());
    OPERATIONS.iter().find(is).map(|(_, operation)| *operation)
}

/// Whether bytes without a line end may begin an operation.
pub fn may_begin(bytes: &[u8]) -> bool {
    OPERATIONS.iter().any(|(name, _)| {
        let length = name.len().min(bytes.len());
        let same = bytes.iter().zip(name.as_bytes()).take(length);
        let ends = bytes.get(name.len()).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        same.clone().all(|(a, b)| a.eq_ignore_ascii_case(b)) && ends
    })
}

fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 9 {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Length of the operation that begins here.
pub fn head(bytes: &[u8]) -> Head {
    let Some(line) = line(bytes) else {
        return if may_begin(bytes) && bytes.len() < LINE_BYTES_MAX {
            Head::More
        } else {
            Head::Bad
        };
    };
    let whole = memchr(b'\n', bytes).map_or(0, |end| end as u64 + 1);
    match operation(line) {
        None if line.is_empty() => Head::Frame(whole), // servers pass over empty lines too
        None => Head::Bad,
        Some(operation) if operation.has_payload() => match words(line).last().and_then(number) {
            Some(payload @ 0..=PAYLOAD_BYTES_MAX) => Head::Frame(whole + payload + 2),
            _ => Head::Bad,
        },
        Some(_) => Head::Frame(whole),
    }
}

/// What a line with a payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication<'a> {
    pub subject: &'a [u8],
    pub reply_to: &'a [u8],
    pub header_bytes: usize,
    pub payload_bytes: u64,
}

pub fn publication(operation: Operation, line: &[u8]) -> Publication<'_> {
    let has_headers = matches!(operation, Operation::Hpub | Operation::Hmsg);
    let count = words(line).count();
    // PUB subject [reply] size; HPUB with two sizes; MSG with the subscription's id in between
    let sizes = if has_headers { 2 } else { 1 };
    let reply_at = if matches!(operation, Operation::Msg | Operation::Hmsg) { 2 } else { 1 };
    let nth = |at: usize| words(line).nth(at).unwrap_or_default();
    let header = if has_headers { number(nth(count.saturating_sub(2))).unwrap_or(0) } else { 0 };
    let total = number(nth(count.saturating_sub(1))).unwrap_or(0);
    Publication {
        subject: nth(0),
        reply_to: if count > reply_at + sizes { nth(reply_at) } else { &[] },
        header_bytes: usize::try_from(header).unwrap_or(usize::MAX),
        payload_bytes: total.saturating_sub(header),
    }
}

/// Status and headers of a message: `NATS/1.0 503 No Responders` and lines like HTTP's.
pub fn headers(block: &[u8], mut mask: impl FnMut(&str, &str) -> String) -> (Option<u16>, Pairs) {
    let mut lines = block.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix(b"NATS/1.0").map(<[u8]>::trim_ascii_start).unwrap_or_default();
    let status = status.get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    let mut pairs = Pairs::new();
    for line in lines.take(HEADERS_MAX) {
        let Some(colon) = memchr(b':', line) else { continue };
        let name = String::from_utf8_lossy(line.get(..colon).unwrap_or_default());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        pairs.push(&name, &mask(&name, &String::from_utf8_lossy(value)));
    }
    (status, pairs)
}

/// The value of a text or number member of flat JSON, as bytes; good enough for names and errors.
pub fn member<'a>(json: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let quoted = format!("\"{name}\"");
    let at = memchr::memmem::find(json, quoted.as_bytes())?;
    let rest = json.get(at + quoted.len()..)?.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start();
    match rest.strip_prefix(b"\"") {
        Some(text) => text.get(..memchr(b'"', text).unwrap_or(text.len())),
        None => rest.split(|byte| matches!(byte, b',' | b'}' | b' ')).next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        for (bytes, expected) in [
            (&b"PUB a 3\r\nabc\r\n"[..], Head::Frame(14)),
            (b"pub a b 3\r\n", Head::Frame(16)),
            (b"HMSG a 1 12 15\r\n", Head::Frame(33)),
            (b"MSG a 1 x\r\n", Head::Bad),
            (b"PING\r\n", Head::Frame(6)),
            (b"-ERR 'x'\r\n", Head::Frame(10)),
            (b"PUBL", Head::Bad),
            (b"PU", Head::More),
            (b"CONNECT {\"a\"", Head::More),
            (b"GET / HTTP/1.1\r\n", Head::Bad),
        ] {
            assert_eq!(head(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn publications() {
        let of = |operation, line: &'static str| publication(operation, line.as_bytes());
        let pub_ = of(Operation::Pub, "PUB a 3");
        assert_eq!((pub_.subject, pub_.reply_to, pub_.payload_bytes), (&b"a"[..], &b""[..], 3));
        assert_eq!(of(Operation::Pub, "PUB a b 3").reply_to, b"b");
        assert_eq!(of(Operation::Msg, "MSG a 9 3").reply_to, b"");
        assert_eq!(of(Operation::Msg, "MSG a 9 b 3").reply_to, b"b");
        let hmsg = of(Operation::Hmsg, "HMSG a 9 b 12 15");
        assert_eq!((hmsg.reply_to, hmsg.header_bytes, hmsg.payload_bytes), (&b"b"[..], 12, 3));
        for cut in 0..16 {
            publication(Operation::Hmsg, &b"HMSG a 9 b 12 15"[..cut]);
        }
    }

    #[test]
    fn header_blocks() {
        let block = b"NATS/1.0 503\r\nA: b\r\nc:d\r\n\r\n";
        let (status, pairs) = headers(block, |_, value| value.to_string());
        assert_eq!((status, pairs.get("A"), pairs.get("c")), (Some(503), Some("b"), Some("d")));
        for cut in 0..block.len() {
            assert!(headers(&block[..cut], |_, value| value.to_string()).1.len() <= 2);
        }
        assert_eq!(member(b"{\"name\":\"x\", \"code\": 404}", "code"), Some(&b"404"[..]));
        assert_eq!(member(b"{\"name\":\"x", "name"), Some(&b"x"[..]));
    }
}
