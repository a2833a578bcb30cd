//! Facts -> incidents: for each service the stretch in which calls to it fail, or take longer, more
//! than otherwise, refined to the first bad call; stretches that overlap are one incident.

use std::collections::BTreeMap;

use super::facts::{CallFact, EntityId, Facts};
use super::scan::{Bin, Raised, bins, most_raised};
use super::slow::{Slowness, is_plain, slow};

/// Log likelihood that a raised stretch must gain: false alarms stay below 1 in 1000 on
/// independent calls; what is not independent must pass the floors as well.
const GAIN_MIN: f64 = 10.0;
/// Failures that make an episode.
const FAILED_MIN: u64 = 5;
/// How much higher the ratio must be inside than outside.
const RATIO_MIN: f64 = 3.0;
/// And by how much in absolute terms.
const RAISE_MIN: f64 = 0.01;
/// Episodes further apart than this are different incidents.
const MERGE_GAP_NS: i64 = 30_000_000_000;
/// Operations that fail in this share of their calls within an episode are those that broke.
const BROKEN_SHARE: f64 = 0.1;
/// Bins before and after a raised stretch in which its ends are refined.
const MARGIN_BINS: i64 = 2;
/// Depth of looking for more episodes before and after one that was found.
const DEPTH_MAX: usize = 4;

/// It was good at `last_good` and bad at `first_bad`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onset {
    /// `None` when it was bad from the first call on.
    pub last_good_ns: Option<i64>,
    pub first_bad_ns: i64,
}

/// One service failing, or slow, for one stretch of time.
#[derive(Debug, Clone)]
pub struct Episode {
    pub service: EntityId,
    /// By how much it is slow; its calls fail where it is not.
    pub slowness: Option<Slowness>,
    pub onset: Onset,
    /// The failed call that the run of failures begins with.
    pub first: CallFact,
    /// Last failed call's start.
    pub last_bad_ns: i64,
    /// Still failing when the capture ended.
    pub ongoing: bool,
    pub inside: Bin,
    pub outside: Bin,
    pub gain: f64,
    /// Operations that broke, as indices into [`Facts::texts`].
    pub operations: Vec<u32>,
}

/// Episodes that belong together, by onset.
#[derive(Debug, Clone)]
pub struct Incident {
    pub onset: Onset,
    /// `None` when it was still going on at the end of the capture.
    pub end_ns: Option<i64>,
    pub episodes: Vec<Episode>,
}

impl Incident {
    /// Its time from the first bad call to the last, end exclusive.
    pub fn span(&self, facts: &Facts) -> (i64, i64) {
        let end = self.end_ns.unwrap_or(facts.last_ns);
        let starts = self.episodes.iter().map(|e| e.first.start_ns);
        let start = starts.min().unwrap_or(self.onset.first_bad_ns);
        (start.min(self.onset.first_bad_ns), end.saturating_add(1))
    }
}

/// All incidents, by onset.
pub fn detect(facts: &Facts) -> Vec<Incident> {
    // Connections are compared with connections: one carries many calls.
    let mut by_service: BTreeMap<(EntityId, bool), Vec<&CallFact>> = BTreeMap::new();
    for call in &facts.calls {
        by_service.entry((call.dst, call.is_conn)).or_default().push(call);
    }
    let mut episodes = Vec::new();
    for ((service, is_conn), calls) in by_service {
        if calls.iter().any(|c| c.failed()) {
            let failed: &dyn Fn(&CallFact) -> bool = &CallFact::failed;
            Search { facts, service, bad: failed, slowness: None }.find(&calls, 0, &mut episodes);
        }
        let answered: Vec<&CallFact> =
            calls.into_iter().filter(|c| !c.failed() && c.elapsed_ms().is_some()).collect();
        if let Some(slow) = slow(&answered).filter(|_| !is_conn) {
            let (bad, slowness) = (&|call: &CallFact| slow.is_slow(call), Some(slow.slowness));
            Search { facts, service, bad, slowness }.find(&answered, 0, &mut episodes);
        }
    }
    episodes.sort_by_key(|e: &Episode| (e.onset.first_bad_ns, e.service));
    merge(facts, episodes)
}

