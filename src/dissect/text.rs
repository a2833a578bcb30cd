//! Bytes from the wire -> text of a bounded length. Bytes that are no UTF-8 become U+FFFD; control
//! characters stay, since whoever prints the text knows what its output cannot bear.

use std::borrow::Cow;

use crate::field::Text;

/// At most `max` bytes of `bytes`, never ending inside a UTF-8 sequence.
pub fn prefix(bytes: &[u8], max: usize) -> &[u8] {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    if bytes.len() <= max {
        return bytes;
    }
    let back = (0..4).find(|&back| back > max || !is_inside(max - back)).unwrap_or(0);
    bytes.get(..max.saturating_sub(back)).unwrap_or(bytes)
}

/// Text of at most `max` bytes, borrowed where the bytes are UTF-8.
pub fn lossy(bytes: &[u8], max: usize) -> Cow<'_, str> {
    let bytes = prefix(bytes, max);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // Much slower, even where all is well; and U+FFFD takes three bytes in place of one.
        Err(_) => Cow::Owned(cut(&String::from_utf8_lossy(bytes), max).to_string()),
    }
}

/// Text of at most `max` bytes.
pub fn text(bytes: &[u8], max: usize) -> Text {
    Text::from(lossy(bytes, max))
}

/// At most `max` bytes of `text`.
pub fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

/// Bytes without spaces and tabs at both ends.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Percent-encoded text with `+` for spaces -> text; what is no escape stays as it is.
pub fn percent_decode(encoded: &str) -> Text {
    unescape(encoded, true)
}

/// Percent-encoded text -> text; `+` stays.
pub fn percent_decode_only(encoded: &str) -> Text {
    unescape(encoded, false)
}

fn unescape(encoded: &str, plus_is_space: bool) -> Text {
    let has_space = plus_is_space && encoded.contains('+');
    if !has_space && !encoded.contains('%') {
        return Text::from(encoded);
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (decoded, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (byte, rest.get(1..).unwrap_or_default()),
            },
            (b'+', after) if plus_is_space => (b' ', after),
            (byte, after) => (byte, after),
        };
        bytes.push(decoded);
        rest = after;
    }
    Text::from_utf8_lossy(&bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(prefix("añb".as_bytes(), 2), b"a"); // a, c3 b1, b
        assert_eq!(prefix("añb".as_bytes(), 3), "añ".as_bytes());
        assert_eq!(text(b"a\xff\xffb", 9), "a\u{fffd}\u{fffd}b");
        assert_eq!(text(b"a\xff\xffb", 6), "a\u{fffd}"); // three bytes each
        assert_eq!(prefix(&[0x80; 9], 5).len(), 5); // nothing but continuation bytes
        assert_eq!(cut("añb", 2), "a");
    }

    #[test]
    fn decodes() {
        assert_eq!(percent_decode("a%20b+c%e2%82%ac"), "a b c€");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
        assert_eq!(percent_decode("%ff"), "\u{fffd}");
        assert_eq!(percent_decode_only("a%20b+c"), "a b+c");
    }

    #[test]
    fn trims() {
        assert_eq!(trim(b" \t a b\t"), b"a b");
        assert_eq!(trim(b"  "), b"");
    }
}
