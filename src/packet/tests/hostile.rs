//! Bytes of any kind: no panic, and a payload within the batch.

use proptest::prelude::*;

use super::*;
use crate::packet::Defragmenter;

/// Decodes any bytes as any link type, twice, so that fragments meet their like.
fn check(link: u16, frame: Vec<u8>, more: usize) {
    let limits = Limits::default();
    let wire = frame.len() + more;
    let (mut batch, record) = batch(link, frame, wire);
    let mut defragmenter = Defragmenter::default();
    for _ in 0..2 {
        let mut found = decode(&batch, &record, 0, &limits);
        if let Content::Fragment(_) = found.content {
            let bytes = &mut batch.bytes;
            found = defragmenter.complete(found, &record, 0, bytes, &limits, &mut |_, _| {});
        }
        if let Some(packet) = found.packet() {
            assert_eq!(packet.payload(&batch).len(), packet.payload_len as usize);
        }
    }
}

fn frames() -> Vec<(u16, Vec<u8>)> {
    let vxlan = join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &eth(0x0800, &inner())]);
    let gtp = join(&[&[0x34, 255, 0, 41, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], &inner()]);
    let erspan =
        join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 11], &eth(0x0800, &inner())]);
    vec![
        (1, eth(0x0800, &ip4(17, &udp(1, 4789, &vxlan)))),
        (1, eth(0x0800, &ip4(17, &udp(1, 2152, &gtp)))),
        (113, join(&[&[0; 14], &[8, 0], &ip4(47, &erspan)])),
        (101, ip4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &ip6(44, &[17; 30])]))),
        (127, join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10, 0x88, 1], &[0xaa; 60]])),
        (192, join(&[&[0, 0, 8, 0, 9, 0, 0, 0, 0xff, 3, 0, 0x57], &ip6(0, &[43; 50])])),
    ]
}

#[test]
fn every_shorter_prefix_is_harmless() {
    for (link, frame) in frames() {
        for len in 0..frame.len() {
            check(link, frame[..len].to_vec(), 0);
            check(link, frame[..len].to_vec(), frame.len() - len);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_harmless(
        link in prop::sample::select(vec![
            0u16, 1, 9, 10, 12, 50, 51, 100, 101, 104, 105, 107, 109, 113, 127, 192, 276,
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        more in 0usize..3,
    ) {
        check(link, bytes, more);
    }

    #[test]
    fn any_change_to_a_frame_is_harmless(
        which in 0usize..6,
        changes in prop::collection::vec((0usize..120, any::<u8>()), 1..5),
    ) {
        let (link, mut frame) = frames().swap_remove(which);
        for (at, byte) in changes {
            let at = at % frame.len();
            frame[at] = byte;
        }
        check(link, frame, 0);
    }
}
