//! Fragments in every order, and those that lie.

use super::*;
use crate::anomaly::AnomalyKind::{self, FragmentIncomplete, FragmentLimit, FragmentOverlap};
use crate::packet::{Defragmenter, Tunnel};

const MORE: u16 = 0x2000;

/// What frames, each with its time in milliseconds, come to.
struct Replayed {
    /// Frame number (from 0), tunnel and payload of each packet.
    packets: Vec<(usize, Tunnel, Vec<u8>)>,
    /// Anomalies, with the fragments that were lost with each.
    anomalies: Vec<(AnomalyKind, u64)>,
}

fn replay_with(limits: &Limits, frames: &[(i64, Vec<u8>)]) -> Replayed {
    let mut defragmenter = Defragmenter::default();
    let (mut packets, mut anomalies) = (Vec::new(), Vec::new());
    let mut report = |kind, lost| anomalies.push((kind, lost));
    for (number, (ms, frame)) in frames.iter().enumerate() {
        let (mut batch, mut record) = batch(101, frame.clone(), frame.len());
        record.ts_ns = ms * 1_000_000;
        let mut found = decode(&batch, &record, 0, limits);
        if let Content::Fragment(_) = found.content {
            let bytes = &mut batch.bytes;
            found = defragmenter.complete(found, &record, 0, bytes, limits, &mut report);
        }
        if let Some(packet) = found.packet() {
            assert_eq!(packet.ts_ns, record.ts_ns);
            packets.push((number, packet.tunnel, packet.payload(&batch).to_vec()));
        }
    }
    defragmenter.finish(&mut report);
    Replayed { packets, anomalies }
}

fn replay(frames: &[Vec<u8>]) -> Replayed {
    let timed: Vec<_> = frames.iter().map(|frame| (0, frame.clone())).collect();
    replay_with(&Limits::default(), &timed)
}

/// A piece of the datagram's payload `from..to`, both multiples of 8 or the end.
fn cut4(datagram: &[u8], from: usize, to: usize) -> Vec<u8> {
    let more = if to < datagram.len() { MORE } else { 0 };
    piece4(17, 9, (from / 8) as u16 | more, &datagram[from..to])
}

fn cut6(datagram: &[u8], from: usize, to: usize) -> Vec<u8> {
    let field = from as u16 | u16::from(to < datagram.len());
    let [f0, f1] = field.to_be_bytes();
    ip6(44, &join(&[&[17, 0, f0, f1, 0, 0, 0, 9], &datagram[from..to]]))
}

fn datagram() -> Vec<u8> {
    udp(40000, 53, &(0..60).collect::<Vec<u8>>())
}

#[test]
fn the_frame_that_completes_a_datagram_is_its_packet() {
    let whole = datagram();
    for cut in [cut4, cut6] {
        let parts = [cut(&whole, 0, 24), cut(&whole, 24, 48), cut(&whole, 48, 68)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
            let found = replay(&order.map(|part| parts[part].clone()));
            assert_eq!(found.packets, [(2, Tunnel::None, whole[8..].to_vec())]);
            assert_eq!(found.anomalies, []);
        }
    }
}

#[test]
fn a_copy_of_a_fragment_is_no_overlap() {
    let whole = datagram();
    let first = cut4(&whole, 0, 24);
    let found = replay(&[first.clone(), first, cut4(&whole, 24, 68)]);
    assert_eq!((found.packets.len(), found.anomalies), (1, vec![]));
}

#[test]
fn the_first_to_bring_a_byte_wins() {
    let whole = datagram();
    let evil = piece4(17, 9, 2 | MORE, &[0xee; 32]); // bytes 16 to 48
    let found = replay(&[cut4(&whole, 0, 24), evil, cut4(&whole, 40, 68)]);
    let mut expected = whole.clone();
    expected[24..48].fill(0xee);
    assert_eq!(found.packets, [(2, Tunnel::None, expected[8..].to_vec())]);
    assert_eq!(found.anomalies, [(FragmentOverlap, 0), (FragmentOverlap, 0)]);
}

