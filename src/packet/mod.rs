//! Raw frames -> packets: link layers and IP headers peeled off down to TCP, UDP or ICMP. What is
//! not decoded is counted with its reason. Nothing here keeps state between packets.

pub mod filter;
mod key;
mod link;
mod network;
mod transport;

pub use key::{Endpoint, Key, Proto, Side};
pub use transport::{Tcp, TcpFlags, Transport};

use crate::anomaly::AnomalyKind;
use crate::capture::{Batch, PacketRef, Record};
use crate::limits::Limits;

/// A decoded packet; its payload lies in the batch it came from.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub ts_ns: i64,
    pub at: PacketRef,
    pub key: Key,
    /// Which end of the key sent it.
    pub from: Side,
    pub transport: Transport,
    /// Start of the payload in the batch's bytes.
    pub payload_start: u32,
    /// Payload bytes captured.
    pub payload_len: u32,
    /// Payload bytes that the snap length cut off.
    pub payload_cut: u32,
}

impl Packet {
    /// The captured payload.
    pub fn payload<'a>(&self, batch: &'a Batch) -> &'a [u8] {
        let start = self.payload_start as usize;
        batch.bytes.get(start..start + self.payload_len as usize).unwrap_or(&[])
    }
}

/// Layers that a frame holds at least once, as a bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layers(u8);

/// Names of the layers, in the order of their bits.
pub const LAYER_NAMES: [&str; 7] = ["ip", "ipv6", "tcp", "udp", "icmp", "icmpv6", "sctp"];

impl Layers {
    pub const IPV4: Layers = Layers(1);
    pub const IPV6: Layers = Layers(2);
    pub const TCP: Layers = Layers(4);
    pub const UDP: Layers = Layers(8);
    pub const ICMP: Layers = Layers(16);
    pub const ICMPV6: Layers = Layers(32);
    pub const SCTP: Layers = Layers(64);

    fn add(&mut self, layer: Layers) {
        self.0 |= layer.0;
    }

    /// Whether the layer at this position of [`LAYER_NAMES`] is there.
    pub fn has(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }
}

/// Why a frame became no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecoded {
    LinkType(u16),
    EtherType(u16),
    IpProtocol(u8),
    Fragment,
    LayerLimit,
    /// A header that contradicts itself or does not fit the bytes at hand.
    Malformed(&'static str),
    /// The snap length cut a header.
    Cut(&'static str),
}

impl Undecoded {
    pub fn anomaly(self) -> AnomalyKind {
        match self {
            Undecoded::LinkType(_) | Undecoded::EtherType(_) | Undecoded::IpProtocol(_) => {
                AnomalyKind::PacketUndecoded
            }
            Undecoded::Fragment => AnomalyKind::Fragment,
            Undecoded::LayerLimit => AnomalyKind::LayerLimit,
            Undecoded::Malformed(_) => AnomalyKind::PacketMalformed,
            Undecoded::Cut(_) => AnomalyKind::SnaplenCut,
        }
    }
}

impl std::fmt::Display for Undecoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Undecoded::LinkType(link) => write!(f, "link type {link}"),
            Undecoded::EtherType(0x0806) => f.write_str("ARP"),
            Undecoded::EtherType(ether) => write!(f, "ethertype 0x{ether:04x}"),
            Undecoded::IpProtocol(proto) => write!(f, "IP protocol {proto}"),
            Undecoded::Fragment => f.write_str("IP fragment"),
            Undecoded::LayerLimit => f.write_str("too many layers"),
            Undecoded::Malformed(what) => write!(f, "malformed {what}"),
            Undecoded::Cut(what) => write!(f, "{what} cut by the snap length"),
        }
    }
}

/// A frame's layers, and the packet in it or why there is none.
#[derive(Debug, Clone, Copy)]
pub struct Decoded {
    pub layers: Layers,
    pub packet: Result<Packet, Undecoded>,
}

/// Bytes still to be decoded, and whether the snap length cut them.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    /// Bytes on the wire behind those captured.
    cut: u32,
}

impl<'a> Rest<'a> {
    /// Leaves `len` bytes out.
    fn skip(self, len: usize) -> Option<Self> {
        self.bytes.get(len..).map(|bytes| Rest { bytes, cut: self.cut })
    }

    /// The reason for a header that does not fit: lies or the snap length.
    fn short(self, what: &'static str) -> Undecoded {
        if self.cut > 0 { Undecoded::Cut(what) } else { Undecoded::Malformed(what) }
    }
}

/// What comes next in a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    EtherType(u16),
    /// IPv4 or IPv6 by the first nibble.
    Ip,
}

/// Decodes one record of a batch.
pub fn decode(batch: &Batch, record: &Record, segment: u32, limits: &Limits) -> Decoded {
    let frame = batch.frame(record);
    let mut layers = Layers::default();
    let rest = Rest { bytes: frame, cut: record.wire_len.saturating_sub(record.captured_len) };
    let packet = link::peel(record.link, rest, limits).and_then(|(next, rest)| {
        let ip = network::peel(next, rest, limits, &mut layers)?;
        let (transport, ports, rest) = transport::peel(&ip, &mut layers)?;
        let source = Endpoint { ip: ip.source, port: ports.0 };
        let target = Endpoint { ip: ip.target, port: ports.1 };
        let (key, from) = Key::new(transport.proto(), source, target);
        // Every layer is a part of the frame, so the payload's place is the distance to its start.
        let into_frame = (rest.bytes.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize);
        Ok(Packet {
            ts_ns: record.ts_ns,
            at: PacketRef { segment, frame: record.frame, offset: record.offset },
            key,
            from,
            transport,
            payload_start: record.start + into_frame as u32,
            payload_len: rest.bytes.len() as u32,
            payload_cut: rest.cut,
        })
    });
    Decoded { layers, packet }
}
