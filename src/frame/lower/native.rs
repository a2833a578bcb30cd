//! The tests and values that Polars has expressions for, or that a small kernel computes.

use polars::prelude::{
    DataType, Expr as PlExpr, IntoSeries, NamedFrom, PlSmallStr, Scalar, Series, lit,
};

use crate::field::FieldType;
use crate::kfl::{Expr, Function, Kind, Operator, Type, Value, evaluate};

use super::{Lower, Part, asks_nothing, choose, fault, kernels, workloads};

/// A literal list of text for [`is_in`].
pub(super) fn texts<'t>(items: impl Iterator<Item = &'t str>) -> Series {
    Series::new(PlSmallStr::EMPTY, items.collect::<Vec<_>>())
}

/// A literal list of numbers for [`is_in`].
pub(super) fn ints(items: impl Iterator<Item = i64>) -> Series {
    Series::new(PlSmallStr::EMPTY, items.collect::<Vec<_>>())
}

/// Whether a column's value is in a list; null stays null.
pub(super) fn is_in(column: PlExpr, items: Series) -> PlExpr {
    column.is_in(lit(items.implode().map_or_else(|_| items.clone(), |l| l.into_series())), false)
}

/// Types whose values are one cell, ordered in Polars as in KFL.
fn is_cell(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Int | Type::Text | Type::Time | Type::Duration)
}

fn cell_type(ty: &Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Text => DataType::String,
        _ => DataType::Int64,
    }
}

/// A literal `Int64`: a plain one would take the narrowest type that holds it.
pub(super) fn int(value: i64) -> PlExpr {
    lit(Scalar::from(value))
}

fn literal(value: &Value<'_>) -> Option<PlExpr> {
    Some(match value {
        Value::Bool(b) => lit(*b),
        Value::Int(i) | Value::Time(i) | Value::Duration(i) => int(*i),
        Value::Text(text) => lit(text.to_string()),
        _ => return None,
    })
}

