use super::super::Outcome;
use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// A login, rows, an error, a prepared statement and the end.
pub const SAMPLE: Sample = &[
    (ToClient, b"J\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xf7!\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0"),
    (ToServer, b"B\0\0\x01\x0d\xa2:\0\0\0\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0bob\0\x02xyshop\0mysql_native_password\0"),
    (ToClient, b"\x07\0\0\x02\0\0\0\x02\0\0\0"),
    (ToServer, b"#\0\0\0\x03SELECT id FROM orders WHERE id > 5"),
    (ToClient, b"\x01\0\0\x01\x01\x18\0\0\x02\x03def\0\0\0\x02id\0\x0c?\0\x0b\0\0\0\x03\0\0\0\0\0\x05\0\0\x03\xfe\0\0\x02\0\x02\0\0\x04\x016\x02\0\0\x05\x017\x05\0\0\x06\xfe\0\0\x02\0"),
    (ToServer, b"\x15\0\0\0\x03UPDATE t SET a = 'x'"),
    (ToClient, b"\x17\0\0\x01\xff\xbd\x04#40001Deadlock found"),
    (ToServer, b"\x1a\0\0\0\x16DELETE FROM t WHERE a = ?"),
    (ToClient, b"\x0c\0\0\x01\0\x07\0\0\0\0\0\x01\0\0\0\0\x18\0\0\x02\x03def\0\0\0\x02id\0\x0c?\0\x0b\0\0\0\x03\0\0\0\0\0\x05\0\0\x03\xfe\0\0\x02\0"),
    (ToServer, b"\x12\0\0\0\x17\x07\0\0\0\0\x01\0\0\0\0\x01\x03\0\x05\0\0\0"),
    (ToClient, b"\x07\0\0\x01\0\x03\0\x02\0\0\0"),
    (ToServer, b"\x05\0\0\0\x19\x07\0\0\0\x01\0\0\0\x0e"),
    (ToClient, b"\x07\0\0\x01\0\0\0\x02\0\0\0"),
    (ToServer, b"\x01\0\0\0\x01"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

fn packet(sequence: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_le_bytes();
    [&length[..3], &[sequence], content].concat()
}

#[test]
fn the_sample() {
    let mut driver = play(&PROTOCOL, Carrier::Stream, SAMPLE);
    driver.end();
    assert_eq!(
        driver.brief(),
        [
            "LOGIN",
            "= ",
            "SELECT orders",
            "= ",
            "UPDATE t",
            "= 1213",
            "DELETE t",
            "= ",
            "DELETE t",
            "= ",
            "> DELETE t",
            "COM_PING",
            "= ",
            "> COM_QUIT",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[0].contains("mysql_user=\"bob\"") && shown[0].contains("0x"), "{}", shown[0]);
    assert!(shown[1].contains("mysql_server_version=\"8.0.36\""));
    assert!(shown[2].contains("mysql_database=\"shop\"") && shown[2].contains("COM_QUERY"));
    assert!(shown[2].contains("sql_fingerprint=\"select id from orders where id > ?\""));
    assert!(shown[3].contains("mysql_rows=2") && shown[3].contains("mysql_columns=1"));
    assert!(shown[5].contains("mysql_sqlstate=\"40001\""), "{}", shown[5]);
    assert_eq!(driver.out.messages[5].outcome, Outcome::ServerError);
    assert!(shown[7].contains("mysql_statement_id=7"));
    assert!(shown[8].contains("mysql_query=\"DELETE FROM t WHERE a = ?\""));
    assert!(shown[9].contains("mysql_affected_rows=3"));
}

#[test]
fn begins_in_mid_stream() {
    let mut driver = driver();
    driver.packet(ToClient, &packet(9, b"\x016")); // a row
    driver.packet(ToServer, &packet(0, b"\x03SELECT 1"));
    driver.packet(ToClient, &packet(1, b"\xff\x15\x04#28000no")).end();
    assert_eq!(driver.brief(), ["SELECT", "= 1045"]);
    let mut turned = self::driver();
    turned.packet(ToClient, &packet(0, b"\x03SELECT 1"));
    turned.packet(ToServer, &packet(1, b"\0\0\0\x02\0\0\0")).end();
    assert_eq!(turned.brief(), ["SELECT", "= "]);
}

#[test]
fn encryption_ends_it() {
    let mut driver = driver();
    driver.packet(ToClient, SAMPLE[0].1);
    let mut tls = b"\x85\xae\xff\x01\0\0\0\x01\x1c".to_vec();
    tls.resize(32, 0);
    driver.packet(ToServer, &packet(1, &tls));
    assert!(driver.is_tunnel);
    assert_eq!(driver.brief(), ["> SSL REQUEST"]);
    assert_eq!(driver.anomalies(), []);
}

/// A compressed packet; as it is when that is shorter.
fn compressed(sequence: u8, plain: &[u8], deflate: bool) -> Vec<u8> {
    use std::io::Write;
    let content = match deflate {
        true => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        false => plain.to_vec(),
    };
    let length = if deflate { plain.len() as u32 } else { 0 };
    let header = [(content.len() as u32).to_le_bytes(), length.to_le_bytes()];
    [&header[0][..3], &[sequence], &header[1][..3], &content].concat()
}

#[test]
fn compression() {
    let mut driver = driver();
    driver.packet(ToClient, SAMPLE[0].1);
    let mut login = SAMPLE[1].1.to_vec();
    login[4] |= 0x20;
    driver.packet(ToServer, &login).packet(ToClient, SAMPLE[2].1);
    driver.packet(ToServer, &compressed(0, SAMPLE[3].1, false));
    let (first, second) = SAMPLE[4].1.split_at(30); // a plain packet may go over two
    driver.packet(ToClient, &compressed(0, first, true));
    let second = compressed(1, second, true);
    driver.packet(ToClient, &second[..9]).packet(ToClient, &second[9..]).end();
    assert_eq!(driver.brief(), ["LOGIN", "= ", "SELECT orders", "= "]);
    assert!(driver.shown()[3].contains("mysql_rows=2"));
}

#[test]
fn several_results_are_one_answer() {
    let mut driver = driver();
    driver.packet(ToServer, &packet(0, b"\x03SELECT 1; SELECT 2"));
    let more = [packet(1, b"\0\x01\0\x0a\0\0\0"), packet(2, b"\0\x01\0\x02\0\0\0")];
    driver.packet(ToClient, &more.concat()).end();
    assert_eq!(driver.brief(), ["SELECT", "= "]);
    assert!(driver.shown()[1].contains("mysql_results=2"));
}

#[test]
fn refused_and_out_of_turn() {
    let mut driver = driver();
    driver.packet(ToClient, &packet(0, b"\xff\x10\x04Too many connections")).end();
    assert_eq!(driver.brief(), ["= 1040"]);
    assert_eq!(driver.out.messages[0].outcome, Outcome::Throttled);
    let mut driver = self::driver();
    driver.packet(ToServer, &packet(0, b"\x03SELECT 1"));
    driver.packet(ToClient, &[packet(1, b"\x01"), packet(5, b"\x03def")].concat()).end();
    assert_eq!(driver.anomalies(), [AnomalyKind::MysqlMalformed]);
    let mut driver = self::driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n\r\n".repeat(1000).as_slice());
    assert_eq!(driver.brief().len(), 0);
}
