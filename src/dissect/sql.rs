//! SQL text -> what the data stores that speak it share: the fingerprint (the statement without
//! its literals, so that equal statements count together), the operation (`SELECT orders`) and
//! the text with passwords masked. It reads words and literals; it does not parse the language.

use super::secret::Secrets;
use super::text::lossy;
use crate::field::{Text, format_compact};

/// Longest fingerprint.
pub const FINGERPRINT_BYTES_MAX: usize = 512;
/// What is shown of a table's name.
const TABLE_BYTES_MAX: usize = 64;

/// How a dialect quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `"` quotes names, `$$` text.
    Postgresql,
    /// `"` quotes text, `` ` `` names, `#` begins a comment.
    Mysql,
}

/// A statement, read once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// As sent, secrets masked, cut.
    pub text: Text,
    /// Lower case, one space, `?` for literals, lists of them as one.
    pub fingerprint: Text,
    /// First verb in upper case.
    pub verb: Text,
    /// Verb and table.
    pub operation: Text,
}

/// Reads a statement; `max` bytes of its text are kept.
pub fn read(sql: &[u8], dialect: Dialect, max: usize, secrets: Secrets) -> Statement {
    let sql = lossy(sql, max);
    let mut print = Print::default();
    for token in Tokens::new(&sql, dialect) {
        if print.text.len() >= FINGERPRINT_BYTES_MAX {
            break;
        }
        print.push(token);
    }
    let fingerprint = Text::from(super::text::cut(&print.text, FINGERPRINT_BYTES_MAX));
    let (verb, operation) = operation(&fingerprint);
    Statement { text: masked(&sql, dialect, max, secrets), fingerprint, verb, operation }
}

/// A piece of a statement; white space and comments are between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A name in quotes.
    Name(&'a str),
    Literal(&'a str),
    Mark(&'a str),
}

struct Tokens<'a> {
    rest: &'a str,
    dialect: Dialect,
}

impl<'a> Tokens<'a> {
    fn new(sql: &'a str, dialect: Dialect) -> Self {
        Tokens { rest: sql, dialect }
    }

    /// Takes so many bytes, up to the next character.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.ceil_char_boundary(bytes));
        self.rest = rest;
        taken
    }

    /// Passes over spaces and comments.
    fn space(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            let bytes = self.rest.as_bytes();
            let line = bytes.starts_with(b"--")
                || (bytes.starts_with(b"#") && self.dialect == Dialect::Mysql);
            let end = match bytes {
                _ if line => self.rest.find('\n').map(|end| end + 1),
                // `/*! */` is MySQL's code for some versions and read as such.
                [b'/', b'*', after, ..] if *after != b'!' => {
                    self.rest.find("*/").map(|end| end + 2)
                }
                _ => return,
            };
            self.take(end.unwrap_or(self.rest.len()));
        }
    }

    /// Length of what is quoted by the first byte: doubled or escaped quotes belong to it.
    fn quoted(&self, start: usize, escapes: bool) -> usize {
        let bytes = self.rest.as_bytes();
        let quote = bytes.get(start).copied();
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            let next = bytes.get(at + 1).copied();
            match byte {
                b'\\' if escapes => at += 1,
                _ if Some(byte) != quote => {}
                _ if next == quote => at += 1,
                _ => return at + 1,
            }
            at += 1;
        }
        bytes.len()
    }

    /// Length of `$tag$text$tag$`, 0 when it is none.
    fn dollar_quoted(&self) -> usize {
        let Some(end) = self.rest.get(1..).and_then(|rest| rest.find('$')) else { return 0 };
        let tag = self.rest.get(..end + 2).unwrap_or_default();
        let is_tag = tag.trim_matches('$').chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_tag || tag.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
            return 0;
        }
        let text = self.rest.get(tag.len()..).unwrap_or_default();
        text.find(tag).map_or(self.rest.len(), |end| end + 2 * tag.len())
    }

    fn run(&self, start: usize, is_in: impl Fn(u8) -> bool) -> usize {
        let bytes = self.rest.as_bytes().get(start..).unwrap_or_default();
        start + bytes.iter().position(|&byte| !is_in(byte)).unwrap_or(bytes.len())
    }

    fn number(&self) -> usize {
        let bytes = self.rest.as_bytes();
        let end = self.run(0, |b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
        let is_exponent = matches!(bytes.get(end - 1), Some(b'e' | b'E'))
            && matches!(bytes.get(end), Some(b'+' | b'-'))
            && !bytes.starts_with(b"0x");
        if is_exponent { self.run(end + 1, |b| b.is_ascii_digit()) } else { end }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || byte >= 0x80
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.space();
        let is_mysql = self.dialect == Dialect::Mysql;
        let bytes = self.rest.as_bytes();
        let second = bytes.get(1).copied().unwrap_or(0);
        Some(match *bytes.first()? {
            b'\'' => Token::Literal(self.take(self.quoted(0, is_mysql))),
            b'"' if is_mysql => Token::Literal(self.take(self.quoted(0, true))),
            b'"' | b'`' => Token::Name(self.take(self.quoted(0, false))),
            b'e' | b'E' if second == b'\'' => Token::Literal(self.take(self.quoted(1, true))),
            b'x' | b'X' | b'b' | b'B' | b'n' | b'N' if second == b'\'' => {
                Token::Literal(self.take(self.quoted(1, is_mysql)))
            }
            b'$' if second.is_ascii_digit() => {
                Token::Literal(self.take(self.run(1, |b| b.is_ascii_digit())))
            }
            b'$' if !is_mysql && self.dollar_quoted() > 0 => {
                Token::Literal(self.take(self.dollar_quoted()))
            }
            b'?' => Token::Literal(self.take(1)),
            b'0'..=b'9' => Token::Literal(self.take(self.number())),
            b'.' if second.is_ascii_digit() => Token::Literal(self.take(self.number())),
            byte if is_word(byte) => Token::Word(self.take(self.run(0, is_word))),
            _ => Token::Mark(self.take(1)),
        })
    }
}

