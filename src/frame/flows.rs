//! The flows table: connections summed up by their peers, from the conns table once that is final.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::OnceLock;

use polars::prelude::*;

use crate::conn::flow::{FlowCommon, FlowKeys};
use crate::field::{Nanos, Row, Text};

use super::column::Rows;
use super::table::{CONNS, FLOWS, Table};

pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(FLOWS, usize::MAX, &[FlowKeys::FIELDS, FlowCommon::FIELDS]))
}

/// What a flow is known by: transport, both addresses, the port that was opened, and the workloads
/// that had the addresses then.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Peers {
    protocol: Text,
    src_ip: Text,
    dst_ip: Text,
    dst_port: i64,
    src_id: i64,
    dst_id: i64,
}

impl Peers {
    /// Content-derived and positive, as all ids.
    fn id(&self) -> i64 {
        let mut hash = blake3::Hasher::new();
        for text in [&self.protocol, &self.src_ip, &self.dst_ip] {
            hash.update(text.as_bytes());
            hash.update(&[0]);
        }
        for int in [self.dst_port, self.src_id, self.dst_id] {
            hash.update(&int.to_be_bytes());
        }
        let mut bytes = [0; 8];
        hash.finalize_xof().fill(&mut bytes);
        (i64::from_be_bytes(bytes) & i64::MAX).max(1)
    }
}

#[derive(Debug, Default)]
struct Sum {
    first_ns: i64,
    last_ns: i64,
    conns: i64,
    refused: i64,
    resets: i64,
    packets: [i64; 2],
    bytes: [i64; 2],
    retransmissions: i64,
    is_open: bool,
    is_in_progress: bool,
    protocols: BTreeSet<Text>,
}

