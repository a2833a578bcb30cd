//! Calls and connections -> rows: who called whom, how it ended, where the packets are.

use crate::anomaly::AnomalyKind;
use crate::call::fields::{CallCommon, CallKeys};
use crate::call::{Call, Unanswered};
use crate::capture::Mark;
use crate::conn::Direction;
use crate::conn::fields::ConnKeys;
use crate::dissect::{Carrier, Kind, Message, Protocol, Trace};
use crate::field::{Nanos, Text};
use crate::packet::{Endpoint, Proto, Side};
use crate::replay::rows::{CallRow, ConnRow, Sink};

use super::conn_row::{conn_common, conn_trail};
use super::{Flow, Shard};

impl<S: Sink> Shard<'_, S> {
    /// Writes the calls and anomalies that the last step found in `flow`.
    pub(super) fn emit_found(&mut self, flow: &mut Flow) {
        let conn = flow.conn.id;
        for (kind, mark) in std::mem::take(&mut self.marks) {
            self.anomaly(kind, conn, mark);
        }
        if self.calls.is_empty() {
            return;
        }
        let ends = self.ends(flow);
        let mut calls = std::mem::take(&mut self.calls);
        for (protocol, call) in calls.drain(..) {
            for counted in [Some(protocol), call.inner()].into_iter().flatten() {
                self.protocols.entry(counted.name).or_default().count(counted, &call);
            }
            self.half(&call, conn);
            self.emit_call(flow, ends, protocol, &call);
            flow.calls += 1;
        }
        self.calls = calls;
    }

    /// Notes a call that lacks a half.
    fn half(&mut self, call: &Call, conn: i64) {
        let unanswered = call.unanswered != Unanswered::No;
        let half = match (&call.request, &call.response) {
            (Some(request), None) if unanswered => {
                (AnomalyKind::RequestWithoutResponse, request.first)
            }
            (None, Some(response)) => (AnomalyKind::ResponseWithoutRequest, response.first),
            _ => return,
        };
        self.anomaly(half.0, conn, half.1);
    }

    /// Workload ids of the connection's client and server.
    fn ends(&self, flow: &mut Flow) -> (i64, i64) {
        let conn = &flow.conn;
        let resolve =
            |end: Endpoint| self.directory.resolve(end.address(), end.port, conn.first.ts_ns);
        *flow.ends.get_or_insert_with(|| {
            (resolve(conn.key.end(conn.client())), resolve(conn.key.end(conn.client().other())))
        })
    }

    fn emit_call(
        &mut self,
        flow: &mut Flow,
        ends: (i64, i64),
        outer: &'static Protocol,
        call: &Call,
    ) {
        let protocol = call.inner().unwrap_or(outer);
        let Some(any) = call.request.as_ref().or(call.response.as_ref()) else { return };
        let caller = caller(flow, call, any);
        let forward = caller == flow.conn.client();
        let (src_id, dst_id) = if forward { ends } else { (ends.1, ends.0) };
        let answer = call.response.as_ref().map_or(Mark::default(), |r| r.first);
        let keys = CallKeys {
            src_id,
            dst_id,
            vantage_id: i64::from(self.vantage(flow.conn.first)),
            observations: 1,
            packet_segment: i64::from(any.first.packet.segment),
            packet_frame: i64::from(any.first.packet.frame),
            packet_offset: any.first.packet.offset as i64,
            response_frame: i64::from(answer.packet.frame),
            response_segment: i64::from(answer.packet.segment),
            settled_ns: settled(flow, call),
            served_ns: 0,
            request_place: place(flow, protocol, call.request.as_ref()),
            response_place: place(flow, protocol, call.response.as_ref()),
            dissector: Text::const_new(protocol.name),
            within: Text::const_new(call.inner().map_or("", |_| outer.name)),
            index: flow.calls as i64,
            requests: i64::from(call.requests),
            responses: i64::from(call.responses),
        };
        let id = flow.call_id(keys.request_place, keys.response_place);
        let mut common = common(flow, id, caller, protocol, call, any);
        self.correlate(&mut common, call);
        let row = CallRow {
            keys: &keys,
            common: &common,
            protocol,
            request: call.request.as_ref().map(|m| &*m.row),
            response: call.response.as_ref().map(|m| &*m.row),
        };
        let written = self.sink.call(row);
        self.note(written);
    }

    /// Fills in what the user wants calls tied together by; the first rule that finds a value wins.
    fn correlate(&self, common: &mut CallCommon, call: &Call) {
        let halves = || [&call.request, &call.response].into_iter().flatten();
        let found = self
            .correlations
            .iter()
            .find_map(|rule| halves().find_map(|half| rule.value(&*half.row)));
        let Some(found) = found else { return };
        if common.correlation_id.is_empty() {
            common.correlation_id = found.clone();
        }
        common.user_key = found;
    }

    /// Writes the connection's row; nothing after `end_ns` is known.
    pub(super) fn emit_conn(&mut self, flow: &mut Flow, end_ns: i64) {
        self.conns += 1;
        let (src_id, dst_id) = self.ends(flow);
        let conn = &flow.conn;
        let second = self.timeline.at(conn.first.ts_ns);
        second.conns += 1;
        second.one_sided += u64::from(conn.is_one_sided());
        let keys = ConnKeys {
            src_id,
            dst_id,
            vantage_id: i64::from(self.vantage(flow.conn.first)),
            observations: 1,
            packet_segment: i64::from(conn.first.packet.segment),
            packet_frame: i64::from(conn.first.packet.frame),
            packet_offset: conn.first.packet.offset as i64,
        };
        let trail = conn_trail(flow);
        let common = conn_common(flow, end_ns);
        let written = self.sink.conn(ConnRow { keys: &keys, trail: &trail, common: &common });
        self.note(written);
    }
}