#[test]
fn a_teardrop_does_no_harm() {
    let whole = datagram();
    // The last fragment ends inside the first.
    let found = replay(&[cut4(&whole, 0, 48), piece4(17, 9, 3, &[0xee; 4]), cut4(&whole, 48, 68)]);
    assert_eq!(found.packets[0].2, whole[8..48]);
    assert_eq!(found.anomalies[0], (FragmentOverlap, 0));
    // Two ends.
    let late = piece4(17, 9, 20, &[0xee; 8]);
    let found = replay(&[cut4(&whole, 48, 68), late, cut4(&whole, 0, 48)]);
    assert_eq!(found.packets, [(2, Tunnel::None, whole[8..].to_vec())]);
    assert_eq!(found.anomalies, [(FragmentOverlap, 0)]);
}

#[test]
fn a_datagram_beyond_its_greatest_length_is_dropped() {
    let found = replay(&[piece4(1, 9, 0x1fff, &[0; 100])]); // the ping of death
    assert_eq!((found.packets.len(), found.anomalies), (0, vec![(FragmentOverlap, 1)]));
}

#[test]
fn missing_fragments_are_told_with_time_and_at_the_end() {
    let whole = datagram();
    let frames =
        [(0, cut4(&whole, 0, 24)), (31_000, cut4(&whole, 24, 68)), (31_001, cut6(&whole, 0, 24))];
    let found = replay_with(&Limits::default(), &frames);
    assert_eq!(found.packets, []);
    assert_eq!(found.anomalies, [(FragmentIncomplete, 1); 3]);
}

#[test]
fn a_flood_of_fragments_is_bounded() {
    let limits =
        Limits { fragment_datagrams_max: 10, fragment_bytes_max: 2000, ..Limits::default() };
    let many: Vec<_> = (0..100).map(|id| (0, piece4(17, id, MORE, &[0; 8]))).collect();
    let found = replay_with(&limits, &many);
    let limited = found.anomalies.iter().filter(|a| **a == (FragmentLimit, 1)).count();
    assert_eq!((limited, found.anomalies.len()), (90, 100));
    let long: Vec<_> = (0..100).map(|n| (0, piece4(17, 1, (n * 2) | MORE, &[0; 8]))).collect();
    let found = replay_with(&limits, &long);
    assert!(found.anomalies.iter().any(|a| a.0 == FragmentLimit));
    assert_eq!(found.anomalies.iter().map(|a| a.1).sum::<u64>(), 100);
}

#[test]
fn fragments_inside_and_outside_of_tunnels() {
    let whole = datagram();
    let vxlan =
        |inside: &[u8]| udp(50000, 4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &eth(0x0800, inside)]));
    let inner = [cut4(&whole, 0, 24), cut4(&whole, 24, 68)];
    let found = replay(&inner.clone().map(|part| ip4(17, &vxlan(&part))));
    assert_eq!(found.packets, [(1, Tunnel::Vxlan, whole[8..].to_vec())]);
    // The tunnel's own packets are fragmented too.
    let outer: Vec<Vec<u8>> = (20..)
        .zip(&inner)
        .flat_map(|(id, part)| {
            let outer = vxlan(part);
            [piece4(17, id, MORE, &outer[..40]), piece4(17, id, 5, &outer[40..])]
        })
        .collect();
    let found = replay(&outer);
    assert_eq!(found.packets, [(3, Tunnel::Vxlan, whole[8..].to_vec())]);
    assert_eq!(found.anomalies, []);
}

#[test]
fn the_first_of_fragments_that_were_cut_says_who_talks() {
    let frame = cut4(&datagram(), 0, 48);
    let (batch, record) = batch(101, frame[..40].to_vec(), frame.len());
    let found = decode(&batch, &record, 0, &Limits::default());
    assert_eq!(found.packet().unwrap().key.low.port, 40000);
    let frame = cut4(&datagram(), 24, 48);
    let (batch, record) = super::batch(101, frame[..40].to_vec(), frame.len());
    let found = decode(&batch, &record, 0, &Limits::default());
    assert_eq!(reason(&found), Undecoded::Cut("IP fragment"));
}
