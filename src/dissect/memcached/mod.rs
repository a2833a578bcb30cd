//! Memcached (text, meta and binary protocol over TCP): streams -> commands and replies. Values
//! are counted as they pass.

mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{MemcachedRequest, MemcachedResponse};

use self::session::Session;
use super::framed::{Framed, Reader};
use super::framer::{Begins, Frame, Head};
use super::{Carrier, Direction, Dissector, Output, Pairing, Protocol};
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
    Framed::start(Session::new(limits), limits)
}

impl Reader for Session {
    const MALFORMED: AnomalyKind = AnomalyKind::MemcachedMalformed;

    fn head(&self, _: Direction, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, _: Direction, bytes: &[u8]) -> Begins {
        probe::begins(bytes, true)
    }

    fn frame(&mut self, frame: Frame<'_>, way: Direction, out: &mut Output) {
        self.unit(frame, way, out);
    }

    /// Which replies belong to what waits is not known.
    fn lose(&mut self, _: Direction, out: &mut Output) {
        self.forget(out);
    }

    fn end(&mut self, way: Direction, out: &mut Output) {
        if way == Direction::ToClient {
            self.ended(way, out);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
