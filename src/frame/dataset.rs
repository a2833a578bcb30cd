//! A dataset: the tables of one set of inputs below the cache directory. Building is idempotent:
//! the same inputs, metadata, limits and version give the same key, and a key that is there is
//! used again. A dataset appears whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use polars::prelude::*;
use rayon::prelude::*;

use crate::capture::{CaptureError, Inputs};
use crate::dissect::PROTOCOLS;
use crate::field::Text;
use crate::limits::Limits;
use crate::replay::{Replay, ReplayError, SHARDS, Window};
use crate::workload::Directory;
use crate::workload::fields::WorkloadRow;

use super::join::{self, Joined, Places};
use super::meta::Meta;
use super::parquet;
use super::table::{CALLS, CONNS, LINKS, WORKLOADS, tables};
use super::writer::ShardWriter;

/// What went wrong with building or reading a dataset.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("{path}: {source}; is the disk full, or the folder read-only? --cache DIR takes another", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: {what}; is the disk full? --cache DIR takes another", path = .path.display())]
    Write { path: PathBuf, what: String },
    #[error("{path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {what}; a line is one call as JSON", path = .path.display())]
    Given { path: PathBuf, line: usize, what: String },
    #[error("{path}: the dataset is damaged ({what}); delete that folder and run again", path = .path.display())]
    Damaged { path: PathBuf, what: String },
}

/// Everything that shapes a dataset.
pub struct Source<'a> {
    pub inputs: &'a Inputs,
    pub directory: &'a Directory,
    /// Hash of the metadata files.
    pub metadata_hash: String,
    pub limits: &'a Limits,
    pub window: Window,
    pub stop: &'a AtomicBool,
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Source<'_> {
    /// The key of the dataset: hex of a hash of all that shapes it. Files count with their path,
    /// size and time of change.
    pub fn key(&self) -> String {
        let mut hash = blake3::Hasher::new();
        let mut add = |text: &str| {
            hash.update(text.as_bytes());
            hash.update(&[0]);
        };
        add(env!("CARGO_PKG_VERSION"));
        add(&super::meta::FORMAT.to_string());
        add(&format!("{:?} {:?}", tables(), super::workloads::table()));
        add(&format!("{:?}", super::flows::table()));
        add(&serde_json::to_string(self.limits).unwrap_or_default());
        add(&format!("{:?}", self.window));
        add(&self.metadata_hash);
        for vantage in &self.inputs.vantages {
            add(&format!("{}/{}", vantage.node, vantage.name));
            for file in &vantage.segments {
                let changed = std::fs::metadata(&file.path).and_then(|m| m.modified()).ok();
                let path = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
                add(&format!("{} {} {changed:?}", path.display(), file.bytes));
            }
        }
        hash.finalize().to_hex().chars().take(32).collect()
    }
}

impl Source<'_> {
    fn replay(&self) -> Replay<'_> {
        Replay {
            inputs: self.inputs,
            directory: self.directory,
            limits: self.limits,
            window: self.window,
            stop: self.stop,
            progress: self.progress,
        }
    }

    /// Names of the captured nodes; their positions are their numbers.
    fn nodes(&self) -> Vec<&str> {
        let mut nodes: Vec<&str> = self.inputs.vantages.iter().map(|v| v.node.as_str()).collect();
        nodes.dedup();
        nodes
    }

    fn vantage_nodes(&self, nodes: &[&str]) -> Vec<u32> {
        let number = |name: &str| nodes.iter().position(|n| *n == name).unwrap_or(0) as u32;
        self.inputs.vantages.iter().map(|vantage| number(&vantage.node)).collect()
    }

    /// The captured node of each workload that the metadata places on one.
    fn workload_nodes(&self, nodes: &[&str]) -> HashMap<i64, u32> {
        let number = |row: &WorkloadRow| {
            let node = nodes.iter().position(|name| *name == row.node)?;
            Some((row.id, node as u32))
        };
        self.directory.rows().iter().filter_map(number).collect()
    }
}

/// The tables on disk and what they say about themselves.
#[derive(Debug)]
pub struct Dataset {
    pub dir: PathBuf,
    pub meta: Meta,
}

