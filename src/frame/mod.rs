//! Rows -> frames on disk: Parquet files that Polars and any other engine read, written as the
//! rows come and kept under a key of everything that shaped them; and filters over them.

mod column;
mod coverage;
mod dataset;
mod delta;
mod flows;
pub mod given;
mod join;
mod links;
pub mod lower;
pub mod made;
mod meta;
mod page;
mod parquet;
mod rle;
mod select;
mod table;
mod text;
pub mod workloads;
mod writer;

pub use dataset::{Dataset, FrameError, Source};
pub use lower::column;
pub use meta::{Coverage, InputFile, LinkSummary, Meta, ProtocolSummary};
pub use select::{FAMILIES, Selector};
pub use table::{
    ANOMALIES, CALLS, CONN_OBSERVATIONS, CONNS, COVERAGE, FLOWS, LINKS, OBSERVATIONS, Table,
    WORKLOADS, tables,
};
