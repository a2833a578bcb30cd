//! Raw frames -> packets: link layers, IP headers and tunnels peeled off down to TCP, UDP, ICMP or
//! SCTP, and fragments put together. What is not decoded is counted with its reason. Only the
//! [`Defragmenter`] keeps state between frames; checksums are not verified, because network cards
//! fill them in behind the capture.

pub mod filter;
mod fragment;
mod key;
mod layer;
mod link;
mod network;
mod rest;
mod transport;
mod tunnel;
mod undecoded;
mod walk;

#[cfg(test)]
mod tests;

pub use fragment::{Defragmenter, Fragment, Report};
pub use key::{Endpoint, Key, Proto, Side};
pub use layer::{LAYER_NAMES, Layers, Tunnel};
pub use transport::{Tcp, TcpFlags, Transport, WindowScale};
pub use undecoded::Undecoded;

use rest::Rest;
use walk::{Found, Next, Walk};

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
    /// IPv4 identification, 0 in IPv6: with the checksum it tells copies from repeats.
    pub ip_id: u16,
    /// The transport's, as captured (of SCTP the first half).
    pub checksum: u16,
    /// Start of the payload in the batch's bytes.
    pub payload_start: u32,
    /// Payload bytes captured.
    pub payload_len: u32,
    /// Payload bytes that the snap length cut off.
    pub payload_cut: u32,
    /// The outermost tunnel it came in.
    pub tunnel: Tunnel,
}

impl Packet {
    /// The captured payload.
    pub fn payload<'a>(&self, batch: &'a Batch) -> &'a [u8] {
        let start = self.payload_start as usize;
        batch.bytes.get(start..start + self.payload_len as usize).unwrap_or(&[])
    }
}

/// What a frame comes to.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    Packet(Packet),
    /// A part of a datagram: the [`Defragmenter`] may make a packet of it.
    Fragment(Fragment),
    None(Undecoded),
}

/// A frame's layers, and what it comes to.
#[derive(Debug, Clone, Copy)]
pub struct Decoded {
    pub layers: Layers,
    pub content: Content,
}

impl Decoded {
    pub fn packet(&self) -> Option<&Packet> {
        match &self.content {
            Content::Packet(packet) => Some(packet),
            _ => None,
        }
    }
}

/// Decodes one record of a batch.
pub fn decode(batch: &Batch, record: &Record, segment: u32, limits: &Limits) -> Decoded {
    let cut = record.wire_len.saturating_sub(record.captured_len);
    let rest = Rest { bytes: batch.frame(record), cut };
    let walk = Walk::new(Tunnel::None, limits.packet_layers_max);
    finish(walk, Next::Link(record.link), rest, &batch.bytes, record, segment)
}

/// Decodes a datagram put together from fragments, of which `last` was the last to come. It lies
/// in the batch's `bytes` from `start` on.
fn resume(
    last: &Fragment,
    protocol: u8,
    bytes: &[u8],
    start: usize,
    record: &Record,
    segment: u32,
) -> Decoded {
    let rest = Rest { bytes: bytes.get(start..).unwrap_or(&[]), cut: 0 };
    let mut walk = Walk::new(last.tunnel, last.left);
    walk.ip = network::Ip { protocol, ..last.ip };
    finish(walk, Next::Upper, rest, bytes, record, segment)
}

/// Walks to the end and says where the payload lies in the batch's `bytes`.
fn finish<'a>(
    mut walk: Walk<'a>,
    next: Next,
    rest: Rest<'a>,
    bytes: &'a [u8],
    record: &Record,
    segment: u32,
) -> Decoded {
    let base = bytes.as_ptr() as usize;
    let position = |part: &[u8]| (part.as_ptr() as usize).wrapping_sub(base) as u32;
    let content = match walk.run(next, rest) {
        Ok(Found::Segment(found)) => {
            let transport = found.transport;
            let source = Endpoint { ip: walk.ip.source, port: found.ports.0 };
            let target = Endpoint { ip: walk.ip.target, port: found.ports.1 };
            let (key, from) = Key::new(transport.proto(), source, target);
            Content::Packet(Packet {
                ts_ns: record.ts_ns,
                at: PacketRef { segment, frame: record.frame, offset: record.offset },
                key,
                from,
                transport,
                ip_id: walk.ip.id,
                checksum: found.checksum,
                payload_start: position(found.rest.bytes),
                payload_len: found.rest.bytes.len() as u32,
                payload_cut: found.rest.cut,
                tunnel: walk.tunnel,
            })
        }
        Ok(Found::Piece(piece, part)) => Content::Fragment(Fragment {
            ip: walk.ip,
            piece,
            start: position(part),
            len: part.len() as u32,
            tunnel: walk.tunnel,
            left: walk.left,
        }),
        Err(reason) => Content::None(reason),
    };
    Decoded { layers: walk.layers, content }
}
