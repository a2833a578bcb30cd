//! Operators and string functions on values. Types are checked before a filter runs; what is
//! `dyn` there is checked here.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::super::ast::Operator;
use super::super::ir::Function;
use super::super::value::{Fault, Value, lookup};
use super::{Operand, Result};

/// Comparison, membership and arithmetic.
pub fn binary<'e>(op: Operator, left: Operand<'e>, right: Operand<'e>) -> Result<Value<'e>> {
    let ordered = |test: fn(Ordering) -> bool| {
        left.order(&right).map(|order| Value::Bool(order.is_some_and(test)))
    };
    match op {
        Operator::Equal => Ok(Value::Bool(left.equals(&right))),
        Operator::NotEqual => Ok(Value::Bool(!left.equals(&right))),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterEqual => ordered(Ordering::is_ge),
        Operator::In => contains(&right, &left).map(Value::Bool),
        Operator::Add => add(left.into_owned(), right.into_owned()),
        Operator::Subtract => subtract(&left, &right),
        Operator::Multiply | Operator::Divide | Operator::Modulo => scale(op, &left, &right),
    }
}

fn contains(container: &Value<'_>, wanted: &Value<'_>) -> Result<bool> {
    match container {
        Value::List(items) => Ok(items.iter().any(|item| item.equals(wanted))),
        Value::Map(entries) => Ok(lookup(entries, wanted).is_some()),
        _ => Err(Fault::WrongType),
    }
}

fn add<'e>(left: Value<'e>, right: Value<'e>) -> Result<Value<'e>> {
    use Value::*;
    match (left, right) {
        (Int(a), Int(b)) => a.checked_add(b).map(Int).ok_or(Fault::Overflow),
        (Uint(a), Uint(b)) => a.checked_add(b).map(Uint).ok_or(Fault::Overflow),
        (Double(a), Double(b)) => Ok(Double(a + b)),
        (Time(a), Duration(b)) | (Duration(b), Time(a)) => {
            a.checked_add(b).map(Time).ok_or(Fault::Overflow)
        }
        (Duration(a), Duration(b)) => a.checked_add(b).map(Duration).ok_or(Fault::Overflow),
        (Text(a), Text(b)) => Ok(Text(a + b)),
        (Bytes(a), Bytes(b)) => Ok(Bytes(Cow::Owned([&*a, &*b].concat()))),
        (List(mut a), List(b)) => {
            a.extend(b);
            Ok(List(a))
        }
        _ => Err(Fault::WrongType),
    }
}

fn subtract<'e>(left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>> {
    use Value::*;
    let value = match (left, right) {
        (Int(a), Int(b)) => a.checked_sub(*b).map(Int),
        (Uint(a), Uint(b)) => a.checked_sub(*b).map(Uint),
        (Double(a), Double(b)) => Some(Double(a - b)),
        (Time(a), Time(b)) | (Duration(a), Duration(b)) => a.checked_sub(*b).map(Duration),
        (Time(a), Duration(b)) => a.checked_sub(*b).map(Time),
        _ => return Err(Fault::WrongType),
    };
    value.ok_or(Fault::Overflow)
}

/// `* / %`; integers divide towards zero.
fn scale<'e>(op: Operator, left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>> {
    use Value::*;
    let divides = op != Operator::Multiply;
    let value = match (left, right) {
        (Int(_), Int(0)) | (Uint(_), Uint(0)) if divides => return Err(Fault::DivisionByZero),
        (Int(a), Int(b)) => match op {
            Operator::Multiply => a.checked_mul(*b),
            Operator::Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        }
        .map(Int),
        (Uint(a), Uint(b)) => match op {
            Operator::Multiply => a.checked_mul(*b),
            Operator::Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        }
        .map(Uint),
        (Double(a), Double(b)) if op == Operator::Multiply => Some(Double(a * b)),
        (Double(a), Double(b)) if op == Operator::Divide => Some(Double(a / b)),
        _ => return Err(Fault::WrongType),
    };
    value.ok_or(Fault::Overflow)
}

pub fn negate<'e>(operand: &Value<'e>) -> Result<Value<'e>> {
    match operand {
        Value::Int(i) => i.checked_neg().map(Value::Int).ok_or(Fault::Overflow),
        Value::Double(d) => Ok(Value::Double(-d)),
        _ => Err(Fault::WrongType),
    }
}

/// `list[0]` and `map["key"]`.
pub fn index<'m, 'v>(operand: &'m Value<'v>, key: &Value<'_>) -> Result<&'m Value<'v>> {
    match (operand, key) {
        (Value::Map(entries), key) => lookup(entries, key).ok_or(Fault::MissingKey),
        (Value::List(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).ok_or(Fault::MissingIndex)
        }
        (Value::List(items), Value::Uint(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).ok_or(Fault::MissingIndex)
        }
        _ => Err(Fault::WrongType),
    }
}

/// Functions of one value, or of text and text.
pub fn call<'e>(
    function: &Function,
    on: &Value<'e>,
    with: Option<&Value<'e>>,
) -> Result<Value<'e>> {
    let text = |value: Option<&Value<'e>>| match value {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(Fault::WrongType),
    };
    let on_text = || text(Some(on));
    Ok(match function {
        Function::Size => Value::Int(size(on)?),
        Function::TypeOf => Value::Type(on.type_name()),
        Function::Part(part, zone) => Value::Int(match on {
            Value::Time(ns) => part.of_time(*ns, zone).ok_or(Fault::Overflow)?,
            Value::Duration(ns) => part.of_duration(*ns).ok_or(Fault::WrongType)?,
            _ => return Err(Fault::WrongType),
        }),
        Function::Contains => Value::Bool(on_text()?.contains(&*text(with)?)),
        Function::StartsWith => Value::Bool(on_text()?.starts_with(&*text(with)?)),
        Function::EndsWith => Value::Bool(on_text()?.ends_with(&*text(with)?)),
        Function::Matches(regex) => Value::Bool(regex.is_match(&on_text()?)),
        Function::Cidr(network) => Value::Bool(network.contains(&on_text()?)),
        Function::Lower => Value::Text(on_text()?.to_lowercase().into()),
        Function::LowerAscii => Value::Text(on_text()?.to_ascii_lowercase().into()),
        Function::MapGet | Function::Convert => return Err(Fault::WrongType),
    })
}

fn size(value: &Value<'_>) -> Result<i64> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return Err(Fault::WrongType),
    };
    i64::try_from(size).map_err(|_| Fault::Overflow)
}
