//! Bytes of one direction -> frames whose length stands in front, for the protocols that are made
//! of such. Of a frame that comes in pieces or is long only the beginning is kept, the rest is
//! counted as it passes. It knows no protocol: what a header says is asked of a [`Framing`].

use super::{Extent, Mark, Slice};

/// What the first bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The header is not whole.
    More,
    /// No frame begins so.
    Bad,
    /// So many bytes with the header, at least one.
    Frame(u64),
}

/// Whether a frame begins at the start of a packet, as far as bytes can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    No,
    More,
    Yes,
}

/// How a protocol's frames are told apart.
pub trait Framing {
    fn head(&self, bytes: &[u8]) -> Head;
    /// Judged strictly: it decides where reading goes on after a loss.
    fn begins(&self, bytes: &[u8]) -> Begins;
}

/// One frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its beginning, header included; all of it when it is short enough.
    pub bytes: &'a [u8],
    /// Bytes on the wire.
    pub total: u64,
    pub first: Mark,
    pub last: Mark,
    /// Some of it was not captured.
    pub is_cut: bool,
}

impl Frame<'_> {
    pub fn extent(&self) -> Extent {
        Extent { first: self.first, last: self.last, bytes: self.total }
    }

    /// Bytes on the wire, as fields have them.
    pub fn size(&self) -> i64 {
        i64::try_from(self.total).unwrap_or(i64::MAX)
    }
}

/// How far reading came.
#[derive(Debug)]
pub enum Step<'a> {
    More,
    Frame(Frame<'a>),
    /// Bytes that begin no frame. [`Framer::lose`] starts the search for the next.
    Bad,
}

/// The reader of one direction.
#[derive(Debug)]
pub struct Framer {
    /// What is kept of one frame.
    keep_max: usize,
    held: Vec<u8>,
    /// Of the frame in progress; 0 when there is none.
    total: u64,
    seen: u64,
    first: Mark,
    last: Mark,
    is_cut: bool,
    /// Where a frame starts is not known.
    is_lost: bool,
}

impl Framer {
    pub fn new(keep_max: usize) -> Self {
        Framer {
            keep_max,
            held: Vec::new(),
            total: 0,
            seen: 0,
            first: Mark::default(),
            last: Mark::default(),
            is_cut: false,
            is_lost: false,
        }
    }

