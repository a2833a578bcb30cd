//! What this capture cannot show, said plainly.

use crate::frame::Meta;
use crate::incident::Incident;

use super::super::model::BlindSpot;
use super::{Material, of};

pub fn spots(material: &Material<'_>, incidents: &[&Incident]) -> Vec<BlindSpot> {
    let (meta, facts) = (material.meta, material.facts);
    let mut spots = Vec::new();
    let mut say = |text: String, command: Option<&str>| {
        spots.push(BlindSpot { text, command: command.map(str::to_string) });
    };
    let is_told = meta.packets == 0;
    if is_told {
        say("the calls were told, not captured: there are no packets that prove them".into(), None);
    }
    if material.directory.is_empty() && !is_told {
        say(
            "there is no Kubernetes metadata: services are shown as addresses".into(),
            Some(
                "kubectl get pods,services,endpointslices,nodes,replicasets,events -A -o json > cluster.json",
            ),
        );
    }
    if meta.coverage.len() == 1 && !is_told {
        let node = &meta.coverage[0].node;
        say(
            format!("only {node} was captured: what happened between other nodes is not seen"),
            None,
        );
    }
    for coverage in meta.coverage.iter().filter(|c| c.packets == 0 && !is_told) {
        say(format!("{} has no packet in the window", coverage.node), None);
    }
    if facts.opaque_conns > 0 {
        let share = of(facts.opaque_conns, facts.conns);
        say(
            format!("{share} connections carry a protocol that was not decoded, or are encrypted"),
            None,
        );
    }
    if meta.undecoded_packets > 0 {
        say(format!("{} packets were not decoded", of(meta.undecoded_packets, meta.packets)), None);
    }
    let cut: u64 = meta.coverage.iter().map(|c| c.snaplen_cut).sum();
    if cut > 0 {
        let text = format!(
            "{} packets were cut by the snap length: bodies and messages are missing",
            of(cut, meta.packets)
        );
        say(text, Some("tcpdump -s 0 ..."));
    }
    if let Some(gaps) = meta.anomalies.get("stream_gap") {
        say(format!("{gaps} holes in connections: bytes that were sent but not captured"), None);
    }
    for incident in incidents {
        if incident.end_ns.is_none() {
            say("the incident was still going on when the capture ended: its duration is a lower bound".into(), None);
        }
        if incident.onset.last_good_ns.is_none() {
            say("the capture begins within the incident: its onset is not seen".into(), None);
        }
    }
    let blind_clock =
        |c: &&crate::frame::Coverage| meta.coverage.len() > 1 && c.clock_bound_ns.is_none();
    for coverage in meta.coverage.iter().filter(blind_clock) {
        let text = format!(
            "the clock of {} could not be compared: no call was seen there and on another node",
            coverage.node
        );
        say(text, None);
    }
    drops(meta, &mut say);
    spots
}

/// What the capture itself lost.
fn drops(meta: &Meta, say: &mut impl FnMut(String, Option<&str>)) {
    for coverage in &meta.coverage {
        let received = coverage.received.unwrap_or(0);
        if let Some(dropped) = coverage.dropped.filter(|&dropped| dropped > 0) {
            let share = of(dropped, dropped.saturating_add(received));
            say(format!("{}: {share} packets were dropped while capturing", coverage.node), None);
        }
        if coverage.one_sided_conns > 0 {
            let share = of(coverage.one_sided_conns, coverage.conns);
            let node = &coverage.node;
            say(format!("{node}: of {share} connections only one direction was captured"), None);
        }
    }
    if meta.packets > 0 && meta.coverage.iter().any(|coverage| coverage.dropped.is_none()) {
        say("drops in capture are not known: these files carry no drop counters".into(), None);
    }
}
