//! What one TCP packet does to its connection: handshake, teardown, and whether its payload is new,
//! sent again or late. Names and rules follow Wireshark's TCP analysis.

use super::{Conn, completeness};
use crate::packet::{Packet, Tcp};
use crate::stream::distance;

/// A segment that fills a hole this soon after the highest one was reordered, not sent again
/// (Wireshark's default when the round-trip time is not known).
const REORDER_NS: i64 = 3_000_000;

/// One end of a TCP connection.
#[derive(Debug, Default)]
pub struct TcpSide {
    pub isn: Option<u32>,
    /// Sequence number behind the highest byte sent.
    pub next: Option<u32>,
    /// When that byte was sent.
    next_ns: i64,
    pub fin: Option<u32>,
    pub ended_ns: Option<i64>,
    pub syns: u32,
    pub fins: u32,
    pub resets: u32,
    /// Segments with payload.
    pub segments: u64,
    pub retransmissions: u64,
    pub out_of_order: u64,
    pub zero_windows: u64,
    window_zero: bool,
    /// Ranges skipped over: [from, to) that were not seen when later bytes were.
    holes: Vec<(u32, u32)>,
}

/// Holes remembered per direction to tell late segments from repeated ones.
const HOLES_MAX: usize = 32;

/// What the rest of the pipeline does with a TCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
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

impl Conn {
    pub(super) fn tcp_step(&mut self, packet: &Packet, tcp: &Tcp) -> Step {
        let mut step = Step::default();
        if tcp.flags.syn() {
            self.syn(packet, tcp, &mut step);
        } else if tcp.flags.ack()
            && self.syn_ack_ns != 0
            && self.ack_ns == 0
            && packet.from == self.client
        {
            self.ack_ns = packet.ts_ns;
            self.completeness |= completeness::ACK;
        }
        if tcp.flags.ack() {
            step.acknowledged = Some(tcp.ack);
        }
        let len = packet.payload_len + packet.payload_cut;
        if len > 0 && !tcp.flags.rst() {
            self.completeness |= completeness::DATA;
            let seq = tcp.seq.wrapping_add(u32::from(tcp.flags.syn()));
            step.payload = Some(seq);
            self.payload(packet, seq, len);
        }
        self.window(packet, tcp);
        if tcp.flags.fin() {
            self.finish(packet, tcp, len, &mut step);
        }
        if tcp.flags.rst() {
            self.rst(packet, tcp, &mut step);
        }
        step
    }

    fn sender(&mut self, packet: &Packet) -> &mut TcpSide {
        let [low, high] = &mut self.tcp;
        if packet.from.index() == 0 { low } else { high }
    }

    fn syn(&mut self, packet: &Packet, tcp: &Tcp, step: &mut Step) {
        let sender = self.sender(packet);
        sender.isn.get_or_insert(tcp.seq);
        sender.next.get_or_insert(tcp.seq.wrapping_add(1));
        sender.syns += 1;
        step.start = Some(tcp.seq.wrapping_add(1));
        self.opened = true;
        if tcp.flags.ack() {
            self.client = packet.from.other();
            self.completeness |= completeness::SYN_ACK;
            if self.syn_ack_ns == 0 {
                self.syn_ack_ns = packet.ts_ns;
            }
        } else {
            self.client = packet.from;
            self.completeness |= completeness::SYN;
            if self.syn_ns == 0 {
                self.syn_ns = packet.ts_ns;
            }
        }
    }

    /// Tells new payload from late and repeated payload.
    fn payload(&mut self, packet: &Packet, seq: u32, len: u32) {
        let reorder_ns = match self.initial_rtt_us() {
            0 => REORDER_NS,
            rtt_us => (rtt_us * 1000).max(REORDER_NS),
        };
        let sender = self.sender(packet);
        sender.segments += 1;
        let end = seq.wrapping_add(len);
        let Some(next) = sender.next else {
            (sender.next, sender.next_ns) = (Some(end), packet.ts_ns);
            return;
        };
        if distance(next, end) > 0 {
            if distance(next, seq) > 0 && sender.holes.len() < HOLES_MAX {
                sender.holes.push((next, seq));
            }
            (sender.next, sender.next_ns) = (Some(end), packet.ts_ns);
            return;
        }
        // A keep-alive repeats the last byte.
        if len == 1 && seq == next.wrapping_sub(1) {
            return;
        }
        let hole = sender
            .holes
            .iter()
            .position(|&(from, to)| distance(from, seq) >= 0 && distance(end, to) >= 0);
        match hole {
            Some(at) if packet.ts_ns.saturating_sub(sender.next_ns) < reorder_ns => {
                sender.out_of_order += 1;
                sender.fill(at, seq, end);
            }
            Some(at) => {
                sender.retransmissions += 1;
                sender.fill(at, seq, end);
            }
            None => sender.retransmissions += 1,
        }
    }

    /// Counts the times that an end closes its window; a reset carries none.
    fn window(&mut self, packet: &Packet, tcp: &Tcp) {
        if tcp.flags.rst() || tcp.flags.syn() {
            return;
        }
        let sender = self.sender(packet);
        let zero = tcp.window == 0 && !tcp.flags.fin();
        if zero && !sender.window_zero {
            sender.zero_windows += 1;
        }
        sender.window_zero = zero;
    }

    fn finish(&mut self, packet: &Packet, tcp: &Tcp, len: u32, step: &mut Step) {
        self.completeness |= completeness::FIN;
        let sender = self.sender(packet);
        sender.fins += 1;
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
        let sender = self.sender(packet);
        sender.resets += 1;
        sender.ended_ns.get_or_insert(packet.ts_ns);
        self.reset_by.get_or_insert(packet.from);
        self.closed_ns.get_or_insert(packet.ts_ns);
        step.reset = true;
    }
}

impl TcpSide {
    /// Takes [from, to) out of a hole.
    fn fill(&mut self, at: usize, from: u32, to: u32) {
        if at >= self.holes.len() {
            return;
        }
        let (start, end) = self.holes.swap_remove(at);
        if distance(start, from) > 0 {
            self.holes.push((start, from));
        }
        if distance(to, end) > 0 && self.holes.len() < HOLES_MAX {
            self.holes.push((to, end));
        }
    }
}
