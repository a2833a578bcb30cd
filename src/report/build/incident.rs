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
        let mut services: Vec<&str> = Vec::new();
        for episode in &incident.episodes {
            let name = facts.entity(episode.service).name.as_str();
            if !services.contains(&name) {
                services.push(name);
            }
        }
        let counted = |slow: bool| {
            let episodes = incident.episodes.iter().filter(|e| e.slowness.is_some() == slow);
            episodes.fold((0, 0), |(k, n), e| (k + e.inside.k, n + e.inside.n))
        };
        let parts = [(false, "failed"), (true, "took longer than before")];
        let parts: Vec<String> = parts
            .into_iter()
            .map(|(slow, what)| (counted(slow), what))
            .filter(|((k, _), _)| *k > 0)
            .map(|((k, n), what)| format!("{} {what}", of(k, n)))
            .collect();
        return match parts.is_empty() {
            true => "the onset was told; nothing here fails or is slow as a whole".into(),
            false => format!("calls to {}: {}", services.join(", "), parts.join(", ")),
        };
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
    let mut names: Vec<String> = Vec::new();
    for episode in &incident.episodes {
        let name = facts.entity(episode.service).name.to_string();
        let slow = format!("{name} (slow)");
        if !names.contains(&name) && !names.contains(&slow) {
            names.push(if episode.slowness.is_some() { slow } else { name });
        }
    }
    let began = incident.episodes.first().map_or(String::new(), |episode| {
        let call = &episode.first;
        let answer = match (episode.slowness, call.has_response) {
            (Some(_), _) => format!("took {:.1} ms", call.elapsed_ms().unwrap_or(0.0)),
            (None, true) => format!("ended with {}", facts.text(call.status)),
            (None, false) => format!("ended with {}", call.outcome.name()),
        };
        let (operation, callee) = (facts.text(call.operation), &facts.entity(call.dst).name);
        format!("; first bad: {operation} to {callee} {answer}")
    });
    let slow_alone = incident.episodes.iter().all(|episode| episode.slowness.is_some());
    match (names.is_empty(), slow_alone) {
        (true, _) => "The onset was told, not found".into(),
        (_, true) => {
            let names = names.join(", ").replace(" (slow)", "");
            format!("Slow in this order: {names}{began}")
        }
        (_, false) => format!("Failing in this order: {}{began}", names.join(", ")),
    }
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

/// `median 2.1 ms before, 35.0 ms then`.
pub fn median(slowness: tally::Slowness) -> String {
    let (before, during) = (slowness.before_ms, slowness.during_ms);
    format!("median {before:.1} ms before, {during:.1} ms then")
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
    let counts = of(episode.inside.k, episode.inside.n);
    let signal = match (transport, dns) {
        _ if episode.slowness.is_some() => "latency",
        (true, _) => "transport",
        (_, true) => "dns",
        _ => "errors",
    };
    model::Episode {
        name: entity.name.to_string(),
        namespace: namespace(entity),
        signal: signal.into(),
        text: match episode.slowness {
            Some(slowness) => {
                format!("{counts} took longer, {}: {}", median(slowness), operations.join(", "))
            }
            None => format!("{counts} failed: {}", operations.join(", ")),
        },
        onset: onset(material, &episode.onset),
        end: (!episode.ongoing).then_some(Time(episode.last_bad_ns)),
        matches: episode.inside.k,
        of: Some(episode.inside.n),
    }
}
