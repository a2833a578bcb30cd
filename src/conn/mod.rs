//! Packets -> connections: who opened it, what its handshake and teardown did, and what its
//! segments tell about loss, order, windows and round-trip times. Payload is `stream/`; the table
//! that holds connections is `replay/`. How counts relate to Wireshark's: `README.md`.

mod analysis;
mod duplicate;
mod expiry;
pub mod fields;
pub mod flow;
mod holes;
mod icmp;
mod id;
mod metrics;
mod rtt;
mod side;
mod tcp;
mod times;
pub mod trail;
mod window;

use crate::capture::Mark;
use crate::outcome::Outcome;
use crate::packet::{Key, Packet, Proto, Side, Transport};

pub use expiry::Belongs;
pub use icmp::{IcmpErrors, Meaning};
pub use id::call_id;
pub use rtt::Rtt;
pub use tcp::{Counts, Step};
pub use trail::Trail;

use duplicate::Recent;
use side::TcpSide;
use times::Times;

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

/// Bits of `conn_completeness`.
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
    /// It began on the ports of one that was still remembered.
    pub port_reused: bool,
    pub first: Mark,
    pub last_ns: i64,
    pub packets: [u64; 2],
    pub payload_bytes: [u64; 2],
    /// Packets that the vantage saw twice; not among `packets`.
    pub duplicates: u64,
    pub counts: Counts,
    pub icmp_errors: Option<IcmpErrors>,
    pub trail: Trail,
    tcp: [TcpSide; 2],
    recent: [Recent; 2],
    completeness: u8,
    times: Times,
    refused: bool,
    /// Who sent the first RST (SCTP: ABORT), and when.
    reset: Option<(Side, i64)>,
    /// When it was over (both ends finished, or reset); `None` while open.
    pub closed_ns: Option<i64>,
}

impl Conn {
    /// A connection that begins with `packet`.
    pub fn new(packet: &Packet, payload: &[u8], server_port: impl Fn(u16) -> bool) -> Self {
        Conn {
            key: packet.key,
            id: id::content_id(packet, payload),
            client: opener(packet, server_port),
            opened: false,
            port_reused: false,
            first: Mark { ts_ns: packet.ts_ns, packet: packet.at, seq: 0 },
            last_ns: packet.ts_ns,
            packets: [0; 2],
            payload_bytes: [0; 2],
            duplicates: 0,
            counts: Counts::default(),
            icmp_errors: None,
            trail: Trail::default(),
            tcp: Default::default(),
            recent: Default::default(),
            completeness: 0,
            times: Times::default(),
            refused: false,
            reset: None,
            closed_ns: None,
        }
    }

    /// Takes a packet into account; what its payload means for the stream comes back.
    pub fn update(&mut self, packet: &Packet) -> Step {
        let ([low, high], [recent_low, recent_high]) = (&self.tcp, &mut self.recent);
        let (sender, recent) = match packet.from {
            Side::Low => (low, recent_low),
            Side::High => (high, recent_high),
        };
        if recent.is_copy(packet, sender, self.duplicates > 0) {
            self.duplicates += 1;
            return Step { duplicate: true, ..Step::default() };
        }
        if let Transport::IcmpError { kind, code, .. } = packet.transport {
            self.icmp_error(packet, kind, code);
            return Step::default();
        }
        self.count(packet);
        match packet.transport {
            Transport::Tcp(tcp) => self.tcp_step(packet, &tcp),
            Transport::Sctp { chunk } => self.sctp_step(packet, chunk),
            _ => Step::default(),
        }
    }

    fn count(&mut self, packet: &Packet) {
        let from = packet.from.index();
        self.trail.update(packet);
        self.times.idle_ns = self.times.idle_ns.max(packet.ts_ns.saturating_sub(self.last_ns));
        self.last_ns = self.last_ns.max(packet.ts_ns);
        if let Some(packets) = self.packets.get_mut(from) {
            *packets += 1;
        }
        let len = u64::from(packet.payload_len) + u64::from(packet.payload_cut);
        if len > 0 {
            if let Some(bytes) = self.payload_bytes.get_mut(from) {
                *bytes += len;
            }
            if let Some(first) = self.times.payload.get_mut(from) {
                first.get_or_insert(packet.ts_ns);
            }
        }
    }

