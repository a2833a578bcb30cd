//! Observations -> calls and connections, each once: reads what the vantages' tables tell of each
//! connection, lets `join/` decide, and writes the tables anew where something was seen twice.
//! Works in parts of a constant number of rows, so that memory is bounded by no capture's size.

mod apply;
mod decide;
mod mended;
mod read;

use std::collections::HashMap;
use std::path::Path;

use polars::prelude::*;

use crate::join::{Candidates, Clock, Clocks, Groups, Links, Pass, agree, in_order, join_calls};
use crate::replay::{Mend, SHARDS};

pub(super) use self::mended::add_mended;
use self::read::{Placed, Reader};

/// Connections, or calls, looked at together.
const PART_ROWS: u64 = 200_000;

/// What the captures tell of the vantages.
pub(super) struct Places<'a> {
    pub dir: &'a Path,
    /// Node of each vantage, by number.
    pub nodes: Vec<u32>,
    /// Node of each workload, where it is captured.
    pub workloads: HashMap<i64, u32>,
    /// Rows of connections and calls in all shards.
    pub conns: u64,
    pub calls: u64,
}

/// What came out of a join.
pub(super) struct Joined {
    /// By node number.
    pub clocks: Vec<Option<Clock>>,
    pub links: Links,
    /// Connections that no vantage holds whole, but all together might.
    pub mend: Mend,
    /// How many vantages saw each of those, by the connection's id.
    pub observed: Vec<(i64, i64)>,
    /// Whether a connection was seen more than once, or a clock is off.
    pub changed: bool,
}

/// Joins the tables in place.
pub(super) fn join(places: &Places<'_>) -> PolarsResult<Joined> {
    let reader = Reader::new(places)?;
    let mut groups = Groups::new(reader.conns());
    let parts = places.parts();
    let at_their_own = vec![None; places.node_count()];
    for pass in Pass::TCP {
        find(&reader, pass, parts, &at_their_own, &mut groups)?;
    }
    let clocks = compare_clocks(&reader, groups.clone(), parts)?;
    for pass in Pass::REST {
        find(&reader, pass, parts, &clocks, &mut groups)?;
    }
    let roots = groups.roots();
    let mut joined = Joined {
        changed: roots.iter().any(Option::is_some) || clocks.iter().any(|c| ahead(c) != 0),
        clocks,
        links: Links::default(),
        mend: Mend::new(places.nodes.len()),
        observed: Vec::new(),
    };
    if joined.changed {
        decide::decide(&reader, &roots, parts, &mut joined)?;
        for shard in 0..SHARDS {
            apply::apply(places, shard, &joined.clocks)?;
        }
        apply::clean_up(places)?;
    }
    Ok(joined)
}

/// Nanoseconds that a clock is ahead; none where it was not compared.
fn ahead(clock: &Option<Clock>) -> i64 {
    clock.map_or(0, |clock| clock.ahead_ns)
}

impl Places<'_> {
    /// Parts in which decisions are taken.
    pub fn parts(&self) -> u64 {
        self.conns.max(self.calls).div_ceil(PART_ROWS).max(1)
    }

    pub fn node_count(&self) -> usize {
        self.nodes.iter().map(|&node| node as usize + 1).max().unwrap_or(0)
    }
}

/// One pass over all sightings, in parts.
fn find(
    reader: &Reader<'_>,
    pass: Pass,
    parts: u64,
    clocks: &[Option<Clock>],
    groups: &mut Groups,
) -> PolarsResult<()> {
    for part in 0..parts {
        let mut candidates = Candidates::default();
        reader.sightings(
            |_, sighting| pass.keys(sighting).iter().any(|key| key % parts == part),
            |placed| {
                let mut sighting = placed.member.sighting;
                let ahead_ns = clocks.get(sighting.node as usize).map_or(0, ahead);
                sighting.first_ns -= ahead_ns;
                sighting.last_ns -= ahead_ns;
                candidates.add(pass, placed.member.index, sighting);
            },
        )?;
        candidates.join(pass, groups);
    }
    Ok(())
}

/// Sorts sightings into their groups, each in order from the client's side.
fn grouped(
    placed: Vec<Placed>,
    roots: &[Option<u32>],
    clocks: &[Option<Clock>],
) -> Vec<Vec<Placed>> {
    let mut groups: std::collections::BTreeMap<u32, Vec<Placed>> = Default::default();
    for one in placed {
        if let Some(root) = roots[one.member.index as usize] {
            groups.entry(root).or_default().push(one);
        }
    }
    let ahead_ns = |node: u32| clocks.get(node as usize).map_or(0, ahead);
    let mut groups: Vec<Vec<Placed>> = groups.into_values().collect();
    for group in &mut groups {
        agree(group, |turned| std::mem::swap(&mut turned.client_id, &mut turned.server_id));
        in_order(group, ahead_ns);
    }
    groups
}

/// Compares the nodes' clocks by the handshakes and calls of connections that two nodes saw.
fn compare_clocks(
    reader: &Reader<'_>,
    groups: Groups,
    parts: u64,
) -> PolarsResult<Vec<Option<Clock>>> {
    let roots = groups.roots();
    let mut clocks = Clocks::default();
    for part in 0..parts {
        let groups = grouped(reader.members(&roots, part, parts)?, &roots, &[]);
        let mut seen = reader.calls(&groups)?;
        for (group, calls) in groups.iter().zip(&mut seen) {
            for pair in group.windows(2) {
                let (near, far) = (&pair[0].member.sighting, &pair[1].member.sighting);
                if near.round_trip_ns().is_some() && far.round_trip_ns().is_some() {
                    let ways = (far.syn_ns - near.syn_ns, far.syn_ack_ns - near.syn_ack_ns);
                    clocks.add(near.node, far.node, ways.0, ways.1);
                }
            }
            for call in join_calls(calls) {
                for pair in call.windows(2).filter(|pair| pair.iter().all(|c| c.tells_time())) {
                    let node = |rank: u32| group[rank as usize].member.sighting.node;
                    let ways =
                        (pair[1].ts_ns - pair[0].ts_ns, pair[1].settled_ns - pair[0].settled_ns);
                    clocks.add(node(pair[0].rank), node(pair[1].rank), ways.0, ways.1);
                }
            }
        }
    }
    Ok(clocks.solve(reader.places.node_count() as u32))
}
