//! Where targets start: packets, conversations, text and metadata that are right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pcapsule::capture::{Batch, SegmentReader};
use pcapsule::conn::Direction;
use pcapsule::dissect::Carrier;
use pcapsule::keylog::KeyLog;
use pcapsule::limits::Limits;
use pcapsule::packet::{Proto, decode};

/// Packets of a conversation that are kept.
const TURNS_MAX: usize = 12;

/// What was said between two sockets, in order.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub carrier: Carrier,
    pub turns: Vec<(Direction, Vec<u8>)>,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts of all files below a folder with this ending.
pub fn texts(dir: &str, end: &str) -> Vec<String> {
    let paths = files(&root().join(dir), end);
    assert!(!paths.is_empty(), "nothing in {dir} ends in {end}");
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The first batch of a capture.
fn first_batch(capture: &Path) -> Batch {
    let mut batch = Batch::default();
    let limits = Limits::default();
    let there = SegmentReader::open(capture).unwrap().next_batch(&mut batch, 1 << 20, &limits);
    assert!(there);
    batch
}

/// The first batch of a capture of the incident, which has something of everything.
pub fn batch() -> &'static Batch {
    static BATCH: OnceLock<Batch> = OnceLock::new();
    BATCH.get_or_init(|| {
        first_batch(&files(&root().join("fixtures/incidents/redis-oom"), ".pcap.zst").remove(0))
    })
}

/// Frames of different lengths.
pub fn frames() -> Vec<Vec<u8>> {
    let mut frames: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for record in &batch().records {
        frames
            .entry(record.captured_len as usize)
            .or_insert_with(|| batch().frame(record).to_vec());
    }
    assert!(frames.len() > 20);
    frames.into_values().collect()
}

/// A pcap file with the capture's first packets.
pub fn pcap() -> Vec<u8> {
    let mut writer = pcapsule::capture::write::PcapWriter::new(Vec::new(), 1, 65_535).unwrap();
    for record in batch().records.iter().take(30) {
        let (ts_ns, wire_len) = (record.ts_ns, record.wire_len);
        let data = batch().frame(record);
        writer.write(&pcapsule::capture::write::Record { ts_ns, wire_len, data }).unwrap();
    }
    writer.finish().unwrap()
}

/// The same as pcapng, in two interfaces.
pub fn pcapng() -> Vec<u8> {
    let mut writer = pcapsule::capture::write::PcapngWriter::new(Vec::new(), "fuzz").unwrap();
    let one = writer.interface("eth0", 1, 65_535).unwrap();
    let two = writer.interface("cooked", 113, 96).unwrap();
    for (record, interface) in batch().records.iter().zip([one, two].into_iter().cycle()).take(30) {
        let (ts_ns, wire_len) = (record.ts_ns, record.wire_len);
        let data = batch().frame(record);
        writer
            .write(interface, &pcapsule::capture::write::Record { ts_ns, wire_len, data })
            .unwrap();
    }
    writer.finish().unwrap()
}

/// The secrets of all fixtures that have some.
pub fn keys() -> KeyLog {
    let logs = files(&root().join("fixtures"), "tls-keys.log");
    let texts: Vec<Vec<u8>> = logs.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!texts.is_empty());
    KeyLog::new(&texts, 10_000).0
}

/// What is said in the fixtures, by capture and conversation; the longest of each first.
pub fn conversations() -> &'static [Conversation] {
    static CONVERSATIONS: OnceLock<Vec<Conversation>> = OnceLock::new();
    CONVERSATIONS.get_or_init(|| {
        let fixtures = root().join("fixtures");
        let mut captures = files(&fixtures, ".pcap.zst");
        // Of a case one node says what the others do.
        captures.dedup_by_key(|capture| {
            let path = capture.strip_prefix(&fixtures).unwrap();
            path.components().take(2).collect::<PathBuf>()
        });
        let found: Vec<_> = captures.iter().flat_map(|c| said(&first_batch(c))).collect();
        assert!(found.len() > 40 && found.iter().any(|c| c.carrier == Carrier::Icmp));
        found
    })
}

fn said(batch: &Batch) -> Vec<Conversation> {
    let limits = Limits::default();
    let mut found: BTreeMap<Vec<u8>, Conversation> = BTreeMap::new();
    for record in &batch.records {
        let decoded = decode(batch, record, 0, &limits);
        let Some(packet) = decoded.packet() else { continue };
        if packet.payload_len == 0 {
            continue;
        }
        let client = packet.key.end(packet.from).port > packet.key.end(packet.from.other()).port;
        let direction = if client { Direction::ToServer } else { Direction::ToClient };
        let carrier = match packet.key.proto {
            Proto::Tcp => Carrier::Stream,
            Proto::Icmp => Carrier::Icmp,
            _ => Carrier::Datagram,
        };
        let conversation = found
            .entry(packet.key.bytes().to_vec())
            .or_insert_with(|| Conversation { carrier, turns: Vec::new() });
        if conversation.turns.len() < TURNS_MAX {
            conversation.turns.push((direction, packet.payload(batch).to_vec()));
        }
    }
    let mut found: Vec<Conversation> = found.into_values().collect();
    found.sort_by_key(|c| std::cmp::Reverse(c.turns.len()));
    found
}
