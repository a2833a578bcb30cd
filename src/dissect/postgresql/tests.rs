use super::super::tests::{Driver, Sample, shown};
use super::super::{Kind, Message, Outcome};
use super::*;
use Direction::{ToClient, ToServer};

/// A login, a query, a pipeline whose second statement fails, a COPY and the end.
pub const SAMPLE: Sample = &[
    (ToServer, b"\0\0\0 \0\x03\0\0user\0bob\0database\0shop\0\0"),
    (ToClient, b"R\0\0\0\x08\0\0\0\x03"),
    (ToServer, b"p\0\0\0\x0chunter2\0"),
    (ToClient, b"R\0\0\0\x08\0\0\0\0S\0\0\0\x11TimeZone\0UTC\0K\0\0\0\x0c\0\0\0\x07\0\0\0\x09Z\0\0\0\x05I"),
    (ToServer, b"Q\0\0\0'SELECT id FROM orders WHERE id > 5\0"),
    (ToClient, b"T\0\0\0\x1b\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0D\0\0\0\x0b\0\x01\0\0\0\x016D\0\0\0\x0b\0\x01\0\0\0\x017C\0\0\0\x0dSELECT 2\0Z\0\0\0\x05I"),
    (ToServer, b"P\0\0\0\x1ds1\0UPDATE t SET a = $1\0\0\0B\0\0\0\x13\0s1\0\0\0\0\x01\0\0\0\x011\0\0E\0\0\0\x09\0\0\0\0\0B\0\0\0\x13\0s1\0\0\0\0\x01\0\0\0\x01x\0\0E\0\0\0\x09\0\0\0\0\0B\0\0\0\x13\0s1\0\0\0\0\x01\0\0\0\x012\0\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04"),
    (ToClient, b"1\0\0\0\x042\0\0\0\x04C\0\0\0\x0dUPDATE 3\x002\0\0\0\x04E\0\0\0)SERROR\0VERROR\0C22P02\0Minvalid input\0\0Z\0\0\0\x05I"),
    (ToServer, b"Q\0\0\0\x16copy t from stdin\0"),
    (ToClient, b"G\0\0\0\x09\0\0\x01\0\0"),
    (ToServer, b"d\0\0\0\x061\x0ac\0\0\0\x04"),
    (ToClient, b"C\0\0\0\x0bCOPY 1\0Z\0\0\0\x05I"),
    (ToServer, b"X\0\0\0\x04"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

fn brief(driver: &Driver) -> Vec<String> {
    let brief = |message: &Message| match message.kind {
        Kind::Request => format!("{} x{}", message.operation, message.units),
        Kind::OneWay => format!("> {}", message.operation),
        _ => format!("= {} x{}", message.error, message.units),
    };
    driver.out.messages.iter().map(brief).collect()
}

/// A message of the protocol.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32 + 4).to_be_bytes();
    [&[kind][..], &length, content].concat()
}

fn error(severity: &str, code: &str) -> Vec<u8> {
    message(b'E', format!("S{severity}\0V{severity}\0C{code}\0Mno\0\0").as_bytes())
}

#[test]
fn the_sample() {
    let mut driver = driver();
    for (direction, bytes) in SAMPLE {
        driver.packet(*direction, bytes);
    }
    driver.end();
    assert_eq!(
        brief(&driver),
        [
            "STARTUP x2",
            "=  x5",
            "SELECT orders x1",
            "=  x5",
            "UPDATE t x3",
            "=  x3",
            "UPDATE t x2",
            "= 22P02 x3",
            "UPDATE t x3",
            "= aborted x0",
            "COPY t x3",
            "=  x3",
            "> TERMINATE",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[0].contains("postgresql_user=\"bob\"") && !shown.concat().contains("hunter2"));
    let query = "postgresql_query=\"SELECT id FROM orders WHERE id > 5\"";
    assert!(shown[2].contains(query) && shown[2].contains("postgresql_database=\"shop\""));
    assert!(shown[2].contains("sql_fingerprint=\"select id from orders where id > ?\""));
    assert!(shown[3].contains("postgresql_rows=2") && shown[3].contains("postgresql_columns=1"));
    assert!(shown[6].contains("postgresql_query=\"UPDATE t SET a = $1\""), "{}", shown[6]);
    assert!(shown[7].contains("postgresql_error_message=\"invalid input\""));
    assert_eq!(driver.out.messages[7].outcome, Outcome::ClientError);
}

#[test]
fn outcomes() {
    for (code, expected) in [
        ("23505", Outcome::ClientError),
        ("40P01", Outcome::ServerError),
        ("53300", Outcome::Throttled),
        ("57014", Outcome::Timeout),
        ("XX000", Outcome::ServerError),
        ("", Outcome::ClientError),
    ] {
        assert_eq!(exchange::outcome(code), expected, "{code}");
    }
}

#[test]
fn begins_in_mid_stream() {
    let mut driver = driver();
    driver.packet(ToClient, &[message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat());
    driver.packet(ToServer, &message(b'Q', b"select 1\0"));
    driver.packet(ToClient, &[error("ERROR", "42601"), message(b'Z', b"I")].concat()).end();
    assert_eq!(brief(&driver), ["=  x2", "SELECT x1", "= 42601 x2"]);
    let mut turned = self::driver();
    turned.packet(ToServer, &message(b'Z', b"I")).packet(ToClient, &message(b'Q', b"select 1\0"));
    turned.packet(ToServer, &[message(b'I', b""), message(b'Z', b"I")].concat()).end();
    assert_eq!(brief(&turned), ["=  x1", "SELECT x1", "=  x2"]);
}

#[test]
fn encryption_ends_it() {
    let request = b"\0\0\0\x08\x04\xd2\x16\x2f";
    let mut driver = driver();
    driver.packet(ToServer, request).packet(ToClient, b"S");
    assert!(driver.is_tunnel);
    assert_eq!(brief(&driver), ["SSL REQUEST x1", "=  x0"]);
    assert_eq!((driver.gave_up, driver.anomalies()), (None, vec![]));
    let mut refused = self::driver();
    refused.packet(ToServer, request).packet(ToClient, b"N");
    refused.packet(ToServer, b"\0\0\0\x12\0\x03\0\0user\0bob\0\0");
    refused.packet(ToClient, &error("FATAL", "28000")).end();
    assert_eq!(brief(&refused), ["SSL REQUEST x1", "=  x0", "STARTUP x1", "= 28000 x1"]);
}

#[test]
fn one_way_messages() {
    let mut driver = driver();
    driver.packet(ToServer, b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07\0\0\0\x09");
    driver.packet(ToClient, &message(b'A', b"\0\0\0\x07jobs\0x\0")).end();
    assert_eq!(brief(&driver), ["> CANCEL", "> NOTIFY"]);
    assert!(driver.shown()[1].contains("postgresql_query=\"jobs\""));
}

#[test]
fn a_connection_that_ends_within_a_reply() {
    let mut driver = driver();
    driver.packet(ToServer, &message(b'Q', b"select 1\0"));
    driver.packet(ToClient, &message(b'D', b"\0\x01\0\0\0\x011")).end();
    assert_eq!(driver.out.messages[1].outcome, Outcome::Unknown);
    assert!(driver.shown()[1].contains("postgresql_response_cut=true"));
}

#[test]
fn limits_are_anomalies() {
    let limits = Limits { sql_statements_max: 1, calls_pending_max: 1, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    for name in ["a", "b"] {
        driver.packet(ToServer, &message(b'P', format!("{name}\0select 1\0\0\0").as_bytes()));
        driver.packet(ToServer, &message(b'S', b""));
    }
    assert_eq!(driver.anomalies(), [AnomalyKind::SqlLimit]);
    assert_eq!(brief(&driver), ["SELECT x2"]);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::PostgresqlMalformed));
    let mut driver = self::driver();
    driver.packet(ToServer, &message(b'Q', b"select 1\0")).packet(ToServer, b"\x01\x02");
    driver.packet(ToServer, &message(b'Q', b"select 2\0")).end();
    assert_eq!(driver.anomalies(), [AnomalyKind::PostgresqlMalformed]);
    assert_eq!(brief(&driver), ["SELECT x1", "SELECT x1"]);
}
