//! Polars and the row evaluator say the same of every row.

use std::collections::BTreeMap;

use polars::prelude::*;
use proptest::prelude::*;

use crate::catalogue::{Catalogue, Family};
use crate::field::{End, FieldType, Origin};
use crate::kfl::testing::{self, Fake, pairs, text, texts};
use crate::kfl::{self, Entry, Value, Verdict, parse_time};

use super::{Lowered, column, lower};

/// A workload of given attributes.
struct Workload(Vec<(&'static str, Value<'static>)>);

impl Entry for Workload {
    fn family(&self) -> Family {
        Family::Calls
    }

    fn protocol(&self) -> &str {
        ""
    }

    fn get(&self, field: &crate::catalogue::Field) -> Option<Value<'_>> {
        let Origin::Workload(_, wanted) = field.origin else { return None };
        self.0.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.borrowed())
    }
}

/// Workloads 1, 2 and 3; rows may also have the id 0, which is none of them.
fn workloads() -> Vec<(i64, Workload)> {
    let shop = vec![
        ("namespace", text("shop")),
        ("pod", text("cart-1")),
        ("node", text("node-a")),
        ("labels", pairs(&[("app", "cart"), ("tier", "web")])),
    ];
    let prod = vec![("namespace", text("prod")), ("labels", pairs(&[("app", "db")]))];
    vec![(1, Workload(shop)), (2, Workload(prod)), (3, Workload(vec![("kind", text("external"))]))]
}

/// The filter lowered; `workloads` lend themselves for the call only.
fn lowered(catalogue: &Catalogue, filter: &str, family: Family) -> Lowered {
    let checked = kfl::check(catalogue, filter).unwrap_or_else(|e| panic!("{e}"));
    let workloads = workloads();
    let entries: Vec<(i64, &dyn Entry)> =
        workloads.iter().map(|(id, workload)| (*id, workload as &dyn Entry)).collect();
    lower(&checked.at(now()), family, &entries)
}

fn now() -> i64 {
    parse_time("2026-03-14T22:00:00Z").unwrap()
}

/// A row as the row evaluator sees it: with the attributes of its workloads.
fn with_workloads(row: &Fake, catalogue: &Catalogue) -> Fake {
    let workloads = workloads();
    let mut row = row.clone();
    for field in catalogue.iter() {
        let Origin::Workload(end, _) = field.origin else { continue };
        let id = row.values.get(if end == End::Src { "src_id" } else { "dst_id" });
        let workload = workloads.iter().find(|(known, _)| id == Some(&Value::Int(*known)));
        if let Some(value) = workload.and_then(|(_, workload)| workload.get(field)) {
            row.values.insert(field.name, value.into_owned());
        }
    }
    row
}

/// The rows as the caller joins them: a column per stored field and attribute, and the ids.
fn frame(rows: &[Fake], catalogue: &Catalogue, family: Family) -> DataFrame {
    let rows: Vec<Fake> = rows.iter().map(|row| with_workloads(row, catalogue)).collect();
    let mut columns = vec![];
    for id in ["src_id", "dst_id"] {
        columns.push(cells(id, FieldType::Int, &rows, id, Some(0)));
    }
    for field in catalogue.iter().filter(|field| field.stored_for(family)) {
        // A family's own table has a value in every row; what is joined may have none.
        let own = field.tables.contains(&family.table());
        let absent = own.then_some(field.absent);
        columns.push(cells(&column(field), field.ty, &rows, field.name, absent));
    }
    DataFrame::new(rows.len(), columns).unwrap()
}

