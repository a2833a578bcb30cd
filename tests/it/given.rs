//! Calls given as JSON lines: the same linking, ranking and reports as of captures, on systems made
//! here and on published ones, whose truth is known.

use std::fmt::Write;

use serde_json::Value;

use crate::support::{Program, left_out, shared};

/// 2025-10-09T08:53:20Z.
const BEGIN_NS: i64 = 1_760_000_000_000_000_000;
const ONSET: &str = "2025-10-09T08:54:20Z";

/// A shop of three services for two minutes: each request to web calls stock and then the
/// database. `database_ms` says what the database takes, by second; nothing fails.
fn shop(database_ms: impl Fn(i64) -> i64) -> String {
    let mut out = String::new();
    let mut id = 0;
    let mut call = |at_us: i64, us: i64, src: &str, dst: &str, path: &str| {
        id += 1;
        let ts_ns = BEGIN_NS + at_us * 1000;
        let pod = |name: &str| match name {
            "external" => r#"{"workload":"external"}"#.to_string(),
            _ => format!(r#"{{"workload":"{name}","namespace":"shop","pod":"{name}-0"}}"#),
        };
        let (src, dst) = (pod(src), pod(dst));
        writeln!(
            out,
            r#"{{"id":{id},"ts_ns":{ts_ns},"elapsed_us":{us},"protocol":"http","src":{src},"dst":{dst},"method":"GET","path":"{path}","status_code":200}}"#
        )
        .unwrap();
    };
    for number in 0..1200 {
        // Ten requests a second, with a little of this and that.
        let (at, jitter) = (number * 100_000, number * 7919 % 900);
        let database = database_ms(number / 10) * 1000 + jitter;
        call(at, 9_000 + database + jitter, "external", "web", "/cart");
        call(at + 1_000 + jitter / 2, 2_000, "web", "stock", "/stock");
        call(at + 5_000 + jitter / 2, database, "web", "database", "/rows");
    }
    out
}

/// The report of calls, and the folder of their frames.
fn report(program: &Program, calls: &str, more: &[&str]) -> Value {
    let file = program.file("calls.jsonl", calls.as_bytes());
    let (frames, out) = (program.path("frames"), program.path("report"));
    let [file, frames, out] = [file, frames, out].map(|path| path.display().to_string());
    program.run(&["dissect", "--calls", &file, "-o", &frames, "--quiet"]).ends(0);
    let args = [&["report", "--frames", &frames, "-o", &out, "--quiet"], more].concat();
    program.run(&args).ends(0);
    let text = std::fs::read_to_string(program.path("report/report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn names(report: &Value) -> Vec<&str> {
    let suspects = report["suspects"].as_array().unwrap();
    suspects.iter().map(|suspect| suspect["name"].as_str().unwrap()).collect()
}

#[test]
fn a_slow_database_is_found_and_blamed_though_nothing_fails() {
    let program = Program::new();
    let report = report(&program, &shop(|second| if second < 60 { 3 } else { 60 }), &[]);
    assert_eq!(report["verdict"], "incident");
    assert_eq!(names(&report)[0], "database", "{:#}", report["suspects"]);
    let onset = &report["incidents"][0]["onset"];
    let at = |key: &str| onset[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let truth: jiff::Timestamp = ONSET.parse().unwrap();
    assert!(at("last_good") <= truth && truth <= at("first_bad"), "{onset}");
    assert!((at("first_bad") - truth).total(jiff::Unit::Second).unwrap() < 1.0, "{onset}");
    // What the report says to run next runs.
    let frames = program.path("frames").display().to_string();
    for command in report["commands"].as_array().unwrap() {
        let line = command["command"].as_str().unwrap();
        assert!(line.contains(&frames), "{line}");
        let done =
            program.shell(&line.replacen("pcapsule", env!("CARGO_BIN_EXE_pcapsule"), 1)).output();
        assert!(matches!(done.unwrap().status.code(), Some(0 | 1)), "{line}");
    }
    let named = report["suspects"][0]["summary"].as_str().unwrap();
    assert!(named.contains("GET /rows") && named.contains("its own time"), "{named}");
}

#[test]
fn an_onset_that_is_told_is_taken() {
    let program = Program::new();
    let calls = shop(|second| if second < 60 { 3 } else { 5 });
    let told = report(&program, &calls, &["--onset", ONSET]);
    assert_eq!(told["incidents"].as_array().unwrap().len(), 1);
    let first_bad = told["incidents"][0]["onset"]["first_bad"].as_str().unwrap();
    assert_eq!(first_bad.parse::<jiff::Timestamp>().unwrap(), ONSET.parse().unwrap());
}

#[test]
fn steady_calls_are_no_incident() {
    let report = report(&Program::new(), &shop(|_| 3), &[]);
    assert_eq!(report["verdict"], "no_incident", "{:#}", report["incidents"]);
}

#[test]
fn calls_are_linked_to_those_they_were_made_for() {
    let program = Program::new();
    report(&program, &shop(|_| 3), &[]);
    let frames = program.path("frames").display().to_string();
    let query = |kfl: &str, more: &[&str]| {
        program
            .run(&[&["query", kfl, "--frames", &frames, "--quiet"], more].concat())
            .ends(0)
            .stdout
    };
    assert_eq!(query("parent_id != 0", &["--count"]).trim(), "2400");
    let rows = query("true", &["--columns", "id,parent_id", "--format", "jsonl", "--limit", "0"]);
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| match &row[key] {
            Value::String(text) => text.parse::<i64>().unwrap(),
            value => value.as_i64().unwrap_or(0),
        };
        // Three calls a request, the first of which caused the other two.
        let parent = (number("id") - 1) / 3 * 3 + 1;
        let expected = if number("id") == parent { 0 } else { parent };
        assert_eq!(number("parent_id"), expected, "{line}");
    }
}

#[test]
fn a_line_that_is_no_call_is_named() {
    let program = Program::new();
    let calls = shop(|_| 3).lines().take(2).collect::<Vec<_>>().join("\n") + "\n{\"id\":3}\n";
    let file = program.file("calls.jsonl", calls.as_bytes()).display().to_string();
    let out = program.path("frames").display().to_string();
    program.run(&["dissect", "--calls", &file, "-o", &out]).fails(2, "calls.jsonl:3: ");
    assert!(!program.path("frames").exists());
}

/// Published systems with one fault each; a few of them, since all take minutes.
#[test]
fn root_causes_of_published_systems() {
    let Some(cases) = shared("rca/cases") else { return left_out("../shared/rca is not there") };
    let (mut right, mut count) = (0, 0);
    for case in ["ob-001", "ob-011", "ob-021", "ob-031", "ob-041"] {
        let truth = match std::fs::read_to_string(cases.join(case).join("truth.json")) {
            Ok(text) => serde_json::from_str::<Value>(&text).unwrap(),
            Err(_) => continue, // some numbers are left out
        };
        let program = Program::new();
        let file = cases.join(case).join("calls.jsonl.zst").display().to_string();
        let [frames, out] = ["frames", "report"].map(|n| program.path(n).display().to_string());
        program.run(&["dissect", "--calls", &file, "-o", &frames, "--quiet"]).ends(0);
        let onset =
            jiff::Timestamp::from_nanosecond(truth["inject_ts_ns"].as_i64().unwrap().into());
        let onset = onset.unwrap().to_string();
        let args = ["report", "--frames", &frames, "-o", &out, "--onset", &onset, "--quiet"];
        program.run(&args).ends(0);
        let text = std::fs::read_to_string(program.path("report/report.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        let wanted = truth["root_cause"]["workload"].as_str().unwrap();
        right += usize::from(names(&report).first() == Some(&wanted));
        count += 1;
    }
    assert!(count >= 3 && right * 10 >= count * 8, "{right} of {count} first suspects are right");
}
