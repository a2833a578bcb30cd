//! The TCP segments of one connection (RFC 9293): its state, opening, and every way to end. It is
//! told when things happen and says when they arrive; what the bytes mean is its caller's, and how
//! a message becomes segments is `transfer`.

mod transfer;

use super::network::{Network, Seen, Way};
use super::random::Random;
use super::wire::{self, ACK, FIN, PSH, RST, SYN, Segment};

const SYN_RETRY_NS: i64 = 1_000_000_000;
/// A kernel's answer to a segment.
const KERNEL_NS: i64 = 6_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Conn {
    pub id: u64,
    ends: [End; 2],
    random: Random,
    /// When the last exchange on it ended.
    pub free_at: i64,
    pub exchanges: u32,
}

#[derive(Debug)]
struct End {
    host: usize,
    port: u16,
    /// Sequence number of the next byte to send.
    next: u32,
    /// Sequence number expected from the peer.
    expected: u32,
    /// Offset of its timestamp clock, which ticks in milliseconds.
    clock: u32,
    /// The peer's last timestamp.
    echo: u32,
    ip_id: u16,
    sent_at: i64,
    /// When its last segment reached the peer.
    arrived_at: i64,
    /// When it acknowledges what it received, unless it has something to send before.
    ack_due: Option<i64>,
}

/// A segment on its way.
struct Sent {
    at: i64,
    arrival: i64,
    /// Sequence number after it, and its timestamp.
    end: u32,
    stamp: u32,
    lost: bool,
    seen: Seen,
}

/// What a segment says; the rest is the connection's state.
#[derive(Clone, Copy)]
struct Say<'a> {
    seq: u32,
    flags: u8,
    payload: &'a [u8],
    lost: bool,
}

impl Conn {
    /// A connection yet to be opened, between (host, port) and (host, port).
    pub fn new(seed: u64, id: u64, client: (usize, u16), server: (usize, u16)) -> Self {
        let mut random = Random::stream(seed, "conn", id);
        let mut end = |(host, port): (usize, u16)| End {
            host,
            port,
            next: random.next() as u32,
            expected: 0,
            clock: random.next() as u32,
            echo: 0,
            ip_id: random.next() as u16,
            sent_at: 0,
            arrived_at: 0,
            ack_due: None,
        };
        let ends = [end(client), end(server)];
        Conn { id, ends, random, free_at: 0, exchanges: 0 }
    }

    pub fn server(&self) -> usize {
        self.ends[Side::Server as usize].host
    }

    /// When `side` acknowledges unless it sends something before.
    pub fn ack_due(&self, side: Side) -> Option<i64> {
        self.ends[side as usize].ack_due
    }

    /// SYN, SYN-ACK, ACK; when the client may send.
    pub fn open(&mut self, net: &mut Network<'_>, at: i64) -> i64 {
        let syn = self.put(net, Side::Client, at, SYN, &[]);
        self.receive(net, Side::Server, &syn);
        let answer = self.put(net, Side::Server, syn.arrival + KERNEL_NS, SYN | ACK, &[]);
        self.receive(net, Side::Client, &answer);
        let ack = self.put(net, Side::Client, answer.arrival + KERNEL_NS, ACK, &[]);
        self.receive(net, Side::Server, &ack);
        ack.at + KERNEL_NS
    }

    /// A SYN that nobody listens for; when the client knows.
    pub fn refused(&mut self, net: &mut Network<'_>, at: i64) -> i64 {
        let syn = self.put(net, Side::Client, at, SYN, &[]);
        self.receive(net, Side::Server, &syn);
        self.ends[Side::Server as usize].next = 0;
        self.put(net, Side::Server, syn.arrival + KERNEL_NS, RST | ACK, &[]).arrival
    }

    /// SYNs that get lost, sent again after 1, 2, 4 s until the client gives up.
    pub fn unanswered(&mut self, net: &mut Network<'_>, at: i64, deadline: i64) {
        let seq = self.ends[Side::Client as usize].next;
        let (mut next, mut wait) = (at, SYN_RETRY_NS);
        while next < deadline {
            self.say(net, Side::Client, next, Say { seq, flags: SYN, payload: &[], lost: true });
            next += wait;
            wait *= 2;
        }
    }

