//! QUIC (RFC 9000) -> the handshake of each connection: Initial packets are opened with the keys
//! that stand in them, and hold TLS hellos. Packets of data are opened where their secrets are known,
//! and hold the streams of HTTP/3; all others are passed over. A connection that moves to other
//! addresses is another one there.

mod crypto;
mod fields;
pub mod parse;
mod probe;
mod protection;
mod streams;

pub use fields::{QuicRequest, QuicResponse};

use self::crypto::Crypto;
use self::fields::{REQUEST, RESPONSE};
use self::parse::{
    Frame, INITIAL, LongHeader, RETRY, alert, any_long_header, error_name, frame, is_short,
};
use self::protection::{Keys, Traffic, Version, version};
use self::streams::Streams;
use super::text::text;
use super::tls::cipher::Suite;
use super::tls::parse::{CLIENT_HELLO, SERVER_HELLO, handshake, hello_random, server_hello};
use super::tls::{Handshake, Transport};
use super::{Carrier, Direction, Dissector, Feed, Kind, Mark, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::field::{Joined, Row, Text, ToCompactString, format_compact};
use crate::keylog::Label;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "quic",
    title: "QUIC",
    flag: "quic",
    table: "tls",
    spec: "RFC 9000, RFC 9001, RFC 9369",
    carriers: &[Carrier::Datagram],
    ports: &[443],
    pairing: Pairing::ById,
    counters: &[],
    request: &REQUEST,
    response: &RESPONSE,
    derived: &[],
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Quic {
        connection: None,
        client: Direction::ToServer,
        is_done: false,
        has_ended: [false; 2],
        count: 0,
        limits: limits.clone(),
    })
}

struct Quic {
    connection: Option<Connection>,
    /// The way the client sends.
    client: Direction,
    /// The handshake was handed on.
    is_done: bool,
    has_ended: [bool; 2],
    /// Connections so far.
    count: u64,
    limits: Limits,
}

/// A connection whose handshake is read.
struct Connection {
    version: &'static Version,
    /// Id from which the keys follow.
    id: Vec<u8>,
    client_keys: Option<Keys>,
    server_keys: Option<Keys>,
    secrets: Secrets,
    client: Crypto,
    server: Crypto,
    handshake: Handshake,
    is_retried: bool,
    close: Option<(u64, Text)>,
}

/// What opens packets of data.
#[derive(Default)]
struct Secrets {
    /// The client's random, by which secrets are known.
    random: Vec<u8>,
    suite: Option<Suite>,
    version: Option<&'static Version>,
    /// Bytes of the connection ids that client and server chose for themselves.
    client_id: usize,
    server_id: usize,
    /// Of packets that the client sends, and the server; once asked for.
    client: Option<Option<Traffic>>,
    server: Option<Option<Traffic>>,
    failures: u32,
    streams: Option<Box<Streams>>,
}

/// So many packets in a row that do not open have other keys.
const FAILURES_MAX: u32 = 16;

impl Connection {
    fn new(version: &'static Version, id: &[u8]) -> Self {
        Connection {
            version,
            id: id.to_vec(),
            client_keys: Keys::initial(version, id, true),
            server_keys: Keys::initial(version, id, false),
            secrets: Secrets::default(),
            client: Crypto::default(),
            server: Crypto::default(),
            handshake: Handshake::default(),
            is_retried: false,
            close: None,
        }
    }

    /// Opens an Initial packet; a server may answer in another version, whose keys follow from the
    /// same id (RFC 9368).
    fn open(
        &self,
        version: &Version,
        is_client: bool,
        packet: &[u8],
        number_at: usize,
    ) -> Option<Vec<u8>> {
        if version != self.version {
            return Keys::initial(version, &self.id, is_client)?.open(packet, number_at);
        }
        let keys = if is_client { &self.client_keys } else { &self.server_keys };
        keys.as_ref()?.open(packet, number_at)
    }
}

impl Dissector for Quic {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mut rest = slice.bytes;
        // Packets that share a datagram (RFC 9000 section 12.2).
        while !rest.is_empty() {
            let taken = self.packet(slice.direction, rest, slice.mark_at(0), out);
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
        Feed::Taken(slice.bytes.len())
    }

    fn gap(&mut self, _: Direction, _: u64, _: Mark, _: &mut Output) {}

    fn end(&mut self, way: Direction, _: Slice<'_>, out: &mut Output) {
        if let Some(ended) = self.has_ended.get_mut(way.index()) {
            *ended = true;
        }
        if self.has_ended == [true; 2] {
            self.finish(out);
            self.end_streams(out);
        }
    }
}

