//! What holds for every dissector, tried on a sample conversation of each: any split of the bytes
//! gives the same messages, a prefix gives no more, after a loss later messages are found again,
//! and no mutation does harm. [`Driver`] stands in for the reassembly that feeds a dissector.

use super::*;
use crate::anomaly::AnomalyKind;
use crate::field::{ColumnSink, Pairs, Text};
use crate::limits::Limits;

use Direction::{ToClient, ToServer};

/// Packets of a conversation.
pub type Sample = &'static [(Direction, &'static [u8])];

/// One conversation per protocol and carrier; it must not end in another protocol, since tests
/// play it twice.
const SAMPLES: &[(&str, Carrier, Sample)] = &[
    ("http1", Carrier::Stream, http1::tests::SAMPLE),
    ("http2", Carrier::Stream, http2::tests::SAMPLE),
    ("ws", Carrier::Stream, ws::tests::SAMPLE),
    ("tls", Carrier::Stream, tls::tests::SAMPLE),
    ("quic", Carrier::Datagram, quic::tests::DATAGRAMS),
    ("icmp", Carrier::Icmp, icmp::tests::SAMPLE),
    ("proxy", Carrier::Stream, proxy::tests::SAMPLE),
    ("socks", Carrier::Stream, socks::tests::SAMPLE),
    ("dns", Carrier::Datagram, dns::tests::DATAGRAMS),
    ("mdns", Carrier::Datagram, dns::tests::MDNS_SAMPLE),
    ("llmnr", Carrier::Datagram, dns::tests::LLMNR_SAMPLE),
    ("dns", Carrier::Stream, dns::tests::STREAM),
    ("redis", Carrier::Stream, redis::tests::SAMPLE),
    ("postgresql", Carrier::Stream, postgresql::tests::SAMPLE),
    ("mysql", Carrier::Stream, mysql::tests::SAMPLE),
    ("kafka", Carrier::Stream, kafka::tests::SAMPLE),
    ("mongodb", Carrier::Stream, mongodb::tests::SAMPLE),
    ("nats", Carrier::Stream, nats::tests::SAMPLE),
    ("amqp", Carrier::Stream, amqp::tests::SAMPLE),
    ("memcached", Carrier::Stream, memcached::tests::SAMPLE),
    ("memcached", Carrier::Stream, memcached::tests::BINARY),
];

/// Protocols of a connection's beginning: after a loss they leave it to others.
const BEGINNINGS: &[&str] = &["proxy", "socks"];

/// Bytes of one direction that were not taken.
#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    marks: Vec<(usize, Mark)>,
}

/// Feeds a dissector the way the analysis does: what is unread comes again with more behind it.
pub struct Driver {
    dissector: Box<dyn Dissector>,
    carrier: Carrier,
    unread: [Unread; 2],
    packets: u32,
    pub out: Output,
    pub gave_up: Option<AnomalyKind>,
    /// What follows is for the probes, which are not asked here.
    pub is_tunnel: bool,
}

impl Driver {
    pub fn new(protocol: &Protocol, carrier: Carrier) -> Self {
        Self::with_limits(protocol, carrier, &Limits::default())
    }

    pub fn with_limits(protocol: &Protocol, carrier: Carrier, limits: &Limits) -> Self {
        Driver {
            dissector: (protocol.start)(carrier, limits),
            carrier,
            unread: Default::default(),
            packets: 0,
            out: Output::default(),
            gave_up: None,
            is_tunnel: false,
        }
    }

    fn mark(&mut self) -> Mark {
        self.packets += 1;
        let mut mark = Mark { ts_ns: i64::from(self.packets) * 1000, ..Mark::default() };
        mark.packet.frame = self.packets;
        mark
    }

    pub fn packet(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        let mark = self.mark();
        let Unread { bytes: unread, marks } = &mut self.unread[direction.index()];
        marks.push((unread.len(), mark));
        unread.extend_from_slice(bytes);
        self.feed(direction);
        while let Some(next) = self.out.next.take() {
            match next {
                Next::Known(_, dissector) => self.dissector = dissector,
                Next::Probed => self.is_tunnel = true,
            }
            self.feed(direction);
            self.feed(direction.reverse());
        }
        self
    }

