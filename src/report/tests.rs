//! Renders a realistic report, an empty one and a hostile one in every format.

use std::fs;

use super::model::{Covered, Report, Tool, Verdict, Window};
use super::time::Time;
use super::{Error, Format, Kind, Options, render, template};

const VIEWS: [Format; 2] = [Format::Markdown, Format::Html];
const KINDS: [Kind; 2] = [Kind::Postmortem, Kind::Timeline];

/// Redis reaches its memory limit; cart and checkout fail. Numbers of a real recording.
fn sample() -> Report {
    serde_json::from_str(include_str!("testdata/redis-oom.json")).unwrap()
}

fn empty(verdict: Verdict) -> Report {
    let tool = Tool { name: "pcapsule".to_owned(), version: "0.1.0".to_owned() };
    let covered = Covered { since: Time(0), until: Time(60_000_000_000) };
    let mut report = Report::new(tool, "UTC", Window { asked: Default::default(), covered });
    report.verdict = verdict;
    report.verdict_reason = "0 of 12 calls failed.".to_owned();
    report
}

fn view(report: &Report, format: Format, kind: Kind) -> String {
    render(report, format, &Options { kind, templates: None }).unwrap()
}

fn every_view(report: &Report) -> Vec<(Format, String)> {
    let pairs = VIEWS.into_iter().flat_map(|format| KINDS.map(|kind| (format, kind)));
    pairs.map(|(format, kind)| (format, view(report, format, kind))).collect()
}

/// Replaces every text that traffic or metadata could have filled.
fn poison(value: &mut serde_json::Value, key: &str, text: &str) {
    const OURS: &[&str] = &[
        "schema",
        "tz",
        "since",
        "until",
        "verdict",
        "last_good",
        "first_bad",
        "end",
        "kind",
        "lane",
        "severity",
        "first",
        "last",
        "ts",
        "start",
        "section",
        "incident",
        "id",
    ];
    match value {
        serde_json::Value::String(old) if !OURS.contains(&key) => text.clone_into(old),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|v| poison(v, key, text)),
        serde_json::Value::Object(fields) => {
            if matches!(key, "statuses" | "group") {
                let values: Vec<_> = fields.values().cloned().collect();
                fields.clear();
                fields.extend(values.into_iter().take(1).map(|v| (text.to_owned(), v)));
            }
            fields.iter_mut().for_each(|(key, value)| poison(value, key, text));
        }
        _ => {}
    }
}

