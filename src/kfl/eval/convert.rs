//! The conversions `int() uint() double() string() bytes() bool() timestamp() duration() dyn()`.

use std::borrow::Cow;

use super::super::time;
use super::super::types::Type;
use super::super::value::{Fault, Value};
use super::Result;

const SECOND: i64 = 1_000_000_000;

/// A value as another type. Errors: text that does not read as one, numbers out of range.
pub fn convert<'e>(value: Value<'e>, to: &Type) -> Result<Value<'e>> {
    match to {
        Type::Int => int(&value).map(Value::Int),
        Type::Uint => uint(&value).map(Value::Uint),
        Type::Double => double(&value).map(Value::Double),
        Type::Text => text(value).map(Value::Text),
        Type::Bytes => bytes(value).map(Value::Bytes),
        Type::Bool => bool(&value).map(Value::Bool),
        Type::Time => time(&value).map(Value::Time),
        Type::Duration => duration(&value).map(Value::Duration),
        _ => Ok(value),
    }
}

fn int(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Int(i) => Ok(*i),
        Value::Uint(u) => i64::try_from(*u).map_err(|_| Fault::Overflow),
        // Both ends as doubles: -2^63 is one, 2^63 is beyond.
        Value::Double(d) if *d > i64::MIN as f64 && *d < i64::MAX as f64 => Ok(*d as i64),
        Value::Double(_) => Err(Fault::Overflow),
        Value::Text(text) => text.parse().map_err(|_| Fault::Conversion),
        Value::Time(ns) => Ok(ns.div_euclid(SECOND)),
        _ => Err(Fault::WrongType),
    }
}

fn uint(value: &Value<'_>) -> Result<u64> {
    match value {
        Value::Uint(u) => Ok(*u),
        Value::Int(i) => u64::try_from(*i).map_err(|_| Fault::Overflow),
        Value::Double(d) if *d >= 0.0 && *d < u64::MAX as f64 => Ok(*d as u64),
        Value::Double(_) => Err(Fault::Overflow),
        Value::Text(text) => text.parse().map_err(|_| Fault::Conversion),
        _ => Err(Fault::WrongType),
    }
}

fn double(value: &Value<'_>) -> Result<f64> {
    match value {
        Value::Double(d) => Ok(*d),
        Value::Int(i) => Ok(*i as f64),
        Value::Uint(u) => Ok(*u as f64),
        Value::Text(text) => text.parse().map_err(|_| Fault::Conversion),
        _ => Err(Fault::WrongType),
    }
}

fn text(value: Value<'_>) -> Result<Cow<'_, str>> {
    Ok(match value {
        Value::Text(text) => text,
        Value::Bool(b) => b.to_string().into(),
        Value::Int(i) => i.to_string().into(),
        Value::Uint(u) => u.to_string().into(),
        Value::Double(d) => d.to_string().into(),
        Value::Time(ns) => time::format_time(ns).into(),
        Value::Duration(ns) => time::format_duration(ns).into(),
        Value::Bytes(bytes) => {
            String::from_utf8(bytes.into_owned()).map_err(|_| Fault::Conversion)?.into()
        }
        _ => return Err(Fault::WrongType),
    })
}

fn bytes(value: Value<'_>) -> Result<Cow<'_, [u8]>> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Text(text) => Ok(text.into_owned().into_bytes().into()),
        _ => Err(Fault::WrongType),
    }
}

fn bool(value: &Value<'_>) -> Result<bool> {
    match value {
        Value::Bool(b) => Ok(*b),
        Value::Text(text) => match &**text {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(Fault::Conversion),
        },
        _ => Err(Fault::WrongType),
    }
}

fn time(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Time(ns) => Ok(*ns),
        Value::Int(seconds) => seconds.checked_mul(SECOND).ok_or(Fault::Overflow),
        Value::Text(text) => time::parse_time(text).ok_or(Fault::Conversion),
        _ => Err(Fault::WrongType),
    }
}

fn duration(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Duration(ns) => Ok(*ns),
        Value::Text(text) => time::parse_duration(text).ok_or(Fault::Conversion),
        _ => Err(Fault::WrongType),
    }
}
