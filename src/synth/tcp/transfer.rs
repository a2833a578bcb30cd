//! Messages -> segments of at most 1448 bytes in rounds of a growing window, with what the other
//! side acknowledges, what gets lost, and what is sent again (RFC 5681, RFC 6298).

use super::*;

/// 1460 less the timestamp option.
const MSS: usize = 1448;
const FIRST_WINDOW: usize = 10;
/// Below what the advertised window of 64 kB holds.
const LAST_WINDOW: usize = 40;
const DELAYED_ACK_NS: i64 = 40_000_000;
const RTO_NS: i64 = 200_000_000;
/// From one segment of a burst to the next.
const BURST_NS: i64 = 2_000;

/// A message that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    pub at: i64,
    /// Captures that hold all of it.
    pub seen: Seen,
}

impl Conn {
    /// A message in as many segments as it takes.
    pub fn send(&mut self, net: &mut Network<'_>, from: Side, at: i64, message: &[u8]) -> Delivery {
        let mut delivery = Delivery { at, seen: Seen::MAX };
        let (mut rest, mut start, mut window) = (message, at, FIRST_WINDOW);
        while !rest.is_empty() {
            let (round, after) = rest.split_at(rest.len().min(window * MSS));
            let (arrival, acked, seen) = self.burst(net, from, start, round, after.is_empty());
            delivery = Delivery { at: arrival, seen: delivery.seen & seen };
            (rest, start) = (after, acked);
            window = (window * 2).min(LAST_WINDOW);
        }
        delivery
    }

    /// A message that gets lost, sent again at doubling intervals until the client gives up and
    /// closes. Captures on the way there hold it.
    pub fn stalled(
        &mut self,
        net: &mut Network<'_>,
        at: i64,
        message: &[u8],
        deadline: i64,
    ) -> Seen {
        let window = &message[..message.len().min(FIRST_WINDOW * MSS)];
        let first = self.ends[Side::Client as usize].next;
        let (mut seen, mut start) = (Seen::MAX, at);
        for payload in window.chunks(MSS) {
            let seq = self.ends[Side::Client as usize].next;
            let say = Say { seq, flags: PSH | ACK, payload, lost: true };
            let sent = self.say(net, Side::Client, start, say);
            self.ends[Side::Client as usize].next = sent.end;
            start = sent.at + BURST_NS;
            seen &= sent.seen;
        }
        let payload = &window[..window.len().min(MSS)];
        let (mut next, mut wait) = (start + RTO_NS, RTO_NS);
        while next < deadline {
            let say = Say { seq: first, flags: PSH | ACK, payload, lost: true };
            self.say(net, Side::Client, next, say);
            wait *= 2;
            next += wait;
        }
        let seq = self.ends[Side::Client as usize].next;
        let fin = Say { seq, flags: FIN | ACK, payload: &[], lost: true };
        self.say(net, Side::Client, deadline, fin);
        if window.len() == message.len() { seen } else { 0 }
    }

    /// What the server sends to a client that is gone, which answers with RST.
    pub fn too_late(&mut self, net: &mut Network<'_>, at: i64, message: &[u8]) -> Seen {
        let window = &message[..message.len().min(FIRST_WINDOW * MSS)];
        let (mut start, mut seen, mut arrivals) = (at, Seen::MAX, Vec::new());
        for payload in window.chunks(MSS) {
            let sent = self.put(net, Side::Server, start, PSH | ACK, payload);
            start = sent.at + BURST_NS;
            seen &= sent.seen;
            arrivals.push(sent.arrival);
        }
        for arrival in arrivals {
            let seq = self.ends[Side::Client as usize].next;
            let reset = Say { seq, flags: RST, payload: &[], lost: false };
            self.say(net, Side::Client, arrival + KERNEL_NS, reset);
        }
        if window.len() == message.len() { seen } else { 0 }
    }

    /// One window's segments, what the receiver acknowledges at once, and what is sent again.
    /// Returns when the last arrived, when the sender may go on, and who saw all.
    fn burst(
        &mut self,
        net: &mut Network<'_>,
        from: Side,
        at: i64,
        bytes: &[u8],
        last: bool,
    ) -> (i64, i64, Seen) {
        let count = bytes.len().div_ceil(MSS);
        let mut sent = Vec::with_capacity(count);
        let mut lost = Vec::new();
        let mut start = at;
        for (index, payload) in bytes.chunks(MSS).enumerate() {
            let flags = if last && index + 1 == count { PSH | ACK } else { ACK };
            let seq = self.ends[from as usize].next;
            let (src, dst) = (self.ends[from as usize].host, self.ends[from.peer() as usize].host);
            let gone = net.loses(src, dst, &mut self.random);
            let say = Say { seq, flags, payload, lost: gone };
            let segment = self.say(net, from, start, say);
            self.ends[from as usize].next = segment.end;
            start = segment.at + BURST_NS;
            if say.lost {
                lost.push((index, Say { lost: false, ..say }));
            }
            sent.push(segment);
        }
        let hole = lost.first().map(|&(index, _)| index);
        let (mut acked, third_duplicate) = self.take_in(net, from.peer(), &sent, hole);
        for (number, &(index, say)) in lost.iter().enumerate() {
            let wait = match third_duplicate {
                _ if number > 0 => acked + KERNEL_NS,
                Some(duplicate) => duplicate + KERNEL_NS,
                None => start.max(acked) + RTO_NS,
            };
            let again = self.say(net, from, wait, say);
            self.receive(net, from.peer(), &again);
            let all = self.ends[from as usize].next;
            self.ends[from.peer() as usize].expected =
                lost.get(number + 1).map_or(all, |(_, next)| next.seq);
            acked = self.answer(net, from.peer(), &again);
            sent[index].seen |= again.seen;
            sent[index].arrival = again.arrival;
        }
        let arrival = sent.iter().map(|segment| segment.arrival).max().unwrap_or(at);
        let seen = sent.iter().fold(Seen::MAX, |seen, segment| seen & segment.seen);
        (arrival, acked, seen)
    }

    /// The receiver's side of a burst: an acknowledgement for every second segment, and for each
    /// one behind a hole; a single one is acknowledged later. Returns when the last answer was
    /// back, and the third that repeated another (RFC 5681: then the sender need not wait).
    fn take_in(
        &mut self,
        net: &mut Network<'_>,
        to: Side,
        sent: &[Sent],
        hole: Option<usize>,
    ) -> (i64, Option<i64>) {
        let (mut acked, mut duplicates, mut third) = (0, 0, None);
        for (index, segment) in sent.iter().enumerate() {
            match hole {
                Some(hole) if index >= hole => {
                    if segment.lost {
                        continue;
                    }
                    acked = self.answer(net, to, segment);
                    duplicates += 1;
                    third = third.or((duplicates == 3).then_some(acked));
                }
                _ => {
                    self.receive(net, to, segment);
                    if index % 2 == 1 {
                        acked = self.answer(net, to, segment);
                    } else {
                        let due = segment.arrival + DELAYED_ACK_NS;
                        self.ends[to as usize].ack_due = Some(due);
                    }
                }
            }
        }
        (acked, third)
    }

    fn answer(&mut self, net: &mut Network<'_>, from: Side, segment: &Sent) -> i64 {
        let ack = self.put(net, from, segment.arrival + KERNEL_NS, ACK, &[]);
        self.receive(net, from.peer(), &ack);
        ack.arrival
    }
}
