//! KFL, the filter language: CEL over the fields of the catalogue, as Kubeshark writes it.
//!
//! [`parse`] turns text into an [`Ast`], which prints back; [`check`] turns it into a [`Checked`]
//! filter: a typed tree with names resolved, which [`Checked::verdict`] runs on one entry and
//! `frame::lower` turns into a Polars expression.
//!
//! What holds everywhere:
//! - a field that an entry does not have reads as its type's zero value (`grpc_status` as -1);
//! - `&&` and `||` absorb faults: `false && fault` is false, `true || fault` is true;
//! - a missing map key, a division by zero, an overflow is a fault of that row; a row whose filter
//!   ends in a fault does not match, and is counted;
//! - regular expressions match anywhere in the text; strings compare by code point;
//! - numbers of all types compare by value, and do not mix in arithmetic.
//!
//! Ours, beyond Kubeshark and CEL: `cidr(ip, range)`, `lower()`, `lowerAscii()`, `has(field)`
//! (differs from its absent value), patterns and time zones must be literals.

mod ast;
mod check;
mod error;
mod eval;
mod fold;
mod foreign;
mod ir;
mod lex;
pub mod limits;
mod net;
mod parse;
mod print;
pub mod sql;
mod time;
mod types;
mod value;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Family, FieldRef};

pub use ast::{Ast, Call, Node, NodeKind, Operator};
pub use error::{KflError, Span};
pub use eval::{Entry, Verdict, value as evaluate};
pub use fold::{rewrite, simplify};
pub use ir::{Each, Expr, Function, Kind, Quantifier};
pub use net::Network;
pub use print::literal;
pub use time::{Part, Zone, format_duration, format_time, parse_duration, parse_time};
pub use types::Type;
pub use value::{Fault, Value};

/// A filter that is right: what it asks, of which fields.
#[derive(Debug, Clone)]
pub struct Checked {
    text: String,
    expr: Expr,
    notes: Vec<String>,
}

/// Parses a filter without looking at its names. The empty filter is one.
///
/// Errors: bad syntax, or a filter beyond [`limits`].
pub fn parse(text: &str) -> Result<Ast, KflError> {
    parse::parse(text).map_err(|error| error.of(text))
}

/// Parses and checks a filter. The empty filter matches everything.
///
/// Errors: bad syntax, unknown names, types that do not fit, and filters beyond [`limits`]; each
/// with its place and, where it can be guessed, what to write instead. Filters in the older KFL
/// and in other languages' syntax are recognised.
///
/// ```
/// use pcapsule::{catalogue::catalogue, kfl};
/// assert!(kfl::check(catalogue(), "dst.port == 80 && conn_state == \"open\"").is_ok());
/// let error = kfl::check(catalogue(), "src.ns == \"prod\"").unwrap_err();
/// assert_eq!(error.help.as_deref(), Some("write `src.pod.namespace == \"prod\"`"));
/// ```
pub fn check(catalogue: &Catalogue, text: &str) -> Result<Checked, KflError> {
    check_as_is(catalogue, text).map_err(|error| foreign::translated(catalogue, error.of(text)))
}

/// [`check`] without the search for translations.
fn check_as_is(catalogue: &Catalogue, text: &str) -> Result<Checked, KflError> {
    let ast = parse::parse(text)?;
    let (expr, mut notes) = check::check_ast(catalogue, &ast)?;
    notes.splice(0..0, ast.notes);
    notes.extend(check::absent_entries(&expr));
    Ok(Checked { text: text.to_string(), expr, notes })
}

/// A part of a filter as a filter of its own, without its text.
impl From<Expr> for Checked {
    fn from(expr: Expr) -> Checked {
        Checked { text: String::new(), expr, notes: Vec::new() }
    }
}

impl Checked {
    /// The empty filter: everything matches.
    pub fn everything() -> Checked {
        Expr::bool(true).into()
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// What the writer should know: accepted oddities, and matches that may not be meant.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The fields and flags it asks for, derived ones replaced by what they are made of; sorted.
    pub fn fields(&self) -> Vec<FieldRef> {
        let mut fields = BTreeMap::new();
        self.expr.any(&mut |part| {
            if let Kind::Field(field) | Kind::Flag(field) = &part.kind {
                fields.insert(field.name, field.clone());
            }
            false
        });
        fields.into_values().collect()
    }

    /// Whether it says `now()`, which [`Checked::at`] must bind before rows are judged.
    pub fn needs_now(&self) -> bool {
        self.expr.any(&mut |part| matches!(part.kind, Kind::Now))
    }

    /// The filter with `now()` bound to a time, in nanoseconds since 1970: the capture's end.
    pub fn at(self, now_ns: i64) -> Checked {
        let expr = rewrite(self.expr, &mut |part| match part.kind {
            Kind::Now => Expr::constant(Type::Time, Value::Time(now_ns)),
            kind => Expr { ty: part.ty, kind },
        });
        Checked { expr, ..self }
    }

    /// The filter on the entries of one family: flags and fields that are the same for all of them
    /// are settled.
    pub fn of_family(&self, family: Family) -> Expr {
        rewrite(self.expr.clone(), &mut |part| match &part.kind {
            Kind::Flag(field) => match field.flag.as_ref().map(|flag| flag.protocols(family)) {
                Some(None) => Expr::bool(true),
                Some(Some([])) | None => Expr::bool(false),
                Some(Some(_)) => part,
            },
            Kind::Field(field) if !field.stored_for(family) => {
                Expr::constant(part.ty.clone(), Value::absent(field.ty, field.absent))
            }
            _ => part,
        })
    }

    /// Judges one entry.
    pub fn verdict(&self, entry: &dyn Entry) -> Verdict {
        Checked::judge(&self.expr, entry)
    }

    /// Judges one entry by a part of a filter.
    pub fn judge(test: &Expr, entry: &dyn Entry) -> Verdict {
        eval::verdict(test, entry)
    }
}
