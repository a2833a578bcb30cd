//! The windows that one end announces: how large, how long closed.

use super::analysis::Segment;

/// What the handshake tells of an end's window scale (RFC 7323).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scale {
    /// The handshake was not captured.
    #[default]
    Unknown,
    /// One end does not scale, so neither does.
    Off,
    By(u8),
}

impl Scale {
    pub fn shift(self) -> u8 {
        match self {
            Scale::By(shift) => shift,
            _ => 0,
        }
    }
}

/// The receive window of one end.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The last one announced, as sent.
    announced: Option<u16>,
    /// Scaled; that of a SYN never is.
    bytes: u32,
    pub scale: Scale,
    closed_since: Option<i64>,
    closed_ns: i64,
    sum: u64,
    count: u32,
}

impl Window {
    /// Takes the window of a segment in. That of a SYN is not scaled, that of a reset no window.
    pub fn announce(&mut self, segment: &Segment) {
        let shift = if segment.flags.syn() { 0 } else { self.scale.shift() };
        self.announced = Some(segment.window);
        self.bytes = u32::from(segment.window) << shift;
        if segment.flags.syn() || segment.flags.rst() {
            return;
        }
        self.sum += u64::from(self.bytes);
        self.count = self.count.saturating_add(1);
        if segment.window > 0 {
            self.reopen(segment.ts_ns);
        } else if !segment.flags.fin() {
            self.closed_since.get_or_insert(segment.ts_ns);
        }
    }

    fn reopen(&mut self, ts_ns: i64) {
        if let Some(since) = self.closed_since.take() {
            let closed = ts_ns.saturating_sub(since).max(0);
            self.closed_ns = self.closed_ns.saturating_add(closed);
        }
    }

    /// Whether the last window announced is this one.
    pub fn is(&self, window: u16) -> bool {
        self.announced == Some(window)
    }

    pub fn is_closed(&self) -> bool {
        self.announced == Some(0)
    }

    /// The first sequence number that the peer may not send, where the scale is known.
    pub fn edge(&self, ack: Option<u32>) -> Option<u32> {
        match self.scale {
            Scale::Unknown => None,
            _ => ack.map(|ack| ack.wrapping_add(self.bytes)),
        }
    }

    /// How long it was closed, up to `end_ns`.
    pub fn closed_ns(&self, end_ns: i64) -> i64 {
        let still = self.closed_since.map_or(0, |since| end_ns.saturating_sub(since).max(0));
        self.closed_ns.saturating_add(still)
    }

    /// The mean of all windows announced, in bytes.
    pub fn average(&self) -> u64 {
        self.sum.checked_div(u64::from(self.count)).unwrap_or(0)
    }
}
