//! One stream: its heads, what of its bodies passed, how it ended; and the messages that it
//! becomes once both directions have. A stream ended by RST_STREAM has that for a response, which
//! is not counted as one.

use super::super::graphql::parse::{Asked, Errors};
use super::super::http::{
    Caps, HttpRequest, HttpResponse, JsonPaths, Snippet, Target, outcome, trailer,
};
use super::super::{Direction, Kind, Mark, Message, Outcome, Output, Trace, operation, trace};
use super::super::{graphql, grpc, http3};
use super::fields::{Http2Request, REQUEST, RESPONSE, StreamRequest, StreamResponse};
use super::head::Head;
use crate::field::{Joined, Row, Text, ToCompactString};

/// Where bytes were seen, and how many they are with their frame headers.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub first: Mark,
    pub last: Mark,
    pub bytes: u64,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    first: Option<Mark>,
    last: Mark,
    bytes: u64,
    content: u64,
    unknown: u32,
    has_ended: bool,
    /// Its head, which makes it a request or response, was seen.
    has_head: bool,
    messages: Option<grpc::parse::Messages>,
}

impl Half {
    fn saw(&mut self, seen: Seen) {
        self.first.get_or_insert(seen.first);
        self.last = seen.last;
        self.bytes += seen.bytes;
    }
}

/// A stream that did not end as it should.
#[derive(Debug, Clone, Copy)]
struct Reset {
    error: &'static str,
    by: Direction,
    at: Mark,
}

#[derive(Debug)]
pub struct Stream {
    id: u32,
    /// The way its request goes.
    way: Direction,
    pub is_pushed: bool,
    request: Half,
    response: Half,
    asked: HttpRequest,
    operation: Text,
    answered: HttpResponse,
    status: u16,
    asked_trace: Option<Box<Trace>>,
    answered_trace: Option<Box<Trace>>,
    interim: Vec<Message>,
    snippet: Option<Snippet>,
    /// The beginning of the request's body.
    asked_body: Option<Box<Snippet>>,
    /// What its request asks where that is GraphQL; looked for when the answer comes.
    graphql: Option<Option<Box<Asked>>>,
    wire: Option<grpc::parse::Wire>,
    /// What the caller grants.
    timeout_us: i64,
    /// Its request came another way (HTTP/1 before an upgrade) and is counted there.
    is_adopted: bool,
    reset: Option<Reset>,
    is_http3: bool,
}

/// A request that began as HTTP/1 and is answered here (RFC 7540 section 3.2).
#[derive(Debug)]
pub struct Adopted {
    pub row: HttpRequest,
    pub operation: Text,
    pub trace: Option<Box<Trace>>,
    pub seen: Seen,
}

impl Stream {
    pub fn new(id: u32, way: Direction) -> Self {
        Stream {
            id,
            way,
            is_pushed: false,
            request: Half::default(),
            response: Half::default(),
            asked: HttpRequest::default(),
            operation: Text::default(),
            answered: HttpResponse::default(),
            status: 0,
            asked_trace: None,
            answered_trace: None,
            interim: Vec::new(),
            snippet: None,
            asked_body: None,
            graphql: None,
            wire: None,
            timeout_us: 0,
            is_adopted: false,
            reset: None,
            is_http3: false,
        }
    }

    /// A stream of HTTP/3, which is as one of HTTP/2 once its head is read.
    pub fn of_http3(id: u32, way: Direction) -> Self {
        Stream { is_http3: true, ..Stream::new(id, way) }
    }

    fn version(&self) -> Text {
        Text::const_new(if self.is_http3 { "HTTP/3" } else { "HTTP/2" })
    }

    /// Stream 1 after an upgrade.
    pub fn adopt(way: Direction, adopted: Adopted) -> Self {
        let mut stream = Stream::new(1, way);
        stream.request.saw(adopted.seen);
        (stream.request.has_head, stream.request.has_ended) = (true, true);
        (stream.asked, stream.operation) = (adopted.row, adopted.operation);
        (stream.asked_trace, stream.is_adopted) = (adopted.trace, true);
        stream
    }

