//! Bytes of the Kafka protocol -> headers and values. Everything is big-endian; lengths are plain
//! in old messages and varints in flexible ones.

use super::super::framer::Head;
use super::apis;

/// Longest message: eight times what brokers take unless told otherwise.
const MESSAGE_BYTES_MAX: i32 = 800 << 20;

/// Longest token of SASL: what brokers take.
const TOKEN_BYTES_MAX: i32 = 512 << 10;

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    is_flexible: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], is_flexible: bool) -> Self {
        Cursor { rest: bytes, is_flexible }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// So many bytes, or as many as there are; whether those are all.
    pub fn take_up_to(&mut self, bytes: usize) -> (bool, &'a [u8]) {
        let is_whole = bytes <= self.rest.len();
        (is_whole, self.take(bytes.min(self.rest.len())).unwrap_or_default())
    }

    /// A number of one to eight bytes with its sign.
    pub fn int(&mut self, width: usize) -> Option<i64> {
        let bytes = self.take(width)?;
        let number = bytes.iter().fold(0i64, |sum, &byte| sum << 8 | i64::from(byte));
        let unused = 64 - 8 * u32::try_from(width).ok()?;
        Some(number << unused >> unused)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    /// Elements of an array, 0 for null. Every element has bytes, so no more than there are left.
    pub fn count(&mut self) -> Option<usize> {
        let count = match self.is_flexible {
            true => self.varint()?.saturating_sub(1),
            false => usize::try_from(self.int(4)?).unwrap_or(0),
        };
        Some(count.min(self.rest.len()))
    }

    /// Text; empty for null.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = match self.is_flexible {
            true => self.varint()?.saturating_sub(1),
            false => usize::try_from(self.int(2)?).unwrap_or(0),
        };
        self.take(length)
    }

    pub fn records_length(&mut self) -> Option<usize> {
        match self.is_flexible {
            true => Some(self.varint()?.saturating_sub(1)),
            false => Some(usize::try_from(self.int(4)?).unwrap_or(0)),
        }
    }

    /// Passes over the tagged fields that end a struct of a flexible message.
    pub fn tags(&mut self) -> Option<()> {
        if !self.is_flexible {
            return Some(());
        }
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.take(length)?;
        }
        Some(())
    }
}

/// What begins every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub api: i16,
    pub version: i16,
    pub correlation: i32,
    pub client: &'a [u8],
    /// What follows the header.
    pub content: &'a [u8],
}

/// Reads the header of a request from a whole or cut message, its length included.
pub fn request(message: &[u8]) -> Option<Request<'_>> {
    let mut cursor = Cursor::new(message.get(4..)?, false);
    let api = i16::try_from(cursor.int(2)?).ok()?;
    let version = i16::try_from(cursor.int(2)?).ok()?;
    let correlation = i32::try_from(cursor.int(4)?).ok()?;
    let client = cursor.string().unwrap_or_default();
    if apis::is_flexible(api, version) {
        cursor.is_flexible = true;
        cursor.tags();
    }
    Some(Request { api, version, correlation, client, content: cursor.rest })
}

/// The id by which a response belongs to its request.
pub fn correlation(message: &[u8]) -> Option<i32> {
    message.get(4..)?.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes))
}

/// Content of the response to a request.
pub fn response(message: &[u8], api: i16, version: i16) -> Cursor<'_> {
    let is_flexible = apis::is_flexible(api, version);
    let mut cursor = Cursor::new(message.get(8..).unwrap_or_default(), is_flexible);
    if api != 18 && api != 17 {
        cursor.tags(); // the answer to ApiVersions must be read before versions are known
    }
    cursor
}

/// Length of the message that begins here.
pub fn head(bytes: &[u8]) -> Head {
    match bytes.first_chunk::<4>().map(|length| i32::from_be_bytes(*length)) {
        None => Head::More,
        Some(length @ 4..=MESSAGE_BYTES_MAX) => Head::Frame(length as u64 + 4),
        Some(_) => Head::Bad,
    }
}

/// Length of the token of SASL that begins here; it may be empty.
pub fn token(bytes: &[u8]) -> Head {
    match bytes.first_chunk::<4>().map(|length| i32::from_be_bytes(*length)) {
        None => Head::More,
        Some(length @ 0..=TOKEN_BYTES_MAX) => Head::Frame(length as u64 + 4),
        Some(_) => Head::Bad,
    }
}

/// How records are compressed and how many there are, by the header of the first batch.
pub fn batch(records: &[u8]) -> Option<(&'static str, i64)> {
    let magic = *records.get(16)?;
    let (attributes, count) = match magic {
        2 => (
            *records.get(22)?,
            records.get(57..)?.first_chunk::<4>().map(|b| i32::from_be_bytes(*b)),
        ),
        0 | 1 => (*records.get(17)?, Some(1)),
        _ => return None,
    };
    let codec = match attributes & 7 {
        0 => "none",
        1 => "gzip",
        2 => "snappy",
        3 => "lz4",
        4 => "zstd",
        _ => return None,
    };
    Some((codec, i64::from(count?.max(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"\0\0\0\x14\0\x03\0\x09\0\0\0\x07\0\x03app\0\x02\x02t\0\0";

    #[test]
    fn headers() {
        let whole = request(REQUEST).unwrap();
        assert_eq!((whole.api, whole.version, whole.correlation), (3, 9, 7));
        assert_eq!((whole.client, whole.content), (&b"app"[..], &b"\x02\x02t\0\0"[..]));
        for cut in 0..REQUEST.len() {
            let part = request(&REQUEST[..cut]);
            assert!(part.is_none_or(|part| part.correlation == 7));
        }
        assert_eq!(correlation(b"\0\0\0\x04\0\0\0\x07"), Some(7));
    }

    #[test]
    fn heads() {
        assert_eq!(head(REQUEST), Head::Frame(24));
        assert_eq!(head(b"\0\0\0"), Head::More);
        assert_eq!(head(b"\0\0\0\x03"), Head::Bad);
        assert_eq!(head(b"\xff\xff\xff\xff"), Head::Bad);
    }

    #[test]
    fn numbers() {
        let int = |bytes: &[u8], width| Cursor::new(bytes, false).int(width);
        assert_eq!((int(b"\xff\xff", 2), int(b"\x01", 2)), (Some(-1), None));
        assert_eq!(Cursor::new(b"\xac\x02", true).varint(), Some(300));
        assert_eq!(Cursor::new(b"\xff\xff\xff\xff\xff\xff", true).varint(), None);
        assert_eq!(Cursor::new(b"\x7f\xff\xff\xff", false).count(), Some(0));
    }

    #[test]
    fn batches() {
        let mut records = [0; 61];
        (records[16], records[22], records[60]) = (2, 4, 9);
        assert_eq!(batch(&records), Some(("zstd", 9)));
        for cut in 0..61 {
            assert_eq!(batch(&records[..cut]).map(|(_, count)| count), None);
        }
    }
}
