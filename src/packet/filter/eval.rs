//! A compiled capture filter: a list of tests, each with the test that follows when it holds and
//! when it does not. Evaluation reads the frame's bytes and allocates nothing. As in libpcap's
//! machine, a read behind the captured bytes ends the evaluation, and the frame does not match.

use super::arithmetic::apply;
use super::ast::{Operator, Relation};

/// A boolean expression over tests, in the order in which they are made.
#[derive(Debug, Clone)]
pub(super) enum Cond {
    All(Vec<Cond>),
    Any(Vec<Cond>),
    Not(Box<Cond>),
    Test(Test),
}

impl Cond {
    pub const TRUE: Cond = Cond::All(Vec::new());
    pub const FALSE: Cond = Cond::Any(Vec::new());

    pub fn negated(self) -> Cond {
        Cond::Not(Box::new(self))
    }
}

/// One question to a frame.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// `size` bytes at a place, masked, against a number.
    Field {
        place: Place,
        size: u8,
        mask: u32,
        is: Is,
        number: u32,
    },
    Relation(Operand, Relation, Operand),
    /// A protocol among IPv4's and IPv6's chained headers.
    Chain {
        ip: u32,
        v6: bool,
        proto: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Equal,
    Greater,
    AtLeast,
}

/// Where bytes lie in the frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    At(u32),
    /// Behind the IPv4 header that begins at `ip`; `at` counts from its begin too.
    BehindIp {
        ip: u32,
        at: u32,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Number(u32),
    Length,
    Load { base: Place, index: Box<Operand>, size: u8 },
    Negative(Box<Operand>),
    Binary(Operator, Box<Operand>, Box<Operand>),
}

/// Extension headers that are followed at most, since they may point at themselves.
const CHAIN_MAX: usize = 1024;

/// The end of a program: places no test has.
const ACCEPT: u32 = u32::MAX;
const REJECT: u32 = u32::MAX - 1;

#[derive(Debug, Clone)]
struct Step {
    test: Test,
    yes: u32,
    no: u32,
}

/// Tests and where they begin.
#[derive(Debug, Clone)]
pub(super) struct Program {
    steps: Vec<Step>,
    first: u32,
}

impl Program {
    pub fn new(cond: Cond) -> Program {
        let mut program = Program { steps: Vec::new(), first: REJECT };
        program.first = program.emit(cond, ACCEPT, REJECT);
        program
    }

    /// Appends the tests of a condition, last ones first, so that each knows what follows it.
    /// Returns where the condition begins.
    fn emit(&mut self, cond: Cond, yes: u32, no: u32) -> u32 {
        match cond {
            Cond::All(parts) => parts.into_iter().rev().fold(yes, |yes, c| self.emit(c, yes, no)),
            Cond::Any(parts) => parts.into_iter().rev().fold(no, |no, c| self.emit(c, yes, no)),
            Cond::Not(inner) => self.emit(*inner, no, yes),
            Cond::Test(test) => {
                self.steps.push(Step { test, yes, no });
                self.steps.len() as u32 - 1
            }
        }
    }

    /// Whether the program accepts a frame.
    pub fn matches(&self, frame: &[u8], wire_len: u32) -> bool {
        let frame = Frame { bytes: frame, wire_len };
        let mut at = self.first;
        loop {
            // The ends are no places of steps, and steps lead to earlier places only.
            let Some(step) = self.steps.get(at as usize) else { return at == ACCEPT };
            match frame.holds(&step.test) {
                Some(true) => at = step.yes,
                Some(false) => at = step.no,
                None => return false,
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Frame<'a> {
    bytes: &'a [u8],
    wire_len: u32,
}

impl Frame<'_> {
    /// The answer to a test; none if it cannot be given.
    fn holds(self, test: &Test) -> Option<bool> {
        match test {
            Test::Field { place, size, mask, is, number } => {
                let value = self.read(self.place(*place, 0)?, *size)? & mask;
                Some(match is {
                    Is::Equal => value == *number,
                    Is::Greater => value > *number,
                    Is::AtLeast => value >= *number,
                })
            }
            Test::Relation(left, relation, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Some(match relation {
                    Relation::Equal => left == right,
                    Relation::NotEqual => left != right,
                    Relation::Greater => left > right,
                    Relation::GreaterOrEqual => left >= right,
                    Relation::Less => left < right,
                    Relation::LessOrEqual => left <= right,
                })
            }
            Test::Chain { ip, v6, proto } => self.chain(*ip, *v6, *proto),
        }
    }

    /// A place's distance from the frame's begin. The sum of index and header length wraps, as
    /// in libpcap's machine.
    fn place(self, place: Place, index: u32) -> Option<usize> {
        match place {
            Place::At(at) => Some(at as usize + index as usize),
            Place::BehindIp { ip, at } => {
                Some(at as usize + index.wrapping_add(self.ip_len(ip as usize)?) as usize)
            }
        }
    }

    /// Length of the IPv4 header at `ip`.
    fn ip_len(self, ip: usize) -> Option<u32> {
        Some(u32::from(self.bytes.get(ip)? & 0x0f) * 4)
    }

    fn read(self, at: usize, size: u8) -> Option<u32> {
        let bytes = self.bytes.get(at..)?;
        Some(match size {
            1 => u32::from(*bytes.first()?),
            2 => u32::from(u16::from_be_bytes(*bytes.first_chunk()?)),
            _ => u32::from_be_bytes(*bytes.first_chunk()?),
        })
    }

    fn value(self, operand: &Operand) -> Option<u32> {
        match operand {
            Operand::Number(number) => Some(*number),
            Operand::Length => Some(self.wire_len),
            Operand::Load { base, index, size } => {
                self.read(self.place(*base, self.value(index)?)?, *size)
            }
            Operand::Negative(inner) => self.value(inner).map(u32::wrapping_neg),
            Operand::Binary(operator, left, right) => {
                apply(*operator, self.value(left)?, self.value(right)?)
            }
        }
    }

    /// Follows the headers behind the IP header at `ip` up to `proto` or one that chains no
    /// other. libpcap's slip is kept: behind an authentication header it goes on at that
    /// header's length, not behind its end.
    fn chain(self, ip: u32, v6: bool, proto: u32) -> Option<bool> {
        let ip = ip as usize;
        let (mut next, mut at) = if v6 {
            (self.read(ip + 6, 1)?, 40)
        } else {
            (self.read(ip + 9, 1)?, self.ip_len(ip)? as usize)
        };
        for _ in 0..CHAIN_MAX {
            let (header, len) = match next {
                _ if next == proto => return Some(true),
                0 | 43 | 44 | 60 if v6 => {
                    let units = self.read(ip + at + 1, 1)? as usize;
                    (self.read(ip + at, 1)?, at + (units + 1) * 8)
                }
                51 => {
                    let header = self.read(ip + at, 1)?;
                    (header, (self.read(ip + at + 1, 1)? as usize + 2) * 4)
                }
                _ => return Some(false),
            };
            (next, at) = (header, len);
        }
        None
    }
}
