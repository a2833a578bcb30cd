//! The bytes of one call, read again from the capture: frames hold no bodies. Follows the call's
//! connection from the request's packet to the end of the answer, puts TCP in order, and takes
//! HTTP/1 bodies out of their framing. Everything is bounded.

use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::capture::{Batch, CaptureError, SegmentReader};
use crate::dissect::Secrets;
use crate::limits::Limits;
use crate::packet::{Endpoint, Key, Packet, Proto, Side, Transport, decode};
use crate::stream::{Event, Reassembler};

/// Bytes of one direction kept before they are taken apart.
const STREAM_BYTES_MAX: usize = 4 << 20;

/// Where a call's packets are.
#[derive(Debug, Clone)]
pub struct Place {
    /// Files of the vantage from the one with the request on, with their numbers.
    pub files: Vec<(u32, PathBuf)>,
    /// Record number of the request's first packet in the first file.
    pub request_frame: u32,
    /// File and record number of the response's first packet, if there is one.
    pub response: Option<(u32, u32)>,
    pub is_tcp: bool,
    /// Who asked, and who was asked.
    pub caller: (IpAddr, u16),
    pub callee: (IpAddr, u16),
    /// The last moment that counts, by the vantage's own clock.
    pub until_ns: i64,
}

/// What both sides said, in order.
#[derive(Debug, Default)]
pub struct Exchange {
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    /// Bytes that were not captured, or not kept.
    pub lost: u64,
}

fn endpoint((ip, port): (IpAddr, u16)) -> Endpoint {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    Endpoint { ip: u128::from(ip), port }
}

/// Reads the exchange.
///
/// # Errors
/// A file that cannot be opened any more.
pub fn read(place: &Place, limits: &Limits) -> Result<Exchange, CaptureError> {
    let proto = if place.is_tcp { Proto::Tcp } else { Proto::Udp };
    let (key, caller) = Key::new(proto, endpoint(place.caller), endpoint(place.callee));
    let mut follow =
        Follow { key, caller, streams: Default::default(), found: Exchange::default() };
    for (position, (segment, path)) in place.files.iter().enumerate() {
        let mut reader = SegmentReader::open(path)?;
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch, limits.batch_bytes, limits) {
            for record in &batch.records {
                if position == 0 && record.frame < place.request_frame {
                    continue;
                }
                if record.ts_ns > place.until_ns {
                    return Ok(follow.found);
                }
                let decoded = decode(&batch, record, *segment, limits);
                if let Some(packet) = decoded.packet().filter(|packet| packet.key == key) {
                    let answer_begun =
                        place.response.is_none_or(|begin| (*segment, record.frame) >= begin);
                    follow.packet(packet, packet.payload(&batch), answer_begun, limits);
                }
            }
        }
    }
    Ok(follow.found)
}

struct Follow {
    key: Key,
    caller: Side,
    streams: [Reassembler<()>; 2],
    found: Exchange,
}

impl Follow {
    fn packet(&mut self, packet: &Packet, payload: &[u8], answer_begun: bool, limits: &Limits) {
        debug_assert!(packet.key == self.key);
        let asks = packet.from == self.caller;
        if !asks && !answer_begun {
            return;
        }
        let Exchange { request, response, lost } = &mut self.found;
        let into = if asks { request } else { response };
        let mut keep = |bytes: &[u8]| {
            let room = STREAM_BYTES_MAX.saturating_sub(into.len());
            let kept = bytes.get(..room).unwrap_or(bytes);
            into.extend_from_slice(kept);
            *lost += (bytes.len() - kept.len()) as u64;
        };
        match packet.transport {
            Transport::Tcp(tcp) if !payload.is_empty() || packet.payload_cut > 0 => {
                let seq = if tcp.flags.syn() { tcp.seq.wrapping_add(1) } else { tcp.seq };
                let stream = &mut self.streams[usize::from(asks)];
                stream.segment(seq, payload, packet.payload_cut, (), limits, |event| match event {
                    Event::Bytes(bytes, (), _) => keep(bytes),
                    Event::Gap(..) | Event::Anomaly(..) => {}
                });
            }
            Transport::Tcp(_) => {}
            _ => keep(payload),
        }
    }
}

/// A body as people read it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Body {
    /// Text, secrets masked; for what is no text the first bytes in hexadecimal.
    pub content: String,
    pub is_text: bool,
    /// Bytes of the body once decoded, as far as it was read.
    pub bytes: u64,
    /// Not all of it is shown.
    pub truncated: bool,
    /// Why the content may not be what was meant.
    pub note: Option<String>,
}

/// The body of the HTTP/1 message that begins with `start`; `None` where there is none. `size` is
/// what is known of its length: one that announces none ends there.
pub fn http1_body(
    stream: &[u8],
    start: &str,
    size: usize,
    most: usize,
    limits: &Limits,
) -> Option<Body> {
    let begin = find(stream, start.as_bytes())?;
    let message = stream.get(begin..)?;
    let head_end = find(message, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(message.get(..head_end)?).into_owned();
    // What comes before the final answer is none: RFC 9110, section 15.2.
    if start.starts_with("HTTP/") && head.split(' ').nth(1).is_some_and(|s| s.starts_with('1')) {
        return http1_body(message.get(head_end..)?, start, size, most, limits);
    }
    let header = |name: &str| {
        let line = head.lines().skip(1).find(|line| {
            line.split_once(':').is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        });
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_lowercase())
    };
    let rest = message.get(head_end..)?;
    let mut note = None;
    let framed = match (header("transfer-encoding"), header("content-length")) {
        (Some(coding), _) if coding.contains("chunked") => dechunk(rest),
        (_, Some(length)) => {
            let length: usize = length.parse().ok()?;
            if rest.len() < length {
                note = Some(format!("only {} of {length} bytes were captured", rest.len()));
            }
            rest.get(..length).unwrap_or(rest).to_vec()
        }
        // A request without a length has no body; an answer lasts to the end of the connection.
        _ if start.starts_with("HTTP/") => rest.get(..size).unwrap_or(rest).to_vec(),
        _ => return None,
    };
    if framed.is_empty() && note.is_none() {
        return None;
    }
    let coding = header("content-encoding").unwrap_or_default();
    let plain = match uncoded(&framed, &coding) {
        Ok(plain) => plain,
        Err(why) => {
            note = Some(why);
            framed
        }
    };
    let media = header("content-type").unwrap_or_default();
    Some(shown(&plain, &media, most, note, limits))
}

