//! Lines of RFC 9112 -> start lines, header fields, chunk sizes. Pure functions over bytes that
//! are all there; what belongs together is decided in `body.rs` and `mod.rs`. Lenient where
//! servers are: bare LF, any token as a method, spaces in a target.

use memchr::{memchr, memchr_iter, memmem, memrchr};

use super::super::text::trim;

/// Longest line of a chunk's size or trailer, and longest start line searched for after a loss.
pub const LINE_BYTES_MAX: usize = 16 << 10;
/// Longest method taken for one.
const METHOD_BYTES_MAX: usize = 32;

/// Methods known from RFCs and common extensions: enough to tell a protocol by.
pub const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"SEARCH",
    b"REPORT",
    b"MKACTIVITY",
    b"CHECKOUT",
    b"CHECKIN",
    b"UNCHECKOUT",
    b"MERGE",
    b"MKCALENDAR",
    b"ACL",
    b"BIND",
    b"UNBIND",
    b"REBIND",
    b"LINK",
    b"UNLINK",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"NOTIFY",
    b"M-SEARCH",
    b"PURGE",
    b"BAN",
    b"QUERY",
    b"VERSION-CONTROL",
    b"BASELINE-CONTROL",
    b"LABEL",
    b"UPDATE",
    b"ORDERPATCH",
    b"MKREDIRECTREF",
    b"UPDATEREDIRECTREF",
    b"MKWORKSPACE",
    b"CCM_POST",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];

/// The first line of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// Without a version when that is malformed.
    Request {
        method: &'a [u8],
        target: &'a [u8],
        minor: Option<u8>,
    },
    Response {
        minor: u8,
        status: u16,
        reason: &'a [u8],
    },
}

/// RFC 9110 section 5.6.2: which bytes a token has. A table, since every byte of every header
/// name is asked.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] =
        b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    while let [byte, after @ ..] = rest {
        table[*byte as usize] = true;
        rest = after;
    }
    table
};

pub fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

/// A line without its line end -> start line; None when it is none.
pub fn start_line(line: &[u8]) -> Option<StartLine<'_>> {
    match line.strip_prefix(b"HTTP/1.") {
        Some(rest) => status_line(rest),
        None => request_line(line),
    }
}

/// What follows `HTTP/1.`: `1 200 OK`. The reason and the space before it may be missing.
fn status_line(rest: &[u8]) -> Option<StartLine<'_>> {
    let [minor @ b'0'..=b'9', b' ', after @ ..] = rest else { return None };
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = trim(after) else {
        return None;
    };
    let digit = |byte: &u8| u16::from(byte - b'0');
    let status = 100 * digit(a) + 10 * digit(b) + digit(c);
    match reason {
        [] | [b' ' | b'\t', ..] => {
            Some(StartLine::Response { minor: minor - b'0', status, reason: trim(reason) })
        }
        _ => None,
    }
}

/// `GET /path HTTP/1.1`.
fn request_line(line: &[u8]) -> Option<StartLine<'_>> {
    let line = trim(line);
    let (target, version) = line.split_at_checked(memrchr(b' ', line)?)?;
    let [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] = version else {
        return None;
    };
    let (method, target) = target.split_at_checked(memchr(b' ', target)?)?;
    let target = trim(target);
    if !is_method(method) || target.is_empty() {
        return None;
    }
    Some(StartLine::Request { method, target, minor: Some(minor - b'0') })
}

/// A start line, or what a server would answer as a malformed one: a known method, then anything.
/// Only for places where a message must begin.
pub fn first_line(line: &[u8]) -> Option<StartLine<'_>> {
    start_line(line).or_else(|| {
        let space = memchr(b' ', line).unwrap_or(line.len());
        let (method, target) = line.split_at_checked(space)?;
        let request = StartLine::Request { method, target: trim(target), minor: None };
        METHODS.contains(&method).then_some(request)
    })
}

