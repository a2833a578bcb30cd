use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// A connection, a request and its answer, one that nobody answers, JetStream, messages one way.
pub const SAMPLE: Sample = &[
    (ToClient, b"INFO {\"server_id\":\"N\",\"server_name\":\"n1\"}\r\n"),
    (ToServer, b"CONNECT {\"verbose\":false,\"name\":\"app\"}\r\nPING\r\n"),
    (ToClient, b"PONG\r\n"),
    (ToServer, b"SUB _INBOX.x.* 1\r\nPUB orders.get _INBOX.x.1 5\r\nhello\r\nHPUB nobody.home _INBOX.x.2 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n"),
    (ToClient, b"HMSG _INBOX.x.2 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nMSG _INBOX.x.1 1 2\r\nok\r\n"),
    (ToServer, b"PUB $JS.API.STREAM.INFO.none _INBOX.x.3 0\r\n\r\nPUB log 1\r\nx\r\n"),
    (ToClient, b"MSG _INBOX.x.3 1 55\r\n{\"error\":{\"code\":404,\"description\":\"stream not found\"}}\r\n"),
    (ToClient, b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

#[test]
fn the_sample() {
    let mut driver = play(&PROTOCOL, Carrier::Stream, SAMPLE);
    driver.end();
    assert_eq!(
        driver.brief(),
        [
            "> INFO",
            "PING",
            "> CONNECT",
            "= ",
            "> SUB",
            "PUB orders.get",
            "PUB nobody.home",
            "= 503",
            "= ",
            "PUB $JS.STREAM.INFO",
            "> PUB log",
            "= 404",
            "= ERR",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[0].contains("nats_name=\"n1\"") && shown[2].contains("nats_name=\"app\""));
    assert!(shown[6].contains("nats_headers=[\"A: b\"]"), "{}", shown[6]);
    assert!(shown[9].contains("nats_jetstream=\"STREAM.INFO\""), "{}", shown[9]);
    assert!(shown[11].contains("nats_error=\"stream not found\""), "{}", shown[11]);
    let keys: Vec<u64> = driver.out.messages.iter().map(|m| m.key).collect();
    assert_eq!((keys[5], keys[6], keys[9]), (keys[8], keys[7], keys[11]));
    assert_eq!(keys[1], keys[3]);
}

#[test]
fn a_server_asks_a_responder() {
    let mut driver = driver();
    driver.packet(ToClient, b"MSG orders.get 1 _INBOX.y.1 2\r\nhi\r\n");
    driver.packet(ToServer, b"PUB _INBOX.y.1 2\r\nok\r\n");
    assert_eq!(driver.brief(), ["MSG orders.get", "= "]);
    assert_eq!(driver.out.messages[0].direction, ToClient);
}

#[test]
fn traced() {
    let mut driver = driver();
    let ids = "00-11b4862a313e8a9c059cda4a49e626fa-6a2a9f706edee336-01";
    let block = format!("NATS/1.0\r\nTraceparent: {ids}\r\n\r\n");
    let line = format!("HPUB a {} {}\r\n", block.len(), block.len());
    driver.packet(ToServer, format!("{line}{block}\r\n").as_bytes());
    let trace = driver.out.messages[0].trace.as_deref().map(|trace| trace.trace_id.as_str());
    assert_eq!(trace, Some("11b4862a313e8a9c059cda4a49e626fa"));
}

#[test]
fn refused() {
    let mut driver = driver();
    driver.packet(ToServer, b"CONNECT {\"user\":\"x\",\"pass\":\"hunter2\"}\r\n");
    driver.packet(ToClient, b"-ERR 'Authorization Violation'\r\n").end();
    assert_eq!(driver.brief(), ["CONNECT", "= ERR"]);
    let shown = driver.shown().concat();
    assert!(shown.contains("nats_error=\"Authorization Violation\"") && !shown.contains("hunter2"));
    assert_eq!(driver.out.messages[1].outcome, Outcome::ClientError);
}

#[test]
fn long_payloads_and_losses() {
    let mut driver = driver();
    driver.packet(ToServer, b"PUB a 100000\r\n");
    for _ in 0..99 {
        driver.packet(ToServer, &[b'x'; 1000]);
    }
    driver.gap(ToServer, 1002).packet(ToServer, b"PUB b 1\r\nx\r\n");
    assert_eq!(driver.brief(), ["> PUB a", "> PUB b"]);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::NatsMalformed));
    let mut driver = self::driver();
    driver.packet(ToServer, b"PUB a 1\r\nx\r\n").packet(ToServer, b"\x01\r\n");
    driver.packet(ToServer, b"PUB a 1\r\nx\r\n");
    assert_eq!(driver.anomalies(), [AnomalyKind::NatsMalformed]);
    assert_eq!(driver.brief(), ["> PUB a", "> PUB a"]);
}
