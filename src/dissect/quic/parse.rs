//! QUIC packets with long headers and the frames of Initial packets (RFC 9000 sections 16 to 19)
//! -> what stands in them. Pure functions over whole datagrams.

/// Longest connection id of the versions that are read.
const CONNECTION_BYTES_MAX: usize = 20;

/// Packet types, as version 1 numbers them.
pub const INITIAL: u8 = 0;
pub const RETRY: u8 = 3;

/// What stands before the packet number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongHeader<'a> {
    pub version: u32,
    /// Bits of the packet type; what they mean differs between versions.
    pub type_bits: u8,
    pub destination: &'a [u8],
    pub source: &'a [u8],
    /// What follows both ids.
    at: usize,
    has_bit: bool,
}

/// Whether a packet has a short header: it is encrypted with the keys of the handshake.
pub fn is_short(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x40..=0x7f))
}

/// Reads a long header as a connection begins with one: its second bit is set.
pub fn long_header(bytes: &[u8]) -> Option<LongHeader<'_>> {
    any_long_header(bytes).filter(|header| header.version == 0 || header.has_bit)
}

/// Reads the part of a long header that all versions share (RFC 8999). Both sides may agree to set
/// the second bit as they like (RFC 9287).
pub fn any_long_header(bytes: &[u8]) -> Option<LongHeader<'_>> {
    let (&[first, a, b, c, d], mut rest) = bytes.split_first_chunk::<5>()?;
    let version = u32::from_be_bytes([a, b, c, d]);
    let mut ids = [&[][..]; 2];
    for id in &mut ids {
        let (&length, after) = rest.split_first()?;
        let length = usize::from(length);
        if length > CONNECTION_BYTES_MAX {
            return None;
        }
        (*id, rest) = after.split_at_checked(length)?;
    }
    let [destination, source] = ids;
    let (is_long, has_bit) = (first & 0x80 != 0, first & 0x40 != 0);
    let (at, type_bits) = (bytes.len() - rest.len(), first >> 4 & 3);
    is_long.then_some(LongHeader { version, type_bits, destination, source, at, has_bit })
}

impl LongHeader<'_> {
    /// Where the packet number is, and where the packet ends; `kind` is as version 1 numbers it.
    pub fn place(&self, bytes: &[u8], kind: u8) -> Option<(usize, usize)> {
        let mut rest = bytes.get(self.at..)?;
        if kind == INITIAL {
            let (length, after) = varint(rest)?;
            rest = after.get(usize::try_from(length).ok()?..)?; // token
        }
        let (length, rest) = varint(rest)?;
        let number_at = bytes.len() - rest.len();
        let end = number_at.checked_add(usize::try_from(length).ok()?)?;
        (end <= bytes.len()).then_some((number_at, end))
    }
}

/// A variable-length integer (section 16), and what follows it.
pub fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let (digits, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let value = digits.iter().fold(0u64, |value, digit| value << 8 | u64::from(*digit));
    let bits = 8 * digits.len() - 2;
    Some((value & ((1u64 << bits) - 1), rest))
}

/// A frame of a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A piece of the handshake.
    Crypto {
        offset: u64,
        data: &'a [u8],
    },
    Close {
        code: u64,
        reason: &'a [u8],
    },
    /// A piece of a stream.
    Stream {
        id: u64,
        offset: u64,
        data: &'a [u8],
        is_last: bool,
    },
    /// The sender gives a stream up.
    Reset {
        id: u64,
        code: u64,
    },
    /// What says nothing of content.
    Other,
}

/// Passes over so many integers.
fn skip(mut bytes: &[u8], count: usize) -> Option<&[u8]> {
    for _ in 0..count {
        bytes = varint(bytes)?.1;
    }
    Some(bytes)
}

/// A STREAM frame (section 19.8), behind its type.
fn stream(kind: u8, rest: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (id, rest) = varint(rest)?;
    let (offset, rest) = if kind & 4 == 0 { (0, rest) } else { varint(rest)? };
    let (data, rest) = match kind & 2 {
        0 => (rest, &[][..]),
        _ => {
            let (length, rest) = varint(rest)?;
            rest.split_at_checked(usize::try_from(length).ok()?)?
        }
    };
    Some((Frame::Stream { id, offset, data, is_last: kind & 1 != 0 }, rest))
}

