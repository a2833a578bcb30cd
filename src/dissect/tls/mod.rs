//! TLS and SSL 3.0 (RFC 5246, RFC 8446): the handshake -> one request and one response, from the
//! ClientHello to the end of the handshake or the alert that stopped it. What comes after is
//! encrypted: with keys its plaintext is handed on, without them it is passed over, record by record.

pub(super) mod chacha;
pub(super) mod cipher;
mod decrypt;
mod fields;
mod fingerprint;
mod handshake;
pub mod parse;
mod probe;
pub(super) mod schedule;
mod sealed;
mod suites;
mod x509;

pub use fields::{TlsRequest, TlsResponse};
pub use fingerprint::Transport;
pub use handshake::Handshake;

use memchr::memchr_iter;

use self::decrypt::Decryption;
use self::parse::{
    CLIENT_HELLO, Content, RECORD_HEADER_BYTES, RecordHeader, SERVER_HELLO, begins_hello,
    handshake, record_header,
};
use super::unread::{Unread, steps};
use super::{Carrier, Direction, Dissector, Feed, Inside, Mark, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::keylog::KeyLog;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "tls",
    title: "TLS",
    flag: "tlsx",
    table: "tls",
    spec: "RFC 5246, RFC 8446",
    carriers: &[Carrier::Stream],
    ports: &[443],
    pairing: Pairing::InOrder,
    counters: &[],
    request: TlsRequest::FIELDS,
    response: TlsResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Tls {
        handshake: Handshake::default(),
        to_server: Side::default(),
        to_client: Side::default(),
        client: Direction::ToServer,
        is_done: false,
        keys: limits.keys.clone(),
        decryption: None,
        handshake_bytes_max: limits.tls_handshake_bytes_max,
        records_ahead_max: limits.tls_records_ahead_max,
        field_bytes_max: limits.field_bytes_max,
    })
}

struct Tls {
    handshake: Handshake,
    to_server: Side,
    to_client: Side,
    /// The way the client sends, as hellos tell.
    client: Direction,
    /// The handshake was handed on.
    is_done: bool,
    keys: KeyLog,
    /// What opens this connection's records, while there are any keys.
    decryption: Option<Box<Decryption>>,
    handshake_bytes_max: usize,
    records_ahead_max: u64,
    field_bytes_max: usize,
}

/// One direction.
#[derive(Default)]
struct Side {
    state: State,
    /// A handshake message that goes on in the next record.
    message: Vec<u8>,
    /// Handshake records are encrypted from here on.
    is_encrypted: bool,
    /// The encrypted end of the handshake was seen.
    is_finished: bool,
    /// Length of the sealed record that is not all there yet.
    awaited: Option<u64>,
    unread: u64,
    has_ended: bool,
}

#[derive(Default)]
enum State {
    /// A record begins.
    #[default]
    Record,
    /// So many bytes of a record are still to come.
    Skip(u64),
    /// Looking for the next hello or alert.
    Lost,
}

impl Dissector for Tls {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let at = steps(slice, out, |unread, out| self.step(unread, out));
        self.side(slice.direction).unread = (slice.bytes.len() - at) as u64;
        Feed::Taken(at)
    }

    fn gap(&mut self, way: Direction, bytes: u64, _: Mark, _: &mut Output) {
        let side = self.side(way);
        let lost = bytes.saturating_add(std::mem::take(&mut side.unread));
        if let Some(total) = side.awaited.take() {
            side.state = State::Skip(total);
            self.note_lost(way, total, true);
        }
        let side = self.side(way);
        match &mut side.state {
            State::Skip(left) if lost < *left => *left -= lost,
            State::Skip(left) if lost == *left => side.state = State::Record,
            state => {
                let rest = if let State::Skip(left) = state { lost - *left } else { lost };
                *state = State::Lost;
                side.message.clear();
                self.note_lost(way, rest, false);
            }
        }
    }

    fn end(&mut self, way: Direction, _: Slice<'_>, out: &mut Output) {
        self.side(way).has_ended = true;
        if self.decryption.is_some() {
            out.inside.push(Inside::End(way));
        }
        if self.to_server.has_ended && self.to_client.has_ended {
            self.finish(out);
        }
    }
}

