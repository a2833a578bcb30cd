//! Counts of a replay: per vantage what the files held, per protocol what was found.

use std::collections::BTreeMap;

use crate::anomaly::{AnomalyCounts, AnomalyKind};
use crate::call::{Call, Unanswered};
use crate::capture::{Record, Vantage};
use crate::dissect::Protocol;
use crate::field::{ColumnSink, FieldDef, Pairs, Text};
use crate::limits::Limits;
use crate::packet::{Content, Decoded, LAYER_NAMES, Undecoded};

use super::timeline::Timeline;

/// Reasons kept apart; the rest is counted together.
const REASONS_MAX: usize = 256;

/// What one vantage's files held.
#[derive(Debug, Clone, Default)]
pub struct VantageStats {
    pub id: usize,
    pub node: String,
    pub name: String,
    pub files: usize,
    pub packets: u64,
    /// Captured bytes of frames, file headers left out.
    pub bytes: u64,
    pub first_ns: Option<i64>,
    pub last_ns: Option<i64>,
    pub snaplen_cut: u64,
    /// Frames that hold each layer at least once.
    pub layers: [u64; LAYER_NAMES.len()],
    pub undecoded: BTreeMap<Undecoded, u64>,
    pub undecoded_other: u64,
    pub anomalies: AnomalyCounts,
    /// The same by second.
    pub timeline: Timeline,
    previous_ns: i64,
}

impl VantageStats {
    pub(super) fn new(id: usize, vantage: &Vantage, limits: &Limits) -> Self {
        VantageStats {
            id,
            node: vantage.node.clone(),
            name: vantage.name.clone(),
            files: vantage.segments.len(),
            timeline: Timeline::new(limits.coverage_buckets_max),
            previous_ns: i64::MIN,
            ..VantageStats::default()
        }
    }

    /// Counts a record; whether it is older than the one before.
    pub(super) fn count(&mut self, record: &Record, decoded: &Decoded) -> bool {
        self.packets += 1;
        self.bytes += u64::from(record.captured_len);
        let second = self.timeline.at(record.ts_ns);
        second.packets += 1;
        second.bytes += u64::from(record.captured_len);
        self.first_ns = Some(self.first_ns.map_or(record.ts_ns, |first| first.min(record.ts_ns)));
        self.last_ns = Some(self.last_ns.map_or(record.ts_ns, |last| last.max(record.ts_ns)));
        if record.captured_len < record.wire_len {
            second.snaplen_cut += 1;
            self.snaplen_cut += 1;
            self.anomaly(AnomalyKind::SnaplenCut);
        }
        for (position, count) in self.layers.iter_mut().enumerate() {
            *count += u64::from(decoded.layers.has(position));
        }
        if let Content::None(reason) = decoded.content {
            self.undecoded(reason, record.ts_ns);
        }
        let backwards = record.ts_ns < self.previous_ns;
        self.previous_ns = record.ts_ns;
        backwards
    }

    fn undecoded(&mut self, reason: Undecoded, ts_ns: i64) {
        if !matches!(reason, Undecoded::Cut(_)) {
            self.anomaly(reason.anomaly());
        }
        self.reason(reason, 1, ts_ns);
    }

    /// Counts what was wrong with a datagram, and its fragments that came to nothing.
    pub(super) fn fragments(&mut self, kind: AnomalyKind, lost: u64, ts_ns: i64) {
        self.anomaly(kind);
        self.reason(Undecoded::Fragment, lost, ts_ns);
    }

    fn reason(&mut self, reason: Undecoded, frames: u64, ts_ns: i64) {
        if frames == 0 {
            return;
        }
        self.timeline.at(ts_ns).undecoded(reason, frames);
        if self.undecoded.len() < REASONS_MAX || self.undecoded.contains_key(&reason) {
            *self.undecoded.entry(reason).or_default() += frames;
        } else {
            self.undecoded_other += frames;
        }
    }

    pub(super) fn anomaly(&mut self, kind: AnomalyKind) {
        self.anomalies.add(kind, 1);
    }

    pub fn undecoded_packets(&self) -> u64 {
        self.undecoded.values().sum::<u64>() + self.undecoded_other
    }
}

/// What was found of one protocol, each observation counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProtocolCounts {
    pub requests: u64,
    pub responses: u64,
    pub calls: u64,
    pub unanswered: u64,
    /// The protocol's own counters.
    pub extra: BTreeMap<&'static str, u64>,
}

impl ProtocolCounts {
    pub(super) fn count(&mut self, protocol: &Protocol, call: &Call) {
        self.requests += u64::from(call.requests);
        self.responses += u64::from(call.responses);
        self.calls += 1;
        self.unanswered += u64::from(call.unanswered != Unanswered::No);
        for counter in protocol.counters {
            let sum = self.extra.entry(counter.name).or_default();
            for message in [&call.request, &call.response].into_iter().flatten() {
                let fields = message.row.fields();
                message.row.visit(&mut Sum { fields, wanted: counter.fields, sum });
            }
        }
    }

    pub fn add(&mut self, other: &ProtocolCounts) {
        self.requests += other.requests;
        self.responses += other.responses;
        self.calls += other.calls;
        self.unanswered += other.unanswered;
        for (name, count) in &other.extra {
            *self.extra.entry(name).or_default() += count;
        }
    }
}

/// Adds up some of a row's integers.
struct Sum<'a> {
    fields: &'static [FieldDef],
    wanted: &'static [&'static str],
    sum: &'a mut u64,
}

impl ColumnSink for Sum<'_> {
    fn int(&mut self, column: usize, value: i64) {
        if self.fields.get(column).is_some_and(|field| self.wanted.contains(&field.name)) {
            *self.sum += u64::try_from(value).unwrap_or(0);
        }
    }
    fn text(&mut self, _: usize, _: &str) {}
    fn bool(&mut self, _: usize, _: bool) {}
    fn list(&mut self, _: usize, _: &[Text]) {}
    fn map(&mut self, _: usize, _: &Pairs) {}
}

/// Counts of a whole replay. Observations: a call that two vantages saw counts twice here.
#[derive(Debug, Clone, Default)]
pub struct ReplayStats {
    pub vantages: Vec<VantageStats>,
    pub protocols: BTreeMap<&'static str, ProtocolCounts>,
    pub conns: u64,
    pub anomalies: AnomalyCounts,
}

impl ReplayStats {
    pub(super) fn add_vantage(&mut self, vantage: VantageStats) {
        self.anomalies.merge(&vantage.anomalies);
        self.vantages.push(vantage);
    }

    pub fn packets(&self) -> u64 {
        self.vantages.iter().map(|v| v.packets).sum()
    }
}
