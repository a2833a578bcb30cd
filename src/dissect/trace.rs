//! Header names and values -> [`Trace`]: the ids by which tracing systems tie calls of one user
//! request together. Reads W3C Trace Context, B3 (single and multi), Jaeger, X-Ray, Google Cloud,
//! OpenCensus (binary), SkyWalking and Datadog headers, in this order of trust; does not look into
//! baggage or bodies.

use super::Trace;
use super::base64::decoded;
use super::text::cut;
use crate::field::{Pairs, Text};

const ID_BYTES_MAX: usize = 128;

/// The ids in `headers` (lower-case names); None when there are none.
pub fn from_headers(headers: &Pairs) -> Option<Box<Trace>> {
    let mut found = Found::default();
    for (name, value) in headers.iter() {
        found.offer(name, value);
    }
    found.into_trace()
}

/// Ids of one tracing header.
#[derive(Default, Clone, Copy)]
struct Ids<'a> {
    trace: &'a str,
    span: &'a str,
    parent: &'a str,
}

#[derive(Default)]
struct Found<'a> {
    w3c: Ids<'a>,
    b3: Ids<'a>,
    b3_multi: Ids<'a>,
    jaeger: Ids<'a>,
    amazon: Ids<'a>,
    google: Ids<'a>,
    datadog: Ids<'a>,
    census: Binary,
    skywalking: &'a str,
    request: &'a str,
    correlation: &'a str,
}

impl<'a> Found<'a> {
    fn offer(&mut self, name: &str, value: &'a str) {
        let ([.., b'i', b'd'] | [.., b'n' | b'x', b't'] | b"b3" | b"sw8" | [.., b'i', b'n']) =
            name.as_bytes()
        else {
            return; // most headers, told quickly
        };
        match name {
            "traceparent" => self.w3c = w3c(value),
            "b3" => self.b3 = b3(value),
            "x-b3-traceid" => self.b3_multi.trace = value,
            "x-b3-spanid" => self.b3_multi.span = value,
            "x-b3-parentspanid" => self.b3_multi.parent = value,
            "uber-trace-id" => self.jaeger = jaeger(value),
            "x-amzn-trace-id" => self.amazon = amazon(value),
            "x-cloud-trace-context" => self.google = google(value),
            "x-datadog-trace-id" => self.datadog.trace = value,
            "x-datadog-parent-id" => self.datadog.span = value,
            "grpc-trace-bin" => self.census = census(value),
            "sw8" => self.skywalking = value,
            "x-amzn-requestid" if self.request.is_empty() => self.request = value,
            "x-request-id" => self.request = value,
            "request-id" if self.request.is_empty() => self.request = value,
            "x-correlation-id" => self.correlation = value,
            "correlation-id" if self.correlation.is_empty() => self.correlation = value,
            _ => {}
        }
    }

    fn into_trace(self) -> Option<Box<Trace>> {
        let census = Ids { trace: &self.census.trace, span: &self.census.span, parent: "" };
        let skywalking = match self.skywalking {
            "" => Default::default(),
            value => skywalking(value),
        };
        let sky = Ids { trace: &skywalking.0, span: &skywalking.1, parent: "" };
        let all = [self.w3c, self.b3, self.b3_multi, self.jaeger, self.amazon, self.google, census];
        let ids = all
            .into_iter()
            .find(|ids| is_hex_id(ids.trace.strip_prefix("1-").unwrap_or(ids.trace)))
            .or_else(|| Some(sky).filter(|ids| is_word(ids.trace)))
            .or_else(|| Some(self.datadog).filter(|ids| is_decimal_id(ids.trace)))
            .unwrap_or_default();
        if ids.trace.is_empty() && self.request.is_empty() && self.correlation.is_empty() {
            return None;
        }
        Some(Box::new(Trace {
            trace_id: any_id(ids.trace),
            span_id: any_id(ids.span),
            parent_span_id: hex_id(ids.parent),
            request_id: Text::from(cut(self.request, ID_BYTES_MAX)),
            correlation_id: Text::from(cut(self.correlation, ID_BYTES_MAX)),
        }))
    }
}

