//! Values while a filter runs on a row: how they compare, and the faults that make a row an error.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::field::FieldType;

/// Why a row could not be judged. Such a row does not match, and is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Fault {
    #[error("a map has no such key")]
    MissingKey,
    #[error("a list has no such position")]
    MissingIndex,
    #[error("division by zero")]
    DivisionByZero,
    #[error("a number, time or duration beyond 64 bits")]
    Overflow,
    #[error("text that is no such number, time or duration")]
    Conversion,
    #[error("a value of a type that the operation does not take")]
    WrongType,
    #[error("more steps than one row may take")]
    TooLong,
    #[error("now() has no time to stand for")]
    NowUnknown,
}

/// A value, borrowed from the row or the filter where it can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Nanoseconds since 1970 UTC.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// What `type()` gives.
    Type(&'static str),
    List(Vec<Value<'a>>),
    /// In order of appearance; keys are unique.
    Map(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl<'a> Value<'a> {
    /// A list of text.
    pub fn texts(items: impl Iterator<Item = &'a str>) -> Self {
        Value::List(items.map(Value::from).collect())
    }

    /// A map of text to text.
    pub fn pairs(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Value::Map(pairs.map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// What a field reads as where the row has none.
    pub fn absent(ty: FieldType, int: i64) -> Value<'static> {
        match ty {
            FieldType::Text => Value::Text(Cow::Borrowed("")),
            FieldType::Int => Value::Int(int),
            FieldType::Bool => Value::Bool(false),
            FieldType::Time => Value::Time(int),
            FieldType::List => Value::List(Vec::new()),
            FieldType::Map => Value::Map(Vec::new()),
            FieldType::Bytes => Value::Bytes(Cow::Borrowed(&[])),
        }
    }

    /// The same value, borrowing its text.
    pub fn borrowed(&'a self) -> Value<'a> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Value::List(items) => Value::List(items.iter().map(Value::borrowed).collect()),
            Value::Map(entries) => {
                Value::Map(entries.iter().map(|(k, v)| (k.borrowed(), v.borrowed())).collect())
            }
            scalar => scalar.clone(),
        }
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(b),
            Value::Int(i) => Value::Int(i),
            Value::Uint(u) => Value::Uint(u),
            Value::Double(d) => Value::Double(d),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::Time(ns) => Value::Time(ns),
            Value::Duration(ns) => Value::Duration(ns),
            Value::Type(name) => Value::Type(name),
            Value::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Value::Map(entries) => {
                let owned = |(k, v): (Value<'_>, Value<'_>)| (k.into_owned(), v.into_owned());
                Value::Map(entries.into_iter().map(owned).collect())
            }
        }
    }

    /// CEL's name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Time(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Type(_) => "type",
            Value::List(_) => "list",
            Value::Map(_) => "map",
        }
    }

    /// `==`: numbers by value whatever their type, other types never equal one another.
    pub fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                let same =
                    |(k, v): &(Value<'_>, Value<'_>)| lookup(b, k).is_some_and(|w| v.equals(w));
                a.len() == b.len() && a.iter().all(same)
            }
            (Value::Null, Value::Null) => true,
            (Value::Type(a), Value::Type(b)) => a == b,
            (a, b) => matches!(a.order(b), Ok(Some(Ordering::Equal))),
        }
    }

    /// `<` and its like; None for what is not a number (NaN). Errors: types without an order.
    pub fn order(&self, other: &Value<'_>) -> Result<Option<Ordering>, Fault> {
        use Value::*;
        Ok(match (self, other) {
            (Bool(a), Bool(b)) => Some(a.cmp(b)),
            (Int(a), Int(b)) | (Time(a), Time(b)) | (Duration(a), Duration(b)) => Some(a.cmp(b)),
            (Text(a), Text(b)) => Some(a.cmp(b)),
            (Bytes(a), Bytes(b)) => Some(a.cmp(b)),
            (Double(a), Double(b)) => a.partial_cmp(b),
            (Uint(a), Uint(b)) => Some(a.cmp(b)),
            (Int(a), Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Uint(a), Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Int(a), Double(b)) => (*a as f64).partial_cmp(b),
            (Double(a), Int(b)) => a.partial_cmp(&(*b as f64)),
            (Uint(a), Double(b)) => (*a as f64).partial_cmp(b),
            (Double(a), Uint(b)) => a.partial_cmp(&(*b as f64)),
            _ => return Err(Fault::WrongType),
        })
    }
}

/// The value of a key.
pub fn lookup<'m, 'v>(
    entries: &'m [(Value<'v>, Value<'v>)],
    key: &Value<'_>,
) -> Option<&'m Value<'v>> {
    entries.iter().find(|(k, _)| k.equals(key)).map(|(_, value)| value)
}
