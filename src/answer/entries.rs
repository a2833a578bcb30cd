//! A filter -> the entries that match: counted by family, sorted across families, and, where none
//! match, which part of the filter is to blame.

use polars::prelude::*;

use crate::catalogue::{Catalogue, Family, FieldRef};
use crate::frame::{Dataset, Selector, column};
use crate::kfl::{self, Checked};

/// How many entries of a family match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    pub family: Family,
    pub matches: u64,
    /// Entries that could not be judged; they do not match.
    pub faults: u64,
}

/// The order and the number of the rows asked for.
#[derive(Debug, Clone)]
pub struct Order {
    pub by: FieldRef,
    pub descending: bool,
    pub limit: usize,
}

/// Counts what matches in each of `families`.
///
/// # Errors
/// Tables that cannot be read.
pub fn count(dataset: &Dataset, checked: &Checked, families: &[Family]) -> PolarsResult<Vec<Hits>> {
    let selector = Selector::new(dataset)?;
    let count = |&family: &Family| {
        let (matches, faults) = selector.count(checked, family)?;
        Ok(Hits { family, matches, faults })
    };
    families.iter().map(count).collect()
}

/// The parts of a filter that `&&` joins, each with what it matches alone: a filter that finds
/// nothing often has one part that never holds.
///
/// # Errors
/// Tables that cannot be read.
pub fn clauses(
    dataset: &Dataset,
    catalogue: &Catalogue,
    text: &str,
    families: &[Family],
) -> PolarsResult<Vec<(String, u64)>> {
    let Ok(ast) = kfl::parse(text) else { return Ok(Vec::new()) };
    let now_ns = dataset.meta.last_ns().unwrap_or(0);
    let mut found = Vec::new();
    for clause in ast.clauses() {
        let Ok(checked) = kfl::check(catalogue, &clause) else { continue };
        let hits = count(dataset, &checked.at(now_ns), families)?;
        found.push((clause, hits.iter().map(|h| h.matches).sum()));
    }
    Ok(found)
}

/// The rows of all families that match, in order; columns are those of `fields`. Where only some
/// are asked for, they are found by the column of the order alone, and the rest is read for them.
///
/// # Errors
/// Tables that cannot be read.
pub fn rows(
    dataset: &Dataset,
    checked: &Checked,
    families: &[Family],
    fields: &[FieldRef],
    order: &Order,
) -> PolarsResult<DataFrame> {
    let selector = Selector::new(dataset)?;
    let limit = u32::try_from(order.limit).unwrap_or(u32::MAX);
    let few = order.limit <= FEW;
    let mut kept: Option<Vec<i64>> = None;
    if few {
        let by = std::slice::from_ref(&order.by);
        let Some(first) = union(&selector, checked, families, by, order, None)? else {
            return Ok(DataFrame::empty());
        };
        let first = first.select([col("__sort"), col("__id")]).sort(KEYS, sort(order)).limit(limit);
        kept = Some(first.collect()?.column("__id")?.i64()?.iter().flatten().collect());
    }
    let mut wanted: Vec<FieldRef> = fields.to_vec();
    if !wanted.iter().any(|field| field.name == order.by.name) {
        wanted.push(order.by.clone());
    }
    match union(&selector, checked, families, &wanted, order, kept.as_deref())? {
        Some(rows) => rows.sort(KEYS, sort(order)).limit(limit).collect(),
        None => Ok(DataFrame::empty()),
    }
}

/// Rows up to this many are found first and read then.
const FEW: usize = 10_000;

/// What rows are sorted by: the field, then the id.
const KEYS: [&str; 2] = ["__sort", "__id"];

fn sort(order: &Order) -> SortMultipleOptions {
    SortMultipleOptions::default()
        .with_order_descending_multi([order.descending, false])
        .with_nulls_last(true)
}

/// The rows of all families that match, of these ids where they are given.
fn union(
    selector: &Selector<'_>,
    checked: &Checked,
    families: &[Family],
    fields: &[FieldRef],
    order: &Order,
    ids: Option<&[i64]>,
) -> PolarsResult<Option<LazyFrame>> {
    let mut parts = Vec::new();
    for &family in families {
        let rows = match ids {
            Some(ids) => selector.rows_of(ids, family, fields, &[col("id").alias("__id")])?,
            None => selector.rows(checked, family, fields, &[col("id").alias("__id")])?,
        };
        parts.extend(rows.map(|rows| rows.with_column(col(column(&order.by)).alias("__sort"))));
    }
    if parts.is_empty() {
        return Ok(None);
    }
    concat(parts, UnionArgs::default()).map(Some)
}
