//! A checked filter -> the text of an SQL condition, for engines that read our frames: DuckDB and
//! Spark. As everywhere, null stands for a fault of the row, and SQL's logic on null is CEL's on
//! faults. Columns are those of the frames, with side tables and workloads joined in under the
//! names of [`sql_column`]. What SQL cannot say is an error that names the part, never a condition
//! that means something else.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::catalogue::{Family, Field, FieldRef};
use crate::field::FieldType;

use super::ast::Operator;
use super::ir::{Each, Expr, Function, Kind, Quantifier};
use super::types::Type;
use super::value::Value;

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    DuckDb,
    Spark,
}

/// A condition, and the fields whose columns it names.
#[derive(Debug, Clone)]
pub struct Condition {
    pub text: String,
    /// Sorted by name.
    pub fields: Vec<FieldRef>,
}

/// A part of a filter that SQL has no words for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be said in SQL; `query` without --sql runs it")]
pub struct NotInSql(pub String);

/// The column of a field: dots are underscores, times are nanoseconds.
pub fn sql_column(field: &Field) -> String {
    if field.name == "timestamp" { "ts_ns".to_string() } else { field.column() }
}

/// The condition that a filter is on one family's rows.
///
/// # Errors
/// A part that SQL has no words for.
pub fn condition(
    filter: &super::Checked,
    family: Family,
    dialect: Dialect,
) -> Result<Condition, NotInSql> {
    let mut writer = Writer { dialect, family, fields: BTreeMap::new(), depth: 0 };
    let text = writer.expr(&filter.of_family(family))?;
    Ok(Condition { text, fields: writer.fields.into_values().collect() })
}

/// A text literal. Quotes are doubled; Spark also reads backslashes.
pub fn literal(text: &str, dialect: Dialect) -> String {
    let text = text.replace('\'', if dialect == Dialect::Spark { "\\'" } else { "''" });
    match dialect {
        Dialect::DuckDb => format!("'{text}'"),
        // Backslashes first would be doubled again by the quotes'.
        Dialect::Spark => {
            let mut out = String::from("'");
            let mut rest = text.chars().peekable();
            while let Some(c) = rest.next() {
                match c {
                    '\\' if rest.peek() == Some(&'\'') => out.push('\\'),
                    '\\' => out.push_str("\\\\"),
                    c => out.push(c),
                }
            }
            out + "'"
        }
    }
}

struct Writer {
    dialect: Dialect,
    family: Family,
    fields: BTreeMap<&'static str, FieldRef>,
    /// Macros around the part at hand.
    depth: usize,
}

type Text = Result<String, NotInSql>;

fn cannot<T>(what: impl Into<String>) -> Result<T, NotInSql> {
    Err(NotInSql(what.into()))
}

impl Writer {
    fn is_spark(&self) -> bool {
        self.dialect == Dialect::Spark
    }

    fn expr(&mut self, expr: &Expr) -> Text {
        match &expr.kind {
            Kind::Const(value) => self.value(value),
            Kind::Field(field) => Ok(self.field(field)),
            Kind::Flag(field) => Ok(self.flag(field)),
            Kind::Var(level) => Ok(format!("v{level}")),
            Kind::Now => cannot("now() without a capture"),
            Kind::Not(operand) if operand.ty == Type::Bool => {
                Ok(format!("(NOT {})", self.expr(operand)?))
            }
            Kind::All(parts) => self.logic(parts, " AND "),
            Kind::Any(parts) => self.logic(parts, " OR "),
            Kind::If(parts) if parts[0].ty == Type::Bool => self.conditional(parts),
            Kind::Binary(Operator::In, parts) => self.membership(&parts[0], &parts[1]),
            Kind::Binary(op, parts) => self.binary(*op, &parts[0], &parts[1]),
            Kind::Negate(operand) if operand.ty == Type::Int => {
                let operand = self.expr(operand)?;
                Ok(self.wide("0", "-", &operand))
            }
            Kind::Index(parts) => self.index(&parts[0], &parts[1]),
            Kind::Call(function, args) => self.call(function, args, &expr.ty),
            Kind::Each(each) => self.each(each),
            _ => cannot(format!("an expression of type {}", expr.ty)),
        }
    }

