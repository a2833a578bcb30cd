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

/// The rows of all families that match, in order; columns are those of `fields`.
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
    let mut wanted: Vec<FieldRef> = fields.to_vec();
    if !wanted.iter().any(|field| field.name == order.by.name) {
        wanted.push(order.by.clone());
    }
    let keys = [col("id").alias("__id")];
    let mut parts = Vec::new();
    for &family in families {
        if let Some(rows) = selector.rows(checked, family, &wanted, &keys)? {
            parts.push(rows.with_column(col(column(&order.by)).alias("__sort")));
        }
    }
    if parts.is_empty() {
        return Ok(DataFrame::empty());
    }
    let sort = SortMultipleOptions::default()
        .with_order_descending_multi([order.descending, false])
        .with_nulls_last(true);
    let rows = concat(parts, UnionArgs::default())?.sort(["__sort", "__id"], sort);
    rows.limit(u32::try_from(order.limit).unwrap_or(u32::MAX)).collect()
}
