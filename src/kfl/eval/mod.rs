//! The row evaluator: a checked filter and one entry -> match, no match or a fault. It asks an
//! entry for fields through [`Entry`] and knows nothing of how entries are kept.

mod convert;
mod operators;

use std::borrow::Cow;

use crate::catalogue::{Family, Field, Flag};

use super::ast::Operator;
use super::ir::{Each, Expr, Function, Kind, Quantifier};
use super::limits::STEPS_MAX;
use super::value::{Fault, Value, lookup};

/// A call, connection, flow or workload as filters see it.
pub trait Entry {
    fn family(&self) -> Family;

    /// Value of the field `protocol`.
    fn protocol(&self) -> &str;

    /// The field's value, of the field's type; None where the entry has none.
    fn get(&self, field: &Field) -> Option<Value<'_>>;
}

/// What a filter says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Match,
    NoMatch,
    /// Counts as no match.
    Error(Fault),
}

/// Judges one entry.
pub fn verdict(expr: &Expr, entry: &dyn Entry) -> Verdict {
    match Row::new(entry).truth(expr) {
        Ok(true) => Verdict::Match,
        Ok(false) => Verdict::NoMatch,
        Err(fault) => Verdict::Error(fault),
    }
}

/// The value of an expression on one entry.
pub fn value<'e>(expr: &'e Expr, entry: &'e dyn Entry) -> Result<Value<'e>> {
    Row::new(entry).eval(expr).map(Cow::into_owned)
}

/// The value of an expression that asks nothing of an entry.
pub fn constant(expr: &Expr) -> Result<Value<'static>> {
    value(expr, &Nothing).map(Value::into_owned)
}

/// An entry without any field.
struct Nothing;

impl Entry for Nothing {
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

type Operand<'e> = Cow<'e, Value<'e>>;
type Result<T> = std::result::Result<T, Fault>;

/// One entry being judged.
struct Row<'e> {
    entry: &'e dyn Entry,
    /// Values of the macros' variables, outermost first.
    vars: Vec<Value<'e>>,
    steps: u32,
}

impl<'e> Row<'e> {
    fn new(entry: &'e dyn Entry) -> Self {
        Row { entry, vars: Vec::new(), steps: 0 }
    }

    fn eval(&mut self, expr: &'e Expr) -> Result<Operand<'e>> {
        let value = match &expr.kind {
            Kind::Const(value) => return Ok(Cow::Borrowed(value)),
            Kind::Field(field) => {
                self.entry.get(field).unwrap_or_else(|| Value::absent(field.ty, field.absent))
            }
            Kind::Flag(field) => Value::Bool(self.flag(field.flag.as_ref())),
            Kind::Var(level) => self.vars.get(*level).cloned().ok_or(Fault::WrongType)?,
            Kind::Now => return Err(Fault::NowUnknown),
            Kind::Not(operand) => Value::Bool(!self.truth(operand)?),
            Kind::All(parts) => Value::Bool(self.logic(parts, false)?),
            Kind::Any(parts) => Value::Bool(self.logic(parts, true)?),
            Kind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                return if self.truth(condition)? { self.eval(then) } else { self.eval(otherwise) };
            }
            Kind::Binary(op, parts) => self.binary(*op, &parts[0], &parts[1])?,
            Kind::Negate(operand) => operators::negate(&*self.eval(operand)?)?,
            Kind::Index(parts) => return self.index(&parts[0], &parts[1]),
            Kind::List(items) => Value::List(self.values(items)?),
            Kind::Map(entries) => self.map(entries)?,
            Kind::Call(function, args) => self.call(function, args, expr)?,
            Kind::Each(each) => self.each(each)?,
        };
        Ok(Cow::Owned(value))
    }

    /// Errors: anything but a bool.
    fn truth(&mut self, expr: &'e Expr) -> Result<bool> {
        match &*self.eval(expr)? {
            Value::Bool(b) => Ok(*b),
            _ => Err(Fault::WrongType),
        }
    }

    fn flag(&self, flag: Option<&Flag>) -> bool {
        flag.is_some_and(|flag| flag.holds(self.entry.family(), self.entry.protocol()))
    }

    /// `||` (`decides` is true) and `&&`: an operand that decides outweighs any fault.
    fn logic(&mut self, parts: &'e [Expr], decides: bool) -> Result<bool> {
        let mut fault = None;
        for part in parts {
            match self.truth(part) {
                Ok(b) if b == decides => return Ok(decides),
                Ok(_) => {}
                Err(f) => fault = fault.or(Some(f)),
            }
        }
        fault.map_or(Ok(!decides), Err)
    }

