//! The timeline: what was normal, what turned bad in which order, what changed beside it, and how
//! it ended.

use crate::incident::{Facts, Incident};

use super::super::model::{Event, Evidence, Lane, Severity};
use super::super::time::Time;
use super::{Material, filter, incident, of, packet};

/// Failures closer than this, or than the nodes' clocks are known, cannot be ordered.
const SAME_TIME_NS: i64 = 50_000;
/// Changes in the cluster this long before the capture are still told.
const CHANGES_BEFORE_NS: i64 = 600_000_000_000;
/// Changes told at most.
const CHANGES_MAX: usize = 100;

/// All lines by time.
pub fn events(material: &Material<'_>, incidents: &[&Incident]) -> Vec<Event> {
    let facts = material.facts;
    let mut events = vec![
        event(facts.first_ns, Lane::Node, None, captured(material), Severity::Info),
        event(facts.last_ns, Lane::Node, None, "the capture ends".into(), Severity::Info),
    ];
    let normal_until =
        incidents.iter().map(|i| i.onset.first_bad_ns).min().unwrap_or(facts.last_ns);
    events.extend(normal(facts, normal_until));
    for incident in incidents {
        events.extend(spread(material, incident));
        events.extend(peak(facts, incident));
        events.extend(recovery(facts, incident));
    }
    events.extend(changes(material));
    events.extend(findings(material));
    events.sort_by_key(|e| e.ts);
    let bounds = material.meta.coverage.iter().filter_map(|c| c.clock_bound_ns);
    mark_same_time(&mut events, bounds.max().unwrap_or(0).max(SAME_TIME_NS));
    events
}

fn event(ts_ns: i64, lane: Lane, subject: Option<&str>, text: String, severity: Severity) -> Event {
    Event {
        ts: Time(ts_ns),
        until: None,
        lane,
        subject: subject.map(str::to_string),
        text,
        severity,
        evidence: Vec::new(),
        same_time: false,
    }
}

fn captured(material: &Material<'_>) -> String {
    let mut nodes: Vec<&str> = material.meta.coverage.iter().map(|c| c.node.as_str()).collect();
    nodes.dedup();
    format!("the capture begins on {}", nodes.join(", "))
}

/// How it was before anything broke.
fn normal(facts: &Facts, until_ns: i64) -> Option<Event> {
    let calls: Vec<_> = facts.between(i64::MIN, until_ns).iter().filter(|c| c.counts).collect();
    let first = calls.first()?;
    let seconds = ((until_ns - first.start_ns) as f64 / 1e9).max(1e-9);
    let failed = calls.iter().filter(|c| c.failed()).count() as u64;
    let total = calls.len() as u64;
    let text =
        format!("normal: {:.1} calls/s, {} failed", total as f64 / seconds, of(failed, total));
    let mut event = event(first.start_ns, Lane::Service, None, text, Severity::Info);
    event.until = Some(Time(until_ns));
    Some(event)
}

/// The first failed call of each service, in order.
fn spread(material: &Material<'_>, found: &Incident) -> Vec<Event> {
    let facts = material.facts;
    let line = |episode: &crate::incident::Episode| {
        let name = &facts.entity(episode.service).name;
        let at = episode.onset.first_bad_ns;
        let first = &episode.first;
        let call = incident::failing_call(material, first);
        let answer = call.status.unwrap_or(call.outcome);
        let counts = of(episode.inside.k, episode.inside.n);
        let (what, from) = (&call.request, &call.src);
        let text = match episode.slowness {
            Some(slowness) => format!(
                "{name} becomes slow: {what} from {from} took {:.1} ms; {counts} until the last, {}",
                first.elapsed_ms().unwrap_or(0.0),
                incident::median(slowness)
            ),
            None => format!(
                "{name} begins to fail: {what} from {from} ended with {answer}; {counts} until the \
                 last"
            ),
        };
        let mut line = event(at, Lane::Service, Some(name), text, Severity::High);
        line.until = Some(Time(episode.last_bad_ns));
        let kfl = match episode.slowness {
            Some(slowness) => filter::slow_calls(facts, episode.service, at, slowness),
            None => filter::failed_calls(facts, episode.service, at),
        };
        line.evidence.push(Evidence {
            text: call.request,
            call: (!first.is_conn).then_some(call.call),
            conn: call.conn,
            packet: packet(material.meta, first),
            command: Some(filter::query(&kfl, &material.inputs)),
        });
        line
    };
    found.episodes.iter().map(line).collect()
}

