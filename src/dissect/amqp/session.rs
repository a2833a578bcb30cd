//! Channels of one connection: methods with their content, which answers are to come, and which
//! publishes wait for the broker's confirmation.

use std::collections::{BTreeMap, VecDeque};

use super::super::framer::Frame;
use super::super::text::cut;
use super::super::{Direction, Extent, Kind, Mark, Message, Outcome, Output};
use super::fields::{AmqpRequest, AmqpResponse};
use super::parse::{self, Method};
use crate::anomaly::AnomalyKind;
use crate::field::{Text, ToCompactString, format_compact};
use crate::limits::Limits;

/// Text kept of a summary.
const SUMMARY_BYTES_MAX: usize = 256;

/// A method whose content is not complete, or that is handed on at once.
#[derive(Debug)]
struct Open {
    id: (u16, u16),
    method: Method,
    channel: u16,
    first: Mark,
    last: Mark,
    bytes: u64,
    body_bytes: u64,
    body_seen: u64,
    content_type: Text,
}

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    key: u64,
    way: Direction,
    channel: u16,
    id: (u16, u16),
}

#[derive(Debug, Default)]
struct Channel {
    /// Per direction: the method whose content comes.
    open: [Option<Open>; 2],
    /// The broker confirms what is published; delivery tags count from 1.
    confirms: bool,
    next_tag: i64,
    /// Publishes that are not confirmed yet: tag and key.
    unconfirmed: VecDeque<(i64, u64)>,
}

#[derive(Debug)]
pub struct Session {
    channels: BTreeMap<u16, Channel>,
    channels_max: usize,
    asked: VecDeque<Asked>,
    asked_max: usize,
    next_key: u64,
}

impl Session {
    pub fn new(limits: &Limits) -> Self {
        Session {
            channels: BTreeMap::new(),
            channels_max: limits.amqp_channels_max,
            asked: VecDeque::new(),
            asked_max: limits.calls_pending_max,
            next_key: 0,
        }
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// Takes a frame.
    pub fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let number = parse::channel(frame.bytes);
        match frame.bytes.first() {
            Some(&parse::METHOD) => self.method(number, frame, way, out),
            Some(&parse::HEADER) => self.header(number, frame, way, out),
            Some(&parse::BODY) => self.body(number, frame, way, out),
            _ => {}
        }
    }

    fn method(&mut self, channel: u16, frame: Frame<'_>, way: Direction, out: &mut Output) {
        self.interrupted(channel, way, out);
        let Some(id) = parse::id(frame.bytes).filter(|id| parse::method_name(*id).is_some()) else {
            return;
        };
        let open = Open {
            id,
            method: parse::method(frame.bytes),
            channel,
            first: frame.first,
            last: frame.last,
            bytes: frame.total,
            body_bytes: 0,
            body_seen: 0,
            content_type: Text::default(),
        };
        if !parse::has_content(id) {
            return self.complete(open, way, out);
        }
        if self.channels.len() >= self.channels_max && !self.channels.contains_key(&channel) {
            out.anomaly(AnomalyKind::AmqpLimit, frame.first);
            self.channels.pop_first();
        }
        let channel = self.channels.entry(channel).or_default();
        if let Some(slot) = channel.open.get_mut(way.index()) {
            *slot = Some(open);
        }
    }

    fn open(&mut self, channel: u16, way: Direction) -> Option<&mut Option<Open>> {
        self.channels.get_mut(&channel)?.open.get_mut(way.index())
    }

    fn header(&mut self, channel: u16, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let Some(slot) = self.open(channel, way) else { return };
        let Some(open) = slot else { return };
        (open.body_bytes, open.content_type) = parse::content(frame.bytes);
        (open.last, open.bytes) = (frame.last, open.bytes.saturating_add(frame.total));
        if open.body_bytes == 0
            && let Some(open) = slot.take()
        {
            self.complete(open, way, out);
        }
    }

    fn body(&mut self, channel: u16, frame: Frame<'_>, way: Direction, out: &mut Output) {
        let Some(slot) = self.open(channel, way) else { return };
        let Some(open) = slot else { return };
        (open.last, open.bytes) = (frame.last, open.bytes.saturating_add(frame.total));
        open.body_seen = open.body_seen.saturating_add(frame.total.saturating_sub(8));
        if open.body_seen >= open.body_bytes
            && let Some(open) = slot.take()
        {
            self.complete(open, way, out);
        }
    }

