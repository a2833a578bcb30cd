//! Which commands wait and whose reply is being read. The server answers in order; quiet commands
//! are answered only when something is to be said, so one that a later reply passes by is done.

use std::collections::VecDeque;

use super::super::framer::Frame;
use super::super::text::text;
use super::super::{Direction, Extent, Kind, Mark, Message, Outcome, Output};
use super::fields::{MemcachedRequest, MemcachedResponse};
use super::parse::{self, words};
use crate::anomaly::AnomalyKind;
use crate::field::Text;
use crate::limits::Limits;

/// Text kept of a key.
const KEY_BYTES_MAX: usize = 64;
/// Text kept of an error.
const ERROR_BYTES_MAX: usize = 256;

/// How a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// One line or message.
    One,
    /// `END`.
    End,
    /// A binary statistic without a key.
    Empty,
}

/// A command that waits.
#[derive(Debug)]
struct Waiting {
    key: u64,
    until: Until,
    /// Of the binary protocol: opcode and opaque number.
    binary: Option<(u8, u32)>,
    /// Not handed on yet: it may have no answer.
    quiet: Option<Box<Message>>,
    /// Words that may begin the answer of a quiet meta command.
    words: &'static [&'static str],
}

/// A reply that is being read.
#[derive(Debug)]
struct Reading {
    first: Mark,
    last: Mark,
    bytes: u64,
    hits: i64,
    status: Text,
    error: Text,
    outcome: Outcome,
}

#[derive(Debug)]
pub struct Session {
    next_key: u64,
    waiting: VecDeque<Waiting>,
    waiting_max: usize,
    reading: Option<Reading>,
}

impl Session {
    pub fn new(limits: &Limits) -> Self {
        let waiting_max = limits.calls_pending_max;
        Session { next_key: 0, waiting: VecDeque::new(), waiting_max, reading: None }
    }

    /// Takes a command or a piece of a reply.
    pub fn unit(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let binary = parse::binary(frame.bytes);
        let line = parse::line(frame.bytes).unwrap_or_default();
        match binary {
            Some(header) if header.is_response => self.binary_reply(&header, frame, way, out),
            Some(header) => self.binary_command(&header, frame, way, out),
            None if parse::is_reply(line) => self.reply(line, frame, way, out),
            None => self.command(line, frame, way, out),
        }
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn command(&mut self, line: &[u8], frame: Frame<'_>, way: Direction, out: &mut Output) {
        let verb = words(line).next().unwrap_or_default();
        let is_meta = matches!(verb, b"mg" | b"ms" | b"md" | b"ma" | b"mn" | b"me");
        let first_key = if verb.starts_with(b"gat") { 2 } else { 1 };
        let is_read = matches!(verb, b"get" | b"gets" | b"gat" | b"gats");
        let has_key =
            !matches!(verb, b"stats" | b"version" | b"flush_all" | b"verbosity" | b"quit" | b"mn");
        let key = words(line).nth(first_key).filter(|_| has_key).unwrap_or_default();
        let keys = if is_read {
            words(line).count().saturating_sub(first_key)
        } else {
            usize::from(has_key)
        };
        let row = MemcachedRequest {
            memcached_command: text(verb, 16),
            memcached_key: text(key, KEY_BYTES_MAX),
            memcached_keys: i64::try_from(keys).unwrap_or(i64::MAX),
            memcached_protocol: Text::const_new(if is_meta { "meta" } else { "text" }),
            memcached_request_size: frame.size(),
        };
        let is_silent = verb == b"quit" || words(line).last() == Some(b"noreply");
        let is_quiet = is_meta && words(line).skip(2).any(|flag| flag == b"q");
        let until = if is_read || verb == b"stats" { Until::End } else { Until::One };
        let words: &[&str] = match verb {
            b"mg" if words(line).skip(2).any(|flag| flag == b"v") => &["VA"],
            b"mg" => &["HD"],
            _ => &["NS", "EX", "NF", "VA"],
        };
        self.ask(row, frame, way, (is_silent, is_quiet), (until, None, words), out);
    }

    fn binary_command(
        &mut self,
        header: &parse::Binary,
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) {
        let (name, is_quiet) = parse::opcode_name(header.opcode).unwrap_or_default();
        let row = MemcachedRequest {
            memcached_command: Text::const_new(name),
            memcached_key: text(parse::binary_key(header, frame.bytes), KEY_BYTES_MAX),
            memcached_keys: i64::from(header.key_bytes > 0),
            memcached_protocol: Text::const_new("binary"),
            memcached_request_size: frame.size(),
        };
        let until = if name == "stat" { Until::Empty } else { Until::One };
        let binary = Some((header.opcode, header.opaque));
        self.ask(row, frame, way, (false, is_quiet), (until, binary, &[]), out);
    }

    fn ask(
        &mut self,
        row: MemcachedRequest,
        frame: Frame<'_>,
        way: Direction,
        (is_silent, is_quiet): (bool, bool),
        (until, binary, words): (Until, Option<(u8, u32)>, &'static [&'static str]),
        out: &mut Output,
    ) {
        let key = self.key();
        let operation = row.memcached_command.clone();
        let kind = if is_silent { Kind::OneWay } else { Kind::Request };
        let request = Message::new(kind, way, key, frame.extent(), Box::new(row));
        let request = Message { operation, ..request };
        if is_silent {
            return out.messages.push(request);
        }
        let quiet = match is_quiet {
            true => Some(Box::new(request)),
            false => {
                out.messages.push(request);
                None
            }
        };
        if self.waiting.len() >= self.waiting_max {
            self.pass_by(1, out);
            out.anomaly(AnomalyKind::CallsPendingLimit, frame.first);
        }
        self.waiting.push_back(Waiting { key, until, binary, quiet, words });
    }

