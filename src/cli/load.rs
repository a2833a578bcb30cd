//! From arguments to a dataset: inputs found, metadata read, frames built or found in the cache.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::Inputs;
use crate::frame::{Dataset, Source};
use crate::limits::Limits;
use crate::replay::Window;
use crate::workload::{Directory, Metadata};

use super::args::Global;
use super::time;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);
/// After Ctrl-C the stages get this long to end by themselves.
const GRACE: Duration = Duration::from_millis(600);

/// A dataset with what it was made from.
pub struct Loaded {
    pub dataset: Dataset,
    pub directory: Directory,
    pub window: Window,
}

/// Ends the program within a second of Ctrl-C. What was being written has a temporary name.
pub fn catch_interrupt() {
    let handler = || {
        STOP.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        std::process::exit(130);
    };
    let _ = ctrlc::set_handler(handler); // without it Ctrl-C still ends the program
}

/// Finds, reads and dissects the inputs.
pub fn load(global: &Global, paths: &[PathBuf]) -> anyhow::Result<Loaded> {
    let limits = Limits { show_secrets: global.show_secrets, ..Limits::default() };
    let inputs = Inputs::find(paths, &limits)?;
    let (directory, metadata_hash) = metadata(global, &inputs, &limits)?;
    let window = time::window(global, &inputs, &limits)?;
    let bar = progress(global, &inputs);
    let source = Source {
        inputs: &inputs,
        directory: &directory,
        metadata_hash,
        limits: &limits,
        window,
        stop: &STOP,
        progress: &|bytes| bar.inc(bytes),
    };
    let dataset = Dataset::open_or_build(&source, &cache_dir(global)?)?;
    bar.finish_and_clear();
    Ok(Loaded { dataset, directory, window })
}

fn progress(global: &Global, inputs: &Inputs) -> ProgressBar {
    let total = inputs.segments().map(|s| s.bytes).sum();
    let bar = ProgressBar::new(total);
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    // indicatif draws on a terminal only.
    bar.set_draw_target(match global.quiet {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    });
    bar
}

/// Reads all metadata; its hash is part of the dataset's key.
fn metadata(
    global: &Global,
    inputs: &Inputs,
    limits: &Limits,
) -> anyhow::Result<(Directory, String)> {
    let mut metadata = Metadata::default();
    let mut hash = blake3::Hasher::new();
    let mut add = |path: &Path| -> anyhow::Result<()> {
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        hash.update(blake3::hash(&bytes).as_bytes());
        Ok(())
    };
    let clusters = global.cluster.iter().chain(&inputs.clusters);
    for path in clusters {
        add(path)?;
        metadata.read_cluster(path)?;
    }
    for (_, path) in &inputs.sidecars {
        add(path)?;
        let counts = metadata.read_sidecar(path, limits)?;
        if counts.broken > 0 && !global.quiet {
            eprintln!("note: {}: {} lines could not be read", path.display(), counts.broken);
        }
    }
    Ok((Directory::build(metadata), hash.finalize().to_hex().to_string()))
}

/// `--cache`, else the user's cache folder.
fn cache_dir(global: &Global) -> anyhow::Result<PathBuf> {
    if let Some(dir) = &global.cache {
        return Ok(dir.clone());
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let base = base
        .or(home)
        .context("no cache folder: neither XDG_CACHE_HOME nor HOME is set; give --cache DIR")?;
    Ok(base.join("pcapsule"))
}
