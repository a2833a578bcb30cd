//! The workloads table: everything the metadata names, and every other address that was seen,
//! with the DNS names that answers in the capture taught.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;

use polars::prelude::*;

use crate::field::{Pairs, Text};
use crate::workload::fields::WorkloadRow;
use crate::workload::{Directory, DnsNames};

use super::column::Rows;
use super::table::{Table, WORKLOADS};

/// DNS names kept; names of more addresses are left out.
const DNS_NAMES_MAX: usize = 1 << 16;

/// The table's columns.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(WORKLOADS, usize::MAX, &[WorkloadRow::FIELDS]))
}

/// Rows of the directory and of `externals` (id to address), in the order of their ids.
pub(super) fn frame(
    directory: &Directory,
    externals: &BTreeMap<i64, Text>,
    names: &DnsNames,
) -> PolarsResult<DataFrame> {
    let mut rows = Rows::new(table());
    let columns: Vec<usize> = (0..table().columns.len()).collect();
    let mut add = |row: &WorkloadRow| {
        crate::field::Row::visit(row, &mut rows.part(&columns));
        rows.end_row();
    };
    for (&id, ip) in externals {
        let Ok(ip) = ip.parse::<IpAddr>() else { continue };
        let mut row = directory.row(id, ip);
        names.apply(&mut row);
        add(&row);
    }
    directory.rows().iter().for_each(add);
    rows.take()
}

/// The names that DNS answers gave to addresses, from the `dns` tables below `dir`.
pub(super) fn dns_names(dir: &Path, shards: usize) -> PolarsResult<DnsNames> {
    let mut names = DnsNames::new(DNS_NAMES_MAX);
    for shard in 0..shards {
        let path = dir.join("dns").join(format!("shard-{shard:02}.parquet"));
        if !path.exists() {
            continue;
        }
        let columns = ["dns_questions", "dns_answers"].map(String::from).to_vec();
        let frame = ParquetReader::new(File::open(&path)?).with_columns(Some(columns)).finish()?;
        let (questions, answers) = (frame.column("dns_questions")?, frame.column("dns_answers")?);
        for row in 0..frame.height() {
            let (questions, answers) = (texts(questions, row)?, texts(answers, row)?);
            let Some(question) = questions.first() else { continue };
            for ip in answers.iter().filter_map(|answer| answer.parse::<IpAddr>().ok()) {
                names.learn(0, ip, question);
            }
        }
    }
    Ok(names)
}

/// The texts of one row of a list column.
fn texts(column: &Column, row: usize) -> PolarsResult<Vec<Text>> {
    let Some(items) = column.list()?.get_as_series(row) else { return Ok(Vec::new()) };
    Ok(items.str()?.iter().flatten().map(Text::from).collect())
}

/// The rows of a workloads table, as it was written.
///
/// # Errors
/// A frame that lacks the table's columns.
pub fn rows(frame: &DataFrame) -> PolarsResult<Vec<WorkloadRow>> {
    let text = |name: &str, row: usize| -> PolarsResult<Text> {
        Ok(Text::from(frame.column(name)?.str()?.get(row).unwrap_or("")))
    };
    let int = |name: &str, row: usize| -> PolarsResult<i64> {
        Ok(frame.column(name)?.i64()?.get(row).unwrap_or(0))
    };
    (0..frame.height())
        .map(|row| {
            Ok(WorkloadRow {
                id: int("id", row)?,
                kind: text("kind", row)?,
                name: text("name", row)?,
                namespace: text("namespace", row)?,
                pod: text("pod", row)?,
                service: text("service", row)?,
                workload: text("workload", row)?,
                display: text("display", row)?,
                node: text("node", row)?,
                ip: text("ip", row)?,
                dns: text("dns", row)?,
                labels: pairs(frame.column("labels")?, row)?,
                from_ns: int("from_ns", row)?,
                to_ns: int("to_ns", row)?,
                how: text("how", row)?,
            })
        })
        .collect()
}

/// The pairs of one row of a map column.
pub(super) fn pairs(column: &Column, row: usize) -> PolarsResult<Pairs> {
    let Some(items) = column.list()?.get_as_series(row) else { return Ok(Pairs::new()) };
    let items = items.struct_()?;
    let (keys, values) = (items.field_by_name("key")?, items.field_by_name("value")?);
    let (keys, values) = (keys.str()?, values.str()?);
    Ok((0..keys.len()).map(|i| (keys.get(i).unwrap_or(""), values.get(i).unwrap_or(""))).collect())
}
