//! A GraphQL document -> its operations: kind, name, the fields at its root (GraphQL specification
//! of October 2021, section 2). Lenient: what is cut or wrong gives what came before it.

use std::collections::BTreeMap;

/// Fields and operations that are kept.
const LIST_MAX: usize = 64;
/// Fragments in fragments that are followed.
const DEPTH_MAX: usize = 8;

/// One operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation<'a> {
    /// query, mutation, subscription.
    pub kind: &'a str,
    pub name: &'a str,
    /// Names of the fields at the root, not their aliases.
    pub fields: Vec<&'a str>,
}

/// Reads the operation called `name`, or the first where none is named; None when this is no
/// document.
pub fn operation<'a>(document: &'a str, name: &str) -> Option<Operation<'a>> {
    let mut reader = Reader { rest: document };
    let (mut operations, mut fragments) = (Vec::new(), BTreeMap::new());
    while let Some(token) = reader.token() {
        match token {
            "{" => {
                let selection = reader.selection();
                operations.push(("query", "", selection));
            }
            "query" | "mutation" | "subscription" => {
                let name = reader.name_before_braces();
                operations.push((token, name, reader.selection()));
            }
            "fragment" => {
                let name = reader.name_before_braces();
                fragments.insert(name, reader.selection());
            }
            _ if operations.is_empty() => return None,
            _ => break,
        }
        if operations.len() + fragments.len() > LIST_MAX {
            break;
        }
    }
    let named = operations.iter().find(|(_, own, _)| !name.is_empty() && *own == name);
    let (kind, name, selection) = named.or(operations.first())?;
    let mut fields = Vec::new();
    spread(selection, &fragments, DEPTH_MAX, &mut fields);
    Some(Operation { kind, name, fields })
}

