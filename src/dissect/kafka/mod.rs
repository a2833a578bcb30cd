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
use super::framed::{Framed, Reader};
use super::framer::{Begins, Frame, Head};
use super::text::{cut, text};
use super::{Carrier, Direction, Dissector, Kind, Message, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::field::Text;
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
    let messages = Messages {
        client: Direction::ToServer,
        asked: VecDeque::new(),
        asked_max: limits.calls_pending_max,
        has_tokens: false,
        tokens: 0,
    };
    Framed::start(messages, limits)
}

/// A request that waits for its response.
#[derive(Debug, Clone, Copy)]
struct Asked {
    correlation: i32,
    api: i16,
    version: i16,
}

struct Messages {
    /// The way requests go.
    client: Direction,
    asked: VecDeque<Asked>,
    asked_max: usize,
    /// After a SaslHandshake of version 0 there are tokens without a header, until the next request.
    has_tokens: bool,
    /// Tokens of the client that the server has not answered with its own.
    tokens: u32,
}

impl Reader for Messages {
    const MALFORMED: AnomalyKind = AnomalyKind::KafkaMalformed;

    fn head(&self, way: Direction, bytes: &[u8]) -> Head {
        match (way == self.client, probe::request(bytes, true)) {
            (true, Begins::No) if self.has_tokens => parse::token(bytes),
            (true, Begins::No) => Head::Bad,
            (false, _) if self.tokens > 0 => parse::token(bytes),
            (true, Begins::More) if bytes.len() < 14 => Head::More,
            _ => parse::head(bytes),
        }
    }

    fn begins(&self, way: Direction, bytes: &[u8]) -> Begins {
        if way == self.client {
            return probe::request(bytes, true);
        }
        let is_asked = |id| self.asked.iter().any(|asked| asked.correlation == id);
        match (parse::head(bytes), parse::correlation(bytes)) {
            (Head::Frame(_), Some(id)) if is_asked(id) => Begins::Yes,
            (Head::Frame(_) | Head::More, None) => Begins::More,
            _ => Begins::No,
        }
    }

    /// Sets who is the client by what the first bytes are.
    fn open(&mut self, slice: Slice<'_>) {
        let is_request = probe::request(slice.bytes, false) == Begins::Yes;
        if is_request && slice.direction != self.client {
            self.client = slice.direction;
        }
    }

    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        match way == self.client {
            true => out.messages.extend(self.request(frame, way)),
            false => out.messages.extend(self.response(frame, way)),
        }
    }
}

impl Messages {
    fn request(&mut self, frame: Frame<'_>, way: Direction) -> Option<Message> {
        if self.has_tokens && probe::request(frame.bytes, true) == Begins::No {
            self.tokens = self.tokens.saturating_add(1);
            return None;
        }
        let (request, waits) = request(frame, way)?;
        self.has_tokens = waits.is_some_and(|waits| (waits.api, waits.version) == (17, 0));
        if let Some(waits) = waits {
            if self.asked.len() >= self.asked_max {
                self.asked.pop_front();
            }
            self.asked.push_back(waits);
        }
        Some(request)
    }

    fn response(&mut self, frame: Frame<'_>, way: Direction) -> Option<Message> {
        let id = parse::correlation(frame.bytes);
        let at = self.asked.iter().position(|asked| Some(asked.correlation) == id);
        if at.is_none() && self.tokens > 0 {
            self.tokens -= 1;
            return None;
        }
        let id = id?;
        let found = at.and_then(|at| self.asked.remove(at));
        Some(response(frame, way, id, found))
    }
}

/// Never 0, which would stand for pairing by order.
fn key(correlation: i32) -> u64 {
    u64::from(correlation.cast_unsigned()) + 1
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
        kafka_size: frame.size(),
        kafka_request: true,
        kafka_request_size: frame.size(),
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
    let key = key(header.correlation);
    let message = Message::new(kind, direction, key, frame.extent(), Box::new(row));
    let message = Message { operation, ..message };
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
        kafka_size: frame.size(),
        kafka_response: true,
        kafka_response_size: frame.size(),
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
    let (outcome, status) = (names::outcome(code), i64::from(code));
    let message = Message::new(Kind::Response, direction, key(id), frame.extent(), Box::new(row));
    Message { outcome, status, error, ..message }
}

#[cfg(test)]
pub(super) mod tests;
