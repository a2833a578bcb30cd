//! Address and time -> workload: who owned an address at that moment.

pub mod fields;
