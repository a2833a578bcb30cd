//! HTTP/2 (RFC 9113): streams of TCP -> requests and responses, a pair for each stream, whatever
//! of the connection was captured. Flow control and priorities are passed over. What bodies say
//! is counted and, for gRPC, measured (`grpc/`); frames are `parse.rs`, header blocks `hpack/`.

mod fields;
mod head;
pub mod hpack;
pub mod parse;
mod probe;
mod stream;

use std::collections::BTreeMap;

pub use self::fields::{Http2Request, Http2Response, REQUEST, RESPONSE};
pub use self::head::Head;
use self::hpack::Decoder;
use self::parse::{
    END_HEADERS, END_STREAM, FrameHeader, FrameType, HEADER_BYTES, PREFACE, Resync, error_name,
    find_frame, fragment, frame_header, padding, word,
};
pub use self::stream::{Adopted, Seen, Stream};
use super::http::{Caps, JsonPaths};
use super::unread::{Unread, steps};
use super::{Carrier, Direction, Dissector, Feed, Mark, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "http2",
    title: "HTTP",
    flag: "http",
    table: "http",
    spec: "RFC 9113, RFC 7541",
    carriers: &[Carrier::Stream],
    ports: &[],
    pairing: Pairing::ById,
    counters: &[],
    request: &REQUEST,
    response: &RESPONSE,
    derived: &[],
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Http2::new(Caps::new(limits), limits))
}

/// The connection after an upgrade from HTTP/1, which sent the first request.
pub fn upgraded(limits: &Limits, way: Direction, request: Option<Adopted>) -> Box<dyn Dissector> {
    let mut http2 = Http2::new(Caps::new(limits), limits);
    http2.client = way;
    if let Some(request) = request {
        http2.streams.open.insert(1, Stream::adopt(way, request));
    }
    Box::new(http2)
}

struct Http2 {
    caps: Caps,
    /// Members of JSON bodies that are asked for.
    paths: JsonPaths,
    to_server: Side,
    to_client: Side,
    streams: Streams,
    /// The way requests go, as far as is known.
    client: Direction,
    has_preface: bool,
}

/// Streams that have not ended.
struct Streams {
    open: BTreeMap<u32, Stream>,
    open_max: usize,
    /// Highest stream of each kind (even, odd) that was opened in sight.
    opened: [u32; 2],
    /// Lowest of them: earlier ones may still be going on.
    first: [u32; 2],
}

/// One direction.
struct Side {
    state: State,
    decoder: Decoder,
    block: Option<Block>,
    /// Bytes that were offered and not taken.
    unread: u64,
    frames: u64,
    has_losses: bool,
    has_ended: bool,
}

enum State {
    /// A frame begins.
    Frame,
    Data(Data),
    /// So many bytes of no interest are still to come.
    Skip(u64),
    /// Looking for the next frame.
    Lost,
}

/// The payload of a DATA frame on its way.
#[derive(Clone, Copy)]
struct Data {
    stream: u32,
    left: u64,
    padding: u64,
    is_end: bool,
}

/// A header block that goes on in CONTINUATION frames.
struct Block {
    stream: u32,
    promised: Option<u32>,
    is_end: bool,
    bytes: Vec<u8>,
    seen: Seen,
}

impl Side {
    fn new(limits: &Limits) -> Self {
        Side {
            state: State::Frame,
            decoder: Decoder::new(limits.hpack_table_bytes_max),
            block: None,
            unread: 0,
            frames: 0,
            has_losses: false,
            has_ended: false,
        }
    }

    /// Frames were lost, header blocks maybe among them.
    fn lose(&mut self) {
        self.state = State::Lost;
        self.has_losses = true;
        self.block = None;
        self.decoder.forget();
    }
}

impl Streams {
    /// The stream that a frame is of; a new one where it may be: None for what has ended.
    fn get(&mut self, id: u32, way: Direction) -> Option<&mut Stream> {
        let kind = (id & 1) as usize;
        let opened = self.opened.get(kind).copied().unwrap_or(0);
        let first = self.first.get(kind).copied().unwrap_or(0);
        if !self.open.contains_key(&id) && id <= opened && id >= first {
            return None;
        }
        Some(self.open.entry(id).or_insert_with(|| Stream::new(id, way)))
    }

