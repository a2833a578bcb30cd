//! Tests on the workload of one end, answered once per workload: a set of ids, which is a test
//! on an integer column.

use polars::prelude::{Expr as PlExpr, NULL, lit, when};

use crate::catalogue::{Family, Field};
use crate::field::{End, Origin};
use crate::kfl::{Checked, Entry, Expr, Kind, Type, Value, Verdict};

use super::{Lower, Part, Test, id_column, native};

/// The end that a test is about, if it asks for nothing but attributes of that end's workload.
pub(super) fn only_end(expr: &Expr) -> Option<End> {
    let mut ends = Vec::new();
    let asks_more = expr.any(&mut |part| match &part.kind {
        Kind::Field(field) => match field.origin {
            Origin::Workload(end, _) => {
                ends.push(end);
                false
            }
            _ => true,
        },
        Kind::Flag(_) | Kind::Now => true,
        _ => false,
    });
    let first = *ends.first()?;
    (!asks_more && expr.ty == Type::Bool && ends.iter().all(|end| *end == first)).then_some(first)
}

/// The parts of `||` or `&&` with those on the same end's workload put together.
pub(super) fn grouped(parts: &[Expr], any: bool) -> Vec<Expr> {
    let (mut src, mut dst, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match only_end(part) {
            Some(End::Src) => src.push(part.clone()),
            Some(End::Dst) => dst.push(part.clone()),
            None => groups.push(part.clone()),
        }
    }
    for group in [src, dst] {
        match (group.len(), any) {
            (0, _) => {}
            (1, _) => groups.extend(group),
            (_, true) => groups.push(Expr::new(Type::Bool, Kind::Any(group))),
            (_, false) => groups.push(Expr::new(Type::Bool, Kind::All(group))),
        }
    }
    groups
}

/// Ids by what the test says of their workload.
#[derive(Default)]
struct Sets {
    matching: Vec<i64>,
    others: Vec<i64>,
    faults: Vec<i64>,
}

impl Lower<'_> {
    pub(super) fn workload_test(&self, expr: &Expr, end: End) -> Test {
        let mut sets = Sets::default();
        for (id, workload) in self.workloads {
            match Checked::judge(expr, *workload) {
                Verdict::Match => sets.matching.push(*id),
                Verdict::NoMatch => sets.others.push(*id),
                Verdict::Error(_) => sets.faults.push(*id),
            }
        }
        sets.test(Checked::judge(expr, &Unknown), end)
    }
}

impl Sets {
    /// `unknown` is what the test says where a row's id is none of the workloads'.
    fn test(self, unknown: Verdict, end: End) -> Test {
        let Sets { matching, others, faults } = self;
        let one_of = |ids: &[i64]| is_one_of(id_column(end), ids);
        let not_one_of = |ids: &[i64]| is_one_of(id_column(end), ids).not();
        let (test, fault) = match unknown {
            Verdict::NoMatch if matching.is_empty() && faults.is_empty() => {
                return Test::Known(false);
            }
            Verdict::Match if others.is_empty() && faults.is_empty() => return Test::Known(true),
            Verdict::NoMatch => (one_of(&matching), one_of(&faults)),
            Verdict::Match => (not_one_of(&others), one_of(&faults)),
            Verdict::Error(_) => {
                let known: Vec<i64> = matching.iter().chain(&others).copied().collect();
                (one_of(&matching), not_one_of(&known))
            }
        };
        let may_fail = !faults.is_empty() || matches!(unknown, Verdict::Error(_));
        Test::Unknown(Part::of(match may_fail {
            true => when(fault).then(lit(NULL)).otherwise(test),
            false => test,
        }))
    }
}

fn is_one_of(column: PlExpr, ids: &[i64]) -> PlExpr {
    match ids {
        [id] => column.eq(native::int(*id)),
        ids => native::is_in(column, native::ints(ids.iter().copied())),
    }
}

/// A row whose workload is not known.
pub(super) struct Unknown;

impl Entry for Unknown {
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
