//! Messages -> calls: requests find their responses, in order or by id; what stays alone says why.
//! Who called whom, and what it means for error rates, is decided where calls meet connections.

mod correlate;
pub mod fields;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::anomaly::AnomalyKind;
use crate::dissect::{Kind, Message, Pairing, Protocol};
use crate::limits::Limits;
use crate::outcome::Outcome;

pub use correlate::Correlation;

use queue::{Queue, Ticket, Waiting};

/// Why a request has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unanswered {
    /// It has one, or it is a response or one-way message itself.
    #[default]
    No,
    /// The connection was reset.
    Reset,
    /// The server closed the connection.
    Closed,
    /// The caller gave up first, or no answer came in time.
    Timeout,
    /// Bytes of the response's direction were not captured.
    Gap,
    /// The capture ended first.
    CaptureEnd,
    /// Too many requests were waiting.
    Limit,
}

impl Unanswered {
    pub fn name(self) -> &'static str {
        match self {
            Unanswered::No => "",
            Unanswered::Reset => "reset",
            Unanswered::Closed => "closed",
            Unanswered::Timeout => "timeout",
            Unanswered::Gap => "gap",
            Unanswered::CaptureEnd => "capture_end",
            Unanswered::Limit => "limit",
        }
    }

    /// What the missing response means for the caller.
    pub fn outcome(self) -> Outcome {
        match self {
            Unanswered::Reset | Unanswered::Closed => Outcome::Reset,
            Unanswered::Timeout => Outcome::Timeout,
            _ => Outcome::Unknown,
        }
    }
}

/// One API call, or half of it, or a one-way message.
#[derive(Debug)]
pub struct Call {
    pub request: Option<Message>,
    pub response: Option<Message>,
    pub unanswered: Unanswered,
    /// Protocol messages of requests seen, repeats included.
    pub requests: u32,
    /// Protocol messages of responses seen, interim ones included.
    pub responses: u32,
}

impl Call {
    fn whole(waiting: Waiting, response: Message) -> Self {
        Call {
            request: Some(waiting.request),
            unanswered: Unanswered::No,
            requests: waiting.requests,
            responses: waiting.interim.saturating_add(response.units),
            response: Some(response),
        }
    }

    fn alone(waiting: Waiting, unanswered: Unanswered) -> Self {
        Call {
            request: Some(waiting.request),
            response: None,
            unanswered,
            requests: waiting.requests,
            responses: waiting.interim,
        }
    }

    /// Nobody answers it.
    pub fn one_way(message: Message) -> Self {
        Call {
            requests: message.units,
            responses: 0,
            request: Some(message),
            response: None,
            unanswered: Unanswered::No,
        }
    }

    fn response_only(response: Message) -> Self {
        Call {
            request: None,
            unanswered: Unanswered::No,
            requests: 0,
            responses: response.units,
            response: Some(response),
        }
    }

    /// The protocol inside its connection's that it is of, if it is.
    pub fn inner(&self) -> Option<&'static Protocol> {
        let of = |message: &Option<Message>| message.as_ref().and_then(|m| m.inner);
        of(&self.request).or_else(|| of(&self.response))
    }

    /// Time of its first byte.
    pub fn first_ns(&self) -> i64 {
        self.request.as_ref().or(self.response.as_ref()).map_or(0, |m| m.first.ts_ns)
    }
}

/// Pairs the messages of one connection.
#[derive(Debug)]
pub struct Pairer {
    pairing: Pairing,
    waiting: Queue,
    /// Responses that came before their request was complete (an early error, a lost request).
    early: VecDeque<Message>,
}

impl Pairer {
    pub fn new(pairing: Pairing) -> Self {
        Pairer { pairing, waiting: Queue::default(), early: VecDeque::new() }
    }

    /// Requests that wait for a response.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a message in and hands out the calls that are complete with it.
    pub fn push(
        &mut self,
        message: Message,
        limits: &Limits,
        mut out: impl FnMut(Call),
        mut anomaly: impl FnMut(AnomalyKind, &Message),
    ) {
        match message.kind {
            Kind::OneWay => out(Call::one_way(message)),
            Kind::Request => {
                if self.waiting.len() >= limits.calls_pending_max
                    && let Some(oldest) = self.waiting.pop_oldest()
                {
                    anomaly(AnomalyKind::CallsPendingLimit, &oldest.request);
                    out(Call::alone(oldest, Unanswered::Limit));
                }
                self.request(message, out);
            }
            Kind::Response => self.response(message, limits, out),
            Kind::Interim => {
                match self.asked(&message).and_then(|ticket| self.waiting.get_mut(ticket)) {
                    Some(waiting) => {
                        waiting.interim = waiting.interim.saturating_add(message.units)
                    }
                    None => out(Call::response_only(message)),
                }
            }
        }
    }

    /// The request that `response` answers.
    fn asked(&self, response: &Message) -> Option<Ticket> {
        let direction = response.direction.reverse();
        match self.pairing {
            Pairing::ById => self.waiting.keyed(direction, response.key),
            Pairing::InOrder | Pairing::OneWay => self.waiting.first(direction),
        }
    }

    fn request(&mut self, request: Message, mut out: impl FnMut(Call)) {
        let has_id = self.pairing == Pairing::ById;
        let twin = self.waiting.keyed(request.direction, request.key).filter(|_| has_id);
        if let Some(twin) = twin.and_then(|ticket| self.waiting.get_mut(ticket)) {
            twin.requests = twin.requests.saturating_add(request.units); // the same once more
            return;
        }
        let requests = request.units;
        let waiting = Waiting { request, requests, interim: 0 };
        while let Some(early) = self.early.pop_front() {
            let answers = self.pairing == Pairing::InOrder
                && early.direction != waiting.request.direction
                && waiting.request.first.ts_ns <= early.first.ts_ns
                && self.waiting.is_empty();
            if answers {
                return out(Call::whole(waiting, early));
            }
            out(Call::response_only(early));
        }
        self.waiting.push(waiting, has_id);
    }

    fn response(&mut self, response: Message, limits: &Limits, mut out: impl FnMut(Call)) {
        match self.asked(&response).and_then(|ticket| self.waiting.remove(ticket)) {
            Some(waiting) => out(Call::whole(waiting, response)),
            None if self.pairing == Pairing::InOrder => {
                self.early.push_back(response);
                if self.early.len() > limits.calls_pending_max
                    && let Some(oldest) = self.early.pop_front()
                {
                    out(Call::response_only(oldest));
                }
            }
            None => out(Call::response_only(response)),
        }
    }

    /// Hands out requests that began before `before_ns` as unanswered.
    pub fn expire(&mut self, before_ns: i64, mut out: impl FnMut(Call)) {
        while self.waiting.oldest().is_some_and(|w| w.request.first.ts_ns < before_ns) {
            if let Some(waiting) = self.waiting.pop_oldest() {
                out(Call::alone(waiting, Unanswered::Timeout));
            }
        }
    }

    /// The connection is over: hands out all halves; `reason` tells it for each request.
    pub fn finish(&mut self, reason: impl Fn(&Message) -> Unanswered, mut out: impl FnMut(Call)) {
        for early in self.early.drain(..) {
            out(Call::response_only(early));
        }
        while let Some(waiting) = self.waiting.pop_oldest() {
            let reason = reason(&waiting.request);
            out(Call::alone(waiting, reason));
        }
    }
}
