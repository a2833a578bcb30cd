//! Cases of CEL's own conformance groups, with their results; `fault` marks runtime errors and
//! `refused` what the checker must not accept.

use super::*;

/// Group by group: expressions that are true of every entry.
#[rustfmt::skip]
const TRUE: &[&str] = &[
    // basic
    "true", "!false", "0 == 0", "42u == 42u", "-1 == -1", "0x55555555 == 1431655765", "-0x1 == -1",
    "1.5 == 1.5", "\"\" == ''", "'\\u00ff' == \"ÿ\"", "r'\\n' == \"\\\\n\"", "'''a\"b''' == \"a\\\"b\"",
    "b'ÿ' == b'\\303\\277'", "null == null", "[] == []", "{} == {}", "[1, 2] == [1, 2]",
    "{'a': 1} == {'a': 1}", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
    // comparisons
    "1 < 2", "2u <= 2u", "1.5 > 1.0", "'a' < 'b'", "'a' < 'aa'", "b'a' < b'b'", "false < true",
    "1 == 1u", "1 < 2.5", "1u > 0.5", "-1 < 1u", "1 != 2.0", "[1] != [2]", "{'a': 1} != {'a': 2}",
    "9223372036854775807 < 9223372036854775808u", "'\\U0001F600' > 'z'", "dyn(1) != dyn('1')",
    "1 in [1, 2]", "!(3 in [1, 2])", "'a' in {'a': 1}", "!('b' in {'a': 1})", "2 in [1.0, 2.0]",
    // integers
    "7 / 2 == 3", "-7 / 2 == -3", "7 % 3 == 1", "-7 % 3 == -1", "2 * 3 - 4 == 2", "1 + 2 * 3 == 7",
    "(1 + 2) * 3 == 9", "10 - 3 - 2 == 5", "12 / 3 / 2 == 2", "--5 == 5", "-(5) == -5", "7u / 2u == 3u",
    // doubles
    "1.0 / 0.0 > 1.0e300", "0.1 + 0.2 != 0.3", "-1.5 * 2.0 == -3.0", "double('nan') != double('nan')",
    // strings
    "'abc'.contains('b')", "'abc'.contains('')", "!'abc'.contains('d')", "'abc'.startsWith('ab')",
    "'abc'.endsWith('bc')", "'abc'.matches('^a.c$')", "matches('hubba', 'ubb')", "size('ÿ✌🐱') == 3",
    "'ab' + 'cd' == 'abcd'", "'abc'.size() == 3", "size(b'ÿ') == 2", "size('') == 0",
    // lists and maps
    "[1] + [2, 3] == [1, 2, 3]", "size([1, 2]) == 2", "[7, 8][1] == 8", "{'k': 'v'}['k'] == 'v'",
    "{'k': 'v'}.k == 'v'", "{1: 'a'}[1] == 'a'", "{true: 1}[true] == 1", "size({'a': 1}) == 1",
    "[[1], [2]][1][0] == 2", "has({'a': 1}.a)", "!has({'a': 1}.b)", "{1u: 'a'}[1] == 'a'",
    // macros
    "[1, 2, 3].exists(x, x > 2)", "![1, 2].exists(x, x > 2)", "![].exists(x, true)", "[].all(x, false)",
    "[1, 2].all(x, x > 0)", "[1, 2, 3].exists_one(x, x == 2)", "![2, 2].exists_one(x, x == 2)",
    "[1, 2].map(x, x * 2) == [2, 4]", "[1, 2, 3].map(x, x > 1, x * x) == [4, 9]",
    "[1, 2, 3].filter(x, x % 2 == 1) == [1, 3]", "{'a': 1, 'b': 2}.exists(k, k == 'b')",
    "{'a': 1}.all(k, k == 'a')", "{'a': 1}.map(k, k + '!') == ['a!']",
    "[[1, 2], [3]].exists(l, l.exists(x, x == 3))", "[1, 2].all(x, [3, 4].all(y, x < y))",
    "[1, 2].map(x, [x, x]).all(l, size(l) == 2)", "[1].exists(x, [x].exists(x, x == 1))",
    "[1, 2].exists(x, x / (x - 1) == 2 || x == 2)", "[0, 1].exists(x, 1 / x == 1)",
    "![1, 0].all(x, 1 / x == 2)", "[1, 2].filter(x, x > 1).map(x, x + 1) == [3]",
    // logic and conditionals
    "true || 1 / 0 == 1", "1 / 0 == 1 || true", "!(false && 1 / 0 == 1)", "!(1 / 0 == 1 && false)",
    "true ? true : 1 / 0 == 1", "(false ? 1 : 2) == 2", "true && !false || false",
    "(true ? false : true) ? false : true", "false || true && true",
    // conversions
    "int('42') == 42", "int(42u) == 42", "int(1.9) == 1", "int(-1.9) == -1", "uint(3) == 3u",
    "double('1.5') == 1.5", "double(2) == 2.0", "string(42) == '42'", "string(1.5) == '1.5'",
    "string(true) == 'true'", "string(b'abc') == 'abc'", "bytes('abc') == b'abc'", "bool('true')",
    "!bool('false')", "type(1) == int", "type('a') == string", "type(1u) != int", "type([]) == list",
    "type({}) == map", "type(type(1)) == type(string)", "dyn(1) == 1", "type(dyn(1.5)) == double",
    // timestamps and durations
    "timestamp('2009-02-13T23:31:30Z') == timestamp(1234567890)",
    "timestamp('2009-02-13T23:31:30Z') + duration('240s') == timestamp('2009-02-13T23:35:30Z')",
    "duration('120s') + timestamp('2009-02-13T23:01:00Z') == timestamp('2009-02-13T23:03:00Z')",
    "timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z') == duration('120s')",
    "timestamp('2009-02-13T23:31:00Z') - duration('60s') == timestamp('2009-02-13T23:30:00Z')",
    "duration('1h') > duration('59m59s')", "duration('1m') + duration('1s') == duration('61s')",
    "duration('2m') - duration('1s') == duration('119s')", "duration('3730s').getHours() == 1",
    "duration('3730s').getMinutes() == 62", "duration('1.25s').getMilliseconds() == 250",
    "timestamp('2009-02-13T23:31:30Z').getFullYear() == 2009",
    "timestamp('2009-02-13T23:31:30Z').getDate('Australia/Sydney') == 14",
    "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('America/St_Johns') == 11",
    "timestamp('2009-02-13T23:31:30Z').getMinutes('Asia/Kathmandu') == 16",
    "timestamp('2009-02-13T23:31:30Z').getHours('-08:00') == 15",
    "string(duration('1000000s')) == '1000000s'", "string(timestamp(0)) == '1970-01-01T00:00:00Z'",
    "int(timestamp('1970-01-01T00:00:01.9Z')) == 1",
];

