use super::super::Outcome;
use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// Versions, a refused record, records that come first, a record without an answer, a heartbeat.
pub const SAMPLE: Sample = &[
    (ToServer, b"\0\0\0\x0d\0\x12\0\0\0\0\0\x08\0\x03app"),
    (ToClient, b"\0\0\0\x0a\0\0\0\x08\0\0\0\0\0\0"),
    (ToServer, b"\0\0\0j\0\0\0\x07\0\0\0\x05\0\x03app\xff\xff\0\x01\0\0u0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03\0\0\0=\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0U\0\x01\0\x0c\0\0\0\x06\0\x03app\0\xff\xff\xff\xff\0\0\x01\xf4\0\0\0\x01\0\x10\0\0\0\0\0\0\0\xff\xff\xff\xff\x02\x07orders\x02\0\0\0\x03\xff\xff\xff\xff\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x10\0\0\0\0\x01\x01\0"),
    (ToClient, b"\0\0\0A\0\0\0\x06\0\0\0\0d\0\0\0\0\0\0\x02\x07orders\x02\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x03ab\0\0\0"),
    (ToClient, b"\0\0\x006\0\0\0\x05\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03\0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
    (ToServer, b"\0\0\0\x19\0\0\0\x07\0\0\0\x07\0\x03app\xff\xff\0\0\0\0u0\0\0\0\0\0\0\0\x1d\0\x0c\0\0\0\0\0\x09\0\x03app\0\x07billing\0\0\0\x01\0\x01m"),
    (ToClient, b"\0\0\0\x06\0\0\0\x09\0\x19"),
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
            "API_VERSIONS",
            "= ",
            "PRODUCE orders",
            "FETCH orders",
            "= ",
            "= NOT_LEADER_OR_FOLLOWER",
            "> PRODUCE",
            "HEARTBEAT",
            "= UNKNOWN_MEMBER_ID",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[2].contains("kafka_client_id=\"app\" kafka_correlation_id=5"), "{}", shown[2]);
    assert!(shown[2].contains("kafka_partitions=1 kafka_partition=3"), "{}", shown[2]);
    assert!(shown[2].contains("kafka_compression=\"zstd\" kafka_records=9"), "{}", shown[2]);
    assert!(
        shown[4].contains("kafka_topic=\"orders\"") && shown[4].contains("kafka_throttle_ms=100")
    );
    assert!(shown[5].contains("kafka_error_code=6"), "{}", shown[5]);
    assert_eq!(driver.out.messages[5].outcome, Outcome::ServerError);
    assert!(
        shown[7].contains("kafka_group=\"billing\"") && shown[7].contains("summary=\"billing\"")
    );
    let keys: Vec<u64> = driver.out.messages.iter().map(|m| m.key).collect();
    assert_eq!((keys[2], keys[3]), (keys[5], keys[4]));
}

#[test]
fn begins_in_mid_stream() {
    let mut driver = driver();
    driver.packet(ToClient, SAMPLE[4].1).packet(ToServer, SAMPLE[2].1);
    assert_eq!(driver.brief(), ["= ", "PRODUCE orders", "FETCH orders"]);
    let mut turned = self::driver();
    turned.packet(ToClient, SAMPLE[5].1).packet(ToServer, SAMPLE[6].1).end();
    assert_eq!(turned.brief(), ["> PRODUCE", "HEARTBEAT", "= UNKNOWN_MEMBER_ID"]);
}

#[test]
fn long_messages_are_passed_by() {
    let mut driver = driver();
    let mut request = SAMPLE[2].1.to_vec();
    let length = 100_000i32;
    request.truncate(60);
    request[..4].copy_from_slice(&length.to_be_bytes());
    driver.packet(ToServer, &request);
    for _ in 0..99 {
        driver.packet(ToServer, &[0; 1000]);
    }
    driver.gap(ToServer, 900).packet(ToServer, &[0; 44]).packet(ToServer, SAMPLE[0].1);
    assert_eq!(driver.brief(), ["PRODUCE orders", "API_VERSIONS"]);
    assert_eq!(driver.out.messages[0].bytes, 100_004);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::KafkaMalformed));
    let mut driver = self::driver();
    driver.packet(ToServer, SAMPLE[0].1).packet(ToServer, b"\xff\xff\xff\xff0123456789");
    driver.packet(ToServer, SAMPLE[5].1);
    assert_eq!(driver.anomalies(), [AnomalyKind::KafkaMalformed]);
    assert_eq!(driver.brief(), ["API_VERSIONS", "> PRODUCE", "HEARTBEAT"]);
}

#[test]
fn tokens_of_the_first_sasl_stand_between_messages() {
    let mut driver = driver();
    // SaslHandshake 0 for PLAIN, then a token without a header, answered by an empty one.
    driver.packet(ToServer, b"\0\0\0\x14\0\x11\0\0\0\0\0\x01\0\x03app\0\x05PLAIN");
    driver.packet(ToClient, b"\0\0\0\x11\0\0\0\x01\0\0\0\0\0\x01\0\x05PLAIN");
    driver.packet(ToServer, b"\0\0\0\x0d\0alice\0secret");
    driver.packet(ToClient, b"\0\0\0\0");
    for (direction, bytes) in &SAMPLE[..2] {
        driver.packet(*direction, bytes);
    }
    assert_eq!(driver.brief(), ["SASL_HANDSHAKE", "= ", "API_VERSIONS", "= "]);
    assert_eq!(driver.anomalies(), []);
    assert!(shown(&driver.out.messages[0]).contains("kafka_sasl_mechanism=\"PLAIN\""));
}
