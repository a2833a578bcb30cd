//! Redis (RESP2, RESP3): streams -> commands, replies and pushes. Replies find their commands by
//! order; pub/sub messages, MONITOR's lines and pushes stand alone. What a replica receives after
//! PSYNC is passed over in silence.

mod command;
mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{RedisRequest, RedisResponse};

use self::parse::{Progress, Reader, Role};
use self::session::Session;
use super::secret::Secrets;
use super::text::text;
use super::{
    Carrier, Direction, Dissector, Extent, Feed, Kind, Mark, Message, Outcome, Output, Pairing,
    Protocol, Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Row, Text};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "redis",
    title: "REDIS",
    flag: "redis",
    table: "redis",
    spec: "https://redis.io/docs/latest/develop/reference/protocol-spec/",
    carriers: &[Carrier::Stream],
    ports: &[6379],
    pairing: Pairing::InOrder,
    counters: &[],
    request: RedisRequest::FIELDS,
    response: RedisResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Redis {
        client: Direction::ToServer,
        is_sure: false,
        is_proven: false,
        session: Session::new(limits.calls_pending_max),
        command_bytes_max: limits.field_bytes_max,
        secrets: Secrets::new(limits),
        to_server: Side::new(limits),
        to_client: Side::new(limits),
    })
}

/// One direction: the value that is being read.
struct Side {
    reader: Reader,
    first: Mark,
    last: Mark,
    bytes: u64,
    /// Bytes that were offered and not taken.
    unread: u64,
    /// Where a value starts is not known.
    is_lost: bool,
}

impl Side {
    fn new(limits: &Limits) -> Self {
        let mark = Mark::default();
        let reader = Reader::new(limits);
        Side { reader, first: mark, last: mark, bytes: 0, unread: 0, is_lost: false }
    }

    fn is_fresh(&self) -> bool {
        self.bytes == 0
    }

    fn advance(&mut self, bytes: u64, first: Mark, last: Mark) {
        if self.is_fresh() {
            self.first = first;
        }
        self.last = last;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The next byte begins a value, or the search for one.
    fn restart(&mut self, is_lost: bool) {
        self.reader.clear();
        (self.bytes, self.is_lost) = (0, is_lost);
    }
}

struct Redis {
    /// The way commands go.
    client: Direction,
    /// A reply has told which way that is.
    is_sure: bool,
    /// A value was read.
    is_proven: bool,
    session: Session,
    command_bytes_max: usize,
    secrets: Secrets,
    to_server: Side,
    to_client: Side,
}

impl Dissector for Redis {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let direction = slice.direction;
        let mut at = 0;
        while let Some(rest) = slice.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.session.is_replica {
                return Feed::Taken(slice.bytes.len());
            }
            if self.side(direction).is_lost {
                at = self.resync(slice, at);
                continue;
            }
            let role = self.role(direction, rest);
            let side = self.side(direction);
            let (taken, progress) = side.reader.read(rest, role);
            if taken > 0 {
                let last = slice.mark_at(at + taken - 1);
                side.advance(taken as u64, slice.mark_at(at), last);
            }
            at += taken;
            match progress {
                Progress::More => break,
                Progress::Done => self.complete(direction, out),
                Progress::Bad if !self.is_proven => {
                    return Feed::GiveUp(AnomalyKind::RedisMalformed);
                }
                Progress::Bad => {
                    out.anomaly(AnomalyKind::RedisMalformed, slice.mark_at(at));
                    self.side(direction).restart(true);
                    at += 1;
                }
                Progress::TooDeep => {
                    out.anomaly(AnomalyKind::RedisLimit, slice.mark_at(at));
                    self.cut(direction, out);
                }
            }
        }
        let at = at.min(slice.bytes.len());
        self.side(direction).unread = (slice.bytes.len() - at) as u64;
        Feed::Taken(at)
    }

    fn gap(&mut self, direction: Direction, bytes: u64, at: Mark, out: &mut Output) {
        let side = self.side(direction);
        let lost = bytes.saturating_add(std::mem::take(&mut side.unread));
        if side.reader.skip(lost) {
            side.advance(lost, at, at);
            return;
        }
        self.session.forget();
        self.cut(direction, out);
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        self.cut(direction, out);
    }
}

impl Redis {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// What the bytes of a direction are. Until a reply has told, the first bytes of a value may
    /// show that commands go the other way than was thought.
    fn role(&mut self, direction: Direction, rest: &[u8]) -> Role {
        if !self.is_sure && self.side(direction).is_fresh() {
            let is_client = self.client == direction;
            let is_other = match is_client {
                true => rest.first() != Some(&b'*') && probe::begins(Role::Reply, rest),
                false => !self.is_proven && probe::is_command(rest),
            };
            if is_other {
                self.client = self.client.reverse();
            }
        }
        if self.client == direction { Role::Command } else { Role::Reply }
    }

    /// Where reading goes on after a loss: values are looked for at the start of packets, since
    /// inside of one an element looks like a value.
    fn resync(&mut self, slice: Slice<'_>, at: usize) -> usize {
        let role = if self.client == slice.direction { Role::Command } else { Role::Reply };
        let start = slice.marks.iter().map(|&(start, _)| start).find(|&start| {
            start >= at && slice.bytes.get(start..).is_some_and(|rest| probe::begins(role, rest))
        });
        self.side(slice.direction).is_lost = start.is_none();
        start.unwrap_or(slice.bytes.len())
    }

