//! Rows of one shard -> Parquet files, a row group at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_parquet::write::{
    CompressionOptions, DynIter, DynStreamingIterator, FileWriter, StatisticsOptions, Version,
    WriteOptions, fallible_streaming_iterator,
};
use polars_utils::compression::ZstdLevel;

use crate::anomaly::AnomalyKind;
use crate::capture::Mark;
use crate::dissect::{PROTOCOLS, Protocol};
use crate::field::{FieldDef, Nanos, Row, Text};
use crate::replay::{CallRow, ConnRow, Sink};

use super::column::{Rows, schema};
use super::page::Pages;
use super::table::{ANOMALIES, AnomalyRow, CALLS, CONNS, SideKeys, Table, table_index, tables};

/// zstd level of the Parquet pages: 1 is the fastest, and frames are read more than once.
const ZSTD_LEVEL: i32 = 1;

/// Pages are small and many: bytes gathered before a write, per file.
const WRITE_BYTES: usize = 256 << 10;

/// How all Parquet files of a dataset are written.
pub(super) fn parquet<W: Write>(file: W) -> ParquetWriter<W> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).ok();
    ParquetWriter::new(file)
        .with_compression(ParquetCompression::Zstd(level))
        .with_statistics(StatisticsOptions::default())
        .set_parallel(false)
}

/// How our own pages are written: they bring their statistics and are compressed already.
const PAGES: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: false,
        max_value: false,
        distinct_count: false,
        null_count: false,
        binary_statistics_truncate_length: None,
    },
    version: Version::V1,
    compression: CompressionOptions::Uncompressed,
    data_page_size: None,
};

/// One table's file of one shard; made when the first rows are written.
struct TableFile {
    table: &'static Table,
    path: PathBuf,
    rows: Rows,
    file: Option<FileWriter<BufWriter<File>>>,
}

impl TableFile {
    fn new(table: &'static Table, dir: &Path, shard: usize) -> Self {
        let path = dir.join(table.name).join(format!("shard-{shard:02}.parquet"));
        TableFile { table, path, rows: Rows::new(table), file: None }
    }

    /// Adds a row made of `parts`, each with the columns of its fields.
    fn row(&mut self, parts: &[(&dyn Row, &[usize])], pages: &mut Pages) -> Result<(), String> {
        for (row, columns) in parts {
            row.visit(&mut self.rows.part(columns));
        }
        self.rows.end_row();
        if self.rows.len() >= self.table.group_rows { self.flush(pages) } else { Ok(()) }
    }

    fn flush(&mut self, pages: &mut Pages) -> Result<(), String> {
        if self.rows.len() == 0 {
            return Ok(());
        }
        self.try_flush(pages).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn try_flush(&mut self, pages: &mut Pages) -> PolarsResult<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(dir) = self.path.parent() {
                    std::fs::create_dir_all(dir)?;
                }
                let file = BufWriter::with_capacity(WRITE_BYTES, File::create(&self.path)?);
                self.file.insert(FileWriter::try_new(file, schema(self.table), PAGES)?)
            }
        };
        row_group(&mut self.rows, file, pages)
    }

    fn finish(mut self, pages: &mut Pages) -> Result<(), String> {
        self.flush(pages)?;
        match &mut self.file {
            Some(file) => {
                file.end(None).map(|_| ()).map_err(|e| format!("{}: {e}", self.path.display()))
            }
            None => Ok(()),
        }
    }
}

/// Writes rows as a row group, and forgets them.
fn row_group<W: Write>(
    rows: &mut Rows,
    file: &mut FileWriter<W>,
    pages: &mut Pages,
) -> PolarsResult<()> {
    let len = rows.len() as u64;
    let chunks = rows.pages(file.parquet_schema().columns(), pages)?;
    let chunks = chunks.iter().map(|chunk| {
        let pages = chunk.iter().map(PolarsResult::Ok);
        Ok(DynStreamingIterator::new(fallible_streaming_iterator::convert(pages)))
    });
    file.write(len, DynIter::new(chunks))
}

impl Rows {
    /// Takes all rows out as a frame in memory; for small tables.
    pub fn take(&mut self) -> PolarsResult<DataFrame> {
        let mut file = FileWriter::try_new(Vec::new(), schema(self.table()), PAGES)?;
        if self.len() > 0 {
            row_group(self, &mut file, &mut Pages::new()?)?;
        }
        file.end(None)?;
        ParquetReader::new(Cursor::new(file.into_inner())).finish()
    }
}

/// Where the columns of a protocol's halves are in its side table.
struct SideColumns {
    table: usize,
    request: Vec<usize>,
    response: Vec<usize>,
}

/// Writes the rows of one shard.
pub(super) struct ShardWriter {
    files: Vec<TableFile>,
    pages: Pages,
    sides: BTreeMap<&'static str, SideColumns>,
    columns: Common,
    /// Addresses behind the ids of workloads that no metadata names.
    externals: BTreeMap<i64, Text>,
}

/// Positions of the fixed parts' columns.
struct Common {
    calls: usize,
    call_keys: Vec<usize>,
    call_common: Vec<usize>,
    conns: usize,
    conn_keys: Vec<usize>,
    conn_trail: Vec<usize>,
    conn_common: Vec<usize>,
    anomalies: usize,
    anomaly: Vec<usize>,
    side_keys: Vec<usize>,
}

