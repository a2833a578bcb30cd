//! Counts for tables: endpoints, services and edges, in the whole window, before and during the
//! incident. Every call counts; percentiles are exact.

use std::collections::BTreeMap;

use super::facts::{CallFact, EntityId, Facts};

/// Requests and how they were answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub failed: u64,
    pub unanswered: u64,
    /// Status or error to count, as indices into [`Facts::texts`].
    pub statuses: BTreeMap<u32, u64>,
}

/// Milliseconds from request to response, ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latency(Vec<f64>);

impl Latency {
    /// The value that a share of all lie at or below (nearest rank), `None` without any.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied()
    }
}

/// Counts and latency of one stretch of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phase {
    pub counts: Counts,
    pub latency: Latency,
}

impl Phase {
    fn add(&mut self, call: &CallFact) {
        self.counts.requests += 1;
        self.counts.failed += u64::from(call.failed());
        self.counts.unanswered += u64::from(!call.has_response);
        *self.counts.statuses.entry(call.status).or_default() += 1;
        self.latency.0.extend(call.elapsed_ms());
    }

    fn settle(&mut self) {
        self.latency.0.sort_by(f64::total_cmp);
    }
}

/// One operation of one service.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub service: EntityId,
    pub operation: u32,
    /// Called from where requests enter the captured system.
    pub entry: bool,
    pub whole: Phase,
    pub before: Phase,
    pub during: Phase,
}

/// Endpoints of the calls; `span` is the incident's [from, to).
pub fn endpoints(facts: &Facts, span: Option<(i64, i64)>) -> Vec<Endpoint> {
    let sources = facts.is_source();
    let mut found: BTreeMap<(EntityId, u32), Endpoint> = BTreeMap::new();
    for call in facts.counted() {
        let endpoint = found.entry((call.dst, call.operation)).or_insert_with(|| Endpoint {
            service: call.dst,
            operation: call.operation,
            entry: false,
            whole: Phase::default(),
            before: Phase::default(),
            during: Phase::default(),
        });
        endpoint.entry |= facts.is_entry(call, &sources);
        endpoint.whole.add(call);
        match part(call, span) {
            Some(Part::Before) => endpoint.before.add(call),
            Some(Part::During) => endpoint.during.add(call),
            None => {}
        }
    }
    let mut found: Vec<Endpoint> = found.into_values().collect();
    for endpoint in &mut found {
        endpoint.whole.settle();
        endpoint.before.settle();
        endpoint.during.settle();
    }
    found.sort_by_key(|e| {
        std::cmp::Reverse((e.whole.counts.failed, e.entry, e.whole.counts.requests))
    });
    found
}

enum Part {
    Before,
    During,
}

fn part(call: &CallFact, span: Option<(i64, i64)>) -> Option<Part> {
    let (from, to) = span?;
    match call.start_ns {
        ts if ts < from => Some(Part::Before),
        ts if ts < to => Some(Part::During),
        _ => None,
    }
}

/// Calls to one service.
#[derive(Debug, Clone)]
pub struct ServiceTally {
    pub service: EntityId,
    /// During the incident, or the whole window without one.
    pub now: Phase,
    pub before: Option<Phase>,
}

/// Services by failures now.
pub fn services(facts: &Facts, span: Option<(i64, i64)>) -> Vec<ServiceTally> {
    let mut found: BTreeMap<EntityId, (Phase, Phase)> = BTreeMap::new();
    for call in facts.counted() {
        let (now, before) = found.entry(call.dst).or_default();
        match (span.is_none(), part(call, span)) {
            (true, _) | (false, Some(Part::During)) => now.add(call),
            (false, Some(Part::Before)) => before.add(call),
            (false, None) => {}
        }
    }
    let mut found: Vec<ServiceTally> = found
        .into_iter()
        .map(|(service, (mut now, mut before))| {
            now.settle();
            before.settle();
            ServiceTally { service, now, before: span.is_some().then_some(before) }
        })
        .collect();
    found.sort_by_key(|s| std::cmp::Reverse((s.now.counts.failed, s.now.counts.requests)));
    found
}

/// Calls of one protocol from one entity to another.
#[derive(Debug, Clone)]
pub struct EdgeTally {
    pub src: EntityId,
    pub dst: EntityId,
    pub protocol: u32,
    /// During the incident, or the whole window without one.
    pub now: Phase,
    pub calls_before: u64,
}

/// Edges by caller, callee and protocol.
pub fn edges(facts: &Facts, span: Option<(i64, i64)>) -> Vec<EdgeTally> {
    let mut found: BTreeMap<(EntityId, EntityId, u32), EdgeTally> = BTreeMap::new();
    for call in facts.counted() {
        let key = (call.src, call.dst, call.protocol);
        let edge = found.entry(key).or_insert_with(|| EdgeTally {
            src: call.src,
            dst: call.dst,
            protocol: call.protocol,
            now: Phase::default(),
            calls_before: 0,
        });
        match (span.is_none(), part(call, span)) {
            (true, _) | (false, Some(Part::During)) => edge.now.add(call),
            (false, Some(Part::Before)) => edge.calls_before += 1,
            (false, None) => {}
        }
    }
    let mut found: Vec<EdgeTally> = found.into_values().collect();
    found.iter_mut().for_each(|edge| edge.now.settle());
    found
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    #[test]
    fn counts_by_phase() {
        let sec = 1_000_000_000;
        let facts = facts(60, 10, |t| (30.0..40.0).contains(&t));
        let rows = endpoints(&facts, Some((30 * sec, 40 * sec)));
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert!(row.entry);
        assert_eq!((row.whole.counts.requests, row.whole.counts.failed), (600, 100));
        assert_eq!((row.during.counts.requests, row.during.counts.failed), (100, 100));
        assert_eq!((row.before.counts.requests, row.before.counts.failed), (300, 0));
        assert_eq!(row.whole.latency.quantile(0.5), Some(2.0));
    }
}
