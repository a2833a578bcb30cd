//! One window -> whether it fires: the metric against its threshold, then against the time before.

use super::model::{Bound, Fire, Metric, Rule, WithoutBase};
use super::quiet::Quiet;
use super::window::Sample;
use crate::stats::{Z_95, difference_p, mann_whitney, percentile, wilson_interval};

/// A stretch of time and the samples in it.
pub(super) struct Window<'a> {
    pub from_ns: i64,
    pub to_ns: i64,
    pub samples: &'a [Sample],
}

/// What a window was judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    pub value: f64,
    pub base: Option<f64>,
    pub p_value: Option<f64>,
}

/// The verdict on a window that fires.
pub(super) fn judge(rule: &Rule, window: &Window, quiet: &Quiet) -> Option<Verdict> {
    let fire = &rule.fire;
    let mut now = Tally::of(fire, window.samples.iter());
    let size_s = rule.window.size.ns as f64 / 1e9;
    let value = match fire.metric {
        Metric::Absence if now.matched > 0 => return None,
        Metric::Absence => 0.0,
        _ if now.of < fire.min_of || now.matched < fire.min_match => return None,
        _ => now.value(fire, size_s, 1.0)?,
    };
    if fire.metric != Metric::Absence && !fire.op.holds(bounded(fire, &now, value), fire.value.0) {
        return None;
    }
    let alone = Verdict { value, base: None, p_value: None };
    if !fire.needs_base() {
        return Some(alone);
    }
    let mut before = Tally::of(fire, quiet.samples());
    let windows = quiet.duration_ns() as f64 / rule.window.size.ns.max(1) as f64;
    let base = before.value(fire, size_s, windows);
    match base.filter(|_| is_enough(rule, &before, windows)) {
        Some(base) => compare(fire, &now, &before, value, base),
        None => (fire.base.missing == WithoutBase::Fire && fire.metric != Metric::Absence)
            .then_some(alone),
    }
}

/// Whether the time before tells what is usual. Where only entries that match are looked at, few
/// of them are a fact in themselves: then it is time that counts.
fn is_enough(rule: &Rule, before: &Tally, windows: f64) -> bool {
    let counts = !matches!(rule.fire.metric, Metric::Ratio | Metric::Percentile);
    windows >= 1.0 && ((counts && rule.of.is_none()) || before.of >= rule.fire.base.min_of)
}

/// The number that is held against the threshold.
fn bounded(fire: &Fire, now: &Tally, value: f64) -> f64 {
    match fire.bound {
        Bound::Point => value,
        Bound::Wilson95Low => wilson_interval(now.matched, now.of, Z_95).low,
    }
}

/// Whether a window differs from the time before as far as the rule asks.
fn compare(fire: &Fire, now: &Tally, before: &Tally, value: f64, base: f64) -> Option<Verdict> {
    if fire.metric == Metric::Absence {
        let is_missed = base >= fire.min_match.max(1) as f64;
        return is_missed.then_some(Verdict { value, base: Some(base), p_value: None });
    }
    let down = fire.op.is_downward();
    let excess = if down { base - value } else { value - base };
    let is_far = fire.vs_base.is_none_or(|factor| match down {
        true => value <= factor * base,
        false => value >= factor * base,
    });
    let is_much = fire.min_delta.is_none_or(|delta| excess >= delta.0);
    if excess <= 0.0 || !is_far || !is_much {
        return None;
    }
    let p_value = fire.max_p.map(|_| now.p_value(before, fire.metric));
    let is_sure = p_value.zip(fire.max_p).is_none_or(|(p, max)| p <= max);
    is_sure.then_some(Verdict { value, base: Some(base), p_value })
}

/// What a set of samples adds up to.
struct Tally {
    of: u64,
    matched: u64,
    /// Values of the entries that match, in any order; only for a percentile.
    values: Vec<f64>,
}

impl Tally {
    fn of<'a>(fire: &Fire, samples: impl Iterator<Item = &'a Sample>) -> Tally {
        let mut tally = Tally { of: 0, matched: 0, values: Vec::new() };
        for sample in samples {
            tally.of += 1;
            tally.matched += u64::from(sample.matched);
            if sample.matched && fire.metric == Metric::Percentile {
                tally.values.push(sample.value);
            }
        }
        tally
    }

    /// The metric per window; `None` where there is nothing to compute it of.
    fn value(&mut self, fire: &Fire, size_s: f64, windows: f64) -> Option<f64> {
        let per_window = self.matched as f64 / windows;
        match fire.metric {
            Metric::Count | Metric::Absence => Some(per_window),
            Metric::Rate => Some(per_window / size_s),
            Metric::Ratio => (self.of > 0).then(|| self.matched as f64 / self.of as f64),
            Metric::Percentile => percentile(&mut self.values, fire.p.unwrap_or(50.0)),
        }
    }

    /// How likely so great a difference is by chance.
    fn p_value(&self, before: &Tally, metric: Metric) -> f64 {
        match metric {
            Metric::Percentile => {
                mann_whitney(&self.values, &before.values).map_or(1.0, |test| test.p)
            }
            _ => difference_p(self.matched, self.of, before.matched, before.of),
        }
    }
}
