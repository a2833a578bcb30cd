//! RESP2 and RESP3 bytes -> values, read as they come: a value may be far larger than what is at
//! hand, so its bytes are passed by and only the first words of it are kept. No recursion: open
//! aggregates are a stack of counts.

use memchr::memchr;

use crate::limits::Limits;

/// Longest line: Redis itself allows no longer inline command.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Longest string: eight times what Redis allows unless told otherwise.
const STRING_BYTES_MAX: i64 = 4 << 30;
/// Longest line in front of a chunk of a string.
const CHUNK_LINE_MAX: usize = 24;
/// What is kept of one word.
pub const WORD_BYTES_MAX: usize = 256;

/// What is being read, since a command may be a line of words and its words are all kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Command,
    Reply,
}

/// How far reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More,
    /// A value is complete.
    Done,
    /// No RESP.
    Bad,
    /// Nested deeper than the limit.
    TooDeep,
}

/// The beginning of a string in a value.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    /// As announced, whatever was kept of it.
    bytes: u64,
}

/// The first words of a value.
#[derive(Debug, Default)]
pub struct Words {
    text: Vec<u8>,
    words: Vec<Word>,
    /// Bytes of the last word that may still be kept.
    room: usize,
}

impl Words {
    pub fn count(&self) -> usize {
        self.words.len()
    }

    /// The beginning of word `at`; empty when there is none.
    pub fn get(&self, at: usize) -> &[u8] {
        let word = self.words.get(at);
        word.and_then(|word| self.text.get(word.start..word.end)).unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count()).map(|at| self.get(at))
    }

    /// Bytes of word `at` on the wire.
    pub fn bytes(&self, at: usize) -> u64 {
        self.words.get(at).map_or(0, |word| word.bytes)
    }

    /// Whether word `at` was kept as far as words are kept.
    pub fn is_whole(&self, at: usize) -> bool {
        let kept = self.get(at).len();
        at < self.count() && (kept == WORD_BYTES_MAX || kept as u64 == self.bytes(at))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.words.clear();
        self.room = 0;
    }

    fn begin(&mut self, bytes: u64) {
        let start = self.text.len();
        self.words.push(Word { start, end: start, bytes });
        self.room = WORD_BYTES_MAX;
    }

    fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.get(..self.room).unwrap_or(bytes);
        self.room -= kept.len();
        self.text.extend_from_slice(kept);
        if let Some(word) = self.words.last_mut() {
            word.end = self.text.len();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.begin(bytes.len() as u64);
        self.extend(bytes);
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, Default)]
enum Part {
    /// A type with its line.
    #[default]
    Line,
    /// So many bytes of a string.
    String(u64),
    /// The line end behind a string.
    StringEnd,
    /// A chunk of a string whose length nobody knew beforehand, or the empty one that ends it.
    Chunk,
}

/// An aggregate whose elements are being read.
#[derive(Debug)]
struct Open {
    /// Elements still to come; of a streamed one, those that have come.
    left: u64,
    /// A line with a dot ends it.
    is_streamed: bool,
    /// Attributes stand before the value that they describe and are none themselves.
    is_attribute: bool,
}

/// What one part of a value was.
enum Event {
    /// An element, or the value itself, is complete.
    Element,
    /// Something that is no element: the start of an aggregate, an empty line.
    Nothing,
    More,
    Bad,
    TooDeep,
}

/// Reads one value after the other.
#[derive(Debug)]
pub struct Reader {
    open: Vec<Open>,
    part: Part,
    /// The string comes in chunks.
    is_chunked: bool,
    depth_max: usize,
    elements_max: u64,
    text_bytes_max: usize,
    /// Type byte of the value, 0 before it is known; `'i'` for an inline command.
    pub kind: u8,
    /// Elements or bytes as announced, -1 for null.
    pub count: i64,
    pub words: Words,
    /// The word that is the first error among the value's elements.
    pub error_at: Option<usize>,
    /// An aggregate has more elements than the limit; they are passed by all the same.
    pub is_long: bool,
}

impl Reader {
    pub fn new(limits: &Limits) -> Self {
        Reader {
            open: Vec::new(),
            part: Part::Line,
            is_chunked: false,
            depth_max: limits.redis_depth_max,
            elements_max: limits.redis_elements_max as u64,
            text_bytes_max: limits.field_bytes_max,
            kind: 0,
            count: 0,
            words: Words::default(),
            error_at: None,
            is_long: false,
        }
    }

