//! Impact, services, edges and series: counts of the facts in the report's shape.

use std::collections::BTreeMap;

use crate::incident::{self, EntityId, Facts, Latency, Phase};

use super::super::model::{self, Edge, Impact, Red, Series, Service};
use super::super::time::Time;
use super::namespace;

/// Rows of the impact table: all, and those without failures.
const ROWS_MAX: usize = 300;
const QUIET_ROWS_MAX: usize = 40;
/// Services with a series of their own.
const SERIES_MAX: usize = 24;
/// Bins of a series.
const BINS: i64 = 120;

type Span = Option<(i64, i64)>;

pub fn impact(facts: &Facts, span: Span) -> Vec<Impact> {
    let mut quiet = 0usize;
    let mut rows = Vec::new();
    for endpoint in incident::endpoints(facts, span) {
        let failed = endpoint.whole.counts.failed > 0;
        quiet += usize::from(!failed);
        let too_quiet = !failed && !endpoint.entry && quiet > QUIET_ROWS_MAX;
        if too_quiet || rows.len() >= ROWS_MAX {
            continue;
        }
        let entity = facts.entity(endpoint.service);
        let counts = &endpoint.whole.counts;
        rows.push(Impact {
            service: entity.name.to_string(),
            namespace: namespace(entity),
            endpoint: facts.text(endpoint.operation).into(),
            entry: endpoint.entry,
            requests: counts.requests,
            failed: counts.failed,
            statuses: statuses(facts, &counts.statuses),
            unanswered: counts.unanswered,
            during: span.map(|_| phase(facts, &endpoint.during)),
            before: span.map(|_| phase(facts, &endpoint.before)),
        });
    }
    rows
}

fn statuses(facts: &Facts, counts: &BTreeMap<u32, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(&text, &count)| (facts.text(text).to_string(), count)).collect()
}

fn phase(facts: &Facts, phase: &Phase) -> model::Phase {
    model::Phase {
        requests: phase.counts.requests,
        failed: phase.counts.failed,
        statuses: statuses(facts, &phase.counts.statuses),
        p50_ms: phase.latency.quantile(0.5),
        p95_ms: phase.latency.quantile(0.95),
    }
}

pub fn services(facts: &Facts, span: Span) -> Vec<Service> {
    let (from, to) = span.unwrap_or((facts.first_ns, facts.last_ns));
    let now_s = ((to - from) as f64 / 1e9).max(1e-9);
    let before_s = ((from - facts.first_ns) as f64 / 1e9).max(1e-9);
    incident::services(facts, span)
        .into_iter()
        .map(|tally| {
            let entity = facts.entity(tally.service);
            Service {
                service: entity.name.to_string(),
                namespace: namespace(entity),
                now: red(&tally.now, now_s),
                before: tally.before.as_ref().map(|phase| red(phase, before_s)),
            }
        })
        .collect()
}

fn red(phase: &Phase, seconds: f64) -> Red {
    let counts = &phase.counts;
    let quantile = |latency: &Latency, q: f64| latency.quantile(q);
    Red {
        requests: counts.requests,
        rate: counts.requests as f64 / seconds,
        failed: counts.failed,
        error_rate: (counts.requests > 0).then(|| counts.failed as f64 / counts.requests as f64),
        p50_ms: quantile(&phase.latency, 0.5),
        p95_ms: quantile(&phase.latency, 0.95),
        p99_ms: quantile(&phase.latency, 0.99),
    }
}

/// Edges that fail, and those next to a failing service.
pub fn edges(facts: &Facts, span: Span) -> Vec<Edge> {
    let all = incident::edges(facts, span);
    let mut affected = vec![span.is_none(); facts.entities.len()];
    for edge in all.iter().filter(|e| e.now.counts.failed > 0) {
        affected[edge.src as usize] = true;
        affected[edge.dst as usize] = true;
    }
    let before_s = span.map(|(from, _)| ((from - facts.first_ns) as f64 / 1e9).max(1e-9));
    all.into_iter()
        .filter(|e| affected[e.src as usize] || affected[e.dst as usize])
        .map(|edge| {
            let (src, dst) = (facts.entity(edge.src), facts.entity(edge.dst));
            Edge {
                src: src.name.to_string(),
                src_namespace: namespace(src),
                dst: dst.name.to_string(),
                dst_namespace: namespace(dst),
                protocol: facts.text(edge.protocol).into(),
                calls: edge.now.counts.requests,
                failed: edge.now.counts.failed,
                p95_ms: edge.now.latency.quantile(0.95),
                rate_before: before_s.map(|s| edge.calls_before as f64 / s),
            }
        })
        .collect()
}

/// Calls over time of the services listed first.
pub fn series(facts: &Facts, services: &[Service]) -> Vec<Series> {
    let bin_ns = ((facts.last_ns - facts.first_ns) / BINS + 1).max(1_000_000_000);
    let bins = ((facts.last_ns - facts.first_ns) / bin_ns + 1).max(1) as usize;
    let mut by_service: BTreeMap<EntityId, Vec<(u64, u64, Vec<f64>)>> = BTreeMap::new();
    for call in facts.counted() {
        let rows = by_service.entry(call.dst).or_insert_with(|| vec![Default::default(); bins]);
        let bin = ((call.start_ns - facts.first_ns) / bin_ns).max(0) as usize;
        let Some(row) = rows.get_mut(bin) else { continue };
        row.0 += 1;
        row.1 += u64::from(call.failed());
        row.2.extend(call.elapsed_ms());
    }
    let find = |service: &Service| {
        by_service.iter().find(|(id, _)| {
            let entity = facts.entity(**id);
            entity.name == service.service && namespace(entity) == service.namespace
        })
    };
    services
        .iter()
        .take(SERIES_MAX)
        .filter_map(|service| Some((service, find(service)?.1)))
        .map(|(service, rows)| Series {
            service: service.service.clone(),
            namespace: service.namespace.clone(),
            start: Time(facts.first_ns),
            bin_s: bin_ns as f64 / 1e9,
            calls: rows.iter().map(|r| r.0).collect(),
            failed: rows.iter().map(|r| r.1).collect(),
            p95_ms: rows.iter().map(|r| p95(&r.2)).collect(),
        })
        .collect()
}

fn p95(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (0.95 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}
