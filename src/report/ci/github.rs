//! A check as GitHub's workflow commands: one annotation a line, as many as a step may have, then
//! the summary. Source: GitHub Docs, "Workflow commands for GitHub Actions".

use super::super::model::{Finding, Severity};
use super::Checked;

/// Annotations of each level that GitHub shows of one step.
const SHOWN_MAX: usize = 10;

/// Lines for the step's output.
pub fn github(checked: &Checked<'_>) -> String {
    let mut out = String::new();
    for level in ["error", "warning", "notice"] {
        let findings: Vec<&Finding> = checked
            .findings
            .iter()
            .filter(|finding| self::level(checked, finding) == level)
            .collect();
        for finding in findings.iter().take(SHOWN_MAX) {
            let place = checked.rule(finding).map_or(String::new(), |rule| {
                format!("file={},line={},", property(&rule.file), rule.line.max(1))
            });
            let title = property(&format!("{}: {}", finding.rule, finding.title));
            out.push_str(&format!(
                "::{level} {place}title={title}::{}\n",
                message(&finding.message)
            ));
        }
        if let Some(more) = findings.len().checked_sub(SHOWN_MAX).filter(|&more| more > 0) {
            out.push_str(&format!("{more} more of level {level} are not annotated\n"));
        }
    }
    out.push_str(&checked.summary());
    out
}

fn level(checked: &Checked<'_>, finding: &Finding) -> &'static str {
    match finding.severity {
        _ if checked.fails(finding) => "error",
        Severity::Info | Severity::Low => "notice",
        _ => "warning",
    }
}

/// What follows `::`, in one line.
fn message(text: &str) -> String {
    super::super::text::visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value: colons and commas would end it.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
