//! What the command line promises: exit codes, errors in one line, and no output that looks whole
//! when it is not.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Program, files, finish, installed, left_out, redis_oom};
use crate::traffic;

/// Ctrl-C ends the program within a second.
const INTERRUPT: Duration = Duration::from_secs(1);

fn fixture() -> String {
    redis_oom().display().to_string()
}

fn one_segment() -> PathBuf {
    files(&redis_oom(), ".pcap.zst").remove(0)
}

/// Every command that reads captures, with its arguments but the input.
fn readers(out: &Path) -> Vec<Vec<String>> {
    let out = out.display().to_string();
    let lines: [&[&str]; 12] = [
        &["triage"],
        &["report", "-o", &out],
        &["dissect"],
        &["query", "http"],
        &["check"],
        &["conns"],
        &["flows"],
        &["doctor"],
        &["stats"],
        &["map"],
        &["workloads"],
        &["call", "7"],
    ];
    lines.iter().map(|words| words.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn unusable_inputs_end_with_3() {
    let program = Program::new();
    let good = std::fs::read(one_segment()).unwrap();
    for (path, says) in [
        (program.path("missing.pcap"), "no such file"),
        (program.file("empty.pcap", b""), "the file is empty"),
        (program.file("notes.txt", b"what we saw that night\n"), "not a packet capture"),
        (program.file("capture.zip", b"PK\x03\x04 and so on"), "a ZIP archive"),
        (program.file("first-bytes.pcap.zst", &good[..10]), "cut or damaged at its start"),
        (program.file("folder/notes.txt", b"no capture").parent().unwrap().into(), "no capture"),
    ] {
        let out = program.path("out");
        for mut args in readers(&out) {
            args.push(path.display().to_string());
            let run = program.run(&args).fails(3, says);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(run.stderr.contains(&name), "names the file: {run:?}");
        }
        assert!(!out.exists(), "nothing is written for {}", path.display());
    }
}

#[test]
fn a_half_written_segment_gives_what_it_has() {
    let program = Program::new();
    let good = std::fs::read(one_segment()).unwrap();
    let half = program.file("half.pcap.zst", &good[..good.len() / 2]);
    let summary = |path: &Path| -> Value {
        let run = program.run(&["dissect", path.to_str().unwrap(), "--summary", "json"]).ends(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let (half, whole) = (summary(&half), summary(&one_segment()));
    let packets = |summary: &Value| summary["packets"].as_u64().unwrap();
    assert!((1000..packets(&whole)).contains(&packets(&half)), "{half}");
    assert_eq!(half["anomalies"]["file_cut"], 1);
    assert_eq!(whole["anomalies"]["file_cut"], Value::Null);
}

#[test]
fn wrong_arguments_end_with_2() {
    let program = Program::new();
    let input = fixture();
    let broken = program.file("broken.json", b"{\"kind\": \"List\", \"items\": [");
    let broken = broken.to_str().unwrap();
    program.run(&["triage", &input, "--cluster", broken]).fails(2, "broken.json");
    program.run(&["triage", &input, "--tz", "Atlantis/Center"]).fails(2, "no such zone");
    program.run(&["triage", &input, "--since", "yesterday-ish"]).fails(2, "--since");
    program
        .run(&["triage", &input, "--since", "2026-11-20T15:00:00Z", "--until", "-90m"])
        .fails(2, "--since is after --until");
    let run = program.run(&["query", "status_code >= ", &input]).ends(2);
    assert!(run.stderr.contains('^'), "a caret under the place: {run:#?}");
    let run = program.run(&["query", "status_cod >= 500", &input]).ends(2);
    assert!(run.stderr.contains("status_code"), "did you mean: {run:#?}");
    for line in ["report", "report --no-such-option", "no-such-file --no-such-option", "query"] {
        let run = program.line(line).ends(2);
        assert!(run.stderr.contains("Usage"), "{line}: {run:#?}");
    }
    program.run::<&str>(&[]).ends(2);
}

#[test]
fn help_and_version_are_success() {
    let program = Program::new();
    for line in ["--help", "--version", "help", "report --help", "query --help"] {
        let run = program.line(line).ends(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{line}: {run:#?}");
    }
}

/// Global options stand before the command or behind it.
#[test]
fn global_options_stand_anywhere() {
    let program = Program::new();
    let input = fixture();
    let behind = program.run(&["dissect", &input, "--tz", "UTC", "--quiet"]).ends(0);
    let before = program.run(&["--tz", "UTC", "--quiet", "dissect", &input]).ends(0);
    assert_eq!(before.stdout, behind.stdout);
}

/// A report that people have filled in is renewed, not overwritten.
#[test]
fn a_second_report_keeps_what_people_wrote() {
    let program = Program::new();
    let (input, out) = (fixture(), program.path("out"));
    let report = ["report", &input, "-o", out.to_str().unwrap(), "--quiet"];
    program.run(&report).ends(0);
    let path = out.join("report.md");
    let fresh = std::fs::read_to_string(&path).unwrap();
    let line = fresh.lines().find(|line| line.contains("TODO(human)")).unwrap();
    let edited = fresh.replace(line, "- Forty customers called.").replace("redis", "REDIS");
    std::fs::write(&path, &edited).unwrap();
    program.run(&report).ends(0);
    let renewed = std::fs::read_to_string(&path).unwrap();
    assert!(renewed.contains("Forty customers called."), "what people wrote is gone");
    assert!(renewed.contains("redis"), "the program's own sections are renewed");
}

#[test]
fn a_window_without_packets() {
    let program = Program::new();
    let input = fixture();
    let late = ["--since", "2030-01-01T00:00:00Z", "--quiet"];
    let with = |args: &[&str]| program.run(&[args, &[input.as_str()], &late].concat());
    let run = with(&["dissect"]).ends(0);
    assert!(run.stdout.contains("no packets"), "{run:#?}");
    let run = with(&["dissect", "--summary", "json"]).ends(0);
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(summary["packets"], 0);
    assert!(summary["reason"].as_str().unwrap().contains("no packets"));
    let out = program.path("out");
    with(&["report", "-o", out.to_str().unwrap()]).fails(3, "no packets");
    assert!(!out.exists());
    with(&["triage"]).fails(3, "no packets");
    with(&["check"]).fails(3, "no packets");
}

#[test]
fn a_closed_pipe_is_success() {
    let program = Program::new();
    let input = fixture();
    let all = ["query", "true", &input, "--limit", "0", "--format", "jsonl", "--quiet"];
    let mut child = program.command(&all).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    drop(lines);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, "");
    for args in [vec!["dissect", &input], vec!["triage", &input], vec!["--help"]] {
        let mut child = program.command(&args).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

/// Nothing under a final name: what is left of a run that failed looks like nothing.
#[track_caller]
fn nothing_whole(dir: &Path) {
    let whole: Vec<PathBuf> = files(dir, "")
        .into_iter()
        .filter(|path| {
            let hidden = |part: std::path::Component<'_>| {
                part.as_os_str().to_string_lossy().starts_with('.')
            };
            !path.strip_prefix(dir).unwrap().components().any(hidden)
        })
        .collect();
    assert!(whole.is_empty(), "{whole:?}");
}

#[test]
fn outputs_that_cannot_be_written_end_with_2() {
    let program = Program::new();
    let input = fixture();
    let file = program.file("a-file", b"in the way");
    let below = file.join("out");
    let places = [below.as_path(), Path::new("/proc/pcapsule-out")];
    for place in places {
        let place = place.to_str().unwrap();
        program.run(&["report", &input, "-o", place]).fails(2, place);
        program.run(&["dissect", &input, "--cache", place]).fails(2, place);
        program.run(&["synth", "healthy", "-o", place]).fails(2, place);
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"in the way");
}

/// A file system of a few kilobytes, gone with the value.
struct Tiny(PathBuf);

impl Tiny {
    fn mount(at: PathBuf, size: &str) -> Option<Tiny> {
        std::fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(&at);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Tiny(at))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_leaves_nothing_that_looks_whole() {
    let program = Program::new();
    let input = fixture();
    let Some(tiny) = Tiny::mount(program.path("tiny"), "64k") else {
        return left_out("a full disk: tmpfs cannot be mounted here");
    };
    let inside = |name: &str| tiny.0.join(name).display().to_string();
    program.run(&["dissect", &input, "--cache", &inside("cache")]).fails(2, "disk full");
    nothing_whole(&tiny.0);
    let run = program.run(&["report", &input, "-o", &inside("out")]).ends(2);
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    for path in files(&tiny.0.join("out"), "") {
        // What was written before the disk was full is whole; JSON comes first.
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(path.ends_with("report.json"), "{} is there", path.display());
        serde_json::from_str::<Value>(&text).unwrap();
    }
    let run = program.run(&["synth", "healthy", "-o", &inside("synth")]).ends(2);
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert!(!tiny.0.join("synth/truth.json").exists(), "a truth about captures that are not there");
    let cut = files(&tiny.0.join("synth"), ".pcap.zst");
    assert!(cut.is_empty(), "half a segment under its final name: {cut:?}");
}

#[test]
fn interrupts_end_within_a_second_and_leave_nothing() {
    let program = Program::new();
    let capture = program.path("long.pcap");
    traffic::repeat(&redis_oom(), 120, &capture);
    let out = program.path("out");
    for mut args in readers(&out) {
        args.push(capture.display().to_string());
        let mut command = program.command(&args);
        command.stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        let building = || {
            let entries = std::fs::read_dir(program.cache()).into_iter().flatten();
            entries.flatten().any(|e| e.file_name().to_string_lossy().starts_with(".building"))
        };
        while !building() {
            assert!(start.elapsed() < Duration::from_secs(20), "{args:?} builds nothing");
            assert!(child.try_wait().unwrap().is_none(), "{args:?} ended early");
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let sent = Instant::now();
        let status = child.wait().unwrap();
        assert!(sent.elapsed() < INTERRUPT, "{args:?} took {:?}", sent.elapsed());
        assert_eq!(status.code(), Some(130), "{args:?}");
        let left: Vec<_> = std::fs::read_dir(program.cache()).unwrap().collect();
        assert!(left.is_empty(), "{args:?} left {left:?}");
        assert!(!out.exists());
    }
}

#[test]
fn a_second_run_uses_the_cache() {
    let program = Program::new();
    let input = fixture();
    let first = program.run(&["triage", &input]).ends(0);
    let datasets = || std::fs::read_dir(program.cache()).unwrap().count();
    assert_eq!(datasets(), 1);
    let second = program.run(&["triage", &input]).ends(0);
    assert_eq!(datasets(), 1);
    assert_eq!(first.stdout, second.stdout);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(program.cache()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "frames hold what was said");
    }
}

#[test]
fn a_finding_at_the_level_asked_for_ends_with_1() {
    let program = Program::new();
    let input = fixture();
    let check =
        |more: &[&str]| program.run(&[&["check", &input, "--format", "json"], more].concat());
    let run = check(&[]).ends(1);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(verdict["verdict"], "findings");
    let rules: Vec<&str> = verdict["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["rule"].as_str().unwrap())
        .collect();
    assert!(rules.contains(&"redis-error"), "{rules:?}");
    check(&["--exit-zero"]).ends(0);
    let healthy = program.path("healthy");
    program.run(&["synth", "healthy", "-o", healthy.to_str().unwrap()]).ends(0);
    let run = program.run(&["check", healthy.to_str().unwrap()]).ends(0);
    assert!(!run.stdout.is_empty());
    program.run(&["check", &input, "--ignore", "no-such-rule"]).fails(2, "no-such-rule");
    program.run(&["check", &input, "--rules", "/no/such/rules"]).fails(2, "/no/such/rules");
}

/// The same findings in each format that CI systems read.
#[test]
fn findings_are_told_to_ci_systems() {
    let program = Program::new();
    let input = fixture();
    let check = |format: &str| program.run(&["check", &input, "--format", format]).ends(1).stdout;
    let count = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let findings = count(&check("json"))["findings"].as_array().unwrap().len();
    let sarif = count(&check("sarif"));
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), findings);
    assert_eq!(count(&check("gitlab")).as_array().unwrap().len(), findings);
    assert!(check("github").contains("::error file="));
    assert!(check("md").contains("| severity | rule |"));
    let junit = program.file("junit.xml", check("junit").as_bytes()).display().to_string();
    match installed("python3") {
        false => left_out("python3 is not there: JUnit is not read by another parser"),
        true => {
            let read = "import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot(); \
                        print(len(r.findall('.//failure')) == int(r.get('failures')) > 0)";
            let mut python = std::process::Command::new("python3");
            python.args(["-c", read, &junit]);
            let output = python.output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "True", "{output:?}");
        }
    }
}

/// The packets of what a filter matches, and no others: the exported file says the same of it.
#[test]
fn a_scope_is_exported_and_reads_the_same() {
    let program = Program::new();
    let (input, out) = (fixture(), program.path("scope.pcapng").display().to_string());
    let kfl = "redis && error == \"OOM\"";
    let count = |input: &str, kfl: &str| {
        let run = program.run(&["query", kfl, input, "--count", "--quiet"]).ends(0);
        run.stdout.trim().parse::<u64>().unwrap()
    };
    program.run(&["export", &input, "-o", &out, "-f", kfl]).ends(0);
    assert!(count(&input, kfl) > 0);
    assert_eq!(count(&out, kfl), count(&input, kfl));
    assert_eq!((count(&out, "http"), count(&out, "dns")), (0, 0));
    let small = std::fs::metadata(&out).unwrap().len();
    program.run(&["export", &input, "-o", &out]).ends(0);
    assert!(std::fs::metadata(&out).unwrap().len() > small);
    assert_eq!(count(&out, "http"), count(&input, "http"));
    let packed = format!("{out}.zst");
    program.run(&["export", &input, "-o", &packed, "--bpf", "tcp port 6379"]).ends(0);
    assert_eq!(count(&packed, kfl), count(&input, kfl));
    let wrong = program.run(&["export", &input, "-o", &out, "--bpf", "tcp prot 6379"]).ends(2);
    assert!(wrong.stderr.contains("    ^^^^"), "{wrong:#?}");
    let nowhere = program.path("no/such/folder.pcapng").display().to_string();
    program.run(&["export", &input, "-o", &nowhere]).fails(2, "no/such/folder.pcapng");
}

/// A healthy run against another is clean; against it, one with a fault is worse.
#[test]
fn runs_are_compared_with_a_good_one() {
    let program = Program::new();
    let made = |name: &str, scenario: &str, seed: &str| {
        let path = program.path(name).display().to_string();
        program.run(&["synth", scenario, "-o", &path, "--seed", seed]).ends(0);
        path
    };
    let (good, again) = (made("good", "healthy", "1"), made("again", "healthy", "2"));
    let clean = program.run(&["compare", "--base", &good, &again]).ends(0);
    assert!(clean.stdout.contains("nothing got worse"), "{clean:#?}");
    let bad = made("bad", "redis-oom", "3");
    let worse = program.run(&["compare", "--base", &good, "--format", "json", &bad]).ends(1);
    let verdict: Value = serde_json::from_str(&worse.stdout).unwrap();
    assert_eq!(verdict["verdict"], "regressions");
    assert_eq!(verdict["findings"][0]["rule"], "more-errors", "{verdict:#}");
    program.run(&["compare", "--base", &good, "--format", "junit", &bad]).ends(1);
}

#[test]
fn the_built_in_rules_are_sound() {
    let program = Program::new();
    let run = program.line("rules lint").ends(0);
    assert!(run.stdout.contains(" 0 problems"), "{run:#?}");
    let run = program.line("rules list --format json").ends(0);
    let list: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(list["rules"].as_array().unwrap().len() >= 10);
}

#[test]
fn nothing_opens_a_socket() {
    let program = Program::new();
    let mut strace = Command::new("strace");
    if strace.arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return left_out("sockets: strace is not installed");
    }
    let out = program.path("out").display().to_string();
    let inner = program.command(&["report", &fixture(), "-o", &out]);
    let trace = program.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=socket,connect,bind", "-o"]).arg(&trace);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command).ends(0);
    let calls = std::fs::read_to_string(&trace).unwrap();
    let sockets: Vec<&str> = calls.lines().filter(|line| line.contains("socket(")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
}
