//! Small changes to bytes, as a generator makes them: what turns a sample into something nobody
//! meant.

use bolero::TypeGenerator;

/// One change. Places are shares of the length (of 65536), so that any edit fits any sample.
#[derive(Debug, Clone, TypeGenerator)]
pub enum Edit {
    Flip(u16, u8),
    Set(u16, u8),
    /// A number where lengths and counts are: big endian, 1 to 4 bytes of it.
    Number(u16, Number, u8),
    Insert(u16, Vec<u8>),
    Delete(u16, u8),
    /// A stretch of the sample again, somewhere else.
    Copy(u16, u16, u8),
    /// Nothing behind this place.
    Cut(u16),
}

/// Numbers at which arithmetic goes wrong.
#[derive(Debug, Clone, Copy, TypeGenerator)]
pub enum Number {
    Zero,
    One,
    Max,
    Half,
    Any(u32),
}

impl Number {
    fn value(self) -> u32 {
        match self {
            Number::Zero => 0,
            Number::One => 1,
            Number::Max => u32::MAX,
            Number::Half => 0x8000_0000,
            Number::Any(value) => value,
        }
    }
}

/// A sample changed.
pub fn edited(sample: impl AsRef<[u8]>, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = sample.as_ref().to_vec();
    for edit in edits {
        apply(&mut bytes, edit);
    }
    bytes
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let length = bytes.len();
    let place = |share: u16| length * usize::from(share) / 65536;
    match edit {
        Edit::Flip(at, mask) => {
            if let Some(byte) = bytes.get_mut(place(*at)) {
                *byte ^= mask;
            }
        }
        Edit::Set(at, value) => {
            if let Some(byte) = bytes.get_mut(place(*at)) {
                *byte = *value;
            }
        }
        Edit::Number(at, number, width) => {
            let number = number.value().to_be_bytes();
            let from = bytes.iter_mut().skip(place(*at));
            from.zip(number.iter().skip(usize::from(width % 4))).for_each(|(to, from)| *to = *from);
        }
        Edit::Insert(at, new) => {
            let at = place(*at);
            bytes.splice(at..at, new.iter().copied());
        }
        Edit::Delete(at, count) => {
            let at = place(*at);
            bytes.drain(at..(at + usize::from(*count)).min(length));
        }
        Edit::Copy(from, to, count) => {
            let (from, to) = (place(*from), place(*to));
            let part = bytes[from..(from + usize::from(*count)).min(length)].to_vec();
            bytes.splice(to..to, part);
        }
        Edit::Cut(at) => bytes.truncate(place(*at)),
    }
}

/// One of several, by a number that the generator chose.
pub fn pick<T>(from: &[T], number: u16) -> &T {
    &from[usize::from(number) % from.len()]
}

#[test]
fn an_edit_changes_what_it_says() {
    assert_eq!(edited(b"abcd", &[Edit::Set(0, b'x'), Edit::Cut(32768)]), b"xb");
    assert_eq!(edited(b"abcd", &[Edit::Insert(16384, vec![1])]), b"a\x01bcd");
    assert_eq!(edited(b"abcd", &[Edit::Number(0, Number::Max, 2)]), b"\xff\xffcd");
    assert_eq!(edited(b"abcd", &[Edit::Copy(0, 49152, 2)]), b"abcabd");
    assert_eq!(edited(b"", &[Edit::Delete(9, 9), Edit::Flip(1, 1), Edit::Copy(1, 1, 1)]), b"");
}
