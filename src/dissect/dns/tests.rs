use super::super::tests::{Driver, Sample, shown};
use super::*;
use Direction::{ToClient, ToServer};

pub use super::multicast::tests::{LLMNR_SAMPLE, SAMPLE as MDNS_SAMPLE};

/// `api.prod` A; id 0x1234, recursion desired.
const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\
    \x03API\x04prod\0\0\x01\0\x01";
/// CNAME to `lb.prod` (TTL 30) and its address 10.0.0.9 (TTL 5).
const ANSWER: &[u8] = b"\x12\x34\x85\x80\0\x01\0\x02\0\0\0\0\
    \x03api\x04prod\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\0\x1e\0\x05\x02lb\xc0\x10\
    \xc0\x26\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x09";
/// `x` AAAA with EDNS (payload 1232).
const QUERY_EDNS: &[u8] = b"\x56\x78\x01\x00\0\x01\0\0\0\0\0\x01\
    \x01x\0\0\x1c\0\x01\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";
/// NXDOMAIN.
const NXDOMAIN: &[u8] = b"\x56\x78\x81\x83\0\x01\0\0\0\0\0\0\x01x\0\0\x1c\0\x01";

pub const DATAGRAMS: Sample =
    &[(ToServer, QUERY), (ToServer, QUERY_EDNS), (ToClient, NXDOMAIN), (ToClient, ANSWER)];

/// The same over TCP: two queries in one segment, answers out of order.
pub const STREAM: Sample = &[
    (
        ToServer,
        b"\0\x1a\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03API\x04prod\0\0\x01\0\x01\
        \0\x1e\x56\x78\x01\x00\0\x01\0\0\0\0\0\x01\x01x\0\0\x1c\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0",
    ),
    (ToClient, b"\0\x13\x56\x78\x81\x83\0\x01\0\0\0\0\0\0\x01x\0\0\x1c\0\x01"),
    (
        ToClient,
        b"\0\x3b\x12\x34\x85\x80\0\x01\0\x02\0\0\0\0\x03api\x04prod\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x1e\0\x05\x02lb\xc0\x10\xc0\x26\0\x01\0\x01\0\0\0\x05\0\x04\x0a\0\0\x09",
    ),
];

fn datagrams(messages: &[(Direction, &[u8])]) -> Driver {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Datagram);
    for (direction, bytes) in messages {
        driver.packet(*direction, bytes);
    }
    driver
}

#[test]
fn a_query_and_its_answer() {
    let driver = datagrams(&[(ToServer, QUERY), (ToClient, ANSWER)]);
    let [query, answer] = &driver.out.messages[..] else { panic!("{:?}", driver.shown()) };
    assert_eq!(query.key, answer.key);
    assert_eq!(query.operation, "A");
    assert_eq!((answer.outcome, answer.status, answer.error.as_str()), (Outcome::Ok, 0, ""));
    let shown = shown(answer);
    assert!(shown.contains("dns_answers=[\"lb.prod\", \"10.0.0.9\"]"), "{shown}");
    assert!(shown.contains("dns_questions=[\"api.prod\"]") && shown.contains("dns_ttl_min=5"));
    assert!(shown.contains("dns_authoritative=true") && shown.contains("dns_response_length=59"));
}

#[test]
fn failures() {
    let driver = datagrams(&[(ToServer, QUERY_EDNS), (ToClient, NXDOMAIN)]);
    let answer = &driver.out.messages[1];
    assert_eq!((answer.outcome, answer.status), (Outcome::ClientError, 3));
    assert_eq!((answer.error.as_str(), answer.key), ("NXDOMAIN", driver.out.messages[0].key));
    // Extended rcode 16: upper bits 1 in the OPT record, lower bits 0 in the header.
    let badvers =
        b"\x56\x78\x81\x80\0\x01\0\0\0\0\0\x01\x01x\0\0\x1c\0\x01\0\0\x29\x04\xd0\x01\0\0\0\0\0";
    let driver = datagrams(&[(ToClient, badvers)]);
    assert_eq!((driver.out.messages[0].status, &*driver.out.messages[0].error), (16, "BADVERS"));
    assert_eq!(driver.out.messages[0].outcome, Outcome::ServerError);
}

#[test]
fn an_answer_without_question_is_paired_by_id() {
    let driver = datagrams(&[(ToServer, QUERY), (ToClient, b"\x12\x34\x81\x81\0\0\0\0\0\0\0\0")]);
    let [query, answer] = &driver.out.messages[..] else { panic!("{:?}", driver.shown()) };
    assert_eq!((answer.key, answer.error.as_str()), (query.key, "FORMERR"));
}

#[test]
fn other_opcodes_are_operations() {
    // A dynamic update of zone `x`: type SOA, opcode 5.
    let driver = datagrams(&[(ToServer, b"\x00\x01\x28\x00\0\x01\0\0\0\0\0\0\x01x\0\0\x06\0\x01")]);
    assert_eq!(driver.out.messages[0].operation, "UPDATE");
}

#[test]
fn what_can_be_read_of_a_broken_message_is_kept() {
    for end in 1..ANSWER.len() {
        let driver = datagrams(&[(ToClient, &ANSWER[..end])]);
        let has_question = end >= 26;
        assert_eq!(driver.out.messages.len(), usize::from(has_question), "cut at {end}");
        assert_eq!(driver.anomalies(), [AnomalyKind::DnsMalformed], "cut at {end}");
    }
    let driver = datagrams(&[(ToClient, &ANSWER[..ANSWER.len() - 4])]);
    assert!(driver.shown()[0].contains("dns_answers=[\"lb.prod\"]"));
    // The same with the bit for truncated messages is no anomaly.
    let mut truncated = ANSWER[..ANSWER.len() - 4].to_vec();
    truncated[2] |= 2;
    let driver = datagrams(&[(ToClient, &truncated)]);
    assert_eq!(driver.anomalies(), []);
    assert!(driver.shown()[0].contains("dns_truncated=true"));
}

#[test]
fn too_many_records_are_an_anomaly() {
    let limits = Limits { dns_records_max: 2, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Datagram, &limits);
    driver.packet(ToClient, ANSWER);
    assert_eq!(driver.anomalies(), [AnomalyKind::DnsLimit]);
    assert!(driver.shown()[0].contains("dns_answers=[\"lb.prod\"]"));
}

#[test]
fn a_stream_of_another_protocol_is_given_up() {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver.packet(ToServer, b"\0\x10this is no dns at all");
    assert_eq!(driver.gave_up, Some(AnomalyKind::DnsMalformed));
}

#[test]
fn a_and_aaaa_are_one_lookup() {
    let aaaa = [&QUERY[..1], b"\x35", &QUERY[2..23], b"\x1c", &QUERY[24..]].concat();
    let driver = datagrams(&[(ToServer, QUERY), (ToServer, &aaaa), (ToServer, QUERY)]);
    let pairs =
        driver.shown().iter().map(|line| line.contains("dns_pair=true")).collect::<Vec<_>>();
    assert_eq!(pairs, [false, true, false], "{:?}", driver.shown());
    let lines = driver.shown();
    assert!(lines.iter().all(|line| line.contains("dns_lookup=\"api.prod\"")), "{lines:?}");
    assert!(lines[0].contains("dns_transport=\"udp\""));
}
