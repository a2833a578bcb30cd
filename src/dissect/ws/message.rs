//! A message between its first and its last frame: counts what passes and becomes a [`Message`];
//! and what the upgrade agreed on, which stands in every row.

use super::super::graphql;
use super::super::http::{HttpRequest, HttpResponse};
use super::super::secret::Secrets;
use super::super::text::{cut, text};
use super::super::{Direction, Kind, Mark, Message, Outcome, operation};
use super::closing;
use super::fields::WsMessage;
use super::parse::{Extensions, FrameHeader, Opcode, extensions, outcome};
use crate::field::{Text, ToCompactString};
use crate::limits::Limits;

/// Text kept of a payload.
const TEXT_BYTES_MAX: usize = 256;

/// What is known of the connection since its upgrade.
#[derive(Debug)]
pub struct Agreement {
    /// The way the client sends; not known without the upgrade.
    pub client: Option<Direction>,
    pub extensions: Option<Extensions>,
    operation: Text,
    path: Text,
    subprotocol: Text,
    secrets: Secrets,
    /// Bytes of a text that are kept: more than are shown where it is GraphQL's.
    pub text_max: usize,
    field_max: usize,
}

impl Agreement {
    /// Of a connection whose upgrade was not captured.
    pub fn unknown(limits: &Limits) -> Self {
        Agreement {
            client: None,
            extensions: None,
            operation: Text::const_new("WS"),
            path: Text::default(),
            subprotocol: Text::default(),
            secrets: Secrets::new(limits),
            text_max: TEXT_BYTES_MAX,
            field_max: limits.field_bytes_max,
        }
    }

    pub fn new(
        limits: &Limits,
        client: Direction,
        request: &HttpRequest,
        response: &HttpResponse,
    ) -> Self {
        let header = |name: &str| response.response_headers.get(name).unwrap_or_default();
        let is_graphql = graphql::is_subprotocol(header("sec-websocket-protocol"));
        Agreement {
            client: Some(client),
            extensions: Some(extensions(header("sec-websocket-extensions"))),
            operation: operation::endpoint("WS", &request.path),
            path: request.path.clone(),
            subprotocol: Text::from(header("sec-websocket-protocol")),
            secrets: Secrets::new(limits),
            text_max: if is_graphql { limits.http_body_bytes_max } else { TEXT_BYTES_MAX },
            field_max: limits.field_bytes_max,
        }
    }

    /// Whether each message that goes `way` is compressed by itself.
    pub fn resets(&self, way: Direction) -> bool {
        let agreed = self.extensions.unwrap_or_default();
        if Some(way) == self.client { agreed.client_resets } else { agreed.server_resets }
    }

    /// The opening itself, which is no message of the protocol.
    pub fn opening(&self, at: Mark) -> Message {
        let way = self.client.map_or(Direction::ToServer, |client| client);
        let row = WsMessage { ws_opcode: Text::const_new("open"), ws_upgrades: 1, ..self.row() };
        let seen = Seen { first: at, last: at, bytes: 0 };
        Message { units: 0, ..self.message(way, seen, Outcome::Ok, row) }
    }

    fn row(&self) -> WsMessage {
        WsMessage {
            ws_subprotocol: self.subprotocol.clone(),
            ws_path: self.path.clone(),
            ..WsMessage::default()
        }
    }

