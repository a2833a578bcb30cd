//! Traffic that attacks whoever reads about it: script, formulas, terminal codes and links in
//! every place that a sender controls. Each writer neutralises them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Program, left_out, redis_oom};
use crate::traffic::{self, Frame, MILLI_NS, START_NS};

/// Runs in a page that takes it for markup; shows on a terminal that takes it for a command.
const SCRIPT: &str =
    "<img/src=x/onerror=document.title='owned'><script>document.title='owned'</script>";
const TITLE: &str = "\x1b]0;owned\x07";
const LINK: &str = "`|[x](javascript:document.title='owned')`";

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];
const REDIS: [u8; 4] = [10, 0, 0, 3];

/// One request with its answer, both full of what a sender controls.
fn http(number: u16, start_ns: i64, failing: bool) -> Vec<Frame> {
    let path = format!("/{SCRIPT}/{LINK}");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: =cmd|'/c calc'!A1\r\nUser-Agent: {TITLE}{SCRIPT}\r\n\
         X-Request-Id: {SCRIPT}\r\nCookie: secret-of-the-user\r\n\r\n"
    );
    let status = if failing { format!("500 {SCRIPT}{TITLE}") } else { "200 OK".into() };
    let response = format!(
        "HTTP/1.1 {status}\r\nServer: {SCRIPT}\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\n\r\n{SCRIPT}",
        SCRIPT.len()
    );
    let said = [(true, 0, request.as_bytes()), (false, 2 * MILLI_NS, response.as_bytes())];
    traffic::tcp((CLIENT, 20_000 + number), (SERVER, 80), start_ns, &said)
}

/// One Redis command whose name and error are markup.
fn redis(number: u16, start_ns: i64, failing: bool) -> Vec<Frame> {
    let request = format!("*2\r\n$3\r\nGET\r\n${}\r\n{SCRIPT}\r\n", SCRIPT.len());
    let response = if failing {
        format!("-<b>OWNED {SCRIPT}{TITLE}\r\n")
    } else {
        format!("${}\r\n{SCRIPT}\r\n", SCRIPT.len())
    };
    let said = [(true, 0, request.as_bytes()), (false, MILLI_NS, response.as_bytes())];
    traffic::tcp((SERVER, 30_000 + number), (REDIS, 6379), start_ns, &said)
}

/// A minute of which the second half fails, with metadata that is hostile too.
pub fn capture(dir: &Path) -> PathBuf {
    let folder = dir.join("capture");
    let mut frames = Vec::new();
    for number in 0..300 {
        let at = START_NS + i64::from(number) * 200 * MILLI_NS;
        frames.extend(http(number, at, number > 150));
        frames.extend(redis(number, at + MILLI_NS / 2, number > 150));
    }
    traffic::write_pcap(&folder.join(format!("node-{TITLE}<b>/if-eth0/1.pcap")), frames);
    let pod = |name: &str, ip: [u8; 4]| {
        let ip = ip.map(|byte| byte.to_string()).join(".");
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("{name}{SCRIPT}{TITLE}"), "namespace": format!("{LINK}{SCRIPT}"),
                "labels": {"app": format!("=1+1{SCRIPT}")},
            },
            "status": {"podIP": ip, "podIPs": [{"ip": ip}], "phase": "Running"},
        })
    };
    let list = json!({
        "apiVersion": "v1", "kind": "List",
        "items": [pod("client", CLIENT), pod("server", SERVER), pod("=redis", REDIS)],
    });
    std::fs::write(folder.join("cluster.json"), list.to_string()).unwrap();
    folder
}

/// What a terminal would obey.
#[track_caller]
fn harmless_on_a_terminal(text: &str) {
    let obeyed = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(obeyed, None, "{text:?}");
}

#[test]
fn terminals_obey_nothing() {
    let program = Program::new();
    let input = capture(program.dir.path()).display().to_string();
    let out = program.path("out").display().to_string();
    for args in [
        vec!["triage", &input],
        vec!["report", &input, "-o", &out],
        vec!["dissect", &input],
        vec!["dissect", &input, "--summary", "json"],
        vec!["query", "http || redis", &input],
        vec!["query", "true", &input, "--columns", "request.headers,src.name,path,host"],
        vec!["query", "true", &input, "--format", "json"],
        vec!["query", "true", &input, "--format", "jsonl", "--columns", "request.headers,path"],
        vec!["stats", &input, "--by", "host,operation,dst.display"],
        vec!["stats", &input, "--by", "path", "--format", "json"],
        vec!["map", &input],
        vec!["map", &input, "--format", "dot"],
        vec!["map", &input, "--format", "mermaid"],
        vec!["conns", &input],
        vec!["flows", &input, "--aggregate", "workload"],
        vec!["workloads", &input],
        vec!["ips", &input],
        vec!["doctor", &input],
    ] {
        let run = program.run(&args).ends(0);
        assert!(run.stdout.len() > 100, "{args:?}");
        harmless_on_a_terminal(&run.stdout);
        harmless_on_a_terminal(&run.stderr);
    }
    let run = program.run(&["check", &input]);
    harmless_on_a_terminal(&run.stdout);
}

/// Each entry by itself, with its headers and bodies.
#[test]
fn calls_shown_whole_obey_nothing_and_tell_no_secret() {
    let program = Program::new();
    let input = capture(program.dir.path()).display().to_string();
    let list = ["query", "http", &input, "--format", "csv", "--columns", "id", "--limit", "12"];
    let ids = program.run(&list).ends(0).stdout;
    for id in ids.lines().skip(1) {
        for format in ["text", "json"] {
            let run = program.run(&["call", id, &input, "--format", format]).ends(0);
            harmless_on_a_terminal(&run.stdout);
            assert!(!run.stdout.contains("secret-of-the-user"), "{}", run.stdout);
        }
    }
    assert!(ids.lines().count() > 3, "{ids}");
}

