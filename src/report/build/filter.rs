//! The command lines that reproduce a statement: KFL with values quoted so that what traffic said
//! stays a value, in KFL and in the shell.

use crate::incident::{Entity, Facts};
use crate::outcome::Outcome;

use super::super::time::Time;

/// A KFL string literal.
pub fn literal(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32 & 0xffff)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A word for a POSIX shell.
pub fn shell(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_string();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// The calls to an entity.
pub fn callee(entity: &Entity) -> String {
    let name = literal(&entity.name);
    match entity.kind.as_str() {
        "external" => format!("(dst.ip == {name} || dst.dns == {name})"),
        "node" => format!("remote_node_name == {name}"),
        _ => format!("dst.workload == {name}"),
    }
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

/// The command that prints what a filter matches.
pub fn query(kfl: &str, inputs: &str) -> String {
    format!("pcapsule query {} {inputs}", shell(kfl))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_stay_values() {
        assert_eq!(literal("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        assert_eq!(shell("a b'c; rm -rf $HOME"), r"'a b'\''c; rm -rf $HOME'");
        assert_eq!(shell("captures/node-a.pcap.zst"), "captures/node-a.pcap.zst");
    }
}
