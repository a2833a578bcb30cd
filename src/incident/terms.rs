//! What speaks for an entity being where an incident started, besides failures: its own time or
//! the way to it got longer, its times changed shape, requests stop making a call or end behind
//! one. Medians and their absolute deviations, which a late onset or a few outliers do not move.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{CallFact, EntityId, Facts};
use super::own::request_begins;
use super::scan::Bin;
use crate::stats::{percentile, two_proportion_z};

/// The time before the incident that is compared with, where it holds enough calls.
const BASE_NS: i64 = 120_000_000_000;
const BASE_CALLS: usize = 20;
/// Calls before, and during, without which nothing is compared.
const BEFORE_MIN: usize = 5;
const DURING_MIN: usize = 3;
const SHAPE_MIN: usize = 20;
/// Deviations that make a shift, and standard errors that make a difference of shares.
const Z_MIN: f64 = 2.5;
/// Kolmogorov and Smirnov's statistic for p = 0.001.
const SHAPE_Z_MIN: f64 = 1.95;
/// A change of shape alone weighs little: load alone changes it.
const SHAPE_WEIGHT: f64 = 0.25;
/// A share of calls that stop must drop by so much.
const DROP_MIN: f64 = 0.1;

/// A piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Term {
    /// Its own time for an operation, in milliseconds (median before and during).
    OwnTime { operation: u32, before_ms: f64, during_ms: f64, calls: usize },
    /// The way to (`towards`) or from another entity, the same.
    Way { peer: EntityId, towards: bool, before_ms: f64, during_ms: f64, calls: usize },
    /// The times of an operation are spread otherwise, by this share.
    Shape { operation: u32, share: f64, calls: usize },
    /// Requests of an operation make a call less often: those that made it, before and during.
    Stops { operation: u32, callee: EntityId, before: Bin, during: Bin },
    /// Requests of another entity's operation end behind a call to it: the same.
    EndsHere { caller: EntityId, operation: u32, before: Bin, during: Bin },
}

/// A term with its weight.
pub type Weighed = (f64, Term);

/// All terms of all entities, heaviest first.
pub(super) fn terms(facts: &Facts, from_ns: i64, to_ns: i64) -> BTreeMap<EntityId, Vec<Weighed>> {
    let begins = request_begins(&facts.calls);
    let split = Split { facts, begins: &begins, from_ns, to_ns };
    let mut found: BTreeMap<EntityId, Vec<Weighed>> = BTreeMap::new();
    own_times(&split, &mut found);
    ways(&split, &mut found);
    stops(&split, &mut found);
    for terms in found.values_mut() {
        terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    }
    found
}

/// Calls before an incident and during it.
struct Split<'f> {
    facts: &'f Facts,
    begins: &'f [i64],
    from_ns: i64,
    to_ns: i64,
}

/// Values of one kind of call.
#[derive(Default)]
struct Sample {
    recent: Vec<f64>,
    earlier: Vec<f64>,
    during: Vec<f64>,
}

impl Sample {
    /// What is compared with, and what is compared.
    fn sides(mut self) -> Option<(Vec<f64>, Vec<f64>)> {
        if self.recent.len() < BASE_CALLS {
            self.recent.append(&mut self.earlier);
        }
        let enough = self.recent.len() >= BEFORE_MIN && self.during.len() >= DURING_MIN;
        enough.then_some((self.recent, self.during))
    }
}

impl Split<'_> {
    /// The calls with the begin of their request, those past the incident left out.
    fn calls(&self) -> impl Iterator<Item = (&CallFact, i64)> {
        let calls = self.facts.calls.iter().zip(self.begins.iter().copied());
        calls.filter(|(call, begin)| !call.is_conn && *begin < self.to_ns)
    }

    /// Milliseconds by a key.
    fn samples<K: Ord>(
        &self,
        value: impl Fn(&CallFact) -> Option<(K, i64)>,
    ) -> BTreeMap<K, Sample> {
        let mut samples: BTreeMap<K, Sample> = BTreeMap::new();
        for (call, begin) in self.calls() {
            let Some((key, us)) = value(call) else { continue };
            let sample = samples.entry(key).or_default();
            let side = match begin {
                begin if begin >= self.from_ns => &mut sample.during,
                begin if begin >= self.from_ns - BASE_NS => &mut sample.recent,
                _ => &mut sample.earlier,
            };
            side.push(us as f64 / 1e3);
        }
        samples
    }
}

