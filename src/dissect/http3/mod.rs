//! HTTP/3 (RFC 9114): the streams of a QUIC connection whose secrets are known -> calls. What a
//! call is, is as in HTTP/2; server push is passed over.

pub mod parse;
mod qpack;
mod table;

use std::collections::BTreeMap;

use self::parse::{CONTROL, DATA, ENCODER, HEADERS, SETTINGS, frame, qpack_capacity};
use self::qpack::{Decoder, Trouble};
use super::http::{Caps, JsonPaths};
use super::http2::{self, Head, Seen, Stream};
use super::quic::parse::varint;
use super::{Direction, Mark, Output, Pairing, Probe, Protocol};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "http3",
    title: "HTTP",
    flag: "http",
    table: "http",
    spec: "RFC 9114, RFC 9204",
    carriers: &[], // inside QUIC only
    ports: &[],
    pairing: Pairing::ById,
    counters: &[],
    request: &http2::REQUEST,
    response: &http2::RESPONSE,
    derived: &[],
    probe: |_, _| Probe::No,
    start: |carrier, limits| (super::quic::PROTOCOL.start)(carrier, limits),
};

/// Where reading of one direction of a stream stands.
#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Frame,
    Data(u64),
    Skip(u64),
    /// Of a stream of one direction: which one it is.
    Known(u64),
}

/// One connection.
pub struct Http3 {
    caps: Caps,
    paths: JsonPaths,
    streams_max: usize,
    /// The way the client sends.
    client: Direction,
    qpack: [Decoder; 2],
    states: BTreeMap<(u64, usize), State>,
    streams: BTreeMap<u64, Stream>,
    /// Entries came that sections may wait for.
    pub has_entries: bool,
}

/// Bytes of a stream in order, and the datagram that brought the last of them.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    pub way: Direction,
    pub stream: u64,
    pub bytes: &'a [u8],
    pub at: Mark,
    /// No more will come: what waits need not wait.
    pub is_final: bool,
}

impl Http3 {
    pub fn new(limits: &Limits, client: Direction) -> Self {
        let decoder = || Decoder::new(limits.hpack_table_bytes_max);
        Http3 {
            caps: Caps::new(limits),
            paths: JsonPaths::new(limits),
            streams_max: limits.http2_streams_max,
            client,
            qpack: [decoder(), decoder()],
            states: BTreeMap::new(),
            streams: BTreeMap::new(),
            has_entries: false,
        }
    }

