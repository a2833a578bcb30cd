//! A fixed share of the conversations: the table of open connections, their streams and sessions,
//! and the rows that come out when calls complete and connections end. Time is the packets' own.

use std::collections::HashMap;

use crate::anomaly::{AnomalyCounts, AnomalyKind};
use crate::call::{Call, Correlation, Unanswered};
use crate::capture::Mark;
use crate::conn::{Belongs, Conn, Step, call_id};
use crate::dissect::{Carrier, Direction, Message, PROTOCOLS, Protocol};
use crate::limits::Limits;
use crate::packet::{Key, Packet, Proto, Side};
use crate::stream::{Event, Reassembler, distance};
use crate::workload::Directory;

use super::rows::Sink;
use super::session::{Context, Found, Session};
use super::summary::{ProtocolCounts, ReplayStats};
use super::timeline::Timeline;
use super::{Replay, ReplayError};

mod emit;

/// Packet time between two looks at connections that may have ended.
const SWEEP_NS: i64 = 10_000_000_000;

/// One open connection with everything above it.
struct Flow {
    conn: Conn,
    streams: [Reassembler<Mark>; 2],
    session: Session,
    /// Calls handed out so far.
    calls: u64,
    /// Where the call handed out last begins, and how many in turn began there.
    last_place: ((i64, i64), u64),
    /// Workloads of client and server, once asked.
    ends: Option<(i64, i64)>,
    done: bool,
}

/// One shard and the sink of its rows.
pub(super) struct Shard<'a, S> {
    sink: S,
    limits: &'a Limits,
    directory: &'a Directory,
    /// Vantage of each segment.
    vantages: Vec<u32>,
    table: HashMap<Key, usize, foldhash::quality::FixedState>,
    flows: Vec<Option<Box<Flow>>>,
    free: Vec<usize>,
    now_ns: i64,
    next_sweep_ns: i64,
    calls: Vec<(&'static Protocol, Call)>,
    marks: Vec<(AnomalyKind, Mark)>,
    protocols: HashMap<&'static str, ProtocolCounts>,
    conns: u64,
    anomalies: AnomalyCounts,
    correlations: Vec<Correlation>,
    /// Gaps and connections of the vantage at hand.
    timeline: Timeline,
    error: Option<String>,
}

impl<'a, S: Sink> Shard<'a, S> {
    pub fn new(sink: S, replay: &Replay<'a>) -> Self {
        let numbered = (0u32..).zip(&replay.inputs.vantages);
        let vantages = numbered.flat_map(|(id, v)| v.segments.iter().map(move |_| id));
        Shard {
            sink,
            limits: replay.limits,
            directory: replay.directory,
            vantages: vantages.collect(),
            table: HashMap::default(),
            flows: Vec::new(),
            free: Vec::new(),
            now_ns: i64::MIN,
            next_sweep_ns: i64::MIN,
            calls: Vec::new(),
            marks: Vec::new(),
            protocols: HashMap::new(),
            conns: 0,
            anomalies: AnomalyCounts::default(),
            // What is none was refused where the limits were made.
            correlations: replay
                .limits
                .correlate
                .iter()
                .flat_map(|r| Correlation::parse(r))
                .collect(),
            timeline: Timeline::new(replay.limits.coverage_buckets_max),
            error: None,
        }
    }

    /// The vantage whose file a packet is in.
    fn vantage(&self, mark: Mark) -> u32 {
        self.vantages.get(mark.packet.segment as usize).copied().unwrap_or(0)
    }

    pub fn begin_vantage(&mut self) {
        self.now_ns = i64::MIN;
        self.next_sweep_ns = i64::MIN;
    }

    /// What was counted by second since last asked.
    pub fn take_timeline(&mut self) -> Timeline {
        let empty = Timeline::new(self.limits.coverage_buckets_max);
        std::mem::replace(&mut self.timeline, empty)
    }