#[test]
fn spreadsheets_compute_nothing() {
    let program = Program::new();
    let input = capture(program.dir.path()).display().to_string();
    let columns = "host,src.name,dst.name,path,request.headers";
    let query = ["query", "http", &input, "--format", "csv", "--columns", columns];
    let run = program.run(&query).ends(0);
    assert!(run.stdout.contains("'=cmd|"), "the formula is there as text: {}", run.stdout);
    for line in run.stdout.lines().skip(1) {
        let first = line.trim_start_matches('"');
        assert!(!first.starts_with(['=', '+', '-', '@']), "{line}");
        assert!(!line.contains(",=") && !line.contains(",\"="), "{line}");
    }
}

#[test]
fn secrets_stay_masked() {
    let program = Program::new();
    let input = capture(program.dir.path()).display().to_string();
    let out = program.path("out");
    program.run(&["report", &input, "-o", out.to_str().unwrap()]).ends(0);
    for name in ["report.md", "report.html", "report.json"] {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        assert!(!text.contains("secret-of-the-user"), "{name}");
    }
    let query = |more: &[&str]| {
        let args = ["query", "http", &input, "--format", "jsonl", "--columns", "request.headers"];
        program.run(&[&args, more].concat()).ends(0).stdout
    };
    assert!(!query(&[]).contains("secret-of-the-user"));
    assert!(query(&["--show-secrets"]).contains("secret-of-the-user"));
    let guess = "request.headers[\"Cookie\"].contains(\"secret-of\")";
    let count = program.run(&["query", guess, &input, "--count"]).ends(0).stdout;
    assert_eq!(count.trim(), "0", "a masked value cannot be guessed");
}

#[test]
fn documents_carry_no_markup_of_others() {
    let program = Program::new();
    let input = capture(program.dir.path()).display().to_string();
    let out = program.path("out");
    program.run(&["report", &input, "-o", out.to_str().unwrap()]).ends(0);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["verdict"], "incident", "the report is full of what was said");
    let html = read("report.html");
    assert!(html.contains("owned"), "what was said is there");
    harmless_on_a_terminal(&html);
    for markup in ["<img", "<script>document.title", "<b>OWNED", "href=\"javascript:"] {
        assert!(!html.contains(markup), "{markup}");
    }
    let markdown = read("report.md");
    harmless_on_a_terminal(&markdown);
    let prose = prose(&markdown);
    assert!(prose.contains("owned"), "what was said is there");
    assert!(!prose.contains(['<', '[', '`']), "markup: {prose}");
}

/// Markdown without code blocks, code spans and escaped characters: what may act as markup.
fn prose(markdown: &str) -> String {
    let mut prose = String::new();
    for (number, block) in markdown.split("\n```").enumerate() {
        if number % 2 == 0 {
            block.lines().for_each(|line| prose += &without_code(line));
        }
    }
    // The template's own marks: sections it renews, and code that a code span could not hold.
    prose.replace("<!--", "").replace("<code>", "").replace("</code>", "")
}

/// A line without code spans (CommonMark 6.1) and backslash escapes.
fn without_code(line: &str) -> String {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let mut rest = line;
    let mut out = String::from("\n");
    while let Some(c) = rest.chars().next() {
        let ticks = run(rest);
        if c == '\\' {
            rest = rest.get(1..).unwrap_or("");
            rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
        } else if ticks > 0 {
            let behind = &rest[ticks..];
            let ends = behind.char_indices().find(|&(at, c)| {
                c == '`' && !behind[..at].ends_with('`') && run(&behind[at..]) == ticks
            });
            match ends {
                Some((at, _)) => rest = &behind[at + ticks..],
                None => {
                    out += &rest[..ticks];
                    rest = behind;
                }
            }
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

#[test]
fn prose_is_what_may_act() {
    assert_eq!(prose("a `<b>` \\<i> ``x ` y`` z\n```sh\n<u>\n```"), "\na  i>  z");
    assert_eq!(prose("a ` <b>"), "\na ` <b>");
}

/// Changing any byte of a capture changes what is found, and ends well.
#[test]
fn damaged_captures_end_well() {
    let program = Program::new();
    let segment = crate::support::files(&redis_oom(), ".pcap.zst").remove(2);
    let frames = traffic::read(&segment);
    for round in 0_usize..6 {
        let mut damaged = frames.clone();
        for (number, (_, bytes)) in damaged.iter_mut().enumerate() {
            let at = (number * 31 + round * 7) % bytes.len();
            if number % 3 == round % 3 {
                bytes[at] ^= 1 << (number % 8);
            }
            if number % 101 == round {
                bytes.truncate(at);
            }
        }
        let path = program.path(&format!("damaged-{round}.pcap"));
        traffic::write_pcap(&path, damaged);
        let run = program.run(&["triage", path.to_str().unwrap()]).ends(0);
        assert!(!run.stdout.is_empty());
    }
}

/// The page, opened: what traffic says does not run.
#[test]
fn a_browser_runs_nothing() {
    let program = Program::new();
    let Some(browser) = crate::page::browser() else {
        return left_out("hostile traffic in a browser: chromium is not installed");
    };
    let input = capture(program.dir.path()).display().to_string();
    let out = program.path("out");
    program.run(&["report", &input, "-o", out.to_str().unwrap()]).ends(0);
    let page = crate::page::open(browser, &out.join("report.html"), &program);
    assert!(!page.dom.contains("<title>owned</title>"));
    assert!(page.dom.contains("onerror=document.title"), "it is there, as text");
    assert!(!page.dom.contains("<img"), "no image is in the page");
    assert_eq!(page.console, Vec::<String>::new());
}