/// Hexadecimal and not all zeros, which stands for "no trace"; X-Ray's hyphen is allowed.
fn is_hex_id(text: &str) -> bool {
    // All bytes are looked at, so that several are at once.
    let (mut is_hex, mut is_zero) = (text.len() <= 64, true);
    for byte in text.bytes().take(64) {
        is_hex &= byte.is_ascii_hexdigit() | (byte == b'-');
        is_zero &= (byte == b'0') | (byte == b'-');
    }
    is_hex & !is_zero
}

fn is_decimal_id(text: &str) -> bool {
    text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0')
}

/// Lower case; X-Ray's `1-67891233-abcdef012345678912345678` in the form that traceparent has.
fn hex_id(text: &str) -> Text {
    if !is_hex_id(text) {
        return Text::default();
    }
    let mut id: Text = match text.strip_prefix("1-") {
        Some(amazon) => amazon.chars().filter(|c| *c != '-').collect(),
        None => Text::from(text),
    };
    id.make_ascii_lowercase();
    id
}

/// An id as it is stored: a hexadecimal one in lower case, SkyWalking's as it stands.
fn any_id(text: &str) -> Text {
    match hex_id(text) {
        id if id.is_empty() && is_word(text) => Text::from(text),
        id => id,
    }
}

/// SkyWalking's ids: numbers and letters with dots between them.
fn is_word(text: &str) -> bool {
    text.contains('.')
        && text.len() <= ID_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Ids that stand in bytes.
#[derive(Default)]
struct Binary {
    trace: String,
    span: String,
}

/// OpenCensus' binary format: version 0, then field 0 (16 bytes of trace), field 1 (8 of span).
fn census(value: &str) -> Binary {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match decoded(cut(value, ID_BYTES_MAX)).split_first_chunk::<18>() {
        Some(([0, 0, trace @ ..], [1, span @ ..])) => {
            Binary { trace: hex(trace), span: span.get(..8).map(hex).unwrap_or_default() }
        }
        _ => Binary::default(),
    }
}

/// `sample-traceid-segmentid-spanid-...`, the ids in base64: trace, and segment with span.
fn skywalking(value: &str) -> (String, String) {
    let mut parts = cut(value, 4 * ID_BYTES_MAX).split('-').skip(1);
    let mut text = || parts.next().map(decoded).and_then(|bytes| String::from_utf8(bytes).ok());
    let (Some(trace), Some(segment)) = (text(), text()) else { return Default::default() };
    let span = value.split('-').nth(3).unwrap_or_default();
    (trace, format!("{segment}.{span}"))
}

/// `version-traceid-parentid-flags` (W3C Trace Context); the parent id is the caller's span.
fn w3c(value: &str) -> Ids<'_> {
    let value = value.trim();
    let part = |start, end| match value.as_bytes().get(end) {
        Some(b'-') => value.get(start..end).filter(|part| !part.contains('-')),
        _ => None,
    };
    match (part(0, 2), part(3, 35), part(36, 52)) {
        (Some(_), Some(trace), Some(span)) => Ids { trace, span, parent: "" },
        _ => Ids::default(),
    }
}

/// `traceid-spanid[-sampled[-parentspanid]]`; a lone `0` only says "not sampled".
fn b3(value: &str) -> Ids<'_> {
    let mut parts = value.trim().split('-');
    match (parts.next(), parts.next()) {
        (Some(trace), Some(span)) => Ids { trace, span, parent: parts.nth(1).unwrap_or_default() },
        _ => Ids::default(),
    }
}

/// `traceid:spanid:parentspanid:flags`; parent `0` stands for none.
fn jaeger(value: &str) -> Ids<'_> {
    let mut parts = value.trim().split(':');
    let mut next = || parts.next().unwrap_or_default();
    Ids { trace: next(), span: next(), parent: next() }
}

