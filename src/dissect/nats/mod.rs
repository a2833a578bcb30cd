//! NATS (client protocol, with headers and JetStream): streams -> messages. A message with a reply
//! subject is a request, whoever sends it, and the message that goes to that subject on the same
//! connection its response; all else is one way. A server's error answers what came last.

mod fields;
pub mod parse;
mod probe;

use std::collections::VecDeque;
use std::hash::BuildHasher;

pub use fields::{NatsRequest, NatsResponse};

use self::parse::{Operation, Publication};
use super::framed::{Framed, Reader};
use super::framer::{Begins, Frame, Head};
use super::secret::Secrets;
use super::text::text;
use super::trace::from_headers;
use super::{
    Carrier, Direction, Dissector, Kind, Message, Outcome, Output, Pairing, Protocol, Trace,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Pairs, Text, ToCompactString, format_compact};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "nats",
    title: "NATS",
    flag: "nats",
    table: "nats",
    spec: "https://docs.nats.io/reference/reference-protocols/nats-protocol",
    carriers: &[Carrier::Stream],
    ports: &[4222],
    pairing: Pairing::ById,
    counters: &[],
    request: NatsRequest::FIELDS,
    response: NatsResponse::FIELDS,
    derived: &[],
    probe: probe::probe,
    start,
};

/// Text kept of subjects and names.
const NAME_BYTES_MAX: usize = 256;
/// Text kept of an error.
const ERROR_BYTES_MAX: usize = 256;

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let session = Session {
        secrets: Secrets::new(limits),
        asked: VecDeque::new(),
        asked_max: limits.calls_pending_max,
        pings: [0; 2],
        pongs: [0; 2],
        connect: None,
        orphans: 0,
    };
    Framed::start(session, limits)
}

impl Reader for Session {
    const MALFORMED: AnomalyKind = AnomalyKind::NatsMalformed;

    fn head(&self, _: Direction, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, _: Direction, bytes: &[u8]) -> Begins {
        match parse::head(bytes) {
            Head::Bad => Begins::No,
            Head::More => Begins::More,
            Head::Frame(_) if bytes.starts_with(b"\r") || bytes.starts_with(b"\n") => Begins::No,
            Head::Frame(_) => Begins::Yes,
        }
    }

    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        self.operation(frame, way, out);
    }

    /// Which PONG answers which PING is not known.
    fn lose(&mut self, _: Direction, _: &mut Output) {
        self.pings = self.pongs;
    }

    fn end(&mut self, _: Direction, out: &mut Output) {
        self.connected(out);
    }
}

/// What waits for an answer.
struct Session {
    secrets: Secrets,
    /// Keys of the reply subjects that were named, with the way of their requests.
    asked: VecDeque<(u64, Direction)>,
    asked_max: usize,
    /// PINGs of each direction, and PONGs that answered them.
    pings: [u64; 2],
    pongs: [u64; 2],
    /// A CONNECT that an error may answer; without one it is one way.
    connect: Option<Box<Message>>,
    orphans: u64,
}

impl Session {
    fn operation(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let line = parse::line(frame.bytes).unwrap_or(frame.bytes);
        let Some(operation) = parse::operation(line) else { return };
        if !matches!(operation, Operation::Err | Operation::Ping)
            && operation.is_servers() != Some(false)
        {
            self.connected(out);
        }
        match operation {
            Operation::Pub | Operation::Hpub | Operation::Msg | Operation::Hmsg => {
                let publication = parse::publication(operation, line);
                self.publication(operation, publication, line, frame, way, out);
            }
            Operation::Ping => self.ping(frame, way, out),
            Operation::Pong => self.pong(frame, way, out),
            Operation::Err => self.error(line, frame, way, out),
            Operation::Ok => {}
            Operation::Connect => {
                let row = NatsRequest { nats_name: json(line, "name"), ..row(operation, frame) };
                let message =
                    request(Kind::Request, way, self.orphan(), frame, "CONNECT".into(), row);
                self.connect = Some(Box::new(message));
            }
            Operation::Info | Operation::Sub | Operation::Unsub => {
                let mut row = row(operation, frame);
                if operation == Operation::Info {
                    row.nats_name = json(line, "server_name");
                } else if operation == Operation::Sub {
                    row.nats_subject = name(parse::words(line).next().unwrap_or_default());
                    let queue =
                        parse::words(line).nth(1).filter(|_| parse::words(line).count() > 2);
                    row.nats_queue = name(queue.unwrap_or_default());
                }
                let operation = Text::const_new(operation.name());
                let key = self.orphan();
                out.messages.push(request(Kind::OneWay, way, key, frame, operation, row));
            }
        }
    }

