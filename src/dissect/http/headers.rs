//! Header fields -> rows: the map of all, and what single ones mean whatever the version of HTTP.

use super::super::secret::Secrets;
use super::super::text::text;
use super::fields::{HttpRequest, HttpResponse};
use super::target::Target;
use crate::field::{Pairs, Text};
use crate::limits::Limits;

/// What shapes the rows.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    pub head_bytes_max: usize,
    pub headers_max: usize,
    pub field_bytes_max: usize,
    pub requests_open_max: usize,
    /// Of a body that is looked into.
    pub body_bytes_max: usize,
    /// Members of JSON bodies are asked for.
    pub wants_json: bool,
    pub secrets: Secrets,
}

impl Caps {
    pub fn new(limits: &Limits) -> Self {
        Caps {
            head_bytes_max: limits.http_head_bytes_max,
            headers_max: limits.http_headers_max,
            field_bytes_max: limits.field_bytes_max,
            requests_open_max: limits.calls_pending_max,
            body_bytes_max: limits.http_body_bytes_max,
            wants_json: limits.correlate.iter().any(|rule| rule.starts_with("json:")),
            secrets: Secrets::new(limits),
        }
    }
}

/// Header fields on their way into a row.
#[derive(Debug, Default)]
pub struct Headers {
    pub pairs: Pairs,
    cookies: Pairs,
    pub host: Text,
    user_agent: Text,
    pub media_type: Text,
    pub content_encoding: Text,
}

impl Headers {
    /// Room for so many fields and bytes of text.
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Headers { pairs: Pairs::with_capacity(fields, bytes), ..Headers::default() }
    }

    /// Adds a field; `name` is lower case.
    pub fn push(&mut self, name: &str, value: &str, caps: Caps) {
        match name {
            "host" => self.host = Text::from(value),
            "user-agent" => self.user_agent = Text::from(value),
            "content-type" => self.media_type = media_type(value),
            "content-encoding" => self.content_encoding = Text::from(value),
            "cookie" => cookies(value, caps, &mut self.cookies),
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                cookies(pair, caps, &mut self.cookies);
            }
            _ => {}
        }
        self.pairs.push(name, &caps.secrets.header(name, value));
    }

    fn joined(pairs: Pairs) -> Pairs {
        if pairs.has_repeats() { pairs.joined() } else { pairs }
    }

    /// The row of a request whose head had `size` bytes.
    pub fn into_request(
        self,
        (method, target, version): (Text, &Target<'_>, Text),
        size: u64,
        caps: Caps,
    ) -> HttpRequest {
        let host = if target.host.is_empty() { self.host } else { target.host.into() };
        HttpRequest {
            url: Text::from(caps.secrets.url(target.url)),
            path: Text::from(caps.secrets.url(target.path)),
            http_version: version,
            host,
            query_string: target.parameters(caps.headers_max, caps.secrets),
            request_cookies: self.cookies,
            request_headers_size: size as i64,
            request_body_size: 0,
            request_content_type: self.media_type,
            request_body: Text::default(),
            request_json: Pairs::default(),
            user_agent: self.user_agent,
            request_cut: false,
            request_headers: Self::joined(self.pairs),
            method,
        }
    }

    /// The row of a response whose head had `size` bytes.
    pub fn into_response(self, version: Text, status_text: Text, size: u64) -> HttpResponse {
        HttpResponse {
            http_version: version,
            status_text,
            response_cookies: self.cookies,
            response_headers_size: size as i64,
            response_body_size: 0,
            response_content_type: self.media_type,
            response_body: Text::default(),
            response_cut: false,
            response_headers: Self::joined(self.pairs),
        }
    }
}

/// Names up to this long take no allocation.
const SHORT: usize = 32;

/// A header's or trailer's name as it is stored: in lower case.
pub enum Name {
    Short([u8; SHORT], usize),
    Long(Text),
}

impl Name {
    pub fn new(name: &[u8], caps: Caps) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..name.len()) {
            Some(space) if name.is_ascii() && name.len() <= caps.field_bytes_max => {
                space.copy_from_slice(name);
                // All of it, since a fixed length is done at once.
                short.make_ascii_lowercase();
                Name::Short(short, name.len())
            }
            _ => {
                let mut long = text(name, caps.field_bytes_max);
                long.make_ascii_lowercase();
                Name::Long(long)
            }
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Name::Short(bytes, len) => {
                bytes.get(..*len).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
            }
            Name::Long(text) => text,
        }
    }
}

/// Adds a trailer field to the headers, unless it is one that only a head may hold.
pub fn trailer(name: &str, value: &str, headers: &mut Pairs, caps: Caps) {
    let is_framing = matches!(name, "" | "content-length" | "transfer-encoding" | "host");
    if headers.len() < caps.headers_max && !is_framing && headers.get(name).is_none() {
        headers.push(name, &caps.secrets.header(name, value));
    }
}

/// `Application/JSON; charset=utf-8` -> `application/json`.
fn media_type(value: &str) -> Text {
    let mut media_type = Text::from(value.split(';').next().unwrap_or_default().trim());
    media_type.make_ascii_lowercase();
    media_type
}

/// `a=1; b=2` -> names with values as they are stored. What has no `=` is a value without a name
/// (RFC 6265bis, section 5.6), so that no secret is shown as one.
fn cookies(value: &str, caps: Caps, out: &mut Pairs) {
    for pair in value.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        out.push(name, &caps.secrets.cookie(value));
    }
}
