//! The tests inside a rule file: entries written out as KFL fields, and the findings expected of
//! them. They run without packets, so that a rule can be tried the moment it is written.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::model::{Metric, Rule};
use super::period::Period;
use super::window::{Finding, Sample, evaluate};

/// One test of a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    pub name: String,
    /// Fields that all entries share.
    #[serde(default)]
    pub set: Fields,
    #[serde(default)]
    pub entries: Vec<Entries>,
    /// File of entries beside the rule's, instead of `entries`: one JSON object of KFL fields per
    /// line, each with its `timestamp` in RFC 3339.
    #[serde(default)]
    pub calls: Option<String>,
    /// How long the capture goes on, from its start; to the last entry without it.
    #[serde(default)]
    pub lasts: Option<Period>,
    /// The findings, in time order; none where the rule must stay quiet.
    pub expect: Vec<Expectation>,
}

/// KFL fields of one entry; those not given have their type's default.
pub type Fields = BTreeMap<String, Value>;

/// Some entries that are alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// When the first comes, from the start of the capture.
    #[serde(default)]
    pub at: Period,
    #[serde(default = "one")]
    pub times: u32,
    #[serde(default = "second")]
    pub every: Period,
    #[serde(default)]
    pub set: Fields,
}

fn one() -> u32 {
    1
}

fn second() -> Period {
    Period::seconds(1)
}

/// What a finding must be like; what is not given is not compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    #[serde(default)]
    pub group: Fields,
    /// Time of its first entry, from the start of the capture.
    #[serde(default)]
    pub at: Option<Period>,
    /// Entries that match.
    #[serde(default, rename = "match")]
    pub matched: Option<u64>,
}

/// Entries that one test may write out.
const ENTRIES_MAX: usize = 1 << 20;

/// When a test's capture starts, 2026-01-01T00:00:00Z: a multiple of every window in use.
const START_NS: i64 = 1_767_225_600_000_000_000;

/// Answers a KFL filter on one entry; the error is a sentence.
pub type Evaluator<'a> = dyn Fn(&str, &Fields) -> Result<bool, String> + 'a;

/// Runs one test of a rule. `Err` says how the findings differ from those expected, or why a
/// filter could not be answered.
pub fn run(rule: &Rule, trial: &Trial, evaluator: &Evaluator) -> Result<(), String> {
    let entries = match &trial.calls {
        Some(file) => read_calls(&Path::new(&rule.origin.file).with_file_name(file))?,
        None => trial.entries()?,
    };
    let start_ns = match trial.calls {
        Some(_) => entries.first().map_or(START_NS, |(ts_ns, _)| *ts_ns),
        None => START_NS,
    };
    let condition = rule.condition(start_ns);
    let mut groups: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    let mut samples = Vec::new();
    for (call, (ts_ns, fields)) in (0i64..).zip(&entries) {
        let matched = evaluator(&condition, fields)?;
        if !matched && !evaluator(rule.scope(), fields)? {
            continue;
        }
        let key: Vec<String> = rule.group_by.iter().map(|field| text(fields, field)).collect();
        let next = groups.len() as u32;
        let group = *groups.entry(key).or_insert(next);
        let value = measured(rule, fields)?;
        samples.push(Sample { ts_ns: *ts_ns, group, matched, value, call });
    }
    let last_ns = entries.last().map_or(start_ns, |(ts_ns, _)| ts_ns.saturating_add(1));
    let end_ns = trial.lasts.map_or(last_ns, |lasts| start_ns.saturating_add(lasts.ns));
    let findings = evaluate(rule, &samples, start_ns..end_ns);
    let groups = groups.into_iter().map(|(key, id)| (id, key)).collect();
    Outcome { rule, start_ns, groups, findings }.compare(&trial.expect)
}

/// Reads a file of entries; the error names the line.
fn read_calls(path: &Path) -> Result<Vec<(i64, Fields)>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let mut all = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let place = |cause: String| format!("{}:{number}: {cause}", path.display());
        let fields: Fields =
            serde_json::from_str(line).map_err(|cause| place(cause.to_string()))?;
        let time = fields.get("timestamp").and_then(Value::as_str).unwrap_or("");
        let time: jiff::Timestamp =
            time.parse().map_err(|_| place("no `timestamp` in RFC 3339".to_owned()))?;
        let ts_ns = i64::try_from(time.as_nanosecond())
            .map_err(|_| place("its `timestamp` is not between 1677 and 2262".to_owned()))?;
        all.push((ts_ns, fields));
    }
    all.sort_by_key(|(ts_ns, _)| *ts_ns);
    Ok(all)
}

impl Trial {
    /// All entries in time order.
    fn entries(&self) -> Result<Vec<(i64, Fields)>, String> {
        let mut all = Vec::new();
        for entries in &self.entries {
            for n in 0..i64::from(entries.times) {
                if all.len() >= ENTRIES_MAX {
                    return Err(format!("more than {ENTRIES_MAX} entries"));
                }
                let offset_ns = entries.at.ns.saturating_add(entries.every.ns.saturating_mul(n));
                let mut fields = self.set.clone();
                fields.extend(entries.set.clone());
                all.push((START_NS.saturating_add(offset_ns), fields));
            }
        }
        all.sort_by_key(|(ts_ns, _)| *ts_ns);
        Ok(all)
    }
}

