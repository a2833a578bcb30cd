//! What the TCP analysis counts, against tshark's `tcp.analysis.*`. `tests/it/tcp.tsv` holds what
//! differs, with who is right, shown from the bytes; nothing else may differ, and what no longer
//! does fails, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{left_out, replay, shared};
use crate::conn::fields::ConnCommon;
use crate::limits::Limits;

/// A count of ours, and the field that tshark adds to a frame for it.
type Metric = (&'static str, fn(&ConnCommon) -> i64);

/// tshark's retransmissions include the fast and the spurious ones, as ours do.
const METRICS: &[Metric] = &[
    ("tcp.analysis.retransmission", |conn| conn.conn_retransmissions),
    ("tcp.analysis.fast_retransmission", |conn| conn.conn_fast_retransmissions),
    ("tcp.analysis.spurious_retransmission", |conn| conn.conn_spurious_retransmissions),
    ("tcp.analysis.out_of_order", |conn| conn.conn_out_of_order),
    ("tcp.analysis.duplicate_ack", |conn| conn.conn_dup_acks),
    ("tcp.analysis.zero_window", |conn| conn.conn_zero_windows),
    ("tcp.analysis.lost_segment", |conn| conn.conn_missing_segments),
    ("tcp.analysis.window_full", |conn| conn.conn_window_full),
    ("tcp.analysis.window_update", |conn| conn.conn_window_updates),
    ("tcp.analysis.keep_alive", |conn| conn.conn_keepalives),
    ("tcp.analysis.ack_lost_segment", |conn| conn.conn_unseen_acks),
    ("tcp.analysis.reused_ports", |conn| i64::from(conn.conn_port_reused)),
    ("tcp.flags.reset", |conn| conn.conn_resets),
];

/// How many frames carry each field, `None` where tshark is missing or cannot read the file.
fn tshark(path: &Path) -> Option<Vec<i64>> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "fields", "-E", "occurrence=f", "-E", "separator=/t", "-r"])
        .arg(path);
    command.args(METRICS.iter().flat_map(|(field, _)| ["-e", field]));
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut counts = vec![0; METRICS.len()];
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        for (count, cell) in counts.iter_mut().zip(line.split('\t')) {
            *count += i64::from(!matches!(cell, "" | "0" | "False"));
        }
    }
    Some(counts)
}

fn ours(path: &Path) -> Vec<ConnCommon> {
    replay(path, &Limits::default()).0.conns
}

/// `file metric ours tshark right why` of every line.
fn known() -> BTreeMap<(String, String), (i64, i64)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/it/tcp.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let read = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [file, metric, ours, theirs, right, why] = cells[..] else { panic!("{line}") };
        assert!(["ours", "tshark"].contains(&right), "{line}");
        assert!(why.to_lowercase().contains("frame"), "{file}: name the frames that show it");
        ((file.into(), metric.into()), (ours.parse().unwrap(), theirs.parse().unwrap()))
    };
    rows.map(read).collect()
}

#[test]
fn counts_equal_those_of_tshark() {
    let Some(dir) = shared("pcaps/tcp-nasty") else {
        return left_out("TCP counts beside tshark's: ../shared/pcaps is not there");
    };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut known, mut wrong) = (known(), Vec::new());
    for path in &files {
        let Some(theirs) = tshark(path) else {
            return left_out("TCP counts beside tshark's: tshark is not installed");
        };
        let conns = ours(path);
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for ((metric, count), theirs) in METRICS.iter().zip(theirs) {
            let ours: i64 = conns.iter().map(count).sum();
            let told =
                known.remove(&(file.clone(), metric.to_string())).unwrap_or((theirs, theirs));
            if told != (ours, theirs) {
                wrong.push(format!("{file}\t{metric}\t{ours}\t{theirs}"));
            } else if ours == theirs && told != (theirs, theirs) {
                wrong.push(format!("{file}\t{metric}: equal now; take it out of tcp.tsv"));
            }
        }
    }
    wrong.extend(known.keys().map(|(file, metric)| format!("{file}\t{metric}: not compared")));
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn counts_equal_what_the_generator_wrote() {
    let Some(generator) = shared("bench/gen.py") else {
        return left_out("TCP counts of gen.py: ../shared/bench is not there");
    };
    let dir = tempfile::tempdir().unwrap();
    for seed in ["1", "2", "3"] {
        let path = dir.path().join(format!("seed-{seed}.pcap"));
        let mut command = Command::new("python3");
        command.arg(&generator).arg(&path).args(["--mb", "10", "--seed", seed]);
        match command.output() {
            Ok(output) if output.status.success() => {}
            _ => return left_out("TCP counts of gen.py: python3 with numpy does not run it"),
        }
        let truth = std::fs::read(dir.path().join(format!("seed-{seed}.pcap.truth.json"))).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let conns = ours(&path);
        let sum = |count: fn(&ConnCommon) -> i64| conns.iter().map(count).sum::<i64>();
        assert_eq!(sum(|conn| conn.conn_retransmissions), truth["retx"], "seed {seed}");
        assert_eq!(sum(|conn| conn.conn_out_of_order), truth["ooo"], "seed {seed}");
        assert_eq!(sum(|conn| conn.conn_resets), truth["rst"], "seed {seed}");
        assert_eq!(sum(|conn| conn.conn_capture_loss_bytes), 0, "seed {seed}");
        let tcp = conns.iter().filter(|conn| conn.protocol == "TCP").count();
        assert_eq!(tcp, truth["tcp_conns"], "seed {seed}");
        match tshark(&path) {
            None => left_out("gen.py beside tshark: tshark is not installed"),
            Some(theirs) => {
                let ours: Vec<i64> = METRICS.iter().map(|(_, count)| sum(*count)).collect();
                assert_eq!(ours, theirs, "seed {seed}");
            }
        }
    }
}
