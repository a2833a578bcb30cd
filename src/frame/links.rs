//! The calls table -> the table of links: which call each was made for, as `chain/` tells. Made
//! when it is first asked for, and kept beside the other tables where those may be written.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use polars::prelude::*;

use crate::chain::{self, Span};
use crate::workload::fields::WorkloadRow;

use super::dataset::Dataset;
use super::table::{CALLS, LINKS};
use super::{parquet, workloads};

const COLUMNS: [&str; 12] = [
    "id",
    "ts_ns",
    "elapsed_time",
    "settled_ns",
    "served_ns",
    "server_time",
    "network_time",
    "src_id",
    "dst_id",
    "operation",
    "trace_id",
    "request_id",
];

/// Makes the table.
pub(super) fn make(dataset: &Dataset) -> PolarsResult<LazyFrame> {
    let links = links(dataset)?;
    let path = dataset.dir.join(LINKS).join("shard-00.parquet");
    // Frames may lie where nothing can be written: then they are made again each time.
    let _ = parquet::write(&path, links.clone());
    Ok(links.lazy())
}

fn links(dataset: &Dataset) -> PolarsResult<DataFrame> {
    let (mut ids, mut parents, mut hows) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(calls) = dataset.scan(CALLS)? {
        let order = ["ts_ns", "id"];
        let calls = calls.select(COLUMNS.map(col)).sort(order, SortMultipleOptions::default());
        let calls = calls.collect()?;
        let id = calls.column("id")?.i64()?;
        let spans = spans(&calls, &workloads::rows(&dataset.workloads()?)?)?;
        for (row, parent) in chain::link(&spans).into_iter().enumerate() {
            let Some(parent) = parent else { continue };
            ids.push(id.get(row).unwrap_or(0));
            parents.push(id.get(parent.index as usize).unwrap_or(0));
            hows.push(parent.tier.name());
        }
    }
    df!("id" => ids, "parent_id" => parents, "parent_how" => hows)
}

/// The calls as linking sees them, row by row.
fn spans(calls: &DataFrame, rows: &[WorkloadRow]) -> PolarsResult<Vec<Span>> {
    let int = |name: &str| calls.column(name)?.i64();
    let text = |name: &str| calls.column(name)?.str();
    let (start, elapsed, settled) = (int("ts_ns")?, int("elapsed_time")?, int("settled_ns")?);
    let (served, server, network) = (int("served_ns")?, int("server_time")?, int("network_time")?);
    let (src, dst) = (int("src_id")?, int("dst_id")?);
    let (operation, trace, request) = (text("operation")?, text("trace_id")?, text("request_id")?);
    let (places, mut operations) = (Places::new(rows), Numbers::default());
    let (mut traces, mut requests) = (Numbers::default(), Numbers::default());
    let get = |column: &Int64Chunked, row: usize| column.get(row).unwrap_or(0);
    let spans = (0..calls.height()).map(|row| {
        let begin = get(start, row);
        let end = (begin + get(elapsed, row) * 1000).max(get(settled, row));
        let callee = places.of(get(dst, row));
        let took = get(server, row) * 1000;
        let arrived = match (get(served, row), get(network, row)) {
            (0, network) => begin + network * 500,
            (served, _) => served,
        };
        Span {
            called_ns: [begin, end],
            served_ns: if took > 0 { [arrived, arrived + took] } else { [begin, end] },
            caller: places.of(get(src, row)),
            callee,
            operation: operations.of((callee, operation.get(row).unwrap_or(""))),
            trace: named(&mut traces, trace.get(row)),
            request: named(&mut requests, request.get(row)),
        }
    });
    Ok(spans.collect())
}

fn named<'t>(numbers: &mut Numbers<&'t str>, id: Option<&'t str>) -> u32 {
    id.filter(|id| !id.is_empty()).map_or(0, |id| numbers.of(id))
}

/// Numbers of things in the order of their coming, from 1.
struct Numbers<T>(HashMap<T, u32, FixedState>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Numbers(HashMap::default())
    }
}

impl<T: Eq + std::hash::Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> u32 {
        let next = self.0.len() as u32 + 1;
        *self.0.entry(thing).or_insert(next)
    }
}

/// Workloads -> places: a pod is one, and so is a service whose only pod it is.
struct Places {
    numbers: HashMap<i64, u32, FixedState>,
}

impl Places {
    fn new(rows: &[WorkloadRow]) -> Self {
        let mut pods: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            if row.kind == "pod" && !row.service.is_empty() {
                pods.entry((&row.namespace, &row.service)).or_default().push(number);
            }
        }
        let place = |(number, row): (usize, &WorkloadRow)| {
            let behind = pods.get(&(row.namespace.as_str(), row.service.as_str()));
            let place = match behind.map(Vec::as_slice) {
                Some(&[pod]) if row.kind == "service" => pod,
                _ => number,
            };
            (row.id, place as u32)
        };
        Places { numbers: rows.iter().enumerate().map(place).collect() }
    }

    fn of(&self, workload: i64) -> u32 {
        self.numbers.get(&workload).copied().unwrap_or(u32::MAX)
    }
}
