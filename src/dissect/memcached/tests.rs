use super::super::Outcome;
use super::super::tests::{Driver, Sample, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// A pipeline of stores and reads, errors, a miss, statistics, meta commands and the end.
pub const SAMPLE: Sample = &[
    (ToServer, b"set k1 0 0 3\r\nabc\r\nset k2 0 0 1 noreply\r\nz\r\nget k1 k2 no\r\n"),
    (ToClient, b"STORED\r\nVALUE k1 0 3\r\nabc\r\nVALUE k2 0 1\r\nz\r\nEND\r\n"),
    (ToServer, b"incr k1 1\r\nget no\r\n"),
    (ToClient, b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\nEND\r\n"),
    (ToServer, b"mg k1 v q\r\nmg no v q\r\nmn\r\n"),
    (ToClient, b"VA 3\r\nabc\r\nMN\r\n"),
    (ToServer, b"set big 0 0 4\r\nabcd\r\nquit\r\n"),
    (ToClient, b"SERVER_ERROR out of memory storing object\r\n"),
];

/// Quiet reads of which the first is a miss, ended by a noop.
pub const BINARY: Sample = &[
    (
        ToServer,
        b"\x80\x09\0\x02\0\0\0\0\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\0no\
          \x80\x09\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\0k\
          \x80\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0",
    ),
    (
        ToClient,
        b"\x81\x09\0\0\x04\0\0\0\0\0\0\x05\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0v\
          \x81\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0",
    ),
    (ToServer, b"\x80\x05\0\x01\x14\0\0\0\0\0\0\x15\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0k"),
    (ToClient, b"\x81\x05\0\0\0\0\0\x06\0\0\0\x0b\0\0\0\x04\0\0\0\0\0\0\0\0non-numeric"),
];

fn play(sample: Sample) -> Driver {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    for (direction, bytes) in sample {
        driver.packet(*direction, bytes);
    }
    driver
}

#[test]
fn the_sample() {
    let driver = play(SAMPLE);
    assert_eq!(
        driver.brief(),
        [
            "set",
            "> set",
            "get",
            "= ",
            "= ",
            "incr",
            "get",
            "= CLIENT_ERROR",
            "= ",
            "mn",
            "mg",
            "= ",
            "> mg",
            "= ",
            "set",
            "> quit",
            "= SERVER_ERROR",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[2].contains("memcached_key=\"k1\" memcached_keys=3"), "{}", shown[2]);
    assert!(shown[4].contains("memcached_status=\"END\" memcached_hits=2"), "{}", shown[4]);
    assert!(shown[8].contains("memcached_success=true") && !shown[8].contains("hits"));
    assert!(shown[16].contains("memcached_error_message=\"out of memory storing object\""));
    assert_eq!(driver.out.messages[16].outcome, Outcome::ServerError);
}

#[test]
fn binary() {
    let driver = play(BINARY);
    assert_eq!(driver.brief(), ["noop", "> get", "get", "= ", "= ", "incr", "= NON_NUMERIC"]);
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[2].contains("memcached_key=\"k\"") && shown[3].contains("memcached_hits=1"));
    assert!(shown[6].contains("memcached_error_message=\"non-numeric\""), "{}", shown[6]);
}

#[test]
fn quiet_meta_commands_know_their_answers() {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver.packet(ToServer, b"mg a v q\r\nmg b v q\r\nms m 1 q\r\nx\r\nms n 1\r\ny\r\nmn\r\n");
    driver.packet(ToClient, b"VA 1\r\n1\r\nHD\r\nMN\r\n");
    assert_eq!(driver.brief(), ["ms", "mn", "mg", "= ", "> mg", "> ms", "= ", "= "]);
}

#[test]
fn begins_in_mid_stream() {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver.packet(ToServer, b"VALUE k 0 1\r\nv\r\nEND\r\n").packet(ToClient, b"get k\r\n");
    driver.packet(ToServer, b"VALUE k 0 1\r\nv").end();
    assert_eq!(driver.brief(), ["= ", "get", "= "]);
}

#[test]
fn other_bytes() {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver.packet(ToServer, b"\x16\x03\x01");
    assert_eq!(driver.gave_up, Some(AnomalyKind::MemcachedMalformed));
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver
        .packet(ToServer, b"get k\r\n")
        .packet(ToServer, b"\x01\x02")
        .packet(ToServer, b"get k\r\n");
    assert_eq!(driver.anomalies(), [AnomalyKind::MemcachedMalformed]);
}
