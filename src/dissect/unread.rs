//! A slice of a stream -> steps over it, for dissectors that read message by message: what is not
//! read yet, and the packets that hold it. What a step reads is the dissector's business.

use super::{Mark, Output, Slice};

/// The unread part of a slice.
#[derive(Clone, Copy)]
pub struct Unread<'a> {
    pub slice: Slice<'a>,
    pub at: usize,
    pub bytes: &'a [u8],
}

impl Unread<'_> {
    /// The mark of the first unread byte.
    pub fn first(&self) -> Mark {
        self.slice.mark_at(self.at)
    }

    /// The mark of the last of `count` bytes.
    pub fn last_of(&self, count: usize) -> Mark {
        self.slice.mark_at((self.at + count).saturating_sub(1))
    }
}

/// Takes steps, each of which says how many bytes it took, until all is read, a step cannot go on
/// before more bytes come (`None`), or another protocol takes over. The bytes taken by all.
pub fn steps<'a>(
    slice: Slice<'a>,
    out: &mut Output,
    mut step: impl FnMut(Unread<'a>, &mut Output) -> Option<usize>,
) -> usize {
    let mut at = 0;
    while let Some(bytes) = slice.bytes.get(at..).filter(|bytes| !bytes.is_empty()) {
        match step(Unread { slice, at, bytes }, out) {
            Some(count) => at += count,
            None => break,
        }
        if out.next.is_some() {
            break;
        }
    }
    at
}
