//! TCP segments of one direction -> ordered bytes and gaps. The first bytes to claim a place in
//! the stream keep it; lost ones become a gap as soon as the receiver is known to have them, so
//! that memory is bounded and nothing waits for ever. What the bytes mean is `dissect/`.

use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// What comes out of a direction, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a, M> {
    /// Bytes, their mark, and the sequence number of the first.
    Bytes(&'a [u8], M, u32),
    /// So many bytes were never captured; the mark is that of what comes next.
    Gap(u64, M),
    Anomaly(AnomalyKind, M),
}

/// A segment that waits for the hole before it to be filled.
#[derive(Debug)]
struct Waiting<M> {
    seq: u32,
    bytes: Vec<u8>,
    /// Bytes behind those that the snap length cut.
    cut: u32,
    mark: M,
}

impl<M> Waiting<M> {
    fn end(&self) -> u32 {
        self.seq.wrapping_add(self.bytes.len() as u32).wrapping_add(self.cut)
    }
}

/// How far `b` lies behind `a` in sequence space; negative when before it (RFC 1982 arithmetic).
pub fn distance(a: u32, b: u32) -> i32 {
    b.wrapping_sub(a) as i32
}

/// One direction of a TCP connection. `M` marks where bytes came from.
#[derive(Debug)]
pub struct Reassembler<M> {
    /// Sequence number of the next byte, once known.
    next: Option<u32>,
    waiting: Vec<Waiting<M>>,
    waiting_bytes: usize,
    /// Highest acknowledgement of the receiver beyond `next`, and when it was first seen.
    acked: Option<(u32, i64)>,
}

impl<M> Default for Reassembler<M> {
    fn default() -> Self {
        Reassembler { next: None, waiting: Vec::new(), waiting_bytes: 0, acked: None }
    }
}

impl<M: Copy> Reassembler<M> {
    /// The first byte has this sequence number (SYN + 1).
    pub fn start(&mut self, seq: u32) {
        self.next.get_or_insert(seq);
    }

    /// Whether bytes wait for a hole to be filled.
    pub fn has_hole(&self) -> bool {
        !self.waiting.is_empty() || self.acked.is_some()
    }