    /// A key that no other message has.
    fn orphan(&mut self) -> u64 {
        self.orphans += 1;
        self.orphans << 32 | 1
    }

    /// The CONNECT that was held back has brought no error.
    fn connected(&mut self, out: &mut Output) {
        if let Some(connect) = self.connect.take() {
            let message = Message { kind: Kind::OneWay, outcome: Outcome::Ok, ..*connect };
            out.messages.push(message);
        }
    }

    fn publication(
        &mut self,
        operation: Operation,
        publication: Publication<'_>,
        line: &[u8],
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) {
        let start = memchr::memchr(b'\n', frame.bytes).map_or(line.len(), |end| end + 1);
        let content = frame.bytes.get(start..).unwrap_or_default();
        let split = publication.header_bytes.min(content.len());
        let (block, payload) = content.split_at_checked(split).unwrap_or((content, &[]));
        let secrets = self.secrets;
        let mask = |name: &str, value: &str| {
            secrets.header(&name.to_ascii_lowercase(), value).into_owned()
        };
        let (status, headers) = parse::headers(block, mask);
        let key = key(publication.subject);
        let found = self.asked.iter().position(|&(asked, asker)| asked == key && asker != way);
        if let Some(at) = found {
            self.asked.remove(at);
            out.messages.push(response(way, key, frame, status, payload));
            return;
        }
        let trace = trace(&headers);
        let subject = name(publication.subject);
        let mut row = NatsRequest {
            nats_subject: subject.clone(),
            nats_reply_to: name(publication.reply_to),
            nats_jetstream: jetstream(&subject),
            nats_headers: headers,
            nats_payload_size: i64::try_from(publication.payload_bytes).unwrap_or(i64::MAX),
            ..row(operation, frame)
        };
        let verb =
            if matches!(operation, Operation::Pub | Operation::Hpub) { "PUB" } else { "MSG" };
        row.nats_operation = Text::const_new(verb);
        let called = match row.nats_jetstream.is_empty() {
            true => called(verb, &subject),
            false => format_compact!("{verb} $JS.{}", row.nats_jetstream),
        };
        // What a pull brings comes with a subject of its own.
        let is_pull = subject.starts_with("$JS.API.CONSUMER.MSG.NEXT");
        if publication.reply_to.is_empty() || is_pull {
            let key = self.orphan();
            let message = request(Kind::OneWay, way, key, frame, called, row);
            out.messages.push(Message { trace, ..message });
            return;
        }
        let key = self::key(publication.reply_to);
        if self.asked.len() >= self.asked_max {
            self.asked.pop_front();
        }
        self.asked.push_back((key, way));
        let message = request(Kind::Request, way, key, frame, called, row);
        out.messages.push(Message { trace, ..message });
    }

    fn ping(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let Some(pings) = self.pings.get_mut(way.index()) else { return };
        *pings += 1;
        let key = ping_key(way, *pings);
        let row = row(Operation::Ping, frame);
        out.messages.push(request(Kind::Request, way, key, frame, "PING".into(), row));
    }

    fn pong(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let asker = way.reverse().index();
        let (pings, Some(pongs)) = (self.pings.get(asker), self.pongs.get_mut(asker)) else {
            return;
        };
        let key = match pings.is_some_and(|pings| *pongs < *pings) {
            true => {
                *pongs += 1;
                ping_key(way.reverse(), *pongs)
            }
            false => self.orphan(),
        };
        out.messages.push(response(way, key, frame, None, &[]));
    }

    /// An error of the server: the answer to a CONNECT, else to nothing that can be told.
    fn error(&mut self, line: &[u8], frame: Frame<'_>, way: Direction, out: &mut Output) {
        let words = line.get(4..).unwrap_or_default().trim_ascii();
        let words = words.strip_prefix(b"'").and_then(|w| w.strip_suffix(b"'")).unwrap_or(words);
        let words = text(words, ERROR_BYTES_MAX);
        let key = match self.connect.take() {
            Some(connect) => {
                let key = connect.key;
                out.messages.push(*connect);
                key
            }
            None => self.orphan(),
        };
        let mut message = response(way, key, frame, None, &[]);
        message.outcome = outcome(&words);
        message.error = Text::const_new("ERR");
        let row = NatsResponse { nats_error: words, nats_response_size: frame.size() };
        message.row = Box::new(row);
        out.messages.push(message);
    }
}

