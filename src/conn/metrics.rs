//! What a connection's row says, worked out from what was counted.

use super::times::span_us;
use super::window::Scale;
use super::{Conn, Direction, Rtt, completeness};
use crate::packet::{Proto, Side};

impl Conn {
    pub fn refused(&self) -> bool {
        self.refused
    }

    pub fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Whether the peer must have spoken and none of its packets was captured. An unanswered SYN
    /// says nothing of the kind, and many UDP protocols never answer.
    pub fn is_one_sided(&self) -> bool {
        self.key.proto == Proto::Tcp
            && self.packets.contains(&0)
            && self.completeness & !completeness::SYN != 0
    }

    /// Which way the first RST went.
    pub fn reset_by(&self) -> Option<Direction> {
        self.reset.map(|(side, _)| self.direction(side))
    }

    /// Microseconds from the first packet to the first RST, 0 without one.
    pub fn reset_us(&self) -> i64 {
        span_us(Some(self.first.ts_ns), self.reset.map(|(_, ts_ns)| ts_ns))
    }

    /// Segments with payload that this end sent, repeated ones included.
    pub fn segments(&self, side: Side) -> u64 {
        self.side(side).segments
    }

    pub fn syn_retries(&self) -> u32 {
        self.side(self.client).syns.saturating_sub(1)
    }

    /// Microseconds from SYN to SYN-ACK, 0 when one was not seen.
    pub fn initial_rtt_us(&self) -> i64 {
        self.times.initial_rtt_us()
    }

    /// Microseconds from the first SYN to the ACK that completes the handshake, 0 when not seen.
    pub fn handshake_us(&self) -> i64 {
        self.times.handshake_us()
    }

    /// Microseconds from the first SYN to the first payload, 0 when not seen.
    pub fn connection_us(&self) -> i64 {
        self.times.connection_us()
    }

    /// Microseconds from the opener's first payload to the first one that came back; where the
    /// other end spoke first, from the first packet. 0 when nothing came back.
    pub fn ttfb_us(&self) -> i64 {
        let payload = |side: Side| self.times.payload.get(side.index()).copied().flatten();
        let (asked, answered) = (payload(self.client), payload(self.client.other()));
        match (asked, answered) {
            (Some(asked), Some(answered)) if asked <= answered => {
                span_us(Some(asked), Some(answered))
            }
            _ => span_us(Some(self.first.ts_ns), answered),
        }
    }

    /// The longest pause between two packets, in microseconds.
    pub fn idle_us(&self) -> i64 {
        self.times.idle_ns / 1000
    }

    /// Round trips between the vantage and the end that is farther from it: those of the nearer
    /// one only tell how quickly its host acknowledges.
    pub fn rtt(&self) -> &Rtt {
        let [low, high] = &self.tcp;
        let (low, high) = (&low.rtt, &high.rtt);
        match (low.samples, high.samples) {
            (_, 0) => low,
            (0, _) => high,
            _ if low.min_us() >= high.min_us() => low,
            _ => high,
        }
    }

    /// The end that received more payload: the one whose window matters.
    fn receiver(&self) -> &super::side::TcpSide {
        let [low, high] = self.payload_bytes;
        self.side(if low > high { Side::High } else { Side::Low })
    }

    /// Mean window that the end which received more announced, in bytes.
    pub fn window_avg(&self) -> i64 {
        self.receiver().window.average() as i64
    }

    /// Its window scale (RFC 7323), 0 where windows are not scaled or the handshake was not seen.
    pub fn window_scale(&self) -> i64 {
        match self.receiver().window.scale {
            Scale::By(shift) => i64::from(shift),
            _ => 0,
        }
    }

    /// Microseconds for which a window was closed, of both ends together.
    pub fn zero_window_us(&self) -> i64 {
        self.tcp.iter().map(|side| side.window.closed_ns(self.last_ns) / 1000).sum()
    }

    /// Most bytes sent and not acknowledged, of either end.
    pub fn in_flight_max(&self) -> i64 {
        self.tcp.iter().map(|side| i64::from(side.in_flight_max)).max().unwrap_or(0)
    }

    /// Payload bytes without those that were sent again.
    pub fn goodput_bytes(&self) -> i64 {
        match self.key.proto {
            Proto::Tcp => self.tcp.iter().map(|side| side.fresh_bytes as i64).sum(),
            _ => self.payload_bytes.iter().sum::<u64>() as i64,
        }
    }

    /// Bytes that a receiver acknowledged and the capture does not hold.
    pub fn capture_loss_bytes(&self) -> i64 {
        let [low, high] = &self.tcp;
        (low.lost_bytes(high.acked) + high.lost_bytes(low.acked)) as i64
    }
}
