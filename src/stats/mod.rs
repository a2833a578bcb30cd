//! The statistics that findings, onsets and comparisons rest on: few, classical, exact where the
//! numbers are small. Pure functions of numbers; each names its source.

mod normal;
mod proportion;
mod rank;

pub use normal::{normal_tail, two_sided_p};
pub use proportion::{
    Interval, Z_95, difference_p, fisher_exact, two_proportion_z, wilson_interval,
};
pub use rank::{RankTest, mann_whitney, percentile};
