//! The command lines that reproduce a statement: KFL with values quoted so that what traffic said
//! stays a value, in KFL and in the shell.

use crate::incident::{Entity, Facts};
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

/// The command that shows one call whole.
pub fn call(id: i64, inputs: &str) -> String {
    format!("pcapsule call {id} {inputs}")
}

/// The command that prints what a filter matches.
pub fn query(kfl: &str, inputs: &str) -> String {
    format!("pcapsule query {} {inputs}", text::shell(&[kfl]))
}
