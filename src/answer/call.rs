//! One entry whole: every field it has, how each vantage saw it, its connection, the other calls
//! of its trace, the packets that prove it, and where to read its bytes again.

use std::path::PathBuf;

use polars::prelude::*;

use crate::catalogue::{Family, FieldRef, catalogue};
use crate::field::Origin;
use crate::frame::{CALLS, CONNS, Dataset, OBSERVATIONS, column};
use crate::kfl::{self, Checked};

use super::entries::{self, Order};
use super::payload::Place;

/// A lookup is over after so long: resolvers wait five seconds and try twice (resolv.conf(5)), per
/// name that they make of it.
const LOOKUP_NS: i64 = 30_000_000_000;

/// Other calls of the trace that are listed.
const CHAIN_MAX: usize = 200;

/// A field with the value of one row.
pub type Filled = (FieldRef, AnyValue<'static>);

/// One vantage's view.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Seen {
    pub node: String,
    pub vantage: String,
    /// Begin, nanoseconds since 1970, by that node's own clock.
    pub ts_ns: i64,
    pub elapsed_us: i64,
    pub file: String,
    pub frame: i64,
}

/// Everything about one entry.
#[derive(Debug)]
pub struct Whole {
    pub family: Family,
    pub fields: Vec<Filled>,
    /// The connection that carried it; empty for connections and flows themselves.
    pub conn: Vec<Filled>,
    pub seen: Vec<Seen>,
    /// Calls of the same trace or request id, by time, this one among them.
    pub chain: DataFrame,
    /// What ties the chain together, as KFL.
    pub chain_filter: Option<String>,
    /// Where its bytes are, for a call.
    pub place: Option<Place>,
}

impl Whole {
    /// A field's value as text.
    pub fn text(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(field, _)| field.name == name);
        found.map_or(String::new(), |(_, value)| value.str_value().to_string())
    }

    pub fn int(&self, name: &str) -> i64 {
        let found = self.fields.iter().find(|(field, _)| field.name == name);
        found.and_then(|(_, value)| value.extract::<i64>()).unwrap_or(0)
    }
}

/// Finds an entry by its id; `None` where there is none.
///
/// # Errors
/// Tables that cannot be read.
pub fn find(dataset: &Dataset, id: i64) -> PolarsResult<Option<Whole>> {
    let Some(checked) = filter(&format!("id == {id}")) else { return Ok(None) };
    for family in Family::ALL {
        let fields = row(dataset, &checked, family)?;
        if fields.is_empty() {
            continue;
        }
        let mut whole = Whole {
            family,
            fields,
            conn: Vec::new(),
            seen: Vec::new(),
            chain: DataFrame::empty(),
            chain_filter: None,
            place: None,
        };
        if family == Family::Calls {
            let conn = filter(&format!("conn_id == {}", whole.int("conn_id")));
            whole.conn = conn.map_or(Ok(Vec::new()), |conn| row(dataset, &conn, Family::Conns))?;
            whole.seen = seen(dataset, id)?;
            whole.place = place(dataset, &whole, id)?;
            (whole.chain_filter, whole.chain) = chain(dataset, &whole)?;
        } else if family == Family::Conns {
            whole.seen = packet(dataset, CONNS, id)?.into_iter().collect();
        }
        return Ok(Some(whole));
    }
    Ok(None)
}

fn filter(text: &str) -> Option<Checked> {
    kfl::check(catalogue(), text).ok()
}

/// All stored fields of the first row that matches.
fn row(dataset: &Dataset, checked: &Checked, family: Family) -> PolarsResult<Vec<Filled>> {
    let fields: Vec<FieldRef> =
        catalogue().iter().filter(|field| field.stored_for(family)).cloned().collect();
    let Some(by) = catalogue().get("timestamp").cloned() else { return Ok(Vec::new()) };
    let order = Order { by, descending: false, limit: 1 };
    let rows = entries::rows(dataset, checked, &[family], &fields, &order)?;
    if rows.height() == 0 {
        return Ok(Vec::new());
    }
    let filled = |field: FieldRef| -> PolarsResult<Filled> {
        let value = rows.column(&column(&field))?.get(0)?.into_static();
        Ok((field, value))
    };
    fields.into_iter().map(filled).collect()
}

