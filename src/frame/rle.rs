//! Small numbers -> Parquet's hybrid of run lengths and packed bits (Apache Parquet, "Encodings",
//! RLE): places in a dictionary, and the levels that say where lists begin. What numbers there are
//! is `page.rs`.

use polars_parquet::parquet::encoding::uleb128;

/// Numbers are packed in groups of so many.
const GROUP: usize = 8;
/// Equal numbers that are worth a run of their own.
const RUN: usize = 3 * GROUP;

/// Appends numbers of `width` bits (at most 32).
pub(super) fn encode(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    let (mut packed, mut at) = (0, 0);
    while at < numbers.len() {
        let len = equal(&numbers[at..]);
        if len >= RUN {
            // Packed groups are full: the last takes what it lacks from the run.
            let start = (packed + (at - packed).next_multiple_of(GROUP)).min(at + len);
            pack(&numbers[packed..start], width, page);
            run(numbers[at], at + len - start, width, page);
            packed = at + len;
        }
        at += len;
    }
    pack(&numbers[packed..], width, page);
}

/// How many of the first numbers are equal.
fn equal(numbers: &[u32]) -> usize {
    let first = numbers[0];
    numbers.iter().position(|&number| number != first).unwrap_or(numbers.len())
}

/// Appends one number, `len` times.
pub(super) fn run(number: u32, len: usize, width: u32, page: &mut Vec<u8>) {
    header((len as u64) << 1, page);
    page.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends numbers as they are, filled up with zeros to whole groups.
fn pack(numbers: &[u32], width: u32, page: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(GROUP);
    header((groups as u64) << 1 | 1, page);
    let end = page.len() + groups * width as usize;
    let (mut bits, mut held) = (0u64, 0);
    for &number in numbers {
        bits |= u64::from(number) << held;
        held += width;
        if held >= 32 {
            page.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            held -= 32;
        }
    }
    page.extend_from_slice(&(bits as u32).to_le_bytes());
    page.resize(end, 0);
}

fn header(number: u64, page: &mut Vec<u8>) {
    let mut bytes = [0; 10];
    let len = uleb128::encode(number, &mut bytes);
    page.extend_from_slice(&bytes[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars_parquet::parquet::encoding::hybrid_rle::HybridRleDecoder;
    use proptest::prelude::*;

    fn decoded(numbers: &[u32], width: u32) -> Vec<u32> {
        let mut page = Vec::new();
        encode(numbers, width, &mut page);
        HybridRleDecoder::new(&page, width, numbers.len()).collect().unwrap()
    }

    #[test]
    fn a_constant_takes_no_room() {
        let mut page = Vec::new();
        encode(&[0; 1000], 0, &mut page);
        assert_eq!(page, [0xd0, 0x0f]);
    }

    proptest! {
        #[test]
        fn another_decoder_reads_it(
            runs in prop::collection::vec((0u32..70000, 1usize..60), 0..40),
            narrow in any::<bool>(),
        ) {
            let (width, mask) = if narrow { (3, 7) } else { (17, u32::MAX) };
            let numbers: Vec<u32> = runs
                .iter()
                .flat_map(|&(number, len)| std::iter::repeat_n(number & mask, len))
                .collect();
            prop_assert_eq!(decoded(&numbers, width), numbers);
        }
    }
}
