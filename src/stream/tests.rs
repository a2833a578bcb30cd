//! Reassembly against a naive model: a map from sequence number to the first byte seen there.

use super::*;
use proptest::prelude::*;

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    gaps: Vec<u64>,
    overlaps: usize,
    /// Sequence number of the next byte, once bytes came.
    next: Option<u32>,
}

impl Seen {
    fn take(&mut self, event: Event<'_, ()>) {
        match event {
            Event::Bytes(bytes, (), seq) => {
                assert_eq!(*self.next.get_or_insert(seq), seq, "bytes are not where they were");
                self.next = Some(seq.wrapping_add(bytes.len() as u32));
                self.bytes.extend_from_slice(bytes);
            }
            Event::Gap(len, ()) => {
                self.next = self.next.map(|next| next.wrapping_add(len as u32));
                self.gaps.push(len);
            }
            Event::Anomaly(AnomalyKind::Overlap, ()) => self.overlaps += 1,
            Event::Anomaly(..) => {}
        }
    }
}

fn run(start: u32, segments: &[(u32, &[u8])]) -> Seen {
    let (mut stream, mut seen) = (Reassembler::default(), Seen::default());
    stream.start(start);
    for (seq, bytes) in segments {
        stream.segment(*seq, bytes, 0, (), &Limits::default(), |e| seen.take(e));
    }
    stream.finish((), |e| seen.take(e));
    seen
}

#[test]
fn reordered_repeated_and_overlapping_segments_give_the_stream_once() {
    let seen = run(100, &[(103, b"def"), (100, b"abc"), (100, b"abc"), (105, b"fgh")]);
    assert_eq!((seen.bytes.as_slice(), seen.gaps.len()), (&b"abcdefgh"[..], 0));
}

#[test]
fn the_first_claim_to_a_byte_wins() {
    let seen = run(0, &[(2, b"CD"), (1, b"bxxE"), (0, b"a")]);
    assert_eq!(seen.bytes, b"abCDE");
    assert_eq!(seen.overlaps, 1);
}

#[test]
fn sequence_numbers_wrap() {
    let start = u32::MAX - 1;
    let seen = run(start, &[(1, b"d"), (start, b"abc")]);
    assert_eq!(seen.bytes, b"abcd");
}

#[test]
fn a_hole_is_a_gap_once_the_receiver_has_it() {
    let (mut stream, mut seen) = (Reassembler::default(), Seen::default());
    let limits = Limits::default();
    stream.start(0);
    stream.segment(4, b"ef", 0, (), &limits, |e| seen.take(e));
    stream.acknowledged(6, 1_000, (), &limits, |e| seen.take(e));
    assert!(seen.gaps.is_empty(), "a late packet may still come");
    stream.acknowledged(6, 20_000_000, (), &limits, |e| seen.take(e));
    assert_eq!((seen.bytes.as_slice(), seen.gaps.as_slice()), (&b"ef"[..], &[4][..]));
}

#[test]
fn bytes_cut_by_the_snap_length_are_a_gap() {
    let (mut stream, mut seen) = (Reassembler::default(), Seen::default());
    let limits = Limits::default();
    stream.segment(0, b"ab", 8, (), &limits, |e| seen.take(e));
    stream.segment(10, b"kl", 0, (), &limits, |e| seen.take(e));
    assert_eq!((seen.bytes.as_slice(), seen.gaps.as_slice()), (&b"abkl"[..], &[8][..]));
}

#[test]
fn waiting_bytes_are_bounded() {
    let (mut stream, mut seen) = (Reassembler::default(), Seen::default());
    let limits = Limits { reorder_segments_max: 3, ..Limits::default() };
    stream.start(0);
    for seq in (10..).step_by(10).take(20) {
        stream.segment(seq, b"x", 0, (), &limits, |e| seen.take(e));
        assert!(stream.waiting.len() <= 3);
    }
}

proptest! {
    /// Any cutting, order, repetition and overlap of segments of one message, some lost.
    #[test]
    fn equals_the_naive_model(
        start in any::<u32>(),
        pieces in prop::collection::vec((0usize..60, 1usize..20, any::<u8>()), 1..30),
    ) {
        let (mut stream, mut seen) = (Reassembler::default(), Seen::default());
        stream.start(start);
        let mut model: std::collections::BTreeMap<usize, u8> = Default::default();
        for &(at, len, fill) in &pieces {
            let bytes = vec![fill; len];
            for (i, b) in bytes.iter().enumerate() {
                model.entry(at + i).or_insert(*b);
            }
            let seq = start.wrapping_add(at as u32);
            stream.segment(seq, &bytes, 0, (), &Limits::default(), |e| seen.take(e));
        }
        stream.finish((), |e| seen.take(e));
        let expect: Vec<u8> = model.values().copied().collect();
        let missing = model.keys().last().map_or(0, |last| last + 1 - model.len());
        prop_assert_eq!(seen.bytes, expect);
        prop_assert_eq!(seen.gaps.iter().sum::<u64>() as usize, missing);
    }
}
