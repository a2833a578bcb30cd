//! Operators: which types they take, and what was probably meant where they do not fit.

use super::super::ast::{Node, NodeKind, Operator};
use super::super::error::KflError;
use super::super::ir::{Expr, Kind};
use super::super::types::Type;
use super::{Checker, Result};

impl Checker<'_> {
    pub(super) fn binary(
        &mut self,
        op: Operator,
        node: &Node,
        left: &Node,
        right: &Node,
    ) -> Result<Expr> {
        let parts = [self.node(left)?, self.node(right)?];
        let [l, r] = [&parts[0].ty, &parts[1].ty];
        let ty = match op {
            Operator::Equal | Operator::NotEqual => l.comparable(r).then_some(Type::Bool),
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                (l.comparable(r) && l.is_ordered() && r.is_ordered()).then_some(Type::Bool)
            }
            Operator::In => member(l, r),
            _ => arithmetic(op, l, r),
        };
        let Some(ty) = ty else {
            return Err(self.mismatch(op, node, (left, l), (right, r)));
        };
        let parts = self.compared(op, (left, right), parts);
        Ok(Expr::new(ty, Kind::Binary(op, Box::new(parts))))
    }

    pub(super) fn negate(&mut self, operand: &Node) -> Result<Expr> {
        let expr = self.node(operand)?;
        match expr.ty {
            Type::Int | Type::Double | Type::Dyn => {
                Ok(Expr::new(expr.ty.clone(), Kind::Negate(Box::new(expr))))
            }
            ty => Err(KflError::at(operand.span.clone(), format!("`-` of {ty:#}"))),
        }
    }

    pub(super) fn conditional(&mut self, node: &Node, parts: &[Node; 3]) -> Result<Expr> {
        let [condition, then, otherwise] = parts;
        let parts = [self.test(condition)?, self.node(then)?, self.node(otherwise)?];
        if !parts[1].ty.fits(&parts[2].ty) {
            let (a, b) = (&parts[1].ty, &parts[2].ty);
            let message = format!("a condition with {a:#} on one side and {b:#} on the other");
            return Err(KflError::at(node.span.clone(), message));
        }
        let ty = parts[1].ty.clone().join(&parts[2].ty);
        Ok(Expr::new(ty, Kind::If(Box::new(parts))))
    }

    pub(super) fn index(&mut self, operand: &Node, key: &Node) -> Result<Expr> {
        let (of, by) = (self.node(operand)?, self.node(key)?);
        let ty = match (&of.ty, &by.ty) {
            (Type::List(item), Type::Int | Type::Uint | Type::Dyn) => (**item).clone(),
            (Type::Map(k, value), by) if k.comparable(by) => (**value).clone(),
            (Type::Dyn, _) => Type::Dyn,
            (of, by) => {
                let message = format!("`[...]` of {of:#} with {by:#}");
                let error = KflError::at(operand.span.start..key.span.end, message);
                return Err(match of {
                    Type::List(_) => error.help("positions of a list count from 0"),
                    Type::Map(..) => error.help("keys of this map are strings"),
                    _ => error.help("only lists and maps have parts"),
                });
            }
        };
        self.note_header_case(operand, &of, key);
        Ok(Expr::new(ty, Kind::Index(Box::new([of, by]))))
    }

    /// Two types that an operator does not join.
    fn mismatch(
        &self,
        op: Operator,
        node: &Node,
        left: (&Node, &Type),
        right: (&Node, &Type),
    ) -> KflError {
        let sign = op.sign();
        let message = match op {
            Operator::In => format!("`in` wants a list or map on its right, not {:#}", right.1),
            _ => format!("`{sign}` between {:#} and {:#}", left.1, right.1),
        };
        let message = match (op, right.1) {
            (Operator::In, Type::List(item)) => format!("{:#} in a list of {item}", left.1),
            (Operator::In, Type::Map(key, _)) => format!("{:#} among keys of type {key}", left.1),
            _ => message,
        };
        let error = KflError::at(node.span.clone(), message);
        let one = converted(left.1, right.0).map(|r| format!("{} {sign} {r}", left.0));
        let other = || converted(right.1, left.0).map(|l| format!("{l} {sign} {}", right.0));
        match one.or_else(other).or_else(|| spelled(op, left, right)) {
            Some(fix) => error.help(format!("write `{fix}`")),
            None => error,
        }
    }
}