    fn half(&mut self, way: Direction) -> &mut Half {
        if way == self.way { &mut self.request } else { &mut self.response }
    }

    /// Whether a head that says it is a request would begin another one.
    pub fn is_asked(&self) -> bool {
        self.request.has_head
    }

    /// Both directions have ended, or nothing more can come.
    pub fn is_done(&self) -> bool {
        self.reset.is_some() || (self.request.has_ended && self.response.has_ended)
    }

    /// Its response has ended, its request has not (as far as was seen).
    pub fn is_answered(&self) -> bool {
        self.response.has_ended
    }

    /// Takes a header block that went `way`; `is_end`: nothing follows it.
    pub fn head(&mut self, way: Direction, head: Head, seen: Seen, is_end: bool, caps: Caps) {
        let is_interim = (100..200).contains(&head.status) && !is_end;
        self.half(way).unknown += head.unknown;
        if is_interim && way != self.way {
            return self.interim(head, seen, caps);
        }
        let half = self.half(way);
        half.saw(seen);
        half.has_ended |= is_end;
        let is_trailer = half.has_head || half.content > 0;
        if is_trailer || !(head.is_request() || head.is_response() || self.may_begin(&head, is_end))
        {
            return self.trailers(way, head, caps);
        }
        self.half(way).has_head = true;
        let head_unknown = head.unknown;
        match way == self.way {
            true => self.ask(head, seen, caps),
            false => self.answer(head, seen, caps),
        }
        // Where the media type may be among what is not known, the body may tell.
        let wire = self.wire.or((head_unknown > 0).then_some(grpc::parse::Wire::Native));
        if let (half @ Half { messages: None, .. }, Some(wire)) = (self.half(way), wire) {
            half.messages = Some(grpc::parse::Messages::new(wire));
        }
    }

    /// Bodies that are whole messages to their last byte, under a media type that is not known.
    fn looks_like_grpc(&self) -> bool {
        let mut bodies = [&self.request, &self.response].into_iter().filter(|h| h.content > 0);
        let is_exact = |half: &Half| half.messages.as_ref().is_some_and(|m| m.is_exact());
        let is_known = !self.asked.request_content_type.is_empty()
            || !self.answered.response_content_type.is_empty();
        !is_known && self.request.content + self.response.content > 0 && bodies.all(is_exact)
    }

    /// A block without method and status whose unknown fields may be those.
    fn may_begin(&self, head: &Head, is_end: bool) -> bool {
        head.unknown > 0 && !(is_end && head.headers.pairs.get("grpc-status").is_some())
    }

    fn ask(&mut self, head: Head, seen: Seen, caps: Caps) {
        let wire = grpc::wire(&head.headers.media_type);
        let mut target =
            Target::parse(&head.path, head.path.is_empty() && head.method == "CONNECT");
        if !head.authority.is_empty() {
            target.host = &head.authority;
        }
        let place =
            if head.path.is_empty() { head.authority.as_str() } else { target.operation_path() };
        self.operation = match place {
            "" => head.method.clone(),
            place => operation::endpoint(&head.method, place),
        };
        let start = (head.method, &target, self.version());
        self.asked = head.headers.into_request(start, seen.bytes, caps);
        self.asked_trace = trace::from_headers(&self.asked.request_headers);
        let timeout = self.asked.request_headers.get("grpc-timeout").unwrap_or_default();
        self.timeout_us = grpc::parse::timeout_us(timeout);
        self.wire = wire.or(self.wire);
    }

    /// Whether its request is GraphQL, as far as that has come.
    fn is_graphql(&mut self, caps: Caps) -> bool {
        let may_be = self.wire.is_none() && self.request.has_head;
        let (row, body) = (&self.asked, self.asked_body.as_deref());
        let found = self.graphql.get_or_insert_with(|| {
            may_be.then(|| graphql::request(row, body, caps).map(Box::new)).flatten()
        });
        found.is_some()
    }