    /// FIN from `by`, FIN from the other side, ACK.
    pub fn close(&mut self, net: &mut Network<'_>, by: Side, at: i64) {
        let fin = self.put(net, by, at, FIN | ACK, &[]);
        self.receive(net, by.peer(), &fin);
        let answer = self.put(net, by.peer(), fin.arrival + 8 * KERNEL_NS, FIN | ACK, &[]);
        self.receive(net, by, &answer);
        let ack = self.put(net, by, answer.arrival + KERNEL_NS, ACK, &[]);
        self.receive(net, by.peer(), &ack);
    }

    /// The client closes while the server still works; when the server's kernel knows.
    pub fn abandon(&mut self, net: &mut Network<'_>, at: i64) -> i64 {
        let fin = self.put(net, Side::Client, at, FIN | ACK, &[]);
        self.receive(net, Side::Server, &fin);
        let ack = self.put(net, Side::Server, fin.arrival + KERNEL_NS, ACK, &[]);
        self.receive(net, Side::Client, &ack);
        ack.at
    }

    /// The delayed acknowledgement that falls due at `due`, unless a later segment carried it.
    pub fn acknowledge(&mut self, net: &mut Network<'_>, side: Side, due: i64) {
        if self.ends[side as usize].ack_due == Some(due) {
            self.put(net, side, due, ACK, &[]);
        }
    }

    fn receive(&mut self, net: &mut Network<'_>, to: Side, segment: &Sent) {
        self.settle(net, to, segment.arrival);
        let end = &mut self.ends[to as usize];
        end.expected = segment.end;
        end.echo = segment.stamp;
    }

    /// What was due before `at` goes first: it speaks of the time before.
    fn settle(&mut self, net: &mut Network<'_>, side: Side, at: i64) {
        if let Some(due) = self.ends[side as usize].ack_due
            && due < at
        {
            self.acknowledge(net, side, due);
        }
    }

    /// Sends the next segment in sequence.
    fn put(
        &mut self,
        net: &mut Network<'_>,
        from: Side,
        at: i64,
        flags: u8,
        payload: &[u8],
    ) -> Sent {
        let seq = self.ends[from as usize].next;
        let sent = self.say(net, from, at, Say { seq, flags, payload, lost: false });
        self.ends[from as usize].next = sent.end;
        sent
    }

    /// Sends a segment, after the acknowledgement that fell due before it.
    fn say(&mut self, net: &mut Network<'_>, from: Side, at: i64, say: Say<'_>) -> Sent {
        self.settle(net, from, at);
        let (src, dst) = (self.ends[from as usize].host, self.ends[from.peer() as usize].host);
        let delay = net.delay(src, dst, &mut self.random);
        let dst_port = self.ends[from.peer() as usize].port;
        let end = &mut self.ends[from as usize];
        let at = at.max(end.sent_at + 1_000);
        // A direction keeps its order, whatever the jitter.
        let arrival = (at + delay).max(end.arrived_at + 1_000);
        end.sent_at = at;
        if !say.lost {
            end.arrived_at = arrival;
        }
        let stamp = end.clock.wrapping_add((at / 1_000_000) as u32);
        let segment = end.segment(dst_port, stamp, &say);
        let reset = say.flags & RST != 0;
        let id = if reset { 0 } else { end.ip_id };
        end.ip_id = end.ip_id.wrapping_add(1);
        let datagram = wire::tcp(net.ip(src), net.ip(dst), id, &segment);
        let way = match from {
            Side::Client => Way::ToServer,
            Side::Server => Way::ToClient,
        };
        let seen = net.send((src, dst), way, at, (!say.lost).then_some(arrival), &datagram);
        if !say.payload.is_empty() {
            net.count(src, dst, say.lost);
        }
        let counted = (say.flags & (SYN | FIN)).count_ones();
        let end = say.seq.wrapping_add(say.payload.len() as u32 + counted);
        Sent { at, arrival, end, stamp, lost: say.lost, seen }
    }
}

impl End {
    /// The header of a segment; it carries whatever acknowledgement was due.
    fn segment<'b>(&mut self, dst_port: u16, stamp: u32, say: &Say<'b>) -> Segment<'b> {
        let acknowledges = say.flags & ACK != 0;
        if acknowledges {
            self.ack_due = None;
        }
        let reset = say.flags & RST != 0;
        let window = match say.flags {
            SYN => 64_240,
            flags if flags & SYN != 0 => 65_160,
            _ if reset => 0,
            _ => 502,
        };
        Segment {
            src_port: self.port,
            dst_port,
            seq: say.seq,
            ack: if acknowledges { self.expected } else { 0 },
            flags: say.flags,
            window,
            timestamps: (!reset).then_some((stamp, self.echo)),
            payload: say.payload,
        }
    }
}
