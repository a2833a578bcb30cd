//! Tables of the vantages -> sightings and observations of calls, without text where numbers do.

use std::collections::HashMap;
use std::path::PathBuf;

use foldhash::fast::FixedState;
use polars::prelude::*;

use crate::frame::parquet::read_columns;
use crate::frame::table::{CALLS, CONNS};
use crate::join::{Member, Range, SeenCall, Sighting, Socket};
use crate::packet::Proto;
use crate::replay::SHARDS;

use super::Places;

const SIGHTING: &[&str] = &[
    "vantage_id",
    "id",
    "src_id",
    "dst_id",
    "protocol",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "ts_ns",
    "elapsed_time",
    "client_isn",
    "server_isn",
    "syn_stamp",
    "syn_ns",
    "syn_ack_ns",
    "local_from",
    "local_to",
    "remote_from",
    "remote_to",
    "local_segments",
    "remote_segments",
    "local_missing",
    "remote_missing",
    "conn_local_pkts",
    "conn_remote_pkts",
    "conn_local_bytes",
    "conn_remote_bytes",
    "datagrams",
];

const CALL: &[&str] = &[
    "vantage_id",
    "id",
    "conn_id",
    "index",
    "src_port",
    "src_ip",
    "request_place",
    "response_place",
    "is_half",
    "ts_ns",
    "settled_ns",
    "elapsed_time",
];

/// A sighting with the shard that holds it and the workloads at its ends.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub member: Member,
    pub shard: usize,
    pub client_id: i64,
    pub server_id: i64,
}

impl std::ops::Deref for Placed {
    type Target = Member;
    fn deref(&self) -> &Member {
        &self.member
    }
}

impl std::ops::DerefMut for Placed {
    fn deref_mut(&mut self) -> &mut Member {
        &mut self.member
    }
}

/// Reads the tables of a dataset that is not joined yet.
pub(super) struct Reader<'a> {
    pub places: &'a Places<'a>,
    /// Index of each shard's first sighting, and of what is behind the last.
    starts: Vec<u32>,
    /// All sightings, where they are few enough to be read once for all passes.
    held: Option<Vec<Placed>>,
}

impl<'a> Reader<'a> {
    pub fn new(places: &'a Places<'a>) -> PolarsResult<Self> {
        let mut starts = vec![0u32];
        for shard in 0..SHARDS {
            let path = file(places, CONNS, shard);
            let rows = match path.exists() {
                true => ParquetReader::new(std::fs::File::open(path)?).num_rows()?,
                false => 0,
            };
            starts.push(starts[shard] + rows as u32);
        }
        let mut reader = Reader { places, starts, held: None };
        if places.parts() == 1 {
            let mut all = Vec::with_capacity(reader.conns());
            reader.read(|placed| all.push(placed))?;
            reader.held = Some(all);
        }
        Ok(reader)
    }

    /// Sightings in all shards.
    pub fn conns(&self) -> usize {
        self.starts[SHARDS] as usize
    }

    /// Hands out the sightings that `wanted` takes, by index.
    pub fn sightings(
        &self,
        wanted: impl Fn(u32, &Sighting) -> bool,
        mut out: impl FnMut(Placed),
    ) -> PolarsResult<()> {
        let mut offer = |placed: &Placed| {
            if wanted(placed.member.index, &placed.member.sighting) {
                out(placed.clone());
            }
        };
        match &self.held {
            Some(held) => held.iter().for_each(offer),
            None => self.read(|placed| offer(&placed))?,
        }
        Ok(())
    }

    /// Reads all sightings, in order.
    fn read(&self, mut out: impl FnMut(Placed)) -> PolarsResult<()> {
        for shard in 0..SHARDS {
            let path = file(self.places, CONNS, shard);
            if !path.exists() {
                continue;
            }
            let rows = Rows::new(read_columns(&path, SIGHTING)?)?;
            for row in 0..rows.len() {
                let index = self.starts[shard] + row as u32;
                if let Some(placed) = self.placed(&rows, row, index, shard) {
                    out(placed);
                }
            }
        }
        Ok(())
    }

    fn placed(&self, rows: &Rows, row: usize, index: u32, shard: usize) -> Option<Placed> {
        let node_of = |workload: i64| self.places.workloads.get(&workload).copied();
        let (client_id, server_id) = (rows.int("src_id", row), rows.int("dst_id", row));
        let sighting = sighting(rows, row, &self.places.nodes)?;
        let here = Some(sighting.node);
        let (at_client, at_server) = (node_of(client_id) == here, node_of(server_id) == here);
        let member = Member { index, sighting, at_client, at_server };
        Some(Placed { member, shard, client_id, server_id })
    }

    /// The sightings that belong to groups of one part.
    pub fn members(
        &self,
        roots: &[Option<u32>],
        part: u64,
        parts: u64,
    ) -> PolarsResult<Vec<Placed>> {
        let mut members = Vec::new();
        let wanted =
            |index: u32| roots[index as usize].is_some_and(|root| u64::from(root) % parts == part);
        self.sightings(|index, _| wanted(index), |placed| members.push(placed))?;
        Ok(members)
    }

