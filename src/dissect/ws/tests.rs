use super::super::tests::{Driver, Sample, shown};
use super::*;
use Direction::{ToClient, ToServer};

/// Masked and plain frames, a fragmented message with a ping inside, a close; bytes of RFC 6455
/// section 5.7 among them.
#[rustfmt::skip]
pub const SAMPLE: Sample = &[
    (ToServer, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x82\x80\x01\x02\x03\x04"),
    (ToClient, b"\x01\x03Hel"),
    (ToClient, b"\x89\x05Hello\x80\x02lo"),
    (ToServer, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
    (ToClient, b"\x82\x7e\x00\x80________________________________________________________________________________________________________________________________"),
    (ToClient, b"\x88\x09\x03\xf3restart"),
];

fn agreed(extensions: &str) -> Box<dyn Dissector> {
    let request = HttpRequest { path: "/chat/42".into(), ..HttpRequest::default() };
    let headers = [("sec-websocket-extensions", extensions), ("sec-websocket-protocol", "mqtt")];
    let response =
        HttpResponse { response_headers: headers.into_iter().collect(), ..HttpResponse::default() };
    upgraded(&Limits::default(), ToServer, &request, &response, Mark::default())
}

fn fed(ws: &mut Box<dyn Dissector>, packets: &[(Direction, &[u8])]) -> Output {
    let mut out = Output::default();
    for (direction, bytes) in packets {
        let marks = [(0, Mark::default())];
        let slice = Slice { direction: *direction, bytes, marks: &marks };
        assert_eq!(ws.feed(slice, &mut out), Feed::Taken(bytes.len()));
    }
    out
}

#[test]
fn the_sample() {
    let mut ws = agreed("");
    let out = fed(&mut ws, SAMPLE);
    let lines: Vec<String> = out.messages.iter().map(shown).collect();
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert!(out.anomalies.is_empty());
    for (line, fields) in lines.iter().zip([
        "ws_opcode=\"open\" ws_upgrades=1 ws_subprotocol=\"mqtt\" ws_path=\"/chat/42\"",
        "ws_opcode=\"text\" ws_request=true ws_request_payload_data=\"Hello\" \
         ws_request_payload_length=5 ws_frames=1",
        "ws_opcode=\"binary\" ws_request=true ws_frames=1",
        "ws_opcode=\"ping\" ws_response=true ws_response_payload_length=5 ws_frames=1",
        "ws_opcode=\"text\" ws_response=true ws_response_payload_data=\"Hello\" \
         ws_response_payload_length=5 ws_frames=2",
        "ws_opcode=\"pong\" ws_request=true ws_request_payload_length=5",
        "ws_opcode=\"binary\" ws_response=true ws_response_payload_length=128",
        "ws_opcode=\"close\" ws_response=true ws_response_payload_length=9 ws_frames=1 \
         ws_close_code=1011 ws_close_reason=\"restart\"",
    ]) {
        assert!(line.contains(fields), "{line} has no {fields}");
        assert!(line.contains("\"WS /chat/{id}\""), "{line}");
    }
    let close = out.messages.last().expect("a close");
    assert_eq!((close.outcome.name(), close.error.as_str()), ("server_error", "1011"));
    let bytes: u64 = out.messages.iter().map(|message| message.bytes).sum();
    assert_eq!(bytes as usize, SAMPLE.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
}

/// Messages of RFC 7692 section 7.2.3 in frames.
#[test]
fn compressed_messages() {
    let mut ws = agreed("permessage-deflate");
    let first = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let fragmented = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00";
    let again = b"\xc1\x05\xf2\x00\x11\x00\x00";
    let out = fed(&mut ws, &[(ToClient, first), (ToClient, again), (ToClient, fragmented)]);
    for (message, frames) in out.messages[1..].iter().zip([1, 1, 2]) {
        let line = shown(message);
        let fields = format!(
            "ws_response_payload_data=\"Hello\" ws_response_payload_length=5 ws_frames={frames} \
             ws_compressed=true"
        );
        assert!(line.contains(&fields), "{line}");
    }
    // After a loss the window is not known; the message is there, its text is not.
    ws.gap(ToClient, 10, Mark::default(), &mut Output::default());
    let out = fed(&mut ws, &[(ToClient, again)]);
    assert!(!shown(&out.messages[0]).contains("Hello"));
    assert!(shown(&out.messages[0]).contains("ws_response_payload_length=5"));
    let mut ws = agreed("permessage-deflate; server_no_context_takeover");
    ws.gap(ToClient, 10, Mark::default(), &mut Output::default());
    let out = fed(&mut ws, &[(ToClient, first), (ToClient, first)]);
    assert!(shown(&out.messages[2]).contains("Hello"));
}

#[test]
fn what_is_not_agreed_is_no_frame() {
    for (way, bytes) in [
        (ToClient, &b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"[..]), // compressed
        (ToServer, b"\x81\x05Hello"),                             // a client's without mask
        (ToClient, b"\x80\x02lo"),                                // goes on with nothing
        (ToClient, b"\x01\x01a\x01\x01b"),                        // begins twice
    ] {
        let mut ws = agreed("");
        let out = fed(&mut ws, &[(way, bytes)]);
        let kinds: Vec<_> = out.anomalies.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, [AnomalyKind::WsMalformed], "{bytes:?}");
    }
}

#[test]
fn losses() {
    let mut driver = Driver::new(&PROTOCOL, Carrier::Stream);
    driver.packet(ToClient, b"\x81\x0aHello").gap(ToClient, 5).packet(ToClient, b"\x81\x02hi");
    assert!(driver.shown()[0].contains("ws_request_payload_length=10"));
    driver.packet(ToClient, b"\x81\x0aHello").gap(ToClient, 50);
    driver.packet(ToClient, b"rest of something").packet(ToClient, b"\x81\x02hi");
    let shown = driver.shown();
    assert_eq!(shown.len(), 4, "{shown:#?}");
    assert!(shown[2].contains("ws_cut=true") && !shown[3].contains("ws_cut"));
}
