//! Frames made by hand, and the captures of others where they are at hand.

mod fragments;
mod frames;
mod hostile;
mod oracle;
mod tunnels;

use super::{Content, Decoded, Packet, Undecoded, decode};
use crate::capture::{Batch, Record};
use crate::limits::Limits;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

/// One frame as the only record of a batch, `wire` bytes long on the wire.
fn batch(link: u16, frame: Vec<u8>, wire: usize) -> (Batch, Record) {
    let captured_len = frame.len() as u32;
    let record = Record {
        ts_ns: 1,
        start: 0,
        captured_len,
        wire_len: wire as u32,
        link,
        frame: 1,
        offset: 24,
        ..Record::default()
    };
    (Batch { bytes: frame, records: vec![record], ..Batch::default() }, record)
}

fn decoded(link: u16, frame: Vec<u8>) -> Decoded {
    let wire = frame.len();
    let (batch, record) = batch(link, frame, wire);
    decode(&batch, &record, 0, &Limits::default())
}

/// The packet of an Ethernet frame and its payload.
fn packet(link: u16, frame: Vec<u8>) -> (Packet, Vec<u8>) {
    let wire = frame.len();
    let (batch, record) = batch(link, frame, wire);
    let decoded = decode(&batch, &record, 0, &Limits::default());
    let packet = *decoded.packet().unwrap_or_else(|| panic!("{decoded:?}"));
    (packet, packet.payload(&batch).to_vec())
}

fn reason(decoded: &Decoded) -> Undecoded {
    match decoded.content {
        Content::None(reason) => reason,
        _ => panic!("{decoded:?}"),
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn eth(ether: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2; 6], &[4; 6], &ether.to_be_bytes(), payload])
}

fn ip4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    piece4(protocol, 7, 0, payload)
}

/// An IPv4 packet with the identification and the flags-and-offset field given.
fn piece4(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len()) as u16;
    let [l0, l1] = len.to_be_bytes();
    let [i0, i1] = id.to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    join(&[&[0x45, 0, l0, l1, i0, i1, f0, f1, 64, protocol, 0, 0], &A, &B, payload])
}

fn ip6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    join(&[&[0x60, 0, 0, 0], &len, &[protocol, 64], &[0xfd; 16], &[0xfe; 16], payload])
}

fn udp(source: u16, target: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let [source, target, len] = [source, target, len].map(u16::to_be_bytes);
    join(&[&source, &target, &len, &[0, 0], payload])
}

/// A DNS-like datagram in IPv4: what the tests wrap.
fn inner() -> Vec<u8> {
    ip4(17, &udp(40000, 53, b"query"))
}
