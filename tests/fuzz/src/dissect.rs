//! Any bytes in any pieces with any losses: dissectors take what they can, and what they hand on
//! fits what went in.

use bolero::{TypeGenerator, check};
use pcapsule::dissect::{
    Carrier, Direction, Dissector, Feed, Mark, Next, Opening, Output, PROTOCOLS, Probe, Protocol,
    Slice,
};
use pcapsule::field::{ColumnSink, Pairs, Text};
use pcapsule::limits::Limits;

use crate::edit::{Edit, edited, pick};
use crate::samples::{Conversation, conversations, keys};

/// What happens to a turn of a conversation.
#[derive(Debug, Clone, TypeGenerator)]
enum Fate {
    /// Comes as it is, in one piece.
    Whole,
    Pieces(u8),
    Edited(Vec<Edit>),
    Lost,
    /// So many bytes in front were lost.
    Gap(u16),
    /// Goes the other way.
    Turned,
}

/// A dissector with what it has not read, fed the way the analysis feeds it.
struct Fed {
    protocol: &'static Protocol,
    carrier: Carrier,
    dissector: Box<dyn Dissector>,
    unread: [Vec<u8>; 2],
    gave_up: bool,
    output: Output,
    limits: Limits,
}

impl Fed {
    fn new(protocol: &'static Protocol, carrier: Carrier, limits: Limits) -> Fed {
        let dissector = (protocol.start)(carrier, &limits);
        let (unread, output) = Default::default();
        Fed { protocol, carrier, dissector, unread, gave_up: false, output, limits }
    }

    fn bytes(&mut self, direction: Direction, bytes: &[u8]) {
        self.unread[direction.index()].extend_from_slice(bytes);
        self.feed(direction);
        while let Some(next) = self.output.next.take() {
            match next {
                Next::Known(_, dissector) => self.dissector = dissector,
                Next::Probed => self.gave_up = true,
            }
            self.feed(direction);
            self.feed(direction.reverse());
        }
    }

    fn feed(&mut self, direction: Direction) {
        let unread = &mut self.unread[direction.index()];
        if self.gave_up || unread.is_empty() {
            return;
        }
        let marks = [(0, Mark::default())];
        let slice = Slice { direction, bytes: unread, marks: &marks };
        match self.dissector.feed(slice, &mut self.output) {
            Feed::Taken(taken) => {
                assert!(taken <= unread.len(), "{} took more than there was", self.protocol.name);
                unread.drain(..taken);
            }
            Feed::GiveUp(_) => self.gave_up = true,
        }
        // What the analysis does with a dissector that wants ever more, and with datagrams.
        if self.carrier != Carrier::Stream || unread.len() > self.limits.pending_bytes_max {
            unread.clear();
        }
    }

    fn gap(&mut self, direction: Direction, bytes: u64) {
        self.unread[direction.index()].clear();
        if !self.gave_up {
            self.dissector.gap(direction, bytes, Mark::default(), &mut self.output);
        }
    }

    fn end(mut self) -> Output {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let unread = std::mem::take(&mut self.unread[direction.index()]);
            let marks = [(0, Mark::default())];
            let slice = Slice { direction, bytes: &unread, marks: &marks };
            if !self.gave_up {
                self.dissector.end(direction, slice, &mut self.output);
            }
        }
        self.output
    }
}

/// Bytes that bodies' snippets and names like `<masked 12 bytes>` may have whatever the limit.
const SHORT_TEXT: usize = 256 + 64;

/// Looks at every value of a row.
struct Reader<'a>(&'a Limits);

impl ColumnSink for Reader<'_> {
    fn text(&mut self, _: usize, value: &str) {
        let limit = self.0.field_bytes_max + SHORT_TEXT;
        assert!(value.len() <= limit, "a field of {} bytes: {value}", value.len());
    }
    fn int(&mut self, _: usize, _: i64) {}
    fn bool(&mut self, _: usize, _: bool) {}
    fn list(&mut self, _: usize, value: &[Text]) {
        assert!(value.len() <= 1 << 16);
    }
    fn map(&mut self, _: usize, value: &Pairs) {
        assert!(value.iter().count() <= self.0.http_headers_max.max(1 << 16));
    }
}

