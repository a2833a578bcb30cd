//! What a dissector is: the [`Protocol`] descriptor (data), the [`Dissector`] trait (behaviour)
//! and the messages it hands on. A dissector turns ordered bytes into messages and knows nothing
//! of connections, addresses, pairing or tables.

use std::hash::BuildHasher;

use crate::anomaly::AnomalyKind;
pub use crate::capture::Mark;
pub use crate::conn::Direction;
use crate::field::{FieldDef, Row, Text};
use crate::limits::Limits;
pub use crate::outcome::Outcome;

/// Ordered bytes of one direction: what was left unread last time, then what is new.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    pub direction: Direction,
    pub bytes: &'a [u8],
    /// Start of each packet's bytes in `bytes`, ascending, with its mark; never empty.
    pub marks: &'a [(usize, Mark)],
}

impl Slice<'_> {
    /// The mark of the packet that holds the byte at `position`.
    pub fn mark_at(&self, position: usize) -> Mark {
        let after = self.marks.partition_point(|&(start, _)| start <= position);
        let Some(&(start, mark)) = self.marks.get(after.saturating_sub(1)) else {
            return Mark::default();
        };
        mark.behind(position.saturating_sub(start))
    }
}

/// What a message is to its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Response,
    /// Counted as a response, but the final one is still to come (HTTP 1xx).
    Interim,
    /// Complete by itself (a push, a notification).
    OneWay,
}

/// Identifiers that tie calls of one user request together, as found in headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub trace_id: Text,
    pub span_id: Text,
    pub parent_span_id: Text,
    pub request_id: Text,
    pub correlation_id: Text,
}

/// One protocol unit.
#[derive(Debug)]
pub struct Message {
    pub kind: Kind,
    /// The way its bytes went.
    pub direction: Direction,
    /// Pairs requests with responses where the protocol has ids; 0 where order does it.
    pub key: u64,
    pub first: Mark,
    pub last: Mark,
    /// Bytes on the wire, headers included.
    pub bytes: u64,
    /// Protocol messages it is made of, as summaries count them: mostly 1; PostgreSQL needs many
    /// for one statement; 0 for what others do not count (a login among commands).
    pub units: u32,
    /// Requests: what is called, free of ids: `GET /orders/{id}`, `HGET`, `A`.
    pub operation: Text,
    /// Responses: how it ended.
    pub outcome: Outcome,
    /// Responses: the protocol's status number, 0 where it has none.
    pub status: i64,
    /// Responses: the error's short name (`503`, `OOM`, `NXDOMAIN`), empty when it is none.
    pub error: Text,
    pub trace: Option<Box<Trace>>,
    /// The protocol that it is of where that is not its connection's but one inside it (gRPC in
    /// HTTP/2): its call is counted under both, and `row` is of this one's tables.
    pub inner: Option<&'static Protocol>,
    /// The protocol's own fields.
    pub row: Box<dyn Row>,
}

/// The packets and bytes that a message takes.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub first: Mark,
    pub last: Mark,
    pub bytes: u64,
}

impl Message {
    /// A message of one unit that says nothing yet but its fields.
    pub fn new(
        kind: Kind,
        direction: Direction,
        key: u64,
        extent: Extent,
        row: Box<dyn Row>,
    ) -> Self {
        Message {
            kind,
            direction,
            key,
            first: extent.first,
            last: extent.last,
            bytes: extent.bytes,
            units: 1,
            operation: Text::default(),
            outcome: if kind == Kind::Request { Outcome::Unknown } else { Outcome::Ok },
            status: 0,
            error: Text::default(),
            trace: None,
            inner: None,
            row,
        }
    }
}

/// The key of a datagram that nothing answers: the same at every vantage, never 0.
pub(super) fn content_key(bytes: &[u8]) -> u64 {
    foldhash::quality::FixedState::with_seed(0).hash_one(bytes).max(1)
}

