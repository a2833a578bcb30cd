//! The commands that answer questions: what they find in captures whose truth is known, in every
//! format, and what they say of captures that are no good evidence.

use std::path::Path;

use serde_json::Value;

use crate::support::{Program, files, installed, redis_oom, shared};

fn fixture() -> String {
    redis_oom().display().to_string()
}

/// Runs with `--format json`.
#[track_caller]
fn json(program: &Program, args: &[&str]) -> Value {
    let run = program.run(&[args, &["--format", "json", "--quiet"]].concat()).ends(0);
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:#?}"))
}

fn rows<'v>(answer: &'v Value, name: &str) -> &'v Vec<Value> {
    answer[name].as_array().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn added(rows: &[Value], column: &str) -> u64 {
    rows.iter().map(|row| row[column].as_u64().unwrap_or_else(|| panic!("{row}"))).sum()
}

/// Copies the fixture, without its metadata.
fn copy(from: &Path, to: &Path) {
    for file in files(from, ".pcap.zst") {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}

fn kinds(answer: &Value) -> Vec<&str> {
    rows(answer, "complaints").iter().map(|c| c["kind"].as_str().unwrap()).collect()
}

#[test]
fn coverage_by_second_adds_up_to_the_sum() {
    let program = Program::new();
    let input = fixture();
    let summary = program.run(&["dissect", &input, "--summary", "json"]).ends(0);
    let summary: Value = serde_json::from_str(&summary.stdout).unwrap();
    let dataset =
        pcapsule::frame::Dataset::open(Path::new(summary["frames"].as_str().unwrap())).unwrap();
    use polars::prelude::*;
    let table = dataset.scan("coverage").unwrap().unwrap().collect().unwrap();
    assert!((180..=186).contains(&table.height()), "three nodes, a minute: {}", table.height());
    let total = |name: &str| table.column(name).unwrap().i64().unwrap().sum().unwrap() as u64;
    assert_eq!(total("packets"), summary["packets"].as_u64().unwrap());
    assert_eq!(total("bytes"), summary["bytes"].as_u64().unwrap());
    let coverage = summary["coverage"].as_array().unwrap();
    assert_eq!(total("conns"), added(coverage, "conns"));
    assert_eq!(coverage[0]["dropped"], Value::Null, "no counters, no drops");
}

#[test]
fn doctor_finds_nothing_grave_in_a_good_capture() {
    let program = Program::new();
    let answer = json(&program, &["doctor", &fixture()]);
    assert_eq!(kinds(&answer), ["drops_unknown"]);
    let text = program.run(&["doctor", &fixture(), "--tz", "Europe/Berlin"]).ends(0).stdout;
    assert!(text.contains("15:15:00.011 CET (14:15:00.011 UTC)"), "{text}");
}

#[test]
fn doctor_names_what_is_missing() {
    let program = Program::new();
    let dir = program.path("capture");
    copy(&redis_oom(), &dir);
    std::fs::remove_dir_all(dir.join("node-c")).unwrap();
    let input = dir.display().to_string();
    let no_metadata = json(&program, &["doctor", &input]);
    assert!(kinds(&no_metadata).contains(&"no_metadata"), "{no_metadata}");
    let cluster = redis_oom().join("cluster.json").display().to_string();
    let missing = json(&program, &["doctor", &input, "--cluster", &cluster]);
    let complaint = rows(&missing, "complaints").iter().find(|c| c["kind"] == "node_missing");
    assert_eq!(complaint.unwrap()["nodes"], serde_json::json!(["node-c"]));
    assert_eq!(missing["worst"], "bad");
    assert!(complaint.unwrap()["remedy"]["command"].as_str().unwrap().contains("tcpdump"));
}

#[test]
fn doctor_sees_counters_cut_files_and_files_twice() {
    let program = Program::new();
    let dir = program.path("capture");
    copy(&redis_oom(), &dir);
    let line = |ts: &str, dropped: u64| {
        format!(
            r#"{{"ts":"{ts}","op":"counters","kind":"Capture","received":9000,"dropped":{dropped}}}"#
        )
    };
    let lines = [line("2026-11-20T14:15:10Z", 40), line("2026-11-20T14:15:20Z", 60)].join("\n");
    std::fs::write(dir.join("node-a/sidecar.jsonl"), lines).unwrap();
    let segment = files(&dir.join("node-b"), ".pcap.zst").remove(0);
    std::fs::copy(&segment, segment.with_file_name("again.pcap.zst")).unwrap();
    let whole = files(&dir.join("node-c"), ".pcap.zst").remove(0);
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
    let answer = json(&program, &["doctor", dir.to_str().unwrap()]);
    for kind in ["drops", "files_twice", "files_cut", "node_partly"] {
        assert!(kinds(&answer).contains(&kind), "{kind}: {answer:#}");
    }
    let drops = rows(&answer, "complaints").iter().find(|c| c["kind"] == "drops").unwrap();
    assert!(drops["text"].as_str().unwrap().contains("100 of 18100 packets"), "{drops}");
    let coverage = rows(&answer, "coverage");
    let of = |node: &str| coverage.iter().find(|c| c["node"] == node).unwrap();
    assert_eq!(
        (of("node-a")["dropped"].as_u64(), of("node-b")["dropped"].as_u64()),
        (Some(100), None)
    );
}

#[test]
fn doctor_explains_an_empty_window() {
    let program = Program::new();
    let late = ["doctor", &fixture(), "--since", "2030-01-01T00:00:00Z"];
    assert_eq!(kinds(&json(&program, &late))[0], "no_packets");
}

#[test]
fn connections_in_every_format() {
    let program = Program::new();
    let input = fixture();
    let answer = json(&program, &["conns", &input, "-f", "tcp_conn", "--limit", "0"]);
    assert_eq!(answer["matches"], 161);
    let conns = rows(&answer, "conns");
    assert_eq!(conns.len(), 161);
    assert!(conns.iter().all(|conn| conn["conn_completeness"].as_u64().unwrap() & 7 == 7));
    let line = |format: &str| {
        let args = ["conns", &input, "-f", "tcp_conn", "--limit", "3", "--format", format];
        program.run(&args).ends(0).stdout.lines().count()
    };
    assert_eq!((line("jsonl"), line("csv"), line("table")), (3, 4, 4));
    let by = ["conns", &input, "--sort", "-conn_local_bytes", "--columns", "conn_local_bytes"];
    let answer = json(&program, &by);
    let sizes: Vec<i64> =
        rows(&answer, "conns").iter().map(|c| c["conn_local_bytes"].as_i64().unwrap()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes[0] > sizes[99]);
}

#[test]
fn flows_hold_all_connections_once_however_they_are_taken_together() {
    let program = Program::new();
    let input = fixture();
    let answer = json(&program, &["flows", &input, "--limit", "0"]);
    let all = rows(&answer, "flows");
    let (conns, bytes) = (added(all, "conns"), added(all, "bytes"));
    assert_eq!(conns, 393);
    for level in ["pod", "service", "workload", "namespace", "node"] {
        let answer = json(&program, &["flows", &input, "--aggregate", level, "--limit", "0"]);
        let rows = rows(&answer, "flows");
        assert_eq!((added(rows, "conns"), added(rows, "bytes")), (conns, bytes), "{level}");
        assert!(rows.len() < all.len() || level == "pod", "{level}");
    }
    let redis = ["flows", &input, "-f", "dst.service.name == \"redis\"", "--aggregate", "service"];
    let answer = json(&program, &redis);
    let servers: Vec<&str> =
        rows(&answer, "flows").iter().map(|f| f["server"].as_str().unwrap()).collect();
    assert_eq!(servers, ["shop/redis"; 2]);
    let row = &rows(&answer, "flows")[0];
    assert!(row["conns_at_once"].as_u64() <= row["conns"].as_u64(), "{row}");
    assert!(row["calls_at_once"].as_u64() >= Some(1), "{row}");
}

/// Flows are entries as well: a filter finds them, and picks their connections.
#[test]
fn flows_are_found_by_filters() {
    let program = Program::new();
    let input = fixture();
    let answer = json(&program, &["flows", &input, "--limit", "0"]);
    let busy = rows(&answer, "flows").iter().filter(|f| f["conns"].as_u64() > Some(10)).count();
    assert!(busy > 0);
    let count = |kfl: &str| {
        program
            .run(&["query", kfl, &input, "--count"])
            .ends(0)
            .stdout
            .trim()
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(count("flow && flow_conns > 10"), busy);
    assert_eq!(count("flow"), rows(&answer, "flows").len());
    assert_eq!(count("tcp_flow") + count("udp_flow"), count("flow"));
    let picked = json(&program, &["flows", &input, "-f", "flow_conns > 10"]);
    assert_eq!(rows(&picked, "flows").len(), busy);
}

#[test]
fn a_filter_that_finds_nothing_is_taken_apart() {
    let program = Program::new();
    let run = program.run(&["query", "http && status_code == 999", &fixture()]).ends(0);
    assert!(
        run.stderr.contains("3164  http") && run.stderr.contains("0  status_code == 999"),
        "{run:#?}"
    );
    let run =
        program.run(&["query", "http && status_code >= 500", &fixture(), "--explain"]).ends(0);
    assert!(run.stdout.contains("SELECTION") && run.stdout.contains("conns    no row"), "{run:#?}");
}

#[test]
fn answers_as_parquet_and_from_frames() {
    let program = Program::new();
    let file = program.path("found.parquet");
    let args =
        ["query", "redis && error == \"OOM\"", &fixture(), "--format", "parquet", "--limit", "0"];
    program.run(&[&args[..], &["-o", file.to_str().unwrap()]].concat()).ends(0);
    use polars::prelude::*;
    let found = ParquetReader::new(std::fs::File::open(&file).unwrap()).finish().unwrap();
    assert_eq!(found.height(), 158);
    assert!(found.column("ts_ns").is_ok() && found.column("__id").is_err());
    let summary = program.run(&["dissect", &fixture(), "--summary", "json"]).ends(0);
    let summary: Value = serde_json::from_str(&summary.stdout).unwrap();
    let frames = summary["frames"].as_str().unwrap();
    let run =
        program.run(&["query", "redis && error == \"OOM\"", "--frames", frames, "--count"]).ends(0);
    assert_eq!(run.stdout.trim(), "158");
}

#[test]
fn statistics_equal_the_truth() {
    let program = Program::new();
    let input = fixture();
    let answer = json(&program, &["stats", &input, "-f", "http", "--by", "dst.service.name"]);
    let group = |name: &str| {
        rows(&answer, "groups").iter().find(|g| g["dst.service.name"] == name).unwrap().clone()
    };
    assert_eq!(
        (group("frontend")["calls"].as_u64(), group("frontend")["errors"].as_u64()),
        (Some(1200), Some(161))
    );
    assert_eq!(group("cart")["errors"], 78);
    let p = |name: &str| group("frontend")[name].as_i64().unwrap();
    assert!(p("p50_us") <= p("p90_us") && p("p90_us") <= p("p95_us") && p("p95_us") <= p("p99_us"));
    assert!(p("p99_us") <= p("max_us"));
    let whole = json(&program, &["stats", &input, "-f", "http", "--by", "none"]);
    assert_eq!(rows(&whole, "groups").len(), 1);
    assert_eq!(rows(&whole, "groups")[0]["calls"], 3164);
    let by_time = ["stats", &input, "-f", "http", "--by", "none", "--every", "10s"];
    let by_time = json(&program, &by_time);
    assert_eq!(added(rows(&by_time, "groups"), "calls"), 3164);
    let times: Vec<&str> =
        rows(&by_time, "groups").iter().map(|g| g["time"].as_str().unwrap()).collect();
    assert_eq!((times[0], times.len(), times.is_sorted()), ("2026-11-20T14:15:00Z", 6, true));
    program.run(&["stats", &input, "--by", "request.headers"]).fails(2, "tells no groups apart");
    program.run(&["stats", &input, "--every", "often"]).fails(2, "--every often");
}

#[test]
fn figures_are_computed_when_wanted() {
    let program = Program::new();
    let input = fixture();
    let args = ["stats", &input, "-f", "http", "--figures", "calls,p95_us"];
    let answer = json(&program, &args);
    let names: Vec<&String> = rows(&answer, "groups")[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["calls", "dst.display", "p95_us"]);
    program.run(&["stats", &input, "--figures", "speed"]).fails(2, "no such figure");
}

/// The statement that `--sql` prints finds the same entries, run by DuckDB itself.
#[test]
fn sql_finds_the_same_entries() {
    let program = Program::new();
    let input = fixture();
    let filters = [
        ("http && status_code >= 500 && dst.service.name == \"cart\"", 78),
        ("redis && redis_error.startsWith(\"OOM\")", 158),
        ("dns && dns_questions.exists(q, q.contains(\"stripe\"))", 0),
        ("tcp_conn && \"REDIS\" in conn_l7_detected && conn_completeness == 31", 0),
        ("http && map_get(request.headers, \"user-agent\", \"\").contains(\"loadgen\")", 1200),
    ];
    let python = if installed("python3") { "python3" } else { "" };
    let duckdb = std::process::Command::new(python).args(["-c", "import duckdb"]).output();
    let there = duckdb.is_ok_and(|out| out.status.success());
    if !there {
        crate::support::left_out("SQL: python3 has no module duckdb");
    }
    for (filter, known) in filters {
        let count = program.run(&["query", filter, &input, "--count"]).ends(0).stdout;
        let count: u64 = count.trim().parse().unwrap();
        assert!(known == 0 || count == known, "{filter}: {count}");
        for dialect in ["duckdb", "spark"] {
            let sql = program.run(&["query", filter, &input, "--sql", dialect]).ends(0).stdout;
            assert!(sql.contains("WHERE") && sql.ends_with(";\n"), "{sql}");
        }
        let sql = program.run(&["query", filter, &input, "--sql", "duckdb", "--columns", "id"]);
        let sql = sql.ends(0).stdout;
        if there {
            let script = "import duckdb,sys; print(len(duckdb.sql(sys.argv[1]).fetchall()))";
            let out = std::process::Command::new(python).args(["-c", script, &sql]).output();
            let out = out.unwrap();
            let rows = String::from_utf8_lossy(&out.stdout).trim().to_string();
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert_eq!(rows, count.to_string(), "{filter}\n{sql}\n{said}");
        }
    }
    program
        .run(&["query", "cidr(src.ip, \"10.0.0.0/8\")", &input, "--sql", "duckdb"])
        .fails(2, "cannot be said in SQL");
}

/// Frames without packets, for questions at sizes that captures take long to reach.
#[test]
fn made_up_frames_answer_questions() {
    let program = Program::new();
    let dir = program.path("made");
    let out = dir.to_str().unwrap();
    program.run(&["synth", "frames", "--calls", "20000", "-o", out]).ends(0);
    let count = |kfl: &str| -> u64 {
        let run = program.run(&["query", kfl, "--frames", out, "--count"]).ends(0);
        run.stdout.trim().parse().unwrap()
    };
    assert_eq!((count("has_response"), count("conn")), (20_000, 400));
    assert!((13_000..15_000).contains(&count("http")));
    assert!(count("http && status_code >= 500 && dst.namespace == \"production\"") > 50);
    assert!(count("map_get(remote_labels, \"app\", \"\") == \"cart\"") > 100);
    let again = program.path("again");
    program.run(&["synth", "frames", "--calls", "20000", "-o", again.to_str().unwrap()]).ends(0);
    for file in files(&dir, ".parquet") {
        let other = again.join(file.strip_prefix(&dir).unwrap());
        assert_eq!(
            std::fs::read(&file).unwrap(),
            std::fs::read(&other).unwrap(),
            "{}",
            file.display()
        );
    }
    program.run(&["synth", "healthy", "--calls", "5", "-o", out]).fails(2, "synth frames");
}

/// Tests on a protocol's own fields are made before its rows are joined to their calls: whatever
/// stands beside them, the same entries match.
#[test]
fn tests_on_side_tables_keep_their_meaning() {
    let program = Program::new();
    let input = fixture();
    let count = |kfl: &str| -> u64 {
        let run = program.run(&["query", kfl, &input, "--count"]).ends(0);
        run.stdout.trim().parse().unwrap()
    };
    let (http, cart) = (count("http"), count("http && path.startsWith(\"/cart\")"));
    assert!(0 < cart && cart < http);
    assert_eq!(count("http && !path.startsWith(\"/cart\")"), http - cart);
    assert_eq!(count("path.startsWith(\"/cart\")"), cart, "no other entry has a path");
    assert_eq!(count("path.startsWith(\"/cart\") || redis"), cart + count("redis"));
    let both = count("path.startsWith(\"/cart\") && method == \"POST\" && status_code >= 500");
    let split = count("(path.startsWith(\"/cart\") && method == \"POST\") && !(status_code < 500)");
    assert!(both == split && both > 0);
    assert_eq!(count("path == \"\" && dns"), count("dns"), "absent is empty");
    assert_eq!(count("path != \"\" && redis_key != \"\""), 0, "of two tables");
    assert_eq!(count("request.headers[\"no-such\"] == \"\" || http"), http);
}

/// A header of the user's choice ties calls together.
#[test]
fn calls_are_tied_together_by_a_header() {
    let program = Program::new();
    let input = fixture();
    let agent = ["--correlate", "header:User-Agent", "--quiet"];
    let count = |kfl: &str, more: &[&str]| -> u64 {
        let run = program.run(&[&["query", kfl, &input, "--count"], more].concat()).ends(0);
        run.stdout.trim().parse().unwrap()
    };
    assert_eq!(count("user_key != \"\"", &[]), 0);
    let by_loadgen = count("user_key.startsWith(\"loadgen\")", &agent);
    assert_eq!(by_loadgen, count("user_agent.startsWith(\"loadgen\")", &[]));
    let all = count("user_key != \"\"", &agent);
    assert_eq!(count("correlation_id == user_key && user_key != \"\"", &agent), all);
    program.run(&["query", "http", &input, "--correlate", "user"]).fails(2, "header:NAME");
    program.run(&["query", "http", &input, "--correlate", "cookie:s"]).fails(2, "--show-secrets");
}

#[test]
fn the_map_holds_every_call_in_every_format() {
    let program = Program::new();
    let input = fixture();
    let answer = json(&program, &["map", &input, "-f", "http || redis || dns"]);
    assert_eq!(added(rows(&answer, "edges"), "calls"), 3164 + 1047 + 464);
    for (format, holds) in [
        ("text", "load/loadgen"),
        ("dot", "digraph map {"),
        ("mermaid", "flowchart LR"),
        ("svg", "<svg xmlns="),
    ] {
        let run = program.run(&["map", &input, "--format", format]).ends(0);
        assert!(run.stdout.contains(holds) && run.stdout.contains("redis"), "{format}: {run:#?}");
    }
}

#[test]
fn a_call_is_shown_whole() {
    let program = Program::new();
    let input = fixture();
    let failed = "http && status_code == 503 && dst.service.name == \"frontend\"";
    let found = json(&program, &["query", failed, &input, "--limit", "1"]);
    let entry = &rows(&found, "entries")[0];
    let id = entry["id"].to_string();
    let call = json(&program, &["call", &id, &input]);
    assert_eq!(call["kind"], "call");
    assert_eq!(call["entry"]["status_code"], 503);
    assert_eq!(call["connection"]["conn_completeness"], 31);
    let body = &call["response_body"];
    assert_eq!(body["content"].as_str().unwrap().len() as u64, body["bytes"].as_u64().unwrap());
    assert!(body["content"].as_str().unwrap().contains("error"), "{body}");
    assert_eq!(body["bytes"], call["entry"]["response_body_size"]);
    let chain = rows(&call, "chain");
    assert!(chain.len() > 3 && chain.iter().any(|c| c["id"] == entry["id"]), "{chain:#?}");
    let seen = &rows(&call, "observations")[0];
    assert!(Path::new(seen["file"].as_str().unwrap()).exists() && seen["frame"].as_u64() > Some(0));
    let text = program.run(&["call", &id, &input]).ends(0).stdout;
    assert!(text.contains("in Wireshark") && text.contains("response body"), "{text}");
    let conn = call["entry"]["conn_id"].to_string();
    assert_eq!(json(&program, &["call", &conn, &input])["kind"], "conn");
    program.run(&["call", "5", &input]).fails(2, "no call, connection or flow");
}

/// What may hold a password is shown only when asked for.
#[test]
fn bytes_of_other_protocols_need_leave() {
    let program = Program::new();
    let input = fixture();
    let found = json(&program, &["query", "redis && error == \"OOM\"", &input, "--limit", "1"]);
    let id = rows(&found, "entries")[0]["id"].to_string();
    let masked = json(&program, &["call", &id, &input]);
    assert_eq!(masked["response_body"], Value::Null);
    assert!(masked["bodies_note"].as_str().unwrap().contains("--show-secrets"));
    let shown = json(&program, &["call", &id, &input, "--show-secrets"]);
    assert!(shown["response_body"]["content"].as_str().unwrap().starts_with("-OOM"), "{shown:#}");
}

#[test]
fn who_was_who_and_when() {
    let program = Program::new();
    let input = fixture();
    let pods = json(&program, &["workloads", &input, "--namespace", "shop", "--kind", "pod"]);
    let pods = rows(&pods, "workloads");
    assert!(pods.len() > 4 && pods.iter().all(|pod| pod["namespace"] == "shop"));
    let redis = json(&program, &["workloads", &input, "--label", "app=redis", "--kind", "pod"]);
    let ip = rows(&redis, "workloads")[0]["ips"][0]["ip"].as_str().unwrap().to_string();
    let ips = json(&program, &["ips", &input, "--ip", &ip]);
    assert_eq!(ips["total"], 1);
    let names: Vec<&str> =
        rows(&ips["ips"][0], "records").iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("redis-")), "{names:?}");
    let before = ["workloads", &input, "--label", "app=redis", "--at", "2020-01-01T00:00:00Z"];
    assert_eq!(json(&program, &before)["total"], 0, "nobody yet");
    let outside = json(&program, &["ips", &input, "--kind", "external", "--seen"]);
    assert!(outside["total"].as_u64() >= Some(1), "{outside}");
    let run = program.run(&["workloads", &input, "--name-regex", "("]).ends(2);
    assert!(run.stderr.contains("--name-regex"), "{run:#?}");
}

#[test]
fn completions_know_commands_and_fields() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = program.run(&["completions", shell]).ends(0).stdout;
        // The other two shells complete no values.
        let fields = !matches!(shell, "bash" | "zsh" | "fish") || script.contains("src.display");
        assert!(script.contains("doctor") && fields, "{shell}");
    }
}

/// Real traffic: every node is there, and nothing grave is wrong.
#[test]
fn doctor_on_the_lab() {
    let Some(lab) = shared("lab/1") else {
        return crate::support::left_out("doctor on real captures: ../shared/lab is not there");
    };
    let program = Program::new();
    let answer = json(&program, &["doctor", lab.to_str().unwrap()]);
    assert!(!kinds(&answer).contains(&"node_missing"), "{answer:#}");
}