/// How far the median moved.
struct Shift {
    before_ms: f64,
    during_ms: f64,
    /// In deviations of what was before.
    z: f64,
    calls: usize,
}

impl Shift {
    fn of(before: &mut [f64], during: &mut [f64]) -> Shift {
        let middle = |values: &mut [f64]| percentile(values, 50.0).unwrap_or(0.0);
        let (before_ms, during_ms) = (middle(before), middle(during));
        let mut off: Vec<f64> = before.iter().map(|ms| (ms - before_ms).abs()).collect();
        // A millisecond, and a tenth, are never remarkable.
        let spread = (1.4826 * middle(&mut off)).max(1.0).max(0.1 * before_ms.abs());
        let z = (during_ms - before_ms) / spread;
        Shift { before_ms, during_ms, z, calls: during.len() }
    }

    /// What it weighs; 0 where it is none.
    fn weight(&self) -> f64 {
        let excess = self.during_ms - self.before_ms;
        if self.z <= Z_MIN || excess <= 0.0 {
            return 0.0;
        }
        (1.0 + self.z).ln() * (1.0 + excess).log10() * (self.calls as f64 / 10.0).sqrt().min(1.0)
    }
}

/// Largest distance between the distributions of two samples, and what it is worth: Kolmogorov
/// and Smirnov's D and D√(nm/(n+m)).
fn shape(a: &mut [f64], b: &mut [f64]) -> (f64, f64) {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mut i, mut j, mut distance) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        i += a[i..].iter().take_while(|x| **x <= value).count();
        j += b[j..].iter().take_while(|x| **x <= value).count();
        distance = distance.max((i as f64 / n - j as f64 / m).abs());
    }
    (distance, distance * (n * m / (n + m)).sqrt())
}

fn own_times(split: &Split<'_>, found: &mut BTreeMap<EntityId, Vec<Weighed>>) {
    let samples = split.samples(|call| Some(((call.dst, call.operation), call.own_us?)));
    for ((entity, operation), sample) in samples {
        let Some((mut before, mut during)) = sample.sides() else { continue };
        let shift = Shift::of(&mut before, &mut during);
        let Shift { before_ms, during_ms, calls, .. } = shift;
        let weight = shift.weight();
        if weight > 0.0 {
            let term = Term::OwnTime { operation, before_ms, during_ms, calls };
            found.entry(entity).or_default().push((weight, term));
        } else if before.len().min(during.len()) >= SHAPE_MIN {
            let (share, z) = shape(&mut before, &mut during);
            if z > SHAPE_Z_MIN {
                let weight = SHAPE_WEIGHT * (1.0 + z).ln() * share;
                let term = Term::Shape { operation, share, calls };
                found.entry(entity).or_default().push((weight, term));
            }
        }
    }
}

/// The ways that got longer. Whichever end explains more of them, and leaves fewer of its ways
/// unexplained, gets the full weight, the other half of it.
fn ways(split: &Split<'_>, found: &mut BTreeMap<EntityId, Vec<Weighed>>) {
    let samples = split.samples(|call| Some(((call.src, call.dst), call.way_us?)));
    let mut shifts = BTreeMap::new();
    for (ends, sample) in samples {
        if let Some((mut before, mut during)) = sample.sides() {
            shifts.insert(ends, Shift::of(&mut before, &mut during));
        }
    }
    let explained = |of: &dyn Fn(&(EntityId, EntityId)) -> bool| {
        let ways = || shifts.iter().filter(|(ends, _)| of(ends));
        let longer = ways().filter(|(_, shift)| shift.weight() > 0.0).count() as f64;
        longer * longer / ways().count().max(1) as f64
    };
    for (&(src, dst), shift) in shifts.iter().filter(|(_, shift)| shift.weight() > 0.0) {
        let by_caller = explained(&|ends| ends.0 == src);
        let by_callee = explained(&|ends| ends.1 == dst);
        let (caller, callee) = if by_caller > by_callee { (1.0, 0.5) } else { (0.5, 1.0) };
        for (entity, peer, towards, part) in [(dst, src, false, callee), (src, dst, true, caller)] {
            let &Shift { before_ms, during_ms, calls, .. } = shift;
            let term = Term::Way { peer, towards, before_ms, during_ms, calls };
            found.entry(entity).or_default().push((part * shift.weight(), term));
        }
    }
}

/// What requests of one operation did: how many there were, how many made each kind of call, and
/// which call was the last to end.
#[derive(Default)]
struct Requests {
    count: u64,
    made: BTreeMap<(EntityId, u32), u64>,
    last: BTreeMap<(EntityId, u32), u64>,
}

