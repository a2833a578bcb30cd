//! report.html in a real browser: it works offline, says what it should, and the console is quiet.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Program, finish, installed, left_out, redis_oom};

/// What a browser made of a page.
pub struct Page {
    /// The document after its scripts ran.
    pub dom: String,
    /// Console messages; violations of the content security policy are among them.
    pub console: Vec<String>,
}

/// The installed browser.
pub fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| installed(name))
}

/// Whether a network namespace without any network can be made here.
fn unshare() -> bool {
    let mut command = Command::new("unshare");
    command.args(["-n", "true"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Opens a page without a network where that can be had.
pub fn open(browser: &str, path: &Path, program: &Program) -> Page {
    let mut command = if unshare() {
        let mut command = Command::new("unshare");
        command.args(["-n", browser]);
        command
    } else {
        left_out("a browser without network: no right to make a network namespace");
        Command::new(browser)
    };
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", program.path("browser").display()))
        .arg(format!("file://{}", path.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = finish(command).ends(0);
    let console = run.stderr.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_string);
    Page { console: console.collect(), dom: run.stdout }
}

#[test]
fn the_report_is_a_page() {
    let program = Program::new();
    let Some(browser) = browser() else {
        return left_out("report.html in a browser: chromium is not installed");
    };
    let (input, out) = (redis_oom().display().to_string(), program.path("out"));
    let args = ["report", &input, "-o", out.to_str().unwrap(), "--tz", "Europe/Berlin"];
    program.run(&args).ends(0);
    let page = open(browser, &out.join("report.html"), &program);
    assert_eq!(page.console, Vec::<String>::new(), "the console is quiet");
    for text in ["<html", "Suspects", "Timeline", "redis", "POST /checkout", "<svg", "15:15:25"] {
        assert!(page.dom.contains(text), "{text} is not in the page");
    }
    assert!(page.dom.trim_end().ends_with("</html>"), "the page is whole");
}

/// Nothing in the page's text asks for anything from elsewhere.
#[test]
fn the_page_is_one_file() {
    let program = Program::new();
    let (input, out) = (redis_oom().display().to_string(), program.path("out"));
    program.run(&["report", &input, "-o", out.to_str().unwrap()]).ends(0);
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("Content-Security-Policy") && html.contains("default-src 'none'"));
    // SVG refers to parts of itself: url(#arrow).
    let html = html.replace("url(#", "(#");
    for asks in ["src=", "<link", "url(", "@import", "<iframe", "<object", "fetch(", "import("] {
        assert!(!html.contains(asks), "{asks}");
    }
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with('#'), "a link to elsewhere: {}", &link[..40]);
    }
}

/// A console that is always quiet would prove nothing.
#[test]
fn a_noisy_page_is_heard() {
    let program = Program::new();
    let Some(browser) = browser() else {
        return left_out("a page that breaks its policy: chromium is not installed");
    };
    let html = "<html><head><meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">\
                </head><body><img src=\"http://192.0.2.1/x.png\"></body></html>";
    let page = open(browser, &program.file("noisy.html", html.as_bytes()), &program);
    assert!(!page.console.is_empty(), "a violation of the policy is on the console");
}
