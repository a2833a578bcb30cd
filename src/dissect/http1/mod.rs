//! HTTP/1.0 and 1.1 (RFC 9110, 9112): streams -> requests and responses. Pipelining, every kind of
//! framing, starts in mid-stream and losses are handled; bodies are counted, not kept, but for the
//! first bytes of a request's and an error's. What follows a 101 or a CONNECT is handed to another dissector.

mod body;
mod head;
mod message;
pub mod parse;
mod probe;
mod side;

use self::body::{Body, Progress, Skip};
use self::head::{Facts, RequestHead, ResponseHead};
use self::message::Open;
use self::parse::{Fields, Resync, StartLine, find_start, first_line, may_start};
use self::side::{Side, State};
use super::http::{Caps, HttpRequest, HttpResponse, JsonPaths, Snippet};
use super::http2::{self, Adopted};
use super::unread::{Unread, steps};
use super::ws;
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Next, Output, Pairing, Protocol, Slice,
};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "http1",
    title: "HTTP",
    flag: "http",
    table: "http",
    spec: "RFC 9110, RFC 9112",
    carriers: &[Carrier::Stream],
    ports: &[80, 8080],
    pairing: Pairing::InOrder,
    counters: &[],
    request: HttpRequest::FIELDS,
    response: HttpResponse::FIELDS,
    derived: &[],
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Http1 {
        limits: limits.clone(),
        caps: Caps::new(limits),
        paths: JsonPaths::new(limits),
        to_server: Side::default(),
        to_client: Side::default(),
    })
}

/// Both directions are read alike: which way requests go is told by what comes.
struct Http1 {
    /// For the protocol that takes over.
    limits: Limits,
    caps: Caps,
    /// Members of JSON bodies that are asked for.
    paths: JsonPaths,
    to_server: Side,
    to_client: Side,
}

/// Where a head was seen, and how much of it.
#[derive(Clone, Copy)]
struct Seen {
    first: Mark,
    last: Mark,
    bytes: usize,
    /// Its end was not.
    is_cut: bool,
}

impl Dissector for Http1 {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let at = steps(slice, out, |unread, out| self.step(unread, out));
        self.sides(slice.direction).0.unread = (slice.bytes.len() - at) as u64;
        Feed::Taken(at)
    }

    fn gap(&mut self, direction: Direction, bytes: u64, at: Mark, out: &mut Output) {
        let (own, other) = self.sides(direction);
        let lost = bytes.saturating_add(std::mem::take(&mut own.unread));
        let (State::Body(body) | State::Unsure(body)) = &mut own.state else {
            own.has_losses = true;
            other.asked.clear();
            self.cut_head(direction, out);
            return;
        };
        let skip = body.skip(lost);
        let is_whole = matches!(body, Body::Length(0)) || matches!(skip, Skip::Past(_));
        if let (Some(open), Skip::Inside(content) | Skip::Past(content)) = (&mut own.open, &skip) {
            open.lose(*content);
            open.advance(*content, at);
        }
        if !matches!(skip, Skip::Inside(_)) {
            own.has_losses = true;
            other.asked.clear();
            self.complete(direction, !is_whole, State::Lost, out);
        } else if is_whole {
            self.complete(direction, false, State::Start, out);
        }
    }

    fn end(&mut self, direction: Direction, unread: Slice<'_>, out: &mut Output) {
        let (own, _) = self.sides(direction);
        let (State::Body(body) | State::Unsure(body)) = &mut own.state else {
            self.cut_head(direction, out);
            return;
        };
        if let Some(open) = own.open.as_mut().filter(|_| !unread.bytes.is_empty()) {
            body.read(unread.bytes, open);
            open.advance(unread.bytes.len() as u64, unread.mark_at(unread.bytes.len() - 1));
        }
        let is_cut = !body.is_whole();
        self.complete(direction, is_cut, State::Lost, out);
    }
}

impl Http1 {
    /// This direction and the other one.
    fn sides(&mut self, direction: Direction) -> (&mut Side, &mut Side) {
        match direction {
            Direction::ToServer => (&mut self.to_server, &mut self.to_client),
            Direction::ToClient => (&mut self.to_client, &mut self.to_server),
        }
    }

    fn step(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let (own, _) = self.sides(unread.slice.direction);
        match &mut own.state {
            State::Start => self.start(unread, out),
            State::Body(_) => self.body(unread, out),
            State::Unsure(body) => match is_next_head(body, unread.bytes) {
                None => None,
                Some(true) => {
                    self.complete(unread.slice.direction, false, State::Start, out);
                    Some(0)
                }
                Some(false) => {
                    own.state = State::Body(std::mem::replace(body, Body::UntilEnd));
                    Some(0)
                }
            },
            State::Lost => match find_start(unread.bytes) {
                Resync::Found(start) => {
                    own.enter(State::Start);
                    Some(start)
                }
                Resync::Keep(0) => None,
                Resync::Keep(start) => Some(start),
            },
        }
    }

