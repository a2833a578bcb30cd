//! The fixtures: what each case's filters must find, and what the report says of an incident
//! whose truth is known.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Program, files, finish, redis_oom, root};

/// `case.yaml`: filters and how many entries match.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    kfl: String,
    count: u64,
}

fn cases() -> Vec<PathBuf> {
    let cases = files(&root().join("fixtures"), "case.yaml");
    assert!(!cases.is_empty());
    cases.iter().map(|path| path.parent().unwrap().to_path_buf()).collect()
}

#[test]
fn filters_find_what_the_cases_say() {
    for dir in cases() {
        let text = std::fs::read_to_string(dir.join("case.yaml")).unwrap();
        let case: Case = serde_yaml::from_str(&text).unwrap();
        assert!(!case.expect.is_empty(), "{}", dir.display());
        let program = Program::new();
        let mut wrong = Vec::new();
        for Expect { kfl, count } in case.expect {
            let run = program.run(&["query", &kfl, dir.to_str().unwrap(), "--count"]).ends(0);
            if run.stdout.trim() != count.to_string() {
                wrong.push(format!("{kfl}: {} instead of {count}", run.stdout.trim()));
            }
        }
        assert!(wrong.is_empty(), "{}: {wrong:#?}", dir.display());
    }
}

/// Without the key log, a server's private key opens what was exchanged by RSA, and no more.
#[test]
fn a_private_key_opens_what_it_can() {
    let (case, program) = (root().join("fixtures/tls/decrypted"), Program::new());
    let capture = program.path("alone.pcap.zst");
    std::fs::copy(case.join("capture.pcap.zst"), &capture).unwrap();
    let count = |kfl: &str, options: &[&str]| {
        let words = [&["query", kfl, capture.to_str().unwrap(), "--count"], options].concat();
        program.run(&words).ends(0).stdout.trim().to_string()
    };
    assert_eq!(count("http", &[]), "0");
    let key = case.join("rsa.key");
    assert_eq!(count("http", &["--private-key", key.to_str().unwrap()]), "5");
    let log = case.join("tls-keys.log");
    assert_eq!(count("http", &["--keylog", log.to_str().unwrap()]), "26");
    let none = case.join("README.md");
    let words =
        ["query", "http", capture.to_str().unwrap(), "--private-key", none.to_str().unwrap()];
    program.run(&words).fails(2, "no PEM file");
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The report of the redis-oom incident, and its truth.
fn redis_oom_report() -> (Value, Value) {
    let program = Program::new();
    let out = program.path("out");
    let input = redis_oom();
    program
        .run(&["report", input.to_str().unwrap(), "-o", out.to_str().unwrap(), "--tz", "UTC"])
        .ends(0);
    for name in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        assert!(text.contains("redis") && text.contains("14:15:25"), "{name}");
    }
    (json(&out.join("report.json")), json(&input.join("truth.json")))
}

