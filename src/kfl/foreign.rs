//! Filters in the older KFL, or in syntax that was published and never worked, into KFL: only to
//! tell the writer what to write. A translation is offered when it is a right filter itself.

use crate::catalogue::Catalogue;

use super::error::{KflError, Span};
use super::lex::{Token, TokenKind, lex};

/// Names of the older KFL and of unwritten manuals, and ours.
const NAMES: &[(&str, &str)] = &[
    ("request.path", "path"),
    ("request.url", "url"),
    ("request.method", "method"),
    ("response.status", "status_code"),
    ("response.statusCode", "status_code"),
    ("response.status_code", "status_code"),
    ("http.status", "status_code"),
    ("http.status_code", "status_code"),
    ("http.path", "path"),
    ("http.method", "method"),
    ("status", "status_code"),
    ("response.latency", "elapsed_time"),
    ("latency", "elapsed_time"),
    ("elapsedTime", "elapsed_time"),
    ("src.ns", "src.pod.namespace"),
    ("dst.ns", "dst.pod.namespace"),
    ("src.pod", "src.pod.name"),
    ("dst.pod", "dst.pod.name"),
    ("src.svc", "src.service.name"),
    ("dst.svc", "dst.service.name"),
    ("src.service", "src.service.name"),
    ("dst.service", "dst.service.name"),
    ("src.processName", "local_process_name"),
    ("dst.processName", "remote_process_name"),
    ("src.labels", "local_labels"),
    ("dst.labels", "remote_labels"),
    ("node.name", "node_name"),
    ("node.ip", "node_ip"),
    ("protocol.name", "protocol"),
    ("protocol.abbr", "protocol"),
    ("full_flow", "flow"),
    ("ip_in", "cidr"),
];

/// Those of them that count milliseconds.
const MILLISECONDS: &[&str] = &["response.latency", "latency", "elapsedTime"];

/// DNS return codes by name.
const RCODES: &[(&str, u8)] = &[
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
];

/// Words that have no counterpart to translate to.
const ADVICE: &[(&str, &str)] = &[
    ("limit", "limit(n) is the older KFL; use the option --limit"),
    ("record", "record(\"x\") is the older KFL; captures are chosen as inputs"),
    ("redact", "redact() is the older KFL; use `pcapsule export --redact`"),
    ("datetime", "datetime() is the older KFL; write `timestamp(\"2026-03-14T22:00:00Z\")`"),
    ("seconds", "seconds(n) is the older KFL; write `now() - duration(\"30s\")`"),
    ("minutes", "minutes(n) is the older KFL; write `now() - duration(\"5m\")`"),
    ("hours", "hours(n) is the older KFL; write `now() - duration(\"1h\")`"),
    ("days", "days(n) is the older KFL; write `now() - duration(\"24h\")`"),
    ("weeks", "weeks(n) is the older KFL; write `now() - duration(\"168h\")`"),
    ("json", "json() is the older KFL; write `request_body.contains(\"...\")`"),
    ("xml", "xml() is the older KFL; write `request_body.contains(\"...\")`"),
    ("nil", "nil is the older KFL; absent fields read as \"\" or 0, and `has(x)` tests for them"),
    ("null", "absent fields read as \"\" or 0, never null; `has(x)` tests for them"),
    ("and", "join with `&&`"),
    ("or", "join with `||`"),
    ("not", "negate with `!`"),
    ("like", "write `field.contains(\"...\")` or `field.matches(\"...\")`"),
];

/// The error, with the whole filter translated as its help if that makes it right, else with a
/// word on the foreign word at its place.
pub fn translated(catalogue: &Catalogue, error: KflError) -> KflError {
    let Ok(lexed) = lex(&error.text) else { return error };
    let translation = Rewrite::of(&error.text, &lexed.tokens).finish();
    if let Some(translation) = translation
        && super::check_as_is(catalogue, &translation).is_ok()
        && let Ok(ast) = super::parse::parse(&translation)
    {
        return error.help(format!("write `{ast}`"));
    }
    let (start, end) = (error.span.start, error.span.end.max(error.span.start + 1));
    let advice = lexed.tokens.iter().filter(|t| t.span.start < end && start < t.span.end);
    let advice = advice.filter(|t| t.kind == TokenKind::Name).find_map(|t| {
        let word = &error.text[t.span.clone()];
        ADVICE.iter().find(|(foreign, _)| *foreign == word)
    });
    match advice {
        Some((_, advice)) => error.help(*advice),
        None => error,
    }
}

/// A word, sign or literal; dotted names are one.
#[derive(Debug, Clone)]
struct Unit<'a> {
    text: &'a str,
    kind: TokenKind,
    span: Span,
}

/// A translation in the making: what to put in place of which part of the text.
struct Rewrite<'a> {
    text: &'a str,
    units: Vec<Unit<'a>>,
    edits: Vec<(Span, String)>,
    needs_http: bool,
}

impl<'a> Rewrite<'a> {
    fn of(text: &'a str, tokens: &[Token]) -> Self {
        let units = units(text, tokens);
        let mut rewrite = Rewrite { text, units, edits: Vec::new(), needs_http: false };
        let mut at = 0;
        while at < rewrite.units.len() {
            at += rewrite.step(at);
        }
        rewrite
    }

