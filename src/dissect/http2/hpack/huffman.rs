//! Huffman-coded strings (RFC 7541 section 5.2, appendix B) -> bytes, four bits at a time: a table
//! of 256 states, made once from the code, says for each state and nibble which state follows and
//! which byte came out (one at most, since no code is shorter than five bits).

use std::sync::OnceLock;

/// A code of appendix B: its bits, and how many.
type Code = (u32, u8);

/// The codes of the 256 bytes and of EOS.
#[rustfmt::skip]
static CODES: [Code; 257] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28), (0xfffffe4, 28), (0xfffffe5, 28), (0xfffffe6, 28), (0xfffffe7, 28),
    (0xfffffe8, 28), (0xffffea, 24), (0x3ffffffc, 30), (0xfffffe9, 28), (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28), (0xfffffec, 28),
    (0xfffffed, 28), (0xfffffee, 28), (0xfffffef, 28), (0xffffff0, 28), (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28),
    (0xffffff4, 28), (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28), (0xffffff8, 28), (0xffffff9, 28), (0xffffffa, 28), (0xffffffb, 28),
    (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12), (0x1ff9, 13), (0x15, 6), (0xf8, 8), (0x7fa, 11),
    (0x3fa, 10), (0x3fb, 10), (0xf9, 8), (0x7fb, 11), (0xfa, 8), (0x16, 6), (0x17, 6), (0x18, 6),
    (0x0, 5), (0x1, 5), (0x2, 5), (0x19, 6), (0x1a, 6), (0x1b, 6), (0x1c, 6), (0x1d, 6),
    (0x1e, 6), (0x1f, 6), (0x5c, 7), (0xfb, 8), (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10),
    (0x1ffa, 13), (0x21, 6), (0x5d, 7), (0x5e, 7), (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7),
    (0x63, 7), (0x64, 7), (0x65, 7), (0x66, 7), (0x67, 7), (0x68, 7), (0x69, 7), (0x6a, 7),
    (0x6b, 7), (0x6c, 7), (0x6d, 7), (0x6e, 7), (0x6f, 7), (0x70, 7), (0x71, 7), (0x72, 7),
    (0xfc, 8), (0x73, 7), (0xfd, 8), (0x1ffb, 13), (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14), (0x22, 6),
    (0x7ffd, 15), (0x3, 5), (0x23, 6), (0x4, 5), (0x24, 6), (0x5, 5), (0x25, 6), (0x26, 6),
    (0x27, 6), (0x6, 5), (0x74, 7), (0x75, 7), (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5),
    (0x2b, 6), (0x76, 7), (0x2c, 6), (0x8, 5), (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7),
    (0x79, 7), (0x7a, 7), (0x7b, 7), (0x7ffe, 15), (0x7fc, 11), (0x3ffd, 14), (0x1ffd, 13), (0xffffffc, 28),
    (0xfffe6, 20), (0x3fffd2, 22), (0xfffe7, 20), (0xfffe8, 20), (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22), (0x7fffd9, 23),
    (0x3fffd6, 22), (0x7fffda, 23), (0x7fffdb, 23), (0x7fffdc, 23), (0x7fffdd, 23), (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23),
    (0xffffec, 24), (0xffffed, 24), (0x3fffd7, 22), (0x7fffe0, 23), (0xffffee, 24), (0x7fffe1, 23), (0x7fffe2, 23), (0x7fffe3, 23),
    (0x7fffe4, 23), (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23), (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23), (0xffffef, 24),
    (0x3fffda, 22), (0x1fffdd, 21), (0xfffe9, 20), (0x3fffdb, 22), (0x3fffdc, 22), (0x7fffe8, 23), (0x7fffe9, 23), (0x1fffde, 21),
    (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22), (0xfffff0, 24), (0x1fffdf, 21), (0x3fffdf, 22), (0x7fffeb, 23), (0x7fffec, 23),
    (0x1fffe0, 21), (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21), (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23), (0x7fffef, 23),
    (0xfffea, 20), (0x3fffe2, 22), (0x3fffe3, 22), (0x3fffe4, 22), (0x7ffff0, 23), (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23),
    (0x3ffffe0, 26), (0x3ffffe1, 26), (0xfffeb, 20), (0x7fff1, 19), (0x3fffe7, 22), (0x7ffff2, 23), (0x3fffe8, 22), (0x1ffffec, 25),
    (0x3ffffe2, 26), (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27), (0x7ffffdf, 27), (0x3ffffe5, 26), (0xfffff1, 24), (0x1ffffed, 25),
    (0x7fff2, 19), (0x1fffe3, 21), (0x3ffffe6, 26), (0x7ffffe0, 27), (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24),
    (0x1fffe4, 21), (0x1fffe5, 21), (0x3ffffe8, 26), (0x3ffffe9, 26), (0xffffffd, 28), (0x7ffffe3, 27), (0x7ffffe4, 27), (0x7ffffe5, 27),
    (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20), (0x1fffe6, 21), (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21), (0x7ffff3, 23),
    (0x3fffea, 22), (0x3fffeb, 22), (0x1ffffee, 25), (0x1ffffef, 25), (0xfffff4, 24), (0xfffff5, 24), (0x3ffffea, 26), (0x7ffff4, 23),
    (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26), (0x3ffffed, 26), (0x7ffffe7, 27), (0x7ffffe8, 27), (0x7ffffe9, 27), (0x7ffffea, 27),
    (0x7ffffeb, 27), (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27), (0x7ffffee, 27), (0x7ffffef, 27), (0x7fffff0, 27), (0x3ffffee, 26),
    (0x3fffffff, 30),
];

