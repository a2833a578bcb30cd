use super::super::tests::{Driver, Sample, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// Two ways that lead nowhere (a proxy that lets clients try again).
pub const SAMPLE: Sample = &[
    (ToServer, b"\x05\x02\0\x02"),
    (ToClient, b"\x05\x02"),
    (ToServer, b"\x01\x03ann\x06secret"),
    (ToClient, b"\x01\0"),
    (ToServer, b"\x05\x01\0\x03\x04shop\x01\xbb"),
    (ToClient, b"\x05\x05\0\x01\x0a\0\0\x01\x04\x38"),
    (ToServer, b"\x05\x01\0"),
    (ToClient, b"\x05\xff"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

#[test]
fn refused() {
    let mut driver = driver();
    for (way, bytes) in SAMPLE {
        driver.packet(*way, bytes);
    }
    let lines = driver.shown();
    assert_eq!(
        lines,
        [
            "0 Request ToServer 1x 27B \"CONNECT shop:443\" unknown 0 \"\" socks_command=\"CONNECT\" socks_host=\"shop\" socks_port=443 socks_methods=[\"none\", \"password\"] socks_user=\"ann\"",
            "0 Response ToClient 1x 14B \"\" refused 5 \"connection_refused\" socks_method=\"password\" socks_reply=\"connection_refused\" socks_bound_host=\"10.0.0.1\" socks_bound_port=1080",
            "0 Request ToServer 1x 3B \"SOCKS\" unknown 0 \"\" socks_methods=[\"none\"]",
            "0 Response ToClient 1x 2B \"\" client_error 255 \"no_acceptable_method\" socks_method=\"refused\" socks_reply=\"no_acceptable_method\"",
        ]
    );
    assert!(!lines.iter().any(|line| line.contains("secret")));
}

#[test]
fn a_tunnel_is_for_others() {
    let mut driver = driver();
    driver.packet(ToServer, b"\x05\x01\0").packet(ToClient, b"\x05\0");
    // Data that does not wait for the reply.
    driver.packet(ToServer, b"\x05\x01\0\x01\x7f\0\0\x01\0\x50GET / HTTP/1.1\r\n\r\n");
    assert!(!driver.is_tunnel);
    driver.packet(
        ToClient,
        b"\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04\x38HTTP/1.1 200 OK\r\n",
    );
    assert!(driver.is_tunnel);
    let [request, reply] = driver.out.messages.as_slice() else { panic!("{:#?}", driver.shown()) };
    assert_eq!(request.operation, "CONNECT 127.0.0.1:80");
    assert!(shown(reply).contains(
        "ok 0 \"\" socks_method=\"none\" socks_reply=\"succeeded\" socks_bound_host=\"::1\""
    ));
}

#[test]
fn what_is_cut_or_strange() {
    let mut cut = driver();
    cut.packet(ToServer, b"\x05\x01\0").packet(ToClient, b"\x05\0").end();
    assert_eq!(cut.out.messages.len(), 1, "asked, and never answered");
    let mut lost = driver();
    lost.packet(ToServer, b"\x05\x01\0").gap(ToClient, 2);
    assert!(matches!(lost.out.next, Some(Next::Probed)));
    let mut strange = driver();
    strange.packet(ToServer, b"\x05\x01\x01").packet(ToClient, b"\x05\x01\x01\x02");
    assert!(strange.is_tunnel, "GSSAPI is not read");
    let mut other = driver();
    other.packet(ToServer, b"\x04\x01");
    assert!(other.gave_up.is_some());
}

#[test]
fn probed_by_the_greeting_alone() {
    let verdict = |sender, port_hint, bytes: &[u8]| probe(Opening { sender, port_hint }, bytes);
    let yes = Probe::Yes(Some(ToServer));
    assert_eq!(verdict(Some(ToServer), false, b"\x05\x01\0"), yes);
    assert_eq!(verdict(None, true, b"\x05\x01\0"), yes);
    assert_eq!(verdict(None, false, b"\x05\x01\0"), Probe::No);
    assert_eq!(verdict(Some(ToClient), true, b"\x05\x01\0"), Probe::No);
    assert_eq!(verdict(Some(ToServer), true, b"\x05\x01\0\x01"), Probe::No);
    assert_eq!(verdict(Some(ToServer), true, b"\x05\x01\x40"), Probe::No);
    assert_eq!(verdict(Some(ToServer), true, b"\x05\x03\0"), Probe::Maybe(5));
    assert_eq!(verdict(Some(ToServer), true, b"\x05\0"), Probe::No);
}