    /// What the first chunk of an SCTP packet (RFC 9260 section 3.2) does to its association.
    fn sctp_step(&mut self, packet: &Packet, chunk: u8) -> Step {
        const INIT: u8 = 1;
        const INIT_ACK: u8 = 2;
        const ABORT: u8 = 6;
        const SHUTDOWN_COMPLETE: u8 = 14;
        match chunk {
            INIT => {
                (self.client, self.opened) = (packet.from, true);
                self.times.syn.get_or_insert(packet.ts_ns);
                self.times.last_syn = Some(packet.ts_ns);
            }
            INIT_ACK => {
                (self.client, self.opened) = (packet.from.other(), true);
                self.times.syn_ack.get_or_insert(packet.ts_ns);
            }
            ABORT => {
                self.refused |= self.times.syn.is_some() && self.times.syn_ack.is_none();
                self.reset.get_or_insert((packet.from, packet.ts_ns));
                self.closed_ns.get_or_insert(packet.ts_ns);
            }
            SHUTDOWN_COMPLETE => {
                self.closed_ns.get_or_insert(packet.ts_ns);
            }
            _ => {}
        }
        Step::default()
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

    /// How the connection fared by itself, whatever was said on it. `end_ns` is the last moment
    /// that is known of: a SYN without an answer is no time-out when nobody had time to answer.
    pub fn outcome(&self, end_ns: i64) -> Outcome {
        const ANSWER_NS: i64 = 1_000_000_000;
        let unanswered = self.completeness == completeness::SYN && self.key.proto == Proto::Tcp;
        let waited = end_ns.saturating_sub(self.first.ts_ns) > ANSWER_NS;
        if self.refused {
            Outcome::Refused
        } else if unanswered && (self.syn_retries() > 0 || waited) {
            Outcome::Timeout
        } else if self.reset.is_some() && self.completeness & completeness::FIN == 0 {
            Outcome::Reset
        } else if self.completeness & completeness::DATA != 0 || self.key.proto != Proto::Tcp {
            Outcome::Ok
        } else {
            Outcome::Unknown
        }
    }

    /// Sequence number of this end's FIN, once sent.
    pub fn fin(&self, side: Side) -> Option<u32> {
        self.side(side).fin
    }

    /// When this end sent its FIN or RST.
    pub fn ended_ns(&self, side: Side) -> Option<i64> {
        self.side(side).ended_ns
    }
}

/// Types of ICMP and ICMPv6.
const ECHO_REPLY: u8 = 0;
const ECHO_REPLY_6: u8 = 129;

/// The end that opened the connection which `packet` is the first of, as far as it tells.
fn opener(packet: &Packet, server_port: impl Fn(u16) -> bool) -> Side {
    let (source, target) = (packet.key.end(packet.from), packet.key.end(packet.from.other()));
    let flags = match packet.transport {
        Transport::Tcp(tcp) => tcp.flags,
        // An error answers the packet it quotes; the rest of ICMP has no ports to go by.
        Transport::IcmpError { .. } => return packet.from.other(),
        Transport::Icmp { kind: ECHO_REPLY | ECHO_REPLY_6, .. } => return packet.from.other(),
        Transport::Icmp { .. } => return packet.from,
        _ => Default::default(),
    };
    match (flags.syn(), flags.ack()) {
        (true, false) => packet.from,
        (true, true) => packet.from.other(),
        // No handshake: a well-known port is a server's, else the lower one; else who spoke.
        _ if server_port(target.port) != server_port(source.port) => {
            if server_port(target.port) {
                packet.from
            } else {
                packet.from.other()
            }
        }
        _ if source.port < target.port => packet.from.other(),
        _ => packet.from,
    }
}

#[cfg(test)]
mod tests;
