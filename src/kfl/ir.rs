//! A checked filter as a typed tree: names resolved, derived fields in place, regular
//! expressions, networks and time zones compiled, constants folded. What the back ends run.

use crate::catalogue::FieldRef;

use super::ast::Operator;
use super::net::Network;
use super::time::{Part, Zone};
use super::types::Type;
use super::value::Value;

/// A typed expression.
#[derive(Debug, Clone)]
pub struct Expr {
    pub ty: Type,
    pub kind: Kind,
}

/// What an expression does.
#[derive(Debug, Clone)]
pub enum Kind {
    Const(Value<'static>),
    /// A field of the row, or its absent value.
    Field(FieldRef),
    /// A family or protocol boolean.
    Flag(FieldRef),
    /// The variable of the macro that is so many levels deep, from 0.
    Var(usize),
    /// The end of the capture; see [`crate::kfl::Checked::at`].
    Now,
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// Condition, then, otherwise.
    If(Box<[Expr; 3]>),
    Binary(Operator, Box<[Expr; 2]>),
    Negate(Box<Expr>),
    Index(Box<[Expr; 2]>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Call(Function, Vec<Expr>),
    Each(Box<Each>),
}

/// A macro over the items of a list or the keys of a map.
#[derive(Debug, Clone)]
pub struct Each {
    pub quantifier: Quantifier,
    pub over: Expr,
    /// Level of its variable.
    pub var: usize,
    /// The predicate; `true` for `map` with two arguments.
    pub test: Expr,
    /// What `map` makes of an item; elsewhere the item itself.
    pub yields: Expr,
}

/// Which macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    Exists,
    All,
    ExistsOne,
    Map,
    Filter,
}

/// A function with what was compiled for it. Arguments stand in the call.
#[derive(Debug, Clone)]
pub enum Function {
    /// Code points, bytes, items or keys.
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches(regex::Regex),
    Lower,
    LowerAscii,
    /// Map, key, value where there is none.
    MapGet,
    Cidr(Network),
    Part(Part, Zone),
    /// `int()`, `timestamp()` and so on: the type is the call's.
    Convert,
    TypeOf,
}

impl Expr {
    pub fn new(ty: Type, kind: Kind) -> Expr {
        Expr { ty, kind }
    }

    pub fn bool(value: bool) -> Expr {
        Expr::new(Type::Bool, Kind::Const(Value::Bool(value)))
    }

    pub fn constant(ty: Type, value: Value<'static>) -> Expr {
        Expr::new(ty, Kind::Const(value))
    }

    /// The value, if it is the same for every row.
    pub fn as_const(&self) -> Option<&Value<'static>> {
        match &self.kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The truth value, if it is the same for every row.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_const() {
            Some(Value::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    /// The text, if it is the same for every row.
    pub fn as_text(&self) -> Option<&str> {
        match self.as_const() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The parts it is made of, in order.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Const(_) | Kind::Field(_) | Kind::Flag(_) | Kind::Var(_) | Kind::Now => vec![],
            Kind::Not(a) | Kind::Negate(a) => vec![a],
            Kind::All(parts) | Kind::Any(parts) | Kind::List(parts) | Kind::Call(_, parts) => {
                parts.iter().collect()
            }
            Kind::If(parts) => parts.iter().collect(),
            Kind::Binary(_, parts) | Kind::Index(parts) => parts.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(k, v)| [k, v]).collect(),
            Kind::Each(each) => vec![&each.over, &each.test, &each.yields],
        }
    }

    /// The same expression with each of its parts replaced.
    pub fn map_children(self, f: &mut dyn FnMut(Expr) -> Expr) -> Expr {
        let mut many = |parts: Vec<Expr>| parts.into_iter().map(&mut *f).collect();
        let kind = match self.kind {
            Kind::All(parts) => Kind::All(many(parts)),
            Kind::Any(parts) => Kind::Any(many(parts)),
            Kind::List(parts) => Kind::List(many(parts)),
            Kind::Call(function, args) => Kind::Call(function, many(args)),
            Kind::Not(a) => Kind::Not(Box::new(f(*a))),
            Kind::Negate(a) => Kind::Negate(Box::new(f(*a))),
            Kind::If(parts) => Kind::If(Box::new(parts.map(f))),
            Kind::Binary(op, parts) => Kind::Binary(op, Box::new(parts.map(f))),
            Kind::Index(parts) => Kind::Index(Box::new(parts.map(f))),
            Kind::Map(entries) => {
                Kind::Map(entries.into_iter().map(|(k, v)| (f(k), f(v))).collect())
            }
            Kind::Each(each) => {
                let Each { quantifier, over, var, test, yields } = *each;
                let (over, test, yields) = (f(over), f(test), f(yields));
                Kind::Each(Box::new(Each { quantifier, over, var, test, yields }))
            }
            leaf => leaf,
        };
        Expr { ty: self.ty, kind }
    }

    /// Whether any part, itself included, is so.
    pub fn any(&self, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// How many parts it has, itself included.
    pub fn nodes(&self) -> usize {
        1 + self.children().into_iter().map(Expr::nodes).sum::<usize>()
    }

    /// Whether a row can be an error in it. May say yes where none can.
    pub fn can_fail(&self) -> bool {
        let own = match &self.kind {
            Kind::Now | Kind::Index(_) | Kind::Negate(_) | Kind::Each(_) => true,
            Kind::Binary(op, parts) => match op {
                Operator::Equal | Operator::NotEqual | Operator::In => false,
                Operator::Add => !matches!(self.ty, Type::Text | Type::Bytes | Type::List(_)),
                Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
                    true
                }
                _ => parts.iter().any(|p| p.ty == Type::Dyn),
            },
            Kind::Call(Function::Convert, _) => true,
            Kind::Call(_, args) => args.iter().any(|a| a.ty == Type::Dyn),
            Kind::Not(a) => a.ty == Type::Dyn,
            Kind::All(parts) | Kind::Any(parts) => parts.iter().any(|p| p.ty == Type::Dyn),
            Kind::If(parts) => parts[0].ty == Type::Dyn,
            _ => false,
        };
        own || self.children().into_iter().any(Expr::can_fail)
    }
}
