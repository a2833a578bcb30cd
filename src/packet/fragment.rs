//! IP fragments -> datagrams, in the order of the capture. The first fragment to bring a byte
//! wins. Everything that waits is bounded; what is given up is reported.

use std::collections::BTreeMap;

use super::network::Ip;
use super::{Content, Decoded, Tunnel, resume};
use crate::anomaly::AnomalyKind;
use crate::capture::Record;
use crate::limits::Limits;

/// Longest payload of an IP datagram.
const DATAGRAM_BYTES_MAX: u32 = 65_535;

/// What a waiting fragment costs besides its bytes.
const FRAGMENT_OVERHEAD: usize = 64;

/// What a fragment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub id: u32,
    /// Keeps identifications apart: the protocol in IPv4, the same for all in IPv6.
    pub group: u8,
    /// Of the first byte in the datagram.
    pub offset: u32,
    pub more: bool,
}

/// A fragment of a datagram; its bytes lie in the batch it came from.
#[derive(Debug, Clone, Copy)]
pub struct Fragment {
    pub(super) ip: Ip,
    pub(super) piece: Piece,
    /// Start of the fragment's payload in the batch's bytes.
    pub(super) start: u32,
    pub(super) len: u32,
    /// The outermost tunnel around it.
    pub(super) tunnel: Tunnel,
    /// Headers that may still be taken off.
    pub(super) left: usize,
}

/// Which datagram a fragment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DatagramKey {
    source: u128,
    target: u128,
    id: u32,
    group: u8,
}

/// A datagram of which fragments are missing.
#[derive(Debug, Default)]
struct Pending {
    /// Bytes by their offset, none overlapping.
    parts: BTreeMap<u32, Vec<u8>>,
    /// Length of the datagram, once the last fragment is there.
    end: Option<u32>,
    /// What the first fragment carries.
    protocol: u8,
    /// Bytes in the parts.
    held: usize,
    cost: usize,
    fragments: u64,
    first_ns: i64,
    /// Place in the order of arrival.
    arrival: u64,
}

/// Told of each anomaly, and of how many fragments it made useless.
pub type Report<'a> = &'a mut dyn FnMut(AnomalyKind, u64);

/// The datagrams of one vantage that wait for fragments.
#[derive(Debug, Default)]
pub struct Defragmenter {
    pending: BTreeMap<DatagramKey, Pending>,
    /// The same by arrival.
    order: BTreeMap<u64, DatagramKey>,
    cost: usize,
    arrivals: u64,
}

impl Defragmenter {
    /// What `decoded` becomes with the fragments before it: itself when there was none; a packet
    /// when it completes a datagram, whose bytes are appended to the batch's `bytes`; else a
    /// fragment still. A datagram may be a tunnel with fragments inside.
    pub fn complete(
        &mut self,
        decoded: Decoded,
        record: &Record,
        segment: u32,
        bytes: &mut Vec<u8>,
        limits: &Limits,
        report: Report,
    ) -> Decoded {
        let mut decoded = decoded;
        while let Content::Fragment(fragment) = decoded.content {
            self.expire(record.ts_ns, limits, report);
            let Some((protocol, datagram)) =
                self.add(&fragment, record.ts_ns, bytes, limits, report)
            else {
                return decoded;
            };
            let start = bytes.len();
            if start.saturating_add(datagram.len()) > u32::MAX as usize {
                report(AnomalyKind::FragmentLimit, 1);
                return decoded;
            }
            bytes.extend_from_slice(&datagram);
            let layers = decoded.layers;
            decoded = resume(&fragment, protocol, bytes, start, record, segment);
            decoded.layers.add(layers);
        }
        decoded
    }

    /// The capture ended: gives up what waits.
    pub fn finish(&mut self, report: Report) {
        while self.drop_oldest(AnomalyKind::FragmentIncomplete, report) {}
    }

    /// Gives up what waits for longer than the limit.
    fn expire(&mut self, now_ns: i64, limits: &Limits, report: Report) {
        let timeout_ns = i64::from(limits.fragment_timeout_ms) * 1_000_000;
        while let Some((_, key)) = self.order.first_key_value()
            && let Some(oldest) = self.pending.get(key)
            && now_ns.saturating_sub(oldest.first_ns) > timeout_ns
        {
            self.drop_oldest(AnomalyKind::FragmentIncomplete, report);
        }
    }

