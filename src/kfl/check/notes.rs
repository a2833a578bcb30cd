//! What is valid and yet probably not meant: regular expressions compared as text, header names
//! in upper case, filters that also match entries of other protocols.

use crate::catalogue::Field;
use crate::field::Origin;

use super::super::ast::{Node, NodeKind, Operator};
use super::super::fold::rewrite;
use super::super::ir::{Expr, Kind};
use super::super::value::Value;
use super::Checker;

/// Maps of headers, whose names are in lower case.
const HEADERS: [&str; 2] = ["request.headers", "response.headers"];

impl Checker<'_> {
    /// Looks at a comparison: notes, and spellings of the same value.
    pub(super) fn compared(
        &mut self,
        op: Operator,
        nodes: (&Node, &Node),
        parts: [Expr; 2],
    ) -> [Expr; 2] {
        if !matches!(op, Operator::Equal | Operator::NotEqual) {
            return parts;
        }
        let [left, right] = parts;
        if right.as_text().is_some() {
            self.note_regex(op, nodes.0, nodes.1);
            self.note_empty_header(op, nodes.0, &right);
        }
        let (l, r) = (field_name(&left), field_name(&right));
        [respell(left, r), respell(right, l)]
    }

    fn note_regex(&mut self, op: Operator, field: &Node, literal: &Node) {
        let NodeKind::Text(text) = &literal.kind else { return };
        let is_raw = self.source(literal).starts_with(['r', 'R']);
        if !looks_like_regex(text, is_raw) {
            return;
        }
        let pattern = match text.starts_with('^') || text.ends_with('$') || is_raw {
            true => text.clone(),
            false => format!("^{text}$"),
        };
        let pattern = Node { span: literal.span.clone(), kind: NodeKind::Text(pattern) };
        let not = if op == Operator::NotEqual { "!" } else { "" };
        self.note(format!(
            "`{}` compares the text as it is; for a regular expression write \
             `{not}{field}.matches({pattern})`",
            op.sign()
        ));
    }

    /// `headers["x"] == ""` does not find entries without the header: they are errors.
    fn note_empty_header(&mut self, op: Operator, left: &Node, right: &Expr) {
        let NodeKind::Index(map, key) = &left.kind else { return };
        if let (NodeKind::Text(key), Some("")) = (&key.kind, right.as_text()) {
            let key = if is_headers(map) { key.to_lowercase() } else { key.clone() };
            let key = NodeKind::Text(key);
            let fix = match op {
                Operator::Equal => format!("!({key} in {map})"),
                _ => format!("{key} in {map}"),
            };
            self.note(format!("an entry without the key never matches `{left}`; write `{fix}`"));
        }
    }

    pub(super) fn note_header_case(&mut self, operand: &Node, of: &Expr, key: &Node) {
        let NodeKind::Text(name) = &key.kind else { return };
        let is_headers = field_name(of).is_some_and(|field| HEADERS.contains(&field));
        if is_headers && name.chars().any(char::is_uppercase) {
            let lower = NodeKind::Text(name.to_lowercase());
            self.note(format!("header names are in lower case; write `{operand}[{lower}]`"));
        }
    }
}

fn is_headers(node: &Node) -> bool {
    super::names::dotted(node).is_some_and(|name| HEADERS.contains(&name.as_str()))
}

fn looks_like_regex(text: &str, is_raw: bool) -> bool {
    let sure = [".*", ".+", "\\d", "\\w", "\\.", "[0-9]", "[a-z]"];
    let likely = ['*', '|', '^', '$', '+', '[', '('];
    sure.iter().any(|part| text.contains(part)) || is_raw && text.contains(likely)
}

fn field_name(expr: &Expr) -> Option<&'static str> {
    match &expr.kind {
        Kind::Field(field) => Some(field.name),
        _ => None,
    }
}

/// `basic publish` and `basic.publish` are the same method; entries hold the latter.
fn respell(expr: Expr, compared_with: Option<&str>) -> Expr {
    match (compared_with, expr.as_text()) {
        (Some("amqp_method"), Some(text)) => {
            let text = text.replace(' ', ".");
            Expr::constant(expr.ty, Value::Text(text.into()))
        }
        _ => expr,
    }
}

/// A note on a filter that also matches entries that have none of its protocol's fields: those
/// read as zero or empty.
pub(in super::super) fn absent_entries(expr: &Expr) -> Option<String> {
    let mut first = None;
    expr.any(&mut |part| {
        if let (Kind::Field(field), None) = (&part.kind, &first) {
            first = Some(field.clone()).filter(|field| is_specific(field));
        }
        first.is_some()
    });
    let field = first?;
    if absent(expr).as_bool() == Some(false) || !holds_by_absence(expr, true) {
        return None;
    }
    let flags: Vec<String> = field.protocols.iter().map(|flag| format!("`{flag}`")).collect();
    Some(format!(
        "this also matches entries without {}, where `{}` reads as {}; put `{} &&` in front",
        flags.join(" or "),
        field.name,
        zero(&field),
        field.protocols[0],
    ))
}

/// Whether only some protocols have the field.
fn is_specific(field: &Field) -> bool {
    !field.protocols.is_empty()
}

/// The filter as an entry of no known protocol sees it.
fn absent(expr: &Expr) -> Expr {
    rewrite(expr.clone(), &mut |part| match &part.kind {
        Kind::Field(field) if is_specific(field) => {
            Expr::constant(part.ty, Value::absent(field.ty, field.absent))
        }
        Kind::Flag(flag) if flag.origin == Origin::Flag => Expr::bool(false),
        _ => part,
    })
}

/// Whether some test of a protocol's field says yes (or, negated, no) where the field is absent.
fn holds_by_absence(expr: &Expr, wanted: bool) -> bool {
    match &expr.kind {
        Kind::Not(operand) => holds_by_absence(operand, !wanted),
        Kind::All(parts) | Kind::Any(parts) => parts.iter().any(|p| holds_by_absence(p, wanted)),
        _ => {
            let mentions = &mut |e: &Expr| matches!(&e.kind, Kind::Field(f) if is_specific(f));
            expr.any(mentions) && absent(expr).as_bool() == Some(wanted)
        }
    }
}

fn zero(field: &Field) -> String {
    match Value::absent(field.ty, field.absent) {
        Value::Int(i) => i.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(_) => "\"\"".to_string(),
        _ => "empty".to_string(),
    }
}
