//! The conversation of one connection: greeting and login, then commands, each with its answer.
//! The sequence number of every packet tells whether one is missing.

use std::collections::{HashMap, VecDeque};

use super::super::framer::Frame;
use super::super::secret::Secrets;
use super::super::sql::{self, Dialect, Statement};
use super::super::text::text;
use super::super::{Direction, Extent, Kind, Mark, Message, Outcome, Output};
use super::fields::{MysqlRequest, MysqlResponse};
use super::parse::{self, Failure, capability};
use super::reply::{Asks, Progress, Reply};
use crate::anomaly::AnomalyKind;
use crate::field::{Row, Text, ToCompactString};
use crate::limits::Limits;

/// Text kept of names.
const NAME_BYTES_MAX: usize = 128;

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Goes on.
    On,
    /// The packet makes no sense here.
    Bad,
    /// What follows is encrypted.
    Encrypted,
    /// What follows is a replication stream.
    Off,
    /// Both sides compress from here on.
    Compressed,
}

/// A command that waits for its answer.
#[derive(Debug)]
struct Waiting {
    key: u64,
    asks: Asks,
    /// The statement that is being prepared.
    statement: Option<Box<Statement>>,
    units: u32,
}

/// An answer that is being read.
#[derive(Debug)]
struct Reading {
    reply: Reply,
    first: Mark,
    last: Mark,
    bytes: u64,
}

#[derive(Debug)]
pub struct Session {
    secrets: Secrets,
    text_bytes_max: usize,
    waiting_max: usize,
    statements_max: usize,
    next_key: u64,
    /// Before the login's end.
    in_login: bool,
    wants_compression: bool,
    version: Text,
    user: Text,
    database: Text,
    waiting: VecDeque<Waiting>,
    reading: Option<Reading>,
    /// The client's last packet goes on in the next.
    is_continued: bool,
    /// Server bytes were lost: the oldest command's answer may be among them.
    is_doubtful: bool,
    statements: HashMap<u32, Statement, foldhash::quality::FixedState>,
}

impl Session {
    pub fn new(limits: &Limits) -> Self {
        Session {
            secrets: Secrets::new(limits),
            text_bytes_max: limits.field_bytes_max,
            waiting_max: limits.calls_pending_max,
            statements_max: limits.sql_statements_max,
            next_key: 0,
            in_login: false,
            wants_compression: false,
            version: Text::default(),
            user: Text::default(),
            database: Text::default(),
            waiting: VecDeque::new(),
            reading: None,
            is_continued: false,
            is_doubtful: false,
            statements: HashMap::default(),
        }
    }

    /// Takes a packet of the client.
    pub fn client(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) -> Turn {
        let (sequence, content) = parts(frame);
        let is_rest = std::mem::take(&mut self.is_continued);
        self.is_continued = frame.total - 4 == parse::PACKET_BYTES_MAX as u64;
        if is_rest {
            return Turn::On;
        }
        match (sequence, content.first()) {
            (0, Some(&command)) if parse::command_name(command).is_some() => {
                self.in_login = false;
                self.command(command, content.get(1..).unwrap_or_default(), frame, way, out)
            }
            (0, _) => Turn::Bad,
            (1, _) if self.in_login && self.waiting.is_empty() => {
                self.login(content, frame, way, out)
            }
            // Proofs of a password, or the content of a file.
            _ => Turn::On,
        }
    }

    fn login(
        &mut self,
        content: &[u8],
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) -> Turn {
        let Some(login) = parse::login(content) else { return Turn::Bad };
        let mut row = MysqlRequest { mysql_command: Text::const_new("LOGIN"), ..self.row(frame) };
        if login.is_tls {
            row.mysql_command = Text::const_new("SSL REQUEST");
            let key = self.key();
            let message =
                request(Kind::OneWay, key, 0, frame, way, Text::const_new("SSL REQUEST"), row);
            out.messages.push(message);
            return Turn::Encrypted;
        }
        self.wants_compression =
            login.capabilities & (capability::COMPRESS | capability::ZSTD) != 0;
        (self.user, self.database) = (login.user, login.database);
        (row.mysql_user, row.mysql_database) = (self.user.clone(), self.database.clone());
        self.ask(Asks::Login, None, 0, frame, way, (Text::const_new("LOGIN"), row), out);
        Turn::On
    }

