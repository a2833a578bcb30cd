//! Options that every command takes.

use std::path::PathBuf;

use clap::Args;

/// Options of the program as a whole.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Kubernetes metadata: JSON of `kubectl get pods,services,endpointslices,nodes,replicasets,events -A -o json`
    #[arg(long, value_name = "FILE", global = true, help_heading = "Global options")]
    pub cluster: Vec<PathBuf>,
    /// Secrets of TLS sessions, as SSLKEYLOGFILE writes them; a tls-keys.log beside a capture and
    /// secrets inside one are found by themselves
    #[arg(long, value_name = "FILE", global = true, help_heading = "Global options")]
    pub keylog: Vec<PathBuf>,
    /// RSA private key of a server (PEM): opens TLS up to 1.2 whose suites exchange keys by RSA
    #[arg(long, value_name = "FILE", global = true, help_heading = "Global options")]
    pub private_key: Vec<PathBuf>,
    /// Begin of the window: RFC 3339, wall clock in --tz (14:15), or relative to the capture's end (-10m)
    #[arg(
        long,
        value_name = "TIME",
        global = true,
        help_heading = "Global options",
        allow_hyphen_values = true
    )]
    pub since: Option<String>,
    /// End of the window, as --since
    #[arg(
        long,
        value_name = "TIME",
        global = true,
        help_heading = "Global options",
        allow_hyphen_values = true
    )]
    pub until: Option<String>,
    /// Time zone in which times are read and shown: IANA name, UTC or +02:00 [default: the machine's]
    #[arg(long, value_name = "ZONE", global = true, help_heading = "Global options")]
    pub tz: Option<String>,
    /// Where frames are kept and found again [default: $XDG_CACHE_HOME/pcapsule]
    #[arg(long, value_name = "DIR", global = true, help_heading = "Global options")]
    pub cache: Option<PathBuf>,
    /// Threads to use [default: all cores]; results do not depend on it
    #[arg(long, value_name = "N", global = true, help_heading = "Global options")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Fill user_key, and correlation_id where a call has none, from header:NAME, query:NAME,
    /// json:/PATH (into the request's body) or cookie:NAME (cookies are masked unless --show-secrets
    /// is given); may be given several times
    #[arg(long, value_name = "WHERE", global = true, help_heading = "Global options")]
    pub correlate: Vec<String>,
    /// Keep values of secrets (Authorization, cookies, passwords) in frames and output
    #[arg(long, global = true, help_heading = "Global options")]
    pub show_secrets: bool,
    /// No progress and no notes on stderr
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// No colours
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

impl Global {
    /// Whether to colour output on this stream.
    pub fn colour(&self, terminal: bool) -> bool {
        terminal && !self.no_color && std::env::var_os("NO_COLOR").is_none()
    }
}

/// Bounds our own thread pool and that of Polars, before either starts.
pub fn apply_threads(threads: Option<std::num::NonZeroUsize>) {
    let Some(threads) = threads else { return };
    // Only fails when a pool is there already, and then its size stands.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    // SAFETY: called before any other thread is started; Polars reads it when its pool starts.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("POLARS_MAX_THREADS", threads.to_string());
    }
}
