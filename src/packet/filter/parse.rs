//! Tokens of a capture filter -> its expression, by libpcap's grammar: `and` and `or` bind
//! equally and to the left, `not` binds tighter, and a bare value takes the qualifier of what
//! stands before it (`port 80 or 443`).

use super::ast::{Expr, Primitive, Proto, Qualifier, Relation};
use super::error::{Fault, FilterError, Span};
use super::lex::{Kind as TokenKind, Token, lex};
use super::names;

/// Deepest nesting of parentheses, `not` and turns between `and` and `or`.
const DEPTH_MAX: usize = 100;

pub(super) type Result<T> = std::result::Result<T, FilterError>;

/// An expression and the qualifier that a bare value behind it takes.
type Carried = (Expr, Option<Qualifier>);

/// Parses a filter; one without words matches everything.
pub(super) fn parse(text: &str) -> Result<Expr> {
    let tokens = lex(text)?;
    if tokens.is_empty() {
        return Ok(Expr::All(Vec::new()));
    }
    let mut parser = Parser { tokens: &tokens, end: text.trim_end().len(), at: 0, depth: 0 };
    let (expr, _) = parser.expr(None)?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected("expected `and` or `or`")),
    }
}

pub(super) struct Parser<'a> {
    tokens: &'a [Token],
    /// End of the text, for what is missing there.
    end: usize,
    pub at: usize,
    pub depth: usize,
}

