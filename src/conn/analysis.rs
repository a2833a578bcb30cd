//! One TCP segment -> what it is, in the words of Wireshark's TCP analysis (its user's guide,
//! "TCP Analysis"; `tcp.analysis.*`). Judged from what both ends sent before; nothing is changed
//! here. Where we choose otherwise, `README.md` says why.

use super::side::TcpSide;
use super::times::Times;
use crate::packet::{Packet, Tcp, TcpFlags};
use crate::stream::distance;

/// A retransmission this soon after the duplicate acknowledgements that ask for it is a fast one.
const FAST_NS: i64 = 20_000_000;

/// A segment below the highest one, and this soon after it, was reordered and not sent again,
/// where the handshake does not tell the round-trip time.
const REORDER_NS: i64 = 3_000_000;

/// What the analysis looks at in a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub ts_ns: i64,
    pub seq: u32,
    /// Where the packet acknowledges anything.
    pub ack: Option<u32>,
    /// Payload bytes on the wire.
    pub len: u32,
    pub flags: TcpFlags,
    /// As sent: not scaled.
    pub window: u16,
}

impl Segment {
    pub fn new(packet: &Packet, tcp: &Tcp) -> Self {
        Segment {
            ts_ns: packet.ts_ns,
            seq: tcp.seq,
            ack: tcp.flags.ack().then_some(tcp.ack),
            len: packet.payload_len.wrapping_add(packet.payload_cut),
            flags: tcp.flags,
            window: tcp.window,
        }
    }

    /// Sequence number behind its payload.
    pub fn payload_end(&self) -> u32 {
        self.seq.wrapping_add(self.len)
    }

    /// Sequence number behind it: SYN and FIN take one each.
    pub fn end(&self) -> u32 {
        self.payload_end().wrapping_add(u32::from(self.flags.syn() || self.flags.fin()))
    }

    /// Whether it takes sequence numbers.
    pub fn takes_numbers(&self) -> bool {
        self.len > 0 || self.flags.syn() || self.flags.fin()
    }

    /// Neither opens nor ends anything.
    fn plain(&self) -> bool {
        !self.flags.syn() && !self.flags.fin() && !self.flags.rst()
    }
}

/// What a segment is, as a bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks(u16);

impl Marks {
    /// Sent again, neither fast nor spurious.
    pub const RETRANSMISSION: Marks = Marks(1);
    /// Sent again because two or more duplicate acknowledgements asked for it.
    pub const FAST: Marks = Marks(1 << 1);
    /// Sent again although it was acknowledged.
    pub const SPURIOUS: Marks = Marks(1 << 2);
    pub const OUT_OF_ORDER: Marks = Marks(1 << 3);
    /// What was sent before it was not captured (yet).
    pub const LOST: Marks = Marks(1 << 4);
    pub const DUPLICATE_ACK: Marks = Marks(1 << 5);
    pub const ZERO_WINDOW: Marks = Marks(1 << 6);
    pub const WINDOW_FULL: Marks = Marks(1 << 7);
    pub const WINDOW_UPDATE: Marks = Marks(1 << 8);
    pub const KEEP_ALIVE: Marks = Marks(1 << 9);
    pub const KEEP_ALIVE_ACK: Marks = Marks(1 << 10);
    pub const ZERO_WINDOW_PROBE: Marks = Marks(1 << 11);
    pub const ZERO_WINDOW_PROBE_ACK: Marks = Marks(1 << 12);

    pub fn add(&mut self, marks: Marks) {
        self.0 |= marks.0;
    }

    /// Whether it has one of these.
    pub fn any(self, marks: Marks) -> bool {
        self.0 & marks.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What `segment` is.
pub(super) fn judge(
    sender: &TcpSide,
    receiver: &TcpSide,
    segment: &Segment,
    times: &Times,
) -> Marks {
    let ahead = sender.next.map(|next| distance(next, segment.seq));
    let mut marks = Marks::default();
    if segment.len == 1 && ahead == Some(0) && receiver.window.is_closed() {
        return Marks::ZERO_WINDOW_PROBE;
    }
    if ahead.is_some_and(|ahead| ahead > 0) && !segment.flags.rst() {
        marks.add(Marks::LOST);
    }
    if segment.plain() {
        if segment.window == 0 {
            marks.add(Marks::ZERO_WINDOW);
        }
        if segment.len <= 1 && ahead == Some(-1) {
            marks.add(Marks::KEEP_ALIVE);
        }
        if segment.len > 0 && receiver.window.edge(receiver.ack) == Some(segment.payload_end()) {
            marks.add(Marks::WINDOW_FULL);
        }
        if segment.len == 0 && ahead == Some(0) && segment.ack.is_some() {
            marks.add(repeated(sender, receiver, segment));
        }
    }
    if segment.takes_numbers() && !marks.any(Marks::KEEP_ALIVE) {
        marks.add(resent(sender, receiver, segment, times));
    }
    marks
}

/// What an acknowledgement without payload is that repeats the sender's last one.
fn repeated(sender: &TcpSide, receiver: &TcpSide, segment: &Segment) -> Marks {
    let same_window = sender.window.is(segment.window);
    if sender.ack != segment.ack {
        Marks::default()
    } else if segment.window == 0 {
        let answers = same_window && receiver.last.any(Marks::ZERO_WINDOW_PROBE);
        if answers { Marks::ZERO_WINDOW_PROBE_ACK } else { Marks::default() }
    } else if !same_window {
        Marks::WINDOW_UPDATE
    } else if receiver.last.any(Marks::KEEP_ALIVE) {
        Marks::KEEP_ALIVE_ACK
    } else {
        Marks::DUPLICATE_ACK
    }
}

/// Which kind of retransmission a segment is, or out of order, or new.
fn resent(sender: &TcpSide, receiver: &TcpSide, segment: &Segment, times: &Times) -> Marks {
    let acknowledged = receiver.ack.map(|ack| distance(segment.payload_end(), ack));
    if segment.len > 0 && acknowledged.is_some_and(|beyond| beyond >= 0) {
        return Marks::SPURIOUS;
    }
    let Some(next) = sender.next else { return Marks::default() };
    let ahead = distance(next, segment.seq);
    // More than one byte from one before the next is what a window probe began.
    if ahead >= 0 || (ahead == -1 && segment.len > 1) {
        return Marks::default();
    }
    let asked = receiver.duplicate_acks >= 2 && receiver.ack == Some(segment.seq);
    if asked && (0..FAST_NS).contains(&segment.ts_ns.saturating_sub(receiver.spoke_ns)) {
        return Marks::FAST;
    }
    let soon = 0..times.round_trip_ns().unwrap_or(REORDER_NS);
    let late = soon.contains(&segment.ts_ns.saturating_sub(sender.next_ns));
    if late && next != segment.end() && !sender.holes.seen(segment.seq, segment.end()) {
        return Marks::OUT_OF_ORDER;
    }
    Marks::RETRANSMISSION
}
