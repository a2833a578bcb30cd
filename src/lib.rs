//! pcapsule turns packet captures of a cluster's nodes into answers: what broke, when, where it
//! started, what it touched, and the packets that prove it. Modules stand in the order of the
//! data; `src/README.md` draws the picture.

// The stages that read traffic: nothing that hostile bytes can do may end the program.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod capture;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod packet;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod conn;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod stream;

pub mod field;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod dissect;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod call;

pub mod join;

pub mod stats;

pub mod chain;

pub mod workload;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod replay;

pub mod catalogue;

pub mod kfl;

#[cfg(feature = "analyze")]
pub mod frame;

#[cfg(feature = "analyze")]
pub mod answer;

pub mod rule;

#[cfg(feature = "analyze")]
pub mod incident;

#[cfg(feature = "analyze")]
pub mod compare;

#[cfg(feature = "analyze")]
pub mod report;

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod export;

#[cfg(feature = "analyze")]
pub mod cli;

pub mod synth;

pub mod anomaly;
pub mod keylog;
pub mod limits;
pub mod outcome;
