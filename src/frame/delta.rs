//! Integers that change by little from row to row -> Parquet's DELTA_BINARY_PACKED encoding, each
//! step in whole bytes: a time or a place in a file takes two or three bytes and no compressor.
//! Source: Apache Parquet, "Encodings", delta encoding. Which columns it suits is `page.rs`.

use polars_parquet::parquet::encoding::{uleb128, zigzag_leb128};

/// Steps of one block, which is one miniblock here.
const BLOCK: usize = 256;
/// Integers that are looked at to judge a column.
const SAMPLE: usize = 256;
/// Steps must differ by less than so many bits.
const STEP_BITS: u32 = 40;

/// Whether integers change by little from row to row.
pub(super) fn suits(ints: &[i64]) -> bool {
    let sample = ints.get(..SAMPLE).unwrap_or(ints);
    let steps = sample.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let (min, max) = steps.fold((i64::MAX, i64::MIN), |(a, b), step| (a.min(step), b.max(step)));
    max >= min && max.abs_diff(min) < 1 << STEP_BITS
}

/// Appends the encoded integers.
pub(super) fn encode(ints: &[i64], page: &mut Vec<u8>) {
    let first = ints.first().copied().unwrap_or_default();
    for number in [BLOCK, 1, ints.len()] {
        unsigned(number as u64, page);
    }
    signed(first, page);
    let mut last = first;
    for ints in ints.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut steps = [0; BLOCK];
        for (step, &int) in steps.iter_mut().zip(ints) {
            *step = int.wrapping_sub(last);
            last = int;
        }
        block(&mut steps, ints.len(), page);
    }
}

/// Appends `len` steps: the least, then by how much each is more. The rest of the block is zeros.
fn block(steps: &mut [i64; BLOCK], len: usize, page: &mut Vec<u8>) {
    let least = steps[..len].iter().copied().min().unwrap_or_default();
    let mut bits = 0;
    for step in &mut steps[..len] {
        *step = step.wrapping_sub(least);
        bits |= *step as u64;
    }
    let width = (u64::BITS - bits.leading_zeros()).div_ceil(8) as usize;
    signed(least, page);
    page.push(width as u8 * 8);
    let start = page.len();
    // Each is written whole and half overwritten by the next: no copy of a length of its own.
    page.resize(start + BLOCK * width + 8, 0);
    for (place, step) in steps[..len].iter().enumerate() {
        let at = start + place * width;
        page[at..at + 8].copy_from_slice(&step.to_le_bytes());
    }
    page.truncate(start + BLOCK * width);
}

fn unsigned(number: u64, page: &mut Vec<u8>) {
    let mut bytes = [0; 10];
    let len = uleb128::encode(number, &mut bytes);
    page.extend_from_slice(&bytes[..len]);
}

fn signed(number: i64, page: &mut Vec<u8>) {
    let (bytes, len) = zigzag_leb128::encode(number);
    page.extend_from_slice(&bytes[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the encoding's description says, read step by step.
    fn decoded(mut page: &[u8]) -> Vec<i64> {
        fn unsigned(page: &mut &[u8]) -> u64 {
            let (number, read) = uleb128::decode(page);
            *page = &page[read..];
            number
        }
        let signed = |page: &mut &[u8]| {
            let number = unsigned(page);
            (number >> 1) as i64 ^ -((number & 1) as i64)
        };
        let (block, miniblocks) = (unsigned(&mut page) as usize, unsigned(&mut page));
        assert_eq!((block % 128, miniblocks), (0, 1));
        let len = unsigned(&mut page) as usize;
        let mut ints = vec![signed(&mut page)];
        while ints.len() < len {
            let least = signed(&mut page);
            let bytes = usize::from(page[0] / 8);
            let (steps, rest) = page[1..].split_at(block * bytes);
            for at in 0..block.min(len - ints.len()) {
                let mut step = [0; 8];
                step[..bytes].copy_from_slice(&steps[at * bytes..][..bytes]);
                let last = ints[ints.len() - 1];
                ints.push(last.wrapping_add(least).wrapping_add(i64::from_le_bytes(step)));
            }
            page = rest;
        }
        assert!(page.is_empty());
        ints
    }

    #[test]
    fn times_take_few_bytes() {
        let times: Vec<i64> = (0..2048).map(|n| 1_760_000_000_000_000_000 + n * 50_021).collect();
        assert!(suits(&times));
        let mut page = Vec::new();
        encode(&times, &mut page);
        assert!(page.len() < 100, "{}", page.len());
        assert!(!suits(&[i64::MIN, i64::MAX, 5, i64::MAX]));
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_read(ints in prop::collection::vec(any::<i64>(), 1..700)) {
            let mut page = Vec::new();
            encode(&ints, &mut page);
            prop_assert_eq!(decoded(&page), ints);
        }
    }
}