    /// The translated text; None where nothing was foreign.
    fn finish(self) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        let mut out = String::new();
        let mut from = 0;
        for (span, new) in &self.edits {
            out.push_str(self.text.get(from..span.start)?);
            out.push_str(new);
            from = span.end;
        }
        out.push_str(self.text.get(from..)?);
        let is_flagged = self.units.iter().any(|unit| unit.text == "http");
        Some(if self.needs_http && !is_flagged { format!("http && ({out})") } else { out })
    }

    fn unit(&self, at: usize) -> Option<&Unit<'a>> {
        self.units.get(at)
    }

    fn text_at(&self, at: usize) -> &'a str {
        self.unit(at).map_or("", |unit| unit.text)
    }

    /// Replaces so many units from `at` on.
    fn edit(&mut self, at: usize, count: usize, new: impl Into<String>) -> usize {
        if let (Some(first), Some(last)) = (self.unit(at), self.unit(at + count - 1)) {
            self.edits.push((first.span.start..last.span.end, new.into()));
        }
        count
    }

    /// Translates what begins at a unit; how many units that took.
    fn step(&mut self, at: usize) -> usize {
        let unit = self.units[at].clone();
        let next = self.text_at(at + 1);
        match unit.text {
            "or" if next == "error" => self.edit(at, 2, ""),
            "and" => self.edit(at, 1, "&&"),
            "or" => self.edit(at, 1, "||"),
            "not" | "!" if next == "error" => self.edit(at, 2, "error == \"\""),
            "not" => self.edit(at, 1, "!"),
            "error" if !is_operator(next) => self.edit(at, 1, "error != \"\""),
            "flow" if self.units.iter().any(|unit| unit.text == "full_flow") => {
                self.edit(at, 1, "conn")
            }
            "http2" => self.edit(at, 1, "(http && http_version == \"HTTP/2\")"),
            "response.code" => self.dns_code(at),
            _ if unit.kind == TokenKind::Name => self.name(at, unit.text),
            _ => 1,
        }
    }

    /// `response.code == "NXDOMAIN"`
    fn dns_code(&mut self, at: usize) -> usize {
        let wanted = unquoted(self.text_at(at + 2));
        let code = RCODES.iter().find(|(name, _)| Some(*name) == wanted);
        match (self.text_at(at + 1), code) {
            (op @ ("==" | "!="), Some((_, code))) => {
                self.edit(at, 3, format!("dns_response && status_code {op} {code}"))
            }
            _ => 1,
        }
    }

    /// A field, and what follows it.
    fn name(&mut self, at: usize, text: &str) -> usize {
        let renamed = renamed(text);
        let name = renamed.as_deref().unwrap_or(text);
        self.needs_http |= text.starts_with("response.status");
        let (op, operand) = (self.text_at(at + 1), self.text_at(at + 2));
        let operand_kind = self.unit(at + 2).map(|unit| unit.kind);
        match (op, operand_kind) {
            ("contains" | "startsWith" | "endsWith" | "matches", Some(TokenKind::Text { .. })) => {
                self.edit(at, 3, format!("{name}.{op}({operand})"))
            }
            ("==" | "!=", Some(TokenKind::Text { raw: true })) => {
                let new = regex(name, op, operand);
                self.edit(at, 3, new)
            }
            ("==", _) if operand == "nil" => self.edit(at, 3, format!("!has({name})")),
            ("!=", _) if operand == "nil" => self.edit(at, 3, format!("has({name})")),
            (op, Some(TokenKind::Number)) if MILLISECONDS.contains(&text) && is_operator(op) => {
                let us = operand.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1000));
                let us = us.map_or(operand.to_string(), |us| us.to_string());
                self.edit(at, 3, format!("{name} {op} {us}"))
            }
            _ if renamed.is_some() => self.edit(at, 1, name),
            _ => 1,
        }
    }
}

/// Our name for a foreign one; keys of label maps stay.
fn renamed(text: &str) -> Option<String> {
    let whole = NAMES.iter().find(|(foreign, _)| *foreign == text);
    let key_of = |(foreign, ours): &(&str, &str)| {
        let key = text.strip_prefix(foreign)?.strip_prefix('.')?;
        ours.ends_with("labels").then(|| format!("{ours}.{key}"))
    };
    whole.map(|(_, ours)| ours.to_string()).or_else(|| NAMES.iter().find_map(key_of))
}

/// A comparison with a regular expression literal.
fn regex(name: &str, op: &str, literal: &str) -> String {
    let not = if op == "!=" { "!" } else { "" };
    // `4.*` of a status is a range of numbers.
    let pattern = literal.trim_start_matches(['r', 'R']).trim_matches(['"', '\'']);
    let class =
        pattern.trim_start_matches('^').strip_suffix(".*").and_then(|c| c.parse::<u8>().ok());
    match (name, class) {
        ("status_code", Some(class @ 1..=5)) => {
            format!("{not}(status_code >= {class}00 && status_code <= {class}99)")
        }
        _ => format!("{not}{name}.matches({literal})"),
    }
}

fn is_operator(text: &str) -> bool {
    ["==", "!=", "<", "<=", ">", ">=", "in", ".", "+"].contains(&text)
}

fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

/// Tokens with dotted names put together; a method's name is a unit of its own.
fn units<'a>(text: &'a str, tokens: &[Token]) -> Vec<Unit<'a>> {
    let word = |i: usize| tokens.get(i).and_then(|t| text.get(t.span.clone())).unwrap_or("");
    let is_name = |i: usize| tokens.get(i).is_some_and(|t| t.kind == TokenKind::Name);
    let mut units = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let mut end = at + 1;
        if token.kind == TokenKind::Name {
            while word(end) == "." && is_name(end + 1) && word(end + 2) != "(" {
                end += 2;
            }
        }
        let span = token.span.start..tokens[end - 1].span.end;
        units.push(Unit { text: text.get(span.clone()).unwrap_or(""), kind: token.kind, span });
        at = end;
    }
    units
}