    /// What went wrong with the sink since last asked.
    pub fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    /// Takes the next packet of this shard's conversations.
    pub fn packet(&mut self, packet: &Packet, payload: &[u8]) {
        if packet.key.proto == Proto::Icmp {
            return;
        }
        self.now_ns = self.now_ns.max(packet.ts_ns);
        if self.now_ns >= self.next_sweep_ns {
            self.sweep();
            self.next_sweep_ns = self.now_ns.saturating_add(SWEEP_NS);
        }
        let index = self.flow(packet, payload);
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else { return };
        let mut found =
            Found { calls: &mut self.calls, anomalies: &mut self.marks, sender_is_client: None };
        flow.packet(packet, payload, self.limits, &mut found);
        self.emit_found(&mut flow);
        if let Some(slot) = self.flows.get_mut(index) {
            *slot = Some(flow);
        }
    }

    /// Index of the packet's connection; a new one where there is none, or the ports were reused.
    fn flow(&mut self, packet: &Packet, payload: &[u8]) -> usize {
        if let Some(&index) = self.table.get(&packet.key) {
            let udp_idle_ns = i64::from(self.limits.udp_idle_secs) * 1_000_000_000;
            let belongs = self
                .flows
                .get(index)
                .and_then(Option::as_ref)
                .map(|flow| flow.conn.belongs(packet, udp_idle_ns));
            match belongs {
                Some(Belongs::Here) => return index,
                Some(Belongs::NewOne { was_open }) => {
                    if was_open && packet.key.proto == Proto::Tcp {
                        let mark = Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 };
                        self.anomaly(AnomalyKind::PortReused, 0, mark);
                    }
                    self.remove(index, None);
                }
                None => {}
            }
        }
        if self.table.len() >= self.limits.conns_open_max {
            self.evict();
        }
        let flow = Some(Box::new(Flow::new(packet, payload)));
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.flows.push(None);
                self.flows.len() - 1
            }
        };
        if let Some(slot) = self.flows.get_mut(index) {
            *slot = flow;
        }
        self.table.insert(packet.key, index);
        index
    }

    /// Ends what has been silent or closed for long.
    fn sweep(&mut self) {
        let second = 1_000_000_000i64;
        let expired = self.now_ns - i64::from(self.limits.datagram_timeout_ms) * 1_000_000;
        for index in 0..self.flows.len() {
            let Some(flow) = self.flows.get_mut(index).and_then(Option::as_mut) else { continue };
            let silent = self.now_ns.saturating_sub(flow.conn.last_ns) / second;
            let limit = match (flow.conn.key.proto, flow.conn.closed_ns) {
                (Proto::Tcp, None) => self.limits.tcp_idle_secs,
                (Proto::Tcp, Some(_)) => self.limits.tcp_closed_secs,
                _ => self.limits.udp_idle_secs,
            };
            if silent > i64::from(limit) {
                self.remove(index, None);
            } else if flow.conn.key.proto == Proto::Udp {
                let mut found = Found {
                    calls: &mut self.calls,
                    anomalies: &mut self.marks,
                    sender_is_client: None,
                };
                flow.session.expire(expired, &mut found);
                if !self.calls.is_empty()
                    && let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take)
                {
                    self.emit_found(&mut flow);
                    if let Some(slot) = self.flows.get_mut(index) {
                        *slot = Some(flow);
                    }
                }
            }
        }
    }

    /// Makes room by ending the eighth of the connections that was silent longest.
    fn evict(&mut self) {
        let mut by_age: Vec<(i64, usize)> = (0..)
            .zip(&self.flows)
            .filter_map(|(index, flow)| flow.as_ref().map(|f| (f.conn.last_ns, index)))
            .collect();
        by_age.sort_unstable();
        for (_, index) in by_age.into_iter().take(self.limits.conns_open_max / 8 + 1) {
            if let Some(flow) = self.flows.get(index).and_then(Option::as_ref) {
                let mark = flow.conn.first;
                self.anomaly(AnomalyKind::ConnLimit, 0, mark);
            }
            self.remove(index, None);
        }
    }

    /// Ends a connection and hands out its rows; `end_ns` when the capture is what ended.
    fn remove(&mut self, index: usize, end_ns: Option<i64>) {
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else { return };
        self.table.remove(&flow.conn.key);
        self.free.push(index);
        let mut found =
            Found { calls: &mut self.calls, anomalies: &mut self.marks, sender_is_client: None };
        flow.finish(self.limits, end_ns, &mut found);
        self.emit_found(&mut flow);
        self.emit_conn(&mut flow);
    }

    /// The vantage's last packet was at `end_ns`: ends all connections, oldest first.
    pub fn end_vantage(&mut self, end_ns: i64) {
        let mut open: Vec<(i64, i64, usize)> = (0..)
            .zip(&self.flows)
            .filter_map(|(i, flow)| flow.as_ref().map(|f| (f.conn.first.ts_ns, f.conn.id, i)))
            .collect();
        open.sort_unstable();
        self.now_ns = self.now_ns.max(end_ns);
        for (_, _, index) in open {
            self.remove(index, Some(end_ns));
        }
        self.flows.clear();
        self.free.clear();
    }

    fn anomaly(&mut self, kind: AnomalyKind, conn: i64, mark: Mark) {
        self.anomalies.add(kind, 1);
        if kind == AnomalyKind::StreamGap {
            self.timeline.at(mark.ts_ns).gaps += 1;
        }
        if self.anomalies.get(kind) <= self.limits.anomaly_rows_max as u64 {
            let written = self.sink.anomaly(kind, self.vantage(mark) as usize, conn, mark);
            self.note(written);
        }
    }

    fn note(&mut self, written: Result<(), String>) {
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    /// Adds this shard's counts to those of the replay and gives the sink back.
    pub fn finish(self, stats: &mut ReplayStats) -> Result<S, ReplayError> {
        if let Some(error) = self.error {
            return Err(ReplayError::Sink(error));
        }
        for (name, counts) in &self.protocols {
            stats.protocols.entry(name).or_default().add(counts);
        }
        stats.conns += self.conns;
        stats.anomalies.merge(&self.anomalies);
        Ok(self.sink)
    }
}

