//! Names that a pack defines -> their meaning, in the text of a KFL filter: lists and parameters
//! become literals, macros their expression in parentheses. Works on words of the text; whether
//! the result is a filter is KFL's to say.

use std::collections::BTreeMap;

use super::model::Literal;

/// Longest filter that macros may grow to.
const FILTER_BYTES_MAX: usize = 64 << 10;

/// What names stand for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    names: BTreeMap<String, Meaning>,
}

#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Literal(String),
    Macro(String),
}

impl Definitions {
    pub fn define_value(&mut self, name: &str, value: &Literal) {
        self.names.insert(name.to_owned(), Meaning::Literal(value.to_kfl()));
    }

    pub fn define_macro(&mut self, name: &str, filter: &str) {
        self.names.insert(name.to_owned(), Meaning::Macro(filter.to_owned()));
    }

    /// `filter` with every defined name replaced; the error is a sentence.
    pub fn expand(&self, filter: &str) -> Result<String, String> {
        self.expand_within(filter, &mut Vec::new())
    }

    /// `open`: the macros being expanded, outermost first.
    fn expand_within<'a>(
        &'a self,
        filter: &str,
        open: &mut Vec<&'a str>,
    ) -> Result<String, String> {
        let mut expanded = String::with_capacity(filter.len());
        for token in tokens(filter) {
            let defined = token.is_name.then(|| self.names.get_key_value(token.text)).flatten();
            match defined {
                None => expanded.push_str(token.text),
                Some((_, Meaning::Literal(literal))) => expanded.push_str(literal),
                Some((name, _)) if open.contains(&name.as_str()) => {
                    return Err(format!(
                        "macro `{name}` uses itself: {} -> {name}",
                        open.join(" -> ")
                    ));
                }
                Some((name, Meaning::Macro(body))) => {
                    open.push(name);
                    expanded.push_str(&format!("({})", self.expand_within(body, open)?));
                    open.pop();
                }
            }
            if expanded.len() > FILTER_BYTES_MAX {
                return Err(format!("macros make it longer than {FILTER_BYTES_MAX} bytes"));
            }
        }
        Ok(expanded)
    }
}

/// A stretch of the text; all of them together are the text.
struct Token<'a> {
    text: &'a str,
    /// A word that may stand for something: no field after a dot, no function, no literal.
    is_name: bool,
}

fn tokens(filter: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = filter;
    let mut after_dot = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => string_length(rest, false),
            'r' | 'R' | 'b' | 'B' if literal_prefix(rest) > 0 => {
                let prefix = literal_prefix(rest);
                let is_raw = rest[..prefix].contains(['r', 'R']);
                prefix + string_length(&rest[prefix..], is_raw)
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        let is_identifier = first.is_alphabetic() || first == '_';
        let is_call = after.trim_start().starts_with('(');
        let is_name = is_identifier && text.chars().all(is_word) && !after_dot && !is_call;
        tokens.push(Token { text, is_name });
        if !first.is_whitespace() {
            after_dot = first == '.';
        }
        rest = after;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the `r`, `b` or `rb` before a string literal; 0 where there is none.
fn literal_prefix(text: &str) -> usize {
    let letters = text.len() - text.trim_start_matches(['r', 'R', 'b', 'B']).len();
    match letters <= 2 && text[letters..].starts_with(['"', '\'']) {
        true => letters,
        false => 0,
    }
}

/// Length of the string literal at the start of `text`, with its quotes; to the end of the text
/// where it is not closed.
fn string_length(text: &str, is_raw: bool) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let quote = if text.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = quote.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(quote) {
            return at + quote.len();
        }
        at += c.len_utf8();
        if c == '\\' && !is_raw {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions() -> Definitions {
        let mut all = Definitions::default();
        let paths = ["/healthz", "/it's"].map(|path| Literal::Text(path.to_owned()));
        all.define_value("probe_paths", &Literal::List(paths.to_vec()));
        all.define_value("limit", &Literal::Int(5));
        all.define_macro("app_http", "http && !(path in probe_paths)");
        all.define_macro("failing", "app_http && status_code >= 500");
        all
    }

    fn expand(filter: &str) -> String {
        definitions().expand(filter).unwrap()
    }

    #[test]
    fn names_become_their_meaning() {
        assert_eq!(
            expand("failing || x > limit"),
            "((http && !(path in [\"/healthz\", \"/it's\"])) && status_code >= 500) || x > 5"
        );
    }

    #[test]
    fn literals_fields_functions_and_comments_stay() {
        for filter in [
            r#"path == "limit" && x == 'limit\' limit'"#,
            r#"path.matches(r"\limit\") || b"limit" == y"#,
            r#"""" "limit" """ != z"#,
            "src.limit > 1 && src . limit > 1 && limit(x)",
            "x // limit\n && y",
            "limits > 1 && my_limit > 2 && x5limit",
            "\"open limit",
            "é == limité",
        ] {
            assert_eq!(expand(filter), filter);
        }
        assert_eq!(expand("r == limit"), "r == 5");
    }

    #[test]
    fn macros_that_multiply_are_refused() {
        let mut all = Definitions::default();
        all.define_macro("m0", "http");
        for n in 1..64 {
            all.define_macro(&format!("m{n}"), &format!("m{} || m{}", n - 1, n - 1));
        }
        assert!(all.expand("m63").unwrap_err().contains("longer than"));
    }

    #[test]
    fn a_macro_that_uses_itself_is_an_error() {
        let mut all = definitions();
        all.define_macro("a", "b && x");
        all.define_macro("b", "a || y");
        assert_eq!(all.expand("a"), Err("macro `a` uses itself: a -> b -> a".to_owned()));
    }
}
