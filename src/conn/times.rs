//! The moments of a connection's life that its timings are made of.

/// When what was first seen. TCP's all, the others' as far as they have them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub syn: Option<i64>,
    /// The SYN that the SYN-ACK answers: the last one before it.
    pub last_syn: Option<i64>,
    pub syn_ack: Option<i64>,
    /// The opener's ACK of the SYN-ACK.
    pub ack: Option<i64>,
    /// First payload of each end, by [`crate::packet::Side`].
    pub payload: [Option<i64>; 2],
    /// The longest pause between two packets.
    pub idle_ns: i64,
}

impl Times {
    /// From the SYN that was answered to the ACK that completes the handshake: the whole round
    /// trip, wherever the vantage is.
    pub fn round_trip_ns(&self) -> Option<i64> {
        Some(self.ack?.saturating_sub(self.last_syn?)).filter(|&ns| ns > 0)
    }

    pub fn initial_rtt_us(&self) -> i64 {
        span_us(self.last_syn, self.syn_ack)
    }

    pub fn handshake_us(&self) -> i64 {
        span_us(self.syn, self.ack)
    }

    /// From the SYN to the first payload of either end.
    pub fn connection_us(&self) -> i64 {
        let [low, high] = self.payload;
        span_us(self.syn, low.into_iter().chain(high).min())
    }
}

/// Microseconds between two moments, 0 when one was not seen.
pub(super) fn span_us(from_ns: Option<i64>, to_ns: Option<i64>) -> i64 {
    match (from_ns, to_ns) {
        (Some(from), Some(to)) => to.saturating_sub(from).max(0) / 1000,
        _ => 0,
    }
}
