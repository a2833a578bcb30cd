//! Compressed packets of one direction -> the plain packets inside. A compressed packet holds any
//! part of the stream of plain ones, deflated (zlib) or as zstd, or as it is when that is shorter.

use std::io::Read;

use super::super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::super::{Output, Slice};
use super::Packets;
use super::parse;
use super::session::Turn;
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// Length, sequence number, length of the content.
const HEADER_BYTES: usize = 7;

pub struct Inflater {
    outer: Framer,
    inner: Framer,
    /// Plain bytes that were not taken: a header that is not whole.
    rest: Vec<u8>,
    plain_bytes_max: u64,
}

struct Outer;

impl Framing for Outer {
    fn head(&self, bytes: &[u8]) -> Head {
        parse::compressed_head(bytes)
    }

    /// Its packets have no mark of their own; a packet that is whole and small is believed.
    fn begins(&self, bytes: &[u8]) -> Begins {
        match parse::compressed_head(bytes) {
            Head::Frame(total) if total == bytes.len() as u64 => Begins::Yes,
            _ => Begins::No,
        }
    }
}

impl Inflater {
    pub fn new(limits: &Limits) -> Self {
        Inflater {
            outer: Framer::new(limits.pending_bytes_max),
            inner: Framer::new(limits.frame_bytes_max),
            rest: Vec::new(),
            plain_bytes_max: limits.pending_bytes_max as u64,
        }
    }

    pub fn lose(&mut self) {
        self.outer.lose();
        self.inner.lose();
        self.rest.clear();
    }

    /// Reads from `at` on and hands each plain packet to `packet`; how much was taken.
    pub fn read(
        &mut self,
        slice: Slice<'_>,
        at: usize,
        packets: &Packets,
        packet: &mut impl FnMut(Frame<'_>, &mut Output) -> Turn,
        out: &mut Output,
    ) -> usize {
        let mut taken = at;
        let Inflater { outer, inner, rest, plain_bytes_max } = self;
        loop {
            let frame = match outer.next(slice, &mut taken, &Outer) {
                Step::More => return taken - at,
                Step::Bad => return slice.bytes.len() - at,
                Step::Frame(frame) => frame,
            };
            let is_whole = plain(frame, *plain_bytes_max, rest);
            let marks = [(0, frame.last)];
            let plain = Slice { direction: slice.direction, bytes: rest, marks: &marks };
            let mut read = 0;
            while let Step::Frame(frame) = inner.next(plain, &mut read, packets) {
                if packet(frame, out) == Turn::Bad {
                    out.anomaly(AnomalyKind::MysqlMalformed, marks[0].1);
                    inner.lose();
                }
            }
            rest.drain(..read.min(rest.len()));
            if !is_whole {
                out.anomaly(AnomalyKind::MysqlMalformed, frame.last);
                inner.lose();
                rest.clear();
            }
        }
    }
}

/// Appends what a compressed packet holds; whether all of it could be had.
fn plain(frame: Frame<'_>, max: u64, into: &mut Vec<u8>) -> bool {
    let content = frame.bytes.get(HEADER_BYTES..).unwrap_or_default();
    let length = match frame.bytes.get(4..7) {
        Some([a, b, c]) => u64::from(u32::from_le_bytes([*a, *b, *c, 0])),
        _ => 0,
    };
    let is_cut = frame.is_cut || (frame.bytes.len() as u64) < frame.total || length > max;
    if length == 0 {
        into.extend_from_slice(content);
        return !is_cut;
    }
    let before = into.len() as u64;
    let is_zstd = content.starts_with(b"\x28\xb5\x2f\xfd");
    let limit = length.min(max);
    let read = match is_zstd {
        true => {
            zstd::stream::read::Decoder::new(content).and_then(|d| d.take(limit).read_to_end(into))
        }
        false => flate2::read::ZlibDecoder::new(content).take(limit).read_to_end(into),
    };
    read.is_ok() && !is_cut && into.len() as u64 - before == length
}
