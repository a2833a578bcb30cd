use super::super::tests::{Driver, shown};
use super::super::{Carrier, Direction, Message, http1};
use super::*;
use Direction::{ToClient, ToServer};

fn post(body: &str, extra: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /api HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; charset=utf-8\r\n{extra}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/graphql-response+json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn driver() -> Driver {
    Driver::new(&http1::PROTOCOL, Carrier::Stream)
}

fn has(message: &Message, fields: &[&str]) {
    let line = shown(message);
    for field in fields {
        assert!(line.contains(field), "{field} is not in {line}");
    }
}

#[test]
fn errors_in_good_answers() {
    let ask = r#"{"query": "query Orders($n: Int) { orders(first: $n) { id } cart { id } }", "operationName": "Orders", "variables": {"n": 3, "token": "abc"}}"#;
    for (reply, expected) in [
        (r#"{"data": {"orders": []}}"#, "\"\" ok 200 \"\""),
        (
            r#"{"data": {"orders": null}, "errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}, {}]}"#,
            "\"\" client_error 200 \"FORBIDDEN\"",
        ),
        (
            r#"{"errors": [{"message": "database is gone"}], "data": null}"#,
            "\"\" server_error 200 \"GRAPHQL_ERROR\"",
        ),
    ] {
        let mut driver = driver();
        driver.packet(ToServer, &post(ask, "")).packet(ToClient, &answer("200 OK", reply));
        let [request, response] = driver.out.messages.as_slice() else { panic!() };
        let fields = [
            "gql_operation_type=\"query\" gql_operation_name=\"Orders\" gql_fields=[\"orders\", \"cart\"] gql_operations=1",
            "\"query Orders\"",
            "method=\"POST\"",
            "<masked 3 bytes>",
        ];
        has(request, &fields);
        has(response, &[expected]);
        assert!([request, response].iter().all(|m| m.inner.is_some_and(|i| i.name == "gqlv1")));
    }
    let mut driver = driver();
    driver
        .packet(ToServer, &post(ask, ""))
        .packet(ToClient, &answer("503 No", "{\"errors\": [{\"message\": \"busy\"}]}"));
    has(
        &driver.out.messages[1],
        &["server_error 503 \"503\"", "gql_errors=1 gql_error_message=\"busy\""],
    );
}

#[test]
fn every_form() {
    let persisted = r#"{"operationName": "Q", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ecf4"}}}"#;
    let batch = r#"[{"query": "mutation { buy { id } }"}, {"query": "{ a }"}]"#;
    let long = format!("{{\"query\": \"{{ a }} # {}\", \"x\": 1}}", "y".repeat(2000));
    for (body, operation, field) in [
        (persisted, "persisted Q", "gql_persisted_query=\"ecf4\""),
        (batch, "mutation buy", "gql_operations=2"),
        (&long, "query a", "gql_operations=1"),
    ] {
        let whole = post(body, "");
        for cut in [1, 60, whole.len() / 2, whole.len() - 1] {
            let mut driver = driver();
            driver.packet(ToServer, &whole[..cut]).packet(ToServer, &whole[cut..]);
            driver.packet(ToClient, &answer("200 OK", "{}"));
            assert_eq!(driver.out.messages[0].operation, operation, "{cut}");
            has(&driver.out.messages[0], &[field]);
            assert!(driver.out.messages[1].inner.is_some());
        }
    }
    let mut driver = driver();
    driver.packet(ToServer, b"GET /graphql?query=%7Bme%7Bid%7D%7D HTTP/1.1\r\nHost: a\r\n\r\n");
    driver.packet(ToServer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/graphql\r\nContent-Length: 8\r\n\r\n{ a b c}");
    has(&driver.out.messages[0], &["\"query me\"", "gql_fields=[\"me\"]"]);
    has(&driver.out.messages[1], &["gql_fields=[\"a\", \"b\", \"c\"]"]);
}

#[test]
fn what_is_none() {
    for body in [
        r#"{"query": {"match_all": {}}}"#,
        r#"{"query": "shoes"}"#,
        r#"{"query": "query"}"#,
        r#"{"query": "{ a "#,
        "[]",
        "[1]",
        "{}",
    ] {
        let mut driver = driver();
        driver
            .packet(ToServer, &post(body, ""))
            .packet(ToClient, &answer("200 OK", "{\"errors\": [{}]}"));
        let [request, response] = driver.out.messages.as_slice() else { panic!() };
        assert!(request.inner.is_none() && response.inner.is_none(), "{body}");
        has(request, &["\"POST /api\""]);
    }
    // Answered before it was all there.
    let mut early = driver();
    let whole = post("{\"query\": \"{ a }\"}", "");
    early.packet(ToServer, &whole[..whole.len() - 2]).packet(ToClient, &answer("200 OK", "{}"));
    early.packet(ToServer, &whole[whole.len() - 2..]);
    assert!(early.out.messages.len() == 2 && early.out.messages.iter().all(|m| m.inner.is_none()));
}

#[test]
fn websocket_messages() {
    let said = |text: &str| message(text.as_bytes(), 100);
    let asked = said(
        r#"{"id": "1", "type": "subscribe", "payload": {"query": "subscription T { ticks }"}}"#,
    );
    assert_eq!(asked.unwrap().asked.map(|a| operation(&a)).as_deref(), Some("subscription T"));
    let failed = said(r#"{"id": "1", "type": "error", "payload": [{"message": "no"}]}"#).unwrap();
    assert_eq!((failed.errors.count, failed.errors.message.as_str()), (1, "no"));
    let next = said(r#"{"id": "1", "type": "next", "payload": {"data": {"a": 1}, "errors": [{"message": "x"}]}}"#).unwrap();
    assert!(next.errors.is_partial && next.errors.count == 1);
    assert!(said(r#"{"type": "connection_init"}"#).is_none() && said("{").is_none());
    assert!(said(r#"{"type": "ping"}"#).is_none() && said(r#"{"type": 3}"#).is_none());
}

/// A body may say anything; every prefix of one too.
#[test]
fn bodies_of_all_kinds() {
    let body = r#"[{"query": "query A { a } ", "extensions": {"persistedQuery": {"sha256Hash": "x"}}}, {"errors": [{"extensions": {"code": "X"}}], "data": 1}]"#;
    for cut in 0..=body.len() {
        parse::request(&body.as_bytes()[..cut], 100);
        parse::response(&body.as_bytes()[..cut], 100);
        message(&body.as_bytes()[..cut], 100);
    }
    let deep = "[".repeat(200_000);
    assert!(parse::request(deep.as_bytes(), 100).is_none());
    assert_eq!(parse::response(deep.as_bytes(), 100), Errors::default());
}
