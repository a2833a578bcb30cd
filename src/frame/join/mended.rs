//! Rows of connections that were replayed from several vantages together -> one more shard of the
//! tables, behind the others.

use std::path::Path;

use polars::prelude::*;

use crate::frame::parquet::{read, write};
use crate::frame::table::{CALLS, CONNS, tables};
use crate::replay::SHARDS;

/// Moves the tables below `folder` into shard [`SHARDS`] of those below `dir`. `observed` is how
/// many vantages saw each connection, by its id.
pub(in crate::frame) fn add_mended(
    dir: &Path,
    folder: &Path,
    observed: &[(i64, i64)],
) -> PolarsResult<()> {
    let observed = df!(
        "conn_id" => observed.iter().map(|pair| pair.0).collect::<Vec<_>>(),
        "saw" => observed.iter().map(|pair| pair.1).collect::<Vec<_>>(),
    )?;
    for table in tables() {
        let mut rows: Option<DataFrame> = None;
        for shard in 0..SHARDS {
            let path = folder.join(table.name).join(format!("shard-{shard:02}.parquet"));
            if !path.exists() {
                continue;
            }
            let frame = read(&path)?;
            match &mut rows {
                Some(rows) => drop(rows.vstack_mut(&frame)?),
                none => *none = Some(frame),
            }
        }
        let Some(rows) = rows else { continue };
        let rows = match table.name {
            CALLS | CONNS => count_observations(rows, &observed)?,
            _ => rows,
        };
        write(&dir.join(table.name).join(format!("shard-{SHARDS:02}.parquet")), rows)?;
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn count_observations(rows: DataFrame, observed: &DataFrame) -> PolarsResult<DataFrame> {
    let names: Vec<Expr> =
        rows.get_column_names().into_iter().map(|name| col(name.clone())).collect();
    let saw = when(col("saw").is_not_null()).then(col("saw")).otherwise(col("observations"));
    rows.lazy()
        .join(observed.clone().lazy(), [col("conn_id")], [col("conn_id")], JoinType::Left.into())
        .with_column(saw.alias("observations"))
        .sort(["ts_ns", "id"], SortMultipleOptions::default())
        .select(names)
        .collect()
}
