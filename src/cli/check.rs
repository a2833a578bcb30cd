//! `pcapsule check INPUT...`: evaluates rules; the exit code tells whether any fired.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::frame::Meta;
use crate::kfl;
use crate::report::ci::{self, Checked, Evaluated};
use crate::report::model::{Evidence, Finding, Severity};
use crate::report::{Time, text};
use crate::rule::{self, Fired, Pack, Rule, evaluate_dataset};

use super::args::Global;
use super::exit::NoPackets;
use super::load::{self, Source};
use super::{Exit, output, rules, time};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Folders or files of rules [default: the built-in pack]
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Least severity that makes the exit code 1
    #[arg(long, value_enum, default_value = "high")]
    fail_on: Level,
    /// Rules to leave out
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    ignore: Vec<String>,
    /// End with 0 whatever is found
    #[arg(long)]
    exit_zero: bool,
}

/// How what was found is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    /// JUnit XML
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub step
    Github,
    /// GitLab code quality
    Gitlab,
    /// Markdown, for a step's summary
    Md,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let packs = rules::packs(&args.rules)?;
    let known = |id: &String| packs.iter().flat_map(|p| &p.rules).any(|r| r.id == *id);
    if let Some(unknown) = args.ignore.iter().find(|id| !known(id)) {
        anyhow::bail!("--ignore {unknown}: no such rule; `pcapsule rules list` shows them");
    }
    let dataset = load::dataset(global, &args.source)?;
    if dataset.meta.packets == 0 && dataset.meta.protocols.is_empty() {
        return Err(NoPackets("no packets in these files within the window".into()).into());
    }
    let pasted = args.source.pasted(global);
    let keep = |rule: &Rule| !args.ignore.contains(&rule.id);
    let mut findings = findings(&dataset, &packs, keep, &pasted)?;
    findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.first, f.rule.clone()));
    let limit = match args.fail_on {
        Level::Info => Severity::Info,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    };
    let failing = findings.iter().filter(|f| f.severity >= limit).count();
    let checked = Checked {
        rules: evaluated(&packs, keep),
        findings: &findings,
        fail_on: limit,
        inputs: &pasted,
    };
    match args.format {
        Format::Text => output::print(&lines(&findings, &packs, global)?)?,
        Format::Json => output::json(&json(&findings, failing, &dataset.meta))?,
        Format::Junit => output::print(&ci::junit(&checked))?,
        Format::Sarif => output::json(&ci::sarif(&checked))?,
        Format::Github => output::print(&ci::github(&checked))?,
        Format::Gitlab => output::json(&ci::gitlab(&checked))?,
        Format::Md => output::print(&ci::markdown(&checked))?,
    }
    Ok(if failing > 0 && !args.exit_zero { Exit::Findings } else { Exit::Ok })
}

/// The rules that were evaluated, as CI formats list them.
fn evaluated(packs: &[Pack], keep: impl Fn(&Rule) -> bool) -> Vec<Evaluated> {
    let rule = |pack: &Pack, rule: &Rule| Evaluated {
        pack: pack.name.clone(),
        id: rule.id.clone(),
        title: rule.title.clone(),
        severity: severity(rule.severity),
        help: format!("{} {}", rule.why, rule.hint).trim().to_string(),
        file: rule.origin.file.clone(),
        line: rule.origin.line("id"),
    };
    let rules = packs.iter().flat_map(|pack| pack.rules.iter().map(move |rule| (pack, rule)));
    rules.filter(|(_, rule)| keep(rule)).map(|(pack, of)| rule(pack, of)).collect()
}

/// Findings of all packs in the report's shape.
pub fn findings(
    dataset: &crate::frame::Dataset,
    packs: &[Pack],
    keep: impl Fn(&Rule) -> bool,
    inputs: &str,
) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for pack in packs {
        let rules: Vec<Rule> = pack.rules.iter().filter(|rule| keep(rule)).cloned().collect();
        for fired in evaluate_dataset(dataset, &rules)? {
            findings.push(finding(&fired, inputs));
        }
    }
    Ok(findings)
}

fn finding(fired: &Fired<'_>, inputs: &str) -> Finding {
    let (rule, found) = (fired.rule, &fired.finding);
    let value = |name: &str| {
        fired.group.iter().find(|(n, _)| n == name).map_or(String::new(), |(_, v)| v.clone())
    };
    let evidence = |&id: &i64| Evidence {
        text: format!("entry {id}"),
        call: Some(id.to_string()),
        command: Some(format!("pcapsule call {id} {inputs}")),
        ..Evidence::default()
    };
    Finding {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        severity: severity(rule.severity),
        group: fired.group.iter().cloned().collect(),
        first: Time(found.first_ns),
        last: Time(found.last_ns),
        matches: found.matched,
        of: rule.of.is_some().then_some(found.of),
        message: rule.message.fill(found, value, kfl::format_time),
        kfl: fired.kfl.clone(),
        evidence: found.evidence.iter().map(evidence).collect(),
    }
}

fn severity(severity: rule::Severity) -> Severity {
    match severity {
        rule::Severity::Info => Severity::Info,
        rule::Severity::Low => Severity::Low,
        rule::Severity::Medium => Severity::Medium,
        rule::Severity::High => Severity::High,
        rule::Severity::Critical => Severity::Critical,
    }
}

/// For people: a line per finding, grouped by severity, and where to look next.
fn lines(findings: &[Finding], packs: &[Pack], global: &Global) -> anyhow::Result<String> {
    let zone = time::zone(global)?;
    let total: usize = packs.iter().map(|pack| pack.rules.len()).sum();
    if findings.is_empty() {
        return Ok(format!("clean: none of {total} rules fired"));
    }
    let mut out = String::new();
    for finding in findings {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let evidence = finding.evidence.first().and_then(|e| e.command.as_deref()).unwrap_or("");
        out.push_str(&format!(
            "{severity:<8} {:<22} {}\n         since {}: {}\n",
            finding.rule,
            text::terminal(&finding.message),
            time::moment(finding.first.0, &zone),
            text::terminal(evidence),
        ));
    }
    let rules: std::collections::BTreeSet<&str> =
        findings.iter().map(|f| f.rule.as_str()).collect();
    out.push_str(&format!(
        "{} findings of {} rules; {total} rules were evaluated",
        findings.len(),
        rules.len()
    ));
    Ok(out)
}

fn json(findings: &[Finding], failing: usize, meta: &Meta) -> serde_json::Value {
    let verdict = if failing > 0 { "findings" } else { "clean" };
    serde_json::json!({
        "schema": "pcapsule/check/v1", "verdict": verdict, "failing": failing, "findings": findings,
        "coverage": meta.coverage,
    })
}
