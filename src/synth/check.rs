//! What may stand in a scenario: names, ranges, and things that exist. Every refusal says where,
//! why, and which word of the file is meant.

use super::host::NODES_MAX;
use super::scenario::{self, Scenario};
use super::system::{Operation, Service};

/// Calls nest at most so deep.
const DEPTH_MAX: usize = 16;
const DURATION_MAX_NS: i64 = 24 * 3600 * 1_000_000_000;
/// What a 32-bit count of seconds in a capture file still holds, with room for clock skew.
const START_MAX_NS: i64 = 4_000_000_000 * 1_000_000_000;

/// What is wrong with a scenario.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct Invalid {
    /// As a path: `service "cart", endpoint "GET /cart"`.
    pub place: String,
    pub cause: String,
    /// The word of the file that is wrong, to find its line.
    pub word: String,
}

pub fn invalid(place: &str, word: &str, cause: impl Into<String>) -> Invalid {
    Invalid { place: place.into(), cause: cause.into(), word: word.into() }
}

pub fn require(holds: bool, place: &str, word: &str, cause: &str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(invalid(place, word, cause)) }
}

pub fn check_settings(scenario: &Scenario) -> Result<(), Invalid> {
    let place = "scenario";
    let start = scenario.start.0;
    require((0..START_MAX_NS).contains(&start), place, "start", "start must be in 1970..2096")?;
    let duration = scenario.duration.0;
    let fits = (1..=DURATION_MAX_NS).contains(&duration);
    require(fits, place, "duration", "duration must be above 0 and at most 24h")?;
    let count = scenario.nodes.len();
    let cause = format!("there must be 1 to {NODES_MAX} nodes, not {count}");
    require((1..=NODES_MAX).contains(&count), place, "nodes", &cause)?;
    for (index, node) in scenario.nodes.iter().enumerate() {
        let place = format!("node {:?}", node.name);
        check_name(&place, &node.name)?;
        let twin = scenario.nodes[..index].iter().any(|n| n.name == node.name);
        require(!twin, &place, &node.name, "the name is used twice")?;
        let near = node.clock_skew.0.abs() <= DURATION_MAX_NS;
        require(near, &place, "clock_skew", "clock_skew must be at most 24h")?;
    }
    let network = &scenario.network;
    check_share("network", "jitter", network.jitter)?;
    check_share("network", "retransmit", network.retransmit)?;
    for delay in [network.same_node, network.cross_node, network.external] {
        let fits = (1_000..=10_000_000_000).contains(&delay.0);
        require(fits, "network", "network", "delays must be between 1us and 10s")?;
    }
    for link in &network.links {
        find(&scenario.nodes, |n| &n.name, "network, links", "node", &link.from)?;
        find(&scenario.nodes, |n| &n.name, "network, links", "node", &link.to)?;
        check_share("network, links", "loss", link.loss)?;
        let fits = link.delay.is_none_or(|delay| (1_000..=10_000_000_000).contains(&delay.0));
        require(fits, "network, links", "links", "delays must be between 1us and 10s")?;
    }
    for (node, loss) in &scenario.capture.loss {
        find(&scenario.nodes, |n| &n.name, "capture", "node", node)?;
        check_share("capture", "loss", *loss)?;
    }
    let level = (1..=22).contains(&scenario.capture.level);
    require(level, "capture", "level", "level must be between 1 and 22")?;
    require(scenario.capture.snaplen >= 64, "capture", "snaplen", "snaplen must be at least 64")?;
    require(scenario.pool.recycle > 0, "pool", "recycle", "recycle must be at least 1")?;
    require(scenario.pool.idle.0 > 0, "pool", "idle", "idle must be above 0")
}

/// The longest chain below each endpoint, by repeated relaxation: what still grows after
/// [`DEPTH_MAX`] rounds goes in a circle or is too deep.
pub fn check_depth(services: &[Service<'_>]) -> Result<(), Invalid> {
    let mut depths: Vec<Vec<usize>> =
        services.iter().map(|service| vec![0; service.endpoints.len()]).collect();
    for round in 0..=DEPTH_MAX {
        for (s, service) in services.iter().enumerate() {
            for (e, endpoint) in service.endpoints.iter().enumerate() {
                let below = endpoint.calls.iter().map(|call| match call.operation {
                    Operation::Endpoint(callee) => depths[call.to][callee] + 1,
                    Operation::Command(_) => 1,
                });
                let depth = below.max().unwrap_or(0);
                let place = format!("service {:?}", service.spec.name);
                let cause = format!("calls go in a circle or nest deeper than {DEPTH_MAX}");
                let settled = depth == depths[s][e] || round < DEPTH_MAX;
                require(settled, &place, &endpoint.spec.operation, &cause)?;
                depths[s][e] = depth;
            }
        }
    }
    Ok(())
}

pub fn node_indices(
    scenario: &Scenario,
    place: &str,
    names: &[String],
) -> Result<Vec<usize>, Invalid> {
    names.iter().map(|name| find(&scenario.nodes, |n| &n.name, place, "node", name)).collect()
}

pub fn find<T>(
    items: &[T],
    name: impl Fn(&T) -> &String,
    place: &str,
    what: &str,
    wanted: &str,
) -> Result<usize, Invalid> {
    items.iter().position(|item| name(item) == wanted).ok_or_else(|| {
        let known: Vec<&str> = items.iter().map(|item| name(item).as_str()).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        invalid(place, wanted, format!("no {what} {wanted:?}; there is {known}"))
    })
}

pub fn check_name(place: &str, name: &str) -> Result<(), Invalid> {
    let bytes = name.as_bytes();
    let fits = (1..=40).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-';
    let cause = "a name must be 1 to 40 of a-z, 0-9 and - inside";
    require(fits, place, name, cause)
}

pub fn check_share(place: &str, word: &str, share: f64) -> Result<(), Invalid> {
    let cause = format!("{word} must be between 0 and 1");
    require((0.0..=1.0).contains(&share), place, word, &cause)
}

pub fn check_latency(place: &str, latency: scenario::Latency) -> Result<(), Invalid> {
    let fits = (1_000..=3_600_000_000_000).contains(&latency.median.0);
    require(fits, place, "latency", "median must be between 1us and 1h")?;
    let spread = (0.0..=3.0).contains(&latency.spread);
    require(spread, place, "spread", "spread must be between 0 and 3")
}

pub fn check_background(place: &str, background: &[scenario::Background]) -> Result<(), Invalid> {
    for entry in background {
        check_status(place, entry.status)?;
        check_share(place, "rate", entry.rate)?;
    }
    Ok(())
}

pub fn check_status(place: &str, status: u16) -> Result<(), Invalid> {
    let cause = format!("{status} is no final HTTP status");
    require((200..=599).contains(&status), place, &status.to_string(), &cause)
}
