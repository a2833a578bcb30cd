//! A datagram -> is it QUIC? A client's Initial opens with keys that follow from itself; other
//! packets are told by a version that is known and lengths that fit.

use super::super::{Direction, Opening, Probe};
use super::parse::{INITIAL, RETRY, long_header};
use super::protection::{Keys, version};

pub fn probe(_: Opening, bytes: &[u8]) -> Probe {
    let Some(header) = long_header(bytes) else { return Probe::No };
    let Some(version) = version(header.version) else { return Probe::No };
    let kind = version.packet_type(header.type_bits);
    if kind == RETRY {
        return Probe::Yes(Some(Direction::ToClient));
    }
    let Some((number_at, end)) = header.place(bytes, kind) else { return Probe::No };
    if kind != INITIAL {
        return Probe::Yes(None);
    }
    let keys = Keys::initial(version, header.destination, true);
    let opened = bytes.get(..end).and_then(|packet| keys?.open(packet, number_at));
    Probe::Yes(opened.map(|_| Direction::ToServer))
}
