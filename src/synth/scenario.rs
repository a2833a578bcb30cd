//! The scenario file as its author writes it: YAML -> plain values. Names are resolved, and
//! contradictions found, in `system`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A made-up system, its load, and what goes wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub description: String,
    #[serde(default = "defaults::one")]
    pub seed: u64,
    /// RFC 3339; the first request comes shortly after.
    pub start: Time,
    /// How long requests keep coming; those in flight are finished.
    pub duration: Span,
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub capture: Capture,
    #[serde(default)]
    pub pool: Pool,
    /// Whether services pass on `traceparent` and `x-request-id`.
    #[serde(default = "defaults::yes")]
    pub trace_headers: bool,
    /// Services have addresses of their own, which the caller's node translates to those of pods
    /// (kube-proxy); without, names resolve to the pods.
    #[serde(default)]
    pub service_addresses: bool,
    /// Names with fewer dots are first tried in the search domains, as resolv.conf(5) says.
    #[serde(default = "defaults::ndots")]
    pub ndots: usize,
    pub services: Vec<Service>,
    pub load: Vec<Load>,
    #[serde(default)]
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    pub name: String,
    /// Added to every time that this node's capture records.
    #[serde(default)]
    pub clock_skew: Span,
}

/// One-way delays and what gets lost.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    pub same_node: Span,
    pub cross_node: Span,
    pub external: Span,
    /// Delays vary by this share, up and down.
    pub jitter: f64,
    /// Probability that a TCP segment with payload is lost once and sent again.
    pub retransmit: f64,
    /// Ways between two nodes that differ from the others, one direction each.
    pub links: Vec<Link>,
}

/// The way from one node to another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub from: String,
    pub to: String,
    /// In place of `cross_node`.
    pub delay: Option<Span>,
    /// Probability that a TCP segment with payload is lost there and sent again.
    #[serde(default)]
    pub loss: f64,
}

