//! The types that the checker knows.

use std::fmt;

use crate::field::FieldType;

/// A static type. `Dyn` is what `dyn()` and mixed lists give: checked row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Time,
    Duration,
    /// What `type()` gives.
    TypeOf,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
}

impl Type {
    pub fn list_of(item: Type) -> Type {
        Type::List(Box::new(item))
    }

    pub fn map_of(key: Type, value: Type) -> Type {
        Type::Map(Box::new(key), Box::new(value))
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Uint | Type::Double)
    }

    /// Whether a value of one type can stand where the other is asked for.
    pub fn fits(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::List(a), Type::List(b)) => a.fits(b),
            (Type::Map(k, v), Type::Map(l, w)) => k.fits(l) && v.fits(w),
            (a, b) => a == b,
        }
    }

    /// Whether `==` between them can be true: numbers of all types compare by value.
    pub fn comparable(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::List(a), Type::List(b)) => a.comparable(b),
            (Type::Map(k, v), Type::Map(l, w)) => k.comparable(l) && v.comparable(w),
            (a, b) => a.fits(b) || a.is_number() && b.is_number(),
        }
    }

    /// The one type of two values that may stand in the same place.
    pub fn join(self, other: &Type) -> Type {
        if self == *other { self } else { Type::Dyn }
    }

    /// Whether `<` orders its values.
    pub fn is_ordered(&self) -> bool {
        self.is_number()
            || matches!(
                self,
                Type::Text | Type::Bytes | Type::Bool | Type::Time | Type::Duration | Type::Dyn
            )
    }
}

impl From<FieldType> for Type {
    fn from(ty: FieldType) -> Type {
        match ty {
            FieldType::Text => Type::Text,
            FieldType::Int => Type::Int,
            FieldType::Bool => Type::Bool,
            FieldType::Time => Type::Time,
            FieldType::List => Type::list_of(Type::Text),
            FieldType::Map => Type::map_of(Type::Text, Type::Text),
            FieldType::Bytes => Type::Bytes,
        }
    }
}

/// The name; with `{:#}` after its article.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            f.write_str(if *self == Type::Int { "an " } else { "a " })?;
        }
        f.write_str(match self {
            Type::Dyn => "dyn",
            Type::Null => "null",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::Text => "string",
            Type::Bytes => "bytes",
            Type::Time => "timestamp",
            Type::Duration => "duration",
            Type::TypeOf => "type",
            Type::List(item) => return write!(f, "list<{item}>"),
            Type::Map(key, value) => return write!(f, "map<{key},{value}>"),
        })
    }
}