/// `Root=1-epoch-id;Parent=span;Sampled=1`.
fn amazon(value: &str) -> Ids<'_> {
    let part = |key: &str| {
        value.split(';').find_map(|part| part.trim().strip_prefix(key)).unwrap_or_default()
    };
    Ids { trace: part("Root="), span: part("Parent="), parent: "" }
}

/// `traceid/spanid;o=options`.
fn google(value: &str) -> Ids<'_> {
    let ids = value.split(';').next().unwrap_or_default();
    let (trace, span) = ids.split_once('/').unwrap_or((ids, ""));
    Ids { trace, span, parent: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn ids(headers: &[(&str, &str)]) -> Option<(String, String, String)> {
        let trace = from_headers(&headers.iter().copied().collect())?;
        Some((trace.trace_id.into(), trace.span_id.into(), trace.parent_span_id.into()))
    }

    #[test]
    fn every_format() {
        let span = "00f067aa0ba902b7";
        for headers in [
            vec![("traceparent", format!("00-{TRACE}-{span}-01"))],
            vec![("b3", format!("{TRACE}-{span}-1"))],
            vec![("x-b3-traceid", TRACE.to_uppercase()), ("x-b3-spanid", span.into())],
            vec![("uber-trace-id", format!("{TRACE}:{span}:0:1"))],
            vec![("x-cloud-trace-context", format!("{TRACE}/{span};o=1"))],
            vec![(
                "x-amzn-trace-id",
                format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={span};Sampled=1"),
            )],
        ] {
            let headers: Vec<_> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
            assert_eq!(ids(&headers), Some((TRACE.into(), span.into(), String::new())));
        }
    }

    #[test]
    fn ids_in_base64() {
        let census = "AABL+S81d7NNpqPOkp0ODkc2AQDwZ6oLqQK3AgE=";
        let expected = (TRACE.to_string(), "00f067aa0ba902b7".to_string(), String::new());
        assert_eq!(ids(&[("grpc-trace-bin", census)]), Some(expected.clone()));
        assert_eq!(ids(&[("grpc-trace-bin", census.trim_end_matches('='))]), Some(expected));
        assert_eq!(ids(&[("grpc-trace-bin", "AABL")]), None);
        // Trace 3f1c.57.1, segment 3f1c.57.2, span 3.
        let sky = "1-M2YxYy41Ny4x-M2YxYy41Ny4y-3-c2hvcA==-cG9k-L2E=-MTAuMC4wLjE=";
        let expected = ("3f1c.57.1".into(), "3f1c.57.2.3".into(), String::new());
        assert_eq!(ids(&[("sw8", sky)]), Some(expected));
        assert_eq!(ids(&[("sw8", "1-?-?")]), None);
        let trace = from_headers(&[("x-amzn-requestid", "a1")].into_iter().collect());
        assert_eq!(trace.expect("an id").request_id, "a1");
    }

    #[test]
    fn w3c_is_trusted_first_and_zeros_are_none() {
        let zeros = format!("00-{}-{}-00", "0".repeat(32), "0".repeat(16));
        assert_eq!(ids(&[("traceparent", &zeros)]), None);
        let w3c = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let both = ids(&[("x-b3-traceid", "abc1"), ("traceparent", &w3c)]);
        assert_eq!(both.map(|t| t.0), Some(TRACE.to_string()));
        assert_eq!(ids(&[("b3", "0")]), None);
        assert_eq!(
            ids(&[("b3", "abc1-def2-d-0a0b")]),
            Some(("abc1".into(), "def2".into(), "0a0b".into()))
        );
    }

    #[test]
    fn request_ids_stand_alone() {
        let headers: Pairs =
            [("request-id", "r0"), ("x-request-id", "r1"), ("x-correlation-id", "c")]
                .into_iter()
                .collect();
        let trace = from_headers(&headers).expect("ids");
        assert_eq!((trace.request_id.as_str(), trace.correlation_id.as_str()), ("r1", "c"));
        assert!(from_headers(&[("x-datadog-trace-id", "12x")].into_iter().collect()).is_none());
    }
}
