//! A second look at connections of which every vantage misses something: their packets from all
//! vantages, in the order of the corrected clocks and each once, replayed as one capture. So a
//! hole at one vantage is filled from its twin, and packets that were spread over several capture
//! points come together. Only these connections are looked at; all others stay as they were seen.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::Ordering;

use foldhash::fast::FixedState;
use rayon::prelude::*;

use crate::capture::{Batch, Vantage, VantageReader};
use crate::join::{Sighting, Socket};
use crate::packet::{self, Content, Defragmenter, Endpoint, Key, Packet, Side};

use super::shard::Shard;
use super::twins::Twins;
use super::{Replay, ReplayError, ReplayStats, Sink};

/// Packets handed to the shards together.
const ROUND_PACKETS: usize = 16_384;

/// Connections to look at again, by vantage and the key they have there.
#[derive(Debug, Clone, Default)]
pub struct Mend {
    // Looked up, never iterated: its order cannot reach a result.
    vantages: Vec<HashMap<Key, Vec<Piece>, FixedState>>,
    conns: u64,
}

/// One vantage's part of a connection.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// By the vantage's clock, which is so much ahead.
    from_ns: i64,
    to_ns: i64,
    ahead_ns: i64,
    /// The key that the connection goes by as a whole, and whether its ends change places.
    key: Key,
    turned: bool,
}

impl Mend {
    pub fn new(vantages: usize) -> Self {
        Mend { vantages: vec![HashMap::default(); vantages], conns: 0 }
    }

    /// Adds a connection: the sightings of it, and the one whose addresses it goes by.
    pub fn add(&mut self, by: &Sighting, sightings: &[&Sighting], ahead_ns: impl Fn(u32) -> i64) {
        let (key, client) = key_of(by);
        self.conns += 1;
        for sighting in sightings {
            let (own, own_client) = key_of(sighting);
            let piece = Piece {
                from_ns: sighting.first_ns,
                to_ns: sighting.last_ns.saturating_add(1_000), // it was rounded down
                ahead_ns: ahead_ns(sighting.node),
                key,
                turned: turned((key, client), (own, own_client)),
            };
            if let Some(pieces) = self.vantages.get_mut(sighting.vantage as usize) {
                pieces.entry(own).or_default().push(piece);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.conns == 0
    }

    /// Connections to look at.
    pub fn conns(&self) -> u64 {
        self.conns
    }

    /// The packet as part of its connection, `None` where nobody asked for it.
    fn take(&self, vantage: usize, packet: &Packet) -> Option<Packet> {
        let pieces = self.vantages.get(vantage)?.get(&packet.key)?;
        let piece = pieces.iter().find(|p| (p.from_ns..=p.to_ns).contains(&packet.ts_ns))?;
        let from = if piece.turned { packet.from.other() } else { packet.from };
        Some(Packet { ts_ns: packet.ts_ns - piece.ahead_ns, key: piece.key, from, ..*packet })
    }
}

/// Whether a sighting's key has its ends the other way round than the connection's: an end that
/// both have tells, else who is the client.
fn turned((key, client): (Key, Side), (own, own_client): (Key, Side)) -> bool {
    if key.low == own.low || key.high == own.high {
        false
    } else if key.low == own.high || key.high == own.low {
        true
    } else {
        client != own_client
    }
}

/// The key of a sighting, and which side of it is the client.
fn key_of(sighting: &Sighting) -> (Key, Side) {
    Key::new(sighting.proto, endpoint(sighting.client), endpoint(sighting.server))
}

fn endpoint(socket: Socket) -> Endpoint {
    let ip = match socket.ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    Endpoint { ip: ip.into(), port: socket.port }
}

/// A packet on its own, out of its batch.
struct Taken {
    packet: Packet,
    payload: Vec<u8>,
}

/// The packets of one vantage that are asked for, in its order.
struct Source<'a> {
    vantage: usize,
    reader: VantageReader<'a>,
    batch: Batch,
    defragmenter: Defragmenter,
    ready: VecDeque<Taken>,
}

impl<'a> Source<'a> {
    fn new(vantage: usize, of: &'a Vantage) -> Self {
        Source {
            vantage,
            reader: VantageReader::new(of),
            batch: Batch::default(),
            defragmenter: Defragmenter::default(),
            ready: VecDeque::new(),
        }
    }

