//! Arithmetic in a capture filter: `tcp[12] >> 4`, `ip[2:2] - 20`. Precedence is that of
//! libpcap's grammar, in which `%` and `^` have none: what stands to their right binds first,
//! so `a % b + c` is `a % (b + c)`.

use super::ast::{Arith, Operator};
use super::error::Fault;
use super::lex::Kind as TokenKind;
use super::names;
use super::parse::{Parser, Result};

/// libpcap's machine has 16 registers, and each operand that waits takes one.
const REGISTERS_MAX: usize = 16;

/// The operator of a sign.
pub(super) fn operator(key: &str) -> Option<Operator> {
    Some(match key {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Remainder,
        "&" => Operator::And,
        "|" => Operator::Or,
        "^" => Operator::Xor,
        "<<" => Operator::ShiftLeft,
        ">>" => Operator::ShiftRight,
        _ => return None,
    })
}

/// What an operand stands behind.
#[derive(Clone, Copy)]
enum Behind {
    Nothing,
    Minus,
    Operator(Operator),
}

/// How tight an operator binds; `%` and `^` have no place in the order.
fn precedence(operator: Operator) -> Option<u8> {
    match operator {
        Operator::Or => Some(1),
        Operator::And => Some(2),
        Operator::ShiftLeft | Operator::ShiftRight => Some(3),
        Operator::Add | Operator::Subtract => Some(4),
        Operator::Multiply | Operator::Divide => Some(5),
        Operator::Remainder | Operator::Xor => None,
    }
}

/// Whether `next` takes the operand away from what stands before it.
fn binds_tighter(next: Operator, behind: Behind) -> bool {
    match (behind, precedence(next)) {
        (Behind::Nothing, _) | (_, None) => true,
        (Behind::Minus, Some(_)) => false,
        (Behind::Operator(before), Some(next)) => precedence(before).is_none_or(|b| next > b),
    }
}

impl Parser<'_> {
    /// An operand of a comparison.
    pub fn arithmetic(&mut self) -> Result<Arith> {
        let span = self.span();
        let arith = self.operands(Behind::Nothing)?;
        if registers(&arith) > REGISTERS_MAX {
            let fault = Fault::new("the arithmetic needs too many intermediate results");
            return Err(fault.help("put the nested part first: `(a + b) + c`").at(span));
        }
        Ok(arith)
    }

    fn operands(&mut self, behind: Behind) -> Result<Arith> {
        self.deeper()?;
        let mut left = self.operand()?;
        while let Some(next) = self.key().and_then(operator) {
            if !binds_tighter(next, behind) {
                break;
            }
            let span = self.span();
            self.at += 1;
            let right = self.operands(Behind::Operator(next))?;
            check(next, &right).map_err(|fault| fault.at(span))?;
            self.deeper()?;
            left = Arith::Binary(next, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Arith> {
        if self.take("-") {
            return Ok(Arith::Negative(Box::new(self.operands(Behind::Minus)?)));
        }
        if self.take("len") {
            return Ok(Arith::Length);
        }
        if self.take("(") {
            let arith = self.operands(Behind::Nothing)?;
            self.expect(")")?;
            return Ok(arith);
        }
        if let Some(TokenKind::Number(_)) = self.peek() {
            return self.number().map(Arith::Number);
        }
        self.load()
    }

    /// `proto[index]` or `proto[index:size]`
    fn load(&mut self) -> Result<Arith> {
        let Some(proto) = self.key().and_then(names::protocol) else {
            return Err(self.unexpected("expected a number or bytes such as `ip[8]`"));
        };
        self.at += 1;
        self.expect("[")?;
        let index = Box::new(self.operands(Behind::Nothing)?);
        let span = self.span();
        let size = if self.take(":") { self.number()? } else { 1 };
        if ![1, 2, 4].contains(&size) {
            return Err(Fault::new("only 1, 2 or 4 bytes can be read at once").at(span));
        }
        self.expect("]")?;
        Ok(Arith::Load { proto, index, size })
    }
}

/// Divisions by nothing and shifts out of the number. libpcap looks at the first number on the
/// right-hand side only, so `ip[2] / ip[0]` divides by zero to it.
fn check(operator: Operator, right: &Arith) -> std::result::Result<(), Fault> {
    let first = first_number(right);
    match operator {
        Operator::Divide | Operator::Remainder if first == Some(0) || folded(right) == Some(0) => {
            Err(Fault::new("division by zero"))
        }
        Operator::ShiftLeft | Operator::ShiftRight if first.is_some_and(|bits| bits > 31) => {
            Err(Fault::new("a shift by more than 31 bits"))
        }
        _ => Ok(()),
    }
}

/// The number that is evaluated first, if the evaluation begins with one.
fn first_number(arith: &Arith) -> Option<u32> {
    match arith {
        Arith::Number(number) => Some(*number),
        Arith::Length => None,
        Arith::Load { index, .. } => first_number(index),
        Arith::Negative(inner) | Arith::Binary(_, inner, _) => first_number(inner),
    }
}

/// The value of arithmetic that depends on no packet.
pub(super) fn folded(arith: &Arith) -> Option<u32> {
    match arith {
        Arith::Number(number) => Some(*number),
        Arith::Length | Arith::Load { .. } => None,
        Arith::Negative(inner) => folded(inner).map(u32::wrapping_neg),
        Arith::Binary(operator, left, right) => apply(*operator, folded(left)?, folded(right)?),
    }
}

/// An operation on unsigned 32-bit numbers; none if it divides by zero.
pub(super) fn apply(operator: Operator, left: u32, right: u32) -> Option<u32> {
    Some(match operator {
        Operator::Add => left.wrapping_add(right),
        Operator::Subtract => left.wrapping_sub(right),
        Operator::Multiply => left.wrapping_mul(right),
        Operator::Divide => left.checked_div(right)?,
        Operator::Remainder => left.checked_rem(right)?,
        Operator::And => left & right,
        Operator::Or => left | right,
        Operator::Xor => left ^ right,
        Operator::ShiftLeft => left.checked_shl(right).unwrap_or(0),
        Operator::ShiftRight => left.checked_shr(right).unwrap_or(0),
    })
}

/// Registers that libpcap needs for the evaluation.
fn registers(arith: &Arith) -> usize {
    match arith {
        Arith::Number(_) | Arith::Length => 1,
        Arith::Load { index, .. } => registers(index).max(2),
        Arith::Negative(inner) => registers(inner),
        Arith::Binary(_, left, right) => registers(left).max(1 + registers(right)),
    }
}
