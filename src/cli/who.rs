//! `pcapsule workloads INPUT...` and `pcapsule ips INPUT...`: who was who, when.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::answer::who::{Held, Wanted, Workload, workloads};
use crate::kfl;

use super::args::Global;
use super::sheet::{Cell, Format, Sheet, Unit};
use super::{Exit, load, output, time};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pcapsule workloads CAPTURE --namespace shop --kind pod
  pcapsule workloads CAPTURE --name-regex '^pay' --at 14:15 --tz Europe/Berlin
  pcapsule workloads CAPTURE --label app=redis
  pcapsule ips CAPTURE --ip 10.244.1.5 --at 2026-11-20T14:15:00Z     who had this address then
  pcapsule ips CAPTURE --kind external --seen                        addresses outside that were talked to")]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Only of this exact name: pod, service, workload, node or DNS name
    #[arg(long)]
    name: Option<String>,
    /// Only of names in which this regular expression is found
    #[arg(long, value_name = "REGEX")]
    name_regex: Option<String>,
    /// Only in these namespaces
    #[arg(long, short, value_name = "NS,...", value_delimiter = ',')]
    namespace: Vec<String>,
    /// Only with all of these labels
    #[arg(long, short, value_name = "KEY=VALUE,...", value_delimiter = ',')]
    label: Vec<String>,
    /// Only of these kinds
    #[arg(long, value_enum, value_delimiter = ',')]
    kind: Vec<Kind>,
    /// Only this address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<std::net::IpAddr>,
    /// As of this time: RFC 3339, wall clock in --tz, or relative to the capture's end (-10m)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// Only what took part in a connection of the capture
    #[arg(long)]
    seen: bool,
    /// How they are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Pod,
    Service,
    Node,
    External,
}

fn find(global: &Global, args: &Args) -> anyhow::Result<(Vec<Workload>, load::Loaded)> {
    let mut wanted = Wanted {
        name: args.name.clone(),
        namespaces: args.namespace.clone(),
        kinds: args.kind.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect(),
        ip: args.ip,
        seen: args.seen,
        ..Wanted::default()
    };
    if let Some(regex) = &args.name_regex {
        let built =
            regex::RegexBuilder::new(regex).size_limit(kfl::limits::REGEX_BYTES_MAX).build();
        wanted.name_regex = Some(built.with_context(|| format!("--name-regex {regex}"))?);
    }
    for label in &args.label {
        match label.split_once('=') {
            Some((key, value)) => wanted.labels.push((key.into(), value.into())),
            None => bail!("--label {label}: give KEY=VALUE"),
        }
    }
    let loaded = load::load(global, &args.inputs)?;
    if let Some(at) = &args.at {
        wanted.at_ns = Some(time::at(global, at, &loaded.dataset.meta)?);
    }
    Ok((workloads(&loaded.dataset, &loaded.directory, &wanted)?, loaded))
}

pub fn run_workloads(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let (found, _) = find(global, args)?;
    if args.format == Format::Json {
        let rows: Vec<_> = found.iter().map(object).collect();
        output::json(&serde_json::json!({
            "schema": "pcapsule/workloads/v1", "workloads": rows, "total": found.len(),
        }))?;
        return Ok(Exit::Ok);
    }
    let heads = [
        ("kind", Unit::Plain),
        ("namespace", Unit::Plain),
        ("name", Unit::Plain),
        ("workload", Unit::Plain),
        ("service", Unit::Plain),
        ("node", Unit::Plain),
        ("ips", Unit::Plain),
        ("from", Unit::Time),
        ("to", Unit::Time),
        ("seen", Unit::Plain),
        ("labels", Unit::Plain),
    ];
    let mut sheet = Sheet::new(heads);
    for Workload { row, ips, seen } in &found {
        let text = |text: &str| Cell::from(text);
        let known = |ns: i64| if ns == 0 { Cell::None } else { Cell::Int(ns) };
        let labels = row.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let mut addresses: Vec<String> = ips.iter().map(|held| held.ip.clone()).collect();
        addresses.dedup();
        sheet.push(vec![
            text(&row.kind),
            text(&row.namespace),
            text(&row.name),
            text(&row.workload),
            text(&row.service),
            text(&row.node),
            Cell::List(addresses),
            known(row.from_ns),
            known(row.to_ns),
            Cell::Bool(*seen),
            Cell::List(labels),
        ]);
    }
    sheet.print(global, args.format, serde_json::Value::from)?;
    note(global, found.len());
    Ok(Exit::Ok)
}

