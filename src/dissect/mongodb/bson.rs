//! BSON bytes -> elements, one document's own ones in order. Documents inside are handed out as
//! bytes; whoever wants them walks on, so that depth is the caller's choice.

/// A value, as far as it is of interest here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Double(f64),
    Text(&'a [u8]),
    /// A document or an array, its length included; cut where the bytes end.
    Document(&'a [u8]),
    Bool(bool),
    Int(i64),
    Other,
}

impl Value<'_> {
    /// A number of any type.
    pub fn number(self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(number),
            #[allow(clippy::cast_possible_truncation)] // saturates
            Value::Double(number) => Some(number as i64),
            Value::Bool(truth) => Some(i64::from(truth)),
            _ => None,
        }
    }
}

/// The elements of a document, whole or cut.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Of bytes that begin with a document.
    pub fn of(document: &'a [u8]) -> Self {
        let length = length(document).unwrap_or(0).min(document.len());
        Elements { rest: document.get(4..length).unwrap_or_default() }
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// Bytes up to the next NUL, which is passed over.
    fn cstring(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.rest)?;
        let taken = self.take(end + 1)?;
        taken.get(..end)
    }

    /// A length of four bytes and so many bytes.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = length(self.take(4)?)?;
        self.take(length)
    }

    /// A document, or what there is of it.
    fn document(&mut self) -> Option<&'a [u8]> {
        let length = length(self.rest).filter(|length| *length >= 5)?;
        self.take(length.min(self.rest.len()))
    }

    fn int(&mut self, width: usize) -> Option<i64> {
        let bytes = self.take(width)?;
        let number = bytes.iter().rev().fold(0i64, |sum, &byte| sum << 8 | i64::from(byte));
        let unused = 64 - 8 * u32::try_from(width).ok()?;
        Some(number << unused >> unused)
    }

    fn value(&mut self, kind: u8) -> Option<Value<'a>> {
        Some(match kind {
            0x01 => Value::Double(f64::from_bits(self.int(8)?.cast_unsigned())),
            0x02 | 0x0d | 0x0e => {
                let text = self.counted()?;
                Value::Text(text.strip_suffix(b"\0").unwrap_or(text))
            }
            0x03 | 0x04 => Value::Document(self.document()?),
            0x05 => {
                let length = length(self.take(4)?)?;
                self.take(length.checked_add(1)?)?;
                Value::Other
            }
            0x06 | 0x0a | 0x7f | 0xff => Value::Other,
            0x07 => self.take(12).map(|_| Value::Other)?,
            0x08 => Value::Bool(self.take(1)? != [0]),
            0x09 | 0x11 | 0x12 => Value::Int(self.int(8)?),
            0x0b => {
                self.cstring()?;
                self.cstring().map(|_| Value::Other)?
            }
            0x0c => {
                self.counted()?;
                self.take(12).map(|_| Value::Other)?
            }
            0x0f => self.document().map(|_| Value::Other)?,
            0x10 => Value::Int(self.int(4)?),
            0x13 => self.take(16).map(|_| Value::Other)?,
            _ => return None,
        })
    }
}

/// Name and value of each; ends where the bytes end or make no sense, of which the last name is
/// still told.
impl<'a> Iterator for Elements<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, _) = self.rest.split_first().filter(|(kind, _)| **kind != 0)?;
        self.take(1)?;
        let name = self.cstring()?;
        let value = self.value(kind).unwrap_or_else(|| {
            self.rest = &[];
            Value::Other
        });
        Some((name, value))
    }
}

/// A length of four bytes; None when it is negative or not whole.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let length = i32::from_le_bytes(*bytes.first_chunk::<4>()?);
    usize::try_from(length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// {a: 1, b: "x", c: {d: true}, e: 2.5, f: null}
    const DOCUMENT: &[u8] = b"\x33\0\0\0\x10a\0\x01\0\0\0\x02b\0\x02\0\0\0x\0\
        \x03c\0\x09\0\0\0\x08d\0\x01\0\x01e\0\0\0\0\0\0\0\x04\x40\x0af\0\0";

    #[test]
    fn elements_of_any_prefix() {
        let all: Vec<_> = Elements::of(DOCUMENT).collect();
        assert_eq!(all.len(), 5);
        assert_eq!(all[0], (&b"a"[..], Value::Int(1)));
        assert_eq!(all[1].1, Value::Text(b"x"));
        assert_eq!(all[3].1, Value::Double(2.5));
        let Value::Document(inner) = all[2].1 else { panic!("{all:?}") };
        assert_eq!(Elements::of(inner).next(), Some((&b"d"[..], Value::Bool(true))));
        for cut in 0..DOCUMENT.len() {
            let part: Vec<_> = Elements::of(&DOCUMENT[..cut]).collect();
            assert!(part.len() <= all.len());
            assert!(part.iter().zip(&all).all(|(a, b)| a.0 == b.0));
        }
    }

    #[test]
    fn lying_lengths() {
        for document in [
            &b"\xff\xff\xff\x7f\x02a\0\xff\xff\xff\x7fx\0"[..],
            b"\xff\xff\xff\xff",
            b"\x20\0\0\0\x05a\0\xff\xff\xff\x7f\0",
            b"\x20\0\0\0\x03a\0\x01\0\0\0\0",
            b"\x20\0\0\0\x99a\0",
        ] {
            assert!(Elements::of(document).all(|(_, value)| value == Value::Other));
        }
    }
}
