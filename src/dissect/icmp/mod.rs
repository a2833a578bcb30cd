//! ICMP and ICMPv6: messages -> echoes with their replies, errors about packets of others, and what
//! hosts tell their neighbors. Summaries count echo requests and replies.

mod fields;
pub mod parse;

use std::net::IpAddr;

pub use fields::IcmpMessage;

use self::parse::{Icmp, Role, parse};
use super::{
    Carrier, Direction, Dissector, Extent, Feed, Kind, Mark, Message, Opening, Outcome, Output,
    Pairing, Probe, Protocol, Slice, content_key,
};
use crate::anomaly::AnomalyKind;
use crate::conn::Meaning;
use crate::field::{Text, ToCompactString, format_compact};
use crate::limits::Limits;

pub static PROTOCOL: Protocol = Protocol {
    name: "icmp",
    title: "ICMP",
    flag: "icmp",
    table: "icmp",
    spec: "RFC 792, RFC 4443",
    carriers: &[Carrier::Icmp],
    ports: &[],
    pairing: Pairing::ById,
    counters: &[],
    request: IcmpMessage::FIELDS,
    response: IcmpMessage::FIELDS,
    derived: &[],
    probe,
    start: |_, _: &Limits| Box::new(Messages),
};

/// Whatever IP carries under the numbers of ICMP is ICMP.
fn probe(_: Opening, _: &[u8]) -> Probe {
    Probe::Yes(None)
}

/// Messages that are of no conversation but their own.
struct Messages;

impl Dissector for Messages {
    fn feed(&mut self, slice: Slice<'_>, out: &mut Output) -> Feed {
        let mark = slice.mark_at(0);
        match parse(slice.bytes) {
            Some(icmp) => out.messages.push(message(&icmp, slice.bytes, slice.direction, mark)),
            None => out.anomaly(AnomalyKind::IcmpMalformed, mark),
        }
        Feed::Taken(slice.bytes.len())
    }

    fn gap(&mut self, _: Direction, _: u64, _: Mark, _: &mut Output) {}

    fn end(&mut self, _: Direction, _: Slice<'_>, _: &mut Output) {}
}

/// An error about a packet of another conversation, as a message that goes the packet's way: who
/// sent the packet is the caller that failed. `reporter` is who says so.
pub fn report(
    bytes: &[u8],
    reporter: IpAddr,
    packet_went: Direction,
    mark: Mark,
) -> Option<Message> {
    let icmp = parse(bytes)?;
    let mut message = message(&icmp, bytes, packet_went, mark);
    let row = IcmpMessage { icmp_reporter: reporter.to_compact_string(), ..row(&icmp, bytes) };
    message.row = Box::new(row);
    Some(message)
}

fn message(icmp: &Icmp<'_>, bytes: &[u8], direction: Direction, mark: Mark) -> Message {
    let (kind, key, operation) = match icmp.role() {
        Role::Asks(pair) => (Kind::Request, pair_key(icmp, pair), Text::const_new(pair)),
        Role::Answers(pair) => (Kind::Response, pair_key(icmp, pair), Text::const_new(pair)),
        Role::Reports | Role::Tells => (Kind::OneWay, content_key(bytes), name(icmp)),
    };
    let is_echo = matches!(icmp.role(), Role::Asks("echo") | Role::Answers("echo"));
    let meaning = meaning(icmp);
    let extent = Extent { first: mark, last: mark, bytes: bytes.len() as u64 };
    let message = Message::new(kind, direction, key, extent, Box::new(row(icmp, bytes)));
    Message {
        units: u32::from(is_echo),
        operation,
        outcome: meaning.map_or(message.outcome, outcome),
        error: Text::const_new(meaning.map_or("", Meaning::name)),
        ..message
    }
}

fn row(icmp: &Icmp<'_>, bytes: &[u8]) -> IcmpMessage {
    let has_ids = matches!(icmp.role(), Role::Asks(_) | Role::Answers(_));
    IcmpMessage {
        icmp_type: name(icmp),
        icmp_code: i64::from(icmp.code),
        icmp_reason: Text::const_new(meaning(icmp).map_or("", Meaning::name)),
        icmp_version: if icmp.is_v4 { 4 } else { 6 },
        icmp_length: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        icmp_sequence: if has_ids { i64::from(icmp.ids().1) } else { 0 },
        icmp_reporter: Text::default(),
        icmp_quoted: icmp.quote().map_or(Text::default(), |quote| quote.to_compact_string()),
        icmp_mtu: i64::from(icmp.mtu()),
        icmp_target: icmp.target().map_or(Text::default(), |ip| ip.to_compact_string()),
    }
}

fn name(icmp: &Icmp<'_>) -> Text {
    icmp.name().map_or_else(|| format_compact!("type {}", icmp.kind), Text::const_new)
}

fn meaning(icmp: &Icmp<'_>) -> Option<Meaning> {
    (icmp.role() == Role::Reports).then(|| Meaning::of(icmp.is_v4, icmp.kind, icmp.code))
}

/// What an error means for whoever sent the packet. Advice on size and way is no failure.
fn outcome(meaning: Meaning) -> Outcome {
    match meaning {
        Meaning::FragmentationNeeded | Meaning::Redirect => Outcome::Ok,
        Meaning::SourceQuench => Outcome::Throttled,
        Meaning::TimeExceeded => Outcome::Timeout,
        Meaning::ParameterProblem => Outcome::ClientError,
        _ => Outcome::Refused,
    }
}

/// Identifier, sequence number and what is asked pair a reply with its request.
fn pair_key(icmp: &Icmp<'_>, pair: &str) -> u64 {
    let (id, sequence) = icmp.ids();
    (pair.len() as u64) << 32 | u64::from(id) << 16 | u64::from(sequence)
}

#[cfg(test)]
pub(super) mod tests;