/// The columns of one row that are no fields.
fn keys(dataset: &Dataset, table: &str, id: i64, names: &[&str]) -> PolarsResult<Option<Vec<i64>>> {
    let Some(scan) = dataset.scan(table)? else { return Ok(None) };
    let columns: Vec<Expr> = names.iter().map(|name| col(*name)).collect();
    let rows = scan.filter(col("id").eq(lit(id))).select(columns).collect()?;
    if rows.height() == 0 {
        return Ok(None);
    }
    let int = |name: &&str| Ok(rows.column(name)?.i64()?.get(0).unwrap_or(0));
    names.iter().map(int).collect::<PolarsResult<Vec<i64>>>().map(Some)
}

/// Each vantage's view of a call.
fn seen(dataset: &Dataset, id: i64) -> PolarsResult<Vec<Seen>> {
    let Some(scan) = dataset.scan(OBSERVATIONS)? else {
        return Ok(packet(dataset, CALLS, id)?.into_iter().collect());
    };
    let names = ["vantage_id", "ts_ns", "elapsed_time", "packet_segment", "packet_frame"];
    let rows = scan
        .filter(col("id").eq(lit(id)))
        .select(names.map(col))
        .sort(["vantage_id"], SortMultipleOptions::default())
        .collect()?;
    let mut all = Vec::new();
    for row in 0..rows.height() {
        let int = |name: &str| -> PolarsResult<i64> {
            Ok(rows.column(name)?.i64()?.get(row).unwrap_or(0))
        };
        let values =
            [int(names[0])?, int(names[1])?, int(names[2])?, int(names[3])?, int(names[4])?];
        all.extend(view(dataset, values));
    }
    match all.is_empty() {
        true => Ok(packet(dataset, CALLS, id)?.into_iter().collect()),
        false => Ok(all),
    }
}

/// The view of the vantage that a row was taken from.
fn packet(dataset: &Dataset, table: &str, id: i64) -> PolarsResult<Option<Seen>> {
    let names = ["vantage_id", "ts_ns", "elapsed_time", "packet_segment", "packet_frame"];
    let Some(values) = keys(dataset, table, id, &names)? else { return Ok(None) };
    Ok(<[i64; 5]>::try_from(values).ok().and_then(|values| view(dataset, values)))
}

fn view(dataset: &Dataset, values: [i64; 5]) -> Option<Seen> {
    let [vantage, ts_ns, elapsed_us, segment, frame] = values;
    let meta = &dataset.meta;
    let coverage = meta.coverage.get(usize::try_from(vantage).ok()?)?;
    let file = meta.inputs.get(usize::try_from(segment).ok()?)?;
    Some(Seen {
        node: coverage.node.clone(),
        vantage: coverage.vantage.clone(),
        ts_ns,
        elapsed_us,
        file: file.path.clone(),
        frame,
    })
}

