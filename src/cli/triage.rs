//! `pcapsule INPUT...`: one screen that answers what broke, when, where it started, what it
//! touched, what cannot be seen, and what to run next.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::report::model::{Impact, Report, Suspect, Verdict};
use crate::report::{Time, text};

use super::args::Global;
use super::load::Source;
use super::{Exit, output, report};

/// Lines of each part.
const SUSPECTS: usize = 3;
const ENDPOINTS: usize = 4;
const BLIND_SPOTS: usize = 3;
const COMMANDS: usize = 3;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Capture files, capture directories or snapshots
    inputs: Vec<PathBuf>,
    /// Text for people, or the report's JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let source = Source { inputs: args.inputs.clone(), frames: None };
    let made = report::make(global, &source, None)?;
    match args.format {
        Format::Text => output::print(&screen(&made, global)?)?,
        Format::Json => {
            let options = crate::report::Options::default();
            output::print(&crate::report::render(&made, crate::report::Format::Json, &options)?)?;
        }
    }
    Ok(Exit::Ok)
}

/// The screen, with everything that traffic said made harmless to a terminal.
pub fn screen(report: &Report, global: &Global) -> anyhow::Result<String> {
    let zone = super::time::zone(global)?;
    let show = |at: Time| super::time::moment(at.0, &zone);
    let mut out = String::new();
    let verdict = match report.verdict {
        Verdict::Incident => "INCIDENT",
        Verdict::NoIncident => "NO INCIDENT",
        Verdict::Inconclusive => "CANNOT TELL",
    };
    let headline = report.incidents.first().map_or(&report.verdict_reason, |i| &i.summary);
    writeln!(out, "{verdict}  {headline}")?;
    if let Some(incident) = report.incidents.first() {
        writeln!(out, "cascade   {}", report.verdict_reason)?;
        let from = show(incident.onset.first_bad);
        match incident.onset.last_good {
            Some(good) => writeln!(out, "onset     {from}, last good {}", show(good))?,
            None => writeln!(out, "onset     {from} or before: the capture shows no good moment")?,
        }
        match incident.end {
            Some(end) => {
                writeln!(out, "end       {}, after {:.1} s", show(end), incident.duration_s)?
            }
            None => writeln!(
                out,
                "end       still going on when the capture ends, after {:.1} s",
                incident.duration_s
            )?,
        }
    }
    suspects(&mut out, &report.suspects)?;
    impact(&mut out, &report.impact)?;
    for spot in report.blind_spots.iter().take(BLIND_SPOTS) {
        writeln!(out, "not seen  {}", spot.text)?;
    }
    for command in report.commands.iter().take(COMMANDS) {
        writeln!(out, "next      {}", command.command)?;
    }
    let plain: String = out.lines().map(|line| format!("{}\n", text::terminal(line))).collect();
    let colour = match (report.verdict, global.colour(std::io::stdout().is_terminal())) {
        (_, false) => return Ok(plain),
        (Verdict::Incident, _) => "\x1b[1;31m",
        (Verdict::NoIncident, _) => "\x1b[1;32m",
        (Verdict::Inconclusive, _) => "\x1b[1;33m",
    };
    Ok(plain.replacen(verdict, &format!("{colour}{verdict}\x1b[0m"), 1))
}

fn suspects(out: &mut String, suspects: &[Suspect]) -> std::fmt::Result {
    for (rank, suspect) in suspects.iter().take(SUSPECTS).enumerate() {
        let namespace = suspect.namespace.as_deref().map(|ns| format!("{ns}/")).unwrap_or_default();
        let summary = suspect.summary.as_deref().unwrap_or_default();
        let share = 100.0 * suspect.share;
        writeln!(
            out,
            "suspect {} {namespace}{} ({share:.0} %): {summary}",
            rank + 1,
            suspect.name
        )?;
    }
    Ok(())
}

/// The endpoints hit where requests enter, else the worst.
fn impact(out: &mut String, impact: &[Impact]) -> std::fmt::Result {
    let failed = || impact.iter().filter(|row| row.failed > 0);
    let entries: Vec<&Impact> = failed().filter(|row| row.entry).collect();
    let rows: Vec<&Impact> = if entries.is_empty() { failed().collect() } else { entries };
    for row in rows.iter().take(ENDPOINTS) {
        let statuses: Vec<String> =
            row.statuses.iter().map(|(status, n)| format!("{status}: {n}")).collect();
        writeln!(
            out,
            "hit       {} {}: {} of {} failed ({})",
            row.service,
            row.endpoint,
            row.failed,
            row.requests,
            statuses.join(", ")
        )?;
    }
    Ok(())
}
