//! A check as SARIF 2.1.0 (OASIS): the rules with what they mean, a result for each finding, with a
//! fingerprint that stays the same from run to run and the place of the rule, since code scanning
//! wants one. At most as many results as GitHub takes.

use serde_json::{Value, json};

use super::super::model::{Finding, Severity};
use super::{Checked, Evaluated, command, fingerprint};

/// Results that GitHub takes of one run.
const RESULTS_MAX: usize = 25_000;
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The whole document.
pub fn sarif(checked: &Checked<'_>) -> Value {
    let rules: Vec<Value> = checked.rules.iter().map(rule).collect();
    let results: Vec<Value> =
        checked.findings.iter().take(RESULTS_MAX).map(|finding| result(checked, finding)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pcapsule",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
            "columnKind": "utf16CodeUnits",
        }],
    })
}

fn rule(rule: &Evaluated) -> Value {
    let help = if rule.help.is_empty() { &rule.title } else { &rule.help };
    json!({
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": help},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"security-severity": score(rule.severity), "tags": [rule.pack]},
    })
}

fn result(checked: &Checked<'_>, finding: &Finding) -> Value {
    let index = checked.rules.iter().position(|rule| rule.id == finding.rule);
    let place = checked.rule(finding);
    let command = command(finding, checked.inputs);
    json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": {"text": format!("{}\n{command}", finding.message)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": place.map_or("rules", |rule| rule.file.as_str())},
            "region": {"startLine": place.map_or(1, |rule| rule.line.max(1))},
        }}],
        "partialFingerprints": {"pcapsule/v1": fingerprint(finding)},
        "properties": {
            "group": finding.group,
            "first": finding.first,
            "last": finding.last,
            "matches": finding.matches,
            "of": finding.of,
            "kfl": finding.kfl,
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A number as GitHub sorts by.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}