/// An incident of which only the onset is known, as somebody tells it.
pub fn told(onset_ns: i64) -> Incident {
    let onset = Onset { last_good_ns: None, first_bad_ns: onset_ns };
    Incident { onset, end_ns: None, episodes: Vec::new() }
}

/// Looks for episodes among the calls to one service.
struct Search<'f> {
    facts: &'f Facts,
    service: EntityId,
    /// Whether a call is as it should not be.
    bad: &'f dyn Fn(&CallFact) -> bool,
    /// Bad calls are slow ones, not failed ones.
    slowness: Option<Slowness>,
}

impl Search<'_> {
    /// Finds the most raised stretch of `calls`, then looks before and after it.
    fn find(&self, calls: &[&CallFact], depth: usize, out: &mut Vec<Episode>) {
        if depth > DEPTH_MAX {
            return;
        }
        let Some((first, (bins, bin_ns))) = calls.first().zip(bins(calls, self.bad)) else {
            return;
        };
        let plain = |raised: &Raised| self.slowness.is_none() || is_plain(raised.inside);
        let Some(raised) = most_raised(&bins).filter(accepted).filter(plain) else { return };
        let from = first.start_ns + raised.start as i64 * bin_ns;
        let to = first.start_ns + raised.end as i64 * bin_ns;
        let at = |ts: i64| calls.partition_point(|c| c.start_ns < ts);
        if let Some(episode) = self.episode(calls, at(from)..at(to), &raised, bin_ns) {
            out.push(episode);
        }
        // A failure may begin and end within a bin that was not raised as a whole.
        let margin = MARGIN_BINS * bin_ns;
        self.find(&calls[..at(from - margin)], depth + 1, out);
        self.find(&calls[at(to + margin)..], depth + 1, out);
    }
}

/// Whether a raised stretch is more than noise, and more than a triviality.
fn accepted(raised: &Raised) -> bool {
    let rate = |bin: Bin| bin.k as f64 / bin.n.max(1) as f64;
    let (inside, outside) = (rate(raised.inside), rate(raised.outside));
    if raised.outside.n == 0 {
        // Bad from start to end: there is nothing to compare with, so it must be plain.
        return raised.inside.k >= FAILED_MIN && inside >= 0.05;
    }
    raised.gain > GAIN_MIN
        && raised.inside.k >= FAILED_MIN
        && inside >= RATIO_MIN * outside
        && inside - outside >= RAISE_MIN
}

impl Search<'_> {
    /// The episode of `calls[inside]`, its ends refined to calls.
    fn episode(
        &self,
        calls: &[&CallFact],
        inside: std::ops::Range<usize>,
        raised: &Raised,
        bin_ns: i64,
    ) -> Option<Episode> {
        let bad = self.bad;
        let operations = self.broken_operations(&calls[inside.clone()]);
        let broke: Vec<&CallFact> =
            calls.iter().copied().filter(|c| operations.contains(&c.operation)).collect();
        let margin = MARGIN_BINS * bin_ns;
        let (start, end) = (calls[inside.start].start_ns, calls[inside.end - 1].start_ns);
        let first = self.first_of_run(&broke, start - margin, end)?;
        let last = broke.iter().rev().filter(|c| bad(c)).find(|c| c.start_ns <= end + margin)?;
        // It was bad for certain once the first failures were known, and good as long as calls of
        // the kind that broke were answered; other operations may go on working.
        let failures = broke.iter().filter(|c| bad(c) && c.start_ns >= first.start_ns);
        let first_bad_ns = failures.map(|c| c.end_ns).min()?;
        let good = broke.iter().filter(|c| !bad(c) && c.has_response && c.end_ns < first_bad_ns);
        let last_good_ns = good.map(|c| c.start_ns).max();
        Some(Episode {
            service: self.service,
            slowness: self.slowness,
            onset: Onset { last_good_ns, first_bad_ns },
            first: *first,
            last_bad_ns: last.start_ns,
            ongoing: self.facts.last_ns - last.start_ns <= 2 * bin_ns,
            inside: raised.inside,
            outside: raised.outside,
            gain: raised.gain,
            operations,
        })
    }

    /// The first bad call from `from_ns` on that begins a run: of it and the next four, most are.
    fn first_of_run<'c>(
        &self,
        calls: &[&'c CallFact],
        from_ns: i64,
        to_ns: i64,
    ) -> Option<&'c CallFact> {
        const RUN: usize = 5;
        let near = |c: &CallFact| (self.bad)(c) && (from_ns..=to_ns).contains(&c.start_ns);
        let failed = |window: &[&CallFact]| window.iter().filter(|c| (self.bad)(c)).count();
        let begins_run =
            |i: &usize| failed(&calls[*i..calls.len().min(i + RUN)]) * 2 > RUN.min(calls.len() - i);
        let candidates: Vec<usize> = (0..calls.len()).filter(|&i| near(calls[i])).collect();
        let first = candidates.iter().copied().find(|i| begins_run(i));
        first.or(candidates.first().copied()).map(|i| calls[i])
    }

    /// Operations that are bad in a notable share of their calls.
    fn broken_operations(&self, calls: &[&CallFact]) -> Vec<u32> {
        let mut counts: BTreeMap<u32, Bin> = BTreeMap::new();
        for call in calls {
            let bin = counts.entry(call.operation).or_default();
            bin.n += 1;
            bin.k += u64::from((self.bad)(call));
        }
        let notable = |bin: &Bin| bin.k > 0 && bin.k as f64 >= BROKEN_SHARE * bin.n as f64;
        counts.into_iter().filter(|(_, bin)| notable(bin)).map(|(op, _)| op).collect()
    }
}

