//! Names: fields with dots in them, keys of maps written with a dot, variables of macros.

use crate::catalogue::FieldRef;
use crate::field::{FieldType, Origin};

use super::super::ast::{Node, NodeKind, Operator};
use super::super::error::KflError;
use super::super::fold::simplify;
use super::super::ir::{Expr, Function, Kind};
use super::super::types::Type;
use super::super::value::Value;
use super::{Checker, Result};

/// Names of types, for `type(x) == int`.
const TYPE_NAMES: [&str; 9] =
    ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type"];

impl Checker<'_> {
    /// `a`, `a.b.c`: a variable or a field, and what is selected of it.
    pub(super) fn name(&mut self, node: &Node) -> Result<Expr> {
        match &node.kind {
            NodeKind::Name(name) => {
                if let Some(var) = self.variable(name) {
                    return Ok(var);
                }
                if let Some(name) = TYPE_NAMES.iter().find(|t| *t == name)
                    && self.catalogue.get(name).is_none()
                {
                    return Ok(Expr::constant(Type::TypeOf, Value::Type(name)));
                }
                self.field(name, node)?.ok_or_else(|| self.unknown(node))
            }
            NodeKind::Select(operand, key) => {
                let dotted = dotted(node).filter(|path| !self.is_variable(path));
                if let Some(path) = dotted
                    && let Some(field) = self.field(&path, node)?
                {
                    return Ok(field);
                }
                self.selected(node, operand, key)
            }
            _ => self.node(node),
        }
    }

    /// `map.key` as `map["key"]`.
    fn selected(&mut self, node: &Node, operand: &Node, key: &str) -> Result<Expr> {
        let of = match self.name(operand) {
            Ok(of) => of,
            // Of `a.b.c` the whole is unknown, not `a`.
            Err(e) if dotted(operand).is_some() && e.message.starts_with("unknown name") => {
                return Err(self.unknown(node));
            }
            Err(e) => return Err(e),
        };
        match &of.ty {
            Type::Map(_, value) => {
                let ty = (**value).clone();
                let key = Expr::constant(Type::Text, Value::Text(key.to_string().into()));
                Ok(simplify(Expr::new(ty, Kind::Index(Box::new([of, key])))))
            }
            Type::Dyn => {
                let key = Expr::constant(Type::Text, Value::Text(key.to_string().into()));
                Ok(Expr::new(Type::Dyn, Kind::Index(Box::new([of, key]))))
            }
            ty if dotted(operand).is_some_and(|path| self.catalogue.get(&path).is_some()) => {
                Err(self.unknown(node).help(format!("`{operand}` is {ty:#} and has no parts")))
            }
            ty => {
                let message = format!("`{key}` of {ty:#}: only maps have parts");
                Err(KflError::at(node.span.clone(), message))
            }
        }
    }

    fn variable(&self, name: &str) -> Option<Expr> {
        let own = self.vars.get(self.first_var..)?;
        let at = own.iter().rposition(|(var, _)| var == name)?;
        Some(Expr::new(own[at].1.clone(), Kind::Var(self.first_var + at)))
    }

    fn is_variable(&self, path: &str) -> bool {
        path.split('.').next().is_some_and(|root| self.variable(root).is_some())
    }

    /// The field of exactly this name.
    fn field(&mut self, name: &str, node: &Node) -> Result<Option<Expr>> {
        let Some(field) = self.catalogue.get(name).cloned() else {
            return Ok(None);
        };
        Ok(Some(match field.origin {
            Origin::Flag => Expr::new(Type::Bool, Kind::Flag(field)),
            Origin::Derived(kfl) => self.derived(&field, kfl, &node.span)?,
            _ => Expr::new(field.ty.into(), Kind::Field(field)),
        }))
    }

    fn unknown(&self, node: &Node) -> KflError {
        let name = node.to_string();
        let error = KflError::at(node.span.clone(), format!("unknown name `{name}`"));
        let near: Vec<String> =
            self.catalogue.nearest(&name).iter().map(|name| format!("`{name}`")).collect();
        if near.is_empty() {
            return error.help("`pcapsule fields` lists all names");
        }
        error.help(format!("did you mean {}?", near.join(" or ")))
    }

    /// `has(map.key)`, `has(map["key"])`: whether the key is there. `has(field)`, which is ours:
    /// whether it differs from what it reads as where it is absent.
    pub(super) fn has(&mut self, node: &Node) -> Result<Expr> {
        if let Some(path) = dotted(node)
            && let Some(field) = self.catalogue.get(&path).cloned()
            && !self.is_variable(&path)
        {
            let expr = self.name(node)?;
            return Ok(present(expr, &field));
        }
        let (map, key) = match &node.kind {
            NodeKind::Select(operand, key) => {
                let key = Expr::constant(Type::Text, Value::Text(key.clone().into()));
                (self.node(operand), key)
            }
            NodeKind::Index(operand, key) => (self.node(operand), self.node(key)?),
            _ => {
                let message = "has() takes a field or a key of a map";
                return Err(KflError::at(node.span.clone(), message)
                    .help("`has(status_code)`, `has(local_labels.app)`"));
            }
        };
        let map = match map {
            Ok(map) => map,
            Err(_) if dotted(node).is_some() => return Err(self.unknown(node)),
            Err(e) => return Err(e),
        };
        match map.ty {
            Type::Map(..) | Type::Dyn => {
                Ok(Expr::new(Type::Bool, Kind::Binary(Operator::In, Box::new([key, map]))))
            }
            ty => Err(KflError::at(node.span.clone(), format!("{ty:#} has no keys to test for"))),
        }
    }
}

/// Whether a field holds anything but its absent value.
fn present(expr: Expr, field: &FieldRef) -> Expr {
    let (left, zero) = match field.ty {
        FieldType::Bool => return expr,
        FieldType::List | FieldType::Map | FieldType::Bytes => {
            let size = Expr::new(Type::Int, Kind::Call(Function::Size, vec![expr]));
            (size, Expr::constant(Type::Int, Value::Int(0)))
        }
        ty => (expr, Expr::constant(ty.into(), Value::absent(ty, field.absent))),
    };
    let parts = Box::new([simplify(left), zero]);
    Expr::new(Type::Bool, Kind::Binary(Operator::NotEqual, parts))
}

/// `a.b.c` as text, if it is nothing but names.
pub(super) fn dotted(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Name(name) => Some(name.clone()),
        NodeKind::Select(operand, key) => Some(format!("{}.{key}", dotted(operand)?)),
        _ => None,
    }
}
