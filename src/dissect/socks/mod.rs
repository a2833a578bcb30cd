//! SOCKS 5 (RFC 1928, RFC 1929): the way to a tunnel -> one request, from the greeting to the
//! address asked for, and one response. What goes through the tunnel is another protocol's.

mod fields;
pub mod parse;

pub use fields::{SocksRequest, SocksResponse};

use self::parse::{Address, Read, credentials, greeting, request};
use super::{
    Carrier, Direction, Dissector, Feed, Kind, Mark, Message, Next, Opening, Outcome, Output,
    Pairing, Probe, Protocol, Slice,
};
use crate::anomaly::AnomalyKind;
use crate::field::{Text, format_compact};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "socks",
    title: "SOCKS",
    flag: "socks",
    table: "socks",
    spec: "RFC 1928, RFC 1929",
    carriers: &[Carrier::Stream],
    ports: &[1080],
    pairing: Pairing::InOrder,
    counters: &[],
    request: SocksRequest::FIELDS,
    response: SocksResponse::FIELDS,
    derived: &[],
    probe,
    start,
};

fn start(_: Carrier, _: &Limits) -> Box<dyn Dissector> {
    Box::new(Socks::default())
}

/// A greeting, and nothing behind it: the client waits for the answer.
fn probe(opening: Opening, bytes: &[u8]) -> Probe {
    match greeting(bytes) {
        _ if opening.sender == Some(Direction::ToClient) => Probe::No,
        Read::Whole(methods, length) if length == bytes.len() => {
            let is_known = methods.iter().all(|method| matches!(method, 0..=9 | 0x80..=0xfe));
            match is_known && (opening.sender.is_some() || opening.port_hint) {
                true => Probe::Yes(Some(Direction::ToServer)),
                false => Probe::No,
            }
        }
        Read::More(more) => Probe::Maybe(more),
        _ => Probe::No,
    }
}

/// What the client has said.
#[derive(Default)]
enum Client {
    #[default]
    Silent,
    /// Greeted; credentials or the request come next.
    Greeted,
    Asked,
}

/// What the server has said.
#[derive(Default)]
enum Server {
    #[default]
    Silent,
    /// Chose credentials and has not judged them.
    Judging,
    /// The reply comes next.
    Chosen,
    /// The client's way to prove itself is not read.
    Strange,
}

/// One way to a tunnel.
#[derive(Default)]
struct Socks {
    client: Client,
    server: Server,
    asked: Half<SocksRequest>,
    answered: Half<SocksResponse>,
    connects: bool,
}

/// What one side has said so far.
#[derive(Default)]
struct Half<R> {
    row: R,
    first: Option<Mark>,
    last: Mark,
    bytes: u64,
}

impl<R> Half<R> {
    fn add(&mut self, slice: Slice<'_>, at: usize, length: usize) {
        self.first.get_or_insert(slice.mark_at(at));
        self.last = slice.mark_at((at + length).saturating_sub(1));
        self.bytes += length as u64;
    }
}

impl Dissector for Socks {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mut at = 0;
        while out.next.is_none()
            && let Some(bytes) = slice.bytes.get(at..).filter(|bytes| !bytes.is_empty())
        {
            let read = match slice.direction {
                Direction::ToServer => self.client(bytes),
                Direction::ToClient => self.server(bytes),
            };
            match read {
                Read::Whole(step, length) => {
                    match slice.direction {
                        Direction::ToServer => self.asked.add(slice, at, length),
                        Direction::ToClient => self.answered.add(slice, at, length),
                    }
                    at += length;
                    self.step(step, out);
                }
                Read::More(_) => break,
                Read::Bad if self.asked.first.is_none() => {
                    return Feed::GiveUp(AnomalyKind::ProtocolGaveUp);
                }
                // No SOCKS after all, or a way to prove oneself that is not read.
                Read::Bad => out.next = Some(Next::Probed),
            }
        }
        Feed::Taken(at)
    }

    fn gap(&mut self, _: Direction, _: u64, _: Mark, out: &mut Output) {
        self.hand_on(out, None);
        out.next = Some(Next::Probed);
    }

    fn end(&mut self, way: Direction, _: Slice<'_>, out: &mut Output) {
        if way == Direction::ToClient {
            self.hand_on(out, None);
        }
    }
}

