//! Qualifiers and values of a capture filter: `src port`, `host`, and the addresses, numbers and
//! names behind them, several in parentheses if need be.

use super::ast::{Dotted, Expr, Kind, Primitive, Proto, Qualifier, Side, Value};
use super::error::{Fault, Span};
use super::lex::Kind as TokenKind;
use super::parse::{Parser, Result};

impl Parser<'_> {
    /// A number in any number of parentheses.
    pub fn nested_number(&mut self) -> Option<u32> {
        let first = self.at;
        while self.take("(") {}
        let open = self.at - first;
        let number = self.number().ok();
        if number.is_some() && (0..open).all(|_| self.take(")")) {
            return number;
        }
        self.at = first;
        None
    }

    /// What stands in front of a value: `src port`, `proto`, `host` or nothing.
    pub fn qualifier(&mut self, proto: Option<Proto>) -> Result<Option<Qualifier>> {
        let side = self.side();
        let kind = match self.key() {
            Some("host") => Kind::Host,
            Some("net") => Kind::Net,
            Some("port") => Kind::Port,
            Some("portrange") => Kind::PortRange,
            Some("proto") if side.is_none() => Kind::Proto,
            Some("protochain") if side.is_none() => Kind::ProtoChain,
            _ => {
                let plain = |side| Qualifier { proto, side, kind: Kind::Host };
                return Ok(side.map(plain));
            }
        };
        self.at += 1;
        Ok(Some(Qualifier { proto, side: side.unwrap_or(Side::Either), kind }))
    }

    /// `src`, `dst`, `src or dst`, `dst and src` and so on.
    fn side(&mut self) -> Option<Side> {
        let (side, other) = match self.key()? {
            "src" => (Side::Source, "dst"),
            "dst" => (Side::Target, "src"),
            _ => return None,
        };
        self.at += 1;
        let joined = match self.key() {
            Some("or") => Side::Either,
            Some("and") => Side::Both,
            _ => return Some(side),
        };
        if self.key_at(self.at + 1) != Some(other) {
            return Some(side);
        }
        self.at += 2;
        Some(joined)
    }

    /// A value, or several in parentheses, for one qualifier.
    pub fn value(&mut self, qualifier: Option<Qualifier>) -> Result<Expr> {
        let depth = self.depth;
        self.deeper()?;
        let first = self.at;
        let expr = if let Some(number) = self.nested_number() {
            self.qualified(qualifier, Value::Number(number), first)?
        } else if self.take("(") {
            let expr = self.values(qualifier)?;
            self.expect(")")?;
            expr
        } else {
            self.single(qualifier)?
        };
        self.depth = depth;
        Ok(expr)
    }

    /// `value (and|or value)*` in parentheses; the first one has none of its own.
    fn values(&mut self, qualifier: Option<Qualifier>) -> Result<Expr> {
        let first = self.at;
        let mut expr = match self.nested_number() {
            Some(number) => self.qualified(qualifier, Value::Number(number), first)?,
            None => self.single(qualifier)?,
        };
        while let Some(all) = self.connective() {
            let right = self.value(qualifier)?;
            expr = self.join(all, expr, right)?;
        }
        Ok(expr)
    }

    /// A name, an address, or `not` a value.
    fn single(&mut self, qualifier: Option<Qualifier>) -> Result<Expr> {
        if self.take("not") {
            return Ok(Expr::Not(Box::new(self.value(qualifier)?)));
        }
        let first = self.at;
        let value = match self.peek() {
            Some(TokenKind::Name(name)) => Value::Name(name.clone()),
            Some(TokenKind::Mac(mac)) => Value::Mac(*mac),
            Some(TokenKind::Ipv6(ip)) => Value::Ipv6(*ip, 128),
            Some(TokenKind::Dotted(text)) => Value::Ipv4(dotted(text, self.span())?),
            _ => return Err(self.unexpected("expected an address, a number or a name")),
        };
        self.at += 1;
        let value = self.masked(value)?;
        self.qualified(qualifier, value, first)
    }

    /// The prefix length or mask behind an address.
    fn masked(&mut self, value: Value) -> Result<Value> {
        match value {
            Value::Ipv4(ip) if self.take("/") => Ok(Value::Ipv4Prefix(ip, self.number()?)),
            Value::Ipv6(ip, _) if self.take("/") => Ok(Value::Ipv6(ip, self.number()?)),
            Value::Ipv4(ip) if self.take("mask") => {
                let Some(TokenKind::Dotted(text)) = self.peek() else {
                    return Err(self.unexpected("expected a mask such as 255.255.0.0"));
                };
                let mask = dotted(text, self.span())?;
                self.at += 1;
                Ok(Value::Ipv4Mask(ip, mask))
            }
            value => Ok(value),
        }
    }

    fn qualified(&self, qualifier: Option<Qualifier>, value: Value, first: usize) -> Result<Expr> {
        let span = self.span_from(first);
        let Some(qualifier) = qualifier else {
            let fault = Fault::new("nothing says what this value is compared with");
            return Err(fault.help("write `host`, `net` or `port` in front").at(span));
        };
        Ok(Expr::Test(Primitive::Value(qualifier, value), span))
    }
}

/// One to four bytes in decimal with dots between.
fn dotted(text: &str, span: Span) -> Result<Dotted> {
    let mut dotted = Dotted { value: 0, bits: 0 };
    for group in text.split('.') {
        let Ok(byte) = group.parse::<u8>() else {
            let fault = Fault::new(format!("`{text}` is no IPv4 address"));
            return Err(fault.help("its parts are decimal numbers up to 255").at(span));
        };
        dotted = Dotted { value: dotted.value << 8 | u32::from(byte), bits: dotted.bits + 8 };
    }
    Ok(dotted)
}