    /// So many of the oldest commands are not answered: quiet ones had nothing to say.
    fn pass_by(&mut self, count: usize, out: &mut Output) {
        let passed = self.waiting.drain(..count.min(self.waiting.len()));
        for quiet in passed.filter_map(|waiting| waiting.quiet) {
            let message = Message { kind: Kind::OneWay, outcome: Outcome::Ok, ..*quiet };
            out.messages.push(message);
        }
    }

    fn reply(&mut self, line: &[u8], frame: Frame<'_>, way: Direction, out: &mut Output) {
        let word = words(line).next().unwrap_or_default();
        if !is_error(word) {
            let cannot = |waiting: &&Waiting| {
                waiting.quiet.is_some() && !waiting.words.iter().any(|w| w.as_bytes() == word)
            };
            let quiet = self.waiting.iter().take_while(cannot).count();
            self.pass_by(quiet, out);
        }
        let until = match self.waiting.front() {
            Some(waiting) => waiting.until,
            None if matches!(word, b"VALUE" | b"STAT") || self.reading.is_some() => Until::End,
            None => Until::One,
        };
        let reading = self.read(frame);
        reading.hits += i64::from(matches!(word, b"VALUE" | b"VA" | b"HD"));
        let is_part = until == Until::End && matches!(word, b"VALUE" | b"STAT");
        if !is_part {
            let is_number = word.iter().all(u8::is_ascii_digit);
            reading.status = if is_number { Text::const_new("OK") } else { text(word, 16) };
        }
        if is_error(word) {
            reading.error = text(line.get(word.len() + 1..).unwrap_or_default(), ERROR_BYTES_MAX);
            let is_server = word == b"SERVER_ERROR";
            reading.outcome = if is_server { Outcome::ServerError } else { Outcome::ClientError };
        }
        if !is_part {
            self.answer(way, out);
        }
    }

    fn binary_reply(
        &mut self,
        header: &parse::Binary,
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) {
        let this = Some((header.opcode, header.opaque));
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.binary == this) {
            let quiet = self.waiting.iter().take(at).take_while(|w| w.quiet.is_some()).count();
            if quiet == at {
                self.pass_by(at, out);
            }
        }
        let until = self.waiting.front().map_or(Until::One, |waiting| waiting.until);
        let (name, _) = parse::opcode_name(header.opcode).unwrap_or_default();
        let reading = self.read(frame);
        reading.hits += i64::from(matches!(name, "get" | "gat") && header.status == 0);
        reading.status = Text::const_new(parse::status_name(header.status));
        reading.outcome = match header.status {
            0 | 1 | 2 | 5 | 0x21 => Outcome::Ok,
            0x82 | 0x84 | 0x86 | 0x07 => Outcome::ServerError,
            0x85 => Outcome::Throttled,
            _ => Outcome::ClientError,
        };
        if reading.outcome != Outcome::Ok {
            let start = parse::BINARY_BYTES + usize::from(header.extra_bytes);
            reading.error = text(frame.bytes.get(start..).unwrap_or_default(), ERROR_BYTES_MAX);
        }
        if until != Until::Empty || header.key_bytes == 0 || header.status != 0 {
            self.answer(way, out);
        }
    }

    /// The reply that is being read, with one more piece.
    fn read(&mut self, frame: Frame<'_>) -> &mut Reading {
        let reading = self.reading.get_or_insert(Reading {
            first: frame.first,
            last: frame.last,
            bytes: 0,
            hits: 0,
            status: Text::default(),
            error: Text::default(),
            outcome: Outcome::Ok,
        });
        reading.last = frame.last;
        reading.bytes = reading.bytes.saturating_add(frame.total);
        reading
    }

    /// Hands on the reply, and before it the command when that was held back.
    fn answer(&mut self, way: Direction, out: &mut Output) {
        let Some(reading) = self.reading.take() else { return };
        let key = match self.waiting.pop_front() {
            Some(Waiting { key, quiet, .. }) => {
                out.messages.extend(quiet.map(|quiet| *quiet));
                key
            }
            None => self.key(),
        };
        let is_ok = reading.outcome == Outcome::Ok;
        let row = MemcachedResponse {
            memcached_status: reading.status.clone(),
            memcached_hits: reading.hits,
            memcached_success: is_ok,
            memcached_error_message: reading.error,
            memcached_response_size: i64::try_from(reading.bytes).unwrap_or(i64::MAX),
        };
        let extent = Extent { first: reading.first, last: reading.last, bytes: reading.bytes };
        let response = Message::new(Kind::Response, way, key, extent, Box::new(row));
        let error = if is_ok { Text::default() } else { reading.status };
        out.messages.push(Message { outcome: reading.outcome, error, ..response });
    }

    /// Bytes were lost: which replies belong to what waits is not known.
    pub fn forget(&mut self, out: &mut Output) {
        self.reading = None;
        self.pass_by(self.waiting.len(), out);
    }

    /// The server sends no more: hands on what is half there.
    pub fn ended(&mut self, way: Direction, out: &mut Output) {
        if let Some(reading) = &mut self.reading {
            reading.outcome = Outcome::Unknown;
            self.answer(way, out);
        }
        self.pass_by(self.waiting.len(), out);
    }
}

fn is_error(word: &[u8]) -> bool {
    matches!(word, b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR")
}