/// Ids of tracing headers, whose names are compared in lower case.
fn trace(headers: &Pairs) -> Option<Box<Trace>> {
    if headers.is_empty() {
        return None;
    }
    let lower = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    from_headers(&lower.collect())
}

/// Never 0, which would stand for pairing by order.
fn key(subject: &[u8]) -> u64 {
    foldhash::quality::FixedState::with_seed(0).hash_one(subject).max(1)
}

fn ping_key(way: Direction, count: u64) -> u64 {
    count << 32 | 2 | (way.index() as u64) << 2
}

fn name(bytes: &[u8]) -> Text {
    text(bytes, NAME_BYTES_MAX)
}

fn json(line: &[u8], member: &str) -> Text {
    name(parse::member(line, member).unwrap_or_default())
}

fn row(operation: Operation, frame: Frame<'_>) -> NatsRequest {
    NatsRequest {
        nats_operation: Text::const_new(operation.name()),
        nats_request_size: frame.size(),
        ..NatsRequest::default()
    }
}

/// Verb and subject without ids: `PUB orders.{id}`.
fn called(verb: &str, subject: &str) -> Text {
    let endpoint = super::operation::endpoint(verb, &subject.replace('.', "/"));
    Text::from(endpoint.replace('/', "."))
}

/// `$JS.API.STREAM.INFO.orders` -> `STREAM.INFO`; `$JS.ACK.orders...` -> `ACK`.
fn jetstream(subject: &str) -> Text {
    let Some(rest) = subject.strip_prefix("$JS.") else { return Text::default() };
    match rest.strip_prefix("API.") {
        Some(api) => Text::from(api.split('.').take(2).collect::<Vec<_>>().join(".")),
        None => Text::from(rest.split('.').next().unwrap_or_default()),
    }
}

fn request(
    kind: Kind,
    direction: Direction,
    key: u64,
    frame: Frame<'_>,
    operation: Text,
    row: NatsRequest,
) -> Message {
    let message = Message::new(kind, direction, key, frame.extent(), Box::new(row));
    Message { operation, ..message }
}

/// The message to a reply subject: its status, or the error of JetStream in it.
fn response(
    way: Direction,
    key: u64,
    frame: Frame<'_>,
    status: Option<u16>,
    payload: &[u8],
) -> Message {
    let is_error =
        payload.starts_with(b"{") && memchr::memmem::find(payload, b"\"error\":").is_some();
    let code = parse::member(payload, "code").filter(|_| is_error);
    let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).or(status);
    let failed = code.filter(|code| *code >= 400);
    let words = parse::member(payload, "description").filter(|_| is_error).unwrap_or_default();
    let error = failed.map(|code| code.to_compact_string()).unwrap_or_default();
    let outcome = match failed {
        None => Outcome::Ok,
        Some(408) => Outcome::Timeout,
        Some(429) => Outcome::Throttled,
        Some(400..=499) => Outcome::ClientError,
        Some(_) => Outcome::ServerError,
    };
    let nats_error = if words.is_empty() { error.clone() } else { text(words, ERROR_BYTES_MAX) };
    let row = NatsResponse { nats_error, nats_response_size: frame.size() };
    let status = i64::from(code.unwrap_or(0));
    let message = Message::new(Kind::Response, way, key, frame.extent(), Box::new(row));
    Message { outcome, status, error, ..message }
}

/// Who failed, by the server's words.
fn outcome(words: &str) -> Outcome {
    let has = |part: &str| words.to_ascii_lowercase().contains(part);
    match () {
        () if has("slow consumer")
            || has("maximum connections")
            || has("connection throttling") =>
        {
            Outcome::Throttled
        }
        () if has("timeout") || has("stale connection") => Outcome::Timeout,
        () if has("server shutdown") || has("lame duck") => Outcome::ServerError,
        () => Outcome::ClientError,
    }
}

#[cfg(test)]
pub(super) mod tests;
