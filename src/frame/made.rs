//! Frames of made-up calls, without packets: what benchmarks and demos of questions need at sizes
//! that captures of the same would take hours to make. The same number and seed give the same
//! frames.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::*;
use rayon::prelude::*;

use crate::call::fields::{CallCommon, CallKeys};
use crate::conn::fields::{ConnCommon, ConnKeys, ConnTrail};
use crate::dissect::{PROTOCOLS, Protocol};
use crate::field::{ColumnSink, FieldDef, Nanos, Pairs, Row, Text, format_compact};
use crate::outcome::Outcome;
use crate::replay::{CallRow, ConnRow, ReplayStats, SHARDS, Sink};
use crate::workload::WorkloadRow;

use super::column::Rows;
use super::dataset::FrameError;
use super::meta::{Meta, ProtocolSummary};
use super::table::WORKLOADS;
use super::writer::ShardWriter;

const SERVICES: [&str; 16] = [
    "frontend",
    "cart",
    "catalog",
    "checkout",
    "payment",
    "shipping",
    "recommend",
    "ads",
    "user",
    "search",
    "inventory",
    "auth",
    "session",
    "audit",
    "metrics",
    "notifier",
];
const NAMESPACES: [&str; 4] = ["production", "staging", "identity", "monitoring"];
const RESOURCES: [&str; 10] = [
    "orders",
    "users",
    "items",
    "carts",
    "payments",
    "shipments",
    "sessions",
    "prices",
    "reviews",
    "stocks",
];
const PODS: usize = 8;
/// Ten minutes from 2025-10-09T08:53:20Z on.
const BEGIN_NS: i64 = 1_760_000_000_000_000_000;
const SPAN_NS: i64 = 600_000_000_000;
/// Calls of one connection.
const CALLS_PER_CONN: u64 = 50;

/// Numbers by SplitMix64: a stream per call, so that shards can be made apart.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Picks by weights that add up to 100.
    fn pick<T: Copy>(&mut self, weighted: &[(T, u64)]) -> Option<T> {
        let mut left = self.below(100);
        for &(value, weight) in weighted {
            if left < weight {
                return Some(value);
            }
            left -= weight;
        }
        weighted.last().map(|&(value, _)| value)
    }
}

/// A row of a protocol's half of which only some fields are given.
#[derive(Debug)]
struct Half {
    fields: &'static [FieldDef],
    texts: BTreeMap<&'static str, Text>,
    headers: Pairs,
}

impl Row for Half {
    fn fields(&self) -> &'static [FieldDef] {
        self.fields
    }

    fn visit(&self, sink: &mut dyn ColumnSink) {
        for (column, field) in self.fields.iter().enumerate() {
            match self.texts.get(field.name) {
                Some(text) => sink.text(column, text),
                None if field.name == "request.headers" => sink.map(column, &self.headers),
                None => {}
            }
        }
    }
}

/// Writes `calls` calls as a dataset in `dir`.
///
/// # Errors
/// A folder that cannot be written.
pub fn write(dir: &Path, calls: u64, seed: u64) -> Result<(), FrameError> {
    let failed = |what: String| FrameError::Write { path: dir.into(), what };
    std::fs::create_dir_all(dir).map_err(|source| FrameError::Io { path: dir.into(), source })?;
    let pods = pods();
    let http = PROTOCOLS.iter().find(|p| p.title == "HTTP").copied();
    let http = http.ok_or_else(|| failed("there is no HTTP".into()))?;
    let made: Vec<Result<(), String>> = (0..SHARDS)
        .into_par_iter()
        .map(|shard| {
            let mut sink = ShardWriter::new(dir, shard).ok_or("no tables")?;
            let first = shard as u64 * calls / SHARDS as u64;
            let end = (shard as u64 + 1) * calls / SHARDS as u64;
            for number in first..end {
                call(&mut sink, &pods, http, number, calls, seed)?;
            }
            sink.finish().map(|_| ())
        })
        .collect();
    made.into_iter().collect::<Result<(), String>>().map_err(failed)?;
    let table = workloads(&pods).map_err(|e| failed(e.to_string()))?;
    super::parquet::write(&dir.join(format!("{WORKLOADS}.parquet")), table)
        .and_then(|()| super::flows::write(dir, SHARDS))
        .map_err(|e| failed(e.to_string()))?;
    let mut meta = Meta::new(&Default::default(), &ReplayStats::default(), &[]);
    meta.conns = calls.div_ceil(CALLS_PER_CONN);
    let summary =
        ProtocolSummary { requests: calls, responses: calls, calls, ..ProtocolSummary::default() };
    meta.protocols.insert("made".into(), summary);
    let text = serde_json::to_vec_pretty(&meta).map_err(|e| failed(e.to_string()))?;
    std::fs::write(dir.join("meta.json"), text)
        .map_err(|source| FrameError::Io { path: dir.join("meta.json"), source })
}