fn positions(table: &Table, fields: &[FieldDef]) -> Vec<usize> {
    fields.iter().filter_map(|field| table.position(field)).collect()
}

impl Common {
    fn new() -> Option<Self> {
        use crate::call::fields::{CallCommon, CallKeys};
        use crate::conn::fields::{ConnCommon, ConnKeys, ConnTrail};
        let of = |name: &str| table_index(name).and_then(|i| Some((i, tables().get(i)?)));
        let (calls, call_table) = of(CALLS)?;
        let (conns, conn_table) = of(CONNS)?;
        let (anomalies, anomaly_table) = of(ANOMALIES)?;
        Some(Common {
            calls,
            call_keys: positions(call_table, CallKeys::FIELDS),
            call_common: positions(call_table, CallCommon::FIELDS),
            conns,
            conn_keys: positions(conn_table, ConnKeys::FIELDS),
            conn_trail: positions(conn_table, ConnTrail::FIELDS),
            conn_common: positions(conn_table, ConnCommon::FIELDS),
            anomalies,
            anomaly: positions(anomaly_table, AnomalyRow::FIELDS),
            side_keys: vec![0, 1],
        })
    }
}

impl ShardWriter {
    /// Writes below `dir`; nothing is created before there are rows.
    pub fn new(dir: &Path, shard: usize) -> Option<Self> {
        let mut sides = BTreeMap::new();
        for protocol in PROTOCOLS {
            let index = table_index(protocol.table)?;
            let table = tables().get(index)?;
            let side = SideColumns {
                table: index,
                request: positions(table, protocol.request),
                response: positions(table, protocol.response),
            };
            sides.insert(protocol.name, side);
        }
        Some(ShardWriter {
            files: tables().iter().map(|table| TableFile::new(table, dir, shard)).collect(),
            pages: Pages::new().ok()?,
            sides,
            columns: Common::new()?,
            externals: BTreeMap::new(),
        })
    }

    /// Writes what waits; the addresses of workloads without metadata come back.
    pub fn finish(mut self) -> Result<BTreeMap<i64, Text>, String> {
        for file in self.files {
            file.finish(&mut self.pages)?;
        }
        Ok(self.externals)
    }

    fn external(&mut self, id: i64, ip: &Text) {
        if id < 0 {
            self.externals.entry(id).or_insert_with(|| ip.clone());
        }
    }

    fn side(&mut self, row: &CallRow<'_>) -> Result<(), String> {
        let Some(side) = self.sides.get(row.protocol.name) else { return Ok(()) };
        let keys = SideKeys { id: row.common.id, vantage_id: row.keys.vantage_id };
        let mut parts: Vec<(&dyn Row, &[usize])> = vec![(&keys, &self.columns.side_keys)];
        if let Some(request) = row.request {
            parts.push((request, half(row.protocol, side, request)));
        }
        if let Some(response) = row.response {
            parts.push((response, half(row.protocol, side, response)));
        }
        match self.files.get_mut(side.table) {
            Some(file) => file.row(&parts, &mut self.pages),
            None => Ok(()),
        }
    }
}

/// The columns of a half by the field table it brings.
fn half<'s>(protocol: &Protocol, side: &'s SideColumns, row: &dyn Row) -> &'s [usize] {
    let same = |a: &[FieldDef], b: &[FieldDef]| a.len() == b.len() && a.first() == b.first();
    if same(row.fields(), protocol.request) { &side.request } else { &side.response }
}

impl Sink for ShardWriter {
    fn call(&mut self, row: CallRow<'_>) -> Result<(), String> {
        self.external(row.keys.src_id, &row.common.src_ip);
        self.external(row.keys.dst_id, &row.common.dst_ip);
        let columns = &self.columns;
        if let Some(file) = self.files.get_mut(columns.calls) {
            let parts: [(&dyn Row, &[usize]); 2] =
                [(row.keys, &columns.call_keys), (row.common, &columns.call_common)];
            file.row(&parts, &mut self.pages)?;
        }
        self.side(&row)
    }

    fn conn(&mut self, row: ConnRow<'_>) -> Result<(), String> {
        self.external(row.keys.src_id, &row.common.src_ip);
        self.external(row.keys.dst_id, &row.common.dst_ip);
        let columns = &self.columns;
        match self.files.get_mut(columns.conns) {
            Some(file) => {
                let parts: [(&dyn Row, &[usize]); 3] = [
                    (row.keys, &columns.conn_keys),
                    (row.trail, &columns.conn_trail),
                    (row.common, &columns.conn_common),
                ];
                file.row(&parts, &mut self.pages)
            }
            None => Ok(()),
        }
    }

    fn anomaly(
        &mut self,
        kind: AnomalyKind,
        vantage: usize,
        conn: i64,
        mark: Mark,
    ) -> Result<(), String> {
        let row = AnomalyRow {
            kind: Text::const_new(kind.name()),
            vantage_id: vantage as i64,
            conn_id: conn,
            timestamp: Nanos(mark.ts_ns),
            packet_segment: i64::from(mark.packet.segment),
            packet_frame: i64::from(mark.packet.frame),
        };
        match self.files.get_mut(self.columns.anomalies) {
            Some(file) => file.row(&[(&row, &self.columns.anomaly)], &mut self.pages),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