    fn feed(&mut self, direction: Direction) {
        let Unread { bytes: unread, marks } = &mut self.unread[direction.index()];
        if self.gave_up.is_some() || self.is_tunnel || unread.is_empty() {
            return;
        }
        let slice = Slice { direction, bytes: unread, marks };
        let mut taken = match self.dissector.feed(slice, &mut self.out) {
            Feed::Taken(taken) => taken,
            Feed::GiveUp(kind) => {
                self.gave_up = Some(kind);
                unread.len()
            }
        };
        assert!(taken <= unread.len(), "took more than there was");
        if self.carrier != Carrier::Stream {
            taken = unread.len();
        }
        unread.drain(..taken);
        let first = slice_start(marks, taken);
        marks.drain(..first);
        for (start, _) in marks.iter_mut() {
            *start = start.saturating_sub(taken);
        }
    }

    pub fn gap(&mut self, direction: Direction, bytes: u64) -> &mut Self {
        let mark = self.mark();
        self.unread[direction.index()] = Unread::default();
        self.dissector.gap(direction, bytes, mark, &mut self.out);
        self
    }

    pub fn end(&mut self) -> &mut Self {
        for direction in [ToServer, ToClient] {
            let mark = self.mark();
            let Unread { bytes, mut marks } = std::mem::take(&mut self.unread[direction.index()]);
            if marks.is_empty() {
                marks.push((0, mark));
            }
            let slice = Slice { direction, bytes: &bytes, marks: &marks };
            self.dissector.end(direction, slice, &mut self.out);
        }
        self
    }

    /// The messages so far: what requests call, what responses fail of.
    pub fn brief(&self) -> Vec<String> {
        let brief = |message: &Message| match message.kind {
            Kind::Request => message.operation.to_string(),
            Kind::OneWay => format!("> {}", message.operation),
            _ => format!("= {}", message.error),
        };
        self.out.messages.iter().map(brief).collect()
    }

    /// The messages so far, one line each.
    pub fn shown(&self) -> Vec<String> {
        with_keys(&self.out.messages)
    }

    pub fn anomalies(&self) -> Vec<AnomalyKind> {
        self.out.anomalies.iter().map(|&(kind, _)| kind).collect()
    }
}

/// How many marks lie wholly before `taken`: the packet that holds the next byte stays.
fn slice_start(marks: &[(usize, Mark)], taken: usize) -> usize {
    marks.partition_point(|&(start, _)| start <= taken).saturating_sub(1)
}

/// Messages, one line each, with their keys counted from 1 in the order in which they appear.
fn with_keys(messages: &[Message]) -> Vec<String> {
    let mut keys = vec![0];
    let mut number = |key: u64| {
        keys.iter().position(|&known| known == key).unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        })
    };
    messages.iter().map(|message| format!("{} {}", number(message.key), shown(message))).collect()
}

/// Everything of a message but its marks and key; fields that are empty are left out.
pub fn shown(message: &Message) -> String {
    let Message { kind, direction, bytes, units, operation, outcome, status, error, .. } = message;
    let mut line =
        format!("{kind:?} {direction:?} {units}x {bytes}B {operation:?} {}", outcome.name());
    line += &format!(" {status} {error:?}");
    if let Some(trace) = &message.trace {
        line += &format!(" {trace:?}");
    }
    let mut sink = Shown { fields: message.row.fields(), line };
    message.row.visit(&mut sink);
    sink.line
}

struct Shown {
    fields: &'static [crate::field::FieldDef],
    line: String,
}

impl Shown {
    fn put(&mut self, column: usize, is_empty: bool, value: String) {
        if !is_empty {
            self.line += &format!(" {}={value}", self.fields[column].name);
        }
    }
}