    /// Forgets the value: the next byte begins another.
    pub fn clear(&mut self) {
        self.open.clear();
        self.words.clear();
        (self.part, self.is_chunked) = (Part::Line, false);
        (self.kind, self.count, self.error_at, self.is_long) = (0, 0, None, false);
    }

    /// Reads until a value is complete or the bytes end; says how many it took. Bytes of a line
    /// whose end is not there are left.
    pub fn read(&mut self, bytes: &[u8], role: Role) -> (usize, Progress) {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let (taken, event) = match self.part {
                Part::Line => self.line(rest, role),
                Part::String(left) => self.string(rest, left),
                Part::StringEnd => self.string_end(rest),
                Part::Chunk => self.chunk(rest),
            };
            at += taken;
            let progress = match event {
                Event::Element if self.is_complete() => Progress::Done,
                Event::Element | Event::Nothing => continue,
                Event::More => Progress::More,
                Event::Bad => Progress::Bad,
                Event::TooDeep => Progress::TooDeep,
            };
            return (at, progress);
        }
    }

    /// Passes by bytes that were lost, when they were all of a string. False when not.
    pub fn skip(&mut self, bytes: u64) -> bool {
        match &mut self.part {
            Part::String(left) if bytes <= *left => {
                *left -= bytes;
                self.words.room = 0;
                true
            }
            _ => false,
        }
    }

    /// Counts an element as read; whether the value as a whole is.
    fn is_complete(&mut self) -> bool {
        while let Some(open) = self.open.last_mut() {
            if open.is_streamed {
                open.left += 1;
                self.is_long |= open.left > self.elements_max;
                return false;
            }
            open.left = open.left.saturating_sub(1);
            if open.left > 0 {
                return false;
            }
            if self.open.pop().is_some_and(|open| open.is_attribute) {
                return false;
            }
        }
        true
    }

    fn string(&mut self, rest: &[u8], left: u64) -> (usize, Event) {
        let bytes = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
        self.words.extend(bytes);
        let left = left - bytes.len() as u64;
        self.part = if left == 0 { Part::StringEnd } else { Part::String(left) };
        (bytes.len(), if left == 0 { Event::Nothing } else { Event::More })
    }

    fn string_end(&mut self, rest: &[u8]) -> (usize, Event) {
        match rest {
            [b'\r', b'\n', ..] => {
                self.part = if self.is_chunked { Part::Chunk } else { Part::Line };
                (2, if self.is_chunked { Event::Nothing } else { Event::Element })
            }
            [] | [b'\r'] => (0, Event::More),
            _ => (0, Event::Bad),
        }
    }

    /// `;4` and four bytes, or `;0` at the end.
    fn chunk(&mut self, rest: &[u8]) -> (usize, Event) {
        let Some(end) = memchr(b'\n', rest) else {
            return (0, if rest.len() > CHUNK_LINE_MAX { Event::Bad } else { Event::More });
        };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r"));
        let length = line.and_then(|line| line.strip_prefix(b";")).and_then(number);
        match length.filter(|length| (0..=STRING_BYTES_MAX).contains(length)) {
            None => (0, Event::Bad),
            Some(0) => {
                (self.part, self.is_chunked) = (Part::Line, false);
                (end + 1, Event::Element)
            }
            Some(length) => {
                self.part = Part::String(length.unsigned_abs());
                (end + 1, Event::Nothing)
            }
        }
    }

    fn line(&mut self, rest: &[u8], role: Role) -> (usize, Event) {
        let Some(end) = memchr(b'\n', rest) else {
            let is_bad = rest.len() > LINE_BYTES_MAX;
            return (0, if is_bad { Event::Bad } else { Event::More });
        };
        let line = rest.get(..end).unwrap_or_default();
        let resp = line.strip_suffix(b"\r");
        let event = match (resp.unwrap_or(line).split_first(), role) {
            (None, _) if self.open.is_empty() => Event::Nothing,
            (None, _) => Event::Bad,
            (Some((b'*', length)), _) if resp.is_some() => self.aggregate(b'*', length),
            (Some(_), Role::Command) if self.open.is_empty() => self.inline(resp.unwrap_or(line)),
            (Some((kind, content)), _) if resp.is_some() => self.typed(*kind, content),
            _ => Event::Bad,
        };
        (if matches!(event, Event::Bad) { 0 } else { end + 1 }, event)
    }

    /// A line that begins with a type byte.
    fn typed(&mut self, kind: u8, content: &[u8]) -> Event {
        match kind {
            b'+' | b'-' | b',' | b'(' | b'#' | b'_' => self.simple(kind, content),
            b':' if number(content).is_some() => self.simple(kind, content),
            b'$' | b'=' | b'!' => self.string_start(kind, content),
            b'%' | b'~' | b'>' | b'|' => self.aggregate(kind, content),
            b'.' if content.is_empty() => self.end_of_stream(),
            _ => Event::Bad,
        }
    }

    /// A dot where an aggregate ends that did not say how many elements it has.
    fn end_of_stream(&mut self) -> Event {
        match self.open.pop() {
            Some(Open { is_streamed: true, is_attribute: false, .. }) => Event::Element,
            Some(Open { is_streamed: true, .. }) => Event::Nothing,
            _ => Event::Bad,
        }
    }

    fn simple(&mut self, kind: u8, content: &[u8]) -> Event {
        self.begin(kind, content.len() as i64);
        if self.keeps_words() {
            self.note_error(kind);
            self.words.push(content);
        }
        Event::Element
    }

    /// Notes that the next word is an error among the elements.
    fn note_error(&mut self, kind: u8) {
        if matches!(kind, b'-' | b'!') && !self.open.is_empty() {
            self.error_at.get_or_insert(self.words.count());
        }
    }

    fn string_start(&mut self, kind: u8, length: &[u8]) -> Event {
        self.is_chunked = kind == b'$' && length == b"?";
        let length = if self.is_chunked { b"0" } else { length };
        let Some(length) = number(length).filter(|n| (-1..=STRING_BYTES_MAX).contains(n)) else {
            return Event::Bad;
        };
        self.begin(kind, length);
        let Ok(bytes) = u64::try_from(length) else { return Event::Element };
        self.words.room = 0;
        // Of a reply that is one string only an error is of interest.
        if self.keeps_words() && (!self.open.is_empty() || kind == b'!') {
            self.note_error(kind);
            self.words.begin(bytes);
        }
        self.part = match bytes {
            _ if self.is_chunked => Part::Chunk,
            0 => Part::StringEnd,
            _ => Part::String(bytes),
        };
        Event::Nothing
    }

    fn aggregate(&mut self, kind: u8, count: &[u8]) -> Event {
        let is_streamed = count == b"?" && kind != b'>';
        let count = if is_streamed { b"0" } else { count };
        let Some(count) = number(count).filter(|n| (-1..=i64::from(u32::MAX)).contains(n)) else {
            return Event::Bad;
        };
        let is_attribute = kind == b'|';
        if !is_attribute {
            self.begin(kind, count);
        }
        let pair = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
        let left = u64::try_from(count).unwrap_or(0) * pair;
        self.is_long |= left > self.elements_max;
        match left {
            0 if is_attribute && !is_streamed => Event::Nothing,
            0 if !is_streamed => Event::Element,
            _ if self.open.len() >= self.depth_max => Event::TooDeep,
            _ => {
                self.open.push(Open { left, is_streamed, is_attribute });
                Event::Nothing
            }
        }
    }

    /// Words of a line: what people type into a connection.
    fn inline(&mut self, line: &[u8]) -> Event {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ' || *byte >= 0x80;
        if !line.first().is_some_and(u8::is_ascii_alphabetic) || !line.iter().all(is_text) {
            return Event::Bad;
        }
        let mut count = 0;
        for word in line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
            count += 1;
            if self.words.text.len() < self.text_bytes_max {
                self.words.push(word);
            }
        }
        (self.kind, self.count) = (b'i', count);
        Event::Element
    }

    /// Notes the type of the value itself.
    fn begin(&mut self, kind: u8, count: i64) {
        if self.open.is_empty() && self.kind == 0 {
            (self.kind, self.count) = (kind, count);
        }
    }

    /// Whether what follows is a word to keep: the value itself or one of its direct elements.
    fn keeps_words(&self) -> bool {
        let is_attribute = self.open.first().is_some_and(|open| open.is_attribute);
        self.open.len() <= 1 && !is_attribute && self.words.text.len() < self.text_bytes_max
    }
}