/// Who reads a connection on after a dissector has stepped back.
pub enum Next {
    /// A protocol that was agreed on (an upgrade), with what was agreed in its state.
    Known(&'static Protocol, Box<dyn Dissector>),
    /// Whatever the bytes say that it is (a tunnel).
    Probed,
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Next::Known(protocol, _) => write!(f, "Known({})", protocol.name),
            Next::Probed => write!(f, "Probed"),
        }
    }
}

/// A piece of a stream that is carried inside a connection's own (the plaintext of TLS), as
/// reassembly would give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// Bytes of one direction, and the mark of the first: the packet that brought them.
    Bytes(Direction, Vec<u8>, Mark),
    /// So many bytes are missing before what comes next.
    Gap(Direction, u64, Mark),
    End(Direction),
}

/// Where a dissector leaves what it found.
#[derive(Debug, Default)]
pub struct Output {
    pub messages: Vec<Message>,
    pub anomalies: Vec<(AnomalyKind, Mark)>,
    /// What the stream carries inside, whose protocol its bytes tell.
    pub inside: Vec<Inside>,
    /// Set when the stream goes on in another protocol: all that is not yet taken, in both
    /// directions, is the next one's, and this dissector is not asked again.
    pub next: Option<Next>,
}

impl Output {
    pub fn anomaly(&mut self, kind: AnomalyKind, mark: Mark) {
        self.anomalies.push((kind, mark));
    }
}

/// A dissector's answer to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// So many bytes were read; the rest is offered again, with more behind it.
    Taken(usize),
    /// These bytes are not this protocol's; nothing more is wanted of this connection.
    GiveUp(AnomalyKind),
}

/// The state of one connection's protocol.
pub trait Dissector: Send {
    /// Reads as many whole messages as there are. A datagram dissector gets one datagram a call
    /// and whatever it does not take is dropped.
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed;

    /// `bytes` of one direction were lost before what is fed next; unread bytes are gone too.
    fn gap(&mut self, direction: Direction, bytes: u64, at: Mark, out: &mut Output);

    /// One direction has ended (FIN, RST or the end of the capture); `unread` are the bytes that
    /// were offered and not taken.
    fn end(&mut self, direction: Direction, unread: Slice<'_>, out: &mut Output);
}

/// What a probe knows besides the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Who sent the bytes, when the handshake was seen.
    pub sender: Option<Direction>,
    /// One of the ports is in the protocol's list: a hint, never proof.
    pub port_hint: bool,
}

/// A probe's verdict on the first bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    No,
    /// Cannot tell before this many bytes are there.
    Maybe(usize),
    /// It is, and whoever sent these bytes is (if the bytes tell) going this way.
    Yes(Option<Direction>),
}

/// What carries a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Stream,
    /// UDP.
    Datagram,
    /// Messages of ICMP itself, whole.
    Icmp,
}

/// How responses find their requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    InOrder,
    ById,
    OneWay,
}

/// A count of a protocol's own in summaries, beside requests and responses.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    /// Name in summaries: `messages`.
    pub name: &'static str,
    /// Fields of integers; their sum over all calls is the count.
    pub fields: &'static [&'static str],
}

/// One line of the protocol table.
#[derive(Debug)]
pub struct Protocol {
    /// Name in summaries: `http1`.
    pub name: &'static str,
    /// Value of KFL's `protocol`: `HTTP`.
    pub title: &'static str,
    /// KFL's boolean: `http`.
    pub flag: &'static str,
    /// Side table that holds the rows; protocols that share fields share a table.
    pub table: &'static str,
    /// RFC or document.
    pub spec: &'static str,
    pub carriers: &'static [Carrier],
    pub ports: &'static [u16],
    pub pairing: Pairing,
    /// What summaries count besides requests and responses.
    pub counters: &'static [Counter],
    /// Field table of requests and one-way messages.
    pub request: &'static [FieldDef],
    /// Field table of responses. A name in both tables is one field: the request's value wins.
    pub response: &'static [FieldDef],
    /// Fields computed from the stored ones.
    pub derived: &'static [FieldDef],
    pub probe: fn(Opening, &[u8]) -> Probe,
    pub start: fn(Carrier, &Limits) -> Box<dyn Dissector>,
}
