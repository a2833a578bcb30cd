//! Two runs' facts -> what changed between them: services and endpoints that fail more or take
//! longer, dependencies that are new or gone. Every test that was made counts against chance, what
//! is too small to matter is left out, and runs that cannot be compared are said to be so.

mod profile;

#[cfg(test)]
mod tests;

use crate::field::Text;
use crate::incident::{Bin, Facts};
use crate::stats::{difference_p, mann_whitney, percentile};

use profile::{Edge, Measures, Profile};

/// False discoveries among all tests (Benjamini and Hochberg).
const Q: f64 = 0.01;
/// Calls on each side without which nothing is tested.
const CALLS_MIN: usize = 30;
/// Share of failures must rise by so much, and by this factor.
const ERRORS_RISE_MIN: f64 = 0.01;
const ERRORS_RATIO_MIN: f64 = 1.5;
/// Medians must grow by this factor and so many milliseconds, and most pairs of calls agree.
const LATENCY_RATIO_MIN: f64 = 1.25;
const LATENCY_RISE_MS_MIN: f64 = 1.0;
const DELTA_MIN: f64 = 0.33;
/// Calls of a dependency that is new or gone.
const EDGE_CALLS_MIN: u64 = 20;
/// Requests per second may differ by this factor: beyond it load alone explains much.
const LOAD_RATIO_MAX: f64 = 2.0;

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Service { namespace: Text, service: Text },
    Endpoint { namespace: Text, service: Text, operation: Text },
    Dependency { from: Text, to: Text, protocol: Text },
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    Errors {
        base: Bin,
        now: Bin,
    },
    /// Milliseconds.
    Latency {
        base_p50: f64,
        now_p50: f64,
        base_p95: f64,
        now_p95: f64,
        calls: usize,
    },
    New {
        calls: u64,
    },
    Gone {
        calls: u64,
    },
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub subject: Subject,
    pub what: What,
    /// For the worse. New and vanished dependencies are: somebody has to say that they are meant.
    pub worse: bool,
    /// Of the test, before it is held against all others; 0 where none was needed.
    pub p: f64,
}

/// What came of a comparison.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// The worst first.
    pub changes: Vec<Change>,
    /// Tests made.
    pub tests: usize,
    /// Why nothing found does not mean that nothing changed.
    pub doubts: Vec<String>,
}

impl Comparison {
    pub fn regressions(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.worse)
    }
}

/// Compares a run with a base.
pub fn compare(base: &Facts, now: &Facts) -> Comparison {
    let (was, is) = (Profile::of(base), Profile::of(now));
    let mut tested: Vec<Change> = Vec::new();
    for (subject, now) in &is.measures {
        if let Some(base) = was.measures.get(subject) {
            tested.extend(errors(subject, base, now));
            tested.extend(latency(subject, base, now));
        }
    }
    let tests = tested.len();
    let limit = discovery_limit(tested.iter().map(|change| change.p).collect());
    let mut changes: Vec<Change> =
        tested.into_iter().filter(|change| change.p <= limit && is_large(&change.what)).collect();
    changes.extend(dependencies(&was, &is));
    changes.sort_by(|a, b| {
        (b.worse, weight(b)).partial_cmp(&(a.worse, weight(a))).unwrap_or(std::cmp::Ordering::Equal)
    });
    Comparison { changes, tests, doubts: doubts(&was, &is) }
}

/// The largest p that Benjamini and Hochberg's procedure lets pass at [`Q`].
///
/// Y. Benjamini and Y. Hochberg, JRSS B 57 (1995).
fn discovery_limit(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len().max(1) as f64;
    let passes = |&(rank, p): &(f64, f64)| p <= Q * rank / count;
    let ranked = values.into_iter().enumerate().map(|(at, p)| (at as f64 + 1.0, p));
    ranked.filter(passes).map(|(_, p)| p).next_back().unwrap_or(-1.0)
}

fn share(bin: Bin) -> f64 {
    bin.k as f64 / bin.n.max(1) as f64
}

