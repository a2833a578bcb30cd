//! WebSocket (RFC 6455): what follows an upgrade -> messages, put together from their frames,
//! unmasked, decompressed (RFC 7692) and each complete by itself. Only the beginnings of texts are
//! kept. Without its upgrade a connection is not recognised: single frames have no shape.

mod fields;
mod inflate;
mod message;
pub mod parse;

pub use fields::WsMessage;

use self::inflate::{Inflate, Stop};
use self::message::{Agreement, Open};
use self::parse::{Bad, FrameHeader, Opcode, begins_frames, close, frame_header, unmask};
use super::http::{HttpRequest, HttpResponse};
use super::unread::{Unread, steps};
use super::{
    Carrier, Counter, Direction, Dissector, Feed, Mark, Output, Pairing, Probe, Protocol, Slice,
};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "ws",
    title: "WS",
    flag: "ws",
    table: "ws",
    spec: "RFC 6455, RFC 7692",
    carriers: &[Carrier::Stream],
    ports: &[],
    pairing: Pairing::OneWay,
    counters: &[
        Counter { name: "frames", fields: &["ws_frames"] },
        Counter { name: "upgrades", fields: &["ws_upgrades"] },
    ],
    request: WsMessage::FIELDS,
    response: &[],
    derived: fields::DERIVED,
    probe: |_, _| Probe::No,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Ws::new(Agreement::unknown(limits), limits))
}

/// The connection after an upgrade; `at` is where the response to it ended.
pub fn upgraded(
    limits: &Limits,
    client: Direction,
    request: &HttpRequest,
    response: &HttpResponse,
    at: Mark,
) -> Box<dyn Dissector> {
    let agreement = Agreement::new(limits, client, request, response);
    let mut ws = Ws::new(agreement, limits);
    ws.opened = Some(at);
    Box::new(ws)
}

struct Ws {
    agreement: Agreement,
    to_server: Side,
    to_client: Side,
    inflated_bytes_max: u64,
    /// The opening was not handed on yet.
    opened: Option<Mark>,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    state: State,
    /// The message whose frames are coming.
    open: Option<Open>,
    inflate: Option<Inflate>,
    /// The window is not known, so that no message can be decompressed.
    is_opaque: bool,
    unread: u64,
}

#[derive(Debug, Default)]
enum State {
    /// A frame begins.
    #[default]
    Frame,
    /// Inside the payload of a data frame.
    Payload(Payload),
    /// Looking for the next frame, which begins with a packet.
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Payload {
    header: FrameHeader,
    done: u64,
}

impl Dissector for Ws {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        self.open(out);
        let at = steps(slice, out, |unread, out| self.step(unread, out));
        self.side(slice.direction).unread = (slice.bytes.len() - at) as u64;
        Feed::Taken(at)
    }

    fn gap(&mut self, way: Direction, bytes: u64, at: Mark, out: &mut Output) {
        let side = self.side(way);
        let lost = bytes.saturating_add(std::mem::take(&mut side.unread));
        side.is_opaque = true;
        side.inflate = None;
        if let State::Payload(payload) = &mut side.state
            && lost <= payload.header.length - payload.done
        {
            payload.done += lost;
            let payload = *payload;
            if let Some(open) = &mut side.open {
                open.lose(lost, at);
            }
            return self.end_payload(way, payload, out);
        }
        let open = side.open.take();
        side.state = State::Lost;
        if let Some(open) = open {
            out.messages.push(open.into_message(way, true, &self.agreement));
        }
    }

    fn end(&mut self, way: Direction, _: Slice<'_>, out: &mut Output) {
        self.open(out);
        let open = self.side(way).open.take();
        if let Some(open) = open {
            out.messages.push(open.into_message(way, true, &self.agreement));
        }
    }
}

impl Ws {
    fn new(agreement: Agreement, limits: &Limits) -> Self {
        Ws {
            agreement,
            to_server: Side::default(),
            to_client: Side::default(),
            inflated_bytes_max: limits.ws_inflated_bytes_max,
            opened: None,
        }
    }

