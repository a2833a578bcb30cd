//! A checked filter -> a Polars expression over the rows of one family's table.
//!
//! The expression is a boolean in which **null stands for a fault** of the row: Polars' logic on
//! nulls is that of CEL on errors (`false & null` is false, `true | null` is true), and a filter
//! drops null as it drops false. Simple tests become plain column predicates, which reach into a
//! Parquet scan; tests on one end's workload become sets of workload ids; what Polars has no
//! expression for is run by KFL's row evaluator inside the expression. So every filter lowers,
//! and says of each row what [`Checked::verdict`] says.

mod kernels;
mod native;
mod readers;
mod rows;
#[cfg(test)]
mod tests;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataType, Expr as PlExpr, NULL, col, lit, when};

use crate::catalogue::{Family, Field, FieldRef};
use crate::field::{End, FieldType, Origin};
use crate::kfl::sql::sql_column;
use crate::kfl::{Checked, Entry, Expr, Kind, Type, Verdict};

/// What a filter is on the rows of a table.
#[derive(Debug, Clone)]
pub enum Lowered {
    /// No row matches.
    Never,
    /// Every row matches.
    Always,
    Where(Predicate),
}

/// An expression and what it asks of the rows.
#[derive(Debug, Clone)]
pub struct Predicate {
    /// True, false, or null where the row is a fault.
    pub expr: PlExpr,
    /// Fields behind its columns, sorted by name.
    pub fields: Vec<FieldRef>,
}

impl Predicate {
    /// Protocol tables to join to the calls by `id`, left; null means that the call has no row.
    pub fn side_tables(&self) -> BTreeSet<&'static str> {
        self.fields.iter().filter_map(|field| field.side_table()).collect()
    }

    /// Workload attributes to join by `src_id` or `dst_id`, each under its [`column()`].
    pub fn workload_fields(&self) -> impl Iterator<Item = &FieldRef> {
        self.fields.iter().filter(|field| matches!(field.origin, Origin::Workload(..)))
    }
}

/// The column that holds a field.
pub fn column(field: &Field) -> String {
    sql_column(field)
}

/// Lowers a filter for one family's table, whose columns are those of the catalogue: text as
/// `String`, numbers and nanoseconds as `Int64`, lists as `List(String)`, maps as
/// `List(Struct{key, value})`, and the workload ids `src_id` and `dst_id`.
///
/// `workloads` are all workloads with their ids; as an [`Entry`], each answers the attribute of a
/// field's [`Origin::Workload`], whichever end that names.
pub fn lower(checked: &Checked, family: Family, workloads: &[(i64, &dyn Entry)]) -> Lowered {
    let expr = checked.of_family(family);
    match (Lower { family, workloads }).test(&expr) {
        Test::Known(true) => Lowered::Always,
        Test::Known(false) => Lowered::Never,
        Test::Unknown(part) => {
            let fields = part.fields.into_values().collect();
            Lowered::Where(Predicate { expr: part.expr, fields })
        }
    }
}

/// A Polars expression and the fields behind its columns.
#[derive(Debug, Clone)]
struct Part {
    expr: PlExpr,
    fields: BTreeMap<&'static str, FieldRef>,
}

impl Part {
    fn of(expr: PlExpr) -> Part {
        Part { expr, fields: BTreeMap::new() }
    }

    fn map(self, f: impl FnOnce(PlExpr) -> PlExpr) -> Part {
        Part { expr: f(self.expr), fields: self.fields }
    }

    fn join(mut self, other: Part, f: impl FnOnce(PlExpr, PlExpr) -> PlExpr) -> Part {
        self.fields.extend(other.fields);
        Part { expr: f(self.expr, other.expr), fields: self.fields }
    }
}

/// A test that is settled for all rows, or not.
#[derive(Debug, Clone)]
enum Test {
    Known(bool),
    Unknown(Part),
}

impl Test {
    fn into_part(self) -> Part {
        match self {
            Test::Known(b) => Part::of(lit(b)),
            Test::Unknown(part) => part,
        }
    }
}

/// A fault in every row.
fn fault(ty: DataType) -> PlExpr {
    lit(NULL).cast(ty)
}

/// Whether an expression is the same for every row: it is no constant where it is a fault, and
/// where its macros were left for the row evaluator.
fn asks_nothing(expr: &Expr) -> bool {
    !expr.any(&mut |part| matches!(part.kind, Kind::Field(_) | Kind::Flag(_)))
}

struct Lower<'w> {
    family: Family,
    workloads: &'w [(i64, &'w dyn Entry)],
}