/// The first frame of a payload, and what follows it; None at the end and before one that is not
/// known.
pub fn frame(payload: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    const ACK_ECN: u8 = 3;
    const TOKEN_BYTES: usize = 16;
    let (&kind, rest) = payload.split_first()?;
    match kind {
        0 | 1 => Some((Frame::Other, rest)),
        2 | ACK_ECN => {
            let (_, rest) = varint(rest)?; // largest
            let (_, rest) = varint(rest)?; // delay
            let (ranges, rest) = varint(rest)?;
            let more = if kind == ACK_ECN { 3 } else { 0 };
            let count = ranges.checked_mul(2)?.checked_add(1 + more)?;
            let mut rest = rest;
            for _ in 0..count {
                rest = varint(rest)?.1;
            }
            Some((Frame::Other, rest))
        }
        6 => {
            let (offset, rest) = varint(rest)?;
            let (length, rest) = varint(rest)?;
            let (data, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Frame::Crypto { offset, data }, rest))
        }
        0x1c | 0x1d => {
            let (code, mut rest) = varint(rest)?;
            if kind == 0x1c {
                rest = varint(rest)?.1; // type of the frame at fault
            }
            let (length, rest) = varint(rest)?;
            let (reason, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Frame::Close { code, reason }, rest))
        }
        4 => {
            let (id, rest) = varint(rest)?;
            let (code, rest) = varint(rest)?;
            Some((Frame::Reset { id, code }, skip(rest, 1)?))
        }
        8..=15 => stream(kind, rest),
        7 | 0x31 => {
            let (length, rest) = varint(rest)?;
            Some((Frame::Other, rest.get(usize::try_from(length).ok()?..)?))
        }
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => Some((Frame::Other, skip(rest, 1)?)),
        5 | 0x11 | 0x15 => Some((Frame::Other, skip(rest, 2)?)),
        0x18 => {
            let (&length, rest) = skip(rest, 2)?.split_first()?;
            Some((Frame::Other, rest.get(usize::from(length) + TOKEN_BYTES..)?))
        }
        0x1a | 0x1b => Some((Frame::Other, rest.get(8..)?)),
        0x1e => Some((Frame::Other, rest)),
        0x30 => Some((Frame::Other, &[])),
        _ => None,
    }
}

/// Names of transport errors (section 20.1).
pub fn error_name(code: u64) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "NO_ERROR",
        "INTERNAL_ERROR",
        "CONNECTION_REFUSED",
        "FLOW_CONTROL_ERROR",
        "STREAM_LIMIT_ERROR",
        "STREAM_STATE_ERROR",
        "FINAL_SIZE_ERROR",
        "FRAME_ENCODING_ERROR",
        "TRANSPORT_PARAMETER_ERROR",
        "CONNECTION_ID_LIMIT_ERROR",
        "PROTOCOL_VIOLATION",
        "INVALID_TOKEN",
        "APPLICATION_ERROR",
        "CRYPTO_BUFFER_EXCEEDED",
        "KEY_UPDATE_ERROR",
        "AEAD_LIMIT_REACHED",
        "NO_VIABLE_PATH",
    ];
    NAMES.get(usize::try_from(code).ok()?).copied()
}

/// The alert in a transport error that stands for one (RFC 9001 section 4.8).
pub fn alert(code: u64) -> Option<u8> {
    (0x100..0x200).contains(&code).then_some((code & 0xff) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of RFC 9000 appendix A.1.
    #[test]
    fn integers() {
        for (bytes, value) in [
            (&b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c"[..], 151_288_809_941_952_652),
            (b"\x9d\x7f\x3e\x7d", 494_878_333),
            (b"\x7b\xbd", 15_293),
            (b"\x25", 37),
            (b"\x40\x25", 37),
        ] {
            assert_eq!(varint(bytes), Some((value, &[][..])));
            assert_eq!(varint(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn headers() {
        let packet = b"\xc3\0\0\0\x01\x02ab\x01c\x03tok\x05\0\0\0\x01x!";
        let header = long_header(packet).expect("a header");
        assert_eq!((header.destination, header.source), (&b"ab"[..], &b"c"[..]));
        assert_eq!((header.version, header.type_bits), (1, INITIAL));
        assert_eq!(header.place(packet, INITIAL), Some((15, 20)));
        assert_eq!(header.place(&packet[..19], INITIAL), None);
        for bytes in [&b"\xc3\0\0\0\x01\x15"[..], b"\x43\0\0\0\x01\0\0", b"\x83\0\0\0\x01\0\0", b""]
        {
            assert_eq!(long_header(bytes), None, "{bytes:?}");
        }
        assert!(any_long_header(b"\x83\0\0\0\x01\0\0").is_some(), "the bit says nothing");
    }

    #[test]
    fn frames() {
        let payload = b"\0\x01\x03\x05\0\x01\x02\x03\x04\x07\x08\x09\x06\x02\x03abc\x1c\x41\x28\x06\x02no\x08";
        let mut rest = &payload[..];
        let mut seen = Vec::new();
        while let Some((frame, after)) = frame(rest) {
            seen.push(frame);
            rest = after;
        }
        assert_eq!(seen[..3], [Frame::Other, Frame::Other, Frame::Other]);
        assert_eq!(seen[3], Frame::Crypto { offset: 2, data: b"abc" });
        assert_eq!(seen[4], Frame::Close { code: 0x128, reason: b"no" });
        assert_eq!(
            (rest, alert(0x128), error_name(2)),
            (&b"\x08"[..], Some(40), Some("CONNECTION_REFUSED"))
        );
    }
}
