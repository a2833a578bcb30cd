//! The first bytes of a stream -> is it HTTP/1?

use memchr::{memchr, memmem};

use super::super::{Direction, Opening, Probe};
use super::parse::{METHODS, StartLine, first_line, strip_line_end};

const VERSION: &[u8] = b"HTTP/1.";

/// Told by the first line alone; a port of HTTP's only helps a line that a server would refuse.
pub fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
    let bytes = bytes.get(start..).unwrap_or_default();
    if bytes.starts_with(VERSION) {
        return Probe::Yes(Some(Direction::ToClient));
    }
    if VERSION.starts_with(bytes) {
        return Probe::Maybe(start + VERSION.len());
    }
    match request(bytes, opening.port_hint) {
        Some(true) => Probe::Yes(Some(Direction::ToServer)),
        Some(false) => Probe::No,
        None => Probe::Maybe(start + bytes.len() + 1),
    }
}

/// Whether `bytes` begin a request; None while more are needed. A known method with a path is
/// enough, since SIP, RTSP and others never have a path there; anything else needs its version.
fn request(bytes: &[u8], port_hint: bool) -> Option<bool> {
    if let Some(lf) = memchr(b'\n', bytes) {
        let line = strip_line_end(bytes.get(..lf)?);
        return Some(match first_line(line) {
            Some(StartLine::Request { minor: None, target, .. }) => {
                port_hint && (target.is_empty() || memmem::find(target, b"HTTP/").is_some())
            }
            first => matches!(first, Some(StartLine::Request { .. })),
        });
    }
    let Some(space) = memchr(b' ', bytes) else {
        let is_prefix = METHODS.iter().any(|method| method.starts_with(bytes));
        let is_word = bytes.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
        return if is_prefix || (is_word && bytes.len() < 24) { None } else { Some(false) };
    };
    let (method, target) = bytes.split_at_checked(space)?;
    let target = target.strip_prefix(b" ")?;
    let is_known = METHODS.contains(&method);
    let has_path = target.starts_with(b"/") || target.starts_with(b"http");
    let is_plausible = method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    match (is_known, is_plausible, target.first()) {
        (true, ..) if has_path => Some(true),
        (_, true, Some(b'/') | None) => None,
        (true, _, Some(byte)) if byte.is_ascii_graphic() => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Probe {
        probe(Opening { sender: None, port_hint: false }, bytes)
    }

    #[test]
    fn told_by_content() {
        let (request, response) =
            (Probe::Yes(Some(Direction::ToServer)), Probe::Yes(Some(Direction::ToClient)));
        for (bytes, expected) in [
            ("GET /", request),
            ("\r\nPOST /x", request),
            ("HTTP/1.1 200", response),
            ("HT", Probe::Maybe(7)),
            ("PROPF", Probe::Maybe(6)),
            ("FROB /x", Probe::Maybe(8)),
            ("FROB /x HTTP/1.1\r\n", request),
            ("frob x HTTP/1.1\r\n", request),
            ("CONNECT a:443 HTTP/1.1\r\n", request),
            ("OPTIONS sip:a SIP/2.0\r\n", Probe::No),
            ("OPTIONS * RTSP/1.0\r\n", Probe::No),
            ("GET foo\r\n", Probe::No),
            ("PRI * HTTP/2.0\r\n", Probe::No),
            ("*1\r\n$4\r\nPING\r\n", Probe::No),
            ("get foo", Probe::No),
            ("\x16\x03\x01", Probe::No),
            ("HTTP/2", Probe::No),
            ("Lorem ipsum", Probe::No),
        ] {
            assert_eq!(verdict(bytes.as_bytes()), expected, "{bytes}");
        }
        let hinted = Opening { sender: None, port_hint: true };
        assert_eq!(probe(hinted, b"GET /HTTP/1.1\r\n"), request);
        assert_eq!(probe(hinted, b"OPTIONS * RTSP/1.0\r\n"), Probe::No);
        assert_eq!(verdict(b"GET /HTTP/1.1\r\n"), Probe::No);
    }
}
