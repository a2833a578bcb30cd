//! The command lines that reproduce a statement: KFL with values quoted so that what traffic said
//! stays a value, in KFL and in the shell.

use crate::incident::{Entity, Facts, Slowness};
use crate::kfl::literal;
use crate::outcome::Outcome;

use super::super::text;
use super::super::time::Time;

/// The calls to an entity.
pub fn callee(entity: &Entity) -> String {
    format!("dst.display == {}", literal(&entity.name))
}

/// Calls that failed, as incidents count them.
pub fn failed() -> String {
    let names: Vec<String> =
        Outcome::ALL.iter().filter(|o| o.is_failure()).map(|o| literal(o.name())).collect();
    format!("outcome in [{}]", names.join(", "))
}

/// Failed calls to an entity from `from_ns` on.
pub fn failed_calls(facts: &Facts, entity: u32, from_ns: i64) -> String {
    format!(
        "{} && {} && timestamp >= timestamp({})",
        callee(facts.entity(entity)),
        failed(),
        literal(&Time(from_ns).to_string())
    )
}

/// Calls to an entity from `from_ns` on.
pub fn calls(facts: &Facts, entity: u32, from_ns: i64) -> String {
    let from = literal(&Time(from_ns).to_string());
    format!("{} && timestamp >= timestamp({from})", callee(facts.entity(entity)))
}

/// Calls to an entity from `from_ns` on that take longer than half way to what slow ones take.
pub fn slow_calls(facts: &Facts, entity: u32, from_ns: i64, slowness: Slowness) -> String {
    let half_us = ((slowness.before_ms + slowness.during_ms) * 500.0) as i64;
    format!("{} && elapsed_time > {half_us}", calls(facts, entity, from_ns))
}

/// The command that shows one call whole.
pub fn call(id: i64, inputs: &str) -> String {
    format!("pcapsule call {id} {inputs}")
}

/// The command that prints what a filter matches.
pub fn query(kfl: &str, inputs: &str) -> String {
    format!("pcapsule query {} {inputs}", text::shell(&[kfl]))
}
