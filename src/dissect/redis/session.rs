//! What a connection's commands have switched on: which replies are to come, and which values come
//! without being asked for (pub/sub messages, MONITOR's lines, pushes).

use std::collections::VecDeque;

use super::super::Kind;
use super::super::text::text;
use super::command::verb;
use super::parse::{Reader, Words};
use crate::field::Text;

/// What a command will be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Reply,
    /// One confirmation for each channel; the first one is the reply.
    Confirmations {
        left: i64,
        is_answered: bool,
    },
    /// OK, then every command that the server runs.
    Monitor,
    /// The replication stream.
    Replication,
}

/// `CLIENT REPLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replies {
    On,
    Off,
    SkipNext,
}

#[derive(Debug)]
pub struct Session {
    expected: VecDeque<Expected>,
    expected_max: usize,
    replies: Replies,
    is_subscribed: bool,
    is_monitor: bool,
    /// The connection carries a replication stream from here on.
    pub is_replica: bool,
}

impl Session {
    pub fn new(expected_max: usize) -> Self {
        Session {
            expected: VecDeque::new(),
            expected_max,
            replies: Replies::On,
            is_subscribed: false,
            is_monitor: false,
            is_replica: false,
        }
    }

    /// Commands or replies were lost: which reply comes next is not known any more.
    pub fn forget(&mut self) {
        self.expected.clear();
    }

    /// Notes a command of `count` words: whether a reply to it is to come.
    pub fn command(&mut self, verb: &str, words: &Words, count: i64) -> Kind {
        let is = |at, word: &str| words.get(at).eq_ignore_ascii_case(word.as_bytes());
        let was = self.replies;
        if was == Replies::SkipNext {
            self.replies = Replies::On;
        }
        if verb == "CLIENT" && is(1, "REPLY") {
            self.replies = match () {
                _ if is(2, "OFF") => Replies::Off,
                _ if is(2, "SKIP") && was == Replies::On => Replies::SkipNext,
                _ if is(2, "ON") => Replies::On,
                _ => self.replies,
            };
        } else if was != Replies::On {
            return Kind::OneWay;
        }
        if self.replies != Replies::On || verb == "SYNC" {
            self.is_replica |= verb == "SYNC";
            return Kind::OneWay;
        }
        self.expect(match verb {
            "MONITOR" => Expected::Monitor,
            "PSYNC" => Expected::Replication,
            _ if verb.ends_with("SUBSCRIBE") => {
                Expected::Confirmations { left: (count - 1).max(1), is_answered: false }
            }
            _ => Expected::Reply,
        });
        Kind::Request
    }

    fn expect(&mut self, expected: Expected) {
        if self.expected.len() >= self.expected_max {
            self.expected.pop_front();
        }
        self.expected.push_back(expected);
    }

    /// Whether a value answers a command or stands alone.
    pub fn reply(&mut self, reader: &Reader) -> Kind {
        let is_list = matches!(reader.kind, b'*' | b'>');
        let name = if is_list { reader.words.get(0) } else { b"" };
        match name {
            b"message" | b"pmessage" | b"smessage" if self.is_unasked(reader) => Kind::OneWay,
            _ if is_confirmation(name) && reader.count == 3 => self.confirmation(reader),
            _ if reader.kind == b'>' => Kind::OneWay,
            _ if self.is_monitored(reader) => Kind::OneWay,
            _ => self.answer(reader),
        }
    }

    fn is_unasked(&self, reader: &Reader) -> bool {
        reader.kind == b'>' || self.is_subscribed || self.expected.is_empty()
    }

    /// `["subscribe", channel, subscriptions]`.
    fn confirmation(&mut self, reader: &Reader) -> Kind {
        self.is_subscribed = reader.words.get(2) != b"0";
        let Some(Expected::Confirmations { left, is_answered }) = self.expected.front_mut() else {
            return Kind::OneWay;
        };
        let kind = if *is_answered { Kind::OneWay } else { Kind::Response };
        (*left, *is_answered) = (*left - 1, true);
        if *left <= 0 {
            self.expected.pop_front();
        }
        kind
    }

    /// `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
    fn is_monitored(&self, reader: &Reader) -> bool {
        let line = reader.words.get(0);
        reader.kind == b'+'
            && (self.is_monitor || self.expected.is_empty())
            && line.first().is_some_and(u8::is_ascii_digit)
            && memchr::memmem::find(line, b" [").is_some()
    }

    fn answer(&mut self, reader: &Reader) -> Kind {
        let is_answered =
            |e: &Expected| matches!(e, Expected::Confirmations { is_answered, .. } if *is_answered);
        while self.expected.front().is_some_and(is_answered) {
            self.expected.pop_front();
        }
        let is_error = matches!(reader.kind, b'-' | b'!');
        match self.expected.pop_front() {
            Some(Expected::Monitor) => self.is_monitor = !is_error,
            Some(Expected::Replication) => self.is_replica = !is_error,
            _ => {}
        }
        Kind::Response
    }
}

fn is_confirmation(name: &[u8]) -> bool {
    matches!(
        name,
        b"subscribe"
            | b"psubscribe"
            | b"ssubscribe"
            | b"unsubscribe"
            | b"punsubscribe"
            | b"sunsubscribe"
    )
}

/// What a value that stands alone is called: `MESSAGE`, `INVALIDATE`, `MONITOR`.
pub fn push_name(reader: &Reader) -> Text {
    match reader.kind {
        b'+' => Text::const_new("MONITOR"),
        _ => verb(reader.words.get(0)),
    }
}

/// The channel of a pub/sub message.
pub fn channel(reader: &Reader) -> Text {
    let at = if reader.words.get(0) == b"pmessage" { 2 } else { 1 };
    if reader.kind == b'+' { Text::default() } else { text(reader.words.get(at), 64) }
}