/// Bytes as people read them.
pub fn shown(
    bytes: &[u8],
    media: &str,
    most: usize,
    note: Option<String>,
    limits: &Limits,
) -> Body {
    const HEX_BYTES: usize = 256;
    let kept = bytes.get(..most).unwrap_or(bytes);
    let whole = match std::str::from_utf8(kept) {
        Ok(text) => Some(text),
        // Cut within a character.
        Err(error) if error.error_len().is_none() && kept.len() < bytes.len() => {
            std::str::from_utf8(kept.get(..error.valid_up_to()).unwrap_or_default()).ok()
        }
        Err(_) => None,
    };
    let (content, is_text, shown) = match whole.filter(|text| !text.contains('\0')) {
        Some(text) => (masked(text, media, limits), true, text.len()),
        None => {
            let part = kept.get(..HEX_BYTES).unwrap_or(kept);
            let hex: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
            (hex.join(" "), false, part.len())
        }
    };
    Body { content, is_text, bytes: bytes.len() as u64, truncated: shown < bytes.len(), note }
}

fn masked(text: &str, media: &str, limits: &Limits) -> String {
    let secrets = Secrets::new(limits);
    match media.starts_with("application/x-www-form-urlencoded") {
        true => secrets.url(&format!("?{text}")).trim_start_matches('?').to_string(),
        false => secrets.body(text).into_owned(),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

/// The content of a chunked body (RFC 9112, section 7.1), as far as it is there.
fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        let size = line.split(';').next().unwrap_or("").trim();
        let Ok(size) = usize::from_str_radix(size, 16) else { break };
        let data = rest.get(end + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
        content.extend_from_slice(data.get(..size).unwrap_or(data));
        rest = data.get(size.saturating_add(2)..).unwrap_or_default();
    }
    content
}

/// Undoes a content coding, up to a bound. Errors: a coding that is not known, in words.
fn uncoded(bytes: &[u8], coding: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let most = STREAM_BYTES_MAX as u64;
    // A cut stream still gives what comes before the cut.
    let _ = match coding {
        "" | "identity" => return Ok(bytes.to_vec()),
        "gzip" | "x-gzip" => {
            flate2::read::MultiGzDecoder::new(bytes).take(most).read_to_end(&mut out)
        }
        "deflate" if bytes.first() == Some(&0x78) => {
            flate2::read::ZlibDecoder::new(bytes).take(most).read_to_end(&mut out)
        }
        "deflate" => flate2::read::DeflateDecoder::new(bytes).take(most).read_to_end(&mut out),
        "zstd" => match zstd::stream::read::Decoder::new(bytes) {
            Ok(decoder) => decoder.take(most).read_to_end(&mut out),
            Err(error) => Err(error),
        },
        other => return Err(format!("content coding {other} is not undone here")),
    };
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(stream: &[u8], start: &str) -> Option<Body> {
        http1_body(stream, start, 5, 64, &Limits::default())
    }

    #[test]
    fn bodies_come_out_of_their_framing() {
        let stream = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n";
        assert_eq!(body(stream, "POST /a ").unwrap().content, "hello");
        assert_eq!(body(stream, "GET /b "), None);
        let chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=1\r\nwiki\r\n3\r\nped\r\n0\r\n\r\n";
        assert_eq!(body(chunked, "HTTP/").unwrap().content, "wikiped");
        let to_the_end = b"HTTP/1.1 200 OK\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(body(to_the_end, "HTTP/").unwrap().content, "hello");
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf";
        let cut = body(cut, "HTTP/").unwrap();
        assert_eq!((cut.content.as_str(), cut.note.is_some()), ("half", true));
    }

    #[test]
    fn coded_bodies_are_decoded_and_secrets_masked() {
        use std::io::Write;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(br#"{"user":"ann","password":"hunter2"}"#).unwrap();
        let gz = gz.finish().unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            gz.len()
        );
        let stream = [head.as_bytes(), &gz].concat();
        let shown = body(&stream, "HTTP/").unwrap();
        assert!(shown.content.contains("ann") && !shown.content.contains("hunter2"), "{shown:?}");
        let form = b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n\r\nuser=a&password=hunter";
        let shown = body(form, "POST / ").unwrap();
        assert!(shown.content.starts_with("user=a&password=<masked"), "{shown:?}");
    }

    #[test]
    fn what_is_no_text_is_shown_as_bytes() {
        let binary = shown(&[0, 255, 16], "", 64, None, &Limits::default());
        assert_eq!((binary.content.as_str(), binary.is_text), ("00 ff 10", false));
        let long = shown("äöü".repeat(40).as_bytes(), "", 65, None, &Limits::default());
        assert!(long.is_text && long.truncated, "{long:?}");
    }

    #[test]
    fn lying_lengths_are_bounded() {
        for stream in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
        ] {
            let _ = body(stream, "HTTP/");
        }
    }
}
