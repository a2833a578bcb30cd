//! Packets -> connections: keys, table, TCP state, expiry.

pub mod fields;