/// The fingerprint while it is written.
#[derive(Default)]
struct Print {
    text: String,
    /// Where lists in parentheses begin in `text`, and whether all in them are literals.
    open: Vec<(usize, bool)>,
}

impl Print {
    fn push(&mut self, token: Token<'_>) {
        match token {
            Token::Word(word) => self.word(word),
            Token::Name(name) => {
                self.plain();
                self.space();
                self.text.push_str(name);
            }
            Token::Literal(_) => self.literal(),
            Token::Mark("(") => {
                self.space();
                self.open.push((self.text.len(), true));
                self.text.push('(');
            }
            Token::Mark(")") => self.close(),
            Token::Mark(",") => self.text.push(','),
            Token::Mark(";") => {}
            Token::Mark(mark) => {
                self.plain();
                if mark != "." && !self.text.ends_with(is_operator) {
                    self.space();
                }
                self.text.push_str(mark);
            }
        }
    }

    /// The list that is open holds more than literals.
    fn plain(&mut self) {
        if let Some((_, is_literals)) = self.open.last_mut() {
            *is_literals = false;
        }
    }

    /// A space where words would run together.
    fn space(&mut self) {
        let is_joined = matches!(self.text.as_bytes().last(), None | Some(b'(' | b'.'));
        if !is_joined && !self.text.ends_with("::") {
            self.text.push(' ');
        }
    }

    fn word(&mut self, word: &str) {
        if ["true", "false", "null", "default"].iter().any(|w| word.eq_ignore_ascii_case(w))
            && self.open.last().is_some_and(|(_, is_literals)| *is_literals)
        {
            return self.literal();
        }
        self.plain();
        self.space();
        self.text.extend(word.chars().map(|c| c.to_ascii_lowercase()));
    }

    /// `?`, once for a list of them.
    fn literal(&mut self) {
        let before = self.text.strip_suffix(['-', '+']).map(str::trim_end);
        if let Some(before) = before.filter(|before| is_sign_after(before)) {
            self.text.truncate(before.len());
        }
        if self.text.ends_with("?,") {
            self.text.pop();
            return;
        }
        self.space();
        self.text.push('?');
    }

