//! Frames of any link type: decoding says what is in them or why it cannot.

use bolero::check;
use pcapsule::capture::{Batch, Record};
use pcapsule::limits::Limits;
use pcapsule::packet::decode;

use crate::edit::{Edit, edited, pick};
use crate::samples;

/// Link types that are decoded, and one that is not.
const LINKS: [u16; 9] = [0, 1, 101, 108, 113, 228, 229, 276, 147];

fn try_decode(frame: &[u8], link: u16, cut: u16) {
    let record = Record {
        ts_ns: 1,
        start: 0,
        captured_len: frame.len() as u32,
        wire_len: frame.len() as u32 + u32::from(cut),
        link,
        frame: 1,
        offset: 24,
        ..Record::default()
    };
    let batch = Batch { bytes: frame.to_vec(), records: vec![record], ..Batch::default() };
    if let Some(packet) = decode(&batch, &record, 0, &Limits::default()).packet() {
        let end = packet.payload_start as usize + packet.payload_len as usize;
        assert!(end <= frame.len(), "payload outside the frame");
        assert_eq!(packet.payload(&batch).len(), packet.payload_len as usize);
        // An IP header may claim more than the frame held, up to its own limit.
        assert!(packet.payload_cut <= u32::from(cut).max(65_535), "more cut off than can be");
    }
}

#[test]
fn edited_frames() {
    let samples = samples::frames();
    check!().with_type::<(u16, u16, u16, Vec<Edit>)>().with_iterations(40_000).for_each(
        |(number, link, cut, edits)| {
            let frame = edited(pick(&samples, *number), edits);
            try_decode(&frame, 1, *cut);
            try_decode(&frame, *pick(&LINKS, *link), *cut);
            // From the IP header on, as raw link types have it.
            try_decode(frame.get(14..).unwrap_or(&[]), *pick(&LINKS, *link), *cut);
        },
    );
}

#[test]
fn any_frames() {
    check!().with_type::<(u16, u16, Vec<u8>)>().with_iterations(40_000).for_each(
        |(link, cut, bytes)| {
            try_decode(bytes, *link, *cut);
            try_decode(bytes, *pick(&LINKS, *link), *cut);
        },
    );
}

/// Every shorter frame, with each transport and a length that fits: headers that end anywhere.
#[test]
fn every_prefix() {
    let frame = samples::frames().pop().unwrap();
    assert_eq!(frame[12..15], [8, 0, 0x45], "Ethernet, then IPv4 without options");
    for protocol in [1, 6, 17, 58, 132, 0] {
        for end in 0..=frame.len() {
            let mut prefix = frame[..end].to_vec();
            if end > 34 {
                prefix[16..18].copy_from_slice(&(end as u16 - 14).to_be_bytes());
                prefix[23] = protocol;
            }
            try_decode(&prefix, 1, 0);
        }
    }
}
