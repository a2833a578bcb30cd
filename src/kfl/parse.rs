//! Text -> [`Ast`]: the parser of crate `cel` does the grammar, without its macros, so that
//! `exists` and `has` stay the calls they are written as. Its own errors speak of its grammar;
//! here they are put in a filter writer's words.

use std::ops::Range;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};

use super::ast::{Ast, Call, Node, NodeKind, Operator};
use super::error::{KflError, Span};
use super::lex::{Lexed, Token, TokenKind, lex};

type Result<T> = std::result::Result<T, KflError>;

/// Parses a filter. Errors: bad syntax, or beyond the limits; see [`crate::kfl::parse`].
pub fn parse(text: &str) -> Result<Ast> {
    let lexed = lex(text)?;
    let mut notes = Vec::new();
    if lexed.has_hash_comments {
        notes.push("comments begin with `//` in KFL; `#` was accepted".to_string());
    }
    let root = if lexed.tokens.is_empty() { None } else { Some(parse_tokens(text, &lexed)?) };
    Ok(Ast { root, text: text.to_string(), notes })
}

fn parse_tokens(text: &str, lexed: &Lexed) -> Result<Node> {
    let parser = cel::Env::default().with_optional_support(false).parser();
    let (expr, info) = parser
        .parse_with_source_info(&lexed.text)
        .map_err(|errors| explain(text, lexed, errors))?;
    Convert { tokens: &lexed.tokens, text, info: &info }.node(&expr)
}

/// The first of the parser's complaints, at its place, without its grammar's words.
fn explain(text: &str, lexed: &Lexed, errors: cel::ParseErrors) -> KflError {
    let Some(first) = errors.errors.into_iter().next() else {
        return KflError::at(0..text.len(), "this is no KFL filter");
    };
    let at = offset(text, first.pos);
    let token = lexed.tokens.iter().find(|t| t.span.end > at).map(|t| t.span.clone());
    let word = token.clone().and_then(|span| text.get(span));
    let Some((span, word)) = token.zip(word) else {
        let end = text.trim_end().len();
        return KflError::at(end..end, "the filter ends too early: something is missing here");
    };
    let message = match first.msg.as_str() {
        m if m.contains("Recurs") => "too many operators inside one another".to_string(),
        m if m.starts_with("reserved") => format!("`{word}` is a reserved word and no name"),
        m if m.contains("int literal") => format!("`{word}` is beyond 64 bits"),
        m if m.contains("literal") => format!("{word} is no valid literal: check its escapes"),
        _ => format!("did not expect `{word}` here"),
    };
    let error = KflError::at(span, message);
    match advice(word) {
        Some(advice) => error.help(advice),
        None => error,
    }
}

/// What to write in place of signs and words of other languages.
fn advice(word: &str) -> Option<&'static str> {
    Some(match word {
        "=" => "compare with `==`",
        "&" => "join with `&&`",
        "|" => "join with `||`",
        "~" | "=~" => "match a regular expression with `field.matches(\"...\")`",
        "“" | "”" | "„" | "‘" | "’" => "use straight quotes: \"...\"",
        "?" => "a condition is `test ? value : other value`",
        ";" => "a filter is one expression: join parts with `&&`",
        "namespace" => "write `src.namespace`, `dst.namespace` or `\"name\" in namespaces`",
        _ => return None,
    })
}

/// Byte position of a line and column, both from 1, columns in characters.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    start + within
}

/// From the parser's tree to ours: operators by meaning, names with their places.
struct Convert<'a> {
    tokens: &'a [Token],
    text: &'a str,
    info: &'a SourceInfo,
}

