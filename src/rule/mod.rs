//! Rules: a KFL condition, a window and a threshold -> findings that point to calls.
//!
//! Here rules are read, checked and evaluated over [`Sample`]s. Which entries match a filter is
//! asked elsewhere, of the frames; nothing here knows of them, of files of packets or of reports.
//! `rules/README.md` is the guide for those who write rules.

mod default;
mod episode;
#[cfg(feature = "analyze")]
mod evaluate;
mod expand;
mod judge;
mod lint;
pub mod load;
mod message;
pub mod model;
mod period;
mod quiet;
pub mod trial;
mod validate;
mod window;

use std::path::PathBuf;

pub use default::default_pack;
#[cfg(feature = "analyze")]
pub use evaluate::{EvaluateError, Fired, evaluate as evaluate_dataset};
pub use lint::{Level, Problem, lint};
pub use load::{Pack, load};
pub use message::Message;
pub use model::{Rule, Severity};
pub use period::{Period, Quantity};
pub use window::{Finding, Sample, evaluate};

/// Why rules could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: no rules: a pack is a folder of .yaml files", path.display())]
    NoRules { path: PathBuf },
    /// The YAML itself, or a key or word that is not known; the cause lists what is.
    #[error("{file}:{line}:{column}: {cause}")]
    Yaml { file: String, line: usize, column: usize, cause: String },
    #[error("{file}:{line}:{column}: {cause}; {remedy}")]
    Invalid { file: String, line: usize, column: usize, cause: String, remedy: String },
}