/// Episodes (by onset) whose times overlap or nearly do are one incident.
fn merge(facts: &Facts, episodes: Vec<Episode>) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = Vec::new();
    for episode in episodes {
        let end = (!episode.ongoing).then_some(episode.last_bad_ns);
        match incidents.last_mut() {
            Some(last)
                if last.end_ns.is_none_or(|e| episode.onset.first_bad_ns - e <= MERGE_GAP_NS) =>
            {
                last.end_ns = last.end_ns.zip(end).map(|(a, b)| a.max(b));
                last.episodes.push(episode);
            }
            _ => incidents.push(Incident {
                onset: episode.onset,
                end_ns: end,
                episodes: vec![episode],
            }),
        }
    }
    for incident in &mut incidents {
        // A single service that goes on for a moment longer does not keep the incident open.
        if incident.end_ns.is_none() {
            let latest =
                incident.episodes.iter().map(|e| e.last_bad_ns).max().unwrap_or(facts.last_ns);
            incident.end_ns = incident.episodes.iter().all(|e| !e.ongoing).then_some(latest);
        }
    }
    incidents
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    const SEC: i64 = 1_000_000_000;

    #[test]
    fn a_burst_is_one_incident_with_its_onset_between_good_and_bad() {
        // 20 calls a second for 60 s, all failing from 30.0 s to 45.0 s.
        let facts = facts(60, 20, |t| (30.0..45.0).contains(&t));
        let found = detect(&facts);
        assert_eq!(found.len(), 1);
        let onset = found[0].onset;
        assert!(onset.last_good_ns.unwrap() < 30 * SEC && onset.first_bad_ns >= 30 * SEC);
        // One call apart, and a failed call is known to be bad when it is answered, after 2 ms.
        assert!(onset.first_bad_ns - onset.last_good_ns.unwrap() <= SEC / 20 + 2_000_001);
        assert!(found[0].end_ns.is_some_and(|end| end < 45 * SEC && end > 44 * SEC));
    }

    #[test]
    fn two_bursts_far_apart_are_two_incidents() {
        let facts = facts(300, 10, |t| (60.0..70.0).contains(&t) || (200.0..220.0).contains(&t));
        assert_eq!(detect(&facts).len(), 2);
    }

    #[test]
    fn still_failing_at_the_end_has_no_end() {
        let facts = facts(60, 20, |t| t >= 40.0);
        assert_eq!(detect(&facts)[0].end_ns, None);
    }

    #[test]
    fn background_errors_are_no_incident() {
        let facts = facts(120, 30, |t| (t * 30.0) as u64 % 211 == 7);
        assert!(detect(&facts).is_empty());
    }
}
