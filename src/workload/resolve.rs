//! The lookup: address, port and time -> workload. Immutable once built, shared by all threads,
//! one hash and one binary search per question.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::FixedState;

use super::capture::CaptureCounters;
use super::change::Change;
use super::claim::{Claim, Found, How, Span, at, spans};
use super::external::{external, external_row};
use super::fields::WorkloadRow;
use super::hold::ANY_NODE;
use crate::field::Text;

/// Who was who, when.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    rows: Vec<WorkloadRow>,
    claims: Vec<Claim>,
    changes: Vec<Change>,
    captures: Vec<CaptureCounters>,
    nodes: Vec<Text>,
    // Looked up, never iterated: its order cannot reach a result.
    addresses: HashMap<IpAddr, Address, FixedState>,
    node_ports: Ports,
}

/// Spans by port, in the order of the ports.
type Ports = Vec<(u16, Vec<Span>)>;

#[derive(Debug, Clone, Default)]
struct Address {
    spans: Vec<Span>,
    ports: Ports,
    is_node: bool,
}

impl Directory {
    pub(super) fn new(
        rows: Vec<WorkloadRow>,
        mut claims: Vec<Claim>,
        changes: Vec<Change>,
    ) -> Self {
        claims.sort_by_key(|c| (c.ip, c.port, c.from_ns, c.to_ns, c.how, c.id));
        let mut addresses: HashMap<IpAddr, Address, FixedState> = HashMap::default();
        for claims in claims.chunk_by(|a, b| a.ip == b.ip) {
            let [first, ..] = claims else { continue };
            addresses.insert(first.ip, Address::of(claims));
        }
        let node_ports = addresses.remove(&ANY_NODE).unwrap_or_default().ports;
        let (captures, nodes) = Default::default();
        Directory { rows, claims, changes, captures, nodes, addresses, node_ports }
    }

    /// Adds what the collectors counted, by node, vantage and time, and the names of the nodes.
    pub(super) fn with_captures(
        self,
        captures: Vec<CaptureCounters>,
        nodes: Vec<Text>,
    ) -> Directory {
        Directory { captures, nodes, ..self }
    }

    /// Id of the workload that had `ip` (and, on a node, `port`) at `ts_ns`; negative, and derived
    /// from the address alone, where no metadata says.
    pub fn resolve(&self, ip: IpAddr, port: u16, ts_ns: i64) -> i64 {
        self.find(ip, port, ts_ns).id
    }

    /// As [`resolve`](Self::resolve), with how it was found.
    pub fn find(&self, ip: IpAddr, port: u16, ts_ns: i64) -> Found {
        let ip = ip.to_canonical();
        let Some(address) = self.addresses.get(&ip) else { return external(ip) };
        by_port(&address.ports, port, ts_ns)
            .or_else(|| address.is_node.then(|| by_port(&self.node_ports, port, ts_ns))?)
            .or_else(|| at(&address.spans, ts_ns))
            .unwrap_or_else(|| external(ip))
    }

    /// The row of an id that [`resolve`](Self::resolve) gave for `ip`.
    pub fn row(&self, id: i64, ip: IpAddr) -> WorkloadRow {
        let known = usize::try_from(id).ok().and_then(|index| self.rows.get(index));
        known.cloned().unwrap_or_else(|| external_row(id, ip.to_canonical()))
    }

    /// Rows of everything the metadata names, in the order of their ids.
    pub fn rows(&self) -> &[WorkloadRow] {
        &self.rows
    }

    /// Who had which address from when to when, by address, port and time.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// What happened to the cluster's objects, in time order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What the collectors say of their own capturing, by node, vantage and time.
    pub fn captures(&self) -> &[CaptureCounters] {
        &self.captures
    }

    /// Names of the nodes that the metadata knows, sorted.
    pub fn nodes(&self) -> &[Text] {
        &self.nodes
    }

    /// Whether there was no metadata at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Address {
    /// `claims` on one address, those on all ports first and then by port.
    fn of(claims: &[Claim]) -> Address {
        let mut by_port: BTreeMap<Option<u16>, Vec<Span>> = claims
            .chunk_by(|a, b| a.port == b.port)
            .map(|c| (c.first().and_then(|c| c.port), spans(c)))
            .collect();
        Address {
            spans: by_port.remove(&None).unwrap_or_default(),
            ports: by_port.into_iter().filter_map(|(port, spans)| Some((port?, spans))).collect(),
            is_node: claims.iter().any(|claim| claim.how == How::NodeAddress),
        }
    }
}

fn by_port(ports: &Ports, port: u16, ts_ns: i64) -> Option<Found> {
    let index = ports.binary_search_by_key(&port, |(port, _)| *port).ok()?;
    at(&ports.get(index)?.1, ts_ns)
}
