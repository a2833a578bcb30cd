//! A finding's message: text with placeholders, `{{dst.service.name}}: {{ratio|pct}} failed`. A
//! few names and filters instead of a template language: packs come from outside.

use serde::{Deserialize, Deserializer};

use super::window::Finding;

/// A message template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value { name: String, filter: Filter },
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Plain,
    /// 0.234 as `23.4 %`.
    Percent,
    /// Nanoseconds since 1970 as a time of day.
    Time,
    /// Microseconds as `350 us`, `12.5 ms`, `4.80 s`.
    Duration,
}

/// What a finding knows, besides the fields that it is grouped by.
pub const NAMES: &[&str] =
    &["match", "of", "ratio", "value", "base", "first", "last", "windows", "p_value"];

impl Message {
    /// Reads a template; the error is a sentence.
    pub fn parse(text: &str) -> Result<Message, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inside, after)) = after.split_once("}}") else {
                return Err(format!("`{{{{` without `}}}}` in `{text}`"));
            };
            let (name, filter) = match inside.split_once('|') {
                Some((name, filter)) => (name, Filter::parse(filter.trim())?),
                None => (inside, Filter::Plain),
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value { name: name.trim().to_owned(), filter });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Message { parts })
    }

    /// The names it asks for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { name, .. } => Some(name.as_str()),
        })
    }

    /// Fills in a finding. `group` gives the value of a field that the rule groups by, `time` the
    /// text of a moment in the zone of the report.
    pub fn fill(
        &self,
        finding: &Finding,
        group: impl Fn(&str) -> String,
        time: impl Fn(i64) -> String,
    ) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value { name, filter } => match number(finding, name) {
                    Some(number) => text.push_str(&filter.write(number, &time)),
                    None => text.push_str(&group(name)),
                },
            }
        }
        text
    }
}

/// A finding's own value; an absent base is 0.
fn number(finding: &Finding, name: &str) -> Option<Number> {
    Some(match name {
        "match" => Number::Count(finding.matched),
        "of" => Number::Count(finding.of),
        "windows" => Number::Count(finding.windows),
        "ratio" => Number::Real(finding.ratio()),
        "value" => Number::Real(finding.value),
        "base" => Number::Real(finding.base.unwrap_or(0.0)),
        "p_value" => Number::Real(finding.p_value.unwrap_or(1.0)),
        "first" => Number::Moment(finding.first_ns),
        "last" => Number::Moment(finding.last_ns),
        _ => return None,
    })
}

enum Number {
    Count(u64),
    Real(f64),
    Moment(i64),
}

impl Filter {
    fn parse(text: &str) -> Result<Filter, String> {
        match text {
            "pct" => Ok(Filter::Percent),
            "time" => Ok(Filter::Time),
            "duration" => Ok(Filter::Duration),
            _ => Err(format!("unknown filter `{text}`: use pct, time or duration")),
        }
    }

    fn write(self, number: Number, time: impl Fn(i64) -> String) -> String {
        let real = match number {
            Number::Moment(ns) => return time(ns),
            Number::Count(count) if self == Filter::Plain => return count.to_string(),
            Number::Count(count) => count as f64,
            Number::Real(real) => real,
        };
        match self {
            Filter::Percent => format!("{:.1} %", real * 100.0),
            Filter::Duration => duration(real),
            Filter::Plain | Filter::Time => format!("{real:.3}"),
        }
    }
}

/// Microseconds with three digits and the unit that fits.
fn duration(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} us"),
        us if us < 1e5 => format!("{:.1} ms", us / 1e3),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Message::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_numbers_fields_and_times() {
        let message = Message::parse(
            "{{dst.service.name}}: {{match}} of {{of}} failed ({{ ratio | pct }}), p95 \
             {{value|duration}}, before {{base|duration}}, since {{first|time}}",
        )
        .unwrap();
        let finding = Finding {
            matched: 12,
            of: 48,
            value: 4_800_000.0,
            base: Some(200_000.0),
            first_ns: 7,
            ..Finding::default()
        };
        let group = |name: &str| format!("<{name}>");
        assert_eq!(
            message.fill(&finding, group, |ns| format!("t{ns}")),
            "<dst.service.name>: 12 of 48 failed (25.0 %), p95 4.80 s, before 200 ms, since t7"
        );
        assert_eq!(message.names().count(), 7);
    }

    #[test]
    fn errors_say_what_is_allowed() {
        assert!(Message::parse("{{x|upper}}").unwrap_err().contains("pct, time or duration"));
        assert!(Message::parse("{{x").unwrap_err().contains("without"));
        assert_eq!(Message::parse("plain").unwrap().names().count(), 0);
    }
}
