//! Calls and connections -> rows: who called whom, how it ended, where the packets are.

use crate::anomaly::AnomalyKind;
use crate::call::fields::{CallCommon, CallKeys};
use crate::call::{Call, Unanswered};
use crate::capture::Mark;
use crate::conn::Direction;
use crate::conn::fields::{ConnCommon, ConnKeys, ConnTrail};
use crate::dissect::{Kind, Message, Protocol, Trace};
use crate::field::{Nanos, Text, ToCompactString, format_compact};
use crate::outcome::Outcome;
use crate::packet::{Endpoint, Proto, Side};
use crate::replay::rows::{CallRow, ConnRow, Sink};

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
            request_place: place(flow, call.request.as_ref()),
            response_place: place(flow, call.response.as_ref()),
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

    pub(super) fn emit_conn(&mut self, flow: &mut Flow) {
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
        let common = conn_common(flow, self.now_ns);
        let written = self.sink.conn(ConnRow { keys: &keys, trail: &trail, common: &common });
        self.note(written);
    }
}

/// Where a message is in its connection, the same for every vantage; -1 without one.
fn place(flow: &Flow, message: Option<&Message>) -> i64 {
    match message {
        None => -1,
        Some(message) if flow.conn.key.proto == Proto::Tcp => i64::from(message.first.seq),
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
        src_ip: src.address().to_compact_string(),
        src_port: i64::from(src.port),
        dst_ip: dst.address().to_compact_string(),
        dst_port: i64::from(dst.port),
        outcome: Text::const_new(outcome.name()),
        operation: request.map_or(Text::default(), |m| m.operation.clone()),
        error,
        status_code: response.map_or(0, |m| m.status),
        has_response: response.is_some(),
        is_half: any.kind != Kind::OneWay && (request.is_none() || response.is_none()),
        unanswered: Text::const_new(call.unanswered.name()),
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
fn titles(protocols: &[&'static Protocol]) -> Vec<Text> {
    let mut titles: Vec<Text> = Vec::new();
    for protocol in protocols {
        if !titles.iter().any(|title| title == protocol.title) {
            titles.push(Text::const_new(protocol.title));
        }
    }
    titles
}

fn conn_trail(flow: &Flow) -> ConnTrail {
    let (conn, trail) = (&flow.conn, &flow.conn.trail);
    let (client, server) = (conn.client(), conn.client().other());
    let known = |number: Option<u32>| number.map_or(-1, i64::from);
    let (local, remote) = (trail.range(client), trail.range(server));
    let tcp = |side: Side| conn.tcp.get(side.index());
    let missing = |way: Direction| flow.session.gaps.get(way.index()).map_or(0, |&n| n as i64);
    ConnTrail {
        client_isn: known(trail.isn(client)),
        server_isn: known(trail.isn(server)),
        syn_stamp: i64::from(trail.syn_stamp),
        syn_ns: trail.syn_ns,
        syn_ack_ns: trail.syn_ack_ns,
        local_from: known(local.map(|range| range.from)),
        local_to: known(local.map(|range| range.to)),
        remote_from: known(remote.map(|range| range.from)),
        remote_to: known(remote.map(|range| range.to)),
        local_segments: tcp(client).map_or(0, |side| side.segments as i64),
        remote_segments: tcp(server).map_or(0, |side| side.segments as i64),
        local_missing: missing(Direction::ToServer),
        remote_missing: missing(Direction::ToClient),
        datagrams: trail.datagrams().iter().map(|hash| format_compact!("{hash:016x}")).collect(),
    }
}

fn conn_common(flow: &Flow, now_ns: i64) -> ConnCommon {
    let conn = &flow.conn;
    let client = conn.client();
    let (src, dst) = (conn.key.end(client), conn.key.end(client.other()));
    let [low, high] = &conn.tcp;
    let pick = |values: [u64; 2], side: Side| values.get(side.index()).map_or(0, |&v| v as i64);
    let outcome: Outcome = conn.outcome(now_ns);
    ConnCommon {
        id: conn.id,
        conn_id: conn.id,
        timestamp: Nanos(conn.first.ts_ns),
        elapsed_time: (conn.last_ns - conn.first.ts_ns).max(0) / 1000,
        protocol: Text::const_new(conn.key.proto.title()),
        src_ip: src.address().to_compact_string(),
        src_port: i64::from(src.port),
        dst_ip: dst.address().to_compact_string(),
        dst_port: i64::from(dst.port),
        outcome: Text::const_new(outcome.name()),
        conn_state: Text::const_new(conn.state()),
        conn_local_pkts: pick(conn.packets, client),
        conn_local_bytes: pick(conn.payload_bytes, client),
        conn_remote_pkts: pick(conn.packets, client.other()),
        conn_remote_bytes: pick(conn.payload_bytes, client.other()),
        conn_l7_detected: titles(&flow.session.protocols),
        conn_segments: (low.segments + high.segments) as i64,
        conn_retransmissions: (low.retransmissions + high.retransmissions) as i64,
        conn_out_of_order: (low.out_of_order + high.out_of_order) as i64,
        conn_missing_bytes: flow.session.gaps.iter().sum::<u64>() as i64,
        conn_zero_windows: (low.zero_windows + high.zero_windows) as i64,
        conn_syn_retries: i64::from(conn.syn_retries()),
        conn_completeness: i64::from(conn.completeness()),
        conn_refused: conn.refused(),
        conn_reset_by: Text::const_new(match conn.reset_by() {
            Some(Direction::ToServer) => "client",
            Some(Direction::ToClient) => "server",
            None => "",
        }),
        conn_initial_rtt_us: conn.initial_rtt_us(),
        conn_handshake_us: conn.handshake_us(),
    }
}