/// The pods: of each service in one to four namespaces, eight of each.
fn pods() -> Vec<WorkloadRow> {
    let mut pods = Vec::new();
    for (number, service) in SERVICES.iter().enumerate() {
        for (place, namespace) in NAMESPACES.iter().enumerate().take(1 + service.len() % 4) {
            for pod in 0..PODS {
                let id = pods.len() as i64;
                let name = format_compact!("{service}-{:08x}-{pod:05}", number * 7919 + place);
                let version = format!("v{}", 1 + id % 3);
                let labels = [("app", *service), ("version", &version), ("tier", "backend")];
                pods.push(WorkloadRow {
                    id,
                    kind: Text::const_new("pod"),
                    name: name.clone(),
                    display: Text::const_new(service),
                    namespace: Text::const_new(namespace),
                    pod: name,
                    service: Text::const_new(service),
                    workload: Text::const_new(service),
                    node: format_compact!("node-{}", id % 6),
                    ip: address(id),
                    labels: labels.into_iter().collect(),
                    how: Text::const_new("made up"),
                    ..WorkloadRow::default()
                });
            }
        }
    }
    pods
}

fn address(id: i64) -> Text {
    format_compact!("10.{}.{}.{}", 244 + id / 65536, id / 256 % 256, id % 256)
}

fn workloads(pods: &[WorkloadRow]) -> PolarsResult<DataFrame> {
    let table = super::workloads::table();
    let mut rows = Rows::new(table);
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    for pod in pods {
        pod.visit(&mut rows.part(&columns));
        rows.end_row();
    }
    rows.take()
}

