//! Made-up traffic, byte by byte: conversations as packets of one node, and captures cut in parts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use etherparse::PacketBuilder;
use pcapsule::capture::write::{ETHERNET, PcapWriter, Record, SNAPLEN, SegmentWriter};
use pcapsule::capture::{Batch, SegmentReader};
use pcapsule::limits::Limits;

/// 2026-11-20T14:15:00Z.
pub const START_NS: i64 = 1_795_184_100_000_000_000;
pub const MILLI_NS: i64 = 1_000_000;

/// One frame: its time and its bytes.
pub type Frame = (i64, Vec<u8>);

/// An address and a port.
pub type Socket = ([u8; 4], u16);

/// What one side says: whether the client, when after the conversation's start, and what.
pub type Said<'a> = (bool, i64, &'a [u8]);

/// A TCP conversation: handshake, what is said, and both FINs, with every packet's time.
pub fn tcp(client: Socket, server: Socket, start_ns: i64, said: &[Said<'_>]) -> Vec<Frame> {
    // As hosts choose them (RFC 6528): others for every connection.
    let own = u32::from(client.1) * 7919 + u32::from(server.1) * 104_729;
    let mut next = [own, own.wrapping_mul(31).wrapping_add(5000)];
    let mut frames = Vec::new();
    let mut send = |ns: i64, by_client: bool, flags: &str, payload: &[u8]| {
        let (from, to) = if by_client { (client, server) } else { (server, client) };
        let (own, peer) = if by_client { (0, 1) } else { (1, 0) };
        let mut packet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(from.0, to.0, 64)
            .tcp(from.1, to.1, next[own], 64_000);
        if flags.contains('S') {
            packet = packet.syn();
        }
        if flags.contains('A') {
            packet = packet.ack(next[peer]);
        }
        if flags.contains('F') {
            packet = packet.fin();
        }
        let mut bytes = Vec::new();
        packet.write(&mut bytes, payload).unwrap();
        let taken = payload.len() as u32 + u32::from(flags.contains(['S', 'F']));
        next[own] = next[own].wrapping_add(taken);
        frames.push((start_ns + ns, bytes));
    };
    send(0, true, "S", b"");
    send(20_000, false, "SA", b"");
    send(30_000, true, "A", b"");
    let mut last = 0;
    for (by_client, after_ns, bytes) in said {
        last = 100_000 + after_ns;
        for (at, part) in (0..).zip(bytes.chunks(1400)) {
            send(last + at * 1000, *by_client, "A", part);
        }
    }
    send(last + MILLI_NS, true, "AF", b"");
    send(last + MILLI_NS + 20_000, false, "AF", b"");
    send(last + MILLI_NS + 30_000, true, "A", b"");
    frames
}

/// Writes frames, sorted by time, as a pcap file.
pub fn write_pcap(path: &Path, mut frames: Vec<Frame>) {
    frames.sort_by_key(|frame| frame.0);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = BufWriter::new(File::create(path).unwrap());
    let mut writer = PcapWriter::new(file, ETHERNET, SNAPLEN).unwrap();
    for (ts_ns, data) in &frames {
        writer.write(&Record { ts_ns: *ts_ns, wire_len: data.len() as u32, data }).unwrap();
    }
    writer.finish().unwrap();
}

/// All frames of a capture file.
pub fn read(path: &Path) -> Vec<Frame> {
    let limits = Limits::default();
    let mut reader = SegmentReader::open(path).unwrap();
    let mut batch = Batch::default();
    let mut frames = Vec::new();
    while reader.next_batch(&mut batch, limits.batch_bytes, &limits) {
        frames.extend(batch.records.iter().map(|r| (r.ts_ns, batch.frame(r).to_vec())));
    }
    assert_eq!(reader.cut(), None, "{} is damaged", path.display());
    frames
}

/// Copies a capture directory with each of its files cut into segments. `cuts` are places
/// between 0 and 1; a segment's name is the time of its first packet, as the collector names it.
pub fn cut(from: &Path, to: &Path, cuts: &[f64]) {
    for (relative, frames) in segments(from) {
        let mut places: Vec<usize> =
            cuts.iter().map(|cut| (cut * frames.len() as f64) as usize).collect();
        places.extend([0, frames.len()]);
        places.sort_unstable();
        places.dedup();
        let folder = to.join(relative.parent().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        for (number, pair) in places.windows(2).enumerate() {
            let part = &frames[pair[0]..pair[1]];
            let path = folder.join(format!("{}-{number}.pcap.zst", part[0].0));
            let mut writer = SegmentWriter::create(&path, ETHERNET, SNAPLEN, 1).unwrap();
            for (ts_ns, data) in part {
                writer.write(&Record { ts_ns: *ts_ns, wire_len: data.len() as u32, data }).unwrap();
            }
            writer.finish().unwrap();
        }
    }
    let cluster = from.join("cluster.json");
    if cluster.exists() {
        std::fs::copy(cluster, to.join("cluster.json")).unwrap();
    }
}

/// The frames of each capture file below a folder, by its path there.
fn segments(dir: &Path) -> BTreeMap<PathBuf, Vec<Frame>> {
    let captures = crate::support::files(dir, ".pcap.zst");
    assert!(!captures.is_empty());
    let relative = |path: &Path| path.strip_prefix(dir).unwrap().to_path_buf();
    captures.iter().map(|path| (relative(path), read(path))).collect()
}

/// Spreads frames over nodes: `who` says which nodes see the frame of this number.
pub fn spread(
    frames: &[Frame],
    to: &Path,
    nodes: usize,
    who: impl Fn(usize, &Frame) -> Vec<usize>,
) {
    let mut parts: Vec<Vec<Frame>> = vec![Vec::new(); nodes];
    for (number, frame) in frames.iter().enumerate() {
        who(number, frame).into_iter().for_each(|node| parts[node].push(frame.clone()));
    }
    for (node, part) in parts.into_iter().enumerate() {
        write_pcap(&to.join(format!("node-{node}/if-eth0/all.pcap")), part);
    }
}

/// The first capture file of a folder played many times over, each time a minute later: a capture
/// that takes a while. Uncompressed.
pub fn repeat(from: &Path, times: i64, path: &Path) {
    let (_, frames) = segments(from).into_iter().next().unwrap();
    let mut writer =
        PcapWriter::new(BufWriter::new(File::create(path).unwrap()), ETHERNET, SNAPLEN).unwrap();
    for round in 0..times {
        for (ts_ns, data) in &frames {
            let ts_ns = ts_ns + round * 61_000 * MILLI_NS;
            writer.write(&Record { ts_ns, wire_len: data.len() as u32, data }).unwrap();
        }
    }
    writer.finish().unwrap();
}
