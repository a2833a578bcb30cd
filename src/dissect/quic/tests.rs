use super::super::tests::{Driver, shown};
use super::super::{Message, Outcome};
use super::*;
use Direction::{ToClient, ToServer};

#[path = "samples.rs"]
mod samples;
pub use samples::DATAGRAMS;

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Datagram)
}

fn check(message: &Message, fields: &[&str]) {
    let line = shown(message);
    for field in fields {
        assert!(line.contains(field), "{field} is not in {line}");
    }
}

#[test]
fn the_sample() {
    let mut driver = driver();
    for (direction, bytes) in DATAGRAMS {
        driver.packet(*direction, bytes);
    }
    let [hello, answer, second, _] = driver.out.messages.as_slice() else {
        panic!("{:#?}", driver.shown());
    };
    check(
        hello,
        &[
            "tlsx_sni=\"shop.example\"",
            "tls_alpn_offered=[\"h3\"]",
            "tls_ja4=\"q13d",
            "quic_version=\"1\"",
        ],
    );
    check(answer, &["tls_version=\"TLS 1.3\"", "tls_completed=true"]);
    assert_eq!((answer.outcome, answer.last.packet.frame), (Outcome::Ok, 3));
    check(second, &["quic_version=\"2\"", "tlsx_sni=\"shop.example\""]);
}

#[test]
fn what_is_not_answered() {
    let mut driver = driver();
    driver.packet(ToServer, DATAGRAMS[0].1).packet(ToServer, DATAGRAMS[0].1).end();
    assert_eq!(driver.out.messages.len(), 1, "sent again is still one");
    // The server's packets alone say nothing: their keys follow from the client's first.
    let mut driver = self::driver();
    driver.packet(ToClient, DATAGRAMS[1].1).end();
    assert_eq!(driver.out.messages.len(), 0);
}

#[test]
fn coalesced_packets() {
    let datagram = [DATAGRAMS[1].1, DATAGRAMS[1].1, b"\x40rest"].concat();
    let mut driver = driver();
    driver.packet(ToServer, DATAGRAMS[0].1).packet(ToClient, &datagram).end();
    assert_eq!(driver.out.messages.len(), 2);
    check(&driver.out.messages[1], &["tlsx_info=\"ServerHello\""]);
    assert!(!shown(&driver.out.messages[1]).contains("tls_completed"));
}