impl Convert<'_> {
    /// Place of the token that the parser noted for a node.
    fn mark(&self, id: u64) -> Span {
        let (start, last) = self.info.offset_for(id).unwrap_or((0, 0));
        let end = self.text.ceil_char_boundary(last as usize + 1);
        self.text.floor_char_boundary(start as usize)..end
    }

    /// The name next to a `.` or `(`: after the one, before the other.
    fn name_beside(&self, sign: &Span, after: bool) -> Span {
        let at = self.tokens.partition_point(|t| t.span.start < sign.start);
        let beside = if after { at.checked_add(1) } else { at.checked_sub(1) };
        let token = beside.and_then(|i| self.tokens.get(i));
        token.filter(|t| t.kind == TokenKind::Name).map_or(sign.clone(), |t| t.span.clone())
    }

    fn node(&self, expr: &IdedExpr) -> Result<Node> {
        let mark = self.mark(expr.id);
        match &expr.expr {
            Expr::Literal(value) => Ok(Node { span: mark, kind: literal(value) }),
            Expr::Ident(name) => {
                let kind = NodeKind::Name(name.trim_start_matches('.').to_string());
                Ok(Node { span: mark, kind })
            }
            Expr::Select(select) => {
                let operand = self.node(&select.operand)?;
                let span = union(&operand.span, &self.name_beside(&mark, true));
                Ok(Node { span, kind: NodeKind::Select(Box::new(operand), select.field.clone()) })
            }
            Expr::List(list) => {
                let items = self.nodes(&list.elements)?;
                Ok(Node { span: cover(mark, &items), kind: NodeKind::List(items) })
            }
            Expr::Map(literal) => self.map(mark, literal),
            Expr::Call(call) => self.call(mark, call),
            Expr::Struct(_) => Err(KflError::at(mark, "KFL has no message types")
                .help("a map literal is `{\"key\": \"value\"}`")),
            Expr::Comprehension(_) | Expr::Unspecified => {
                Err(KflError::at(mark, "this is no KFL expression"))
            }
        }
    }

    fn nodes(&self, exprs: &[IdedExpr]) -> Result<Vec<Node>> {
        exprs.iter().map(|e| self.node(e)).collect()
    }

    fn map(&self, mark: Span, map: &cel::common::ast::MapExpr) -> Result<Node> {
        let mut entries = Vec::with_capacity(map.entries.len());
        let mut span = mark;
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(KflError::at(span, "KFL has no message types"));
            };
            let (key, value) = (self.node(&entry.key)?, self.node(&entry.value)?);
            span = union(&span, &value.span);
            entries.push((key, value));
        }
        Ok(Node { span, kind: NodeKind::Map(entries) })
    }

    fn call(&self, mark: Span, call: &CallExpr) -> Result<Node> {
        let mut args = self.nodes(&call.args)?;
        let span = cover(mark.clone(), &args);
        let kind = match (call.func_name.as_str(), args.len()) {
            (operators::LOGICAL_AND, _) => NodeKind::join(args, false),
            (operators::LOGICAL_OR, _) => NodeKind::join(args, true),
            (operators::CONDITIONAL, 3) => NodeKind::If(Box::new(take(&mut args))),
            (operators::LOGICAL_NOT, 1) => {
                let [operand] = take(&mut args);
                NodeKind::Not(Box::new(operand))
            }
            (operators::NEGATE, 1) => {
                let [operand] = take(&mut args);
                NodeKind::Negate(Box::new(operand))
            }
            (operators::INDEX, 2) => {
                let [operand, key] = take(&mut args).map(Box::new);
                NodeKind::Index(operand, key)
            }
            (name, 2) if call.target.is_none() && binary(name).is_some() => {
                let [left, right] = take(&mut args).map(Box::new);
                NodeKind::Binary(binary(name).unwrap_or(Operator::Equal), left, right)
            }
            _ => return self.function(mark, call, args),
        };
        Ok(Node { span, kind })
    }

    fn function(&self, mark: Span, call: &CallExpr, args: Vec<Node>) -> Result<Node> {
        let target = call.target.as_deref().map(|t| self.node(t)).transpose()?.map(Box::new);
        let name_span = self.name_beside(&mark, false);
        let start = target.as_ref().map_or(name_span.start, |t| t.span.start);
        let span = cover(start..mark.end, &args);
        let name = call.func_name.trim_start_matches('.').to_string();
        Ok(Node { span, kind: NodeKind::Call(Call { target, name, name_span, args }) })
    }
}

/// The arguments as an array; the caller has counted them.
fn take<const N: usize>(args: &mut Vec<Node>) -> [Node; N] {
    let mut args = args.drain(..);
    std::array::from_fn(|_| args.next().unwrap_or(Node { span: 0..0, kind: NodeKind::Null }))
}

fn union(a: &Span, b: &Span) -> Span {
    a.start.min(b.start)..a.end.max(b.end)
}

fn cover(mark: Range<usize>, nodes: &[Node]) -> Span {
    nodes.iter().fold(mark, |span, node| union(&span, &node.span))
}

fn binary(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterEqual,
        operators::IN => Operator::In,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        _ => return None,
    })
}

fn literal(value: &LiteralValue) -> NodeKind {
    match value {
        LiteralValue::Null => NodeKind::Null,
        LiteralValue::Boolean(b) => NodeKind::Bool(*b.inner()),
        LiteralValue::Int(i) => NodeKind::Int(*i.inner()),
        LiteralValue::UInt(u) => NodeKind::Uint(*u.inner()),
        LiteralValue::Double(d) => NodeKind::Double(*d.inner()),
        LiteralValue::String(s) => NodeKind::Text(s.inner().to_string()),
        LiteralValue::Bytes(b) => NodeKind::Bytes(b.inner().to_vec()),
    }
}
