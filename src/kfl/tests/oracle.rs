//! The interpreter of crate `cel` as a second opinion on expressions without fields.

use proptest::prelude::*;

use super::*;

/// Integer expressions, faults included.
fn int() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-3i64..4).prop_map(|i| i.to_string()),
        Just("9223372036854775807".to_string()),
        Just("size('aé')".to_string()),
        Just("[5, 6][1]".to_string()),
        Just("{'k': 2}['k']".to_string()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner)
            .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    })
}

fn string() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["'a'", "''", "'ab' + 'é'", "string(7)", "'Zz'", "{'k': 'v'}['k']"])
        .prop_map(str::to_string)
}

fn test() -> impl Strategy<Value = String> {
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let method = prop::sample::select(vec!["contains", "startsWith", "endsWith", "matches"]);
    let quantifier = prop::sample::select(vec!["exists", "all", "exists_one"]);
    let leaf = prop_oneof![
        (int(), compare.clone(), int()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (string(), compare, string()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (string(), method).prop_map(|(a, f)| format!("({a}).{f}('a')")),
        (int(), int()).prop_map(|(a, b)| format!("{a} in [{b}, 2]")),
        (quantifier, int()).prop_map(|(q, a)| format!("[0, 1, 2].{q}(x, x / {a} == 1)")),
        int().prop_map(|a| format!("[1, 2].map(x, x * {a}) == [2, 4]")),
        int().prop_map(|a| format!("size([1, 2].filter(x, x > {a})) == 1")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// True, false, or a fault.
fn oracle(text: &str) -> Option<bool> {
    let program = cel::Program::compile(text).ok()?;
    match program.execute(&cel::Context::default()) {
        Ok(cel::Value::Bool(b)) => Some(b),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]
    #[test]
    fn agrees_with_the_cel_interpreter(text in test()) {
        let ours = match on_nothing(&text) {
            Verdict::Match => Some(true),
            Verdict::NoMatch => Some(false),
            Verdict::Error(_) => None,
        };
        prop_assert_eq!(ours, oracle(&text), "{}", text);
    }
}