    /// The next frame at or after `at`, which moves on to what was not read.
    pub fn next<'a>(
        &'a mut self,
        slice: Slice<'a>,
        at: &mut usize,
        framing: &impl Framing,
    ) -> Step<'a> {
        if self.is_lost && !self.resync(slice, at, framing) {
            return Step::More;
        }
        if self.total > 0 {
            self.go_on(slice, at);
            return self.complete();
        }
        let rest = slice.bytes.get(*at..).unwrap_or_default();
        if rest.is_empty() {
            return Step::More;
        }
        let total = match framing.head(rest) {
            Head::More => return Step::More,
            Head::Bad | Head::Frame(0) => return Step::Bad,
            Head::Frame(total) => total,
        };
        let first = slice.mark_at(*at);
        let Some(whole) = usize::try_from(total).ok().and_then(|total| rest.get(..total)) else {
            (self.total, self.seen, self.first, self.is_cut) = (total, 0, first, false);
            self.held.clear();
            self.go_on(slice, at);
            return Step::More;
        };
        *at += whole.len();
        let bytes = whole.get(..self.keep_max).unwrap_or(whole);
        Step::Frame(Frame { bytes, total, first, last: slice.mark_at(*at - 1), is_cut: false })
    }

    /// Takes more of the frame in progress.
    fn go_on(&mut self, slice: Slice<'_>, at: &mut usize) {
        let rest = slice.bytes.get(*at..).unwrap_or_default();
        let left = usize::try_from(self.total - self.seen).unwrap_or(usize::MAX);
        let piece = rest.get(..left).unwrap_or(rest);
        if piece.is_empty() {
            return;
        }
        // What comes after lost bytes does not continue what is held.
        let room = if self.is_cut { 0 } else { self.keep_max.saturating_sub(self.held.len()) };
        self.held.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.seen += piece.len() as u64;
        *at += piece.len();
        self.last = slice.mark_at(*at - 1);
    }

    fn complete(&mut self) -> Step<'_> {
        if self.seen < self.total {
            return Step::More;
        }
        let total = std::mem::take(&mut self.total);
        let Framer { held, first, last, is_cut, .. } = self;
        Step::Frame(Frame { bytes: held, total, first: *first, last: *last, is_cut: *is_cut })
    }

    /// Bytes were lost: the frame that ends with them, whole or not, and whether the start of the
    /// next is not known, because more was lost than the rest of the frame in progress.
    pub fn gap(&mut self, bytes: u64) -> (Option<Frame<'_>>, bool) {
        let is_lost = self.total == 0 || self.total - self.seen < bytes;
        self.is_lost |= is_lost;
        self.seen = self.seen.saturating_add(bytes);
        self.is_cut = true;
        let ends = is_lost || self.seen == self.total;
        (if ends { self.cut() } else { None }, is_lost)
    }

    /// The frame in progress as far as it came, for when no more will come of it.
    pub fn cut(&mut self) -> Option<Frame<'_>> {
        let total = std::mem::take(&mut self.total);
        let Framer { held, first, last, .. } = self;
        (total > 0).then_some(Frame {
            bytes: held,
            total,
            first: *first,
            last: *last,
            is_cut: true,
        })
    }

    /// The next frame has to be searched for.
    pub fn lose(&mut self) {
        (self.total, self.is_lost) = (0, true);
    }

    /// Looks for a frame at the starts of packets, since inside of one anything may look like a
    /// frame. Whether there is one; what comes before it is passed over.
    fn resync(&mut self, slice: Slice<'_>, at: &mut usize, framing: &impl Framing) -> bool {
        for &(start, _) in slice.marks.iter().filter(|&&(start, _)| start >= *at) {
            match framing.begins(slice.bytes.get(start..).unwrap_or_default()) {
                Begins::No => {}
                Begins::More => {
                    *at = start;
                    return false;
                }
                Begins::Yes => {
                    (*at, self.is_lost) = (start, false);
                    return true;
                }
            }
        }
        *at = slice.bytes.len();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::Direction;

    /// A byte of length, then so many bytes less one.
    struct Short;

    impl Framing for Short {
        fn head(&self, bytes: &[u8]) -> Head {
            match bytes.first() {
                None => Head::More,
                Some(&length) => Head::Frame(u64::from(length)),
            }
        }
        fn begins(&self, bytes: &[u8]) -> Begins {
            if bytes.starts_with(b"\x03") { Begins::Yes } else { Begins::No }
        }
    }

    fn read(framer: &mut Framer, bytes: &[u8]) -> (Vec<(Vec<u8>, u64, bool)>, usize) {
        let marks = [(0, Mark::default())];
        let slice = Slice { direction: Direction::ToServer, bytes, marks: &marks };
        let (mut at, mut frames) = (0, Vec::new());
        while let Step::Frame(frame) = framer.next(slice, &mut at, &Short) {
            frames.push((frame.bytes.to_vec(), frame.total, frame.is_cut));
        }
        (frames, at)
    }

    #[test]
    fn frames_in_any_pieces() {
        let bytes = b"\x03ab\x01\x06hello\x02x";
        let whole = read(&mut Framer::new(4), bytes).0;
        assert_eq!(whole[2], (b"\x06hel".to_vec(), 6, false));
        for cut in 0..bytes.len() {
            let mut framer = Framer::new(4);
            let (mut frames, taken) = read(&mut framer, &bytes[..cut]);
            frames.extend(read(&mut framer, &bytes[taken..]).0);
            assert_eq!(frames, whole, "cut at {cut}");
        }
    }

    #[test]
    fn losses_inside_and_beyond() {
        let mut framer = Framer::new(9);
        read(&mut framer, b"\x06he");
        assert!(matches!(framer.gap(2), (None, false)));
        assert_eq!(read(&mut framer, b"o\x01").0[0], (b"\x06he".to_vec(), 6, true));
        read(&mut framer, b"\x06he");
        assert!(matches!(framer.gap(3), (Some(Frame { total: 6, is_cut: true, .. }), false)));
        assert_eq!(read(&mut framer, b"\x01").0.len(), 1);
        read(&mut framer, b"\x06he");
        assert!(matches!(framer.gap(4), (Some(Frame { bytes: b"\x06he", .. }), true)));
        assert_eq!(read(&mut framer, b"\x02x").0, []);
        assert_eq!(read(&mut framer, b"\x03ab").0.len(), 1);
    }

    #[test]
    fn nothing_of_no_length() {
        let marks = [(0, Mark::default())];
        let slice = Slice { direction: Direction::ToServer, bytes: b"\0", marks: &marks };
        assert!(matches!(Framer::new(4).next(slice, &mut 0, &Short), Step::Bad));
    }
}
