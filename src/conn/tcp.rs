//! What one TCP packet does to its connection: handshake, teardown, and what its analysis counts.

use super::analysis::{self, Marks, Segment};
use super::side::TcpSide;
use super::window::Scale;
use super::{Conn, completeness};
use crate::packet::{Packet, Side, Tcp};

/// A retransmission that came so long after the oldest segment in flight waited for the sender's
/// timer (Linux never waits for less).
const RTO_MIN_NS: i64 = 200_000_000;

/// What the rest of the pipeline does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// The vantage saw the packet before: it counts once.
    pub duplicate: bool,
    /// The sender's stream starts at this sequence number.
    pub start: Option<u32>,
    /// Payload to be reassembled, beginning at this sequence number.
    pub payload: Option<u32>,
    /// The sender has everything of the other direction before this.
    pub acknowledged: Option<u32>,
    /// The sender sends no more.
    pub finished: bool,
    /// The connection is over.
    pub reset: bool,
}

/// Counts of a TCP connection, both directions together. All but the last three are Wireshark's
/// `tcp.analysis.*`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Segments that take sequence numbers: those with payload, SYN or FIN.
    pub numbered: u64,
    /// Of all kinds.
    pub retransmissions: u64,
    pub fast: u64,
    pub spurious: u64,
    /// Those that waited for the sender's timer.
    pub timeouts: u64,
    pub out_of_order: u64,
    pub duplicate_acks: u64,
    /// Segments before which others are missing.
    pub missing: u64,
    /// Acknowledgements of what was not captured.
    pub unseen_acks: u64,
    pub zero_windows: u64,
    pub window_full: u64,
    pub window_updates: u64,
    pub keep_alives: u64,
    pub keep_alive_acks: u64,
    pub resets: u64,
    pub fins: u64,
}

impl Counts {
    pub fn retransmission_permille(&self) -> i64 {
        (self.retransmissions * 1000).checked_div(self.numbered).unwrap_or(0) as i64
    }

    fn add(&mut self, marks: Marks) {
        let one = |kinds: Marks| u64::from(marks.any(kinds));
        self.fast += one(Marks::FAST);
        self.spurious += one(Marks::SPURIOUS);
        self.retransmissions +=
            one(Marks::RETRANSMISSION) + one(Marks::FAST) + one(Marks::SPURIOUS);
        self.out_of_order += one(Marks::OUT_OF_ORDER);
        self.duplicate_acks += one(Marks::DUPLICATE_ACK);
        self.missing += one(Marks::LOST);
        self.zero_windows += one(Marks::ZERO_WINDOW);
        self.window_full += one(Marks::WINDOW_FULL);
        self.window_updates += one(Marks::WINDOW_UPDATE);
        self.keep_alives += one(Marks::KEEP_ALIVE);
        self.keep_alive_acks += one(Marks::KEEP_ALIVE_ACK);
    }
}

impl Conn {
    pub(super) fn tcp_step(&mut self, packet: &Packet, tcp: &Tcp) -> Step {
        let segment = Segment::new(packet, tcp);
        let mut step = Step { acknowledged: segment.ack, ..Step::default() };
        self.analyse(packet.from, &segment);
        if tcp.flags.syn() {
            self.syn(packet, tcp, &mut step);
        } else if tcp.flags.ack()
            && self.times.syn_ack.is_some()
            && self.times.ack.is_none()
            && packet.from == self.client
        {
            self.times.ack = Some(packet.ts_ns);
            self.completeness |= completeness::ACK;
        }
        if segment.len > 0 && !tcp.flags.rst() {
            self.completeness |= completeness::DATA;
            step.payload = Some(tcp.seq.wrapping_add(u32::from(tcp.flags.syn())));
        }
        if tcp.flags.fin() {
            self.finish(packet, tcp, segment.len, &mut step);
        }
        if tcp.flags.rst() {
            self.rst(packet, tcp, &mut step);
        }
        step
    }

    /// Judges a segment, counts what it is, and takes it in on both sides.
    fn analyse(&mut self, from: Side, segment: &Segment) {
        let [low, high] = &mut self.tcp;
        let (sender, receiver) = match from {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        let marks = analysis::judge(sender, receiver, segment, &self.times);
        sender.segments += u64::from(segment.len > 0);
        self.counts.numbered += u64::from(segment.takes_numbers());
        if !marks.is_empty() {
            self.counts.add(marks);
            let waited = sender.flight.oldest_ns().map(|sent| segment.ts_ns.saturating_sub(sent));
            let timer = waited.is_some_and(|ns| ns >= RTO_MIN_NS);
            self.counts.timeouts += u64::from(timer && marks.any(Marks::RETRANSMISSION));
        }
        let acknowledged = segment.ack.filter(|_| sender.ack != segment.ack);
        sender.send(segment, marks, receiver.ack);
        if let Some(ack) = acknowledged
            && !segment.flags.rst()
        {
            self.counts.unseen_acks += u64::from(receiver.acknowledge(ack, segment.ts_ns));
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut TcpSide {
        let [low, high] = &mut self.tcp;
        match side {
            Side::Low => low,
            Side::High => high,
        }
    }

    fn syn(&mut self, packet: &Packet, tcp: &Tcp, step: &mut Step) {
        let sender = self.side_mut(packet.from);
        sender.isn.get_or_insert(tcp.seq);
        sender.syns = sender.syns.saturating_add(1);
        step.start = Some(tcp.seq.wrapping_add(1));
        self.opened = true;
        self.scale(packet.from, tcp);
        if tcp.flags.ack() {
            self.client = packet.from.other();
            self.completeness |= completeness::SYN_ACK;
            self.times.syn_ack.get_or_insert(packet.ts_ns);
        } else {
            self.client = packet.from;
            self.completeness |= completeness::SYN;
            self.times.syn.get_or_insert(packet.ts_ns);
            if self.times.syn_ack.is_none() {
                self.times.last_syn = Some(packet.ts_ns);
            }
        }
    }

    /// Windows are scaled when both ends offer it (RFC 7323 section 2.2).
    fn scale(&mut self, from: Side, tcp: &Tcp) {
        let peer = self.side(from.other()).window.scale;
        let scale = match tcp.window_scale.get() {
            Some(shift) if !(tcp.flags.ack() && peer == Scale::Off) => Scale::By(shift),
            _ => Scale::Off,
        };
        if tcp.window_scale.get().is_none() {
            self.side_mut(from.other()).window.scale = Scale::Off;
        }
        self.side_mut(from).window.scale = scale;
    }

    fn finish(&mut self, packet: &Packet, tcp: &Tcp, len: u32, step: &mut Step) {
        self.completeness |= completeness::FIN;
        self.counts.fins += 1;
        let sender = self.side_mut(packet.from);
        sender.fin.get_or_insert(tcp.seq.wrapping_add(len));
        sender.ended_ns.get_or_insert(packet.ts_ns);
        step.finished = true;
        if self.tcp.iter().all(|side| side.fin.is_some()) {
            self.closed_ns.get_or_insert(packet.ts_ns);
        }
    }

    fn rst(&mut self, packet: &Packet, tcp: &Tcp, step: &mut Step) {
        let answers_syn = tcp.flags.ack()
            && self.completeness & !completeness::RST == completeness::SYN
            && packet.from != self.client;
        self.refused |= answers_syn;
        self.completeness |= completeness::RST;
        self.counts.resets += 1;
        self.side_mut(packet.from).ended_ns.get_or_insert(packet.ts_ns);
        self.reset.get_or_insert((packet.from, packet.ts_ns));
        self.closed_ns.get_or_insert(packet.ts_ns);
        step.reset = true;
    }
}