/// What a message of either side comes to.
enum Step {
    On,
    /// The way ends here, with the code that the server gave.
    Reply(u8),
}

impl Socks {
    fn client(&mut self, bytes: &[u8]) -> Read<Step> {
        match self.client {
            Client::Silent => greeting(bytes).map(|methods| {
                self.client = Client::Greeted;
                self.asked.row.socks_methods =
                    methods.iter().map(|method| parse::method(*method)).collect();
                Step::On
            }),
            Client::Greeted if bytes.first() == Some(&1) => credentials(bytes).map(|user| {
                self.asked.row.socks_user = user;
                Step::On
            }),
            Client::Greeted => request(bytes).map(|(command, address)| {
                self.client = Client::Asked;
                self.connects = command == 1;
                let Address { host, port } = address;
                let row = &mut self.asked.row;
                row.socks_command = parse::command(command);
                (row.socks_host, row.socks_port) = (host, port.into());
                Step::On
            }),
            // Data that did not wait for the answer.
            Client::Asked => Read::More(bytes.len() + 1),
        }
    }

    fn server(&mut self, bytes: &[u8]) -> Read<Step> {
        match (&self.server, bytes) {
            (Server::Silent, [5, method, ..]) => {
                self.server = match method {
                    0 => Server::Chosen,
                    2 => Server::Judging,
                    _ => Server::Strange,
                };
                self.answered.row.socks_method = parse::method(*method);
                let step = if *method == 0xff { Step::Reply(parse::NO_METHOD) } else { Step::On };
                Read::Whole(step, 2)
            }
            (Server::Judging, [1, verdict, ..]) => {
                self.server = Server::Chosen;
                let step = if *verdict == 0 { Step::On } else { Step::Reply(parse::NOT_PROVEN) };
                Read::Whole(step, 2)
            }
            (Server::Silent, [5]) | (Server::Judging, [1]) => Read::More(2),
            (Server::Chosen, _) => request(bytes).map(|(code, address)| {
                let row = &mut self.answered.row;
                (row.socks_bound_host, row.socks_bound_port) = (address.host, address.port.into());
                Step::Reply(code)
            }),
            _ => Read::Bad,
        }
    }

    fn step(&mut self, step: Step, out: &mut Output) {
        let Step::Reply(code) = step else { return };
        let is_open = code == 0 && self.connects;
        self.hand_on(out, Some(code));
        if is_open {
            out.next = Some(Next::Probed);
        }
    }

    /// Hands on what was said, and forgets it.
    fn hand_on(&mut self, out: &mut Output, code: Option<u8>) {
        let Socks { asked, answered, .. } = std::mem::take(self);
        if let Some(first) = asked.first {
            let operation = match (asked.row.socks_command.as_str(), asked.row.socks_host.as_str())
            {
                ("", _) => Text::const_new("SOCKS"),
                (command, "") => Text::from(command),
                (command, host) => format_compact!("{command} {host}:{}", asked.row.socks_port),
            };
            let (kind, way) = (Kind::Request, Direction::ToServer);
            let message = Message { operation, ..message(kind, way, first, asked) };
            out.messages.push(message);
        }
        if let (Some(first), Some(code)) = (answered.first, code) {
            let (outcome, error) = parse::outcome(code);
            let mut answered = answered;
            answered.row.socks_reply =
                if code == 0 { Text::const_new("succeeded") } else { error.clone() };
            let (kind, way) = (Kind::Response, Direction::ToClient);
            let status = i64::from(code);
            let message = message(kind, way, first, answered);
            out.messages.push(Message { outcome, error, status, ..message });
        }
    }
}

fn message<R: crate::field::Row + 'static>(
    kind: Kind,
    direction: Direction,
    first: Mark,
    half: Half<R>,
) -> Message {
    Message {
        kind,
        direction,
        key: 0,
        first,
        last: half.last,
        bytes: half.bytes,
        units: 1,
        operation: Text::default(),
        outcome: Outcome::Unknown,
        status: 0,
        error: Text::default(),
        trace: None,
        inner: None,
        row: Box::new(half.row),
    }
}

#[cfg(test)]
pub(super) mod tests;
