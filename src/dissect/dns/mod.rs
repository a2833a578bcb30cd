//! DNS over UDP and TCP (RFC 1035, 3596, 6891): datagrams and streams -> queries and responses.
//! Responses find their queries by id and question. mDNS and LLMNR, which share the format, are
//! protocols of their own; NetBIOS names are not read.

mod fields;
mod multicast;
mod names;
pub mod parse;
mod probe;
mod record;
mod search;

use std::collections::VecDeque;
use std::hash::BuildHasher;

pub use fields::{DnsMulticast, DnsRequest, DnsResponse};
pub use multicast::{LLMNR, MDNS};

use self::names::{opcode, rcode, record_type};
use self::parse::{Flaw, Parsed, Question, frame, parse};
use super::{
    Carrier, Direction, Dissector, Extent, Feed, Kind, Mark, Message, Outcome, Output, Pairing,
    Probe, Protocol, Slice, content_key,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Row, Text};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "dns",
    title: "DNS",
    flag: "dns",
    table: "dns",
    spec: "RFC 1035, RFC 3596, RFC 6891",
    carriers: &[Carrier::Stream, Carrier::Datagram],
    ports: &[53],
    pairing: Pairing::ById,
    counters: &[],
    request: DnsRequest::FIELDS,
    response: DnsResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

/// Queries remembered for responses that do not repeat the question.
const QUERIES_MAX: usize = 32;

fn start(carrier: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Dns {
        carrier,
        limits: limits.clone(),
        is_lost: [false; 2],
        is_proven: false,
        queries: VecDeque::new(),
        last_asked: None,
    })
}

struct Dns {
    carrier: Carrier,
    limits: Limits,
    /// Per direction of a stream: where a message starts is not known.
    is_lost: [bool; 2],
    /// A message was read.
    is_proven: bool,
    /// Id and key of the last queries.
    queries: VecDeque<(u16, u64)>,
    /// The hash of the name that was asked last, and the type.
    last_asked: Option<(u64, u16)>,
}

/// Where a message lies: its first and last packet, and its bytes on the wire.
#[derive(Clone, Copy)]
struct Seen {
    direction: Direction,
    first: Mark,
    last: Mark,
    bytes: usize,
}

impl Dissector for Dns {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let Slice { direction, bytes, .. } = slice;
        if self.carrier == Carrier::Datagram {
            let (first, last) = (slice.mark_at(0), slice.mark_at(0));
            self.message(bytes, Seen { direction, first, last, bytes: bytes.len() }, out);
            return Feed::Taken(bytes.len());
        }
        let mut at = 0;
        if self.lost(direction) {
            let (start, is_found) = resync(slice);
            if !is_found {
                return Feed::Taken(start);
            }
            at = start;
            self.set_lost(direction, false);
        }
        while let Some((message, length)) = bytes.get(at..).and_then(frame) {
            let (first, last) = (slice.mark_at(at), slice.mark_at(at + length - 1));
            self.message(message, Seen { direction, first, last, bytes: length }, out);
            at += length;
            if !self.is_proven {
                return Feed::GiveUp(AnomalyKind::DnsMalformed);
            }
        }
        Feed::Taken(at)
    }

    fn gap(&mut self, direction: Direction, _bytes: u64, _at: Mark, _out: &mut Output) {
        self.set_lost(direction, self.carrier == Carrier::Stream);
    }

    fn end(&mut self, direction: Direction, unread: Slice<'_>, out: &mut Output) {
        let Some((_, message)) = unread.bytes.split_first_chunk::<2>() else { return };
        if self.lost(direction) || message.len() < parse::HEADER_BYTES {
            return;
        }
        let bytes = unread.bytes.len();
        let (first, last) = (unread.mark_at(0), unread.mark_at(bytes - 1));
        self.message(message, Seen { direction, first, last, bytes }, out);
    }
}

impl Dns {
    fn lost(&self, direction: Direction) -> bool {
        self.is_lost.get(direction.index()).copied().unwrap_or(false)
    }

    fn set_lost(&mut self, direction: Direction, lost: bool) {
        if let Some(is_lost) = self.is_lost.get_mut(direction.index()) {
            *is_lost = lost;
        }
    }

    fn message(&mut self, message: &[u8], seen: Seen, out: &mut Output) {
        let parsed = parse(message, &self.limits).filter(|p| names::is_opcode(p.header.opcode()));
        let Some(parsed) = parsed else {
            out.anomaly(AnomalyKind::DnsMalformed, seen.first);
            return;
        };
        match parsed.flaw {
            Some(Flaw::Malformed) => out.anomaly(AnomalyKind::DnsMalformed, seen.first),
            Some(Flaw::Limit) => out.anomaly(AnomalyKind::DnsLimit, seen.first),
            None => {}
        }
        self.is_proven = true;
        let key = self.key(&parsed);
        let length = i64::try_from(message.len()).unwrap_or(i64::MAX);
        let is_pair = !parsed.header.is_response() && self.is_pair(parsed.questions.first());
        out.messages.push(match parsed.header.is_response() {
            true => response(parsed, key, length, seen, self.carrier),
            false => request(parsed, key, length, seen, (self.carrier, is_pair)),
        });
    }