fn is_method(word: &[u8]) -> bool {
    !word.is_empty() && word.len() <= METHOD_BYTES_MAX && word.iter().copied().all(is_token_byte)
}

/// Whether bytes without a line end yet may become a start line.
pub fn may_start(bytes: &[u8]) -> bool {
    const VERSION: &[u8] = b"HTTP/1.";
    if bytes.starts_with(b"HTTP/") {
        return bytes.starts_with(VERSION) || VERSION.starts_with(bytes);
    }
    match memchr(b' ', bytes) {
        Some(space) => bytes.get(..space).is_some_and(is_method),
        None => is_method(bytes),
    }
}

/// A line with its end -> without.
pub fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the lines of a head end. Each byte is looked at once, however often more arrive.
#[derive(Debug, Default)]
pub struct HeadLines {
    /// Past each line's LF.
    ends: Vec<u32>,
    searched: usize,
}

impl HeadLines {
    pub fn clear(&mut self) {
        self.ends.clear();
        self.searched = 0;
    }

    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The length of the head that `bytes` start with, its empty line included; None while that
    /// line is not there. `bytes` begin where they began last time, with more behind.
    pub fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let start = self.searched;
        for found in memchr_iter(b'\n', bytes.get(start..)?) {
            let line_start = self.ends.last().map_or(0, |&end| end as usize);
            let end = start + found + 1;
            let is_empty = matches!(bytes.get(line_start..end), Some(b"\n" | b"\r\n"));
            self.ends.push(u32::try_from(end).ok()?);
            if is_empty {
                return Some(end);
            }
        }
        self.searched = bytes.len();
        None
    }

    /// The first line of `bytes`, without its end, once it is there.
    pub fn first<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(..*self.ends.first()? as usize).map(strip_line_end)
    }
}

/// A header field as it stands in a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
    /// The value goes on over line ends (obs-fold).
    pub folded: bool,
    /// The name is a token with the colon right behind it.
    pub well_formed: bool,
}

/// The header fields between a head's first line and its end. Lines without a colon come as a
/// malformed field without a name.
pub struct Fields<'a> {
    head: &'a [u8],
    ends: &'a [u32],
}

impl<'a> Fields<'a> {
    pub fn new(head: &'a [u8], ends: &'a [u32]) -> Self {
        Fields { head, ends }
    }

    /// Lines and bytes of the head, the first line and the empty one included.
    pub fn size(&self) -> (usize, usize) {
        (self.ends.len(), self.head.len())
    }

    fn next_line(&self) -> Option<(usize, usize)> {
        match self.ends {
            [start, end, ..] => Some((*start as usize, *end as usize)),
            _ => None,
        }
    }

    fn is_fold(&self) -> bool {
        let Some((start, _)) = self.next_line() else { return false };
        matches!(self.head.get(start), Some(b' ' | b'\t'))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (start, mut end) = self.next_line()?;
        self.ends = self.ends.split_first()?.1;
        let mut folded = false;
        while self.is_fold() {
            (_, end) = self.next_line()?;
            self.ends = self.ends.split_first()?.1;
            folded = true;
        }
        let line = strip_line_end(self.head.get(start..end)?);
        match line.is_empty() {
            true => None,
            false => Some(Field { folded, ..field(line) }),
        }
    }
}

/// One header line -> name and value.
pub fn field(line: &[u8]) -> Field<'_> {
    let token = line.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(line.len());
    if let Some((name, [b':', value @ ..])) = line.split_at_checked(token)
        && !name.is_empty()
    {
        return Field { name, value: trim(value), folded: false, well_formed: true };
    }
    let (name, value) = match memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
        Some((name, value)) => (name, value.strip_prefix(b":").unwrap_or(value)),
        None => (&[][..], line),
    };
    Field { name: trim(name), value: trim(value), folded: false, well_formed: false }
}