/// Plays a conversation to every protocol that may hear it.
fn play(conversation: &Conversation, fates: &[Fate], limits: &Limits) {
    let carrier = conversation.carrier;
    for protocol in PROTOCOLS.iter().filter(|p| p.carriers.contains(&carrier)) {
        let mut fed = Fed::new(protocol, carrier, limits.clone());
        let mut fates = fates.iter();
        let mut total = 0;
        for (direction, bytes) in &conversation.turns {
            total += bytes.len() + 600;
            match fates.next().unwrap_or(&Fate::Whole) {
                Fate::Whole => fed.bytes(*direction, bytes),
                Fate::Pieces(size) => {
                    bytes.chunks(usize::from(*size).max(1)).for_each(|p| fed.bytes(*direction, p));
                }
                Fate::Edited(edits) => {
                    let bytes = edited(bytes, edits);
                    total += bytes.len();
                    fed.bytes(*direction, &bytes);
                }
                Fate::Lost => fed.gap(*direction, bytes.len() as u64),
                Fate::Gap(lost) => {
                    fed.gap(*direction, u64::from(*lost));
                    fed.bytes(*direction, bytes);
                }
                Fate::Turned => fed.bytes(direction.reverse(), bytes),
            }
        }
        let output = fed.end();
        assert!(output.messages.len() <= total, "messages out of nothing");
        for message in &output.messages {
            message.row.visit(&mut Reader(limits));
        }
    }
}

#[test]
fn edited_conversations() {
    let (samples, limits) = (conversations(), Limits { keys: keys(), ..Limits::default() });
    check!().with_type::<(u16, Vec<Fate>)>().with_iterations(4000).for_each(|(number, fates)| {
        play(pick(samples, *number), fates, &limits);
    });
}

#[test]
fn small_limits_hold() {
    let limits = Limits {
        http_head_bytes_max: 200,
        http_headers_max: 3,
        http_body_bytes_max: 64,
        http2_streams_max: 2,
        tls_records_ahead_max: 1,
        keys: keys(),
        field_bytes_max: 16,
        redis_depth_max: 2,
        redis_elements_max: 3,
        dns_pointers_max: 1,
        dns_records_max: 1,
        pending_bytes_max: 256,
        ..Limits::default()
    };
    let samples = conversations();
    check!().with_type::<(u16, Vec<Fate>)>().with_iterations(2000).for_each(|(number, fates)| {
        play(pick(samples, *number), fates, &limits);
    });
}

#[test]
fn any_bytes() {
    check!().with_type::<(u8, Vec<(bool, Vec<u8>)>, Vec<Fate>)>().with_iterations(4000).for_each(
        |(number, turns, fates)| {
            let way = |up: &bool| if *up { Direction::ToServer } else { Direction::ToClient };
            let turns = turns.iter().map(|(up, bytes)| (way(up), bytes.clone())).collect();
            let carriers = [Carrier::Stream, Carrier::Datagram, Carrier::Icmp];
            let carrier = carriers[usize::from(*number) % carriers.len()];
            play(&Conversation { carrier, turns }, fates, &Limits::default());
        },
    );
}

/// A probe that asks for more bytes asks for more than it has.
#[test]
fn probes() {
    let samples = conversations();
    check!().with_type::<(u16, u16, Vec<Edit>, bool)>().with_iterations(20_000).for_each(
        |(number, turn, edits, port_hint)| {
            let (sender, bytes) = pick(&pick(samples, *number).turns, *turn);
            let bytes = edited(bytes, edits);
            for protocol in PROTOCOLS {
                for sender in [None, Some(*sender)] {
                    let opening = Opening { sender, port_hint: *port_hint };
                    if let Probe::Maybe(need) = (protocol.probe)(opening, &bytes) {
                        assert!(need > bytes.len(), "{} asks for {need}", protocol.name);
                    }
                }
            }
        },
    );
}
