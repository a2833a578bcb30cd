//! The report as data: what `report.json` holds and what every view is made of. The incident
//! analysis fills it; nothing here looks at packets or decides anything.
//!
//! Rules of the format: times are RFC 3339 in UTC with nanoseconds; what could not be measured is
//! `null`, never a guess; shares and rates of failure lie between 0 and 1; durations name their
//! unit (`_ms`, `_s`); floats are finite. Within `v1` fields are only added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::Time;

/// What `schema` says in every report of this version.
pub const SCHEMA: &str = "pcapsule/report/v1";

/// The whole report. Lists that are ordered by worth say so; the rest is ordered by name or time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub tool: Tool,
    /// The IANA zone in which the views show times, `UTC` for none other.
    pub tz: String,
    pub window: Window,
    /// Digest of the snapshot's manifest (`sha256:...`), when the input was a snapshot.
    #[serde(default)]
    pub snapshot: Option<String>,
    pub verdict: Verdict,
    /// One sentence with the numbers that led to the verdict.
    pub verdict_reason: String,
    /// The gravest first. Everything that compares `before` with `during` or `now` means this one.
    #[serde(default)]
    pub incidents: Vec<Incident>,
    /// One row per endpoint of a service, the most failures first.
    #[serde(default)]
    pub impact: Vec<Impact>,
    /// Candidates for the origin, best first.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// By time; starts before the incident.
    #[serde(default)]
    pub timeline: Vec<Event>,
    /// What rules found, the gravest first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Rate, errors, duration of each service, the affected first.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Utilisation, saturation, errors of what the services ran on.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Who called whom: the affected services and their neighbours.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// Calls over time, one series per service.
    #[serde(default)]
    pub series: Vec<Series>,
    /// What each vantage captured.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// What this capture cannot show.
    #[serde(default)]
    pub blind_spots: Vec<BlindSpot>,
    #[serde(default)]
    pub anomalies: Vec<Anomaly>,
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What to run next, most useful first.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Steps that the fired rules suggest; people decide.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// What only people know; [`Report::new`] asks the questions of an incident.
    #[serde(default)]
    pub todos: Vec<Todo>,
}

impl Report {
    /// A report that knows its window and nothing else: no incident, no rows, the human questions.
    pub fn new(tool: Tool, tz: &str, window: Window) -> Report {
        Report {
            schema: SCHEMA.to_owned(),
            tool,
            tz: tz.to_owned(),
            window,
            snapshot: None,
            verdict: Verdict::Inconclusive,
            verdict_reason: String::new(),
            incidents: Vec::new(),
            impact: Vec::new(),
            suspects: Vec::new(),
            timeline: Vec::new(),
            findings: Vec::new(),
            services: Vec::new(),
            resources: Vec::new(),
            edges: Vec::new(),
            series: Vec::new(),
            coverage: Vec::new(),
            blind_spots: Vec::new(),
            anomalies: Vec::new(),
            inputs: Vec::new(),
            commands: Vec::new(),
            actions: Vec::new(),
            todos: super::todos::standard(),
        }
    }
}

/// The program that wrote the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

/// The time looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub asked: Asked,
    pub covered: Covered,
}

/// What `--since` and `--until` said; `null` where nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub since: Option<Time>,
    pub until: Option<Time>,
}

/// First and last packet that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    pub since: Time,
    pub until: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Incident,
    NoIncident,
    /// Coverage or sample too small to judge.
    Inconclusive,
}

/// When something turned bad: it was good at `last_good` and bad at `first_bad`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Onset {
    /// `null` when it was bad from the first packet on.
    pub last_good: Option<Time>,
    pub first_bad: Time,
    /// How far the clocks of the nodes involved may differ after correction.
    #[serde(default)]
    pub clock_bound_ms: Option<f64>,
}

/// A correlated set of failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: String,
    pub onset: Onset,
    /// `null` when it was still going on at the end of the capture.
    pub end: Option<Time>,
    /// From `onset.first_bad` to `end`, or to the capture's end; then it is "at least".
    pub duration_s: f64,
    /// What broke, in one sentence, without a cause.
    pub summary: String,
    /// Requests where they entered the captured system, so that a request which fails in three
    /// services counts once.
    #[serde(default)]
    pub entry: Option<Entry>,
    #[serde(default)]
    pub first_failing_call: Option<FailingCall>,
    /// How it spread, by onset.
    #[serde(default)]
    pub episodes: Vec<Episode>,
}

