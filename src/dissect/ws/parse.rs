//! Frames of RFC 6455 section 5.2 -> headers; what was agreed on in an upgrade; close codes. Pure
//! functions over bytes that are there.

use crate::outcome::Outcome;

/// Longest payload of a control frame.
pub const CONTROL_BYTES_MAX: u64 = 125;

/// So many frames in a row are proof.
const PROOF_FRAMES: usize = 3;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV_OTHERS: u8 = 0x30;
const MASK: u8 = 0x80;

/// Kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn new(number: u8) -> Option<Self> {
        Some(match number {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Opcode::Continuation => "continuation",
            Opcode::Text => "text",
            Opcode::Binary => "binary",
            Opcode::Close => "close",
            Opcode::Ping => "ping",
            Opcode::Pong => "pong",
        }
    }

    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub opcode: Opcode,
    pub is_final: bool,
    /// The first reserved bit: the message is compressed, where that was agreed on.
    pub is_compressed: bool,
    pub mask: Option<[u8; 4]>,
    pub length: u64,
    /// Bytes of the header itself.
    pub bytes: usize,
}

/// Why bytes are no frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// More bytes are needed.
    Short,
    /// They can be none.
    No,
}

/// Reads a frame header.
///
/// # Errors
/// Where there is none.
pub fn frame_header(bytes: &[u8]) -> Result<FrameHeader, Bad> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Err(match bytes.first() {
            Some(first) if Opcode::new(first & 15).is_none() => Bad::No,
            _ => Bad::Short,
        });
    };
    let opcode = Opcode::new(first & 15).ok_or(Bad::No)?;
    let (length, extended) = match second & !MASK {
        126 => {
            let bytes = *rest.first_chunk::<2>().ok_or(Bad::Short)?;
            (u64::from(u16::from_be_bytes(bytes)), 2)
        }
        127 => (u64::from_be_bytes(*rest.first_chunk::<8>().ok_or(Bad::Short)?), 8),
        length => (u64::from(length), 0),
    };
    let rest = rest.get(extended..).unwrap_or_default();
    let mask = match second & MASK {
        0 => None,
        _ => Some(*rest.first_chunk::<4>().ok_or(Bad::Short)?),
    };
    let header = FrameHeader {
        opcode,
        is_final: first & FIN != 0,
        is_compressed: first & RSV1 != 0,
        mask,
        length,
        bytes: 2 + extended + if mask.is_some() { 4 } else { 0 },
    };
    let is_control = header.opcode.is_control();
    let fits =
        !is_control || (header.is_final && length <= CONTROL_BYTES_MAX && !header.is_compressed);
    let is_odd = first & RSV_OTHERS != 0 || length > i64::MAX as u64 || !fits;
    if is_odd { Err(Bad::No) } else { Ok(header) }
}

impl FrameHeader {
    /// Whole frame, header included; None beyond what memory can hold.
    fn total(&self) -> Option<usize> {
        usize::try_from(self.length).ok()?.checked_add(self.bytes)
    }
}

/// Whether frames begin at the start of `bytes`, none of them before `bytes` end in the middle of
/// one: None while too few bytes are there.
pub fn begins_frames(bytes: &[u8], is_masked: bool) -> Option<bool> {
    let mut rest = bytes;
    for _ in 0..PROOF_FRAMES {
        let header = match frame_header(rest) {
            Ok(header) if header.mask.is_some() == is_masked => header,
            Err(Bad::Short) => return None,
            _ => return Some(false),
        };
        let Some(total) = header.total() else { return Some(false) };
        match rest.get(total..) {
            // The beginning of a fragmented message alone is little proof.
            Some([]) if !header.is_final => return None,
            Some([]) => return Some(true),
            Some(after) => rest = after,
            None => return None,
        }
    }
    Some(true)
}

