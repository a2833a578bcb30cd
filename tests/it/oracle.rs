//! Captures made by others, beside the counts of an oracle (tshark, single pass). A difference is
//! a question, answered once in `oracle.tsv` from the bytes; a difference that is not there fails,
//! and so does an answer that no longer holds.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use pcapsule::frame::Meta;

use pcapsule::keylog::{KeyLog, PrivateKey};
use pcapsule::limits::Limits;

use crate::support::{dissect, dissect_with, left_out, shared};

/// A folder whose counts are compared, what we call its protocol, and which of our counts stand
/// beside the two of the index.
type Compared = (&'static str, &'static str, [&'static str; 2]);

const CALLS: [&str; 2] = ["requests", "responses"];

const COMPARED: &[Compared] = &[
    ("http", "http1", CALLS),
    ("http2", "http2", CALLS),
    ("grpc", "grpc", ["requests", "messages"]),
    ("websocket", "ws", ["frames", "upgrades"]),
    ("tls", "tls", CALLS),
    ("dns", "dns", CALLS),
    ("icmp", "icmp", CALLS),
    ("redis", "redis", CALLS),
    ("pgsql", "postgresql", CALLS),
    ("mysql", "mysql", CALLS),
    ("kafka", "kafka", CALLS),
    ("mongo", "mongodb", CALLS),
    ("memcached", "memcached", CALLS),
    ("nats", "nats", CALLS),
    ("amqp", "amqp", CALLS),
];

/// One capture takes no longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Captures that equal the oracle or prove it wrong, of those within scope.
const SHARE_MIN: f64 = 0.95;

/// Requests and responses.
type Counts = (u64, u64);

/// Lines of a table with a header, each as column name to value.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines
        .map(|line| {
            let cells = line.split('\t').map(str::to_string);
            names.iter().map(ToString::to_string).zip(cells).collect()
        })
        .collect()
}

/// A line of `oracle.tsv`.
struct Answer {
    ours: Counts,
    oracle: Counts,
    right: String,
}

fn answers() -> BTreeMap<String, Answer> {
    let row = |row: BTreeMap<String, String>| {
        let number = |name: &str| row[name].parse::<u64>().unwrap();
        let answer = Answer {
            ours: (number("ours_requests"), number("ours_responses")),
            oracle: (number("oracle_requests"), number("oracle_responses")),
            right: row["right"].clone(),
        };
        assert!(["ours", "oracle", "both", "out of scope"].contains(&answer.right.as_str()));
        let shown = row["why"].to_lowercase().contains("frame");
        assert!(shown, "{}: name the frames that show it", row["file"]);
        (row["file"].clone(), answer)
    };
    table(include_str!("oracle.tsv")).into_iter().map(row).collect()
}

/// Dissects one capture, in time and without a panic; an input that is no capture is fine.
fn judge(path: PathBuf, cache: PathBuf) -> Result<Option<Meta>, String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let result = catch_unwind(|| dissect(&[path], &cache).map(|dataset| dataset.meta));
        let _ = send.send(result);
    });
    match receive.recv_timeout(LIMIT) {
        Err(_) => Err(format!("took longer than {LIMIT:?}")),
        Ok(Err(_)) => Err("panicked".into()),
        Ok(Ok(Err(pcapsule::frame::FrameError::Capture(_)))) => Ok(None),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Ok(Ok(meta))) => Ok(Some(meta)),
    }
}

/// Dissects all captures of the index; what they hold by file, and what went wrong.
fn dissect_all(pcaps: &Path, files: &[String]) -> (BTreeMap<String, Option<Meta>>, Vec<String>) {
    let cache = tempfile::tempdir().unwrap();
    let queue = Mutex::new(files.iter());
    let (found, wrong) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(file) = queue.lock().unwrap().next() else { break };
                    match judge(pcaps.join(file), cache.path().to_path_buf()) {
                        Ok(meta) => drop(found.lock().unwrap().insert(file.clone(), meta)),
                        Err(error) => wrong.lock().unwrap().push(format!("{file}: {error}")),
                    }
                }
            });
        }
    });
    (found.into_inner().unwrap(), wrong.into_inner().unwrap())
}

fn counts(meta: Option<&Meta>, protocol: &str, [first, second]: [&str; 2]) -> Counts {
    let summary = meta.and_then(|meta| meta.protocols.get(protocol)).cloned().unwrap_or_default();
    let count = |name: &str| match name {
        "requests" => summary.requests,
        "responses" => summary.responses,
        other => summary.extra.get(other).copied().unwrap_or(0),
    };
    (count(first), count(second))
}

