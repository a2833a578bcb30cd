//! Findings -> the formats that CI systems read: JUnit, SARIF, GitHub annotations, GitLab code
//! quality, Markdown for a step's summary. What fired was decided before; every format is made of
//! the same [`Checked`], so that they cannot disagree.

mod github;
mod gitlab;
mod junit;
mod markdown;
mod sarif;

#[cfg(test)]
mod tests;

pub use github::github;
pub use gitlab::gitlab;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;

use super::model::{Finding, Severity};

/// A rule that was evaluated, fired or not.
#[derive(Debug, Clone)]
pub struct Evaluated {
    pub pack: String,
    pub id: String,
    pub title: String,
    pub severity: Severity,
    /// Why it matters, and where to look next; may be empty.
    pub help: String,
    /// The file that it stands in, and the line.
    pub file: String,
    pub line: usize,
}

/// A finished check.
#[derive(Debug, Clone)]
pub struct Checked<'a> {
    /// In the order of packs and ids.
    pub rules: Vec<Evaluated>,
    /// The gravest first.
    pub findings: &'a [Finding],
    /// Least severity that counts as a failure.
    pub fail_on: Severity,
    /// The INPUT arguments, ready to paste.
    pub inputs: &'a str,
}

impl Checked<'_> {
    fn of<'s>(&'s self, rule: &'s Evaluated) -> impl Iterator<Item = &'s Finding> {
        self.findings.iter().filter(|finding| finding.rule == rule.id)
    }

    fn rule(&self, finding: &Finding) -> Option<&Evaluated> {
        self.rules.iter().find(|rule| rule.id == finding.rule)
    }

    fn fails(&self, finding: &Finding) -> bool {
        finding.severity >= self.fail_on
    }

    /// `3 findings of 2 rules, 42 evaluated`.
    fn summary(&self) -> String {
        let fired = self.rules.iter().filter(|rule| self.of(rule).next().is_some()).count();
        let (findings, rules) = (self.findings.len(), self.rules.len());
        match findings {
            0 => format!("clean: none of {rules} rules fired"),
            _ => format!("{findings} findings of {fired} rules; {rules} rules were evaluated"),
        }
    }
}

/// What a finding is about, without times, ids and addresses: the same problem has the same
/// fingerprint in the next run, though pods have other names then.
fn fingerprint(finding: &Finding) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(finding.rule.as_bytes());
    for (field, value) in &finding.group {
        let passing = ["pod", "ip", "port"].iter().any(|word| field.split('.').any(|w| w == *word));
        if !passing {
            hash.update(&[0]);
            hash.update(field.as_bytes());
            hash.update(&[0]);
            hash.update(value.as_bytes());
        }
    }
    hash.finalize().to_hex().as_str().chars().take(32).collect()
}

/// `dst.service.name=payment, status_code=503`.
fn group(finding: &Finding) -> String {
    let pairs: Vec<String> =
        finding.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    pairs.join(", ")
}

/// The command that shows what a finding counted.
fn command(finding: &Finding, inputs: &str) -> String {
    format!("pcapsule query {} {inputs}", super::text::shell(&[&finding.kfl]))
}