/// A literal as the other side's type wants it.
fn converted(wanted: &Type, literal: &Node) -> Option<String> {
    match (wanted, &literal.kind) {
        (Type::Time, NodeKind::Text(_)) => Some(format!("timestamp({literal})")),
        (Type::Duration, NodeKind::Text(_)) => Some(format!("duration({literal})")),
        (Type::Int, NodeKind::Text(text)) => text.parse::<i64>().ok().map(|i| i.to_string()),
        (Type::Double, NodeKind::Int(i)) => Some(format!("{i}.0")),
        (Type::Bool, NodeKind::Text(text)) if text == "true" || text == "false" => {
            Some(text.clone())
        }
        (Type::Text, NodeKind::Int(i)) => Some(format!("\"{i}\"")),
        (Type::List(_), _) => None,
        _ => None,
    }
}

/// Advice on whole expressions.
fn spelled(op: Operator, left: (&Node, &Type), right: (&Node, &Type)) -> Option<String> {
    match (op, left, right) {
        (Operator::Equal, (list, Type::List(_)), (item, Type::Text)) => {
            Some(format!("{item} in {list}"))
        }
        (Operator::In, (part, Type::Text), (whole, Type::Text)) => {
            Some(format!("{whole}.contains({part})"))
        }
        (op, (int, Type::Int), (double, Type::Double)) if op != Operator::In => {
            Some(format!("double({int}) {} {double}", op.sign()))
        }
        (op, (double, Type::Double), (int, Type::Int)) if op != Operator::In => {
            Some(format!("{double} {} double({int})", op.sign()))
        }
        _ => None,
    }
}

fn member(item: &Type, container: &Type) -> Option<Type> {
    let fits = match container {
        Type::List(of) => item.comparable(of),
        Type::Map(key, _) => item.comparable(key),
        Type::Dyn => true,
        _ => false,
    };
    fits.then_some(Type::Bool)
}

/// The type of a sum, difference, product, quotient or remainder.
fn arithmetic(op: Operator, left: &Type, right: &Type) -> Option<Type> {
    use Operator::*;
    use Type::{Bytes, Double, Duration, Dyn, Int, List, Text, Time, Uint};
    Some(match (op, left, right) {
        (_, Dyn, _) | (_, _, Dyn) => Dyn,
        (Modulo, Double, Double) => return None,
        (_, Int, Int) => Int,
        (_, Uint, Uint) => Uint,
        (_, Double, Double) => Double,
        (Add, Text, Text) => Text,
        (Add, Bytes, Bytes) => Bytes,
        (Add, List(a), List(b)) => Type::list_of((**a).clone().join(b)),
        (Add | Subtract, Time, Duration) | (Add, Duration, Time) => Time,
        (Add | Subtract, Duration, Duration) | (Subtract, Time, Time) => Duration,
        _ => return None,
    })
}

/// What is used as a test is no bool.
pub(super) fn not_a_test(node: &Node, expr: &Expr) -> KflError {
    let message = format!("this must be true or false, and `{node}` is {:#}", expr.ty);
    let error = KflError::at(node.span.clone(), message);
    match expr.ty {
        Type::Text => error.help(format!("write `{node} != \"\"`, or compare it with a text")),
        Type::Int => error.help(format!("write `{node} != 0`, or compare it with a number")),
        Type::List(_) | Type::Map(..) => error.help(format!("write `size({node}) > 0`")),
        _ => error,
    }
}
