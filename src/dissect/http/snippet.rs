//! The first bytes of an error's body -> a line or two of text: what the server said went wrong.
//! Coded bodies (gzip, deflate, br, zstd) are decoded just as far; binary types give nothing.

use std::io::Read;

use brotli_decompressor::Decompressor as Brotli;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder as Zstd;

use super::super::secret::Secrets;
use super::super::text::{cut, text};
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
        is_text_type(media_type).then(|| Snippet { coding, bytes: Vec::new() })
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let max = if self.coding == Coding::Identity { TEXT_BYTES_MAX } else { CODED_BYTES_MAX };
        let room = max.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The text, secrets masked; empty when it turns out to be none.
    pub fn into_text(self, secrets: Secrets) -> Text {
        let plain = match self.coding {
            Coding::Identity => self.bytes,
            Coding::Gzip => decode(GzDecoder::new(self.bytes.as_slice())),
            Coding::Deflate if is_zlib(&self.bytes) => {
                decode(ZlibDecoder::new(self.bytes.as_slice()))
            }
            Coding::Deflate => decode(DeflateDecoder::new(self.bytes.as_slice())),
            Coding::Brotli => decode(Brotli::new(self.bytes.as_slice(), CODED_BYTES_MAX)),
            Coding::Zstd => zstd(&self.bytes),
        };
        if plain.contains(&0) {
            return Text::default();
        }
        let shown = text(&plain, TEXT_BYTES_MAX);
        Text::from(cut(&secrets.body(&shown), TEXT_BYTES_MAX))
    }
}

/// What can be decoded of a beginning.
fn decode(mut decoder: impl Read) -> Vec<u8> {
    let mut plain = vec![0; TEXT_BYTES_MAX];
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

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let Ok(mut decoder) = Zstd::with_buffer(bytes) else { return Vec::new() };
    match decoder.window_log_max(ZSTD_WINDOW_LOG_MAX) {
        Ok(()) => decode(decoder),
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

    fn shown(media_type: &str, coding: &str, body: &[u8]) -> Option<Text> {
        let mut snippet = Snippet::new(media_type, coding)?;
        body.chunks(7).for_each(|part| snippet.push(part));
        Some(snippet.into_text(Secrets::new(&Limits::default())))
    }

    #[test]
    fn plain_text_is_cut() {
        assert_eq!(shown("text/plain", "", b"no such order"), Some("no such order".into()));
        assert_eq!(shown("", "", &[b'x'; 999]).map(|t| t.len()), Some(256));
        assert_eq!(shown("", "", b"\0\x01"), Some("".into()));
        assert_eq!(shown("image/png", "", b"x"), None);
        assert_eq!(shown("application/json", "compress", b"x"), None);
        assert_eq!(
            shown("application/json", "", br#"{"token":"abc"}"#),
            Some(r#"{"token":"<masked 3 bytes>"}"#.into())
        );
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
            assert_eq!(shown("text/plain", coding, bytes).as_deref(), body.get(..256));
        }
        let zstd = ::zstd::encode_all(body.as_bytes(), 3).expect("in memory");
        assert_eq!(shown("text/plain", "zstd", &zstd).as_deref(), body.get(..256));
        assert_eq!(shown("text/plain", "zstd", b"not zstd"), Some("".into()));
        // Python's brotli 1.1: `no such order` 10 times.
        let br = b"\x1b\x81\x00\xf8\x8d\x94\x6e\xde\x44\xed\xf6\x36\x57\x27\x41\xc6\xd0\x6a\x97\xc0\xaa\x01\x13\x40\xdd\x7e\x00";
        assert_eq!(
            shown("text/plain", "br", br).as_deref(),
            Some("no such order".repeat(10).as_str())
        );
        let half = shown("text/plain", "gzip", &gzip[..gzip.len() - 8]);
        assert_eq!(half.as_deref(), body.get(..256));
        assert_eq!(shown("text/plain", "gzip", b"not gzip"), Some("".into()));
    }
}
