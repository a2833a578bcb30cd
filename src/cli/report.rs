//! `pcapsule report`: the incident report in three formats.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::frame::Dataset;
use crate::incident::{Facts, detect, told};
use crate::report::build::{Material, build};
use crate::report::model::{Asked, Report};
use crate::report::{Format, Kind, Options, merge, render};

use super::args::Global;
use super::exit::NoPackets;
use super::load::{self, Loaded, Source};
use super::{Exit, output, time};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// When it began (RFC 3339), where that is known: one incident from there on
    #[arg(long, value_name = "TIME")]
    onset: Option<jiff::Timestamp>,
    /// Folder for report.md, report.html and report.json
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Which report
    #[arg(long, value_enum, default_value = "postmortem")]
    kind: KindArg,
    /// Folder whose files replace built-in templates of the same name
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    Postmortem,
    Timeline,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let report = make(global, &args.source, args.onset)?;
    let kind = match args.kind {
        KindArg::Postmortem => Kind::Postmortem,
        KindArg::Timeline => Kind::Timeline,
    };
    let options = Options { kind, templates: args.templates.clone() };
    output::make_dir(&args.output)?;
    for format in [Format::Json, Format::Markdown, Format::Html] {
        let mut rendered = render(&report, format, &options)?;
        let path = args.output.join(format!("report.{}", format.extension()));
        // What people wrote between the generated sections stays.
        if format == Format::Markdown
            && let Ok(edited) = std::fs::read_to_string(&path)
        {
            rendered = merge::renew(&edited, &rendered);
        }
        output::write_file(&path, rendered.as_bytes())?;
    }
    if !global.quiet {
        output::print(&super::triage::screen(&report, global)?)?;
        output::print(&format!("written: {}/report.{{md,html,json}}", args.output.display()))?;
    }
    Ok(Exit::Ok)
}

/// Opens or makes the frames and makes the report's model of them.
pub fn make(
    global: &Global,
    source: &Source,
    onset: Option<jiff::Timestamp>,
) -> anyhow::Result<Report> {
    let loaded = match &source.frames {
        Some(dir) => Loaded::of_frames(Dataset::open(dir)?),
        None => load::load(global, &source.inputs)?,
    };
    let meta = &loaded.dataset.meta;
    if meta.packets == 0 && meta.protocols.is_empty() {
        return Err(NoPackets("no packets in these files within the window".into()).into());
    }
    let facts = Facts::read(&loaded.dataset)?;
    let incidents = match onset {
        Some(onset) => vec![told(i64::try_from(onset.as_nanosecond())?)],
        None => detect(&facts),
    };
    let inputs = source.pasted(global);
    let packs = super::rules::packs(&[])?;
    let findings = super::check::findings(&loaded.dataset, &packs, |_| true, &inputs)?;
    Ok(build(Material {
        meta,
        facts: &facts,
        directory: &loaded.directory,
        incidents: &incidents,
        findings,
        asked: Asked {
            since: loaded.window.since_ns.map(crate::report::Time),
            until: loaded.window.until_ns.map(crate::report::Time),
        },
        tz: time::zone_name(global)?,
        inputs,
    }))
}
