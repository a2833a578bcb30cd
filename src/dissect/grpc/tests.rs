use super::parse::{outcome, timeout_us};
use super::*;

const BODY: &[u8] = b"\0\0\0\0\x03abc\x01\0\0\0\x02de\0\0\0\0\0\0\0\0\0\x01f";

fn counted(messages: &Messages) -> (u64, u64, u64) {
    (messages.count, messages.bytes, messages.compressed)
}

#[test]
fn messages_in_any_cut() {
    for size in 1..=BODY.len() {
        let mut messages = Messages::new(Wire::Native);
        BODY.chunks(size).for_each(|piece| messages.push(piece));
        assert_eq!(counted(&messages), (4, 6, 1));
    }
}

#[test]
fn losses_inside_a_message_are_known() {
    let mut messages = Messages::new(Wire::Native);
    messages.push(&BODY[..6]);
    messages.lose(2);
    messages.push(&BODY[8..]);
    assert_eq!(counted(&messages), (4, 6, 1));
    let mut messages = Messages::new(Wire::Native);
    messages.push(&BODY[..6]);
    messages.lose(3);
    messages.push(&BODY[9..]);
    assert_eq!(counted(&messages), (1, 3, 0), "counting stops");
    messages.resume();
    messages.push(b"\0\0\0\0\x01x");
    assert_eq!(counted(&messages), (2, 4, 0));
}

#[test]
fn web_trailers_stand_in_the_body() {
    let body = b"\0\0\0\0\x03abc\x80\0\0\0\x24Grpc-Status: 5\r\ngrpc-message: a%20b\r\n";
    let mut messages = Messages::new(Wire::Web);
    body.chunks(4).for_each(|piece| messages.push(piece));
    assert_eq!(counted(&messages), (1, 3, 0));
    let end = end(&Pairs::new(), Some(&messages), 99).expect("a status");
    assert_eq!((end.status, end.message.as_str(), end.error.as_str()), (5, "a b", "NOT_FOUND"));
    let mut text = Messages::new(Wire::WebText);
    text.push(b"AAAAAANhYmM=gAAAABBncnBjLXN0YXR1czog");
    text.push(b"MTQNCg==");
    assert_eq!(counted(&text), (1, 3, 0));
    let end = super::end(&Pairs::new(), Some(&text), 99).expect("a status");
    assert_eq!((end.outcome, end.error.as_str()), (Outcome::ServerError, "UNAVAILABLE"));
}

#[test]
fn media_types() {
    for (media_type, expected) in [
        ("application/grpc", Some(Wire::Native)),
        ("application/grpc+proto", Some(Wire::Native)),
        ("application/grpc-web+proto", Some(Wire::Web)),
        ("application/grpc-web-text", Some(Wire::WebText)),
        ("application/grpcish", None),
        ("application/json", None),
    ] {
        assert_eq!(wire(media_type), expected, "{media_type}");
    }
}

#[test]
fn names_and_times() {
    assert_eq!(service_and_method("/shop.v1.Cart/Add"), ("shop.v1.Cart", "Add"));
    assert_eq!(operation("/shop.v1.Cart/Add"), "shop.v1.Cart/Add");
    assert_eq!(service_and_method("odd"), ("", "odd"));
    for (text, us) in [("1S", 1_000_000), ("250m", 250_000), ("99999999H", 359_999_996_400_000_000)]
    {
        assert_eq!(timeout_us(text), us);
    }
    for text in ["", "S", "-1S", "1x", "999999999S", "é"] {
        assert_eq!(timeout_us(text), 0, "{text}");
    }
    assert_eq!((status_name(14).as_str(), status_name(99).as_str()), ("UNAVAILABLE", "99"));
    assert_eq!(
        (outcome(4), outcome(8), outcome(5)),
        (Outcome::Timeout, Outcome::Throttled, Outcome::ClientError)
    );
}
