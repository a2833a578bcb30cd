//! The first bytes of a body -> text: what a client sent, or what a server said went wrong. Coded
//! bodies (gzip, deflate, br, zstd) are decoded just as far; binary types give nothing.

use std::io::Read;

use brotli_decompressor::Decompressor as Brotli;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder as Zstd;

use super::super::graphql;
use super::super::secret::Secrets;
use super::super::text::{cut, text};
use super::fields::HttpRequest;
use super::headers::Caps;
use crate::field::Text;

const TEXT_BYTES_MAX: usize = 256;
/// Enough coded bytes to give that much text, headers and code tables included.
const CODED_BYTES_MAX: usize = 4096;
/// Window of zstd that is allowed for, as a power of two (RFC 8878 recommends 8 MiB).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Collects a body's beginning.
#[derive(Debug)]
pub struct Snippet {
    coding: Coding,
    bytes: Vec<u8>,
    /// The whole body is wanted, if it is not longer than this.
    whole_max: usize,
    /// It may be GraphQL, as its beginning will tell, and is wanted whole then: up to so much.
    graphql_max: usize,
}

impl Snippet {
    /// None where the body cannot be shown as text. `media_type` is lower case.
    pub fn new(media_type: &str, content_encoding: &str) -> Option<Self> {
        let coding = match content_encoding.trim() {
            "" | "identity" => Coding::Identity,
            coding if coding.eq_ignore_ascii_case("gzip") => Coding::Gzip,
            coding if coding.eq_ignore_ascii_case("x-gzip") => Coding::Gzip,
            coding if coding.eq_ignore_ascii_case("deflate") => Coding::Deflate,
            coding if coding.eq_ignore_ascii_case("br") => Coding::Brotli,
            coding if coding.eq_ignore_ascii_case("zstd") => Coding::Zstd,
            _ => return None,
        };
        is_text_type(media_type).then(|| Snippet {
            coding,
            bytes: Vec::new(),
            whole_max: 0,
            graphql_max: 0,
        })
    }

    /// Of a request's body.
    pub fn of_request(row: &HttpRequest, caps: Caps) -> Option<Self> {
        let coding = row.request_headers.get("content-encoding").unwrap_or_default();
        let snippet = Snippet::new(&row.request_content_type, coding)?;
        let is_json = row.request_content_type.contains("json");
        let is_graphql = row.request_content_type == "application/graphql";
        let is_wanted = (caps.wants_json && is_json) || is_graphql;
        let max = if is_wanted { caps.body_bytes_max } else { 0 };
        let graphql_max = if is_json { caps.body_bytes_max } else { 0 };
        Some(Snippet { graphql_max, ..snippet.keep(max) })
    }

    /// All of a body that may be GraphQL in JSON, at most `max` bytes.
    pub fn graphql(&self, max: usize) -> Option<Vec<u8>> {
        if self.graphql_max == 0 {
            return None;
        }
        let plain = self.plain(max);
        let beginning = plain.get(..TEXT_BYTES_MAX).unwrap_or(&plain);
        graphql::parse::may_be(beginning).then_some(plain)
    }

    /// Keeps more than is shown: `max` bytes, for whoever wants to read the whole body.
    pub fn keep(self, max: usize) -> Self {
        Snippet { whole_max: max, ..self }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let first = if self.coding == Coding::Identity { TEXT_BYTES_MAX } else { CODED_BYTES_MAX };
        let taken = self.fill(bytes, first.max(self.whole_max));
        // What is behind the beginning is wanted where that says so.
        if self.graphql_max > self.whole_max && self.bytes.len() == TEXT_BYTES_MAX {
            match self.coding == Coding::Identity && graphql::parse::may_be(&self.bytes) {
                true => self.whole_max = self.graphql_max,
                false => self.graphql_max = 0,
            }
        }
        self.fill(bytes.get(taken..).unwrap_or_default(), self.whole_max);
    }

