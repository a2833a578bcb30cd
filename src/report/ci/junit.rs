//! A check as JUnit XML, in the subset that CI systems share: a suite for each pack, a case for
//! each rule, quiet ones too; a rule that fired has a case for each of its groups.
//! Source: testmoapp/junitxml, "JUnit XML file format".

use std::fmt::Write;

use super::super::model::Finding;
use super::{Checked, Evaluated, command, group};

/// The whole document.
pub fn junit(checked: &Checked<'_>) -> String {
    let mut packs: Vec<&str> = checked.rules.iter().map(|rule| rule.pack.as_str()).collect();
    packs.dedup();
    let suites: Vec<Suite> = packs.into_iter().map(|pack| Suite::of(checked, pack)).collect();
    let (cases, failures) = suites.iter().fold((0, 0), |(n, k), s| (n + s.cases, k + s.failures));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"pcapsule check\" tests=\"{cases}\" failures=\"{failures}\" errors=\"0\">"
    );
    for suite in &suites {
        out.push_str(&suite.xml);
    }
    out.push_str("</testsuites>\n");
    out
}

struct Suite {
    cases: usize,
    failures: usize,
    xml: String,
}

impl Suite {
    fn of(checked: &Checked<'_>, pack: &str) -> Suite {
        let (mut cases, mut failures, mut body) = (0, 0, String::new());
        for rule in checked.rules.iter().filter(|rule| rule.pack == pack) {
            let before = cases;
            for finding in checked.of(rule) {
                cases += 1;
                failures += usize::from(checked.fails(finding));
                fired(checked, rule, finding, &mut body);
            }
            if cases == before {
                cases += 1;
                let (name, class) = (xml(&rule.id), xml(&format!("{pack}.{}", rule.id)));
                let _ = writeln!(body, "    <testcase name=\"{name}\" classname=\"{class}\"/>");
            }
        }
        let xml = format!(
            "  <testsuite name=\"{}\" tests=\"{cases}\" failures=\"{failures}\" errors=\"0\">\n\
             {body}  </testsuite>\n",
            xml(pack)
        );
        Suite { cases, failures, xml }
    }
}

/// A case that fired: a failure where it is grave enough, else a note in its output.
fn fired(checked: &Checked<'_>, rule: &Evaluated, finding: &Finding, out: &mut String) {
    let about = group(finding);
    let name = if about.is_empty() { rule.id.clone() } else { format!("{} [{about}]", rule.id) };
    let class = xml(&format!("{}.{}", rule.pack, rule.id));
    let text = format!(
        "{}\nfrom {} to {}\n{}",
        finding.message,
        finding.first,
        finding.last,
        command(finding, checked.inputs)
    );
    let (message, text) = (xml(&finding.message), xml(&text));
    let severity = format!("{:?}", finding.severity).to_lowercase();
    let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{class}\">", xml(&name));
    let _ = match checked.fails(finding) {
        true => writeln!(
            out,
            "      <failure message=\"{message}\" type=\"{severity}\">{text}</failure>"
        ),
        false => writeln!(out, "      <system-out>{severity}: {text}</system-out>"),
    };
    out.push_str("    </testcase>\n");
}

/// Text in XML 1.0: what it has no way to write becomes a visible sign.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            '\0'..=' ' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' if c != ' ' => {
                out.push('\u{fffd}')
            }
            c => out.push(c),
        }
    }
    out
}
