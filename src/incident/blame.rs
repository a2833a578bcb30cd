//! Where an incident started: a failed call that has a failed call below it passes the blame on;
//! what remains is counted at the deepest callee, beside what else speaks for it (`terms.rs`). A
//! ranking, never a verdict.

use std::collections::BTreeMap;

use super::detect::{Incident, Onset};
use super::facts::{CallFact, EntityId, Facts};
use super::scan::Bin;
use super::terms::{Weighed, terms};
use crate::stats::{Z_95, wilson_interval};

/// A child may seem to start before its parent, or end after it, by so much: capture jitter.
const SLACK_NS: i64 = 2_000_000;
/// How long after an unanswered request its children are looked for.
const UNANSWERED_NS: i64 = 10_000_000_000;
/// Pieces of evidence that count for one suspect.
const TERMS_MAX: usize = 4;
/// Suspects below this share of the best one's score are not worth a line.
const SHARE_MIN: f64 = 0.02;

/// What a suspect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspectKind {
    Service,
    Node,
    External,
    Dns,
}

/// A candidate for the origin, with the figures that speak for and against it.
#[derive(Debug, Clone)]
pub struct Suspect {
    pub entity: EntityId,
    pub kind: SuspectKind,
    pub score: f64,
    /// Of the sum of all scores.
    pub share: f64,
    /// Calls to it during the incident: all, and failed without a failed call below them.
    pub deep: Bin,
    /// The same before the incident.
    pub deep_before: Bin,
    /// Failed calls to it during the incident, whatever is below them.
    pub failed: u64,
    /// How its deep failures were answered, most frequent first.
    pub statuses: Vec<(u32, u64)>,
    /// Operations of its deep failures: calls and failures during, most failures first.
    pub operations: Vec<(u32, Bin)>,
    /// First deep failure, else the first call to it.
    pub first: CallFact,
    pub onset: Onset,
    /// What speaks for it besides failures, heaviest first.
    pub terms: Vec<Weighed>,
}

/// Candidates for the origin of `incident`, best first.
pub fn suspects(facts: &Facts, incident: &Incident) -> Vec<Suspect> {
    let children = Children::new(facts);
    let (from, to) = incident.span(facts);
    let before = tally(facts.between(i64::MIN, from), &children);
    let during = tally(facts.between(from, to), &children);
    let mut terms = terms(facts, from, to);
    let is_source = facts.is_source();
    let mut found: Vec<Suspect> = during
        .into_iter()
        .filter_map(|(entity, during)| {
            let terms = terms.remove(&entity).unwrap_or_default();
            let before = before.get(&entity);
            suspect(facts, incident, entity, (during, before), terms)
        })
        .filter(|suspect| !is_source[suspect.entity as usize])
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.first.start_ns.cmp(&b.first.start_ns)));
    let best = found.first().map_or(0.0, |s| s.score);
    found.retain(|s| s.score > 0.0 && s.score >= SHARE_MIN * best);
    let sum: f64 = found.iter().map(|s| s.score).sum();
    for suspect in &mut found {
        suspect.share = suspect.score / sum;
    }
    found
}

/// Failed calls by caller and time.
struct Children<'f> {
    by_caller: BTreeMap<EntityId, Vec<&'f CallFact>>,
}

impl<'f> Children<'f> {
    fn new(facts: &'f Facts) -> Self {
        let mut by_caller: BTreeMap<EntityId, Vec<&CallFact>> = BTreeMap::new();
        for call in facts.calls.iter().filter(|c| c.failed()) {
            by_caller.entry(call.src).or_default().push(call);
        }
        Children { by_caller }
    }

    /// Whether a failed call by the callee lies within `call`.
    fn explains(&self, call: &CallFact) -> bool {
        let Some(children) = self.by_caller.get(&call.dst) else { return false };
        let end = match call.has_response {
            true => call.end_ns,
            false => call.start_ns + UNANSWERED_NS,
        };
        let first = children.partition_point(|c| c.start_ns < call.start_ns - SLACK_NS);
        children[first..]
            .iter()
            .take_while(|c| c.start_ns <= end)
            .any(|c| c.dst != call.dst && (!call.has_response || c.end_ns <= end + SLACK_NS))
    }
}

/// What was counted of the calls to one entity.
#[derive(Default)]
struct Tally<'f> {
    calls: u64,
    /// Connections that carried calls: compared with where connections fail.
    conns: u64,
    failed: u64,
    deep: Vec<&'f CallFact>,
    first: Option<&'f CallFact>,
    operations: BTreeMap<u32, Bin>,
}

fn tally<'f>(calls: &'f [CallFact], children: &Children<'_>) -> BTreeMap<EntityId, Tally<'f>> {
    let mut tallies: BTreeMap<EntityId, Tally> = BTreeMap::new();
    for call in calls {
        let tally = tallies.entry(call.dst).or_default();
        tally.calls += u64::from(call.counts);
        tally.conns += u64::from(!call.counts);
        tally.failed += u64::from(call.failed());
        if !call.counts {
            continue;
        }
        tally.first.get_or_insert(call);
        let operation = tally.operations.entry(call.operation).or_default();
        operation.n += 1;
        if call.failed() && !children.explains(call) {
            operation.k += 1;
            tally.deep.push(call);
        }
    }
    tallies
}