    fn answer(&mut self, head: Head, seen: Seen, caps: Caps) {
        self.wire = self.wire.or(grpc::wire(&head.headers.media_type));
        self.status = head.status;
        let is_graphql = self.is_graphql(caps);
        if (head.status >= 400 || is_graphql) && self.wire.is_none() {
            let snippet = Snippet::new(&head.headers.media_type, &head.headers.content_encoding);
            let max = if is_graphql { caps.body_bytes_max } else { 0 };
            self.snippet = snippet.map(|snippet| snippet.keep(max));
        }
        self.answered = head.headers.into_response(self.version(), Text::default(), seen.bytes);
        self.answered_trace = trace::from_headers(&self.answered.response_headers);
    }

    fn interim(&mut self, head: Head, seen: Seen, caps: Caps) {
        if self.interim.len() >= caps.requests_open_max {
            return;
        }
        let first = head.headers.into_response(self.version(), Text::default(), seen.bytes);
        let second = StreamResponse { http2_stream: self.id.into(), ..StreamResponse::default() };
        let row = Box::new(Joined { fields: &RESPONSE, first, second });
        let mut message = self.message(Kind::Interim, self.way.reverse(), seen, row);
        message.outcome = outcome(head.status);
        message.status = head.status.into();
        self.interim.push(message);
    }

    fn trailers(&mut self, way: Direction, head: Head, caps: Caps) {
        let is_request = way == self.way;
        let headers = match is_request {
            true => &mut self.asked.request_headers,
            false => &mut self.answered.response_headers,
        };
        for (name, value) in head.headers.pairs.iter() {
            trailer(name, value, headers, caps);
        }
        if self.wire.is_none() && head.headers.pairs.get("grpc-status").is_some() {
            self.wire = Some(grpc::parse::Wire::Native);
        }
    }

    /// Bytes of a body; `framing` bytes around them were passed too.
    pub fn data(
        &mut self,
        way: Direction,
        bytes: &[u8],
        framing: u64,
        (first, last): (Mark, Mark),
        caps: Caps,
    ) {
        if way == self.way && self.wire.is_none() {
            if self.asked_body.is_none() {
                self.asked_body = Snippet::of_request(&self.asked, caps).map(Box::new);
            }
            if let Some(body) = &mut self.asked_body {
                body.push(bytes);
            }
        }
        let (wire, is_response) = (self.wire, way != self.way);
        let half = self.half(way);
        half.saw(Seen { first, last, bytes: bytes.len() as u64 + framing });
        half.content += bytes.len() as u64;
        if let (None, Some(wire)) = (&half.messages, wire) {
            half.messages = Some(grpc::parse::Messages::new(wire));
        }
        if let Some(messages) = &mut half.messages {
            messages.push(bytes);
        }
        if let Some(snippet) = self.snippet.as_mut().filter(|_| is_response) {
            snippet.push(bytes);
        }
    }

    /// So many bytes of a body were not captured.
    pub fn lose(&mut self, way: Direction, bytes: u64, at: Mark) {
        let half = self.half(way);
        half.saw(Seen { first: at, last: at, bytes: 0 });
        half.content += bytes;
        if let Some(messages) = &mut half.messages {
            messages.lose(bytes);
        }
    }

    /// Frames were lost, nobody knows how many: a message begins with the next one.
    pub fn resume(&mut self, way: Direction) {
        if let Some(messages) = &mut self.half(way).messages {
            messages.resume();
        }
    }

    pub fn end(&mut self, way: Direction, last: Mark) {
        let half = self.half(way);
        half.last = last;
        half.has_ended = true;
    }

    /// RST_STREAM or GOAWAY from the sender of direction `by`.
    pub fn abort(&mut self, error: &'static str, by: Direction, at: Mark) {
        self.reset = Some(Reset { error, by, at });
    }

