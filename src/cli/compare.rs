//! `pcapsule compare --base BASE INPUT...`: what changed between two captures, for scheduled jobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compare::{Change, Comparison, Subject, What, compare};
use crate::incident::{Bin, Facts};
use crate::kfl::literal;
use crate::report::ci::{self, Checked, Evaluated};
use crate::report::model::{Finding, Severity};
use crate::report::{Time, text};

use super::args::Global;
use super::check::Format;
use super::exit::NoPackets;
use super::{Exit, load, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing got worse, 1 something did, 4 the runs cannot be compared (too few calls, or
another load); what is found in spite of that is shown.")]
pub struct Args {
    /// Capture files or folders of the run to judge
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Capture file or folder of a run that was good; may be given several times
    #[arg(long, required = true, value_name = "BASE")]
    base: Vec<PathBuf>,
    /// How changes are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// End with 0 whatever is found
    #[arg(long)]
    exit_zero: bool,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let (base, now) = (facts(global, &args.base)?, facts(global, &args.inputs)?);
    let comparison = compare(&base, &now);
    let inputs = load::pasted(global, &args.inputs);
    let findings: Vec<Finding> =
        comparison.regressions().map(|change| finding(change, &now)).collect();
    let checked =
        Checked { rules: kinds(), findings: &findings, fail_on: Severity::Medium, inputs: &inputs };
    match args.format {
        Format::Text => output::print(&lines(&comparison, &checked))?,
        Format::Json => output::json(&json(&comparison, &findings))?,
        Format::Junit => output::print(&ci::junit(&checked))?,
        Format::Sarif => output::json(&ci::sarif(&checked))?,
        Format::Github => output::print(&ci::github(&checked))?,
        Format::Gitlab => output::json(&ci::gitlab(&checked))?,
        Format::Md => output::print(&ci::markdown(&checked))?,
    }
    Ok(match () {
        () if args.exit_zero => Exit::Ok,
        () if !findings.is_empty() => Exit::Findings,
        () if !comparison.doubts.is_empty() => Exit::Inconclusive,
        () => Exit::Ok,
    })
}

fn facts(global: &Global, inputs: &[PathBuf]) -> anyhow::Result<Facts> {
    let dataset = load::load(global, inputs)?.dataset;
    if dataset.meta.packets == 0 {
        let inputs = load::pasted(global, inputs);
        return Err(NoPackets(format!("{inputs}: no packets in these files")).into());
    }
    Ok(Facts::read(&dataset)?)
}

/// The kinds of change, as CI formats list rules.
fn kinds() -> Vec<Evaluated> {
    let kind = |(id, title): &(&str, &str)| Evaluated {
        pack: "compare".into(),
        id: (*id).into(),
        title: (*title).into(),
        severity: Severity::High,
        help: String::new(),
        file: "compare".into(),
        line: 1,
    };
    KINDS.iter().map(kind).collect()
}

const KINDS: [(&str, &str); 4] = [
    ("more-errors", "More calls fail than in the base"),
    ("slower", "Calls take longer than in the base"),
    ("new-dependency", "Somebody is called that was not called in the base"),
    ("gone-dependency", "Somebody is not called that was called in the base"),
];

fn kind(what: &What) -> (&'static str, &'static str) {
    let [errors, slower, new, gone] = KINDS;
    match what {
        What::Errors { .. } => errors,
        What::Latency { .. } => slower,
        What::New { .. } => new,
        What::Gone { .. } => gone,
    }
}

fn name(subject: &Subject) -> String {
    let within = |namespace: &str, name: &str| match namespace {
        "" => name.to_string(),
        namespace => format!("{namespace}/{name}"),
    };
    match subject {
        Subject::Service { namespace, service } => within(namespace, service),
        Subject::Endpoint { namespace, service, operation } => {
            format!("{} {operation}", within(namespace, service))
        }
        Subject::Dependency { from, to, protocol } => format!("{from} -> {to} ({protocol})"),
    }
}

/// What changed, in one clause with its numbers.
fn clause(what: &What) -> String {
    let of = |bin: Bin| {
        format!("{} of {} ({:.2} %)", bin.k, bin.n, 100.0 * bin.k as f64 / bin.n.max(1) as f64)
    };
    match *what {
        What::Errors { base, now } => format!("failed calls {} -> {}", of(base), of(now)),
        What::Latency { base_p50, now_p50, base_p95, now_p95, calls } => format!(
            "median {base_p50:.2} -> {now_p50:.2} ms ({:+.0} %), p95 {base_p95:.2} -> {now_p95:.2} ms, {calls} calls",
            100.0 * (now_p50 / base_p50.max(1e-9) - 1.0)
        ),
        What::New { calls } => format!("new: {calls} calls, none in the base"),
        What::Gone { calls } => format!("gone: {calls} calls in the base, none now"),
    }
}

fn finding(change: &Change, now: &Facts) -> Finding {
    let (rule, title) = kind(&change.what);
    let filter = |service: &str| format!("dst.display == {}", literal(service));
    let (group, kfl) = match &change.subject {
        Subject::Service { service, .. } => (vec![("service", service)], filter(service)),
        Subject::Endpoint { service, operation, .. } => (
            vec![("service", service), ("operation", operation)],
            format!("{} && operation == {}", filter(service), literal(operation)),
        ),
        Subject::Dependency { from, to, .. } => (
            vec![("from", from), ("to", to)],
            format!("src.display == {} && {}", literal(from), filter(to)),
        ),
    };
    let (matches, of) = match change.what {
        What::Errors { now, .. } => (now.k, Some(now.n)),
        What::Latency { calls, .. } => (calls as u64, None),
        What::New { calls } | What::Gone { calls } => (calls, None),
    };
    let pairs = group.into_iter().map(|(field, value)| (field.to_string(), value.to_string()));
    Finding {
        rule: rule.into(),
        title: title.into(),
        severity: match change.what {
            What::Errors { .. } | What::Latency { .. } => Severity::High,
            What::New { .. } | What::Gone { .. } => Severity::Medium,
        },
        group: pairs.collect::<BTreeMap<_, _>>(),
        first: Time(now.first_ns),
        last: Time(now.last_ns),
        matches,
        of,
        message: format!("{}: {}", name(&change.subject), clause(&change.what)),
        kfl,
        evidence: Vec::new(),
    }
}

/// For people: what got worse, what got better, and what leaves doubts.
fn lines(comparison: &Comparison, checked: &Checked<'_>) -> String {
    let mut out = String::new();
    for finding in checked.findings {
        let kfl = text::shell(&[&finding.kfl]);
        out.push_str(&format!(
            "WORSE     {}\n          pcapsule query {kfl} {}\n",
            text::terminal(&finding.message),
            text::terminal(checked.inputs)
        ));
    }
    for change in comparison.changes.iter().filter(|change| !change.worse) {
        let line = format!("{}: {}", name(&change.subject), clause(&change.what));
        out.push_str(&format!("better    {}\n", text::terminal(&line)));
    }
    for doubt in &comparison.doubts {
        out.push_str(&format!("DOUBT     {doubt}\n"));
    }
    let verdict = match (checked.findings.len(), comparison.doubts.is_empty()) {
        (0, true) => "nothing got worse".to_string(),
        (0, false) => "cannot tell".to_string(),
        (n, _) => format!("{n} regressions"),
    };
    out.push_str(&format!("{verdict}; {} tests were made", comparison.tests));
    out
}

fn json(comparison: &Comparison, findings: &[Finding]) -> serde_json::Value {
    let verdict = match (findings.is_empty(), comparison.doubts.is_empty()) {
        (false, _) => "regressions",
        (true, true) => "clean",
        (true, false) => "inconclusive",
    };
    let better = comparison.changes.iter().filter(|change| !change.worse);
    let better: Vec<String> = better
        .map(|change| format!("{}: {}", name(&change.subject), clause(&change.what)))
        .collect();
    serde_json::json!({
        "schema": "pcapsule/compare/v1", "verdict": verdict, "tests": comparison.tests,
        "doubts": comparison.doubts, "findings": findings, "better": better,
    })
}