/// A decimal number, as RESP writes lengths and integers.
fn number(digits: &[u8]) -> Option<i64> {
    let (sign, digits) = match digits {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0i64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(sign * i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Reader {
        Reader::new(&Limits { redis_depth_max: 4, ..Limits::default() })
    }

    fn words(reader: &Reader) -> Vec<String> {
        reader.words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn every_type_in_any_cut() {
        for (value, expected) in [
            (&b"+OK\r\n"[..], &["OK"][..]),
            (b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", &[]),
            (b"*2\r\n$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n+d\r\n", &["abc", "d"]),
            (b"*?\r\n:1\r\n*?\r\n+in\r\n.\r\n$1\r\nx\r\n.\r\n", &["1", "x"]),
            (b"%?\r\n+a\r\n:1\r\n.\r\n", &["a", "1"]),
            (b"|?\r\n+ttl\r\n:9\r\n.\r\n*1\r\n+a\r\n", &["a"]),
            (b"-ERR no\r\n", &["ERR no"]),
            (b":-12\r\n", &["-12"]),
            (b"$5\r\na\r\nbc\r\n", &[]),
            (b"$0\r\n\r\n", &[]),
            (b"$-1\r\n", &[]),
            (b"*-1\r\n", &[]),
            (b"*0\r\n", &[]),
            (b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n$1\r\nb\r\n+c\r\n", &["a", "c"]),
            (b"_\r\n", &[""]),
            (b"#t\r\n", &["t"]),
            (b",1.5\r\n", &["1.5"]),
            (b"(123456789012345678901234567890\r\n", &["123456789012345678901234567890"]),
            (b"!6\r\nSYNTAX\r\n", &["SYNTAX"]),
            (b"=5\r\ntxt:a\r\n", &[]),
            (b"%1\r\n+k\r\n:1\r\n", &["k", "1"]),
            (b"~1\r\n+a\r\n", &["a"]),
            (b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n", &["invalidate"]),
            (b"|1\r\n+ttl\r\n:9\r\n$1\r\nx\r\n", &[]),
        ] {
            for cut in 0..=value.len() {
                let mut reader = reader();
                let (taken, progress) = reader.read(&value[..cut], Role::Reply);
                let whole = cut == value.len();
                assert_eq!(progress, if whole { Progress::Done } else { Progress::More });
                if !whole {
                    let (more, progress) = reader.read(&value[taken..], Role::Reply);
                    assert_eq!((taken + more, progress), (value.len(), Progress::Done));
                }
                assert_eq!(words(&reader), expected, "{}", String::from_utf8_lossy(value));
            }
        }
    }

    #[test]
    fn commands() {
        for command in [&b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"[..], b"\r\nGET  k \n"] {
            let mut reader = reader();
            assert_eq!(reader.read(command, Role::Command), (command.len(), Progress::Done));
            assert_eq!((words(&reader), reader.count), (vec!["GET".into(), "k".into()], 2));
        }
    }

    #[test]
    fn long_strings_are_passed_by() {
        let mut reader = reader();
        reader.read(b"*2\r\n$3\r\nSET\r\n$1000000\r\n", Role::Command);
        let piece = [b'x'; 1000];
        for _ in 0..1000 {
            assert_eq!(reader.read(&piece, Role::Command), (1000, Progress::More));
        }
        assert_eq!(reader.read(b"\r\n", Role::Command), (2, Progress::Done));
        assert_eq!((reader.words.get(1).len(), reader.words.bytes(1)), (256, 1_000_000));
    }

    #[test]
    fn lost_bytes_of_a_string() {
        let mut reader = reader();
        reader.read(b"*2\r\n$3\r\nSET\r\n$10\r\nab", Role::Command);
        assert!(!reader.skip(9));
        assert!(reader.skip(6));
        assert_eq!(reader.read(b"yz\r\n", Role::Command), (4, Progress::Done));
        assert_eq!((reader.words.get(1), reader.words.is_whole(1)), (&b"ab"[..], false));
    }

    #[test]
    fn what_is_no_resp() {
        for bad in [
            "?\r\n",
            "$x\r\n",
            "$-2\r\n",
            "*99999999999\r\n",
            ":1x\r\n",
            "+a\nb\r\n",
            "$1\r\nab\r\n",
            "*1\r\nGET\r\n",
            "$9999999999999\r\n",
        ] {
            assert_eq!(reader().read(bad.as_bytes(), Role::Reply).1, Progress::Bad, "{bad:?}");
        }
        assert_eq!(reader().read(b"\x16\x03\n", Role::Command).1, Progress::Bad);
        assert_eq!(reader().read(&b"*1\r\n".repeat(5), Role::Reply).1, Progress::TooDeep);
        let mut long = reader();
        assert_eq!(long.read(b"*4294967295\r\n", Role::Reply).1, Progress::More);
        assert!(long.is_long);
    }
}
