//! Observations of one connection's calls -> each call once: which row stands for it, by whose
//! times, and what the vantages together tell that none does alone.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// One call as one vantage saw it; times by the reference clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenCall {
    /// Position of the vantage on the connection's way, 0 nearest to the client.
    pub rank: u32,
    pub vantage: u32,
    /// Of the table that holds its row.
    pub shard: usize,
    pub id: i64,
    pub index: i64,
    /// The connection's client asked, as it mostly does.
    pub by_client: bool,
    /// Where request and response begin in their streams, -1 without.
    pub request_place: i64,
    pub response_place: i64,
    pub ts_ns: i64,
    pub settled_ns: i64,
    /// Request and response are both there, or it is a one-way message.
    pub is_whole: bool,
    /// Microseconds from request to response, 0 without a response.
    pub elapsed_us: i64,
}

impl SeenCall {
    /// Whether its request and response passed in the ways that its rank says.
    pub fn tells_time(&self) -> bool {
        self.is_whole && self.by_client && self.response_place >= 0
    }
}

/// What becomes of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub vantage: u32,
    pub shard: usize,
    pub id: i64,
    /// The observation that stands for the call: its id and vantage.
    pub chosen: (i64, u32),
    /// Times of the call where it was seen nearest to the client.
    pub ts_ns: i64,
    pub settled_ns: i64,
    pub elapsed_us: i64,
    pub observations: u32,
    /// Microseconds that the server took, and that the way there and back took; 0 where only one
    /// vantage saw it whole.
    pub server_us: i64,
    pub network_us: i64,
}

impl Decision {
    /// Whether this observation's row stays.
    pub fn stays(&self) -> bool {
        self.chosen == (self.id, self.vantage)
    }
}

/// Decides over the observations of one connection's calls.
pub fn decide(calls: &mut [SeenCall]) -> Vec<Decision> {
    join_calls(calls).iter().flat_map(|group| one(group)).collect()
}

/// Puts the observations of each call together, those nearest to the client first.
pub fn join_calls(calls: &mut [SeenCall]) -> Vec<Vec<SeenCall>> {
    calls.sort_by_key(|call| (call.rank, call.index, call.id));
    let mut joined: Vec<Vec<SeenCall>> = Vec::new();
    let mut by_request = Places::default();
    let mut by_response = Places::default();
    for call in calls.iter() {
        let fits = |group: &usize| joined[*group].iter().all(|other| other.rank != call.rank);
        let distance = |group: usize| (joined[group][0].ts_ns - call.ts_ns).abs();
        let found = by_request
            .nearest(call.request_place, fits, distance)
            .or_else(|| by_response.nearest(call.response_place, fits, distance));
        let group = found.unwrap_or_else(|| {
            joined.push(Vec::new());
            joined.len() - 1
        });
        by_request.add(call.request_place, group);
        by_response.add(call.response_place, group);
        joined[group].push(*call);
    }
    joined
}

/// Calls by where they begin. Several may begin at one place: a socket asks for the same name
/// twice, a record holds two messages.
#[derive(Default)]
struct Places(HashMap<i64, Vec<usize>, FixedState>);

impl Places {
    fn add(&mut self, place: i64, group: usize) {
        let groups = self.0.entry(place).or_default();
        if place >= 0 && !groups.contains(&group) {
            groups.push(group);
        }
    }

    fn nearest(
        &self,
        place: i64,
        fits: impl Fn(&usize) -> bool,
        distance: impl Fn(usize) -> i64,
    ) -> Option<usize> {
        let groups = self.0.get(&place)?;
        groups.iter().copied().filter(fits).min_by_key(|&group| (distance(group), group))
    }
}

/// The observations of one call, nearest to the client first.
fn one(group: &[SeenCall]) -> impl Iterator<Item = Decision> + '_ {
    let whole = || group.iter().filter(|call| call.is_whole);
    let chosen = whole().next().or(group.first());
    let (near, far) = (whole().next(), whole().next_back());
    let times = match (near, far) {
        (Some(near), Some(far)) if near.rank != far.rank && far.elapsed_us > 0 => {
            let server_us = far.elapsed_us.min(near.elapsed_us);
            (server_us, near.elapsed_us - server_us)
        }
        _ => (0, 0),
    };
    group.iter().filter_map(move |call| {
        let chosen = chosen?;
        Some(Decision {
            vantage: call.vantage,
            shard: call.shard,
            id: call.id,
            chosen: (chosen.id, chosen.vantage),
            ts_ns: chosen.ts_ns,
            settled_ns: chosen.settled_ns,
            elapsed_us: chosen.elapsed_us,
            observations: group.len() as u32,
            server_us: times.0,
            network_us: times.1,
        })
    })
}