    /// The observations of the groups' calls, by the vantages' own clocks.
    pub fn calls(&self, groups: &[Vec<Placed>]) -> PolarsResult<Vec<Vec<SeenCall>>> {
        let mut found: Vec<Vec<SeenCall>> = vec![Vec::new(); groups.len()];
        // Looked up, never iterated: its order cannot reach a result.
        let mut of_conn: HashMap<(u32, i64), (usize, u32), FixedState> = HashMap::default();
        for (number, group) in groups.iter().enumerate() {
            for (rank, member) in (0u32..).zip(group) {
                of_conn.insert((member.sighting.vantage, member.sighting.id), (number, rank));
            }
        }
        if of_conn.is_empty() {
            return Ok(found);
        }
        for shard in 0..SHARDS {
            let path = file(self.places, CALLS, shard);
            if !path.exists() {
                continue;
            }
            let rows = Rows::new(read_columns(&path, CALL)?)?;
            for row in 0..rows.len() {
                let conn = (rows.int("vantage_id", row) as u32, rows.int("conn_id", row));
                if let Some(&(number, rank)) = of_conn.get(&conn) {
                    let client = groups[number][rank as usize].sighting.client;
                    found[number].push(seen_call(&rows, row, rank, shard, client));
                }
            }
        }
        Ok(found)
    }
}

/// One shard's file of a table.
pub(super) fn file(places: &Places<'_>, table: &str, shard: usize) -> PathBuf {
    places.dir.join(table).join(format!("shard-{shard:02}.parquet"))
}

/// Columns at hand by their names.
struct Rows {
    ints: HashMap<&'static str, Int64Chunked, FixedState>,
    texts: HashMap<&'static str, StringChunked, FixedState>,
    bools: HashMap<&'static str, BooleanChunked, FixedState>,
    len: usize,
}

impl Rows {
    fn new(mut frame: DataFrame) -> PolarsResult<Self> {
        frame.rechunk_mut();
        let mut rows = Rows {
            ints: HashMap::default(),
            texts: HashMap::default(),
            bools: HashMap::default(),
            len: frame.height(),
        };
        for name in SIGHTING.iter().chain(CALL).copied() {
            let Ok(column) = frame.column(name) else { continue };
            match column.dtype() {
                DataType::Int64 => drop(rows.ints.insert(name, column.i64()?.clone())),
                DataType::String => drop(rows.texts.insert(name, column.str()?.clone())),
                DataType::Boolean => drop(rows.bools.insert(name, column.bool()?.clone())),
                _ => {}
            }
        }
        Ok(rows)
    }

    fn len(&self) -> usize {
        self.len
    }

    fn int(&self, name: &str, row: usize) -> i64 {
        self.ints.get(name).and_then(|column| column.get(row)).unwrap_or(0)
    }

    fn text(&self, name: &str, row: usize) -> &str {
        self.texts.get(name).and_then(|column| column.get(row)).unwrap_or("")
    }

    fn number(&self, name: &str, row: usize) -> Option<u32> {
        u32::try_from(self.int(name, row)).ok()
    }

    fn count(&self, name: &str, row: usize) -> u64 {
        self.int(name, row).unsigned_abs()
    }
}

fn sighting(rows: &Rows, row: usize, nodes: &[u32]) -> Option<Sighting> {
    let socket = |ip: &str, port: &str| {
        let ip = rows.text(ip, row).parse().ok()?;
        Some(Socket { ip, port: rows.int(port, row) as u16 })
    };
    let range = |from: &str, to: &str| {
        Some(Range { from: rows.number(from, row)?, to: rows.number(to, row)? })
    };
    let pair = |local: &str, remote: &str| [rows.count(local, row), rows.count(remote, row)];
    let vantage = rows.int("vantage_id", row) as u32;
    let first_ns = rows.int("ts_ns", row);
    Some(Sighting {
        vantage,
        node: nodes.get(vantage as usize).copied()?,
        id: rows.int("id", row),
        proto: Proto::titled(rows.text("protocol", row))?,
        client: socket("src_ip", "src_port")?,
        server: socket("dst_ip", "dst_port")?,
        isns: [rows.number("client_isn", row), rows.number("server_isn", row)],
        stamp: rows.int("syn_stamp", row) as u32,
        ranges: [range("local_from", "local_to"), range("remote_from", "remote_to")],
        datagrams: hashes(rows.text("datagrams", row)),
        first_ns,
        last_ns: first_ns + rows.int("elapsed_time", row) * 1000,
        syn_ns: rows.int("syn_ns", row),
        syn_ack_ns: rows.int("syn_ack_ns", row),
        packets: pair("conn_local_pkts", "conn_remote_pkts"),
        segments: pair("local_segments", "remote_segments"),
        bytes: pair("conn_local_bytes", "conn_remote_bytes"),
        missing: pair("local_missing", "remote_missing"),
    })
}

/// Numbers of 16 hex digits each, one behind the other.
fn hashes(text: &str) -> Vec<u64> {
    let digits = |at: usize| u64::from_str_radix(text.get(at..at + 16)?, 16).ok();
    (0..text.len()).step_by(16).filter_map(digits).collect()
}

fn seen_call(rows: &Rows, row: usize, rank: u32, shard: usize, client: Socket) -> SeenCall {
    let half = rows.bools.get("is_half").and_then(|column| column.get(row)).unwrap_or(false);
    let by_client = rows.int("src_port", row) as u16 == client.port
        && rows.text("src_ip", row).parse() == Ok(client.ip);
    SeenCall {
        rank,
        vantage: rows.int("vantage_id", row) as u32,
        shard,
        id: rows.int("id", row),
        index: rows.int("index", row),
        by_client,
        request_place: rows.int("request_place", row),
        response_place: rows.int("response_place", row),
        ts_ns: rows.int("ts_ns", row),
        settled_ns: rows.int("settled_ns", row),
        is_whole: !half,
        elapsed_us: rows.int("elapsed_time", row),
    }
}
