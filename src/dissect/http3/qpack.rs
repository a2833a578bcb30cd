//! Field sections of HTTP/3 (QPACK, RFC 9204) -> header fields. Entries of the dynamic table come on
//! a stream of their own: a section that refers to one that has not come waits for it, unless it
//! will not come; then the field is one that is not known.

use std::collections::VecDeque;

use super::super::http2::hpack::{Field, Flaw, integer, string};
use super::table::STATIC;

/// What each entry costs besides its bytes (section 3.2.1).
const ENTRY_BYTES: usize = 32;

/// A dynamic table entry; a name that stands for one that is not known is none.
#[derive(Debug, Clone)]
struct Entry {
    name: Option<Box<[u8]>>,
    value: Option<Box<[u8]>>,
}

impl Entry {
    fn size(&self) -> usize {
        let length = |text: &Option<Box<[u8]>>| text.as_ref().map_or(0, |text| text.len());
        length(&self.name) + length(&self.value) + ENTRY_BYTES
    }

    fn of(field: Field<'_>) -> Self {
        Entry { name: field.name.map(Into::into), value: field.value.map(Into::into) }
    }

    fn field(&self) -> Field<'_> {
        Field { name: self.name.as_deref(), value: self.value.as_deref() }
    }
}

const UNKNOWN: Field<'static> = Field { name: None, value: None };

/// Why a section was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It refers to entries that have not come.
    Blocked,
    Flaw(Flaw),
}

impl From<Flaw> for Trouble {
    fn from(flaw: Flaw) -> Self {
        Trouble::Flaw(flaw)
    }
}

/// The decoder of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    /// Most recent first.
    entries: VecDeque<Entry>,
    /// Entries that were ever added.
    inserted: u64,
    bytes: usize,
    capacity: usize,
    capacity_max: usize,
    /// What the receiver's settings allow the table to hold: how numbers of entries wrap.
    pub announced: u64,
}

impl Decoder {
    /// `capacity_max` is the most that the table may hold, whatever the peers agree on.
    pub fn new(capacity_max: usize) -> Self {
        Decoder {
            entries: VecDeque::new(),
            inserted: 0,
            bytes: 0,
            capacity: 0,
            capacity_max,
            announced: 0,
        }
    }

    /// Reads whole instructions of the encoder (section 4.3); how many bytes they are.
    pub fn instructions(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.instruction(rest) {
                Ok(after) => rest = after,
                Err(Flaw::Cut) => break,
                Err(_) => return bytes.len(),
            }
        }
        bytes.len() - rest.len()
    }

    fn instruction<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Flaw> {
        let first = *bytes.first().ok_or(Flaw::Cut)?;
        let (mut name, mut value) = (Vec::new(), Vec::new());
        match first {
            0x80.. => {
                let (index, rest) = integer(bytes, 6)?;
                let rest = string(rest, 7, &mut value)?;
                let named = match first & 0x40 {
                    0 => self.back(index),
                    _ => fixed(index),
                };
                let known = Entry::of(named).name;
                self.add(Entry { name: known, value: Some(value.into()) });
                Ok(rest)
            }
            0x40.. => {
                let rest = string(bytes, 5, &mut name)?;
                let rest = string(rest, 7, &mut value)?;
                self.add(Entry { name: Some(name.into()), value: Some(value.into()) });
                Ok(rest)
            }
            0x20.. => {
                let (capacity, rest) = integer(bytes, 5)?;
                self.capacity = (capacity as usize).min(self.capacity_max);
                self.evict(0);
                Ok(rest)
            }
            _ => {
                let (index, rest) = integer(bytes, 5)?;
                let again = Entry::of(self.back(index));
                self.add(again);
                Ok(rest)
            }
        }
    }

    /// The entry that was added so many before the last.
    fn back(&self, index: u32) -> Field<'_> {
        self.entries.get(index as usize).map_or(UNKNOWN, Entry::field)
    }

    /// The entry of this number, from 0.
    fn numbered(&self, number: Option<u64>) -> Field<'_> {
        let back = number.and_then(|number| self.inserted.checked_sub(1)?.checked_sub(number));
        let entry = back.and_then(|back| self.entries.get(usize::try_from(back).ok()?));
        entry.map_or(UNKNOWN, Entry::field)
    }

    fn add(&mut self, entry: Entry) {
        self.inserted += 1;
        let size = entry.size();
        self.evict(size);
        if size <= self.capacity {
            self.bytes += size;
            self.entries.push_front(entry);
        } else {
            self.entries.clear();
            self.bytes = 0;
        }
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, room: usize) {
        while self.bytes + room > self.capacity {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.bytes -= oldest.size();
        }
    }

    /// Reads a whole section (section 4.5). `is_final`: what has not come will not.
    ///
    /// # Errors
    /// A section that has to wait, or is none.
    pub fn section(
        &self,
        block: &[u8],
        is_final: bool,
        sink: &mut dyn FnMut(Field<'_>),
    ) -> Result<(), Trouble> {
        let (encoded, rest) = integer(block, 8)?;
        let required = self.required(encoded.into());
        if required > self.inserted && !is_final {
            return Err(Trouble::Blocked);
        }
        let is_behind = rest.first().ok_or(Flaw::Cut)? & 0x80 != 0;
        let (delta, mut rest) = integer(rest, 7)?;
        let base = match is_behind {
            true => required.checked_sub(u64::from(delta) + 1).ok_or(Flaw::Integer)?,
            false => required + u64::from(delta),
        };
        while !rest.is_empty() {
            rest = self.line(rest, base, sink)?;
        }
        Ok(())
    }

    /// How many entries a section needs (section 4.5.1.1).
    fn required(&self, encoded: u64) -> u64 {
        if encoded == 0 {
            return 0;
        }
        let capacity = self.announced.max(self.capacity as u64);
        let entries = (capacity / ENTRY_BYTES as u64).max(1);
        let range = 2 * entries;
        let most = self.inserted + entries;
        let wrapped = (most / range * range).saturating_add(encoded - 1);
        if wrapped > most { wrapped.saturating_sub(range) } else { wrapped }
    }

    /// One field line (sections 4.5.2 to 4.5.6); what follows it.
    fn line<'b>(
        &self,
        bytes: &'b [u8],
        base: u64,
        sink: &mut dyn FnMut(Field<'_>),
    ) -> Result<&'b [u8], Flaw> {
        let before = |index: u32| base.checked_sub(u64::from(index) + 1);
        let behind = |index: u32| base.checked_add(index.into());
        let first = *bytes.first().ok_or(Flaw::Cut)?;
        let (name, rest) = match first {
            0xc0.. => return integer(bytes, 6).map(|(i, rest)| (sink(fixed(i)), rest).1),
            0x80.. => {
                let (index, rest) = integer(bytes, 6)?;
                sink(self.numbered(before(index)));
                return Ok(rest);
            }
            0x50..=0x5f | 0x70..=0x7f => integer(bytes, 4).map(|(i, rest)| (fixed(i), rest))?,
            0x40.. => integer(bytes, 4).map(|(i, rest)| (self.numbered(before(i)), rest))?,
            0x20.. => {
                let (mut name, mut value) = (Vec::new(), Vec::new());
                let rest = string(string(bytes, 3, &mut name)?, 7, &mut value)?;
                sink(Field { name: Some(&name), value: Some(&value) });
                return Ok(rest);
            }
            0x10.. => {
                let (index, rest) = integer(bytes, 4)?;
                sink(self.numbered(behind(index)));
                return Ok(rest);
            }
            _ => integer(bytes, 3).map(|(i, rest)| (self.numbered(behind(i)), rest))?,
        };
        let mut value = Vec::new();
        let rest = string(rest, 7, &mut value)?;
        sink(Field { name: name.name, value: Some(&value) });
        Ok(rest)
    }
}

