//! Calls -> which of them are slow: for each service the stretch in which its calls take longer
//! than otherwise, found by rank, gives the time that its calls hardly ever took before; slower
//! ones are slow. Confirmed by the size of the difference, not by its significance alone.

use std::collections::BTreeMap;

use super::facts::CallFact;
use super::scan::{Bin, bins, most_raised};
use crate::stats::{mann_whitney, percentile};

/// Calls inside the stretch, and outside it.
const CALLS_MIN: usize = 30;
/// How much longer they must take, as a ratio of medians and in milliseconds.
const RATIO_MIN: f64 = 1.5;
const EXCESS_MS_MIN: f64 = 5.0;
/// Cliff's delta: 0.33 is called medium.
const DELTA_MIN: f64 = 0.33;
/// Against chance, however many services and operations there are.
const P_MAX: f64 = 1e-6;
/// Calls outside the stretch that are at most as slow as what is called slow: all but one of so
/// many in a hundred.
const USUAL_PERCENT: f64 = 97.0;
/// Calls compared at most on each side; of more an even choice.
const COMPARED_MAX: usize = 4000;

/// How much longer the calls of a service take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slowness {
    pub before_ms: f64,
    pub during_ms: f64,
}

/// What is slow of one service, by operation, in milliseconds.
pub(super) struct Slow {
    pub slowness: Slowness,
    limits: BTreeMap<u32, f64>,
}

impl Slow {
    pub fn is_slow(&self, call: &CallFact) -> bool {
        let limit = self.limits.get(&call.operation);
        limit.zip(call.elapsed_ms()).is_some_and(|(limit, ms)| ms > *limit)
    }
}

/// What is slow of the calls to one service, by time; `None` where they take what they always take.
pub(super) fn slow(calls: &[&CallFact]) -> Option<Slow> {
    let medians = by_operation(calls.iter().copied(), 50.0);
    let is_long = |call: &CallFact| {
        let median = medians.get(&call.operation);
        median.zip(call.elapsed_ms()).is_some_and(|(median, ms)| ms > *median)
    };
    let (series, bin_ns) = bins(calls, &is_long)?;
    let raised = most_raised(&series).filter(|raised| raised.outside.n > 0)?;
    let first_ns = calls.first()?.start_ns;
    let stretch = first_ns + raised.start as i64 * bin_ns..first_ns + raised.end as i64 * bin_ns;
    let (inside, outside): (Vec<&CallFact>, Vec<&CallFact>) =
        calls.iter().copied().partition(|call| stretch.contains(&call.start_ns));
    let slowness = confirmed(&inside, &outside, &medians)?;
    let usual = by_operation(outside.iter().copied(), 50.0);
    let mut limits = by_operation(outside.iter().copied(), USUAL_PERCENT);
    for (operation, limit) in &mut limits {
        *limit = limit.max(usual.get(operation).copied().unwrap_or(0.0) + EXCESS_MS_MIN / 2.0);
    }
    Some(Slow { slowness, limits })
}

/// A percentile of each operation's times.
fn by_operation<'f>(calls: impl Iterator<Item = &'f CallFact>, percent: f64) -> BTreeMap<u32, f64> {
    let mut times: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for call in calls {
        if let Some(ms) = call.elapsed_ms() {
            times.entry(call.operation).or_default().push(ms);
        }
    }
    let of = |(operation, mut times): (u32, Vec<f64>)| {
        Some((operation, percentile(&mut times, percent)?))
    };
    times.into_iter().filter_map(of).collect()
}

/// The difference between the stretch and the rest, where it is large enough. Times are compared
/// as ratios to their operation's median, so that another mix of operations is no difference.
fn confirmed(
    inside: &[&CallFact],
    outside: &[&CallFact],
    medians: &BTreeMap<u32, f64>,
) -> Option<Slowness> {
    let ratio = |call: &&CallFact| {
        let median = medians.get(&call.operation)?.max(0.01);
        Some(call.elapsed_ms()? / median)
    };
    let sample = |calls: &[&CallFact]| -> Vec<f64> {
        let step = calls.len().div_ceil(COMPARED_MAX).max(1);
        calls.iter().step_by(step).filter_map(ratio).collect()
    };
    let (mut during, mut before) = (sample(inside), sample(outside));
    if during.len() < CALLS_MIN || before.len() < CALLS_MIN {
        return None;
    }
    let test = mann_whitney(&during, &before)?;
    let longer = percentile(&mut during, 50.0)? / percentile(&mut before, 50.0)?.max(1e-9);
    // In milliseconds for the operation that is called most.
    let usual = by_operation(outside.iter().copied(), 50.0);
    let now = by_operation(inside.iter().copied(), 50.0);
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for call in inside.iter().filter(|call| usual.contains_key(&call.operation)) {
        *counts.entry(call.operation).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(_, count)| count)?.0;
    let slowness = Slowness { before_ms: *usual.get(&most)?, during_ms: *now.get(&most)? };
    let large = longer >= RATIO_MIN
        && slowness.during_ms - slowness.before_ms >= EXCESS_MS_MIN
        && slowness.during_ms >= RATIO_MIN * slowness.before_ms;
    (large && test.delta >= DELTA_MIN && test.p <= P_MAX).then_some(slowness)
}

/// Whether a raised stretch of slow calls is one: most calls in it are not what they were.
pub(super) fn is_plain(inside: Bin) -> bool {
    inside.k >= CALLS_MIN as u64 / 2 && inside.k * 10 >= inside.n * 3
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    /// Calls of 2 ms, give or take; from 30 s to 45 s of another length.
    fn calls(during_ms: f64) -> Vec<CallFact> {
        let mut calls = facts(60, 20, |_| false).calls;
        for (number, call) in calls.iter_mut().enumerate() {
            let t = number as f64 / 20.0;
            let ms = if (30.0..45.0).contains(&t) { during_ms } else { 2.0 };
            let jitter = 0.8 + 0.4 * ((number * 7919) % 100) as f64 / 100.0;
            call.end_ns = call.start_ns + (ms * jitter * 1e6) as i64;
        }
        calls
    }

    #[test]
    fn a_slow_stretch_is_found_and_measured() {
        let calls = calls(30.0);
        let refs: Vec<&CallFact> = calls.iter().collect();
        let slow = slow(&refs).expect("slow");
        assert!((slow.slowness.before_ms - 2.0).abs() < 0.2);
        assert!((slow.slowness.during_ms - 30.0).abs() < 2.0);
        let found: Vec<f64> = calls
            .iter()
            .filter(|call| slow.is_slow(call))
            .map(|call| call.start_ns as f64 / 1e9)
            .collect();
        assert_eq!(found.len(), 300);
        assert!(found.iter().all(|t| (30.0..45.0).contains(t)));
    }

    #[test]
    fn what_is_hardly_longer_is_not_slow() {
        for ms in [2.0, 2.5, 5.0] {
            let calls = calls(ms);
            assert!(slow(&calls.iter().collect::<Vec<_>>()).is_none(), "{ms}");
        }
    }
}
