//! Offsets of the nodes' clocks from calls that two nodes saw.
//!
//! A request passes its caller's node before its callee's, and the response the other way round.
//! So by the times at which both saw them, the callee's clock is ahead by at most what the request
//! seems to take, and by at least minus what the response seems to take (the algebra of RFC 5905
//! section 8, with bounds kept instead of a guess). Nodes that never talk are compared through
//! others that do.

use std::collections::BTreeMap;

/// A comparison that leaves more open than this is none.
const BOUND_NS_MAX: i64 = 100_000_000;

/// How far a node's clock is ahead of the reference node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub ahead_ns: i64,
    /// The true figure lies within this of `ahead_ns`.
    pub bound_ns: i64,
}

/// What was seen between pairs of nodes.
#[derive(Debug, Clone, Default)]
pub struct Clocks {
    /// (a, b) with a < b: least and greatest nanoseconds that b may be ahead of a.
    pairs: BTreeMap<(u32, u32), (i64, i64)>,
}

impl Clocks {
    /// Calls from `caller`'s node to `callee`'s: the least time a request seemed to take there, and
    /// the greatest difference callee minus caller of the responses' times.
    pub fn add(&mut self, caller: u32, callee: u32, request_min_ns: i64, response_max_ns: i64) {
        if caller == callee {
            return;
        }
        let (key, low, high) = match caller < callee {
            true => ((caller, callee), response_max_ns, request_min_ns),
            false => ((callee, caller), -request_min_ns, -response_max_ns),
        };
        let pair = self.pairs.entry(key).or_insert((i64::MIN, i64::MAX));
        *pair = (pair.0.max(low), pair.1.min(high));
    }

    /// Clocks of `nodes` nodes against node 0 or, where there is no way to it, against the first
    /// node of their own group; `None` for a node that was never compared.
    pub fn solve(&self, nodes: u32) -> Vec<Option<Clock>> {
        let mut clocks: Vec<Option<Clock>> = vec![None; nodes as usize];
        for root in 0..nodes {
            let compared = self.pairs.keys().any(|&(a, b)| a == root || b == root);
            if clocks[root as usize].is_none() && compared {
                clocks[root as usize] = Some(Clock { ahead_ns: 0, bound_ns: 0 });
                self.spread(&mut clocks);
            }
        }
        clocks
    }

    /// Takes the tightest way from what is known to each node (Bellman and Ford).
    fn spread(&self, clocks: &mut [Option<Clock>]) {
        for _ in 0..clocks.len() {
            let mut changed = false;
            for (&(a, b), &range) in &self.pairs {
                changed |= step(clocks, a, b, range, 1);
                changed |= step(clocks, b, a, range, -1);
            }
            if !changed {
                return;
            }
        }
    }
}

/// Follows one pair from a known node; whether that tightened the other's clock.
fn step(clocks: &mut [Option<Clock>], from: u32, to: u32, range: (i64, i64), sign: i64) -> bool {
    let Some(known) = clocks[from as usize] else { return false };
    let (low, high) = range;
    // A way of seconds is none: the sightings were not of the same packets.
    let open = high.checked_sub(low).and_then(i64::checked_abs);
    if open.is_none_or(|open| open > 2 * BOUND_NS_MAX) {
        return false;
    }
    // Jitter of the capture may put the bounds the wrong way round.
    let middle = low + (high - low) / 2;
    let found = Clock {
        ahead_ns: known.ahead_ns + sign * middle,
        bound_ns: known.bound_ns + ((high - low) / 2).abs() + 1,
    };
    let better = clocks[to as usize].is_none_or(|now| found.bound_ns < now.bound_ns);
    if better {
        clocks[to as usize] = Some(found);
    }
    better
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1000;

    #[test]
    fn the_true_offset_lies_within_the_bound() {
        // Node 1 is 4 ms ahead; requests take 250 us, responses 300 us.
        let mut clocks = Clocks::default();
        clocks.add(0, 1, 4_250 * US, 3_700 * US);
        let solved = clocks.solve(2);
        let clock = solved[1].unwrap();
        assert!((clock.ahead_ns - 4_000 * US).abs() <= clock.bound_ns);
        assert!(clock.bound_ns < 300 * US);
        assert_eq!(solved[0], Some(Clock { ahead_ns: 0, bound_ns: 0 }));
    }

    #[test]
    fn calls_both_ways_agree() {
        let mut clocks = Clocks::default();
        clocks.add(1, 0, -3_750 * US, -4_200 * US);
        clocks.add(0, 1, 4_300 * US, 3_700 * US);
        let clock = clocks.solve(2)[1].unwrap();
        assert!((clock.ahead_ns - 4_000 * US).abs() <= clock.bound_ns);
    }

    #[test]
    fn nodes_that_never_talk_are_compared_through_a_third() {
        let mut clocks = Clocks::default();
        clocks.add(0, 2, 10_100 * US, 9_900 * US);
        clocks.add(2, 1, -4_900 * US, -5_100 * US);
        let clock = clocks.solve(4)[1].unwrap();
        assert!((clock.ahead_ns - 5_000 * US).abs() <= clock.bound_ns);
        assert_eq!(clocks.solve(4)[3], None);
    }
}
