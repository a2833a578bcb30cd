use super::super::tests::{Driver, Sample, play, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// A connection, a queue, publishes with their confirmations, a return, a delivery, a failure.
pub const SAMPLE: Sample = &[
    (ToServer, b"AMQP\0\0\x09\x01"),
    (ToClient, b"\x01\0\0\0\0\0\x10\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\0\0\0\xce"),
    (ToServer, b"\x01\0\0\0\0\0\x18\0\x0a\0\x0b\0\0\0\0\x05PLAIN\0\0\0\0\x05en_US\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xce\x01\0\x01\0\0\0\x13\x002\0\x0a\0\0\x07billing\0\0\0\0\0\xce"),
    (ToClient, b"\x01\0\x01\0\0\0\x08\0\x14\0\x0b\0\0\0\0\xce\x01\0\x01\0\0\0\x14\x002\0\x0b\x07billing\0\0\0\0\0\0\0\0\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x05\0U\0\x0a\0\xce"),
    (ToClient, b"\x01\0\x01\0\0\0\x04\0U\0\x0b\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x15\0<\0(\0\0\x02ev\x0aorders.new\0\xce\x02\0\x01\0\0\0\x19\0<\0\0\0\0\0\0\0\0\0\x05\x80\0\x0atext/plain\xce\x03\0\x01\0\0\0\x05hello\xce\x01\0\x01\0\0\0\x0d\0<\0(\0\0\0\x04none\x01\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce"),
    (ToClient, b"\x01\0\x01\0\0\0\x15\0<\x002\x018\x08NO_ROUTE\0\x04none\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\0\0\0\xce\x01\0\x01\0\0\0\x0d\0<\0P\0\0\0\0\0\0\0\x02\x01\xce"),
    (ToClient, b"\x01\0\x01\0\0\0\x1e\0<\0<\x02c1\0\0\0\0\0\0\0\x07\x01\x02ev\x0aorders.new\xce\x02\0\x01\0\0\0\x0e\0<\0\0\0\0\0\0\0\0\0\x02\0\0\xce\x03\0\x01\0\0\0\x02hi\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x0d\0<\0P\0\0\0\0\0\0\0\x07\0\xce\x08\0\0\0\0\0\0\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x10\x002\0\x0a\0\0\x04gone\x01\0\0\0\0\xce"),
    (ToClient, b"\x01\0\x01\0\0\0\x14\0\x14\0(\x01\x94\x09NOT_FOUND\x002\0\x0a\xce"),
    (ToServer, b"\x01\0\x01\0\0\0\x04\0\x14\0)\xce"),
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
            "connection.start",
            "= ",
            "channel.open",
            "queue.declare billing",
            "= ",
            "= ",
            "confirm.select",
            "= ",
            "basic.publish ev",
            "basic.publish none",
            "> basic.return none",
            "= ",
            "= ",
            "> basic.deliver ev",
            "> basic.ack",
            "queue.declare gone",
            "= 404",
            "channel.close",
            "= ",
        ]
    );
    let shown: Vec<String> = driver.out.messages.iter().map(shown).collect();
    assert!(shown[8].contains("amqp_summary=\"ev orders.new\""), "{}", shown[8]);
    assert!(shown[8].contains("amqp_body_size=5 amqp_content_type=\"text/plain\""), "{}", shown[8]);
    assert!(shown[10].contains("amqp_reply_text=\"NO_ROUTE\""), "{}", shown[10]);
    assert!(shown[13].contains("amqp_delivery_tag=7 amqp_redelivered=true"), "{}", shown[13]);
    assert!(shown[16].contains("amqp_reply_code=404"), "{}", shown[16]);
    assert_eq!(driver.out.messages[16].outcome, Outcome::ClientError);
    let units: Vec<u32> = driver.out.messages.iter().map(|m| m.units).collect();
    assert_eq!((units[11], units[12], units[16]), (1, 0, 0));
}

#[test]
fn begins_in_mid_stream() {
    let mut driver = driver();
    driver.packet(ToClient, SAMPLE[9].1).packet(ToServer, SAMPLE[10].1).end();
    assert_eq!(driver.brief(), ["> basic.deliver ev", "> basic.ack"]);
    let mut answers = self::driver();
    answers.packet(ToClient, SAMPLE[4].1).end();
    assert_eq!(answers.brief(), ["= ", "= "]);
}

#[test]
fn other_versions_are_named() {
    let mut driver = driver();
    driver.packet(ToServer, b"AMQP\0\x01\0\0").packet(ToServer, &[0; 100]).end();
    assert_eq!(driver.brief(), ["> AMQP 1.0.0"]);
    assert_eq!(driver.anomalies(), []);
}

#[test]
fn contents_that_are_cut() {
    let mut driver = driver();
    let (_, publish) = SAMPLE[7];
    driver.packet(ToServer, &publish[..70]).end();
    assert_eq!(driver.brief(), ["> basic.publish ev"]);
    let limits = Limits { amqp_channels_max: 1, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    let mut other = publish[..29].to_vec();
    driver.packet(ToServer, &other);
    other[2] = 2;
    driver.packet(ToServer, &other);
    assert_eq!(driver.anomalies(), [AnomalyKind::AmqpLimit]);
}

#[test]
fn other_bytes() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.1\r\n");
    assert_eq!(driver.gave_up, Some(AnomalyKind::AmqpMalformed));
    let mut driver = self::driver();
    driver
        .packet(ToServer, SAMPLE[5].1)
        .packet(ToServer, b"\xff\xff")
        .packet(ToServer, SAMPLE[11].1);
    assert_eq!(driver.anomalies(), [AnomalyKind::AmqpMalformed]);
    assert_eq!(driver.brief(), ["confirm.select", "queue.declare gone"]);
}
