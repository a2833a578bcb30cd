//! Calls given as lines of JSON -> frames: what another tracer or data set tells of calls gets the
//! same questions, rankings and reports as captures do. Without packets, so without proof.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use polars::prelude::*;
use serde::Deserialize;

use crate::call::fields::{CallCommon, CallKeys};
use crate::dissect::{PROTOCOLS, endpoint};
use crate::field::{ColumnSink, FieldDef, Nanos, Row, Text, format_compact};
use crate::outcome::Outcome;
use crate::replay::{CallRow, ReplayStats, SHARDS, Sink};
use crate::workload::WorkloadRow;

use super::column::Rows;
use super::dataset::FrameError;
use super::meta::{Coverage, Meta, ProtocolSummary};
use super::table::WORKLOADS;
use super::writer::ShardWriter;

/// Longest line taken.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Who called or was called; what is not known is left out.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
struct End {
    workload: String,
    namespace: String,
    pod: String,
    node: String,
}

/// One line. Keys that are not here are passed over.
#[derive(Debug, Deserialize)]
struct Given {
    id: i64,
    ts_ns: i64,
    elapsed_us: i64,
    protocol: String,
    src: End,
    dst: End,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    status_code: Option<i64>,
    grpc_status: Option<i64>,
    server_ts_ns: Option<i64>,
    server_elapsed_us: Option<i64>,
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    request_id: String,
}

