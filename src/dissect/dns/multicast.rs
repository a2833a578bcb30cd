//! Multicast DNS (RFC 6762) and LLMNR (RFC 4795): DNS messages to everybody on a link. An answer
//! comes from another address than the one that was asked, or to everybody, so every message stands
//! by itself.

use super::fields::{DERIVED, DnsMulticast};
use super::names::{opcode, rcode};
use super::parse::{Parsed, parse};
use super::{Carrier, DnsMessage, Seen, operation, questions, search};
use crate::anomaly::AnomalyKind;
use crate::dissect::{
    Direction, Dissector, Feed, Kind, Mark, Message, Opening, Output, Pairing, Probe, Protocol,
    Slice, content_key,
};
use crate::field::Text;
use crate::limits::Limits;

pub static MDNS: Protocol = BASE;

const BASE: Protocol = Protocol {
    name: "mdns",
    title: "MDNS",
    flag: "mdns",
    table: "dns",
    spec: "RFC 6762",
    carriers: &[Carrier::Datagram],
    ports: &[5353],
    pairing: Pairing::OneWay,
    counters: &[],
    request: DnsMulticast::FIELDS,
    response: &[],
    derived: DERIVED,
    probe,
    start,
};

pub static LLMNR: Protocol = Protocol {
    name: "llmnr",
    title: "LLMNR",
    flag: "llmnr",
    spec: "RFC 4795",
    ports: &[5355],
    ..BASE
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Multicast { limits: limits.clone() })
}

/// Nothing but the port tells them from DNS: on it, a message that adds up to its last byte.
fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    let parsed = if opening.port_hint { parse(bytes, &Limits::default()) } else { None };
    match parsed {
        Some(parsed) if adds_up(&parsed, bytes.len()) => Probe::Yes(None),
        _ => Probe::No,
    }
}

fn adds_up(parsed: &Parsed, length: usize) -> bool {
    let records: u32 = parsed.header.counts.iter().map(|&count| u32::from(count)).sum();
    parsed.flaw.is_none() && parsed.bytes == length && records > 0 && parsed.header.opcode() == 0
}

struct Multicast {
    limits: Limits,
}

impl Dissector for Multicast {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let Slice { direction, bytes, .. } = slice;
        let mark = slice.mark_at(0);
        match parse(bytes, &self.limits) {
            Some(parsed) => {
                let seen = Seen { direction, first: mark, last: mark, bytes: bytes.len() };
                out.messages.push(message(parsed, bytes, seen));
            }
            None => out.anomaly(AnomalyKind::DnsMalformed, mark),
        }
        Feed::Taken(bytes.len())
    }

    fn gap(&mut self, _: Direction, _: u64, _: Mark, _: &mut Output) {}

    fn end(&mut self, _: Direction, _: Slice<'_>, _: &mut Output) {}
}

fn message(parsed: Parsed, bytes: &[u8], seen: Seen) -> Message {
    let operation = operation(&parsed);
    let error = if parsed.rcode == 0 { Text::default() } else { rcode(parsed.rcode) };
    let is_response = parsed.header.is_response();
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let lengths = if is_response { (0, length) } else { (length, 0) };
    let outcome = super::outcome(parsed.rcode);
    let opcode = opcode(parsed.header.opcode());
    let (dns_questions, dns_question_types) = questions(parsed.questions);
    let row = DnsMulticast {
        dns_lookup: search::lookup(dns_questions.first().map_or("", Text::as_str)),
        dns_questions,
        dns_question_types,
        dns_answers: if is_response { parsed.answers } else { Vec::new() },
        dns_request: !is_response,
        dns_response: is_response,
        dns_request_length: lengths.0,
        dns_response_length: lengths.1,
        dns_opcode: opcode,
        dns_ttl_min: parsed.ttl_min.map_or(0, i64::from),
    };
    let key = content_key(bytes);
    let told = DnsMessage { operation, outcome, status: 0, error };
    super::message(Kind::OneWay, key, seen, told, Box::new(row))
}

#[cfg(test)]
pub(in crate::dissect) mod tests {
    use super::*;
    use crate::dissect::Outcome;
    use crate::dissect::tests::{Driver, Sample, shown};
    use Direction::ToServer;

    /// Who offers printers? The question's upper class bit asks for an answer by unicast.
    const QUERY: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ipp\x04_tcp\x05local\0\0\x0c\x80\x01";
    /// `cam.local` is 192.168.0.7; the record's upper class bit flushes caches.
    const ANSWER: &[u8] = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x03cam\x05local\0\0\x01\x80\x01\
        \0\0\0\x78\0\x04\xc0\xa8\0\x07";
    /// `wpad`, over LLMNR.
    const WPAD: &[u8] = b"\x9a\x11\0\0\0\x01\0\0\0\0\0\0\x04wpad\0\0\x01\0\x01";

    pub const SAMPLE: Sample = &[(ToServer, QUERY), (ToServer, ANSWER), (ToServer, QUERY)];
    pub const LLMNR_SAMPLE: Sample = &[(ToServer, WPAD), (ToServer, WPAD)];

    #[test]
    fn both_stand_by_themselves() {
        let mut driver = Driver::new(&MDNS, Carrier::Datagram);
        driver.packet(ToServer, QUERY).packet(ToServer, ANSWER);
        let [query, answer] = &driver.out.messages[..] else { panic!("{:?}", driver.shown()) };
        assert_eq!((query.kind, answer.kind), (Kind::OneWay, Kind::OneWay));
        assert_eq!((&*query.operation, answer.outcome), ("PTR", Outcome::Ok));
        let (query, answer) = (shown(query), shown(answer));
        assert!(query.contains("dns_questions=[\"_ipp._tcp.local\"]"), "{query}");
        assert!(query.contains("dns_request=true") && !query.contains("dns_response=true"));
        assert!(answer.contains("dns_answers=[\"192.168.0.7\"] dns_response=true"), "{answer}");
    }

    #[test]
    fn only_whole_messages_on_the_port_are_theirs() {
        let probe = |bytes: &[u8], port_hint| {
            (MDNS.probe)(Opening { sender: None, port_hint }, bytes) == Probe::Yes(None)
        };
        assert!(probe(QUERY, true) && probe(ANSWER, true) && !probe(QUERY, false));
        for end in 0..ANSWER.len() {
            assert!(!probe(&ANSWER[..end], true), "{end}");
        }
        assert!(!probe(&[ANSWER, b"x"].concat(), true) && !probe(&[0; 12], true));
    }
}
