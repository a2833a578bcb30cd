//! Who was who, when: workloads with the addresses they had, and addresses with the workloads that
//! had them, from metadata and, for what that does not name, from the capture.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use polars::prelude::*;
use regex::Regex;
use serde::Serialize;

use crate::frame::{CONNS, Dataset, workloads};
use crate::workload::{Claim, Directory, WorkloadRow};

/// Which workloads are asked for; everything that is given must hold.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Exact name of the pod, service, workload or node, or the DNS name.
    pub name: Option<String>,
    pub name_regex: Option<Regex>,
    /// One of these.
    pub namespaces: Vec<String>,
    /// All of these.
    pub labels: Vec<(String, String)>,
    /// One of these: pod, service, node, external.
    pub kinds: Vec<String>,
    pub ip: Option<IpAddr>,
    /// At this moment, nanoseconds.
    pub at_ns: Option<i64>,
    /// Only what took part in a connection of the capture.
    pub seen: bool,
}

impl Wanted {
    fn row(&self, row: &WorkloadRow) -> bool {
        let names = [&row.name, &row.display, &row.pod, &row.service, &row.workload, &row.dns];
        let named = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
        self.name.as_ref().is_none_or(|wanted| named(&|name| name == wanted))
            && self
                .name_regex
                .as_ref()
                .is_none_or(|regex| named(&|name| !name.is_empty() && regex.is_match(name)))
            && (self.namespaces.is_empty() || self.namespaces.iter().any(|n| row.namespace == *n))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| row.kind == *kind))
            && self.labels.iter().all(|(key, value)| row.labels.get(key) == Some(value))
            && self.at_ns.is_none_or(|at| {
                (row.from_ns == 0 || row.from_ns <= at) && (row.to_ns == 0 || at < row.to_ns)
            })
    }

    fn claim(&self, claim: &Claim) -> bool {
        self.ip.is_none_or(|ip| ip == claim.ip)
            && self.at_ns.is_none_or(|at| claim.from_ns <= at && at < claim.to_ns)
    }
}

/// An address in somebody's hands, from when to when; `None` where the end is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    pub ip: String,
    /// Only this port of it.
    pub port: Option<u16>,
    pub from_ns: Option<i64>,
    pub to_ns: Option<i64>,
    pub how: &'static str,
}

/// A workload and its addresses.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    pub row: WorkloadRow,
    pub ips: Vec<Held>,
    /// Whether it took part in a connection of the capture.
    pub seen: bool,
}

/// The workloads wanted: by kind, namespace and name.
///
/// # Errors
/// Tables that cannot be read.
pub fn workloads(
    dataset: &Dataset,
    directory: &Directory,
    wanted: &Wanted,
) -> PolarsResult<Vec<Workload>> {
    let seen = seen(dataset)?;
    let mut holds: BTreeMap<i64, Vec<Held>> = BTreeMap::new();
    for claim in directory.claims().iter().filter(|claim| wanted.claim(claim)) {
        holds.entry(claim.id).or_default().push(held(claim));
    }
    let rows = workloads::rows(&dataset.workloads()?)?;
    let mut found = Vec::new();
    for row in rows.into_iter().filter(|row| wanted.row(row)) {
        let mut ips = holds.remove(&row.id).unwrap_or_default();
        let own = || row.ip.parse::<IpAddr>().ok();
        if ips.is_empty() && row.id < 0 && own().is_some_and(|ip| wanted.ip.is_none_or(|w| w == ip))
        {
            ips.push(Held {
                ip: row.ip.to_string(),
                port: None,
                from_ns: None,
                to_ns: None,
                how: "seen in the capture",
            });
        }
        let (asked, is_seen) = (wanted.ip.is_some(), seen.contains(&row.id));
        if (!asked || !ips.is_empty()) && (!wanted.seen || is_seen) {
            found.push(Workload { row, ips, seen: is_seen });
        }
    }
    found.sort_by(|a, b| {
        let key = |w: &Workload| {
            (rank(&w.row.kind), w.row.namespace.clone(), w.row.name.clone(), w.row.id)
        };
        key(a).cmp(&key(b))
    });
    Ok(found)
}

/// Pods first, what is outside last.
fn rank(kind: &str) -> usize {
    ["pod", "service", "node", "external"].iter().position(|k| *k == kind).unwrap_or(4)
}

fn held(claim: &Claim) -> Held {
    let known = |ns: i64| (ns != i64::MIN && ns != i64::MAX).then_some(ns);
    let ip = match claim.ip.is_unspecified() {
        true => "any node".into(),
        false => claim.ip.to_string(),
    };
    Held {
        ip,
        port: claim.port,
        from_ns: known(claim.from_ns),
        to_ns: known(claim.to_ns),
        how: claim.how.name(),
    }
}

/// Ids of the workloads at either end of a connection.
fn seen(dataset: &Dataset) -> PolarsResult<BTreeSet<i64>> {
    let Some(conns) = dataset.scan(CONNS)? else { return Ok(BTreeSet::new()) };
    let ids = conns.select([col("src_id"), col("dst_id")]).collect()?;
    let (src, dst) = (ids.column("src_id")?.i64()?, ids.column("dst_id")?.i64()?);
    Ok(src.iter().chain(dst.iter()).flatten().collect())
}