/// `1a2b;extension` -> size in bytes; None when there is no number or it is no u64.
pub fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = trim(line.split(|&byte| byte == b';').next()?);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |size, &byte| {
        let digit = u64::from(char::from(byte).to_digit(16)?);
        size.checked_mul(16)?.checked_add(digit)
    })
}

/// `Content-Length` -> bytes, and whether a list of several (RFC 9110 section 8.6) agrees on it.
/// A number too large to count is as good as endless. None when it is no number.
pub fn content_length(value: &[u8]) -> Option<(u64, bool)> {
    let number =
        |digits: &[u8]| match digits.iter().all(u8::is_ascii_digit) {
            true if !digits.is_empty() => Some(digits.iter().fold(0u64, |n, &byte| {
                n.saturating_mul(10).saturating_add(u64::from(byte - b'0'))
            })),
            _ => None,
        };
    let mut numbers = value.split(|&byte| byte == b',').map(|part| number(trim(part)));
    let first = numbers.next()??;
    Some((first, numbers.all(|other| other == Some(first))))
}

/// Where reading goes on after bytes were lost.
#[derive(Debug, PartialEq, Eq)]
pub enum Resync {
    /// A start line begins here.
    Found(usize),
    /// None does; one may begin here or later.
    Keep(usize),
}

/// The first start line in `bytes`, which may begin anywhere.
pub fn find_start(bytes: &[u8]) -> Resync {
    for version in memmem::find_iter(bytes, b"HTTP/1.") {
        let after = bytes.get(version..).unwrap_or_default();
        let Some(length) = memchr(b'\n', after) else {
            if after.len() > LINE_BYTES_MAX {
                continue;
            }
            return Resync::Keep(line_before(bytes, version));
        };
        let line = |start| bytes.get(start..version + length).map(strip_line_end);
        let starts = |start: &usize| line(*start).and_then(start_line).is_some();
        let request = request_before(bytes, version).filter(starts);
        if let Some(start) = request.or_else(|| Some(version).filter(starts)) {
            return Resync::Found(start);
        }
    }
    Resync::Keep(line_before(bytes, bytes.len()))
}

/// Start of the line that goes on at `end`, not further back than a line may be long.
fn line_before(bytes: &[u8], end: usize) -> usize {
    let line = bytes.get(..end).and_then(|before| memrchr(b'\n', before)).map_or(0, |lf| lf + 1);
    line.max(end.saturating_sub(LINE_BYTES_MAX / 8))
}