/// Where a message is in its connection, the same for every vantage; -1 without one.
fn place(flow: &Flow, protocol: &Protocol, message: Option<&Message>) -> i64 {
    let in_stream =
        flow.conn.key.proto == Proto::Tcp && protocol.carriers.first() != Some(&Carrier::Icmp);
    match message {
        None => -1,
        Some(message) if in_stream => i64::from(message.first.seq),
        Some(message) => (message.key & i64::MAX as u64) as i64,
    }
}

/// When the call's fate was known, 0 where nothing tells.
fn settled(flow: &Flow, call: &Call) -> i64 {
    match (&call.response, call.unanswered) {
        (Some(response), _) => response.last.ts_ns,
        (None, Unanswered::Reset | Unanswered::Closed | Unanswered::Timeout) => {
            flow.conn.closed_ns.unwrap_or(0)
        }
        _ => 0,
    }
}

/// The end that asked.
fn caller(flow: &Flow, call: &Call, any: &Message) -> Side {
    let towards = match (&call.request, any.kind) {
        (Some(request), Kind::Request | Kind::OneWay) => request.direction,
        _ => any.direction.reverse(),
    };
    match towards {
        Direction::ToServer => flow.conn.client(),
        Direction::ToClient => flow.conn.client().other(),
    }
}

fn common(
    flow: &Flow,
    id: i64,
    caller: Side,
    protocol: &Protocol,
    call: &Call,
    any: &Message,
) -> CallCommon {
    let (src, dst) = (flow.conn.key.end(caller), flow.conn.key.end(caller.other()));
    let (request, response) = (call.request.as_ref(), call.response.as_ref());
    let outcome = match response {
        Some(response) => response.outcome,
        None if any.kind == Kind::OneWay => any.outcome,
        None => call.unanswered.outcome(),
    };
    let error = match response {
        Some(response) => response.error.clone(),
        None if any.kind == Kind::OneWay => any.error.clone(),
        None if outcome.is_failure() => Text::const_new(call.unanswered.name()),
        None => Text::default(),
    };
    let (elapsed, first_byte) = match (request, response) {
        (Some(q), Some(r)) => (r.last.ts_ns - q.first.ts_ns, r.first.ts_ns - q.last.ts_ns),
        _ => (0, 0),
    };
    let none = Trace::default();
    let asked = request.and_then(|m| m.trace.as_deref()).unwrap_or(&none);
    let answered = response.and_then(|m| m.trace.as_deref()).unwrap_or(&none);
    let either = |a: &Text, b: &Text| if a.is_empty() { b.clone() } else { a.clone() };
    CallCommon {
        id,
        conn_id: flow.conn.id,
        timestamp: Nanos(any.first.ts_ns),
        elapsed_time: elapsed.max(0) / 1000,
        first_byte_time: first_byte.max(0) / 1000,
        server_time: 0,
        network_time: 0,
        protocol: Text::const_new(protocol.title),
        src_ip: flow.address(caller),
        src_port: i64::from(src.port),
        dst_ip: flow.address(caller.other()),
        dst_port: i64::from(dst.port),
        outcome: Text::const_new(outcome.name()),
        operation: request.map_or(Text::default(), |m| m.operation.clone()),
        error,
        status_code: response.map_or(0, |m| m.status),
        has_response: response.is_some(),
        is_half: any.kind != Kind::OneWay && (request.is_none() || response.is_none()),
        unanswered: Text::const_new(call.unanswered.name()),
        retries: request.map_or(0, |m| i64::from(call.requests.saturating_sub(m.units))),
        request_size: request.map_or(0, |m| m.bytes as i64),
        response_size: response.map_or(0, |m| m.bytes as i64),
        trace_id: asked.trace_id.clone(),
        span_id: asked.span_id.clone(),
        parent_span_id: asked.parent_span_id.clone(),
        request_id: either(&asked.request_id, &answered.request_id),
        correlation_id: either(&asked.correlation_id, &answered.correlation_id),
        user_key: Text::default(),
    }
}

/// What the protocols are called, each once.
pub(super) fn titles(protocols: &[&'static Protocol]) -> Vec<Text> {
    let mut titles: Vec<Text> = Vec::new();
    for protocol in protocols {
        if !titles.iter().any(|title| title == protocol.title) {
            titles.push(Text::const_new(protocol.title));
        }
    }
    titles
}