/// The worst second.
fn peak(facts: &Facts, incident: &Incident) -> Option<Event> {
    let (from, to) = incident.span(facts);
    let mut seconds: std::collections::BTreeMap<i64, (u64, u64)> = Default::default();
    for call in facts.between(from, to).iter().filter(|c| c.counts) {
        let second = seconds.entry(call.start_ns.div_euclid(1_000_000_000)).or_default();
        second.0 += u64::from(call.failed());
        second.1 += 1;
    }
    let (second, (failed, all)) =
        seconds.into_iter().max_by_key(|&(s, (failed, _))| (failed, std::cmp::Reverse(s)))?;
    if failed == 0 {
        return None;
    }
    let text = format!("worst second: {} calls failed", of(failed, all));
    let at = (second * 1_000_000_000).max(from);
    Some(event(at, Lane::Service, None, text, Severity::Medium))
}

/// The last failed call of each service, and whether good ones followed.
fn recovery(facts: &Facts, incident: &Incident) -> Vec<Event> {
    let line = |episode: &crate::incident::Episode| {
        let name = &facts.entity(episode.service).name;
        if episode.slowness.is_some() {
            let text = match episode.ongoing {
                true => format!("{name} is still slow when the capture ends"),
                false => format!("last slow call to {name}"),
            };
            return event(episode.last_bad_ns, Lane::Service, Some(name), text, Severity::Info);
        }
        if episode.ongoing {
            let text = format!("{name} still fails when the capture ends");
            return event(episode.last_bad_ns, Lane::Service, Some(name), text, Severity::High);
        }
        let good = facts
            .between(episode.last_bad_ns, i64::MAX)
            .iter()
            .filter(|c| c.dst == episode.service && !c.failed())
            .filter(|c| episode.operations.contains(&c.operation))
            .count();
        let text = match good {
            0 => format!("last failed call to {name}; what failed is not called again"),
            n => format!("last failed call to {name}; {n} good ones of the same kind follow"),
        };
        event(episode.last_bad_ns, Lane::Service, Some(name), text, Severity::Info)
    };
    incident.episodes.iter().map(line).collect()
}

/// What happened to the cluster's objects.
fn changes(material: &Material<'_>) -> Vec<Event> {
    let facts = material.facts;
    let near = |ts: i64| (facts.first_ns - CHANGES_BEFORE_NS..=facts.last_ns).contains(&ts);
    material
        .directory
        .changes()
        .iter()
        .filter(|change| near(change.ts_ns))
        .take(CHANGES_MAX)
        .map(|change| {
            let subject = format!("{}/{}", change.namespace, change.name);
            let text = format!("{} {subject}: {} {}", change.kind, change.reason, change.what);
            event(change.ts_ns, Lane::Kubernetes, Some(&subject), text, Severity::Info)
        })
        .collect()
}

/// Where rules fired.
fn findings(material: &Material<'_>) -> Vec<Event> {
    material
        .findings
        .iter()
        .map(|finding| {
            let mut event = event(
                finding.first.0,
                Lane::Service,
                None,
                finding.message.clone(),
                finding.severity,
            );
            event.until = Some(finding.last);
            event.evidence = finding.evidence.iter().take(1).cloned().collect();
            event
        })
        .collect()
}

/// Service lines too close to the one before say so.
fn mark_same_time(events: &mut [Event], within_ns: i64) {
    let mut previous: Option<i64> = None;
    for event in
        events.iter_mut().filter(|e| e.lane == Lane::Service && e.severity >= Severity::High)
    {
        event.same_time = previous.is_some_and(|ts| event.ts.0 - ts < within_ns);
        previous = Some(event.ts.0);
    }
}
