//! The sightings of one connection in the order in which its packets pass them, from the client
//! to the server. Clocks need not agree for it: the nearer to the client, the longer a vantage
//! waits for the answer to a SYN.

use std::ops::{Deref, DerefMut};

use super::sighting::Sighting;

/// A sighting on the way of its connection.
#[derive(Debug, Clone)]
pub struct Member {
    /// Index of the sighting.
    pub index: u32,
    pub sighting: Sighting,
    /// The vantage is on the node of the connection's client.
    pub at_client: bool,
    /// The vantage is on the node of the connection's server.
    pub at_server: bool,
}

impl Member {
    fn turn(&mut self) {
        self.sighting.turn();
        std::mem::swap(&mut self.at_client, &mut self.at_server);
    }
}

/// Makes all members agree on who is the client: as the handshake tells, else as the sighting of
/// most packets has it. `also` is told of the members that are turned.
pub fn agree<M: DerefMut<Target = Member>>(members: &mut [M], mut also: impl FnMut(&mut M)) {
    let weight = |m: &M| (!m.sighting.is_midstream(), m.sighting.packets.iter().sum::<u64>());
    let Some(best) = members.iter().max_by_key(|m| (weight(m), std::cmp::Reverse(m.index))) else {
        return;
    };
    let (client, server) = (best.sighting.client, best.sighting.server);
    for member in members.iter_mut() {
        if member.sighting.client == server || member.sighting.server == client {
            member.turn();
            also(member);
        }
    }
}

/// Sorts `members` from the client's side to the server's. Where the handshake was not seen by
/// all, the nodes of the ends tell, and then the times; `ahead_ns` is how far each node's clock is
/// ahead.
pub fn in_order<M: Deref<Target = Member>>(members: &mut [M], ahead_ns: impl Fn(u32) -> i64) {
    let timed = members.iter().all(|m| m.sighting.round_trip_ns().is_some());
    members.sort_by_key(|member| {
        let sighting = &member.sighting;
        let waits = if timed { sighting.round_trip_ns().unwrap_or(0) } else { 0 };
        let side = match (member.at_client, member.at_server) {
            (true, false) => 0,
            (false, true) => 2,
            _ => 1,
        };
        let first_ns = sighting.first_ns - ahead_ns(sighting.node);
        (std::cmp::Reverse(waits), side, first_ns, sighting.vantage, sighting.id)
    });
}