    fn message(&self, way: Direction, seen: Seen, outcome: Outcome, row: WsMessage) -> Message {
        Message {
            kind: Kind::OneWay,
            direction: way,
            key: 0,
            first: seen.first,
            last: seen.last,
            bytes: seen.bytes,
            units: 1,
            operation: self.operation.clone(),
            outcome,
            status: row.ws_close_code,
            error: match outcome.is_failure() || outcome == Outcome::ClientError {
                true => row.ws_close_code.to_compact_string(),
                false => Text::default(),
            },
            trace: None,
            inner: None,
            row: Box::new(row),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    first: Mark,
    last: Mark,
    bytes: u64,
}

/// A message whose first frame was read.
#[derive(Debug)]
pub struct Open {
    opcode: Opcode,
    is_compressed: bool,
    seen: Seen,
    frames: i64,
    payload: u64,
    inflated: Option<u64>,
    text: Vec<u8>,
    text_max: usize,
    close: Option<(u16, String)>,
}

impl Open {
    pub fn new(header: FrameHeader, first: Mark, text_max: usize) -> Self {
        Open {
            opcode: header.opcode,
            is_compressed: header.is_compressed,
            seen: Seen { first, last: first, bytes: 0 },
            frames: 0,
            payload: 0,
            inflated: None,
            text: Vec::new(),
            text_max,
            close: None,
        }
    }

    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    pub fn last(&self) -> Mark {
        self.seen.last
    }

    /// One more frame, with a header of so many bytes.
    pub fn frame(&mut self, header_bytes: u64, last: Mark) {
        self.frames += 1;
        self.seen.bytes += header_bytes;
        self.seen.last = last;
    }

    /// So many bytes of payload passed.
    pub fn advance(&mut self, bytes: u64, last: Mark) {
        self.payload = self.payload.saturating_add(bytes);
        self.seen.bytes = self.seen.bytes.saturating_add(bytes);
        self.seen.last = last;
    }

    /// So many bytes of payload were not captured.
    pub fn lose(&mut self, bytes: u64, at: Mark) {
        self.payload = self.payload.saturating_add(bytes);
        self.seen.last = at;
    }

    /// How many of the next bytes of payload are of interest.
    pub fn wants(&self, is_inflated: bool) -> usize {
        match is_inflated {
            true => usize::MAX,
            false => self.text_max.saturating_sub(self.text.len()),
        }
    }

    /// Plain bytes of the payload; the first are kept.
    pub fn text(&mut self, plain: &[u8]) {
        let room = self.text_max.saturating_sub(self.text.len());
        self.text.extend_from_slice(plain.get(..room).unwrap_or(plain));
    }

    /// The payload's size once decompressed.
    pub fn inflated(&mut self, bytes: u64) {
        self.inflated = Some(bytes);
    }

    /// The payload of a control frame.
    pub fn control(&mut self, plain: &[u8]) {
        let last = self.seen.last;
        self.advance(plain.len() as u64, last);
        match self.opcode {
            Opcode::Close => self.close = Some(closing(plain)),
            _ => self.text(plain),
        }
    }

    /// `is_cut`: it ended before all of it was seen.
    pub fn into_message(self, way: Direction, is_cut: bool, agreement: &Agreement) -> Message {
        let is_client = agreement.client.is_none_or(|client| client == way);
        let length = self.inflated.unwrap_or(self.payload) as i64;
        let is_text = matches!(self.opcode, Opcode::Text | Opcode::Continuation)
            && (!self.is_compressed || self.inflated.is_some());
        let shown = match is_text {
            true => text(&self.text, TEXT_BYTES_MAX),
            false => Text::default(),
        };
        let shown = Text::from(cut(&agreement.secrets.body(&shown), TEXT_BYTES_MAX));
        let (code, reason) = self.close.unwrap_or_default();
        let mut row = WsMessage {
            ws_opcode: Text::const_new(self.opcode.name()),
            ws_request: is_client,
            ws_response: !is_client,
            ws_frames: self.frames,
            ws_compressed: self.is_compressed,
            ws_close_code: code.into(),
            ws_close_reason: Text::from(reason),
            ws_cut: is_cut,
            ..agreement.row()
        };
        if is_client {
            (row.ws_request_payload_data, row.ws_request_payload_length) = (shown, length);
        } else {
            (row.ws_response_payload_data, row.ws_response_payload_length) = (shown, length);
        }
        let said = match is_text && !is_cut && graphql::is_subprotocol(&agreement.subprotocol) {
            true => graphql::message(&self.text, agreement.field_max),
            false => None,
        };
        let Some(said) = said else {
            return agreement.message(way, self.seen, outcome(code), row);
        };
        let operation = said.asked.as_ref().map(graphql::operation);
        let verdict = graphql::verdict(&said.errors, Outcome::Ok);
        row.ws_graphql_type = said.kind;
        row.ws_graphql_fields = said.asked.map(|asked| asked.fields).unwrap_or_default();
        row.ws_graphql_errors = said.errors.count;
        let message = agreement.message(way, self.seen, Outcome::Ok, row);
        let (outcome, error) = verdict.unwrap_or((Outcome::Ok, Text::default()));
        let operation = operation.unwrap_or_else(|| message.operation.clone());
        Message { operation, outcome, error, ..message }
    }
}
