//! The coverage table: what each vantage captured, lost and could not read, second by second, with
//! what its collector counted as dropped. Times are set right like those of calls.

use std::path::Path;
use std::sync::OnceLock;

use polars::prelude::*;

use crate::field::{Nanos, Pairs, Row, Text};
use crate::replay::{Second, VantageStats};
use crate::workload::CaptureCounters;

use super::column::Rows;
use super::meta::Coverage;
use super::table::{COVERAGE, Table};

crate::fields! {
    /// One bucket of one vantage.
    pub struct CoverageRow {
        /// Node.
        node: Text = "";
        /// Capture point on the node.
        vantage: Text = "";
        /// Position of the vantage in the summary, as other tables name it.
        vantage_id: Int = "";
        /// Begin of the bucket.
        timestamp: Time = "";
        /// Length of the bucket in milliseconds: 1000 but for very long captures.
        span_ms: Int = "";
        /// Packets captured.
        packets: Int = "";
        /// Captured bytes of frames.
        bytes: Int = "";
        /// Packets that the collector dropped; -1 where no counter says.
        dropped: Int = "";
        /// Holes in TCP streams: payload that was sent but not captured.
        gaps: Int = "";
        /// Packets that were not decoded.
        undecoded: Int = "";
        /// Why they were not, with the number of packets.
        undecoded_why: Pairs = "";
        /// Packets captured shorter than they were.
        snaplen_cut: Int = "";
        /// Connections that began.
        conns: Int = "";
        /// Of those, TCP connections of which one direction was never captured.
        one_sided_conns: Int = "";
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(COVERAGE, usize::MAX, &[CoverageRow::FIELDS]))
}

/// The counters that speak of a vantage.
pub(super) fn counters<'c>(
    all: &'c [CaptureCounters],
    node: &'c str,
    vantage: &'c str,
) -> impl Iterator<Item = &'c CaptureCounters> {
    let of = move |c: &&CaptureCounters| {
        c.node == node && (c.vantage == vantage || c.vantage.is_empty())
    };
    all.iter().filter(of)
}

/// Writes the table below `dir`; `found` tells the vantages' clocks.
pub(super) fn write(
    dir: &Path,
    vantages: &[VantageStats],
    found: &[Coverage],
    captures: &[CaptureCounters],
) -> PolarsResult<()> {
    let mut rows = Rows::new(table());
    let columns: Vec<usize> = (0..table().columns.len()).collect();
    for (stats, coverage) in vantages.iter().zip(found) {
        let ahead_ns = coverage.clock_ahead_ns.unwrap_or(0);
        let width_ns = stats.timeline.width_ns();
        let counters: Vec<_> = counters(captures, &stats.node, &stats.name).collect();
        for (begin_ns, second) in stats.timeline.iter() {
            let inside = |c: &&&CaptureCounters| {
                (begin_ns..begin_ns.saturating_add(width_ns)).contains(&c.ts_ns)
            };
            let dropped = match counters.is_empty() {
                true => -1,
                false => counters.iter().filter(inside).map(|c| c.dropped as i64).sum(),
            };
            row(stats, begin_ns.saturating_sub(ahead_ns), width_ns, second, dropped)
                .visit(&mut rows.part(&columns));
            rows.end_row();
        }
    }
    if rows.len() == 0 {
        return Ok(());
    }
    let folder = dir.join(COVERAGE);
    std::fs::create_dir_all(&folder)?;
    super::parquet::write(&folder.join("shard-00.parquet"), rows.take()?)
}

fn row(
    stats: &VantageStats,
    begin_ns: i64,
    width_ns: i64,
    second: &Second,
    dropped: i64,
) -> CoverageRow {
    let reasons = second.reasons.iter().map(|(why, n)| (why.to_string(), n.to_string()));
    CoverageRow {
        node: Text::from(&*stats.node),
        vantage: Text::from(&*stats.name),
        vantage_id: stats.id as i64,
        timestamp: Nanos(begin_ns),
        span_ms: width_ns / 1_000_000,
        packets: second.packets as i64,
        bytes: second.bytes as i64,
        dropped,
        gaps: second.gaps as i64,
        undecoded: second.undecoded as i64,
        undecoded_why: reasons.collect::<Pairs>(),
        snaplen_cut: second.snaplen_cut as i64,
        conns: second.conns as i64,
        one_sided_conns: second.one_sided as i64,
    }
}