impl Lower<'_> {
    /// A bool as a test.
    fn test(&self, expr: &Expr) -> Test {
        if let Some(end) = workloads::only_end(expr) {
            return self.workload_test(expr, end);
        }
        if asks_nothing(expr) {
            return match Checked::judge(expr, &workloads::Unknown) {
                Verdict::Match => Test::Known(true),
                Verdict::NoMatch => Test::Known(false),
                Verdict::Error(_) => Test::Unknown(Part::of(fault(DataType::Boolean))),
            };
        }
        match &expr.kind {
            Kind::Flag(field) => self.flag(field),
            Kind::Not(operand) if operand.ty == Type::Bool => match self.test(operand) {
                Test::Known(b) => Test::Known(!b),
                Test::Unknown(part) => Test::Unknown(part.map(|e| e.not())),
            },
            Kind::All(parts) if are_bool(parts) => self.logic(parts, false),
            Kind::Any(parts) if are_bool(parts) => self.logic(parts, true),
            Kind::If(parts) if are_bool(&parts[..]) => self.conditional(parts),
            _ => Test::Unknown(self.native(expr).unwrap_or_else(|| self.rows(expr))),
        }
    }

    fn flag(&self, field: &FieldRef) -> Test {
        let titles = field.flag.as_ref().and_then(|flag| flag.protocols(self.family));
        let protocol = || col("protocol");
        let expr = match titles {
            None => return Test::Known(field.flag.is_some()),
            Some([]) => return Test::Known(false),
            Some([title]) => protocol().eq(lit(*title)),
            Some(titles) => native::is_in(protocol(), native::texts(titles.iter().copied())),
        };
        Test::Unknown(Part::of(expr))
    }

    /// `||` (`decides` is true) or `&&`; parts on the same end's workload are one test.
    fn logic(&self, parts: &[Expr], decides: bool) -> Test {
        let mut whole: Option<Part> = None;
        for part in workloads::grouped(parts, decides) {
            match self.test(&part) {
                Test::Known(b) if b == decides => return Test::Known(decides),
                Test::Known(_) => {}
                Test::Unknown(part) => {
                    let joined = |a: PlExpr, b| if decides { a.or(b) } else { a.and(b) };
                    whole = Some(match whole {
                        None => part,
                        Some(whole) => whole.join(part, joined),
                    });
                }
            }
        }
        whole.map_or(Test::Known(!decides), Test::Unknown)
    }

    fn conditional(&self, parts: &[Expr; 3]) -> Test {
        let [condition, then, otherwise] = parts;
        match self.test(condition) {
            Test::Known(true) => self.test(then),
            Test::Known(false) => self.test(otherwise),
            Test::Unknown(part) => {
                let then = self.test(then).into_part();
                let otherwise = self.test(otherwise).into_part();
                Test::Unknown(choose(part, condition.can_fail(), then, otherwise))
            }
        }
    }

    /// The column of a field; where rows may lack it, filled with its absent value.
    fn column(&self, field: &FieldRef) -> Part {
        let name = column(field);
        let value = col(name.as_str());
        let in_table = field.tables.contains(&self.family.table());
        let expr = match (in_table, field.ty) {
            (true, _) | (_, FieldType::List | FieldType::Map) => value,
            (_, FieldType::Text | FieldType::Bytes) => value.fill_null(lit("")),
            (_, FieldType::Bool) => value.fill_null(lit(false)),
            (_, FieldType::Int | FieldType::Time) => value.fill_null(native::int(field.absent)),
        };
        Part { expr, fields: BTreeMap::from([(field.name, field.clone())]) }
    }
}

fn are_bool(parts: &[Expr]) -> bool {
    parts.iter().all(|part| part.ty == Type::Bool)
}

/// `condition ? then : otherwise`; a fault of the condition is one of the whole.
fn choose(condition: Part, can_fail: bool, then: Part, otherwise: Part) -> Part {
    let branches = then.join(otherwise, |then, otherwise| {
        let test = condition.expr.clone();
        let chosen = when(test.clone()).then(then).otherwise(otherwise);
        // A null condition would choose `otherwise`.
        if can_fail { when(test.is_not_null()).then(chosen).otherwise(lit(NULL)) } else { chosen }
    });
    condition.join(branches, |_, chosen| chosen)
}

/// The id column of an end.
fn id_column(end: End) -> PlExpr {
    col(match end {
        End::Src => "src_id",
        End::Dst => "dst_id",
    })
}
