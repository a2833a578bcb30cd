//! Rules over a dataset: fetches what each rule looks at, judges it, and puts the findings into
//! words with the entries that prove them.

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::catalogue::{Family, FieldRef, catalogue};
use crate::field::FieldType;
use crate::frame::{Dataset, FAMILIES, Selector, column};
use crate::kfl::{self, Checked};

use super::model::Rule;
use super::window::{self, Sample};

/// One firing of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired<'r> {
    pub rule: &'r Rule,
    /// Field to value, in the order of `group_by`.
    pub group: Vec<(String, String)>,
    pub finding: window::Finding,
    /// Finds the entries again.
    pub kfl: String,
}

/// Why a rule could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    #[error("{file}:{line}: rule {rule}: {cause}")]
    Filter { file: String, line: usize, rule: String, cause: String },
    #[error("rule {rule}: {cause}")]
    Frames { rule: String, cause: String },
}

/// Evaluates rules, in their order; findings of a rule by time.
///
/// # Errors
/// A filter that does not fit the catalogue, frames that cannot be read.
pub fn evaluate<'r>(dataset: &Dataset, rules: &'r [Rule]) -> Result<Vec<Fired<'r>>, EvaluateError> {
    let frames = |rule: &str, cause: PolarsError| EvaluateError::Frames {
        rule: rule.to_string(),
        cause: cause.to_string(),
    };
    let selector = Selector::new(dataset).map_err(|e| frames("*", e))?;
    let mut fired = Vec::new();
    for rule in rules {
        let samples = samples(dataset, &selector, rule)?;
        let samples = samples.map_err(|e| frames(&rule.id, e))?;
        let first = dataset.meta.first_ns().unwrap_or(0);
        let last = dataset.meta.last_ns().unwrap_or(0);
        for finding in window::evaluate(rule, &samples.list, first..last.saturating_add(1)) {
            let values = samples.groups.get(finding.group as usize).cloned().unwrap_or_default();
            let group: Vec<(String, String)> = rule.group_by.iter().cloned().zip(values).collect();
            let kfl = reproduce(rule, &group, &finding);
            fired.push(Fired { rule, group, finding, kfl });
        }
    }
    Ok(fired)
}

/// What a rule looks at, and the values of its groups.
struct Samples {
    list: Vec<Sample>,
    groups: Vec<Vec<String>>,
}

fn samples(
    dataset: &Dataset,
    selector: &Selector<'_>,
    rule: &Rule,
) -> Result<PolarsResult<Samples>, EvaluateError> {
    let now_ns = dataset.meta.last_ns().unwrap_or(0);
    let check = |key: &str, text: &str| -> Result<Checked, EvaluateError> {
        kfl::check(catalogue(), text).map(|c| c.at(now_ns)).map_err(|error| EvaluateError::Filter {
            file: rule.origin.file.clone(),
            line: rule.origin.line(key),
            rule: rule.id.clone(),
            cause: error.to_string(),
        })
    };
    let condition = rule.condition(now_ns);
    let matching = check("match", &condition)?;
    let scope = check("of", rule.scope())?;
    let mut fields: Vec<FieldRef> = Vec::new();
    for name in &rule.group_by {
        fields.extend(catalogue().get(name).cloned());
    }
    let metric = rule.fire.field.as_deref().and_then(|name| catalogue().get(name)).cloned();
    Ok(fetch(selector, rule, &scope, &matching, &fields, metric.as_ref()))
}

/// Fetches the entries in scope, and marks those that match.
fn fetch(
    selector: &Selector<'_>,
    rule: &Rule,
    scope: &Checked,
    matching: &Checked,
    fields: &[FieldRef],
    metric: Option<&FieldRef>,
) -> PolarsResult<Samples> {
    let mut groups: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    let mut list = Vec::new();
    let keys = [col("id").alias("__id"), col("ts_ns").alias("__ts")];
    for family in FAMILIES {
        let matched = ids(selector, matching, family)?;
        if rule.of.is_none() && matched.is_empty() {
            continue;
        }
        let all: Vec<FieldRef> = fields.iter().chain(metric).cloned().collect();
        let Some(rows) = selector.rows(scope, family, &dedup(&all), &keys)? else { continue };
        let rows = rows.collect()?;
        let (id, ts) = (rows.column("__id")?.i64()?, rows.column("__ts")?.i64()?);
        let columns = fields.iter().map(|f| texts(&rows, f)).collect::<PolarsResult<Vec<_>>>()?;
        let values = match metric {
            Some(field) => Some(rows.column(&column(field))?.cast(&DataType::Float64)?),
            None => None,
        };
        for row in 0..rows.height() {
            let key: Vec<String> = columns.iter().map(|c| c[row].clone()).collect();
            let next = groups.len() as u32;
            let call = id.get(row).unwrap_or(0);
            let value = match &values {
                Some(values) => values.f64()?.get(row).unwrap_or(0.0),
                None => 0.0,
            };
            list.push(Sample {
                ts_ns: ts.get(row).unwrap_or(0),
                group: *groups.entry(key).or_insert(next),
                matched: matched.contains(&call),
                value,
                call,
            });
        }
    }
    list.sort_by_key(|s| (s.ts_ns, s.call));
    let mut by_number: Vec<Vec<String>> = vec![Vec::new(); groups.len()];
    for (values, number) in groups {
        by_number[number as usize] = values;
    }
    Ok(Samples { list, groups: by_number })
}

fn dedup(fields: &[FieldRef]) -> Vec<FieldRef> {
    let by_name: BTreeMap<&str, &FieldRef> = fields.iter().map(|f| (f.name, f)).collect();
    by_name.into_values().cloned().collect()
}

/// Ids of the entries that match.
fn ids(
    selector: &Selector<'_>,
    matching: &Checked,
    family: Family,
) -> PolarsResult<std::collections::HashSet<i64>> {
    let Some(rows) = selector.rows(matching, family, &[], &[col("id")])? else {
        return Ok(Default::default());
    };
    Ok(rows.collect()?.column("id")?.i64()?.iter().flatten().collect())
}

/// The values of a field as text.
fn texts(rows: &DataFrame, field: &FieldRef) -> PolarsResult<Vec<String>> {
    let values = rows.column(&column(field))?.cast(&DataType::String)?;
    Ok(values.str()?.iter().map(|v| v.unwrap_or("").to_string()).collect())
}

/// The filter of a finding's entries: the rule's condition, its group, its time.
fn reproduce(rule: &Rule, group: &[(String, String)], finding: &window::Finding) -> String {
    let mut kfl = format!("({})", rule.condition(finding.last_ns));
    for (name, value) in group {
        let is_number = catalogue().get(name).is_some_and(|f| f.ty == FieldType::Int);
        let value = if is_number { value.clone() } else { kfl::literal(value) };
        kfl.push_str(&format!(" && {name} == {value}"));
    }
    let time = |ns: i64| kfl::literal(&kfl::format_time(ns));
    kfl.push_str(&format!(
        " && timestamp >= timestamp({}) && timestamp <= timestamp({})",
        time(finding.first_ns),
        time(finding.last_ns)
    ));
    kfl
}
