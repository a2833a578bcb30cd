//! HTTP paths -> endpoint templates: segments that name one thing of many become `{id}`, so that
//! calls of one endpoint share a name. Judged by the segment's own shape, never by what other
//! calls looked like: the same path has the same template in every capture.

use memchr::{memchr, memrchr};

use super::text::cut;
use crate::field::Text;

const BYTES_MAX: usize = 128;
const ID: &str = "{id}";

/// `GET` and `/orders/42?x=1` -> `GET /orders/{id}`; at most 128 bytes. CONNECT names a host and
/// its port, which stay.
pub fn endpoint(method: &str, path: &str) -> Text {
    let mut out = Text::with_capacity((method.len() + 1 + path.len()).min(BYTES_MAX));
    out.push_str(method);
    out.push(' ');
    match method {
        "CONNECT" => out.push_str(path),
        _ => template(path, &mut out),
    }
    out.truncate(out.floor_char_boundary(BYTES_MAX));
    out
}

/// Appends the template of `path`, which may carry a query or path parameters.
fn template(path: &str, out: &mut Text) {
    let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#' | b';'));
    let path = path.get(..end.unwrap_or(path.len())).unwrap_or(path);
    // What stays is copied in one piece up to the next id.
    let (mut copied, mut at) = (0, 0);
    loop {
        let rest = path.get(at..).unwrap_or_default();
        let len = memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
        if let Some(id_len) = id_prefix(rest.get(..len).unwrap_or_default()) {
            out.push_str(path.get(copied..at).unwrap_or_default());
            out.push_str(ID);
            copied = at + id_len;
        }
        at += len + 1;
        if len == rest.len() || out.len() + (at - copied) > BYTES_MAX {
            break;
        }
    }
    out.push_str(cut(path.get(copied..).unwrap_or_default(), BYTES_MAX));
}

/// Length of the id that a segment begins with: all of it, or what stands before its extension.
fn id_prefix(segment: &str) -> Option<usize> {
    // Names without a digit or a foreign byte are most segments, told quickly.
    if !segment.bytes().any(|byte| !byte.is_ascii_alphabetic() && byte != b'-' && byte != b'_') {
        return None;
    }
    let extension = memrchr(b'.', segment.as_bytes()).filter(|_| !is_version(segment));
    let split = extension.and_then(|dot| Some((segment.get(..dot)?, segment.get(dot + 1..)?)));
    match split {
        Some((stem, extension))
            if is_extension(extension) && !stem.contains('@') && is_id(stem) =>
        {
            Some(stem.len())
        }
        _ if !is_version(segment) && is_id(segment) => Some(segment.len()),
        _ => None,
    }
}

/// `v1`, `v2beta1`, `v1.2`: names of interfaces.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix(['v', 'V']) else { return false };
    rest.len() <= 10
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest
            .split(|c: char| c.is_ascii_digit() || c == '.')
            .all(|word| matches!(word, "" | "alpha" | "beta" | "rc"))
}

/// `png`, `json`, `mp4`: what may follow an id's last dot.
fn is_extension(text: &str) -> bool {
    (2..=5).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_id(segment: &str) -> bool {
    let shape = Shape::of(segment);
    let length = segment.len();
    match () {
        _ if shape.foreign > 0 => true,
        _ if shape.digits == 0 => false,
        _ if shape.digits == length => true,
        _ if shape.hex == length && length >= 8 => true,
        _ if is_uuid(segment) || ends_in_number(segment) => true,
        _ if shape.letters + shape.digits == length => length >= 16 || letters_then_digits(segment),
        // A hyphenated name may hold a digit or two; a token holds more.
        _ => length >= 16 && shape.letters > 0 && shape.digits >= 3,
    }
}

/// What a segment is made of.
#[derive(Default)]
struct Shape {
    digits: usize,
    letters: usize,
    hex: usize,
    /// Bytes that endpoint names do not have: `@`, `%`, controls, anything beyond ASCII.
    foreign: usize,
}

impl Shape {
    fn of(segment: &str) -> Self {
        let mut shape = Shape::default();
        for byte in segment.bytes() {
            match byte {
                b'0'..=b'9' => (shape.digits, shape.hex) = (shape.digits + 1, shape.hex + 1),
                b'a'..=b'f' | b'A'..=b'F' => {
                    (shape.letters, shape.hex) = (shape.letters + 1, shape.hex + 1);
                }
                b'g'..=b'z' | b'G'..=b'Z' => shape.letters += 1,
                b'@' | b'%' | 0..=b' ' | 0x7f.. => shape.foreign += 1,
                _ => {}
            }
        }
        shape
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `sku-015`, `user_42`, `order:7`.
fn ends_in_number(segment: &str) -> bool {
    let stem = segment.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.len() < segment.len() && stem.ends_with(['-', '_', '.', ':'])
}

/// `u0023`, but neither `oauth2` nor `s3`.
fn letters_then_digits(segment: &str) -> bool {
    let stem = segment.trim_end_matches(|c: char| c.is_ascii_digit());
    segment.len() - stem.len() >= 3 && stem.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_one_name() {
        for (path, template) in [
            ("/api/v1/orders/42?limit=3", "/api/v1/orders/{id}"),
            ("/users/550e8400-e29b-41d4-a716-446655440000/cart", "/users/{id}/cart"),
            ("/blobs/deadbeef01", "/blobs/{id}"),
            ("/items/sku-015", "/items/{id}"),
            ("/u/user_42", "/u/{id}"),
            ("/cart/u0023", "/cart/{id}"),
            ("/t/9aZk3LmQ0pXy7RtBw1", "/t/{id}"),
            ("/pods/checkout-7d9f8c6b5-x2x4z", "/pods/{id}"),
            ("/mail/a@b.example", "/mail/{id}"),
            ("/f/%e2%82%ac", "/f/{id}"),
            ("/img/12345.png", "/img/{id}.png"),
            ("/login;jsessionid=1A2B", "/login"),
        ] {
            assert_eq!(endpoint("GET", path), format!("GET {template}"), "{path}");
        }
    }

    #[test]
    fn names_stay() {
        for path in [
            "/",
            "/oauth2/token",
            "/s3",
            "/v2beta1/x",
            "/v1.2/y",
            "/deadbeef/feedface",
            "*",
            "/static/app.js",
            "/a-rather-long-endpoint-name-v2",
            "/internationalization",
        ] {
            assert_eq!(endpoint("GET", path), format!("GET {path}"));
        }
    }

    #[test]
    fn is_capped() {
        let long = format!("/{}", "abc/".repeat(100));
        assert_eq!(endpoint("GET", &long).len(), 128);
    }
}