    /// Notes that a stream was opened in sight.
    fn note(&mut self, id: u32) {
        let kind = (id & 1) as usize;
        if let (Some(opened), Some(first)) = (self.opened.get_mut(kind), self.first.get_mut(kind)) {
            *first = if *opened == 0 { id } else { (*first).min(id) };
            *opened = (*opened).max(id);
        }
    }
}

impl Dissector for Http2 {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let at = steps(slice, out, |unread, out| self.step(unread, out));
        self.side(slice.direction).unread = (slice.bytes.len() - at) as u64;
        Feed::Taken(at)
    }

    fn gap(&mut self, way: Direction, bytes: u64, at: Mark, out: &mut Output) {
        let side = self.side(way);
        let lost = bytes.saturating_add(std::mem::take(&mut side.unread));
        match &mut side.state {
            State::Skip(left) if lost <= *left => *left -= lost,
            State::Data(data) if lost <= data.left + data.padding => {
                let content = lost.min(data.left);
                data.left -= content;
                data.padding -= lost - content;
                let data = *data;
                if let Some(stream) = self.streams.open.get_mut(&data.stream) {
                    stream.lose(way, content, at);
                }
                self.end_data(way, data, at, out);
            }
            _ => {
                side.lose();
                self.streams.open.values_mut().for_each(|stream| stream.resume(way));
            }
        }
    }

    fn end(&mut self, way: Direction, _: Slice<'_>, out: &mut Output) {
        self.side(way).has_ended = true;
        if self.to_server.has_ended && self.to_client.has_ended {
            self.finish_all(out);
        }
    }
}

impl Http2 {
    fn new(caps: Caps, limits: &Limits) -> Self {
        Http2 {
            caps,
            paths: JsonPaths::new(limits),
            to_server: Side::new(limits),
            to_client: Side::new(limits),
            streams: Streams {
                open: BTreeMap::new(),
                open_max: limits.http2_streams_max,
                opened: [0; 2],
                first: [0; 2],
            },
            client: Direction::ToServer,
            has_preface: false,
        }
    }