    fn binary(&mut self, op: Operator, left: &'e Expr, right: &'e Expr) -> Result<Value<'e>> {
        let (left, right) = (self.eval(left)?, self.eval(right)?);
        operators::binary(op, left, right)
    }

    fn index(&mut self, operand: &'e Expr, key: &'e Expr) -> Result<Operand<'e>> {
        let operand = self.eval(operand)?;
        let key = self.eval(key)?;
        match operand {
            Cow::Borrowed(value) => operators::index(value, &key).map(Cow::Borrowed),
            Cow::Owned(value) => operators::index(&value, &key).cloned().map(Cow::Owned),
        }
    }

    fn values(&mut self, items: &'e [Expr]) -> Result<Vec<Value<'e>>> {
        items.iter().map(|item| self.eval(item).map(Cow::into_owned)).collect()
    }

    fn map(&mut self, entries: &'e [(Expr, Expr)]) -> Result<Value<'e>> {
        let mut out: Vec<(Value<'e>, Value<'e>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.eval(key)?.into_owned();
            if lookup(&out, &key).is_some() {
                return Err(Fault::WrongType);
            }
            out.push((key, self.eval(value)?.into_owned()));
        }
        Ok(Value::Map(out))
    }

    fn call(
        &mut self,
        function: &'e Function,
        args: &'e [Expr],
        expr: &'e Expr,
    ) -> Result<Value<'e>> {
        let Some((first, rest)) = args.split_first() else {
            return Err(Fault::WrongType);
        };
        let first = self.eval(first)?;
        if let Function::MapGet = function {
            let [key, default] = rest else { return Err(Fault::WrongType) };
            let key = self.eval(key)?;
            let Value::Map(entries) = &*first else { return Err(Fault::WrongType) };
            return match lookup(entries, &key) {
                Some(value) => Ok(value.clone()),
                None => self.eval(default).map(Cow::into_owned),
            };
        }
        let second = rest.first().map(|arg| self.eval(arg)).transpose()?;
        match function {
            Function::Convert => convert::convert(first.into_owned(), &expr.ty),
            _ => operators::call(function, &first, second.as_deref()),
        }
    }

    fn each(&mut self, each: &'e Each) -> Result<Value<'e>> {
        let over = match self.eval(&each.over)? {
            Cow::Borrowed(value) => value.borrowed(),
            Cow::Owned(value) => value,
        };
        let items = match over {
            Value::List(items) => items,
            Value::Map(entries) => entries.into_iter().map(|(key, _)| key).collect(),
            _ => return Err(Fault::WrongType),
        };
        let depth = self.vars.len();
        let result = self.each_of(each, items);
        self.vars.truncate(depth);
        result
    }

    fn each_of(&mut self, each: &'e Each, items: Vec<Value<'e>>) -> Result<Value<'e>> {
        match each.quantifier {
            Quantifier::Exists => self.quantify(each, items, true).map(Value::Bool),
            Quantifier::All => self.quantify(each, items, false).map(Value::Bool),
            Quantifier::ExistsOne => {
                let mut found = 0;
                for item in items {
                    found += u32::from(self.holds(each, item)?);
                }
                Ok(Value::Bool(found == 1))
            }
            Quantifier::Map | Quantifier::Filter => {
                let mut out = Vec::new();
                for item in items {
                    if self.holds(each, item)? {
                        out.push(self.eval(&each.yields)?.into_owned());
                    }
                }
                Ok(Value::List(out))
            }
        }
    }

    /// Like [`Row::logic`] over the items.
    fn quantify(&mut self, each: &'e Each, items: Vec<Value<'e>>, decides: bool) -> Result<bool> {
        let mut fault = None;
        for item in items {
            match self.holds(each, item) {
                Ok(b) if b == decides => return Ok(decides),
                Err(Fault::TooLong) => return Err(Fault::TooLong),
                Err(f) => fault = fault.or(Some(f)),
                Ok(_) => {}
            }
        }
        fault.map_or(Ok(!decides), Err)
    }

    /// Binds the variable to an item and tests it.
    fn holds(&mut self, each: &'e Each, item: Value<'e>) -> Result<bool> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Fault::TooLong);
        }
        self.vars.truncate(each.var);
        self.vars.push(item);
        self.truth(&each.test)
    }
}
