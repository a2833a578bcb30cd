//! The packets of one answer -> where it ends and what it says: an OK or an error, or columns and
//! rows of one or several results.

use super::parse::{self, Done, Failure};

/// What a command is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// OK, error or results: COM_QUERY, COM_STMT_EXECUTE.
    Results,
    /// A statement with its parameters and columns.
    Prepared,
    /// Columns up to an EOF: COM_FIELD_LIST; rows: COM_STMT_FETCH.
    UntilEof,
    /// One packet.
    Packet,
    /// OK or error behind any number of proofs: a login.
    Login,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    /// So many definitions, then an EOF from older servers.
    Definitions(u64),
    Rows,
}

/// An answer while its packets come.
#[derive(Debug)]
pub struct Reply {
    asks: Asks,
    part: Part,
    /// The last packet goes on in the next.
    is_continued: bool,
    pub next_sequence: u8,
    pub columns: u64,
    pub rows: u64,
    pub results: u64,
    pub statement: u32,
    pub done: Done,
    pub failure: Option<Failure>,
}

/// How far an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More,
    Done,
    /// The packet fits nothing that may follow.
    Bad,
}

impl Reply {
    pub fn new(asks: Asks, sequence: u8) -> Self {
        Reply {
            asks,
            part: if asks == Asks::UntilEof { Part::Rows } else { Part::First },
            is_continued: false,
            next_sequence: sequence,
            columns: 0,
            rows: 0,
            results: 0,
            statement: 0,
            done: Done::default(),
            failure: None,
        }
    }

    /// Takes a packet's content; `length` is that of the packet, of which less may be at hand.
    pub fn packet(&mut self, content: &[u8], length: u64) -> Progress {
        let continues = std::mem::take(&mut self.is_continued);
        self.is_continued = length == parse::PACKET_BYTES_MAX as u64;
        if continues {
            return Progress::More;
        }
        if content.first() == Some(&0xff) && !(matches!(self.part, Part::Definitions(_))) {
            self.failure = Some(parse::failure(content));
            return Progress::Done;
        }
        match self.part {
            Part::First => self.first(content, length),
            Part::Definitions(left) => self.definition(left, content),
            Part::Rows => self.row(content, length),
        }
    }

    fn first(&mut self, content: &[u8], length: u64) -> Progress {
        match (self.asks, content.first()) {
            (Asks::Login, Some(0)) | (Asks::Results | Asks::Packet, Some(0)) => self.ok(content),
            (Asks::Login, _) => Progress::More,
            (Asks::Packet | Asks::UntilEof, _) => {
                self.done = parse::eof(content).unwrap_or_default();
                Progress::Done
            }
            (Asks::Prepared, Some(0)) => self.prepared(content),
            // The server asks for a file; an OK follows it.
            (Asks::Results, Some(0xfb)) => Progress::More,
            (Asks::Results, _) => match parse::lenenc(content) {
                Some((columns, _)) if columns > 0 && length < 10 => {
                    (self.columns, self.part) = (columns, Part::Definitions(columns));
                    Progress::More
                }
                _ => Progress::Bad,
            },
            (Asks::Prepared, _) => Progress::Bad,
        }
    }

    fn ok(&mut self, content: &[u8]) -> Progress {
        let done = parse::ok(content).unwrap_or_default();
        self.results += u64::from(self.asks == Asks::Results);
        self.end_of_result(done)
    }

    fn prepared(&mut self, content: &[u8]) -> Progress {
        let Some((statement, columns, parameters)) = parse::prepared(content) else {
            return Progress::Bad;
        };
        (self.statement, self.columns) = (statement, u64::from(columns));
        let left = u64::from(columns) + u64::from(parameters);
        self.part = Part::Definitions(left);
        if left == 0 { Progress::Done } else { Progress::More }
    }