/// Requests at the system's edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub during: Counts,
    pub before: Option<Counts>,
    /// Which calls were taken for entries.
    pub basis: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    pub failed: u64,
}

/// The earliest failed call of an incident that no deeper failed call explains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailingCall {
    /// Call id.
    pub call: String,
    pub ts: Time,
    pub src: String,
    pub dst: String,
    pub protocol: String,
    /// Method and path, command, statement: what was asked.
    pub request: String,
    /// Status code or error as the protocol names it; `null` when nothing was answered.
    pub status: Option<String>,
    pub outcome: String,
    pub elapsed_ms: Option<f64>,
    /// Connection id.
    #[serde(default)]
    pub conn: Option<String>,
    #[serde(default)]
    pub packet: Option<PacketAt>,
    /// To paste.
    #[serde(default)]
    pub command: Option<String>,
}

/// One symptom of one service (or edge, node) from its onset to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    pub name: String,
    #[serde(default)]
    pub namespace: Option<String>,
    /// What was measured: `errors`, `latency`, `rate`, `dns`, `transport`.
    pub signal: String,
    /// One line with the numbers: `HTTP 500 to POST /cart/{}/lock, 213 of 213`.
    pub text: String,
    pub onset: Onset,
    /// Last bad moment; `null` when still bad at the end of the capture.
    pub end: Option<Time>,
    pub matches: u64,
    /// Out of how many; `null` where there is no such number.
    pub of: Option<u64>,
}

/// One endpoint of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    pub service: String,
    pub namespace: Option<String>,
    /// `POST /checkout`, `HSET`, `SELECT orders`: with ids replaced by `{}`.
    pub endpoint: String,
    /// Called from outside the captured services.
    #[serde(default)]
    pub entry: bool,
    /// Whole window.
    pub requests: u64,
    pub failed: u64,
    /// Status or error code to count.
    pub statuses: BTreeMap<String, u64>,
    /// Requests without a response; they are part of `failed`.
    pub unanswered: u64,
    /// `null` without an incident.
    pub during: Option<Phase>,
    pub before: Option<Phase>,
}

/// One endpoint in a part of the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub requests: u64,
    pub failed: u64,
    pub statuses: BTreeMap<String, u64>,
    /// `null` without an answered request.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspectKind {
    Service,
    Pod,
    Node,
    External,
    Dns,
    Link,
}

/// A candidate for the origin of an incident. Never a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The workload's name alone: `redis`.
    pub name: String,
    pub namespace: Option<String>,
    pub kind: SuspectKind,
    /// The incident's id; `null` means the first.
    #[serde(default)]
    pub incident: Option<String>,
    pub score: f64,
    /// Of the sum of all suspects' scores.
    pub share: f64,
    /// One sentence: what this suspect did.
    #[serde(default)]
    pub summary: Option<String>,
    pub evidence_for: Vec<Evidence>,
    pub evidence_against: Vec<Evidence>,
    pub onset: Option<Onset>,
}

/// A statement and the packets that prove it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub text: String,
    /// Call id.
    #[serde(default)]
    pub call: Option<String>,
    /// Connection id.
    #[serde(default)]
    pub conn: Option<String>,
    #[serde(default)]
    pub packet: Option<PacketAt>,
    /// To paste; reproduces the statement.
    #[serde(default)]
    pub command: Option<String>,
}

/// A packet by the number that Wireshark shows for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketAt {
    pub file: String,
    /// From 1, in the file as decompressed.
    pub frame: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    Service,
    Node,
    Kubernetes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub ts: Time,
    /// Set when the line tells of a stretch of time.
    pub until: Option<Time>,
    pub lane: Lane,
    /// The service, node or object it is about.
    #[serde(default)]
    pub subject: Option<String>,
    pub text: String,
    pub severity: Severity,
    pub evidence: Vec<Evidence>,
    /// Too close to the line before to say which came first.
    pub same_time: bool,
}

