//! The packs that come with the program, built in so that they are there without installation.

use super::RuleError;
use super::load::{Pack, Source, parse};

/// The files of `rules/default`, by name without `.yaml`.
macro_rules! files {
    ($($name:literal)*) => {
        &[$(Source {
            file: concat!("rules/default/", $name, ".yaml"),
            text: include_str!(concat!("../../rules/default/", $name, ".yaml")),
        },)*]
    };
}

/// One line per rule.
const FILES: &[Source] = files! {
    "pack"
    "dns-nxdomain-burst"
    "dns-servfail"
    "dns-timeout"
    "http-429-throttle"
    "http-503-overload"
    "http-504-timeout"
    "http-5xx-burst"
    "latency-regression"
    "redis-error"
    "retransmission-rate"
    "rst-storm"
    "syn-no-synack"
    "tcp-refused"
    "unanswered-request"
};

/// The default pack. Its rules are part of the program, so an error is a defect of the build.
pub fn default_pack() -> Result<Pack, Vec<RuleError>> {
    parse(FILES)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::catalogue::{Family, Field, catalogue};
    use crate::dissect::PROTOCOLS;
    use crate::kfl::{self, Entry, Verdict};
    use crate::rule::trial::{Fields, run};
    use crate::rule::{Rule, lint};

    /// An entry written out in a rule's test.
    struct Written<'f> {
        fields: &'f Fields,
        protocol: String,
    }

    impl Written<'_> {
        fn of(fields: &Fields) -> Result<Written<'_>, String> {
            let is = |flag: &str| fields.get(flag) == Some(&Value::Bool(true));
            let known = PROTOCOLS.iter().find(|p| is(p.flag)).map(|p| p.title.to_owned());
            let given = fields.get("protocol").and_then(Value::as_str).map(str::to_owned);
            for name in fields.keys() {
                catalogue().get(name).ok_or_else(|| format!("no field `{name}`"))?;
            }
            Ok(Written { fields, protocol: known.or(given).unwrap_or_default() })
        }
    }

    impl Entry for Written<'_> {
        fn family(&self) -> Family {
            match self.fields.get("conn") {
                Some(Value::Bool(true)) => Family::Conns,
                _ => Family::Calls,
            }
        }

        fn protocol(&self) -> &str {
            &self.protocol
        }

        fn get(&self, field: &Field) -> Option<kfl::Value<'_>> {
            let text =
                |v: &Value| kfl::Value::Text(v.as_str().unwrap_or_default().to_owned().into());
            Some(match self.fields.get(field.name)? {
                Value::Bool(value) => kfl::Value::Bool(*value),
                Value::Number(value) => kfl::Value::Int(value.as_i64()?),
                Value::Array(items) => kfl::Value::List(items.iter().map(text).collect()),
                Value::Object(pairs) => kfl::Value::Map(
                    pairs.iter().map(|(k, v)| (kfl::Value::from(k.as_str()), text(v))).collect(),
                ),
                value => text(value),
            })
        }
    }

    /// Answers a filter by KFL's row evaluator.
    fn answer(filter: &str, fields: &Fields) -> Result<bool, String> {
        let checked = kfl::check(catalogue(), filter).map_err(|error| error.to_string())?;
        match checked.verdict(&Written::of(fields)?) {
            Verdict::Match => Ok(true),
            Verdict::NoMatch => Ok(false),
            Verdict::Error(fault) => Err(format!("{fault:?}")),
        }
    }

    fn rules() -> Vec<Rule> {
        let pack = default_pack();
        pack.unwrap_or_else(|errors| panic!("{errors:#?}")).rules
    }

    #[test]
    fn every_file_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/default");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| {
                format!("rules/default/{}", entry.expect("an entry").file_name().display())
            })
            .collect();
        there.sort();
        let mut built_in: Vec<&str> = FILES.iter().map(|source| source.file).collect();
        built_in.sort();
        assert_eq!(built_in, there, "list each file of rules/default in FILES");
    }

    #[test]
    fn the_tests_inside_every_rule_pass() {
        let cache = std::cell::RefCell::new(BTreeMap::new());
        let cached = |filter: &str, fields: &Fields| {
            let key = (filter.to_owned(), format!("{fields:?}"));
            let known = cache.borrow().get(&key).cloned();
            known.unwrap_or_else(|| {
                let answer = answer(filter, fields);
                cache.borrow_mut().insert(key, answer.clone());
                answer
            })
        };
        let failures: Vec<String> = rules()
            .iter()
            .flat_map(|rule| rule.tests.iter().map(move |test| (rule, test)))
            .filter_map(|(rule, test)| {
                let failure = run(rule, test, &cached).err()?;
                Some(format!("{}: {}: {failure}", rule.id, test.name))
            })
            .collect();
        assert!(failures.is_empty(), "{failures:#?}");
    }

    #[test]
    fn lint_finds_nothing() {
        let pack = default_pack().expect("the pack");
        let problems = lint(&[pack], &|filter| answer(filter, &Fields::new()).map(|_| ()));
        assert!(problems.is_empty(), "{problems:#?}");
    }

    #[test]
    fn the_example_of_the_guide_works() {
        let guide = include_str!("../../rules/README.md");
        let blocks: Vec<&str> = guide
            .split("```yaml\n")
            .skip(1)
            .filter_map(|block| block.split("```").next())
            .collect();
        let sources: Vec<Source> =
            blocks.iter().map(|text| Source { file: "rules/README.md", text }).collect();
        let pack = parse(&sources).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let rule = &pack.rules[0];
        for test in &rule.tests {
            assert_eq!(run(rule, test, &answer), Ok(()), "{}", test.name);
        }
    }

    #[test]
    fn every_rule_is_explained() {
        for rule in rules() {
            assert!(!rule.references.is_empty(), "{}: references", rule.id);
            assert!(!rule.tags.is_empty(), "{}: tags", rule.id);
            assert!(rule.message.names().count() >= 3, "{}: who, how many, when", rule.id);
            assert!(rule.remediation.len() >= 3, "{}: mitigate, prevent, detect", rule.id);
        }
    }
}
