//! A message between its head and its end: counts what passes and becomes a [`Message`].

use super::super::graphql::parse::{Asked, Errors};
use super::super::http::{Caps, HttpRequest, HttpResponse, JsonPaths, Snippet, outcome};
use super::super::{Direction, Kind, Mark, Message, Protocol, Trace, graphql};
use super::body::Sink;
use super::head::{RequestHead, ResponseHead, trailer};
use crate::field::{Row, Text, ToCompactString};

/// A message whose head was read.
#[derive(Debug)]
pub struct Open {
    pub kind: Kind,
    /// Requests: their number in the connection. Responses: that of the request they answer.
    pub number: Option<u64>,
    first: Mark,
    last: Mark,
    bytes: u64,
    content: u64,
    operation: Text,
    status: u16,
    trace: Option<Box<Trace>>,
    row: OpenRow,
    snippet: Option<Snippet>,
    /// It is GraphQL: requests, what they ask.
    graphql: Option<Box<Asked>>,
    /// It answers GraphQL.
    answers_graphql: bool,
    caps: Caps,
}

#[derive(Debug)]
enum OpenRow {
    Request(Box<HttpRequest>),
    Response(Box<HttpResponse>),
}

impl Open {
    /// `snippet` keeps the beginning of its body, where it has one.
    pub fn request(
        head: RequestHead,
        number: u64,
        first: Mark,
        snippet: Option<Snippet>,
        caps: Caps,
    ) -> Self {
        Open {
            kind: Kind::Request,
            number: Some(number),
            first,
            last: first,
            bytes: 0,
            content: 0,
            operation: head.operation,
            status: 0,
            trace: head.trace,
            row: OpenRow::Request(head.row),
            snippet,
            graphql: None,
            answers_graphql: false,
            caps,
        }
    }

    pub fn response(head: ResponseHead, status: u16, first: Mark, caps: Caps) -> Self {
        let is_interim = (100..200).contains(&status) && status != 101;
        let snippet = match status {
            400.. => Snippet::new(&head.row.response_content_type, &head.content_encoding),
            _ => None,
        };
        Open {
            kind: if is_interim { Kind::Interim } else { Kind::Response },
            number: None,
            first,
            last: first,
            bytes: 0,
            content: 0,
            operation: Text::default(),
            status,
            trace: head.trace,
            row: OpenRow::Response(head.row),
            snippet,
            graphql: None,
            answers_graphql: false,
            caps,
        }
    }

    /// Whether a request is GraphQL, now that all of it is there; its message says so.
    pub fn find_graphql(&mut self) -> bool {
        if let OpenRow::Request(row) = &self.row {
            self.graphql = graphql::request(row, self.snippet.as_ref(), self.caps).map(Box::new);
        }
        self.graphql.is_some()
    }

    /// Its request was GraphQL: errors stand in its body, whatever its status.
    pub fn answer_graphql(&mut self) {
        if let OpenRow::Response(row) = &self.row {
            let coding = row.response_headers.get("content-encoding").unwrap_or_default();
            let snippet = Snippet::new(&row.response_content_type, coding);
            self.snippet = snippet.map(|snippet| snippet.keep(self.caps.body_bytes_max));
            self.answers_graphql = true;
        }
    }

    /// Errors of an answer to GraphQL.
    fn errors(&self) -> Errors {
        let plain = self.snippet.as_ref().map(|snippet| snippet.plain(self.caps.body_bytes_max));
        let max = self.caps.field_bytes_max;
        plain.map(|plain| graphql::parse::response(&plain, max)).unwrap_or_default()
    }

    /// The row of a response.
    pub fn as_response(&self) -> Option<&HttpResponse> {
        match &self.row {
            OpenRow::Response(row) => Some(row),
            OpenRow::Request(_) => None,
        }
    }

    /// So many more bytes of it were seen, the last one in the packet of `last`.
    pub fn advance(&mut self, bytes: u64, last: Mark) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = last;
    }

    /// So many bytes of its content were on the wire but not captured.
    pub fn lose(&mut self, bytes: u64) {
        self.content = self.content.saturating_add(bytes);
    }

    /// `is_cut`: it ended before all that its head announces was seen.
    pub fn into_message(self, direction: Direction, is_cut: bool, paths: &JsonPaths) -> Message {
        let size = i64::try_from(self.content).unwrap_or(i64::MAX);
        let secrets = self.caps.secrets;
        let is_graphql = self.graphql.is_some() || self.answers_graphql;
        let errors = if self.answers_graphql { self.errors() } else { Errors::default() };
        let status_says = outcome(self.status);
        let (outcome, error) = match graphql::verdict(&errors, status_says) {
            Some(verdict) => verdict,
            None if self.status >= 400 => (status_says, self.status.to_compact_string()),
            None => (status_says, Text::default()),
        };
        let operation = self.graphql.as_deref().map_or(self.operation, graphql::operation);
        let row: Box<dyn Row> = match self.row {
            OpenRow::Request(mut row) => {
                (row.request_body_size, row.request_cut) = (size, is_cut);
                if let Some(snippet) = self.snippet {
                    if !paths.is_empty() {
                        row.request_json =
                            paths.read(&snippet.plain(self.caps.body_bytes_max), secrets);
                    }
                    row.request_body = snippet.into_text(secrets);
                }
                match self.graphql {
                    Some(asked) => graphql::request_1(*row, *asked),
                    None => row,
                }
            }
            OpenRow::Response(mut row) => {
                (row.response_body_size, row.response_cut) = (size, is_cut);
                let is_shown = self.status >= 400 || errors.count > 0;
                let text = self.snippet.filter(|_| is_shown).map(|s| s.into_text(secrets));
                row.response_body = text.unwrap_or_default();
                match self.answers_graphql {
                    true => graphql::response_1(*row, errors),
                    false => row,
                }
            }
        };
        let inner: Option<&'static Protocol> = is_graphql.then_some(&graphql::HTTP1);
        Message {
            kind: self.kind,
            direction,
            key: 0,
            first: self.first,
            last: self.last,
            bytes: self.bytes,
            units: 1,
            operation,
            outcome,
            status: i64::from(self.status),
            error,
            trace: self.trace,
            inner,
            row,
        }
    }
}

impl Sink for Open {
    fn data(&mut self, bytes: &[u8]) {
        self.content = self.content.saturating_add(bytes.len() as u64);
        if let Some(snippet) = &mut self.snippet {
            snippet.push(bytes);
        }
    }

    fn trailer(&mut self, line: &[u8]) {
        match &mut self.row {
            OpenRow::Request(row) => trailer(line, &mut row.request_headers, self.caps),
            OpenRow::Response(row) => trailer(line, &mut row.response_headers, self.caps),
        }
    }
}
