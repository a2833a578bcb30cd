//! Captures made here, exported, and read again.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::capture::write::{ETHERNET, PcapWriter};
use crate::packet::{Endpoint, Proto};

/// A UDP datagram from 10.0.0.1 to 10.0.0.2 in Ethernet.
fn frame(source_port: u16, payload: u8) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0, 0, 29, 0, payload, 0, 0, 64, 17, 0, 0]);
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(source_port.to_be_bytes());
    frame.extend([0, 53, 0, 9, 0, 0, payload]);
    frame
}

/// Writes a file with a datagram each second from `first` on, ports in turn.
fn capture(dir: &std::path::Path, node: &str, first: i64) {
    let mut writer = PcapWriter::new(Vec::new(), ETHERNET, SNAPLEN).unwrap();
    for second in 0..10i64 {
        let data = frame(1000 + (second % 2) as u16, second as u8);
        let (ts_ns, wire_len) = ((first + 2 * second) * 1_000_000_000, data.len() as u32);
        writer.write(&Written { ts_ns, wire_len, data: &data }).unwrap();
    }
    let folder = dir.join(node).join("eth0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.pcap"), writer.finish().unwrap()).unwrap();
}

/// Exports two nodes' files and reads what came out: times in seconds and payloads.
fn exported(scope: &Scope) -> (Copied, Vec<(i64, u8)>) {
    let dir = tempfile::tempdir().unwrap();
    capture(dir.path(), "node-a", 100);
    capture(dir.path(), "node-b", 101);
    let limits = Limits::default();
    let inputs = Inputs::find(&[dir.path().to_path_buf()], &limits).unwrap();
    let (stop, mut out) = (AtomicBool::new(false), Vec::new());
    let copied = export(&inputs, scope, &limits, &stop, &mut out).unwrap();
    let path = dir.path().join("out.pcapng");
    std::fs::write(&path, out).unwrap();
    let inputs = Inputs::find(&[path], &limits).unwrap();
    let mut merge = Merge::new(&inputs, &limits).unwrap();
    let mut found = Vec::new();
    while let Some((_, batch, record)) = merge.next(&limits).unwrap() {
        found.push((record.ts_ns / 1_000_000_000, *batch.frame(record).last().unwrap()));
    }
    (copied, found)
}

#[test]
fn everything_comes_out_in_order_of_time() {
    let (copied, found) = exported(&Scope::default());
    assert_eq!((copied.packets, copied.of), (20, 20));
    let times: Vec<i64> = found.iter().map(|&(second, _)| second).collect();
    assert_eq!(times, (100..120).collect::<Vec<_>>());
}

#[test]
fn filters_windows_and_connections_narrow_it() {
    let filter = Some(Filter::parse("udp src port 1001").unwrap());
    let (copied, found) = exported(&Scope { filter, ..Scope::default() });
    assert_eq!(copied.packets, 10);
    assert!(found.iter().all(|(_, payload)| payload % 2 == 1));

    let since_ns = Some(105_000_000_000);
    let window = Window { since_ns, until_ns: Some(108_999_999_999) };
    let (copied, _) = exported(&Scope { window, ..Scope::default() });
    assert_eq!(copied.packets, 4);

    let end = |last: u128, port| Endpoint { ip: 0xffff_0a00_0000 + last, port };
    let key = Key::new(Proto::Udp, end(1, 1000), end(2, 53)).0;
    let mut conns = Conns::default();
    conns.add(key, 104_000_000_000, 110_000_000_000);
    let (_, found) = exported(&Scope { conns: Some(conns), ..Scope::default() });
    // Those of that port within the connection's time, a second of slack at both ends.
    let times: Vec<i64> = found.iter().map(|&(second, _)| second).collect();
    assert_eq!(times, [104, 105, 108, 109]);
}
