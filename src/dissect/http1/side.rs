//! What is remembered of one direction of an HTTP/1 connection.

use std::collections::VecDeque;

use super::super::http2::Adopted;
use super::super::{Mark, Message};
use super::body::Body;
use super::message::Open;
use super::parse::HeadLines;

/// Where reading of a direction stands.
#[derive(Debug, Default)]
pub enum State {
    /// Between messages, or in a head whose end has not come.
    #[default]
    Start,
    /// Looking for the next start line.
    Lost,
    Body(Body),
    /// A body, unless the response is one to a HEAD that was not captured.
    Unsure(Body),
}

/// A request that waits for its response: what decides how that one is framed.
#[derive(Debug)]
pub struct Asked {
    pub number: u64,
    pub is_head: bool,
    pub is_connect: bool,
    /// Its body turned out to be GraphQL.
    pub is_graphql: bool,
    /// It offers to go on in another protocol, which will want to know what was asked.
    pub upgrade: Option<Box<Adopted>>,
}

/// A copy of a head whose end has not come: when bytes are lost, the original goes with them.
#[derive(Debug)]
pub struct Partial {
    pub bytes: Vec<u8>,
    pub first: Mark,
    pub last: Mark,
}

#[derive(Debug, Default)]
pub struct Side {
    pub state: State,
    pub lines: HeadLines,
    pub partial: Option<Partial>,
    /// Bytes that were offered and not taken.
    pub unread: u64,
    /// The message whose body is being read.
    pub open: Option<Open>,
    /// Requests sent this way whose responses have not begun.
    pub asked: VecDeque<Asked>,
    pub asked_count: u64,
    /// Requests may have been lost, so that a response may be to another one than it seems.
    pub has_losses: bool,
    /// Responses that ended before their requests did, waiting so that requests come first.
    pub held: Vec<Message>,
}

impl Side {
    /// Notes a request; returns its number.
    pub fn ask(
        &mut self,
        is_head: bool,
        is_connect: bool,
        upgrade: Option<Box<Adopted>>,
        max: usize,
    ) -> u64 {
        self.asked_count += 1;
        if self.asked.len() >= max {
            self.asked.pop_front();
        }
        let number = self.asked_count;
        self.asked.push_back(Asked { number, is_head, is_connect, is_graphql: false, upgrade });
        self.asked_count
    }

    /// Whether what comes next may be of another protocol, as the next response will tell.
    pub fn may_leave(&self) -> bool {
        self.asked.back().is_some_and(|asked| asked.upgrade.is_some() || asked.is_connect)
    }

    /// A message or the search for one begins.
    pub fn enter(&mut self, state: State) {
        self.state = state;
        self.lines.clear();
        self.partial = None;
    }

    /// Keeps a copy of a head so far; `bytes` begin with what was kept last time.
    pub fn keep_partial(&mut self, bytes: &[u8], first: Mark, last: Mark) {
        let partial = self.partial.get_or_insert(Partial { bytes: Vec::new(), first, last });
        partial.bytes.extend_from_slice(bytes.get(partial.bytes.len()..).unwrap_or_default());
        partial.last = last;
    }
}
