//! Packets sent from host to host -> what each node's capture point records. A node captures at
//! its pod bridge: packets between nodes are in two captures, each with its own clock and its own
//! losses, packets within a node in one.

use super::SynthError;
use super::host::{bridge, mac};
use super::random::Random;
use super::scenario::Span;
use super::system::System;
use super::wire::{Datagram, Hop};
use crate::capture::write::{ETHERNET, Record, SNAPLEN, SegmentWriter};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Name of the capture point in the layout of capture directories.
pub const VANTAGE: &str = "if-cbr0";
/// From a pod's interface to the other side of its bridge.
const BRIDGE_NS: i64 = 8_000;
/// What is left of a TTL of 64 after two nodes' routing, and on the way in from outside.
const TTL: u8 = 64;
const TTL_OTHER_NODE: u8 = 62;
const TTL_EXTERNAL: u8 = 52;

/// From kube-proxy's rules to the other side of the bridge.
const TRANSLATION_NS: i64 = 3_000;

/// Which way a packet goes; addresses of services are translated for the client's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// The nodes (as bits) whose captures hold a packet or message.
pub type Seen = u64;

/// Carries packets and keeps those captured in the order of time until nothing older can come.
pub struct Network<'a> {
    system: &'a System<'a>,
    captures: Vec<Capture>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    order: u64,
    captured: Captured,
}

/// What the captures hold, in true time.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Per node.
    pub packets: Vec<u64>,
    pub first: i64,
    pub last: i64,
    /// By sending and receiving node: segments with payload sent, and lost on the way.
    pub links: BTreeMap<(usize, usize), (u64, u64)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: i64,
    /// Packets of the same time stay in the order in which they were sent.
    order: u64,
    node: usize,
    frame: Vec<u8>,
}

/// One node's capture point and its file.
struct Capture {
    directory: PathBuf,
    skew: i64,
    loss: f64,
    random: Random,
    writer: Option<SegmentWriter>,
}

impl<'a> Network<'a> {
    /// Captures go to `<directory>/<node>/if-cbr0/`.
    pub fn new(system: &'a System<'a>, directory: &Path) -> Self {
        let scenario = system.scenario;
        let capture = |(number, node): (u64, &super::scenario::Node)| Capture {
            directory: directory.join(&node.name).join(VANTAGE),
            skew: node.clock_skew.0,
            loss: scenario.capture.loss.get(&node.name).copied().unwrap_or(0.0),
            random: Random::stream(scenario.seed, "capture", number),
            writer: None,
        };
        let captures = (0..).zip(&scenario.nodes).map(capture).collect();
        let packets = vec![0; scenario.nodes.len()];
        let captured =
            Captured { packets, first: system.end(), last: system.start(), links: BTreeMap::new() };
        Network { system, captures, waiting: BinaryHeap::new(), order: 0, captured }
    }

    pub fn ip(&self, host: usize) -> Ipv4Addr {
        self.system.hosts[host].ip
    }

