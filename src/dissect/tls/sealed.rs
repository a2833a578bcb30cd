//! Sealed records of a connection whose keys are known: their content goes to the handshake, or to
//! whoever reads what is inside. After a loss the next record is the next bytes that open.

use super::super::{Direction, Inside, Output};
use super::cipher::{Plain, Sealed};
use super::decrypt::Opened;
use super::parse::{
    Content, FINISHED, KEY_UPDATE, RECORD_HEADER_BYTES, RecordHeader, begins_hello, content,
    handshake, record_header,
};
use super::{State, Tls, Unread};
use crate::anomaly::AnomalyKind;

impl Tls {
    /// Whether a record of this side is sealed, and there are keys that may open it.
    pub(super) fn opens(&mut self, way: Direction, content: Content) -> bool {
        let is_client = way == self.client;
        let is_sealed = self.side(way).is_encrypted || content == Content::ApplicationData;
        match &mut self.decryption {
            Some(decryption) if is_sealed => decryption.opens(is_client),
            _ => false,
        }
    }

    /// Reads a sealed record that has to be whole; how many bytes it took.
    pub(super) fn sealed(
        &mut self,
        header: RecordHeader,
        unread: Unread<'_>,
        out: &mut Output,
    ) -> Option<usize> {
        let way = unread.slice.direction;
        let total = RECORD_HEADER_BYTES + header.length;
        if unread.bytes.len() < total {
            self.side(way).awaited = Some(total as u64);
            return None;
        }
        self.side(way).awaited = None;
        let mut opened = self.open(unread, total, false);
        if opened.is_none() {
            out.anomaly(AnomalyKind::TlsUndecrypted, unread.first());
        }
        self.count(header, opened.as_ref().map(|(plain, _)| plain), unread, total, out);
        if let Some((plain, lost)) = opened.take() {
            self.opened(plain, lost, unread, total, out);
        }
        Some(total)
    }

    fn open(&mut self, unread: Unread<'_>, total: usize, guess: bool) -> Option<(Plain, u64)> {
        let is_client = unread.slice.direction == self.client;
        let (header, payload) = unread.bytes.get(..total)?.split_first_chunk()?;
        let record = Sealed { header: *header, payload };
        match self.decryption.as_mut()?.open(is_client, record, guess) {
            Opened::Plain(plain, lost) => Some((plain, lost)),
            Opened::Failed => None,
        }
    }

    /// What records say by coming, as without keys.
    fn count(
        &mut self,
        header: RecordHeader,
        plain: Option<&Plain>,
        unread: Unread<'_>,
        total: usize,
        out: &mut Output,
    ) {
        let way = unread.slice.direction;
        let last = unread.last_of(total);
        match (header.content, plain) {
            _ if self.is_done => {}
            (Content::Handshake, _) => {
                self.handshake.record(way == self.client, total as u64, unread.first(), last);
                self.finished(way, last, out);
            }
            // In TLS 1.3 what is inside tells more.
            (Content::ApplicationData, Some(_)) if self.handshake.is_13() => {}
            (Content::ApplicationData, _) => self.pass(way, header, unread, out),
            _ => {}
        }
    }

    /// The content of a record, with `lost` bytes of data before it.
    fn opened(
        &mut self,
        plain: Plain,
        lost: u64,
        unread: Unread<'_>,
        total: usize,
        out: &mut Output,
    ) {
        let way = unread.slice.direction;
        if lost > 0 {
            out.inside.push(Inside::Gap(way, lost, unread.first()));
        }
        match content(plain.content) {
            Some(Content::ApplicationData) => hand_on(&plain, unread, out),
            Some(Content::Handshake) => self.inner_messages(way, &plain.bytes, unread, total, out),
            Some(Content::Alert) if !self.is_done => {
                if let &[level @ 1..=2, description] = plain.bytes.as_slice() {
                    self.alert_said(way, level, description, unread.last_of(total), out);
                }
            }
            _ => {}
        }
    }

    /// Handshake messages that were sealed.
    fn inner_messages(
        &mut self,
        way: Direction,
        bytes: &[u8],
        unread: Unread<'_>,
        total: usize,
        out: &mut Output,
    ) {
        let is_client = way == self.client;
        let first = handshake(bytes).map(|(kind, ..)| kind);
        if first == Some(KEY_UPDATE)
            && let Some(decryption) = &mut self.decryption
        {
            decryption.update(is_client);
        }
        if self.is_done || !self.handshake.is_13() {
            return;
        }
        let kinds = self.messages(way, bytes, unread.first(), out);
        if is_client && kinds.contains(&FINISHED) {
            self.complete(unread.last_of(total), out);
        }
    }

    /// After a loss: the next bytes that open as a record.
    pub(super) fn find_sealed(&mut self, unread: Unread<'_>, out: &mut Output) -> Option<usize> {
        let (way, bytes) = (unread.slice.direction, unread.bytes);
        let is_likely = |at: &usize| bytes.get(*at..).is_some_and(may_begin);
        let at = (0..bytes.len()).find(is_likely).unwrap_or(bytes.len());
        if at > 0 {
            self.note_lost(way, at as u64, false);
            return Some(at);
        }
        if begins_hello(bytes) {
            self.side(way).state = State::Record;
            return Some(0);
        }
        let Some(header) = record_header(bytes) else {
            if bytes.len() < RECORD_HEADER_BYTES {
                return None;
            }
            self.note_lost(way, 1, false);
            return Some(1);
        };
        let total = RECORD_HEADER_BYTES + header.length;
        if bytes.len() < total {
            return None;
        }
        let Some((plain, lost)) = self.open(unread, total, true) else {
            self.note_lost(way, 1, false);
            return Some(1);
        };
        self.side(way).state = State::Record;
        self.side(way).is_encrypted = !self.handshake.is_13();
        self.opened(plain, lost, unread, total, out);
        Some(total)
    }

    /// Bytes of sealed records that were not read.
    pub(super) fn note_lost(&mut self, way: Direction, bytes: u64, is_one: bool) {
        let is_client = way == self.client;
        if let Some(decryption) = self.decryption.as_mut().filter(|_| bytes > 0) {
            decryption.lost(is_client, bytes, is_one);
        }
    }
}

/// Whether a record may begin here.
fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23] | [20..=23, 3] | [20..=23, 3, 0..=4, ..])
}

/// Passes data on as the packets brought them.
fn hand_on(plain: &Plain, unread: Unread<'_>, out: &mut Output) {
    let way = unread.slice.direction;
    let start = unread.at + RECORD_HEADER_BYTES + plain.prefix;
    let end = start + plain.bytes.len();
    let later =
        unread.slice.marks.iter().map(|(at, _)| *at).filter(|at| (start + 1..end).contains(at));
    let mut from = start;
    for to in later.chain([end]) {
        let piece = plain.bytes.get(from - start..to - start).unwrap_or_default();
        if !piece.is_empty() {
            out.inside.push(Inside::Bytes(way, piece.to_vec(), unread.slice.mark_at(from)));
        }
        from = to;
    }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
