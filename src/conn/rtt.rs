//! Round-trip times: from a segment to the acknowledgement that ends with it. By Karn's rule
//! (RFC 6298 section 3) what was sent again gives no sample; Wireshark takes those too.

use std::collections::VecDeque;

use crate::stream::distance;

/// Segments timed at once, per direction; those sent meanwhile are not.
const TIMED_MAX: usize = 32;

/// Segments of one direction that wait for their acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Number behind the segment, and when it was sent; the oldest first.
    sent: VecDeque<(u32, i64)>,
    /// Up to here something was sent again: an acknowledgement may be for either.
    ambiguous: Option<u32>,
}

impl Flight {
    /// A segment up to `end` was sent for the first time.
    pub fn send(&mut self, end: u32, ts_ns: i64) {
        if self.sent.len() < TIMED_MAX {
            self.sent.push_back((end, ts_ns));
        }
    }

    /// Something before `next` was sent again.
    pub fn resend(&mut self, next: u32) {
        self.ambiguous = Some(next);
    }

    /// When the oldest segment that waits was sent.
    pub fn oldest_ns(&self) -> Option<i64> {
        self.sent.front().map(|&(_, ts_ns)| ts_ns)
    }

    /// Everything before `ack` was acknowledged; nanoseconds since the segment that ends there
    /// was sent.
    pub fn acknowledge(&mut self, ack: u32, ts_ns: i64) -> Option<i64> {
        let mut sample = None;
        while let Some(&(end, sent_ns)) = self.sent.front() {
            if distance(end, ack) < 0 {
                break;
            }
            sample = (end == ack).then(|| ts_ns.saturating_sub(sent_ns));
            self.sent.pop_front();
        }
        let fresh = self.ambiguous.is_none_or(|until| distance(until, ack) > 0);
        if fresh {
            self.ambiguous = None;
        }
        sample.filter(|&ns| fresh && ns >= 0)
    }
}

/// Samples of one direction, summed up (Welford's algorithm).
#[derive(Debug, Clone, Copy, Default)]
pub struct Rtt {
    pub samples: u32,
    min_ns: i64,
    max_ns: i64,
    mean_ns: f64,
    squares: f64,
}

impl Rtt {
    pub(super) fn add(&mut self, ns: i64) {
        (self.min_ns, self.max_ns) = match self.samples {
            0 => (ns, ns),
            _ => (self.min_ns.min(ns), self.max_ns.max(ns)),
        };
        self.samples = self.samples.saturating_add(1);
        let off = ns as f64 - self.mean_ns;
        self.mean_ns += off / f64::from(self.samples);
        self.squares += off * (ns as f64 - self.mean_ns);
    }

    pub fn min_us(&self) -> i64 {
        self.min_ns / 1000
    }

    pub fn max_us(&self) -> i64 {
        self.max_ns / 1000
    }

    pub fn avg_us(&self) -> i64 {
        (self.mean_ns / 1000.0) as i64
    }

    /// The standard deviation.
    pub fn jitter_us(&self) -> i64 {
        match self.samples {
            0 => 0,
            n => ((self.squares / f64::from(n)).max(0.0).sqrt() / 1000.0) as i64,
        }
    }
}
