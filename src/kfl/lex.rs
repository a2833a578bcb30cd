//! Text -> words and signs, as far as it takes to bound a filter before it is parsed, to blank
//! out `#` comments, and to recognise filters in older or made-up syntax. The parser proper is
//! that of crate `cel`.

use super::error::{KflError, Span};
use super::limits::{DEPTH_MAX, LIST_MAX, TEXT_BYTES_MAX};

/// What a token is; its text is the source at its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Name,
    Number,
    /// A string or bytes literal; `raw` with the prefix `r`.
    Text {
        raw: bool,
    },
    Sign,
}

/// One word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// The tokens of a filter and its text with `#` comments blanked out.
#[derive(Debug)]
pub struct Lexed {
    pub tokens: Vec<Token>,
    /// As long as the source, so that places in it are places in the source.
    pub text: String,
    pub has_hash_comments: bool,
}

type Result<T> = std::result::Result<T, KflError>;

/// Splits a filter and checks its bounds. Errors: text, nesting or lists beyond the limits,
/// strings and brackets that do not end.
pub fn lex(source: &str) -> Result<Lexed> {
    if source.len() > TEXT_BYTES_MAX {
        let message = format!("the filter is longer than {TEXT_BYTES_MAX} bytes");
        return Err(KflError::at(0..0, message));
    }
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new(), hashes: Vec::new() };
    while lexer.next()? {}
    Bounds::default().check(source, &lexer.tokens)?;
    let has_hash_comments = !lexer.hashes.is_empty();
    Ok(Lexed { text: lexer.blanked(), tokens: lexer.tokens, has_hash_comments })
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token>,
    hashes: Vec<Span>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    /// Reads one token, comment or space; false at the end.
    fn next(&mut self) -> Result<bool> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(false);
        };
        let start = self.at;
        if first == '#' || rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            if first == '#' {
                self.hashes.push(start..self.at);
            }
        } else if let Some((quote_at, raw)) = opens_text(rest) {
            self.at += text_len(rest, quote_at, raw).ok_or_else(|| {
                KflError::at(start..self.source.len(), "this string does not end")
                    .help("close it with the quote that opens it")
            })?;
            self.push(TokenKind::Text { raw }, start);
        } else if first.is_alphabetic() || first == '_' {
            self.at += span_while(rest, |c| c.is_alphanumeric() || c == '_');
            self.push(TokenKind::Name, start);
        } else if first.is_ascii_digit() {
            self.at += span_while(rest, |c| c.is_ascii_alphanumeric() || c == '.');
            self.push(TokenKind::Number, start);
        } else if first.is_whitespace() {
            self.at += first.len_utf8();
        } else {
            self.at += sign_len(rest, first);
            self.push(TokenKind::Sign, start);
        }
        Ok(true)
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token { kind, span: start..self.at });
    }

    /// The source with `#` comments turned into spaces, byte for byte.
    fn blanked(&self) -> String {
        let mut out = String::with_capacity(self.source.len());
        let mut from = 0;
        for hash in &self.hashes {
            out.push_str(&self.source[from..hash.start]);
            out.extend(std::iter::repeat_n(' ', hash.len()));
            from = hash.end;
        }
        out + &self.source[from..]
    }
}

fn span_while(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|c| !keep(c)).unwrap_or(text.len())
}

/// Two-character operators are one sign.
fn sign_len(rest: &str, first: char) -> usize {
    let double = ["&&", "||", "==", "!=", "<=", ">="];
    if double.iter().any(|d| rest.starts_with(d)) { 2 } else { first.len_utf8() }
}

/// Whether a string or bytes literal starts here: where its quote is and whether it is raw.
fn opens_text(rest: &str) -> Option<(usize, bool)> {
    let prefix = span_while(rest, |c| "rRbB".contains(c));
    let quoted = rest[prefix..].starts_with(['"', '\'']);
    let raw = rest[..prefix].contains(['r', 'R']);
    (quoted && prefix <= 2).then_some((prefix, raw))
}

/// Bytes of the literal whose quote is at `quote_at`, or None if it does not end.
fn text_len(rest: &str, quote_at: usize, raw: bool) -> Option<usize> {
    let body = &rest[quote_at..];
    let single = &body[..1];
    let triple = single.repeat(3);
    let quote = if body.starts_with(&triple) { triple.as_str() } else { single };
    let mut at = quote.len();
    loop {
        let left = body.get(at..).filter(|left| !left.is_empty())?;
        if left.starts_with(quote) {
            return Some(quote_at + at + quote.len());
        }
        let mut chars = left.chars();
        let mut step = chars.next().map_or(1, char::len_utf8);
        if !raw && left.starts_with('\\') {
            step += chars.next().map_or(0, char::len_utf8);
        }
        at += step;
    }
}

/// Counts nesting and list lengths, so that neither parser nor checker recurse too deep.
#[derive(Default)]
struct Bounds {
    /// Per open bracket: where, its sign, links of the chain inside it, commas inside it.
    open: Vec<(Span, char, usize, usize)>,
    links: usize,
    depth: usize,
}