    fn decoder(&mut self, way: Direction) -> &mut Decoder {
        let [to_server, to_client] = &mut self.qpack;
        match way {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// Reads what can be read; how many bytes it took.
    pub fn read(&mut self, piece: Piece<'_>, out: &mut Output) -> usize {
        let key = (piece.stream, piece.way.index());
        let mut state = self.states.get(&key).copied().unwrap_or_default();
        let mut taken = 0;
        while let Some(bytes) = piece.bytes.get(taken..).filter(|bytes| !bytes.is_empty()) {
            let piece = Piece { bytes, ..piece };
            let step = match piece.stream & 2 {
                0 => self.call(piece, &mut state, out),
                _ => self.side_stream(piece, &mut state),
            };
            match step {
                Some(count) => taken += count,
                None => break,
            }
        }
        self.states.insert(key, state);
        self.limit(piece.at, out);
        taken
    }

    /// A stream of one direction: settings, or entries of the dynamic table.
    fn side_stream(&mut self, piece: Piece<'_>, state: &mut State) -> Option<usize> {
        match *state {
            State::Known(ENCODER) => {
                let taken = self.decoder(piece.way).instructions(piece.bytes);
                self.has_entries |= taken > 0;
                Some(taken).filter(|taken| *taken > 0)
            }
            State::Known(CONTROL) => {
                let (kind, length, rest) = frame(piece.bytes)?;
                let payload = rest.get(..usize::try_from(length).ok()?)?;
                let capacity = qpack_capacity(payload).filter(|_| kind == SETTINGS);
                if let Some(capacity) = capacity {
                    self.decoder(piece.way.reverse()).announced = capacity;
                }
                Some(piece.bytes.len() - rest.len() + payload.len())
            }
            State::Known(_) => Some(piece.bytes.len()),
            _ => {
                let (kind, rest) = varint(piece.bytes)?;
                *state = State::Known(kind);
                Some(piece.bytes.len() - rest.len())
            }
        }
    }

    /// A stream of both directions, which is a call.
    fn call(&mut self, piece: Piece<'_>, state: &mut State, out: &mut Output) -> Option<usize> {
        match state {
            State::Data(left) | State::Skip(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.bytes.len());
                *left -= count as u64;
                let (is_over, is_data) = (*left == 0, matches!(state, State::Data(_)));
                if is_data {
                    let (content, caps) = (piece.bytes.get(..count).unwrap_or_default(), self.caps);
                    let marks = (piece.at, piece.at);
                    self.stream(piece.stream)?.data(piece.way, content, 0, marks, caps);
                }
                if is_over {
                    *state = State::Frame;
                }
                Some(count)
            }
            _ => self.frame(piece, state, out),
        }
    }

    fn frame(&mut self, piece: Piece<'_>, state: &mut State, out: &mut Output) -> Option<usize> {
        let (kind, length, rest) = frame(piece.bytes)?;
        let header = piece.bytes.len() - rest.len();
        let is_long = length > self.caps.head_bytes_max as u64;
        if kind == HEADERS && !is_long {
            let block = rest.get(..usize::try_from(length).ok()?)?;
            return self.head(piece, block, out).then_some(header + block.len());
        }
        if kind == HEADERS {
            out.anomaly(AnomalyKind::HttpHeadLimit, piece.at);
        }
        *state = match (length, kind) {
            (0, _) => State::Frame,
            (_, DATA) => State::Data(length),
            _ => State::Skip(length),
        };
        Some(header)
    }

    /// Reads a field section; false when it has to wait.
    fn head(&mut self, piece: Piece<'_>, block: &[u8], out: &mut Output) -> bool {
        let (caps, is_final) = (self.caps, piece.is_final);
        let decoder = self.decoder(piece.way);
        let mut trouble = None;
        let head = Head::with(block.len(), |head| {
            let mut sink = |field: http2::hpack::Field<'_>| head.push(field, caps);
            trouble = decoder.section(block, is_final, &mut sink).err();
        });
        match trouble {
            Some(Trouble::Blocked) => return false,
            Some(Trouble::Flaw(_)) => out.anomaly(AnomalyKind::QpackMalformed, piece.at),
            None => {}
        }
        let seen = Seen { first: piece.at, last: piece.at, bytes: block.len() as u64 };
        if let Some(stream) = self.stream(piece.stream) {
            stream.head(piece.way, head, seen, false, caps);
        }
        true
    }

    fn stream(&mut self, id: u64) -> Option<&mut Stream> {
        let number = u32::try_from(id).ok()?;
        let client = self.client;
        Some(self.streams.entry(id).or_insert_with(|| Stream::of_http3(number, client)))
    }

    /// One direction of a stream has ended; whether the stream is over.
    pub fn end(&mut self, way: Direction, id: u64, at: Mark, out: &mut Output) -> bool {
        self.states.remove(&(id, way.index()));
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        stream.end(way, at);
        let is_over = stream.is_done();
        if is_over && let Some(stream) = self.streams.remove(&id) {
            stream.finish(self.caps, &self.paths, out);
        }
        is_over
    }

    /// The oldest stream is given up when there are too many.
    fn limit(&mut self, at: Mark, out: &mut Output) {
        while self.streams.len() > self.streams_max {
            out.anomaly(AnomalyKind::Http2StreamLimit, at);
            let Some((_, oldest)) = self.streams.pop_first() else { return };
            oldest.finish(self.caps, &self.paths, out);
        }
        while self.states.len() > 4 * self.streams_max {
            self.states.pop_first();
        }
    }

    /// Nothing more will come.
    pub fn finish(&mut self, out: &mut Output) {
        for stream in std::mem::take(&mut self.streams).into_values() {
            stream.finish(self.caps, &self.paths, out);
        }
    }
}