/// Calls that requests no longer make, and the call behind which they end now.
fn stops(split: &Split<'_>, found: &mut BTreeMap<EntityId, Vec<Weighed>>) {
    let [before, during] = requests(split);
    let mut dropped = Vec::new();
    for (&(entity, operation), was) in &before {
        let Some(is) = during.get(&(entity, operation)) else { continue };
        if was.count < BEFORE_MIN as u64 || is.count < BEFORE_MIN as u64 {
            continue;
        }
        let bins = |calls: fn(&Requests) -> &BTreeMap<(EntityId, u32), u64>, kind| {
            let k = |requests: &Requests| calls(requests).get(&kind).copied().unwrap_or(0);
            (Bin { n: was.count, k: k(was) }, Bin { n: is.count, k: k(is) })
        };
        let drops: Vec<_> = was
            .made
            .keys()
            .map(|&kind| (kind, bins(|requests| &requests.made, kind)))
            .filter_map(|(kind, (was, is))| Some((fall(was, is)?, kind, was, is)))
            .collect();
        if drops.is_empty() {
            continue;
        }
        let ends = is.last.keys().map(|&kind| (kind, bins(|requests| &requests.last, kind)));
        let ends = ends.filter_map(|(kind, (was, is))| Some((fall(is, was)?, kind.0)));
        let end = ends.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, callee)| callee);
        dropped.push((entity, operation, end, drops));
    }
    // One caller whose requests end behind a call may just have given up; several have not.
    let mut callers: BTreeMap<EntityId, BTreeSet<(EntityId, u32)>> = BTreeMap::new();
    for &(entity, operation, end, _) in &dropped {
        callers.entry(end.unwrap_or(entity)).or_default().insert((entity, operation));
    }
    for (entity, operation, end, drops) in dropped {
        let several = end.is_some_and(|end| callers.get(&end).is_some_and(|of| of.len() > 1));
        let own = if several { 0.5 } else { 1.0 };
        for (weight, (callee, _), before, during) in drops {
            let term = Term::Stops { operation, callee, before, during };
            found.entry(entity).or_default().push((own * weight, term));
            if let Some(end) = end.filter(|&end| end != callee) {
                let term = Term::EndsHere { caller: entity, operation, before, during };
                found.entry(end).or_default().push(((1.5 - own) * weight, term));
            }
        }
    }
}

/// What a fall of a share weighs; `None` where it is none.
fn fall(was: Bin, is: Bin) -> Option<f64> {
    let share = |bin: Bin| bin.k as f64 / bin.n.max(1) as f64;
    let (z, drop) = (two_proportion_z(was.k, was.n, is.k, is.n), share(was) - share(is));
    (z > Z_MIN && drop > DROP_MIN).then(|| (1.0 + z).ln() * drop)
}

/// The requests of each operation in which nothing failed, before and during.
fn requests(split: &Split<'_>) -> [BTreeMap<(EntityId, u32), Requests>; 2] {
    let recent = split
        .calls()
        .filter(|(_, begin)| (split.from_ns - BASE_NS..split.from_ns).contains(begin))
        .count();
    let base = if recent > 15 * BASE_CALLS { split.from_ns - BASE_NS } else { i64::MIN };
    let mut made: BTreeMap<u32, Vec<&CallFact>> = BTreeMap::new();
    for call in &split.facts.calls {
        if let Some(parent) = call.parent {
            made.entry(parent).or_default().push(call);
        }
    }
    let mut sides: [BTreeMap<(EntityId, u32), Requests>; 2] = Default::default();
    for (index, (call, &begin)) in (0..).zip(split.facts.calls.iter().zip(split.begins)) {
        if call.is_conn || begin < base || begin >= split.to_ns {
            continue;
        }
        let calls = made.get(&index).map_or(&[][..], Vec::as_slice);
        if call.failed() || calls.iter().any(|call| call.failed()) {
            continue; // what a request no longer does once something failed follows from that
        }
        let side = &mut sides[usize::from(begin >= split.from_ns)];
        let requests = side.entry((call.dst, call.operation)).or_default();
        requests.count += 1;
        let kinds: BTreeSet<_> = calls.iter().map(|c| (c.dst, c.operation)).collect();
        for kind in kinds {
            *requests.made.entry(kind).or_default() += 1;
        }
        if let Some(last) = calls.iter().max_by_key(|c| c.end_ns) {
            *requests.last.entry((last.dst, last.operation)).or_default() += 1;
        }
    }
    sides
}