    fn value(&self, value: &Value<'_>) -> Text {
        Ok(match value {
            Value::Bool(true) => "TRUE".into(),
            Value::Bool(false) => "FALSE".into(),
            // The least number has no literal: its digits are beyond the greatest.
            Value::Int(i64::MIN) | Value::Time(i64::MIN) | Value::Duration(i64::MIN) => {
                "(-9223372036854775807 - 1)".into()
            }
            Value::Int(i) | Value::Time(i) | Value::Duration(i) => match self.is_spark() {
                true => format!("({i}L)"),
                false => format!("CAST({i} AS BIGINT)"),
            },
            Value::Double(d) if d.is_finite() => format!("CAST({d:?} AS DOUBLE)"),
            Value::Text(text) if text.contains('\0') => return cannot("a text with a zero byte"),
            Value::Text(text) => literal(text, self.dialect),
            other => return cannot(format!("a literal of type {}", other.type_name())),
        })
    }

    /// The column; where rows may lack it, its absent value.
    fn field(&mut self, field: &FieldRef) -> String {
        self.fields.insert(field.name, field.clone());
        let name = quoted(&sql_column(field), self.dialect);
        let in_table = field.tables.contains(&self.family.table());
        let absent = match field.ty {
            _ if in_table => return name,
            FieldType::Text | FieldType::Bytes => "''".to_string(),
            FieldType::Int | FieldType::Time => field.absent.to_string(),
            FieldType::Bool => "FALSE".to_string(),
            FieldType::List | FieldType::Map => return name,
        };
        format!("coalesce({name}, {absent})")
    }

    fn flag(&mut self, field: &FieldRef) -> String {
        let titles = field.flag.as_ref().and_then(|flag| flag.protocols(self.family));
        match titles {
            None => "TRUE".into(),
            Some([]) => "FALSE".into(),
            Some(titles) => {
                let titles: Vec<_> = titles.iter().map(|t| literal(t, self.dialect)).collect();
                format!("(protocol IN ({}))", titles.join(", "))
            }
        }
    }

    fn logic(&mut self, parts: &[Expr], by: &str) -> Text {
        if parts.iter().any(|part| part.ty != Type::Bool) {
            return cannot("logic on values that may be no booleans");
        }
        let parts = parts.iter().map(|part| self.expr(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(by)))
    }

    /// A fault of the condition is one of the whole.
    fn conditional(&mut self, parts: &[Expr; 3]) -> Text {
        let [condition, then, otherwise] = parts;
        let test = self.expr(condition)?;
        let (then, otherwise) = (self.expr(then)?, self.expr(otherwise)?);
        Ok(format!(
            "(CASE WHEN {test} IS NULL THEN NULL WHEN {test} THEN {then} ELSE {otherwise} END)"
        ))
    }

