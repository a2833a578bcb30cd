//! What the tests share: where things are, the program run in a closed environment, and the line
//! that says what was left out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pcapsule::capture::Inputs;
use pcapsule::frame::{Dataset, FrameError, Source};
use pcapsule::limits::Limits;
use pcapsule::replay::Window;
use pcapsule::workload::{Directory, Metadata};
use tempfile::TempDir;

/// A program that takes longer has hung.
const HUNG: Duration = Duration::from_secs(120);

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The capture of the redis-oom incident.
pub fn redis_oom() -> PathBuf {
    root().join("fixtures/incidents/redis-oom")
}

/// Something in the folder beside the project that holds what must not be copied into it.
pub fn shared(what: &str) -> Option<PathBuf> {
    Some(root().join("../shared").join(what)).filter(|path| path.exists())
}

/// Says what a test could not do. Written past the test harness, which keeps the output of tests
/// that pass to itself.
pub fn left_out(what: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}");
}

/// All files below a folder with one of these names or endings, sorted.
pub fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// How a run of the program ended and what it said.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Requires an exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Requires an exit code and one line on stderr that holds `says`, and nothing on stdout.
    #[track_caller]
    pub fn fails(self, code: i32, says: &str) -> Self {
        let run = self.ends(code);
        assert_eq!(run.stderr.lines().count(), 1, "one line: {run:#?}");
        assert!(run.stderr.starts_with("pcapsule: "), "{run:#?}");
        assert!(run.stderr.contains(says), "{says:?} is not in {run:#?}");
        assert_eq!(run.stdout, "", "{run:#?}");
        run
    }
}

/// The program with a cache of its own and nothing of the user's environment.
pub struct Program {
    /// Home, cache and room for outputs; gone with the value.
    pub dir: TempDir,
}

impl Program {
    pub fn new() -> Self {
        Program { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file beside the cache.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Where it keeps frames.
    pub fn cache(&self) -> PathBuf {
        self.path("cache/pcapsule")
    }

    /// The command, to be run from the project's root as README has it.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.closed(env!("CARGO_BIN_EXE_pcapsule"));
        command.args(args);
        command
    }

    /// A line for a shell.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.closed("/bin/sh");
        command.args(["-c", line]);
        command
    }

    /// Anything, in the same closed environment.
    fn closed(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(root())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Run {
        finish(self.command(args))
    }

    /// Runs a line as README shows it; words are separated by spaces.
    #[track_caller]
    pub fn line(&self, line: &str) -> Run {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }
}

/// Runs a command to its end; one that hangs is killed and fails the test.
#[track_caller]
pub fn finish(mut command: Command) -> Run {
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let id = child.id();
    let waiter = std::thread::spawn(move || child.wait_with_output());
    let start = Instant::now();
    while !waiter.is_finished() {
        if start.elapsed() > HUNG {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            panic!("{command:?} hung");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = waiter.join().unwrap().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Builds the dataset of some inputs in this process.
pub fn dissect(inputs: &[PathBuf], cache: &Path) -> Result<Dataset, FrameError> {
    dissect_with(inputs, &Limits::default(), cache)
}

/// Builds the dataset of some inputs under other limits, keys among them.
pub fn dissect_with(
    inputs: &[PathBuf],
    limits: &Limits,
    cache: &Path,
) -> Result<Dataset, FrameError> {
    let inputs = Inputs::find(inputs, limits)?;
    let mut metadata = Metadata::default();
    for path in &inputs.clusters {
        metadata.read_cluster(path).unwrap();
    }
    let source = Source {
        inputs: &inputs,
        directory: &Directory::build(metadata),
        metadata_hash: String::new(),
        limits,
        window: Window::default(),
        stop: &std::sync::atomic::AtomicBool::new(false),
        progress: &|_| {},
    };
    Dataset::open_or_build(&source, cache)
}

/// Whether a program can be started.
pub fn installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
