//! What a dataset says about itself: coverage, counts and where it came from, as JSON beside the
//! tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Inputs;
use crate::join::{Clock, Links};
use crate::packet::LAYER_NAMES;
use crate::replay::{ProtocolCounts, ReplayStats, VantageStats};
use crate::workload::CaptureCounters;

use super::coverage::counters;

/// Layout of a dataset; another number is another layout.
pub const FORMAT: u32 = 3;

/// What one vantage covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub node: String,
    pub vantage: String,
    pub files: usize,
    pub packets: u64,
    pub bytes: u64,
    /// Nanoseconds since 1970 UTC; `None` without packets.
    pub first_ns: Option<i64>,
    pub last_ns: Option<i64>,
    pub undecoded_packets: u64,
    /// Why packets were not decoded.
    pub undecoded: BTreeMap<String, u64>,
    pub snaplen_cut: u64,
    /// Packets that the collector received and dropped; `None` where no counters say.
    pub received: Option<u64>,
    pub dropped: Option<u64>,
    /// Holes in TCP streams: payload that was sent but not captured.
    pub gaps: u64,
    /// Connections seen there, and those of which one direction was never captured.
    pub conns: u64,
    pub one_sided_conns: u64,
    /// The longest stretch between two of its packets, begin and end, where it is a second or more.
    pub silence_ns: Option<(i64, i64)>,
    /// How far the node's clock is ahead of the first node's, taken off all times of calls and
    /// connections; `None` when it was not compared.
    pub clock_ahead_ns: Option<i64>,
    /// The true figure lies within this of it.
    pub clock_bound_ns: Option<i64>,
}

impl Coverage {
    /// Notes the node's clock and moves the times of its packets to the reference clock.
    pub(super) fn set_clock(&mut self, clock: Option<Clock>) {
        self.clock_ahead_ns = clock.map(|c| c.ahead_ns);
        self.clock_bound_ns = clock.map(|c| c.bound_ns);
        let ahead = clock.map_or(0, |c| c.ahead_ns);
        self.first_ns = self.first_ns.map(|ns| ns - ahead);
        self.last_ns = self.last_ns.map(|ns| ns - ahead);
        self.silence_ns = self.silence_ns.map(|(from, to)| (from - ahead, to - ahead));
    }

    /// Of calls that were given, not captured.
    pub(super) fn of_calls(name: &str, first_ns: Option<i64>, last_ns: Option<i64>) -> Self {
        let nothing = Coverage::new(&VantageStats::default(), &[]);
        Coverage { node: name.into(), first_ns, last_ns, ..nothing }
    }

    fn new(stats: &VantageStats, captures: &[CaptureCounters]) -> Self {
        let mut undecoded: BTreeMap<String, u64> = BTreeMap::new();
        for (reason, count) in &stats.undecoded {
            *undecoded.entry(reason.to_string()).or_default() += count;
        }
        if stats.undecoded_other > 0 {
            undecoded.insert("other".into(), stats.undecoded_other);
        }
        let counters: Vec<_> = counters(captures, &stats.node, &stats.name).collect();
        let counted =
            |of: fn(&CaptureCounters) -> u64| counters.iter().map(|c| of(c)).reduce(|a, b| a + b);
        let seconds = || stats.timeline.iter().map(|(_, second)| second);
        Coverage {
            node: stats.node.clone(),
            vantage: stats.name.clone(),
            files: stats.files,
            packets: stats.packets,
            bytes: stats.bytes,
            first_ns: stats.first_ns,
            last_ns: stats.last_ns,
            undecoded_packets: stats.undecoded_packets(),
            undecoded,
            snaplen_cut: stats.snaplen_cut,
            received: counted(|c| c.received),
            dropped: counted(|c| c.dropped),
            gaps: seconds().map(|s| s.gaps).sum(),
            conns: seconds().map(|s| s.conns).sum(),
            one_sided_conns: seconds().map(|s| s.one_sided).sum(),
            silence_ns: stats.timeline.longest_silence(),
            clock_ahead_ns: None,
            clock_bound_ns: None,
        }
    }
}

/// Counts of one protocol, each call once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolSummary {
    pub requests: u64,
    pub responses: u64,
    pub calls: u64,
    pub unanswered: u64,
    /// The protocol's own counters (`messages`, `frames`), beside the others in JSON.
    #[serde(flatten)]
    pub extra: BTreeMap<String, u64>,
}

