//! Segments with any sequence numbers: reassembly hands on bytes in order, once.

use bolero::{TypeGenerator, check};
use pcapsule::limits::Limits;
use pcapsule::stream::{Event, Reassembler};

#[derive(Debug, Clone, TypeGenerator)]
enum Step {
    /// Offset from a base, bytes, bytes cut off.
    Segment(i16, Vec<u8>, u8),
    /// The same far away.
    Far(u32, Vec<u8>),
    Acknowledged(i16, u16),
    FarAcknowledged(u32),
}

/// Offsets wrap through zero.
const BASE: u32 = u32::MAX - 2000;

#[test]
fn any_segments() {
    let limits = Limits { reorder_bytes_max: 2048, reorder_segments_max: 16, ..Limits::default() };
    check!().with_type::<Vec<Step>>().with_iterations(20_000).for_each(|steps| {
        let mut reassembler = Reassembler::default();
        reassembler.start(BASE);
        let (mut given, mut got, mut gaps) = (0, 0, 0);
        let mut out = |event: Event<'_, u32>| match event {
            Event::Bytes(bytes, _, _) => {
                assert!(!bytes.is_empty());
                got += bytes.len();
            }
            Event::Gap(bytes, _) => {
                assert!(bytes > 0 && bytes < 1 << 32, "a gap of {bytes}");
                gaps += 1;
            }
            Event::Anomaly(..) => {}
        };
        let at = |offset: i16| BASE.wrapping_add_signed(i32::from(offset));
        for (number, step) in (0..).zip(steps) {
            let ns = i64::from(number) * 5_000_000;
            match step {
                Step::Segment(offset, bytes, cut) => {
                    given += bytes.len();
                    let cut = u32::from(*cut / 128) * 50;
                    reassembler.segment(at(*offset), bytes, cut, number, &limits, &mut out);
                }
                Step::Far(seq, bytes) => {
                    given += bytes.len();
                    reassembler.segment(*seq, bytes, 0, number, &limits, &mut out);
                }
                Step::Acknowledged(offset, _) => {
                    reassembler.acknowledged(at(*offset), ns, number, &limits, &mut out);
                }
                Step::FarAcknowledged(ack) => {
                    reassembler.acknowledged(*ack, ns, number, &limits, &mut out);
                }
            }
        }
        reassembler.finish(0, &mut out);
        assert!(!reassembler.has_hole(), "something still waits");
        assert!(got <= given, "{got} bytes out of {given}");
        assert!(gaps <= 3 * steps.len() + 1, "{gaps} gaps");
    });
}