fn note(global: &Global, found: usize) {
    if found == 0 && !global.quiet {
        eprintln!("note: nobody like that is known; without options all are listed");
    }
}

fn object(workload: &Workload) -> serde_json::Value {
    let row = &workload.row;
    let time = |ns: i64| (ns != 0).then(|| kfl::format_time(ns));
    let labels: BTreeMap<&str, &str> = row.labels.iter().collect();
    serde_json::json!({
        "name": row.name, "namespace": row.namespace, "kind": row.kind, "workload": row.workload,
        "service": row.service, "node": row.node, "dns": row.dns, "labels": labels,
        "from": time(row.from_ns), "to": time(row.to_ns), "seen": workload.seen,
        "ips": workload.ips.iter().map(hold).collect::<Vec<_>>(),
    })
}

fn hold(held: &Held) -> serde_json::Value {
    serde_json::json!({
        "ip": held.ip, "port": held.port, "how": held.how,
        "from": held.from_ns.map(kfl::format_time), "to": held.to_ns.map(kfl::format_time),
    })
}

pub fn run_ips(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let (found, _) = find(global, args)?;
    // By number, so that 10.0.0.9 comes before 10.0.0.10; what is no address by its text.
    type Holders<'a> = Vec<(&'a Workload, &'a Held)>;
    let mut by_ip: BTreeMap<(Option<std::net::IpAddr>, &str), Holders<'_>> = BTreeMap::new();
    for workload in &found {
        for held in &workload.ips {
            by_ip.entry((held.ip.parse().ok(), &held.ip)).or_default().push((workload, held));
        }
    }
    if args.format == Format::Json {
        let records = |holders: &[(&Workload, &Held)]| -> Vec<serde_json::Value> {
            let record = |(workload, held): &(&Workload, &Held)| {
                let mut record = hold(held);
                record["name"] = workload.row.name.as_str().into();
                record["namespace"] = workload.row.namespace.as_str().into();
                record["kind"] = workload.row.kind.as_str().into();
                record
            };
            holders.iter().map(record).collect()
        };
        let ips: Vec<_> = by_ip
            .iter()
            .map(|((_, ip), holders)| serde_json::json!({"ip": ip, "records": records(holders)}))
            .collect();
        output::json(&serde_json::json!({
            "schema": "pcapsule/ips/v1", "total": ips.len(), "ips": ips,
        }))?;
        return Ok(Exit::Ok);
    }
    let heads = [
        ("ip", Unit::Plain),
        ("port", Unit::Plain),
        ("kind", Unit::Plain),
        ("namespace", Unit::Plain),
        ("name", Unit::Plain),
        ("from", Unit::Time),
        ("to", Unit::Time),
        ("how", Unit::Plain),
        ("seen", Unit::Plain),
    ];
    let mut sheet = Sheet::new(heads);
    for ((_, ip), holders) in &by_ip {
        for (workload, held) in holders {
            sheet.push(vec![
                Cell::from(*ip),
                Cell::from(held.port.map(i64::from)),
                Cell::from(workload.row.kind.as_str()),
                Cell::from(workload.row.namespace.as_str()),
                Cell::from(workload.row.name.as_str()),
                Cell::from(held.from_ns),
                Cell::from(held.to_ns),
                Cell::from(held.how),
                Cell::Bool(workload.seen),
            ]);
        }
    }
    sheet.print(global, args.format, serde_json::Value::from)?;
    note(global, by_ip.len());
    Ok(Exit::Ok)
}