fn hostile(text: &str) -> Report {
    let mut value = serde_json::to_value(sample()).unwrap();
    poison(&mut value, "", text);
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_json_is_the_model() {
    let report = sample();
    let json = view(&report, Format::Json, Kind::Postmortem);
    assert!(json.ends_with("}\n"));
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(json.contains("\"first_bad\": \"2026-11-20T18:50:36.478907242Z\""));
    assert!(json.contains("\"drops\": null"), "what is not known is null, not absent");
}

#[test]
fn the_first_screen_answers_what_when_how_badly_why_and_what_next() {
    for (format, text) in every_view(&sample()) {
        let text = text.replace('\u{a0}', " ");
        for wanted in [
            "Cart writes and checkouts fail",
            "19:50:36.478 CET",
            "(18:50:36.478 UTC)",
            "35.8 s",
            "401 of 1,075",
            "Where to look first",
            "Every one of the 401 has a failed Redis call inside it",
            "What to do next",
            "pcapsule call",
            "What this capture cannot see",
        ] {
            let at = text.find(wanted).unwrap_or_else(|| panic!("{format:?} lacks {wanted}"));
            let body = text.find("Timeline\n").or(text.find("id=\"timeline\"")).unwrap();
            assert!(at < body, "{format:?}: {wanted} is not on the first screen");
        }
    }
}

#[test]
fn every_part_of_the_model_reaches_both_views() {
    for format in VIEWS {
        let text = view(&sample(), format, Kind::Postmortem);
        for wanted in [
            "POST /cart/{}/items",   // impact
            "scaled from 1 to 2",    // timeline
            "Speaks against it",     // suspects
            "HINCRBY cart:u0023",    // first failing call
            "api.stripe.com",        // edges
            "OOM replies",           // resources
            "redis-error",           // findings
            "frame 18231 of",        // evidence
            "node-c",                // coverage
            "snaplen cut",           // anomalies
            "--keylog",              // blind spots with their command
            "TODO(human):",          // people
            "eviction policy",       // suggested actions
            "sha256:ef2d127de37b94", // inputs
            "sha256:7d1c0e5b2f5a9b", // snapshot
        ] {
            assert!(text.contains(wanted), "{format:?} lacks {wanted}");
        }
    }
}

#[test]
fn a_report_without_an_incident_is_whole() {
    for (verdict, headline) in [
        (Verdict::NoIncident, "No incident in this window"),
        (Verdict::Inconclusive, "This capture is too thin to judge"),
        (Verdict::Incident, "Something broke in this window"),
    ] {
        for (format, text) in every_view(&empty(verdict)) {
            assert!(text.contains(headline), "{format:?}");
            assert!(text.contains("0 of 12 calls failed."), "{format:?}");
            assert!(text.contains("00:00:00 to 00:01:00 UTC"), "UTC is shown once");
            assert!(!text.contains("<svg class=\"chart"), "nothing to draw");
        }
    }
}

#[test]
fn an_open_incident_is_at_least() {
    let mut report = sample();
    report.incidents[0].end = None;
    report.incidents[0].onset.last_good = None;
    for (format, text) in every_view(&report) {
        assert!(text.contains("Lasted at least"), "{format:?}");
        assert!(text.contains("still going on when the capture ends"), "{format:?}");
        assert!(text.contains("bad from the first packet on"), "{format:?}");
    }
}

#[test]
fn a_second_incident_has_its_own_suspects() {
    let mut report = sample();
    let mut second = report.incidents[0].clone();
    second.id = "i2".to_owned();
    second.summary = "Orders wait for a lock".to_owned();
    report.incidents.push(second);
    report.suspects[2].incident = Some("i2".to_owned());
    for format in VIEWS {
        let text = view(&report, format, Kind::Postmortem);
        let other = text.find("Another incident: Orders wait for a lock").unwrap();
        assert!(text.rfind("the only pod whose replies turned bad").unwrap() > other);
        assert!(text.find("Turns each refused write").unwrap() < other);
    }
}

#[test]
fn equal_reports_give_equal_bytes() {
    assert_eq!(every_view(&sample()), every_view(&sample()));
}

#[test]
fn wording_blames_nobody_and_asserts_no_cause() {
    for (format, text) in every_view(&sample()) {
        let text = text.to_lowercase();
        for banned in ["outage", "root cause", "human error", "fault of", "culprit"] {
            assert!(!text.contains(banned), "{format:?} says {banned}");
        }
    }
}

#[test]
fn the_page_is_one_offline_file_without_scripts() {
    for kind in KINDS {
        let page = view(&sample(), Format::Html, kind);
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains("script-src 'none'"));
        for banned in
            ["<script", "<link", "@import", "url(", "http://", "https://", " onload", "style=\""]
        {
            let page = page.replace("url(#", "");
            assert!(!page.contains(banned), "{banned}");
        }
        assert!(page.len() < 500_000);
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
        assert_eq!(page.matches("<th ").count(), page.matches("scope=\"").count());
    }
}

#[test]
fn charts_have_names_and_tables() {
    let page = view(&sample(), Format::Html, Kind::Postmortem);
    let images = page.matches("role=\"img\"").count();
    assert_eq!(images, 2 + 2 * 7 + 3, "lanes, map, two for each service, one for each vantage");
    for svg in page.split("role=\"img\"").skip(1).filter_map(|rest| rest.split("</svg>").next()) {
        assert!(svg.contains("<title"), "{svg}");
    }
    assert!(page.contains("stroke-dasharray") && page.contains("✕ 401 of 637"));
    assert!(
        page.contains("The map as a table") && page.contains("The numbers behind the small charts")
    );
}

#[test]
fn ids_and_links_inside_the_page_meet() {
    for kind in KINDS {
        let page = view(&sample(), Format::Html, kind);
        let ids: Vec<_> =
            page.split(" id=\"").skip(1).filter_map(|s| s.split('"').next()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "an id occurs twice");
        for link in page.split("href=\"#").skip(1).filter_map(|s| s.split('"').next()) {
            assert!(ids.contains(&link), "#{link} leads nowhere");
        }
    }
}