fn cells(name: &str, ty: FieldType, rows: &[Fake], field: &str, absent: Option<i64>) -> Column {
    let filled = |row: &Fake| {
        let absent = absent.map(|int| Value::absent(ty, int));
        row.values.get(field).cloned().or(absent)
    };
    let values: Vec<Option<Value<'static>>> = rows.iter().map(filled).collect();
    let name = PlSmallStr::from_str(name);
    let series = match ty {
        FieldType::Text | FieldType::Bytes => Series::new(name, as_texts(&values)),
        FieldType::Int | FieldType::Time => {
            let ints = values.iter().map(|value| match value {
                Some(Value::Int(i) | Value::Time(i)) => Some(*i),
                _ => None,
            });
            Series::new(name, ints.collect::<Vec<_>>())
        }
        FieldType::Bool => {
            let bools = values.iter().map(|value| match value {
                Some(Value::Bool(b)) => Some(*b),
                _ => None,
            });
            Series::new(name, bools.collect::<Vec<_>>())
        }
        FieldType::List => lists(name, &values, Value::List(vec![]), |items| {
            let Value::List(items) = items else { return text_series("", &[]) };
            text_series("", items)
        }),
        FieldType::Map => lists(name, &values, Value::Map(vec![]), |entries| {
            let Value::Map(entries) = entries else { panic!("a map") };
            let (keys, values): (Vec<_>, Vec<_>) = entries.iter().cloned().unzip();
            let fields = [text_series("key", &keys), text_series("value", &values)];
            StructChunked::from_series("".into(), keys.len(), fields.iter()).unwrap().into_series()
        }),
    };
    series.into_column()
}