impl Flow {
    fn new(packet: &Packet, payload: &[u8]) -> Self {
        let known = |port| PROTOCOLS.iter().any(|p| p.ports.contains(&port));
        Flow {
            conn: Conn::new(packet, payload, known),
            streams: Default::default(),
            session: Session::new(),
            calls: 0,
            last_place: ((-1, -1), 0),
            ends: None,
            done: false,
        }
    }

    /// The id of the next call. Sequence numbers come again after 4 GiB, ids of datagrams sooner.
    fn call_id(&mut self, request_place: i64, response_place: i64) -> i64 {
        let place = (request_place, response_place);
        let (last, repeat) = self.last_place;
        let repeat = if last == place { repeat + 1 } else { 0 };
        self.last_place = (place, repeat);
        let round = match self.conn.key.proto {
            Proto::Tcp => self.conn.payload_bytes.iter().sum::<u64>() >> 31,
            _ => self.calls,
        };
        call_id(self.conn.id, request_place, response_place, round << 32 | repeat)
    }

    fn context<'l>(&self, limits: &'l Limits) -> Context<'l> {
        Context {
            limits,
            carrier: if self.conn.key.proto == Proto::Tcp {
                Carrier::Stream
            } else {
                Carrier::Datagram
            },
            ports: [self.conn.key.low.port, self.conn.key.high.port],
            opened: self.conn.opened,
        }
    }

    fn packet(&mut self, packet: &Packet, payload: &[u8], limits: &Limits, found: &mut Found<'_>) {
        let mark = Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 };
        let step = self.conn.update(packet);
        if self.done || !self.session.wants_payload() {
            return;
        }
        if self.conn.key.proto == Proto::Tcp {
            self.tcp(packet, payload, mark, step, limits, found);
        } else if !payload.is_empty() {
            let direction = self.conn.direction(packet.from);
            if direction == Direction::ToServer && self.conn.trail.wants_datagrams() {
                self.conn.trail.datagram(payload);
            }
            self.session.bytes(direction, payload, mark, self.context(limits), found);
        }
        if let Some(is_client) = found.sender_is_client {
            self.conn.turn(if is_client { packet.from } else { packet.from.other() });
        }
        if step.reset || (self.conn.closed_ns.is_some() && !self.has_hole()) {
            self.finish(limits, None, found);
        }
    }

    fn tcp(
        &mut self,
        packet: &Packet,
        payload: &[u8],
        mark: Mark,
        step: Step,
        limits: &Limits,
        found: &mut Found<'_>,
    ) {
        let context = self.context(limits);
        let direction = self.conn.direction(packet.from);
        let session = &mut self.session;
        let [low, high] = &mut self.streams;
        let (sent, received) = match packet.from {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        if let Some(seq) = step.start {
            sent.start(seq);
        }
        if let Some(seq) = step.payload {
            sent.segment(seq, payload, packet.payload_cut, mark, limits, |event| {
                session.event(direction, event, context, found);
            });
        }
        let fin = self.conn.fin(packet.from.other());
        if let Some(ack) = step.acknowledged.map(|ack| fin.map_or(ack, |fin| before(ack, fin))) {
            received.acknowledged(ack, packet.ts_ns, mark, limits, |event| {
                session.event(direction.reverse(), event, context, found);
            });
        }
        if step.finished && !sent.has_hole() {
            session.end(direction, context, found);
        }
    }

    fn has_hole(&self) -> bool {
        self.streams.iter().any(Reassembler::has_hole)
    }

    /// Nothing more will be said: hands out what waits and why it was not answered.
    fn finish(&mut self, limits: &Limits, end_ns: Option<i64>, found: &mut Found<'_>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let context = self.context(limits);
        for (side, stream) in [Side::Low, Side::High].into_iter().zip(&mut self.streams) {
            let direction = self.conn.direction(side);
            let mark = Mark { ts_ns: self.conn.last_ns, ..self.conn.first };
            stream.finish(mark, |event| self.session.event(direction, event, context, found));
        }
        let (conn, gaps) = (&self.conn, self.session.gaps);
        let timeout_ns = i64::from(limits.datagram_timeout_ms) * 1_000_000;
        let reason = |request: &Message| unanswered(conn, gaps, request, end_ns, timeout_ns);
        self.session.finish(reason, context, found);
    }
}

