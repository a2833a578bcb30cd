//! Filters on a dataset: which tables a filter needs, joined and scanned lazily, and the columns
//! that are asked for. What a filter means is `kfl/`; how it becomes an expression is `lower/`.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use crate::catalogue::{Family, Field, FieldRef};
use crate::field::{End, FieldType, Origin, Row};
use crate::kfl::{self, Checked, Entry, Kind, Value, Verdict};
use crate::workload::fields::WorkloadRow;

use super::dataset::Dataset;
use super::lower::{Lowered, column, lower};
use super::workloads;

/// The families that hold rows.
pub const FAMILIES: [Family; 3] = Family::ALL;

/// A workload as filters ask for its attributes.
struct WorkloadEntry<'w>(&'w WorkloadRow);

impl Entry for WorkloadEntry<'_> {
    fn family(&self) -> Family {
        Family::Calls
    }

    fn protocol(&self) -> &str {
        ""
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        let Origin::Workload(_, attribute) = field.origin else { return None };
        let row = self.0;
        if attribute == "labels" {
            let pairs = row.labels.iter().map(|(k, v)| (Value::from(k), Value::from(v)));
            return Some(Value::Map(pairs.collect()));
        }
        let mut found = Attribute { name: attribute, fields: row.fields(), value: None };
        row.visit(&mut found);
        found.value.map(|text| Value::Text(text.into()))
    }
}

/// Picks one text attribute out of a workload row.
struct Attribute {
    name: &'static str,
    fields: &'static [crate::field::FieldDef],
    value: Option<String>,
}

impl crate::field::ColumnSink for Attribute {
    fn text(&mut self, column: usize, value: &str) {
        if self.fields.get(column).is_some_and(|field| field.name == self.name) {
            self.value = Some(value.to_string());
        }
    }
    fn int(&mut self, _: usize, _: i64) {}
    fn bool(&mut self, _: usize, _: bool) {}
    fn list(&mut self, _: usize, _: &[crate::field::Text]) {}
    fn map(&mut self, _: usize, _: &crate::field::Pairs) {}
}

/// Filters and columns over one dataset.
pub struct Selector<'d> {
    dataset: &'d Dataset,
    workloads: DataFrame,
    rows: Vec<WorkloadRow>,
}

impl<'d> Selector<'d> {
    /// Reads the workloads once.
    ///
    /// # Errors
    /// A dataset whose workloads table cannot be read.
    pub fn new(dataset: &'d Dataset) -> PolarsResult<Self> {
        let workloads = dataset.workloads()?;
        let rows = workloads::rows(&workloads)?;
        Ok(Selector { dataset, workloads, rows })
    }

