use super::super::tests::{Driver, Sample, shown};
use super::super::{Kind, Outcome};
use super::*;
use Direction::{ToClient, ToServer};

/// Keep-alive, pipelining, every framing but reading until the end, interim and HEAD responses.
pub const SAMPLE: Sample = &[
    (ToServer, b"GET /orders/42?full=1 HTTP/1.1\r\nHost: shop\r\nX-Request-ID: r-1\r\n\r\n"),
    (ToClient, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"),
    (ToServer, b"POST /orders HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (ToClient, b"HTTP/1.1 100 Continue\r\n\r\n"),
    (ToServer, b"5;x=y\r\nhello\r\n3\r\n...\r\n0\r\nX-Sum: 8\r\n\r\n"),
    (ToClient, b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nno carts\r\n0\r\n\r\n"),
    (ToServer, b"HEAD /a HTTP/1.1\r\nHost: shop\r\n\r\nGET /b HTTP/1.1\r\nHost: shop\r\n\r\n"),
    (ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    (ToServer, b"PUT /c HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody"),
    (ToClient, b"HTTP/1.1 204 No Content\r\n\r\n"),
];

fn driver() -> Driver {
    Driver::new(&PROTOCOL, Carrier::Stream)
}

fn brief(driver: &Driver) -> Vec<String> {
    let brief = |message: &crate::dissect::Message| match message.kind {
        Kind::Request => message.operation.to_string(),
        kind => format!("{kind:?} {}", message.status),
    };
    driver.out.messages.iter().map(brief).collect()
}

fn field(driver: &Driver, message: usize, name: &str) -> String {
    let line = shown(&driver.out.messages[message]);
    let start = line.find(&format!(" {name}=")).map(|at| at + name.len() + 2);
    start.and_then(|start| line[start..].split(' ').next()).unwrap_or_default().to_string()
}

#[test]
fn the_sample() {
    let mut driver = driver();
    for (direction, bytes) in SAMPLE {
        driver.packet(*direction, bytes);
    }
    assert_eq!(
        brief(&driver),
        [
            "GET /orders/{id}",
            "Response 200",
            "Interim 100",
            "POST /orders",
            "Response 503",
            "HEAD /a",
            "GET /b",
            "Response 200",
            "Response 304",
            "PUT /c",
            "Response 204",
        ]
    );
    let post = &driver.out.messages[3];
    assert_eq!((post.first.packet.frame, post.last.packet.frame), (3, 5));
    assert_eq!(post.bytes as usize, SAMPLE[2].1.len() + SAMPLE[4].1.len());
    assert_eq!(field(&driver, 3, "request_body_size"), "8");
    assert!(shown(post).contains("\"x-sum: 8\""), "trailers are headers");
    let failed = &driver.out.messages[4];
    assert_eq!((failed.outcome, failed.error.as_str()), (Outcome::ServerError, "503"));
    assert!(shown(post).contains("request_body=\"hello...\""));
    assert!(shown(failed).contains("response_body=\"no carts\""));
    assert!(!shown(&driver.out.messages[1]).contains("response_body="), "only of errors");
    assert_eq!(field(&driver, 1, "response_body_size"), "7");
}

#[test]
fn a_response_without_length_lasts_until_the_end() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET / HTTP/1.0\r\n\r\n");
    driver.packet(ToClient, b"HTTP/1.0 200 OK\n\nsome").packet(ToClient, b"thing\r\n");
    assert_eq!(brief(&driver), ["GET /"]);
    driver.end();
    assert_eq!(brief(&driver), ["GET /", "Response 200"]);
    assert_eq!(field(&driver, 1, "response_body_size"), "11");
    assert_eq!(field(&driver, 1, "response_cut"), "");
}

#[test]
fn other_protocols_take_over_in_silence() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    driver.packet(ToServer, b"\x81\x85\0\0\0\0early");
    driver.packet(
        ToClient,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi",
    );
    driver.packet(ToServer, b"\x81\x80\0\0\0\0").end();
    assert_eq!(
        brief(&driver),
        ["GET /ws", "Response 101", "OneWay 0", "OneWay 0", "OneWay 0", "OneWay 0"]
    );
    assert_eq!(driver.out.messages[2].operation, "WS /ws");
    assert_eq!(driver.anomalies(), []);

    let mut driver = self::driver();
    driver.packet(ToServer, b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n");
    driver.packet(ToClient, b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    driver.packet(ToServer, http2::parse::PREFACE);
    driver.packet(ToClient, b"\0\0\x01\x01\x05\0\0\0\x01\x88");
    assert_eq!(brief(&driver), ["GET /a", "Response 101", "GET /a", "Response 200"]);
    assert_eq!(driver.out.messages[2].units, 0, "counted as HTTP/1 already");

    let mut driver = self::driver();
    driver.packet(ToServer, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    driver.packet(ToClient, b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03");
    driver.packet(ToServer, b"\x16\x03\x01").end();
    assert!(driver.is_tunnel);
    assert_eq!(brief(&driver), ["CONNECT a.example:443", "Response 200"]);
    assert_eq!(field(&driver, 0, "host"), "\"a.example:443\"");
}

#[test]
fn a_refused_upgrade_goes_on_as_http() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n");
    driver.packet(ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    driver.packet(ToServer, b"GET /b HTTP/1.1\r\n\r\n").end();
    assert_eq!(brief(&driver), ["GET /a", "Response 200", "GET /b"]);
}

#[test]
fn an_early_response_comes_after_its_request() {
    let mut driver = driver();
    driver.packet(ToServer, b"POST /up HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
    driver.packet(ToClient, b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(brief(&driver), [""; 0]);
    driver.packet(ToServer, b"67890");
    assert_eq!(brief(&driver), ["POST /up", "Response 413"]);
}

#[test]
fn starts_in_mid_stream() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET /next HTTP/1.1\r\n\r\n");
    driver.packet(ToClient, b"ue\",\"tail\":\"of a body\"}");
    driver.packet(ToClient, b"]}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(brief(&driver), ["GET /next", "Response 200"]);
    assert_eq!(driver.anomalies(), [AnomalyKind::ProtocolResync]);
}

#[test]
fn directions_are_told_by_content() {
    let mut driver = driver();
    driver.packet(ToClient, b"GET /a HTTP/1.1\r\n\r\n");
    driver.packet(ToServer, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(brief(&driver), ["GET /a", "Response 404"]);
    assert_eq!(driver.out.messages[0].direction, ToClient);
}

#[test]
fn a_head_response_without_its_request_has_no_body() {
    let mut driver = driver();
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nHTTP/1.1.".chunks(1) {
        driver.packet(ToClient, byte);
    }
    assert_eq!(brief(&driver), ["Response 200", "Response 404"]);
    assert_eq!(field(&driver, 0, "response_body_size"), "");
    assert_eq!(field(&driver, 1, "response_body_size"), "9");
}

#[test]
fn losses() {
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    let next = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
    for (lost, rest, status) in
        [(3, &b"90"[..], "10"), (5, b"", "10"), (40, b"st: x\r\n\r\n", "10")]
    {
        let mut driver = driver();
        driver.packet(ToClient, response).gap(ToClient, lost).packet(ToClient, rest);
        driver.packet(ToClient, next);
        assert_eq!(brief(&driver), ["Response 200", "Response 500"], "{lost} lost");
        assert_eq!(field(&driver, 0, "response_body_size"), status);
    }
    let mut driver = driver();
    driver.packet(ToServer, b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Cut: in t").gap(ToServer, 100);
    driver.packet(ToServer, b"o: pieces\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    assert_eq!(brief(&driver), ["GET /a", "GET /b"]);
    assert_eq!(field(&driver, 0, "request_cut"), "true");
    assert_eq!(field(&driver, 0, "host"), "\"shop\"");
}

#[test]
fn what_ends_early_is_cut() {
    let mut driver = driver();
    driver.packet(ToServer, b"GET /a HTTP/1.1\r\n\r\nGET /b HT").end();
    assert_eq!(brief(&driver), ["GET /a"]);
    let mut driver = self::driver();
    driver.packet(ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123").end();
    assert_eq!(field(&driver, 0, "response_cut"), "true");
    assert_eq!(field(&driver, 0, "response_body_size"), "3");
}

#[test]
fn oddities_are_told() {
    for (bytes, expected) in [
        (
            &b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"[..],
            AnomalyKind::HttpAmbiguousLength,
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            AnomalyKind::HttpAmbiguousLength,
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", AnomalyKind::HttpBadChunk),
        (b"GET / HTTP/1.\r\nHost: a\r\n\r\n", AnomalyKind::HttpBadHead),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", AnomalyKind::HttpBadHead),
    ] {
        let mut driver = driver();
        driver.packet(ToServer, bytes).packet(ToServer, b"GET /next HTTP/1.1\r\n\r\n");
        assert_eq!(driver.anomalies(), [expected]);
        assert_eq!(brief(&driver).last().map(String::as_str), Some("GET /next"), "{expected:?}");
    }
}

#[test]
fn long_heads_are_given_up() {
    let limits = Limits { http_head_bytes_max: 100, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    driver.packet(ToServer, b"GET /a HTTP/1.1\r\nX: ").packet(ToServer, &[b'x'; 100]);
    driver.packet(ToServer, b"\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    assert_eq!(brief(&driver), ["GET /a", "GET /b"]);
    assert_eq!(driver.anomalies(), [AnomalyKind::HttpHeadLimit]);
}

#[test]
fn http2_is_another_protocol() {
    let mut driver = driver();
    driver.packet(ToServer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    driver.packet(ToServer, b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84").end();
    assert_eq!(brief(&driver), ["GET /"]);
    assert_eq!(driver.out.messages[0].key, 1);
}

/// Bodies of requests: their beginning as text, and the members that are asked for.
#[test]
fn bodies_of_requests() {
    let correlate = vec!["json:/order/id".to_string()];
    let limits = Limits { correlate, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Stream, &limits);
    let body = format!(
        "{{\"pad\": \"{}\", \"order\": {{\"id\": 17}}, \"token\": \"abc\"}}",
        "x".repeat(300)
    );
    let head = "POST /a HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length";
    let whole = format!("{head}: {}\r\n\r\n{body}", body.len());
    for part in whole.as_bytes().chunks(50) {
        driver.packet(ToServer, part);
    }
    assert!(shown(&driver.out.messages[0]).contains("request.json=[\"/order/id: 17\"]"));
    let kept = field(&driver, 0, "request_body");
    assert!(kept.starts_with("\"{\\\"pad") && !shown(&driver.out.messages[0]).contains("abc"));
    let login =
        b"POST /in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Content-Length: 24\r\n\r\nuser=ann&password=secret";
    driver.packet(ToServer, login);
    let login = "request_body=\"user=ann&password=<masked 6 bytes>\"";
    assert!(shown(&driver.out.messages[1]).contains(login), "{}", shown(&driver.out.messages[1]));
}
