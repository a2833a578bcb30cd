//! What a connection leaves behind that every vantage sees alike, whatever addresses were
//! translated on the way: initial and running sequence numbers, the SYN's timestamp, hashes of
//! datagrams, and when its handshake passed. `join/` compares these; nothing is compared here.

use crate::packet::{Packet, Side, Tcp, Transport};
use crate::stream::distance;

/// Hashes of datagrams remembered per connection.
pub const DATAGRAMS_MAX: usize = 4;

/// The part of the sequence space that one end used: from its first byte to behind its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: u32,
    pub to: u32,
}

/// What other vantages' sightings of a connection are recognised by.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// Timestamp option of the first SYN (RFC 7323), 0 without one.
    pub syn_stamp: u32,
    /// When the first SYN and the first SYN-ACK passed, 0 when not seen.
    pub syn_ns: i64,
    pub syn_ack_ns: i64,
    /// Initial sequence numbers of [`Side::Low`] and [`Side::High`]; a SYN-ACK tells both.
    pub isns: [Option<u32>; 2],
    /// Of the same.
    pub ranges: [Option<Range>; 2],
    datagrams: [u64; DATAGRAMS_MAX],
    count: usize,
}

impl Trail {
    pub(super) fn update(&mut self, packet: &Packet) {
        let Transport::Tcp(tcp) = packet.transport else { return };
        if tcp.flags.syn() {
            self.handshake(packet, &tcp);
        }
        if tcp.flags.rst() {
            return; // its number may be anything
        }
        let from = tcp.seq.wrapping_add(u32::from(tcp.flags.syn()));
        let to = from.wrapping_add(packet.payload_len).wrapping_add(packet.payload_cut);
        self.stretch(packet.from, from, to);
        // What the other end sent, whether it was seen or not.
        if tcp.flags.ack() {
            self.stretch(packet.from.other(), tcp.ack, tcp.ack);
        }
    }

    fn stretch(&mut self, side: Side, from: u32, to: u32) {
        let Some(range) = self.ranges.get_mut(side.index()) else { return };
        let known = range.get_or_insert(Range { from, to });
        if distance(known.to, to) > 0 {
            known.to = to;
        }
        // What was sent before the first byte seen, and came late.
        if (1..1 << 20).contains(&distance(from, known.from)) {
            known.from = from;
        }
    }

    fn handshake(&mut self, packet: &Packet, tcp: &Tcp) {
        let acknowledges = tcp.flags.ack();
        if acknowledges && self.syn_ack_ns == 0 {
            self.syn_ack_ns = packet.ts_ns;
        } else if !acknowledges && self.syn_ns == 0 {
            self.syn_ns = packet.ts_ns;
            self.syn_stamp = tcp.stamp;
        }
        let [low, high] = &mut self.isns;
        let (own, peer) = match packet.from {
            Side::Low => (low, high),
            Side::High => (high, low),
        };
        own.get_or_insert(tcp.seq);
        if acknowledges {
            peer.get_or_insert(tcp.ack.wrapping_sub(1));
        }
    }

    pub fn isn(&self, side: Side) -> Option<u32> {
        self.isns.get(side.index()).copied().flatten()
    }

    /// Remembers a datagram of the client's.
    pub fn datagram(&mut self, payload: &[u8]) {
        let Some(slot) = self.datagrams.get_mut(self.count) else { return };
        let mut bytes = [0; 8];
        blake3::Hasher::new().update(payload).finalize_xof().fill(&mut bytes);
        *slot = u64::from_be_bytes(bytes);
        self.count += 1;
    }

    /// Whether there is room for another datagram.
    pub fn wants_datagrams(&self) -> bool {
        self.count < DATAGRAMS_MAX
    }

    /// Hashes of the client's first datagrams.
    pub fn datagrams(&self) -> &[u64] {
        self.datagrams.get(..self.count).unwrap_or(&[])
    }

    pub fn range(&self, side: Side) -> Option<Range> {
        self.ranges.get(side.index()).copied().flatten()
    }
}