/// Takes the mask off a payload whose first byte is number `offset`.
pub fn unmask(payload: &mut [u8], mask: [u8; 4], offset: u64) {
    let [a, b, c, d] = mask;
    let mask = match offset % 4 {
        0 => [a, b, c, d],
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    };
    for chunk in payload.chunks_mut(4) {
        for (byte, key) in chunk.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

/// What both ends agreed on (the response's `Sec-WebSocket-Extensions`, RFC 7692 section 7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extensions {
    pub deflate: bool,
    /// Each message of the server, of the client, is compressed by itself.
    pub server_resets: bool,
    pub client_resets: bool,
}

pub fn extensions(header: &str) -> Extensions {
    let mut found = Extensions::default();
    for extension in header.split(',') {
        let mut parts = extension.split(';').map(str::trim);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate")) {
            continue;
        }
        found.deflate = true;
        for parameter in parts {
            found.server_resets |= parameter.eq_ignore_ascii_case("server_no_context_takeover");
            found.client_resets |= parameter.eq_ignore_ascii_case("client_no_context_takeover");
        }
    }
    found
}

/// Code and reason of a close frame.
pub fn close(payload: &[u8]) -> (u16, &[u8]) {
    match payload {
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        _ => (0, &[]),
    }
}

/// What a close code says (RFC 6455 section 7.4, IANA's registry); 0 stands for none.
pub fn outcome(code: u16) -> Outcome {
    match code {
        0 | 1000 | 1001 | 1005 => Outcome::Ok,
        1013 => Outcome::Throttled,
        1011 | 1012 | 1014 | 1006 => Outcome::ServerError,
        1002..=1010 | 3000..=3003 => Outcome::ClientError,
        3008 => Outcome::Timeout,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        // Examples of RFC 6455 section 5.7.
        let hello = frame_header(b"\x81\x05Hello").expect("a frame");
        assert_eq!((hello.opcode, hello.is_final, hello.length), (Opcode::Text, true, 5));
        let masked =
            frame_header(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58").expect("a frame");
        assert_eq!((masked.mask, masked.bytes), (Some([0x37, 0xfa, 0x21, 0x3d]), 6));
        let medium = frame_header(b"\x82\x7e\x01\x00").expect("a frame");
        assert_eq!((medium.length, medium.bytes), (256, 4));
        let long = frame_header(b"\x82\x7f\0\0\0\0\0\x01\0\0").expect("a frame");
        assert_eq!((long.length, long.bytes), (65536, 10));
        for (bytes, bad) in [
            (&b""[..], Bad::Short),
            (b"\x81", Bad::Short),
            (b"\x81\xfe\x01", Bad::Short),
            (b"\x83\x00", Bad::No), // reserved opcode
            (b"\x8f", Bad::No),
            (b"\xa1\x00", Bad::No),         // second reserved bit
            (b"\x09\x00", Bad::No),         // fragmented ping
            (b"\x89\x7e\x01\x00", Bad::No), // long ping
            (b"\x82\x7f\xff\0\0\0\0\0\0\0", Bad::No),
        ] {
            assert_eq!(frame_header(bytes), Err(bad), "{bytes:?}");
        }
    }

    #[test]
    fn masks_in_any_piece() {
        for cut in 0..=5 {
            let mut payload = *b"\x7f\x9f\x4d\x51\x58";
            let (first, second) = payload.split_at_mut(cut);
            unmask(first, [0x37, 0xfa, 0x21, 0x3d], 0);
            unmask(second, [0x37, 0xfa, 0x21, 0x3d], cut as u64);
            assert_eq!(&payload, b"Hello");
        }
    }

    #[test]
    fn agreements() {
        let found = extensions(
            "x-other, permessage-deflate; client_max_window_bits=12; \
                                server_no_context_takeover",
        );
        assert!(found.deflate && found.server_resets && !found.client_resets);
        assert_eq!(extensions(""), Extensions::default());
    }

    #[test]
    fn proof() {
        assert_eq!(begins_frames(b"\x81\x02hi", false), Some(true));
        assert_eq!(begins_frames(b"\x81\x02hi", true), Some(false));
        assert_eq!(begins_frames(b"\x81\x02h", false), None);
        assert_eq!(begins_frames(b"\x01\x02hi", false), None);
        assert_eq!(begins_frames(b"\x81\x02hi\x8fx", false), Some(false));
        assert_eq!(begins_frames(b"\x81\x00\x81\x00\x81\x00\x81", false), Some(true));
    }
}
