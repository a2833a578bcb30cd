//! AMQP 0-9-1: streams -> methods with their content. Methods that ask find their answers by
//! channel; publishes find their confirmations by delivery tag; deliveries, acks and returns are
//! one way. A close with a reason is the answer to what failed. AMQP 1.0 is named and passed over.

mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{AmqpRequest, AmqpResponse};

use self::session::Session;
use super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Message, Outcome, Output, Pairing, Protocol,
    Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Text, format_compact};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "amqp",
    title: "AMQP",
    flag: "amqp",
    table: "amqp",
    spec: "https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf",
    carriers: &[Carrier::Stream],
    ports: &[5672],
    pairing: Pairing::ById,
    counters: &[],
    request: AmqpRequest::FIELDS,
    response: AmqpResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let framer = || Framer::new(limits.frame_bytes_max);
    Box::new(Amqp {
        to_server: framer(),
        to_client: framer(),
        is_proven: false,
        is_other: false,
        session: Session::new(limits),
    })
}

struct Amqp {
    to_server: Framer,
    to_client: Framer,
    /// A frame was read.
    is_proven: bool,
    /// AMQP 1.0, whose frames are others.
    is_other: bool,
    session: Session,
}

struct Frames;

impl Framing for Frames {
    fn head(&self, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        probe::begins(bytes)
    }
}

impl Dissector for Amqp {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mut at = 0;
        while !self.is_other {
            let framer = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            match framer.next(slice, &mut at, &Frames) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    self.is_proven = true;
                    match parse::protocol(frame.bytes) {
                        Some(version) => {
                            self.is_other = opened(version, frame, slice.direction, out);
                            self.session.restart(out);
                        }
                        None => self.session.frame(frame, slice.direction, out),
                    }
                }
                Step::Bad if !self.is_proven => return Feed::GiveUp(AnomalyKind::AmqpMalformed),
                Step::Bad => {
                    out.anomaly(AnomalyKind::AmqpMalformed, slice.mark_at(at));
                    framer.lose();
                    at += 1;
                    self.session.lose(slice.direction, out);
                }
            }
        }
        Feed::Taken(slice.bytes.len())
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let (frame, is_lost) = framer.gap(bytes);
        if let Some(frame) = frame {
            self.session.frame(frame, direction, out);
        }
        if is_lost {
            self.session.lose(direction, out);
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if let Some(frame) = framer.cut() {
            self.session.frame(frame, direction, out);
        }
        self.session.lose(direction, out);
    }
}

/// The first bytes of a connection: hands on other versions by name. Whether it is another.
fn opened(version: [u8; 4], frame: Frame<'_>, direction: Direction, out: &mut Output) -> bool {
    let [id, major, minor, revision] = version;
    let is_091 = version == [0, 0, 9, 1] || version == [1, 1, 0, 9] || version == [1, 1, 9, 1];
    if is_091 {
        return false;
    }
    let name = match id {
        2 | 3 => format_compact!("AMQP {major}.{minor}.{revision} with security {id}"),
        _ => format_compact!("AMQP {major}.{minor}.{revision}"),
    };
    let row =
        AmqpRequest { amqp_method: name.clone(), amqp_request: true, ..AmqpRequest::default() };
    out.messages.push(Message {
        kind: Kind::OneWay,
        direction,
        key: u64::MAX,
        first: frame.first,
        last: frame.last,
        bytes: frame.total,
        units: 1,
        operation: name,
        outcome: Outcome::Unknown,
        status: 0,
        error: Text::default(),
        trace: None,
        inner: None,
        row: Box::new(row),
    });
    true
}

#[cfg(test)]
pub(super) mod tests;
