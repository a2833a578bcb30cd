//! Bodies of gRPC -> counts of their messages; statuses, timeouts. A message is a flag, a length
//! of four bytes and so many bytes, wherever frames and packets are cut.

use super::super::base64::Base64;
use crate::field::{Text, ToCompactString};
use crate::outcome::Outcome;

/// Numbers of gRPC's status codes.
pub type Status = u32;

/// Trailers of gRPC-Web kept at most, bytes.
const TRAILER_BYTES_MAX: usize = 8192;

/// Flag and length before each message.
const PREFIX_BYTES: usize = 5;
const COMPRESSED: u8 = 0x01;
/// gRPC-Web: trailers instead of a message.
const TRAILERS: u8 = 0x80;

/// How bodies carry messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Native,
    /// Trailers stand in the body.
    Web,
    /// That in base64.
    WebText,
}

/// The messages of one direction, counted as they pass.
#[derive(Debug)]
pub struct Messages {
    /// Messages begun.
    pub count: u64,
    /// Their bytes without prefixes, as announced.
    pub bytes: u64,
    pub compressed: u64,
    base64: Option<Base64>,
    prefix: [u8; PREFIX_BYTES],
    filled: usize,
    /// Bytes of the current message still to come.
    left: u64,
    in_trailer: bool,
    trailer: Vec<u8>,
    /// Bytes were lost at a place unknown, or are no messages: counting has stopped.
    is_lost: bool,
}

impl Messages {
    pub fn new(wire: Wire) -> Self {
        Messages {
            count: 0,
            bytes: 0,
            compressed: 0,
            base64: (wire == Wire::WebText).then(Base64::default),
            prefix: [0; PREFIX_BYTES],
            filled: 0,
            left: 0,
            in_trailer: false,
            trailer: Vec::new(),
            is_lost: false,
        }
    }

    /// The next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        match self.base64.take() {
            Some(mut base64) => {
                let mut plain = Vec::with_capacity(bytes.len());
                base64.decode(bytes, |byte| plain.push(byte));
                self.plain(&plain);
                self.base64 = Some(base64);
            }
            None => self.plain(bytes),
        }
    }

    fn plain(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            if self.left > 0 {
                let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (message, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
                if self.in_trailer && self.trailer.len() < TRAILER_BYTES_MAX {
                    self.trailer.extend_from_slice(message);
                }
                self.left -= message.len() as u64;
                bytes = rest;
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            if let Some(slot) = self.prefix.get_mut(self.filled) {
                *slot = byte;
            }
            self.filled += 1;
            bytes = rest;
            if self.filled == PREFIX_BYTES {
                self.begin();
            }
        }
    }

    /// A message whose prefix is whole.
    fn begin(&mut self) {
        let [flags, length @ ..] = self.prefix;
        self.filled = 0;
        self.left = u64::from(u32::from_be_bytes(length));
        self.in_trailer = flags & TRAILERS != 0;
        if flags & !(COMPRESSED | TRAILERS) != 0 {
            self.is_lost = true;
        } else if !self.in_trailer {
            self.count += 1;
            self.bytes += self.left;
            self.compressed += u64::from(flags & COMPRESSED);
        }
    }

    /// So many bytes were not captured.
    pub fn lose(&mut self, bytes: u64) {
        match self.left.checked_sub(bytes) {
            Some(left) if self.base64.is_none() && self.filled == 0 && self.left > 0 => {
                self.left = left;
            }
            _ => self.is_lost = true,
        }
    }

    /// Whether everything so far were whole messages.
    pub fn is_exact(&self) -> bool {
        self.count > 0 && self.left == 0 && self.filled == 0 && !self.is_lost
    }

    /// The head of the body was not captured: a message may begin with the next frame.
    pub fn resume(&mut self) {
        (self.filled, self.left, self.is_lost) = (0, 0, false);
    }

    /// The trailers that the body held, lines of `name: value`.
    pub fn trailer(&self) -> String {
        String::from_utf8_lossy(&self.trailer).into_owned()
    }
}

/// The value of a trailer line; names are in any case.
pub fn trailer_value(lines: &str, name: &str) -> Option<Text> {
    let pairs = lines.lines().filter_map(|line| line.split_once(':'));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| Text::from(value.trim()))
}

/// `100m` -> microseconds; 0 when it is no timeout.
pub fn timeout_us(text: &str) -> i64 {
    let Some((digits, unit)) = text.split_at_checked(text.len().saturating_sub(1)) else {
        return 0;
    };
    let Ok(value @ 0..=99_999_999) = digits.parse::<i64>() else { return 0 };
    match unit {
        "H" => value * 3_600_000_000,
        "M" => value * 60_000_000,
        "S" => value * 1_000_000,
        "m" => value * 1000,
        "u" => value,
        "n" => value / 1000,
        _ => 0,
    }
}

/// `UNAVAILABLE`; the number where it has no name.
pub fn status_name(status: Status) -> Text {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    match NAMES.get(status as usize) {
        Some(name) => Text::const_new(name),
        None => status.to_compact_string(),
    }
}

/// Whose fault a status is.
pub fn outcome(status: Status) -> Outcome {
    match status {
        0 => Outcome::Ok,
        4 => Outcome::Timeout,
        8 => Outcome::Throttled,
        1 | 3 | 5..=7 | 9..=11 | 16 => Outcome::ClientError,
        _ => Outcome::ServerError,
    }
}
