//! Links so far -> what is usual: how long a place pauses between one thing it does for a request
//! and the next, and how often it makes a call for one. With that the likeliest parent of a call is
//! chosen, in order of time, each choice knowing those before it.

use std::collections::BTreeMap;

use super::Span;
use super::nest::Choice;

/// Least spread of a pause, as a difference of logarithms.
const SPREAD_MIN: f64 = 0.15;
/// Score of a step that was never seen.
const UNSEEN: f64 = -12.0;
/// Taken off where the parent has made all such calls that it usually makes.
const FULL: f64 = 6.0;
/// Share of parents that make at most the usual number of calls.
const USUAL_SHARE: f64 = 0.98;

/// From one call (`None`: the begin of the parent) to the next, for a kind of parent.
type Step = (u32, Option<u32>, u32);

/// A usual pause: logarithms of microseconds, and how often it was seen.
#[derive(Debug, Clone, Copy)]
struct Pause {
    median: f64,
    spread: f64,
    seen: f64,
}

/// What is usual at one place.
pub(super) struct Model {
    pauses: BTreeMap<Step, Pause>,
    /// How often anything followed.
    followed: BTreeMap<(u32, Option<u32>), f64>,
    /// Calls of an operation that a parent usually makes at most.
    usual: BTreeMap<(u32, u32), usize>,
}

/// What was done for one parent so far.
#[derive(Default, Clone)]
struct Done {
    calls: Vec<u32>,
}

impl Done {
    /// The call that ended last before `now`: its operation, and when.
    fn last(&self, spans: &[Span], now: i64) -> Option<(u32, i64)> {
        let spans = self.calls.iter().map(|&call| &spans[call as usize]);
        let ended = spans.filter(|span| span.called_ns[1] <= now);
        ended.max_by_key(|span| span.called_ns[1]).map(|s| (s.operation, s.called_ns[1]))
    }
}

/// The step that `child` would be for `parent`, and the pause before it.
fn step(spans: &[Span], parent: u32, done: Option<&Done>, child: u32) -> (Step, f64) {
    let (parent, child) = (&spans[parent as usize], &spans[child as usize]);
    let now = child.called_ns[0];
    let last = done.and_then(|done| done.last(spans, now));
    let since = last.map_or(parent.served_ns[0], |(_, end)| end);
    let pause = ((now - since).max(0) as f64 / 1e3).ln_1p();
    ((parent.operation, last.map(|(operation, _)| operation), child.operation), pause)
}

impl Model {
    /// Learns from the links that are there.
    pub fn learn(
        spans: &[Span],
        served: &[u32],
        choices: &[Choice],
        chosen: &[Option<u32>],
    ) -> Self {
        let mut pauses: BTreeMap<Step, Vec<f64>> = BTreeMap::new();
        let mut done: BTreeMap<u32, Done> = BTreeMap::new();
        for (choice, &parent) in choices.iter().zip(chosen) {
            let Some(parent) = parent else { continue };
            let (step, pause) = step(spans, parent, done.get(&parent), choice.child);
            pauses.entry(step).or_default().push(pause);
            done.entry(parent).or_default().calls.push(choice.child);
        }
        let mut followed: BTreeMap<_, f64> = BTreeMap::new();
        for ((parent, last, _), pauses) in &pauses {
            *followed.entry((*parent, *last)).or_default() += pauses.len() as f64;
        }
        Model {
            pauses: pauses.into_iter().map(|(step, pauses)| (step, Pause::of(pauses))).collect(),
            followed,
            usual: usual(spans, served, &done),
        }
    }

    /// The likeliest parent of each call.
    pub fn choose(&self, spans: &[Span], choices: &[Choice]) -> Vec<Option<u32>> {
        let mut done: BTreeMap<u32, Done> = BTreeMap::new();
        let mut chosen = Vec::with_capacity(choices.len());
        for choice in choices {
            let scores = choice.candidates.iter().map(|&parent| {
                (self.score(spans, parent, done.get(&parent), choice.child), parent)
            });
            let sure = choice.tier != super::Tier::Likeliest;
            let best = match sure {
                true => choice.candidates.last().copied(),
                false => scores
                    .reduce(|best, next| if next.0 >= best.0 { next } else { best })
                    .map(|(_, parent)| parent),
            };
            if let Some(parent) = best {
                done.entry(parent).or_default().calls.push(choice.child);
            }
            chosen.push(best);
        }
        chosen
    }

    /// How well `child` fits as the next call made for `parent`: a logarithm, heavy-tailed in the
    /// pause, since queues and collectors make some pauses long.
    fn score(&self, spans: &[Span], parent: u32, done: Option<&Done>, child: u32) -> f64 {
        let (step, pause) = step(spans, parent, done, child);
        let fit = match self.pauses.get(&step) {
            Some(usual) => {
                let z = (pause - usual.median) / usual.spread;
                let followed = self.followed.get(&(step.0, step.1)).copied().unwrap_or(0.0);
                -1.5 * (z * z / 2.0).ln_1p() - usual.spread.ln()
                    + ((usual.seen + 1.0) / (followed + 2.0)).ln()
            }
            None => UNSEEN,
        };
        let operation = spans[child as usize].operation;
        let calls = done.map_or(&[][..], |done| &done.calls);
        let made =
            calls.iter().filter(|&&call| spans[call as usize].operation == operation).count();
        let usual = self.usual.get(&(step.0, operation)).copied().unwrap_or(1);
        if made >= usual { fit - FULL } else { fit }
    }
}

impl Pause {
    fn of(mut pauses: Vec<f64>) -> Self {
        let median = middle(&mut pauses);
        let mut off: Vec<f64> = pauses.iter().map(|pause| (pause - median).abs()).collect();
        let spread = (1.4826 * middle(&mut off)).max(SPREAD_MIN);
        Pause { median, spread, seen: pauses.len() as f64 }
    }
}

/// The median; 0 of nothing.
fn middle(values: &mut [f64]) -> f64 {
    crate::stats::percentile(values, 50.0).unwrap_or(0.0)
}

/// The number of calls of an operation that nearly all parents which make any stay within.
fn usual(
    spans: &[Span],
    served: &[u32],
    done: &BTreeMap<u32, Done>,
) -> BTreeMap<(u32, u32), usize> {
    let mut numbers: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for parent in served {
        let mut made: BTreeMap<u32, usize> = BTreeMap::new();
        for &call in done.get(parent).map_or(&[][..], |done| &done.calls) {
            *made.entry(spans[call as usize].operation).or_default() += 1;
        }
        for (operation, number) in made {
            numbers.entry((spans[*parent as usize].operation, operation)).or_default().push(number);
        }
    }
    let within = |mut numbers: Vec<usize>| {
        numbers.sort_unstable();
        let place = (USUAL_SHARE * numbers.len() as f64).ceil() as usize;
        numbers.get(place.saturating_sub(1)).copied().unwrap_or(1)
    };
    numbers.into_iter().map(|(kind, numbers)| (kind, within(numbers))).collect()
}
