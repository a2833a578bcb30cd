//! One call from a host to a service: connection, request, the callee's work, answer, and each way
//! in which that fails.

use super::flow::Flow;
use super::http::{self, Request};
use super::redis;
use super::scenario::{FaultKind, Protocol};
use super::serve::Served;
use super::sim::Simulation;
use super::system::{Call, Operation};
use super::tcp::{Conn, Side};

/// From a packet at the kernel to the program reading it, or back.
const PROGRAM_NS: i64 = 25_000;
const BACKOFF_NS: i64 = 10_000_000;

/// How a call ended for its caller.
#[derive(Debug, Clone)]
pub struct Reply {
    pub at: i64,
    /// 0 when the protocol has none, or nothing came.
    pub status: u16,
    /// What went wrong, when the callee failed or stayed silent.
    pub error: Option<String>,
    /// Whether a fault of the scenario had a hand in it.
    pub touched: bool,
}

/// A connection that may be used from a time on.
struct Connected {
    conn: Conn,
    at: i64,
    /// Whether a fault delayed it.
    touched: bool,
}

impl<'a> Simulation<'a> {
    /// A call with its retries.
    pub(super) fn call(
        &mut self,
        flow: &mut Flow,
        at: i64,
        caller: usize,
        call: &Call<'a>,
    ) -> Reply {
        let mut reply = self.attempt(flow, at, caller, call);
        for retry in 0..call.retries {
            if reply.error.is_none() {
                break;
            }
            let again = reply.at + (BACKOFF_NS << retry);
            let touched = reply.touched;
            reply = self.attempt(flow, again, caller, call);
            reply.touched |= touched;
        }
        reply
    }

    fn attempt(&mut self, flow: &mut Flow, at: i64, caller: usize, call: &Call<'a>) -> Reply {
        let deadline = at + call.timeout;
        let connected = self.connection(flow, at, caller, call.to, deadline);
        let Connected { mut conn, at: ready, touched } = match connected {
            Ok(connected) => connected,
            Err(reply) => return reply,
        };
        let request = self.request(flow, caller, call);
        if self.fault(flow, FaultKind::Drop, call.to, ready).is_some() {
            let seen = conn.stalled(&mut self.net, ready, &request, deadline);
            self.record.request(call.to, seen);
            self.failed(call.to, ready, "request lost");
            return self.silent(call.to, deadline, "timed out");
        }
        let delivery = conn.send(&mut self.net, Side::Client, ready, &request);
        self.record.request(call.to, delivery.seen);
        let served = self.serve(flow, delivery.at + PROGRAM_NS, conn.server(), call);
        if served.touched {
            self.record.touch(call.to, served.at, served.error.as_deref());
        }
        if served.at >= deadline {
            return self.too_late(conn, call.to, deadline, served);
        }
        let delivery = conn.send(&mut self.net, Side::Server, served.at, &served.bytes);
        self.record.response(call.to, &served.label, served.error.is_some(), delivery.seen);
        let at = delivery.at + PROGRAM_NS;
        self.release((caller, call.to), conn, at);
        let touched = touched || served.touched;
        Reply { at, status: served.status, error: served.error, touched }
    }

    /// A connection that may be used, and when: a kept one, or a new one after a DNS lookup.
    fn connection(
        &mut self,
        flow: &mut Flow,
        at: i64,
        caller: usize,
        service: usize,
        deadline: i64,
    ) -> Result<Connected, Reply> {
        if let Some(conn) = self.pool.take((caller, service), at) {
            return Ok(Connected { conn, at, touched: false });
        }
        let callee = &self.system.services[service];
        let choice = flow.random.below(callee.hosts.len() as u64) as usize;
        let found = self.lookup(flow, at, caller, service, choice, deadline)?;
        let start = found.at + PROGRAM_NS;
        let mut conn = self.new_conn(caller, (callee.hosts[choice], callee.spec.port));
        self.record.tcp_conns += 1;
        if self.fault(flow, FaultKind::Refuse, service, start).is_some() {
            self.record.tcp_refused += 1;
            let known = conn.refused(&mut self.net, start) + PROGRAM_NS;
            self.failed(service, known, "connection refused");
            return Err(self.silent(service, known, "connection refused"));
        }
        if self.fault(flow, FaultKind::Drop, service, start).is_some() {
            self.record.tcp_unanswered += 1;
            conn.unanswered(&mut self.net, start, deadline);
            self.failed(service, start, "SYN lost");
            return Err(self.silent(service, deadline, "connect timed out"));
        }
        let at = conn.open(&mut self.net, start) + PROGRAM_NS;
        Ok(Connected { conn, at, touched: found.touched })
    }

    /// The caller has given up; the callee finds nobody to answer.
    fn too_late(&mut self, mut conn: Conn, service: usize, deadline: i64, served: Served) -> Reply {
        let known = conn.abandon(&mut self.net, deadline);
        let at = served.at.max(known + PROGRAM_NS);
        let seen = conn.too_late(&mut self.net, at, &served.bytes);
        self.record.response(service, &served.label, served.error.is_some(), seen);
        if served.touched {
            self.failed(service, deadline, "timed out");
        }
        Reply { touched: served.touched, ..self.silent(service, deadline, "timed out") }
    }

    /// Notes a failure of a service, at the time of what a capture shows of it first.
    pub(super) fn failed(&mut self, service: usize, at: i64, cause: &str) {
        let error = format!("{}: {cause}", self.system.services[service].spec.name);
        self.record.touch(service, at, Some(&error));
    }

    /// No answer at all, for which a fault is to blame.
    pub(super) fn silent(&self, service: usize, at: i64, cause: &str) -> Reply {
        let error = Some(format!("{}: {cause}", self.system.services[service].spec.name));
        Reply { at, status: 0, error, touched: true }
    }

    /// The bytes of a request.
    fn request(&mut self, flow: &mut Flow, caller: usize, call: &Call<'a>) -> Vec<u8> {
        let endpoint = match call.operation {
            Operation::Command(line) => return redis::command(&flow.fill(line)),
            Operation::Endpoint(index) => &self.system.services[call.to].endpoints[index],
        };
        let from_client = self.system.loads.iter().any(|load| load.host == caller);
        let span = (!from_client).then(|| flow.random.next());
        let trace = match self.system.scenario.trace_headers {
            true => http::trace_headers(flow, span),
            false => String::new(),
        };
        let body = match http::has_body(endpoint.method) {
            true => http::body(flow, endpoint.spec.request_bytes),
            false => String::new(),
        };
        http::request(&Request {
            method: endpoint.method,
            path: &flow.fill(endpoint.path),
            host: &self.authority(caller, call.to),
            agent: &format!("{}/1.4", self.system.hosts[caller].workload),
            body: &body,
            trace: &trace,
        })
    }

    fn authority(&self, caller: usize, service: usize) -> String {
        match (self.address_name(caller, service), self.system.services[service].spec.port) {
            (name, 80) => name,
            (name, port) => format!("{name}:{port}"),
        }
    }

    /// What a caller writes for a service: the namespace only where it is another.
    pub(super) fn address_name(&self, caller: usize, service: usize) -> String {
        let spec = self.system.services[service].spec;
        let near = self.system.hosts[caller].namespace == spec.namespace;
        if near || spec.protocol == Protocol::External {
            spec.name.clone()
        } else {
            format!("{}.{}", spec.name, spec.namespace)
        }
    }
}