/// Writes the table of what `dir` holds.
pub(super) fn write(dir: &Path, shards: usize) -> PolarsResult<()> {
    let mut sums: HashMap<Peers, Sum> = HashMap::new();
    for shard in 0..shards {
        let path = dir.join(CONNS).join(format!("shard-{shard:02}.parquet"));
        if path.exists() {
            add(&mut sums, &read(&path)?)?;
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<(Peers, Sum)> = sums.into_iter().collect();
    sorted.sort_by(|(a, x), (b, y)| (x.first_ns, a).cmp(&(y.first_ns, b)));
    let mut rows = Rows::new(table());
    let at = |fields: &[crate::field::FieldDef]| -> Vec<usize> {
        fields.iter().filter_map(|field| table().position(field)).collect()
    };
    let (keys, common) = (at(FlowKeys::FIELDS), at(FlowCommon::FIELDS));
    for (peers, sum) in sorted {
        FlowKeys { src_id: peers.src_id, dst_id: peers.dst_id }.visit(&mut rows.part(&keys));
        row(peers, sum).visit(&mut rows.part(&common));
        rows.end_row();
    }
    let folder = dir.join(FLOWS);
    std::fs::create_dir_all(&folder)?;
    super::parquet::write(&folder.join("shard-00.parquet"), rows.take()?)
}

/// The columns that are summed up.
fn read(path: &Path) -> PolarsResult<DataFrame> {
    let columns = [
        "src_id",
        "dst_id",
        "ts_ns",
        "elapsed_time",
        "protocol",
        "src_ip",
        "dst_ip",
        "dst_port",
        "conn_state",
        "conn_local_pkts",
        "conn_local_bytes",
        "conn_remote_pkts",
        "conn_remote_bytes",
        "conn_l7_detected",
        "conn_retransmissions",
        "conn_refused",
        "conn_reset_by",
    ];
    let file = std::fs::File::open(path)?;
    ParquetReader::new(file).with_columns(Some(columns.map(String::from).to_vec())).finish()
}

fn add(sums: &mut HashMap<Peers, Sum>, conns: &DataFrame) -> PolarsResult<()> {
    let int = |name: &str| conns.column(name)?.i64();
    let text = |name: &str| conns.column(name)?.str();
    let (src_id, dst_id, dst_port) = (int("src_id")?, int("dst_id")?, int("dst_port")?);
    let (protocol, src_ip, dst_ip) = (text("protocol")?, text("src_ip")?, text("dst_ip")?);
    let (start, elapsed) = (int("ts_ns")?, int("elapsed_time")?);
    let (state, reset_by) = (text("conn_state")?, text("conn_reset_by")?);
    let refused = conns.column("conn_refused")?.bool()?;
    let packets = [int("conn_local_pkts")?, int("conn_remote_pkts")?];
    let bytes = [int("conn_local_bytes")?, int("conn_remote_bytes")?];
    let retransmissions = int("conn_retransmissions")?;
    let protocols = conns.column("conn_l7_detected")?.list()?;
    for row in 0..conns.height() {
        let peers = Peers {
            protocol: protocol.get(row).unwrap_or("").into(),
            src_ip: src_ip.get(row).unwrap_or("").into(),
            dst_ip: dst_ip.get(row).unwrap_or("").into(),
            dst_port: dst_port.get(row).unwrap_or(0),
            src_id: src_id.get(row).unwrap_or(0),
            dst_id: dst_id.get(row).unwrap_or(0),
        };
        let first_ns = start.get(row).unwrap_or(0);
        let last_ns = first_ns.saturating_add(elapsed.get(row).unwrap_or(0).saturating_mul(1000));
        let sum = sums.entry(peers).or_insert(Sum { first_ns, last_ns, ..Sum::default() });
        sum.first_ns = sum.first_ns.min(first_ns);
        sum.last_ns = sum.last_ns.max(last_ns);
        sum.conns += 1;
        sum.refused += i64::from(refused.get(row).unwrap_or(false));
        sum.resets += i64::from(!matches!(reset_by.get(row), None | Some("")));
        for side in 0..2 {
            sum.packets[side] += packets[side].get(row).unwrap_or(0);
            sum.bytes[side] += bytes[side].get(row).unwrap_or(0);
        }
        sum.retransmissions += retransmissions.get(row).unwrap_or(0);
        sum.is_open |= state.get(row) == Some("open");
        sum.is_in_progress |= state.get(row) == Some("in_progress");
        if let Some(names) = protocols.get_as_series(row) {
            sum.protocols.extend(names.str()?.iter().flatten().map(Text::from));
        }
    }
    Ok(())
}

fn row(peers: Peers, sum: Sum) -> FlowCommon {
    let id = peers.id();
    let elapsed_us = (sum.last_ns - sum.first_ns).max(0) / 1000;
    // Over a second at least: a single packet is no rate.
    let rate = |n: i64| (n as f64 / (elapsed_us.max(1_000_000) as f64 / 1e6)) as i64;
    FlowCommon {
        id,
        flow_id: id,
        timestamp: Nanos(sum.first_ns),
        elapsed_time: elapsed_us,
        protocol: peers.protocol,
        src_ip: peers.src_ip,
        dst_ip: peers.dst_ip,
        dst_port: peers.dst_port,
        flow_state: Text::const_new(match (sum.is_in_progress, sum.is_open) {
            (true, _) => "in_progress",
            (_, true) => "open",
            _ => "closed",
        }),
        flow_conns: sum.conns,
        flow_refused: sum.refused,
        flow_resets: sum.resets,
        flow_local_pkts: sum.packets[0],
        flow_local_bytes: sum.bytes[0],
        flow_remote_pkts: sum.packets[1],
        flow_remote_bytes: sum.bytes[1],
        flow_local_pps: rate(sum.packets[0]),
        flow_local_bps: rate(sum.bytes[0]),
        flow_remote_pps: rate(sum.packets[1]),
        flow_remote_bps: rate(sum.bytes[1]),
        flow_retransmissions: sum.retransmissions,
        flow_l7_detected: sum.protocols.into_iter().collect(),
    }
}
