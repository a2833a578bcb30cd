//! Rules and scenarios that people write: a mistake is an error that names its place.

use bolero::{TypeGenerator, check};
use pcapsule::rule::load::{Source, parse};
use pcapsule::synth::Scenario;

use crate::edit::{Edit, edited, pick};
use crate::samples::texts;

/// A mistake in a file of lines.
#[derive(Debug, Clone, TypeGenerator)]
enum Mistake {
    Missing(u16),
    Twice(u16),
    Indented(u16),
    /// The value of a key is another.
    Value(u16, u16),
    Bytes(Vec<Edit>),
}

const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "1e99",
    "9223372036854775807",
    "999999999999d",
    "true",
    "~",
    "[]",
    "{}",
    "[[[[[[]]]]]]",
    "'",
    "\"\\x00\"",
    "&a [*a]",
    "!!binary x",
    "5s",
    "0s",
    "node-a",
    "*",
    "NaN",
];

fn mistaken(sample: impl AsRef<str>, mistakes: &[Mistake]) -> String {
    let mut lines: Vec<String> = sample.as_ref().lines().map(str::to_string).collect();
    for mistake in mistakes {
        let place = |share: u16| lines.len() * usize::from(share) / 65536;
        match mistake {
            _ if lines.is_empty() => {}
            Mistake::Missing(at) => drop(lines.remove(place(*at))),
            Mistake::Twice(at) => lines.insert(place(*at), lines[place(*at)].clone()),
            Mistake::Indented(at) => {
                let at = place(*at);
                lines[at].insert_str(0, "  ");
            }
            Mistake::Value(at, value) => {
                let at = place(*at);
                let key = lines[at].split(": ").next().unwrap_or_default().to_string();
                lines[at] = format!("{key}: {}", pick(VALUES, *value));
            }
            Mistake::Bytes(edits) => {
                let text = edited(lines.join("\n").as_bytes(), edits);
                lines = String::from_utf8_lossy(&text).lines().map(str::to_string).collect();
            }
        }
    }
    lines.join("\n")
}

#[test]
fn rules() {
    let samples = texts("rules", ".yaml");
    check!().with_type::<(u16, Vec<Mistake>)>().with_iterations(3000).for_each(|(n, mistakes)| {
        let text = mistaken(pick(&samples, *n), mistakes);
        if let Err(errors) = parse(&[Source { file: "rule.yaml", text: &text }]) {
            for error in errors {
                assert!(error.to_string().starts_with("rule.yaml:"), "{error}");
            }
        }
    });
}

#[test]
fn scenarios() {
    let samples = texts("src/synth/scenarios", ".yaml");
    check!().with_type::<(u16, Vec<Mistake>)>().with_iterations(1000).for_each(|(n, mistakes)| {
        let text = mistaken(pick(&samples, *n), mistakes);
        if let Err(error) = Scenario::parse("scenario.yaml", &text) {
            assert!(error.to_string().starts_with("scenario.yaml"), "{error}");
        }
    });
}