#[test]
fn hostile_text_stays_text_in_html() {
    let nasty = "<script>alert(1)</script>\"><img src=x onerror='a'>&{{ 7*7 }}{% raw %}";
    for kind in KINDS {
        let page = view(&hostile(nasty), Format::Html, kind);
        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(page.contains("{{ 7*7 }}{% raw %}"), "a value is never a template");
        for banned in ["<script", "<img", "\"><", "onerror='"] {
            let ours = view(&sample(), Format::Html, kind).matches(banned).count();
            assert!(page.matches(banned).count() <= ours, "{banned}");
        }
    }
}

#[test]
fn hostile_text_stays_text_in_markdown() {
    let nasty =
        "[x](javascript:alert(1)) | <b>b</b> `c` # h\n# H\n| r |\n```\n<!-- /auto:impact -->";
    for kind in KINDS {
        let text = view(&hostile(nasty), Format::Markdown, kind);
        let outside_code: String = without_fenced_blocks(&text);
        for banned in ["[x](", "<b>", "\n# H", "\n| r |"] {
            assert!(!outside_code.contains(banned), "{banned}");
        }
        let marks = |text: &str| text.lines().filter(|l| l.starts_with("<!-- /auto:")).count();
        assert_eq!(marks(&text), marks(&view(&sample(), Format::Markdown, kind)));
        for row in text.lines().filter(|line| line.starts_with('|')) {
            assert!(row.ends_with('|'), "{row}");
        }
    }
}

/// Every row of a table has as many cells as its head, whatever the values hold.
#[test]
fn tables_keep_their_columns() {
    for report in [sample(), hostile("a|b\\|c`|`d"), hostile("")] {
        let text = view(&report, Format::Markdown, Kind::Postmortem);
        let mut columns = None;
        for line in text.lines() {
            let cells = line.starts_with('|').then(|| cells(line));
            assert!(columns.is_none() || cells.is_none() || columns == cells, "{line}");
            columns = cells;
        }
    }
}

fn cells(row: &str) -> usize {
    row.replace("\\\\", "").replace("\\|", "").matches('|').count() - 1
}

fn without_fenced_blocks(text: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut out = String::new();
    for line in text.lines() {
        let run = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if run.len() >= 3 => fence = Some(run),
            None => out.extend(["\n", line]),
        }
    }
    out
}

#[test]
fn no_view_holds_characters_that_act() {
    let nasty = "\x1b[31m\u{9b}2J\x07\r\u{202e}\u{2066}\u{200f}\u{feff}\u{0}=cmd()";
    let report = hostile(nasty);
    let mut views = every_view(&report);
    views.push((Format::Json, view(&report, Format::Json, Kind::Postmortem)));
    for (format, text) in views {
        let acts = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200f}' | '\u{feff}')
        };
        assert_eq!(text.chars().find(|&c| acts(c)), None, "{format:?}");
    }
}

#[test]
fn long_text_is_cut_except_in_commands() {
    let long = "x".repeat(5000);
    let mut report = sample();
    report.timeline[0].text.clone_from(&long);
    report.commands[0].command.clone_from(&long);
    for format in VIEWS {
        let text = view(&report, format, Kind::Postmortem);
        assert!(text.contains("… (+4600 characters)"), "{format:?}");
        assert!(text.contains(&long), "{format:?} broke a command");
    }
}

#[test]
fn automatic_sections_are_fenced_and_questions_stand_outside() {
    let text = view(&sample(), Format::Markdown, Kind::Postmortem);
    let mut open: Option<&str> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("<!-- auto:") {
            assert_eq!(open.replace(name), None, "sections do not nest");
        } else if let Some(name) = line.strip_prefix("<!-- /auto:") {
            assert_eq!(open.take(), Some(name));
        }
        assert!(open.is_none() || !line.contains("TODO(human):"), "{line}");
    }
    assert_eq!(text.matches("TODO(human):").count(), sample().todos.len());
    let page = view(&sample(), Format::Html, Kind::Postmortem);
    assert_eq!(page.matches("TODO(human):").count(), sample().todos.len());
}

#[test]
fn a_second_run_keeps_what_people_wrote() {
    let first = view(&sample(), Format::Markdown, Kind::Postmortem);
    let edited =
        first.replace("- TODO(human): What did it cost", "- It cost 12 orders. What did it cost");
    let mut report = sample();
    report.incidents[0].entry.as_mut().unwrap().during.failed = 402;
    let renewed = super::merge::renew(&edited, &view(&report, Format::Markdown, Kind::Postmortem));
    assert!(renewed.contains("It cost 12 orders."));
    assert!(
        renewed.contains("402 of 1,075") && !renewed.contains("401 of 1,075 (37.3 %) requests")
    );
}

