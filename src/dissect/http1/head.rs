//! Heads -> rows: one pass over the header lines fills the fields and collects what decides how
//! the message goes on (lengths, codings, upgrades).

use std::borrow::Cow;

use super::super::http::{
    Caps, Headers, HttpRequest, HttpResponse, Name, Target, trailer as add_trailer,
};
use super::super::text::{lossy, text};
use super::super::{Trace, operation, trace};
use super::body::Announced;
use super::parse::{Field, Fields, content_length};
use crate::field::{Pairs, Text};

/// What a head says besides its fields.
#[derive(Debug, Default)]
pub struct Facts {
    pub announced: Announced,
    /// The client offers, or the server agrees, to go on in another protocol.
    pub upgrade: bool,
    /// A line that is no header field, a length that is no number, a second host.
    pub malformed: bool,
    has_host: bool,
    has_coding: bool,
}

/// Reads header lines; what they say of the message's framing is left in `facts`.
fn headers(fields: Fields<'_>, facts: &mut Facts, caps: Caps) -> Headers {
    let (lines, bytes) = fields.size();
    let mut headers = Headers::with_capacity(lines.min(caps.headers_max), bytes);
    for field in fields.take(caps.headers_max) {
        facts.malformed |= !field.well_formed;
        if field.name.is_empty() {
            continue;
        }
        let (name, value) = (Name::new(field.name, caps), value_text(field, caps));
        let name = name.as_str();
        facts.note(name, &value, field.value);
        headers.push(name, &value, caps);
    }
    headers
}

impl Facts {
    fn note(&mut self, name: &str, value: &str, raw: &[u8]) {
        match name {
            "content-length" => self.length(raw),
            "transfer-encoding" => self.coding(value),
            "upgrade" => self.upgrade = true,
            // Which of two a server and a proxy go by is anyone's guess.
            "host" => self.malformed |= std::mem::replace(&mut self.has_host, true),
            _ => {}
        }
    }

    fn length(&mut self, value: &[u8]) {
        let Some((length, agrees)) = content_length(value) else {
            self.malformed = true;
            return;
        };
        let first = *self.announced.length.get_or_insert(length);
        self.announced.ambiguous |= !agrees || first != length || self.announced.chunked;
    }

    /// Before HTTP/1.1 there were no codings: whoever knows none finds another end (RFC 9112 section
    /// 6.1).
    fn judge(&mut self, minor: Option<u8>) {
        self.announced.ambiguous |= self.has_coding && minor == Some(0);
    }

    /// `gzip, chunked`: the last coding decides how the end is found (RFC 9112 section 6.3).
    fn coding(&mut self, value: &str) {
        self.has_coding = true;
        let last = value.rsplit(',').next().unwrap_or_default().trim();
        if last.eq_ignore_ascii_case("identity") {
            return;
        }
        self.announced.chunked = last.eq_ignore_ascii_case("chunked");
        self.announced.coded = !self.announced.chunked;
        self.announced.ambiguous |= self.announced.length.is_some() || self.announced.coded;
    }
}

