//! The integration tests, one binary: the program as a whole, on captures of its own, on others'
//! and on broken ones. What needs a tool, a right or a folder that is not there says so in one
//! line and passes.

mod answers;
mod cases;
mod cli;
mod determinism;
mod docs;
mod given;
mod hostile;
mod interop;
mod oracle;
mod page;
mod support;
mod tidy;
mod traffic;
mod vantages;