/// Errors while running: no match, and counted.
#[rustfmt::skip]
const FAULTS: &[(&str, Fault)] = &[
    ("1 / 0 == 0", Fault::DivisionByZero), ("1 % 0 == 0", Fault::DivisionByZero), ("1u / 0u == 0u", Fault::DivisionByZero),
    ("9223372036854775807 + 1 > 0", Fault::Overflow), ("-9223372036854775808 - 1 < 0", Fault::Overflow),
    ("-9223372036854775808 / -1 > 0", Fault::Overflow), ("5000000000 * 5000000000 > 0", Fault::Overflow),
    ("0u - 1u == 0u", Fault::Overflow), ("-(-9223372036854775808) > 0", Fault::Overflow),
    ("{'a': 1}['b'] == 1", Fault::MissingKey), ("{'a': 1}.b == 1", Fault::MissingKey), ("[1][1] == 1", Fault::MissingIndex),
    ("[1][-1] == 1", Fault::MissingIndex), ("{'a': 1, string(dyn('a')): 2}.a == 1", Fault::WrongType),
    ("true && 1 / 0 == 1", Fault::DivisionByZero), ("false || 1 / 0 == 1", Fault::DivisionByZero),
    ("[1, 0].exists_one(x, 1 / x == 1)", Fault::DivisionByZero), ("[1, 0].all(x, 1 / x == 1)", Fault::DivisionByZero),
    ("[1, 0].filter(x, 1 / x == 1) == []", Fault::DivisionByZero), ("[1, 0].map(x, 1 / x) == []", Fault::DivisionByZero),
    ("dyn(1) < dyn('a')", Fault::WrongType), ("dyn(1) + dyn('a') == 1", Fault::WrongType), ("dyn(1) && true", Fault::WrongType),
    ("int(double(size(path)) + 1.0e300) == 1", Fault::Overflow), ("uint(size(path) - 1) == 1u", Fault::Overflow), ("dyn(32) || false", Fault::WrongType),
    ("timestamp('2262-01-01T00:00:00Z') + duration('2000000h') > timestamp(0)", Fault::Overflow),
];

/// What the checker refuses.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "1", "'a'", "[true]", "1 == 'a'", "1 + 1u == 2", "1 + 1.0 == 2.0", "'a' + 1 == 'a1'", "1 < 'a'",
    "null < null", "[1] < [2]", "!1", "-'a' == 'a'", "-1u == 1u", "1 && true", "true ? 1 : 'a'",
    "1.5 % 1.0 == 0.5", "1 in 1", "1 in ['a']", "size(1) == 1", "1.contains('a')", "'a'.contains(1)",
    "[1]['a'] == 1", "{1.5: 1} == {1.5: 1}", "x == 1", "f(1)", "foo.bar()", "[1].exists(1, true)",
    "[1].exists(x.y, true)", "[1].exists(x, x)", "[1].exists(x, true) && x == 1", "1.exists(x, true)",
    "has(1)", "has('a')", "int(null) == 0", "int('x') == 0", "bool('2')", "int(1.0e300) == 1", "uint(-1) == 1u", "timestamp(true) > timestamp(0)",
    "duration('1d') > duration('1s')", "duration('1h').getFullYear() == 0", "duration('1h').getHours('UTC') == 1",
    "'a'.matches('(')", "Foo{a: 1} == 1", "a.?b == 1", "[?1] == [1]", "9223372036854775808 > 0",
    "1 == 1 == 2", "'\\q' == ''", "if == 1", "namespace == 1", "true and true", "a ? b", "{'a'} == {}", "{'a': 1, 'a': 2}.a == 1",
];

#[test]
fn true_expressions() {
    for text in TRUE {
        assert_eq!(on_nothing(text), Verdict::Match, "{text}");
        // The same through the evaluator alone: a field keeps it from being folded away.
        let unfolded = format!("path == \"x\" || ({text})");
        assert_eq!(on_nothing(&unfolded), Verdict::Match, "{unfolded}");
    }
}

#[test]
fn negations_are_false() {
    for text in TRUE {
        assert_eq!(on_nothing(&format!("!({text})")), Verdict::NoMatch, "{text}");
    }
}

#[test]
fn faults() {
    for (text, expected) in FAULTS {
        assert_eq!(on_nothing(text), fault(*expected), "{text}");
    }
}

#[test]
fn refusals_show_a_place() {
    for text in REFUSED {
        let error = check(text).map(|_| ()).expect_err(text);
        assert!(error.span.end <= text.len(), "{text}: {:?}", error.span);
        assert!(error.to_string().contains('^'), "{text}");
    }
}
