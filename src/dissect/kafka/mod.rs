//! Kafka: streams -> requests and responses, found for each other by correlation id. Of the APIs
//! that clients use, topics, partitions, groups and error codes are read; of all others the header.
//! Records are counted, never read.

mod apis;
mod fields;
mod names;
pub mod parse;
mod probe;
mod schema;

use std::collections::VecDeque;

pub use fields::{KafkaRequest, KafkaResponse};

use self::schema::{Name, Value};
use super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::text::{cut, text};
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Message, Outcome, Output, Pairing, Protocol,
    Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Row, Text};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "kafka",
    title: "KAFKA",
    flag: "kafka",
    table: "kafka",
    spec: "https://kafka.apache.org/protocol",
    carriers: &[Carrier::Stream],
    ports: &[9092],
    pairing: Pairing::ById,
    counters: &[],
    request: KafkaRequest::FIELDS,
    response: KafkaResponse::FIELDS,
    derived: &[],
    probe: probe::probe,
    start,
};

/// Topics kept of one message.
const TOPICS_MAX: usize = 32;
/// Text kept of names: what Kafka allows for topics.
const NAME_BYTES_MAX: usize = 249;
/// Text kept of a summary.
const SUMMARY_BYTES_MAX: usize = 256;
/// Text kept of an error.
const ERROR_BYTES_MAX: usize = 256;

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let framer = || Framer::new(limits.frame_bytes_max);
    Box::new(Kafka {
        client: Direction::ToServer,
        is_proven: false,
        to_server: framer(),
        to_client: framer(),
        asked: VecDeque::new(),
        asked_max: limits.calls_pending_max,
    })
}

/// A request that waits for its response.
#[derive(Debug, Clone, Copy)]
struct Asked {
    correlation: i32,
    api: i16,
    version: i16,
}

struct Kafka {
    /// The way requests go.
    client: Direction,
    /// A message was read.
    is_proven: bool,
    to_server: Framer,
    to_client: Framer,
    asked: VecDeque<Asked>,
    asked_max: usize,
}

/// Messages of one side.
struct Messages<'a> {
    is_request: bool,
    asked: &'a VecDeque<Asked>,
}

impl Framing for Messages<'_> {
    fn head(&self, bytes: &[u8]) -> Head {
        match (self.is_request, probe::request(bytes, true)) {
            (true, Begins::No) => Head::Bad,
            (true, Begins::More) if bytes.len() < 14 => Head::More,
            _ => parse::head(bytes),
        }
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        if self.is_request {
            return probe::request(bytes, true);
        }
        let is_asked = |id| self.asked.iter().any(|asked| asked.correlation == id);
        match (parse::head(bytes), parse::correlation(bytes)) {
            (Head::Frame(_), Some(id)) if is_asked(id) => Begins::Yes,
            (Head::Frame(_) | Head::More, None) => Begins::More,
            _ => Begins::No,
        }
    }
}

impl Dissector for Kafka {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        if !self.is_proven {
            self.turn(slice);
        }
        let is_request = slice.direction == self.client;
        let mut at = 0;
        loop {
            let framing = Messages { is_request, asked: &self.asked };
            let framer = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            match framer.next(slice, &mut at, &framing) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    self.is_proven = true;
                    let state = (&mut self.asked, self.asked_max);
                    out.messages.extend(message(state, is_request, frame, slice.direction));
                }
                Step::Bad if !self.is_proven => return Feed::GiveUp(AnomalyKind::KafkaMalformed),
                Step::Bad => {
                    out.anomaly(AnomalyKind::KafkaMalformed, slice.mark_at(at));
                    framer.lose();
                    at += 1;
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let is_request = direction == self.client;
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if let (Some(frame), _) = framer.gap(bytes) {
            let state = (&mut self.asked, self.asked_max);
            out.messages.extend(message(state, is_request, frame, direction));
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let is_request = direction == self.client;
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if let Some(frame) = framer.cut() {
            let state = (&mut self.asked, self.asked_max);
            out.messages.extend(message(state, is_request, frame, direction));
        }
    }
}

impl Kafka {
    /// Sets who is the client by what the first bytes are.
    fn turn(&mut self, slice: Slice<'_>) {
        let is_request = probe::request(slice.bytes, false) == Begins::Yes;
        if is_request && slice.direction != self.client {
            self.client = slice.direction;
        }
    }
}

type State<'a> = (&'a mut VecDeque<Asked>, usize);

fn message(
    (asked, asked_max): State<'_>,
    is_request: bool,
    frame: Frame<'_>,
    direction: Direction,
) -> Option<Message> {
    if is_request {
        let (request, waits) = request(frame, direction)?;
        if let Some(waits) = waits {
            if asked.len() >= asked_max {
                asked.pop_front();
            }
            asked.push_back(waits);
        }
        return Some(request);
    }
    let id = parse::correlation(frame.bytes)?;
    let at = asked.iter().position(|asked| asked.correlation == id);
    let found = at.and_then(|at| asked.remove(at));
    Some(response(frame, direction, id, found))
}

/// Never 0, which would stand for pairing by order.
fn key(correlation: i32) -> u64 {
    u64::from(correlation.cast_unsigned()) + 1
}

fn size(frame: Frame<'_>) -> i64 {
    i64::try_from(frame.total).unwrap_or(i64::MAX)
}