/// Where the request line starts whose version stands at `version`. A body need not end with a
/// line end, so the method may follow it directly: a known method tells where it starts, and only
/// without one the line does.
fn request_before(bytes: &[u8], version: usize) -> Option<usize> {
    let line_start = line_before(bytes, version);
    let before = bytes.get(line_start..version)?.strip_suffix(b" ")?;
    let method_end = memrchr(b' ', before)?;
    let before_method = before.get(..method_end)?;
    let length = before_method.iter().rev().take_while(|&&byte| is_token_byte(byte)).count();
    let word = before_method.get(method_end - length..)?;
    let is_line = length == method_end && is_method(word);
    let known = METHODS.iter().copied().filter(|method| word.ends_with(method));
    let method = known.max_by_key(|method| method.len()).or(Some(word).filter(|_| is_line))?;
    Some(line_start + method_end - method.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(method: &'a [u8], target: &'a [u8], minor: u8) -> Option<StartLine<'a>> {
        Some(StartLine::Request { method, target, minor: Some(minor) })
    }

    #[test]
    fn malformed_requests() {
        for (line, method, target) in [
            ("GET / HTTP/1.", "GET", "/ HTTP/1."),
            ("POST /HTTP/1.1", "POST", "/HTTP/1.1"),
            ("OPTIONS", "OPTIONS", ""),
        ] {
            let (method, target) = (method.as_bytes(), target.as_bytes());
            let request = StartLine::Request { method, target, minor: None };
            assert_eq!(first_line(line.as_bytes()), Some(request), "{line}");
        }
        for line in ["GET/ HTTP/1.1", "Lorem ipsum", "get /", ""] {
            assert_eq!(first_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn start_lines() {
        assert_eq!(start_line(b"GET / HTTP/1.1"), request(b"GET", b"/", 1));
        assert_eq!(start_line(b"get /a b HTTP/1.0 "), request(b"get", b"/a b", 0));
        assert_eq!(start_line(b"X!y http://h/ HTTP/1.1"), request(b"X!y", b"http://h/", 1));
        for line in ["GET /", "GET  HTTP/1.1", "G(T / HTTP/1.1", " HTTP/1.1", "PRI * HTTP/2.0", ""]
        {
            assert_eq!(start_line(line.as_bytes()), None, "{line}");
        }
        let response = |status, reason| Some(StartLine::Response { minor: 1, status, reason });
        assert_eq!(start_line(b"HTTP/1.1 200 OK"), response(200, b"OK"));
        assert_eq!(start_line(b"HTTP/1.1 404"), response(404, b""));
        assert_eq!(start_line(b"HTTP/1.1 503 Not now"), response(503, b"Not now"));
        for line in ["HTTP/1.1 2000 OK", "HTTP/1.1 abc", "HTTP/1.1", "HTTP/2 200", "HTTP/1.1 099 x"]
        {
            assert_eq!(start_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn heads_are_searched_once() {
        let head = b"GET / HTTP/1.1\r\nA: b\n\r\nrest";
        for cut in 0..head.len() {
            let mut lines = HeadLines::default();
            let early = lines.find_end(&head[..cut]);
            assert_eq!(early.is_some(), cut >= 23, "cut at {cut}");
            if early.is_none() {
                assert_eq!(lines.find_end(head), Some(23));
            }
            assert_eq!(lines.ends(), [16, 21, 23]);
        }
    }

    #[test]
    fn fields_fold_and_fail() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n c\r\nHost :x\r\nbad\r\n\r\n";
        let mut lines = HeadLines::default();
        lines.find_end(head);
        let fields: Vec<_> = Fields::new(head, lines.ends()).collect();
        let field = |name, value, folded, well_formed| Field { name, value, folded, well_formed };
        assert_eq!(
            fields,
            [
                field(&b"A"[..], &b"b\r\n c"[..], true, true),
                field(b"Host", b"x", false, false),
                field(b"", b"bad", false, false),
            ]
        );
    }

    #[test]
    fn numbers() {
        assert_eq!(chunk_size(b"1A;x=y"), Some(26));
        assert_eq!(chunk_size(b"0"), Some(0));
        assert_eq!(chunk_size(b"ffffffffffffffff"), Some(u64::MAX));
        for bad in ["", ";x", "g", "-1", "+1", "0x1", "10000000000000000"] {
            assert_eq!(chunk_size(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(content_length(b"42"), Some((42, true)));
        assert_eq!(content_length(b"42, 42"), Some((42, true)));
        assert_eq!(content_length(b"42, 43"), Some((42, false)));
        assert_eq!(content_length(b"99999999999999999999"), Some((u64::MAX, true)));
        assert_eq!(content_length(b"-1"), None);
        assert_eq!(content_length(b""), None);
    }

    #[test]
    fn starts_are_found_anywhere() {
        use Resync::*;
        for (bytes, found) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Found(0)),
            (b"{\"a\":1}HTTP/1.1 200 OK\r\n", Found(7)),
            (b"tail\r\nGET / HTTP/1.1\r\n", Found(6)),
            (b"a=1&b=2POST /x HTTP/1.1\r\n", Found(7)),
            (b"x\nFROB /x HTTP/1.1\r\n", Found(2)),
            (b"see HTTP/1.1 in\nRFC 9112\nGET / HT", Keep(25)),
            (b"x\nGET /path HTTP/1.1", Keep(2)),
            (b"no line end", Keep(0)),
        ] {
            assert_eq!(find_start(bytes), found, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