    /// Ends a list; one of literals that follows an equal one is left out.
    fn close(&mut self) {
        self.text.push(')');
        let Some((start, is_literals)) = self.open.pop() else { return };
        if !is_literals {
            return;
        }
        let (before, list) = self.text.split_at_checked(start).unwrap_or(("", ""));
        let before = before.trim_end().trim_end_matches(',');
        if list == "(?)" && before.ends_with("(?)") {
            self.text.truncate(before.len());
        }
    }
}

/// Characters that operators are made of.
fn is_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|:".contains(c)
}

/// Whether `-` behind this text is a sign, not a subtraction.
fn is_sign_after(before: &str) -> bool {
    let word = before.rsplit(' ').next().unwrap_or_default();
    let keywords = ["select", "values", "and", "or", "then", "else", "when", "where", "between"];
    let more = ["limit", "offset", "set", "by", "in", "return", "like"];
    before.ends_with(['(', ',', '=', '<', '>']) || keywords.contains(&word) || more.contains(&word)
}

/// Verb, and verb with the first table, of a fingerprint.
fn operation(fingerprint: &str) -> (Text, Text) {
    let words = || {
        let is_between = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | '=');
        fingerprint.split(is_between).filter(|word| !word.is_empty())
    };
    let is_main =
        |word: &&str| matches!(*word, "select" | "insert" | "update" | "delete" | "merge");
    let first = words().next().unwrap_or_default();
    let verb = if first == "with" { words().rfind(is_main).unwrap_or(first) } else { first };
    let named = Text::from(super::text::cut(verb, TABLE_BYTES_MAX)).to_ascii_uppercase();
    let before = match verb {
        "select" | "delete" | "copy" | "show" => &["from", "copy"][..],
        "insert" | "replace" | "merge" => &["into"],
        "update" => &["update"],
        "create" | "alter" | "drop" | "truncate" | "lock" | "analyze" | "vacuum" => {
            &["table", "truncate", "vacuum", "on"]
        }
        "call" | "execute" | "use" => &["call", "execute", "use"],
        _ => return (named.clone(), named),
    };
    let skipped = |word: &&str| {
        !matches!(*word, "if" | "not" | "exists" | "only" | "?" | "ignore" | "low_priority")
    };
    let mut rest = words().skip_while(|word| *word != verb);
    let is_found = rest.by_ref().any(|word| before.contains(&word));
    let table = rest.find(skipped).filter(|word| is_found && !is_main(word));
    let table = table.map(|word| super::text::cut(word, TABLE_BYTES_MAX).replace(['"', '`'], ""));
    match table {
        Some(table) if !table.is_empty() => {
            let operation = format_compact!("{named} {table}");
            (named, operation)
        }
        _ => (named.clone(), named),
    }
}

/// Whether a word in lower case stands in the text, in any case.
fn holds(sql: &str, word: &[u8]) -> bool {
    let Some(&first) = word.first() else { return false };
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), sql.as_bytes()).any(|at| {
        let found = sql.as_bytes().get(at..at + word.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(word))
    })
}

/// The text with literals behind PASSWORD and IDENTIFIED masked.
fn masked(sql: &str, dialect: Dialect, max: usize, secrets: Secrets) -> Text {
    if secrets.show() || !(holds(sql, b"password") || holds(sql, b"identified")) {
        return Text::from(sql);
    }
    let (mut text, mut is_secret, mut done) = (Text::default(), 0, 0);
    let mut tokens = Tokens::new(sql, dialect);
    while let Some(token) = tokens.next() {
        let end = sql.len() - tokens.rest.len();
        match token {
            Token::Word(word) => {
                let named = ["password", "identified"].iter().any(|w| word.eq_ignore_ascii_case(w));
                is_secret = if named { 4 } else { i32::max(is_secret - 1, 0) };
            }
            Token::Literal(literal) if is_secret > 0 && literal.len() > 2 => {
                let start = end - literal.len();
                text.push_str(sql.get(done..start).unwrap_or_default());
                text.push_str(&Secrets::mask(literal.len().saturating_sub(2)));
                done = end;
            }
            _ => {}
        }
    }
    text.push_str(sql.get(done..).unwrap_or_default());
    Text::from(super::text::cut(&text, max))
}

#[cfg(test)]
mod tests {
    use super::Dialect::{Mysql, Postgresql};
    use super::*;
    use crate::limits::Limits;

