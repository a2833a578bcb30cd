//! The dissector that protocols share whose messages are frames with their length in front: one
//! framer per direction, what becomes of frames that were cut or lost, and when to give up. What a
//! frame says is asked of a [`Reader`].

use super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::{Direction, Dissector, Feed, Mark, Output, Slice};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// A protocol of frames.
pub trait Reader: Send {
    /// The anomaly of bytes that are no frame.
    const MALFORMED: AnomalyKind;

    /// As for [`Framing::head`], of bytes that go this way.
    fn head(&self, way: Direction, bytes: &[u8]) -> Head;

    /// As for [`Framing::begins`], of bytes that go this way.
    fn begins(&self, way: Direction, bytes: &[u8]) -> Begins;

    /// Reads a frame, whole or cut.
    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output);

    /// Looks at bytes while no frame was read yet.
    fn open(&mut self, _slice: Slice<'_>) {}

    /// Nothing more is read of the connection.
    fn is_over(&self) -> bool {
        false
    }

    /// Bytes of a direction were lost, and with them nobody knows how many frames.
    fn lose(&mut self, _way: Direction, _out: &mut Output) {}

    /// A direction has ended.
    fn end(&mut self, _way: Direction, _out: &mut Output) {}
}

/// The dissector of a [`Reader`].
pub struct Framed<R> {
    reader: R,
    to_server: Framer,
    to_client: Framer,
    /// A frame was read.
    is_proven: bool,
}

impl<R: Reader + 'static> Framed<R> {
    pub fn start(reader: R, limits: &Limits) -> Box<dyn Dissector> {
        let framer = || Framer::new(limits.frame_bytes_max);
        Box::new(Framed { reader, to_server: framer(), to_client: framer(), is_proven: false })
    }
}

impl<R> Framed<R> {
    fn both(&mut self, way: Direction) -> (&mut Framer, &mut R) {
        let framer = match way {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        (framer, &mut self.reader)
    }
}

/// A reader's frames of one direction.
struct Way<'a, R>(&'a R, Direction);

impl<R: Reader> Framing for Way<'_, R> {
    fn head(&self, bytes: &[u8]) -> Head {
        self.0.head(self.1, bytes)
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        self.0.begins(self.1, bytes)
    }
}

impl<R: Reader> Dissector for Framed<R> {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        if !self.is_proven {
            self.reader.open(slice);
        }
        let (way, mut at) = (slice.direction, 0);
        while !self.reader.is_over() {
            let is_proven = self.is_proven;
            let (framer, reader) = self.both(way);
            match framer.next(slice, &mut at, &Way(&*reader, way)) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    reader.frame(frame, way, out);
                    self.is_proven = true;
                }
                Step::Bad if !is_proven => return Feed::GiveUp(R::MALFORMED),
                Step::Bad => {
                    out.anomaly(R::MALFORMED, slice.mark_at(at));
                    at += 1;
                    let (framer, reader) = self.both(way);
                    framer.lose();
                    reader.lose(way, out);
                }
            }
        }
        Feed::Taken(slice.bytes.len())
    }

    fn gap(&mut self, way: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let (framer, reader) = self.both(way);
        let (frame, is_lost) = framer.gap(bytes);
        if let Some(frame) = frame {
            reader.frame(frame, way, out);
        }
        if is_lost {
            reader.lose(way, out);
        }
    }

    fn end(&mut self, way: Direction, _unread: Slice<'_>, out: &mut Output) {
        let (framer, reader) = self.both(way);
        if let Some(frame) = framer.cut() {
            reader.frame(frame, way, out);
        }
        reader.end(way, out);
    }
}