    /// Hands on the value that was read.
    fn complete(&mut self, direction: Direction, out: &mut Output) {
        let is_command = self.client == direction;
        let side = self.side(direction);
        if side.reader.is_long {
            out.anomaly(AnomalyKind::RedisLimit, side.first);
        }
        let is_empty = is_command && side.reader.count <= 0; // Redis does not answer `*0`
        self.is_proven = true;
        if !is_empty {
            let message = if is_command { self.command(direction) } else { self.reply(direction) };
            out.messages.push(message);
        }
        self.side(direction).restart(false);
    }

    /// The rest of a value will not come: hands on what is known of it, then looks for the next.
    fn cut(&mut self, direction: Direction, out: &mut Output) {
        let is_command = self.client == direction;
        let reader = &self.side(direction).reader;
        let is_known = match is_command {
            true => reader.kind == b'*' && reader.words.is_whole(0),
            false => reader.kind != 0,
        };
        if is_known {
            self.complete(direction, out);
        }
        self.side(direction).restart(true);
    }

    fn command(&mut self, direction: Direction) -> Message {
        let (secrets, max) = (self.secrets, self.command_bytes_max);
        let reader = match direction {
            Direction::ToServer => &self.to_server.reader,
            Direction::ToClient => &self.to_client.reader,
        };
        let verb = command::verb(reader.words.get(0));
        let kind = self.session.command(&verb, &reader.words, reader.count);
        let row = RedisRequest {
            redis_command: command::line(&verb, &reader.words, reader.count, max, secrets),
            redis_key: command::key(&verb, &reader.words),
            redis_type: verb.clone(),
            redis_request_size: self.size(direction),
        };
        self.message(kind, direction, verb, Text::default(), Box::new(row))
    }

    fn reply(&mut self, direction: Direction) -> Message {
        let reader = match direction {
            Direction::ToServer => &self.to_server.reader,
            Direction::ToClient => &self.to_client.reader,
        };
        self.is_sure |= !matches!(reader.kind, b'*');
        let kind = self.session.reply(reader);
        if kind == Kind::OneWay {
            let verb = session::push_name(reader);
            let row = RedisRequest {
                redis_type: verb.clone(),
                redis_command: Text::default(),
                redis_key: session::channel(reader),
                redis_request_size: self.size(direction),
            };
            return self.message(kind, direction, verb, Text::default(), Box::new(row));
        }
        let is_error = matches!(reader.kind, b'-' | b'!');
        // A transaction's commands fail each by itself.
        let message = match reader.error_at {
            _ if is_error => reader.words.get(0),
            Some(at) => reader.words.get(at),
            None => b"",
        };
        let error = error_kind(message);
        let row = RedisResponse {
            redis_response_type: type_name(reader.kind, reader.count),
            redis_response_size: self.size(direction),
            redis_error: error.clone(),
            redis_error_message: text(message, parse::WORD_BYTES_MAX),
        };
        self.message(kind, direction, Text::default(), error, Box::new(row))
    }

    fn size(&self, direction: Direction) -> i64 {
        let side = match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        };
        i64::try_from(side.bytes).unwrap_or(i64::MAX)
    }

    fn message(
        &mut self,
        kind: Kind,
        direction: Direction,
        operation: Text,
        error: Text,
        row: Box<dyn Row>,
    ) -> Message {
        let side = self.side(direction);
        let extent = Extent { first: side.first, last: side.last, bytes: side.bytes };
        let message = Message::new(kind, direction, 0, extent, row);
        let outcome = if kind == Kind::Request { message.outcome } else { outcome(&error) };
        Message { operation, outcome, error, ..message }
    }
}

/// `OOM command not allowed ...` -> `OOM`.
fn error_kind(message: &[u8]) -> Text {
    let word = message.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_kind = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    match message.is_empty() {
        true => Text::default(),
        false if !word.is_empty() && word.len() <= 32 && word.iter().all(is_kind) => text(word, 32),
        false => Text::const_new("ERR"),
    }
}

/// What an error's kind says about who failed. Redirections are how a cluster works.
fn outcome(error: &str) -> Outcome {
    match error {
        "" | "MOVED" | "ASK" => Outcome::Ok,
        "OOM" | "READONLY" | "LOADING" | "CLUSTERDOWN" | "MISCONF" | "MASTERDOWN" | "TRYAGAIN"
        | "NOREPLICAS" | "BUSY" | "UNBLOCKED" => Outcome::ServerError,
        _ => Outcome::ClientError,
    }
}

fn type_name(kind: u8, count: i64) -> Text {
    Text::const_new(match kind {
        b'$' | b'*' if count < 0 => "null",
        b'+' => "simple_string",
        b'-' | b'!' => "error",
        b':' => "integer",
        b'$' => "bulk_string",
        b'*' => "array",
        b'_' => "null",
        b'#' => "boolean",
        b',' => "double",
        b'(' => "big_number",
        b'=' => "verbatim_string",
        b'%' => "map",
        b'~' => "set",
        _ => "push",
    })
}

#[cfg(test)]
pub(super) mod tests;