impl Quic {
    /// Reads one packet; how many bytes it has.
    fn packet(&mut self, way: Direction, bytes: &[u8], at: Mark, out: &mut Output) -> usize {
        if is_short(bytes) {
            self.short(way, bytes, at, out);
            return bytes.len();
        }
        let header = any_long_header(bytes);
        let Some((header, version)) = header.and_then(|h| version(h.version).map(|v| (h, v)))
        else {
            return bytes.len();
        };
        let kind = version.packet_type(header.type_bits);
        if kind == RETRY {
            if let Some(connection) = &mut self.connection {
                connection.is_retried = true;
            }
            return bytes.len();
        }
        let Some((number_at, end)) = header.place(bytes, kind) else { return bytes.len() };
        if let Some(packet) = bytes.get(..end).filter(|_| kind == INITIAL) {
            self.initial(way, version, header, (packet, number_at), at, out);
        }
        end
    }

    /// The client's first packet under the keys of the handshake is its end.
    fn short(&mut self, way: Direction, bytes: &[u8], at: Mark, out: &mut Output) {
        let Some(connection) = &mut self.connection else { return };
        if way == self.client && connection.handshake.has_answer() {
            connection.handshake.complete(at);
            self.finish(out);
        }
        self.data(way, bytes, at, out);
    }

    /// Opens a packet of data, where there are secrets.
    fn data(&mut self, way: Direction, bytes: &[u8], at: Mark, out: &mut Output) {
        let (is_client, limits, client) = (way == self.client, &self.limits, self.client);
        let Some(connection) = &mut self.connection else { return };
        let version = connection.secrets.version.unwrap_or(connection.version);
        let Secrets {
            random,
            suite,
            client_id,
            server_id,
            client: own,
            server: other,
            failures,
            streams,
            ..
        } = &mut connection.secrets;
        let Some(suite) = *suite else { return };
        let (label, traffic, id_bytes) = match is_client {
            true => (Label::ClientTraffic, own, *server_id),
            false => (Label::ServerTraffic, other, *client_id),
        };
        let traffic = traffic.get_or_insert_with(|| {
            Traffic::new(version, suite, limits.keys.secret(label, random)?)
        });
        let Some(plain) = traffic.as_mut().map(|traffic| traffic.open(bytes, id_bytes)) else {
            return;
        };
        let Some(plain) = plain else {
            out.anomaly(AnomalyKind::TlsUndecrypted, at);
            *failures += 1;
            if *failures >= FAILURES_MAX {
                *traffic = None;
            }
            return;
        };
        *failures = 0;
        let streams = streams.get_or_insert_with(|| Box::new(Streams::new(limits, client)));
        let mut found = Output::default();
        let mut rest = plain.as_slice();
        while let Some((frame, after)) = frame(rest) {
            rest = after;
            match frame {
                Frame::Stream { id, offset, data, is_last } => {
                    streams.push(way, id, (offset, data, is_last), at, &mut found);
                }
                Frame::Reset { id, .. } => streams.reset(way, id, at, &mut found),
                Frame::Close { .. } => streams.finish(&mut found),
                Frame::Crypto { .. } | Frame::Other => {}
            }
        }
        self.hand_on(found, out);
    }

    /// Hands on calls of HTTP/3; the keys of a connection are its own.
    fn hand_on(&self, found: Output, out: &mut Output) {
        out.anomalies.extend(found.anomalies);
        out.messages.extend(found.messages.into_iter().map(|message| {
            let key = self.count << 40 | (message.key + 2);
            super::Message { key, ..message }
        }));
    }

    /// The streams of the connection at hand will not go on.
    fn end_streams(&mut self, out: &mut Output) {
        let connection = self.connection.as_mut();
        let Some(mut streams) = connection.and_then(|c| c.secrets.streams.take()) else { return };
        let mut found = Output::default();
        streams.finish(&mut found);
        self.hand_on(found, out);
    }

    fn initial(
        &mut self,
        way: Direction,
        version: &'static Version,
        header: LongHeader<'_>,
        (packet, number_at): (&[u8], usize),
        at: Mark,
        out: &mut Output,
    ) {
        let is_client = way == self.client;
        let opened = self
            .connection
            .as_ref()
            .and_then(|known| known.open(version, is_client, packet, number_at));
        if let Some(plain) = opened {
            if let Some(connection) = self.connection.as_mut().filter(|_| !is_client) {
                connection.secrets.server_id = header.source.len();
                connection.secrets.version = Some(version); // the one that both go on in
            }
            return self.frames(way, &plain, packet.len(), at, out);
        }
        // Another id: a client begins, or does so again after a Retry.
        let mut fresh = Connection::new(version, header.destination);
        let Some(plain) = fresh.open(version, true, packet, number_at) else { return };
        fresh.secrets.client_id = header.source.len();
        match self.connection.take() {
            Some(old) if old.is_retried && !old.handshake.has_answer() => {
                fresh.handshake = old.handshake;
                fresh.is_retried = true;
            }
            old => {
                self.connection = old;
                self.finish(out);
                self.end_streams(out);
                self.count += 1;
            }
        }
        self.is_done = false;
        self.client = way;
        self.connection = Some(fresh);
        self.frames(way, &plain, packet.len(), at, out);
    }