impl ColumnSink for Shown {
    fn text(&mut self, column: usize, value: &str) {
        self.put(column, value.is_empty(), format!("{value:?}"));
    }
    fn int(&mut self, column: usize, value: i64) {
        self.put(column, value == 0, value.to_string());
    }
    fn bool(&mut self, column: usize, value: bool) {
        self.put(column, !value, value.to_string());
    }
    fn list(&mut self, column: usize, value: &[Text]) {
        self.put(column, value.is_empty(), format!("{value:?}"));
    }
    fn map(&mut self, column: usize, value: &Pairs) {
        let pairs: Vec<_> = value.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.put(column, value.is_empty(), format!("{pairs:?}"));
    }
}

pub fn play(protocol: &Protocol, carrier: Carrier, packets: &[(Direction, &[u8])]) -> Driver {
    let mut driver = Driver::new(protocol, carrier);
    for (direction, bytes) in packets {
        driver.packet(*direction, bytes);
    }
    driver
}

fn samples() -> impl Iterator<Item = (&'static Protocol, Carrier, Sample)> {
    SAMPLES.iter().map(|(name, carrier, sample)| {
        (protocol(name).expect("a sample is of a protocol of the table"), *carrier, *sample)
    })
}

#[test]
fn the_table_is_sound() {
    for one in PROTOCOLS {
        assert!(!one.spec.is_empty() && !one.request.is_empty(), "{}", one.name);
        for &carrier in one.carriers {
            let has_sample = SAMPLES.iter().any(|s| (s.0, s.1) == (one.name, carrier));
            assert!(has_sample, "{} over {carrier:?} has no sample", one.name);
        }
        for table in [one.request, one.response, one.derived] {
            let mut names: Vec<_> = table.iter().map(|field| field.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.len(), "{} repeats a field", one.name);
            for field in table {
                assert!(!field.doc.is_empty() && !field.example.is_empty(), "{}", field.name);
            }
        }
        assert_eq!(PROTOCOLS.iter().filter(|other| other.name == one.name).count(), 1);
    }
}

#[test]
fn samples_hold_messages_and_nothing_odd() {
    for (protocol, carrier, sample) in samples() {
        let mut driver = play(protocol, carrier, sample);
        driver.end();
        assert_eq!(driver.gave_up, None, "{}", protocol.name);
        assert_eq!(driver.anomalies(), [], "{}", protocol.name);
        let of = |kind| driver.out.messages.iter().filter(|m| m.kind == kind).count();
        let one_way = protocol.pairing == Pairing::OneWay && of(Kind::OneWay) > 1;
        assert!(one_way || of(Kind::Request) > 1 && of(Kind::Response) > 1, "{}", protocol.name);
    }
}

#[test]
fn only_its_own_probe_says_yes() {
    for (own, carrier, sample) in samples() {
        for (_, bytes) in sample {
            for other in PROTOCOLS.iter().filter(|other| other.carriers.contains(&carrier)) {
                let opening = Opening { sender: None, port_hint: false };
                match (other.probe)(opening, bytes) {
                    Probe::Yes(_) => assert_eq!(other.name, own.name, "{bytes:?}"),
                    Probe::Maybe(more) => assert!(more > bytes.len()),
                    Probe::No => {}
                }
            }
        }
        if own.name == "ws" {
            continue; // known from its upgrade only
        }
        let opening = Opening { sender: Some(ToServer), port_hint: true };
        let verdict = (own.probe)(opening, sample[0].1);
        assert!(matches!(verdict, Probe::Yes(None | Some(ToServer))), "{}", own.name);
    }
}

#[test]
fn every_split_gives_the_same_messages() {
    for (protocol, _, sample) in samples().filter(|s| s.1 == Carrier::Stream) {
        let whole = play(protocol, Carrier::Stream, sample).end().shown();
        for (at, (direction, bytes)) in sample.iter().enumerate() {
            for cut in 1..bytes.len() {
                let mut packets = sample.to_vec();
                packets[at] = (*direction, &bytes[..cut]);
                packets.insert(at + 1, (*direction, &bytes[cut..]));
                let split = play(protocol, Carrier::Stream, &packets).end().shown();
                assert_eq!(split, whole, "{} packet {at} cut at {cut}", protocol.name);
            }
        }
        let bytewise: Vec<_> = sample
            .iter()
            .flat_map(|(way, bytes)| bytes.chunks(1).map(|byte| (*way, byte)))
            .collect();
        assert_eq!(play(protocol, Carrier::Stream, &bytewise).end().shown(), whole);
    }
}