/// One firing of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: String,
    pub title: String,
    pub severity: Severity,
    /// Field to value: what the firing is about.
    pub group: BTreeMap<String, String>,
    pub first: Time,
    pub last: Time,
    pub matches: u64,
    pub of: Option<u64>,
    pub message: String,
    /// Finds the calls again.
    pub kfl: String,
    pub evidence: Vec<Evidence>,
}

/// Rate, errors, duration of one service: in the incident (or the whole window without one), and
/// before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub service: String,
    pub namespace: Option<String>,
    pub now: Red,
    pub before: Option<Red>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Red {
    pub requests: u64,
    /// Per second.
    pub rate: f64,
    pub failed: u64,
    /// `null` without requests.
    pub error_rate: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// One resource of one workload or link: `memory`, `cpu`, `connections`, `in-flight calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub resource: String,
    pub name: String,
    pub namespace: Option<String>,
    pub utilisation: Option<Level>,
    pub saturation: Option<Level>,
    pub errors: Option<Level>,
}

/// A measure before and in the incident, with its unit (`%`, `calls`, `ms/s`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub before: Option<f64>,
    pub now: Option<f64>,
    pub unit: String,
}

/// Calls from one workload to another, of one protocol: in the incident, or the whole window
/// without one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    pub src: String,
    #[serde(default)]
    pub src_namespace: Option<String>,
    pub dst: String,
    #[serde(default)]
    pub dst_namespace: Option<String>,
    pub protocol: String,
    pub calls: u64,
    pub failed: u64,
    pub p95_ms: Option<f64>,
    /// Per second, before the incident; an edge that fell silent has no calls now.
    #[serde(default)]
    pub rate_before: Option<f64>,
}

/// Calls of one service in equal time bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub service: String,
    pub namespace: Option<String>,
    pub start: Time,
    pub bin_s: f64,
    /// One value per bin, as are the next two.
    pub calls: Vec<u64>,
    pub failed: Vec<u64>,
    /// `null` for a bin without answered calls.
    pub p95_ms: Vec<Option<f64>>,
}

/// What one vantage of one node captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    pub node: String,
    pub vantage: String,
    /// `null` when the node has no packet in the window.
    pub first: Option<Time>,
    pub last: Option<Time>,
    pub packets: u64,
    pub bytes: u64,
    /// Packets the kernel dropped; `null` when the capture does not say.
    pub drops: Option<u64>,
    /// Holes in TCP streams: payload that was sent but not captured.
    #[serde(default)]
    pub gaps: u64,
    #[serde(default)]
    pub undecoded: u64,
    /// Packets cut by the snap length.
    #[serde(default)]
    pub snaplen_cut: u64,
    #[serde(default)]
    pub conns: u64,
    /// TCP connections of which one direction was never captured.
    #[serde(default)]
    pub one_sided_conns: u64,
    pub files: u64,
    /// Added to this node's times; `null` when it cannot be known.
    #[serde(default)]
    pub clock_offset_ms: Option<f64>,
    #[serde(default)]
    pub clock_bound_ms: Option<f64>,
}

/// What the capture cannot show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindSpot {
    pub text: String,
    /// What would mend it next time.
    #[serde(default)]
    pub command: Option<String>,
}

/// A count from the list of anomaly kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    pub kind: String,
    pub count: u64,
    pub doc: String,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub path: String,
    pub bytes: u64,
    /// `null` for files that hold no packets.
    pub packets: Option<u64>,
    /// With the algorithm in front: `sha256:...` or `blake3:...`.
    pub hash: Option<String>,
}

/// A command line to paste, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub text: String,
    pub command: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    Mitigate,
    Prevent,
    Detect,
}

/// A step that a fired rule suggests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub kind: ActionKind,
    pub text: String,
    /// The rule that suggests it.
    pub rule: Option<String>,
}

/// A question that packets cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    /// Where the answer belongs: `impact`, `detection`, `response`, `lessons`, `actions`.
    pub section: String,
    pub text: String,
}