    fn message(&self, kind: Kind, direction: Direction, seen: Seen, row: Box<dyn Row>) -> Message {
        Message {
            kind,
            direction,
            key: u64::from(self.id),
            first: seen.first,
            last: seen.last,
            bytes: seen.bytes,
            units: 1,
            operation: Text::default(),
            outcome: Outcome::Unknown,
            status: 0,
            error: Text::default(),
            trace: None,
            inner: match (self.wire, &self.graphql) {
                (Some(_), _) => Some(&grpc::PROTOCOL),
                (None, Some(Some(_))) => Some(&graphql::HTTP2),
                _ if self.is_http3 => Some(&http3::PROTOCOL),
                _ => None,
            },
            row,
        }
    }

    /// Hands on what it is: request, interim responses, response.
    pub fn finish(mut self, caps: Caps, paths: &JsonPaths, out: &mut Output) {
        if self.wire.is_none() && self.looks_like_grpc() {
            self.wire = Some(grpc::parse::Wire::Native);
        }
        if self.request.has_head {
            let message = self.take_request(caps, paths);
            out.messages.push(message);
            out.messages.append(&mut self.interim);
        }
        let has_trailer = self.answered.response_headers.get("grpc-status").is_some();
        let is_part = self.request.has_head && (self.response.bytes > 0 || self.reset.is_some());
        if self.response.has_head || has_trailer || is_part {
            let message = self.take_response(caps);
            out.messages.push(message);
        }
    }

    fn take_request(&mut self, caps: Caps, paths: &JsonPaths) -> Message {
        self.is_graphql(caps);
        let half = &self.request;
        let seen =
            Seen { first: half.first.unwrap_or_default(), last: half.last, bytes: half.bytes };
        let mut first = std::mem::take(&mut self.asked);
        first.request_body_size = half.content as i64;
        first.request_cut = !half.has_ended;
        if let Some(body) = self.asked_body.take().filter(|_| self.wire.is_none()) {
            if !paths.is_empty() {
                first.request_json = paths.read(&body.plain(caps.body_bytes_max), caps.secrets);
            }
            first.request_body = body.into_text(caps.secrets);
        }
        let second = StreamRequest {
            http2_stream: self.id.into(),
            http2_pushed: self.is_pushed,
            http2_unknown_headers: half.unknown.into(),
        };
        let asked = self.graphql.clone().flatten().filter(|_| self.wire.is_none());
        let operation = match (self.wire, &asked) {
            (Some(_), _) => grpc::operation(&first.path),
            (None, Some(asked)) => graphql::operation(asked),
            (None, None) => std::mem::take(&mut self.operation),
        };
        let row: Http2Request = Joined { fields: &REQUEST, first, second };
        let row: Box<dyn Row> = match self.wire {
            Some(wire) => {
                let none = grpc::parse::Messages::new(wire);
                grpc::request(row, half.messages.as_ref().unwrap_or(&none), caps.field_bytes_max)
            }
            None => match asked {
                Some(asked) => graphql::request_2(row, *asked),
                None => Box::new(row),
            },
        };
        let mut message = self.message(Kind::Request, self.way, seen, row);
        message.units = u32::from(!self.is_adopted);
        message.operation = operation;
        message.trace = self.asked_trace.take();
        message
    }

