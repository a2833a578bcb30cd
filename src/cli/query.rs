//! `pcapsule query KFL INPUT...`: the entries that match a filter.

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use polars::prelude::*;

use crate::catalogue::{Family, FieldRef, catalogue};
use crate::field::FieldType;
use crate::frame::{Dataset, FAMILIES, Selector, column};
use crate::kfl::{self, Checked};
use crate::report::text;

use super::args::Global;
use super::{Exit, load, output, time};

/// Columns shown when none are named.
const COLUMNS: &[&str] = &[
    "timestamp",
    "src.display",
    "dst.display",
    "protocol",
    "operation",
    "status_code",
    "error",
    "outcome",
    "elapsed_time",
    "id",
];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Filter, such as 'http && status_code >= 500'; 'true' matches all (see `pcapsule fields`)
    kfl: String,
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// How entries are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Only the number of entries that match
    #[arg(long)]
    count: bool,
    /// Entries shown at most; 0 for all
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Field to sort by; a minus in front turns the order round
    #[arg(long, value_name = "FIELD", default_value = "timestamp", allow_hyphen_values = true)]
    sort: String,
    /// Fields to show
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let checked = kfl::check(catalogue(), &args.kfl)?;
    let names: Vec<&str> = match args.columns.is_empty() {
        true => COLUMNS.to_vec(),
        false => args.columns.iter().map(String::as_str).collect(),
    };
    let columns = names.iter().map(|name| field(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let (descending, sort) = match args.sort.strip_prefix('-') {
        Some(name) => (true, field(name)?),
        None => (false, field(&args.sort)?),
    };
    if !global.quiet {
        for note in checked.notes() {
            eprintln!("note: {note}");
        }
    }
    let loaded = load::load(global, &args.inputs)?;
    let dataset = &loaded.dataset;
    let checked = checked.at(dataset.meta.last_ns().unwrap_or(0));
    let (total, faults) = count(dataset, &checked)?;
    if args.count {
        output::print(&total.to_string())?;
        return Ok(Exit::Ok);
    }
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let rows = select(dataset, &checked, &columns, &sort, descending, limit)?;
    let shown = rows.height();
    match args.format {
        Format::Json => output::print(&json(&rows, &columns, total, faults)?)?,
        Format::Jsonl => output::print_nonempty(&jsonl(&rows, &columns)?)?,
        Format::Csv => output::print_nonempty(&csv(&rows, &columns)?)?,
        Format::Table => output::print(&table(&rows, &columns, &time::zone(global)?)?)?,
    }
    if !global.quiet && args.format != Format::Json {
        note(dataset, total, shown as u64, faults);
    }
    Ok(Exit::Ok)
}

/// Says on stderr what the rows do not say.
fn note(dataset: &Dataset, total: u64, shown: u64, faults: u64) {
    if dataset.meta.packets == 0 {
        eprintln!("note: no packets in these files within the window");
    } else if total == 0 {
        eprintln!("note: nothing matches");
    } else if shown < total {
        eprintln!("note: {shown} of {total} entries shown; --limit 0 shows all");
    }
    if faults > 0 {
        eprintln!(
            "note: {faults} entries could not be judged (a missing map key, a division by zero): they do not match"
        );
    }
}

fn field(name: &str) -> anyhow::Result<FieldRef> {
    catalogue().get(name).cloned().with_context(|| {
        let near = catalogue().nearest(name);
        match near.is_empty() {
            true => format!("{name}: no such field; `pcapsule fields` lists them"),
            false => format!("{name}: no such field; did you mean {}?", near.join(", ")),
        }
    })
}

/// Entries that match, and entries that are faults.
fn count(dataset: &Dataset, checked: &Checked) -> anyhow::Result<(u64, u64)> {
    let selector = Selector::new(dataset)?;
    let mut sum = (0, 0);
    for family in FAMILIES {
        let found = selector.count(checked, family)?;
        sum = (sum.0 + found.0, sum.1 + found.1);
    }
    Ok(sum)
}

/// The rows to show, sorted, of all families.
fn select(
    dataset: &Dataset,
    checked: &Checked,
    columns: &[FieldRef],
    sort: &FieldRef,
    descending: bool,
    limit: usize,
) -> anyhow::Result<DataFrame> {
    let selector = Selector::new(dataset)?;
    let mut parts = Vec::new();
    for family in FAMILIES {
        parts.extend(family_rows(&selector, checked, family, columns, sort)?);
    }
    if parts.is_empty() {
        return Ok(DataFrame::empty());
    }
    let order = SortMultipleOptions::default().with_order_descending_multi([descending, false]);
    let rows =
        concat(parts, UnionArgs::default())?.sort(["__sort", "__id"], order.with_nulls_last(true));
    let rows = rows.limit(u32::try_from(limit).unwrap_or(u32::MAX));
    Ok(rows.collect()?)
}

fn family_rows(
    selector: &Selector<'_>,
    checked: &Checked,
    family: Family,
    columns: &[FieldRef],
    sort: &FieldRef,
) -> anyhow::Result<Option<LazyFrame>> {
    let mut fields: Vec<FieldRef> = columns.to_vec();
    if !fields.iter().any(|f| f.name == sort.name) {
        fields.push(sort.clone());
    }
    let rows = selector.rows(checked, family, &fields, &[col("id").alias("__id")])?;
    Ok(rows.map(|rows| rows.with_column(col(column(sort)).alias("__sort"))))
}

/// One cell as text; `zone` turns times into wall clocks for people.
fn cell(value: &AnyValue<'_>, field: &FieldRef, zone: Option<&jiff::tz::TimeZone>) -> String {
    match (value, field.ty) {
        (AnyValue::Null, _) => String::new(),
        (AnyValue::Int64(ns), FieldType::Time) => match zone {
            Some(zone) => time::clock(*ns, zone),
            None => kfl::format_time(*ns),
        },
        (AnyValue::String(text), _) => (*text).to_string(),
        (AnyValue::List(items), FieldType::List) => {
            let items = items.iter().map(|v| v.str_value().to_string());
            items.collect::<Vec<_>>().join(", ")
        }
        (value, FieldType::Map) => json_value(value, field).to_string(),
        (value, _) => value.str_value().to_string(),
    }
}

fn table(
    rows: &DataFrame,
    columns: &[FieldRef],
    zone: &jiff::tz::TimeZone,
) -> anyhow::Result<String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|f| f.name));
    for row in 0..rows.height() {
        let mut cells = Vec::new();
        for field in columns {
            let value = rows.column(&column(field))?.get(row)?;
            let shown = match (field.name, &value) {
                ("elapsed_time", AnyValue::Int64(us)) => format!("{:.1} ms", *us as f64 / 1000.0),
                _ => cell(&value, field, Some(zone)),
            };
            cells.push(text::terminal(&shown));
        }
        table.add_row(cells);
    }
    Ok(table.to_string())
}