/// A request, and what waits for its response if one is to come.
fn request(frame: Frame<'_>, direction: Direction) -> Option<(Message, Option<Asked>)> {
    let header = parse::request(frame.bytes)?;
    let name = Text::const_new(apis::by_key(header.api)?.name);
    let mut row = KafkaRequest {
        kafka_api_key: i64::from(header.api),
        kafka_api_key_name: name.clone(),
        kafka_api_version: i64::from(header.version),
        kafka_client_id: text(header.client, NAME_BYTES_MAX),
        kafka_correlation_id: i64::from(header.correlation),
        kafka_size: size(frame),
        kafka_request: true,
        kafka_request_size: size(frame),
        kafka_partition: -1,
        ..KafkaRequest::default()
    };
    let mut acks = 1;
    let is_flexible = apis::is_flexible(header.api, header.version);
    let mut cursor = parse::Cursor::new(header.content, is_flexible);
    schema::walk((header.api, header.version), true, &mut cursor, &mut |name, value| match (
        name, value,
    ) {
        (Name::Acks, Value::Int(number)) => acks = number,
        (name, value) => note(&mut row, name, value),
    });
    row.kafka_topic = row.kafka_topics.first().cloned().unwrap_or_default();
    row.kafka_request_summary = summary(&row);
    let operation = match row.kafka_topic.is_empty() {
        true => name,
        false => crate::field::format_compact!("{name} {}", row.kafka_topic),
    };
    let is_one_way = header.api == 0 && acks == 0;
    let kind = if is_one_way { Kind::OneWay } else { Kind::Request };
    let outcome = if is_one_way { Outcome::Ok } else { Outcome::Unknown };
    let result = (operation, outcome, 0, Text::default());
    let message = whole(kind, direction, key(header.correlation), frame, result, Box::new(row));
    let asked = Asked { correlation: header.correlation, api: header.api, version: header.version };
    Some((message, (!is_one_way).then_some(asked)))
}

/// Puts what a request names into its row.
fn note(row: &mut KafkaRequest, name: Name, value: Value<'_>) {
    match (name, value) {
        (Name::Topic, Value::Bytes(topic))
            if !topic.is_empty() && row.kafka_topics.len() < TOPICS_MAX =>
        {
            row.kafka_topics.push(text(topic, NAME_BYTES_MAX));
        }
        (Name::Partition, Value::Int(partition)) => {
            if row.kafka_partitions == 0 {
                row.kafka_partition = partition;
            }
            row.kafka_partitions += 1;
        }
        (Name::Group, Value::Bytes(group)) => row.kafka_group = text(group, NAME_BYTES_MAX),
        (Name::Transaction, Value::Bytes(id)) => row.kafka_transaction = text(id, NAME_BYTES_MAX),
        (Name::Mechanism, Value::Bytes(name)) => row.kafka_sasl_mechanism = text(name, 64),
        (Name::Records, Value::Bytes(records)) => {
            if let Some((codec, count)) = parse::batch(records) {
                if row.kafka_compression.is_empty() {
                    row.kafka_compression = Text::const_new(codec);
                }
                row.kafka_records = row.kafka_records.saturating_add(count);
            }
        }
        _ => {}
    }
}

/// What a request is about, in one line.
fn summary(row: &KafkaRequest) -> Text {
    let named = [&row.kafka_group, &row.kafka_transaction, &row.kafka_client_id];
    match row.kafka_topics.is_empty() {
        true => named.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default(),
        false => Text::from(cut(&row.kafka_topics.join(","), SUMMARY_BYTES_MAX)),
    }
}

fn response(frame: Frame<'_>, direction: Direction, id: i32, asked: Option<Asked>) -> Message {
    let mut row = KafkaResponse {
        kafka_correlation_id: i64::from(id),
        kafka_size: size(frame),
        kafka_response: true,
        kafka_response_size: size(frame),
        ..KafkaResponse::default()
    };
    let mut code = 0;
    if let Some(Asked { api, version, .. }) = asked {
        let mut cursor = parse::response(frame.bytes, api, version);
        // A broker that does not know the version answers ApiVersions in the oldest.
        let version =
            if api == 18 && frame.bytes.get(8..10) == Some(&[0, 35]) { 0 } else { version };
        schema::walk((api, version), false, &mut cursor, &mut |name, value| match (name, value) {
            (Name::Error, Value::Int(error)) if error != 0 => {
                row.kafka_errors += 1;
                if code == 0 {
                    code = i16::try_from(error).unwrap_or(-1);
                }
            }
            (Name::Topic, Value::Bytes(topic)) if row.kafka_topic.is_empty() => {
                row.kafka_topic = text(topic, NAME_BYTES_MAX);
            }
            (Name::Message, Value::Bytes(words)) if row.kafka_error_message.is_empty() => {
                row.kafka_error_message = text(words, ERROR_BYTES_MAX);
            }
            (Name::Throttle, Value::Int(ms)) => row.kafka_throttle_ms = ms,
            _ => {}
        });
    }
    let error = names::error(code);
    (row.kafka_error_code, row.kafka_error) = (i64::from(code), error.clone());
    let result = (Text::default(), names::outcome(code), i64::from(code), error);
    whole(Kind::Response, direction, key(id), frame, result, Box::new(row))
}

fn whole(
    kind: Kind,
    direction: Direction,
    key: u64,
    frame: Frame<'_>,
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

#[cfg(test)]
pub(super) mod tests;
