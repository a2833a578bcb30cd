//! One incident in the report's words: its span, what was hit at the entry, how it spread.

use crate::incident::{self as tally, CallFact, Episode, Facts, Incident, Suspect};

use super::super::model::{self, Counts, Entry, FailingCall};
use super::super::time::Time;
use super::{Material, filter, namespace, of, packet};

/// Operations named in one line.
const NAMED_MAX: usize = 3;

pub fn describe(
    material: &Material<'_>,
    incident: &Incident,
    suspects: &[Suspect],
    id: &str,
) -> model::Incident {
    let facts = material.facts;
    let (from, to) = incident.span(facts);
    let entry = entry(facts, from, to);
    let first = suspects.iter().map(|s| s.first).min_by_key(|c| c.start_ns);
    model::Incident {
        id: id.into(),
        onset: onset(material, &incident.onset),
        end: incident.end_ns.map(Time),
        duration_s: (to - from) as f64 / 1e9,
        summary: summary(facts, incident, entry.as_ref()),
        entry,
        first_failing_call: first.map(|call| failing_call(material, &call)),
        episodes: incident.episodes.iter().map(|e| episode(material, e)).collect(),
    }
}

pub fn onset(material: &Material<'_>, onset: &crate::incident::Onset) -> model::Onset {
    let bounds = material.meta.coverage.iter().filter_map(|c| c.clock_bound_ns);
    model::Onset {
        last_good: onset.last_good_ns.map(Time),
        first_bad: Time(onset.first_bad_ns),
        clock_bound_ms: bounds.max().map(|ns| ns as f64 / 1e6),
    }
}

/// Requests from workloads that nobody calls, so that each user request counts once.
fn entry(facts: &Facts, from: i64, to: i64) -> Option<Entry> {
    let sources = facts.is_source();
    let is_entry = |c: &&CallFact| facts.is_entry(c, &sources);
    let count = |calls: &[CallFact]| {
        let mut counts = Counts::default();
        for call in calls.iter().filter(is_entry) {
            counts.requests += 1;
            counts.failed += u64::from(call.failed());
        }
        counts
    };
    let during = count(facts.between(from, to));
    let before = count(facts.between(i64::MIN, from));
    (during.requests > 0).then(|| Entry {
        during,
        before: (before.requests > 0).then_some(before),
        basis: "calls from workloads that nobody in this capture calls".into(),
    })
}

/// What broke for whoever uses the system, with numbers and without a cause.
fn summary(facts: &Facts, incident: &Incident, entry: Option<&Entry>) -> String {
    let Some(entry) = entry.filter(|entry| entry.during.failed > 0) else {
        let services: Vec<&str> =
            incident.episodes.iter().map(|e| facts.entity(e.service).name.as_str()).collect();
        let (k, n) =
            incident.episodes.iter().fold((0, 0), |(k, n), e| (k + e.inside.k, n + e.inside.n));
        return format!("{} calls to {} failed", of(k, n), services.join(", "));
    };
    let before = match &entry.before {
        Some(before) => format!("{} before it", of(before.failed, before.requests)),
        None => "the capture shows nothing before it".into(),
    };
    let during = of(entry.during.failed, entry.during.requests);
    format!("{} failed: {during} requests from outside, {before}", hit(facts, incident))
}

/// The endpoints that outsiders called in vain, most failures first.
fn hit(facts: &Facts, incident: &Incident) -> String {
    let mut endpoints: Vec<_> = tally::endpoints(facts, Some(incident.span(facts)))
        .into_iter()
        .filter(|e| e.entry && e.during.counts.failed > 0)
        .collect();
    endpoints.sort_by_key(|e| std::cmp::Reverse(e.during.counts.failed));
    let named: Vec<&str> =
        endpoints.iter().take(NAMED_MAX).map(|e| facts.text(e.operation)).collect();
    match endpoints.len().saturating_sub(NAMED_MAX) {
        0 => named.join(" and "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What fails in which order, in one clause.
pub fn cascade(material: &Material<'_>, incident: &Incident) -> String {
    let facts = material.facts;
    let mut names: Vec<&str> = Vec::new();
    for episode in &incident.episodes {
        let name = facts.entity(episode.service).name.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let first = incident.episodes.first().map(|e| &e.first);
    let began = first.map_or(String::new(), |call| {
        let answer = if call.has_response { facts.text(call.status) } else { call.outcome.name() };
        format!(
            "; first bad: {} to {} ended with {answer}",
            facts.text(call.operation),
            facts.entity(call.dst).name
        )
    });
    format!("Failing in this order: {}{began}", names.join(", "))
}

/// The call as the report shows it.
pub fn failing_call(material: &Material<'_>, call: &CallFact) -> FailingCall {
    let facts = material.facts;
    FailingCall {
        call: call.id.to_string(),
        ts: Time(call.start_ns),
        src: facts.entity(call.src).name.to_string(),
        dst: facts.entity(call.dst).name.to_string(),
        protocol: facts.text(call.protocol).into(),
        request: facts.text(call.operation).into(),
        status: call.has_response.then(|| facts.text(call.status).to_string()),
        outcome: call.outcome.name().into(),
        elapsed_ms: call.elapsed_ms(),
        conn: call.is_conn.then(|| call.id.to_string()),
        packet: packet(material.meta, call),
        command: Some(filter::call(call.id, &material.inputs)),
    }
}

fn episode(material: &Material<'_>, episode: &Episode) -> model::Episode {
    let facts = material.facts;
    let entity = facts.entity(episode.service);
    let operations: Vec<&str> =
        episode.operations.iter().take(NAMED_MAX).map(|&o| facts.text(o)).collect();
    let transport = operations.iter().all(|o| o.starts_with("connect "));
    let dns = facts
        .calls
        .iter()
        .find(|c| c.dst == episode.service && c.failed())
        .is_some_and(|c| facts.text(c.protocol) == "DNS");
    let signal = match (transport, dns) {
        (true, _) => "transport",
        (_, true) => "dns",
        _ => "errors",
    };
    model::Episode {
        name: entity.name.to_string(),
        namespace: namespace(entity),
        signal: signal.into(),
        text: format!(
            "{} failed: {}",
            of(episode.inside.k, episode.inside.n),
            operations.join(", ")
        ),
        onset: onset(material, &episode.onset),
        end: (!episode.ongoing).then_some(Time(episode.last_bad_ns)),
        matches: episode.inside.k,
        of: Some(episode.inside.n),
    }
}
