//! A fixed share of the conversations: the table of open connections, their streams and sessions,
//! and the rows that come out when calls complete and connections end. Time is the packets' own.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use foldhash::fast::FixedState;

use crate::anomaly::{AnomalyCounts, AnomalyKind};
use crate::call::{Call, Correlation, Unanswered};
use crate::capture::Mark;
use crate::conn::{Belongs, Conn, Step, call_id};
use crate::dissect::{Carrier, Direction, Message, PROTOCOLS, Protocol, icmp};
use crate::field::{Text, ToCompactString};
use crate::limits::Limits;
use crate::packet::{Packet, Proto, Side, Transport};
use crate::stream::{Event, Reassembler, distance};
use crate::workload::Directory;

use super::rows::Sink;
use super::session::{Context, Found, Session};
use super::summary::{ProtocolCounts, ReplayStats};
use super::timeline::Timeline;
use super::{Replay, ReplayError};

mod conn_row;
mod emit;
mod table;

use table::Table;

/// Connections looked at to find one that makes room.
const EVICTION_LOOKS: usize = 8;

/// One open connection with everything above it.
struct Flow {
    conn: Conn,
    streams: [Reassembler<Mark>; 2],
    session: Session,
    /// Calls handed out so far.
    calls: u64,
    /// Where the calls handed out last begin (request's or response's place), newest first: an
    /// upgrade and the first stream behind it begin at one place.
    last_places: [(bool, i64); 4],
    /// Workloads of client and server, once asked.
    ends: Option<(i64, i64)>,
    /// The addresses of both sides as text, which every row has.
    addresses: [Text; 2],
    done: bool,
}