/// An acknowledgement without the number that FIN takes.
fn before(ack: u32, fin: u32) -> u32 {
    if distance(fin, ack) == 1 { fin } else { ack }
}

/// Why `request` got no response, from how its connection ended.
fn unanswered(
    conn: &Conn,
    gaps: [u64; 2],
    request: &Message,
    end_ns: Option<i64>,
    timeout_ns: i64,
) -> Unanswered {
    let answers = request.direction.reverse();
    if gaps.get(answers.index()).is_some_and(|&lost| lost > 0) {
        return Unanswered::Gap;
    }
    let caller = match request.direction {
        Direction::ToServer => conn.client(),
        Direction::ToClient => conn.client().other(),
    };
    match (conn.ended_ns(caller), conn.ended_ns(caller.other())) {
        (Some(ours), Some(theirs)) if ours < theirs => Unanswered::Timeout,
        (Some(_), None) => Unanswered::Timeout,
        (_, Some(_)) if conn.reset_by() == Some(answers) => Unanswered::Reset,
        (_, Some(_)) => Unanswered::Closed,
        (None, None) => match end_ns {
            Some(end) if conn.key.proto == Proto::Tcp || end - request.first.ts_ns < timeout_ns => {
                Unanswered::CaptureEnd
            }
            _ => Unanswered::Timeout,
        },
    }
}

impl Session {
    /// Passes on what a stream's reassembly yields.
    fn event(
        &mut self,
        direction: Direction,
        event: Event<'_, Mark>,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        match event {
            Event::Bytes(bytes, mark, seq) => {
                self.bytes(direction, bytes, Mark { seq, ..mark }, context, found);
            }
            Event::Gap(bytes, mark) => {
                found.anomalies.push((AnomalyKind::StreamGap, mark));
                self.gap(direction, bytes, mark, context, found);
            }
            Event::Anomaly(kind, mark) => found.anomalies.push((kind, mark)),
        }
    }
}
