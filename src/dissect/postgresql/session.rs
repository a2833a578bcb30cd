//! The conversation of one connection: which requests wait, and whose reply is being read. The
//! server answers in order, so the oldest request owns what comes; a request is handed on with
//! its reply, since messages that belong to it (Sync, the rows of a COPY) may follow the first
//! answer.

use std::collections::{HashMap, VecDeque};

use super::super::framer::Frame;
use super::super::secret::Secrets;
use super::super::sql::{self, Dialect, Statement};
use super::super::text::text;
use super::super::{Direction, Kind, Output};
use super::exchange::{Asks, Exchange, Extent, Reply};
use super::fields::PostgresqlRequest;
use super::parse::{self, First, Role, cut_string};
use crate::anomaly::AnomalyKind;
use crate::field::Text;
use crate::limits::Limits;

/// Text kept of names.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug)]
pub struct Session {
    /// What every request's row begins with: database, user, application.
    template: PostgresqlRequest,
    secrets: Secrets,
    text_bytes_max: usize,
    waiting_max: usize,
    statements_max: usize,
    next_key: u64,
    /// Extended query messages before their Execute or Sync.
    building: Option<Exchange>,
    waiting: VecDeque<Exchange>,
    reply: Option<Reply>,
    /// Notifications between replies: messages of the server that the next reply counts.
    unsaid: u32,
    /// Server bytes were lost: the oldest request's reply may be among them.
    is_doubtful: bool,
    statements: HashMap<Text, Statement, foldhash::quality::FixedState>,
}

impl Session {
    pub fn new(limits: &Limits) -> Self {
        Session {
            template: PostgresqlRequest::default(),
            secrets: Secrets::new(limits),
            text_bytes_max: limits.field_bytes_max,
            waiting_max: limits.calls_pending_max,
            statements_max: limits.sql_statements_max,
            next_key: 0,
            building: None,
            waiting: VecDeque::new(),
            reply: None,
            unsaid: 0,
            is_doubtful: false,
            statements: HashMap::default(),
        }
    }