/// One shard and the sink of its rows.
pub(super) struct Shard<'a, S> {
    sink: S,
    limits: &'a Limits,
    directory: &'a Directory,
    /// Vantage of each segment.
    vantages: Vec<u32>,
    table: Table,
    calls: Vec<(&'static Protocol, Call)>,
    marks: Vec<(AnomalyKind, Mark)>,
    protocols: HashMap<&'static str, ProtocolCounts, FixedState>,
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
            table: Table::default(),
            calls: Vec::new(),
            marks: Vec::new(),
            protocols: HashMap::default(),
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
        self.table.tick(packet.ts_ns);
        self.sweep();
        let index = self.flow(packet, payload);
        let Some(mut flow) = self.table.take(index) else { return };
        let mut found =
            Found { calls: &mut self.calls, anomalies: &mut self.marks, sender_is_client: None };
        flow.packet(packet, payload, self.limits, &mut found);
        self.emit_found(&mut flow);
        self.table.put_back(index, flow);
    }

    /// Index of the packet's connection; a new one where there is none, or the ports were reused.
    fn flow(&mut self, packet: &Packet, payload: &[u8]) -> usize {
        let found = self.table.find(&packet.key);
        let known = found.and_then(|index| Some((index, self.table.get(index)?)));
        let belongs = known.map(|(index, flow)| (index, flow.conn.belongs(packet, self.limits)));
        let reused = match belongs {
            Some((index, Belongs::Here)) => return index,
            Some((index, Belongs::NewOne { reused, was_open })) => {
                if was_open && packet.key.proto == Proto::Tcp {
                    let mark = Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 };
                    self.anomaly(AnomalyKind::PortReused, 0, mark);
                }
                self.remove(index, packet.ts_ns);
                reused
            }
            None => {
                if self.table.len() >= self.limits.conns_open_max {
                    self.evict(packet.ts_ns);
                }
                false
            }
        };
        let mut flow = Flow::new(packet, payload);
        flow.conn.port_reused = reused;
        self.table.insert(packet.key, flow)
    }

    /// Ends what has been silent or closed for long.
    fn sweep(&mut self) {
        while let Some(index) = self.table.due() {
            let now_ns = self.table.clock_ns();
            match self.table.get(index) {
                Some(flow) if flow.conn.over(now_ns, self.limits) => self.remove(index, now_ns),
                _ => self.table.look_later(index),
            }
        }
    }

    /// Makes room: ends the first of a few connections that has nothing more to say or never said
    /// anything, else that of them which was silent for longest.
    fn evict(&mut self, now_ns: i64) {
        let mut chosen: Option<(i64, usize)> = None;
        for _ in 0..EVICTION_LOOKS {
            let Some(index) = self.table.next_look() else { break };
            self.table.look_later(index);
            let Some(flow) = self.table.get(index) else { continue };
            let candidate = (flow.conn.last_ns, index);
            if flow.conn.closed_ns.is_some() || flow.conn.is_half_open() {
                chosen = Some(candidate);
                break;
            }
            chosen = chosen.map_or(Some(candidate), |best| Some(best.min(candidate)));
        }
        let Some((_, index)) = chosen else { return };
        if let Some(mark) = self.table.get(index).map(|flow| flow.conn.first) {
            self.anomaly(AnomalyKind::ConnLimit, 0, mark);
        }
        self.remove(index, now_ns);
    }

    /// Ends a connection at `now_ns` and hands out its rows.
    fn remove(&mut self, index: usize, now_ns: i64) {
        if let Some(flow) = self.table.remove(index) {
            self.end(flow, now_ns, None);
        }
    }

    /// Hands out the rows of a connection; `end_ns` when the capture is what ended.
    fn end(&mut self, mut flow: Box<Flow>, now_ns: i64, end_ns: Option<i64>) {
        let mut found =
            Found { calls: &mut self.calls, anomalies: &mut self.marks, sender_is_client: None };
        flow.finish(self.limits, end_ns, &mut found);
        self.emit_found(&mut flow);
        self.emit_conn(&mut flow, now_ns);
    }

    /// The vantage's last packet was at `end_ns`: ends all connections, oldest first.
    pub fn end_vantage(&mut self, end_ns: i64) {
        for flow in self.table.drain() {
            // What was over before is as if somebody had looked.
            let over = flow.conn.over(end_ns, self.limits);
            self.end(flow, end_ns, (!over).then_some(end_ns));
        }
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
            last_places: [(false, -1); 4],
            ends: None,
            addresses: [packet.key.low, packet.key.high]
                .map(|end| end.address().to_compact_string()),
            done: false,
        }
    }

    /// The id of the next call. Sequence numbers come again after 4 GiB, ids of datagrams sooner.
    fn call_id(&mut self, request_place: i64, response_place: i64) -> i64 {
        let place = match request_place {
            -1 => (true, response_place),
            place => (false, place),
        };
        let repeat = self.last_places.iter().filter(|&&last| last == place).count() as u64;
        self.last_places.rotate_right(1);
        if let Some(newest) = self.last_places.first_mut() {
            *newest = place;
        }
        let round = match self.conn.key.proto {
            Proto::Tcp => self.conn.payload_bytes.iter().sum::<u64>() >> 31,
            _ => self.calls,
        };
        call_id(self.conn.id, request_place, response_place, round << 32 | repeat)
    }

    /// The address of one side.
    fn address(&self, side: Side) -> Text {
        let [low, high] = &self.addresses;
        match side {
            Side::Low => low.clone(),
            Side::High => high.clone(),
        }
    }

    fn context<'l>(&self, limits: &'l Limits) -> Context<'l> {
        Context {
            limits,
            carrier: match self.conn.key.proto {
                Proto::Tcp => Carrier::Stream,
                Proto::Icmp => Carrier::Icmp,
                _ => Carrier::Datagram,
            },
            ports: [self.conn.key.low.port, self.conn.key.high.port],
            opened: self.conn.opened,
        }
    }

    fn packet(&mut self, packet: &Packet, payload: &[u8], limits: &Limits, found: &mut Found<'_>) {
        let mark = Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 };
        let step = self.conn.update(packet);
        if step.duplicate {
            found.anomalies.push((AnomalyKind::DuplicatePacket, mark));
            return;
        }
        if let Transport::IcmpError { reporter, .. } = packet.transport {
            self.icmp_error(packet, payload, reporter, mark, found);
            return;
        }
        if self.done || !self.session.wants_payload() {
            return;
        }
        match packet.transport {
            Transport::Tcp(_) => self.tcp(packet, payload, mark, step, limits, found),
            Transport::Udp | Transport::Icmp { .. } => {
                self.datagram(packet, payload, mark, limits, found);
            }
            // Nothing is read of these but that they were there.
            Transport::IcmpError { .. } | Transport::Sctp { .. } => return,
        }
        if let Some(is_client) = found.sender_is_client {
            self.conn.turn(if is_client { packet.from } else { packet.from.other() });
        }
        if step.reset || (self.conn.closed_ns.is_some() && !self.has_hole()) {
            self.finish(limits, None, found);
        }
    }

    /// An error about one of the connection's packets is a call of its own: who sent the packet is
    /// told what became of it.
    fn icmp_error(
        &self,
        packet: &Packet,
        payload: &[u8],
        reporter: [u8; 16],
        mark: Mark,
        found: &mut Found<'_>,
    ) {
        let reporter = Ipv6Addr::from(reporter).to_canonical();
        let packet_went = self.conn.direction(packet.from.other());
        if let Some(message) = icmp::report(payload, reporter, packet_went, mark) {
            found.calls.push((&icmp::PROTOCOL, Call::one_way(message)));
        }
    }

    fn datagram(
        &mut self,
        packet: &Packet,
        payload: &[u8],
        mark: Mark,
        limits: &Limits,
        found: &mut Found<'_>,
    ) {
        let timeout_ns = i64::from(limits.datagram_timeout_ms) * 1_000_000;
        self.session.expire(packet.ts_ns.saturating_sub(timeout_ns), found);
        if !payload.is_empty() {
            let direction = self.conn.direction(packet.from);
            if direction == Direction::ToServer && self.conn.trail.wants_datagrams() {
                self.conn.trail.datagram(payload);
            }
            self.session.bytes(direction, payload, mark, self.context(limits), found);
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
        self.session.finish(&reason, context, found);
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
