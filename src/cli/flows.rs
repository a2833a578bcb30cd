//! `pcapsule flows INPUT...`: connections summed up by their peers.

use std::path::PathBuf;

use clap::ValueEnum;
use polars::prelude::{DataFrame, SortMultipleOptions};

use crate::answer::flows::{By, flows};
use crate::answer::peers::Level;

use super::args::Global;
use super::query::filter;
use super::sheet::{Format, Sheet, Unit};
use super::{Exit, load};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
client and server are who opened the connection and who was called; out is what the client sent.
conns_at_once and calls_at_once are the most connections open and calls under way at one moment.

Examples:
  pcapsule flows CAPTURE --aggregate service                    who talks to whom, by service
  pcapsule flows CAPTURE --aggregate namespace                  traffic between namespaces
  pcapsule flows CAPTURE -f 'dst.kind == \"external\"'            what left the cluster
  pcapsule flows CAPTURE --sort -retransmission_rate            the lossiest first
  pcapsule flows CAPTURE -f 'flow_conns > 100'                  peers that reconnect a lot")]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Only these connections (dst.port == 6379), or those of these flows (flow_conns > 100)
    #[arg(long, short, value_name = "KFL", default_value = "true", hide_default_value = true)]
    filter: String,
    /// Take peers together; without it a flow is all connections from an address to a port of another
    #[arg(long, value_enum)]
    aggregate: Option<Aggregate>,
    /// How flows are written; all but the table have every column
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Flows shown at most; 0 for all
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Column to sort by; a minus in front turns the order round
    #[arg(long, value_name = "COLUMN", default_value = "-bytes", allow_hyphen_values = true)]
    sort: String,
    /// Columns to show
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Aggregate {
    Pod,
    Service,
    /// Deployment, StatefulSet and the like
    Workload,
    Namespace,
    Node,
}

/// Columns of the table; the rest is in the other formats.
const SHOWN: &[&str] = &[
    "client",
    "server",
    "dst_port",
    "protocol",
    "l7",
    "conns",
    "conns_at_once",
    "calls_at_once",
    "refused",
    "resets",
    "unanswered",
    "bytes_out",
    "bytes_in",
    "initial_rtt_us",
    "rtt_avg_us",
    "retransmission_rate",
    "zero_windows",
];

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let checked = filter(global, &args.filter)?;
    let by = match args.aggregate {
        None => By::Address,
        Some(Aggregate::Pod) => By::Peers(Level::Pod),
        Some(Aggregate::Service) => By::Peers(Level::Service),
        Some(Aggregate::Workload) => By::Peers(Level::Workload),
        Some(Aggregate::Namespace) => By::Peers(Level::Namespace),
        Some(Aggregate::Node) => By::Peers(Level::Node),
    };
    let loaded = load::load(global, &args.inputs)?;
    let meta = &loaded.dataset.meta;
    let found = flows(&loaded.dataset, &checked.at(meta.last_ns().unwrap_or(0)), by)?;
    let found = found.unwrap_or_default();
    let total = found.height();
    let rows = sorted(&found, by, &args.sort, args.limit)?;
    let sheet = sheet(&rows, args)?;
    sheet.print(global, args.format, |rows| {
        serde_json::json!({
            "schema": "pcapsule/flows/v1",
            "flows": rows,
            "total": total,
            "truncated": rows.len() < total,
            "coverage": meta.coverage,
        })
    })?;
    if !global.quiet && args.format != Format::Json {
        match (total, sheet.len()) {
            (0, _) => eprintln!("note: no connection matches"),
            (total, shown) if shown < total => {
                eprintln!("note: {shown} of {total} flows shown; --limit 0 shows all");
            }
            _ => {}
        }
    }
    Ok(Exit::Ok)
}

/// Rows in the order asked for, ties by their keys.
fn sorted(found: &DataFrame, by: By, sort: &str, limit: usize) -> anyhow::Result<DataFrame> {
    if found.height() == 0 {
        return Ok(found.clone());
    }
    let (descending, name) = match sort.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, sort),
    };
    known(found, name)?;
    let mut names = vec![name];
    names.extend(by.keys());
    let mut order = vec![false; names.len()];
    order[0] = descending;
    let options = SortMultipleOptions::default().with_order_descending_multi(order);
    let rows = found.sort(names, options.with_nulls_last(true))?;
    Ok(if limit == 0 { rows } else { rows.head(Some(limit)) })
}

fn known(found: &DataFrame, name: &str) -> anyhow::Result<()> {
    let names: Vec<&str> = found.get_column_names().iter().map(|n| n.as_str()).collect();
    anyhow::ensure!(
        names.contains(&name),
        "{name}: no such column; there are {}",
        names.join(", ")
    );
    Ok(())
}

fn sheet(rows: &DataFrame, args: &Args) -> anyhow::Result<Sheet> {
    let all: Vec<String> = rows.get_column_names().iter().map(ToString::to_string).collect();
    let names: Vec<String> = match (args.columns.is_empty(), args.format) {
        (false, _) => args.columns.clone(),
        (true, Format::Table) => {
            let there = |name: &&&str| all.iter().any(|column| column == **name);
            SHOWN.iter().filter(there).map(ToString::to_string).collect()
        }
        (true, _) => all.clone(),
    };
    if rows.height() > 0 {
        names.iter().try_for_each(|name| known(rows, name))?;
    }
    let columns: Vec<_> = names.into_iter().map(|n| (n.clone(), n.clone(), unit(&n))).collect();
    match rows.height() {
        0 => Ok(Sheet::new(columns.into_iter().map(|(_, head, unit)| (head, unit)))),
        _ => Ok(Sheet::of(rows, &columns)?),
    }
}

fn unit(column: &str) -> Unit {
    match column {
        "first" | "last" => Unit::Time,
        "retransmission_rate" => Unit::Share,
        name if name.ends_with("_us") => Unit::Micros,
        name if name.contains("bytes") => Unit::Bytes,
        _ => Unit::Plain,
    }
}