/// Writes the call of a number, and its connection with the last call of it.
fn call(
    sink: &mut ShardWriter,
    pods: &[WorkloadRow],
    http: &'static Protocol,
    number: u64,
    calls: u64,
    seed: u64,
) -> Result<(), String> {
    let mut conn = Numbers(seed ^ (number / CALLS_PER_CONN).wrapping_mul(0x0123_4567_89ab_cdef));
    let conn_id = (conn.next() >> 1).max(1) as i64;
    let (src, dst) = (conn.below(pods.len() as u64), conn.below(pods.len() as u64));
    let src_port = 1024 + conn.below(60_000) as i64;
    let mut numbers = Numbers(seed ^ number.wrapping_mul(0xfeed_f00d_cafe_beef));
    let id = (numbers.next() >> 1).max(1) as i64;
    let ts_ns = BEGIN_NS + (SPAN_NS as f64 * number as f64 / calls as f64) as i64;
    let is_http = numbers.below(100) < 70;
    let status = numbers.pick(&STATUSES).unwrap_or(200);
    // Log-normal with a median of 4 ms: the sum of twelve shares is nearly normal.
    let normal: f64 = (0..12).map(|_| numbers.share()).sum::<f64>() - 6.0;
    let elapsed = (8.3 + 1.1 * normal).exp() as i64;
    let path = format_compact!(
        "/api/v{}/{}/{}",
        1 + numbers.below(2),
        RESOURCES[numbers.below(10) as usize],
        numbers.below(50_000)
    );
    let method = numbers.pick(&METHODS).unwrap_or("GET");
    let protocol = if is_http {
        http
    } else {
        PROTOCOLS.iter().find(|p| p.title == "REDIS").copied().unwrap_or(http)
    };
    let outcome = match (is_http, status) {
        (true, 500..) => Outcome::ServerError,
        (true, 400..) => Outcome::ClientError,
        _ => Outcome::Ok,
    };
    let keys = CallKeys {
        src_id: src as i64,
        dst_id: dst as i64,
        observations: 1,
        packet_frame: 1,
        response_frame: 2,
        settled_ns: ts_ns + elapsed * 1000,
        dissector: Text::const_new(protocol.name),
        index: (number % CALLS_PER_CONN) as i64,
        requests: 1,
        responses: 1,
        ..CallKeys::default()
    };
    let common = CallCommon {
        id,
        conn_id,
        timestamp: Nanos(ts_ns),
        elapsed_time: elapsed,
        first_byte_time: elapsed / 2,
        protocol: Text::const_new(protocol.title),
        src_ip: address(src as i64),
        src_port,
        dst_ip: address(dst as i64),
        dst_port: 8080,
        outcome: Text::const_new(outcome.name()),
        operation: format_compact!("{method} {}", path.rsplit_once('/').map_or("", |(p, _)| p)),
        error: if outcome == Outcome::Ok { Text::default() } else { format_compact!("{status}") },
        status_code: if is_http { status } else { 0 },
        has_response: true,
        request_size: 200 + numbers.below(5800) as i64,
        response_size: 100 + numbers.below(19_900) as i64,
        ..CallCommon::default()
    };
    let request = Half {
        fields: protocol.request,
        texts: match is_http {
            true => BTreeMap::from([
                ("method", Text::const_new(method)),
                ("path", path.clone()),
                ("url", path),
            ]),
            false => BTreeMap::from([("redis_type", Text::const_new("GET"))]),
        },
        headers: [("user-agent", "made-up/1")].into_iter().collect(),
    };
    let (keys, common) = (&keys, &common);
    sink.call(CallRow { keys, common, protocol, request: Some(&request), response: None })?;
    let is_last = (number + 1).is_multiple_of(CALLS_PER_CONN) || number + 1 == calls;
    if is_last { connection(sink, keys, common) } else { Ok(()) }
}

fn connection(sink: &mut ShardWriter, keys: &CallKeys, call: &CallCommon) -> Result<(), String> {
    let keys = ConnKeys {
        src_id: keys.src_id,
        dst_id: keys.dst_id,
        observations: 1,
        packet_frame: 1,
        ..ConnKeys::default()
    };
    let common = ConnCommon {
        id: call.conn_id,
        conn_id: call.conn_id,
        timestamp: call.timestamp,
        protocol: Text::const_new("TCP"),
        src_ip: call.src_ip.clone(),
        src_port: call.src_port,
        dst_ip: call.dst_ip.clone(),
        dst_port: call.dst_port,
        outcome: Text::const_new(Outcome::Ok.name()),
        conn_state: Text::const_new("closed"),
        conn_l7_detected: vec![call.protocol.clone()],
        conn_completeness: 31,
        ..ConnCommon::default()
    };
    let trail = ConnTrail::default();
    sink.conn(ConnRow { keys: &keys, trail: &trail, common: &common })
}

const STATUSES: [(i64, u64); 9] =
    [(200, 87), (201, 3), (204, 2), (304, 1), (404, 3), (401, 1), (500, 1), (502, 1), (503, 1)];
const METHODS: [(&str, u64); 5] =
    [("GET", 60), ("POST", 20), ("PUT", 10), ("DELETE", 5), ("PATCH", 5)];