    /// A new method where content was due: hands on what came of the one before.
    fn interrupted(&mut self, channel: u16, way: Direction, out: &mut Output) {
        if let Some(open) = self.open(channel, way).and_then(Option::take) {
            self.complete(open, way, out);
        }
    }

    /// A method is there as a whole: a request, an answer, or one way.
    fn complete(&mut self, open: Open, way: Direction, out: &mut Output) {
        let is_confirmation = matches!(open.id, (60, 80 | 120));
        if is_confirmation && self.confirm(&open, way, out) {
            return;
        }
        let answered = self.asked.iter().position(|asked| {
            asked.channel == open.channel
                && asked.way != way
                && asked.id.0 == open.id.0
                && parse::answers(asked.id).contains(&open.id.1)
        });
        if let Some(asked) = answered.and_then(|at| self.asked.remove(at)) {
            if open.id == (85, 11) {
                let channel = self.channels.entry(open.channel).or_default();
                (channel.confirms, channel.next_tag) = (true, 1);
            }
            out.messages.push(response(&open, asked.key, way, Outcome::Ok));
            return;
        }
        match open.id {
            (10, 50) | (20, 40) => self.close(open, way, out),
            (60, 40) => self.publish(open, way, out),
            // An answer to what was not captured.
            id if parse::is_answer(id) => {
                let key = self.key();
                out.messages.push(response(&open, key, way, Outcome::Ok));
            }
            _ => self.ask(open, way, out),
        }
    }

    fn ask(&mut self, open: Open, way: Direction, out: &mut Output) {
        let key = self.key();
        let is_asking = !parse::answers(open.id).is_empty() && !open.method.is_silent;
        if is_asking {
            if self.asked.len() >= self.asked_max {
                self.asked.pop_front();
            }
            self.asked.push_back(Asked { key, way, channel: open.channel, id: open.id });
        }
        if open.id == (85, 10) && open.method.is_silent {
            let channel = self.channels.entry(open.channel).or_default();
            (channel.confirms, channel.next_tag) = (true, 1);
        }
        let kind = if is_asking { Kind::Request } else { Kind::OneWay };
        out.messages.push(request(open, kind, key, way));
    }

    /// A publish waits for its confirmation where the channel has them.
    fn publish(&mut self, mut open: Open, way: Direction, out: &mut Output) {
        let key = self.key();
        let waiting_max = self.asked_max;
        let channel = self.channels.entry(open.channel).or_default();
        let kind = match channel.confirms {
            false => Kind::OneWay,
            true => {
                open.method.delivery_tag = channel.next_tag;
                channel.unconfirmed.push_back((channel.next_tag, key));
                channel.next_tag += 1;
                if channel.unconfirmed.len() > waiting_max {
                    channel.unconfirmed.pop_front();
                }
                Kind::Request
            }
        };
        out.messages.push(request(open, kind, key, way));
    }

    /// An ack or nack of publishes; whether it was one.
    fn confirm(&mut self, open: &Open, way: Direction, out: &mut Output) -> bool {
        let Some(channel) = self.channels.get_mut(&open.channel) else { return false };
        if !channel.confirms || way != Direction::ToClient && channel.unconfirmed.is_empty() {
            return false;
        }
        let (tag, all) = (open.method.delivery_tag, open.method.is_multiple);
        let is_meant = |at: i64| at == tag || (all && (at < tag || tag == 0));
        let outcome = if open.id.1 == 80 { Outcome::Ok } else { Outcome::ServerError };
        let mut units = 1;
        channel.unconfirmed.retain(|&(at, key)| {
            if is_meant(at) {
                let message = response(open, key, way, outcome);
                out.messages.push(Message { units, ..message });
                units = 0;
            }
            !is_meant(at)
        });
        units == 0
    }

    /// A close with a reason answers what was asked last on its channel, and asks for an ok itself.
    fn close(&mut self, open: Open, way: Direction, out: &mut Output) {
        let outcome = outcome(open.method.reply_code);
        let is_failure = outcome != Outcome::Ok;
        let meant = |asked: &Asked| {
            asked.way != way && (open.channel == 0 || asked.channel == open.channel)
        };
        while let Some(at) = self.asked.iter().position(meant).filter(|_| is_failure) {
            if let Some(asked) = self.asked.remove(at) {
                let message = response(&open, asked.key, way, outcome);
                out.messages.push(Message { units: 0, ..message });
            }
        }
        if let Some(channel) = self.channels.remove(&open.channel).filter(|_| is_failure) {
            for (_, key) in channel.unconfirmed {
                out.messages.push(Message { units: 0, ..response(&open, key, way, outcome) });
            }
        }
        self.ask(open, way, out);
    }

