//! Facts and incidents -> the report's model: every statement with its figures, its packets and
//! the command that reproduces it. What is wrong was decided before; how it looks comes after.

mod blind;
mod filter;
mod incident;
mod suspect;
mod tables;
mod timeline;

use crate::frame::Meta;
use crate::incident::{CallFact, Entity, Facts, Incident, suspects};
use crate::workload::Directory;

use super::model::{
    Anomaly, Asked, Command, Coverage, Covered, Finding, Input, PacketAt, Report, Tool, Verdict,
    Window,
};
use super::time::Time;

/// Calls below which a capture is too small to say that nothing happened.
const CALLS_MIN: usize = 20;

/// Everything a report is made of.
pub struct Material<'a> {
    pub meta: &'a Meta,
    pub facts: &'a Facts,
    pub directory: &'a Directory,
    pub incidents: &'a [Incident],
    pub findings: Vec<Finding>,
    /// The window as asked.
    pub asked: Asked,
    /// Zone in which the views show times.
    pub tz: String,
    /// The INPUT arguments, ready to paste.
    pub inputs: String,
}

/// Makes the report.
pub fn build(material: Material<'_>) -> Report {
    let facts = material.facts;
    let covered = Covered { since: Time(facts.first_ns), until: Time(facts.last_ns) };
    let window = Window { asked: material.asked.clone(), covered };
    let tool = Tool { name: "pcapsule".into(), version: env!("CARGO_PKG_VERSION").into() };
    let mut report = Report::new(tool, &material.tz, window);
    // The gravest first: the one that hit most calls.
    let mut incidents: Vec<&Incident> = material.incidents.iter().collect();
    incidents
        .sort_by_key(|i| std::cmp::Reverse(i.episodes.iter().map(|e| e.inside.k).sum::<u64>()));
    let span = incidents.first().map(|i| i.span(facts));
    for (number, found) in incidents.iter().enumerate() {
        let id = format!("incident-{}", number + 1);
        let suspects = suspects(facts, found);
        report.incidents.push(incident::describe(&material, found, &suspects, &id));
        report.suspects.extend(suspect::describe(&material, found, &suspects, &id));
    }
    (report.verdict, report.verdict_reason) = verdict(&material, &incidents, &report);
    report.impact = tables::impact(facts, span);
    report.services = tables::services(facts, span);
    report.edges = tables::edges(facts, span);
    report.series = tables::series(facts, &report.services);
    report.timeline = timeline::events(&material, &incidents);
    report.findings = material.findings.clone();
    report.coverage = coverage(material.meta);
    report.blind_spots = blind::spots(&material, &incidents);
    report.anomalies = anomalies(material.meta);
    report.inputs = inputs(material.meta);
    report.commands = commands(&material, &report);
    report
}

/// The verdict and the sentence that carries its numbers.
fn verdict(material: &Material<'_>, incidents: &[&Incident], report: &Report) -> (Verdict, String) {
    let calls = material.facts.calls.iter().filter(|c| !c.is_conn).count();
    let failed = material.facts.calls.iter().filter(|c| c.failed()).count();
    if let Some(found) = incidents.first() {
        let cascade = incident::cascade(material, found);
        let more = match report.incidents.len() {
            1 => String::new(),
            n => format!(" ({n} incidents in this capture)"),
        };
        return (Verdict::Incident, format!("{cascade}{more}"));
    }
    if calls < CALLS_MIN {
        let reason = format!(
            "only {calls} calls were decoded in {} connections: too few to tell",
            material.facts.conns
        );
        return (Verdict::Inconclusive, reason);
    }
    let share = 100.0 * failed as f64 / calls as f64;
    let reason = format!(
        "{failed} of {calls} calls failed ({share:.2} %), at no time and at no service clearly more \
         than otherwise"
    );
    (Verdict::NoIncident, reason)
}

fn coverage(meta: &Meta) -> Vec<Coverage> {
    let row = |c: &crate::frame::Coverage| Coverage {
        node: c.node.clone(),
        vantage: c.vantage.clone(),
        first: c.first_ns.map(Time),
        last: c.last_ns.map(Time),
        packets: c.packets,
        bytes: c.bytes,
        drops: c.dropped,
        gaps: c.gaps,
        undecoded: c.undecoded_packets,
        snaplen_cut: c.snaplen_cut,
        conns: c.conns,
        one_sided_conns: c.one_sided_conns,
        files: c.files as u64,
        clock_offset_ms: c.clock_ahead_ns.map(|ns| -ns as f64 / 1e6),
        clock_bound_ms: c.clock_bound_ns.map(|ns| ns as f64 / 1e6),
    };
    meta.coverage.iter().map(row).collect()
}

fn anomalies(meta: &Meta) -> Vec<Anomaly> {
    let doc = |name: &str| {
        crate::anomaly::AnomalyKind::ALL.iter().find(|k| k.name() == name).map_or("", |k| k.doc())
    };
    meta.anomalies
        .iter()
        .map(|(kind, &count)| Anomaly { kind: kind.clone(), count, doc: doc(kind).into() })
        .collect()
}

fn inputs(meta: &Meta) -> Vec<Input> {
    let hash = |path: &str| {
        let mut hasher = blake3::Hasher::new();
        let read =
            std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
        read.ok().map(|()| format!("blake3:{}", hasher.finalize().to_hex()))
    };
    meta.inputs
        .iter()
        .map(|file| Input {
            path: file.path.clone(),
            bytes: file.bytes,
            packets: None,
            hash: hash(&file.path),
        })
        .collect()
}

/// What to run next.
fn commands(material: &Material<'_>, report: &Report) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut add = |text: String, command: Option<String>| {
        commands.extend(command.map(|command| Command { text, command }));
    };
    for suspect in report.suspects.iter().take(2) {
        let command = suspect.evidence_for.first().and_then(|e| e.command.clone());
        add(format!("The calls to {}", suspect.name), command);
    }
    let first = report.incidents.first().and_then(|i| i.first_failing_call.as_ref());
    add("The first failing call".into(), first.and_then(|call| call.command.clone()));
    let check = format!("pcapsule check {}", material.inputs);
    add("What the rules say".into(), Some(check));
    commands
}

/// The packet of a call, as Wireshark numbers it.
fn packet(meta: &Meta, call: &CallFact) -> Option<PacketAt> {
    let file = meta.inputs.get(call.segment as usize)?;
    Some(PacketAt { file: file.path.clone(), frame: call.frame.into() })
}

/// The namespace of an entity, where it has one.
fn namespace(entity: &Entity) -> Option<String> {
    (!entity.namespace.is_empty()).then(|| entity.namespace.to_string())
}

/// `12 of 345 (3.5 %)`.
fn of(k: u64, n: u64) -> String {
    match n {
        0 => "0 of 0".to_string(),
        _ => format!("{k} of {n} ({:.1} %)", 100.0 * k as f64 / n as f64),
    }
}