    /// Entries of one family that match, and entries that could not be judged.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn count(&self, checked: &Checked, family: Family) -> PolarsResult<(u64, u64)> {
        let (scan, expr) = match self.joined(checked, family, &[])? {
            Some((scan, Some(expr))) => (scan, expr),
            Some((scan, None)) => {
                let rows = scan.select([len().cast(DataType::Int64).alias("n")]).collect()?;
                return Ok((rows.column("n")?.i64()?.get(0).unwrap_or(0).unsigned_abs(), 0));
            }
            None => return Ok((0, 0)),
        };
        let sum = |expr: Expr| expr.sum().cast(DataType::Int64);
        let counts = scan
            .select([expr.clone().alias("m")])
            .select([sum(col("m")).alias("matches"), sum(col("m").is_null()).alias("faults")])
            .collect()?;
        let get = |name: &str| -> PolarsResult<u64> {
            Ok(counts.column(name)?.i64()?.get(0).unwrap_or(0).unsigned_abs())
        };
        Ok((get("matches")?, get("faults")?))
    }

    /// Rows of one family that match, with the columns of `fields` (by
    /// [`column`](super::lower::column)) and of `extra`; `None` when none can match.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn rows(
        &self,
        checked: &Checked,
        family: Family,
        fields: &[FieldRef],
        extra: &[Expr],
    ) -> PolarsResult<Option<LazyFrame>> {
        let Some((scan, expr)) = self.joined(checked, family, fields)? else { return Ok(None) };
        let scan = match expr {
            Some(expr) => scan.filter(expr),
            None => scan,
        };
        let columns = fields.iter().map(|field| output(field, family)).chain(extra.iter().cloned());
        Ok(Some(scan.select(columns.collect::<Vec<_>>())))
    }

    /// Rows of one family with these ids, with the columns as in [`rows`](Self::rows).
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn rows_of(
        &self,
        ids: &[i64],
        family: Family,
        fields: &[FieldRef],
        extra: &[Expr],
    ) -> PolarsResult<Option<LazyFrame>> {
        let Some(scan) = self.dataset.scan(family.table())? else { return Ok(None) };
        let kept = one_of(ids);
        let stored = || fields.iter().filter(|field| field.stored_for(family));
        // The few rows are there before anything is joined to them.
        let scan = scan.filter(kept.clone()).collect()?.lazy();
        let kept = |_: &str| Some((kept.clone(), JoinType::Left));
        let scan = self.with_sides(scan, family, stored(), &kept)?;
        let scan = self.with_workloads(scan, stored());
        let columns = fields.iter().map(|field| output(field, family)).chain(extra.iter().cloned());
        Ok(Some(scan.select(columns.collect::<Vec<_>>())))
    }

    /// The family's table with all that the filter and `fields` need joined in, and the filter;
    /// `None` when no row can match.
    fn joined(
        &self,
        checked: &Checked,
        family: Family,
        fields: &[FieldRef],
    ) -> PolarsResult<Option<(LazyFrame, Option<Expr>)>> {
        let entries: Vec<WorkloadEntry> = self.rows.iter().map(WorkloadEntry).collect();
        let ids: Vec<(i64, &dyn Entry)> =
            self.rows.iter().zip(&entries).map(|(row, e)| (row.id, e as &dyn Entry)).collect();
        let predicate = match lower(checked, family, &ids) {
            Lowered::Never => return Ok(None),
            Lowered::Always => None,
            Lowered::Where(predicate) => Some(predicate),
        };
        let Some(scan) = self.dataset.scan(family.table())? else { return Ok(None) };
        let mut needed: BTreeMap<&str, &FieldRef> = BTreeMap::new();
        let stored = fields.iter().filter(|f| f.stored_for(family));
        needed.extend(stored.map(|field| (field.name, field)));
        if let Some(predicate) = &predicate {
            needed.extend(predicate.fields.iter().map(|field| (field.name, field)));
        }
        let early = early(checked, family);
        let scan = self.with_sides(scan, family, needed.values().copied(), &|table| {
            early.get(table).map(|expr| (expr.clone(), JoinType::Inner))
        })?;
        let scan = self.with_workloads(scan, needed.values().copied());
        Ok(Some((scan, predicate.map(|p| p.expr))))
    }

    /// Joins the protocol tables that hold some of the fields. `kept` says of a table which of its
    /// rows are enough, and whether calls without one of them are wanted.
    fn with_sides<'f>(
        &self,
        mut scan: LazyFrame,
        family: Family,
        needed: impl Iterator<Item = &'f FieldRef>,
        kept: &dyn Fn(&str) -> Option<(Expr, JoinType)>,
    ) -> PolarsResult<LazyFrame> {
        if family != Family::Calls {
            return Ok(scan);
        }
        let mut columns: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for field in needed {
            if let Some(table) = field.side_table() {
                columns.entry(table).or_default().insert(column(field));
            }
        }
        for (table, columns) in columns {
            let names = columns.iter().map(|name| col(name.as_str()));
            let (side, how) = match (self.dataset.scan(table)?, kept(table)) {
                (Some(side), Some((kept, how))) => (side.filter(kept), how),
                (Some(side), None) => (side, JoinType::Left),
                (None, _) => (self.empty(table, &columns)?, JoinType::Left),
            };
            let side = side.select(names.chain([col("id")]).collect::<Vec<_>>());
            scan = scan.join(side, [col("id")], [col("id")], JoinArgs::new(how));
        }
        Ok(scan)
    }

    /// A protocol table without rows: no call of that protocol was seen.
    fn empty(&self, table: &str, columns: &BTreeSet<String>) -> PolarsResult<LazyFrame> {
        let table = super::table::tables().iter().find(|t| t.name == table);
        let mut frame = Vec::new();
        for def in table.map_or(&[][..], |t| &t.columns) {
            if columns.contains(&def.name) {
                frame.push(Column::new_empty(def.name.as_str().into(), &dtype(def.ty)));
            }
        }
        frame.push(Column::new_empty("id".into(), &DataType::Int64));
        Ok(DataFrame::new(0, frame)?.lazy())
    }

    /// Joins the attributes of the workloads at either end.
    fn with_workloads<'f>(
        &self,
        mut scan: LazyFrame,
        needed: impl Iterator<Item = &'f FieldRef>,
    ) -> LazyFrame {
        let mut columns: BTreeMap<&str, Vec<Expr>> = BTreeMap::new();
        for field in needed {
            if let Origin::Workload(end, attribute) = field.origin {
                let key = match end {
                    End::Src => "src_id",
                    End::Dst => "dst_id",
                };
                columns.entry(key).or_default().push(col(attribute).alias(column(field)));
            }
        }
        for (key, mut attributes) in columns {
            attributes.push(col("id").alias(key));
            let names = self.workloads.clone().lazy().select(attributes);
            scan = scan.join(names, [col(key)], [col(key)], JoinArgs::new(JoinType::Left));
        }
        scan
    }
}

