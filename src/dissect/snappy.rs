//! Snappy's raw format (github.com/google/snappy, format_description.txt) -> plain bytes, as many
//! as are asked for: of a block that was cut its beginning can be had.

/// Appends what a block holds, at most `max` bytes; whether that is all of it.
pub fn decode(block: &[u8], max: usize, into: &mut Vec<u8>) -> bool {
    let start = into.len();
    let Some((length, mut rest)) = length(block) else { return false };
    let end = length.min(max);
    while into.len() - start < end {
        let Some(after) = element(rest, start, end, into) else { return false };
        rest = after;
    }
    length <= max
}

/// Length of the plain bytes: a varint of at most 32 bits.
fn length(block: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0usize;
    for (at, byte) in block.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, block.get(at + 1..)?));
        }
    }
    None
}

/// Little-endian number of so many bytes.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte))
}

/// One literal or copy; what follows it.
fn element<'a>(block: &'a [u8], start: usize, end: usize, into: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (&tag, rest) = block.split_first()?;
    let room = end - (into.len() - start);
    let upper = usize::from(tag >> 2);
    if tag & 3 == 0 {
        let width = upper.saturating_sub(59);
        let (extra, rest) = rest.split_at_checked(width)?;
        let length = if width == 0 { upper + 1 } else { number(extra) + 1 };
        let literal = rest.get(..length.min(room))?;
        into.extend_from_slice(literal);
        return Some(rest.get(length..).unwrap_or_default());
    }
    let (width, length) = match tag & 3 {
        1 => (1, (upper & 7) + 4),
        2 => (2, upper + 1),
        _ => (4, upper + 1),
    };
    let (extra, rest) = rest.split_at_checked(width)?;
    let high = if width == 1 { usize::from(tag >> 5) << 8 } else { 0 };
    let from = into.len().checked_sub(number(extra) | high).filter(|from| *from >= start)?;
    for at in 0..length.min(room) {
        let byte = *into.get(from + at)?;
        into.push(byte);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_copies() {
        // "Wikipedia" as the format's description has it, then four bytes from nine back
        let block = b"\x0d\x20Wikipedia\x01\x09";
        let mut plain = Vec::new();
        assert!(decode(block, 100, &mut plain));
        assert_eq!(plain, b"WikipediaWiki");
        for cut in 0..block.len() {
            let mut part = Vec::new();
            assert!(!decode(&block[..cut], 100, &mut part) && plain.starts_with(&part));
        }
        let mut part = Vec::new();
        assert!(!decode(block, 11, &mut part));
        assert_eq!(part, b"WikipediaWi");
    }

    #[test]
    fn runs_and_lies() {
        let mut plain = Vec::new();
        assert!(decode(b"\x06\0a\x12\x01\0", 100, &mut plain)); // one back, five times
        assert_eq!(plain, b"aaaaaa");
        for block in
            [&b"\x05\x01\x01"[..], b"\xff\xff\xff\xff\xff\xff", b"\x05\xfc\xff\xff\xff\xff"]
        {
            assert!(!decode(block, 100, &mut Vec::new()));
        }
    }
}