impl Dataset {
    /// The dataset of `source` below `cache`: the one that is there, or built now.
    ///
    /// # Errors
    /// A capture that cannot be read, a cache that cannot be written, an interruption.
    pub fn open_or_build(source: &Source<'_>, cache: &Path) -> Result<Self, FrameError> {
        let dir = cache.join(source.key());
        if dir.join("meta.json").exists() {
            return Self::open(&dir);
        }
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| FrameError::Io { path, source }
        };
        private_dir(cache).map_err(io(cache))?;
        let building = cache.join(format!(".building-{}-{}", source.key(), std::process::id()));
        let result = build(source, &building).and_then(|meta| {
            std::fs::rename(&building, &dir)
                .or_else(|error| if dir.exists() { Ok(()) } else { Err(error) })
                .map_err(io(&dir))?;
            Ok(Dataset { dir, meta })
        });
        let _ = std::fs::remove_dir_all(&building); // gone already unless the build failed
        result
    }

    /// Opens the dataset in `dir`.
    ///
    /// # Errors
    /// A folder that holds no dataset, or one of another format.
    pub fn open(dir: &Path) -> Result<Self, FrameError> {
        let damaged = |what: String| FrameError::Damaged { path: dir.into(), what };
        let text = std::fs::read(dir.join("meta.json"))
            .map_err(|source| FrameError::Io { path: dir.join("meta.json"), source })?;
        let meta: Meta = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        if meta.format != super::meta::FORMAT {
            return Err(damaged(format!("format {}", meta.format)));
        }
        Ok(Dataset { dir: dir.into(), meta })
    }

    /// A lazy scan of a table, `None` when it has no rows.
    ///
    /// # Errors
    /// A file that is no Parquet.
    pub fn scan(&self, table: &str) -> PolarsResult<Option<LazyFrame>> {
        if table == LINKS && !self.dir.join(LINKS).exists() {
            return super::links::make(self).map(Some);
        }
        let mut paths = Vec::new();
        // The last holds what was put together from several vantages.
        for shard in 0..=SHARDS {
            let path = self.dir.join(table).join(format!("shard-{shard:02}.parquet"));
            if path.exists() {
                paths.push(PlRefPath::try_from_path(&path)?);
            }
        }
        if paths.is_empty() {
            return Ok(None);
        }
        let args = ScanArgsParquet { glob: false, ..Default::default() };
        LazyFrame::scan_parquet_files(paths.into(), args).map(Some)
    }

    /// The workloads table.
    ///
    /// # Errors
    /// A file that is missing or no Parquet.
    pub fn workloads(&self) -> PolarsResult<DataFrame> {
        parquet::read(&self.dir.join(format!("{WORKLOADS}.parquet")))
    }
}

/// Makes a directory that only its owner can read: frames hold what was said.
fn private_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700));
    }
    Ok(())
}

fn build(source: &Source<'_>, dir: &Path) -> Result<Meta, FrameError> {
    let write = |what: String| FrameError::Write { path: dir.into(), what };
    private_dir(dir).map_err(|source| FrameError::Io { path: dir.into(), source })?;
    let sinks: Vec<ShardWriter> = (0..SHARDS).filter_map(|n| ShardWriter::new(dir, n)).collect();
    let replay = source.replay();
    let (sinks, stats) = replay.run(sinks)?;
    let mut externals = finish(sinks).map_err(write)?;
    let mut meta = Meta::new(source.inputs, &stats, source.directory.captures());
    let frames = |e: PolarsError| write(e.to_string());
    let nodes = source.nodes();
    let places = Places {
        dir,
        nodes: source.vantage_nodes(&nodes),
        workloads: source.workload_nodes(&nodes),
        conns: meta.conns,
        calls: meta.protocols.values().map(|counts| counts.calls).sum(),
    };
    let joined = join::join(&places).map_err(frames)?;
    if !joined.mend.is_empty() {
        externals.extend(mend(source, dir, &joined, &mut meta)?);
    }
    meta.joined(&nodes, &joined.clocks, &joined.links);
    if joined.changed {
        recount(dir, &mut meta).map_err(frames)?;
    }
    let names = super::workloads::dns_names(dir, SHARDS + 1).map_err(frames)?;
    let workloads =
        super::workloads::frame(source.directory, &externals, &names).map_err(frames)?;
    parquet::write(&dir.join(format!("{WORKLOADS}.parquet")), workloads).map_err(frames)?;
    super::flows::write(dir, SHARDS + 1).map_err(frames)?;
    super::coverage::write(dir, &stats.vantages, &meta.coverage, source.directory.captures())
        .map_err(frames)?;
    let text = serde_json::to_vec_pretty(&meta).map_err(|e| write(e.to_string()))?;
    std::fs::write(dir.join("meta.json"), text)
        .map_err(|source| FrameError::Io { path: dir.join("meta.json"), source })?;
    Ok(meta)
}