    /// Takes as many bytes as there is room for.
    fn fill(&mut self, bytes: &[u8], max: usize) -> usize {
        let room = max.saturating_sub(self.bytes.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(taken);
        taken.len()
    }

    /// At most `max` bytes of the body, decoded.
    pub fn plain(&self, max: usize) -> Vec<u8> {
        let bytes = self.bytes.as_slice();
        match self.coding {
            Coding::Identity => bytes.get(..max).unwrap_or(bytes).to_vec(),
            Coding::Gzip => decode(GzDecoder::new(bytes), max),
            Coding::Deflate if is_zlib(bytes) => decode(ZlibDecoder::new(bytes), max),
            Coding::Deflate => decode(DeflateDecoder::new(bytes), max),
            Coding::Brotli => decode(Brotli::new(bytes, CODED_BYTES_MAX), max),
            Coding::Zstd => zstd(bytes, max),
        }
    }

    /// The text, secrets masked; empty when it turns out to be none.
    pub fn into_text(self, secrets: Secrets) -> Text {
        shown(&self.plain(TEXT_BYTES_MAX), secrets)
    }
}

/// The beginning of a decoded body as text, secrets masked; empty when it is none.
pub fn shown(plain: &[u8], secrets: Secrets) -> Text {
    if plain.contains(&0) {
        return Text::default();
    }
    let shown = text(plain, TEXT_BYTES_MAX);
    let is_form = !shown.starts_with(['{', '[', '<']) && shown.contains('=');
    match is_form {
        true => Text::from(cut(&secrets.form(&shown), TEXT_BYTES_MAX)),
        false => Text::from(cut(&secrets.body(&shown), TEXT_BYTES_MAX)),
    }
}

/// What can be decoded of a beginning.
fn decode(mut decoder: impl Read, max: usize) -> Vec<u8> {
    let mut plain = vec![0; max];
    let mut filled = 0;
    while let Some(room) = plain.get_mut(filled..).filter(|room| !room.is_empty()) {
        match decoder.read(room) {
            Ok(read @ 1..) => filled += read,
            _ => break,
        }
    }
    plain.truncate(filled);
    plain
}

fn zstd(bytes: &[u8], max: usize) -> Vec<u8> {
    let Ok(mut decoder) = Zstd::with_buffer(bytes) else { return Vec::new() };
    match decoder.window_log_max(ZSTD_WINDOW_LOG_MAX) {
        Ok(()) => decode(decoder, max),
        Err(_) => Vec::new(),
    }
}

/// `deflate` means zlib (RFC 9110 section 8.4.1.2), but some servers leave its two bytes out.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0
        }
        _ => false,
    }
}

fn is_text_type(media_type: &str) -> bool {
    media_type.is_empty()
        || media_type.starts_with("text/")
        || ["json", "xml", "javascript", "x-www-form-urlencoded", "yaml", "graphql"]
            .iter()
            .any(|kind| media_type.contains(kind))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;
    use crate::limits::Limits;

    fn read(media_type: &str, coding: &str, body: &[u8]) -> Option<Text> {
        let mut snippet = Snippet::new(media_type, coding)?;
        body.chunks(7).for_each(|part| snippet.push(part));
        Some(snippet.into_text(Secrets::new(&Limits::default())))
    }

    #[test]
    fn plain_text_is_cut() {
        assert_eq!(read("text/plain", "", b"no such order"), Some("no such order".into()));
        assert_eq!(read("", "", &[b'x'; 999]).map(|t| t.len()), Some(256));
        assert_eq!(read("", "", b"\0\x01"), Some("".into()));
        assert_eq!(read("image/png", "", b"x"), None);
        assert_eq!(read("application/json", "compress", b"x"), None);
        assert_eq!(
            read("application/json", "", br#"{"token":"abc"}"#),
            Some(r#"{"token":"<masked 3 bytes>"}"#.into())
        );
    }

    #[test]
    fn whole_bodies_where_they_are_wanted() {
        let body = "x".repeat(1000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(body.as_bytes()).expect("in memory");
        for (coding, bytes) in [("", body.clone().into_bytes()), ("gzip", gzip.finish().unwrap())] {
            let mut snippet = Snippet::new("application/json", coding).unwrap().keep(800);
            bytes.chunks(7).for_each(|part| snippet.push(part));
            assert_eq!(snippet.plain(800).len(), 800);
            assert_eq!(snippet.into_text(Secrets::new(&Limits::default())).len(), 256);
        }
        let form = read("application/x-www-form-urlencoded", "", b"user=ann&password=abc");
        assert_eq!(form.as_deref(), Some("user=ann&password=<masked 3 bytes>"));
    }

    #[test]
    fn coded_text_is_decoded_as_far_as_it_goes() {
        let body = "upstream connect error ".repeat(200);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        for encoder in [&mut gzip as &mut dyn Write, &mut zlib, &mut raw] {
            encoder.write_all(body.as_bytes()).expect("in memory");
        }
        let gzip = gzip.finish().expect("in memory");
        let (zlib, raw) = (zlib.finish().expect("in memory"), raw.finish().expect("in memory"));
        for (coding, bytes) in [("gzip", &gzip), ("deflate", &zlib), ("deflate", &raw)] {
            assert_eq!(read("text/plain", coding, bytes).as_deref(), body.get(..256));
        }
        let zstd = ::zstd::encode_all(body.as_bytes(), 3).expect("in memory");
        assert_eq!(read("text/plain", "zstd", &zstd).as_deref(), body.get(..256));
        assert_eq!(read("text/plain", "zstd", b"not zstd"), Some("".into()));
        // Python's brotli 1.1: `no such order` 10 times.
        let br = b"\x1b\x81\x00\xf8\x8d\x94\x6e\xde\x44\xed\xf6\x36\x57\x27\x41\xc6\xd0\x6a\x97\xc0\xaa\x01\x13\x40\xdd\x7e\x00";
        assert_eq!(
            read("text/plain", "br", br).as_deref(),
            Some("no such order".repeat(10).as_str())
        );
        let half = read("text/plain", "gzip", &gzip[..gzip.len() - 8]);
        assert_eq!(half.as_deref(), body.get(..256));
        assert_eq!(read("text/plain", "gzip", b"not gzip"), Some("".into()));
    }
}