    fn binary(&mut self, op: Operator, left: &Expr, right: &Expr) -> Text {
        let sign = match op {
            Operator::Equal => "=",
            Operator::NotEqual => "<>",
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                op.sign()
            }
            _ => return self.arithmetic(op, left, right),
        };
        let simple = |ty: &Type| {
            matches!(
                ty,
                Type::Bool | Type::Int | Type::Text | Type::Time | Type::Duration | Type::Double
            )
        };
        if !simple(&left.ty) || !simple(&right.ty) {
            return cannot(format!("{} between {} and {}", op.sign(), left.ty, right.ty));
        }
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        match left.ty == right.ty {
            true => Ok(format!("({a} {sign} {b})")),
            // Numbers of two types compare as doubles.
            false if left.ty.is_number() && right.ty.is_number() => {
                Ok(format!("(CAST({a} AS DOUBLE) {sign} CAST({b} AS DOUBLE))"))
            }
            false => cannot(format!("{} between {} and {}", op.sign(), left.ty, right.ty)),
        }
    }

    fn arithmetic(&mut self, op: Operator, left: &Expr, right: &Expr) -> Text {
        let whole = |ty: &Type| matches!(ty, Type::Int | Type::Time | Type::Duration);
        if op == Operator::Add && left.ty == Type::Text && right.ty == Type::Text {
            return Ok(format!("({} || {})", self.expr(left)?, self.expr(right)?));
        }
        if left.ty == Type::Double && right.ty == Type::Double && op != Operator::Modulo {
            let (a, b) = (self.expr(left)?, self.expr(right)?);
            return match op {
                // Division by zero is infinite in CEL and a fault in SQL.
                Operator::Divide => match right.as_const() {
                    Some(Value::Double(d)) if *d != 0.0 => Ok(format!("({a} / {b})")),
                    _ => cannot("a division of doubles by what may be 0"),
                },
                op => Ok(format!("({a} {} {b})", op.sign())),
            };
        }
        if !whole(&left.ty) || !whole(&right.ty) {
            return cannot(format!("{} between {} and {}", op.sign(), left.ty, right.ty));
        }
        let (a, b) = (self.expr(left)?, self.expr(right)?);
        Ok(match op {
            Operator::Divide | Operator::Modulo => {
                let b = format!("nullif({b}, 0)");
                let quotient = self.wide(&a, if self.is_spark() { "div" } else { "//" }, &b);
                match op {
                    Operator::Divide => quotient,
                    // The rest of a quotient that does not fit is a fault as well.
                    _ => format!(
                        "(CASE WHEN {quotient} IS NOT NULL THEN {} END)",
                        self.wide(&a, "%", &b)
                    ),
                }
            }
            op => self.wide(&a, op.sign(), &b),
        })
    }

    /// Arithmetic on more than 64 bits; null where the result does not fit.
    fn wide(&self, a: &str, sign: &str, b: &str) -> String {
        match self.dialect {
            Dialect::DuckDb => {
                format!("TRY_CAST((CAST({a} AS HUGEINT) {sign} CAST({b} AS HUGEINT)) AS BIGINT)")
            }
            Dialect::Spark => format!(
                "try_cast((CAST({a} AS DECIMAL(38,0)) {sign} CAST({b} AS DECIMAL(38,0))) AS BIGINT)"
            ),
        }
    }

    fn membership(&mut self, item: &Expr, container: &Expr) -> Text {
        match (&container.kind, &container.ty) {
            (Kind::Const(Value::List(items)), _) => {
                if items.is_empty() {
                    return cannot("`in` an empty list");
                }
                let same = |value: &Value<'_>| {
                    matches!(
                        (&item.ty, value),
                        (Type::Text, Value::Text(_)) | (Type::Int, Value::Int(_))
                    )
                };
                if !items.iter().all(same) {
                    return cannot("`in` a list of mixed types");
                }
                let items = items.iter().map(|i| self.value(i)).collect::<Result<Vec<_>, _>>()?;
                Ok(format!("({} IN ({}))", self.expr(item)?, items.join(", ")))
            }
            (Kind::Field(field), Type::List(_)) if item.ty == Type::Text => {
                let (column, item) = (self.field(field), self.expr(item)?);
                let contains = if self.is_spark() { "array_contains" } else { "list_contains" };
                let test = format!("coalesce({contains}({column}, {item}), FALSE)");
                Ok(format!("(CASE WHEN {item} IS NULL THEN NULL ELSE {test} END)"))
            }
            (Kind::Field(field), Type::Map(..)) if item.ty == Type::Text => {
                let (column, item) = (self.field(field), self.expr(item)?);
                let has = self.count(&column, "p", &format!("p.key = {item}"));
                Ok(format!("(CASE WHEN {item} IS NULL THEN NULL ELSE {has} > 0 END)"))
            }
            _ => cannot(format!("`in` of {} and {}", item.ty, container.ty)),
        }
    }

    /// How many items of a list pass a test; none of a null list.
    fn count(&self, list: &str, var: &str, test: &str) -> String {
        match self.is_spark() {
            true => format!("coalesce(size(filter({list}, {var} -> {test})), 0)"),
            false => format!("coalesce(len(list_filter({list}, lambda {var}: {test})), 0)"),
        }
    }

    /// `map["key"]`, null where there is none.
    fn index(&mut self, map: &Expr, key: &Expr) -> Text {
        let (Kind::Field(field), Type::Map(..), Type::Text) = (&map.kind, &map.ty, &key.ty) else {
            return cannot(format!("an index into {}", map.ty));
        };
        let (column, key) = (self.field(field), self.expr(key)?);
        Ok(match self.is_spark() {
            true => format!("get(filter({column}, p -> p.key = {key}), 0).value"),
            false => format!("(list_filter({column}, lambda p: p.key = {key})[1]).value"),
        })
    }

    fn call(&mut self, function: &Function, args: &[Expr], ty: &Type) -> Text {
        let Some(on) = args.first() else { return cannot("a function without arguments") };
        let spark = self.is_spark();
        let mut two = |duckdb: &str, in_spark: &str| -> Text {
            let name = if spark { in_spark } else { duckdb };
            let with = args.get(1).map_or(cannot("a missing argument"), |arg| self.expr(arg))?;
            Ok(format!("{name}({}, {with})", self.expr(on)?))
        };
        match function {
            _ if args.iter().take(2).any(|arg| arg.ty == Type::Dyn) => {
                cannot("a function of what may have any type")
            }
            Function::Contains if on.ty == Type::Text => two("contains", "contains"),
            Function::StartsWith => two("starts_with", "startswith"),
            Function::EndsWith => two("ends_with", "endswith"),
            Function::Matches(regex) => {
                let (on, pattern) = (self.expr(on)?, literal(regex.as_str(), self.dialect));
                Ok(match spark {
                    true => format!("({on} RLIKE {pattern})"),
                    false => format!("regexp_matches({on}, {pattern})"),
                })
            }
            Function::Lower => Ok(format!("lower({})", self.expr(on)?)),
            Function::LowerAscii => {
                let upper: String = ('A'..='Z').collect();
                Ok(format!(
                    "translate({}, '{upper}', '{}')",
                    self.expr(on)?,
                    upper.to_ascii_lowercase()
                ))
            }
            Function::Size => self.size(on),
            Function::MapGet => {
                let [map, key, default] = args else { return cannot("map_get()") };
                Ok(format!("coalesce({}, {})", self.index(map, key)?, self.expr(default)?))
            }
            Function::Convert => match (&on.ty, ty) {
                (Type::Int, Type::Text) => {
                    let name = if spark { "STRING" } else { "VARCHAR" };
                    Ok(format!("CAST({} AS {name})", self.expr(on)?))
                }
                (Type::Int, Type::Double) => Ok(format!("CAST({} AS DOUBLE)", self.expr(on)?)),
                (from, to) if from == to => self.expr(on),
                (from, to) => cannot(format!("{to}() of {from}")),
            },
            Function::Cidr(_) => cannot("cidr()"),
            Function::Part(..) => cannot("a part of a time"),
            _ => cannot("this function"),
        }
    }

    /// Code points of a text, items of a list, keys of a map.
    fn size(&mut self, of: &Expr) -> Text {
        let column = match (&of.ty, &of.kind) {
            (Type::Text, _) => return Ok(format!("length({})", self.expr(of)?)),
            (Type::List(_) | Type::Map(..), Kind::Field(field)) => self.field(field),
            _ => return cannot(format!("size() of {}", of.ty)),
        };
        let size = if self.is_spark() { "size" } else { "len" };
        Ok(format!("(CASE WHEN {column} IS NULL THEN 0 ELSE {size}({column}) END)"))
    }

    /// `exists` and `all` over a field's list or a map's keys: one item that decides is enough,
    /// else one fault makes it one.
    fn each(&mut self, each: &Each) -> Text {
        let Kind::Field(field) = &each.over.kind else {
            return cannot("a macro over what is no field");
        };
        let decides = match each.quantifier {
            Quantifier::Exists => true,
            Quantifier::All => false,
            _ => return cannot("exists_one(), map() and filter()"),
        };
        if self.depth > 0 || each.test.ty != Type::Bool {
            return cannot("macros inside macros");
        }
        let column = self.field(field);
        self.depth += 1;
        let test = self.expr(&each.test);
        self.depth -= 1;
        let (var, test) = (format!("v{}", each.var), test?);
        // The keys of a map are behind the pairs.
        let test = match each.over.ty {
            Type::Map(..) => {
                let mut keyed = String::new();
                let _ = write!(keyed, "{}", replace_word(&test, &var, &format!("{var}.key")));
                keyed
            }
            _ => test,
        };
        let decided = match decides {
            true => self.count(&column, &var, &test),
            false => self.count(&column, &var, &format!("NOT {test}")),
        };
        let faults = self.count(&column, &var, &format!("({test}) IS NULL"));
        let (yes, no) = if decides { ("TRUE", "FALSE") } else { ("FALSE", "TRUE") };
        Ok(format!(
            "(CASE WHEN {decided} > 0 THEN {yes} WHEN {faults} > 0 THEN NULL ELSE {no} END)"
        ))
    }
}