impl Parser<'_> {
    pub fn peek(&self) -> Option<&TokenKind> {
        self.ahead(0)
    }

    pub fn ahead(&self, count: usize) -> Option<&TokenKind> {
        self.tokens.get(self.at + count).map(|token| &token.kind)
    }

    /// The next token if it is a word or sign of the language.
    pub fn key(&self) -> Option<&'static str> {
        self.key_at(self.at)
    }

    pub fn key_at(&self, at: usize) -> Option<&'static str> {
        match self.tokens.get(at)?.kind {
            TokenKind::Key(key) => Some(key),
            _ => None,
        }
    }

    /// Takes the next token if it is `key`.
    pub fn take(&mut self, key: &str) -> bool {
        let found = self.key() == Some(key);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, key: &str) -> Result<()> {
        if self.take(key) { Ok(()) } else { Err(self.unexpected(&format!("expected `{key}`"))) }
    }

    /// Takes a number.
    pub fn number(&mut self) -> Result<u32> {
        match self.peek() {
            Some(TokenKind::Number(number)) => {
                let number = *number;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.unexpected("expected a number")),
        }
    }

    /// The place of the next token.
    pub fn span(&self) -> Span {
        self.tokens.get(self.at).map_or(self.end..self.end, |token| token.span.clone())
    }

    /// From the token at `first` to the last one taken.
    pub fn span_from(&self, first: usize) -> Span {
        let start = self.tokens.get(first).map_or(self.end, |token| token.span.start);
        let last = self.at.checked_sub(1).and_then(|last| self.tokens.get(last));
        start..last.map_or(self.end, |token| token.span.end).max(start)
    }

    pub fn unexpected(&self, expected: &str) -> FilterError {
        let fault = match self.peek() {
            None => Fault::new(format!("the capture filter ends too early: {expected}")),
            Some(TokenKind::Key(key)) => match names::refusal(key) {
                Some(help) => Fault::new(format!("`{key}` is not supported")).help(help),
                None => Fault::new(format!("`{key}` does not fit here: {expected}")),
            },
            Some(TokenKind::Name(name)) => self.unexpected_name(name, expected),
            Some(_) => Fault::new(format!("this value does not fit here: {expected}"))
                .help("a value needs a word in front, such as `host 10.1.2.3` or `port 80`"),
        };
        fault.at(self.span())
    }

    fn unexpected_name(&self, name: &str, expected: &str) -> Fault {
        let fault = Fault::new(format!("`{name}` does not fit here: {expected}"));
        let compared =
            matches!(self.ahead(1), Some(TokenKind::Key("=" | "not" | "!=" | "<" | ">")));
        let lower = name.to_ascii_lowercase();
        match names::keyword(&lower) {
            _ if compared => fault.help("this is tcpdump's syntax: `host 10.1.2.3 and port 80`"),
            Some(_) => fault.help(format!("words are in lower case: `{lower}`")),
            None if names::ip_protocol(name).is_some() => {
                fault.help(format!("write `ip proto {name}`"))
            }
            None => fault.help("a name needs a word in front, such as `port http`"),
        }
    }

    /// Counts one level of nesting more.
    pub fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth <= DEPTH_MAX {
            return Ok(());
        }
        let message = format!("more than {DEPTH_MAX} levels of parentheses, `not` and operators");
        Err(Fault::new(message).at(self.span()))
    }

    /// `term (and|or term|value)*`
    fn expr(&mut self, carried: Option<Qualifier>) -> Result<Carried> {
        let depth = self.depth;
        let (mut expr, mut qualifier) = self.term(carried)?;
        while let Some(all) = self.connective() {
            let (right, next) = if self.value_ahead() {
                (self.value(qualifier)?, qualifier)
            } else {
                self.term(qualifier)?
            };
            expr = self.join(all, expr, right)?;
            qualifier = next;
        }
        self.depth = depth;
        Ok((expr, qualifier))
    }

    /// Takes `and` (true) or `or` (false).
    pub fn connective(&mut self) -> Option<bool> {
        if self.take("and") { Some(true) } else { self.take("or").then_some(false) }
    }

    /// Adds to a chain, which stays flat as long as the connective is the same.
    pub fn join(&mut self, all: bool, left: Expr, right: Expr) -> Result<Expr> {
        Ok(match (all, left) {
            (true, Expr::All(mut parts)) => {
                parts.push(right);
                Expr::All(parts)
            }
            (false, Expr::Any(mut parts)) => {
                parts.push(right);
                Expr::Any(parts)
            }
            (all, left) => {
                self.deeper()?;
                let parts = vec![left, right];
                if all { Expr::All(parts) } else { Expr::Any(parts) }
            }
        })
    }

    fn term(&mut self, carried: Option<Qualifier>) -> Result<Carried> {
        let depth = self.depth;
        self.deeper()?;
        let found = if self.take("not") {
            let (expr, qualifier) = self.term(carried)?;
            (Expr::Not(Box::new(expr)), qualifier)
        } else if self.relation_ahead() {
            let first = self.at;
            let primitive = self.relation()?;
            (Expr::Test(primitive, self.span_from(first)), None)
        } else if self.take("(") {
            let (expr, _) = self.expr(carried)?;
            self.expect(")")?;
            (expr, carried)
        } else {
            self.primitive()?
        };
        self.depth = depth;
        Ok(found)
    }

    /// Whether arithmetic comes next, not a primitive or a boolean expression.
    fn relation_ahead(&self) -> bool {
        match self.peek() {
            Some(TokenKind::Number(_)) | Some(TokenKind::Key("-" | "len")) => true,
            Some(TokenKind::Key("(")) => self.closing().is_some_and(|at| self.operator_at(at + 1)),
            Some(TokenKind::Key(key)) => {
                names::protocol(key).is_some() && self.key_at(self.at + 1) == Some("[")
            }
            _ => false,
        }
    }

    /// Where the parenthesis that comes next is closed.
    fn closing(&self) -> Option<usize> {
        let mut open = 0usize;
        (self.at..self.tokens.len()).find(|at| {
            match self.key_at(*at) {
                Some("(") => open += 1,
                Some(")") => open -= 1,
                _ => {}
            }
            open == 0
        })
    }

    /// Whether the token is an operator between numbers.
    fn operator_at(&self, at: usize) -> bool {
        let key = self.key_at(at);
        key.is_some_and(|key| super::arithmetic::operator(key).is_some() || relation(key).is_some())
    }

    /// Whether a value without a qualifier of its own comes next.
    fn value_ahead(&self) -> bool {
        let mut at = self.at;
        while matches!(self.key_at(at), Some("not" | "(")) {
            at += 1;
        }
        let mut open = (self.at..at).filter(|at| self.key_at(*at) == Some("(")).count();
        match self.tokens.get(at).map(|token| &token.kind) {
            None | Some(TokenKind::Key(_)) => false,
            Some(TokenKind::Number(_)) => {
                at += 1;
                while open > 0 && self.key_at(at) == Some(")") {
                    (at, open) = (at + 1, open - 1);
                }
                !self.operator_at(at)
            }
            Some(_) => true,
        }
    }

    fn relation(&mut self) -> Result<Primitive> {
        let left = self.arithmetic()?;
        let Some(relation) = self.key().and_then(relation) else {
            return Err(self.unexpected("expected a comparison such as `= 5`"));
        };
        self.at += 1;
        Ok(Primitive::Relation(left, relation, self.arithmetic()?))
    }

    fn primitive(&mut self) -> Result<Carried> {
        let first = self.at;
        let proto = self.key().and_then(names::protocol);
        self.at += usize::from(proto.is_some());
        if let Some(qualifier) = self.qualifier(proto)? {
            return Ok((self.value(Some(qualifier))?, Some(qualifier)));
        }
        let Some(key) = self.key().filter(|key| proto.is_none() || is_cast(key)) else {
            let Some(proto) = proto else {
                return Err(self.unexpected("expected a test such as `tcp port 80`"));
            };
            let test = Expr::Test(Primitive::Protocol(proto), self.span_from(first));
            return Ok((test, None));
        };
        let primitive = self.special(key, proto)?;
        Ok((Expr::Test(primitive, self.span_from(first)), None))
    }

    /// Primitives that begin with a word of their own.
    fn special(&mut self, key: &str, proto: Option<Proto>) -> Result<Primitive> {
        let wrong = self.unexpected("expected a test such as `tcp port 80`");
        self.at += 1;
        Ok(match key {
            "broadcast" => Primitive::Broadcast(proto),
            "multicast" => Primitive::Multicast(proto),
            "less" => Primitive::Less(self.number()?),
            "greater" => Primitive::Greater(self.number()?),
            "byte" => self.byte()?,
            "vlan" => Primitive::Vlan(self.nested_number()),
            "mpls" => Primitive::Mpls(self.nested_number()),
            "pppoed" => Primitive::PppoeDiscovery,
            "pppoes" => Primitive::PppoeSession(self.nested_number()),
            _ => return Err(wrong),
        })
    }

    /// `byte 5 = 3`
    fn byte(&mut self) -> Result<Primitive> {
        let at = self.number()?;
        let relation = match self.key() {
            Some("=") => Relation::Equal,
            Some("<") => Relation::Less,
            Some(">") => Relation::Greater,
            Some("&" | "|") => {
                let fault = Fault::new("`byte` with `&` or `|` reads no byte");
                let help = format!("write `ether[{at}] & MASK != 0`");
                return Err(fault.help(help).at(self.span()));
            }
            _ => return Err(self.unexpected("expected `=`, `<` or `>`")),
        };
        self.at += 1;
        Ok(Primitive::Byte(at, relation, self.number()?))
    }
}

fn is_cast(key: &str) -> bool {
    matches!(key, "broadcast" | "multicast")
}

fn relation(key: &str) -> Option<Relation> {
    Some(match key {
        "=" => Relation::Equal,
        "!=" => Relation::NotEqual,
        ">" => Relation::Greater,
        ">=" => Relation::GreaterOrEqual,
        "<" => Relation::Less,
        "<=" => Relation::LessOrEqual,
        _ => return None,
    })
}
