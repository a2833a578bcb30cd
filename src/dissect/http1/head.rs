//! Heads -> rows: one pass over the header lines fills the fields and collects what decides how
//! the message goes on (lengths, codings, upgrades).

use std::borrow::Cow;

use super::super::secret::Secrets;
use super::super::text::{lossy, text};
use super::super::{Trace, operation, trace};
use super::body::Announced;
use super::fields::{HttpRequest, HttpResponse};
use super::parse::{Field, Fields, content_length};
use super::target::Target;
use crate::field::{Pairs, Text};
use crate::limits::Limits;

/// What shapes the rows.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    pub head_bytes_max: usize,
    headers_max: usize,
    field_bytes_max: usize,
    pub requests_open_max: usize,
    pub secrets: Secrets,
}

impl Caps {
    pub fn new(limits: &Limits) -> Self {
        Caps {
            head_bytes_max: limits.http_head_bytes_max,
            headers_max: limits.http_headers_max,
            field_bytes_max: limits.field_bytes_max,
            requests_open_max: limits.calls_pending_max,
            secrets: Secrets::new(limits),
        }
    }
}

/// What a head says besides its fields.
#[derive(Debug, Default)]
pub struct Facts {
    pub announced: Announced,
    /// The client offers, or the server agrees, to go on in another protocol.
    pub upgrade: bool,
    /// A line that is no header field, or a length that is no number.
    pub malformed: bool,
}

/// Header fields on their way into a row.
struct Headers {
    pairs: Pairs,
    cookies: Pairs,
    host: Text,
    user_agent: Text,
    media_type: Text,
    content_encoding: Text,
    facts: Facts,
}

impl Headers {
    fn read(fields: Fields<'_>, caps: Caps) -> Self {
        let (lines, bytes) = fields.size();
        let mut headers = Headers {
            pairs: Pairs::with_capacity(lines.min(caps.headers_max), bytes),
            cookies: Pairs::new(),
            host: Text::default(),
            user_agent: Text::default(),
            media_type: Text::default(),
            content_encoding: Text::default(),
            facts: Facts::default(),
        };
        for field in fields.take(caps.headers_max) {
            headers.push(field, caps);
        }
        if headers.pairs.has_repeats() {
            headers.pairs = headers.pairs.joined();
        }
        headers
    }

    fn push(&mut self, field: Field<'_>, caps: Caps) {
        self.facts.malformed |= !field.well_formed;
        if field.name.is_empty() {
            return;
        }
        let mut name = text(field.name, caps.field_bytes_max);
        name.make_ascii_lowercase();
        let value = value_text(field, caps);
        self.note(&name, &value, field.value, caps);
        self.pairs.push(&name, &caps.secrets.header(&name, &value));
    }

    /// Keeps what a header means, beyond its place in the map.
    fn note(&mut self, name: &str, value: &str, raw: &[u8], caps: Caps) {
        match name {
            "host" => self.host = Text::from(value),
            "user-agent" => self.user_agent = Text::from(value),
            "content-type" => self.media_type = media_type(value),
            "content-encoding" => self.content_encoding = Text::from(value),
            "content-length" => self.facts.length(raw),
            "transfer-encoding" => self.facts.coding(value),
            "upgrade" => self.facts.upgrade = true,
            "cookie" => cookies(value, caps, &mut self.cookies),
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                cookies(pair, caps, &mut self.cookies);
            }
            _ => {}
        }
    }
}

impl Facts {
    fn length(&mut self, value: &[u8]) {
        let Some((length, agrees)) = content_length(value) else {
            self.malformed = true;
            return;
        };
        let first = *self.announced.length.get_or_insert(length);
        self.announced.ambiguous |= !agrees || first != length || self.announced.chunked;
    }

    /// `gzip, chunked`: the last coding decides how the end is found (RFC 9112 section 6.3).
    fn coding(&mut self, value: &str) {
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

/// `Application/JSON; charset=utf-8` -> `application/json`.
fn media_type(value: &str) -> Text {
    let mut media_type = Text::from(value.split(';').next().unwrap_or_default().trim());
    media_type.make_ascii_lowercase();
    media_type
}

/// `a=1; b=2` -> names with values as they are stored.
fn cookies(value: &str, caps: Caps, out: &mut Pairs) {
    for pair in value.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        out.push(name, &caps.secrets.cookie(value));
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
    let headers = Headers::read(fields, caps);
    let target = lossy(target, caps.field_bytes_max);
    let target = Target::parse(&target, method == b"CONNECT");
    let method = text(method, caps.field_bytes_max);
    let host = if target.host.is_empty() { headers.host } else { target.host.into() };
    let mut facts = headers.facts;
    facts.malformed |= minor.is_none();
    let row = HttpRequest {
        url: Text::from(caps.secrets.url(target.url)),
        path: Text::from(caps.secrets.url(target.path)),
        http_version: minor.map(version).unwrap_or_default(),
        host,
        query_string: target.parameters(caps.headers_max, caps.secrets),
        request_cookies: headers.cookies,
        request_headers_size: size as i64,
        request_body_size: 0,
        request_content_type: headers.media_type,
        user_agent: headers.user_agent,
        request_cut: false,
        request_headers: headers.pairs,
        method,
    };
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
    let headers = Headers::read(fields, caps);
    let row = HttpResponse {
        http_version: version(minor),
        status_text: text(reason, caps.field_bytes_max),
        response_cookies: headers.cookies,
        response_headers_size: size as i64,
        response_body_size: 0,
        response_content_type: headers.media_type,
        response_body: Text::default(),
        response_cut: false,
        response_headers: headers.pairs,
    };
    ResponseHead {
        trace: trace::from_headers(&row.response_headers),
        content_encoding: headers.content_encoding,
        facts: headers.facts,
        row: Box::new(row),
    }
}

/// A trailer line -> one more header, unless it is one that only a head may hold.
pub fn trailer(line: &[u8], headers: &mut Pairs, caps: Caps) {
    let field = super::parse::field(line);
    let mut name = text(field.name, caps.field_bytes_max);
    name.make_ascii_lowercase();
    let is_framing = matches!(&*name, "" | "content-length" | "transfer-encoding" | "host");
    if headers.len() < caps.headers_max && !is_framing && headers.get(&name).is_none() {
        let value = value_text(field, caps);
        headers.push(&name, &caps.secrets.header(&name, &value));
    }
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

    fn caps() -> Caps {
        Caps::new(&Limits::default())
    }

    fn read(head: &str) -> RequestHead {
        let mut lines = HeadLines::default();
        lines.find_end(head.as_bytes()).expect("a whole head");
        let fields = Fields::new(head.as_bytes(), lines.ends());
        request((b"GET", b"/a/7?x=1&token=t", Some(1)), fields, caps())
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
        assert_eq!(announced("Transfer-Encoding: gzip, Chunked\r\n"), (coded, false));
        assert_eq!(announced("Content-Length: x\r\n"), (plain, true));
    }
}