    /// Definitions: of a statement's parameters and columns, or of a result's columns. What ends
    /// them is only seen with the packet that follows, since newer servers send no EOF there.
    fn definition(&mut self, left: u64, content: &[u8]) -> Progress {
        let is_eof = content.len() == 5 && content.first() == Some(&0xfe);
        match (self.asks, left) {
            (Asks::Prepared, _) if is_eof && left == 0 => Progress::Done,
            (Asks::Prepared, _) if is_eof => Progress::More,
            (Asks::Prepared, _) => {
                self.part = Part::Definitions(left.saturating_sub(1));
                Progress::More
            }
            (_, 0) => {
                self.part = Part::Rows;
                if is_eof { Progress::More } else { self.row(content, content.len() as u64) }
            }
            _ if !parse::is_column(content) => Progress::Bad,
            _ => {
                self.part = Part::Definitions(left - 1);
                Progress::More
            }
        }
    }

    /// A preparation is whole when its definitions are, whether or not an EOF follows.
    pub fn is_whole(&self) -> bool {
        self.asks == Asks::Prepared && self.part == Part::Definitions(0)
    }

    fn row(&mut self, content: &[u8], length: u64) -> Progress {
        if content.first() == Some(&0xff) {
            self.failure = Some(parse::failure(content));
            return Progress::Done;
        }
        let is_end = content.first() == Some(&0xfe) && length < parse::PACKET_BYTES_MAX as u64;
        let Some(done) = is_end.then(|| parse::eof(content)).flatten() else {
            self.rows += 1;
            return Progress::More;
        };
        self.results += 1;
        self.end_of_result(done)
    }

    fn end_of_result(&mut self, done: Done) -> Progress {
        self.done.affected = self.done.affected.saturating_add(done.affected);
        self.done.warnings = self.done.warnings.max(done.warnings);
        self.part = Part::First;
        let has_more = done.status & parse::STATUS_MORE_RESULTS != 0;
        if has_more && self.asks == Asks::Results { Progress::More } else { Progress::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMN: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
    const EOF: &[u8] = b"\xfe\0\0\x02\0";
    const MORE: &[u8] = b"\xfe\0\0\x0a\0";
    const OK: &[u8] = b"\0\x02\0\x02\0\0\0";

    fn read(asks: Asks, packets: &[&[u8]]) -> (Reply, Vec<Progress>) {
        let mut reply = Reply::new(asks, 1);
        let progress = packets.iter().map(|p| reply.packet(p, p.len() as u64)).collect();
        (reply, progress)
    }

    #[test]
    fn where_answers_end() {
        let ok_for_eof: &[u8] = b"\xfe\0\0\x02\0\0\0";
        for (asks, packets) in [
            (Asks::Results, &[OK][..]),
            (Asks::Results, &[b"\xff\x15\x04#28000no"]),
            (Asks::Results, &[b"\x01", COLUMN, EOF, b"\x011", EOF]),
            (Asks::Results, &[b"\x01", COLUMN, b"\x011", ok_for_eof]),
            (Asks::Results, &[b"\x01", COLUMN, ok_for_eof]),
            (Asks::Results, &[b"\x01", COLUMN, EOF, b"\x011", MORE, OK]),
            (Asks::Results, &[b"\x01", COLUMN, EOF, b"\xff\x15\x04#70100no"]),
            (Asks::Results, &[b"\xfbfile", OK]),
            (Asks::Prepared, &[b"\0\x07\0\0\0\0\0\0\0\0\0\0"]),
            (Asks::UntilEof, &[COLUMN, COLUMN, EOF]),
            (Asks::Packet, &[b"Uptime: 5"]),
            (Asks::Login, &[b"\xfemysql\0xx\0", b"\x01\x04", OK]),
        ] {
            let (_, progress) = read(asks, packets);
            let (last, before) = progress.split_last().unwrap();
            assert_eq!(*last, Progress::Done, "{asks:?} {packets:?}");
            assert!(before.iter().all(|p| *p == Progress::More), "{asks:?} {packets:?}");
        }
    }

    #[test]
    fn what_answers_say() {
        let (reply, _) = read(Asks::Results, &[b"\x01", COLUMN, EOF, b"\x011", b"\x012", MORE, OK]);
        assert_eq!((reply.columns, reply.rows, reply.results, reply.done.affected), (1, 2, 2, 2));
        let (reply, _) = read(Asks::Prepared, &[b"\0\x07\0\0\0\x01\0\x01\0\0\0\0", COLUMN, COLUMN]);
        assert!(reply.is_whole() && reply.statement == 7);
        assert_eq!(read(Asks::Results, &[b"hello you there"]).1, [Progress::Bad]);
    }
}