    /// Takes a segment in; `cut` bytes of it were not captured.
    pub fn segment(
        &mut self,
        seq: u32,
        bytes: &[u8],
        cut: u32,
        mark: M,
        limits: &Limits,
        mut out: impl FnMut(Event<'_, M>),
    ) {
        let next = *self.next.get_or_insert(seq);
        let ahead = distance(next, seq);
        if ahead > 0 {
            self.hold(seq, bytes, cut, mark, &mut out);
            if self.waiting_bytes > limits.reorder_bytes_max
                || self.waiting.len() > limits.reorder_segments_max
            {
                out(Event::Anomaly(AnomalyKind::ReorderLimit, mark));
                self.skip_hole(&mut out);
            }
            return;
        }
        // Bytes that wait already were first to claim their place: hand on what lies between.
        loop {
            let Some(known) = self.next.map(|next| distance(seq, next).max(0) as usize) else {
                return;
            };
            if known >= bytes.len() + cut as usize {
                return; // all of it was seen before
            }
            let fresh = bytes.get(known..).unwrap_or(&[]);
            let until = match self.waiting.first() {
                Some(first) => distance(seq, first.seq).max(0) as usize,
                None => usize::MAX,
            };
            if until < bytes.len() {
                self.differs(seq, bytes, mark, &mut out);
                self.deliver(bytes.get(known..until).unwrap_or(&[]), 0, mark, &mut out);
            } else {
                let cut = cut - known.saturating_sub(bytes.len()) as u32;
                self.deliver(fresh, cut, mark, &mut out);
            }
            self.release(&mut out);
        }
    }

    /// Notes that the receiver has everything before `ack`; gives up holes it has had for long.
    pub fn acknowledged(
        &mut self,
        ack: u32,
        ts_ns: i64,
        mark: M,
        limits: &Limits,
        mut out: impl FnMut(Event<'_, M>),
    ) {
        let Some(next) = self.next else { return };
        if let Some((held, since)) = self.acked {
            if distance(next, held) <= 0 {
                self.acked = None;
            } else if ts_ns.saturating_sub(since) >= i64::from(limits.gap_confirm_us) * 1000 {
                self.give_up(held, mark, &mut out);
            }
        }
        let Some(next) = self.next else { return };
        // An acknowledgement of more than a window ahead is not about this stream.
        if self.acked.is_none() && (1..1 << 30).contains(&distance(next, ack)) {
            self.acked = Some((ack, ts_ns));
        }
    }

    /// Hands on all that waits, with the holes as gaps: nothing more will come.
    pub fn finish(&mut self, mark: M, mut out: impl FnMut(Event<'_, M>)) {
        while !self.waiting.is_empty() {
            self.skip_hole(&mut out);
        }
        if let Some((acked, _)) = self.acked {
            self.give_up(acked, mark, &mut out);
        }
    }

    /// The receiver has all before `acked`: what is missing of it was lost in capture.
    fn give_up(&mut self, acked: u32, mark: M, out: &mut impl FnMut(Event<'_, M>)) {
        self.acked = None;
        let Some(next) = self.next else { return };
        let first = self.waiting.first().map(|w| w.seq);
        let end = match first {
            Some(seq) if distance(seq, acked) >= 0 => seq,
            _ => acked,
        };
        let missing = distance(next, end);
        // One byte more and nothing behind it: the FIN, which takes a number of its own.
        if missing == 1 && first.is_none() {
            return;
        }
        if missing > 0 {
            out(Event::Gap(missing as u64, mark));
            self.next = Some(end);
            self.release(out);
        }
    }

    /// Jumps over the hole before the first waiting segment.
    fn skip_hole(&mut self, out: &mut impl FnMut(Event<'_, M>)) {
        let (Some(next), Some(first)) = (self.next, self.waiting.first()) else { return };
        let (seq, mark) = (first.seq, first.mark);
        out(Event::Gap(distance(next, seq).max(0) as u64, mark));
        self.next = Some(seq);
        self.acked = self.acked.filter(|&(acked, _)| distance(seq, acked) > 0);
        self.release(out);
    }

    /// Hands on waiting segments as long as no hole is before them.
    fn release(&mut self, out: &mut impl FnMut(Event<'_, M>)) {
        let mut ready = 0usize;
        while let (Some(next), Some(piece)) = (self.next, self.waiting.get(ready)) {
            if distance(next, piece.seq) > 0 {
                break;
            }
            let piece_bytes = piece.bytes.len();
            self.waiting_bytes = self.waiting_bytes.saturating_sub(piece_bytes);
            let known = distance(piece.seq, next).max(0) as usize;
            let fresh = piece.bytes.get(known..).unwrap_or(&[]).len();
            let (mark, cut, end) = (piece.mark, piece.cut, piece.end());
            if fresh > 0 {
                out(Event::Bytes(piece.bytes.get(known..).unwrap_or(&[]), mark, next));
            }
            if distance(next, end) > 0 {
                if cut > 0 {
                    out(Event::Gap(u64::from(cut), mark));
                }
                self.next = Some(end);
            }
            ready += 1;
        }
        self.waiting.drain(..ready);
    }

    fn deliver(&mut self, bytes: &[u8], cut: u32, mark: M, out: &mut impl FnMut(Event<'_, M>)) {
        if let Some(next) = self.next.filter(|_| !bytes.is_empty()) {
            out(Event::Bytes(bytes, mark, next));
        }
        if cut > 0 {
            out(Event::Gap(u64::from(cut), mark));
        }
        self.next = self.next.map(|n| n.wrapping_add(bytes.len() as u32).wrapping_add(cut));
    }

    /// Keeps the parts of a segment that nothing waiting claims yet.
    fn hold(
        &mut self,
        seq: u32,
        bytes: &[u8],
        cut: u32,
        mark: M,
        out: &mut impl FnMut(Event<'_, M>),
    ) {
        let mut at = 0usize; // bytes of the segment placed so far
        let mut index = 0usize;
        let mut differs = false;
        while at < bytes.len() {
            let here = seq.wrapping_add(at as u32);
            let Some(other) = self.waiting.get(index) else {
                self.insert(index, here, bytes.get(at..), cut, mark);
                break;
            };
            let before = distance(here, other.seq);
            if before > 0 {
                let free = bytes.len().min(at + before as usize);
                let whole = free == bytes.len();
                self.insert(index, here, bytes.get(at..free), if whole { cut } else { 0 }, mark);
                at = free;
                index += 1;
                continue;
            }
            let skip = distance(here, other.end()).max(0) as usize;
            let theirs = other.bytes.get(before.unsigned_abs() as usize..).unwrap_or(&[]);
            let ours = bytes.get(at..).unwrap_or(&[]);
            differs |= theirs.iter().zip(ours).any(|(a, b)| a != b);
            at += skip.min(bytes.len() - at);
            index += 1;
        }
        if differs {
            out(Event::Anomaly(AnomalyKind::Overlap, mark));
        }
    }

    /// Reports bytes that the first waiting segment holds otherwise.
    fn differs(&self, seq: u32, bytes: &[u8], mark: M, out: &mut impl FnMut(Event<'_, M>)) {
        let Some(first) = self.waiting.first() else { return };
        let ours = bytes.get(distance(seq, first.seq).max(0) as usize..).unwrap_or(&[]);
        if first.bytes.iter().zip(ours).any(|(a, b)| a != b) {
            out(Event::Anomaly(AnomalyKind::Overlap, mark));
        }
    }

    fn insert(&mut self, index: usize, seq: u32, bytes: Option<&[u8]>, cut: u32, mark: M) {
        let bytes = bytes.unwrap_or(&[]).to_vec();
        self.waiting_bytes += bytes.len();
        self.waiting.insert(index, Waiting { seq, bytes, cut, mark });
    }
}

#[cfg(test)]
mod tests;
