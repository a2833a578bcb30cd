//! A few protocols and entries made of values, for the tests of catalogue, KFL and frames.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Family, Field};
use crate::dissect::{Carrier, Pairing, Probe, Protocol};
use crate::field::{FieldDef, FieldType, Origin};

use super::{Entry, Value};

crate::fields! {
    /// Fields of HTTP requests.
    pub struct HttpRequest {
        /// Verb of the request.
        method: Text = "http && method == \"GET\"";
        /// Path of the request.
        path: Text = "http && path == \"/\"";
        /// Headers of the request.
        request_headers: Pairs "request.headers" = "http && \"a\" in request.headers";
        /// Bytes of the request's body.
        request_body_size: Int = "http && request_body_size > 10";
    }

    /// Fields of HTTP responses.
    pub struct HttpResponse {
        /// Headers of the response.
        response_headers: Pairs "response.headers" = "http && \"a\" in response.headers";
    }

    /// Fields of gRPC calls.
    pub struct GrpcResponse {
        /// Status of the trailer.
        grpc_status: Int = "grpc && grpc_status > 0";
    }

    /// Fields of DNS messages.
    pub struct Dns {
        /// Names asked for.
        dns_questions: List = "dns && \"a\" in dns_questions";
        /// Addresses in the answer.
        dns_answers: List = "dns && size(dns_answers) == 0";
        /// Whether there is a response.
        dns_response: Bool = "dns && dns_response";
    }
}

const TOTAL: &[FieldDef] = &[FieldDef {
    name: "http_bytes",
    ty: FieldType::Int,
    doc: "Bytes of request and response.",
    example: "http && http_bytes > 1000",
    origin: Origin::Derived("request_size + response_size"),
    absent: 0,
}];

const fn protocol(
    title: &'static str,
    flag: &'static str,
    table: &'static str,
    request: &'static [FieldDef],
    response: &'static [FieldDef],
) -> Protocol {
    Protocol {
        name: flag,
        title,
        flag,
        table,
        spec: "",
        carriers: &[Carrier::Stream],
        ports: &[],
        pairing: Pairing::InOrder,
        counters: &[],
        request,
        response,
        derived: &[],
        probe: |_, _| Probe::No,
        start: |_, _| unreachable!("tests of the catalogue dissect nothing"),
    }
}

/// HTTP, gRPC in the same table, and DNS.
pub static PROTOCOLS: &[&Protocol] = &[
    &Protocol {
        derived: TOTAL,
        ..protocol("HTTP", "http", "http", HttpRequest::FIELDS, HttpResponse::FIELDS)
    },
    &protocol("GRPC", "grpc", "http", HttpRequest::FIELDS, GrpcResponse::FIELDS),
    &protocol("DNS", "dns", "dns", Dns::FIELDS, &[]),
];

/// The catalogue of [`PROTOCOLS`].
pub fn catalogue() -> Catalogue {
    Catalogue::of(PROTOCOLS)
}

/// An entry of given values.
#[derive(Debug, Clone)]
pub struct Fake {
    pub family: Family,
    pub values: BTreeMap<&'static str, Value<'static>>,
}

impl Fake {
    /// A call of a protocol with some fields.
    pub fn call<const N: usize>(
        protocol: &str,
        values: [(&'static str, Value<'static>); N],
    ) -> Fake {
        let mut values = BTreeMap::from(values);
        values.insert("protocol", text(protocol));
        Fake { family: Family::Calls, values }
    }

    /// A TCP connection with some fields.
    pub fn conn<const N: usize>(values: [(&'static str, Value<'static>); N]) -> Fake {
        Fake { family: Family::Conns, ..Fake::call("TCP", values) }
    }
}

impl Entry for Fake {
    fn family(&self) -> Family {
        self.family
    }

    fn protocol(&self) -> &str {
        match self.values.get("protocol") {
            Some(Value::Text(protocol)) => protocol,
            _ => "",
        }
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        self.values.get(field.name).map(Value::borrowed)
    }
}

pub fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_string().into())
}

pub fn texts(items: &[&str]) -> Value<'static> {
    Value::List(items.iter().map(|item| text(item)).collect())
}

pub fn pairs(items: &[(&str, &str)]) -> Value<'static> {
    Value::Map(items.iter().map(|(k, v)| (text(k), text(v))).collect())
}
