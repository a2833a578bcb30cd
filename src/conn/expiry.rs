//! When a connection is over, and which packet opens the next one on its ports. Decided by the
//! packets' own times alone, so that it does not matter when somebody looks.

use super::{Conn, completeness};
use crate::limits::Limits;
use crate::packet::{Packet, Proto, TcpFlags, Transport};

/// What a packet means for the connection whose key it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// It is part of it.
    Here,
    /// It begins a new connection on the same ports: `reused` where the old one was still
    /// remembered, `was_open` where it had not even ended.
    NewOne { reused: bool, was_open: bool },
}

impl Conn {
    /// Whether `packet` continues this connection or opens the next one on its ports.
    pub fn belongs(&self, packet: &Packet, limits: &Limits) -> Belongs {
        if self.over(packet.ts_ns, limits) {
            return Belongs::NewOne { reused: false, was_open: false };
        }
        match packet.transport {
            Transport::Tcp(tcp) if opens(tcp.flags) && !self.opened_by(packet, tcp.seq) => {
                Belongs::NewOne { reused: true, was_open: self.closed_ns.is_none() }
            }
            _ => Belongs::Here,
        }
    }

    /// Whether a SYN is this connection's own.
    fn opened_by(&self, packet: &Packet, seq: u32) -> bool {
        match self.side(packet.from).isn {
            Some(isn) => isn == seq,
            // Both ends may open at the same time (RFC 9293 section 3.5).
            None => self.completeness & !completeness::SYN == 0,
        }
    }

    /// Whether it is over at `ts_ns`, because nothing was heard for so long.
    pub fn over(&self, ts_ns: i64, limits: &Limits) -> bool {
        let secs = match self.key.proto {
            Proto::Tcp | Proto::Sctp if self.closed_ns.is_some() => limits.tcp_closed_secs,
            Proto::Tcp if self.is_half_open() => limits.tcp_handshake_secs,
            Proto::Tcp | Proto::Sctp => limits.tcp_idle_secs,
            Proto::Udp | Proto::Icmp => limits.udp_idle_secs,
        };
        ts_ns.saturating_sub(self.last_ns) > i64::from(secs) * 1_000_000_000
    }

    /// Nobody has said anything on it but that it should be opened.
    pub fn is_half_open(&self) -> bool {
        self.opened && self.completeness & (completeness::ACK | completeness::DATA) == 0
    }
}

fn opens(flags: TcpFlags) -> bool {
    flags.syn() && !flags.ack() && !flags.rst()
}