    /// Bytes were lost: contents that were coming in will not be whole.
    pub fn lose(&mut self, way: Direction, out: &mut Output) {
        let numbers: Vec<u16> = self.channels.keys().copied().collect();
        for number in numbers {
            self.interrupted(number, way, out);
        }
    }

    /// A new connection begins on the same bytes.
    pub fn restart(&mut self, out: &mut Output) {
        self.lose(Direction::ToServer, out);
        self.lose(Direction::ToClient, out);
        self.channels.clear();
        self.asked.clear();
    }
}

/// What a method is about, in one line.
fn summary(method: &Method) -> Text {
    match (method.exchange.is_empty(), method.routing_key.is_empty()) {
        (false, false) => {
            let both = format_compact!("{} {}", method.exchange, method.routing_key);
            Text::from(cut(&both, SUMMARY_BYTES_MAX))
        }
        (false, true) => method.exchange.clone(),
        (true, false) => method.routing_key.clone(),
        (true, true) => {
            let others =
                [&method.queue, &method.virtual_host, &method.consumer_tag, &method.reply_text];
            others.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
        }
    }
}

fn request(open: Open, kind: Kind, key: u64, way: Direction) -> Message {
    let extent = Extent { first: open.first, last: open.last, bytes: open.bytes };
    let name = Text::const_new(parse::method_name(open.id).unwrap_or_default());
    let about = match open.id {
        (60, 40 | 60 | 50) if open.method.exchange.is_empty() => &open.method.routing_key,
        (60, 40 | 60 | 50) | (40, _) => &open.method.exchange,
        (50, _) | (60, 20 | 70) => &open.method.queue,
        _ => "",
    };
    let operation = match about {
        "" => name.clone(),
        about if about.starts_with("amq.gen-") => format_compact!("{name} amq.gen-{{id}}"),
        about => format_compact!("{name} {}", cut(about, 96)),
    };
    let is_failure = open.id == (60, 50);
    let row = AmqpRequest {
        amqp_method: name,
        amqp_summary: summary(&open.method),
        amqp_request: true,
        amqp_channel: i64::from(open.channel),
        amqp_exchange: open.method.exchange,
        amqp_routing_key: open.method.routing_key,
        amqp_queue: open.method.queue,
        amqp_consumer_tag: open.method.consumer_tag,
        amqp_delivery_tag: open.method.delivery_tag,
        amqp_redelivered: open.method.is_redelivered,
        amqp_body_size: i64::try_from(open.body_bytes).unwrap_or(i64::MAX),
        amqp_content_type: open.content_type,
        amqp_reply_code: i64::from(open.method.reply_code),
        amqp_reply_text: open.method.reply_text,
        amqp_request_length: i64::try_from(open.bytes).unwrap_or(i64::MAX),
    };
    let outcome = match kind {
        Kind::OneWay if is_failure => Outcome::ClientError,
        Kind::OneWay => Outcome::Ok,
        _ => Outcome::Unknown,
    };
    let message = Message::new(kind, way, key, extent, Box::new(row));
    Message { operation, outcome, ..message }
}

fn response(open: &Open, key: u64, way: Direction, outcome: Outcome) -> Message {
    let code = open.method.reply_code;
    let error = match (outcome, open.id) {
        (Outcome::Ok, _) => Text::default(),
        (_, (60, 120)) => Text::const_new("nack"),
        _ => code.to_compact_string(),
    };
    let row = AmqpResponse {
        amqp_response_method: Text::const_new(parse::method_name(open.id).unwrap_or_default()),
        amqp_response: true,
        amqp_channel: i64::from(open.channel),
        amqp_reply_code: i64::from(code),
        amqp_reply_text: open.method.reply_text.clone(),
        amqp_response_length: i64::try_from(open.bytes).unwrap_or(i64::MAX),
    };
    let extent = Extent { first: open.first, last: open.last, bytes: open.bytes };
    let message = Message::new(Kind::Response, way, key, extent, Box::new(row));
    Message { outcome, status: i64::from(code), error, ..message }
}

/// Who failed (AMQP 0-9-1, section 1.2).
fn outcome(code: u16) -> Outcome {
    match code {
        0 | 200 => Outcome::Ok,
        // connection forced, resource error, internal error
        320 | 506 | 541 => Outcome::ServerError,
        _ => Outcome::ClientError,
    }
}
