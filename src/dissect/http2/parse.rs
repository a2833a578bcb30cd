//! Frames of RFC 9113 section 4 and 6 -> headers, fragments of header blocks, error codes; and
//! where in a stream joined in the middle a frame begins. Pure functions over bytes that are there.

use memchr::memmem;

/// What a client sends first (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const HEADER_BYTES: usize = 9;

/// Longer frames are taken for none while looking for one.
const SOUGHT_BYTES_MAX: u32 = 1 << 17;

/// So many frames in a row are proof.
const PROOF_FRAMES: usize = 3;

pub const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Frame types (section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameType {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    /// An extension's: to be passed over.
    Other,
}

/// The nine bytes before each frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub length: u32,
    pub kind: FrameType,
    pub flags: u8,
    pub stream: u32,
    reserved: bool,
}

/// Reads a frame header; None while fewer than nine bytes are there.
pub fn frame_header(bytes: &[u8]) -> Option<FrameHeader> {
    let &[l2, l1, l0, kind, flags, s3, s2, s1, s0, ..] = bytes else { return None };
    use FrameType::*;
    let kinds = [
        Data,
        Headers,
        Priority,
        RstStream,
        Settings,
        PushPromise,
        Ping,
        Goaway,
        WindowUpdate,
        Continuation,
    ];
    Some(FrameHeader {
        length: u32::from_be_bytes([0, l2, l1, l0]),
        kind: kinds.get(usize::from(kind)).copied().unwrap_or(Other),
        flags,
        stream: u32::from_be_bytes([s3 & 0x7f, s2, s1, s0]),
        reserved: s3 & 0x80 != 0,
    })
}

impl FrameHeader {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether length and stream are those of a frame of this type (section 6).
    pub fn is_sound(&self) -> bool {
        use FrameType::*;
        let on_stream = self.stream != 0;
        match self.kind {
            Data | Headers | Continuation => on_stream,
            Priority => on_stream && self.length == 5,
            RstStream => on_stream && self.length == 4,
            Settings => !on_stream && self.length.is_multiple_of(6),
            PushPromise => on_stream && self.length >= 4,
            Ping => !on_stream && self.length == 8,
            Goaway => !on_stream && self.length >= 8,
            WindowUpdate => self.length == 4,
            Other => true,
        }
    }

    /// Whether nothing in it is unusual: what is asked of a frame that is being looked for.
    fn is_usual(&self) -> bool {
        use FrameType::*;
        let flags = match self.kind {
            Data => END_STREAM | PADDED,
            Headers => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            Settings | Ping => ACK,
            PushPromise => END_HEADERS | PADDED,
            Continuation => END_HEADERS,
            Priority | RstStream | Goaway | WindowUpdate => 0,
            Other => return false,
        };
        let is_empty_ack = self.kind != Settings || !self.has(ACK) || self.length == 0;
        let has_block = self.kind != Headers || self.length > 0;
        self.is_sound()
            && !self.reserved
            && self.flags & !flags == 0
            && self.length <= SOUGHT_BYTES_MAX
            && is_empty_ack
            && has_block
    }

    /// Whole frame, header included.
    pub fn total(&self) -> usize {
        HEADER_BYTES + self.length as usize
    }
}

/// Where the content of a payload that may be padded begins, and how many bytes of padding follow
/// it; None while its first byte is not there. Padding beyond the payload is cut.
pub fn padding(header: &FrameHeader, payload: &[u8]) -> Option<(u32, u32)> {
    if !header.has(PADDED) || header.length == 0 {
        return Some((0, 0));
    }
    let padding = u32::from(*payload.first()?);
    Some((1, padding.min(header.length - 1)))
}

/// What a HEADERS, PUSH_PROMISE or CONTINUATION frame holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub block: &'a [u8],
    /// The stream that a PUSH_PROMISE opens.
    pub promised: Option<u32>,
}

/// Takes padding, priority and promised stream off a whole payload; None when it is too short.
pub fn fragment<'a>(header: &FrameHeader, payload: &'a [u8]) -> Option<Fragment<'a>> {
    let mut block = payload;
    if header.kind != FrameType::Continuation && header.has(PADDED) {
        let (&padding, rest) = block.split_first()?;
        block = rest.get(..rest.len().checked_sub(usize::from(padding))?)?;
    }
    let mut promised = None;
    if header.kind == FrameType::PushPromise {
        promised = Some(word(block)? & 0x7fff_ffff);
        block = block.get(4..)?;
    } else if header.kind == FrameType::Headers && header.has(PRIORITY) {
        block = block.get(5..)?;
    }
    Some(Fragment { block, promised })
}

