//! Filters of any kind: parsing and checking end with a filter or an error that points into the
//! text; what parses prints and parses again; what checks can be judged.

use bolero::{TypeGenerator, check};
use pcapsule::catalogue::{Family, Field, catalogue};
use pcapsule::kfl::{self, Entry, Value};

use crate::edit::{Edit, edited, pick};
use crate::samples::texts;

/// Pieces of filters; put together at random they are often almost right.
const WORDS: &[&str] = &[
    "http",
    "dns",
    "status_code",
    "src.pod.name",
    "request.headers",
    "timestamp",
    "elapsed_time",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    "?",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "in",
    "\"a\"",
    "'b'",
    "r'\\d+'",
    "b'x'",
    "\"\\u0041\"",
    "500",
    "-1",
    "1u",
    "0x7fffffffffffffff",
    "9223372036854775808",
    "1.5e300",
    "true",
    "null",
    "now()",
    "duration(\"5s\")",
    "timestamp(\"2026-11-20T14:15:00Z\")",
    ".contains(",
    ".matches(",
    ".startsWith(",
    ".size()",
    "size(",
    "has(",
    "cidr(",
    "map_get(",
    ".exists(x, x",
    ".all(y, y",
    ".getHours(",
    "int(",
    "string(",
    "matches(",
    "\"(a+)+$\"",
    "// a comment\n",
    "\u{202e}",
    "ü",
    "\0",
    "id",
    "outcome",
];

#[derive(Debug, Clone, TypeGenerator)]
enum Text {
    Words(Vec<u16>),
    Edited(u16, Vec<Edit>),
    /// A piece so many times: depth and length.
    Repeated(u16, u16),
}

fn samples() -> Vec<String> {
    let mut samples = Vec::new();
    for text in texts("fixtures", "case.yaml").iter().chain(&texts("rules", ".yaml")) {
        for line in text.lines() {
            let Some((_, filter)) = line.split_once("kfl: '").or(line.split_once("match: ")) else {
                continue;
            };
            samples.push(filter.split("', count").next().unwrap_or(filter).to_string());
        }
    }
    samples.extend(catalogue().iter().map(|field| field.example.to_string()));
    assert!(samples.len() > 100);
    samples
}

/// An entry that has every field, with a value that is not the default.
struct Full(Family);

impl Entry for Full {
    fn family(&self) -> Family {
        self.0
    }

    fn protocol(&self) -> &str {
        "HTTP"
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        use pcapsule::field::FieldType::{Bool, Bytes, Int, List, Map, Text, Time};
        match field.ty {
            Text => Some(Value::from("10.244.0.11")),
            Int => Some(Value::Int(i64::MAX)),
            Bool => Some(Value::Bool(true)),
            Time => Some(Value::Time(1_795_184_100_000_000_000)),
            List => Some(Value::texts(["a", "ü"].into_iter())),
            Map => Some(Value::pairs([("Host", "a"), ("", "b")].into_iter())),
            Bytes => None,
        }
    }
}

#[test]
fn any_filters() {
    let samples = samples();
    check!().with_type::<Text>().with_iterations(1200).for_each(|text| {
        let text = match text {
            Text::Words(words) => {
                words.iter().map(|word| *pick(WORDS, *word)).collect::<Vec<_>>().join(" ")
            }
            Text::Edited(number, edits) => {
                String::from_utf8_lossy(&edited(pick(&samples, *number).as_bytes(), edits))
                    .into_owned()
            }
            Text::Repeated(word, times) => pick(WORDS, *word).repeat(usize::from(*times % 600)),
        };
        try_filter(&text);
    });
}

fn try_filter(text: &str) {
    match kfl::parse(text) {
        Ok(ast) => {
            let printed = ast.to_string();
            let again = kfl::parse(&printed);
            assert!(again.is_ok_and(|again| again == ast), "{text:?} prints as {printed:?}");
        }
        Err(error) => {
            let (line, column) = error.position();
            assert!(line >= 1 && column >= 1, "{error:?}");
            assert!(!error.to_string().is_empty());
        }
    }
    if let Ok(checked) = kfl::check(catalogue(), text) {
        let checked = checked.at(1_795_184_100_000_000_000);
        for family in Family::ALL {
            let _ = checked.verdict(&Full(family));
        }
    }
}