fn errors(subject: &Subject, base: &Measures, now: &Measures) -> Option<Change> {
    if base.calls.n.min(now.calls.n) < CALLS_MIN as u64 {
        return None;
    }
    let (base, now) = (base.calls, now.calls);
    let p = difference_p(base.k, base.n, now.k, now.n);
    let worse = share(now) > share(base);
    Some(Change { subject: subject.clone(), what: What::Errors { base, now }, worse, p })
}

fn latency(subject: &Subject, base: &Measures, now: &Measures) -> Option<Change> {
    let (mut before, mut after) = (base.sample(), now.sample());
    if before.len().min(after.len()) < CALLS_MIN {
        return None;
    }
    let test = mann_whitney(&after, &before)?;
    let what = What::Latency {
        base_p50: percentile(&mut before, 50.0)?,
        now_p50: percentile(&mut after, 50.0)?,
        base_p95: percentile(&mut before, 95.0)?,
        now_p95: percentile(&mut after, 95.0)?,
        calls: now.elapsed_ms.len(),
    };
    // What most pairs do not agree on is no change, however many calls there are.
    let p = if test.delta.abs() >= DELTA_MIN { test.p } else { 1.0 };
    Some(Change { subject: subject.clone(), what, worse: test.delta > 0.0, p })
}

/// Whether a change matters to anybody.
fn is_large(what: &What) -> bool {
    match *what {
        What::Errors { base, now } => {
            let (low, high) = (share(base).min(share(now)), share(base).max(share(now)));
            high - low >= ERRORS_RISE_MIN && high >= ERRORS_RATIO_MIN * low
        }
        What::Latency { base_p50, now_p50, .. } => {
            let (low, high) = (base_p50.min(now_p50), base_p50.max(now_p50));
            high - low >= LATENCY_RISE_MS_MIN && high >= LATENCY_RATIO_MIN * low
        }
        What::New { .. } | What::Gone { .. } => true,
    }
}

/// For the order of changes: errors before latency before dependencies, larger before smaller, and
/// a service before its endpoints.
fn weight(change: &Change) -> f64 {
    let (class, size) = match change.what {
        What::Errors { base, now } => (3.0, (share(now) - share(base)).abs()),
        What::Latency { base_p50, now_p50, .. } => {
            (2.0, ((now_p50 / base_p50.max(1e-6)).ln().abs() / 10.0).min(0.9))
        }
        What::New { .. } | What::Gone { .. } => (1.0, 0.0),
    };
    let whole = if matches!(change.subject, Subject::Service { .. }) { 0.01 } else { 0.0 };
    class + size.min(0.95) + whole
}

/// Dependencies that only one of the runs has, though both have their caller.
fn dependencies(was: &Profile, is: &Profile) -> Vec<Change> {
    let only = |one: &Profile, other: &Profile, what: fn(u64) -> What| -> Vec<Change> {
        let lone = one.edges.iter().filter(|(edge, calls)| {
            **calls >= EDGE_CALLS_MIN
                && !other.edges.contains_key(*edge)
                && other.names.contains(&edge.from)
        });
        lone.map(|(Edge { from, to, protocol }, &calls)| Change {
            subject: Subject::Dependency {
                from: from.clone(),
                to: to.clone(),
                protocol: protocol.clone(),
            },
            what: what(calls),
            worse: true,
            p: 0.0,
        })
        .collect()
    };
    let mut found = only(is, was, |calls| What::New { calls });
    found.extend(only(was, is, |calls| What::Gone { calls }));
    found
}

/// Why the runs may not be comparable.
fn doubts(was: &Profile, is: &Profile) -> Vec<String> {
    let mut doubts = Vec::new();
    for (name, profile) in [("base", was), ("run", is)] {
        if profile.calls < CALLS_MIN as u64 {
            doubts.push(format!("the {name} has {} calls: too few to tell", profile.calls));
        }
    }
    let (before, after) = (was.rate(), is.rate());
    let ratio = (after / before.max(1e-9)).max(before / after.max(1e-9));
    if doubts.is_empty() && ratio > LOAD_RATIO_MAX {
        doubts.push(format!("load differs: {before:.1} calls/s in the base, {after:.1} now"));
    }
    doubts
}