    /// Reads on until a packet is there; `false` at the end.
    fn fill(
        &mut self,
        replay: &Replay<'_>,
        mend: &Mend,
        bytes: usize,
    ) -> Result<bool, ReplayError> {
        while self.ready.is_empty() {
            if replay.stop.load(Ordering::Relaxed) {
                return Err(ReplayError::Interrupted);
            }
            if !self.reader.next_batch(&mut self.batch, bytes, replay.limits)? {
                return Ok(false);
            }
            self.take(replay, mend);
        }
        Ok(true)
    }

    fn take(&mut self, replay: &Replay<'_>, mend: &Mend) {
        let records = std::mem::take(&mut self.batch.records);
        for record in records.iter().filter(|record| replay.window.holds(record.ts_ns)) {
            let segment = record.segment;
            let mut decoded = packet::decode(&self.batch, record, segment, replay.limits);
            if let Content::Fragment(_) = decoded.content {
                let bytes = &mut self.batch.bytes;
                let quiet = &mut |_, _| {}; // counted the first time
                decoded = self.defragmenter.complete(
                    decoded,
                    record,
                    segment,
                    bytes,
                    replay.limits,
                    quiet,
                );
            }
            let taken = decoded.packet().and_then(|packet| mend.take(self.vantage, packet));
            if let Some(packet) = taken {
                let payload = packet.payload(&self.batch).to_vec();
                self.ready.push_back(Taken { packet, payload });
            }
        }
        self.batch.records = records;
    }

    fn next_ns(&self) -> Option<i64> {
        self.ready.front().map(|taken| taken.packet.ts_ns)
    }
}

impl Replay<'_> {
    /// Replays the connections of `mend` once more, into one sink per shard.
    ///
    /// # Errors
    /// As for [`Replay::run`].
    pub fn mend<S: Sink>(
        &self,
        mend: &Mend,
        sinks: Vec<S>,
    ) -> Result<(Vec<S>, ReplayStats), ReplayError> {
        let mut shards: Vec<Shard<S>> =
            sinks.into_iter().map(|sink| Shard::new(sink, self)).collect();
        let mut sources: Vec<Source<'_>> = (0..)
            .zip(&self.inputs.vantages)
            .filter(|(vantage, _)| mend.vantages.get(*vantage).is_some_and(|v| !v.is_empty()))
            .map(|(vantage, of)| Source::new(vantage, of))
            .collect();
        let bytes = (self.limits.batch_bytes / sources.len().max(1)).max(1 << 16);
        let mut order = BinaryHeap::new();
        for (number, source) in sources.iter_mut().enumerate() {
            source.fill(self, mend, bytes)?;
            order.extend(source.next_ns().map(|ns| Reverse((ns, number))));
        }
        let (mut twins, mut round, mut end_ns) = (Twins::default(), Vec::new(), i64::MIN);
        while let Some(Reverse((_, number))) = order.pop() {
            let Some(source) = sources.get_mut(number) else { continue };
            if let Some(taken) = source.ready.pop_front() {
                end_ns = end_ns.max(taken.packet.ts_ns);
                if twins.is_new(source.vantage as u32, &taken.packet, &taken.payload) {
                    round.push(taken);
                }
            }
            source.fill(self, mend, bytes)?;
            order.extend(source.next_ns().map(|ns| Reverse((ns, number))));
            if round.len() >= ROUND_PACKETS {
                deal(&mut shards, &round);
                round.clear();
            }
        }
        deal(&mut shards, &round);
        shards.par_iter_mut().for_each(|shard| shard.end_vantage(end_ns));
        let mut stats = ReplayStats::default();
        let sinks = shards.into_iter().map(|shard| shard.finish(&mut stats));
        Ok((sinks.collect::<Result<_, _>>()?, stats))
    }
}

/// Gives each shard its packets.
fn deal<S: Sink>(shards: &mut [Shard<'_, S>], round: &[Taken]) {
    let count = shards.len();
    (0..).zip(shards).collect::<Vec<_>>().into_par_iter().for_each(|(number, shard)| {
        for taken in round.iter().filter(|taken| taken.packet.key.shard(count) == number) {
            shard.packet(&taken.packet, &taken.payload);
        }
    });
}
