//! Bytes -> DNS message (RFC 1035 section 4). Pure functions; a message that does not hold what
//! its counts promise gives what could be read, with a word on what was wrong.

use super::record;
use crate::field::Text;
use crate::limits::Limits;

pub const HEADER_BYTES: usize = 12;
/// Longest name on the wire (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// Answers for which there is room from the start.
const ANSWERS_EXPECTED: usize = 8;

/// The first twelve bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub id: u16,
    flags: u16,
    /// Entries of the four sections: questions, answers, authority, additional.
    pub counts: [u16; 4],
}

impl Header {
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { message, at: 0 };
        let mut next = || cursor.u16();
        Some(Header { id: next()?, flags: next()?, counts: [next()?, next()?, next()?, next()?] })
    }

    pub fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub fn opcode(self) -> u16 {
        self.flags >> 11 & 0xf
    }

    pub fn is_authoritative(self) -> bool {
        self.flags & 0x0400 != 0
    }

    pub fn is_truncated(self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub fn wants_recursion(self) -> bool {
        self.flags & 0x0100 != 0
    }

    pub fn offers_recursion(self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// The one bit that is still without a meaning.
    pub fn reserved(self) -> bool {
        self.flags & 0x0040 != 0
    }

    pub fn rcode(self) -> u16 {
        self.flags & 0xf
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Lower case, without the dot at its end; `.` is the root.
    pub name: Text,
    pub record_type: u16,
    pub class: u16,
}

/// Why a message could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Malformed,
    /// More records than the limit.
    Limit,
}

/// A message as far as it could be read.
#[derive(Debug)]
pub struct Parsed {
    pub header: Header,
    pub questions: Vec<Question>,
    /// One text per answer: address, target name or text.
    pub answers: Vec<Text>,
    /// Least time to live of the answers, in seconds.
    pub ttl_min: Option<u32>,
    /// With the upper bits that EDNS adds (RFC 6891 section 6.1.3).
    pub rcode: u16,
    pub has_edns: bool,
    pub flaw: Option<Flaw>,
    /// Bytes that the counted records take.
    pub bytes: usize,
}

/// Reads a message. None when not even its header and its questions are there.
pub fn parse(message: &[u8], limits: &Limits) -> Option<Parsed> {
    let header = Header::read(message)?;
    let mut cursor = Cursor { message, at: HEADER_BYTES };
    let [count, ..] = header.counts.map(usize::from);
    let mut questions = Vec::with_capacity(count.min(1));
    for _ in 0..count.min(limits.dns_records_max) {
        questions.push(cursor.question(limits)?);
    }
    let mut parsed = Parsed {
        header,
        questions,
        answers: Vec::with_capacity(usize::from(header.counts[1]).min(ANSWERS_EXPECTED)),
        ttl_min: None,
        rcode: header.rcode(),
        has_edns: false,
        flaw: None,
        bytes: cursor.at,
    };
    parsed.flaw = parsed.records(&mut cursor, limits).err();
    parsed.bytes = cursor.at;
    if header.is_truncated() && parsed.flaw == Some(Flaw::Malformed) {
        parsed.flaw = None; // cut where it had to be
    }
    Some(parsed)
}

impl Parsed {
    fn records(&mut self, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<(), Flaw> {
        let [questions, counts @ ..] = self.header.counts.map(usize::from);
        let mut room = limits.dns_records_max;
        room = room.checked_sub(questions).ok_or(Flaw::Limit)?;
        for (section, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                room = room.checked_sub(1).ok_or(Flaw::Limit)?;
                let record = cursor.record().ok_or(Flaw::Malformed)?;
                match section {
                    0 => self.answer(&record, cursor.message, limits)?,
                    _ => self.note(&record),
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, record: &Record, message: &[u8], limits: &Limits) -> Result<(), Flaw> {
        let least = self.ttl_min.unwrap_or(u32::MAX);
        self.ttl_min = Some(record.ttl.min(least));
        let text = record::text(record, message, limits).ok_or(Flaw::Malformed)?;
        self.answers.push(text);
        Ok(())
    }

    fn note(&mut self, record: &Record) {
        if record.record_type == record::OPT {
            self.has_edns = true;
            self.rcode |= u16::try_from(record.ttl >> 24).unwrap_or(0) << 4;
        }
    }
}

/// A resource record; its data lie at `start..end` of the message, which names in it point into.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    pub record_type: u16,
    pub ttl: u32,
    pub start: usize,
    pub end: usize,
}

/// A place in a message.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    pub message: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.message.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(*bytes)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]: [u8; 1]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn question(&mut self, limits: &Limits) -> Option<Question> {
        let name = self.name(limits)?;
        Some(Question { name, record_type: self.u16()?, class: self.u16()? })
    }

    fn record(&mut self) -> Option<Record> {
        self.skip_name()?;
        let (record_type, _class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = self.u16()?;
        let start = self.at;
        self.take(usize::from(length))?;
        Some(Record { record_type, ttl, start, end: self.at })
    }

    /// Passes by a name, with the first of its pointers unread.
    fn skip_name(&mut self) -> Option<()> {
        let start = self.at;
        loop {
            let first = self.u8()?;
            match first >> 6 {
                0 if first == 0 => return Some(()),
                0 => {
                    self.take(usize::from(first))?;
                    (self.at - start < NAME_BYTES_MAX).then_some(())?;
                }
                3 => {
                    let target = usize::from(first & 0x3f) << 8 | usize::from(self.u8()?);
                    return (target < start).then_some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads a name, following pointers (RFC 1035 section 4.1.4), which must lead backwards.
    pub fn name(&mut self, limits: &Limits) -> Option<Text> {
        let mut name = Text::default();
        let (mut cursor, mut pointers, mut length) = (*self, 0, 0);
        let mut segment = self.at;
        loop {
            let first = cursor.u8()?;
            match first >> 6 {
                0 if first == 0 => break,
                0 => {
                    length += 1 + usize::from(first);
                    let label = cursor.take(usize::from(first))?;
                    (length < NAME_BYTES_MAX).then(|| push_label(label, &mut name))?;
                }
                3 => {
                    let target = usize::from(first & 0x3f) << 8 | usize::from(cursor.u8()?);
                    if pointers == 0 {
                        self.at = cursor.at;
                    }
                    pointers += 1;
                    (target < segment && pointers <= limits.dns_pointers_max).then_some(())?;
                    (segment, cursor.at) = (target, target);
                }
                _ => return None,
            }
        }
        if pointers == 0 {
            self.at = cursor.at;
        }
        name.truncate(name.floor_char_boundary(limits.field_bytes_max));
        name.make_ascii_lowercase();
        Some(if name.is_empty() { Text::const_new(".") } else { name })
    }
}

/// Appends a label, escaped as in master files (RFC 1035 section 5.1).
fn push_label(label: &[u8], name: &mut Text) {
    if !name.is_empty() {
        name.push('.');
    }
    let is_plain = label.iter().all(|byte| byte.is_ascii_graphic() && !b".\\".contains(byte));
    if let (true, Ok(label)) = (is_plain, std::str::from_utf8(label)) {
        name.push_str(label);
        return;
    }
    for &byte in label {
        match byte {
            b'.' | b'\\' => name.extend(['\\', char::from(byte)]),
            0x21..=0x7e => name.push(char::from(byte)),
            _ => name.push_str(&format!("\\{byte:03}")),
        }
    }
}

/// What of `bytes` a message over TCP takes, length included; None while not all of it is there.
pub fn frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    Some((rest.get(..length)?, 2 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(message: &[u8], at: usize) -> Option<(Text, usize)> {
        let mut cursor = Cursor { message, at };
        let name = cursor.name(&Limits { dns_pointers_max: 8, ..Limits::default() })?;
        Some((name, cursor.at))
    }

    /// 63 bytes that are written as four each, in a frame that keeps sixteen.
    #[test]
    fn names_keep_to_the_limit_of_a_field() {
        let message = [&[63][..], &[1; 63], &[0]].concat();
        let name = |field_bytes_max| {
            let mut cursor = Cursor { message: &message, at: 0 };
            cursor.name(&Limits { field_bytes_max, ..Limits::default() })
        };
        assert_eq!(name(16), Some("\\001\\001\\001\\001".into()));
        assert_eq!(name(1000).map(|name| name.len()), Some(4 * 63));
    }

    #[test]
    fn names() {
        let message = b"\x03WWW\x07example\x03com\0\x01a\xc0\x04\xc0\x14";
        assert_eq!(name(message, 0), Some(("www.example.com".into(), 17)));
        assert_eq!(name(message, 17), Some(("a.example.com".into(), 21)));
        assert_eq!(name(message, 16), Some((".".into(), 17)));
        assert_eq!(name(b"\x04a.\\\x01\0", 0), Some(("a\\.\\\\\\001".into(), 6)));
        for end in 0..17 {
            assert_eq!(name(&message[..end], 0), None, "cut at {end}");
        }
    }

    #[test]
    fn hostile_names() {
        assert_eq!(name(b"\xc0\x00", 0), None); // points to itself
        assert_eq!(name(b"\x01a\xc0\x00", 0), None); // label, then back to it
        assert_eq!(name(b"\xc0\x02\xc0\x00", 0), None); // forwards
        assert_eq!(name(b"\x41a\0", 0), None); // reserved label type
        let long = [b"\x3f".to_vec(), vec![b'a'; 63]].concat().repeat(4);
        assert_eq!(name(&[long, vec![0]].concat(), 0), None); // 256 bytes
        let mut ladder = b"\x01a\0".to_vec(); // each pointer leads to the one before
        for step in 0..9u8 {
            let target = if step == 0 { 0 } else { 1 + 2 * step };
            ladder.extend([0xc0, target]);
        }
        assert_eq!(name(&ladder, 17).map(|n| n.0), Some("a".into())); // eight pointers
        assert_eq!(name(&ladder, 19), None); // nine
    }

    #[test]
    fn frames() {
        assert_eq!(frame(b"\0\x02abc"), Some((&b"ab"[..], 4)));
        assert_eq!(frame(b"\0\x02a"), None);
        assert_eq!(frame(b"\0"), None);
    }
}
