//! Frames: the Polars side of the analysis.

pub mod lower;
