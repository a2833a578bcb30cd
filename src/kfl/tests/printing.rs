//! A parsed filter prints as text that parses to the same tree.

use proptest::prelude::*;

use super::super::ast::{Call, Node, NodeKind, Operator};
use super::super::parse;
use super::*;

fn node(kind: NodeKind) -> Node {
    Node { span: 0..0, kind }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["http", "path", "x", "_a1", "status_code"]).prop_map(str::to_string)
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["namespace", "a", "if", "pod"]).prop_map(str::to_string)
}

fn leaf() -> impl Strategy<Value = NodeKind> {
    prop_oneof![
        Just(NodeKind::Null),
        any::<bool>().prop_map(NodeKind::Bool),
        any::<i64>().prop_map(NodeKind::Int),
        any::<u64>().prop_map(NodeKind::Uint),
        any::<f64>().prop_filter("finite", |d| d.is_finite()).prop_map(NodeKind::Double),
        any::<String>().prop_map(NodeKind::Text),
        any::<Vec<u8>>().prop_map(NodeKind::Bytes),
        name().prop_map(NodeKind::Name),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_map(node).prop_recursive(4, 24, 3, |inner| {
        let many = |n| prop::collection::vec(inner.clone(), n);
        let pair = (inner.clone(), inner.clone());
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            many(0..3).prop_map(NodeKind::List),
            prop::collection::vec(pair.clone(), 0..3).prop_map(NodeKind::Map),
            (boxed.clone(), field()).prop_map(|(of, name)| NodeKind::Select(of, name)),
            (boxed.clone(), boxed.clone()).prop_map(|(of, key)| NodeKind::Index(of, key)),
            (prop::option::of(boxed.clone()), name(), many(0..3)).prop_map(
                |(target, name, args)| {
                    NodeKind::Call(Call { target, name, name_span: 0..0, args })
                }
            ),
            boxed.clone().prop_map(NodeKind::Not),
            boxed.clone().prop_map(NodeKind::Negate),
            (prop::sample::select(Operator::ALL.to_vec()), boxed.clone(), boxed)
                .prop_map(|(op, l, r)| NodeKind::Binary(op, l, r)),
            many(2..4).prop_map(|parts| NodeKind::join(parts, false)),
            many(2..4).prop_map(|parts| NodeKind::join(parts, true)),
            (inner.clone(), pair).prop_map(|(c, (t, o))| NodeKind::If(Box::new([c, t, o]))),
        ]
        .prop_map(node)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]
    #[test]
    fn prints_what_parses_to_the_same(tree in tree()) {
        let text = tree.to_string();
        let parsed = parse(&text).unwrap_or_else(|e| panic!("{e}"));
        prop_assert_eq!(parsed.root.as_ref(), Some(&tree), "{}", text);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z.()\\[\\]{}\"'\\\\!&|=<>+*/%?:, 0-9é#\n-]{0,60}") {
        let _ = check(&text).map_err(|error| error.to_string());
    }
}

#[test]
fn prints_in_one_spelling() {
    for (text, printed) in [
        ("((a)) &&(b||c) && (d && e)", "a && (b || c) && d && e"),
        ("a ? b : (c ? d : e)", "a ? b : c ? d : e"),
        ("(a ? b : c) ? d : e", "(a ? b : c) ? d : e"),
        ("1-(2-3)-4", "1 - (2 - 3) - 4"),
        ("!(a == b)", "!(a == b)"),
        ("'it''s'.size() == 5", ""),
        ("x in [1,2,] // c", "x in [1, 2]"),
        ("a.b['k'].c(d)", "a.b[\"k\"].c(d)"),
        ("r'\\d' + '''x\ny'''", "\"\\\\d\" + \"x\\ny\""),
        ("-(-x) - -1", "-(-x) - -1"),
    ] {
        match parse(text) {
            Ok(ast) => assert_eq!(ast.to_string(), printed),
            Err(_) => assert_eq!(printed, "", "{text}"),
        }
    }
}
