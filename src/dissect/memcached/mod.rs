//! Memcached (text, meta and binary protocol over TCP): streams -> commands and replies. Values
//! are counted as they pass.

mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{MemcachedRequest, MemcachedResponse};

use self::session::Session;
use super::framer::{Begins, Framer, Framing, Head, Step};
use super::{Carrier, Direction, Dissector, Feed, Mark, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "memcached",
    title: "MEMCACHED",
    flag: "memcached",
    table: "memcached",
    spec: "https://github.com/memcached/memcached/blob/master/doc/protocol.txt",
    carriers: &[Carrier::Stream],
    ports: &[11211],
    pairing: Pairing::ById,
    counters: &[],
    request: MemcachedRequest::FIELDS,
    response: MemcachedResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let framer = || Framer::new(limits.frame_bytes_max);
    Box::new(Memcached {
        to_server: framer(),
        to_client: framer(),
        is_proven: false,
        session: Session::new(limits),
    })
}

struct Memcached {
    to_server: Framer,
    to_client: Framer,
    /// A unit was read.
    is_proven: bool,
    session: Session,
}

struct Units;

impl Framing for Units {
    fn head(&self, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        probe::begins(bytes, true)
    }
}

impl Dissector for Memcached {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mut at = 0;
        loop {
            let framer = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            match framer.next(slice, &mut at, &Units) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    self.is_proven = true;
                    self.session.unit(frame, slice.direction, out);
                }
                Step::Bad if !self.is_proven => {
                    return Feed::GiveUp(AnomalyKind::MemcachedMalformed);
                }
                Step::Bad => {
                    out.anomaly(AnomalyKind::MemcachedMalformed, slice.mark_at(at));
                    framer.lose();
                    at += 1;
                    self.session.forget(out);
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let (frame, is_lost) = framer.gap(bytes);
        if let Some(frame) = frame {
            self.session.unit(frame, direction, out);
        }
        if is_lost {
            self.session.forget(out);
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if let Some(frame) = framer.cut() {
            self.session.unit(frame, direction, out);
        }
        if direction == Direction::ToClient {
            self.session.end(direction, out);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
