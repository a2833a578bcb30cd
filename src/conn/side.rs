//! What one end of a TCP connection has sent so far, and what its peer makes of it.

use super::analysis::{Marks, Segment};
use super::holes::Holes;
use super::rtt::{Flight, Rtt};
use super::window::Window;
use crate::stream::distance;

/// An acknowledgement further ahead than the largest window is about something else.
const BEYOND_MAX: i32 = 1 << 30;

/// One end of a TCP connection.
#[derive(Debug, Default)]
pub(super) struct TcpSide {
    pub isn: Option<u32>,
    /// Sequence number of its FIN.
    pub fin: Option<u32>,
    /// When it sent FIN or RST.
    pub ended_ns: Option<i64>,
    pub syns: u32,
    /// Segments with payload.
    pub segments: u64,
    /// Sequence number behind the highest byte sent.
    pub next: Option<u32>,
    /// When that byte was sent.
    pub next_ns: i64,
    /// Its last acknowledgement.
    pub ack: Option<u32>,
    /// The highest one, those of resets left out.
    pub acked: Option<u32>,
    /// Repeats of the last acknowledgement.
    pub duplicate_acks: u32,
    /// When it sent anything last.
    pub spoke_ns: i64,
    pub window: Window,
    /// What its last segment was.
    pub last: Marks,
    pub holes: Holes,
    pub flight: Flight,
    /// From its segments to their acknowledgements.
    pub rtt: Rtt,
    /// Payload without what was sent again.
    pub fresh_bytes: u64,
    pub in_flight_max: u32,
}

impl TcpSide {
    /// Takes in what it sent; `peer_ack` is what the peer had acknowledged by then.
    pub fn send(&mut self, segment: &Segment, marks: Marks, peer_ack: Option<u32>) {
        self.spoke_ns = segment.ts_ns;
        if self.ack != segment.ack {
            self.duplicate_acks = 0;
        } else if marks.any(Marks::DUPLICATE_ACK) {
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
        }
        self.last = marks;
        if segment.ack.is_some() {
            self.ack = segment.ack;
        }
        self.window.announce(segment);
        if let Some(ack) = segment.ack.filter(|_| !segment.flags.rst())
            && self.acked.is_none_or(|acked| distance(acked, ack) > 0)
        {
            self.acked = Some(ack);
        }
        // The number of a reset need not be the next one.
        if !segment.flags.rst() && !marks.any(Marks::ZERO_WINDOW_PROBE) {
            self.advance(segment, marks, peer_ack);
        }
    }

    fn advance(&mut self, segment: &Segment, marks: Marks, peer_ack: Option<u32>) {
        let (seq, end) = (segment.seq, segment.end());
        let next = match self.next {
            Some(next) => next,
            None => {
                self.holes.begin(seq);
                (self.next, self.next_ns) = (Some(seq), segment.ts_ns);
                seq
            }
        };
        if marks.any(Marks::LOST) {
            self.holes.open(next, seq, peer_ack);
        }
        let mut fresh = 0;
        if distance(next, end) > 0 {
            (self.next, self.next_ns) = (Some(end), segment.ts_ns);
            fresh = u64::from(distance(next, segment.payload_end()).max(0) as u32);
        }
        if !segment.takes_numbers() {
            return;
        }
        if distance(seq, next) <= 0 {
            self.flight.send(end, segment.ts_ns);
        } else if !marks.any(Marks::KEEP_ALIVE) {
            fresh += self.holes.fill(seq, segment.payload_end());
            self.flight.resend(next);
        }
        self.fresh_bytes += fresh.min(u64::from(segment.len));
        if let Some(ack) = peer_ack {
            self.in_flight_max = self.in_flight_max.max(distance(ack, end).max(0) as u32);
        }
    }

    /// Its peer has everything before `ack`; whether some of that was not captured.
    pub fn acknowledge(&mut self, ack: u32, ts_ns: i64) -> bool {
        if let Some(ns) = self.flight.acknowledge(ack, ts_ns) {
            self.rtt.add(ns);
        }
        let beyond = self.beyond(Some(ack)) > 0;
        !self.holes.is_empty() && self.holes.acknowledge(ack) || beyond
    }

    /// Bytes acknowledged behind the highest one that was captured; one of them may be a FIN.
    fn beyond(&self, ack: Option<u32>) -> i32 {
        match (self.next, ack) {
            (Some(next), Some(ack)) => Some(distance(next, ack)),
            _ => None,
        }
        .filter(|beyond| (0..BEYOND_MAX).contains(beyond))
        .unwrap_or(0)
    }

    /// Bytes that the peer, which acknowledged up to `ack`, has and the capture has not.
    pub fn lost_bytes(&self, ack: Option<u32>) -> u64 {
        let beyond = self.beyond(ack);
        self.holes.lost_bytes() + if beyond > 1 { beyond as u64 } else { 0 }
    }
}
