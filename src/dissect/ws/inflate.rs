//! Compressed messages (permessage-deflate, RFC 7692) -> the beginning and the size of their text.
//! The window goes on from message to message where that was agreed on, so that all of each
//! message has to be decompressed, up to a limit.

use flate2::{Decompress, FlushDecompress, Status};

/// What a sender leaves out at the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Decompresses the messages of one direction.
pub struct Inflate {
    state: Decompress,
    resets: bool,
    /// Bytes of the current message so far.
    size: u64,
    size_max: u64,
    buffer: Vec<u8>,
}

/// Why a direction cannot be decompressed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is no deflate, or begins inside it.
    Malformed,
    /// A message is larger than the limit.
    Limit,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflate").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Inflate {
    /// `resets`: each message begins with an empty window.
    pub fn new(resets: bool, size_max: u64) -> Self {
        let buffer = vec![0; 4096];
        Inflate { state: Decompress::new(false), resets, size: 0, size_max, buffer }
    }

    /// The next bytes of a message; `sink` gets what they decompress to.
    ///
    /// # Errors
    /// Where it cannot go on.
    pub fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), Stop> {
        loop {
            let (consumed, produced) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(bytes, &mut self.buffer, FlushDecompress::Sync);
            let consumed = (self.state.total_in() - consumed) as usize;
            let produced = (self.state.total_out() - produced) as usize;
            let plain = self.buffer.get(..produced).unwrap_or_default();
            sink(plain);
            self.size += plain.len() as u64;
            bytes = bytes.get(consumed..).unwrap_or_default();
            match status {
                _ if self.size > self.size_max => return Err(Stop::Limit),
                Err(_) => return Err(Stop::Malformed),
                // A block with the final bit: what follows begins anew (RFC 7692 section 7.2.3.4).
                Ok(Status::StreamEnd) => self.state.reset(false),
                Ok(_) => {}
            }
            if consumed == 0 && produced == 0 {
                return if bytes.is_empty() { Ok(()) } else { Err(Stop::Malformed) };
            }
        }
    }

    /// The message has ended; how many bytes it was.
    ///
    /// # Errors
    /// As for [`Inflate::push`].
    pub fn end(&mut self, sink: impl FnMut(&[u8])) -> Result<u64, Stop> {
        self.push(&TAIL, sink)?;
        if self.resets {
            self.state.reset(false);
        }
        Ok(std::mem::take(&mut self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(inflate: &mut Inflate, message: &[u8]) -> Result<Vec<u8>, Stop> {
        let mut out = Vec::new();
        for piece in message.chunks(3) {
            inflate.push(piece, |plain| out.extend_from_slice(plain))?;
        }
        let size = inflate.end(|plain| out.extend_from_slice(plain))?;
        assert_eq!(size, out.len() as u64);
        Ok(out)
    }

    /// Examples of RFC 7692 section 7.2.3.
    #[test]
    fn examples() {
        let mut inflate = Inflate::new(false, 1000);
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00]; // refers to the first one
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let ended = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        for message in [&first[..], &again, &stored, &first, &ended, &two] {
            assert_eq!(inflated(&mut inflate, message), Ok(b"Hello".to_vec()), "{message:x?}");
        }
        let mut resets = Inflate::new(true, 1000);
        assert_eq!(inflated(&mut resets, &first), Ok(b"Hello".to_vec()));
        assert_eq!(inflated(&mut resets, &again), Err(Stop::Malformed));
    }

    #[test]
    fn bombs_are_bounded() {
        use std::io::Write;
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 10 << 20]).expect("in memory");
        let bomb = encoder.finish().expect("in memory");
        let (mut inflate, mut seen) = (Inflate::new(false, 100_000), 0);
        let stop = inflate.push(&bomb, |plain| seen += plain.len());
        assert_eq!(stop, Err(Stop::Limit));
        assert!(seen < 110_000);
    }
}
