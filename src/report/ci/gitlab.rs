//! A check as GitLab's code quality report: an array of issues, each with a fingerprint.
//! Source: GitLab Docs, "Code Quality", "Code Quality report format".

use serde_json::{Value, json};

use super::super::model::Severity;
use super::{Checked, fingerprint};

/// The whole document.
pub fn gitlab(checked: &Checked<'_>) -> Value {
    let issue = |finding| {
        let place = checked.rule(finding);
        json!({
            "description": finding.message,
            "check_name": finding.rule,
            "fingerprint": fingerprint(finding),
            "severity": severity(finding.severity),
            "location": {
                "path": place.map_or("rules", |rule| rule.file.as_str()),
                "lines": {"begin": place.map_or(1, |rule| rule.line.max(1))},
            },
        })
    };
    checked.findings.iter().map(issue).collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "minor",
        Severity::Medium => "major",
        Severity::High => "critical",
        Severity::Critical => "blocker",
    }
}
