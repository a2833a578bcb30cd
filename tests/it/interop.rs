//! Other people's tools: they read what we write, and we read what they write.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pcapsule::frame::Meta;

use crate::support::{dissect, files, finish, installed, left_out, redis_oom};
use crate::traffic;

fn shell(line: String) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command).ends(0).stdout
}

/// `zstd -dc` of a segment is a capture that tshark reads, with the packets and requests we count.
#[test]
fn others_read_our_segments() {
    if !installed("tshark") || !installed("zstd") {
        return left_out("our segments read by others: tshark or zstd is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    for segment in files(&redis_oom(), ".pcap.zst") {
        let ours = dissect(std::slice::from_ref(&segment), dir.path()).unwrap().meta;
        let fields = "-T fields -e http.request.method -e http.response.code -e dns.flags.response";
        let text = shell(format!("zstd -dc '{}' | tshark -n -r - {fields}", segment.display()));
        let column = |number: usize| {
            let cells = text.lines().filter_map(move |line| line.split('\t').nth(number));
            cells.flat_map(|cell| cell.split(',')).filter(|cell| !cell.is_empty())
        };
        assert_eq!(text.lines().count() as u64, ours.packets, "{}", segment.display());
        assert_eq!(column(0).count() as u64, ours.protocols["http1"].requests);
        assert_eq!(column(1).count() as u64, ours.protocols["http1"].responses);
        if let Some(dns) = ours.protocols.get("dns") {
            assert_eq!(column(2).filter(|flag| *flag == "0").count() as u64, dns.requests);
            assert_eq!(column(2).filter(|flag| *flag == "1").count() as u64, dns.responses);
        }
    }
}

/// The same packets in each format and compression give the same counts.
#[test]
fn we_read_the_formats_of_others() {
    if !installed("editcap") || !installed("zstd") {
        return left_out("formats of others: editcap or zstd is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw.pcap");
    let segment = files(&redis_oom(), ".pcap.zst").remove(2);
    traffic::write_pcap(&raw, traffic::read(&segment));
    let counts = |path: &Path| -> Meta {
        dissect(&[path.to_path_buf()], &dir.path().join("cache")).unwrap().meta
    };
    let expected = counts(&raw);
    assert!(expected.packets > 1000);
    let made = |name: &str, line: &str| -> PathBuf {
        let path = dir.path().join(name);
        shell(line.replace("IN", raw.to_str().unwrap()).replace("OUT", path.to_str().unwrap()));
        path
    };
    for path in [
        made("nano.pcap", "editcap -F nsecpcap IN OUT"),
        made("micro.pcap", "editcap -F pcap IN OUT"),
        made("modified.pcap", "editcap -F modpcap IN OUT"),
        made("new.pcapng", "editcap -F pcapng IN OUT"),
        made("gzip.pcap.gz", "gzip -c IN > OUT"),
        made(
            "gzip-twice.pcap.gz",
            "head -c 100000 IN | gzip > OUT; tail -c +100001 IN | gzip >> OUT",
        ),
        made("zstd.pcap.zst", "zstd -q -c IN > OUT"),
        made("zstd-long.pcap.zst", "zstd -q -c --long=27 IN > OUT"),
        made("wrong-name.txt", "cp IN OUT"),
    ] {
        let found = counts(&path);
        assert_eq!(found.packets, expected.packets, "{}", path.display());
        assert_eq!(found.bytes, expected.bytes, "{}", path.display());
        assert_eq!(found.protocols, expected.protocols, "{}", path.display());
        assert_eq!(found.conns, expected.conns, "{}", path.display());
        assert_eq!(found.anomalies, expected.anomalies, "{}", path.display());
    }
}