/// A value as text, in one line.
fn value_text(field: Field<'_>, caps: Caps) -> Cow<'_, str> {
    let value = lossy(field.value, caps.field_bytes_max);
    match field.folded {
        true => {
            let lines: Vec<&str> = value.split(['\r', '\n']).map(str::trim).collect();
            Cow::Owned(lines.join(" ").replace("  ", " "))
        }
        false => value,
    }
}

/// A request's head, read.
pub struct RequestHead {
    pub row: Box<HttpRequest>,
    pub operation: Text,
    pub trace: Option<Box<Trace>>,
    pub facts: Facts,
}

/// Reads a request's head; `method`, `target` and `minor` are its first line's.
pub fn request(
    (method, target, minor): (&[u8], &[u8], Option<u8>),
    fields: Fields<'_>,
    caps: Caps,
) -> RequestHead {
    let (_, size) = fields.size();
    let mut facts = Facts { malformed: minor.is_none(), ..Facts::default() };
    let headers = headers(fields, &mut facts, caps);
    facts.judge(minor);
    let target = lossy(target, caps.field_bytes_max);
    let target = Target::parse(&target, method == b"CONNECT");
    let start =
        (text(method, caps.field_bytes_max), &target, minor.map(version).unwrap_or_default());
    let row = headers.into_request(start, size as u64, caps);
    RequestHead {
        operation: operation::endpoint(&row.method, target.operation_path()),
        trace: trace::from_headers(&row.request_headers),
        facts,
        row: Box::new(row),
    }
}

/// A response's head, read.
pub struct ResponseHead {
    pub row: Box<HttpResponse>,
    pub content_encoding: Text,
    pub trace: Option<Box<Trace>>,
    pub facts: Facts,
}

/// Reads a response's head; `minor` and `reason` are its first line's.
pub fn response((minor, reason): (u8, &[u8]), fields: Fields<'_>, caps: Caps) -> ResponseHead {
    let (_, size) = fields.size();
    let mut facts = Facts::default();
    let headers = headers(fields, &mut facts, caps);
    facts.judge(Some(minor));
    let content_encoding = headers.content_encoding.clone();
    let reason = text(reason, caps.field_bytes_max);
    let row = headers.into_response(version(minor), reason, size as u64);
    ResponseHead {
        trace: trace::from_headers(&row.response_headers),
        content_encoding,
        facts,
        row: Box::new(row),
    }
}

/// A trailer line -> one more header, unless it is one that only a head may hold.
pub fn trailer(line: &[u8], headers: &mut Pairs, caps: Caps) {
    let field = super::parse::field(line);
    add_trailer(Name::new(field.name, caps).as_str(), &value_text(field, caps), headers, caps);
}

fn version(minor: u8) -> Text {
    match minor {
        0 => Text::const_new("HTTP/1.0"),
        1 => Text::const_new("HTTP/1.1"),
        other => crate::field::format_compact!("HTTP/1.{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::HeadLines;
    use super::*;
    use crate::limits::Limits;

    fn caps() -> Caps {
        Caps::new(&Limits::default())
    }

    fn read(head: &str) -> RequestHead {
        read_as(head, 1)
    }

    fn read_as(head: &str, minor: u8) -> RequestHead {
        let mut lines = HeadLines::default();
        lines.find_end(head.as_bytes()).expect("a whole head");
        let fields = Fields::new(head.as_bytes(), lines.ends());
        request((b"GET", b"/a/7?x=1&token=t", Some(minor)), fields, caps())
    }

    fn shown(pairs: &Pairs) -> Vec<String> {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn fields_of_a_request() {
        let head = read(concat!(
            "GET /a/7?x=1&token=t HTTP/1.1\r\nHost: shop:80\r\nAccept: a\r\naccept: b\r\n",
            "Cookie: sid=12345; theme=dark\r\nX-Long: one\r\n  two\r\nUser-Agent: curl/8\r\n\r\n",
        ));
        assert_eq!(head.operation, "GET /a/{id}");
        assert_eq!((head.row.host.as_str(), head.row.user_agent.as_str()), ("shop:80", "curl/8"));
        assert_eq!(head.row.url, "/a/7?x=1&token=<masked 1 bytes>");
        assert_eq!(shown(&head.row.query_string), ["x=1", "token=<masked 1 bytes>"]);
        assert_eq!(
            shown(&head.row.request_headers),
            [
                "host=shop:80",
                "accept=a,b",
                "cookie=<masked 21 bytes>",
                "x-long=one two",
                "user-agent=curl/8",
            ]
        );
        assert_eq!(
            shown(&head.row.request_cookies),
            ["sid=<masked 5 bytes>", "theme=<masked 4 bytes>"]
        );
        assert!(!head.facts.malformed);
    }

    #[test]
    fn lengths_that_differ_are_ambiguous() {
        let announced = |headers: &str| {
            let head = read(&format!("GET / HTTP/1.1\r\n{headers}\r\n"));
            (head.facts.announced, head.facts.malformed)
        };
        let plain = Announced::default();
        let both = Announced { length: Some(3), chunked: true, ambiguous: true, ..plain };
        assert_eq!(announced("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), (both, false));
        assert_eq!(announced("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), (both, false));
        let differ = Announced { length: Some(3), ambiguous: true, ..plain };
        assert_eq!(announced("Content-Length: 3\r\nContent-Length: 4\r\n"), (differ, false));
        let same = Announced { length: Some(3), ..plain };
        assert_eq!(announced("Content-Length: 3\r\nContent-Length: 3\r\n"), (same, false));
        let coded = Announced { chunked: true, ..plain };
        let old = read_as("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0).facts;
        assert_eq!(old.announced, Announced { ambiguous: true, ..coded });
        assert_eq!(announced("Transfer-Encoding: gzip, Chunked\r\n"), (coded, false));
        assert_eq!(announced("Content-Length: x\r\n"), (plain, true));
        assert_eq!(announced("Content-Length: +3\r\n"), (plain, true));
        assert_eq!(announced("Host: a\r\nHost: b\r\n"), (plain, true));
        let spaced = announced("Transfer-Encoding : chunked\r\n");
        assert_eq!(spaced, (coded, true), "a space before the colon hides it from some");
        let strange = Announced { coded: true, ambiguous: true, ..plain };
        assert_eq!(announced("Transfer-Encoding: xchunked\r\n"), (strange, false));
    }
}
