//! Whole captures, made up or by others, and the rows that come out.

mod attacks;
mod exact;
mod oracle;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::*;
use crate::call::fields::CallCommon;
use crate::capture::Mark;
use crate::capture::write::{ETHERNET, PcapWriter, Record, SNAPLEN};
use crate::conn::fields::ConnCommon;

/// Keeps the rows.
#[derive(Default)]
struct Rows {
    conns: Vec<ConnCommon>,
    calls: Vec<CallCommon>,
    anomalies: Vec<AnomalyKind>,
}

impl Sink for Rows {
    fn call(&mut self, row: CallRow<'_>) -> Result<(), String> {
        self.calls.push(row.common.clone());
        Ok(())
    }

    fn conn(&mut self, row: ConnRow<'_>) -> Result<(), String> {
        self.conns.push(row.common.clone());
        Ok(())
    }

    fn anomaly(
        &mut self,
        kind: AnomalyKind,
        _vantage: usize,
        _conn: i64,
        _mark: Mark,
    ) -> Result<(), String> {
        self.anomalies.push(kind);
        Ok(())
    }
}

/// The rows of a capture, by time and id.
fn replay(path: &Path, limits: &Limits) -> (Rows, ReplayStats) {
    let inputs = Inputs::find(&[path.to_path_buf()], limits).unwrap();
    let replay = Replay {
        inputs: &inputs,
        directory: &Directory::default(),
        limits,
        window: Window::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    let sinks = (0..SHARDS).map(|_| Rows::default()).collect();
    let (sinks, stats) = replay.run(sinks).unwrap();
    let mut rows = Rows::default();
    for sink in sinks {
        rows.conns.extend(sink.conns);
        rows.calls.extend(sink.calls);
        rows.anomalies.extend(sink.anomalies);
    }
    rows.conns.sort_by_key(|conn| (conn.timestamp, conn.id));
    rows.calls.sort_by_key(|call| (call.timestamp, call.id));
    rows.anomalies.sort();
    (rows, stats)
}

/// One frame to be written: when, and its bytes.
type Timed = (i64, Vec<u8>);

/// Replays frames in the order given.
fn replay_frames(frames: &[Timed], limits: &Limits) -> (Rows, ReplayStats) {
    replay_segments(&[frames], limits)
}

/// Replays the segments of one vantage.
fn replay_segments(segments: &[&[Timed]], limits: &Limits) -> (Rows, ReplayStats) {
    let dir = tempfile::tempdir().unwrap();
    let vantage = dir.path().join("node-a/if-eth0");
    std::fs::create_dir_all(&vantage).unwrap();
    for (n, frames) in segments.iter().enumerate() {
        let file = std::fs::File::create(vantage.join(format!("{n:04}.pcap"))).unwrap();
        let out = std::io::BufWriter::new(file);
        let mut writer = PcapWriter::new(out, ETHERNET, SNAPLEN).unwrap();
        for (ts_ns, data) in *frames {
            writer.write(&Record { ts_ns: *ts_ns, wire_len: data.len() as u32, data }).unwrap();
        }
        writer.finish().unwrap();
    }
    replay(dir.path(), limits)
}

/// An address of 10.0.0.0/8 with a port.
type End = (u32, u16);

const SERVER: End = (1, 80);
const SYN: u8 = 2;
const ACK: u8 = 16;
const SECOND: i64 = 1_000_000_000;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600 * SECOND;

fn ip(protocol: u8, source: u32, target: u32, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let len = 20 + payload.len() as u16;
    frame.extend([0x45, 0]);
    frame.extend(len.to_be_bytes());
    frame.extend(id.to_be_bytes());
    frame.extend([0x40, 0, 64, protocol, 0, 0]);
    frame.extend((10 << 24 | source).to_be_bytes());
    frame.extend((10 << 24 | target).to_be_bytes());
    frame.extend(payload);
    frame
}

fn tcp(from: End, to: End, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([0x50, flags, 1, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    ip(6, from.0, to.0, (seq ^ ack) as u16 | 1, &segment)
}

fn udp(from: End, to: End, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(from.1.to_be_bytes());
    datagram.extend(to.1.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(17, from.0, to.0, id, &datagram)
}

/// An ICMP error from `from` about `frame`: quotes its IP header and `quoted` bytes behind it.
fn icmp_error(from: u32, kind: u8, code: u8, frame: &[u8], quoted: usize) -> Vec<u8> {
    let to = u32::from_be_bytes([0, frame[27], frame[28], frame[29]]);
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend(&frame[14..frame.len().min(34 + quoted)]);
    ip(1, from, to, 77, &message)
}

/// `../shared`, where it is there.
fn shared(what: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Some(root.join("../shared").join(what)).filter(|path| path.exists())
}

/// Says what a test could not do, past the harness.
fn left_out(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "left out: {what}");
}
