//! gRPC: what a stream of HTTP/2, or a gRPC-Web exchange of any HTTP version, means beyond its
//! headers. The HTTP dissectors find the streams; here their bodies become message counts and
//! their trailers an outcome. Messages are counted and measured, not decoded.

mod fields;
pub mod parse;

pub use fields::{GrpcRequest, GrpcResponse};

use self::fields::{REQUEST, RESPONSE};
use self::parse::{Messages, Status, Wire, status_name};
use super::http2::{Http2Request, Http2Response};
use super::text::{cut, percent_decode_only};
use super::{Counter, Outcome, Pairing, Probe, Protocol};
use crate::field::{Joined, Pairs, Row, Text};

pub static PROTOCOL: Protocol = Protocol {
    name: "grpc",
    title: "GRPC",
    flag: "grpc",
    table: "http",
    spec: "gRPC over HTTP2, gRPC Web",
    carriers: &[], // inside HTTP only
    ports: &[],
    pairing: Pairing::ById,
    counters: &[Counter {
        name: "messages",
        fields: &["grpc_request_messages", "grpc_response_messages"],
    }],
    request: &REQUEST,
    response: &RESPONSE,
    derived: &[],
    probe: |_, _| Probe::No,
    start: |carrier, limits| (super::http2::PROTOCOL.start)(carrier, limits),
};

/// How a call ended, from its trailers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub outcome: Outcome,
    /// The status's name, empty for `OK`.
    pub error: Text,
    status: i64,
    message: Text,
}

/// `/pkg.Service/Method` -> service and method.
pub fn service_and_method(path: &str) -> (&str, &str) {
    path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", path))
}

/// What is called: the path, since it holds no ids.
pub fn operation(path: &str) -> Text {
    Text::from(cut(path.trim_start_matches('/'), 128))
}

/// Reads the end of a call from its trailers (or a head that is all there is).
pub fn end(headers: &Pairs, messages: Option<&Messages>, max: usize) -> Option<End> {
    let in_body = messages.map(Messages::trailer).unwrap_or_default();
    let find = |name: &str| {
        headers.get(name).map(Text::from).or_else(|| parse::trailer_value(&in_body, name))
    };
    let code: Status = find("grpc-status")?.trim().parse().ok()?;
    let message = percent_decode_only(&find("grpc-message").unwrap_or_default());
    let error = if code == 0 { Text::default() } else { status_name(code) };
    Some(End {
        outcome: parse::outcome(code),
        error,
        status: i64::from(code),
        message: Text::from(cut(&message, max)),
    })
}

/// The row of a request.
pub fn request(first: Http2Request, messages: &Messages, limited: usize) -> Box<dyn Row> {
    let path = first.first.path.clone();
    let (service, method) = service_and_method(&path);
    let header = |name: &str| first.first.request_headers.get(name).unwrap_or_default();
    let second = GrpcRequest {
        grpc_service: Text::from(cut(service, limited)),
        grpc_method: Text::from(cut(method, limited)),
        grpc_timeout_us: parse::timeout_us(header("grpc-timeout")),
        grpc_request_encoding: Text::from(header("grpc-encoding")),
        grpc_request_messages: messages.count as i64,
        grpc_request_message_bytes: messages.bytes as i64,
        grpc_request_compressed: messages.compressed as i64,
    };
    Box::new(Joined { fields: &REQUEST, first, second })
}

/// The row of a response.
pub fn response(first: Http2Response, messages: &Messages, end: Option<End>) -> Box<dyn Row> {
    let encoding = first.first.response_headers.get("grpc-encoding").unwrap_or_default();
    let (grpc_status, grpc_message) = match end {
        Some(end) => (end.status, end.message),
        None => (-1, Text::default()),
    };
    let second = GrpcResponse {
        grpc_status,
        grpc_message,
        grpc_response_encoding: Text::from(encoding),
        grpc_response_messages: messages.count as i64,
        grpc_response_message_bytes: messages.bytes as i64,
        grpc_response_compressed: messages.compressed as i64,
    };
    Box::new(Joined { fields: &RESPONSE, first, second })
}

/// How bodies of this media type (lower case) carry messages; None where it is not gRPC's.
pub fn wire(media_type: &str) -> Option<Wire> {
    let rest = media_type.strip_prefix("application/grpc")?;
    match rest.strip_prefix("-web") {
        Some(web) if web.starts_with("-text") => Some(Wire::WebText),
        Some(_) => Some(Wire::Web),
        None if rest.is_empty() || rest.starts_with(['+', ';']) => Some(Wire::Native),
        None => None,
    }
}

#[cfg(test)]
mod tests;
