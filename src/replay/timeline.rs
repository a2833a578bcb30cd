//! Counts of one vantage by second: what was captured, what was lost, and what could not be read.
//! A vantage that covers more seconds than the limit is counted in coarser buckets, so that memory
//! stays bounded however long a capture is, or claims to be.

use std::collections::BTreeMap;

use crate::packet::Undecoded;

/// Reasons kept apart in one bucket; the rest is only counted.
const REASONS_MAX: usize = 16;

/// One second, or one coarser bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Second {
    pub packets: u64,
    /// Captured bytes of frames.
    pub bytes: u64,
    pub snaplen_cut: u64,
    pub undecoded: u64,
    /// Why packets were not decoded, up to a limit of reasons.
    pub reasons: BTreeMap<Undecoded, u64>,
    /// Holes in TCP streams: payload that was sent but not captured.
    pub gaps: u64,
    /// Connections that began.
    pub conns: u64,
    /// Of those, TCP connections of which one direction was never captured.
    pub one_sided: u64,
}

impl Second {
    fn add(&mut self, other: &Second) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.snaplen_cut += other.snaplen_cut;
        self.undecoded += other.undecoded;
        self.gaps += other.gaps;
        self.conns += other.conns;
        self.one_sided += other.one_sided;
        for (&reason, &frames) in &other.reasons {
            self.reason(reason, frames);
        }
    }

    fn reason(&mut self, reason: Undecoded, frames: u64) {
        if self.reasons.len() < REASONS_MAX || self.reasons.contains_key(&reason) {
            *self.reasons.entry(reason).or_default() += frames;
        }
    }

    /// Counts frames that were not decoded.
    pub(super) fn undecoded(&mut self, reason: Undecoded, frames: u64) {
        self.undecoded += frames;
        self.reason(reason, frames);
    }
}

/// The buckets of one vantage.
#[derive(Debug, Clone)]
pub struct Timeline {
    width_ns: i64,
    buckets: BTreeMap<i64, Second>,
    buckets_max: usize,
    /// The bucket in hand: packets come in time order, or nearly.
    key: i64,
    now: Second,
}

impl Timeline {
    /// `buckets_max`: [`Limits::coverage_buckets_max`](crate::limits::Limits).
    pub(super) fn new(buckets_max: usize) -> Self {
        let (buckets, now) = Default::default();
        Timeline { width_ns: 1_000_000_000, buckets, buckets_max: buckets_max.max(4), key: 0, now }
    }

    /// The bucket of a moment.
    pub(super) fn at(&mut self, ts_ns: i64) -> &mut Second {
        let key = ts_ns.div_euclid(self.width_ns);
        if key != self.key {
            self.put_back();
            self.key = ts_ns.div_euclid(self.width_ns);
            self.now = self.buckets.remove(&self.key).unwrap_or_default();
        }
        &mut self.now
    }

    /// Puts the bucket in hand to the others; while those are too many, two become one.
    fn put_back(&mut self) {
        let now = std::mem::take(&mut self.now);
        if now != Second::default() {
            self.buckets.entry(self.key).or_default().add(&now);
        }
        while self.buckets.len() >= self.buckets_max {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.width_ns = self.width_ns.saturating_mul(2);
        for (key, bucket) in std::mem::take(&mut self.buckets) {
            self.buckets.entry(key.div_euclid(2)).or_default().add(&bucket);
        }
        self.key = self.key.div_euclid(2);
    }

    /// Adds the counts that a shard made of the same vantage.
    pub(super) fn merge(&mut self, mut other: Timeline) {
        other.put_back();
        self.put_back();
        while self.width_ns < other.width_ns {
            self.coarsen();
        }
        while other.width_ns < self.width_ns {
            other.coarsen();
        }
        for (key, bucket) in other.buckets {
            self.buckets.entry(key).or_default().add(&bucket);
        }
        self.put_back();
    }

    /// Nanoseconds of one bucket.
    pub fn width_ns(&self) -> i64 {
        self.width_ns
    }

    /// Buckets that hold anything, by time: their begin and their counts.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Second)> {
        let in_hand = (self.now != Second::default()).then_some((self.key, &self.now));
        let mut all: Vec<(i64, &Second)> = self.buckets.iter().map(|(&k, s)| (k, s)).collect();
        let place = all.partition_point(|&(key, _)| key < self.key);
        if let Some(in_hand) = in_hand {
            all.insert(place.min(all.len()), in_hand);
        }
        all.into_iter().map(|(key, second)| (key.saturating_mul(self.width_ns), second))
    }

    /// The longest stretch between two buckets with packets, in nanoseconds: from, to.
    pub fn longest_silence(&self) -> Option<(i64, i64)> {
        let heard: Vec<i64> =
            self.iter().filter(|(_, s)| s.packets > 0).map(|(ns, _)| ns).collect();
        let pairs = heard.iter().zip(heard.iter().skip(1));
        let gaps = pairs.map(|(&a, &b)| (a.saturating_add(self.width_ns), b));
        // The first of equals, so that the answer does not depend on how it is searched.
        gaps.filter(|(from, to)| to > from).fold(None, |best, gap| match best {
            Some((from, to)) if to.saturating_sub(from) >= gap.1.saturating_sub(gap.0) => {
                Some((from, to))
            }
            _ => Some(gap),
        })
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline::new(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn filled(max: usize, seconds: impl Iterator<Item = i64>) -> Timeline {
        let mut timeline = Timeline::new(max);
        seconds.for_each(|s| timeline.at(s * SECOND + 7).packets += 1);
        timeline
    }

    fn packets(timeline: &Timeline) -> Vec<(i64, u64)> {
        timeline.iter().map(|(ns, s)| (ns / SECOND, s.packets)).collect()
    }

    #[test]
    fn seconds_in_any_order() {
        let timeline = filled(100, [3, 1, 3, 2, 1, -1].into_iter());
        assert_eq!(packets(&timeline), [(-1, 1), (1, 2), (2, 1), (3, 2)]);
        assert_eq!(timeline.width_ns(), SECOND);
    }

    #[test]
    fn what_is_too_long_gets_coarser_and_loses_nothing() {
        let timeline = filled(10, 0..1000);
        let buckets = packets(&timeline);
        assert!(buckets.len() <= 10 && timeline.width_ns() == 128 * SECOND, "{timeline:?}");
        assert_eq!(buckets.iter().map(|(_, n)| n).sum::<u64>(), 1000);
        let odd = filled(10, [i64::MIN / SECOND, 0, i64::MAX / SECOND - 1].into_iter());
        assert_eq!(packets(&odd).len(), 3);
    }

    #[test]
    fn shards_add_up_whatever_their_width() {
        let mut whole = filled(10, 0..1000);
        let mut part = filled(10, 0..4);
        part.merge(whole.clone());
        whole.merge(filled(10, 0..4));
        assert_eq!(packets(&part), packets(&whole));
        assert_eq!(packets(&whole)[0], (0, 132));
    }

    #[test]
    fn the_longest_silence_is_between_packets() {
        assert_eq!(filled(100, 0..5).longest_silence(), None);
        let timeline = filled(100, [0, 1, 9, 10, 20].into_iter());
        assert_eq!(timeline.longest_silence(), Some((11 * SECOND, 20 * SECOND)));
    }
}