impl Tls {
    fn side(&mut self, way: Direction) -> &mut Side {
        match way {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Reads one thing; how many bytes it took, None when more must come first.
    fn step(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let way = unread.slice.direction;
        let side = self.side(way);
        match &mut side.state {
            State::Record => self.record(unread, out),
            State::Skip(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(unread.bytes.len());
                *left -= count as u64;
                if *left == 0 {
                    side.state = State::Record;
                }
                Some(count)
            }
            State::Lost => {
                let is_client = way == self.client;
                match self.decryption.as_mut().is_some_and(|keys| keys.opens(is_client)) {
                    true => self.find_sealed(unread, out),
                    false => self.search(unread),
                }
            }
        }
    }

    fn record(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let (way, bytes) = (unread.slice.direction, unread.bytes);
        if bytes.len() < RECORD_HEADER_BYTES {
            return None;
        }
        let Some(header) = record_header(bytes) else {
            out.anomaly(AnomalyKind::TlsMalformed, unread.first());
            self.lose(way);
            return Some(1);
        };
        if self.opens(way, header.content) && !begins_hello(bytes) {
            return self.sealed(header, unread, out);
        }
        let total = RECORD_HEADER_BYTES + header.length;
        let is_read = matches!(header.content, Content::Handshake | Content::Alert);
        if is_read && header.length > 0 && bytes.len() == RECORD_HEADER_BYTES {
            return None; // the next byte tells whether it is read
        }
        if !is_read || (self.is_done && bytes.get(RECORD_HEADER_BYTES) != Some(&CLIENT_HELLO)) {
            self.pass(way, header, unread, out);
            self.side(way).state = State::Skip(header.length as u64);
            if header.length == 0 {
                self.side(way).state = State::Record;
            }
            return Some(RECORD_HEADER_BYTES);
        }
        let payload = bytes.get(RECORD_HEADER_BYTES..total)?;
        let (first, last) = (unread.first(), unread.last_of(total));
        if begins_hello(bytes) {
            self.hello(way, bytes.get(5) == Some(&CLIENT_HELLO), out);
        }
        let is_client = way == self.client;
        if !self.is_done {
            self.handshake.record(is_client, total as u64, first, last);
            match header.content {
                Content::Alert => self.alert(way, payload, last, out),
                _ if self.side(way).is_encrypted => self.finished(way, last, out),
                _ => drop(self.messages(way, payload, first, out)),
            }
        }
        Some(total)
    }

    fn lose(&mut self, way: Direction) {
        let side = self.side(way);
        side.state = State::Lost;
        side.message.clear();
    }

    /// A hello begins: it tells who is who, and a second one after the end is another handshake.
    fn hello(&mut self, way: Direction, is_client: bool, out: &mut Output) {
        let is_again = match is_client {
            true => self.is_done || self.handshake.is_begun(),
            false => !self.is_done && self.handshake.is_answered(),
        };
        if is_again {
            self.finish(out);
            self.is_done = false;
            self.decryption = None;
            for side in [&mut self.to_server, &mut self.to_client] {
                (side.is_encrypted, side.is_finished) = (false, false);
                side.message.clear();
            }
        }
        self.client = if is_client { way } else { way.reverse() };
    }

    /// Records whose content is not read: what they say is that they came.
    fn pass(&mut self, way: Direction, header: RecordHeader, unread: Unread<'_>, out: &mut Output) {
        if self.is_done {
            return;
        }
        let last = unread.last_of(RECORD_HEADER_BYTES);
        let is_client = way == self.client;
        match header.content {
            Content::ChangeCipherSpec => {
                self.handshake.record(is_client, 6, unread.first(), last);
                self.side(way).is_encrypted = self.handshake.encrypts_after_change();
            }
            // In TLS 1.3 the client's first data end the handshake (early data come before).
            Content::ApplicationData
                if self.handshake.has_answer() && (is_client || !self.handshake.is_13()) =>
            {
                self.complete(last, out);
            }
            _ => {}
        }
    }

    /// An encrypted handshake record: the end of this side's handshake, up to TLS 1.2.
    fn finished(&mut self, way: Direction, at: Mark, out: &mut Output) {
        self.side(way).is_finished = true;
        if self.to_server.is_finished && self.to_client.is_finished {
            self.complete(at, out);
        }
    }

    fn complete(&mut self, at: Mark, out: &mut Output) {
        self.handshake.complete(at);
        self.finish(out);
    }

    fn alert(&mut self, way: Direction, payload: &[u8], at: Mark, out: &mut Output) {
        let &[level @ 1..=2, description] = payload else { return };
        if !self.side(way).is_encrypted {
            self.alert_said(way, level, description, at, out);
        }
    }

    fn alert_said(
        &mut self,
        way: Direction,
        level: u8,
        description: u8,
        at: Mark,
        out: &mut Output,
    ) {
        if self.handshake.alert(way, level, description, at) && !self.handshake.is_empty() {
            self.finish(out);
        }
    }

    /// Handshake messages, which records cut anywhere; their kinds come back.
    fn messages(&mut self, way: Direction, payload: &[u8], at: Mark, out: &mut Output) -> Vec<u8> {
        let mut kinds = Vec::new();
        let max = self.handshake_bytes_max;
        let is_client = way == self.client;
        let mut held = std::mem::take(&mut self.side(way).message);
        held.extend_from_slice(payload);
        let mut rest = held.as_slice();
        while let Some((kind, body, after)) = handshake(rest) {
            rest = after;
            kinds.push(kind);
            self.learn(is_client, kind, body);
            if !self.handshake.message(kind, body) {
                out.anomaly(AnomalyKind::TlsMalformed, at);
            }
            self.handshake.of_side(is_client, kind, body);
        }
        if rest.len() > max {
            out.anomaly(AnomalyKind::TlsHandshakeLimit, at);
            rest = &[];
        }
        self.side(way).message = rest.to_vec();
        kinds
    }

    /// What keys are made of, where there are secrets.
    fn learn(&mut self, is_client: bool, kind: u8, body: &[u8]) {
        if kind == CLIENT_HELLO && self.decryption.is_none() && !self.keys.is_empty() {
            let (max, ahead) = (self.handshake_bytes_max, self.records_ahead_max);
            self.decryption = Decryption::new(&self.keys, body, max, ahead).map(Box::new);
        }
        if let Some(decryption) = &mut self.decryption {
            decryption.message(is_client, kind, body);
        }
    }

    /// After a loss: the next hello.
    fn search(&mut self, unread: Unread<'_>) -> Option<usize> {
        const HELLO_BYTES: usize = 11;
        for at in memchr_iter(22, unread.bytes) {
            let rest = unread.bytes.get(at..).unwrap_or_default();
            let is_short = rest.len() < HELLO_BYTES && may_begin(rest);
            if is_short {
                return Some(at).filter(|at| *at > 0);
            }
            if begins_hello(rest) {
                self.side(unread.slice.direction).state = State::Record;
                return Some(at);
            }
        }
        Some(unread.bytes.len())
    }

    /// Hands on the handshake.
    fn finish(&mut self, out: &mut Output) {
        let handshake = std::mem::take(&mut self.handshake);
        handshake.finish(self.client, Transport::Tcp, self.field_bytes_max, out);
        self.is_done = true;
    }
}

/// Whether fewer bytes than a hello's first may be its first.
fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes, [22] | [22, 3] | [22, 3, 0..=4, ..])
        && bytes.get(5).is_none_or(|kind| matches!(*kind, CLIENT_HELLO | SERVER_HELLO))
}

#[cfg(test)]
pub(super) mod tests;
