//! HTTP/1.1 messages with JSON bodies -> bytes (RFC 9112).

use super::flow::Flow;
use std::fmt::Write;

/// A request's varying parts.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub host: &'a str,
    pub agent: &'a str,
    /// Empty for methods without one.
    pub body: &'a str,
    /// Header lines of tracing, each with its end.
    pub trace: &'a str,
}

pub fn request(request: &Request<'_>) -> Vec<u8> {
    let Request { method, path, host, agent, body, trace } = request;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n");
    text.push_str("Accept: application/json\r\n");
    text.push_str(trace);
    if !body.is_empty() {
        text.push_str("Content-Type: application/json\r\n");
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// `at` is the time of the Date header in nanoseconds since the epoch.
pub fn response(status: u16, server: &str, at: i64, trace: &str, body: &str) -> Vec<u8> {
    let date = jiff::Timestamp::from_nanosecond(at.into()).unwrap_or_default();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let reason = reason(status);
    let mut text = format!("HTTP/1.1 {status} {reason}\r\nServer: {server}\r\nDate: {date}\r\n");
    text.push_str(trace);
    if !bodiless(status) {
        text.push_str("Content-Type: application/json\r\n");
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text.push_str("\r\n");
    if !bodiless(status) {
        text.push_str(body);
    }
    text.into_bytes()
}

/// RFC 9110 6.4.1: these never have content.
fn bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

/// Whether requests of this method bring a body.
pub fn has_body(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// The tracing headers: the trace with the caller's span, and the request id.
pub fn trace_headers(flow: &Flow, span_id: Option<u64>) -> String {
    let mut text = String::new();
    if let Some(span_id) = span_id {
        let _ = write!(text, "traceparent: 00-{:032x}-{span_id:016x}-01\r\n", flow.trace_id);
    }
    let _ = write!(text, "x-request-id: {}\r\n", flow.request_id);
    text
}

/// A JSON object about the flow's user and goods, of about `bytes` bytes.
pub fn body(flow: &Flow, bytes: usize) -> String {
    let (user, sku) = (&flow.user, &flow.sku);
    let mut text = format!(r#"{{"user":"{user}","sku":"{sku}""#);
    if bytes > text.len() + 30 {
        text.push_str(r#","items":["#);
        let mut number = 0;
        while number == 0 || text.len() + 50 < bytes {
            let comma = if number > 0 { "," } else { "" };
            let cents = 495 + 250 * (number % 9);
            let _ = write!(text, r#"{comma}{{"sku":"sku-{number:03}","qty":1,"cents":{cents}}}"#);
            number += 1;
        }
        text.push(']');
    }
    text.push('}');
    text
}

pub fn error_body(cause: &str) -> String {
    format!(r#"{{"error":{}}}"#, serde_json::Value::from(cause))
}

/// RFC 9110 section 15.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_and_response() {
        let trace = "x-request-id: 7\r\n";
        let bytes = request(&Request {
            method: "POST",
            path: "/charge",
            host: "payment:8080",
            agent: "checkout/1.4",
            body: "{}",
            trace,
        });
        let expected = "POST /charge HTTP/1.1\r\nHost: payment:8080\r\n\
            User-Agent: checkout/1.4\r\nAccept: application/json\r\nx-request-id: 7\r\n\
            Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        let bytes = response(204, "cart", 1_795_184_100_000_000_000, "", "ignored");
        let expected = "HTTP/1.1 204 No Content\r\nServer: cart\r\n\
            Date: Fri, 20 Nov 2026 14:15:00 GMT\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn bodies_are_json_of_about_the_size() {
        let flow = Flow::new(1, 1, 10, 10);
        for bytes in [0, 60, 120, 800, 5000] {
            let body = body(&flow, bytes);
            serde_json::from_str::<serde_json::Value>(&body).unwrap();
            assert!(bytes < 90 || body.len().abs_diff(bytes) < 60, "{bytes}: {}", body.len());
        }
        assert_eq!(error_body("a \"b\""), r#"{"error":"a \"b\""}"#);
    }
}
