//! Messages -> calls: pairing, timing, outcome, and why a request got no response.

pub mod fields;
