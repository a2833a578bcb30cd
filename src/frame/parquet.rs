//! Whole Parquet files, read and replaced: one shard of one table at a time.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::writer::parquet;

/// All rows of a Parquet file.
pub(super) fn read(path: &Path) -> PolarsResult<DataFrame> {
    ParquetReader::new(File::open(path)?).finish()
}

/// Some columns of a Parquet file.
pub(super) fn read_columns(path: &Path, columns: &[&str]) -> PolarsResult<DataFrame> {
    let columns = columns.iter().map(ToString::to_string).collect();
    ParquetReader::new(File::open(path)?).with_columns(Some(columns)).finish()
}

/// Replaces a Parquet file, whole or not at all.
pub(super) fn write(path: &Path, mut frame: DataFrame) -> PolarsResult<()> {
    let temporary: PathBuf = path.with_extension("tmp");
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    frame.rechunk_mut();
    parquet(BufWriter::new(File::create(&temporary)?)).finish(&mut frame)?;
    std::fs::rename(&temporary, path)?;
    Ok(())
}

/// Replaces a Parquet file by what `change` makes of its row groups, one after the other.
pub(super) fn rewrite(
    path: &Path,
    change: impl Fn(DataFrame) -> PolarsResult<DataFrame>,
) -> PolarsResult<()> {
    let rows = ParquetReader::new(File::open(path)?)
        .get_metadata()?
        .row_groups
        .iter()
        .map(|g| g.num_rows())
        .collect::<Vec<_>>();
    let temporary: PathBuf = path.with_extension("tmp");
    let mut out = None;
    let mut start = 0;
    for len in rows {
        let slice =
            ParquetReader::new(File::open(path)?).with_slice(Some((start, len))).finish()?;
        start += len;
        let mut changed = change(slice)?;
        changed.rechunk_mut();
        if out.is_none() {
            let file = BufWriter::new(File::create(&temporary)?);
            out = Some(parquet(file).batched(changed.schema())?);
        }
        if let Some(out) = out.as_mut().filter(|_| changed.height() > 0) {
            out.write_batch(&changed)?;
        }
    }
    if let Some(out) = out {
        out.finish()?;
        std::fs::rename(&temporary, path)?;
    }
    Ok(())
}