/// Reads calls (`.zst` too) from `path` and writes them as a dataset in `dir`; their number comes
/// back.
///
/// # Errors
/// A line that is no call, with its number; a file that cannot be read, a folder that cannot be
/// written.
pub fn write(path: &Path, dir: &Path) -> Result<u64, FrameError> {
    let failed = |what: String| FrameError::Write { path: dir.into(), what };
    std::fs::create_dir_all(dir).map_err(|source| FrameError::Io { path: dir.into(), source })?;
    let mut writers: Vec<ShardWriter> =
        (0..SHARDS).filter_map(|shard| ShardWriter::new(dir, shard)).collect();
    let (mut ends, mut seen) = (Ends::default(), Seen::default());
    for (number, line) in lines(path)? {
        let wrong = |what: String| FrameError::Given { path: path.into(), line: number, what };
        let line = line.map_err(|e| wrong(e.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(wrong(format!("longer than {LINE_BYTES_MAX} bytes")));
        }
        let given: Given = serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?;
        seen.add(&given);
        let shard = seen.calls as usize % writers.len().max(1);
        if let Some(writer) = writers.get_mut(shard) {
            call(writer, &given, &mut ends).map_err(failed)?;
        }
    }
    for writer in writers {
        writer.finish().map_err(failed)?;
    }
    let table = ends.table().map_err(|e| failed(e.to_string()))?;
    super::parquet::write(&dir.join(format!("{WORKLOADS}.parquet")), table)
        .and_then(|()| super::flows::write(dir, SHARDS))
        .map_err(|e| failed(e.to_string()))?;
    let text = serde_json::to_vec_pretty(&seen.meta(path)).map_err(|e| failed(e.to_string()))?;
    let path = dir.join("meta.json");
    std::fs::write(&path, text).map_err(|source| FrameError::Io { path, source })?;
    Ok(seen.calls)
}

type Lines = Box<dyn Iterator<Item = (usize, std::io::Result<String>)>>;

fn lines(path: &Path) -> Result<Lines, FrameError> {
    let io = |source| FrameError::Read { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let is_zst = path.extension().is_some_and(|extension| extension == "zst");
    Ok(match is_zst {
        true => {
            let decoder = zstd::Decoder::new(file).map_err(io)?;
            Box::new((1..).zip(BufReader::new(decoder).lines()))
        }
        false => Box::new((1..).zip(BufReader::new(file).lines())),
    })
}

/// What was counted of the lines.
#[derive(Default)]
struct Seen {
    calls: u64,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
    protocols: BTreeMap<String, u64>,
}

impl Seen {
    fn add(&mut self, given: &Given) {
        let end = given.ts_ns + given.elapsed_us * 1000;
        self.calls += 1;
        self.first_ns = Some(self.first_ns.map_or(given.ts_ns, |ns| ns.min(given.ts_ns)));
        self.last_ns = Some(self.last_ns.map_or(end, |ns| ns.max(end)));
        *self.protocols.entry(given.protocol.clone()).or_default() += 1;
    }

    fn meta(&self, path: &Path) -> Meta {
        let mut meta = Meta::new(&Default::default(), &ReplayStats::default(), &[]);
        meta.coverage.push(Coverage::of_calls(
            &path.display().to_string(),
            self.first_ns,
            self.last_ns,
        ));
        for (name, &calls) in &self.protocols {
            let (requests, responses) = (calls, calls);
            let summary =
                ProtocolSummary { requests, responses, calls, ..ProtocolSummary::default() };
            meta.protocols.insert(name.clone(), summary);
        }
        meta
    }
}

/// Workloads in the order of their coming.
#[derive(Default)]
struct Ends {
    ids: BTreeMap<End, i64>,
    rows: Vec<WorkloadRow>,
}

impl Ends {
    fn id(&mut self, end: &End) -> i64 {
        if let Some(&id) = self.ids.get(end) {
            return id;
        }
        let id = self.rows.len() as i64;
        let is_external = end.pod.is_empty() && end.workload == "external";
        let name = if end.pod.is_empty() { &end.workload } else { &end.pod };
        self.rows.push(WorkloadRow {
            id,
            kind: Text::const_new(if is_external { "external" } else { "pod" }),
            name: name.into(),
            display: Text::from(&end.workload),
            namespace: Text::from(&end.namespace),
            pod: Text::from(&end.pod),
            service: Text::from(&end.workload),
            workload: Text::from(&end.workload),
            node: Text::from(&end.node),
            how: Text::const_new("given"),
            ..WorkloadRow::default()
        });
        self.ids.insert(end.clone(), id);
        id
    }

    fn table(&self) -> PolarsResult<DataFrame> {
        let table = super::workloads::table();
        let mut rows = Rows::new(table);
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        for row in &self.rows {
            row.visit(&mut rows.part(&columns));
            rows.end_row();
        }
        rows.take()
    }
}

/// Writes one call.
fn call(sink: &mut ShardWriter, given: &Given, ends: &mut Ends) -> Result<(), String> {
    let by_title = |title: &str| PROTOCOLS.iter().find(|p| p.title == title).copied();
    let title = given.protocol.to_uppercase();
    // A protocol that is not dissected has no columns of its own.
    let known = by_title(&title);
    let protocol = known.or_else(|| by_title("HTTP")).ok_or("there is no HTTP")?;
    let (outcome, error) = fate(given);
    let keys = CallKeys {
        src_id: ends.id(&given.src),
        dst_id: ends.id(&given.dst),
        observations: 1,
        settled_ns: given.ts_ns + given.elapsed_us * 1000,
        served_ns: given.server_ts_ns.unwrap_or(0),
        dissector: Text::const_new(known.map_or("", |p| p.name)),
        requests: 1,
        responses: 1,
        ..CallKeys::default()
    };
    let server_time = given.server_elapsed_us.unwrap_or(0);
    let both = given.server_ts_ns.is_some() && given.server_elapsed_us.is_some();
    let common = CallCommon {
        id: given.id,
        timestamp: Nanos(given.ts_ns),
        elapsed_time: given.elapsed_us,
        server_time,
        network_time: if both { (given.elapsed_us - server_time).max(0) } else { 0 },
        protocol: Text::from(&title),
        outcome: Text::const_new(outcome.name()),
        operation: match title.as_str() {
            "HTTP" => endpoint(&given.method, &given.path),
            _ => Text::from(&given.path),
        },
        error,
        status_code: given.status_code.unwrap_or(0),
        has_response: true,
        trace_id: Text::from(&given.trace_id),
        request_id: Text::from(&given.request_id),
        ..CallCommon::default()
    };
    let request = Half { fields: protocol.request, given };
    let request: Option<&dyn Row> = if known.is_some() { Some(&request) } else { None };
    sink.call(CallRow { keys: &keys, common: &common, protocol, request, response: None })
}

/// How a call ended. No status is not success: nothing is known then.
fn fate(given: &Given) -> (Outcome, Text) {
    match (given.grpc_status, given.status_code) {
        (Some(0), _) => (Outcome::Ok, Text::default()),
        // Codes that say the caller was wrong (invalid argument, not found, exists, denied, ...).
        (Some(code @ (3 | 5 | 6 | 7 | 9 | 11 | 16)), _) => {
            (Outcome::ClientError, format_compact!("grpc {code}"))
        }
        (Some(code), _) => (Outcome::ServerError, format_compact!("grpc {code}")),
        (None, Some(code @ 500..)) => (Outcome::ServerError, format_compact!("{code}")),
        (None, Some(code @ 400..)) => (Outcome::ClientError, format_compact!("{code}")),
        (None, Some(_)) => (Outcome::Ok, Text::default()),
        (None, None) => (Outcome::Unknown, Text::default()),
    }
}

/// The columns of a protocol's request that a line tells of.
#[derive(Debug)]
struct Half<'g> {
    fields: &'static [FieldDef],
    given: &'g Given,
}

impl Row for Half<'_> {
    fn fields(&self) -> &'static [FieldDef] {
        self.fields
    }

    fn visit(&self, sink: &mut dyn ColumnSink) {
        for (column, field) in self.fields.iter().enumerate() {
            match field.name {
                "method" => sink.text(column, &self.given.method),
                "path" | "url" => sink.text(column, &self.given.path),
                _ => {}
            }
        }
    }
}
