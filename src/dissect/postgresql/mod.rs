//! PostgreSQL (protocol 3): streams -> statements and their results. A call is what one statement
//! takes: a simple query, or an Execute with the Parse, Bind and Describe before it and the Sync
//! behind it; summaries count the protocol messages of both. After an accepted request for
//! encryption the connection is another protocol's.

mod exchange;
mod fields;
pub mod parse;
mod probe;
mod session;

pub use fields::{PostgresqlRequest, PostgresqlResponse};

use self::parse::Role;
use self::session::Session;
use super::framer::{Begins, Framer, Framing, Head, Step};
use super::{Carrier, Direction, Dissector, Feed, Mark, Next, Output, Pairing, Protocol, Slice};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "postgresql",
    title: "POSTGRESQL",
    flag: "postgresql",
    table: "sql",
    spec: "https://www.postgresql.org/docs/current/protocol.html",
    carriers: &[Carrier::Stream],
    ports: &[5432],
    pairing: Pairing::ById,
    counters: &[],
    request: PostgresqlRequest::FIELDS,
    response: PostgresqlResponse::FIELDS,
    derived: fields::DERIVED,
    probe: probe::probe,
    start,
};

fn start(_: Carrier, limits: &Limits) -> Box<dyn Dissector> {
    let framer = || Framer::new(limits.frame_bytes_max);
    Box::new(Postgresql {
        client: Direction::ToServer,
        is_proven: false,
        to_server: framer(),
        to_client: framer(),
        session: Session::new(limits),
    })
}

struct Postgresql {
    /// The way requests go.
    client: Direction,
    /// A message was read.
    is_proven: bool,
    to_server: Framer,
    to_client: Framer,
    session: Session,
}

/// Messages of one side.
struct Messages {
    role: Role,
    /// A single byte is the answer to a TLS request.
    answers_byte: bool,
}

impl Framing for Messages {
    fn head(&self, bytes: &[u8]) -> Head {
        match (self.answers_byte, bytes.first()) {
            (true, Some(b'S' | b'N' | b'G')) => Head::Frame(1),
            _ => parse::head(self.role, bytes),
        }
    }

    fn begins(&self, bytes: &[u8]) -> Begins {
        probe::begins(self.role, bytes)
    }
}

impl Dissector for Postgresql {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        if !self.is_proven {
            self.turn(slice);
        }
        let mut at = 0;
        loop {
            let role = self.role(slice.direction);
            let answers_byte = role == Role::Backend && self.session.awaits_byte();
            let framer = match slice.direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            match framer.next(slice, &mut at, &Messages { role, answers_byte }) {
                Step::More => return Feed::Taken(at),
                Step::Frame(frame) => {
                    self.is_proven = true;
                    let is_encrypted = match role {
                        Role::Frontend => self.session.frontend(frame, slice.direction, out),
                        Role::Backend => self.session.backend(frame, slice.direction, out),
                    };
                    if is_encrypted {
                        out.next = Some(Next::Probed);
                        return Feed::Taken(at);
                    }
                }
                Step::Bad if !self.is_proven => {
                    return Feed::GiveUp(AnomalyKind::PostgresqlMalformed);
                }
                Step::Bad => {
                    out.anomaly(AnomalyKind::PostgresqlMalformed, slice.mark_at(at));
                    framer.lose();
                    at += 1;
                    self.session.lose(role, slice.direction, out);
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _at: Mark, out: &mut Output) {
        let role = self.role(direction);
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let (frame, is_lost) = framer.gap(bytes);
        if let Some(frame) = frame {
            match role {
                Role::Frontend => self.session.frontend(frame, direction, out),
                Role::Backend => self.session.backend(frame, direction, out),
            };
        }
        if is_lost {
            self.session.lose(role, direction, out);
        }
    }

    fn end(&mut self, direction: Direction, _unread: Slice<'_>, out: &mut Output) {
        let role = self.role(direction);
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if let Some(frame) = framer.cut() {
            match role {
                Role::Frontend => self.session.frontend(frame, direction, out),
                Role::Backend => self.session.backend(frame, direction, out),
            };
        }
        self.session.end(role, direction, out);
    }
}

impl Postgresql {
    fn role(&self, direction: Direction) -> Role {
        if direction == self.client { Role::Frontend } else { Role::Backend }
    }

    /// Sets who is the client by what the first bytes are, whatever the handshake said.
    fn turn(&mut self, slice: Slice<'_>) {
        let role = self.role(slice.direction);
        let is = |role| probe::begins(role, slice.bytes) == Begins::Yes;
        if !is(role) && is(role.other()) {
            self.client = self.client.reverse();
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
