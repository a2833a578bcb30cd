//! `pcapsule dissect`: builds the frames and says what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use crate::frame::{self, Coverage, Dataset, LinkSummary, Meta, ProtocolSummary};

use super::args::Global;
use super::{Exit, load, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required_unless_present = "calls")]
    inputs: Vec<PathBuf>,
    /// Calls as JSON lines (.zst too), one call a line, in place of captures
    #[arg(long, value_name = "FILE", conflicts_with = "inputs", requires = "output")]
    calls: Option<PathBuf>,
    /// Folder for the frames of --calls; it must not be there yet
    #[arg(long, short, value_name = "DIR", requires = "calls")]
    output: Option<PathBuf>,
    /// How the summary is written
    #[arg(long, value_enum, default_value = "text", visible_alias = "format")]
    summary: Summary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Summary {
    Text,
    Json,
}

/// The documented shape of `--summary json`.
#[derive(Serialize)]
struct SummaryJson<'a> {
    schema: &'static str,
    packets: u64,
    bytes: u64,
    layers: &'a BTreeMap<String, u64>,
    conns: u64,
    protocols: &'a BTreeMap<String, ProtocolSummary>,
    anomalies: &'a BTreeMap<String, u64>,
    undecoded_packets: u64,
    coverage: &'a [Coverage],
    /// What went from one captured node to another, and how much of it arrived.
    links: &'a [LinkSummary],
    /// Connections that no vantage holds whole, put together from several.
    mended_conns: u64,
    /// Why there is nothing, where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    frames: String,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let dataset = match (&args.calls, &args.output) {
        (Some(calls), Some(dir)) => given(calls, dir)?,
        _ => load::load(global, &args.inputs)?.dataset,
    };
    let meta = &dataset.meta;
    let frames = dataset.dir.display().to_string();
    match args.summary {
        Summary::Json => output::print(&json(meta, frames)?)?,
        Summary::Text => output::print(&text(meta, &frames))?,
    }
    Ok(Exit::Ok)
}

/// Frames of calls that were given; the folder appears whole or not at all.
fn given(calls: &Path, dir: &Path) -> anyhow::Result<Dataset> {
    if dir.exists() {
        anyhow::bail!("{}: is there already; name a new folder", dir.display());
    }
    let mut building = dir.as_os_str().to_owned();
    building.push(format!(".building-{}", std::process::id()));
    let building = PathBuf::from(building);
    let written = frame::given::write(calls, &building).map_err(anyhow::Error::from);
    let opened = written.and_then(|_| {
        std::fs::rename(&building, dir)
            .with_context(|| format!("{}: cannot be made", dir.display()))?;
        Ok(Dataset::open(dir)?)
    });
    let _ = std::fs::remove_dir_all(&building); // gone already unless it failed
    opened
}

/// Why a dataset has no packets.
fn reason(meta: &Meta) -> Option<&'static str> {
    (meta.packets == 0 && meta.protocols.is_empty())
        .then_some("no packets in these files within the window")
}

fn json(meta: &Meta, frames: String) -> anyhow::Result<String> {
    let summary = SummaryJson {
        schema: "pcapsule/summary/v1",
        packets: meta.packets,
        bytes: meta.bytes,
        layers: &meta.layers,
        conns: meta.conns,
        protocols: &meta.protocols,
        anomalies: &meta.anomalies,
        undecoded_packets: meta.undecoded_packets,
        coverage: &meta.coverage,
        links: &meta.links,
        mended_conns: meta.mended_conns,
        reason: reason(meta),
        frames,
    };
    Ok(serde_json::to_string_pretty(&summary)?)
}

fn text(meta: &Meta, frames: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "packets    {:>12}   {} bytes, {} not decoded",
        meta.packets, meta.bytes, meta.undecoded_packets
    );
    let _ = writeln!(out, "conns      {:>12}", meta.conns);
    for (name, counts) in &meta.protocols {
        let _ = writeln!(
            out,
            "{name:<10} {:>12}   calls: {} requests, {} responses, {} unanswered",
            counts.calls, counts.requests, counts.responses, counts.unanswered
        );
    }
    for (kind, count) in &meta.anomalies {
        let _ = writeln!(out, "anomaly    {count:>12}   {kind}");
    }
    vantages(meta, &mut out);
    if let Some(reason) = reason(meta) {
        let _ = writeln!(out, "note: {reason}");
    }
    let _ = writeln!(out, "frames     {frames}");
    out
}

/// What several vantages told together: the nodes' clocks, and the ways that lost packets.
fn vantages(meta: &Meta, out: &mut String) {
    use std::fmt::Write;
    let ms = |ns: i64| ns as f64 / 1e6;
    for coverage in &meta.coverage {
        if let (Some(ahead), Some(bound)) = (coverage.clock_ahead_ns, coverage.clock_bound_ns) {
            let _ = writeln!(
                out,
                "clock      {:>12.3}   ms ahead at {}, give or take {:.3} ms; times are set right",
                ms(ahead),
                coverage.node,
                ms(bound)
            );
        }
    }
    for link in meta.links.iter().filter(|link| link.lost_bytes > 0) {
        let _ = writeln!(
            out,
            "lost       {:>12}   of {} segments, {} of {} bytes, from {} to {}",
            link.lost_segments, link.segments, link.lost_bytes, link.bytes, link.from, link.to
        );
    }
    if meta.mended_conns > 0 {
        let _ = writeln!(
            out,
            "mended     {:>12}   connections, whole at no vantage, put together from several",
            meta.mended_conns
        );
    }
}
