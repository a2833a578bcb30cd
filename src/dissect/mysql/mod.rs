//! MySQL and MariaDB (client/server protocol): streams -> commands and their answers. Both sides
//! may compress after the login. What follows a request for TLS is
//! another protocol's; a replication stream is passed over.

mod compressed;
mod fields;
pub mod parse;
mod probe;
mod reply;
mod session;

pub use fields::{MysqlRequest, MysqlResponse};

use self::compressed::Inflater;
use self::session::{Session, Turn};
use super::framer::{Begins, Frame, Framer, Framing, Head, Step};
use super::{Carrier, Direction, Dissector, Feed, Mark, Next, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "mysql",
    title: "MYSQL",
    flag: "mysql",
    table: "sql",
    spec: "https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html",
    carriers: &[Carrier::Stream],
    ports: &[3306],
    pairing: Pairing::ById,
    counters: &[],
    request: MysqlRequest::FIELDS,
    response: MysqlResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    Box::new(Mysql {
        client: Direction::ToServer,
        state: State::Plain,
        is_proven: false,
        to_server: Side::new(limits),
        to_client: Side::new(limits),
        session: Session::new(limits),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Compressed,
    /// What follows is a replication stream, which is passed over.
    Off,
}

/// One direction.
struct Side {
    packets: Framer,
    /// Packets inside of compressed ones.
    inner: Inflater,
}

impl Side {
    fn new(limits: &Limits) -> Self {
        Side { packets: Framer::new(limits.frame_bytes_max), inner: Inflater::new(limits) }
    }
}

struct Mysql {
    /// The way commands go.
    client: Direction,
    state: State,
    /// A packet was understood.
    is_proven: bool,
    to_server: Side,
    to_client: Side,
    session: Session,
}

/// Plain packets of one side.
struct Packets {
    is_client: bool,
}

impl Framing for Packets {
    fn head(&self, bytes: &[u8]) -> Head {
        parse::head(bytes)
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        if self.is_client { probe::client(bytes, true) } else { probe::server(bytes, true) }
    }
}

impl Dissector for Mysql {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        if !self.is_proven {
            self.turn(slice);
        }
        let mut at = 0;
        while self.state == State::Plain {
            let is_client = self.is_client(slice.direction);
            let side = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            let start = slice.mark_at(at);
            let mut is_cut = false;
            let turn = match side.packets.next(slice, &mut at, &Packets { is_client }) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    is_cut = frame.is_cut;
                    packet(&mut self.session, is_client, frame, slice.direction, out)
                }
                Step::Bad => Turn::Bad,
            };
            if turn == Turn::Bad && is_cut {
                self.session.lose(is_client, slice.direction, out);
                continue;
            }
            if turn == Turn::Bad && !self.is_proven {
                return Feed::GiveUp(AnomalyKind::MysqlMalformed);
            }
            if turn == Turn::Bad {
                out.anomaly(AnomalyKind::MysqlMalformed, start);
                side.packets.lose();
                self.session.lose(is_client, slice.direction, out);
            }
            self.is_proven = true;
            match turn {
                Turn::Encrypted => {
                    out.next = Some(Next::Probed);
                    return Feed::Taken(at);
                }
                Turn::Off => self.state = State::Off,
                Turn::Compressed => self.state = State::Compressed,
                Turn::On | Turn::Bad => {}
            }
        }
        match self.state {
            State::Compressed => Feed::Taken(at + self.compressed(slice, at, out)),
            _ => Feed::Taken(slice.bytes.len()),
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let is_client = self.is_client(direction);
        let side = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        side.inner.lose();
        let (frame, is_lost) = side.packets.gap(bytes);
        let turn = frame.map(|frame| packet(&mut self.session, is_client, frame, direction, out));
        if is_lost || turn == Some(Turn::Bad) {
            self.session.lose(is_client, direction, out);
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let is_client = self.is_client(direction);
        self.session.end(is_client, direction, out);
    }
}

/// Hands a packet to the session.
fn packet(
    session: &mut Session,
    is_client: bool,
    frame: Frame<'_>,
    way: Direction,
    out: &mut Output,
) -> Turn {
    match is_client {
        true => session.client(frame, way, out),
        false => session.server(frame, way, out),
    }
}

impl Mysql {
    fn is_client(&self, direction: Direction) -> bool {
        direction == self.client
    }

    /// Sets who is the client by what the first bytes are, whatever the handshake said.
    fn turn(&mut self, slice: Slice<'_>) {
        let (client, server) = (probe::client(slice.bytes, true), probe::server(slice.bytes, true));
        let is_other = match self.is_client(slice.direction) {
            true => server == Begins::Yes && client != Begins::Yes,
            false => client == Begins::Yes && server != Begins::Yes,
        };
        if is_other {
            self.client = self.client.reverse();
        }
    }

    /// Reads compressed packets from `at` on, and the packets inside of them; how much was taken.
    fn compressed(&mut self, slice: Slice<'_>, at: usize, out: &mut Output) -> usize {
        let is_client = self.is_client(slice.direction);
        let session = &mut self.session;
        let side = match slice.direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let way = slice.direction;
        let mut read =
            |frame: Frame<'_>, out: &mut Output| packet(session, is_client, frame, way, out);
        side.inner.read(slice, at, &Packets { is_client }, &mut read, out)
    }
}

#[cfg(test)]
pub(super) mod tests;
