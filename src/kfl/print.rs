//! A parsed filter -> text that parses to the same tree, in one spelling: single spaces, double
//! quotes, brackets only where precedence asks for them.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{Ast, Call, Node, NodeKind, Operator};

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| root.fmt(f))
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// How tightly a part binds, as in the CEL grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Conditional,
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
    Member,
}

impl Operator {
    fn precedence(self) -> Precedence {
        match self {
            Operator::Add | Operator::Subtract => Precedence::Sum,
            Operator::Multiply | Operator::Divide | Operator::Modulo => Precedence::Product,
            _ => Precedence::Relation,
        }
    }
}

impl NodeKind {
    fn precedence(&self) -> Precedence {
        match self {
            NodeKind::If(_) => Precedence::Conditional,
            NodeKind::Any(_) => Precedence::Or,
            NodeKind::All(_) => Precedence::And,
            NodeKind::Binary(op, ..) => op.precedence(),
            NodeKind::Not(_) | NodeKind::Negate(_) => Precedence::Unary,
            // `-1` as an operand of `-` or a target of `.` would read as something else.
            NodeKind::Int(_) | NodeKind::Uint(_) | NodeKind::Double(_) => Precedence::Unary,
            _ => Precedence::Member,
        }
    }
}

/// A part that must bind at least this tightly where it stands.
struct Operand<'a>(&'a Node, Precedence);

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.kind.precedence() < self.1 { write!(f, "({})", self.0) } else { self.0.fmt(f) }
    }
}

impl Display for NodeKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use Precedence::*;
        match self {
            NodeKind::Null => f.write_str("null"),
            NodeKind::Bool(b) => write!(f, "{b}"),
            NodeKind::Int(i) => write!(f, "{i}"),
            NodeKind::Uint(u) => write!(f, "{u}u"),
            NodeKind::Double(d) => write!(f, "{d:?}"),
            NodeKind::Text(text) => quoted(text, f),
            NodeKind::Bytes(bytes) => quoted_bytes(bytes, f),
            NodeKind::List(items) => write!(f, "[{}]", Listed(items)),
            NodeKind::Map(entries) => map(entries, f),
            NodeKind::Name(name) => f.write_str(name),
            NodeKind::Select(operand, field) => write!(f, "{}.{field}", Operand(operand, Member)),
            NodeKind::Index(operand, key) => write!(f, "{}[{key}]", Operand(operand, Member)),
            NodeKind::Call(call) => call.fmt(f),
            NodeKind::Not(operand) => write!(f, "!{}", Operand(operand, Member)),
            NodeKind::Negate(operand) => write!(f, "-{}", Operand(operand, Member)),
            NodeKind::Binary(op, left, right) => {
                // Left to right, so a right operand of the same level needs brackets.
                let level = op.precedence();
                let tighter = if level == Relation { Sum } else { level.next() };
                write!(f, "{} {} {}", Operand(left, level), op.sign(), Operand(right, tighter))
            }
            NodeKind::All(parts) => joined(parts, " && ", Relation, f),
            NodeKind::Any(parts) => joined(parts, " || ", And, f),
            NodeKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let (condition, then) = (Operand(condition, Or), Operand(then, Or));
                write!(f, "{condition} ? {then} : {otherwise}")
            }
        }
    }
}

impl Precedence {
    fn next(self) -> Precedence {
        match self {
            Precedence::Sum => Precedence::Product,
            _ => Precedence::Unary,
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{}.", Operand(target, Precedence::Member))?;
        }
        write!(f, "{}({})", self.name, Listed(&self.args))
    }
}

struct Listed<'a>(&'a [Node]);

impl Display for Listed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        joined(self.0, ", ", Precedence::Conditional, f)
    }
}

fn joined(parts: &[Node], by: &str, level: Precedence, f: &mut Formatter<'_>) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        write!(f, "{}{}", if i == 0 { "" } else { by }, Operand(part, level))?;
    }
    Ok(())
}

fn map(entries: &[(Node, Node)], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('{')?;
    for (i, (key, value)) in entries.iter().enumerate() {
        write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
    }
    f.write_char('}')
}

/// A string literal of any text, so that what traffic said stays a value.
pub fn literal(text: &str) -> String {
    struct Literal<'t>(&'t str);
    impl fmt::Display for Literal<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            quoted(self.0, f)
        }
    }
    Literal(text).to_string()
}

/// A string literal; what a terminal or a line-based tool would trip over is escaped.
fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn quoted_bytes(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("b\"")?;
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", byte as char)?,
            b' '..=b'~' => f.write_char(byte as char)?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_char('"')
}
