//! A zstd file of many independent frames -> their contents, several at a time in parallel. Our
//! segments are made so; a frame says how large its content is, and its blocks where it ends, so
//! that the seek table is not needed to read from start to end. What is no small whole frame is
//! left to the stream decoder, which also saves what lies before damage.

use std::io::{Cursor, Read, Result};

use rayon::prelude::*;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::{compress_bound, find_frame_compressed_size, get_frame_content_size};

/// Larger contents are decompressed as a stream, in pieces.
const CONTENT_BYTES_MAX: usize = 8 << 20;
/// Frames decompressed at a time, at most: what bounds memory with many threads.
const FRAMES_MAX: usize = 8;
/// The longest header of a zstd frame (RFC 8878 section 3.1.1.1), and its magic number.
const HEADER_BYTES_MAX: usize = 18;
/// Bytes asked for at once.
const READ_BYTES: usize = 1 << 20;

/// A frame that is decompressed, or about to be.
struct Slot {
    decompressor: Decompressor<'static>,
    /// Where the compressed frame lies in what is held of the file.
    start: usize,
    end: usize,
    content: Vec<u8>,
    failed: bool,
}

/// Reads frames from a file.
pub(super) struct Frames {
    file: Box<dyn Read + Send>,
    /// Bytes of the file, taken up to `at`.
    held: Vec<u8>,
    at: usize,
    slots: Vec<Slot>,
    /// Slots that hold contents not handed out yet, the next one last.
    ready: Vec<Slot>,
    /// Why no more frames are read this way.
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    File,
    /// What comes is no small whole frame.
    Stream,
}

/// What comes next in a file.
pub(super) enum Next {
    /// The content of a frame was appended.
    Content,
    /// The rest of the file is for the stream decoder.
    Stream(Box<dyn Read + Send>),
    End,
}

impl Frames {
    pub fn new(file: Box<dyn Read + Send>) -> Self {
        let (held, slots, ready) = (Vec::new(), Vec::new(), Vec::new());
        Frames { file, held, at: 0, slots, ready, end: None }
    }

    /// Appends the content of the next frame to `bytes`.
    pub fn next(&mut self, bytes: &mut Vec<u8>) -> Next {
        if self.ready.is_empty() && self.end.is_none() {
            self.decompress();
        }
        if let Some(mut slot) = self.ready.pop() {
            if bytes.is_empty() {
                std::mem::swap(bytes, &mut slot.content);
            } else {
                bytes.append(&mut slot.content);
            }
            self.slots.push(slot);
            return Next::Content;
        }
        if self.end == Some(End::File) {
            return Next::End;
        }
        self.end = Some(End::File);
        self.held.drain(..self.at);
        let rest = Cursor::new(std::mem::take(&mut self.held));
        let file = std::mem::replace(&mut self.file, Box::new(std::io::empty()));
        Next::Stream(Box::new(rest.chain(file)))
    }

    /// Decompresses as many frames as there are threads. A file that cannot be read on is the
    /// stream decoder's to report.
    fn decompress(&mut self) {
        self.held.drain(..self.at);
        self.at = 0;
        let mut slots = Vec::new();
        while slots.len() < rayon::current_num_threads().min(FRAMES_MAX) && self.end.is_none() {
            let frame = self
                .frame()
                .and_then(|frame| frame.map(|(len, content)| self.slot(len, content)).transpose());
            match frame {
                Ok(Some(slot)) => slots.push(slot),
                Ok(None) if self.left() == 0 => self.end = Some(End::File),
                Ok(None) | Err(_) => self.end = Some(End::Stream),
            }
        }
        let held = &self.held;
        slots.par_iter_mut().for_each(|slot| slot.decompress(held));
        if let Some(bad) = slots.iter().position(|slot| slot.failed) {
            self.at = slots.get(bad).map_or(0, |slot| slot.start);
            self.end = Some(End::Stream);
            self.slots.extend(slots.drain(bad..));
        }
        slots.reverse();
        self.ready = slots;
    }

    fn slot(&mut self, len: usize, content: usize) -> Result<Slot> {
        let mut slot = match self.slots.pop() {
            Some(slot) => slot,
            None => {
                let decompressor = Decompressor::new()?;
                Slot { decompressor, start: 0, end: 0, content: Vec::new(), failed: false }
            }
        };
        (slot.start, slot.end) = (self.at, self.at + len);
        slot.content.clear();
        slot.content.reserve_exact(content);
        self.at += len;
        Ok(slot)
    }

    /// Length of the next frame and of its content; `None` at the end of the file, or when it is
    /// no small whole frame. Skippable frames are passed over.
    fn frame(&mut self) -> Result<Option<(usize, usize)>> {
        loop {
            self.want(HEADER_BYTES_MAX)?;
            let head = self.held.get(self.at..).unwrap_or(&[]);
            let [0x50..=0x5f, 0x2a, 0x4d, 0x18, l0, l1, l2, l3, ..] = *head else { break };
            let len = (u32::from_le_bytes([l0, l1, l2, l3]) as usize).saturating_add(8);
            if len > CONTENT_BYTES_MAX || !self.want(len)? {
                return Ok(None);
            }
            self.at += len;
        }
        let head = self.held.get(self.at..).unwrap_or(&[]);
        let content = get_frame_content_size(head).ok().flatten();
        let Some(content) = content.filter(|&content| content <= CONTENT_BYTES_MAX as u64) else {
            return Ok(None);
        };
        // Its blocks say where it ends, once all of them are there; it is hardly longer than its
        // content.
        let len_max = compress_bound(content as usize) + HEADER_BYTES_MAX;
        loop {
            let left = self.left();
            if let Ok(len) = find_frame_compressed_size(self.held.get(self.at..).unwrap_or(&[])) {
                return Ok(Some((len, content as usize)));
            }
            if left > len_max || !self.want(left + 1)? {
                return Ok(None);
            }
        }
    }

    fn left(&self) -> usize {
        self.held.len().saturating_sub(self.at)
    }

    /// Reads on until so many bytes are there; whether they are.
    fn want(&mut self, bytes: usize) -> Result<bool> {
        while self.left() < bytes {
            if self.file.by_ref().take(READ_BYTES as u64).read_to_end(&mut self.held)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Slot {
    fn decompress(&mut self, held: &[u8]) {
        let frame = held.get(self.start..self.end).unwrap_or(&[]);
        let decompressed = self.decompressor.decompress_to_buffer(frame, &mut self.content);
        self.failed = decompressed.is_err();
    }
}