/// Puts `with` in the place of a variable, outside of quotes and of longer names.
fn replace_word(text: &str, word: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut rest, mut quoted) = (text, false);
    while let Some(c) = rest.chars().next() {
        let ends = |after: &str| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let begins = !out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
        if !quoted && begins && rest.starts_with(word) && ends(&rest[word.len()..]) {
            out.push_str(with);
            rest = &rest[word.len()..];
            continue;
        }
        quoted ^= c == '\'';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A column's name that no engine takes for a keyword.
pub fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::DuckDb => format!("\"{name}\""),
        Dialect::Spark => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kfl::{check, testing};

    fn sql(filter: &str, dialect: Dialect) -> Result<String, NotInSql> {
        let checked = check(&testing::catalogue(), filter).unwrap_or_else(|e| panic!("{e}"));
        condition(&checked, Family::Calls, dialect).map(|c| c.text)
    }

    #[test]
    fn conditions_in_both_dialects() {
        for (filter, duckdb, spark) in [
            (
                "http && status_code >= 500",
                "((protocol IN ('GRPC', 'HTTP')) AND (\"status_code\" >= CAST(500 AS BIGINT)))",
                "((protocol IN ('GRPC', 'HTTP')) AND (`status_code` >= (500L)))",
            ),
            (
                "path.contains(\"a\")",
                "contains(coalesce(\"path\", ''), 'a')",
                "contains(coalesce(`path`, ''), 'a')",
            ),
            (
                "request.headers[\"x\"] == \"1\"",
                "((list_filter(\"request_headers\", lambda p: p.key = 'x')[1]).value = '1')",
                "(get(filter(`request_headers`, p -> p.key = 'x'), 0).value = '1')",
            ),
        ] {
            assert_eq!(sql(filter, Dialect::DuckDb).as_deref(), Ok(duckdb));
            assert_eq!(sql(filter, Dialect::Spark).as_deref(), Ok(spark));
        }
    }

    #[test]
    fn a_value_stays_a_value() {
        let hostile = "path == \"x' OR 1=1; DROP TABLE calls; -- \\\\'\"";
        let duckdb = sql(hostile, Dialect::DuckDb).unwrap();
        assert!(duckdb.ends_with(r"= 'x'' OR 1=1; DROP TABLE calls; -- \''')"), "{duckdb}");
        assert_eq!(literal(r"a'b\c", Dialect::Spark), r"'a\'b\\c'");
        assert_eq!(literal(r"a\'b", Dialect::DuckDb), r"'a\''b'");
    }

    #[test]
    fn what_sql_cannot_say_is_told() {
        for filter in ["cidr(src.ip, \"10.0.0.0/8\")", "timestamp.getHours() == 3"] {
            assert!(sql(filter, Dialect::DuckDb).is_err(), "{filter}");
        }
    }

    #[test]
    fn variables_of_macros_are_told_from_text() {
        assert_eq!(
            replace_word("v0 = 'v0' OR v01 = x.v0", "v0", "v0.key"),
            "v0.key = 'v0' OR v01 = x.v0"
        );
    }
}
