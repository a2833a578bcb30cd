//! A connection as one vantage saw it: the numbers that other sightings of it share, and those in
//! which they differ.

use std::net::IpAddr;

use crate::packet::Proto;

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    pub ip: IpAddr,
    pub port: u16,
}

/// Sequence numbers from an end's first byte to behind its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: u32,
    pub to: u32,
}

impl Range {
    /// Whether two vantages saw some of the same numbers; an end that sent nothing has one.
    pub fn meets(self, other: Range) -> bool {
        let ahead = |a: u32, b: u32| b.wrapping_sub(a) as i32 >= 0;
        ahead(self.from, other.to) && ahead(other.from, self.to)
    }
}

/// One connection at one vantage. Pairs are of the client's side and the server's.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub vantage: u32,
    /// Of the vantage's node, for its clock.
    pub node: u32,
    /// The connection's id at that vantage.
    pub id: i64,
    pub proto: Proto,
    pub client: Socket,
    pub server: Socket,
    /// Initial sequence numbers.
    pub isns: [Option<u32>; 2],
    /// Timestamp option of the SYN, 0 without one.
    pub stamp: u32,
    pub ranges: [Option<Range>; 2],
    /// Hashes of the client's first datagrams.
    pub datagrams: Vec<u64>,
    /// By the vantage's clock.
    pub first_ns: i64,
    pub last_ns: i64,
    /// Of SYN and SYN-ACK, 0 when not seen.
    pub syn_ns: i64,
    pub syn_ack_ns: i64,
    pub packets: [u64; 2],
    pub segments: [u64; 2],
    pub bytes: [u64; 2],
    /// Bytes that were not captured.
    pub missing: [u64; 2],
}

impl Sighting {
    /// Nanoseconds from SYN to SYN-ACK: the longer, the nearer to the client it was seen.
    pub fn round_trip_ns(&self) -> Option<i64> {
        (self.syn_ns != 0 && self.syn_ack_ns != 0).then(|| self.syn_ack_ns - self.syn_ns)
    }

    /// Takes the other end for the client.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        self.isns.reverse();
        self.ranges.reverse();
        self.packets.reverse();
        self.segments.reverse();
        self.bytes.reverse();
        self.missing.reverse();
    }

    /// The same sockets at the same vantage.
    pub fn same_place(&self, other: &Sighting) -> bool {
        self.vantage == other.vantage && self.same_sockets(other)
    }

    pub fn same_sockets(&self, other: &Sighting) -> bool {
        self.client == other.client && self.server == other.server
    }

    /// Whether it began before the capture.
    pub fn is_midstream(&self) -> bool {
        self.proto == Proto::Tcp && self.isns == [None, None]
    }

    /// Whether nothing of it is missing that `others` hold.
    pub fn is_complete(&self, others: &[&Sighting]) -> bool {
        let whole = self.missing == [0, 0];
        let opened = !self.is_midstream() || others.iter().all(|other| other.is_midstream());
        let both = (0..2)
            .all(|way| self.packets[way] > 0 || others.iter().all(|other| other.packets[way] == 0));
        whole && opened && both
    }
}
