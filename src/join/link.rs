//! Where packets were lost on their way from one node to another: what left the one and never
//! passed the other, with what the captures themselves missed set aside.

use std::collections::BTreeMap;

use super::sighting::Sighting;
use crate::packet::Proto;

/// What went from one node to another, and how much of it arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// Connections that both nodes saw.
    pub conns: u64,
    /// Segments with payload and datagrams that left; those that did not arrive.
    pub segments: u64,
    pub lost_segments: u64,
    /// Payload bytes that left; those that did not arrive.
    pub bytes: u64,
    pub lost_bytes: u64,
}

impl Link {
    /// Share of what left that did not arrive: bytes, which large segments cut on the way do not
    /// change.
    pub fn loss(&self) -> f64 {
        if self.bytes == 0 { 0.0 } else { self.lost_bytes as f64 / self.bytes as f64 }
    }
}

/// All links, by sending and receiving node.
#[derive(Debug, Clone, Default)]
pub struct Links(BTreeMap<(u32, u32), Link>);

impl Links {
    /// Adds a connection that two nodes saw, the nearer to its client first.
    pub fn add(&mut self, near: &Sighting, far: &Sighting) {
        if near.node == far.node {
            return;
        }
        for (way, (sent, got)) in [(near, far), (far, near)].into_iter().enumerate() {
            let link = self.0.entry((sent.node, got.node)).or_default();
            // What a capture missed of a direction passed it all the same.
            let left = sent.bytes[way] + sent.missing[way];
            let arrived = got.bytes[way] + got.missing[way];
            let whole = sent.missing[way] == 0 && got.missing[way] == 0;
            let counts = match sent.proto {
                Proto::Tcp => [sent.segments[way], got.segments[way]],
                _ => [sent.packets[way], got.packets[way]],
            };
            link.conns += 1;
            link.segments += counts[0];
            link.bytes += left;
            link.lost_bytes += left.saturating_sub(arrived);
            if whole && left > arrived {
                link.lost_segments += counts[0].saturating_sub(counts[1]);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, &Link)> {
        self.0.iter().map(|(&(from, to), link)| (from, to, link))
    }
}
