//! The typed report and its views: `report.json` is [`model::Report`] written by serde, Markdown
//! and HTML are templates over the same data (`report-templates/`, replaceable file by file).
//! Nothing here reads packets, ranks suspects or looks at a clock; equal reports give equal bytes.

pub mod build;
mod chart;
pub mod ci;
mod filters;
pub mod merge;
pub mod model;
pub mod number;
mod render;
mod template;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;
pub mod todos;
mod view;

pub use chart::picture;
pub use model::Report;
pub use render::{Format, Kind, Options, render};
pub use time::Time;

use std::path::PathBuf;

/// What can go wrong while a report is written. Traffic cannot; arguments and templates can.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "time zone \"{name}\" is not known on this machine; use a name such as Europe/Berlin, or UTC"
    )]
    Zone { name: String, source: jiff::Error },
    #[error("template folder {path}: {detail}")]
    Folder { path: PathBuf, detail: String },
    #[error(
        "template {place}: {detail}; report-templates/README.md lists the names a template may use"
    )]
    Template { place: String, detail: String },
    #[error("report as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