#[test]
fn a_folder_replaces_templates_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("impact.md.j2"), "OURS {{ view.headline }}\n").unwrap();
    let options = |kind| Options { kind, templates: Some(folder.path().to_owned()) };
    let text = render(&sample(), Format::Markdown, &options(Kind::Postmortem)).unwrap();
    assert!(text.contains("OURS Cart writes") && text.contains("## Suspects"));
    assert!(!text.contains("## Impact"));
}

fn error_of(template: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("postmortem.md.j2"), template).unwrap();
    let options = Options { kind: Kind::Postmortem, templates: Some(folder.path().to_owned()) };
    render(&sample(), Format::Markdown, &options).unwrap_err().to_string()
}

#[test]
fn template_errors_name_the_place_and_the_way_out() {
    let typo = error_of("line one\n{{ verdct }}\n");
    assert!(typo.contains("postmortem.md.j2 line 2") && typo.contains("undefined"), "{typo}");
    assert!(typo.contains("report-templates/README.md"));
    let typo = error_of("{{ verdct|pct }}");
    assert!(typo.contains("undefined"), "{typo}");
    assert!(
        error_of(
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}"
        )
        .contains("instructions")
    );
    assert!(error_of("{% if %}").contains("line 1"));
    assert!(error_of("{{ verdict|time }}").contains("not an RFC 3339 time"));
    assert!(error_of("{{ verdict|safe }}").contains("safe"), "no way around neutralising");
}

#[test]
fn templates_read_nothing_outside_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("templates");
    fs::create_dir(&inside).unwrap();
    fs::write(folder.path().join("secret.txt"), "SECRET").unwrap();
    fs::write(inside.join(".hidden"), "SECRET").unwrap();
    let absolute = folder.path().join("secret.txt").display().to_string();
    for name in ["../secret.txt", &absolute, ".hidden", "a/../../secret.txt"] {
        fs::write(inside.join("postmortem.md.j2"), format!("{{% include \"{name}\" %}}")).unwrap();
        let options = Options { kind: Kind::Postmortem, templates: Some(inside.clone()) };
        let error = render(&sample(), Format::Markdown, &options).unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret.txt"), inside.join("link.md.j2"))
            .unwrap();
        fs::write(inside.join("postmortem.md.j2"), "{% include \"link.md.j2\" %}").unwrap();
        let options = Options { kind: Kind::Postmortem, templates: Some(inside.clone()) };
        let error = render(&sample(), Format::Markdown, &options).unwrap_err();
        assert!(error.to_string().contains("leads out of the template folder"), "{error}");
    }
}

#[test]
fn wrong_arguments_say_what_to_do() {
    let mut report = sample();
    report.tz = "Mars/Olympus".to_owned();
    let error = render(&report, Format::Html, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Zone { .. }) && error.to_string().contains("Europe/Berlin"));
    let nowhere = Options { kind: Kind::Timeline, templates: Some("/does/not/exist".into()) };
    let error = render(&sample(), Format::Html, &nowhere).unwrap_err();
    assert!(matches!(error, Error::Folder { .. }));
}

#[test]
fn every_built_in_template_is_used_and_compiles() {
    let all: Vec<_> = template::BUILT_IN.iter().map(|(_, source)| *source).collect();
    for (name, _) in template::BUILT_IN {
        let starts = KINDS.iter().any(|kind| name.starts_with(kind.name()));
        assert!(
            starts || all.iter().any(|source| source.contains(&format!("\"{name}\""))),
            "{name}"
        );
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/report-templates");
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name().into_string().unwrap();
        assert!(
            name == "README.md" || template::BUILT_IN.iter().any(|(n, _)| *n == name),
            "{name} is not built in"
        );
    }
}

#[test]
fn a_large_report_stays_far_below_the_limit_of_work() {
    let mut report = sample();
    report.timeline = report.timeline.iter().cycle().take(500).cloned().collect();
    report.impact = report.impact.iter().cycle().take(500).cloned().collect();
    report.findings = report.findings.iter().cycle().take(200).cloned().collect();
    for (format, text) in every_view(&report) {
        assert!(text.contains("| 500 |") || text.contains("id=\"event-500\""), "{format:?}");
    }
}
