//! Packets -> connections: who opened it, what its TCP handshake and teardown did, and what its
//! segments tell about loss. Payload is `stream/`; the table that holds connections is `replay/`.

pub mod fields;
pub mod flow;
mod tcp;
pub mod trail;

use crate::capture::Mark;
use crate::outcome::Outcome;
use crate::packet::{Key, Packet, Proto, Side, Transport};

pub use tcp::{Step, TcpSide};
pub use trail::Trail;

/// Which way bytes flow, seen from whoever opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    pub fn reverse(self) -> Self {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }

    pub fn index(self) -> usize {
        self as usize
    }
}

/// Wireshark's `tcp.completeness` bits.
mod completeness {
    pub const SYN: u8 = 1;
    pub const SYN_ACK: u8 = 2;
    pub const ACK: u8 = 4;
    pub const DATA: u8 = 8;
    pub const FIN: u8 = 16;
    pub const RST: u8 = 32;
}

/// One conversation between two sockets, as one vantage sees it.
#[derive(Debug)]
pub struct Conn {
    pub key: Key,
    /// Content-derived, positive.
    pub id: i64,
    /// The end that opened it, as far as known.
    client: Side,
    /// The handshake told who opened it.
    pub opened: bool,
    pub first: Mark,
    pub last_ns: i64,
    pub packets: [u64; 2],
    pub payload_bytes: [u64; 2],
    pub tcp: [TcpSide; 2],
    pub trail: Trail,
    completeness: u8,
    syn_ns: i64,
    syn_ack_ns: i64,
    ack_ns: i64,
    refused: bool,
    reset_by: Option<Side>,
    /// When it was over (both ends finished, or reset); `None` while open.
    pub closed_ns: Option<i64>,
}

/// What a packet means for the connection it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// It is part of it.
    Here,
    /// It opens a new connection on the same ports; whether the old one was still open.
    NewOne { was_open: bool },
}

impl Conn {
    /// A connection that begins with `packet`.
    pub fn new(packet: &Packet, payload: &[u8], server_port: impl Fn(u16) -> bool) -> Self {
        let flags = match packet.transport {
            Transport::Tcp(tcp) => tcp.flags,
            _ => Default::default(),
        };
        let (source, target) = (packet.key.end(packet.from), packet.key.end(packet.from.other()));
        let client = match (flags.syn(), flags.ack()) {
            (true, false) => packet.from,
            (true, true) => packet.from.other(),
            // No handshake: a well-known port is a server's, else the lower one; else who spoke.
            _ if server_port(target.port) != server_port(source.port) => {
                if server_port(target.port) { packet.from } else { packet.from.other() }
            }
            _ if source.port < target.port => packet.from.other(),
            _ => packet.from,
        };
        Conn {
            key: packet.key,
            id: content_id(packet, payload),
            client,
            opened: flags.syn(),
            first: Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 },
            last_ns: packet.ts_ns,
            packets: [0; 2],
            payload_bytes: [0; 2],
            tcp: Default::default(),
            trail: Trail::default(),
            completeness: 0,
            syn_ns: 0,
            syn_ack_ns: 0,
            ack_ns: 0,
            refused: false,
            reset_by: None,
            closed_ns: None,
        }
    }

    /// Whether `packet` continues this connection or opens the next one on its ports.
    pub fn belongs(&self, packet: &Packet, udp_idle_ns: i64) -> Belongs {
        match packet.transport {
            Transport::Tcp(tcp) if tcp.flags.syn() && !tcp.flags.ack() && !tcp.flags.rst() => {
                let same = match self.side(packet.from).isn {
                    Some(isn) => isn == tcp.seq,
                    None => self.packets == [0, 0],
                };
                if same {
                    Belongs::Here
                } else {
                    Belongs::NewOne { was_open: self.closed_ns.is_none() }
                }
            }
            Transport::Tcp(_) => Belongs::Here,
            _ if packet.ts_ns.saturating_sub(self.last_ns) > udp_idle_ns => {
                Belongs::NewOne { was_open: false }
            }
            _ => Belongs::Here,
        }
    }

    /// Takes a packet into account; what its payload means for the stream comes back.
    pub fn update(&mut self, packet: &Packet) -> Step {
        let from = packet.from.index();
        self.trail.update(packet);
        self.last_ns = self.last_ns.max(packet.ts_ns);
        if let Some(packets) = self.packets.get_mut(from) {
            *packets += 1;
        }
        if let Some(bytes) = self.payload_bytes.get_mut(from) {
            *bytes += u64::from(packet.payload_len) + u64::from(packet.payload_cut);
        }
        match packet.transport {
            Transport::Tcp(tcp) => self.tcp_step(packet, &tcp),
            _ => Step::default(),
        }
    }

    fn side(&self, side: Side) -> &TcpSide {
        let [low, high] = &self.tcp;
        match side {
            Side::Low => low,
            Side::High => high,
        }
    }

    pub fn client(&self) -> Side {
        self.client
    }

    /// A dissector knows better who the client is; only while the handshake has not told.
    pub fn turn(&mut self, client: Side) {
        if !self.opened {
            self.client = client;
        }
    }

    pub fn direction(&self, from: Side) -> Direction {
        if from == self.client { Direction::ToServer } else { Direction::ToClient }
    }

    /// `open` (handshake not complete), `in_progress` or `closed`, as in KFL.
    pub fn state(&self) -> &'static str {
        let handshake = completeness::SYN | completeness::SYN_ACK | completeness::ACK;
        if self.closed_ns.is_some() {
            "closed"
        } else if self.key.proto == Proto::Tcp
            && self.opened
            && self.completeness & handshake != handshake
        {
            "open"
        } else {
            "in_progress"
        }
    }

    /// How the connection fared by itself, whatever was said on it. `end_ns` is the end of the
    /// capture: a SYN without an answer is no time-out when nobody had time to answer.
    pub fn outcome(&self, end_ns: i64) -> Outcome {
        const ANSWER_NS: i64 = 1_000_000_000;
        let unanswered = self.completeness == completeness::SYN && self.key.proto == Proto::Tcp;
        if self.refused {
            Outcome::Refused
        } else if unanswered && (self.syn_retries() > 0 || end_ns - self.first.ts_ns > ANSWER_NS) {
            Outcome::Timeout
        } else if self.reset_by.is_some() && self.completeness & completeness::FIN == 0 {
            Outcome::Reset
        } else if self.completeness & completeness::DATA != 0 || self.key.proto != Proto::Tcp {
            Outcome::Ok
        } else {
            Outcome::Unknown
        }
    }

    pub fn refused(&self) -> bool {
        self.refused
    }

    pub fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Whether the peer must have spoken and none of its packets was captured. An unanswered SYN
    /// says nothing of the kind, and many UDP protocols never answer.
    pub fn is_one_sided(&self) -> bool {
        self.key.proto == Proto::Tcp
            && self.packets.contains(&0)
            && self.completeness & !completeness::SYN != 0
    }

    pub fn reset_by(&self) -> Option<Direction> {
        self.reset_by.map(|side| self.direction(side))
    }

    /// Sequence number of this end's FIN, once sent.
    pub fn fin(&self, side: Side) -> Option<u32> {
        self.side(side).fin
    }

    /// When this end sent its FIN or RST.
    pub fn ended_ns(&self, side: Side) -> Option<i64> {
        self.side(side).ended_ns
    }

    pub fn syn_retries(&self) -> u32 {
        self.side(self.client).syns.saturating_sub(1)
    }

    /// Microseconds from SYN to SYN-ACK, 0 when one was not seen.
    pub fn initial_rtt_us(&self) -> i64 {
        span_us(self.syn_ns, self.syn_ack_ns)
    }

    /// Microseconds from SYN to the ACK that completes the handshake, 0 when not seen.
    pub fn handshake_us(&self) -> i64 {
        span_us(self.syn_ns, self.ack_ns)
    }
}