    /// Reads a head, if it is one and all of it is there.
    fn start(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let (direction, bytes) = (unread.slice.direction, unread.bytes);
        let head_bytes_max = self.caps.head_bytes_max;
        let blank = bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        if blank > 0 {
            return Some(blank);
        }
        let (own, _) = self.sides(direction);
        let end = own.lines.find_end(bytes);
        let is_start = match own.lines.first(bytes) {
            Some(line) => first_line(line).is_some(),
            None => may_start(bytes),
        };
        if !is_start {
            return self.reject(unread, out);
        }
        if let Some(head) = end.and_then(|end| bytes.get(..end)) {
            let (first, last) = (unread.first(), unread.last_of(head.len()));
            let seen = Seen { first, last, bytes: head.len(), is_cut: false };
            self.head(direction, head, seen, out);
            return Some(head.len());
        }
        own.keep_partial(bytes, unread.first(), unread.last_of(bytes.len()));
        if bytes.len() <= head_bytes_max {
            return None;
        }
        out.anomaly(AnomalyKind::HttpHeadLimit, unread.first());
        self.cut_head(direction, out);
        Some(bytes.len())
    }

    /// Bytes that begin no message: another protocol's, or the tail of something.
    fn reject(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let way = unread.slice.direction;
        let (own, _) = self.sides(way);
        own.lines.clear();
        if unread.bytes.starts_with(b"PRI * HTTP/2.0") {
            out.next =
                Some(Next::Known(&http2::PROTOCOL, http2::upgraded(&self.limits, way, None)));
            return Some(0);
        }
        if own.may_leave() {
            return None;
        }
        own.has_losses = true;
        own.enter(State::Lost);
        out.anomaly(AnomalyKind::ProtocolResync, unread.first());
        Some(1)
    }

    /// Begins the message of a head whose lines are known.
    fn head(&mut self, way: Direction, head: &[u8], seen: Seen, out: &mut Output) {
        let caps = self.caps;
        let (own, _) = self.sides(way);
        let fields = Fields::new(head, own.lines.ends());
        match own.lines.first(head).and_then(first_line) {
            Some(StartLine::Request { method, target, minor }) => {
                let read = head::request((method, target, minor), fields, caps);
                report(&read.facts, seen.first, out);
                self.request(way, read, seen, out);
            }
            Some(StartLine::Response { minor, status, reason }) => {
                let read = head::response((minor, reason), fields, caps);
                report(&read.facts, seen.first, out);
                self.response(way, read, status, seen, out);
            }
            None => own.enter(State::Lost),
        }
    }

    fn request(&mut self, way: Direction, read: RequestHead, seen: Seen, out: &mut Output) {
        let caps = self.caps;
        let (own, _) = self.sides(way);
        let Facts { announced, upgrade, .. } = read.facts;
        let method = read.row.method.as_str();
        let (is_head, is_connect) = (method == "HEAD", method == "CONNECT");
        let upgrade = upgrade.then(|| adopted(&read, seen));
        let number = own.ask(is_head, is_connect, upgrade, caps.requests_open_max);
        let body = Body::of_request(announced);
        let snippet = body.as_ref().and_then(|_| Snippet::of_request(&read.row, caps));
        let mut open = Open::request(read, number, seen.first, snippet, caps);
        open.advance(seen.bytes as u64, seen.last);
        own.open = Some(open);
        match body {
            _ if seen.is_cut => self.complete(way, true, State::Lost, out),
            Some(body) => own.enter(State::Body(body)),
            None => self.complete(way, false, State::Start, out),
        }
    }

    fn response(
        &mut self,
        way: Direction,
        read: ResponseHead,
        status: u16,
        seen: Seen,
        out: &mut Output,
    ) {
        let caps = self.caps;
        let (own, other) = self.sides(way);
        let announced = read.facts.announced;
        let mut open = Open::response(read, status, seen.first, caps);
        open.advance(seen.bytes as u64, seen.last);
        let asked = if open.kind == Kind::Interim { None } else { other.asked.pop_front() };
        open.number = asked.as_ref().map(|asked| asked.number);
        if asked.as_ref().is_some_and(|asked| asked.is_graphql) {
            open.answer_graphql();
        }
        own.open = Some(open);
        let (is_head, is_connect) =
            asked.as_ref().map_or((false, false), |asked| (asked.is_head, asked.is_connect));
        if status == 101 || (is_connect && (200..300).contains(&status)) {
            out.next = Some(self.next(way, asked.and_then(|asked| asked.upgrade), seen));
            return self.complete(way, false, State::Start, out);
        }
        let has_body = !matches!(status, 100..200 | 204 | 304) && !is_head;
        match Body::of_response(announced).filter(|_| has_body) {
            _ if seen.is_cut => self.complete(way, true, State::Lost, out),
            None => self.complete(way, false, State::Start, out),
            Some(body @ Body::Length(_)) if asked.is_none() || other.has_losses => {
                own.enter(State::Unsure(body))
            }
            Some(body) => own.enter(State::Body(body)),
        }
    }

