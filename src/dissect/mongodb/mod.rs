//! MongoDB (wire protocol): streams -> commands and their answers, found for each other by id. A
//! message says itself whether it answers another. Documents are walked, never kept.

mod bson;
mod fields;
pub mod parse;
mod probe;

pub use fields::{MongodbRequest, MongodbResponse};

use super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Message, Outcome, Output, Pairing, Protocol,
    Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Row, Text, ToCompactString};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "mongodb",
    title: "MONGODB",
    flag: "mongodb",
    table: "mongodb",
    spec: "https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/",
    carriers: &[Carrier::Stream],
    ports: &[27017],
    pairing: Pairing::ById,
    counters: &[],
    request: MongodbRequest::FIELDS,
    response: MongodbResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let framer = || Framer::new(limits.frame_bytes_max);
    Box::new(Mongodb {
        to_server: framer(),
        to_client: framer(),
        is_proven: false,
        plain_bytes_max: limits.frame_bytes_max,
    })
}

struct Mongodb {
    to_server: Framer,
    to_client: Framer,
    /// A message was read.
    is_proven: bool,
    plain_bytes_max: usize,
}

struct Messages;

impl Framing for Messages {
    fn head(&self, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        probe::begins(bytes)
    }
}

impl Dissector for Mongodb {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let (max, mut at) = (self.plain_bytes_max, 0);
        loop {
            let framer = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            match framer.next(slice, &mut at, &Messages) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    self.is_proven = true;
                    out.messages.extend(message(frame, slice.direction, max));
                }
                Step::Bad if !self.is_proven => return Feed::GiveUp(AnomalyKind::MongodbMalformed),
                Step::Bad => {
                    out.anomaly(AnomalyKind::MongodbMalformed, slice.mark_at(at));
                    framer.lose();
                    at += 1;
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let max = self.plain_bytes_max;
        if let (Some(frame), _) = self.framer(direction).gap(bytes) {
            out.messages.extend(message(frame, direction, max));
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let max = self.plain_bytes_max;
        if let Some(frame) = self.framer(direction).cut() {
            out.messages.extend(message(frame, direction, max));
        }
    }
}

impl Mongodb {
    fn framer(&mut self, direction: Direction) -> &mut Framer {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// Never 0, which would stand for pairing by order.
fn key(id: i32) -> u64 {
    u64::from(id.cast_unsigned()) + 1
}

fn message(frame: Frame<'_>, direction: Direction, max: usize) -> Option<Message> {
    let header = parse::header(frame.bytes)?;
    let content = frame.bytes.get(parse::HEADER_BYTES..).unwrap_or_default();
    let plain = parse::plain(header.opcode, content, max);
    let opcode = Text::const_new(parse::opcode_name(plain.opcode).unwrap_or_default());
    let size = i64::try_from(frame.total).unwrap_or(i64::MAX);
    if probe::is_response(&header) {
        let answer = parse::answer(plain.opcode, &plain.content);
        let outcome = outcome(&answer);
        let error = error(&answer);
        let row = MongodbResponse {
            mongodb_opcode: opcode,
            mongodb_success: !answer.has_failed,
            mongodb_error_code: answer.code,
            mongodb_error_code_name: answer.code_name,
            mongodb_error_message: answer.message,
            mongodb_documents: answer.documents,
            mongodb_response_size: size,
        };
        let result = (Text::default(), outcome, answer.code, error);
        return Some(whole(
            Kind::Response,
            key(header.answers),
            frame,
            direction,
            result,
            Box::new(row),
        ));
    }
    let asked = parse::asked(plain.opcode, &plain.content);
    let (kind, outcome) = match asked.is_one_way {
        true => (Kind::OneWay, Outcome::Ok),
        false => (Kind::Request, Outcome::Unknown),
    };
    let result = (parse::operation(&asked), outcome, 0, Text::default());
    let row = MongodbRequest {
        mongodb_command: asked.command,
        mongodb_database: asked.database,
        mongodb_collection: asked.collection,
        mongodb_opcode: opcode,
        mongodb_compression: Text::const_new(plain.compression),
        mongodb_request_size: size,
    };
    Some(whole(kind, key(header.id), frame, direction, result, Box::new(row)))
}

fn whole(
    kind: Kind,
    key: u64,
    frame: Frame<'_>,
    direction: Direction,
    (operation, outcome, status, error): (Text, Outcome, i64, Text),
    row: Box<dyn Row>,
) -> Message {
    Message {
        kind,
        direction,
        key,
        first: frame.first,
        last: frame.last,
        bytes: frame.total,
        units: 1,
        operation,
        outcome,
        status,
        error,
        trace: None,
        inner: None,
        row,
    }
}

/// Name of an error, else its number.
fn error(answer: &parse::Answer) -> Text {
    match (answer.has_failed, answer.code_name.is_empty(), answer.code) {
        (false, ..) => Text::default(),
        (true, false, _) => answer.code_name.clone(),
        (true, true, 0) => Text::const_new("error"),
        (true, true, code) => code.to_compact_string(),
    }
}

/// Who failed (MongoDB, error codes).
fn outcome(answer: &parse::Answer) -> Outcome {
    match answer.code {
        _ if !answer.has_failed => Outcome::Ok,
        24 | 50 | 89 | 202 | 262 => Outcome::Timeout,
        462 => Outcome::Throttled,
        // internal, unreachable, shutdown, stepped down, not primary, conflict, memory, disk, concern
        1 | 6 | 7 | 8 | 64 | 79 | 91 | 96 | 112 | 133 | 136 | 146 | 175 | 189 | 190 | 234 => {
            Outcome::ServerError
        }
        9001 | 10003 | 10107 | 11600 | 11602 | 13388 | 13435 | 13436 | 14031 => {
            Outcome::ServerError
        }
        _ => Outcome::ClientError,
    }
}

#[cfg(test)]
pub(super) mod tests;