fn ns(time: &Value) -> i64 {
    let time: Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_nanosecond().try_into().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

#[test]
fn the_first_suspect_is_the_cause() {
    let (report, truth) = redis_oom_report();
    assert_eq!(report["verdict"], "incident");
    let first = &report["suspects"][0];
    assert_eq!(first["name"], truth["root_cause"]["name"]);
    assert_eq!(first["namespace"], truth["root_cause"]["namespace"]);
    assert_eq!(first["kind"], truth["root_cause"]["kind"]);
    let share = |rank: usize| report["suspects"][rank]["share"].as_f64().unwrap_or(0.0);
    assert!(share(0) > 0.5 && share(0) > 3.0 * share(1), "not clear: {} {}", share(0), share(1));
    let proof = &first["evidence_for"][0];
    assert!(proof["command"].as_str().unwrap().starts_with("pcapsule "), "{proof}");
}

/// What the report suggests to paste, pasted into a shell.
#[test]
fn commands_of_the_report_work() {
    let (report, _) = redis_oom_report();
    let listed = report["commands"].as_array().unwrap().iter();
    let proofs = report["suspects"].as_array().unwrap().iter();
    let proofs = proofs.flat_map(|suspect| suspect["evidence_for"].as_array().unwrap());
    let mut commands: Vec<&str> =
        listed.chain(proofs).filter_map(|entry| entry["command"].as_str()).collect();
    commands.sort_unstable();
    commands.dedup();
    assert!(commands.len() >= 3, "{commands:?}");
    let program = Program::new();
    let bin = program.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pcapsule"), bin.join("pcapsule")).unwrap();
    for line in commands {
        let mut shell = program.shell(line);
        shell.env("PATH", &bin);
        let run = finish(shell);
        assert!(matches!(run.code, Some(0 | 1)), "{line}: {run:#?}");
        assert!(run.stdout.lines().count() > 1, "{line} shows nothing: {run:#?}");
    }
}

#[test]
fn onset_and_end_hold_the_fault() {
    let (report, truth) = redis_oom_report();
    let incident = &report["incidents"][0];
    assert_eq!(report["incidents"].as_array().unwrap().len(), 1, "one fault, one incident");
    let (from, until) = (&truth["onset_utc_ns"], &truth["end_utc_ns"]);
    let (from, until) = (from.as_i64().unwrap(), until.as_i64().unwrap());
    let skew = truth["clock_skew_ns"].as_object().unwrap();
    let skew = skew.values().map(|v| v.as_i64().unwrap().abs()).max().unwrap();
    let first_symptom = truth["first_symptom"]["ts_utc_ns"].as_i64().unwrap();
    let good = ns(&incident["onset"]["last_good"]);
    let bad = ns(&incident["onset"]["first_bad"]);
    // A call's time is that of its request; its symptom is the response.
    const CALL_NS: i64 = 10_000_000;
    assert!(good < from + skew, "the last good call was before the fault");
    assert!((first_symptom - CALL_NS - skew..=first_symptom + skew).contains(&bad));
    let end = ns(&incident["end"]);
    assert!((until - 500_000_000..=until + skew).contains(&end), "it ended with the fault");
}

#[test]
fn impact_is_counted_exactly() {
    let (report, truth) = redis_oom_report();
    let rows = report["impact"].as_array().unwrap();
    let entry = |endpoint: &str| {
        // The analysis writes every id as {id}.
        let wanted = endpoint.replace("{sku}", "{id}");
        rows.iter()
            .find(|row| row["service"] == "frontend" && row["endpoint"] == *wanted)
            .unwrap_or_else(|| panic!("{endpoint} is not in the report"))
    };
    for (endpoint, counts) in truth["counts"]["per_endpoint"].as_object().unwrap() {
        let row = entry(endpoint);
        assert_eq!(row["entry"], true, "{endpoint}");
        assert_eq!(row["requests"], counts["requests"], "{endpoint}");
        assert_eq!(row["failed"], counts["failed"], "{endpoint}");
        assert_eq!(row["statuses"], counts["status"], "{endpoint}");
        let phase = &truth["counts"]["per_phase_endpoint"]["before"][endpoint];
        assert_eq!(row["before"]["requests"], phase["requests"], "{endpoint} before");
        assert_eq!(row["before"]["failed"], phase["failed"], "{endpoint} before");
    }
    let during = &report["incidents"][0]["entry"]["during"];
    let truth_during = &truth["counts"]["per_phase"]["during"];
    assert_eq!(during["failed"], truth_during["failed"]);
    assert_eq!(number(&during["requests"]), number(&truth_during["requests"]));
    for (service, counts) in truth["services"].as_object().unwrap() {
        let of = |name: &str| -> u64 {
            let mine = rows.iter().filter(|row| row["service"] == **service);
            mine.map(|row| number(&row[name])).sum()
        };
        if of("requests") > 0 {
            assert_eq!(of("requests"), number(&counts["requests"]), "{service}");
            assert_eq!(of("failed"), number(&counts["failed"]), "{service}");
        }
    }
}

#[test]
fn the_cascade_is_found() {
    let (report, truth) = redis_oom_report();
    let affected: Vec<&Value> = truth["affected_services"].as_array().unwrap().iter().collect();
    let episodes = report["incidents"][0]["episodes"].as_array().unwrap();
    let found: Vec<&Value> = episodes.iter().map(|episode| &episode["name"]).collect();
    for service in &affected {
        assert!(found.contains(service), "{service} failed and is not among {found:?}");
    }
    for service in &found {
        assert!(affected.contains(service), "{service} is among the affected and did not fail");
    }
}

#[test]
fn protocol_counts_equal_the_truth() {
    let program = Program::new();
    let input = redis_oom();
    let run = program.run(&["dissect", input.to_str().unwrap(), "--summary", "json"]).ends(0);
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    let truth = &json(&input.join("truth.json"))["protocols"];
    let protocols = &summary["protocols"];
    for (ours, requests, responses) in [
        ("http1", "http_requests", "http_responses"),
        ("redis", "redis_commands", "redis_replies"),
        ("dns", "dns_queries", "dns_responses"),
    ] {
        assert_eq!(protocols[ours]["requests"], truth[requests]);
        assert_eq!(protocols[ours]["responses"], truth[responses]);
    }
    assert_eq!(summary["undecoded_packets"], 0);
    let nodes = json(&input.join("truth.json"))["packets"].clone();
    for coverage in summary["coverage"].as_array().unwrap() {
        assert_eq!(coverage["packets"], nodes[coverage["node"].as_str().unwrap()]);
    }
}
