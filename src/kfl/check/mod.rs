//! A parsed filter and the catalogue -> a typed tree: every name resolved, every operand's type
//! known, macros bound, derived fields put in place. What is wrong is told with its place and,
//! where it can be guessed, with what was meant.

mod calls;
mod each;
mod names;
mod notes;
mod operators;

use crate::catalogue::{Catalogue, FieldRef};

use super::ast::{Ast, Node, NodeKind};
use super::error::{KflError, Span};
use super::fold::simplify;
use super::ir::{Expr, Kind};
use super::limits::NODES_MAX;
use super::types::Type;
use super::value::Value;

pub(super) use notes::absent_entries;

type Result<T> = std::result::Result<T, KflError>;

/// Checks a parsed filter: a tree of type bool, and what the writer should know.
pub(super) fn check_ast(catalogue: &Catalogue, ast: &Ast) -> Result<(Expr, Vec<String>)> {
    let mut checker = Checker::new(catalogue, &ast.text);
    let Some(root) = &ast.root else {
        return Ok((Expr::bool(true), Vec::new()));
    };
    let expr = checker.node(root)?;
    if !expr.ty.fits(&Type::Bool) {
        return Err(operators::not_a_test(root, &expr));
    }
    Ok((expr, checker.notes))
}

/// The state of one filter's check.
struct Checker<'a> {
    catalogue: &'a Catalogue,
    text: &'a str,
    /// Variables of the macros around the place, outermost first.
    vars: Vec<(String, Type)>,
    /// Variables below this level belong to the filter around a derived field.
    first_var: usize,
    /// Derived fields being put in place, to refuse one that needs itself.
    deriving: Vec<&'static str>,
    notes: Vec<String>,
    nodes: usize,
}

impl<'a> Checker<'a> {
    fn new(catalogue: &'a Catalogue, text: &'a str) -> Self {
        let (vars, deriving, notes) = (Vec::new(), Vec::new(), Vec::new());
        Checker { catalogue, text, vars, first_var: 0, deriving, notes, nodes: 0 }
    }

    fn node(&mut self, node: &Node) -> Result<Expr> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(KflError::at(node.span.clone(), "the filter has too many parts"));
        }
        let expr = match &node.kind {
            NodeKind::Name(_) | NodeKind::Select(..) => return self.name(node),
            NodeKind::List(items) => self.list(items)?,
            NodeKind::Map(entries) => self.map(entries)?,
            NodeKind::Index(operand, key) => self.index(operand, key)?,
            NodeKind::Call(call) => self.call(node, call)?,
            NodeKind::Not(operand) => {
                Expr::new(Type::Bool, Kind::Not(Box::new(self.test(operand)?)))
            }
            NodeKind::Negate(operand) => self.negate(operand)?,
            NodeKind::Binary(op, left, right) => self.binary(*op, node, left, right)?,
            NodeKind::All(parts) => Expr::new(Type::Bool, Kind::All(self.tests(parts)?)),
            NodeKind::Any(parts) => Expr::new(Type::Bool, Kind::Any(self.tests(parts)?)),
            NodeKind::If(parts) => self.conditional(node, parts)?,
            literal => constant(literal),
        };
        Ok(simplify(expr))
    }

    /// A part that must be true or false.
    fn test(&mut self, node: &Node) -> Result<Expr> {
        let expr = self.node(node)?;
        if expr.ty.fits(&Type::Bool) { Ok(expr) } else { Err(operators::not_a_test(node, &expr)) }
    }

    fn tests(&mut self, parts: &[Node]) -> Result<Vec<Expr>> {
        parts.iter().map(|part| self.test(part)).collect()
    }

    fn list(&mut self, items: &[Node]) -> Result<Expr> {
        let items: Vec<Expr> = items.iter().map(|item| self.node(item)).collect::<Result<_>>()?;
        let ty = joined(items.iter().map(|item| &item.ty));
        Ok(Expr::new(Type::list_of(ty), Kind::List(items)))
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Result<Expr> {
        let mut out = Vec::with_capacity(entries.len());
        for (i, (key, value)) in entries.iter().enumerate() {
            if entries.iter().take(i).any(|(earlier, _)| earlier == key) {
                return Err(KflError::at(
                    key.span.clone(),
                    format!("the key {key} is there twice"),
                ));
            }
            out.push((self.map_key(key)?, self.node(value)?));
        }
        let keys = joined(out.iter().map(|(key, _)| &key.ty));
        let values = joined(out.iter().map(|(_, value)| &value.ty));
        Ok(Expr::new(Type::map_of(keys, values), Kind::Map(out)))
    }

    fn map_key(&mut self, node: &Node) -> Result<Expr> {
        let key = self.node(node)?;
        match key.ty {
            Type::Dyn | Type::Text | Type::Int | Type::Uint | Type::Bool => Ok(key),
            ty => Err(KflError::at(node.span.clone(), format!("a map key cannot be {ty:#}"))),
        }
    }

    /// Puts a derived field's expression in its place.
    fn derived(&mut self, field: &FieldRef, kfl: &'static str, span: &Span) -> Result<Expr> {
        let broken = |what: &str| {
            KflError::at(
                span.clone(),
                format!("the definition of `{}` is broken: {what}", field.name),
            )
        };
        if self.deriving.contains(&field.name) {
            return Err(broken("it needs itself"));
        }
        let ast = super::parse::parse(kfl).map_err(|e| broken(&e.message))?;
        let Some(root) = &ast.root else { return Err(broken("it is empty")) };
        self.deriving.push(field.name);
        let first_var = std::mem::replace(&mut self.first_var, self.vars.len());
        let expr = self.node(root).map_err(|e| broken(&e.message));
        self.first_var = first_var;
        self.deriving.pop();
        let expr = expr?;
        match expr.ty.fits(&Type::from(field.ty)) {
            true => Ok(expr),
            false => Err(broken(&format!("it is {:#}", expr.ty))),
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The node as it stands in the filter.
    fn source(&self, node: &Node) -> &'a str {
        self.text.get(node.span.clone()).unwrap_or("")
    }
}

fn joined<'t>(mut types: impl Iterator<Item = &'t Type>) -> Type {
    let first = types.next().cloned().unwrap_or(Type::Dyn);
    types.fold(first, Type::join)
}

fn constant(literal: &NodeKind) -> Expr {
    let (ty, value) = match literal {
        NodeKind::Bool(b) => (Type::Bool, Value::Bool(*b)),
        NodeKind::Int(i) => (Type::Int, Value::Int(*i)),
        NodeKind::Uint(u) => (Type::Uint, Value::Uint(*u)),
        NodeKind::Double(d) => (Type::Double, Value::Double(*d)),
        NodeKind::Text(text) => (Type::Text, Value::Text(text.clone().into())),
        NodeKind::Bytes(bytes) => (Type::Bytes, Value::Bytes(bytes.clone().into())),
        _ => (Type::Null, Value::Null),
    };
    Expr::constant(ty, value)
}
