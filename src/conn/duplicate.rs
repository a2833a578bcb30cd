//! The same packet captured twice by one vantage (a mirror port, `tcpdump -i any`): counts once.
//! It may have another MAC, VLAN or TTL; what the sender wrote is the same. A retransmission has
//! another IP identification, or comes later.

use super::side::TcpSide;
use crate::packet::{Packet, Tcp, Transport};
use crate::stream::distance;

/// Packets remembered per direction.
const RECENT_MAX: usize = 8;

/// Copies of a packet are captured within this; no sender repeats itself by timer as quickly.
const COPY_NS: u64 = 100_000_000;

/// The same where nothing but content tells a copy from a repeat (IPv6, identification 0).
const COPY_UNNAMED_NS: u64 = 1_000_000;

/// What a sender wrote: sequence numbers, and flags, length, window and identification (or, where
/// that is 0, checksum) put together.
type Written = (u64, u64);

/// The last packets of one direction, and when they were captured.
#[derive(Debug, Default)]
pub(super) struct Recent {
    packets: Vec<(Written, i64)>,
    oldest: usize,
}

impl Recent {
    /// Remembers a packet; whether it is a copy of one that is remembered already. `copies` are
    /// known of this connection: then what could be a repeat is a copy, too.
    pub fn is_copy(&mut self, packet: &Packet, sender: &TcpSide, copies: bool) -> bool {
        let named = packet.ip_id != 0;
        let (written, fresh) = match packet.transport {
            // An acknowledgement may well repeat itself.
            Transport::Tcp(tcp) if !named && !copies && is_pure(packet, &tcp) => return false,
            Transport::Tcp(tcp) => (tcp_written(packet, &tcp), is_new(packet, &tcp, sender)),
            _ if packet.checksum == 0 && !named => return false,
            transport => (written(packet, transport), false),
        };
        let within = if named { COPY_NS } else { COPY_UNNAMED_NS };
        let same = |&(other, ts_ns): &(Written, i64)| {
            other == written && packet.ts_ns.abs_diff(ts_ns) < within
        };
        if !fresh && self.packets.iter().any(same) {
            return true;
        }
        self.remember((written, packet.ts_ns));
        false
    }

    fn remember(&mut self, packet: (Written, i64)) {
        if self.packets.len() < RECENT_MAX {
            self.packets.push(packet);
        } else if let Some(slot) = self.packets.get_mut(self.oldest) {
            *slot = packet;
            self.oldest = (self.oldest + 1) % RECENT_MAX;
        }
    }
}

fn wire_len(packet: &Packet) -> u32 {
    packet.payload_len.wrapping_add(packet.payload_cut)
}

/// Nothing but an acknowledgement.
fn is_pure(packet: &Packet, tcp: &Tcp) -> bool {
    wire_len(packet) == 0 && !tcp.flags.syn() && !tcp.flags.fin() && !tcp.flags.rst()
}

/// It says what was not said before, so nobody needs to look for it.
fn is_new(packet: &Packet, tcp: &Tcp, sender: &TcpSide) -> bool {
    if is_pure(packet, tcp) {
        sender.acked.is_none_or(|acked| distance(acked, tcp.ack) > 0)
    } else {
        !tcp.flags.rst() && sender.next.is_none_or(|next| distance(next, tcp.seq) >= 0)
    }
}

/// Network cards fill checksums in behind the capture, so one copy may lack it: it only stands in
/// for an identification.
fn tcp_written(packet: &Packet, tcp: &Tcp) -> Written {
    let name = if packet.ip_id == 0 { packet.checksum } else { packet.ip_id };
    let numbers = u64::from(tcp.seq) << 32 | u64::from(tcp.ack);
    let rest = u64::from(tcp.flags.0) << 56 | u64::from(wire_len(packet) & 0xff_ffff) << 32;
    (numbers, rest | u64::from(tcp.window) << 16 | u64::from(name))
}

fn written(packet: &Packet, transport: Transport) -> Written {
    let (kind, code) = match transport {
        Transport::Icmp { kind, code } | Transport::IcmpError { kind, code, .. } => (kind, code),
        _ => (0, 0),
    };
    let rest = u64::from(wire_len(packet)) << 32
        | u64::from(packet.ip_id) << 16
        | u64::from(packet.checksum);
    (u64::from(kind) << 8 | u64::from(code), rest)
}
