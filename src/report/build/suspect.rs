//! Suspects in the report's words: what speaks for each, and what against.

use crate::incident::{Facts, Incident, Suspect, SuspectKind, Term};

use super::super::model::{self, Evidence};
use super::super::time::Time;
use super::{Material, filter, incident, namespace, of, packet};

/// Suspects listed per incident.
const LISTED_MAX: usize = 8;
/// Operations and statuses named in one line.
const NAMED_MAX: usize = 4;

pub fn describe(
    material: &Material<'_>,
    found: &Incident,
    suspects: &[Suspect],
    id: &str,
) -> Vec<model::Suspect> {
    let facts = material.facts;
    suspects
        .iter()
        .take(LISTED_MAX)
        .map(|suspect| {
            let entity = facts.entity(suspect.entity);
            model::Suspect {
                name: entity.name.to_string(),
                namespace: namespace(entity),
                kind: kind(suspect.kind),
                incident: Some(id.into()),
                score: suspect.score,
                share: suspect.share,
                summary: Some(summary(facts, suspect)),
                evidence_for: evidence_for(material, found, suspects, suspect),
                evidence_against: evidence_against(material, found, suspects, suspect),
                onset: Some(incident::onset(material, &suspect.onset)),
            }
        })
        .collect()
}

fn kind(kind: SuspectKind) -> model::SuspectKind {
    match kind {
        SuspectKind::Service => model::SuspectKind::Service,
        SuspectKind::Node => model::SuspectKind::Node,
        SuspectKind::External => model::SuspectKind::External,
        SuspectKind::Dns => model::SuspectKind::Dns,
    }
}

/// `OOM 401, MISCONF 3`.
fn statuses(facts: &Facts, suspect: &Suspect) -> String {
    let named = suspect.statuses.iter().take(NAMED_MAX);
    let parts: Vec<String> = named.map(|&(text, n)| format!("{} {n}", facts.text(text))).collect();
    parts.join(", ")
}

fn broken(suspect: &Suspect) -> impl Iterator<Item = &(u32, crate::incident::Bin)> {
    suspect.operations.iter().filter(|(_, bin)| bin.k > 0)
}

/// One piece of evidence in words.
fn term(facts: &Facts, term: &Term) -> String {
    let name = |entity| facts.entity(entity).name.as_str();
    match *term {
        Term::OwnTime { operation, before_ms, during_ms, calls } => format!(
            "its own time for {} rose from {before_ms:.1} to {during_ms:.1} ms (median of {calls} calls)",
            facts.text(operation)
        ),
        Term::Way { peer, towards, before_ms, during_ms, calls } => format!(
            "the way {} {} took {during_ms:.1} ms there and back, {before_ms:.1} before ({calls} calls)",
            if towards { "to" } else { "from" },
            name(peer)
        ),
        Term::Shape { operation, share, calls } => format!(
            "its own times for {} are spread otherwise than before, by {:.0} % of {calls} calls",
            facts.text(operation),
            100.0 * share
        ),
        Term::Stops { operation, callee, before, during } => format!(
            "{} calls {} less: {} of its requests did before, {} then",
            facts.text(operation),
            name(callee),
            of(before.k, before.n),
            of(during.k, during.n)
        ),
        Term::EndsHere { caller, operation, before, during } => format!(
            "{} of {} ends behind a call to it: {} went on before, {} then",
            facts.text(operation),
            name(caller),
            of(before.k, before.n),
            of(during.k, during.n)
        ),
    }
}

fn summary(facts: &Facts, suspect: &Suspect) -> String {
    if suspect.deep.k == 0 {
        return suspect.terms.first().map_or(String::new(), |(_, found)| term(facts, found));
    }
    let operations: Vec<&str> =
        broken(suspect).take(NAMED_MAX).map(|&(o, _)| facts.text(o)).collect();
    format!(
        "{} calls to it failed by themselves ({}), on {}",
        of(suspect.deep.k, suspect.deep.n),
        statuses(facts, suspect),
        operations.join(", ")
    )
}