    /// Whether the server's next byte answers a TLS request.
    pub fn awaits_byte(&self) -> bool {
        self.reply.is_none() && self.waiting.front().is_some_and(|w| w.asks == Asks::Byte)
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn exchange(&mut self) -> Exchange {
        Exchange::new(self.key(), self.template.clone())
    }

    /// A request of one message.
    fn single(&mut self, frame: Frame<'_>, operation: &'static str) -> Exchange {
        let mut exchange = self.exchange();
        exchange.extent.add(frame.first, frame.last, frame.total);
        exchange.operation = Text::const_new(operation);
        exchange
    }

    fn push(&mut self, exchange: Exchange, direction: Direction, out: &mut Output) {
        self.waiting.push_back(exchange);
        if self.waiting.len() > self.waiting_max
            && let Some(oldest) = self.waiting.pop_front()
        {
            out.messages.push(oldest.into_message(Kind::Request, direction));
        }
    }

    /// Takes a message of the client. Whether what follows is another protocol's: never so here.
    pub fn frontend(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) -> bool {
        let kind = frame.bytes.first().copied().unwrap_or(0);
        let content = frame.bytes.get(5..).unwrap_or_default();
        if self.is_doubtful && matches!(kind, b'Q' | b'P' | b'B' | b'F') {
            self.flush(direction, out);
        }
        match kind {
            0 => self.first(frame, direction, out),
            b'Q' => {
                let statement = self.read(cut_string(content));
                let mut exchange = self.single(frame, "QUERY");
                exchange.set(&statement, Text::default());
                self.push(exchange, direction, out);
            }
            b'F' => {
                let exchange = self.single(frame, "FUNCTION CALL");
                self.push(exchange, direction, out);
            }
            b'P' | b'B' | b'C' | b'D' | b'E' => self.extended(kind, content, frame, direction, out),
            b'S' => self.sync(frame, direction, out),
            b'X' => {
                self.finish_building(direction, out);
                let exchange = self.single(frame, "TERMINATE");
                out.messages.push(exchange.into_message(Kind::OneWay, direction));
            }
            _ => self.belongs(frame, direction, out),
        }
        false
    }

    fn read(&self, sql: &[u8]) -> Statement {
        sql::read(sql, Dialect::Postgresql, self.text_bytes_max, self.secrets)
    }

    /// The messages without a type.
    fn first(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) {
        self.flush(direction, out);
        let content = frame.bytes.get(8..).unwrap_or_default();
        match parse::first(frame.bytes) {
            Some(First::Startup) => {
                self.startup(content);
                let exchange = self.single(frame, "STARTUP");
                self.push(exchange, direction, out);
            }
            Some(First::Cancel) => {
                let exchange = self.single(frame, "CANCEL");
                out.messages.push(exchange.into_message(Kind::OneWay, direction));
            }
            Some(First::Tls | First::Gss) => {
                let is_tls = parse::first(frame.bytes) == Some(First::Tls);
                let name = if is_tls { "SSL REQUEST" } else { "GSSENC REQUEST" };
                let exchange = Exchange { asks: Asks::Byte, ..self.single(frame, name) };
                self.push(exchange, direction, out);
            }
            None => {}
        }
    }

    fn startup(&mut self, content: &[u8]) {
        self.statements.clear();
        self.template = PostgresqlRequest::default();
        for (name, value) in parse::parameters(content) {
            let value = text(value, NAME_BYTES_MAX);
            match name {
                b"user" => self.template.postgresql_user = value,
                b"database" => self.template.postgresql_database = value,
                b"application_name" => self.template.postgresql_application = value,
                _ => {}
            }
        }
        if self.template.postgresql_database.is_empty() {
            self.template.postgresql_database = self.template.postgresql_user.clone();
        }
    }

    /// Parse, Bind, Close, Describe, Execute: the last one ends a request.
    fn extended(
        &mut self,
        kind: u8,
        content: &[u8],
        frame: Frame<'_>,
        direction: Direction,
        out: &mut Output,
    ) {
        let mut exchange = self.building.take().unwrap_or_else(|| self.exchange());
        exchange.extent.add(frame.first, frame.last, frame.total);
        match kind {
            b'P' => {
                let (name, rest) = parse::cstring(content).unwrap_or_default();
                let (name, statement) = (text(name, NAME_BYTES_MAX), self.read(cut_string(rest)));
                exchange.set(&statement, name.clone());
                let has_room = self.statements.len() < self.statements_max;
                if has_room || self.statements.contains_key(&name) {
                    self.statements.insert(name, statement);
                } else {
                    out.anomaly(AnomalyKind::SqlLimit, frame.first);
                }
            }
            b'B' => {
                let (_, rest) = parse::cstring(content).unwrap_or_default();
                let name = text(cut_string(rest), NAME_BYTES_MAX);
                if let Some(statement) = self.statements.get(&name) {
                    exchange.set(statement, name);
                } else {
                    exchange.row.postgresql_statement = name;
                }
            }
            b'C' if exchange.operation.is_empty() => exchange.operation = Text::const_new("CLOSE"),
            b'D' if exchange.operation.is_empty() => {
                exchange.operation = Text::const_new("DESCRIBE")
            }
            b'E' => {
                exchange.asks = Asks::Tag;
                return self.push(exchange, direction, out);
            }
            _ => {}
        }
        self.building = Some(exchange);
    }

    /// Sync ends a group: with what was prepared in it, with its last statement, or alone.
    fn sync(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) {
        if let Some(last) = self.waiting.back_mut().filter(|_| self.building.is_none())
            && last.asks == Asks::Tag
            && !last.has_sync
        {
            last.has_sync = true;
            last.extent.add(frame.first, frame.last, frame.total);
            return;
        }
        let mut exchange = self.building.take().unwrap_or_else(|| self.exchange());
        if exchange.extent.messages == 0 {
            exchange.operation = Text::const_new("SYNC");
        }
        exchange.extent.add(frame.first, frame.last, frame.total);
        exchange.has_sync = true;
        self.push(exchange, direction, out);
    }

    /// A message that belongs to a request before it: password, COPY data, Flush.
    fn belongs(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) {
        let is_copy = matches!(frame.bytes.first(), Some(b'c' | b'd' | b'f'));
        match (self.building.as_mut(), self.waiting.back_mut()) {
            (Some(exchange), _) | (None, Some(exchange)) => {
                exchange.extent.add(frame.first, frame.last, frame.total);
            }
            // The COPY began before the capture.
            (None, None) if is_copy => {
                let exchange = self.single(frame, "COPY");
                self.push(exchange, direction, out);
            }
            (None, None) => self.building = Some(self.single(frame, "")),
        }
    }

    fn finish_building(&mut self, direction: Direction, out: &mut Output) {
        if let Some(exchange) = self.building.take() {
            self.push(exchange, direction, out);
        }
    }

    /// Takes a message of the server. Whether what follows is another protocol's.
    pub fn backend(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) -> bool {
        if self.awaits_byte() && frame.total == 1 {
            return self.byte(frame, direction, out);
        }
        let kind = frame.bytes.first().copied().unwrap_or(0);
        let content = frame.bytes.get(5..).unwrap_or_default();
        if kind == b'A' {
            self.notification(content, frame, direction, out);
            return false;
        }
        if kind != b'Z' && self.reply.as_ref().is_some_and(|reply| reply.is_done) {
            self.answer(direction, out);
        }
        let asks_tag = self.waiting.front().is_some_and(|front| front.asks == Asks::Tag);
        let reply = self.reply.get_or_insert_default();
        reply.extent.add(frame.first, frame.last, frame.total);
        let unsaid = std::mem::take(&mut self.unsaid);
        reply.extent.messages = reply.extent.messages.saturating_add(unsaid);
        match kind {
            b'D' => reply.row.postgresql_rows += 1,
            b'T' => reply.row.postgresql_columns = columns(content),
            b'C' => {
                let (tag, rows) = parse::tag(content);
                reply.row.postgresql_command = text(tag, NAME_BYTES_MAX);
                let rows = i64::try_from(rows).unwrap_or(i64::MAX);
                reply.row.postgresql_rows = reply.row.postgresql_rows.max(rows);
                reply.is_done = asks_tag;
            }
            b'I' | b's' => reply.is_done = asks_tag,
            b'E' => {
                let report = parse::report(content);
                reply.is_done = report.severity != "ERROR";
                reply.error.get_or_insert(report);
                if reply.is_done {
                    self.answer(direction, out);
                }
            }
            b'N' => reply.row.postgresql_notice = parse::report(content).message,
            b'Z' => self.ready(direction, out),
            _ => {}
        }
        false
    }

    /// The answer to a TLS or GSS request: whether encryption follows.
    fn byte(&mut self, frame: Frame<'_>, direction: Direction, out: &mut Output) -> bool {
        let is_accepted = frame.bytes.first() != Some(&b'N');
        let reply = self.reply.get_or_insert_default();
        reply.extent.add(frame.first, frame.last, frame.total);
        reply.extent.messages = 0; // a byte is no message
        self.answer(direction, out);
        is_accepted
    }

    /// A message of LISTEN's.
    fn notification(
        &mut self,
        content: &[u8],
        frame: Frame<'_>,
        direction: Direction,
        out: &mut Output,
    ) {
        let channel = content.get(4..).map(cut_string).unwrap_or_default();
        match &mut self.reply {
            Some(reply) => reply.extent.messages = reply.extent.messages.saturating_add(1),
            None => self.unsaid = self.unsaid.saturating_add(1),
        }
        let mut exchange = self.single(frame, "NOTIFY");
        exchange.extent.messages = 0; // the server's, not a request
        exchange.row.postgresql_query = text(channel, NAME_BYTES_MAX);
        out.messages.push(exchange.into_message(Kind::OneWay, direction));
    }

    /// Ready: ends the reply, and after an error those of the statements that were not run.
    fn ready(&mut self, direction: Direction, out: &mut Output) {
        self.is_doubtful = false;
        let mut has_sync = self.waiting.front().is_none_or(|w| w.has_sync || w.asks == Asks::Ready);
        let failed = self.reply.as_ref().filter(|reply| reply.error.is_some());
        // The statements that were not run are answered by the same error, which is counted once.
        let aborted = failed.map(|reply| {
            let extent = Extent { messages: 0, bytes: 0, ..reply.extent };
            (reply.error.clone(), extent)
        });
        self.answer(direction, out);
        let Some((error, extent)) = aborted else { return };
        while !has_sync && !self.waiting.is_empty() {
            has_sync = self.waiting.front().is_none_or(|w| w.has_sync || w.asks == Asks::Ready);
            let error = error.clone();
            self.reply = Some(Reply { error, extent, is_aborted: true, ..Reply::default() });
            self.answer(direction, out);
        }
    }

    /// Hands on the oldest request and its reply.
    fn answer(&mut self, direction: Direction, out: &mut Output) {
        let Some(reply) = self.reply.take() else { return };
        let Some(mut exchange) = self.waiting.pop_front() else {
            let key = self.key();
            out.messages.push(reply.into_message(direction, key));
            return;
        };
        let command = &mut exchange.row.postgresql_command;
        if !reply.row.postgresql_command.is_empty() {
            command.clone_from(&reply.row.postgresql_command);
            if exchange.operation.is_empty() {
                exchange.operation.clone_from(command);
            }
        }
        let key = exchange.key;
        out.messages.push(exchange.into_message(Kind::Request, direction.reverse()));
        out.messages.push(reply.into_message(direction, key));
    }

    /// Bytes of one side were lost, or did not make sense.
    pub fn lose(&mut self, role: Role, direction: Direction, out: &mut Output) {
        match role {
            Role::Frontend => self.finish_building(direction, out),
            Role::Backend => self.is_doubtful = true,
        }
    }

    /// Gives up on all that waits.
    fn flush(&mut self, direction: Direction, out: &mut Output) {
        self.finish_building(direction, out);
        self.is_doubtful = false;
        if let Some(reply) = &mut self.reply {
            reply.is_cut = !reply.is_done;
            self.answer(direction.reverse(), out);
        }
        for exchange in self.waiting.drain(..) {
            out.messages.push(exchange.into_message(Kind::Request, direction));
        }
    }

    /// One side sends no more.
    pub fn end(&mut self, role: Role, direction: Direction, out: &mut Output) {
        match role {
            Role::Frontend => self.finish_building(direction, out),
            Role::Backend => self.flush(direction.reverse(), out),
        }
    }
}

fn columns(content: &[u8]) -> i64 {
    content.first_chunk::<2>().map_or(0, |count| i64::from(u16::from_be_bytes(*count)))
}