impl From<&ProtocolCounts> for ProtocolSummary {
    fn from(counts: &ProtocolCounts) -> Self {
        ProtocolSummary {
            requests: counts.requests,
            responses: counts.responses,
            calls: counts.calls,
            unanswered: counts.unanswered,
            extra: counts.extra.iter().map(|(name, n)| ((*name).to_string(), *n)).collect(),
        }
    }
}

/// What went from one node to another, and how much of it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSummary {
    pub from: String,
    pub to: String,
    pub conns: u64,
    /// Segments with payload and datagrams.
    pub segments: u64,
    pub lost_segments: u64,
    /// Payload bytes.
    pub bytes: u64,
    pub lost_bytes: u64,
}

/// One capture file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    pub path: String,
    pub node: String,
    pub vantage: String,
    pub bytes: u64,
    pub first_ns: Option<i64>,
}

/// A dataset's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    pub format: u32,
    pub version: String,
    pub packets: u64,
    pub bytes: u64,
    pub layers: BTreeMap<String, u64>,
    pub conns: u64,
    pub protocols: BTreeMap<String, ProtocolSummary>,
    pub anomalies: BTreeMap<String, u64>,
    pub undecoded_packets: u64,
    pub coverage: Vec<Coverage>,
    /// The ways between nodes of which both ends were captured.
    #[serde(default)]
    pub links: Vec<LinkSummary>,
    /// Connections put together from several vantages, since none holds them whole.
    #[serde(default)]
    pub mended_conns: u64,
    pub inputs: Vec<InputFile>,
}

impl Meta {
    /// The description of a replay's result, observations counted.
    pub fn new(inputs: &Inputs, stats: &ReplayStats, captures: &[CaptureCounters]) -> Self {
        let mut layers: BTreeMap<String, u64> = BTreeMap::new();
        for vantage in &stats.vantages {
            for (name, count) in LAYER_NAMES.iter().zip(vantage.layers) {
                *layers.entry((*name).to_string()).or_default() += count;
            }
        }
        let protocols = stats.protocols.iter().map(|(name, c)| ((*name).to_string(), c.into()));
        Meta {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            packets: stats.packets(),
            bytes: stats.vantages.iter().map(|v| v.bytes).sum(),
            layers,
            conns: stats.conns,
            protocols: protocols.collect(),
            anomalies: stats.anomalies.iter().map(|(k, n)| (k.name().into(), n)).collect(),
            undecoded_packets: stats.vantages.iter().map(VantageStats::undecoded_packets).sum(),
            coverage: stats.vantages.iter().map(|v| Coverage::new(v, captures)).collect(),
            links: Vec::new(),
            mended_conns: 0,
            inputs: files(inputs),
        }
    }

    /// Notes what comparing the vantages told: the nodes' clocks, and the ways between them.
    pub(super) fn joined(&mut self, nodes: &[&str], clocks: &[Option<Clock>], links: &Links) {
        for coverage in &mut self.coverage {
            let node = nodes.iter().position(|node| *node == coverage.node);
            coverage.set_clock(node.and_then(|node| clocks.get(node).copied().flatten()));
        }
        let name = |node: u32| nodes.get(node as usize).map_or("", |name| name).to_string();
        self.links = links
            .iter()
            .map(|(from, to, link)| LinkSummary {
                from: name(from),
                to: name(to),
                conns: link.conns,
                segments: link.segments,
                lost_segments: link.lost_segments,
                bytes: link.bytes,
                lost_bytes: link.lost_bytes,
            })
            .collect();
    }

    /// Adds what a second replay of the connections that no vantage holds whole still found odd.
    pub(super) fn mended(&mut self, stats: &ReplayStats) {
        self.mended_conns = stats.conns;
        for (kind, count) in stats.anomalies.iter() {
            *self.anomalies.entry(kind.name().into()).or_default() += count;
        }
    }

    /// Time of the first packet of all vantages.
    pub fn first_ns(&self) -> Option<i64> {
        self.coverage.iter().filter_map(|c| c.first_ns).min()
    }

    /// Time of the last packet of all vantages.
    pub fn last_ns(&self) -> Option<i64> {
        self.coverage.iter().filter_map(|c| c.last_ns).max()
    }
}

fn files(inputs: &Inputs) -> Vec<InputFile> {
    let file = |node: &str, vantage: &str, file: &crate::capture::SegmentFile| InputFile {
        path: file.path.display().to_string(),
        node: node.into(),
        vantage: vantage.into(),
        bytes: file.bytes,
        first_ns: file.first_ns,
    };
    inputs
        .vantages
        .iter()
        .flat_map(|v| v.segments.iter().map(move |s| file(&v.node, &v.name, s)))
        .collect()
}
