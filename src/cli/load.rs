//! From arguments to a dataset: inputs found, metadata read, frames built or found in the cache.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::call::Correlation;
use crate::capture::Inputs;
use crate::frame::{self, Dataset};
use crate::keylog::{KeyLog, PrivateKey};
use crate::limits::Limits;
use crate::replay::Window;
use crate::report::text;
use crate::workload::{Directory, Metadata};

use super::args::Global;
use super::time;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);
/// Where frames are kept, once known.
static CACHE: OnceLock<PathBuf> = OnceLock::new();
/// How often a folder that is still written to is removed.
const CLEAR_TRIES: usize = 20;
/// After Ctrl-C the stages get this long to end by themselves.
const GRACE: Duration = Duration::from_millis(600);

/// Where the entries come from: captures, or frames that were made of some before.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Capture files, capture directories or snapshots
    #[arg(required_unless_present = "frames")]
    pub inputs: Vec<PathBuf>,
    /// Frames made before (the folder that `dissect` prints), in place of captures
    #[arg(long, value_name = "DIR", conflicts_with = "inputs")]
    pub frames: Option<PathBuf>,
}

impl Source {
    /// The arguments as a command line names them.
    pub fn pasted(&self, global: &Global) -> String {
        match &self.frames {
            Some(dir) => text::shell(&["--frames", &dir.display().to_string()]),
            None => pasted(global, &self.inputs),
        }
    }
}

/// The dataset of captures, or the one that is there.
pub fn dataset(global: &Global, source: &Source) -> anyhow::Result<Dataset> {
    match &source.frames {
        Some(dir) => Ok(Dataset::open(dir)?),
        None => Ok(load(global, &source.inputs)?.dataset),
    }
}

/// The inputs as a command line names them, with the options that shape what they mean.
pub fn pasted(global: &Global, inputs: &[PathBuf]) -> String {
    let mut words: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
    for cluster in &global.cluster {
        words.extend(["--cluster".to_string(), cluster.display().to_string()]);
    }
    for log in &global.keylog {
        words.extend(["--keylog".to_string(), log.display().to_string()]);
    }
    for key in &global.private_key {
        words.extend(["--private-key".to_string(), key.display().to_string()]);
    }
    text::shell(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A dataset with what it was made from.
pub struct Loaded {
    pub dataset: Dataset,
    pub directory: Directory,
    pub window: Window,
}

impl Loaded {
    /// Frames that were made before: what they were made from is not read again.
    pub fn of_frames(dataset: Dataset) -> Self {
        let directory = Directory::build(Metadata::default());
        Loaded { dataset, directory, window: Window::default() }
    }
}

/// Ends the program within a second of Ctrl-C. What was being written has a temporary name.
pub fn catch_interrupt() {
    let handler = || {
        STOP.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        clear_unfinished();
        std::process::exit(130);
    };
    let _ = ctrlc::set_handler(handler); // without it Ctrl-C still ends the program
}

/// Removes what this process was building: a stage that could not end in time leaves nothing.
fn clear_unfinished() {
    let Some(entries) = CACHE.get().and_then(|cache| std::fs::read_dir(cache).ok()) else { return };
    let own = format!("-{}", std::process::id());
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".building-") && name.ends_with(&own) {
            // A thread may still be writing: what it adds goes with the next try.
            let _ = (0..CLEAR_TRIES).any(|_| std::fs::remove_dir_all(entry.path()).is_ok());
        }
    }
}

/// Set by Ctrl-C, for work that goes on without a dataset.
pub fn stop() -> &'static AtomicBool {
    &STOP
}

/// Finds, reads and dissects the inputs.
pub fn load(global: &Global, paths: &[PathBuf]) -> anyhow::Result<Loaded> {
    let mut limits = limits(global)?;
    let inputs = Inputs::find(paths, &limits)?;
    limits.keys = key_log(global, &inputs, &limits)?;
    let (directory, metadata_hash) = metadata(global, &inputs, &limits)?;
    let window = time::window(global, &inputs, &limits)?;
    let cache = cache_dir(global)?;
    let bar = progress(global, &inputs);
    let source = frame::Source {
        inputs: &inputs,
        directory: &directory,
        metadata_hash,
        limits: &limits,
        window,
        stop: &STOP,
        progress: &|bytes| bar.inc(bytes),
    };
    let cache = CACHE.get_or_init(|| cache);
    let dataset = Dataset::open_or_build(&source, cache)?;
    bar.finish_and_clear();
    Ok(Loaded { dataset, directory, window })
}

/// The bounds of this run, with what the user wants kept.
pub fn limits(global: &Global) -> anyhow::Result<Limits> {
    for rule in &global.correlate {
        let parsed = Correlation::parse(rule)
            .map_err(|what| anyhow::anyhow!("--correlate {rule}: {what}"))?;
        if matches!(parsed, Correlation::Cookie(_)) && !global.show_secrets {
            anyhow::bail!("--correlate {rule}: cookies are secrets and masked; add --show-secrets");
        }
    }
    let correlate = global.correlate.clone();
    Ok(Limits { show_secrets: global.show_secrets, correlate, ..Limits::default() })
}

/// The secrets of all key logs that were named or found.
fn key_log(global: &Global, inputs: &Inputs, limits: &Limits) -> anyhow::Result<KeyLog> {
    let mut texts = Vec::new();
    for path in global.keylog.iter().chain(&inputs.key_logs) {
        let text =
            std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let (_, count) = KeyLog::new(std::slice::from_ref(&text), limits.tls_secrets_max);
        if count == 0 && !global.quiet {
            eprintln!("note: {}: holds no TLS secrets", path.display());
        }
        texts.push(text);
    }
    let mut private = Vec::new();
    for path in &global.private_key {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let key = PrivateKey::from_pem(&text)
            .map_err(|what| anyhow::anyhow!("--private-key {}: {what}", path.display()))?;
        private.push((text, key));
    }
    let log = KeyLog::new(&texts, limits.tls_secrets_max).0;
    Ok(if private.is_empty() { log } else { log.with_private(private) })
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
    for (node, path) in &inputs.sidecars {
        add(path)?;
        let counts = metadata.read_sidecar(node, path, limits)?;
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
