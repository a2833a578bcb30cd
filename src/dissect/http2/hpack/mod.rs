//! Header blocks of HTTP/2 (HPACK, RFC 7541) -> header fields. Works from the middle of a
//! connection too: an index names an entry by how recently it was added, so that entries added
//! since are found, and older ones are fields that are not known; the table goes on with both.
//! What is never evicted too early does no harm either: a sender refers to nothing that it has
//! evicted itself. How many fields and bytes of them are kept is the caller's limit.

mod huffman;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::collections::VecDeque;

use self::table::STATIC;

/// What each entry costs besides its bytes (section 4.1).
const ENTRY_BYTES: usize = 32;

/// One header field; what a reference to an entry added before the capture began stands for is
/// not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// Why a block could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It ends inside a field.
    Cut,
    /// An integer beyond 32 bits, or index 0.
    Integer,
    /// A string that is not Huffman code.
    Huffman,
}

/// A dynamic table entry: name and value behind each other.
#[derive(Debug, Clone)]
struct Entry {
    text: Box<[u8]>,
    name_bytes: usize,
    /// A name taken from an entry that is not known.
    nameless: bool,
}

impl Entry {
    fn size(&self) -> usize {
        self.text.len() + ENTRY_BYTES
    }

    fn field(&self) -> Field<'_> {
        let (name, value) = self.text.split_at_checked(self.name_bytes).unwrap_or((&[], &[]));
        Field { name: (!self.nameless).then_some(name), value: Some(value) }
    }
}

/// The decoder of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    /// Most recent first.
    entries: VecDeque<Entry>,
    bytes: usize,
    capacity: usize,
    capacity_max: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// `capacity` is the most that the dynamic table may hold, whatever the peers agree on.
    pub fn new(capacity: usize) -> Self {
        Decoder {
            entries: VecDeque::new(),
            bytes: 0,
            capacity,
            capacity_max: capacity,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Blocks were lost: what the entries are is not known any more.
    pub fn forget(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// Reads a whole block. After a flaw the table is forgotten.
    ///
    /// # Errors
    /// Where the block is not HPACK.
    pub fn decode(&mut self, block: &[u8], sink: &mut dyn FnMut(Field<'_>)) -> Result<(), Flaw> {
        let mut rest = block;
        while !rest.is_empty() {
            rest = match self.step(rest, sink) {
                Ok(rest) => rest,
                Err(flaw) => {
                    self.forget();
                    return Err(flaw);
                }
            };
        }
        Ok(())
    }

    /// One representation (section 6); what follows it.
    fn step<'b>(
        &mut self,
        block: &'b [u8],
        sink: &mut dyn FnMut(Field<'_>),
    ) -> Result<&'b [u8], Flaw> {
        let first = *block.first().ok_or(Flaw::Cut)?;
        match first {
            0x80.. => {
                let (index, rest) = integer(block, 7)?;
                sink(self.entry(index)?);
                Ok(rest)
            }
            0x40.. => self.literal(block, 6, true, sink),
            0x20.. => {
                let (capacity, rest) = integer(block, 5)?;
                self.capacity = (capacity as usize).min(self.capacity_max);
                self.evict(0);
                Ok(rest)
            }
            _ => self.literal(block, 4, false, sink),
        }
    }

    fn literal<'b>(
        &mut self,
        block: &'b [u8],
        prefix: u32,
        is_added: bool,
        sink: &mut dyn FnMut(Field<'_>),
    ) -> Result<&'b [u8], Flaw> {
        let (mut name, mut value) =
            (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        let result = self.read_literal(block, prefix, &mut name, &mut value);
        if let Ok((_, nameless)) = result {
            let known = (!nameless).then_some(name.as_slice());
            sink(Field { name: known, value: Some(&value) });
            if is_added {
                self.add(&name, &value, nameless);
            }
        }
        (self.name, self.value) = (name, value);
        result.map(|(rest, _)| rest)
    }

    /// Reads name and value; what follows them, and whether the name is not known.
    fn read_literal<'b>(
        &self,
        block: &'b [u8],
        prefix: u32,
        name: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> Result<(&'b [u8], bool), Flaw> {
        let (index, rest) = integer(block, prefix)?;
        name.clear();
        value.clear();
        let (rest, nameless) = match index {
            0 => (string(rest, 7, name)?, false),
            _ => {
                let known = self.entry(index)?.name;
                name.extend_from_slice(known.unwrap_or_default());
                (rest, known.is_none())
            }
        };
        Ok((string(rest, 7, value)?, nameless))
    }

    /// The field of an index: static ones come first.
    fn entry(&self, index: u32) -> Result<Field<'_>, Flaw> {
        let index = (index as usize).checked_sub(1).ok_or(Flaw::Integer)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok(Field { name: Some(name.as_bytes()), value: Some(value.as_bytes()) });
        }
        let entry = index.checked_sub(STATIC.len()).and_then(|index| self.entries.get(index));
        Ok(entry.map_or(Field { name: None, value: None }, Entry::field))
    }

    /// An entry larger than the table empties it (section 4.4).
    fn add(&mut self, name: &[u8], value: &[u8], nameless: bool) {
        let entry = Entry { text: [name, value].concat().into(), name_bytes: name.len(), nameless };
        let size = entry.size();
        self.evict(size);
        if size <= self.capacity {
            self.bytes += size;
            self.entries.push_front(entry);
        }
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, room: usize) {
        while self.bytes + room > self.capacity {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.bytes -= oldest.size();
        }
    }
}

/// An integer with a prefix of so many bits (section 5.1), and what follows it.
pub fn integer(bytes: &[u8], prefix: u32) -> Result<(u32, &[u8]), Flaw> {
    let (&first, mut rest) = bytes.split_first().ok_or(Flaw::Cut)?;
    let mask = (1u32 << prefix) - 1;
    let mut value = u64::from(u32::from(first) & mask);
    if value < u64::from(mask) {
        return Ok((value as u32, rest));
    }
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Flaw::Cut)?;
        rest = after;
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((u32::try_from(value).map_err(|_| Flaw::Integer)?, rest));
        }
    }
    Err(Flaw::Integer)
}

/// Appends a string (section 5.2), whose length has a prefix of so many bits, to `out`; what follows
/// it.
pub fn string<'b>(bytes: &'b [u8], prefix: u32, out: &mut Vec<u8>) -> Result<&'b [u8], Flaw> {
    let is_coded = u32::from(*bytes.first().ok_or(Flaw::Cut)?) & (1 << prefix) != 0;
    let (length, rest) = integer(bytes, prefix)?;
    let (text, rest) = rest.split_at_checked(length as usize).ok_or(Flaw::Cut)?;
    if is_coded {
        huffman::decode(text, out).ok_or(Flaw::Huffman)?;
    } else {
        out.extend_from_slice(text);
    }
    Ok(rest)
}