    fn row(&self, frame: Frame<'_>) -> MysqlRequest {
        MysqlRequest {
            mysql_user: self.user.clone(),
            mysql_database: self.database.clone(),
            mysql_request_size: i64::try_from(frame.total).unwrap_or(i64::MAX),
            ..MysqlRequest::default()
        }
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// A command at the start of a packet.
    fn command(
        &mut self,
        command: u8,
        content: &[u8],
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) -> Turn {
        self.settle(way, out);
        let name = Text::const_new(parse::command_name(command).unwrap_or_default());
        let mut row = MysqlRequest { mysql_command: name.clone(), ..self.row(frame) };
        let mut operation = name;
        let mut statement = None;
        match command {
            0x02 => self.database = text(content, NAME_BYTES_MAX),
            0x11 => (self.user, self.database) = parse::change_user(content),
            0x03 | 0x16 => {
                let read = sql::read(content, Dialect::Mysql, self.text_bytes_max, self.secrets);
                operation = fill(&mut row, &read, operation);
                statement = (command == 0x16).then(|| Box::new(read));
            }
            0x17..=0x1a | 0x1c | 0xfa => {
                let id = parse::u32_at(content, 0).unwrap_or(0);
                row.mysql_statement_id = i64::from(id);
                if let Some(known) = self.statements.get(&id) {
                    operation = fill(&mut row, known, operation);
                }
                if command == 0x19 {
                    self.statements.remove(&id);
                }
            }
            _ => {}
        }
        match asks(command) {
            Some(asks) => self.ask(asks, statement, 1, frame, way, (operation, row), out),
            None => {
                let key = self.key();
                out.messages.push(request(Kind::OneWay, key, 1, frame, way, operation, row));
            }
        }
        if matches!(command, 0x12 | 0x1e | 0x13) { Turn::Off } else { Turn::On }
    }

    /// Hands on a request and waits for its answer.
    #[allow(clippy::too_many_arguments)]
    fn ask(
        &mut self,
        asks: Asks,
        statement: Option<Box<Statement>>,
        units: u32,
        frame: Frame<'_>,
        way: Direction,
        (operation, row): (Text, MysqlRequest),
        out: &mut Output,
    ) {
        let key = self.key();
        out.messages.push(request(Kind::Request, key, units, frame, way, operation, row));
        if self.waiting.len() >= self.waiting_max {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { key, asks, statement, units });
    }

    /// A new command: what came before it and is not answered has lost its answer.
    fn settle(&mut self, way: Direction, out: &mut Output) {
        if self.reading.as_ref().is_some_and(|r| r.reply.is_whole()) {
            self.answer(false, way.reverse(), out);
        }
        if std::mem::take(&mut self.is_doubtful) {
            self.answer(true, way.reverse(), out);
            self.waiting.clear();
        }
    }

    /// Takes a packet of the server.
    pub fn server(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) -> Turn {
        let (sequence, content) = parts(frame);
        let is_eof = content.len() == 5 && content.first() == Some(&0xfe);
        if self.reading.as_ref().is_some_and(|r| r.reply.is_whole()) && !is_eof {
            self.answer(false, way, out);
        }
        if self.reading.is_none() && sequence == 0 {
            return self.greeting(content, frame, way, out);
        }
        if self.in_login && self.reading.is_some() {
            // The client's packets are counted too.
            self.reading.iter_mut().for_each(|r| r.reply.next_sequence = sequence);
        }
        let asks = self.waiting.front().map(|waiting| waiting.asks);
        let reading = match &mut self.reading {
            Some(reading) => reading,
            // In the middle of an answer whose beginning is not there.
            None if asks.is_none() && sequence != 1 => return Turn::On,
            none => none.insert(Reading {
                reply: Reply::new(asks.unwrap_or(Asks::Results), sequence),
                first: frame.first,
                last: frame.last,
                bytes: 0,
            }),
        };
        if reading.reply.next_sequence != sequence {
            return Turn::Bad;
        }
        reading.reply.next_sequence = sequence.wrapping_add(1);
        reading.last = frame.last;
        reading.bytes = reading.bytes.saturating_add(frame.total);
        match reading.reply.packet(content, frame.total - 4) {
            Progress::More => Turn::On,
            Progress::Bad if asks.is_none() => {
                self.reading = None; // an answer to what was not captured
                Turn::On
            }
            Progress::Bad => Turn::Bad,
            Progress::Done => self.done(way, out),
        }
    }

    /// The server's first packet: its greeting, or an error that refuses the connection.
    fn greeting(
        &mut self,
        content: &[u8],
        frame: Frame<'_>,
        way: Direction,
        out: &mut Output,
    ) -> Turn {
        if content.first() == Some(&0xff) {
            let mut reply = Reply::new(Asks::Packet, 1);
            reply.packet(content, frame.total - 4);
            let (first, last, bytes) = (frame.first, frame.last, frame.total);
            self.reading = Some(Reading { reply, first, last, bytes });
            self.answer(false, way, out);
            return Turn::On;
        }
        let Some(version) = parse::greeting(content) else { return Turn::Bad };
        *self = Session {
            version,
            in_login: true,
            next_key: self.next_key,
            waiting: VecDeque::new(),
            reading: None,
            is_continued: false,
            is_doubtful: false,
            user: Text::default(),
            database: Text::default(),
            statements: HashMap::default(),
            ..*self
        };
        Turn::On
    }

    fn done(&mut self, way: Direction, out: &mut Output) -> Turn {
        let is_login = self.waiting.front().is_some_and(|w| w.asks == Asks::Login && w.units == 0);
        let has_failed = self.answer(false, way, out);
        self.in_login &= !is_login;
        let compresses = is_login && !has_failed && self.wants_compression;
        if compresses { Turn::Compressed } else { Turn::On }
    }

    /// Hands on the answer that was read; whether it is an error.
    fn answer(&mut self, is_cut: bool, way: Direction, out: &mut Output) -> bool {
        let Some(reading) = self.reading.take() else { return false };
        let waiting = self.waiting.pop_front();
        let (key, units, statement) = match waiting {
            Some(Waiting { key, units, statement, .. }) => (key, units, statement),
            None => (self.key(), 1, None),
        };
        let reply = &reading.reply;
        if let Some(statement) = statement.filter(|_| reply.failure.is_none() && !is_cut) {
            let has_room = self.statements.len() < self.statements_max;
            if has_room || self.statements.contains_key(&reply.statement) {
                self.statements.insert(reply.statement, *statement);
            } else {
                out.anomaly(AnomalyKind::SqlLimit, reading.first);
            }
        }
        let has_failed = reply.failure.is_some();
        let version = if units == 0 { self.version.clone() } else { Text::default() };
        let mut message = response(reading, key, is_cut, way, version);
        message.units = units;
        out.messages.push(message);
        has_failed
    }

    /// Bytes were lost, or made no sense.
    pub fn lose(&mut self, is_client: bool, way: Direction, out: &mut Output) {
        self.is_continued = false;
        if !is_client {
            self.answer(true, way, out);
            self.is_doubtful = !self.waiting.is_empty();
        }
    }

    /// One side sends no more.
    pub fn end(&mut self, is_client: bool, way: Direction, out: &mut Output) {
        if !is_client && let Some(reading) = &self.reading {
            self.answer(!reading.reply.is_whole(), way, out);
        }
    }
}

/// Sequence number and content of a packet.
fn parts(frame: Frame<'_>) -> (u8, &[u8]) {
    let sequence = frame.bytes.get(3).copied().unwrap_or(0);
    (sequence, frame.bytes.get(parse::HEADER_BYTES..).unwrap_or_default())
}

/// What a command is answered with; None where the server is silent.
fn asks(command: u8) -> Option<Asks> {
    match command {
        0x01 | 0x18 | 0x19 | 0x12 | 0x1e | 0x13 => None,
        0x03 | 0x17 | 0xfa => Some(Asks::Results),
        0x16 => Some(Asks::Prepared),
        0x04 | 0x1c | 0x0a => Some(Asks::UntilEof),
        0x11 => Some(Asks::Login),
        _ => Some(Asks::Packet),
    }
}

/// Puts a statement into a row; what is called.
fn fill(row: &mut MysqlRequest, statement: &Statement, command: Text) -> Text {
    row.mysql_query = statement.text.clone();
    row.sql_fingerprint = statement.fingerprint.clone();
    if statement.operation.is_empty() { command } else { statement.operation.clone() }
}

fn request(
    kind: Kind,
    key: u64,
    units: u32,
    frame: Frame<'_>,
    direction: Direction,
    operation: Text,
    row: MysqlRequest,
) -> Message {
    let message = Message::new(kind, direction, key, frame.extent(), Box::new(row));
    Message { units, operation, ..message }
}

fn response(
    reading: Reading,
    key: u64,
    is_cut: bool,
    direction: Direction,
    version: Text,
) -> Message {
    let Reading { reply, first, last, bytes } = reading;
    let int = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let unsaid = if is_cut { Outcome::Unknown } else { Outcome::Ok };
    let result = reply.failure.as_ref().map_or(unsaid, outcome);
    let failure = reply.failure.unwrap_or_default();
    let error = if failure.code == 0 { Text::default() } else { failure.code.to_compact_string() };
    let row: Box<dyn Row> = Box::new(MysqlResponse {
        mysql_statement_id: i64::from(reply.statement),
        mysql_success: result == Outcome::Ok,
        mysql_error_code: i64::from(failure.code),
        mysql_sqlstate: failure.sqlstate,
        mysql_error_message: failure.message,
        mysql_rows: int(reply.rows),
        mysql_columns: int(reply.columns),
        mysql_affected_rows: int(reply.done.affected),
        mysql_warnings: i64::from(reply.done.warnings),
        mysql_results: int(reply.results),
        mysql_server_version: version,
        mysql_response_cut: is_cut,
        mysql_response_size: int(bytes),
    });
    let extent = Extent { first, last, bytes };
    let message = Message::new(Kind::Response, direction, key, extent, row);
    Message { outcome: result, status: i64::from(failure.code), error, ..message }
}

/// Who failed, by the error's number where that says more than the class of its SQLSTATE.
fn outcome(failure: &Failure) -> Outcome {
    match failure.code {
        1040 | 1203 | 1226 => Outcome::Throttled, // too many connections, limits of users
        1205 | 3024 | 1969 | 4031 => Outcome::Timeout, // lock, statement, idle
        // aborted, killed, shutting down, deadlock
        1152 | 1184 | 1213 | 1053 | 1317 | 1927 => Outcome::ServerError,
        // out of disk, memory, locks; not writable
        1021 | 1030 | 1037 | 1041 | 1114 | 1180 | 1206 | 1290 | 1836 => Outcome::ServerError,
        _ => match failure.sqlstate.get(..2).unwrap_or_default() {
            "21" | "22" | "23" | "25" | "28" | "3D" | "42" | "44" | "0A" | "2A" | "34" | "HY" => {
                Outcome::ClientError
            }
            _ => Outcome::ServerError,
        },
    }
}
