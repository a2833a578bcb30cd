//! Calls and connections that a filter picks -> the dependency map: who called whom in which
//! protocol, how often it failed, how long it took. Connections whose protocol is not known, and
//! those that failed, are on it as well.

use std::fmt::Write;

use polars::prelude::*;
use serde::Serialize;

use crate::catalogue::Family;
use crate::frame::{Dataset, Selector};
use crate::kfl::Checked;
use crate::outcome::Outcome;

use super::peers::{self, Level};

/// Who called whom in one protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    pub client: String,
    pub server: String,
    pub protocol: String,
    /// Calls; for a protocol that is not known, connections.
    pub calls: u64,
    pub errors: u64,
    pub p50_us: Option<i64>,
    pub p95_us: Option<i64>,
    /// Whether what is counted are connections.
    pub is_conns: bool,
}

impl Edge {
    /// What stands on the arrow.
    pub fn label(&self) -> String {
        let mut label = format!("{} {}", self.protocol, self.calls);
        if self.is_conns {
            label.push_str(if self.calls == 1 { " connection" } else { " connections" });
        }
        if self.errors > 0 {
            let share = 100.0 * self.errors as f64 / self.calls.max(1) as f64;
            let _ = write!(label, ", {} failed ({share:.1} %)", self.errors);
        }
        if let Some(us) = self.p95_us {
            let _ = write!(label, ", p95 {:.1} ms", us as f64 / 1000.0);
        }
        label
    }
}

/// The edges among what matches, sorted by their ends.
///
/// # Errors
/// Tables that cannot be read.
pub fn edges(dataset: &Dataset, checked: &Checked, level: Level) -> PolarsResult<Vec<Edge>> {
    let selector = Selector::new(dataset)?;
    let failures = Outcome::ALL.iter().filter(|outcome| outcome.is_failure());
    let tests = failures.map(|outcome| col("outcome").eq(lit(outcome.name())));
    let failed = tests.reduce(Expr::or).unwrap_or(lit(false)).alias("failed");
    let took = when(col("has_response")).then(col("elapsed_time")).otherwise(lit(NULL));
    let asked = col("is_half").not().or(col("unanswered").neq(lit("")));
    let carried = col("conn_l7_detected").list().len().gt(lit(0u32));
    let of_call = [
        asked.alias("counts"),
        col("src_id"),
        col("dst_id"),
        col("protocol"),
        failed.clone(),
        took.cast(DataType::Int64).alias("took"),
        lit(false).alias("is_conn"),
    ];
    let of_conn = [
        carried.not().alias("counts"),
        col("src_id"),
        col("dst_id"),
        concat_str([col("protocol"), col("dst_port").cast(DataType::String)], ":", true)
            .alias("protocol"),
        failed,
        lit(NULL).cast(DataType::Int64).alias("took"),
        lit(true).alias("is_conn"),
    ];
    let mut parts = Vec::new();
    for (family, columns) in [(Family::Calls, of_call), (Family::Conns, of_conn)] {
        parts.extend(selector.rows(checked, family, &[], &columns)?);
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = concat(parts, UnionArgs::default())?.filter(col("counts"));
    let at = |q: f64| col("took").quantile(lit(q), QuantileMethod::Linear).cast(DataType::Int64);
    let keys = ["client", "server", "protocol", "is_conn"];
    let sums = peers::join(rows, &peers::labels(dataset, level)?)
        .group_by(keys.map(col))
        .agg([
            len().cast(DataType::Int64).alias("calls"),
            col("failed").sum().cast(DataType::Int64).alias("errors"),
            at(0.5).alias("p50_us"),
            at(0.95).alias("p95_us"),
        ])
        .sort(keys, SortMultipleOptions::default())
        .collect()?;
    (0..sums.height()).map(|row| edge(&sums, row)).collect()
}

fn edge(sums: &DataFrame, row: usize) -> PolarsResult<Edge> {
    let text = |name: &str| -> PolarsResult<String> {
        Ok(sums.column(name)?.str()?.get(row).unwrap_or("").to_string())
    };
    let int = |name: &str| -> PolarsResult<Option<i64>> { Ok(sums.column(name)?.i64()?.get(row)) };
    Ok(Edge {
        client: text("client")?,
        server: text("server")?,
        protocol: text("protocol")?,
        calls: int("calls")?.unwrap_or(0).unsigned_abs(),
        errors: int("errors")?.unwrap_or(0).unsigned_abs(),
        p50_us: int("p50_us")?,
        p95_us: int("p95_us")?,
        is_conns: sums.column("is_conn")?.bool()?.get(row).unwrap_or(false),
    })
}