fn span_us(from_ns: i64, to_ns: i64) -> i64 {
    if from_ns == 0 || to_ns == 0 { 0 } else { (to_ns - from_ns).max(0) / 1000 }
}

/// The id of the connection that begins with `packet`: the same in every run, however the capture
/// is cut. TCP takes the client's initial sequence number where a SYN or SYN-ACK tells it, so
/// that every vantage gives the same id; else the first packet's time. UDP takes the first payload
/// and the minute, since sockets repeat themselves.
fn content_id(packet: &Packet, payload: &[u8]) -> i64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&packet.key.bytes());
    match packet.transport {
        Transport::Tcp(tcp) if tcp.flags.syn() => {
            let isn = if tcp.flags.ack() { tcp.ack.wrapping_sub(1) } else { tcp.seq };
            hash.update(&isn.to_be_bytes());
        }
        Transport::Tcp(_) => {
            hash.update(&packet.ts_ns.to_be_bytes());
        }
        _ => {
            hash.update(&(packet.ts_ns / 60_000_000_000).to_be_bytes());
            hash.update(payload);
        }
    }
    positive(&hash)
}

/// The id of a connection's call, from where its request and response begin in their streams (or
/// the protocol's own ids of datagrams); `repeat` tells apart those that begin at the same place.
pub fn call_id(conn: i64, request_place: i64, response_place: i64, repeat: u64) -> i64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&conn.to_be_bytes());
    // The response of a call may be missing from some captures: the request alone names it.
    let (half, place) = match request_place {
        -1 => (1, response_place),
        place => (0, place),
    };
    hash.update(&[half]);
    hash.update(&place.to_be_bytes());
    hash.update(&repeat.to_be_bytes());
    positive(&hash)
}

/// 63 bits of a hash, never 0: ids are non-negative in every engine, and 0 means none.
fn positive(hash: &blake3::Hasher) -> i64 {
    let mut bytes = [0; 8];
    hash.finalize_xof().fill(&mut bytes);
    (i64::from_be_bytes(bytes) & i64::MAX).max(1)
}

#[cfg(test)]
mod tests;