fn suspect(
    facts: &Facts,
    incident: &Incident,
    entity: EntityId,
    (during, before): (Tally<'_>, Option<&Tally<'_>>),
    terms: Vec<Weighed>,
) -> Option<Suspect> {
    let first = *during.deep.first().copied().or(during.first)?;
    let of_conns = during.deep.iter().any(|c| c.is_conn);
    let bin =
        |t: &Tally| Bin { n: t.calls + if of_conns { t.conns } else { 0 }, k: t.deep.len() as u64 };
    let deep = bin(&during);
    let deep_before = before.map_or(Bin::default(), bin);
    let rate = |bin: Bin| bin.k as f64 / bin.n.max(1) as f64;
    // The lower bound keeps two failures out of three from outweighing hundreds out of thousands.
    let raise = (wilson_interval(deep.k, deep.n, Z_95).low - rate(deep_before)).max(0.0);
    let mut statuses: BTreeMap<u32, u64> = BTreeMap::new();
    for call in &during.deep {
        *statuses.entry(call.status).or_default() += 1;
    }
    let mut statuses: Vec<_> = statuses.into_iter().collect();
    statuses.sort_by_key(|&(text, count)| (std::cmp::Reverse(count), text));
    let mut operations: Vec<_> = during.operations.into_iter().collect();
    operations.sort_by_key(|&(text, bin)| (std::cmp::Reverse(bin.k), text));
    let episode = incident.episodes.iter().find(|e| e.service == entity);
    Some(Suspect {
        entity,
        kind: kind(facts, entity, &during.deep),
        score: score(6.0 * raise * (1.0 + deep.k as f64).ln(), &terms),
        share: 0.0,
        deep,
        deep_before,
        failed: during.failed,
        statuses,
        operations,
        first,
        onset: episode
            .map_or(Onset { last_good_ns: None, first_bad_ns: first.end_ns }, |e| e.onset),
        terms,
    })
}

/// The heaviest pieces of evidence, each counting less than the one before: many small ones do not
/// outweigh a plain one.
fn score(failures: f64, terms: &[Weighed]) -> f64 {
    let mut weights: Vec<f64> = terms.iter().map(|(weight, _)| *weight).collect();
    weights.push(failures);
    weights.sort_by(|a, b| b.total_cmp(a));
    weights.iter().take(TERMS_MAX).zip(1u32..).map(|(weight, rank)| weight / f64::from(rank)).sum()
}

fn kind(facts: &Facts, entity: EntityId, deep: &[&CallFact]) -> SuspectKind {
    let dns = deep.iter().filter(|c| facts.text(c.protocol) == "DNS").count();
    match facts.entity(entity).kind.as_str() {
        _ if dns * 2 > deep.len() => SuspectKind::Dns,
        "external" => SuspectKind::External,
        "node" => SuspectKind::Node,
        _ => SuspectKind::Service,
    }
}

#[cfg(test)]
mod tests {
    use super::super::detect::detect;
    use super::super::facts::tests::facts;
    use super::*;
    use crate::outcome::Outcome;

    /// client -> server -> store: the store fails from 30 s on, the server passes it on.
    #[test]
    fn blame_falls_on_the_deepest_failing_callee() {
        let mut facts = facts(60, 20, |t| t >= 30.0);
        let mut store = facts.entities[1].clone();
        store.name = "store".into();
        facts.entities.push(store);
        let below: Vec<CallFact> = facts
            .calls
            .iter()
            .map(|c| CallFact {
                id: c.id + 100_000,
                src: 1,
                dst: 2,
                start_ns: c.start_ns + 500_000,
                end_ns: c.end_ns - 500_000,
                ..*c
            })
            .collect();
        facts.calls.extend(below);
        facts.calls.sort_by_key(|c| c.start_ns);
        let incidents = detect(&facts);
        assert_eq!(incidents.len(), 1);
        let found = suspects(&facts, &incidents[0]);
        assert_eq!(facts.entity(found[0].entity).name, "store");
        assert_eq!(found.len(), 1, "the server only passes it on");
        assert_eq!((found[0].deep.k, found[0].deep_before.k), (600, 0));
    }

    /// Connections that are refused blame the callee although no call was ever made.
    #[test]
    fn refused_connections_count_as_failed_calls() {
        let mut facts = facts(60, 20, |t| t >= 30.0);
        let mut payment = facts.entities[1].clone();
        payment.name = "payment".into();
        facts.entities.push(payment);
        let refused: Vec<CallFact> = facts
            .calls
            .iter()
            .filter(|c| c.failed())
            .map(|c| CallFact {
                src: 1,
                dst: 2,
                start_ns: c.start_ns + 1,
                end_ns: c.start_ns + 1,
                is_conn: true,
                has_response: false,
                outcome: Outcome::Refused,
                ..*c
            })
            .collect();
        facts.calls.extend(refused);
        facts.calls.sort_by_key(|c| c.start_ns);
        let found = suspects(&facts, &detect(&facts)[0]);
        assert_eq!(facts.entity(found[0].entity).name, "payment");
    }
}
