//! A capture filter as it was written: boolean expressions over primitives, with places for
//! messages. What a primitive means depends on the link type; `compile` decides that.

use std::net::Ipv6Addr;

use super::error::Span;

/// A boolean expression. An empty `All` matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Test(Primitive, Span),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Primitive {
    /// `tcp`: packets of a protocol.
    Protocol(Proto),
    /// `src port 80`: a value and what it is compared with.
    Value(Qualifier, Value),
    /// `tcp[13] & 2 != 0`
    Relation(Arith, Relation, Arith),
    Broadcast(Option<Proto>),
    Multicast(Option<Proto>),
    /// `less`: frames of at most so many bytes.
    Less(u32),
    /// `greater`: frames of at least so many bytes.
    Greater(u32),
    /// `byte 5 = 3`: a byte of the link header.
    Byte(u32, Relation, u32),
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u32>),
}

/// Protocols that have a word of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proto {
    /// `ether`: the link layer, whichever it is.
    Link,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmp6,
    Igmp,
    Igrp,
    Pim,
    Vrrp,
    Carp,
    Ah,
    Esp,
    Atalk,
    Aarp,
    Decnet,
    Lat,
    Sca,
    Moprc,
    Mopdl,
    Iso,
    Stp,
    Ipx,
    Netbeui,
}

/// What a value is compared with; `port 80 or 443` carries it on to the second value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Qualifier {
    pub proto: Option<Proto>,
    pub side: Side,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
    /// `src or dst`, and what holds without a word.
    Either,
    /// `src and dst`
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
    ProtoChain,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Net => "net",
            Kind::Port => "port",
            Kind::PortRange => "portrange",
            Kind::Proto => "proto",
            Kind::ProtoChain => "protochain",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Name(String),
    Number(u32),
    /// `10.1` as 0x0a01 and 16 bits.
    Ipv4(Dotted),
    /// `10.0.0.0/8`
    Ipv4Prefix(Dotted, u32),
    /// `net 10.0.0.0 mask 255.0.0.0`
    Ipv4Mask(Dotted, Dotted),
    Ipv6(Ipv6Addr, u32),
    Mac([u8; 6]),
}

/// One to four bytes of an IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dotted {
    pub value: u32,
    pub bits: u32,
}

impl Dotted {
    /// The bytes at the front of 32 bits, zeros behind them.
    pub fn left_justified(self) -> u32 {
        self.value.checked_shl(32 - self.bits).unwrap_or(0)
    }

    /// As many ones as there are bits.
    pub fn mask(self) -> u32 {
        prefix_mask(self.bits)
    }
}

/// A mask of `bits` ones, at most 32, from the front.
pub(super) fn prefix_mask(bits: u32) -> u32 {
    u32::MAX.checked_shl(32u32.saturating_sub(bits)).unwrap_or(0)
}

/// Arithmetic on unsigned 32-bit numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arith {
    Number(u32),
    /// Bytes of the frame on the wire.
    Length,
    /// `size` bytes at an index into the header of a protocol.
    Load {
        proto: Proto,
        index: Box<Arith>,
        size: u32,
    },
    Negative(Box<Arith>),
    Binary(Operator, Box<Arith>, Box<Arith>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}
