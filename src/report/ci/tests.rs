//! One check in every format: what is there, what is escaped, and what stays from run to run.

use std::collections::BTreeMap;

use super::super::Time;
use super::*;

fn rule(id: &str, severity: Severity) -> Evaluated {
    Evaluated {
        pack: "default".into(),
        id: id.into(),
        title: format!("Title of {id}"),
        severity,
        help: String::new(),
        file: "rules/default/http.yaml".into(),
        line: 7,
    }
}

fn finding(rule: &str, severity: Severity, pod: &str) -> Finding {
    let group = [("dst.service.name", "pay<&>ment"), ("dst.pod.name", pod)];
    Finding {
        rule: rule.into(),
        title: format!("Title of {rule}"),
        severity,
        group: group
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        first: Time(1_760_000_000_000_000_000),
        last: Time(1_760_000_060_000_000_000),
        matches: 12,
        of: Some(40),
        message: "pay: 12 of 40, 30 %\n::error::\u{1b}[31m | `x` </failure>".into(),
        kfl: "http && status_code >= 500".into(),
        evidence: Vec::new(),
    }
}

fn checked(findings: &[Finding]) -> Checked<'_> {
    let rules = vec![rule("http-5xx", Severity::High), rule("quiet", Severity::Low)];
    Checked { rules, findings, fail_on: Severity::High, inputs: "a.pcap" }
}

#[test]
fn junit_has_a_case_for_every_rule() {
    let findings = [finding("http-5xx", Severity::High, "pay-1")];
    let text = junit(&checked(&findings));
    assert!(text.contains("<testsuites name=\"pcapsule check\" tests=\"2\" failures=\"1\""));
    assert!(text.contains("<testcase name=\"quiet\" classname=\"default.quiet\"/>"));
    assert!(text.contains("dst.service.name=pay&lt;&amp;&gt;ment"), "{text}");
    assert!(!text.contains("</failure> ") && !text.contains('\u{1b}'), "{text}");
    assert_eq!(text.matches("</failure>").count(), 1, "{text}");
    let quiet = junit(&checked(&[]));
    assert!(quiet.contains("failures=\"0\"") && !quiet.contains("<failure"));
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let findings = [finding("http-5xx", Severity::High, "pay-1")];
    let document = sarif(&checked(&findings));
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["ruleIndex"]), (&"http-5xx".into(), &0.into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "rules/default/http.yaml");
    assert_eq!(place["region"]["startLine"], 7);
    assert!(result["partialFingerprints"]["pcapsule/v1"].as_str().unwrap().len() == 32);
}

#[test]
fn fingerprints_stay_while_pods_come_and_go() {
    let [a, b] = ["pay-1", "pay-2"].map(|pod| finding("http-5xx", Severity::High, pod));
    let later = Finding { first: Time(1), matches: 1, ..a.clone() };
    assert_eq!(fingerprint(&a), fingerprint(&b));
    assert_eq!(fingerprint(&a), fingerprint(&later));
    assert_ne!(fingerprint(&a), fingerprint(&finding("other", Severity::High, "pay-1")));
    let issues = gitlab(&checked(std::slice::from_ref(&a)));
    assert_eq!(issues[0]["fingerprint"], fingerprint(&a).as_str());
    assert_eq!(
        (&issues[0]["severity"], &issues[0]["location"]["lines"]["begin"]),
        (&"critical".into(), &7.into())
    );
}

#[test]
fn annotations_are_one_line_each_and_not_too_many() {
    let findings: Vec<Finding> =
        (0..14).map(|n| finding("http-5xx", Severity::High, &n.to_string())).collect();
    let text = github(&checked(&findings));
    assert_eq!(text.lines().filter(|line| line.starts_with("::error file=")).count(), 10);
    assert!(text.contains("4 more of level error"), "{text}");
    // What traffic said begins no command of its own.
    assert!(!text.contains("\n::error::") && text.contains("30 %25"), "{text}");
}

#[test]
fn markdown_keeps_to_its_table() {
    let findings = [finding("http-5xx", Severity::High, "pay-1")];
    let text = markdown(&checked(&findings));
    let row = text.lines().find(|line| line.starts_with("| **high**")).expect("a row");
    assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
    assert!(text.contains("pcapsule query 'http && status_code >= 500' a.pcap"), "{text}");
    assert!(markdown(&checked(&[])).contains("clean: none of 2 rules fired"));
}