impl Lower<'_> {
    /// A test as an expression; None where only the row evaluator can answer it.
    pub(super) fn native(&self, expr: &Expr) -> Option<Part> {
        match &expr.kind {
            Kind::Field(_) => self.cell(expr),
            Kind::Binary(Operator::In, parts) => self.membership(&parts[0], &parts[1]),
            Kind::Binary(op, parts) => self.comparison(*op, &parts[0], &parts[1]),
            Kind::Call(function, args) => self.text_test(function, args),
            _ => None,
        }
    }

    fn comparison(&self, op: Operator, left: &Expr, right: &Expr) -> Option<Part> {
        if left.ty != right.ty {
            return None;
        }
        let (left, right) = (self.cell(left)?, self.cell(right)?);
        Some(left.join(right, |a, b| match op {
            Operator::Equal => a.eq(b),
            Operator::NotEqual => a.neq(b),
            Operator::Less => a.lt(b),
            Operator::LessEqual => a.lt_eq(b),
            Operator::Greater => a.gt(b),
            _ => a.gt_eq(b),
        }))
    }

    /// `x in [literals]`, `"text" in list`, `"key" in map`.
    fn membership(&self, item: &Expr, container: &Expr) -> Option<Part> {
        if let (Kind::Field(field), Some(text)) = (&container.kind, item.as_text()) {
            let text = text.to_string();
            return match field.ty {
                FieldType::List => Some(self.column(field).map(|c| kernels::has_item(c, text))),
                FieldType::Map => Some(self.column(field).map(|c| kernels::has_key(c, text))),
                _ => None,
            };
        }
        let Some(Value::List(items)) = container.as_const() else { return None };
        let items = series(&item.ty, items)?;
        Some(self.cell(item)?.map(|cell| is_in(cell, items)))
    }

    fn text_test(&self, function: &Function, args: &[Expr]) -> Option<Part> {
        let text = args.first().filter(|arg| arg.ty == Type::Text)?;
        let literal = || args.get(1)?.as_text().map(|text| lit(text.to_string()));
        let test: Box<dyn FnOnce(PlExpr) -> PlExpr> = match function {
            Function::Contains => {
                let part = literal()?;
                Box::new(|text| text.str().contains_literal(part))
            }
            Function::StartsWith => {
                let part = literal()?;
                Box::new(|text| text.str().starts_with(part))
            }
            Function::EndsWith => {
                let part = literal()?;
                Box::new(|text| text.str().ends_with(part))
            }
            Function::Matches(regex) => {
                let regex = regex.clone();
                Box::new(|text| kernels::text_test(text, move |text| regex.is_match(text)))
            }
            Function::Cidr(network) => {
                let network = *network;
                Box::new(move |text| kernels::text_test(text, move |text| network.contains(text)))
            }
            _ => return None,
        };
        Some(self.cell(text)?.map(test))
    }

    /// A bool, number, text, time or duration as a column.
    fn cell(&self, expr: &Expr) -> Option<Part> {
        if !is_cell(&expr.ty) {
            return None;
        }
        if asks_nothing(expr) {
            let value = evaluate(expr, &workloads::Unknown);
            return Some(Part::of(match value {
                Ok(value) => literal(&value)?,
                Err(_) => fault(cell_type(&expr.ty)),
            }));
        }
        match &expr.kind {
            Kind::Field(field) => Some(self.column(field)),
            Kind::Index(parts) => self.map_value(&parts[0], &parts[1]),
            Kind::Call(Function::MapGet, args) => {
                let default = literal(args[2].as_const()?)?;
                Some(self.map_value(&args[0], &args[1])?.map(|value| value.fill_null(default)))
            }
            Kind::Call(function, args) => self.function(function, args, expr),
            Kind::Binary(op, parts) if expr.ty != Type::Bool => {
                self.arithmetic(*op, &parts[0], &parts[1])
            }
            Kind::Negate(operand) if expr.ty == Type::Int => {
                Some(self.cell(operand)?.map(|c| kernels::int(c, i64::checked_neg)))
            }
            Kind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let test = self.test(condition).into_part();
                let (then, otherwise) = (self.cell(then)?, self.cell(otherwise)?);
                Some(choose(test, condition.can_fail(), then, otherwise))
            }
            _ if expr.ty == Type::Bool => Some(self.test(expr).into_part()),
            _ => None,
        }
    }

    /// `map["key"]`, null where there is none.
    fn map_value(&self, map: &Expr, key: &Expr) -> Option<Part> {
        let (Kind::Field(field), Some(key)) = (&map.kind, key.as_text()) else { return None };
        let key = key.to_string();
        Some(self.column(field).map(|column| kernels::map_value(column, key)))
    }

    fn function(&self, function: &Function, args: &[Expr], expr: &Expr) -> Option<Part> {
        let on = args.first()?;
        match function {
            Function::Size => self.size(on),
            Function::Lower => Some(self.cell(on)?.map(|c| kernels::text(c, str::to_lowercase))),
            Function::LowerAscii => {
                Some(self.cell(on)?.map(|c| kernels::text(c, str::to_ascii_lowercase)))
            }
            Function::Part(part, zone) if on.ty == Type::Time => {
                let (part, zone) = (*part, zone.clone());
                Some(self.cell(on)?.map(|c| kernels::int(c, move |ns| part.of_time(ns, &zone))))
            }
            Function::Part(part, _) if on.ty == Type::Duration => {
                let part = *part;
                Some(self.cell(on)?.map(|c| kernels::int(c, move |ns| part.of_duration(ns))))
            }
            _ if expr.ty == Type::Bool => Some(self.test(expr).into_part()),
            _ => None,
        }
    }

    /// Code points of a text, items of a list, keys of a map.
    fn size(&self, of: &Expr) -> Option<Part> {
        let (part, size): (Part, fn(PlExpr) -> PlExpr) = match (&of.ty, &of.kind) {
            (Type::Text, _) => (self.cell(of)?, |c| c.str().len_chars()),
            (_, Kind::Field(field)) => {
                (self.column(field), |c| c.list().len().fill_null(lit(0u32)))
            }
            _ => return None,
        };
        Some(part.map(|c| size(c).cast(DataType::Int64)))
    }

    /// Sums and the like, null where they leave 64 bits or divide by zero.
    fn arithmetic(&self, op: Operator, left: &Expr, right: &Expr) -> Option<Part> {
        let whole = |ty: &Type| matches!(ty, Type::Int | Type::Time | Type::Duration);
        if !whole(&left.ty) || !whole(&right.ty) {
            return None;
        }
        let compute: fn(i64, i64) -> Option<i64> = match op {
            Operator::Add => i64::checked_add,
            Operator::Subtract => i64::checked_sub,
            Operator::Multiply => i64::checked_mul,
            Operator::Divide => i64::checked_div,
            Operator::Modulo => i64::checked_rem,
            _ => return None,
        };
        let (left, right) = (self.cell(left)?, self.cell(right)?);
        Some(left.join(right, |a, b| kernels::ints(a, b, compute)))
    }
}

/// A list literal as Polars takes it, if its items are of the tested value's type.
fn series(ty: &Type, items: &[Value<'_>]) -> Option<Series> {
    match ty {
        Type::Text => {
            let texts = items.iter().map(|item| match item {
                Value::Text(text) => Some(text.as_ref()),
                _ => None,
            });
            Some(self::texts(texts.collect::<Option<Vec<_>>>()?.into_iter()))
        }
        Type::Int => {
            let ints = items.iter().map(|item| match item {
                Value::Int(i) => Some(*i),
                _ => None,
            });
            Some(self::ints(ints.collect::<Option<Vec<_>>>()?.into_iter()))
        }
        _ => None,
    }
}
