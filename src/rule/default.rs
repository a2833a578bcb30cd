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
    use std::sync::Arc;

    use cel::extractors::This;
    use cel::{Context, Program};
    use serde_json::{Value, json};

    use super::*;
    use crate::call::fields::CallCommon;
    use crate::conn::fields::ConnCommon;
    use crate::field::{FieldDef, FieldType};
    use crate::rule::trial::{Fields, run};
    use crate::rule::{Rule, lint};

    /// Protocols' own fields that the default rules use.
    const PROTOCOL_FIELDS: &[(&str, FieldType)] = &[
        ("http", FieldType::Bool),
        ("dns", FieldType::Bool),
        ("redis", FieldType::Bool),
        ("conn", FieldType::Bool),
        ("path", FieldType::Text),
        ("request.headers", FieldType::Map),
        ("dns_request", FieldType::Bool),
        ("dns_response", FieldType::Bool),
        ("dns_questions", FieldType::List),
        ("redis_error", FieldType::Text),
    ];

    /// Every field with the value that it has where it is absent.
    fn defaults() -> BTreeMap<String, Value> {
        let tables: [&[FieldDef]; 3] =
            [CallCommon::FIELDS, ConnCommon::FIELDS, crate::workload::fields::FIELDS];
        let own = tables.into_iter().flatten().map(|field| (field.name, field.ty));
        let value = |ty| match ty {
            FieldType::Text | FieldType::Bytes => json!(""),
            FieldType::Int | FieldType::Time => json!(0),
            FieldType::Bool => json!(false),
            FieldType::List => json!([]),
            FieldType::Map => json!({}),
        };
        own.chain(PROTOCOL_FIELDS.iter().copied())
            .map(|(name, ty)| (name.to_owned(), value(ty)))
            .collect()
    }

    fn to_cel(value: Value) -> cel::Value {
        match value {
            // Its own conversion makes unsigned numbers, which KFL's fields never are.
            Value::Number(number) => cel::Value::Int(number.as_i64().expect("an integer")),
            Value::Bool(value) => cel::Value::Bool(value),
            Value::String(text) => text.into(),
            other => cel::to_value(other).expect("a list or a map of text"),
        }
    }

    /// Answers a filter by the `cel` crate's own interpreter, an independent judge of the rules.
    fn answer(filter: &str, fields: &Fields) -> Result<bool, String> {
        let mut all = defaults();
        for (name, value) in fields {
            let known = all.insert(name.clone(), value.clone());
            known.ok_or_else(|| format!("no field `{name}`"))?;
        }
        let mut context = Context::default();
        for (name, value) in all {
            context.add_variable_from_value(name, to_cel(value));
        }
        let matches = |This(text): This<Arc<String>>, regex: Arc<String>| {
            regex::Regex::new(&regex).is_ok_and(|regex| regex.is_match(&text))
        };
        let map_get = |map: cel::Value, key: Arc<String>, default: Arc<String>| {
            let cel::Value::Map(map) = map else { return default };
            match map.map.get(&cel::objects::Key::String(key)) {
                Some(cel::Value::String(text)) => text.clone(),
                _ => default,
            }
        };
        context.add_function("matches", matches).map_err(|error| error.to_string())?;
        context.add_function("map_get", map_get).map_err(|error| error.to_string())?;
        let program = Program::compile(filter).map_err(|error| error.to_string())?;
        match program.execute(&context).map_err(|error| error.to_string())? {
            cel::Value::Bool(answer) => Ok(answer),
            other => Err(format!("{other:?} is no truth value")),
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