fn as_texts(values: &[Option<Value<'static>>]) -> Vec<Option<String>> {
    let text = |value: &Option<Value<'static>>| match value {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    values.iter().map(text).collect()
}

fn text_series(name: &str, items: &[Value<'static>]) -> Series {
    let items: Vec<_> = items.iter().cloned().map(Some).collect();
    Series::new(name.into(), as_texts(&items))
}

fn lists(
    name: PlSmallStr,
    values: &[Option<Value<'static>>],
    empty: Value<'static>,
    make: impl Fn(&Value<'static>) -> Series,
) -> Series {
    let made: Vec<Option<Series>> = values.iter().map(|v| v.as_ref().map(&make)).collect();
    let inner = make(&empty).dtype().clone();
    let list: ListChunked = made.into_iter().collect();
    list.with_name(name).into_series().cast(&DataType::List(Box::new(inner))).unwrap()
}

/// What Polars says of each row; None is a fault.
fn judged(filter: &str, rows: &[Fake], family: Family) -> Vec<Option<bool>> {
    let catalogue = testing::catalogue();
    match lowered(&catalogue, filter, family) {
        Lowered::Never => vec![Some(false); rows.len()],
        Lowered::Always => vec![Some(true); rows.len()],
        Lowered::Where(predicate) => {
            let frame = frame(rows, &catalogue, family).lazy();
            let test = predicate.expr.clone().alias("test");
            let out =
                frame.clone().with_row_index("row", None).with_column(test).collect().unwrap();
            let tests: Vec<Option<bool>> = out["test"].bool().unwrap().iter().collect();
            // The optimiser takes filters apart: what is kept must be the same.
            let kept = frame.with_row_index("row", None).filter(predicate.expr);
            let kept = kept.select([col("row")]).collect().unwrap();
            let kept: Vec<usize> =
                kept["row"].u32().unwrap().iter().flatten().map(|row| row as usize).collect();
            let expected: Vec<usize> =
                (0..tests.len()).filter(|row| tests[*row] == Some(true)).collect();
            assert_eq!(kept, expected, "{filter}");
            tests
        }
    }
}

/// What the row evaluator says of each row.
fn expected(filter: &str, rows: &[Fake]) -> Vec<Option<bool>> {
    let catalogue = testing::catalogue();
    let checked = kfl::check(&catalogue, filter).unwrap_or_else(|e| panic!("{e}")).at(now());
    let verdict = |row: &Fake| match checked.verdict(&with_workloads(row, &catalogue)) {
        Verdict::Match => Some(true),
        Verdict::NoMatch => Some(false),
        Verdict::Error(_) => None,
    };
    rows.iter().map(verdict).collect()
}

fn call_rows() -> Vec<Fake> {
    let http = Fake::call(
        "HTTP",
        [
            ("src_id", Value::Int(1)),
            ("dst_id", Value::Int(2)),
            ("status_code", Value::Int(503)),
            ("path", text("/größe")),
            ("method", text("GET")),
            ("request.headers", pairs(&[("user-agent", "curl"), ("x", "")])),
            ("response.headers", pairs(&[])),
            ("timestamp", Value::Time(now() - 60_000_000_000)),
            ("src.ip", text("10.1.2.3")),
            ("request_size", Value::Int(i64::MAX)),
            ("has_response", Value::Bool(true)),
        ],
    );
    let dns = Fake::call(
        "DNS",
        [
            ("dst_id", Value::Int(3)),
            ("dns_questions", texts(&["a.com", "b.org"])),
            ("dns_answers", texts(&[])),
            ("dns_response", Value::Bool(true)),
            ("status_code", Value::Int(3)),
        ],
    );
    vec![
        http,
        dns,
        Fake::call("REDIS", [("src_id", Value::Int(2)), ("response_size", Value::Int(7))]),
    ]
}

fn agree(filter: &str, rows: &[Fake], family: Family) {
    assert_eq!(judged(filter, rows, family), expected(filter, rows), "{filter}");
}

#[test]
fn every_kind_of_expression_agrees() {
    for filter in [
        "http && status_code >= 500",
        "!http",
        "grpc || dns",
        "path.contains(\"ö\") && size(path) == 6",
        "path.lower() == \"/größe\" || path.lowerAscii() == \"x\"",
        "path.matches(\"^/gr\") || path == \"\"",
        "path.startsWith(\"/g\") || path.endsWith(\"e\")",
        "request.headers[\"user-agent\"] == \"curl\"",
        "!(request.headers[\"user-agent\"] == \"curl\")",
        "request.headers.x == \"\" || dns",
        "request.headers.nope == \"\" && dns",
        "map_get(request.headers, \"nope\", \"none\") == \"none\"",
        "\"x\" in request.headers || size(request.headers) == 0",
        "has(request.headers.x) && has(path) && !has(grpc_status)",
        "request.headers.exists(k, k.startsWith(\"user\"))",
        "\"a.com\" in dns_questions && size(dns_answers) == 0",
        "dns_questions.exists(q, q.endsWith(\".org\"))",
        "dns_questions.all(q, size(q) == 5)",
        "dns_questions[1] == \"b.org\"",
        "dns_questions.map(q, q + \"!\") == [\"a.com!\", \"b.org!\"]",
        "request_size + response_size > 0",
        "response_size / (response_size - 7) == 0",
        "-7 / response_size == -1 || true",
        "response_size % 4 == 3 || request_size * 2 == 0",
        "-response_size < 0",
        "timestamp > now() - duration(\"5m\") && timestamp < now()",
        "timestamp + duration(\"1h\") > now()",
        "timestamp.getHours(\"Europe/Berlin\") == 22",
        "now() - timestamp > duration(\"1h\")",
        "cidr(src.ip, \"10.0.0.0/8\")",
        "status_code in [200, 503] || protocol in [\"DNS\", \"x\"]",
        "method in [path, \"GET\"]",
        "status_code > 3.5 && double(status_code) / 2.0 > 1.0",
        "string(status_code).startsWith(\"5\")",
        "int(path) == 1 || http",
        "(has_response ? status_code : response_size) == 503",
        "(request.headers.nope == \"\" ? true : true)",
        "grpc_status == -1",
        "src.namespace == \"shop\"",
        "!(src.namespace == \"shop\")",
        "src.namespace == \"shop\" && dst.namespace != \"shop\" && http",
        "src.pod.namespace != dst.pod.namespace",
        "local_labels.app == \"cart\" || remote_labels.app == \"db\"",
        "!(local_labels.app == \"cart\")",
        "map_get(local_labels, \"app\", \"\") == map_get(remote_labels, \"app\", \"\")",
        "\"prod\" in namespaces || \"external\" == dst.kind",
        "node_name == \"node-a\"",
        "size(namespaces) == 2",
        "http_bytes > 0",
        "1 / 0 == 1 || http",
        "dyn(status_code) == dyn(path)",
        "has_response && !dns_response",
        "dns_response || index == 0",
    ] {
        agree(filter, &call_rows(), Family::Calls);
    }
}

#[test]
fn connections_agree_and_settle_what_they_do_not_store() {
    let rows = [
        Fake::conn([("conn_state", text("open")), ("conn_l7_detected", texts(&["HTTP"]))]),
        Fake::conn([("conn_local_bytes", Value::Int(9)), ("conn_refused", Value::Bool(true))]),
    ];
    for filter in [
        "conn && conn_state == \"open\" && !http",
        "tcp_conn && tcp && !udp_conn && \"HTTP\" in conn_l7_detected",
        "conn_refused || protocol == \"UDP\" || path != \"\"",
        "conn_l7_detected.exists(p, p == protocol)",
    ] {
        agree(filter, &rows, Family::Conns);
    }
    let catalogue = testing::catalogue();
    for (filter, never) in [
        ("http && status_code >= 500", true),
        ("status_code != 0 || dns", true),
        ("!http && path == \"\"", false),
        ("src.namespace == \"nowhere\"", true),
        ("src.namespace != \"nowhere\"", false),
        ("conn || http", false),
    ] {
        let lowered = lowered(&catalogue, filter, Family::Conns);
        let settled = if never {
            matches!(lowered, Lowered::Never)
        } else {
            matches!(lowered, Lowered::Always)
        };
        assert!(settled, "{filter}: {lowered:?}");
    }
}

#[test]
fn asks_only_for_what_is_needed() {
    let catalogue = testing::catalogue();
    let asked = |filter: &str| match lowered(&catalogue, filter, Family::Calls) {
        Lowered::Where(predicate) => {
            let workloads: Vec<_> = predicate.workload_fields().map(|f| f.column()).collect();
            (predicate.side_tables().into_iter().collect::<Vec<_>>(), workloads)
        }
        other => panic!("{filter}: {other:?}"),
    };
    let none: Vec<String> = vec![];
    assert_eq!(asked("http && status_code >= 500"), (vec![], none.clone()));
    assert_eq!(asked("http && path == \"/\""), (vec!["http"], none.clone()));
    assert_eq!(asked("src.namespace == \"shop\" && http"), (vec![], none.clone()));
    assert_eq!(asked("\"shop\" in namespaces"), (vec![], none.clone()));
    assert_eq!(asked("node_name == \"node-a\""), (vec![], none));
    let both = vec!["dst_namespace".to_string(), "src_namespace".to_string()];
    assert_eq!(asked("src.namespace != dst.namespace || path == \"\""), (vec!["http"], both));
}

#[test]
fn simple_filters_reach_into_the_parquet_scan() {
    let catalogue = testing::catalogue();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.parquet");
    let mut rows = frame(&call_rows(), &catalogue, Family::Calls);
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut rows).unwrap();
    let filter = "http && status_code >= 500 && src.namespace == \"shop\" && cidr(src.ip, \"10.0.0.0/8\") \
                  && timestamp > now() - duration(\"5m\")";
    let Lowered::Where(predicate) = lowered(&catalogue, filter, Family::Calls) else {
        panic!("a predicate")
    };
    let path = PlRefPath::try_from_path(&path).unwrap();
    let scan = LazyFrame::scan_parquet(path, ScanArgsParquet::default()).unwrap();
    let filtered = scan.filter(predicate.expr).select([col("protocol")]);
    let plan = filtered.clone().explain(true).unwrap();
    assert!(!plan.contains("FILTER") && plan.contains("SELECTION"), "{plan}");
    assert_eq!(filtered.collect().unwrap().height(), 1);
}

/// A row of few distinct values, some of them absent.
fn row() -> impl Strategy<Value = Fake> {
    let maybe = |value: BoxedStrategy<Value<'static>>| prop::option::weighted(0.7, value);
    let words = || prop::sample::select(vec!["", "a", "b", "a.b", "shop", "é"]);
    let a_text = words().prop_map(text).boxed();
    let int = prop::sample::select(vec![-1, 0, 1, 2, 500, i64::MAX, i64::MIN]);
    let int = int.prop_map(Value::Int).boxed();
    let list = prop::collection::vec(words(), 0..3).prop_map(|items| texts(&items)).boxed();
    let keys = prop::sample::subsequence(vec!["a", "b", "x"], 0..=3);
    let map = (keys, words()).prop_map(|(keys, value)| {
        pairs(&keys.into_iter().map(|key| (key, value)).collect::<Vec<_>>())
    });
    let id = || (0i64..4).prop_map(Value::Int).boxed();
    let flag = any::<bool>().prop_map(Value::Bool).boxed();
    let time = (-3i64..3).prop_map(|minutes| Value::Time(now() + minutes * 60_000_000_000)).boxed();
    let protocol = prop::sample::select(vec!["HTTP", "GRPC", "DNS", "REDIS"]);
    let fields: Vec<(&'static str, BoxedStrategy<Value<'static>>)> = vec![
        ("src_id", id()),
        ("dst_id", id()),
        ("path", a_text.clone()),
        ("method", a_text.clone()),
        ("error", a_text),
        ("status_code", int.clone()),
        ("request_size", int.clone()),
        ("response_size", int.clone()),
        ("grpc_status", int),
        ("dns_questions", list.clone()),
        ("dns_answers", list),
        ("request.headers", map.clone().boxed()),
        ("response.headers", map.boxed()),
        ("has_response", flag.clone()),
        ("dns_response", flag),
        ("timestamp", time),
    ];
    let values: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| maybe(value).prop_map(move |value| value.map(|value| (name, value))))
        .collect();
    (protocol, values).prop_map(|(protocol, values)| {
        let mut row = Fake::call(protocol, []);
        row.values.extend(values.into_iter().flatten().collect::<BTreeMap<_, _>>());
        row
    })
}

fn any_of(items: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    prop::sample::select(items.to_vec()).prop_map(str::to_string)
}

fn text_of() -> impl Strategy<Value = String> {
    any_of(&[
        "path",
        "method",
        "error",
        "\"a\"",
        "src.namespace",
        "dst.namespace",
        "src.pod.name",
        "request.headers.a",
        "request.headers[\"b\"]",
        "response.headers[path]",
        "local_labels.app",
        "map_get(remote_labels, \"app\", \"none\")",
        "map_get(request.headers, \"x\", method)",
        "dns_questions[0]",
        "path.lower()",
        "(path + method)",
        "(has_response ? path : method)",
        "(request.headers.a == \"a\" ? error : method)",
        "string(status_code)",
        "node_name",
        "protocol",
    ])
}

fn int_of() -> impl Strategy<Value = String> {
    let leaf = any_of(&[
        "status_code",
        "request_size",
        "grpc_status",
        "0",
        "1",
        "500",
        "size(path)",
        "size(dns_questions)",
        "size(request.headers)",
        "size(namespaces)",
        "http_bytes",
        "timestamp.getMinutes()",
        "int(error)",
        "index",
    ]);
    leaf.prop_recursive(2, 6, 2, |inner| {
        (inner.clone(), any_of(&["+", "-", "*", "/", "%"]), inner)
            .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    })
}

fn test_of() -> impl Strategy<Value = String> {
    let compare = || any_of(&["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        any_of(&[
            "http",
            "grpc",
            "dns",
            "conn",
            "kafka",
            "has_response",
            "dns_response",
            "true",
            "tls"
        ]),
        (text_of(), compare(), text_of()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (int_of(), compare(), int_of()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text_of(), any_of(&["contains", "startsWith", "endsWith", "matches"]))
            .prop_map(|(a, f)| format!("{a}.{f}(\"a\")")),
        (text_of(), any_of(&["contains", "startsWith"]), text_of())
            .prop_map(|(a, f, b)| format!("{a}.{f}({b})")),
        (int_of(), int_of()).prop_map(|(a, b)| format!("{a} in [{b}, 500]")),
        (int_of()).prop_map(|a| format!("{a} in [0, 1, 500]")),
        (text_of(), any_of(&["[\"a\", \"b\"]", "dns_questions", "request.headers", "namespaces"]))
            .prop_map(|(a, list)| format!("{a} in {list}")),
        (
            any_of(&["dns_questions", "request.headers", "namespaces"]),
            any_of(&["exists", "all", "exists_one"]),
            text_of()
        )
            .prop_map(|(list, f, a)| format!("{list}.{f}(x, x <= {a})")),
        any_of(&[
            "has(path)",
            "has(request.headers.a)",
            "has(grpc_status)",
            "has(local_labels.tier)",
            "timestamp > now() - duration(\"1m\")",
            "now() - timestamp >= duration(\"1m\")",
            "dns_questions.map(q, q.contains(\"a\"), size(q)).exists(n, n > 1)",
            "cidr(src.ip, \"0.0.0.0/0\")",
            "src.kind == \"external\"",
            "double(status_code) > 0.5",
        ]),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let many = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            many().prop_map(|parts| format!("({})", parts.join(" && "))),
            many().prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]
    #[test]
    fn polars_and_the_row_evaluator_agree(
        filter in test_of(),
        rows in prop::collection::vec(row(), 1..12),
    ) {
        let (judged, expected) = (judged(&filter, &rows, Family::Calls), expected(&filter, &rows));
        prop_assert_eq!(judged, expected, "{}", filter);
    }
}

/// Evaluates SQL conditions on a Parquet file and prints JSON: per condition true, false or null
/// for each row, or the engine's message.
const DUCKDB: &str = r#"
import duckdb, json, sys
con = duckdb.connect()
con.execute("CREATE TABLE t AS SELECT * FROM read_parquet(?)", [sys.argv[1]])
out = []
for condition in json.load(open(sys.argv[2])):
    try:
        rows = con.execute(f"SELECT ({condition}) FROM t ORDER BY __row").fetchall()
        out.append([row[0] for row in rows])
    except Exception as error:
        out.append(str(error))
print(json.dumps(out))
"#;

/// The third back end: SQL, run by the engine itself where it is installed.
#[test]
fn duckdb_and_the_row_evaluator_agree() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let python = || std::process::Command::new("python3");
    let there = python().args(["-c", "import duckdb"]).output();
    if !there.is_ok_and(|out| out.status.success()) {
        eprintln!("left out: SQL against DuckDB: python3 has no module duckdb");
        return;
    }
    let mut runner = TestRunner::deterministic();
    let catalogue = testing::catalogue();
    let rows: Vec<Fake> = (0..80).map(|_| row().new_tree(&mut runner).unwrap().current()).collect();
    let drawn = (0..1500).map(|_| test_of().new_tree(&mut runner).unwrap().current());
    let (mut filters, mut conditions) = (Vec::new(), Vec::new());
    for filter in drawn {
        let checked = kfl::check(&catalogue, &filter).unwrap().at(now());
        let sql = kfl::sql::condition(&checked, Family::Calls, kfl::sql::Dialect::DuckDb);
        if let Ok(sql) = sql {
            filters.push(filter);
            conditions.push(sql.text);
        }
    }
    assert!(filters.len() > 500, "only {} of the drawn filters can be said", filters.len());
    let dir = tempfile::tempdir().unwrap();
    let (data, asked) = (dir.path().join("rows.parquet"), dir.path().join("asked.json"));
    let mut frame =
        frame(&rows, &catalogue, Family::Calls).with_row_index("__row".into(), None).unwrap();
    ParquetWriter::new(std::fs::File::create(&data).unwrap()).finish(&mut frame).unwrap();
    std::fs::write(&asked, serde_json::to_string(&conditions).unwrap()).unwrap();
    let out = python().args(["-c", DUCKDB]).args([&data, &asked]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let answers: Vec<serde_json::Value> = serde_json::from_slice(&out.stdout).unwrap();
    let mut wrong = Vec::new();
    for ((filter, condition), answer) in filters.iter().zip(&conditions).zip(answers) {
        let expected = serde_json::json!(expected(filter, &rows));
        if answer != expected {
            wrong.push(format!("{filter}\n  {condition}\n  {answer}\n  {expected}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        filters.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
}