    fn statement(sql: &str, dialect: Dialect) -> Statement {
        read(sql.as_bytes(), dialect, 4096, Secrets::new(&Limits::default()))
    }

    #[test]
    fn literals_are_left_out() {
        for (sql, dialect, expected) in [
            ("SELECT * FROM Orders WHERE id = 42", Postgresql, "select * from orders where id = ?"),
            (
                "select  a,b from t\n where x='it''s' -- c\n",
                Postgresql,
                "select a, b from t where x = ?",
            ),
            ("SELECT 1; ", Postgresql, "select ?"),
            ("select -1.5e-3, +2", Postgresql, "select ?"),
            ("select a-1 from t", Postgresql, "select a - ? from t"),
            (
                "SELECT * FROM t WHERE a IN (1, 2,3) AND b=$1",
                Postgresql,
                "select * from t where a in (?) and b = ?",
            ),
            (
                "INSERT INTO t VALUES (1,'a',null),(2,'b',NULL)",
                Postgresql,
                "insert into t values (?)",
            ),
            ("select \"A b\".c from \"T\"", Postgresql, "select \"A b\".c from \"T\""),
            ("select E'a\\'b', $q$it's$q$ /* x */", Postgresql, "select ?"),
            ("select now()", Postgresql, "select now ()"),
            ("select \"a\\\"b\", 'c' # d", Mysql, "select ?"),
            ("select `a`.`b` from `c`", Mysql, "select `a`.`b` from `c`"),
            ("select 0x1f, x'1f', @@version", Mysql, "select ?, @@version"),
            ("", Postgresql, ""),
            ("'", Postgresql, "?"),
            ("select $a$ b", Postgresql, "select ?"),
            ("select ñ = 'ñ'", Postgresql, "select ñ = ?"),
        ] {
            assert_eq!(statement(sql, dialect).fingerprint, expected, "{sql}");
        }
    }

    #[test]
    fn any_prefix_is_read() {
        let sql = "WITH x AS (SELECT $1::int, 'a''b', $t$c$t$ /* d */) -- e\n INSERT INTO \"ñ\" VALUES (1.5e-3)";
        for cut in 0..=sql.len() {
            for dialect in [Postgresql, Mysql] {
                read(&sql.as_bytes()[..cut], dialect, 4096, Secrets::new(&Limits::default()));
                read(&sql.as_bytes()[cut..], dialect, 20, Secrets::new(&Limits::default()));
            }
        }
    }

    #[test]
    fn operations() {
        for (sql, expected) in [
            ("SELECT * FROM shop.orders o JOIN x", "SELECT shop.orders"),
            ("select count(*) from (select 1 from t)", "SELECT"),
            ("insert into \"T\" (a) values (1)", "INSERT T"),
            ("UPDATE ONLY t SET a = 1", "UPDATE t"),
            ("delete from t where a = 1", "DELETE t"),
            ("BEGIN", "BEGIN"),
            ("with x as (select 1) update t set a = 2", "UPDATE t"),
            ("create table if not exists t (a int)", "CREATE t"),
            ("copy t from stdin", "COPY t"),
            ("set search_path = a", "SET"),
            ("select 1", "SELECT"),
        ] {
            assert_eq!(statement(sql, Postgresql).operation, expected, "{sql}");
        }
        assert_eq!(statement("replace into `s`.`t` values (1)", Mysql).operation, "REPLACE s.t");
    }

    #[test]
    fn passwords_are_masked() {
        for (sql, expected) in [
            (
                "ALTER USER bob WITH PASSWORD 'hunter2'",
                "ALTER USER bob WITH PASSWORD <masked 7 bytes>",
            ),
            (
                "create user b identified by 'abc' require ssl",
                "create user b identified by <masked 3 bytes> require ssl",
            ),
            ("select password from t where a = 'x'", "select password from t where a = 'x'"),
        ] {
            let text = statement(sql, Mysql).text;
            assert!(text == expected || sql.starts_with("select"), "{text}");
        }
    }

    #[test]
    fn fingerprints_are_bounded() {
        let sql = format!("select {}", "a + b, ".repeat(1000));
        assert!(statement(&sql, Mysql).fingerprint.len() <= FINGERPRINT_BYTES_MAX);
    }
}