    fn side(&mut self, way: Direction) -> &mut Side {
        match way {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Reads one thing; how many bytes it took, None when more must come first.
    fn step(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let way = unread.slice.direction;
        let side = self.side(way);
        match &mut side.state {
            State::Frame => self.frame(unread, out),
            State::Data(_) => Some(self.data(unread, out)),
            State::Skip(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(unread.bytes.len());
                *left -= count as u64;
                if *left == 0 {
                    side.state = State::Frame;
                }
                Some(count)
            }
            State::Lost => match find_frame(unread.bytes) {
                Resync::Found(start) => {
                    side.state = State::Frame;
                    Some(start)
                }
                Resync::Keep(start) => Some(start).filter(|start| *start > 0),
            },
        }
    }

    /// Reads a frame, or as much of it as can be taken.
    fn frame(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let (way, bytes) = (unread.slice.direction, unread.bytes);
        if bytes.get(..3) == PREFACE.get(..3) {
            return self.preface(way, bytes, out);
        }
        let header = frame_header(bytes)?;
        let in_block = self.side(way).block.is_some();
        if !header.is_sound() || in_block != (header.kind == FrameType::Continuation) {
            out.anomaly(AnomalyKind::Http2Malformed, unread.first());
            self.side(way).lose();
            return Some(1);
        }
        if header.kind == FrameType::Data {
            return self.begin_data(header, unread);
        }
        if header.length as usize > self.caps.head_bytes_max {
            out.anomaly(AnomalyKind::HttpHeadLimit, unread.first());
            let side = self.side(way);
            side.decoder.forget();
            side.block = None;
            side.state = State::Skip(u64::from(header.length));
            return Some(HEADER_BYTES);
        }
        let payload = bytes.get(HEADER_BYTES..header.total())?;
        self.side(way).frames += 1;
        let seen = Seen {
            first: unread.first(),
            last: unread.last_of(header.total()),
            bytes: header.total() as u64,
        };
        self.control(way, header, payload, seen, out);
        Some(header.total())
    }

    /// A client begins: what was open belongs to a connection that is over.
    fn preface(&mut self, way: Direction, bytes: &[u8], out: &mut Output) -> Option<usize> {
        let whole = bytes.get(..PREFACE.len())?;
        if whole != PREFACE {
            self.side(way).lose();
            return Some(1);
        }
        if self.has_preface || self.side(way).frames > 0 {
            self.finish_all(out);
            for side in [&mut self.to_server, &mut self.to_client] {
                side.decoder.forget();
                side.has_losses = false;
                side.block = None;
            }
            (self.streams.opened, self.streams.first) = ([0; 2], [0; 2]);
        }
        self.has_preface = true;
        self.client = way;
        Some(PREFACE.len())
    }

    fn begin_data(&mut self, header: FrameHeader, unread: Unread<'_>) -> Option<usize> {
        let way = unread.slice.direction;
        let payload = unread.bytes.get(HEADER_BYTES..).unwrap_or_default();
        let (before, after) = padding(&header, payload)?;
        let data = Data {
            stream: header.stream,
            left: u64::from(header.length - before - after),
            padding: u64::from(after),
            is_end: header.has(END_STREAM),
        };
        let count = HEADER_BYTES + before as usize;
        let client = self.client;
        let side = self.side(way);
        side.frames += 1;
        side.state = State::Data(data);
        let (first, last) = (unread.first(), unread.last_of(count));
        if let Some(stream) = self.streams.get(header.stream, client) {
            stream.data(way, &[], count as u64, (first, last), self.caps);
        }
        Some(count)
    }

    /// Reads on in a DATA frame.
    fn data(&mut self, unread: Unread<'_>, out: &mut Output) -> usize {
        let way = unread.slice.direction;
        let State::Data(data) = &mut self.side(way).state else { return 0 };
        let wanted = usize::try_from(data.left).unwrap_or(usize::MAX);
        let content = unread.bytes.get(..wanted).unwrap_or(unread.bytes);
        let room = unread.bytes.len() - content.len();
        let padding = usize::try_from(data.padding).unwrap_or(usize::MAX).min(room);
        data.left -= content.len() as u64;
        data.padding -= padding as u64;
        let data = *data;
        let count = content.len() + padding;
        let (first, last) = (unread.first(), unread.last_of(count));
        if let Some(stream) = self.streams.open.get_mut(&data.stream).filter(|_| count > 0) {
            stream.data(way, content, padding as u64, (first, last), self.caps);
        }
        self.end_data(way, data, last, out);
        count
    }

    /// Goes on behind a DATA frame once all of it has passed.
    fn end_data(&mut self, way: Direction, data: Data, last: Mark, out: &mut Output) {
        if data.left + data.padding > 0 {
            return;
        }
        self.side(way).state = State::Frame;
        if !data.is_end {
            return;
        }
        if let Some(stream) = self.streams.open.get_mut(&data.stream) {
            stream.end(way, last);
        }
        self.settle(data.stream, out);
    }

    /// A whole frame that is not DATA.
    fn control(
        &mut self,
        way: Direction,
        header: FrameHeader,
        payload: &[u8],
        seen: Seen,
        out: &mut Output,
    ) {
        match header.kind {
            FrameType::Headers | FrameType::PushPromise | FrameType::Continuation => {
                self.fragment(way, header, payload, seen, out);
            }
            FrameType::RstStream => {
                let error = error_name(word(payload).unwrap_or(0));
                if let Some(stream) = self.streams.open.get_mut(&header.stream) {
                    stream.abort(error, way, seen.last);
                }
                self.settle(header.stream, out);
            }
            FrameType::Goaway => self.goaway(way, payload, seen, out),
            _ => {}
        }
    }

    /// Streams behind the last that a leaving peer has seen are not answered.
    fn goaway(&mut self, way: Direction, payload: &[u8], seen: Seen, out: &mut Output) {
        let last = word(payload).unwrap_or(u32::MAX) & 0x7fff_ffff;
        let error = error_name(payload.get(4..).and_then(word).unwrap_or(0));
        if error != "NO_ERROR" {
            out.anomaly(AnomalyKind::Http2Goaway, seen.first);
        }
        // Those that the receiver of this frame opened: odd ones are a client's.
        let kind = if way == self.client { 0 } else { 1 };
        let behind = self.streams.open.range(last.saturating_add(1)..);
        let lost: Vec<u32> = behind.map(|(&id, _)| id).filter(|id| id & 1 == kind).collect();
        for id in lost {
            if let Some(stream) = self.streams.open.get_mut(&id) {
                stream.abort(
                    if error == "NO_ERROR" { "REFUSED_STREAM" } else { error },
                    way,
                    seen.last,
                );
            }
            self.settle(id, out);
        }
    }

    /// A piece of a header block.
    fn fragment(
        &mut self,
        way: Direction,
        header: FrameHeader,
        payload: &[u8],
        seen: Seen,
        out: &mut Output,
    ) {
        let head_bytes_max = self.caps.head_bytes_max;
        let side = self.side(way);
        let Some(piece) = fragment(&header, payload) else {
            out.anomaly(AnomalyKind::Http2Malformed, seen.first);
            side.decoder.forget();
            return;
        };
        let mut block = side.block.take().unwrap_or(Block {
            stream: header.stream,
            promised: piece.promised,
            is_end: header.has(END_STREAM),
            bytes: Vec::new(),
            seen: Seen { bytes: 0, ..seen },
        });
        block.seen = Seen { last: seen.last, bytes: block.seen.bytes + seen.bytes, ..block.seen };
        if header.has(END_HEADERS) && block.bytes.is_empty() {
            return self.block(way, block, piece.block, out);
        }
        if block.bytes.len() + piece.block.len() > head_bytes_max {
            out.anomaly(AnomalyKind::HttpHeadLimit, seen.first);
            side.decoder.forget();
            if !header.has(END_HEADERS) {
                side.block = Some(Block { bytes: Vec::new(), ..block });
            }
            return;
        }
        block.bytes.extend_from_slice(piece.block);
        if header.has(END_HEADERS) {
            let bytes = std::mem::take(&mut block.bytes);
            self.block(way, block, &bytes, out);
        } else {
            side.block = Some(block);
        }
    }

    /// A whole header block.
    fn block(&mut self, way: Direction, block: Block, bytes: &[u8], out: &mut Output) {
        let caps = self.caps;
        let head = Head::read(&mut self.side(way).decoder, bytes, caps);
        if head.flaw.is_some() {
            out.anomaly(AnomalyKind::HpackMalformed, block.seen.first);
        }
        if head.is_over {
            out.anomaly(AnomalyKind::HttpHeadLimit, block.seen.first);
        }
        if let Some(promised) = block.promised {
            return self.promise(way, promised, head, block.seen, out);
        }
        let id = block.stream;
        if head.is_request() {
            self.client = way;
            if self.streams.open.get(&id).is_some_and(Stream::is_asked) {
                self.take(id, out);
            }
        }
        let begins = head.is_request() || head.is_response();
        let client = if head.is_response() { way.reverse() } else { self.client };
        let streams = &mut self.streams;
        let stream = match begins {
            true => Some(streams.open.entry(id).or_insert_with(|| Stream::new(id, client))),
            false => streams.get(id, client),
        };
        if let Some(stream) = stream {
            stream.head(way, head, block.seen, block.is_end, caps);
        }
        if begins {
            self.streams.note(id);
        }
        self.settle(id, out);
        self.limit(block.seen.first, out);
    }

    /// A request that the server makes for its client.
    fn promise(&mut self, way: Direction, id: u32, head: Head, seen: Seen, out: &mut Output) {
        let mut stream = Stream::new(id, way.reverse());
        stream.is_pushed = true;
        stream.head(way.reverse(), head, seen, true, self.caps);
        self.take(id, out);
        self.streams.open.insert(id, stream);
        self.streams.note(id);
        self.limit(seen.first, out);
    }

    /// Hands a stream on if it is done: answered, and the rest of its request has come or is lost.
    fn settle(&mut self, id: u32, out: &mut Output) {
        let client = self.client;
        let is_lossy = self.side(client).has_losses;
        let Some(stream) = self.streams.open.get(&id) else { return };
        if stream.is_done() || (stream.is_answered() && (is_lossy || !stream.is_asked())) {
            self.take(id, out);
        }
    }

    fn take(&mut self, id: u32, out: &mut Output) {
        if let Some(stream) = self.streams.open.remove(&id) {
            stream.finish(self.caps, &self.paths, out);
        }
    }

    /// The oldest stream is given up when there are too many.
    fn limit(&mut self, mark: Mark, out: &mut Output) {
        while self.streams.open.len() > self.streams.open_max {
            out.anomaly(AnomalyKind::Http2StreamLimit, mark);
            let Some((_, oldest)) = self.streams.open.pop_first() else { return };
            oldest.finish(self.caps, &self.paths, out);
        }
    }

    fn finish_all(&mut self, out: &mut Output) {
        for stream in std::mem::take(&mut self.streams.open).into_values() {
            stream.finish(self.caps, &self.paths, out);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
