//! Who had which address, from when to when: an object's versions -> claims -> for each address
//! a list of spans without overlap, which a lookup searches by time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::metadata::{Life, Versions};

/// How an address was found. The order is that of preference: where several claim an address at
/// one moment, the greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// A public address that no metadata names.
    Address,
    /// A private address that no metadata names.
    Unresolved,
    /// First addresses of a node's pod network: its bridge, from where the kubelet probes pods.
    PodNetwork,
    /// A pod's address just after its end, before anybody else had it.
    PodGone,
    NodePort,
    ExternalIp,
    EndpointSlice,
    NodeAddress,
    HostPort,
    ClusterIp,
    PodIp,
}

impl How {
    /// The words that results show.
    pub fn name(self) -> &'static str {
        match self {
            How::Address => "address",
            How::Unresolved => "unresolved",
            How::PodNetwork => "node pod network",
            How::PodGone => "pod ip after its end",
            How::NodePort => "service node port",
            How::ExternalIp => "service external ip",
            How::EndpointSlice => "endpoint slice",
            How::NodeAddress => "node address",
            How::HostPort => "host port",
            How::ClusterIp => "service cluster ip",
            How::PodIp => "pod ip",
        }
    }
}

/// An address, or one port of it, that an object stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hold {
    pub ip: IpAddr,
    /// `None`: all ports.
    pub port: Option<u16>,
    pub how: How,
}

/// One address in the hands of one workload for one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The address; unspecified (`0.0.0.0`) where the port of every node is meant.
    pub ip: IpAddr,
    /// `None`: all ports.
    pub port: Option<u16>,
    pub from_ns: i64,
    pub to_ns: i64,
    /// Id of the workload.
    pub id: i64,
    pub how: How,
}

/// The stretches in which an object held its addresses, within its life. Its first addresses
/// count from its start, later ones from when they were seen.
pub(super) fn holds_over_time<T: Ord>(
    versions: &Versions<T>,
    life: Life,
    holds: impl Fn(&T) -> Vec<Hold>,
) -> Vec<(Hold, Life)> {
    let mut open: BTreeMap<Hold, i64> = BTreeMap::new();
    let mut closed = Vec::new();
    let mut is_first = true;
    for (ts_ns, state) in versions.states() {
        let now: BTreeSet<Hold> = holds(state).into_iter().collect();
        open.retain(|hold, from_ns| {
            let stays = now.contains(hold);
            if !stays {
                closed.push((*hold, Life { from_ns: *from_ns, to_ns: ts_ns.min(life.to_ns) }));
            }
            stays
        });
        let from_ns = if is_first { life.from_ns } else { ts_ns.max(life.from_ns) };
        for hold in &now {
            open.entry(*hold).or_insert(from_ns);
        }
        is_first &= now.is_empty();
    }
    closed.extend(open.into_iter().map(|(hold, from_ns)| (hold, Life { from_ns, ..life })));
    closed.retain(|(_, held)| held.from_ns < held.to_ns);
    closed
}

/// What an address is from `from_ns` on, until the next span begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    from_ns: i64,
    owner: Option<Found>,
}

/// The answer to a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Id of the workload.
    pub id: i64,
    pub how: How,
}

/// Claims on one address -> spans. At each moment the best kind of claim wins, then the youngest.
pub(super) fn spans(claims: &[Claim]) -> Vec<Span> {
    let mut edges: BTreeMap<i64, Vec<(bool, &Claim)>> = BTreeMap::new();
    for claim in claims {
        edges.entry(claim.from_ns).or_default().push((true, claim));
        edges.entry(claim.to_ns).or_default().push((false, claim));
    }
    let mut active = BTreeSet::new();
    let mut spans: Vec<Span> = Vec::new();
    for (from_ns, edges) in edges {
        for (begins, claim) in edges {
            let rank = (claim.how, claim.from_ns, Reverse(claim.id));
            match begins {
                true => active.insert(rank),
                false => active.remove(&rank),
            };
        }
        let owner = active.last().map(|&(how, _, Reverse(id))| Found { id, how });
        if spans.last().and_then(|span| span.owner) != owner {
            spans.push(Span { from_ns, owner });
        }
    }
    spans
}

/// Who is behind the address at `ts_ns`.
pub(super) fn at(spans: &[Span], ts_ns: i64) -> Option<Found> {
    let after = spans.partition_point(|span| span.from_ns <= ts_ns);
    spans.get(after.checked_sub(1)?)?.owner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(id: i64, how: How, from_ns: i64, to_ns: i64) -> Claim {
        Claim { ip: [10, 0, 0, 1].into(), port: None, from_ns, to_ns, id, how }
    }

    fn ids(claims: &[Claim], times: &[i64]) -> Vec<Option<i64>> {
        let spans = spans(claims);
        times.iter().map(|&ts| at(&spans, ts).map(|found| found.id)).collect()
    }

    #[test]
    fn an_address_changes_hands() {
        let claims = [claim(1, How::PodIp, 10, 20), claim(2, How::PodIp, 20, i64::MAX)];
        assert_eq!(ids(&claims, &[9, 10, 19, 20, 99]), [None, Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn the_better_claim_wins_then_the_younger() {
        let claims = [
            claim(1, How::PodIp, 10, 30),
            claim(2, How::PodIp, 25, 40),
            claim(3, How::PodGone, 30, 60),
            claim(4, How::NodeAddress, i64::MIN, i64::MAX),
        ];
        let expected = [Some(4), Some(1), Some(2), Some(2), Some(4)];
        assert_eq!(ids(&claims, &[0, 24, 25, 39, 40]), expected);
        let mut reversed = claims;
        reversed.reverse();
        assert_eq!(ids(&reversed, &[0, 24, 25, 39, 40]), expected);
    }
}
