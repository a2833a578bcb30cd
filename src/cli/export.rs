//! `pcapsule export INPUT... -o FILE`: the packets of a scope as one capture file, to attach to a
//! ticket or open in Wireshark.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use polars::prelude::*;

use crate::capture::Inputs;
use crate::catalogue::Family;
use crate::export::{Conns, Copied, Scope, export};
use crate::frame::{CONN_OBSERVATIONS, CONNS, Dataset, Selector};
use crate::packet::filter::Filter;
use crate::packet::{Endpoint, Key, Proto};

use super::args::Global;
use super::{Exit, load, output, query, time};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pcapsule export CAPTURE -o vendor.pcapng -f 'dst.service.name == \"payment\" && status_code >= 500'
  pcapsule export CAPTURE -o window.pcapng --since 14:15 --until 14:20 --bpf 'host 10.244.1.7 and tcp port 6379'

Payloads are as they were captured: passwords and personal data too.")]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// File to write: pcapng, or compressed where its name ends with .zst
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Only connections that match in KFL, or that carried a call which does
    #[arg(long, short, value_name = "KFL")]
    filter: Option<String>,
    /// Only packets that match, in tcpdump's syntax
    #[arg(long, value_name = "EXPR")]
    bpf: Option<String>,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let filter = args.bpf.as_deref().map(Filter::parse).transpose()?;
    let conns = args.filter.as_ref().map(|text| conns(global, args, text)).transpose()?;
    let limits = load::limits(global)?;
    let inputs = Inputs::find(&args.inputs, &limits)?;
    let window = time::window(global, &inputs, &limits)?;
    let scope = Scope { filter, window, conns };
    let temporary = args.output.with_file_name(format!(
        ".{}.{}",
        args.output.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        std::process::id()
    ));
    let copied = write(args, &inputs, &scope, &limits, &temporary)
        .and_then(|copied| Ok(std::fs::rename(&temporary, &args.output).map(|()| copied)?));
    if copied.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    let Copied { packets, bytes, of } =
        copied.with_context(|| format!("{}: not exported", args.output.display()))?;
    output::print(&format!(
        "{packets} of {of} packets, {bytes} bytes: {}\nnote: payloads are as captured, nothing is masked",
        args.output.display()
    ))?;
    Ok(Exit::Ok)
}

fn write(
    args: &Args,
    inputs: &Inputs,
    scope: &Scope,
    limits: &crate::limits::Limits,
    temporary: &std::path::Path,
) -> anyhow::Result<Copied> {
    let file = BufWriter::new(std::fs::File::create(temporary)?);
    let stop = load::stop();
    if args.output.extension().is_some_and(|extension| extension == "zst") {
        let mut out = zstd::Encoder::new(file, 0)?;
        let copied = export(inputs, scope, limits, stop, &mut out)?;
        out.finish()?.flush()?;
        return Ok(copied);
    }
    let mut out = file;
    let copied = export(inputs, scope, limits, stop, &mut out)?;
    out.flush()?;
    Ok(copied)
}

/// The connections that a filter means, as every vantage saw them.
fn conns(global: &Global, args: &Args, text: &str) -> anyhow::Result<Conns> {
    let checked = query::filter(global, text)?;
    let dataset = load::load(global, &args.inputs)?.dataset;
    let checked = checked.at(dataset.meta.last_ns().unwrap_or(0));
    let selector = Selector::new(&dataset)?;
    let mut ids = Vec::new();
    for family in [Family::Calls, Family::Conns] {
        if let Some(rows) = selector.rows(&checked, family, &[], &[col("conn_id")])? {
            ids.extend(rows.collect()?.column("conn_id")?.i64()?.iter().flatten());
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let mut found = Conns::default();
    for table in [CONNS, CONN_OBSERVATIONS] {
        seen(&dataset, table, &ids, &mut found)?;
    }
    Ok(found)
}

/// Adds the connections of these ids from one table.
fn seen(dataset: &Dataset, table: &str, ids: &[i64], found: &mut Conns) -> anyhow::Result<()> {
    let Some(rows) = dataset.scan(table)? else { return Ok(()) };
    let columns = [
        "conn_id",
        "protocol",
        "src_ip",
        "src_port",
        "dst_ip",
        "dst_port",
        "ts_ns",
        "elapsed_time",
    ];
    let rows = rows.select(columns.map(col)).collect()?;
    let (int, text) =
        (|name: &str| rows.column(name)?.i64(), |name: &str| rows.column(name)?.str());
    let (id, start, elapsed) = (int("conn_id")?, int("ts_ns")?, int("elapsed_time")?);
    let ends = [(text("src_ip")?, int("src_port")?), (text("dst_ip")?, int("dst_port")?)];
    let protocol = text("protocol")?;
    // The tables' times are by the reference clock; the packets' are not.
    let off = dataset.meta.coverage.iter().filter_map(|c| c.clock_ahead_ns).map(i64::abs).max();
    let off = off.unwrap_or(0);
    for row in 0..rows.height() {
        if id.get(row).is_none_or(|id| ids.binary_search(&id).is_err()) {
            continue;
        }
        let [Some(source), Some(target)] =
            ends.map(|(ip, port)| endpoint(ip.get(row), port.get(row)))
        else {
            continue;
        };
        let Some(proto) = protocol.get(row).and_then(Proto::titled) else { continue };
        let first = start.get(row).unwrap_or(0);
        let last = first + elapsed.get(row).unwrap_or(0) * 1000;
        found.add(Key::new(proto, source, target).0, first - off, last + off);
    }
    Ok(())
}

fn endpoint(ip: Option<&str>, port: Option<i64>) -> Option<Endpoint> {
    let ip = match ip?.parse().ok()? {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    Some(Endpoint { ip: u128::from(ip), port: u16::try_from(port?).ok()? })
}