    fn side(&mut self, way: Direction) -> &mut Side {
        match way {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Hands on that the connection was opened.
    fn open(&mut self, out: &mut Output) {
        if let Some(at) = self.opened.take() {
            out.messages.push(self.agreement.opening(at));
        }
    }

    /// Reads one thing; how many bytes it took, None when more must come first.
    fn step(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let way = unread.slice.direction;
        match &self.side(way).state {
            State::Frame => self.frame(unread, out),
            State::Payload(payload) => {
                let payload = *payload;
                Some(self.payload(payload, unread, out))
            }
            State::Lost => self.search(unread),
        }
    }

    fn frame(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let way = unread.slice.direction;
        let header = match frame_header(unread.bytes) {
            Ok(header) if self.fits(way, &header) => header,
            Err(Bad::Short) => return None,
            _ => {
                out.anomaly(AnomalyKind::WsMalformed, unread.first());
                let side = self.side(way);
                side.state = State::Lost;
                let open = side.open.take();
                if let Some(open) = open {
                    out.messages.push(open.into_message(way, true, &self.agreement));
                }
                return Some(1);
            }
        };
        if header.mask.is_some() {
            self.agreement.client.get_or_insert(way); // as only clients do
        }
        if header.opcode.is_control() {
            let total = header.bytes + header.length as usize;
            let payload = unread.bytes.get(header.bytes..total)?;
            let (first, last) = (unread.first(), unread.last_of(total));
            let mut open = Open::new(header, first, self.agreement.text_max);
            open.frame(header.bytes as u64, last);
            let mut plain = payload.to_vec();
            unmask(&mut plain, header.mask.unwrap_or_default(), 0);
            open.control(&plain);
            out.messages.push(open.into_message(way, false, &self.agreement));
            return Some(total);
        }
        let (first, last) = (unread.first(), unread.last_of(header.bytes));
        let text_max = self.agreement.text_max;
        let side = self.side(way);
        let open = side.open.get_or_insert_with(|| Open::new(header, first, text_max));
        open.frame(header.bytes as u64, last);
        let payload = Payload { header, done: 0 };
        side.state = State::Payload(payload);
        self.end_payload(way, payload, out);
        Some(header.bytes)
    }

    /// Whether a frame may come now: continuations after a beginning, masks from clients.
    fn fits(&mut self, way: Direction, header: &FrameHeader) -> bool {
        let agreement = &self.agreement;
        let is_masked = agreement
            .client
            .is_none_or(|client| (client == way) == header.mask.is_some() || header.length == 0);
        let may_compress = agreement.extensions.is_none_or(|agreed| agreed.deflate);
        let open = self.side(way).open.is_some();
        let is_first = header.opcode != Opcode::Continuation;
        is_masked
            && (header.opcode.is_control() || is_first != open)
            && (!header.is_compressed || (may_compress && is_first))
    }

    /// Reads on in a payload.
    fn payload(&mut self, payload: Payload, unread: Unread<'_>, out: &mut Output) -> usize {
        let way = unread.slice.direction;
        let left = payload.header.length - payload.done;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        let coded = unread.bytes.get(..wanted).unwrap_or(unread.bytes);
        let (first, last) = (unread.first(), unread.last_of(coded.len()));
        let side = self.side(way);
        let is_deflated = side.open.as_ref().is_some_and(Open::is_compressed);
        let wants = side.open.as_ref().map_or(0, |open| open.wants(is_deflated && !side.is_opaque));
        let mut plain = coded.get(..wants).unwrap_or(coded).to_vec();
        if let Some(mask) = payload.header.mask {
            unmask(&mut plain, mask, payload.done);
        }
        if let Some(open) = &mut side.open {
            open.advance(coded.len() as u64, last);
            if !is_deflated {
                open.text(&plain);
            }
        }
        if is_deflated && !side.is_opaque {
            self.inflate(way, &plain, first, out);
        }
        let payload = Payload { done: payload.done + coded.len() as u64, ..payload };
        self.side(way).state = State::Payload(payload);
        self.end_payload(way, payload, out);
        coded.len()
    }

    /// Decompresses a part of the open message.
    fn inflate(&mut self, way: Direction, coded: &[u8], at: Mark, out: &mut Output) {
        let resets = self.agreement.resets(way);
        let size_max = self.inflated_bytes_max;
        let side = self.side(way);
        let Some(open) = &mut side.open else { return };
        let inflate = side.inflate.get_or_insert_with(|| Inflate::new(resets, size_max));
        if let Err(stop) = inflate.push(coded, |plain| open.text(plain)) {
            self.give_up(way, stop, at, out);
        }
    }

    fn give_up(&mut self, way: Direction, stop: Stop, at: Mark, out: &mut Output) {
        out.anomaly(
            match stop {
                Stop::Malformed => AnomalyKind::WsMalformed,
                Stop::Limit => AnomalyKind::WsInflateLimit,
            },
            at,
        );
        let side = self.side(way);
        side.inflate = None;
        side.is_opaque = true;
    }

    /// Goes on behind a data frame once all of it has passed.
    fn end_payload(&mut self, way: Direction, payload: Payload, out: &mut Output) {
        if payload.done < payload.header.length {
            return;
        }
        let side = self.side(way);
        side.state = State::Frame;
        if !payload.header.is_final {
            return;
        }
        let Some(mut open) = side.open.take() else { return };
        if let Some(inflate) = side.inflate.as_mut().filter(|_| open.is_compressed()) {
            match inflate.end(|plain| open.text(plain)) {
                Ok(size) => open.inflated(size),
                Err(stop) => self.give_up(way, stop, open.last(), out),
            }
        }
        // A direction whose messages are compressed each by itself can be read again.
        let resets = self.agreement.resets(way);
        let side = self.side(way);
        side.is_opaque &= !resets;
        out.messages.push(open.into_message(way, false, &self.agreement));
    }

    /// After a loss a frame is looked for where packets begin.
    fn search(&mut self, unread: Unread<'_>) -> Option<usize> {
        let way = unread.slice.direction;
        let is_masked = self.agreement.client.map(|client| client == way);
        let starts = unread.slice.marks.iter().map(|&(start, _)| start);
        let mut kept = None;
        for start in starts.filter(|start| *start >= unread.at) {
            let rest = unread.slice.bytes.get(start..).unwrap_or_default();
            let masked = is_masked.unwrap_or(rest.get(1).is_some_and(|byte| byte & 0x80 != 0));
            match begins_frames(rest, masked) {
                Some(true) => {
                    self.side(way).state = State::Frame;
                    return Some(start - unread.at);
                }
                Some(false) => {}
                None => kept = kept.or(Some(start)),
            }
        }
        let taken = kept.map_or(unread.bytes.len(), |start| start - unread.at);
        Some(taken).filter(|taken| *taken > 0)
    }
}

/// Code and reason of a close frame as text.
fn closing(payload: &[u8]) -> (u16, String) {
    let (code, reason) = close(payload);
    (code, String::from_utf8_lossy(reason).into_owned())
}

#[cfg(test)]
pub(super) mod tests;