    fn take_response(&mut self, caps: Caps) -> Message {
        let at = self.reset.map(|reset| reset.at).unwrap_or_default();
        let half = &self.response;
        let last = if half.first.is_some() { half.last } else { at };
        let seen = Seen { first: half.first.unwrap_or(at), last, bytes: half.bytes };
        let mut first = std::mem::take(&mut self.answered);
        first.http_version = self.version();
        first.response_body_size = half.content as i64;
        first.response_cut = !half.has_ended;
        let is_graphql = self.wire.is_none() && self.graphql.as_ref().is_some_and(Option::is_some);
        let errors = if is_graphql { self.errors(caps) } else { Errors::default() };
        let is_shown = self.status >= 400 || errors.count > 0;
        let text = self.snippet.take().filter(|_| is_shown).map(|s| s.into_text(caps.secrets));
        first.response_body = text.unwrap_or_default();
        let end = self.wire.and_then(|_| {
            grpc::end(&first.response_headers, half.messages.as_ref(), caps.field_bytes_max)
        });
        let (outcome, error) = self.verdict(end.as_ref());
        let (outcome, error) = graphql::verdict(&errors, outcome).unwrap_or((outcome, error));
        let second = StreamResponse {
            http2_stream: self.id.into(),
            http2_error: Text::const_new(self.reset.map_or("", |reset| reset.error)),
            http2_unknown_headers: half.unknown.into(),
        };
        let (units, messages) = (u32::from(half.has_head), self.response.messages.take());
        let row = Joined { fields: &RESPONSE, first, second };
        let row: Box<dyn Row> = match self.wire {
            Some(wire) => {
                let messages = messages.unwrap_or_else(|| grpc::parse::Messages::new(wire));
                grpc::response(row, &messages, end)
            }
            None if is_graphql => graphql::response_2(row, errors),
            None => Box::new(row),
        };
        let mut message = self.message(Kind::Response, self.way.reverse(), seen, row);
        (message.units, message.outcome, message.error) = (units, outcome, error);
        message.status = self.status.into();
        message.trace = self.answered_trace.take();
        message
    }

    /// Errors in an answer to GraphQL.
    fn errors(&self, caps: Caps) -> Errors {
        let plain = self.snippet.as_ref().map(|snippet| snippet.plain(caps.body_bytes_max));
        plain
            .map(|plain| graphql::parse::response(&plain, caps.field_bytes_max))
            .unwrap_or_default()
    }

    /// How the call ended, and the error's short name.
    fn verdict(&self, end: Option<&grpc::End>) -> (Outcome, Text) {
        let by_status = || match self.status {
            0 => (Outcome::Unknown, Text::default()),
            status @ 400.. => (outcome(status), status.to_compact_string()),
            status => (outcome(status), Text::default()),
        };
        match (end, self.reset) {
            (Some(end), _) => (end.outcome, end.error.clone()),
            (None, Some(reset)) if !self.response.has_ended => self.reset_verdict(reset),
            // A call without a status has not ended well, but nobody knows how.
            (None, None) if self.wire.is_some() && self.status < 400 => {
                (Outcome::Unknown, Text::default())
            }
            _ => by_status(),
        }
    }

    /// Whether the time that the caller grants was over (but for a tenth, as clocks go).
    fn is_late(&self, at: Mark) -> bool {
        let asked_ns = self.request.first.map_or(at.ts_ns, |mark| mark.ts_ns);
        self.timeout_us > 0 && (at.ts_ns - asked_ns) / 900 >= self.timeout_us
    }

    fn reset_verdict(&self, reset: Reset) -> (Outcome, Text) {
        let is_served = reset.by == self.way.reverse();
        let outcome = match reset.error {
            "REFUSED_STREAM" => Outcome::Refused,
            "ENHANCE_YOUR_CALM" => Outcome::Throttled,
            // The caller has enough of a response that was going well.
            "CANCEL" | "NO_ERROR" if self.wire.is_none() && (100..400).contains(&self.status) => {
                return (Outcome::Ok, Text::default());
            }
            _ if is_served => Outcome::Reset,
            // The caller gave up: its time was over, or there was no answer yet.
            "CANCEL" | "NO_ERROR" if self.status == 0 || self.is_late(reset.at) => Outcome::Timeout,
            "CANCEL" | "NO_ERROR" => Outcome::ClientError,
            _ => Outcome::Reset,
        };
        (outcome, Text::const_new(reset.error))
    }
}