/// Messages that the end of a sample's connection may complete: what is half there, and requests
/// that are handed on with their answers.
const HELD: usize = 4;

#[test]
fn prefixes_invent_nothing() {
    for (protocol, carrier, sample) in samples() {
        let whole = play(protocol, carrier, sample).end().out.messages.len();
        for (at, (direction, bytes)) in sample.iter().enumerate() {
            for cut in 0..bytes.len() {
                let mut packets = sample[..=at].to_vec();
                packets[at] = (*direction, &bytes[..cut]);
                let mut driver = play(protocol, carrier, &packets);
                let complete = driver.out.messages.len();
                let ended = driver.end().out.messages.len();
                // With ids, any number of calls can be open.
                let open = if protocol.pairing == Pairing::ById { whole } else { HELD };
                assert!(ended <= whole && ended <= complete + open, "{} {at} {cut}", protocol.name);
            }
        }
    }
}

/// The conversation with `lost` of packet `at` missing, and once more whole: the last `count`
/// messages.
fn with_loss(
    (protocol, carrier, sample): (&Protocol, Carrier, Sample),
    at: usize,
    lost: std::ops::Range<usize>,
    count: usize,
) -> Vec<String> {
    let mut driver = play(protocol, carrier, &sample[..at]);
    let (direction, bytes) = sample[at];
    driver.packet(direction, &bytes[..lost.start]);
    driver.gap(direction, lost.len() as u64);
    driver.packet(direction, &bytes[lost.end..]);
    for (direction, bytes) in sample[at + 1..].iter().chain(sample) {
        driver.packet(*direction, bytes);
    }
    let messages = &driver.end().out.messages;
    with_keys(&messages[messages.len().saturating_sub(count)..])
}

#[test]
fn after_a_loss_later_messages_are_found() {
    let found_again = |s: &(&Protocol, Carrier, Sample)| !BEGINNINGS.contains(&s.0.name);
    let streams = samples().filter(|s| s.1 == Carrier::Stream);
    for one @ (protocol, carrier, sample) in streams.filter(found_again) {
        let whole = play(protocol, carrier, sample).end().shown();
        for (at, (_, bytes)) in sample.iter().enumerate() {
            for start in (0..bytes.len()).step_by(3) {
                for end in [start + 1, start + 7, bytes.len()] {
                    let lost = start..end.min(bytes.len());
                    let later = with_loss(one, at, lost, whole.len());
                    assert_eq!(later, whole, "{} packet {at} {start}..{end}", protocol.name);
                }
            }
        }
    }
}

/// A small generator of bits (xorshift64), so that a failure can be had again.
struct Bits(u64);

impl Bits {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

#[test]
fn mutations_do_no_harm() {
    for (protocol, carrier, sample) in samples() {
        let mut bits = Bits(0x9e37_79b9_7f4a_7c15);
        for _ in 0..2000 {
            let mut driver = Driver::new(protocol, carrier);
            for (direction, bytes) in sample {
                let mut bytes = bytes.to_vec();
                for _ in 0..bits.below(4) {
                    let at = bits.below(bytes.len());
                    match bits.below(3) {
                        0 => bytes[at] = bits.below(256) as u8,
                        1 => bytes[at] ^= 1 << bits.below(8),
                        _ => drop(bytes.drain(..at)),
                    }
                }
                let cut = bits.below(bytes.len());
                driver.packet(*direction, &bytes[..cut]);
                if bits.below(8) == 0 {
                    driver.gap(*direction, bits.below(100) as u64);
                }
                driver.packet(*direction, &bytes[cut..]);
            }
            driver.end();
        }
    }
}
