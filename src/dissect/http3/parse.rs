//! Frames and settings of HTTP/3 (RFC 9114 sections 7 and 7.2.4). Pure functions.

use super::super::quic::parse::varint;

/// Frame types.
pub const DATA: u64 = 0;
pub const HEADERS: u64 = 1;
pub const SETTINGS: u64 = 4;

/// What streams of one direction say they are.
pub const CONTROL: u64 = 0;
pub const ENCODER: u64 = 2;

/// Setting: what the dynamic table of QPACK may hold.
const QPACK_CAPACITY: u64 = 1;

/// A frame's type, the length of its payload, and what follows its header.
pub fn frame(bytes: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (kind, rest) = varint(bytes)?;
    let (length, rest) = varint(rest)?;
    Some((kind, length, rest))
}

/// What a SETTINGS frame allows the dynamic table to hold.
pub fn qpack_capacity(mut payload: &[u8]) -> Option<u64> {
    loop {
        let (setting, value, rest) = frame(payload)?; // two integers, too
        if setting == QPACK_CAPACITY {
            return Some(value);
        }
        payload = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_frames() {
        assert_eq!(frame(b"\x01\x40\x05rest"), Some((HEADERS, 5, &b"rest"[..])));
        assert_eq!((frame(b"\x01"), frame(b"\x01\x40")), (None, None));
        assert_eq!(qpack_capacity(b"\x06\x05\x01\x50\0"), Some(4096));
        assert_eq!((qpack_capacity(b"\x07\x10"), qpack_capacity(b"")), (None, None));
    }
}