/// Closes the writers; the addresses of workloads without metadata come back.
fn finish(sinks: Vec<ShardWriter>) -> Result<BTreeMap<i64, Text>, String> {
    let finished: Vec<_> = sinks.into_par_iter().map(ShardWriter::finish).collect();
    let mut externals = BTreeMap::new();
    for found in finished {
        externals.extend(found?);
    }
    Ok(externals)
}

/// Replays the connections that no vantage holds whole from all vantages together; their rows are
/// a shard of their own, behind the others.
fn mend(
    source: &Source<'_>,
    dir: &Path,
    joined: &Joined,
    meta: &mut Meta,
) -> Result<BTreeMap<i64, Text>, FrameError> {
    let write = |what: String| FrameError::Write { path: dir.into(), what };
    let folder = dir.join(".mend");
    let sinks: Vec<ShardWriter> =
        (0..SHARDS).filter_map(|n| ShardWriter::new(&folder, n)).collect();
    let (sinks, stats) = source.replay().mend(&joined.mend, sinks)?;
    let externals = finish(sinks).map_err(write)?;
    join::add_mended(dir, &folder, &joined.observed).map_err(|e| write(e.to_string()))?;
    meta.mended(&stats);
    Ok(externals)
}

/// Counts each call and connection once, after the join.
fn recount(dir: &Path, meta: &mut Meta) -> PolarsResult<()> {
    let dataset = Dataset { dir: dir.into(), meta: meta.clone() };
    let rows = |table: &str| -> PolarsResult<u64> {
        match dataset.scan(table)? {
            Some(scan) => {
                let count = scan.select([len().alias("n")]).collect()?;
                Ok(count.column("n")?.u32()?.get(0).unwrap_or(0).into())
            }
            None => Ok(0),
        }
    };
    meta.conns = rows(CONNS)?;
    let Some(calls) = dataset.scan(CALLS)? else { return Ok(()) };
    meta.protocols.clear();
    count_by("dissector", &calls, meta)?;
    count_by("within", &calls, meta)?;
    for protocol in PROTOCOLS.iter().filter(|protocol| !protocol.counters.is_empty()) {
        let Some(summary) = meta.protocols.get_mut(protocol.name) else { continue };
        let Some(side) = dataset.scan(protocol.table)? else { continue };
        let key = || [col("id"), col("vantage_id")];
        let own = calls.clone().filter(col("dissector").eq(lit(protocol.name))).select(key());
        let side = side.join(own, key(), key(), JoinArgs::new(JoinType::Semi));
        for counter in protocol.counters {
            let columns = counter.fields.iter().map(|field| col(field.replace('.', "_")));
            let columns = columns.map(|field| field.fill_null(lit(0i64)).sum());
            let sum = columns.reduce(|a, b| a + b).unwrap_or(lit(0i64)).alias("n");
            let found = side.clone().select([sum]).collect()?;
            let sum = found.column("n")?.i64()?.get(0).unwrap_or(0).unsigned_abs();
            summary.extra.insert(counter.name.into(), sum);
        }
    }
    Ok(())
}

/// Adds the counts of calls under the protocol that the column `name` names.
fn count_by(name: &str, calls: &LazyFrame, meta: &mut Meta) -> PolarsResult<()> {
    let counts = calls
        .clone()
        .filter(col(name).neq(lit("")))
        .group_by([col(name)])
        .agg([
            col("requests").sum(),
            col("responses").sum(),
            len().cast(DataType::Int64).alias("calls"),
            col("unanswered").neq(lit("")).sum().cast(DataType::Int64).alias("unanswered"),
        ])
        .collect()?;
    for row in 0..counts.height() {
        let int = |name: &str| -> PolarsResult<u64> {
            Ok(counts.column(name)?.i64()?.get(row).unwrap_or(0).unsigned_abs())
        };
        let protocol = counts.column(name)?.str()?.get(row).unwrap_or("").to_string();
        let summary = meta.protocols.entry(protocol).or_default();
        summary.requests += int("requests")?;
        summary.responses += int("responses")?;
        summary.calls += int("calls")?;
        summary.unanswered += int("unanswered")?;
    }
    Ok(())
}
