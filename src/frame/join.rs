//! Observations -> calls and connections, each once: what several vantages saw under one id is
//! taken from the vantage nearest to the caller, with the nodes' clocks set right. Works shard by
//! shard from disk, so memory is bounded by a shard. Address translation and halves seen apart are
//! not joined yet.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use crate::join::Clocks;

use super::table::{CALLS, CONNS, Table};
use super::writer::parquet;

/// Where a workload and a vantage are: ids of nodes, for "nearest to the caller".
pub(super) struct Places {
    /// `src_id`, `src_node`: the node of each workload.
    pub workloads: DataFrame,
    /// `vantage_id`, `vantage_node`.
    pub vantages: DataFrame,
}

/// Adds what one shard's calls tell of the clocks; nodes are numbered by `nodes`.
pub(super) fn compare_clocks(
    dir: &Path,
    shard: usize,
    places: &Places,
    nodes: &[&str],
    clocks: &mut Clocks,
) -> PolarsResult<()> {
    let path = dir.join(CALLS).join(format!("shard-{shard:02}.parquet"));
    if !path.exists() {
        return Ok(());
    }
    let number = |name: &str| nodes.iter().position(|n| *n == name).map(|n| n as u32);
    let seen = with_nodes(read(&path)?.lazy().filter(col("has_response")), places);
    let columns = ["id", "vantage_node", "ts_ns", "settled_ns"].map(col);
    let at_caller = seen.clone().filter(col("src_node").eq(col("vantage_node"))).select(&columns);
    let elsewhere = seen.filter(col("src_node").neq(col("vantage_node"))).select(&columns);
    let pairs = at_caller
        .join(elsewhere, [col("id")], [col("id")], JoinArgs::new(JoinType::Inner))
        .group_by([col("vantage_node"), col("vantage_node_right")])
        .agg([
            (col("ts_ns_right") - col("ts_ns")).min().alias("request"),
            (col("settled_ns_right") - col("settled_ns")).max().alias("response"),
        ])
        .collect()?;
    for row in 0..pairs.height() {
        let node = |name: &str| -> PolarsResult<Option<u32>> {
            Ok(pairs.column(name)?.str()?.get(row).and_then(number))
        };
        let ns =
            |name: &str| -> PolarsResult<Option<i64>> { Ok(pairs.column(name)?.i64()?.get(row)) };
        if let (Some(caller), Some(callee), Some(request), Some(response)) =
            (node("vantage_node")?, node("vantage_node_right")?, ns("request")?, ns("response")?)
        {
            clocks.add(caller, callee, request, response);
        }
    }
    Ok(())
}

/// Joins in the node of the caller (`src_node`) and of the vantage (`vantage_node`).
fn with_nodes(rows: LazyFrame, places: &Places) -> LazyFrame {
    let left = || JoinArgs::new(JoinType::Left);
    rows.join(places.workloads.clone().lazy(), [col("src_id")], [col("src_id")], left()).join(
        places.vantages.clone().lazy(),
        [col("vantage_id")],
        [col("vantage_id")],
        left(),
    )
}

/// Times by the reference clock instead of the vantage's own.
fn set_right(rows: LazyFrame, ahead: &DataFrame, has_settled: bool) -> LazyFrame {
    let ahead_ns = || col("ahead_ns").fill_null(lit(0i64));
    let mut times = vec![col("ts_ns") - ahead_ns()];
    if has_settled {
        let settled = when(col("settled_ns").gt(lit(0))).then(col("settled_ns") - ahead_ns());
        times.push(settled.otherwise(lit(0i64)).alias("settled_ns"));
    }
    let us = (col("ts_ns") / lit(1000i64)).cast(DataType::Datetime(TimeUnit::Microseconds, None));
    rows.join(
        ahead.clone().lazy(),
        [col("vantage_id")],
        [col("vantage_id")],
        ordered(JoinType::Left),
    )
    .with_columns(times)
    .with_column(us.alias("ts"))
    .drop(by_name(["ahead_ns"], true, false))
}

fn ordered(how: JoinType) -> JoinArgs {
    JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(how) }
}

/// Joins one shard's files in `dir` in place; `sides` are the side tables, `ahead` the
/// nanoseconds (`ahead_ns`) by which each vantage's (`vantage_id`) clock is ahead.
pub(super) fn join_shard(
    dir: &Path,
    shard: usize,
    sides: &[&Table],
    places: &Places,
    ahead: &DataFrame,
) -> PolarsResult<()> {
    let file = |table: &str| dir.join(table).join(format!("shard-{shard:02}.parquet"));
    for (table, sides) in [(CALLS, sides), (CONNS, &[])] {
        let path = file(table);
        if !path.exists() {
            continue;
        }
        let rows = read(&path)?;
        let chosen = chosen(&rows, places)?;
        let kept = rows.lazy().drop(by_name(["observations"], true, false)).join(
            chosen.clone().lazy(),
            [col("id"), col("vantage_id")],
            [col("id"), col("vantage_id")],
            ordered(JoinType::Inner),
        );
        let kept = set_right(kept, ahead, table == CALLS).sort(["ts_ns", "id"], Default::default());
        write(&path, kept.collect()?)?;
        for side in sides {
            let path = file(side.name);
            if path.exists() {
                let kept = read(&path)?.lazy().join(
                    chosen.clone().lazy(),
                    [col("id"), col("vantage_id")],
                    [col("id"), col("vantage_id")],
                    ordered(JoinType::Semi),
                );
                write(&path, kept.collect()?)?;
            }
        }
    }
    Ok(())
}

/// For each id: the vantage to keep (`vantage_id`) and how many saw it (`observations`). Whole
/// calls before halves, then the caller's node, then who saw it first.
fn chosen(rows: &DataFrame, places: &Places) -> PolarsResult<DataFrame> {
    let half = match rows.column("is_half") {
        Ok(_) => col("is_half"),
        Err(_) => lit(false),
    };
    let columns =
        [col("id"), col("vantage_id"), col("src_id"), col("ts_ns"), half.alias("is_half")];
    with_nodes(rows.clone().lazy().select(columns), places)
        .with_column(col("src_node").neq(col("vantage_node")).fill_null(true).alias("remote"))
        .sort(["id", "is_half", "remote", "ts_ns", "vantage_id"], SortMultipleOptions::default())
        .group_by_stable([col("id")])
        .agg([
            col("vantage_id").first(),
            col("vantage_id").n_unique().cast(DataType::Int64).alias("observations"),
        ])
        .collect()
}

/// All rows of a Parquet file.
pub(super) fn read(path: &Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}

/// Replaces a Parquet file, whole or not at all.
pub(super) fn write(path: &Path, mut frame: DataFrame) -> PolarsResult<()> {
    let temporary: PathBuf = path.with_extension("tmp");
    frame.rechunk_mut();
    parquet(BufWriter::new(File::create(&temporary)?)).finish(&mut frame)?;
    std::fs::rename(&temporary, path)?;
    Ok(())
}