impl Default for Network {
    fn default() -> Self {
        let (same_node, cross_node) = (Span::micros(30), Span::micros(250));
        Network {
            same_node,
            cross_node,
            external: Span::micros(9_000),
            jitter: 0.15,
            retransmit: 0.0,
            links: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capture {
    /// Bytes kept of each frame.
    pub snaplen: u32,
    /// Probability per node that a frame is missing from its capture.
    pub loss: BTreeMap<String, f64>,
    /// Level of zstd, 1 to 22.
    pub level: i32,
}

impl Default for Capture {
    fn default() -> Self {
        Capture { snaplen: crate::capture::write::SNAPLEN, loss: BTreeMap::new(), level: 3 }
    }
}

/// How clients keep connections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pool {
    /// Requests before a client closes a connection.
    pub recycle: u32,
    /// A server closes a connection that was idle for so long.
    pub idle: Span,
}

impl Default for Pool {
    fn default() -> Self {
        Pool { recycle: 50, idle: Span::micros(20_000_000) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Http,
    Redis,
    /// CoreDNS: answers for the names of services.
    Dns,
    /// HTTP at an address outside the cluster.
    External,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// For external services the host name.
    pub name: String,
    #[serde(default = "defaults::namespace")]
    pub namespace: String,
    pub protocol: Protocol,
    pub port: u16,
    #[serde(default = "defaults::replicas")]
    pub replicas: usize,
    /// Nodes of the replicas, in turn; empty: all nodes in turn.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// External services: the address.
    pub address: Option<Ipv4Addr>,
    /// Own processing time, without that of callees.
    pub latency: Latency,
    /// Errors that happen on good days, at every endpoint.
    #[serde(default)]
    pub background: Vec<Background>,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
}

/// Lognormal.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    pub median: Span,
    /// Standard deviation of the logarithm.
    #[serde(default = "defaults::spread")]
    pub spread: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    pub status: u16,
    pub rate: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `POST /cart/{user}`; `{user}`, `{sku}` and `{order}` are filled in per request.
    pub operation: String,
    #[serde(default = "defaults::ok")]
    pub status: u16,
    /// In place of the service's.
    pub latency: Option<Latency>,
    /// Approximate sizes of the JSON bodies.
    #[serde(default = "defaults::request_bytes")]
    pub request_bytes: usize,
    #[serde(default = "defaults::response_bytes")]
    pub response_bytes: usize,
    #[serde(default)]
    pub background: Vec<Background>,
    /// Calls all at once rather than one after the other.
    #[serde(default)]
    pub parallel: bool,
    #[serde(default)]
    pub calls: Vec<Call>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub to: String,
    /// An endpoint of the callee, or a Redis command line.
    pub operation: String,
    /// What the caller answers when the callee fails or stays silent.
    #[serde(default = "defaults::bad_gateway")]
    pub on_failure: u16,
    /// For looking up, connecting and the answer together.
    #[serde(default = "defaults::timeout")]
    pub timeout: Span,
    /// Further attempts after a failure.
    #[serde(default)]
    pub retries: u32,
    /// The caller goes on without it when it fails.
    #[serde(default)]
    pub optional: bool,
}

/// A client: an open loop of requests at Poisson times.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    #[serde(default = "defaults::loadgen")]
    pub name: String,
    #[serde(default = "defaults::load")]
    pub namespace: String,
    pub node: String,
    pub to: String,
    /// Requests per second.
    pub rate: f64,
    #[serde(default = "defaults::client_timeout")]
    pub timeout: Span,
    /// Different users, and different goods.
    #[serde(default = "defaults::users")]
    pub users: u64,
    #[serde(default = "defaults::skus")]
    pub skus: u64,
    pub mix: Vec<Mix>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    pub operation: String,
    pub weight: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Writes to the Redis service are refused for lack of memory, reads work.
    RedisOom,
    /// The HTTP service answers `status` without doing its work.
    Errors,
    /// The service takes `delay` longer.
    Latency,
    /// Nobody listens: SYNs are answered by RST.
    Refuse,
    /// Nothing sent to the service arrives.
    Drop,
    /// The DNS service answers SERVFAIL.
    DnsServfail,
    /// The DNS service does not answer.
    DnsTimeout,
}

impl FaultKind {
    /// As the scenario file writes it.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::RedisOom => "redis_oom",
            FaultKind::Errors => "errors",
            FaultKind::Latency => "latency",
            FaultKind::Refuse => "refuse",
            FaultKind::Drop => "drop",
            FaultKind::DnsServfail => "dns_servfail",
            FaultKind::DnsTimeout => "dns_timeout",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    pub service: String,
    /// After the start.
    pub from: Span,
    /// After the start; never mended when missing.
    pub until: Option<Span>,
    /// Share of the requests (or connections) that it hits.
    #[serde(default = "defaults::always")]
    pub probability: f64,
    /// Of `errors`.
    pub status: Option<u16>,
    /// Of `latency`.
    pub delay: Option<Span>,
}

/// A duration in nanoseconds, written `250us`, `1.5ms`, `-3ms`, `60s`, `1m 30s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub i64);

impl Span {
    const fn micros(micros: i64) -> Self {
        Span(micros * 1000)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let duration: jiff::SignedDuration = text
            .parse()
            .map_err(|_| format!("{text:?} is no duration; write 250us, 1.5ms or 60s"))?;
        let nanos = i64::try_from(duration.as_nanos());
        nanos.map(Span).map_err(|_| format!("{text:?} is too long a duration"))
    }
}

/// A moment in nanoseconds since the epoch, written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(pub i64);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time: jiff::Timestamp =
            text.parse().map_err(|_| format!("{text:?} is no time; write 2026-11-20T14:15:00Z"))?;
        let nanos = i64::try_from(time.as_nanosecond());
        nanos.map(Time).map_err(|_| format!("{text:?} is out of range"))
    }
}

mod defaults {
    use super::Span;

    pub fn one() -> u64 {
        1
    }
    pub fn yes() -> bool {
        true
    }
    pub fn ndots() -> usize {
        5
    }
    pub fn namespace() -> String {
        "default".into()
    }
    pub fn replicas() -> usize {
        1
    }
    pub fn spread() -> f64 {
        0.3
    }
    pub fn ok() -> u16 {
        200
    }
    pub fn request_bytes() -> usize {
        60
    }
    pub fn response_bytes() -> usize {
        120
    }
    pub fn bad_gateway() -> u16 {
        502
    }
    pub fn timeout() -> Span {
        Span::micros(3_000_000)
    }
    pub fn client_timeout() -> Span {
        Span::micros(10_000_000)
    }
    pub fn loadgen() -> String {
        "loadgen".into()
    }
    pub fn load() -> String {
        "load".into()
    }
    pub fn users() -> u64 {
        300
    }
    pub fn skus() -> u64 {
        40
    }
    pub fn always() -> f64 {
        1.0
    }
}
