//! Rules -> what their authors should mend: filters that are none, ids that clash, tests and
//! explanations that are missing. An error keeps a rule from being trusted, a warning does not.

use std::collections::BTreeMap;
use std::fmt;

use super::load::Pack;
use super::model::{Metric, Rule, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Warning,
    Error,
}

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: String,
    pub line: usize,
    pub level: Level,
    pub rule: String,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{}:{}: {level}: {}: {}", self.file, self.line, self.rule, self.text)
    }
}

/// Checks packs by file and line. `check_kfl` says what is wrong with a filter.
pub fn lint(packs: &[Pack], check_kfl: &dyn Fn(&str) -> Result<(), String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first_by_id: BTreeMap<&str, &Rule> = BTreeMap::new();
    for rule in packs.iter().flat_map(|pack| &pack.rules) {
        let mut findings = Findings { rule, problems: &mut problems };
        if let Some(first) = first_by_id.get(rule.id.as_str()) {
            let (file, line) = (&first.origin.file, first.origin.line("id"));
            findings.error("id", format!("the id is taken by {file}:{line}"));
        }
        first_by_id.entry(&rule.id).or_insert(rule);
        id(&mut findings);
        filters(&mut findings, check_kfl);
        explanations(&mut findings);
        tests(&mut findings);
        thresholds(&mut findings);
    }
    problems.sort();
    problems
}

/// Collects the problems of one rule.
struct Findings<'a> {
    rule: &'a Rule,
    problems: &'a mut Vec<Problem>,
}

impl Findings<'_> {
    fn add(&mut self, level: Level, key: &str, text: String) {
        self.problems.push(Problem {
            file: self.rule.origin.file.clone(),
            line: self.rule.origin.line(key),
            level,
            rule: self.rule.id.clone(),
            text,
        });
    }

    fn error(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Error, key, text.into());
    }

    fn warn(&mut self, key: &str, text: impl Into<String>) {
        self.add(Level::Warning, key, text.into());
    }
}

fn id(findings: &mut Findings) {
    let id = findings.rule.id.as_str();
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if !id.split('-').all(is_word) {
        findings.error("id", "an id is lower-case words and digits joined by `-`");
    }
    let file = findings.rule.origin.file.as_str();
    let stem = file.rsplit(['/', '\\']).next().and_then(|name| name.split('.').next());
    let is_alone = findings.rule.origin.lines.get("id") == Some(&1);
    if is_alone && stem.is_some_and(|stem| stem != id) {
        findings.warn("id", "the file is named otherwise than the rule");
    }
}

fn filters(findings: &mut Findings, check_kfl: &dyn Fn(&str) -> Result<(), String>) {
    let rule = findings.rule;
    let mut filters = vec![("match", rule.matches.clone())];
    filters.extend(rule.of.iter().map(|of| ("of", of.clone())));
    filters.extend(rule.exceptions.iter().map(|e| ("exceptions", e.matches.clone())));
    // A field compared with itself is a filter exactly if the field exists.
    filters.extend(rule.group_by.iter().map(|field| ("group_by", format!("{field} == {field}"))));
    filters.extend(rule.fire.field.iter().map(|field| ("fire", format!("{field} >= 0"))));
    for (key, filter) in filters {
        if let Err(cause) = check_kfl(&filter) {
            findings.error(key, format!("`{filter}` is no filter: {cause}"));
        }
    }
}

fn explanations(findings: &mut Findings) {
    let rule = findings.rule;
    let is_open = matches!(rule.status, Status::Experimental | Status::Deprecated);
    if is_open {
        return;
    }
    for (key, is_missing) in [
        ("why", rule.why.trim().is_empty()),
        ("hint", rule.hint.trim().is_empty()),
        ("remediation", rule.remediation.is_empty()),
    ] {
        if is_missing {
            findings
                .warn("id", format!("a {} rule explains itself: `{key}` is missing", rule.status));
        }
    }
    if rule.references.iter().any(|reference| !reference.starts_with("https://")) {
        findings.warn("references", "a reference is an https:// address");
    }
}

fn tests(findings: &mut Findings) {
    let tests = &findings.rule.tests;
    if !tests.iter().any(|test| !test.expect.is_empty()) {
        findings.error("tests", "no test in which the rule fires");
    }
    if !tests.iter().any(|test| test.expect.is_empty()) {
        findings.error("tests", "no test in which the rule stays quiet");
    }
}

fn thresholds(findings: &mut Findings) {
    let rule = findings.rule;
    if rule.fire.metric == Metric::Ratio && rule.fire.min_of < 2 {
        findings.warn("fire", "without `min_of`, a single entry is 100 %");
    }
    if rule.of.as_deref() == Some(rule.matches.as_str()) {
        findings.warn("of", "`of` and `match` are the same: the ratio is always 1");
    }
}

#[cfg(test)]
mod tests_of_lint {
    use super::*;
    use crate::rule::load::rule_for_tests;

    fn lint_rules(yaml: &[&str]) -> Vec<String> {
        let rules = yaml.iter().map(|yaml| rule_for_tests(yaml)).collect();
        let pack = Pack { name: String::new(), version: String::new(), rules };
        let check = |filter: &str| match filter.contains("nonsense") {
            true => Err("undeclared".to_owned()),
            false => Ok(()),
        };
        lint(&[pack], &check).iter().map(ToString::to_string).collect()
    }

    const GOOD: &str = "why: w
hint: h
remediation: [{type: mitigate, text: t}]
tests: [{name: fires, expect: [{}]}, {name: quiet, expect: []}]";

    #[test]
    fn a_good_rule_is_clean() {
        assert_eq!(lint_rules(&[GOOD]), [""; 0]);
    }

    #[test]
    fn problems_are_told() {
        for (yaml, text) in [
            ("id: Upper_case", "error: Upper_case: an id is"),
            ("match: nonsense == 1", "error: rule: `nonsense == 1` is no filter: undeclared"),
            ("group_by: [nonsense]", "`nonsense == nonsense` is no filter"),
            ("fire: {metric: percentile, p: 95, field: nonsense}", "`nonsense >= 0` is no filter"),
            ("fire: {metric: ratio}", "warning: rule: without `min_of`"),
            ("references: [http://x]", "https://"),
            ("match: y", "always 1"),
        ] {
            let problems = lint_rules(&[&format!("{yaml}\n{GOOD}")]);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(text), "{}", problems[0]);
        }
        assert_eq!(lint_rules(&["status: experimental"]).len(), 2, "both tests are missing");
        assert_eq!(lint_rules(&[""]).len(), 5);
        let twice = lint_rules(&[GOOD, GOOD]);
        assert!(twice.len() == 1 && twice[0].contains("the id is taken by"), "{twice:?}");
    }
}
