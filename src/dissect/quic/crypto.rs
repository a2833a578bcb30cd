//! Pieces of a stream of one direction (CRYPTO and STREAM frames) -> its bytes in order, whatever the
//! order of frames.

use std::collections::BTreeMap;

/// Pieces that wait for those before them.
const PIECES_MAX: usize = 64;

#[derive(Debug, Default)]
pub struct Crypto {
    /// In order, without what was taken.
    ready: Vec<u8>,
    /// Offset of the byte behind `ready`.
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl Crypto {
    /// Takes a piece in; false when more would be kept than `max` bytes.
    pub fn push(&mut self, offset: u64, data: &[u8], max: usize) -> bool {
        let end = offset.saturating_add(data.len() as u64);
        if end <= self.next {
            return true; // sent again
        }
        if end - self.next > max as u64 || self.waiting.len() >= PIECES_MAX {
            return false;
        }
        self.waiting.entry(offset).or_insert_with(|| data.to_vec());
        while let Some((&offset, _)) = self.waiting.first_key_value()
            && offset <= self.next
        {
            let Some((offset, data)) = self.waiting.pop_first() else { break };
            let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
            let fresh = data.get(known..).unwrap_or_default();
            self.ready.extend_from_slice(fresh);
            self.next += fresh.len() as u64;
        }
        self.ready.len() <= max
    }

    /// What is there in order.
    pub fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// How many bytes have come in order, those that were read included.
    pub fn received(&self) -> u64 {
        self.next
    }

    /// So many bytes of it were read.
    pub fn take(&mut self, count: usize) {
        self.ready.drain(..count.min(self.ready.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order() {
        let mut crypto = Crypto::default();
        assert!(crypto.push(3, b"def", 100) && crypto.push(8, b"i", 100));
        assert_eq!(crypto.ready(), b"");
        assert!(crypto.push(0, b"abc", 100) && crypto.push(4, b"efgh", 100));
        assert_eq!(crypto.ready(), b"abcdefghi");
        crypto.take(4);
        assert!(crypto.push(1, b"bcd", 100));
        assert_eq!(crypto.ready(), b"efghi");
    }

    #[test]
    fn bounded() {
        let mut crypto = Crypto::default();
        assert!(!crypto.push(1000, b"x", 100) && !crypto.push(u64::MAX, b"x", 100));
        for piece in 0..200 {
            crypto.push(1 + 2 * piece, b"x", 1000);
        }
        assert!(crypto.waiting.len() <= PIECES_MAX);
    }
}
