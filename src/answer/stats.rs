//! Calls that a filter picks -> rate, errors, duration and saturation per group and, where asked,
//! per stretch of time. A connection that failed before it carried a call counts as a call that
//! failed.

use polars::prelude::*;

use crate::catalogue::{Family, FieldRef};
use crate::field::FieldType;
use crate::frame::{CONNS, Dataset, Selector, column};
use crate::kfl::Checked;
use crate::outcome::Outcome;

use super::{peaks, quantiles};

/// Bars of a group's course over the capture.
pub const BARS: usize = 24;

/// Begin of a stretch of time, where stretches are asked for.
pub const TIME: &str = "time";

/// A column that is the same in all rows: a key where nothing tells groups apart.
const ALL: &str = "__all";

/// What is known of a group.
pub const FIGURES: [&str; 14] = [
    "calls",
    "rate",
    "errors",
    "error_rate",
    "p50_us",
    "p90_us",
    "p95_us",
    "p99_us",
    "max_us",
    "in_flight",
    "conns",
    "conns_at_once",
    "request_bytes",
    "response_bytes",
];

/// Those of them that are quantiles of how long calls took.
const QUANTILES: [(&str, f64); 4] =
    [("p50_us", 0.5), ("p90_us", 0.9), ("p95_us", 0.95), ("p99_us", 0.99)];

/// One group's calls and failures over the capture, in [`BARS`] equal stretches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    pub calls: Vec<u64>,
    pub failed: Vec<u64>,
}

/// What is asked for.
pub struct Question<'a> {
    pub checked: &'a Checked,
    /// What groups are told apart by.
    pub by: &'a [FieldRef],
    /// Length of the stretches of time that are told apart.
    pub every_ns: Option<i64>,
    /// The figures wanted, of [`FIGURES`]; what is not wanted costs nothing. Calls and errors are
    /// always there.
    pub figures: &'a [&'a str],
}

/// The groups, in no order: columns of `by`, [`TIME`] where asked, and the figures. Durations are
/// in microseconds, rates per second, shares between 0 and 1.
///
/// # Errors
/// Tables that cannot be read.
pub fn stats(dataset: &Dataset, question: &Question<'_>) -> PolarsResult<Option<DataFrame>> {
    let Some(calls) = calls(dataset, question)? else { return Ok(None) };
    let keys = keys(question);
    let span_ns = match question.every_ns {
        Some(every) => every,
        None => dataset.meta.last_ns().unwrap_or(0) - dataset.meta.first_ns().unwrap_or(0),
    };
    let seconds = lit((span_ns.max(1) as f64 / 1e9).max(1e-3));
    let wanted = |name: &str| question.figures.contains(&name);
    let groups = calls.clone().group_by(&keys).agg(sums(&wanted)).with_columns([
        (col("calls").cast(DataType::Float64) / seconds).alias("rate"),
        (col("errors").cast(DataType::Float64) / col("calls").cast(DataType::Float64))
            .alias("error_rate"),
    ]);
    let conns = match wanted("conns") || wanted("conns_at_once") {
        true => conns(dataset, calls, &keys)?,
        false => None,
    };
    let groups = match conns {
        Some(conns) => {
            let args = JoinArgs { nulls_equal: true, ..JoinArgs::new(JoinType::Left) };
            groups.join(conns, &keys, &keys, args)
        }
        None => groups,
    };
    let groups = groups.drop(by_name([ALL], true, false));
    let mut groups = groups.collect()?;
    let quantiles: Vec<_> = QUANTILES.into_iter().filter(|(name, _)| wanted(name)).collect();
    if !quantiles.is_empty() {
        groups = quantiles::columns(groups, "__took", &quantiles)?;
    }
    if wanted("in_flight") {
        groups = peaks::column(groups, "__start", "__end", "in_flight")?;
    }
    if wanted("conns") || wanted("conns_at_once") {
        groups = peaks::column(groups, "__conn_start", "__conn_end", "conns_at_once")?;
    }
    Ok(Some(groups))
}

