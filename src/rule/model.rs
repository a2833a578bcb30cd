//! The shape of a rule, as YAML writes it. `rules/README.md` explains the keys to those who write
//! rules.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

use super::message::Message;
use super::period::{Period, Quantity};
use super::trial::Trial;

/// One rule, ready to be evaluated: lists, macros and parameters are already in place in its
/// filters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable slug, never reused: `http-5xx-burst`.
    pub id: String,
    pub title: String,
    pub severity: Severity,
    #[serde(default)]
    pub status: Status,
    pub category: Category,
    /// Values that the rule's filters use by name, for overriding.
    #[serde(default)]
    pub params: BTreeMap<String, Literal>,
    /// KFL: which entries count.
    #[serde(rename = "match")]
    pub matches: String,
    /// KFL: of which entries they are a share; without it, all that match.
    #[serde(default)]
    pub of: Option<String>,
    /// KFL fields by whose values entries are judged apart.
    #[serde(default)]
    pub group_by: Vec<String>,
    pub window: Window,
    pub fire: Fire,
    #[serde(default)]
    pub emit: Emit,
    pub message: Message,
    /// Why it matters.
    #[serde(default)]
    pub why: String,
    /// Where to look next.
    #[serde(default)]
    pub hint: String,
    #[serde(default)]
    pub remediation: Vec<Remediation>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub references: Vec<String>,
    #[serde(default)]
    pub tests: Vec<Trial>,
    #[serde(skip)]
    pub origin: Origin,
}

impl Rule {
    /// The filter of entries that match at `at_ns`, without those that an exception still covers.
    pub fn condition(&self, at_ns: i64) -> String {
        let covering = self.exceptions.iter().filter(|exception| exception.holds_at(at_ns));
        covering.fold(self.matches.clone(), |condition, exception| {
            format!("({condition}) && !({})", exception.matches)
        })
    }

    /// The filter of all entries that the rule looks at.
    pub fn scope(&self) -> &str {
        self.of.as_deref().unwrap_or(&self.matches)
    }
}

/// Where a rule was read from, for errors and reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub file: String,
    /// Line of each of the rule's own keys, from 1.
    pub lines: BTreeMap<String, usize>,
}

impl Origin {
    /// Line of `key`, else of the rule's id, else the first.
    pub fn line(&self, key: &str) -> usize {
        let known = self.lines.get(key).or_else(|| self.lines.get("id"));
        known.copied().unwrap_or(1)
    }
}

/// An enum that is one lower-case word in YAML, JSON and reports.
macro_rules! words {
    ($($(#[$outer:meta])* pub enum $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$inner])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// The word that YAML and results use.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

words! {
    /// How bad, the mildest first.
    pub enum Severity {
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }

    /// How far a rule can be trusted.
    #[derive(Default)]
    pub enum Status {
        Experimental = "experimental",
        Test = "test",
        #[default]
        Stable = "stable",
        Deprecated = "deprecated",
    }

    pub enum Category {
        Application = "application",
        Dns = "dns",
        Transport = "transport",
        Database = "database",
        Messaging = "messaging",
        Security = "security",
        Capture = "capture",
    }

    /// What is computed of each window.
    pub enum Metric {
        /// Entries that match.
        Count = "count",
        /// Entries that match, per second.
        Rate = "rate",
        /// Entries that match, as a share of `of`.
        Ratio = "ratio",
        /// A percentile of a field over the entries that match.
        Percentile = "percentile",
        /// No entry matches although the time before had some.
        Absence = "absence",
    }

    #[derive(Default)]
    pub enum Op {
        #[default]
        Above = ">",
        AtLeast = ">=",
        Below = "<",
        AtMost = "<=",
    }

    /// Which end of the uncertainty is compared.
    #[derive(Default)]
    pub enum Bound {
        /// The value itself.
        #[default]
        Point = "point",
        /// The lower end of Wilson's 95 % interval of a ratio.
        Wilson95Low = "wilson95_low",
    }

    /// What to do where the time before holds too little to compare with.
    #[derive(Default)]
    pub enum WithoutBase {
        /// Judge by the other conditions alone.
        #[default]
        Fire = "fire",
        /// Do not fire.
        Skip = "skip",
    }

    #[derive(Default)]
    pub enum Mode {
        /// Windows that fire close together are one finding.
        #[default]
        Episode = "episode",
        /// Each window that fires is a finding.
        Window = "window",
        /// One finding for the whole capture.
        Once = "once",
    }

    pub enum Action {
        Mitigate = "mitigate",
        Prevent = "prevent",
        Detect = "detect",
    }
}

impl Op {
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Op::Above => value > threshold,
            Op::AtLeast => value >= threshold,
            Op::Below => value < threshold,
            Op::AtMost => value <= threshold,
        }
    }

    /// Whether small values fire.
    pub fn is_downward(self) -> bool {
        matches!(self, Op::Below | Op::AtMost)
    }
}

/// Windows on the entries' own time, aligned to 1970 so that a cut of the capture does not move
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub size: Period,
    /// Distance between the starts of two windows; the size (tumbling windows) without it.
    #[serde(default)]
    pub slide: Option<Period>,
}

impl Window {
    pub fn slide(&self) -> Period {
        self.slide.unwrap_or(self.size)
    }
}

/// When a window fires: every condition given must hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fire {
    pub metric: Metric,
    /// Field of a percentile.
    #[serde(default)]
    pub field: Option<String>,
    /// Which percentile, 0 to 100.
    #[serde(default)]
    pub p: Option<f64>,
    #[serde(default)]
    pub op: Op,
    #[serde(default)]
    pub value: Quantity,
    #[serde(default)]
    pub bound: Bound,
    /// Least number of entries in the window.
    #[serde(default)]
    pub min_of: u64,
    /// Least number of entries that match.
    #[serde(default)]
    pub min_match: u64,
    /// Least factor to the time before (for `<` and `<=`: greatest).
    #[serde(default)]
    pub vs_base: Option<f64>,
    /// Least difference to the time before, in the unit of the metric.
    #[serde(default)]
    pub min_delta: Option<Quantity>,
    /// Greatest p-value of the difference to the time before: Fisher's or the z test for a ratio,
    /// Mann and Whitney's for a percentile.
    #[serde(default)]
    pub max_p: Option<f64>,
    #[serde(default)]
    pub base: Base,
    /// How long windows must go on firing.
    #[serde(default, rename = "for")]
    pub hold: Period,
}

