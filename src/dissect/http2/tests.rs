use super::super::tests::{Driver, Sample, shown};
use super::super::{Kind, Message, Outcome};
use super::*;
use Direction::{ToClient, ToServer};

/// Streams that overlap, a CONTINUATION, padding, a priority, a gRPC call that fails, an interim
/// response, a reset; header blocks that refer to entries of those before them.
#[rustfmt::skip]
pub const SAMPLE: Sample = &[
    // preface; SETTINGS; WINDOW_UPDATE; HEADERS of stream 1.
    (ToServer, b"PRI * HTTP/2.0\x0d\x0a\x0d\x0aSM\x0d\x0a\x0d\x0a\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0d\0\0\x04\x08\0\0\0\0\0\0\0\xff\xff\0\0-\x01\x05\0\0\0\x01\x82\x86D\x11/orders/42?full=1A\x04shop@\x0cx-request-id\x03r-1"),
    // SETTINGS; SETTINGS, acknowledged; PING.
    (ToClient, b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\0\0\x08\x06\0\0\0\0\0pingpong"),
    // SETTINGS, acknowledged; HEADERS of stream 3 with priority, without its end; CONTINUATION; DATA with two messages.
    (ToServer, b"\0\0\0\x04\x01\0\0\0\0\0\0\x19\x01 \0\0\0\x03\0\0\0\x01\x10\x83\x86D\x0e/shop.Cart/Add\xc0_\0\0\"\x09\x04\0\0\0\x03\x10application/grpc@\x0cgrpc-timeout\x021S\0\0\x0d\0\x01\0\0\0\x03\0\0\0\0\x02hi\x01\0\0\0\x01x"),
    // HEADERS of stream 1; HEADERS of stream 3; DATA, padded; DATA with a message.
    (ToClient, b"\0\0\x0a\x01\x04\0\0\0\x01\x88_\x87I|\xa5\x8a\xe8\x19\xaa\0\0\x0e\x01\x04\0\0\0\x03\x88_\x8b\x1du\xd0b\x0d&=LMed\0\0\x08\0\x08\0\0\0\x01\x02hello\0\0\0\0\x08\0\0\0\0\0\x03\0\0\0\0\x03abc"),
    // DATA, end of stream 1; trailers of stream 3.
    (ToClient, b"\0\0\0\0\x01\0\0\0\x01\0\0 \x01\x05\0\0\0\x03@\x88\x9a\xca\xc8\xb2\x124\xda\x8f\x82\x0b_@\x89\x9a\xca\xc8\xb5%B\x071\x7f\x87\xa8\xea\x88\x04\x1d\x89G"),
    // HEADERS of stream 5; DATA, end of stream 5; HEADERS of stream 7.
    (ToServer, b"\0\0\x11\x01\x04\0\0\0\x05B\x03PUT\x86D\x02/c\xc4\x7f\x04\x03r-2\0\0\x04\0\x01\0\0\0\x05body\0\0\x07\x01\x05\0\0\0\x07\x82\x86D\x02/d\xc6"),
    // HEADERS of stream 5, interim; RST_STREAM of stream 7; HEADERS of stream 5; DATA, end of stream 5.
    (ToClient, b"\0\0\x04\x01\x04\0\0\0\x05H\x82\x08\x01\0\0\x04\x03\0\0\0\0\x07\0\0\0\x07\0\0\x06\x01\x04\0\0\0\x05H\x83l\x0c\xff\xc3\0\0\x02\0\x01\0\0\0\x05no"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

fn play(sample: Sample) -> Driver {
    let mut driver = driver();
    for (direction, bytes) in sample {
        driver.packet(*direction, bytes);
    }
    driver
}

fn brief(driver: &Driver) -> Vec<String> {
    let brief = |message: &Message| match message.kind {
        Kind::Request => format!("{} {}", message.key, message.operation),
        kind => format!("{} {kind:?} {} {}", message.key, message.status, message.error),
    };
    driver.out.messages.iter().map(brief).collect()
}

/// One frame.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

const GET: &[u8] = b"\x82\x86\x84\x41\x04shop";
const OK: &[u8] = b"\x88";

#[test]
fn the_sample() {
    let mut driver = play(SAMPLE);
    assert_eq!(
        brief(&driver),
        [
            "1 GET /orders/{id}",
            "1 Response 200 ",
            "3 shop.Cart/Add",
            "3 Response 200 UNAVAILABLE",
            "7 GET /d",
            "7 Response 0 REFUSED_STREAM",
            "5 PUT /c",
            "5 Interim 100 ",
            "5 Response 503 503",
        ]
    );
    let messages = &driver.out.messages;
    let first = shown(&messages[0]);
    assert!(first.contains("http_version=\"HTTP/2\"") && first.contains("host=\"shop\""));
    assert!(first.contains("url=\"/orders/42?full=1\""));
    assert_eq!(messages[0].trace.as_ref().map(|t| t.request_id.as_str()), Some("r-1"));
    assert!(shown(&messages[1]).contains("response_body_size=5"));
    assert!(messages[0].inner.is_none());
    assert!(messages[2].inner.is_some_and(|inner| inner.name == "grpc"));
    let call = shown(&messages[2]);
    for field in [
        "grpc_service=\"shop.Cart\"",
        "grpc_method=\"Add\"",
        "grpc_timeout_us=1000000",
        "grpc_request_messages=2",
        "grpc_request_message_bytes=3",
        "grpc_request_compressed=1",
        "http2_stream=3",
    ] {
        assert!(call.contains(field), "{field} in {call}");
    }
    let answer = shown(&messages[3]);
    for field in ["grpc_status=14", "grpc_message=\"no carts\"", "grpc_response_messages=1"] {
        assert!(answer.contains(field), "{field} in {answer}");
    }
    assert_eq!(messages[3].outcome, Outcome::ServerError);
    assert_eq!((messages[5].outcome, messages[5].units), (Outcome::Refused, 0));
    assert!(shown(&messages[8]).contains("response_body=\"no\""));
    assert_eq!((messages[2].first.packet.frame, messages[3].last.packet.frame), (3, 5));
    driver.end();
    assert_eq!(driver.out.messages.len(), 9);
}

/// Bytes of messages, and those of frames that belong to none, are all there are.
#[test]
fn bytes_add_up() {
    let driver = play(SAMPLE);
    let counted: u64 = driver.out.messages.iter().map(|message| message.bytes).sum();
    let all: usize = SAMPLE.iter().map(|(_, bytes)| bytes.len()).sum();
    let others = PREFACE.len() + (9 + 6) + (9 + 4) + 9 + 9 + (9 + 8) + 9 + (9 + 4);
    assert_eq!(counted as usize, all - others);
}

#[test]
fn starts_in_mid_stream() {
    let mut driver = driver();
    for (direction, bytes) in &SAMPLE[2..] {
        driver.packet(*direction, bytes);
    }
    // Stream 3 names its host by an entry of the part that is missing.
    let call = shown(&driver.out.messages[1]);
    assert!(call.contains("http2_unknown_headers=1") && !call.contains("host="), "{call}");
    assert_eq!(driver.out.messages[1].operation, "shop.Cart/Add");
    assert_eq!(driver.out.messages.len(), 8, "{:?}", brief(&driver));
    assert_eq!(driver.anomalies(), []);
}

#[test]
fn pushed_responses_have_requests() {
    let mut driver = driver();
    driver.packet(ToServer, PREFACE).packet(ToServer, &frame(1, 5, 1, GET));
    driver.packet(ToClient, &frame(5, 4, 1, &[b"\0\0\0\x02", GET].concat()));
    driver.packet(ToClient, &frame(1, 5, 1, OK)).packet(ToClient, &frame(1, 5, 2, OK));
    assert_eq!(brief(&driver), ["1 GET /", "1 Response 200 ", "2 GET /", "2 Response 200 "]);
    assert!(shown(&driver.out.messages[2]).contains("http2_pushed=true"));
    assert_eq!(driver.out.messages[2].direction, ToServer);
}

#[test]
fn who_gave_up_tells_the_outcome() {
    let reset = |way, code: u8, status: &[u8]| {
        let mut driver = driver();
        driver.packet(ToServer, PREFACE).packet(ToServer, &frame(1, 5, 1, GET));
        if !status.is_empty() {
            driver.packet(ToClient, &frame(1, 4, 1, status));
        }
        driver.packet(way, &frame(3, 0, 1, &[0, 0, 0, code]));
        assert_eq!(driver.out.messages.len(), 2);
        let response = &driver.out.messages[1];
        assert_eq!(usize::from(!status.is_empty()), response.units as usize);
        (response.outcome, response.error.to_string())
    };
    assert_eq!(reset(ToServer, 8, b""), (Outcome::Timeout, "CANCEL".into()));
    assert_eq!(reset(ToServer, 8, OK), (Outcome::Ok, String::new()));
    assert_eq!(reset(ToClient, 2, OK), (Outcome::Reset, "INTERNAL_ERROR".into()));
    assert_eq!(reset(ToClient, 11, b""), (Outcome::Throttled, "ENHANCE_YOUR_CALM".into()));
}

#[test]
fn goaway_ends_what_was_not_seen() {
    let mut driver = driver();
    driver.packet(ToServer, PREFACE);
    driver.packet(ToServer, &frame(1, 5, 1, GET)).packet(ToServer, &frame(1, 5, 3, GET));
    driver.packet(ToClient, &frame(7, 0, 0, b"\0\0\0\x01\0\0\0\x0bcalm"));
    assert_eq!(brief(&driver), ["3 GET /", "3 Response 0 ENHANCE_YOUR_CALM"]);
    assert_eq!(driver.anomalies(), [AnomalyKind::Http2Goaway]);
    driver.packet(ToClient, &frame(1, 5, 1, OK));
    assert_eq!(driver.out.messages.len(), 4);
}

#[test]
fn late_frames_open_nothing() {
    let mut driver = play(SAMPLE);
    let before = driver.out.messages.len();
    driver.packet(ToClient, &frame(0, 1, 1, b"late")).packet(ToClient, &frame(3, 0, 7, &[0; 4]));
    driver.packet(ToServer, &frame(0, 0, 5, b"late")).end();
    assert_eq!(driver.out.messages.len(), before);
}

#[test]
fn losses_inside_data_are_known() {
    let mut driver = driver();
    driver.packet(ToServer, PREFACE).packet(ToServer, &frame(1, 5, 1, GET));
    driver.packet(ToClient, &frame(1, 4, 1, OK));
    driver.packet(ToClient, &frame(0, 1, 1, &[b'x'; 100])[..50]).gap(ToClient, 59);
    driver.packet(ToClient, &frame(6, 0, 0, b"pingpong"));
    assert_eq!(brief(&driver), ["1 GET /", "1 Response 200 "]);
    assert!(shown(&driver.out.messages[1]).contains("response_body_size=100"));
}

#[test]
fn what_does_not_end_is_cut() {
    let mut driver = driver();
    driver.packet(ToServer, PREFACE).packet(ToServer, &frame(1, 4, 1, GET));
    driver.packet(ToServer, &frame(1, 5, 3, GET)).packet(ToClient, &frame(1, 4, 3, OK)).end();
    assert_eq!(brief(&driver), ["1 GET /", "3 GET /", "3 Response 200 "]);
    assert!(shown(&driver.out.messages[0]).contains("request_cut=true"));
    assert!(shown(&driver.out.messages[2]).contains("response_cut=true"));
}

#[test]
fn oddities_are_told() {
    for (bytes, expected) in [
        (frame(0, 0, 0, b"no stream"), AnomalyKind::Http2Malformed),
        (frame(9, 4, 1, b"nothing to continue"), AnomalyKind::Http2Malformed),
        (frame(1, 0xd, 1, b"\xffpadding"), AnomalyKind::Http2Malformed),
        (frame(1, 5, 1, b"\x82\x86\x84\x80"), AnomalyKind::HpackMalformed),
    ] {
        let mut driver = driver();
        driver.packet(ToServer, PREFACE).packet(ToServer, &bytes);
        driver.packet(ToServer, &frame(6, 0, 0, b"pingpong"));
        driver.packet(ToServer, &frame(1, 5, 3, GET)).end();
        assert_eq!(driver.anomalies(), [expected]);
        assert_eq!(brief(&driver).last().map(String::as_str), Some("3 GET /"), "{bytes:?}");
    }
}

/// A small block that names a large entry many times.
#[test]
fn bombs_are_bounded() {
    let mut block = [b"\x82\x86\x84\x40\x01x\x7f\x81\x1f".as_slice(), &[b'y'; 4096]].concat();
    block.extend_from_slice(&[0xbe; 60_000]);
    let mut bytes = block.len().to_be_bytes()[5..].to_vec();
    bytes.extend_from_slice(&[1, 5, 0, 0, 0, 1]);
    bytes.extend_from_slice(&block);
    let mut driver = driver();
    driver.packet(ToServer, PREFACE).packet(ToServer, &bytes);
    driver.packet(ToClient, &frame(1, 5, 1, OK));
    assert_eq!(brief(&driver), ["1 GET /", "1 Response 200 "]);
    assert_eq!(driver.anomalies(), [AnomalyKind::HttpHeadLimit]);
    assert!(shown(&driver.out.messages[0]).len() < 300_000);
}

#[test]
fn endless_continuations_are_bounded() {
    let limits = Limits { http_head_bytes_max: 1000, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver.packet(ToServer, PREFACE).packet(ToServer, &frame(1, 1, 1, GET));
    for _ in 0..100 {
        driver.packet(ToServer, &frame(9, 0, 1, &[0x82; 99]));
    }
    driver.packet(ToServer, &frame(9, 4, 1, &[0x82]));
    driver.packet(ToServer, &frame(1, 5, 3, GET)).packet(ToClient, &frame(1, 5, 3, OK)).end();
    assert!(driver.anomalies().iter().all(|kind| *kind == AnomalyKind::HttpHeadLimit));
    assert!(brief(&driver).contains(&"3 GET /".to_string()));
}

#[test]
fn a_million_streams_are_bounded() {
    let limits = Limits { http2_streams_max: 10, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver.packet(ToServer, PREFACE);
    let mut bytes = Vec::new();
    for stream in 0..1_000_000u32 {
        bytes.extend_from_slice(b"\0\0\x02\x01\x05");
        bytes.extend_from_slice(&(2 * stream + 1).to_be_bytes());
        bytes.extend_from_slice(b"\x82\x84");
        if bytes.len() > 60_000 {
            driver.packet(ToServer, &bytes);
            bytes.clear();
            assert!(driver.out.messages.iter().all(|message| message.kind == Kind::Request));
            driver.out.messages.clear();
        }
    }
    driver.packet(ToServer, &bytes).end();
    let given_up = driver.anomalies();
    assert_eq!(given_up.len(), 1_000_000 - 10);
    assert!(given_up.iter().all(|kind| *kind == AnomalyKind::Http2StreamLimit));
}

#[test]
fn an_upgraded_connection_answers_the_first_request() {
    let row = super::super::http::HttpRequest {
        method: "GET".into(),
        ..super::super::http::HttpRequest::default()
    };
    let seen = Seen { first: Mark::default(), last: Mark::default(), bytes: 10 };
    let adopted = Adopted { row, operation: "GET /a".into(), trace: None, seen };
    let mut http2 = upgraded(&Limits::default(), ToServer, Some(adopted));
    let mut out = Output::default();
    for (direction, bytes) in [
        (ToClient, frame(4, 0, 0, b"")),
        (ToServer, PREFACE.to_vec()),
        (ToClient, frame(1, 5, 1, OK)),
    ] {
        let marks = [(0, Mark::default())];
        let slice = Slice { direction, bytes: &bytes, marks: &marks };
        assert_eq!(http2.feed(slice, &mut out), Feed::Taken(bytes.len()));
    }
    let [request, response] = out.messages.as_slice() else { panic!("{:?}", out.messages) };
    assert_eq!((request.operation.as_str(), request.units), ("GET /a", 0));
    assert_eq!((response.status, response.units), (200, 1));
}
