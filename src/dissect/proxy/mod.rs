//! The PROXY protocol, versions 1 and 2: a header that a load balancer puts in front of a
//! connection, saying whose it is -> a message of its own. What comes behind it is another
//! protocol's.

mod fields;
pub mod parse;

pub use fields::ProxyHeader;

use self::parse::{Found, header};
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Message, Next, Opening, Outcome, Output,
    Pairing, Probe, Protocol, Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Text, format_compact};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "proxy",
    title: "PROXY",
    flag: "proxy",
    table: "proxy",
    spec: "https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt",
    carriers: &[Carrier::Stream],
    ports: &[],
    pairing: Pairing::OneWay,
    counters: &[],
    request: ProxyHeader::FIELDS,
    response: &[],
    derived: &[],
    probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Proxy { sender: None, field_bytes_max: limits.field_bytes_max })
}

/// Whoever sends the header has opened the connection.
fn probe(_: Opening, bytes: &[u8]) -> Probe {
    match header(bytes) {
        Found::Header(..) => Probe::Yes(Some(Direction::ToServer)),
        Found::Beginning(more) => Probe::Maybe(more),
        Found::Other => Probe::No,
    }
}

/// The beginning of one connection: proxies in a row put their headers one before the other.
struct Proxy {
    /// The way of the first header.
    sender: Option<Direction>,
    field_bytes_max: usize,
}

impl Dissector for Proxy {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mut at = 0;
        while let Some(bytes) = slice.bytes.get(at..).filter(|bytes| !bytes.is_empty()) {
            let found = match self.sender {
                Some(sender) if sender != slice.direction => Found::Other,
                _ => header(bytes),
            };
            match found {
                Found::Header(row, length) => {
                    self.sender = Some(slice.direction);
                    out.messages.push(self.message(slice, at, *row, length));
                    at += length;
                }
                Found::Beginning(_) => break,
                Found::Other if self.sender.is_none() => {
                    return Feed::GiveUp(AnomalyKind::ProtocolGaveUp);
                }
                Found::Other => {
                    out.next = Some(Next::Probed);
                    break;
                }
            }
        }
        Feed::Taken(at)
    }

    fn gap(&mut self, _: Direction, _: u64, _: Mark, out: &mut Output) {
        out.next = Some(Next::Probed);
    }

    fn end(&mut self, _: Direction, _: Slice<'_>, _: &mut Output) {}
}

impl Proxy {
    fn message(&self, slice: Slice<'_>, at: usize, row: ProxyHeader, length: usize) -> Message {
        let cut = |text: &Text| super::text::text(text.as_bytes(), self.field_bytes_max);
        let row = ProxyHeader { proxy_authority: cut(&row.proxy_authority), ..row };
        Message {
            kind: Kind::OneWay,
            direction: slice.direction,
            key: 0,
            first: slice.mark_at(at),
            last: slice.mark_at(at + length - 1),
            bytes: length as u64,
            units: 1,
            operation: format_compact!("{} {}", row.proxy_command, row.proxy_transport),
            outcome: Outcome::Ok,
            status: 0,
            error: Text::default(),
            trace: None,
            inner: None,
            row: Box::new(row),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
