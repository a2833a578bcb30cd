//! The time before a window, for comparison: the samples of the lookback without those of windows
//! that fired. While a rule goes on firing, its base stays that of before it began, so that a
//! long incident does not become its own normal.

use std::collections::VecDeque;

use super::period::Period;
use super::window::Sample;

pub(super) struct Quiet<'a> {
    samples: &'a [Sample],
    lookback_ns: i64,
    captured_from_ns: i64,
    /// Samples of the base, and how far they have been looked at.
    base: VecDeque<&'a Sample>,
    next: usize,
    /// Unbroken stretches of windows that fired, in time order.
    fired: Vec<(i64, i64)>,
    /// End of the base.
    anchor_ns: i64,
}

impl<'a> Quiet<'a> {
    pub fn new(lookback: Period, samples: &'a [Sample], captured_from_ns: i64) -> Self {
        Quiet {
            samples,
            lookback_ns: lookback.ns,
            captured_from_ns,
            base: VecDeque::new(),
            next: 0,
            fired: Vec::new(),
            anchor_ns: captured_from_ns,
        }
    }

    /// Moves on to a window that starts at `from_ns`.
    pub fn reach(&mut self, from_ns: i64) {
        let (run_from_ns, run_to_ns) = self.fired.last().copied().unwrap_or((i64::MIN, i64::MIN));
        let is_ongoing = run_to_ns >= from_ns;
        while let Some(sample) = self.samples.get(self.next).filter(|s| s.ts_ns < from_ns) {
            if !(run_from_ns..run_to_ns).contains(&sample.ts_ns) {
                self.base.push_back(sample);
            }
            self.next += 1;
        }
        self.anchor_ns = if is_ongoing { run_from_ns } else { from_ns };
        let start_ns = self.start_ns();
        while self.base.front().is_some_and(|sample| sample.ts_ns < start_ns) {
            self.base.pop_front();
        }
    }

    /// Takes note that the window from `from_ns` to `to_ns` fired.
    pub fn exclude(&mut self, from_ns: i64, to_ns: i64) {
        match self.fired.last_mut().filter(|(_, run_to_ns)| from_ns <= *run_to_ns) {
            Some((_, run_to_ns)) => *run_to_ns = to_ns,
            None => self.fired.push((from_ns, to_ns)),
        }
    }

    /// Samples of the base, in time order.
    pub fn samples(&self) -> impl Iterator<Item = &'a Sample> {
        self.base.iter().copied()
    }

    /// Captured time that the base covers.
    pub fn duration_ns(&self) -> i64 {
        let (from_ns, to_ns) = (self.start_ns().max(self.captured_from_ns), self.anchor_ns);
        let fired = self.fired.iter().rev().take_while(|(_, run_to_ns)| *run_to_ns > from_ns);
        let excluded: i64 = fired
            .map(|&(a, b)| b.min(to_ns).saturating_sub(a.max(from_ns)).max(0))
            .fold(0, i64::saturating_add);
        to_ns.saturating_sub(from_ns).saturating_sub(excluded).max(0)
    }

    fn start_ns(&self) -> i64 {
        self.anchor_ns.saturating_sub(self.lookback_ns)
    }
}