/// Where the bytes of a call are.
fn place(dataset: &Dataset, whole: &Whole, id: i64) -> PolarsResult<Option<Place>> {
    const SLACK_NS: i64 = 1_000_000;
    let names = [
        "vantage_id",
        "packet_segment",
        "packet_frame",
        "response_segment",
        "response_frame",
        "settled_ns",
        "ts_ns",
    ];
    let Some(values) = keys(dataset, CALLS, id, &names)? else { return Ok(None) };
    let [vantage, segment, frame, response_segment, response_frame, settled, ts_ns] = values[..]
    else {
        return Ok(None);
    };
    let Some(coverage) = dataset.meta.coverage.get(vantage.max(0) as usize) else {
        return Ok(None);
    };
    let files = dataset.meta.inputs.iter().enumerate().skip(segment.max(0) as usize);
    let files = files
        .filter(|(_, file)| (&file.node, &file.vantage) == (&coverage.node, &coverage.vantage));
    let port = |name: &str| u16::try_from(whole.int(name)).unwrap_or(0);
    let end = |ip: &str, name: &str| Some((whole.text(ip).parse().ok()?, port(name)));
    let (Some(caller), Some(callee)) = (end("src.ip", "src.port"), end("dst.ip", "dst.port"))
    else {
        return Ok(None);
    };
    let last_ns = if settled > 0 { settled } else { ts_ns.saturating_add(1_000_000_000) };
    let transport = whole.conn.iter().find(|(field, _)| field.name == "protocol");
    Ok(Some(Place {
        files: files.map(|(n, file)| (n as u32, PathBuf::from(&file.path))).collect(),
        request_frame: frame.max(0) as u32,
        response: (response_frame > 0)
            .then_some((response_segment.max(0) as u32, response_frame as u32)),
        is_tcp: transport.is_none_or(|(_, value)| value.str_value() == "TCP"),
        caller,
        callee,
        until_ns: last_ns
            .saturating_add(coverage.clock_ahead_ns.unwrap_or(0))
            .saturating_add(SLACK_NS),
    }))
}

/// What ties a call to others, as KFL: an id that they share; of DNS what was looked up, which a
/// resolver asks for in several names, both address types, again when nobody answers, and once
/// more over TCP.
fn tie(whole: &Whole) -> Option<String> {
    let equals = |name: &str| {
        let value = whole.text(name);
        (!value.is_empty()).then(|| format!("{name} == {}", kfl::literal(&value)))
    };
    let id = ["trace_id", "request_id", "correlation_id"].into_iter().find_map(equals);
    id.or_else(|| {
        let around = |ns: i64| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok();
        let at = whole.int("timestamp");
        let (from, to) = (around(at - LOOKUP_NS)?, around(at + LOOKUP_NS)?);
        let (lookup, source) = (equals("dns_lookup")?, equals("src.ip")?);
        let time =
            format!("timestamp >= timestamp(\"{from}\") && timestamp <= timestamp(\"{to}\")");
        Some(format!("dns && {source} && {lookup} && {time}"))
    })
}

/// The calls that belong together.
fn chain(dataset: &Dataset, whole: &Whole) -> PolarsResult<(Option<String>, DataFrame)> {
    let Some(text) = tie(whole) else { return Ok((None, DataFrame::empty())) };
    let Some(checked) = filter(&text) else { return Ok((None, DataFrame::empty())) };
    let names = [
        "timestamp",
        "src.display",
        "dst.display",
        "operation",
        "status_code",
        "error",
        "outcome",
        "elapsed_time",
        "id",
    ];
    let fields: Vec<FieldRef> =
        names.iter().filter_map(|name| catalogue().get(name)).cloned().collect();
    let Some(by) = fields.first().cloned() else { return Ok((None, DataFrame::empty())) };
    let order = Order { by, descending: false, limit: CHAIN_MAX };
    let rows = entries::rows(dataset, &checked, &[Family::Calls], &fields, &order)?;
    Ok((Some(text), rows))
}

/// Whether a value says more than that there is none.
pub fn says_something(field: &FieldRef, value: &AnyValue<'_>) -> bool {
    if matches!(field.origin, Origin::Flag | Origin::Declared) {
        return false;
    }
    match value {
        AnyValue::Null => false,
        AnyValue::Boolean(b) => *b,
        AnyValue::String(text) => !text.is_empty(),
        AnyValue::StringOwned(text) => !text.is_empty(),
        AnyValue::List(items) => !items.is_empty(),
        value => value.extract::<i64>() != Some(field.absent),
    }
}