    /// What pairs a response with its query: id and question; the id alone when a response does
    /// not repeat the question, as some servers do when they refuse, or the query (IQUERY) had none.
    fn key(&mut self, parsed: &Parsed) -> u64 {
        let id = parsed.header.id;
        let question = parsed.questions.first().filter(|_| parsed.header.opcode() != 1);
        let key = key(id, question);
        if parsed.header.is_response() {
            let queries = self.queries.iter().rev().filter(|_| parsed.questions.is_empty());
            let asked = queries.filter(|&&(asked, _)| asked == id).map(|&(_, key)| key).next();
            return asked.unwrap_or(key);
        }
        if self.queries.len() >= QUERIES_MAX {
            self.queries.pop_front();
        }
        self.queries.push_back((id, key));
        key
    }
}

impl Dns {
    /// Whether a query asks for the other address type of what was asked just before: resolvers
    /// ask for A and AAAA at once.
    fn is_pair(&mut self, asked: Option<&Question>) -> bool {
        let asked = asked.map(|asked| (content_key(asked.name.as_bytes()), asked.record_type));
        let is_pair = self.last_asked.zip(asked).is_some_and(|(before, now)| {
            before.0 == now.0 && matches!((before.1, now.1), (1, 28) | (28, 1))
        });
        self.last_asked = asked.filter(|_| !is_pair);
        is_pair
    }
}

fn transport(carrier: Carrier) -> Text {
    Text::const_new(if carrier == Carrier::Stream { "tcp" } else { "udp" })
}

/// Never 0, which would stand for pairing by order.
fn key(id: u16, question: Option<&Question>) -> u64 {
    let question = question.map(|question| (question.name.as_str(), question.record_type));
    foldhash::quality::FixedState::with_seed(0).hash_one((id, question)).max(1)
}

/// Where a message starts after a loss, and whether that is sure: messages are looked for at the
/// start of packets.
fn resync(slice: Slice<'_>) -> (usize, bool) {
    for &(start, _) in slice.marks {
        let bytes = slice.bytes.get(start..).unwrap_or_default();
        match probe::stream(bytes, false) {
            Probe::Yes(_) => return (start, true),
            Probe::Maybe(_) => return (start, false),
            Probe::No => {}
        }
    }
    (slice.bytes.len(), false)
}

/// What is asked: the type of record, or the opcode where it is no query.
fn operation(parsed: &Parsed) -> Text {
    match (parsed.header.opcode(), parsed.questions.first()) {
        (0, Some(question)) => record_type(question.record_type),
        (other, _) => opcode(other),
    }
}

fn request(
    parsed: Parsed,
    key: u64,
    length: i64,
    seen: Seen,
    (carrier, dns_pair): (Carrier, bool),
) -> Message {
    let operation = operation(&parsed);
    let opcode = opcode(parsed.header.opcode());
    let (dns_questions, dns_question_types) = questions(parsed.questions);
    let row = DnsRequest {
        dns_lookup: lookup(&dns_questions),
        dns_questions,
        dns_question_types,
        dns_request: true,
        dns_request_length: length,
        dns_opcode: opcode,
        dns_transport: transport(carrier),
        dns_pair,
    };
    let told =
        DnsMessage { operation, outcome: Outcome::Unknown, status: 0, error: Text::default() };
    message(Kind::Request, key, seen, told, Box::new(row))
}

fn response(parsed: Parsed, key: u64, length: i64, seen: Seen, carrier: Carrier) -> Message {
    let header = parsed.header;
    let (operation, name) = (operation(&parsed), rcode(parsed.rcode));
    let error = if parsed.rcode == 0 { Text::default() } else { name.clone() };
    let (dns_questions, dns_question_types) = questions(parsed.questions);
    let asked = dns_questions.first().map_or("", Text::as_str);
    let dns_search_suffix = search::suffix(asked, parsed.rcode);
    let row = DnsResponse {
        dns_lookup: lookup(&dns_questions),
        dns_transport: transport(carrier),
        dns_questions,
        dns_question_types,
        dns_answers: parsed.answers,
        dns_response: true,
        dns_response_length: length,
        dns_rcode: name,
        dns_opcode: opcode(header.opcode()),
        dns_truncated: header.is_truncated(),
        dns_authoritative: header.is_authoritative(),
        dns_search_suffix,
        dns_edns: parsed.has_edns,
        dns_ttl_min: parsed.ttl_min.map_or(0, i64::from),
    };
    let (outcome, status) = (outcome(parsed.rcode), i64::from(parsed.rcode));
    let told = DnsMessage { operation, outcome, status, error };
    message(Kind::Response, key, seen, told, Box::new(row))
}

/// The name that was meant.
fn lookup(questions: &[Text]) -> Text {
    search::lookup(questions.first().map_or("", Text::as_str))
}

/// Names and types of the questions.
fn questions(questions: Vec<Question>) -> (Vec<Text>, Vec<Text>) {
    questions.into_iter().map(|asked| (asked.name, record_type(asked.record_type))).unzip()
}

/// What a message says, in the words that all protocols share.
struct DnsMessage {
    operation: Text,
    outcome: Outcome,
    status: i64,
    error: Text,
}

fn message(
    kind: Kind,
    key: u64,
    seen: Seen,
    DnsMessage { operation, outcome, status, error }: DnsMessage,
    row: Box<dyn Row>,
) -> Message {
    let extent = Extent { first: seen.first, last: seen.last, bytes: seen.bytes as u64 };
    let message = Message::new(kind, seen.direction, key, extent, row);
    Message { operation, outcome, status, error, ..message }
}

/// FORMERR and NXDOMAIN are the client's; all else that is no success is the server's.
fn outcome(rcode: u16) -> Outcome {
    match rcode {
        0 => Outcome::Ok,
        1 | 3 => Outcome::ClientError,
        _ => Outcome::ServerError,
    }
}

#[cfg(test)]
pub(super) mod tests;
