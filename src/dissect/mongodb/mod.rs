//! MongoDB (wire protocol): streams -> commands and their answers, found for each other by id. A
//! message says itself whether it answers another. Documents are walked, never kept.

mod bson;
mod fields;
pub mod parse;
mod probe;

pub use fields::{MongodbRequest, MongodbResponse};

use super::framed::{Framed, Reader};
use super::framer::{Begins, Frame, Head};
use super::{Carrier, Direction, Dissector, Kind, Message, Outcome, Output, Pairing, Protocol};
use crate::anomaly::AnomalyKind;
use crate::field::{Text, ToCompactString};
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
    Framed::start(Messages { plain_bytes_max: limits.frame_bytes_max }, limits)
}

struct Messages {
    plain_bytes_max: usize,
}

impl Reader for Messages {
    const MALFORMED: AnomalyKind = AnomalyKind::MongodbMalformed;

    fn head(&self, _: Direction, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, _: Direction, bytes: &[u8]) -> Begins {
        probe::begins(bytes)
    }

    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        out.messages.extend(message(frame, way, self.plain_bytes_max));
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
            mongodb_response_size: frame.size(),
        };
        let key = key(header.answers);
        let message = Message::new(Kind::Response, direction, key, frame.extent(), Box::new(row));
        return Some(Message { outcome, status: answer.code, error, ..message });
    }
    let asked = parse::asked(plain.opcode, &plain.content);
    let kind = if asked.is_one_way { Kind::OneWay } else { Kind::Request };
    let operation = parse::operation(&asked);
    let row = MongodbRequest {
        mongodb_command: asked.command,
        mongodb_database: asked.database,
        mongodb_collection: asked.collection,
        mongodb_opcode: opcode,
        mongodb_compression: Text::const_new(plain.compression),
        mongodb_request_size: frame.size(),
    };
    let message = Message::new(kind, direction, key(header.id), frame.extent(), Box::new(row));
    Some(Message { operation, ..message })
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