#[test]
fn captures_of_others() {
    let Some(pcaps) = shared("pcaps") else {
        return left_out("captures of others: ../shared/pcaps is not there");
    };
    let index = table(&std::fs::read_to_string(pcaps.join("index.tsv")).unwrap());
    let files: Vec<String> = index.iter().map(|row| row["file"].clone()).collect();
    assert!(files.len() > 200);
    let (found, mut wrong) = dissect_all(&pcaps, &files);

    let answers = answers();
    let (mut scope, mut good) = (0, 0);
    for row in &index {
        let compared = COMPARED.iter().find(|(folder, ..)| *folder == row["protocol"]);
        let Some((_, protocol, names)) = compared else { continue };
        let file = &row["file"];
        let ours = counts(found.get(file).and_then(Option::as_ref), protocol, *names);
        let number = |name: &str| row[name].parse::<u64>().unwrap();
        let oracle = (number("requests"), number("responses"));
        let answer = answers.get(file);
        match answer {
            None if ours != oracle => {
                wrong.push(format!("{file}: {ours:?}, the oracle says {oracle:?}; look why"));
            }
            Some(a) if ours == oracle && a.right != "both" => {
                wrong.push(format!("{file}: equal now; take it out of oracle.tsv ({:?})", a.ours));
            }
            Some(a) if (a.ours, a.oracle) != (ours, oracle) => {
                let was = (a.ours, a.oracle);
                wrong.push(format!("{file}: {ours:?} and {oracle:?}, oracle.tsv has {was:?}"));
            }
            _ => {}
        }
        let right = answer.map_or("equal", |answer| answer.right.as_str());
        scope += u32::from(right != "out of scope");
        good += u32::from(["equal", "ours", "both"].contains(&right));
    }
    for file in answers.keys().filter(|file| !files.contains(file)) {
        wrong.push(format!("{file}: in oracle.tsv, and not in the index"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let share = f64::from(good) / f64::from(scope);
    assert!(share >= SHARE_MIN, "{good} of {scope} equal the oracle or prove it wrong");
}

/// What the index calls a protocol of ours.
fn name_in_index(protocol: &str) -> &str {
    match protocol {
        "http1" => "http",
        "quic" => "tls", // its handshakes are
        other => other,
    }
}

/// The secrets that lie beside a capture.
fn keys_beside(folder: &Path, companions: &str) -> KeyLog {
    let files: Vec<String> = companions
        .split_ascii_whitespace()
        .map(|name| std::fs::read_to_string(folder.join(name)).unwrap())
        .collect();
    let (private, logs): (Vec<_>, Vec<_>) = files.into_iter().partition(|f| f.contains("-----"));
    let logs: Vec<Vec<u8>> = logs.into_iter().map(String::into_bytes).collect();
    let key = |text: String| (text.clone(), PrivateKey::from_pem(&text).unwrap());
    KeyLog::new(&logs, 1000).0.with_private(private.into_iter().map(key).collect())
}

/// Captures that are opened with keys: every protocol in them has the counts of `decrypted.tsv`.
#[test]
fn captures_with_keys() {
    let Some(pcaps) = shared("pcaps") else {
        return left_out("captures with keys: ../shared/pcaps is not there");
    };
    let index = table(&std::fs::read_to_string(pcaps.join("index.tsv")).unwrap());
    let expected = table(include_str!("decrypted.tsv"));
    let cache = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for row in
        index.iter().filter(|row| ["tls-decrypt", "quic"].contains(&row["protocol"].as_str()))
    {
        let file = &row["file"];
        let keys = keys_beside(&pcaps.join("tls-decrypt"), &row["companions"]);
        let limits = Limits { keys, ..Limits::default() };
        let meta = dissect_with(&[pcaps.join(file)], &limits, cache.path()).unwrap().meta;
        let lines: Vec<_> = expected.iter().filter(|line| line["file"] == *file).collect();
        let ours: Vec<&str> = meta.protocols.keys().map(String::as_str).collect();
        let theirs: Vec<&str> = lines.iter().map(|line| line["protocol"].as_str()).collect();
        if ours != theirs && row["protocol"] == "tls-decrypt" {
            wrong.push(format!("{file}: {ours:?} instead of {theirs:?}"));
        }
        for line in lines {
            let protocol = line["protocol"].as_str();
            let names = if protocol == "grpc" { ["requests", "messages"] } else { CALLS };
            let (requests, responses) = counts(Some(&meta), protocol, names);
            let found = format!("{}={requests}/{responses}", name_in_index(protocol));
            let by_hand =
                format!("{}={}/{}", name_in_index(protocol), line["requests"], line["responses"]);
            let agrees = row["other_counts"].split(' ').any(|count| count == by_hand);
            if found != by_hand || agrees != (line["right"] == "equal") {
                wrong.push(format!("{file}: {found}, {by_hand} by hand, {}", row["other_counts"]));
            }
            assert!(line["why"].contains("frame"), "{file}: name the frames that show it");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for line in &expected {
        assert!(index.iter().any(|row| row["file"] == line["file"]), "{}", line["file"]);
    }
}
