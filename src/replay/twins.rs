//! Tells the second sighting of a packet from a packet that was sent again. A packet is new when
//! its own vantage has now seen it more often than any other has: the first of two vantages to see
//! it has, the second has not, and what was sent again is seen again by one of them first.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use crate::packet::{Packet, Transport};

/// A twin comes within this time.
const AGE_NS: i64 = 10_000_000_000;

/// Sightings remembered at once; the older half goes first.
const SEEN_MAX: usize = 1 << 18;

/// How often each vantage saw one packet.
type Counts = Vec<(u32, u32)>;

/// Packets seen lately, in two generations.
#[derive(Default)]
pub(super) struct Twins {
    // Looked up, never iterated: their order cannot reach a result.
    young: HashMap<u64, Counts, FixedState>,
    old: HashMap<u64, Counts, FixedState>,
    since_ns: i64,
}

impl Twins {
    /// Whether no other vantage has shown this packet yet.
    pub fn is_new(&mut self, vantage: u32, packet: &Packet, payload: &[u8]) -> bool {
        if packet.ts_ns.saturating_sub(self.since_ns) > AGE_NS || self.young.len() > SEEN_MAX {
            self.old = std::mem::take(&mut self.young);
            self.since_ns = packet.ts_ns;
        }
        let name = name(packet, payload);
        if let Some(counts) = self.old.remove(&name) {
            self.young.insert(name, counts);
        }
        let counts = self.young.entry(name).or_default();
        let others = counts.iter().filter(|(other, _)| *other != vantage);
        let most = others.map(|&(_, count)| count).max().unwrap_or(0);
        match counts.iter_mut().find(|(own, _)| *own == vantage) {
            Some((_, count)) => {
                *count += 1;
                *count > most
            }
            None => {
                counts.push((vantage, 1));
                most == 0
            }
        }
    }
}

/// What two sightings of one packet share.
fn name(packet: &Packet, payload: &[u8]) -> u64 {
    let hasher = FixedState::with_seed(0);
    // The identification stays through translation and tells a packet sent again from its first.
    let len = packet.payload_len + packet.payload_cut;
    let common = (packet.key, packet.from.index(), packet.ip_id, len);
    match packet.transport {
        Transport::Tcp(tcp) => hasher.hash_one((common, tcp.seq, tcp.ack, tcp.flags.0, tcp.window)),
        _ => hasher.hash_one((common, Bytes(payload))),
    }
}

/// Hashes without a length, in one piece.
struct Bytes<'a>(&'a [u8]);

impl Hash for Bytes<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}