impl Fire {
    /// Whether the time before the window is looked at.
    pub fn needs_base(&self) -> bool {
        let compares = self.vs_base.is_some() || self.min_delta.is_some() || self.max_p.is_some();
        compares || self.metric == Metric::Absence
    }

    /// Whether a window without a single entry can fire.
    pub fn fires_on_nothing(&self) -> bool {
        let counts = matches!(self.metric, Metric::Count | Metric::Rate);
        self.metric == Metric::Absence || (counts && self.op.is_downward())
    }
}

/// The time before a window that it is compared with; windows that fired do not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Base {
    pub lookback: Period,
    /// Least number of entries in it.
    pub min_of: u64,
    pub missing: WithoutBase,
}

impl Default for Base {
    fn default() -> Self {
        Base { lookback: Period::seconds(600), min_of: 20, missing: WithoutBase::Fire }
    }
}

/// What becomes of windows that fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Emit {
    pub mode: Mode,
    /// Windows that fire no further apart are one episode.
    pub merge_gap: Period,
    /// Calls named as evidence.
    pub max_evidence: usize,
}

impl Default for Emit {
    fn default() -> Self {
        Emit { mode: Mode::Episode, merge_gap: Period::seconds(60), max_evidence: 5 }
    }
}

/// Something to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    #[serde(rename = "type")]
    pub action: Action,
    pub text: String,
}

/// Entries that are known and accepted for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub reason: String,
    /// Last day, UTC.
    #[serde(deserialize_with = "date")]
    pub until: Date,
    #[serde(rename = "match")]
    pub matches: String,
}

impl Exception {
    /// Whether it covers what was captured at `at_ns`: the capture's time counts, not today.
    pub fn holds_at(&self, at_ns: i64) -> bool {
        let end = self.until.tomorrow().ok().and_then(|day| {
            let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            i64::try_from(midnight.timestamp().as_nanosecond()).ok()
        });
        end.is_none_or(|end| at_ns < end)
    }
}

fn date<'de, D: Deserializer<'de>>(source: D) -> Result<Date, D::Error> {
    let text = String::deserialize(source)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is no date: write it as `2027-01-31`"))
    })
}

/// A value that filters use by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    List(Vec<Literal>),
}

impl Literal {
    /// As KFL writes it.
    pub fn to_kfl(&self) -> String {
        match self {
            Literal::Bool(value) => value.to_string(),
            Literal::Int(value) => value.to_string(),
            Literal::Number(value) => format!("{value:?}"),
            Literal::Text(value) => quote(value),
            Literal::List(values) => {
                let values: Vec<String> = values.iter().map(Literal::to_kfl).collect();
                format!("[{}]", values.join(", "))
            }
        }
    }
}

/// A KFL string literal.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_end_with_their_last_day() {
        let exception = Exception {
            reason: "known".into(),
            until: "2027-01-31".parse().unwrap(),
            matches: "x".into(),
        };
        let at = |text: &str| {
            let time: jiff::Timestamp = text.parse().unwrap();
            exception.holds_at(i64::try_from(time.as_nanosecond()).unwrap())
        };
        assert!(at("2027-01-31T23:59:59Z"));
        assert!(!at("2027-02-01T00:00:00Z"));
    }

    #[test]
    fn literals_survive_quoting() {
        let list: Literal = serde_yaml::from_str(r#"["/a\"b\\", 5, 0.5, true, "tab\t"]"#).unwrap();
        assert_eq!(list.to_kfl(), r#"["/a\"b\\", 5, 0.5, true, "tab\t"]"#);
        assert_eq!(quote("\u{1}"), "\"\\u0001\"");
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Info);
    }
}