impl Bounds {
    fn check(mut self, source: &str, tokens: &[Token]) -> Result<()> {
        for token in tokens {
            let text = &source[token.span.clone()];
            match (token.kind, text) {
                (TokenKind::Sign, "(" | "[" | "{") => self.opens(token, text),
                (TokenKind::Sign, ")" | "]" | "}") => self.closes(token, text)?,
                (TokenKind::Sign, ",") => self.comma(token)?,
                (TokenKind::Sign, "&&" | "||") => self.reset(),
                (TokenKind::Sign, _) | (TokenKind::Name, "in") => self.link(),
                _ => {}
            }
            if self.depth > DEPTH_MAX {
                let message = format!("more than {DEPTH_MAX} operators inside one another");
                return Err(KflError::at(token.span.clone(), message)
                    .help("join parts with `&&` or `||`, or test a list with `in`"));
            }
        }
        match self.open.pop() {
            None => Ok(()),
            Some((span, sign, ..)) => {
                Err(KflError::at(span, format!("this `{sign}` is not closed")))
            }
        }
    }

    fn link(&mut self) {
        self.links += 1;
        self.depth += 1;
    }

    /// A new operand of the same bracket: its chain starts again.
    fn reset(&mut self) {
        self.depth -= self.links;
        self.links = 0;
    }

    fn opens(&mut self, token: &Token, text: &str) {
        let sign = text.chars().next().unwrap_or('(');
        self.open.push((token.span.clone(), sign, self.links, 0));
        self.links = 0;
        self.depth += 1;
    }

    fn closes(&mut self, token: &Token, text: &str) -> Result<()> {
        let opens = |sign| matches!((sign, text), ('(', ")") | ('[', "]") | ('{', "}"));
        match self.open.pop() {
            Some((_, sign, links, _)) if opens(sign) => {
                self.reset();
                self.links = links;
                self.depth -= 1;
                // What follows a bracket (`[0]`, `(x)`) chains on it.
                self.link();
                Ok(())
            }
            _ => {
                Err(KflError::at(token.span.clone(), format!("this `{text}` closes nothing open")))
            }
        }
    }

    fn comma(&mut self, token: &Token) -> Result<()> {
        self.reset();
        let commas = self.open.last_mut().map(|open| {
            open.3 += 1;
            open.3
        });
        if commas >= Some(LIST_MAX) {
            let message = format!("a list of more than {LIST_MAX} elements");
            return Err(KflError::at(token.span.clone(), message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        lex(source).unwrap().tokens.into_iter().map(|t| &source[t.span]).collect()
    }

    #[test]
    fn splits_words_signs_and_strings() {
        assert_eq!(
            texts("a.b>=1.5e3u // c\n && r\"x\\\" in '''it's''' b'\\''"),
            ["a", ".", "b", ">=", "1.5e3u", "&&", "r\"x\\\"", "in", "'''it's'''", "b'\\''"]
        );
    }

    #[test]
    fn blanks_hash_comments_and_keeps_hashes_in_strings() {
        let lexed = lex("# ü\nhttp && path == \"#\" # end").unwrap();
        assert_eq!(lexed.text, "    \nhttp && path == \"#\"      ");
        assert!(lexed.has_hash_comments && !lex("http // # no").unwrap().has_hash_comments);
    }

    #[test]
    fn refuses_what_does_not_end() {
        for (source, message) in [
            ("a == \"x", "this string does not end"),
            ("a == \"x\\\"", "this string does not end"),
            ("(a && b", "this `(` is not closed"),
            ("a]", "this `]` closes nothing open"),
            ("(a]", "this `]` closes nothing open"),
        ] {
            assert_eq!(lex(source).unwrap_err().message, message, "{source}");
        }
    }

    #[test]
    fn bounds_nesting_chains_and_lists() {
        let deep = "(".repeat(DEPTH_MAX + 1) + "a" + &")".repeat(DEPTH_MAX + 1);
        let chain = "1".to_string() + &"+1".repeat(DEPTH_MAX + 1);
        let mixed = "a".to_string() + &"[0].b(".repeat(DEPTH_MAX) + &")".repeat(DEPTH_MAX);
        for source in [deep, chain, mixed, "a".to_string() + &"[0]".repeat(DEPTH_MAX + 1)] {
            assert!(lex(&source).unwrap_err().message.starts_with("more than 128 operators"));
        }
        let list = |n: usize| format!("x in [{}]", vec!["1"; n].join(","));
        assert!(lex(&list(LIST_MAX)).is_ok() && lex(&list(LIST_MAX + 1)).is_err());
        assert!(lex(&vec!["a == 1"; 1000].join(" || ")).is_ok());
        assert!(lex(&" ".repeat(TEXT_BYTES_MAX + 1)).is_err());
    }
}
