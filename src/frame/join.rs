//! Observations -> calls and connections, each once: what several vantages saw under one id is
//! taken from the vantage nearest to the caller. Works shard by shard from disk, so memory is
//! bounded by a shard. Address translation, clocks and halves seen apart are not joined yet.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::table::{CALLS, CONNS, Table};
use super::writer::parquet;

/// Where a workload and a vantage are: ids of nodes, for "nearest to the caller".
pub(super) struct Places {
    /// `src_id`, `src_node`: the node of each workload.
    pub workloads: DataFrame,
    /// `vantage_id`, `vantage_node`.
    pub vantages: DataFrame,
}

/// Joins one shard's files in `dir` in place; `sides` are the side tables.
pub(super) fn join_shard(
    dir: &Path,
    shard: usize,
    sides: &[&Table],
    places: &Places,
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
            JoinArgs::new(JoinType::Inner).with_maintain_order(),
        );
        write(&path, kept.collect()?)?;
        for side in sides {
            let path = file(side.name);
            if path.exists() {
                let kept = read(&path)?.lazy().join(
                    chosen.clone().lazy(),
                    [col("id"), col("vantage_id")],
                    [col("id"), col("vantage_id")],
                    JoinArgs::new(JoinType::Semi).with_maintain_order(),
                );
                write(&path, kept.collect()?)?;
            }
        }
    }
    Ok(())
}

trait MaintainOrder {
    fn with_maintain_order(self) -> Self;
}

impl MaintainOrder for JoinArgs {
    fn with_maintain_order(mut self) -> Self {
        self.maintain_order = MaintainOrderJoin::Left;
        self
    }
}

/// For each id: the vantage to keep (`vantage_id`) and how many saw it (`observations`). Whole
/// calls before halves, then the caller's node, then who saw it first.
fn chosen(rows: &DataFrame, places: &Places) -> PolarsResult<DataFrame> {
    let half = match rows.column("is_half") {
        Ok(_) => col("is_half"),
        Err(_) => lit(false),
    };
    rows.clone()
        .lazy()
        .select([col("id"), col("vantage_id"), col("src_id"), col("ts_ns"), half.alias("is_half")])
        .join(
            places.workloads.clone().lazy(),
            [col("src_id")],
            [col("src_id")],
            JoinType::Left.into(),
        )
        .join(
            places.vantages.clone().lazy(),
            [col("vantage_id")],
            [col("vantage_id")],
            JoinType::Left.into(),
        )
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
    parquet(File::create(&temporary)?).finish(&mut frame)?;
    std::fs::rename(&temporary, path)?;
    Ok(())
}
