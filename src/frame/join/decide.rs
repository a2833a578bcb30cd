//! Groups of sightings -> decisions on disk: for each connection and each call that was seen more
//! than once, what its rows become. One file for each shard and part, read again by `apply`.

use std::collections::HashSet;
use std::path::PathBuf;

use polars::prelude::*;

use crate::conn::call_id;
use crate::field::ToCompactString;
use crate::frame::parquet::write;
use crate::join::{Decision, SeenCall, Sighting, decide as decide_calls};
use crate::replay::SHARDS;

use super::read::{Placed, Reader};
use super::{Joined, Places, ahead, grouped};

/// What becomes of one sighting.
struct ConnDecision<'g> {
    of: &'g Placed,
    /// Id of the connection.
    id: i64,
    observations: usize,
    stays: bool,
    /// The sighting nearest to the client, which tells who it is, and that nearest to the server.
    near: &'g Placed,
    far: &'g Placed,
}

/// The folder of the decisions, gone when they are carried out.
pub(super) fn folder(places: &Places<'_>) -> PathBuf {
    places.dir.join(".join")
}

/// Decides over all groups, part by part.
pub(super) fn decide(
    reader: &Reader<'_>,
    roots: &[Option<u32>],
    parts: u64,
    joined: &mut Joined,
) -> PolarsResult<()> {
    for part in 0..parts {
        let groups = grouped(reader.members(roots, part, parts)?, roots, &joined.clocks);
        let mut conns: Vec<Vec<ConnDecision>> = (0..SHARDS).map(|_| Vec::new()).collect();
        let mut calls: Vec<Vec<(i64, i64, Decision)>> = vec![Vec::new(); SHARDS];
        let mut seen = reader.calls(&groups)?;
        for (group, seen) in groups.iter().zip(&mut seen) {
            let mended = mend(group, joined);
            for pair in group.windows(2).filter(|_| !mended) {
                joined.links.add(&pair[0].sighting, &pair[1].sighting);
            }
            let decisions = conn_decisions(group, mended);
            let id = decisions.first().map_or(0, |decision| decision.id);
            decisions.into_iter().for_each(|decision| conns[decision.of.shard].push(decision));
            if !mended {
                let decided = call_decisions(group, id, seen, joined);
                decided.into_iter().for_each(|one| calls[one.2.shard].push(one));
            }
        }
        let dir = folder(reader.places);
        for (shard, (conns, calls)) in conns.iter().zip(&calls).enumerate() {
            let path = |table: &str| dir.join(format!("{table}-{shard:02}-{part:04}.parquet"));
            if !conns.is_empty() {
                write(&path("conns"), conn_frame(conns)?)?;
            }
            if !calls.is_empty() {
                write(&path("calls"), call_frame(calls)?)?;
            }
        }
    }
    Ok(())
}

/// Notes a connection of which every vantage misses something; whether it is one.
fn mend(group: &[Placed], joined: &mut Joined) -> bool {
    let sightings: Vec<&Sighting> = group.iter().map(|placed| &placed.sighting).collect();
    let broken = sightings.iter().all(|sighting| !sighting.is_complete(&sightings));
    if broken {
        let ahead_ns = |node: u32| joined.clocks.get(node as usize).map_or(0, ahead);
        let key = sightings.iter().find(|s| !s.is_midstream()).or(sightings.first());
        if let Some(key) = key {
            joined.mend.add(key, &sightings, ahead_ns);
            joined.observed.push((key.id, group.len() as i64));
        }
    }
    broken
}

/// One decision for each sighting. The row that stays is that of the vantage nearest to the client
/// that missed nothing; each end is named as the vantage nearest to it saw it.
fn conn_decisions(group: &[Placed], mended: bool) -> Vec<ConnDecision<'_>> {
    let sightings: Vec<&Sighting> = group.iter().map(|placed| &placed.sighting).collect();
    let complete = group.iter().position(|p| p.sighting.is_complete(&sightings)).unwrap_or(0);
    let (Some(near), Some(far)) = (group.first(), group.last()) else { return Vec::new() };
    let opened = group.iter().find(|p| !p.sighting.is_midstream()).unwrap_or(near);
    let decision = |(rank, of)| ConnDecision {
        of,
        id: opened.sighting.id,
        observations: group.len(),
        stays: rank == complete && !mended,
        near,
        far,
    };
    group.iter().enumerate().map(decision).collect()
}