    /// What the connection goes on in after a response that changes the protocol.
    fn next(&mut self, way: Direction, upgrade: Option<Box<Adopted>>, seen: Seen) -> Next {
        let limits = self.limits.clone();
        let (own, _) = self.sides(way);
        let Some(response) = own.open.as_ref().and_then(Open::as_response) else {
            return Next::Probed;
        };
        let client = way.reverse();
        let chosen = response.response_headers.get("upgrade").unwrap_or_default();
        let chosen = chosen.split(',').next().unwrap_or_default().trim();
        if chosen.eq_ignore_ascii_case("websocket") {
            let unknown = HttpRequest::default();
            let request = upgrade.as_ref().map_or(&unknown, |upgrade| &upgrade.row);
            let next = ws::upgraded(&limits, client, request, response, seen.last);
            return Next::Known(&ws::PROTOCOL, next);
        }
        if chosen.eq_ignore_ascii_case("h2c") {
            let next = http2::upgraded(&limits, client, upgrade.map(|upgrade| *upgrade));
            return Next::Known(&http2::PROTOCOL, next);
        }
        Next::Probed
    }

    fn body(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let direction = unread.slice.direction;
        let (own, _) = self.sides(direction);
        let (State::Body(body), Some(open)) = (&mut own.state, &mut own.open) else {
            own.enter(State::Lost);
            return Some(0);
        };
        let read = body.read(unread.bytes, open);
        if read.taken > 0 {
            open.advance(read.taken as u64, unread.last_of(read.taken));
        }
        match read.state {
            Progress::More if read.taken == 0 => return None,
            Progress::More => {}
            Progress::Done => self.complete(direction, false, State::Start, out),
            Progress::Bad => {
                out.anomaly(AnomalyKind::HttpBadChunk, unread.last_of(read.taken + 1));
                self.complete(direction, true, State::Lost, out);
            }
        }
        Some(read.taken)
    }

    /// Hands on the open message and goes on in `next`. Requests come before their responses.
    fn complete(&mut self, direction: Direction, is_cut: bool, next: State, out: &mut Output) {
        let (own, other) = match direction {
            Direction::ToServer => (&mut self.to_server, &mut self.to_client),
            Direction::ToClient => (&mut self.to_client, &mut self.to_server),
        };
        own.enter(next);
        let Some(mut open) = own.open.take() else { return };
        let is_request = open.kind == Kind::Request;
        // An answer that has begun already is not read as one to GraphQL.
        let number = open.number;
        let asked =
            own.asked.iter_mut().rev().find(|asked| is_request && Some(asked.number) == number);
        if let Some(asked) = asked {
            asked.is_graphql = open.find_graphql();
        }
        let is_early = !is_request
            && open.number.is_some()
            && other.open.as_ref().is_some_and(|request| request.number == open.number);
        let message = open.into_message(direction, is_cut, &self.paths);
        if is_early {
            own.held.push(message);
        } else {
            out.messages.push(message);
        }
        if is_request {
            out.messages.append(&mut other.held);
        }
    }

    /// The rest of a head will not come: hands on what there is of it, then looks for the next.
    fn cut_head(&mut self, direction: Direction, out: &mut Output) {
        let (own, _) = self.sides(direction);
        if let Some(partial) = own.partial.take().filter(|_| !own.lines.ends().is_empty()) {
            let (first, last, bytes) = (partial.first, partial.last, partial.bytes.len());
            self.head(direction, &partial.bytes, Seen { first, last, bytes, is_cut: true }, out);
        }
        let (own, _) = self.sides(direction);
        own.enter(State::Lost);
    }
}

/// A request that offers another protocol, as that one will want to know it.
fn adopted(read: &RequestHead, seen: Seen) -> Box<Adopted> {
    Box::new(Adopted {
        row: HttpRequest::clone(&read.row),
        operation: read.operation.clone(),
        trace: read.trace.clone(),
        seen: http2::Seen { first: seen.first, last: seen.last, bytes: seen.bytes as u64 },
    })
}

fn report(facts: &Facts, mark: Mark, out: &mut Output) {
    if facts.malformed {
        out.anomaly(AnomalyKind::HttpBadHead, mark);
    }
    if facts.announced.ambiguous {
        out.anomaly(AnomalyKind::HttpAmbiguousLength, mark);
    }
}

/// Whether what follows a head that announces a body is the next response, so that the request
/// must have been a HEAD; None while too few bytes are there.
fn is_next_head(body: &Body, bytes: &[u8]) -> Option<bool> {
    const SHAPE: &[u8] = b"HTTP/1.1 200";
    let Body::Length(left) = body else { return Some(false) };
    let length = bytes.len().min(SHAPE.len());
    let is_like = bytes.iter().zip(SHAPE).all(|(byte, like)| match like {
        b'0'..=b'9' => byte.is_ascii_digit(),
        _ => byte == like,
    });
    match is_like {
        true if length < SHAPE.len() && (length as u64) < *left => None,
        is_like => Some(is_like && length == SHAPE.len()),
    }
}

#[cfg(test)]
pub(super) mod tests;