/// A selection at the root.
#[derive(Debug, Clone, Copy)]
enum Selected<'a> {
    Field(&'a str),
    Fragment(&'a str),
}

fn spread<'a>(
    selection: &[Selected<'a>],
    fragments: &BTreeMap<&str, Vec<Selected<'a>>>,
    depth: usize,
    fields: &mut Vec<&'a str>,
) {
    for one in selection {
        match one {
            _ if fields.len() >= LIST_MAX => return,
            Selected::Field(name) => fields.push(name),
            Selected::Fragment(name) if depth > 0 => {
                if let Some(inner) = fragments.get(name) {
                    spread(inner, fragments, depth - 1, fields);
                }
            }
            Selected::Fragment(_) => {}
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (token, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    /// The next token: a name, a number, `...`, a string (as `"`), or one sign.
    fn token(&mut self) -> Option<&'a str> {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        let first = self.rest.chars().next()?;
        if self.rest.starts_with("...") {
            return Some(self.take(3));
        }
        if first == '"' {
            self.string();
            return Some("\"");
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
        if is_word(first) {
            let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            return Some(self.take(end));
        }
        Some(self.take(first.len_utf8()))
    }

    fn string(&mut self) {
        let (start, end) = match self.rest.starts_with("\"\"\"") {
            true => (3, "\"\"\""),
            false => (1, "\""),
        };
        self.take(start);
        loop {
            let Some(found) = self.rest.find(end) else {
                self.rest = "";
                return;
            };
            let before = self.take(found);
            self.take(end.len());
            let escapes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
            if escapes % 2 == 0 {
                return;
            }
        }
    }

    /// Passes over what stands between a keyword and its braces; the first name of it.
    fn name_before_braces(&mut self) -> &'a str {
        let mut name = "";
        let mut is_first = true;
        while let Some(token) = self.token() {
            match token {
                "{" => break,
                "(" => self.skip("(", ")"),
                _ if is_first && is_name(token) => name = token,
                _ => {}
            }
            is_first = false;
        }
        name
    }

    /// Passes over what is open until it is closed.
    fn skip(&mut self, open: &str, close: &str) {
        let mut depth = 1;
        while let Some(token) = self.token().filter(|_| depth > 0) {
            if token == open {
                depth += 1;
            } else if token == close {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    /// What is selected up to the closing brace; braces inside fragments of a type are looked into.
    fn selection(&mut self) -> Vec<Selected<'a>> {
        let (mut selected, mut depth) = (Vec::new(), 1);
        let mut token = self.token();
        while let Some(current) = token {
            token = match current {
                "}" if depth == 1 => break,
                "}" => {
                    depth -= 1;
                    self.token()
                }
                // Only behind a fragment of a type: those of fields are passed over with them.
                "{" => {
                    depth += 1;
                    self.token()
                }
                "(" => {
                    self.skip("(", ")");
                    self.token()
                }
                "..." => self.spread(&mut selected),
                "@" => {
                    self.token();
                    self.token()
                }
                name if is_name(name) => self.field(name, &mut selected),
                _ => self.token(),
            };
            if selected.len() > LIST_MAX {
                break;
            }
        }
        selected
    }

    /// Behind `...`: a fragment's name, or `on` and a type. The token after it comes back.
    fn spread(&mut self, selected: &mut Vec<Selected<'a>>) -> Option<&'a str> {
        let token = self.token()?;
        match token {
            "on" => {
                self.token();
                self.token()
            }
            name if is_name(name) => {
                selected.push(Selected::Fragment(name));
                self.token()
            }
            other => Some(other),
        }
    }

    /// Behind a field's name or alias: all that belongs to it. The token after it comes back.
    fn field(&mut self, name: &'a str, selected: &mut Vec<Selected<'a>>) -> Option<&'a str> {
        let mut token = self.token();
        let mut name = name;
        if token == Some(":") {
            name = self.token()?;
            token = self.token();
        }
        selected.push(Selected::Field(name));
        loop {
            match token {
                Some("(") => self.skip("(", ")"),
                Some("{") => {
                    self.skip("{", "}");
                    return self.token();
                }
                Some("@") => {
                    self.token();
                }
                other => return other,
            }
            token = self.token();
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str, name: &str) -> String {
        match operation(document, name) {
            Some(o) => format!("{} {} {}", o.kind, o.name, o.fields.join(",")),
            None => "none".into(),
        }
    }

    #[test]
    fn documents() {
        for (document, expected) in [
            ("{ orders { id } }", "query  orders"),
            ("{orders{id},cart}", "query  orders,cart"),
            (
                "query Orders($n: Int = 3, $s: [S!] = [{a: 1}]) @live(if: true) { mine: orders(first: $n, f: {a: \"}\"}) @include(if: $s) { id items { sku } } total }",
                "query Orders orders,total",
            ),
            (
                "mutation Buy { buy(sku: \"a\\\"{\", note: \"\"\"x \" y\"\"\") { ok } }",
                "mutation Buy buy",
            ),
            ("subscription { ticks }", "subscription  ticks"),
            (
                "# note {\nquery Q { ...A ... on Query { b } ... @skip(if: true) { c } } fragment A on Query { a ...B } fragment B on Query { d(x: 1) }",
                "query Q a,d,b,c",
            ),
            ("query Loop { ...A } fragment A on Q { ...A x }", "query Loop x,x,x,x,x,x,x,x"),
            ("query Cut { orders(first: 1) { id", "query Cut orders"),
            ("query", "query  "),
            ("SELECT 1", "none"),
            ("", "none"),
            ("}", "none"),
        ] {
            assert_eq!(read(document, ""), expected, "{document}");
        }
        let two = "query A { a } query B { b }";
        assert_eq!(read(two, "B"), "query B b");
        assert_eq!(read(two, "C"), "query A a");
    }

    #[test]
    fn any_cut_and_depth_is_bounded() {
        let document =
            "query Q($a: [I!]) @d { x: a(b: \"c\") @e { f } ...G } # z\nfragment G on T { h }";
        for cut in 0..=document.len() {
            operation(&document[..cut], "");
            operation(&document[cut..], "");
        }
        let wide = format!("{{ {} }}", "a ".repeat(10_000));
        assert!(operation(&wide, "").unwrap().fields.len() <= LIST_MAX);
        let bomb: String = (0..60)
            .map(|n| format!("fragment F{n} on T {{ ...F{} ...F{} }} ", n + 1, n + 1))
            .collect();
        operation(&format!("{{ ...F0 }} {bomb}"), "");
        operation(&"{".repeat(100_000), "");
    }
}
