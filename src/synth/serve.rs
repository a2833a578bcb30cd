//! What a service does with a request: its own work, the calls it makes, and the answer.

use super::call::Reply;
use super::flow::Flow;
use super::http;
use super::redis;
use super::scenario::{FaultKind, Protocol};
use super::sim::Simulation;
use super::system::{Call, Endpoint, Operation};

/// Share of the own work that is done before the calls.
const BEFORE: f64 = 0.6;
/// From one call's answer to the next call.
const BETWEEN_NS: i64 = 40_000;

/// An answer that is ready to be sent.
pub struct Served {
    pub at: i64,
    pub bytes: Vec<u8>,
    pub status: u16,
    /// The status as counted: `503`, `OK`, `OOM`.
    pub label: String,
    pub error: Option<String>,
    pub touched: bool,
}

/// An HTTP answer before it is bytes.
struct Verdict {
    at: i64,
    status: u16,
    /// Why it is none of the good ones.
    cause: Option<String>,
    touched: bool,
}

impl<'a> Simulation<'a> {
    pub(super) fn serve(
        &mut self,
        flow: &mut Flow,
        at: i64,
        host: usize,
        call: &Call<'a>,
    ) -> Served {
        let latency = self.system.latency(call.to, call.operation);
        let own = flow.random.lognormal(latency.median.0, latency.spread);
        let delay = self.fault(flow, FaultKind::Latency, call.to, at);
        let delay = delay.and_then(|fault| fault.delay).map(|delay| delay.0);
        let late = at + delay.unwrap_or(0);
        let mut served = match call.operation {
            Operation::Endpoint(index) => self.serve_http(flow, late, own, host, call.to, index),
            Operation::Command(line) => self.serve_redis(flow, late + own, call.to, line),
        };
        served.touched |= delay.is_some();
        served
    }

    fn serve_redis(&mut self, flow: &mut Flow, at: i64, service: usize, line: &str) -> Served {
        let oom = redis::needs_memory(line)
            && self.fault(flow, FaultKind::RedisOom, service, at).is_some();
        if oom {
            let name = &self.system.services[service].spec.name;
            let error = Some(format!("{name}: {}", redis::OOM));
            let bytes = redis::error(redis::OOM);
            return Served { at, bytes, status: 0, label: "OOM".into(), error, touched: true };
        }
        let bytes = redis::reply(line, &http::body(flow, 90));
        Served { at, bytes, status: 0, label: "OK".into(), error: None, touched: false }
    }

    fn serve_http(
        &mut self,
        flow: &mut Flow,
        at: i64,
        own: i64,
        host: usize,
        service: usize,
        endpoint: usize,
    ) -> Served {
        let callee = &self.system.services[service];
        let spec = callee.spec;
        let endpoint = &callee.endpoints[endpoint];
        let before = (own as f64 * BEFORE) as i64;
        let mut verdict = match self.own_trouble(flow, at, service, endpoint) {
            Some(trouble) => Verdict { at: at + before, ..trouble },
            None => self.work(flow, at + before, host, endpoint),
        };
        verdict.at += own - before;
        let Verdict { at, status, cause, touched } = verdict;
        let body = match &cause {
            Some(cause) => http::error_body(cause),
            None => http::body(flow, endpoint.spec.response_bytes),
        };
        let trace = match self.system.scenario.trace_headers {
            true => http::trace_headers(flow, None),
            false => String::new(),
        };
        let server = if spec.protocol == Protocol::External { "nginx" } else { &spec.name };
        let bytes = http::response(status, server, at, &trace, &body);
        let error = (status >= 500).then(|| format!("{} answered {status}", spec.name));
        Served { at, bytes, status, label: status.to_string(), error, touched }
    }

    /// An error that has nothing to do with callees: injected, or one of the background.
    fn own_trouble(
        &mut self,
        flow: &mut Flow,
        at: i64,
        service: usize,
        endpoint: &Endpoint<'a>,
    ) -> Option<Verdict> {
        let spec = self.system.services[service].spec;
        if let Some(fault) = self.fault(flow, FaultKind::Errors, service, at) {
            let status = fault.status?;
            let cause = Some(http::reason(status).into());
            return Some(Verdict { at, status, cause, touched: true });
        }
        let background = spec.background.iter().chain(&endpoint.spec.background);
        for entry in background {
            if flow.random.chance(entry.rate) {
                let cause = Some(http::reason(entry.status).into());
                return Some(Verdict { at, status: entry.status, cause, touched: false });
            }
        }
        None
    }

    /// The calls of an endpoint, and what their answers make of its own.
    fn work(&mut self, flow: &mut Flow, at: i64, host: usize, endpoint: &Endpoint<'a>) -> Verdict {
        let mut verdict = Verdict { at, status: endpoint.spec.status, cause: None, touched: false };
        for call in &endpoint.calls {
            let start = if endpoint.spec.parallel { at } else { verdict.at };
            let reply = self.call(flow, start, host, call);
            verdict.at = verdict.at.max(reply.at + BETWEEN_NS);
            verdict.touched |= reply.touched;
            if verdict.cause.is_none()
                && let Some((status, cause)) = consequence(call, reply)
            {
                (verdict.status, verdict.cause) = (status, Some(cause));
            }
            if verdict.cause.is_some() && !endpoint.spec.parallel {
                break;
            }
        }
        verdict
    }
}

/// What a bad answer means for the caller: a failure what the scenario says, a refusal itself.
fn consequence(call: &Call<'_>, reply: Reply) -> Option<(u16, String)> {
    match reply {
        _ if call.optional => None,
        Reply { error: Some(error), .. } => Some((call.on_failure, error)),
        Reply { status: status @ 400..=499, .. } => Some((status, http::reason(status).into())),
        _ => None,
    }
}