fn evidence_for(
    material: &Material<'_>,
    found: &Incident,
    suspects: &[Suspect],
    suspect: &Suspect,
) -> Vec<Evidence> {
    let facts = material.facts;
    let from = found.onset.first_bad_ns;
    let mut evidence = failures(material, suspect, from);
    for (_, found) in suspect.terms.iter().take(NAMED_MAX) {
        let kfl = filter::calls(facts, suspect.entity, from);
        evidence.push(Evidence {
            text: term(facts, found),
            command: Some(filter::query(&kfl, &material.inputs)),
            ..Evidence::default()
        });
    }
    let others = suspects.iter().filter(|s| s.entity != suspect.entity);
    let earliest = found
        .episodes
        .iter()
        .filter(|e| e.service != suspect.entity)
        .map(|e| e.onset.first_bad_ns)
        .chain(others.map(|s| s.onset.first_bad_ns))
        .min();
    if let Some(lead_ns) =
        earliest.map(|other| other - suspect.onset.first_bad_ns).filter(|&ns| ns > 0)
    {
        let text = format!(
            "its failures begin {:.1} ms before those of any other service",
            lead_ns as f64 / 1e6
        );
        evidence.push(line(text));
    }
    evidence
}

/// What its failed calls say for it.
fn failures(material: &Material<'_>, suspect: &Suspect, from: i64) -> Vec<Evidence> {
    let facts = material.facts;
    if suspect.deep.k == 0 {
        return Vec::new();
    }
    let kfl = filter::failed_calls(facts, suspect.entity, from);
    let mut evidence = vec![Evidence {
        text: format!(
            "{} calls failed here with no failed call below them ({}); before the incident {}",
            of(suspect.deep.k, suspect.deep.n),
            statuses(facts, suspect),
            of(suspect.deep_before.k, suspect.deep_before.n),
        ),
        command: Some(filter::query(&kfl, &material.inputs)),
        ..Evidence::default()
    }];
    let first = incident::failing_call(material, &suspect.first);
    let answer = first.status.unwrap_or(first.outcome);
    evidence.push(Evidence {
        text: format!("first: {} from {} ended with {answer}", first.request, first.src),
        call: (!suspect.first.is_conn).then_some(first.call),
        conn: first.conn,
        packet: packet(material.meta, &suspect.first),
        command: first.command,
    });
    for (operation, bin) in broken(suspect).take(NAMED_MAX) {
        evidence.push(line(format!("{}: {} failed", facts.text(*operation), of(bin.k, bin.n))));
    }
    evidence
}

fn evidence_against(
    material: &Material<'_>,
    found: &Incident,
    suspects: &[Suspect],
    suspect: &Suspect,
) -> Vec<Evidence> {
    let facts = material.facts;
    let mut evidence = Vec::new();
    let fails = suspect.deep.k > 0;
    let working = suspect.operations.iter().filter(|(_, bin)| fails && bin.k == 0);
    let working: Vec<String> = working
        .take(NAMED_MAX)
        .map(|(operation, bin)| format!("{} ({} calls)", facts.text(*operation), bin.n))
        .collect();
    if !working.is_empty() {
        evidence.push(line(format!("it went on answering {}", working.join(", "))));
    }
    if suspect.deep_before.k > 0 {
        let text = format!(
            "such failures happened before the incident too: {}",
            of(suspect.deep_before.k, suspect.deep_before.n)
        );
        evidence.push(line(text));
    }
    let earlier = suspects.iter().filter(|s| s.onset.first_bad_ns < suspect.onset.first_bad_ns);
    if let Some(first) = earlier.filter(|_| fails).min_by_key(|s| s.onset.first_bad_ns) {
        let lag_ms = (suspect.onset.first_bad_ns - first.onset.first_bad_ns) as f64 / 1e6;
        let name = &facts.entity(first.entity).name;
        evidence.push(line(format!("{name} failed {lag_ms:.1} ms earlier")));
    }
    let passed_on = suspect.failed.saturating_sub(suspect.deep.k);
    if passed_on > 0 {
        let text = format!("{passed_on} more of its failures have a failed call below them");
        evidence.push(line(text));
    }
    let last_good = found.onset.last_good_ns.map(Time);
    if last_good.is_none() {
        evidence.push(line("the capture shows no good moment before the failures".into()));
    }
    evidence
}

fn line(text: String) -> Evidence {
    Evidence { text, ..Evidence::default() }
}
