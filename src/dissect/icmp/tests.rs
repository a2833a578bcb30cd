//! ICMP: pings, what errors quote, and neighbors.

use super::super::tests::{Driver, shown};
use super::*;
use Direction::{ToClient, ToServer};

const ECHO: &[u8] = b"\x08\0\xab\xcd\0\x2a\0\x01ping";
const REPLY: &[u8] = b"\0\0\xb3\xcd\0\x2a\0\x01ping";
/// Port unreachable about a datagram of 10.0.0.1:5000 to 10.0.0.2:53.
const UNREACHABLE: &[u8] = b"\x03\x03\0\0\0\0\0\0\
    \x45\0\0\x23\0\x01\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\x13\x88\0\x35\0\x0f\0\0";
/// Who has fe80::2?
const SOLICITATION: &[u8] = b"\x87\0\0\0\0\0\0\0\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x02";
/// A packet too big for a link of 1400 bytes: TCP behind a hop-by-hop header, ::1 to ::2.
const TOO_BIG: &[u8] = b"\x02\0\0\0\0\0\x05\x78\
    \x60\0\0\0\0\x10\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\
    \x06\0\0\0\0\0\0\0\x9c\x40\x01\xbb\0\0\0\x07";

pub const SAMPLE: super::super::tests::Sample = &[
    (ToServer, ECHO),
    (ToServer, b"\x08\0\0\0\0\x2a\0\x02"),
    (ToClient, b"\x00\0\0\0\0\x2a\0\x02"),
    (ToClient, REPLY),
    (ToServer, b"\x0d\0\0\0\0\x2a\0\x01\0\0\0\0\0\0\0\0\0\0\0\0"),
    (ToClient, UNREACHABLE),
    (ToServer, SOLICITATION),
    (ToClient, TOO_BIG),
];

fn one(bytes: &[u8]) -> (Message, String) {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Icmp);
    driver.packet(ToServer, bytes);
    let message = driver.out.messages.pop().unwrap();
    let line = shown(&message);
    (message, line)
}

#[test]
fn replies_have_the_key_of_their_request() {
    let (ask, line) = one(ECHO);
    assert!(line.starts_with("Request ToServer 1x 12B \"echo\""), "{line}");
    assert!(line.contains("icmp_type=\"echo request\" icmp_version=4 icmp_length=12"), "{line}");
    let (answer, _) = one(REPLY);
    assert_eq!((ask.key, answer.kind), (answer.key, Kind::Response));
    assert_ne!(one(b"\x08\0\0\0\0\x2a\0\x02").0.key, ask.key);
    // The same numbers in another kind of request.
    assert_ne!(one(b"\x0d\0\0\0\0\x2a\0\x01").0.key, ask.key);
    assert_eq!(one(b"\x80\0\0\0\0\x2a\0\x03").1.matches("icmp_version=6").count(), 1);
}

#[test]
fn errors_tell_what_they_quote() {
    let (error, line) = one(UNREACHABLE);
    assert_eq!((error.kind, error.units, error.outcome), (Kind::OneWay, 0, Outcome::Refused));
    assert_eq!((&*error.error, &*error.operation), ("port unreachable", "destination unreachable"));
    assert!(line.contains("icmp_quoted=\"UDP 10.0.0.1:5000 -> 10.0.0.2:53\""), "{line}");
    let (error, line) = one(TOO_BIG);
    assert_eq!((error.outcome, &*error.error), (Outcome::Ok, "fragmentation needed"));
    let quoted = "icmp_quoted=\"TCP [::1]:40000 -> [::2]:443\" icmp_mtu=1400";
    assert!(line.contains(quoted), "{line}");
    // A router that says so stands in the row; the message goes the way of the packet.
    let router = "10.0.9.1".parse().unwrap();
    let report = report(UNREACHABLE, router, ToServer, Mark::default()).unwrap();
    assert_eq!(report.direction, ToServer);
    assert!(shown(&report).contains("icmp_reporter=\"10.0.9.1\""));
}

#[test]
fn neighbors_and_unknown_types_are_told_of() {
    assert!(one(SOLICITATION).1.contains("\"neighbor solicitation\" icmp_version=6"));
    assert!(one(SOLICITATION).1.contains("icmp_target=\"fe80::2\""));
    assert_eq!(one(b"\x05\x01\0\0\x0a\0\0\xfe").1.matches("icmp_target=\"10.0.0.254\"").count(), 1);
    assert_eq!(one(b"\xc8\0\0\0\0\0\0\0").0.operation, "type 200");
    // The same type in both versions: the quote tells which.
    assert_eq!(one(b"\x03\x01\0\0\0\0\0\0\x60").0.error, "time exceeded");
    assert_eq!(one(b"\x03\x01\0\0\0\0\0\0\x45").0.error, "host unreachable");
}

#[test]
fn every_prefix_is_read_as_far_as_it_goes() {
    for bytes in [ECHO, UNREACHABLE, SOLICITATION, TOO_BIG] {
        for end in 1..bytes.len() {
            let mut driver = Driver::new(&PROTOCOL, Carrier::Icmp);
            driver.packet(ToServer, &bytes[..end]);
            assert_eq!(driver.out.messages.len(), usize::from(end >= 8), "{end}");
            assert_eq!(driver.anomalies().len(), usize::from(end < 8), "{end}");
        }
    }
}