/// The field that a percentile is taken of.
fn measured(rule: &Rule, fields: &Fields) -> Result<f64, String> {
    match (&rule.fire.metric, &rule.fire.field) {
        (Metric::Percentile, Some(field)) => match fields.get(field) {
            None => Ok(0.0),
            Some(value) => value.as_f64().ok_or_else(|| format!("`{field}` is no number: {value}")),
        },
        _ => Ok(0.0),
    }
}

/// A field as text; absent is empty.
fn text(fields: &Fields, field: &str) -> String {
    match fields.get(field) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What a test gave.
struct Outcome<'a> {
    rule: &'a Rule,
    start_ns: i64,
    /// Values of the `group_by` fields by group.
    groups: BTreeMap<u32, Vec<String>>,
    findings: Vec<Finding>,
}

impl Outcome<'_> {
    fn compare(&self, expected: &[Expectation]) -> Result<(), String> {
        let same = expected.len() == self.findings.len()
            && expected.iter().zip(&self.findings).all(|(e, finding)| self.fits(e, finding));
        if same {
            return Ok(());
        }
        let found: Vec<String> = self.findings.iter().map(|f| self.describe(f)).collect();
        Err(format!("{} expected, found {}: [{}]", expected.len(), found.len(), found.join(", ")))
    }

    fn fits(&self, expectation: &Expectation, finding: &Finding) -> bool {
        let group = expectation.group.keys().all(|field| {
            self.value(finding, field).is_some_and(|value| value == text(&expectation.group, field))
        });
        let at = |at: Period| self.start_ns.saturating_add(at.ns) == finding.first_ns;
        group
            && expectation.at.is_none_or(at)
            && expectation.matched.is_none_or(|matched| matched == finding.matched)
    }

    /// A finding's value of a `group_by` field.
    fn value(&self, finding: &Finding, field: &str) -> Option<&str> {
        let index = self.rule.group_by.iter().position(|grouped| grouped == field)?;
        self.groups.get(&finding.group)?.get(index).map(String::as_str)
    }

    /// A finding in the form in which it would be expected.
    fn describe(&self, finding: &Finding) -> String {
        let group: Vec<String> = self
            .rule
            .group_by
            .iter()
            .map(|field| format!("{field}: {}", self.value(finding, field).unwrap_or("")))
            .collect();
        let at = Period { ns: finding.first_ns.saturating_sub(self.start_ns).max(0) };
        format!("{{group: {{{}}}, at: {at}, match: {}}}", group.join(", "), finding.matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::load::rule_for_tests;

    /// Answers `field == number` alone.
    fn evaluator(filter: &str, fields: &Fields) -> Result<bool, String> {
        let (field, number) = filter.split_once(" == ").ok_or("no comparison")?;
        Ok(fields.get(field).and_then(Value::as_i64).unwrap_or(0).to_string() == number)
    }

    fn trial(expect: &str) -> Result<(), String> {
        let rule = rule_for_tests(&format!(
            "window: {{size: 10s}}
fire: {{metric: ratio, op: '>', value: 0.4}}
match: status == 5
of: http == 1
group_by: [service]
tests:
- name: half fail
  set: {{http: 1, service: cart}}
  entries:
  - {{times: 10, every: 1s, set: {{status: 2}}}}
  - {{at: 500ms, times: 10, set: {{status: 5}}}}
  - {{times: 10, set: {{http: 0, status: 2}}}}
  lasts: 1m
  expect: {expect}"
        ));
        run(&rule, &rule.tests[0], &evaluator)
    }

    #[test]
    fn compares_findings_with_those_expected() {
        assert_eq!(trial("[{group: {service: cart}, at: 500ms, match: 10}]"), Ok(()));
        assert_eq!(trial("[{}]"), Ok(()));
        let wrong = trial("[]").unwrap_err();
        assert_eq!(wrong, "0 expected, found 1: [{group: {service: cart}, at: 500ms, match: 10}]");
        assert!(trial("[{match: 9}]").is_err());
        assert!(trial("[{group: {service: pay}}]").is_err());
        assert!(trial("[{group: {unknown: cart}}]").is_err());
    }

    #[test]
    fn reads_entries_from_a_file_beside_the_rule() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut rule = rule_for_tests(
            "match: status == 5
of:
window: {size: 10s}
fire: {metric: count, op: '>=', value: 2}
tests: [{name: file, calls: two.jsonl, expect: [{at: 1s, match: 2}]}]",
        );
        rule.origin.file = folder.path().join("rule.yaml").display().to_string();
        let line = |second: u32, status: u32| {
            format!("{{\"timestamp\": \"2026-11-20T10:00:0{second}Z\", \"status\": {status}}}\n")
        };
        let path = folder.path().join("two.jsonl");
        std::fs::write(&path, line(0, 2) + &line(1, 5) + "\n" + &line(2, 5)).expect("written");
        assert_eq!(run(&rule, &rule.tests[0], &evaluator), Ok(()));
        std::fs::write(&path, line(0, 2) + "{}").expect("written");
        let error = run(&rule, &rule.tests[0], &evaluator).unwrap_err();
        assert!(error.contains("two.jsonl:2: no `timestamp`"), "{error}");
    }

    #[test]
    fn refuses_endless_tests() {
        let rule =
            rule_for_tests("tests:\n- {name: long, entries: [{times: 4294967295}], expect: []}");
        assert!(run(&rule, &rule.tests[0], &evaluator).unwrap_err().contains("more than"));
    }
}
