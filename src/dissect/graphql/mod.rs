//! GraphQL over HTTP/1, HTTP/2 (GraphQL over HTTP, draft of the working group) and WebSocket
//! (`graphql-transport-ws` and the older `graphql-ws`): bodies of calls that others found -> what was
//! asked, and the errors in answers whose status says 200.

mod document;
mod fields;
pub mod parse;

pub use fields::{GqlRequest, GqlResponse};

use serde_json::Value;

use self::fields::{REQUEST_1, REQUEST_2, RESPONSE_1, RESPONSE_2};
use self::parse::{Asked, Errors};
use super::http::{HttpRequest, HttpResponse, Snippet};
use super::http2::{Http2Request, Http2Response};
use super::{Outcome, Pairing, Probe, Protocol};
use crate::field::{FieldDef, Joined, Row, Text, format_compact};

const fn protocol(
    (name, title): (&'static str, &'static str),
    table: &'static str,
    pairing: Pairing,
    request: &'static [FieldDef],
    response: &'static [FieldDef],
) -> Protocol {
    Protocol {
        name,
        title,
        flag: name,
        table,
        spec: "https://spec.graphql.org/October2021/",
        carriers: &[], // inside HTTP and WebSocket only
        ports: &[],
        pairing,
        counters: &[],
        request,
        response,
        derived: &[],
        probe: |_, _| Probe::No,
        start: |carrier, limits| (super::http1::PROTOCOL.start)(carrier, limits),
    }
}

pub static HTTP1: Protocol =
    protocol(("gqlv1", "GQLV1"), "http", Pairing::InOrder, &REQUEST_1, &RESPONSE_1);
pub static HTTP2: Protocol =
    protocol(("gqlv2", "GQLV2"), "http", Pairing::ById, &REQUEST_2, &RESPONSE_2);

/// Reads an HTTP request, whose body's beginning is `body`.
pub fn request(
    row: &HttpRequest,
    body: Option<&Snippet>,
    caps: super::http::Caps,
) -> Option<Asked> {
    let (body_max, max) = (caps.body_bytes_max, caps.field_bytes_max);
    let Some(body) = body else {
        let document = row.query_string.get("query").filter(|_| row.method == "GET")?;
        let name = row.query_string.get("operationName").unwrap_or_default();
        return parse::document_of(document, name, max);
    };
    if row.request_content_type == "application/graphql" {
        let plain = body.plain(body_max);
        return parse::document_of(std::str::from_utf8(&plain).ok()?, "", max);
    }
    let is_json = row.request_content_type.contains("json");
    is_json.then(|| body.graphql(body_max)).flatten().and_then(|body| parse::request(&body, max))
}

/// `mutation Buy`, `query orders`: the operation's name, or the fields of one without.
pub fn operation(asked: &Asked) -> Text {
    let kind = if asked.kind.is_empty() { "persisted" } else { asked.kind.as_str() };
    match (asked.name.as_str(), asked.fields.first()) {
        ("", Some(field)) => format_compact!("{kind} {field}"),
        ("", None) => Text::from(kind),
        (name, _) => format_compact!("{kind} {name}"),
    }
}

/// How a call ended whose status is `outcome`, and the error's short name.
pub fn verdict(errors: &Errors, outcome: Outcome) -> Option<(Outcome, Text)> {
    if errors.count == 0 || outcome != Outcome::Ok {
        return None;
    }
    const CLIENTS: &[&str] = &[
        "BAD_USER_INPUT",
        "BAD_REQUEST",
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "PERSISTED_QUERY_NOT_FOUND",
        "NOT_FOUND",
    ];
    let error = if errors.code.is_empty() { "GRAPHQL_ERROR" } else { errors.code.as_str() };
    let is_clients = CLIENTS.contains(&error);
    let outcome = if is_clients { Outcome::ClientError } else { Outcome::ServerError };
    Some((outcome, Text::from(error)))
}

fn asked_row(asked: Asked) -> GqlRequest {
    GqlRequest {
        gql_operation_type: asked.kind,
        gql_operation_name: asked.name,
        gql_fields: asked.fields,
        gql_operations: asked.operations,
        gql_persisted_query: asked.hash,
    }
}

fn answered_row(errors: Errors) -> GqlResponse {
    GqlResponse {
        gql_errors: errors.count,
        gql_error_message: errors.message,
        gql_error_code: errors.code,
        gql_partial: errors.is_partial,
    }
}

/// Rows of HTTP/1.
pub fn request_1(first: HttpRequest, asked: Asked) -> Box<dyn Row> {
    Box::new(Joined { fields: &REQUEST_1, first, second: asked_row(asked) })
}

pub fn response_1(first: HttpResponse, errors: Errors) -> Box<dyn Row> {
    Box::new(Joined { fields: &RESPONSE_1, first, second: answered_row(errors) })
}

/// Rows of HTTP/2.
pub fn request_2(first: Http2Request, asked: Asked) -> Box<dyn Row> {
    Box::new(Joined { fields: &REQUEST_2, first, second: asked_row(asked) })
}

pub fn response_2(first: Http2Response, errors: Errors) -> Box<dyn Row> {
    Box::new(Joined { fields: &RESPONSE_2, first, second: answered_row(errors) })
}

/// What a message of WebSocket says.
pub struct Said {
    /// Its type: subscribe, next, error, complete and what the older protocol calls them.
    pub kind: Text,
    pub asked: Option<Asked>,
    pub errors: Errors,
}

/// Sub-protocols of WebSocket that are GraphQL's.
pub fn is_subprotocol(name: &str) -> bool {
    matches!(name, "graphql-transport-ws" | "graphql-ws")
}

/// Reads a message of one of these: `{"type": "subscribe", "id": "1", "payload": {..}}`.
pub fn message(text: &[u8], max: usize) -> Option<Said> {
    let message: Value = serde_json::from_slice(text).ok()?;
    let payload = message.get("payload").unwrap_or(&Value::Null);
    let kind = message.get("type")?.as_str()?;
    let (asked, errors) = match kind {
        "subscribe" | "start" => (Some(parse::asked(payload, max)?), Errors::default()),
        "error" => {
            let one = std::slice::from_ref(payload);
            let errors = payload.as_array().map_or(one, Vec::as_slice);
            (None, parse::of_list(errors, max))
        }
        "next" | "data" => (None, parse::of_answer(payload, max)),
        "complete" | "stop" => (None, Errors::default()),
        _ => return None,
    };
    Some(Said { kind: Text::from(kind), asked, errors })
}

#[cfg(test)]
mod tests;