/// Of each protocol table the tests that a row must pass before it is joined to its call: parts of
/// the filter that ask for fields of that table alone, and that no call without a row passes.
fn early(checked: &Checked, family: Family) -> BTreeMap<&'static str, Expr> {
    let mut early: BTreeMap<&'static str, Expr> = BTreeMap::new();
    if family != Family::Calls {
        return early;
    }
    let filter = checked.of_family(family);
    let parts = match filter.kind {
        Kind::All(parts) => parts,
        kind => vec![kfl::Expr { ty: filter.ty, kind }],
    };
    for part in parts {
        let fields = Checked::from(part.clone()).fields();
        let tables: BTreeSet<_> = fields.iter().map(|field| field.side_table()).collect();
        let [Some(table)] = tables.into_iter().collect::<Vec<_>>()[..] else { continue };
        // A fault of a row would go unseen with the row.
        let lonely = !part.can_fail() && Checked::judge(&part, &Absent) == Verdict::NoMatch;
        if let (true, Lowered::Where(test)) = (lonely, lower(&part.into(), family, &[])) {
            let joined = early.remove(table).map(|before| before.and(test.expr.clone()));
            early.insert(table, joined.unwrap_or(test.expr));
        }
    }
    early
}

/// A call without a row in any protocol table.
struct Absent;

impl Entry for Absent {
    fn family(&self) -> Family {
        Family::Calls
    }

    fn protocol(&self) -> &str {
        ""
    }

    fn get(&self, _: &Field) -> Option<Value<'_>> {
        None
    }
}

/// Whether a row's id is one of these.
fn one_of(ids: &[i64]) -> Expr {
    let ids = Series::new("ids".into(), ids);
    let list = ids.implode().map_or_else(|_| ids.clone(), IntoSeries::into_series);
    col("id").is_in(lit(list), false)
}

fn dtype(ty: FieldType) -> DataType {
    match ty {
        FieldType::Text | FieldType::Bytes => DataType::String,
        FieldType::Int | FieldType::Time => DataType::Int64,
        FieldType::Bool => DataType::Boolean,
        FieldType::List => DataType::List(Box::new(DataType::String)),
        FieldType::Map => {
            let pair = ["key", "value"]
                .map(|name| polars::prelude::Field::new(name.into(), DataType::String));
            DataType::List(Box::new(DataType::Struct(pair.to_vec())))
        }
    }
}

/// The column of a field in a result, with the default where a row has no value.
fn output(field: &Field, family: Family) -> Expr {
    let name = column(field);
    if !field.stored_for(family) {
        // Typed, so that the rows of all families fit together.
        let absent = match field.ty {
            FieldType::Int | FieldType::Time => lit(field.absent),
            FieldType::Bool => lit(false),
            FieldType::Text | FieldType::Bytes => lit(""),
            FieldType::List | FieldType::Map => lit(NULL),
        };
        return absent.cast(dtype(field.ty)).alias(name);
    }
    match field.ty {
        FieldType::Int | FieldType::Time => col(name).fill_null(lit(field.absent)),
        FieldType::Bool => col(name).fill_null(lit(false)),
        FieldType::Text | FieldType::Bytes => col(name).fill_null(lit("")),
        FieldType::List | FieldType::Map => col(name),
    }
}