    /// What the scenario says of the way between two hosts' nodes.
    fn link(&self, src: usize, dst: usize) -> Option<&'a super::scenario::Link> {
        let scenario = self.system.scenario;
        let name = |host: usize| Some(&scenario.nodes[self.system.hosts[host].node?].name);
        let (from, to) = (name(src)?, name(dst)?);
        scenario.network.links.iter().find(|link| link.from == *from && link.to == *to)
    }

    /// One-way delay of a packet.
    pub fn delay(&self, src: usize, dst: usize, random: &mut Random) -> i64 {
        let network = &self.system.scenario.network;
        let own = self.link(src, dst).and_then(|link| link.delay);
        let (src, dst) = (&self.system.hosts[src], &self.system.hosts[dst]);
        let Span(typical) = match (src.node, dst.node) {
            (Some(a), Some(b)) if a == b => network.same_node,
            (Some(_), Some(_)) => own.unwrap_or(network.cross_node),
            _ => network.external,
        };
        random.around(typical, network.jitter).max(1_000)
    }

    /// Whether a TCP segment gets lost on its way.
    pub fn loses(&self, src: usize, dst: usize, random: &mut Random) -> bool {
        let everywhere = self.system.scenario.network.retransmit;
        let there = self.link(src, dst).map_or(0.0, |link| link.loss);
        let probability = 1.0 - (1.0 - everywhere) * (1.0 - there);
        probability > 0.0 && random.chance(probability)
    }

    /// Counts a segment with payload between two nodes.
    pub fn count(&mut self, src: usize, dst: usize, lost: bool) {
        let (from, to) = (self.system.hosts[src].node, self.system.hosts[dst].node);
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            let link = self.captured.links.entry((from, to)).or_default();
            *link = (link.0 + 1, link.1 + u64::from(lost));
        }
    }

    /// Sends a packet between two hosts; `arrival` is none when it gets lost between the nodes. The
    /// client's node sees a service's address where the service has one, and behind the
    /// translation the pod's.
    pub fn send(
        &mut self,
        (src, dst): (usize, usize),
        way: Way,
        at: i64,
        arrival: Option<i64>,
        datagram: &Datagram,
    ) -> Seen {
        let server = if way == Way::ToServer { dst } else { src };
        let service = self.system.known_as(server).map(|ip| match way {
            Way::ToServer => datagram.between(datagram.src, ip),
            Way::ToClient => datagram.between(ip, datagram.dst),
        });
        let (src, dst) = (&self.system.hosts[src], &self.system.hosts[dst]);
        let mut seen = 0;
        if let Some(node) = src.node {
            let same = dst.node == Some(node);
            let dst_mac = if same { dst.mac() } else { mac(bridge(node)) };
            let hop = Hop { src_mac: src.mac(), dst_mac, ttl: TTL };
            match (&service, way) {
                (Some(service), Way::ToServer) => {
                    seen |= self.capture(node, at, service, hop);
                    if same {
                        let hop = Hop { ttl: TTL - 1, ..hop };
                        seen |= self.capture(node, at + TRANSLATION_NS, datagram, hop);
                    }
                }
                (Some(service), Way::ToClient) if same => {
                    seen |= self.capture(node, at, datagram, hop);
                    let hop = Hop { ttl: TTL - 1, ..hop };
                    seen |= self.capture(node, at + TRANSLATION_NS, service, hop);
                }
                _ => seen |= self.capture(node, at, datagram, hop),
            }
        }
        if let (Some(node), Some(arrival)) = (dst.node, arrival)
            && src.node != Some(node)
        {
            let ttl = if src.node.is_some() { TTL_OTHER_NODE } else { TTL_EXTERNAL };
            let hop = Hop { src_mac: mac(bridge(node)), dst_mac: dst.mac(), ttl };
            let arrived = match (&service, way) {
                (Some(service), Way::ToClient) => service,
                _ => datagram,
            };
            seen |= self.capture(node, (arrival - BRIDGE_NS).max(at + 1), arrived, hop);
        }
        seen
    }

    fn capture(&mut self, node: usize, at: i64, datagram: &Datagram, hop: Hop) -> Seen {
        let capture = &mut self.captures[node];
        if capture.loss > 0.0 && capture.random.chance(capture.loss) {
            return 0;
        }
        self.captured.packets[node] += 1;
        self.captured.first = self.captured.first.min(at);
        self.captured.last = self.captured.last.max(at);
        self.order += 1;
        let frame = datagram.frame(hop);
        self.waiting.push(Reverse(Waiting { at, order: self.order, node, frame }));
        1 << node
    }

    /// Writes all packets from before `until`: the caller sends none older from now on.
    pub fn flush(&mut self, until: i64) -> Result<(), SynthError> {
        while let Some(Reverse(next)) = self.waiting.peek()
            && next.at < until
        {
            if let Some(Reverse(packet)) = self.waiting.pop() {
                let settings = &self.system.scenario.capture;
                let capture = &mut self.captures[packet.node];
                capture
                    .write(&packet, settings.snaplen, settings.level)
                    .map_err(|source| SynthError::write(&capture.directory, source))?;
            }
        }
        Ok(())
    }

    /// Writes what is left and closes the files.
    pub fn finish(mut self) -> Result<Captured, SynthError> {
        self.flush(i64::MAX)?;
        for capture in self.captures {
            if let Some(writer) = capture.writer {
                writer.finish().map_err(|source| SynthError::write(&capture.directory, source))?;
            }
        }
        Ok(self.captured)
    }
}

impl Capture {
    fn write(&mut self, packet: &Waiting, snaplen: u32, level: i32) -> std::io::Result<()> {
        let ts_ns = packet.at + self.skew;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                std::fs::create_dir_all(&self.directory)?;
                let path = self.directory.join(file_name(ts_ns));
                none.insert(SegmentWriter::create(&path, ETHERNET, snaplen.min(SNAPLEN), level)?)
            }
        };
        let kept = packet.frame.len().min(snaplen as usize);
        let data = &packet.frame[..kept];
        writer.write(&Record { ts_ns, wire_len: packet.frame.len() as u32, data })
    }
}

/// UTC of the first packet: names sort as times do.
fn file_name(ts_ns: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(ts_ns.into()).unwrap_or_default();
    format!("{}.pcap.zst", time.strftime("%Y%m%dT%H%M%S.%9fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names() {
        let name = file_name(1_795_184_100_000_000_042);
        assert_eq!(name, "20261120T141500.000000042Z.pcap.zst");
    }
}