/// The first four bytes as a number: the code of RST_STREAM, the last stream of GOAWAY.
pub fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Names of error codes (section 7).
pub fn error_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("UNKNOWN_ERROR")
}

/// Whether frames begin at the start of `bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    No,
    /// Nothing against it so far.
    Maybe,
    Yes,
}

/// Several usual frames in a row are proof, as is one with which the bytes end.
pub fn begins_frames(bytes: &[u8]) -> Verdict {
    let mut rest = bytes;
    for _ in 0..PROOF_FRAMES {
        match frame_header(rest) {
            Some(header) if !header.is_usual() => return Verdict::No,
            Some(header) => match rest.get(header.total()..) {
                Some([]) => return Verdict::Yes,
                Some(after) => rest = after,
                None => return Verdict::Maybe,
            },
            None => return Verdict::Maybe,
        }
    }
    Verdict::Yes
}

/// Where reading can go on after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resync {
    /// Frames (or a preface) begin here.
    Found(usize),
    /// Nothing yet; a frame may begin here when more bytes come.
    Keep(usize),
}

/// Looks for the next frame.
pub fn find_frame(bytes: &[u8]) -> Resync {
    let preface = memmem::find(bytes, PREFACE);
    let mut maybe = None;
    for at in 0..preface.unwrap_or(bytes.len()) {
        let rest = bytes.get(at..).unwrap_or_default();
        match begins_frames(rest) {
            Verdict::Yes => return Resync::Found(at),
            Verdict::Maybe => maybe = maybe.or(Some(at)),
            Verdict::No if PREFACE.starts_with(rest) => maybe = maybe.or(Some(at)),
            Verdict::No => {}
        }
    }
    match preface {
        Some(at) => Resync::Found(at),
        None => Resync::Keep(maybe.unwrap_or(bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingpong";

    fn header(bytes: &[u8]) -> FrameHeader {
        frame_header(bytes).expect("nine bytes")
    }

    #[test]
    fn headers() {
        let frame = header(b"\0\x01\x02\x01\x25\x80\0\0\x07");
        assert_eq!((frame.length, frame.kind, frame.stream), (258, FrameType::Headers, 7));
        assert!(frame.has(END_STREAM) && frame.has(END_HEADERS) && frame.reserved);
        assert_eq!(frame_header(b"\0\x01\x02\x01\x25\x80\0\0"), None);
    }

    #[test]
    fn what_frames_must_be() {
        for (bytes, sound) in [
            (b"\0\0\x05\x00\x00\0\0\0\x01", true),
            (b"\0\0\x05\x00\x00\0\0\0\x00", false), // DATA of no stream
            (b"\0\0\x07\x04\x00\0\0\0\x00", false), // SETTINGS of a seventh byte
            (b"\0\0\x06\x04\x00\0\0\0\x01", false), // SETTINGS of a stream
            (b"\0\0\x05\x03\x00\0\0\0\x01", false), // RST_STREAM of five bytes
            (b"\0\0\x05\x63\x00\0\0\0\x01", true),
        ] {
            assert_eq!(header(bytes).is_sound(), sound, "{bytes:?}");
        }
    }

    #[test]
    fn fragments() {
        let frame = header(b"\0\0\x0b\x01\x28\0\0\0\x01");
        let payload = b"\x02\0\0\0\0\x10abc\0\0";
        assert_eq!(padding(&frame, payload), Some((1, 2)));
        let expected = Fragment { block: b"abc", promised: None };
        assert_eq!(fragment(&frame, payload), Some(expected));
        let promise = header(b"\0\0\x06\x05\x04\0\0\0\x01");
        let expected = Fragment { block: b"ab", promised: Some(2) };
        assert_eq!(fragment(&promise, b"\0\0\0\x02ab"), Some(expected));
        assert_eq!(fragment(&frame, b"\x0b\0\0\0\0\x10abc\0\0"), None);
    }

    #[test]
    fn frames_are_found() {
        let noise = b"\x05\x00\x01\x02nothing";
        assert_eq!(find_frame(&[noise, PING].concat()), Resync::Found(noise.len()));
        assert_eq!(find_frame(&[noise, PREFACE].concat()), Resync::Found(noise.len()));
        assert_eq!(find_frame(&[noise, &PING[..12]].concat()), Resync::Keep(noise.len()));
        // The last eight bytes are too few for a header, whatever they are.
        assert_eq!(find_frame(&[noise, &PREFACE[..5]].concat()), Resync::Keep(noise.len() - 3));
        assert_eq!(begins_frames(&[PING, PING].concat()), Verdict::Yes);
        assert_eq!(begins_frames(&[PING, b"\0"].concat()), Verdict::Maybe);
        assert_eq!(begins_frames(&[PING, noise].concat()), Verdict::No);
    }
}
