use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// Commands answered out of order, errors, a write that nobody answers, the older protocol.
pub const SAMPLE: Sample = &[
    (ToServer, b"8\0\0\0\x07\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0#\0\0\0\x02find\0\x06\0\0\0users\0\x02$db\0\x05\0\0\0shop\0\0:\0\0\0\x08\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0%\0\0\0\x02insert\0\x06\0\0\0users\0\x02$db\0\x05\0\0\0shop\0\0"),
    (ToClient, b"h\0\0\0[\0\0\0\x08\0\0\0\xdd\x07\0\0\0\0\0\0\0S\0\0\0\x10n\0\0\0\0\0\x04writeErrors\0.\0\0\0\x030\0&\0\0\0\x10code\0\xf8*\0\0\x02errmsg\0\x0b\0\0\0E11000 dup\0\0\0\x01ok\0\0\0\0\0\0\0\xf0?\0T\0\0\0Z\0\0\0\x07\0\0\0\xdd\x07\0\0\0\0\0\0\0?\0\0\0\x03cursor\0&\0\0\0\x04firstBatch\0\x15\0\0\0\x030\0\x05\0\0\0\0\x031\0\x05\0\0\0\0\0\0\x01ok\0\0\0\0\0\0\0\xf0?\0"),
    (ToServer, b":\0\0\0\x09\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0%\0\0\0\x02update\0\x06\0\0\0users\0\x02$db\0\x05\0\0\0shop\0\0"),
    (ToClient, b"i\0\0\0\\\0\0\0\x09\0\0\0\xdd\x07\0\0\0\0\0\0\0T\0\0\0\x01ok\0\0\0\0\0\0\0\0\0\x02errmsg\0\x0c\0\0\0not primary\0\x10code\0{'\0\0\x02codeName\0\x13\0\0\0NotWritablePrimary\0\0"),
    (ToServer, b"8\0\0\0\x0a\0\0\0\0\0\0\0\xdd\x07\0\0\x02\0\0\0\0#\0\0\0\x02insert\0\x04\0\0\0log\0\x02$db\0\x05\0\0\0shop\0\0,\0\0\0\x0b\0\0\0\0\0\0\0\xd4\x07\0\0\0\0\0\0shop.users\0\0\0\0\0\x01\0\0\0\x05\0\0\0\0"),
    (ToClient, b")\0\0\0]\0\0\0\x0b\0\0\0\x01\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x05\0\0\0\0"),
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
            "find users",
            "insert users",
            "= DuplicateKey",
            "= ",
            "update users",
            "= NotWritablePrimary",
            "> insert log",
            "find users",
            "= ",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[0].contains("mongodb_database=\"shop\""), "{}", shown[0]);
    assert!(shown[2].contains("mongodb_error_message=\"E11000 dup\""), "{}", shown[2]);
    assert!(shown[3].contains("mongodb_success=true mongodb_documents=2"), "{}", shown[3]);
    assert!(shown[7].contains("OP_QUERY") && shown[8].contains("mongodb_documents=1"));
    let outcomes: Vec<Outcome> = driver.out.messages.iter().map(|m| m.outcome).collect();
    assert_eq!((outcomes[2], outcomes[5]), (Outcome::ClientError, Outcome::ServerError));
    let keys: Vec<u64> = driver.out.messages.iter().map(|m| m.key).collect();
    assert_eq!((keys[0], keys[1]), (keys[3], keys[2]));
}

#[test]
fn losses_inside_of_documents() {
    let mut driver = driver();
    let (_, find) = SAMPLE[0];
    driver.packet(ToServer, &find[..40]).gap(ToServer, 10).packet(ToServer, &find[50..]);
    assert_eq!(driver.brief(), ["find", "insert users"]);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::MongodbMalformed));
    let mut driver = self::driver();
    driver.packet(ToClient, SAMPLE[3].1).packet(ToClient, b"\xff\xff\xff\xff0123456789");
    driver.packet(ToClient, SAMPLE[5].1);
    assert_eq!(driver.anomalies(), [AnomalyKind::MongodbMalformed]);
    assert_eq!(driver.brief(), ["= NotWritablePrimary", "= "]);
}