/// An entry of the static table.
fn fixed(index: u32) -> Field<'static> {
    STATIC.get(index as usize).map_or(UNKNOWN, |(name, value)| Field {
        name: Some(name.as_bytes()),
        value: Some(value.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(decoder: &Decoder, block: &[u8], is_final: bool) -> Result<Vec<String>, Trouble> {
        let mut fields = Vec::new();
        decoder.section(block, is_final, &mut |field| {
            let text = |bytes: Option<&[u8]>| {
                bytes.map_or("?".into(), |b| String::from_utf8_lossy(b).into_owned())
            };
            fields.push(format!("{}: {}", text(field.name), text(field.value)));
        })?;
        Ok(fields)
    }

    /// RFC 9204 appendix B, whose encoder has a table of 220 bytes.
    #[test]
    fn the_examples_of_the_rfc() {
        let mut decoder = Decoder::new(4096);
        decoder.announced = 220;
        let literal = b"\0\0\x51\x0b/index.html";
        assert_eq!(read(&decoder, literal, false).unwrap(), [":path: /index.html"]);
        let section = b"\x03\x81\x10\x11";
        assert_eq!(read(&decoder, section, false), Err(Trouble::Blocked));
        let inserts = b"\x3f\xbd\x01\xc0\x0fwww.example.com\xc1\x0c/sample/path";
        for cut in 0..inserts.len() {
            let mut partial = Decoder::new(4096);
            let taken = partial.instructions(&inserts[..cut]);
            assert!(taken <= cut);
            assert_eq!(taken + partial.instructions(&inserts[taken..]), inserts.len());
            assert_eq!(partial.inserted, 2);
        }
        assert_eq!(decoder.instructions(inserts), inserts.len());
        let expected = [":authority: www.example.com", ":path: /sample/path"];
        assert_eq!(read(&decoder, section, false).unwrap(), expected);
        decoder.instructions(b"\x4acustom-key\x0ccustom-value\x02");
        let section = b"\x05\x00\x80\xc1\x81";
        let expected = [":authority: www.example.com", ":path: /", "custom-key: custom-value"];
        assert_eq!(read(&decoder, section, false).unwrap(), expected);
        decoder.instructions(b"\x81\x0dcustom-value2");
        assert_eq!((decoder.inserted, decoder.bytes), (5, 215));
        assert_eq!(read(&decoder, b"\x06\x00\x80", false).unwrap(), ["custom-key: custom-value2"]);
    }

    #[test]
    fn what_has_not_come_is_not_known() {
        let mut decoder = Decoder::new(4096);
        decoder.announced = 4096;
        let section = b"\x03\x00\x80\xd1\x40\x01x";
        assert_eq!(read(&decoder, section, false), Err(Trouble::Blocked));
        assert_eq!(read(&decoder, section, true).unwrap(), ["?: ?", ":method: GET", "?: x"]);
        for cut in 0..section.len() {
            let _ = read(&decoder, &section[..cut], true);
        }
        for byte in 0..=255 {
            let _ = read(&decoder, &[byte; 40], true);
            decoder.instructions(&[byte; 40]);
        }
        assert!(decoder.entries.len() < 200);
    }
}
