//! A request while its messages come, and the reply that is being read: what becomes a call.

use super::super::sql::Statement;
use super::super::{Direction, Kind, Mark, Message, Outcome};
use super::fields::{PostgresqlRequest, PostgresqlResponse};
use super::parse::Report;
use crate::field::{Row, Text};

/// What a request will be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Ready, after all that comes before it: startup, simple query, function call, Sync alone.
    Ready,
    /// A command tag (or what stands for one): Execute.
    Tag,
    /// One byte: whether TLS or GSS encryption follows.
    Byte,
}

/// The messages of one side that make up a request or a reply.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent {
    pub first: Mark,
    pub last: Mark,
    pub bytes: u64,
    pub messages: u32,
}

impl Extent {
    pub fn add(&mut self, first: Mark, last: Mark, bytes: u64) {
        if self.messages == 0 {
            self.first = first;
        }
        self.last = last;
        self.bytes = self.bytes.saturating_add(bytes);
        self.messages = self.messages.saturating_add(1);
    }

    fn message(&self, kind: Kind, direction: Direction, key: u64, row: Box<dyn Row>) -> Message {
        Message {
            kind,
            direction,
            key,
            first: self.first,
            last: self.last,
            bytes: self.bytes,
            units: self.messages,
            operation: Text::default(),
            outcome: Outcome::Unknown,
            status: 0,
            error: Text::default(),
            trace: None,
            inner: None,
            row,
        }
    }

    fn size(&self) -> i64 {
        i64::try_from(self.bytes).unwrap_or(i64::MAX)
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub struct Exchange {
    pub key: u64,
    pub asks: Asks,
    /// The Sync that ends its group belongs to it.
    pub has_sync: bool,
    pub extent: Extent,
    pub operation: Text,
    pub row: Box<PostgresqlRequest>,
}

impl Exchange {
    pub fn new(key: u64, row: PostgresqlRequest) -> Self {
        Exchange {
            key,
            asks: Asks::Ready,
            has_sync: false,
            extent: Extent::default(),
            operation: Text::default(),
            row: Box::new(row),
        }
    }

    pub fn set(&mut self, statement: &Statement, name: Text) {
        self.row.postgresql_query = statement.text.clone();
        self.row.sql_fingerprint = statement.fingerprint.clone();
        self.row.postgresql_command = statement.verb.clone();
        self.row.postgresql_statement = name;
        self.operation = statement.operation.clone();
    }

    pub fn into_message(mut self, kind: Kind, direction: Direction) -> Message {
        self.row.postgresql_request_size = self.extent.size();
        self.row.postgresql_request_messages = i64::from(self.extent.messages);
        let mut message = self.extent.message(kind, direction, self.key, self.row);
        message.operation = match self.operation.is_empty() {
            true => Text::const_new("EXECUTE"),
            false => self.operation,
        };
        if kind == Kind::OneWay {
            message.outcome = Outcome::Ok;
        }
        message
    }
}

/// A reply while it is read.
#[derive(Debug, Default)]
pub struct Reply {
    pub extent: Extent,
    pub row: Box<PostgresqlResponse>,
    pub error: Option<Report>,
    /// Nothing but the Ready of its group may still come.
    pub is_done: bool,
    /// Its end was not seen.
    pub is_cut: bool,
    /// The group's earlier statement failed, so this one was not run.
    pub is_aborted: bool,
}

impl Reply {
    pub fn into_message(mut self, direction: Direction, key: u64) -> Message {
        self.row.postgresql_response_size = self.extent.size();
        self.row.postgresql_response_messages = i64::from(self.extent.messages);
        self.row.postgresql_success = self.error.is_none() && !self.is_cut;
        self.row.postgresql_response_cut = self.is_cut;
        let unsaid = if self.is_cut { Outcome::Unknown } else { Outcome::Ok };
        let (mut code, mut result) = (Text::default(), unsaid);
        if let Some(report) = self.error {
            (code, result) = (report.code.clone(), outcome(&report.code));
            self.row.postgresql_error_code = report.code;
            self.row.postgresql_error_message = report.message;
            self.row.postgresql_severity = report.severity;
        }
        let mut message = self.extent.message(Kind::Response, direction, key, self.row);
        (message.outcome, message.error) = (result, code);
        if self.is_aborted {
            message.error = Text::const_new("aborted");
        }
        message
    }
}

/// What the class of an SQLSTATE says about who failed (PostgreSQL, appendix A).
pub fn outcome(code: &str) -> Outcome {
    match code {
        "53300" => Outcome::Throttled, // too_many_connections
        "57014" => Outcome::Timeout,   // query_canceled: statement_timeout, mostly
        "55P03" | "25P03" | "25P04" => Outcome::Timeout, // lock_timeout, idle timeouts
        _ => match code.get(..2).unwrap_or_default() {
            "00" | "01" | "02" => Outcome::Ok,
            // connection, resources, limits, state, operator, system, configuration, internal, rollback, foreign
            "08" | "53" | "54" | "55" | "57" | "58" | "F0" | "XX" | "40" | "HV" | "72" => {
                Outcome::ServerError
            }
            _ => Outcome::ClientError,
        },
    }
}