const EOS: usize = 256;

/// One step from a state.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    next: u8,
    byte: u8,
    emits: bool,
    /// The bits are no code.
    fails: bool,
    /// The string may end here: what is left are at most seven bits of EOS.
    may_end: bool,
}

/// What follows a bit: a state, a byte, or nothing that is a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Missing,
    State(u8),
    Byte(u8),
    Eos,
}

/// Steps by state and nibble.
fn steps() -> &'static [[Step; 16]] {
    static STEPS: OnceLock<Vec<[Step; 16]>> = OnceLock::new();
    STEPS.get_or_init(|| {
        let (tree, depths) = tree();
        (0..tree.len()).map(|state| row(&tree, &depths, state as u8)).collect()
    })
}

/// The inner nodes of the code's tree, and of each how many ones lead to it (none where a zero
/// does).
fn tree() -> (Vec<[Node; 2]>, Vec<Option<u8>>) {
    let (mut tree, mut ones) = (vec![[Node::Missing; 2]], vec![Some(0)]);
    for (symbol, &(code, length)) in CODES.iter().enumerate() {
        let mut at = 0usize;
        for left in (0..length).rev() {
            let bit = (code >> left & 1) as usize;
            let leaf = if symbol == EOS { Node::Eos } else { Node::Byte(symbol as u8) };
            let fresh = tree.len() as u8;
            let depth = ones.get(at).copied().flatten().filter(|_| bit == 1).map(|d: u8| d + 1);
            let Some(slot) = tree.get_mut(at).and_then(|node| node.get_mut(bit)) else { break };
            if left == 0 {
                *slot = leaf;
            } else if let Node::State(next) = slot {
                at = usize::from(*next);
            } else {
                *slot = Node::State(fresh);
                at = usize::from(fresh);
                tree.push([Node::Missing; 2]);
                ones.push(depth);
            }
        }
    }
    (tree, ones)
}

fn row(tree: &[[Node; 2]], ones: &[Option<u8>], state: u8) -> [Step; 16] {
    let mut row = [Step::default(); 16];
    for (nibble, step) in row.iter_mut().enumerate() {
        let mut at = state;
        for left in (0..4).rev() {
            let bit = nibble >> left & 1;
            let node = tree.get(usize::from(at)).and_then(|node| node.get(bit));
            match node.copied().unwrap_or(Node::Missing) {
                Node::State(next) => at = next,
                Node::Byte(byte) => (step.byte, step.emits, at) = (byte, true, 0),
                Node::Eos | Node::Missing => step.fails = true,
            }
        }
        step.next = at;
        step.may_end = ones.get(usize::from(at)).copied().flatten().is_some_and(|d| d < 8);
    }
    row
}

/// Appends the decoded string to `out`; None when it is no Huffman code or badly padded.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let steps = steps();
    let (mut state, mut may_end) = (0u8, true);
    out.reserve(coded.len() * 8 / 5);
    for &byte in coded {
        for nibble in [byte >> 4, byte & 15] {
            let step = steps.get(usize::from(state))?.get(usize::from(nibble))?;
            if step.fails {
                return None;
            }
            if step.emits {
                out.push(step.byte);
            }
            (state, may_end) = (step.next, step.may_end);
        }
    }
    may_end.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(coded, &mut out).map(|()| out)
    }

    /// Codes of bytes behind each other, padded with ones.
    fn coded(bytes: &[u8]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        for &byte in bytes {
            let (code, length) = CODES[usize::from(byte)];
            bits.extend((0..length).rev().map(|left| code >> left & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        bits.chunks(8).map(byte).collect()
    }

    #[test]
    fn every_byte_comes_back() {
        for byte in 0..=255u8 {
            assert_eq!(decoded(&coded(&[byte])), Some(vec![byte]));
            assert_eq!(decoded(&coded(&[byte, b'a', byte])), Some(vec![byte, b'a', byte]));
        }
        assert_eq!(decoded(b""), Some(vec![]));
    }

    #[test]
    fn the_code_is_whole() {
        assert_eq!(tree().0.len(), 256);
        let kraft: f64 = CODES.iter().map(|&(_, length)| 0.5f64.powi(length.into())).sum();
        assert_eq!(kraft, 1.0);
    }

    #[test]
    fn bad_padding_and_eos_are_refused() {
        assert_eq!(decoded(&[0x1f]), Some(b"a".to_vec())); // 00011 and three ones
        assert_eq!(decoded(&[0x18]), None); // padded with zeros
        assert_eq!(decoded(&[0x1f, 0xff]), None); // padded with more than seven bits
        assert_eq!(decoded(&[0xff; 4]), None); // EOS itself
    }
}
