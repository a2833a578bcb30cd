//! STREAM frames of a connection whose secrets are known -> streams in order, for HTTP/3 to read.

use std::collections::{BTreeMap, BTreeSet};

use super::super::http3::{Http3, Piece};
use super::super::{Direction, Mark, Output};
use super::crypto::Crypto;
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// One direction of a stream.
#[derive(Default)]
struct Half {
    bytes: Crypto,
    /// Where it ends, once that is known.
    end: Option<u64>,
    /// A piece is missing for good: nothing more is read.
    is_lost: bool,
    at: Mark,
}

/// The streams of one connection.
pub struct Streams {
    http3: Http3,
    open: BTreeMap<(u64, usize), Half>,
    /// Directions of streams that have ended: pieces of them are sent again.
    closed: BTreeSet<(u64, usize)>,
    bytes_max: usize,
    streams_max: usize,
}

impl Streams {
    pub fn new(limits: &Limits, client: Direction) -> Self {
        Streams {
            http3: Http3::new(limits, client),
            open: BTreeMap::new(),
            closed: BTreeSet::new(),
            bytes_max: limits.pending_bytes_max,
            streams_max: limits.http2_streams_max,
        }
    }

    /// Takes in a piece of a stream.
    pub fn push(
        &mut self,
        way: Direction,
        id: u64,
        (offset, data, is_last): (u64, &[u8], bool),
        at: Mark,
        out: &mut Output,
    ) {
        let key = (id, way.index());
        if self.closed.contains(&key) {
            return;
        }
        let half = self.open.entry(key).or_default();
        half.at = at;
        if !half.bytes.push(offset, data, self.bytes_max) {
            half.is_lost = true;
            out.anomaly(AnomalyKind::StreamGap, at);
        }
        if is_last {
            half.end = Some(offset.saturating_add(data.len() as u64));
        }
        self.read(way, id, false, out);
        if std::mem::take(&mut self.http3.has_entries) {
            self.read_all(false, out);
        }
        while self.open.len() > 2 * self.streams_max {
            self.open.pop_first();
        }
    }

    /// The sender gives a stream up.
    pub fn reset(&mut self, way: Direction, id: u64, at: Mark, out: &mut Output) {
        self.close(way, id, at, out);
    }

    fn read(&mut self, way: Direction, id: u64, is_final: bool, out: &mut Output) {
        let Some(half) = self.open.get_mut(&(id, way.index())).filter(|half| !half.is_lost) else {
            return;
        };
        let at = half.at;
        let piece = Piece { way, stream: id, bytes: half.bytes.ready(), at, is_final };
        let taken = self.http3.read(piece, out);
        half.bytes.take(taken);
        let is_over = half.end.is_some_and(|end| half.bytes.received() >= end);
        if is_over && half.bytes.ready().is_empty() {
            self.close(way, id, at, out);
        }
    }

    /// What waited for entries of the dynamic table may go on.
    fn read_all(&mut self, is_final: bool, out: &mut Output) {
        let waiting = self.open.iter().filter(|(_, half)| !half.bytes.ready().is_empty());
        let waiting: Vec<(u64, usize)> = waiting.map(|(key, _)| *key).collect();
        for (id, way) in waiting {
            let ways = [Direction::ToServer, Direction::ToClient];
            if let Some(way) = ways.into_iter().find(|known| known.index() == way) {
                self.read(way, id, is_final, out);
            }
        }
    }

    fn close(&mut self, way: Direction, id: u64, at: Mark, out: &mut Output) {
        self.open.remove(&(id, way.index()));
        self.closed.insert((id, way.index()));
        while self.closed.len() > 4 * self.streams_max {
            self.closed.pop_first();
        }
        self.http3.end(way, id, at, out);
    }

    /// Nothing more will come.
    pub fn finish(&mut self, out: &mut Output) {
        self.read_all(true, out);
        self.http3.finish(out);
    }
}