    /// Reads the frames of an Initial packet.
    fn frames(&mut self, way: Direction, plain: &[u8], size: usize, at: Mark, out: &mut Output) {
        let is_client = way == self.client;
        let max = self.limits.tls_handshake_bytes_max;
        let Some(connection) = self.connection.as_mut().filter(|_| !self.is_done) else { return };
        connection.handshake.record(is_client, size as u64, at, at);
        let mut rest = plain;
        while let Some((frame, after)) = frame(rest) {
            rest = after;
            let crypto = if is_client { &mut connection.client } else { &mut connection.server };
            match frame {
                Frame::Crypto { offset, data } if !crypto.push(offset, data, max) => {
                    out.anomaly(AnomalyKind::TlsHandshakeLimit, at);
                }
                Frame::Close { code, reason } => {
                    connection.close = Some((code, text(reason, self.limits.field_bytes_max)));
                    match alert(code) {
                        Some(alert) => drop(connection.handshake.alert(way, 2, alert, at)),
                        None if code != 0 => connection.handshake.close(at),
                        None => {}
                    }
                }
                _ => {}
            }
        }
        let crypto = if is_client { &mut connection.client } else { &mut connection.server };
        while let Some((kind, body, after)) = handshake(crypto.ready()) {
            let count = crypto.ready().len() - after.len();
            match kind {
                CLIENT_HELLO => {
                    connection.secrets.random = hello_random(body).unwrap_or_default().to_vec();
                }
                SERVER_HELLO => {
                    let answer = server_hello(body).filter(|answer| !answer.is_retry);
                    connection.secrets.suite = answer.and_then(|answer| Suite::of(answer.suite));
                }
                _ => {}
            }
            if !connection.handshake.message(kind, body) {
                out.anomaly(AnomalyKind::TlsMalformed, at);
            }
            crypto.take(count);
        }
        if connection.close.is_some() {
            self.finish(out);
        }
    }

    /// Hands on the handshake.
    fn finish(&mut self, out: &mut Output) {
        let Some(connection) = self.connection.as_mut().filter(|_| !self.is_done) else { return };
        self.is_done = true;
        let mut found = Output::default();
        let handshake = std::mem::take(&mut connection.handshake);
        handshake.finish(self.client, Transport::Quic, self.limits.field_bytes_max, &mut found);
        for mut message in found.messages {
            message.row = match message.kind {
                Kind::Request => Box::new(request(message.row, connection)),
                _ => Box::new(response(message.row, connection)),
            };
            if let Some((code, _)) = connection.close.as_ref().filter(|_| message.error.is_empty())
            {
                message.error = close_name(*code);
            }
            message.key = self.count << 40 | 1;
            out.messages.push(message);
        }
    }
}

/// `NO_ERROR` closes in good order.
fn close_name(code: u64) -> Text {
    match (code, error_name(code)) {
        (0, _) => Text::default(),
        (_, Some(name)) => Text::const_new(name),
        (code, None) => format_compact!("0x{code:x}"),
    }
}

fn request(first: Box<dyn Row>, connection: &Connection) -> Joined<Box<dyn Row>, QuicRequest> {
    let id: String = connection.id.iter().map(|byte| format!("{byte:02x}")).collect();
    let second = QuicRequest {
        quic_version: match connection.version.number {
            0x6b33_43cf => Text::const_new("2"),
            number => number.to_compact_string(),
        },
        quic_connection: id.into(),
        quic_retried: connection.is_retried,
    };
    Joined { fields: &REQUEST, first, second }
}

fn response(first: Box<dyn Row>, connection: &Connection) -> Joined<Box<dyn Row>, QuicResponse> {
    let (error, reason) = match &connection.close {
        Some((code, reason)) => (close_name(*code), reason.clone()),
        None => Default::default(),
    };
    let second = QuicResponse { quic_error: error, quic_reason: reason };
    Joined { fields: &RESPONSE, first, second }
}

#[cfg(test)]
pub(super) mod tests;

#[cfg(test)]
mod data_tests;