/// Decisions with the call's and the connection's id. Ids of calls are those that the connection's
/// own gives them, whichever vantage's row stays.
fn call_decisions(
    group: &[Placed],
    conn: i64,
    seen: &mut [SeenCall],
    joined: &Joined,
) -> Vec<(i64, i64, Decision)> {
    for call in seen.iter_mut() {
        let node = group[call.rank as usize].sighting.node;
        let ahead_ns = joined.clocks.get(node as usize).map_or(0, ahead);
        call.ts_ns -= ahead_ns;
        call.settled_ns -= if call.settled_ns == 0 { 0 } else { ahead_ns };
    }
    let decisions = decide_calls(seen);
    let mut ids = HashSet::new();
    let mut named: std::collections::HashMap<(i64, u32), i64> = Default::default();
    for call in seen.iter() {
        let of_conn = group[call.rank as usize].sighting.id == conn;
        if of_conn {
            ids.insert(call.id);
            named.insert((call.id, call.vantage), call.id);
        }
    }
    let stays: HashSet<(i64, u32)> =
        decisions.iter().filter(|d| d.stays()).map(|d| (d.id, d.vantage)).collect();
    for call in seen.iter().filter(|call| stays.contains(&(call.id, call.vantage))) {
        named.entry((call.id, call.vantage)).or_insert_with(|| {
            let id = call_id(conn, call.request_place, call.response_place, 0);
            let id = if ids.insert(id) { id } else { call_id(conn, call.id, call.id, 1) };
            ids.insert(id);
            id
        });
    }
    let id = |decision: &Decision| named.get(&decision.chosen).copied().unwrap_or(decision.id);
    decisions.into_iter().map(|decision| (id(&decision), conn, decision)).collect()
}

fn conn_frame(decisions: &[ConnDecision<'_>]) -> PolarsResult<DataFrame> {
    let ints = |value: &dyn Fn(&ConnDecision<'_>) -> i64| -> Vec<i64> {
        decisions.iter().map(value).collect()
    };
    let texts = |value: &dyn Fn(&ConnDecision<'_>) -> std::net::IpAddr| -> Vec<String> {
        decisions.iter().map(|d| value(d).to_compact_string().into_string()).collect()
    };
    df!(
        "vantage_id" => ints(&|d| d.of.sighting.vantage.into()),
        "conn_id" => ints(&|d| d.of.sighting.id),
        "new_conn_id" => ints(&|d| d.id),
        "new_observations" => ints(&|d| d.observations as i64),
        "stays" => decisions.iter().map(|d| d.stays).collect::<Vec<bool>>(),
        "old_client_ip" => texts(&|d| d.of.sighting.client.ip),
        "old_client_port" => ints(&|d| d.of.sighting.client.port.into()),
        "client_ip" => texts(&|d| d.near.sighting.client.ip),
        "client_port" => ints(&|d| d.near.sighting.client.port.into()),
        "client_id" => ints(&|d| d.near.client_id),
        "server_ip" => texts(&|d| d.far.sighting.server.ip),
        "server_port" => ints(&|d| d.far.sighting.server.port.into()),
        "server_id" => ints(&|d| d.far.server_id),
    )
}

fn call_frame(decisions: &[(i64, i64, Decision)]) -> PolarsResult<DataFrame> {
    let ints = |value: &dyn Fn(&(i64, i64, Decision)) -> i64| -> Vec<i64> {
        decisions.iter().map(value).collect()
    };
    df!(
        "vantage_id" => ints(&|d| d.2.vantage.into()),
        "id" => ints(&|d| d.2.id),
        "new_id" => ints(&|d| d.0),
        "call_stays" => decisions.iter().map(|d| d.2.stays()).collect::<Vec<bool>>(),
        "new_ts_ns" => ints(&|d| d.2.ts_ns),
        "new_settled_ns" => ints(&|d| d.2.settled_ns),
        "new_elapsed" => ints(&|d| d.2.elapsed_us),
        "call_observations" => ints(&|d| d.2.observations.into()),
        "new_server_time" => ints(&|d| d.2.server_us),
        "new_network_time" => ints(&|d| d.2.network_us),
    )
}
