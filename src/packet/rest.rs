//! Bytes still to be decoded, read with bounds and with the reason where they do not suffice.

use super::Undecoded;

/// What is left of a frame, and how much of it was not captured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    pub bytes: &'a [u8],
    /// Bytes on the wire behind those captured.
    pub cut: u32,
}

impl<'a> Rest<'a> {
    /// The reason for a header that does not fit: a lie, or the snap length.
    #[inline]
    pub fn short(self, what: &'static str) -> Undecoded {
        if self.cut > 0 { Undecoded::Cut(what) } else { Undecoded::Malformed(what) }
    }

    /// What lies behind `len` bytes of the header `what`.
    #[inline]
    pub fn behind(self, len: usize, what: &'static str) -> Result<Self, Undecoded> {
        match self.bytes.get(len..) {
            Some(bytes) => Ok(Rest { bytes, cut: self.cut }),
            None => Err(self.short(what)),
        }
    }

    /// The first `N` bytes.
    pub fn head<const N: usize>(self, what: &'static str) -> Result<&'a [u8; N], Undecoded> {
        self.bytes.first_chunk::<N>().ok_or(self.short(what))
    }

    /// Two big-endian bytes at `at`.
    #[inline]
    pub fn word(self, at: usize, what: &'static str) -> Result<u16, Undecoded> {
        match self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<2>()) {
            Some(bytes) => Ok(u16::from_be_bytes(*bytes)),
            None => Err(self.short(what)),
        }
    }

    /// Bytes on the wire, captured or not.
    pub fn wire_len(self) -> usize {
        self.bytes.len().saturating_add(self.cut as usize)
    }
}