    fn drop_oldest(&mut self, kind: AnomalyKind, report: Report) -> bool {
        let Some((_, key)) = self.order.pop_first() else { return false };
        if let Some(pending) = self.pending.remove(&key) {
            self.cost = self.cost.saturating_sub(pending.cost);
            report(kind, pending.fragments);
        }
        true
    }

    /// Takes a fragment; protocol and payload of the datagram when it was the last one missing.
    fn add(
        &mut self,
        fragment: &Fragment,
        ts_ns: i64,
        bytes: &[u8],
        limits: &Limits,
        report: Report,
    ) -> Option<(u8, Vec<u8>)> {
        let piece = fragment.piece;
        let Ip { source, target, protocol, .. } = fragment.ip;
        let key = DatagramKey { source, target, id: piece.id, group: piece.group };
        let start = fragment.start as usize;
        let payload = bytes.get(start..start + fragment.len as usize)?;
        if piece.offset.saturating_add(fragment.len) > DATAGRAM_BYTES_MAX {
            report(AnomalyKind::FragmentOverlap, 1);
            return None;
        }
        let (arrivals, order) = (&mut self.arrivals, &mut self.order);
        let pending = self.pending.entry(key).or_insert_with(|| {
            *arrivals += 1;
            order.insert(*arrivals, key);
            Pending { first_ns: ts_ns, arrival: *arrivals, ..Pending::default() }
        });
        let cost = pending.cost;
        if pending.take(&piece, protocol, payload) {
            report(AnomalyKind::FragmentOverlap, 0);
        }
        self.cost += pending.cost - cost;
        if pending.whole() {
            return self.remove(&key).map(Pending::join);
        }
        while self.pending.len() > limits.fragment_datagrams_max
            || self.cost > limits.fragment_bytes_max
        {
            self.drop_oldest(AnomalyKind::FragmentLimit, report);
        }
        None
    }

    fn remove(&mut self, key: &DatagramKey) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.order.remove(&pending.arrival);
        self.cost = self.cost.saturating_sub(pending.cost);
        Some(pending)
    }
}

impl Pending {
    /// Keeps what is new in `payload`; whether it contradicts what is there. The same fragment
    /// again is a copy and no contradiction.
    fn take(&mut self, piece: &Piece, protocol: u8, payload: &[u8]) -> bool {
        self.fragments += 1;
        self.cost += FRAGMENT_OVERHEAD;
        if piece.offset == 0 {
            self.protocol = protocol;
        }
        if self.parts.get(&piece.offset).is_some_and(|part| part == payload) {
            return false;
        }
        let stop = piece.offset + payload.len() as u32;
        let contradicts = self.set_end(stop, piece.more);
        let mut new = 0;
        for (from, to) in self.holes(piece.offset, self.end.unwrap_or(stop).min(stop)) {
            let at = (from - piece.offset) as usize..(to - piece.offset) as usize;
            let part = payload.get(at).unwrap_or(&[]);
            new += part.len();
            self.parts.insert(from, part.to_vec());
        }
        self.held += new;
        self.cost += new;
        contradicts || new < payload.len()
    }

    /// The last fragment says where the datagram ends; whether that contradicts the others.
    fn set_end(&mut self, stop: u32, more: bool) -> bool {
        let held = self.parts.last_key_value().map_or(0, |(at, part)| at + part.len() as u32);
        match (self.end, more) {
            (Some(end), true) => stop > end,
            (Some(end), false) => stop != end,
            (None, true) => false,
            (None, false) => {
                self.end = Some(stop.max(held));
                held > stop
            }
        }
    }

    /// The stretches between `from` and `to` that no part covers.
    fn holes(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let mut holes = Vec::new();
        let mut at = from;
        let before = self.parts.range(..from).next_back();
        for (&start, part) in before.into_iter().chain(self.parts.range(from..to.max(from))) {
            if start > at {
                holes.push((at, start));
            }
            at = at.max(start + part.len() as u32);
        }
        if at < to {
            holes.push((at, to));
        }
        holes
    }

    fn whole(&self) -> bool {
        self.end.is_some_and(|end| end as usize == self.held)
    }

    /// Protocol and payload of a datagram that is whole.
    fn join(self) -> (u8, Vec<u8>) {
        let mut bytes = Vec::with_capacity(self.end.unwrap_or(0) as usize);
        for part in self.parts.values() {
            bytes.extend_from_slice(part);
        }
        (self.protocol, bytes)
    }
}
