//! Why a frame became no packet, in words.

use std::fmt;

use super::link;
use crate::anomaly::AnomalyKind;

/// Why a frame became no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecoded {
    LinkType(u16),
    EtherType(u16),
    /// IEEE 802.2: destination service access point.
    Llc(u8),
    PppProtocol(u16),
    IpProtocol(u8),
    /// A fragment of a datagram that never became whole.
    Fragment,
    LayerLimit,
    /// A frame that carries no packet, or none that can be read.
    NoPacket(&'static str),
    /// A header that contradicts itself or does not fit the bytes at hand.
    Malformed(&'static str),
    /// The snap length cut a header.
    Cut(&'static str),
}

impl Undecoded {
    pub fn anomaly(self) -> AnomalyKind {
        match self {
            Undecoded::Fragment => AnomalyKind::FragmentIncomplete,
            Undecoded::LayerLimit => AnomalyKind::LayerLimit,
            Undecoded::Malformed(_) => AnomalyKind::PacketMalformed,
            Undecoded::Cut(_) => AnomalyKind::SnaplenCut,
            _ => AnomalyKind::PacketUndecoded,
        }
    }

    /// Whether what seemed to be a tunnel was none: random bytes give these reasons.
    pub(super) fn refutes_tunnel(self) -> bool {
        match self {
            Undecoded::EtherType(ether) => link::ether_name(ether).is_none(),
            Undecoded::Malformed(_) | Undecoded::LinkType(_) | Undecoded::PppProtocol(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Undecoded::LinkType(link) => write!(f, "link type {link}"),
            Undecoded::EtherType(ether) => match link::ether_name(ether) {
                Some(name) => f.write_str(name),
                None => write!(f, "ethertype 0x{ether:04x}"),
            },
            Undecoded::Llc(0x42) => f.write_str("spanning tree"),
            Undecoded::Llc(dsap) => write!(f, "LLC 0x{dsap:02x}"),
            Undecoded::PppProtocol(protocol) => write!(f, "PPP protocol 0x{protocol:04x}"),
            Undecoded::IpProtocol(protocol) => write!(f, "IP protocol {protocol}"),
            Undecoded::Fragment => f.write_str("IP fragment"),
            Undecoded::LayerLimit => f.write_str("too many layers"),
            Undecoded::NoPacket(what) => f.write_str(what),
            Undecoded::Malformed(what) => write!(f, "malformed {what}"),
            Undecoded::Cut(what) => write!(f, "{what} cut by the snap length"),
        }
    }
}