/// The course of each group over the capture, by the values of its keys as text.
///
/// # Errors
/// Tables that cannot be read.
pub fn courses(
    dataset: &Dataset,
    question: &Question<'_>,
) -> PolarsResult<std::collections::HashMap<Vec<String>, Course>> {
    let mut courses = std::collections::HashMap::new();
    let Some(calls) = calls(dataset, question)? else { return Ok(courses) };
    let first = dataset.meta.first_ns().unwrap_or(0);
    let width = (dataset.meta.last_ns().unwrap_or(0) - first) / BARS as i64 + 1;
    let bar = ((col("ts_ns") - lit(first)) / lit(width)).cast(DataType::Int64).alias("__bar");
    let mut names = keys(question);
    names.push(col("__bar"));
    let bars = calls
        .with_column(bar)
        .group_by(names)
        .agg([
            len().cast(DataType::Int64).alias("calls"),
            col("failed").sum().cast(DataType::Int64).alias("failed"),
        ])
        .collect()?;
    let texts = key_texts(&bars, question)?;
    let int = |name: &str| bars.column(name)?.i64();
    let (bar, calls, failed) = (int("__bar")?, int("calls")?, int("failed")?);
    for (row, key) in texts.into_iter().enumerate() {
        let empty = || Course { calls: vec![0; BARS], failed: vec![0; BARS] };
        let course: &mut Course = courses.entry(key).or_insert_with(empty);
        let at = bar.get(row).and_then(|bar| usize::try_from(bar).ok()).unwrap_or(0).min(BARS - 1);
        course.calls[at] += calls.get(row).unwrap_or(0).unsigned_abs();
        course.failed[at] += failed.get(row).unwrap_or(0).unsigned_abs();
    }
    Ok(courses)
}

/// The values of the keys in each row, as text: what [`courses`] are found by.
///
/// # Errors
/// A column that is not there.
pub fn key_texts(rows: &DataFrame, question: &Question<'_>) -> PolarsResult<Vec<Vec<String>>> {
    let mut keys = vec![Vec::new(); rows.height()];
    for name in key_names(question) {
        let texts = rows.column(&name)?.cast(&DataType::String)?;
        for (key, text) in keys.iter_mut().zip(texts.str()?.iter()) {
            key.push(text.unwrap_or("").to_string());
        }
    }
    Ok(keys)
}

fn key_names(question: &Question<'_>) -> Vec<String> {
    let time = question.every_ns.map(|_| TIME.to_string());
    time.into_iter().chain(question.by.iter().map(|field| column(field))).collect()
}

fn keys(question: &Question<'_>) -> Vec<Expr> {
    let keys = key_names(question).into_iter().map(|name| col(name.as_str()));
    keys.chain([col(ALL)]).collect()
}

