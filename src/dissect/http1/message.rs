//! A message between its head and its end: counts what passes and becomes a [`Message`].

use super::super::http::{Caps, HttpRequest, HttpResponse, Snippet, outcome};
use super::super::{Direction, Kind, Mark, Message, Trace};
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
    caps: Caps,
}

#[derive(Debug)]
enum OpenRow {
    Request(Box<HttpRequest>),
    Response(Box<HttpResponse>),
}

impl Open {
    pub fn request(head: RequestHead, number: u64, first: Mark, caps: Caps) -> Self {
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
            snippet: None,
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
            caps,
        }
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
    pub fn into_message(self, direction: Direction, is_cut: bool) -> Message {
        let size = i64::try_from(self.content).unwrap_or(i64::MAX);
        let text = self.snippet.map(|snippet| snippet.into_text(self.caps.secrets));
        let row: Box<dyn Row> = match self.row {
            OpenRow::Request(mut row) => {
                (row.request_body_size, row.request_cut) = (size, is_cut);
                row
            }
            OpenRow::Response(mut row) => {
                (row.response_body_size, row.response_cut) = (size, is_cut);
                row.response_body = text.unwrap_or_default();
                row
            }
        };
        Message {
            kind: self.kind,
            direction,
            key: 0,
            first: self.first,
            last: self.last,
            bytes: self.bytes,
            units: 1,
            operation: self.operation,
            outcome: outcome(self.status),
            status: i64::from(self.status),
            error: if self.status >= 400 {
                self.status.to_compact_string()
            } else {
                Text::default()
            },
            trace: self.trace,
            inner: None,
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
