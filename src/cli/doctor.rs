//! `pcapsule doctor INPUT...`: what is wrong with a capture as evidence, and what mends it.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::doctor::{Complaint, Grade, Patient, examine};
use crate::frame::Meta;
use crate::report::text;

use super::args::Global;
use super::{Exit, load, output, time};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// How the findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let loaded = load::load(global, &args.inputs)?;
    let inputs = load::pasted(global, &args.inputs);
    let patient =
        Patient { dataset: &loaded.dataset, directory: &loaded.directory, inputs: &inputs };
    let complaints = examine(&patient)?;
    let meta = &loaded.dataset.meta;
    match args.format {
        Format::Text => output::print(&screen(global, meta, &complaints)?)?,
        Format::Json => output::json(&serde_json::json!({
            "schema": "pcapsule/doctor/v1",
            "worst": complaints.first().map(|c| c.grade),
            "complaints": complaints,
            "coverage": meta.coverage,
        }))?,
    }
    Ok(Exit::Ok)
}

fn screen(global: &Global, meta: &Meta, complaints: &[Complaint]) -> anyhow::Result<String> {
    let zone = time::zone(global)?;
    let mut out = String::new();
    let nodes: std::collections::BTreeSet<&str> =
        meta.coverage.iter().map(|c| c.node.as_str()).collect();
    let span = match (meta.first_ns(), meta.last_ns()) {
        (Some(first), Some(last)) => format!(
            ", {} to {}, {:.1} s",
            time::moment(first, &zone),
            time::moment(last, &zone),
            (last - first) as f64 / 1e9
        ),
        _ => String::new(),
    };
    writeln!(
        out,
        "capture  {} nodes ({}), {} packets in {} connections{span}",
        nodes.len(),
        nodes.iter().copied().collect::<Vec<_>>().join(", "),
        meta.packets,
        meta.conns,
    )?;
    if complaints.is_empty() {
        writeln!(out, "nothing is wrong with this capture")?;
    }
    let colour = global.colour(std::io::stdout().is_terminal());
    let mut lines: Vec<String> = out.lines().map(text::terminal).collect();
    for complaint in complaints {
        lines.push(format!("{}{}", grade(complaint.grade, colour), text::visible(&complaint.text)));
        if let Some(remedy) = &complaint.remedy {
            let when = if remedy.now { "now" } else { "next time" };
            lines.push(format!("         {when}: {}", text::visible(&remedy.text)));
            let command = remedy.command.iter();
            lines.extend(command.map(|c| format!("         $ {}", text::visible(c))));
        }
    }
    Ok(lines.join("\n"))
}

/// A word of nine columns, coloured where asked.
fn grade(grade: Grade, colour: bool) -> String {
    let (word, code) = match grade {
        Grade::Bad => ("bad", "1;31"),
        Grade::Weak => ("weak", "1;33"),
        Grade::Note => ("note", "2"),
    };
    match colour {
        true => format!("\x1b[{code}m{word:<9}\x1b[0m"),
        false => format!("{word:<9}"),
    }
}