fn json_value(value: &AnyValue<'_>, field: &FieldRef) -> serde_json::Value {
    use serde_json::Value;
    match (value, field.ty) {
        (AnyValue::Null, _) => Value::Null,
        (AnyValue::Int64(ns), FieldType::Time) => kfl::format_time(*ns).into(),
        (AnyValue::Int64(int), _) => (*int).into(),
        (AnyValue::Int32(int), _) => (*int).into(),
        (AnyValue::Boolean(bool), _) => (*bool).into(),
        (AnyValue::List(items), FieldType::List) => {
            items.iter().map(|v| Value::from(v.str_value().to_string())).collect()
        }
        (AnyValue::List(items), FieldType::Map) => {
            let Ok(pairs) = items.struct_() else { return Value::Null };
            let (Ok(keys), Ok(values)) = (pairs.field_by_name("key"), pairs.field_by_name("value"))
            else {
                return Value::Null;
            };
            let pairs = keys.iter().zip(values.iter());
            let pairs = pairs
                .map(|(k, v)| (k.str_value().to_string(), Value::from(v.str_value().to_string())));
            Value::Object(pairs.collect())
        }
        (value, _) => value.str_value().to_string().into(),
    }
}

fn object(rows: &DataFrame, columns: &[FieldRef], row: usize) -> anyhow::Result<serde_json::Value> {
    let mut object = serde_json::Map::new();
    for field in columns {
        let value = rows.column(&column(field))?.get(row)?;
        object.insert(field.name.to_string(), json_value(&value, field));
    }
    Ok(object.into())
}

fn json(rows: &DataFrame, columns: &[FieldRef], total: u64, faults: u64) -> anyhow::Result<String> {
    let entries = (0..rows.height()).map(|row| object(rows, columns, row));
    let entries = entries.collect::<anyhow::Result<Vec<_>>>()?;
    let result = serde_json::json!({
        "schema": "pcapsule/query/v1",
        "matches": total,
        "not_judged": faults,
        "entries": entries,
    });
    Ok(text::json(&serde_json::to_string_pretty(&result)?).into_owned())
}

fn jsonl(rows: &DataFrame, columns: &[FieldRef]) -> anyhow::Result<String> {
    let mut out = String::new();
    for row in 0..rows.height() {
        let line = serde_json::to_string(&object(rows, columns, row)?)?;
        out.push_str(&text::json(&line));
        out.push('\n');
    }
    Ok(out)
}

/// CSV (RFC 4180); a cell that a spreadsheet would run as a formula gets an apostrophe in front.
fn csv(rows: &DataFrame, columns: &[FieldRef]) -> anyhow::Result<String> {
    let quote = |cell: &str| {
        let formula =
            cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
        let cell = if formula { format!("'{cell}") } else { cell.to_string() };
        match cell.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        }
    };
    let mut out = columns.iter().map(|f| f.name).collect::<Vec<_>>().join(",");
    out.push('\n');
    for row in 0..rows.height() {
        let mut cells = Vec::new();
        for field in columns {
            cells.push(quote(&cell(&rows.column(&column(field))?.get(row)?, field, None)));
        }
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    Ok(out)
}
