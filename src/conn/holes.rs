//! Which sequence numbers of one direction were captured: tells payload that came late from
//! payload that came again, and what the receiver has although the capture has not.

use crate::stream::distance;

/// Holes remembered per direction; beyond, the oldest are forgotten and late payload counts as
/// sent again.
const HOLES_MAX: usize = 32;

/// What was not captured of a direction between its first and its highest byte.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// The lowest number captured.
    first: Option<u32>,
    /// Ranges [from, to) that were skipped, without order.
    ranges: Vec<(u32, u32)>,
    /// Bytes of holes that the receiver acknowledged.
    acknowledged: u64,
    /// Holes were forgotten: nothing can be said to have been seen.
    forgotten: bool,
}

impl Holes {
    /// The first bytes of the direction begin here.
    pub fn begin(&mut self, seq: u32) {
        self.first.get_or_insert(seq);
    }

    /// Whether all of [from, to) was captured before.
    pub fn seen(&self, from: u32, to: u32) -> bool {
        !self.forgotten
            && self.first.is_some_and(|first| distance(first, from) >= 0)
            && self.ranges.iter().all(|&range| overlap(range, (from, to)) == 0)
    }

    /// Nothing of [from, to) was captured; `ack` is what the receiver had acknowledged by then.
    pub fn open(&mut self, from: u32, to: u32, ack: Option<u32>) {
        let lost = ack.map_or(0, |ack| overlap((from, to), (from, ack)));
        self.acknowledged += u64::from(lost);
        let from = from.wrapping_add(lost);
        if from == to {
            return;
        }
        if self.ranges.len() >= HOLES_MAX {
            self.ranges.remove(0);
            self.forgotten = true;
        }
        self.ranges.push((from, to));
    }

    /// [from, to) was captured late; how much of it for the first time.
    pub fn fill(&mut self, from: u32, to: u32) -> u64 {
        let mut fresh = 0;
        if let Some(first) = self.first
            && distance(from, first) > 0
        {
            fresh += u64::from(overlap((from, to), (from, first)));
            self.first = Some(from);
        }
        for at in 0..self.ranges.len() {
            let Some(range) = self.ranges.get_mut(at) else { break };
            let common = overlap(*range, (from, to));
            if common == 0 {
                continue;
            }
            fresh += u64::from(common);
            let (start, end) = *range;
            range.1 = if distance(start, from) > 0 { from } else { start };
            if distance(to, end) > 0 && self.ranges.len() < HOLES_MAX {
                self.ranges.push((to, end));
            }
        }
        self.ranges.retain(|(from, to)| from != to);
        fresh
    }

    /// The receiver has everything before `ack`: holes before it were lost in capture. Whether
    /// there were any.
    pub fn acknowledge(&mut self, ack: u32) -> bool {
        let before = self.acknowledged;
        let mut at = 0;
        while let Some(range) = self.ranges.get_mut(at) {
            let lost = overlap(*range, (range.0, ack));
            self.acknowledged += u64::from(lost);
            range.0 = range.0.wrapping_add(lost);
            if range.0 == range.1 {
                self.ranges.swap_remove(at);
            } else {
                at += 1;
            }
        }
        self.acknowledged > before
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Bytes that the receiver acknowledged and nobody captured.
    pub fn lost_bytes(&self) -> u64 {
        self.acknowledged
    }
}

/// Numbers that both [a, b) hold; 0 where one is empty.
fn overlap(one: (u32, u32), other: (u32, u32)) -> u32 {
    let from = if distance(one.0, other.0) > 0 { other.0 } else { one.0 };
    let to = if distance(one.1, other.1) > 0 { one.1 } else { other.1 };
    distance(from, to).max(0) as u32
}
