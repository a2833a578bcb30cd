//! AMQP 0-9-1: streams -> methods with their content. Methods that ask find their answers by
//! channel; publishes find their confirmations by delivery tag; deliveries, acks and returns are
//! one way. A close with a reason is the answer to what failed. AMQP 1.0 is named and passed over.

mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{AmqpRequest, AmqpResponse};

use self::session::Session;
use super::framed::{Framed, Reader};
use super::framer::{Begins, Frame, Head};
use super::{Carrier, Direction, Dissector, Kind, Message, Outcome, Output, Pairing, Protocol};
use crate::anomaly::AnomalyKind;
use crate::field::format_compact;
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
    Framed::start(Amqp { is_other: false, session: Session::new(limits) }, limits)
}

struct Amqp {
    /// AMQP 1.0, whose frames are others.
    is_other: bool,
    session: Session,
}

impl Reader for Amqp {
    const MALFORMED: AnomalyKind = AnomalyKind::AmqpMalformed;

    fn head(&self, _: Direction, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, _: Direction, bytes: &[u8]) -> Begins {
        probe::begins(bytes)
    }

    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        match parse::protocol(frame.bytes) {
            Some(version) => {
                self.is_other = opened(version, frame, way, out);
                self.session.restart(out);
            }
            None => self.session.frame(frame, way, out),
        }
    }

    fn is_over(&self) -> bool {
        self.is_other
    }

    fn lose(&mut self, way: Direction, out: &mut Output) {
        self.session.lose(way, out);
    }

    fn end(&mut self, way: Direction, out: &mut Output) {
        self.session.lose(way, out);
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
    let extent = frame.extent();
    let message = Message::new(Kind::OneWay, direction, u64::MAX, extent, Box::new(row));
    out.messages.push(Message { operation: name, outcome: Outcome::Unknown, ..message });
    true
}

#[cfg(test)]
pub(super) mod tests;