/// Calls that were made, and connections that failed instead of carrying one, with the columns of
/// `by`, the stretch of time, and what the figures are made of.
fn calls(dataset: &Dataset, question: &Question<'_>) -> PolarsResult<Option<LazyFrame>> {
    let selector = Selector::new(dataset)?;
    let us = |name: &str| col(name) * lit(1000i64);
    let end_ns = lit(dataset.meta.last_ns().unwrap_or(i64::MAX));
    let settled = when(col("settled_ns").gt(lit(0)))
        .then(col("settled_ns"))
        .when(col("unanswered").eq(lit("capture_end")))
        .then(end_ns)
        .otherwise(col("ts_ns") + us("elapsed_time"));
    let asked = col("is_half").not().or(col("unanswered").neq(lit("")));
    let took = when(col("has_response")).then(col("elapsed_time")).otherwise(lit(NULL));
    let of_call = [
        asked.alias("__counts"),
        col("conn_id").alias("__conn"),
        col("ts_ns"),
        settled.alias("__end"),
        took.cast(DataType::Int64).alias("took"),
        failed().alias("failed"),
        col("request_size"),
        col("response_size"),
    ];
    let none = || lit(NULL).cast(DataType::Int64);
    let zero = || lit(0i64).cast(DataType::Int64);
    let carried = col("conn_l7_detected").list().len().gt(lit(0u32));
    let of_conn = [
        failed().and(carried.not()).alias("__counts"),
        col("conn_id").alias("__conn"),
        col("ts_ns"),
        (col("ts_ns") + us("elapsed_time")).alias("__end"),
        none().alias("took"),
        lit(true).alias("failed"),
        zero().alias("request_size"),
        zero().alias("response_size"),
    ];
    let mut parts = Vec::new();
    for (family, columns) in [(Family::Calls, of_call), (Family::Conns, of_conn)] {
        parts.extend(selector.rows(question.checked, family, question.by, &columns)?);
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let rows = concat(parts, UnionArgs::default())?.filter(col("__counts"));
    let mut rows = rows.with_column(lit(0i64).alias(ALL));
    for field in question.by {
        // A list is shown as one text; other columns group as they are.
        if field.ty == FieldType::List {
            let name = column(field);
            rows = rows.with_column(col(name.as_str()).list().join(lit(", "), true).alias(&*name));
        }
    }
    if let Some(every) = question.every_ns {
        let first = dataset.meta.first_ns().unwrap_or(0).div_euclid(every) * every;
        let bucket = (col("ts_ns") - lit(first)) / lit(every) * lit(every) + lit(first);
        rows = rows.with_column(bucket.cast(DataType::Int64).alias(TIME));
    }
    Ok(Some(rows))
}

/// Whether an outcome is a failure, as error rates count it.
fn failed() -> Expr {
    let failures = Outcome::ALL.iter().filter(|outcome| outcome.is_failure());
    let tests = failures.map(|outcome| col("outcome").eq(lit(outcome.name())));
    tests.reduce(Expr::or).unwrap_or(lit(false))
}

/// The sums that the wanted figures are made of.
fn sums(wanted: &dyn Fn(&str) -> bool) -> Vec<Expr> {
    let mut sums = vec![
        len().cast(DataType::Int64).alias("calls"),
        col("failed").sum().cast(DataType::Int64).alias("errors"),
    ];
    let optional = [
        ("max_us", col("took").max()),
        ("request_bytes", col("request_size").sum()),
        ("response_bytes", col("response_size").sum()),
    ];
    let optional = optional.into_iter().filter(|(name, _)| wanted(name));
    sums.extend(optional.map(|(name, sum)| sum.alias(name)));
    if QUANTILES.iter().any(|(name, _)| wanted(name)) {
        sums.push(col("took").drop_nulls().alias("__took"));
    }
    if wanted("in_flight") {
        sums.extend([col("ts_ns").alias("__start"), col("__end")]);
    }
    sums
}

/// The connections that carried each group's calls: how many, when each was open.
fn conns(dataset: &Dataset, calls: LazyFrame, keys: &[Expr]) -> PolarsResult<Option<LazyFrame>> {
    let Some(conns) = dataset.scan(CONNS)? else { return Ok(None) };
    let end = col("ts_ns") + col("elapsed_time") * lit(1000i64);
    let conns = conns.select([
        col("id").alias("__conn"),
        col("ts_ns").alias("__conn_start"),
        end.alias("__conn_end"),
    ]);
    let mut pairs = keys.to_vec();
    pairs.push(col("__conn"));
    let joined = calls.group_by(pairs).agg([len().alias("__n")]).join(
        conns,
        [col("__conn")],
        [col("__conn")],
        JoinArgs::new(JoinType::Inner),
    );
    Ok(Some(joined.group_by(keys).agg([
        len().cast(DataType::Int64).alias("conns"),
        col("__conn_start"),
        col("__conn_end"),
    ])))
}
