//! Sightings -> groups that are one connection. Each pass looks at sightings that share a number
//! no address translation changes, and joins those of which nothing else speaks against it; what
//! a pass joins stays joined. Sightings are named by their index, so that a pass needs only a part
//! of them in memory.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

use super::sighting::Sighting;
use crate::packet::Proto;

/// Sightings that share a number are compared with so many of their neighbours: hostile traffic
/// may give all of its connections the same.
const NEIGHBOURS_MAX: usize = 64;

/// Two vantages' clocks, once compared, are off by less.
const APART_NS: i64 = 2_000_000_000;

/// What the sightings of a pass have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// TCP: the client's initial sequence number.
    Isn,
    /// TCP that began before a capture: the client's socket.
    Client,
    /// Datagrams: one with the same bytes.
    Datagram,
    /// The same sockets, at other vantages; who is the client need not be agreed on.
    Sockets,
}

impl Pass {
    /// TCP first: it tells the clocks apart, which datagrams need.
    pub const TCP: [Pass; 2] = [Pass::Isn, Pass::Client];
    pub const REST: [Pass; 2] = [Pass::Datagram, Pass::Sockets];

    /// Hashes under which a sighting is looked up in this pass.
    pub fn keys(self, sighting: &Sighting) -> Vec<u64> {
        let tcp = sighting.proto == Proto::Tcp;
        match self {
            Pass::Isn if tcp => sighting.isns[0].iter().map(hash).collect(),
            Pass::Client if tcp => vec![hash(sighting.client)],
            Pass::Datagram if !tcp => sighting.datagrams.clone(),
            Pass::Sockets => {
                let (a, b) = (sighting.client, sighting.server);
                vec![hash((a.min(b), a.max(b)))]
            }
            _ => Vec::new(),
        }
    }

    /// Whether two sightings under one key are of one connection.
    fn agrees(self, a: &Sighting, b: &Sighting) -> bool {
        if a.proto != b.proto || a.same_place(b) {
            return false;
        }
        match self {
            Pass::Isn => same_handshake(a, b),
            Pass::Client => (a.is_midstream() || b.is_midstream()) && same_bytes(a, b),
            Pass::Datagram => {
                (a.client == b.client || a.server == b.server)
                    && (a.first_ns - b.first_ns).abs() <= APART_NS
            }
            Pass::Sockets if a.proto == Proto::Tcp => {
                (a.is_midstream() || b.is_midstream()) && same_bytes(a, b)
            }
            Pass::Sockets => {
                a.first_ns - b.last_ns <= APART_NS && b.first_ns - a.last_ns <= APART_NS
            }
        }
    }
}

/// Never differs between runs or machines.
fn hash(value: impl Hash) -> u64 {
    FixedState::with_seed(0).hash_one(value)
}

/// Both initial numbers, or one and the SYN's timestamp, are 64 random bits. With less, an end
/// must be the same.
fn same_handshake(a: &Sighting, b: &Sighting) -> bool {
    let ([Some(ours), our_answer], [Some(theirs), their_answer]) = (a.isns, b.isns) else {
        return false;
    };
    let answers = our_answer.zip(their_answer);
    let stamps = (a.stamp != 0 && b.stamp != 0).then_some((a.stamp, b.stamp));
    ours == theirs
        && answers.is_none_or(|(x, y)| x == y)
        && stamps.is_none_or(|(x, y)| x == y)
        && (answers.is_some() || stamps.is_some() || a.client == b.client || a.server == b.server)
}

/// Both ends' sequence numbers meet, where both sightings have some.
fn same_bytes(a: &Sighting, b: &Sighting) -> bool {
    let mut theirs = b.ranges;
    if a.client == b.server {
        theirs.reverse();
    }
    let pairs = a.ranges.iter().zip(theirs).filter_map(|(x, y)| x.zip(y));
    let meets: Vec<bool> = pairs.map(|(x, y)| x.meets(y)).collect();
    !meets.is_empty() && meets.iter().all(|&meets| meets)
}

/// The sightings of one pass, or of a part of it.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Key, and position in `sightings`.
    keys: Vec<(u64, u32)>,
    sightings: Vec<(u32, Sighting)>,
}

impl Candidates {
    /// Adds the sighting of this index, with its times by the reference clock.
    pub fn add(&mut self, pass: Pass, index: u32, sighting: Sighting) {
        let position = self.sightings.len() as u32;
        self.keys.extend(pass.keys(&sighting).into_iter().map(|key| (key, position)));
        self.sightings.push((index, sighting));
    }

    /// Joins in `groups` what belongs together.
    pub fn join(mut self, pass: Pass, groups: &mut Groups) {
        let at = |position: u32| &self.sightings[position as usize];
        self.keys.sort_unstable_by_key(|&(key, position)| {
            let (index, sighting) = at(position);
            (key, sighting.first_ns, *index)
        });
        for (number, &(key, position)) in self.keys.iter().enumerate() {
            let (index, sighting) = at(position);
            let behind = self.keys[number + 1..].iter().take(NEIGHBOURS_MAX);
            for &(_, other) in behind.take_while(|(other, _)| *other == key) {
                let (other_index, other) = at(other);
                if pass.agrees(sighting, other) {
                    groups.join(*index, *other_index);
                }
            }
        }
    }
}

/// Which sightings are of one connection: disjoint sets with path halving.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    parents: Vec<u32>,
}

impl Groups {
    pub fn new(sightings: usize) -> Self {
        Groups { parents: (0..sightings as u32).collect() }
    }

    /// The least index of the sightings that are one connection with this one.
    pub fn root(&mut self, mut index: u32) -> u32 {
        while self.parents[index as usize] != index {
            let above = self.parents[self.parents[index as usize] as usize];
            self.parents[index as usize] = above;
            index = above;
        }
        index
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }

    /// For each sighting its root, `None` for those seen once.
    pub fn roots(mut self) -> Vec<Option<u32>> {
        let roots: Vec<u32> = (0..self.parents.len() as u32).map(|i| self.root(i)).collect();
        let mut members = vec![0u32; roots.len()];
        roots.iter().for_each(|&root| members[root as usize] += 1);
        roots.into_iter().map(|root| Some(root).filter(|&r| members[r as usize] > 1)).collect()
    }
}
