//! Fuzz targets: everything that reads what others wrote, on mutated samples of it. They run on
//! stable as ordinary tests, a few seconds each; a failure prints the seed to run it again with
//! (`BOLERO_RANDOM_SEED`), and `cargo bolero test` runs a target for as long as one likes.
//!
//! Random bytes seldom get past the first check of a parser, so a target starts from samples (the
//! fixtures' packets, the built-in scenarios, rules and filters) and edits them.

#![cfg(test)]

mod capture;
mod dissect;
mod edit;
mod kfl;
mod metadata;
mod packet;
mod samples;
mod stream;
mod yaml;
