use super::super::tests::{Driver, shown};
use super::super::{Kind, Message, Outcome};
use super::*;
use Direction::{ToClient, ToServer};

#[path = "samples.rs"]
mod samples;
pub use samples::SAMPLE;
use samples::TLS_13;

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

fn played(sample: &[(Direction, &[u8])]) -> Driver {
    let mut driver = driver();
    for (direction, bytes) in sample {
        driver.packet(*direction, bytes);
    }
    driver
}

fn check(message: &Message, fields: &[&str]) {
    let line = shown(message);
    for field in fields {
        assert!(line.contains(field), "{field} is not in {line}");
    }
}

#[test]
fn tls_12() {
    let driver = played(SAMPLE);
    let [hello, answer, refused, alert] = driver.out.messages.as_slice() else {
        panic!("{:#?}", driver.shown());
    };
    // Fingerprints: JA3 and JA3S as tshark 4.0 gives them, JA4 by a script from tshark's fields.
    check(
        hello,
        &[
            "\"ClientHello shop\"",
            "tlsx_sni=\"shop\"",
            "tls_alpn_offered=[\"h2\", \"http/1.1\"]",
            "tlsx_cipher_suites=[\"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\"",
            "tls_versions_offered=[\"TLS 1.2\"]",
            "tls_ja3=\"7707b7a086c2211e9be2c7b9d7fab855\"",
            "tls_ja4=\"t12d0208h2_6d4732649639_e7e480e5a997\"",
        ],
    );
    check(
        answer,
        &[
            "tlsx_cipher_suite=49195 tlsx_alpn=\"h2\" tlsx_version=771",
            "tls_info=\"TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\"",
            "tls_ja3s=\"a5b7547fb0048cdf45300719110f4364\"",
            "tls_completed=true",
            "tls_subject=\"O=Shop, CN=shop\" tls_issuer=\"CN=CA\"",
            "tls_names=[\"shop\", \"*.shop.svc\"] tls_certificates=1",
            "tls_not_before=1767225600000000000 tls_not_after=1795184100000000000",
        ],
    );
    assert_eq!((hello.units, answer.units, answer.outcome), (1, 1, Outcome::Ok));
    // The handshake is over with the second Finished: the server's, in the fourth packet.
    assert_eq!(answer.last.packet.frame, 4);
    let size = |at: usize| SAMPLE[at].1.len() as u64;
    assert_eq!((hello.bytes, answer.bytes), (size(0) + size(2), size(1) + size(3)));
    check(refused, &["tls_versions_offered=[\"TLS 1.3\"]", "e9aac580c1bf07006f3f6e15a0c4dd24"]);
    check(alert, &["tls_alert=\"protocol_version\" tls_alert_by=\"server\""]);
    assert_eq!((alert.units, alert.outcome), (0, Outcome::ClientError));
    assert_eq!(alert.error, "protocol_version");
}

#[test]
fn tls_13() {
    let driver = played(TLS_13);
    let [hello, answer] = driver.out.messages.as_slice() else { panic!("{:#?}", driver.shown()) };
    check(
        hello,
        &["e4c27f9ba9aea29929ceb882e2aabccd", "tls_ja4=\"t13d0512h2_30218df08eda_d41ae481755e\""],
    );
    check(
        answer,
        &["tls_version=\"TLS 1.3\"", "15af977ce25de452b96affa2addb1036", "tls_completed=true"],
    );
    assert_eq!(answer.last.packet.frame, 3, "over with the client's Finished");
}

#[test]
fn starts_with_the_answer() {
    let driver = played(&SAMPLE[1..4]);
    let [answer] = driver.out.messages.as_slice() else { panic!("{:#?}", driver.shown()) };
    assert_eq!((answer.kind, answer.direction), (Kind::Response, ToClient));
    check(answer, &["tlsx_info=\"ServerHello\"", "tls_completed=true"]);
}

#[test]
fn who_gave_up() {
    // The client does not know the issuer of the certificate.
    let mut driver = played(&SAMPLE[..2]);
    driver.packet(ToServer, b"\x15\x03\x03\0\x02\x02\x30");
    let answer = &driver.out.messages[1];
    check(answer, &["tls_alert=\"unknown_ca\" tls_alert_by=\"client\"", "tls_subject="]);
    assert_eq!((answer.outcome, answer.error.as_str()), (Outcome::ServerError, "unknown_ca"));

    let mut driver = played(&SAMPLE[..2]);
    driver.end();
    assert_eq!(driver.out.messages[1].outcome, Outcome::Unknown);
    let mut driver = played(&SAMPLE[..1]);
    driver.end();
    assert_eq!(driver.out.messages.len(), 1, "no answer");
}

#[test]
fn oddities_are_told() {
    let mut driver = played(&SAMPLE[..1]);
    driver.packet(ToClient, b"HTTP/1.1 400 Bad Request\r\n\r\n").end();
    assert_eq!(driver.anomalies(), [AnomalyKind::TlsMalformed]);
    let mut driver = self::driver();
    driver.packet(ToServer, b"\x16\x03\x01\0\x08\x01\0\0\x04\x03\x03\0\0").end();
    assert_eq!(driver.anomalies(), [AnomalyKind::TlsMalformed]);
    let limits = Limits { tls_handshake_bytes_max: 1000, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver.packet(ToServer, &[b"\x16\x03\x01\x08\0\x0b\x10\0\0\0".as_slice(), &[0; 2043]].concat());
    assert_eq!(driver.anomalies(), [AnomalyKind::TlsHandshakeLimit]);
}
