//! Ids that follow from content: the same in every run, at every vantage, however files are cut.

use crate::packet::{Packet, Transport};

/// The id of the connection that begins with `packet`: the same in every run, however the capture
/// is cut. TCP takes the client's initial sequence number where a SYN or SYN-ACK tells it, so
/// that every vantage gives the same id; else the first packet's time. The others take the first
/// payload and the minute, since sockets repeat themselves.
pub(super) fn content_id(packet: &Packet, payload: &[u8]) -> i64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&packet.key.bytes());
    match packet.transport {
        Transport::Tcp(tcp) if tcp.flags.syn() => {
            let isn = if tcp.flags.ack() { tcp.ack.wrapping_sub(1) } else { tcp.seq };
            hash.update(&isn.to_be_bytes());
        }
        Transport::Tcp(_) => {
            hash.update(&packet.ts_ns.to_be_bytes());
        }
        _ => {
            hash.update(&(packet.ts_ns / 60_000_000_000).to_be_bytes());
            hash.update(payload);
        }
    }
    positive(hash.finalize())
}

/// The id of a connection's call, from where its request and response begin in their streams (or
/// the protocol's own ids of datagrams); `repeat` tells apart those that begin at the same place.
pub fn call_id(conn: i64, request_place: i64, response_place: i64, repeat: u64) -> i64 {
    // The response of a call may be missing from some captures: the request alone names it.
    let (half, place) = match request_place {
        -1 => (1, response_place),
        place => (0, place),
    };
    let parts: [&[u8]; 4] =
        [&conn.to_be_bytes(), &[half], &place.to_be_bytes(), &repeat.to_be_bytes()];
    let mut bytes = [0; 25];
    for (byte, part) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    positive(blake3::hash(&bytes))
}

/// 63 bits of a hash, never 0: ids are non-negative in every engine, and 0 means none.
fn positive(hash: blake3::Hash) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    (i64::from_be_bytes([a, b, c, d, e, f, g, h]) & i64::MAX).max(1)
}
