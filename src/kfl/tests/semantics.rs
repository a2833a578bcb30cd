//! What filters say of entries.

use super::super::testing::{pairs, text, texts};
use super::super::{Value, parse_time};
use super::*;

#[test]
fn absent_fields_read_as_zero() {
    for filter in [
        "path == \"\" && status_code == 0 && !has_response && size(dns_questions) == 0",
        "size(request.headers) == 0 && size(tcp_payload) == 0 && grpc_status == -1",
        "status_code != 200 && path != \"/health\" && elapsed_time < 1000",
        "timestamp == timestamp(\"1970-01-01T00:00:00Z\")",
        "!(\"x\" in local_labels) && local_labels.all(k, false)",
    ] {
        assert_eq!(on_nothing(filter), Verdict::Match, "{filter}");
    }
    assert_eq!(on_nothing(""), Verdict::Match);
    assert_eq!(on_nothing("// all"), Verdict::Match);
}

#[test]
fn flags_tell_protocols_and_families() {
    let grpc = Fake::call("GRPC", []);
    assert!(matches("http && grpc && !dns && !conn && !kafka && !tcp", &grpc));
    let conn = Fake::conn([]);
    assert!(matches("conn && tcp_conn && tcp && !udp_conn && !flow && !http", &conn));
    assert!(matches("protocol == \"TCP\"", &conn));
}

#[test]
fn missing_keys_are_faults_of_the_row() {
    let labelled = Fake::call("HTTP", [("local_labels", pairs(&[("app", "cart")]))]);
    let bare = Fake::call("HTTP", []);
    for filter in ["local_labels.app == \"cart\"", "local_labels[\"app\"] == \"cart\""] {
        assert!(matches(filter, &labelled));
        assert_eq!(verdict(filter, &bare), fault(Fault::MissingKey));
    }
    assert!(matches("has(local_labels.app) && has(local_labels[\"app\"])", &labelled));
    assert_eq!(on_nothing("has(local_labels.app)"), Verdict::NoMatch);
    assert!(matches("map_get(local_labels, \"app\", \"\") == \"cart\"", &labelled));
    assert!(matches("map_get(local_labels, \"app\", \"none\") == \"none\"", &bare));
    assert!(matches("local_labels.app == \"cart\" || remote_labels.app == \"cart\"", &labelled));
}

#[test]
fn logic_absorbs_faults_on_either_side() {
    let fails = "remote_labels.app == \"x\"";
    for (filter, expected) in [
        (format!("false && {fails}"), Verdict::NoMatch),
        (format!("{fails} && path == \"x\""), Verdict::NoMatch),
        (format!("{fails} || path == \"\""), Verdict::Match),
        (format!("path == \"\" || {fails}"), Verdict::Match),
        (format!("path == \"\" && {fails}"), fault(Fault::MissingKey)),
        (format!("{fails} || path == \"x\""), fault(Fault::MissingKey)),
        (format!("!({fails})"), fault(Fault::MissingKey)),
        (format!("!({fails}) || true"), Verdict::Match),
        (format!("{fails} ? true : true"), fault(Fault::MissingKey)),
        (format!("path == \"\" ? true : {fails}"), Verdict::Match),
        (format!("[1, 2].exists(x, x == 2 || {fails})"), Verdict::Match),
        (format!("[1, 2].all(x, x == 2 && {fails})"), Verdict::NoMatch),
        (format!("[1, 2].all(x, {fails})"), fault(Fault::MissingKey)),
    ] {
        assert_eq!(on_nothing(&filter), expected, "{filter}");
    }
}

#[test]
fn arithmetic_faults_do_not_match() {
    let entry = Fake::call("HTTP", [("request_size", Value::Int(i64::MAX))]);
    for (filter, expected) in [
        ("request_size + 1 > 0", Fault::Overflow),
        ("request_size * 2 > 0", Fault::Overflow),
        ("-request_size - 2 < 0", Fault::Overflow),
        ("request_size / response_size > 0", Fault::DivisionByZero),
        ("request_size % response_size > 0", Fault::DivisionByZero),
        ("int(path) == 0", Fault::Conversion),
        ("dns_questions[0] == \"a\"", Fault::MissingIndex),
        ("1 / 0 == 1", Fault::DivisionByZero),
        ("timestamp(request_size) > timestamp", Fault::Overflow),
        ("timestamp > now()", Fault::NowUnknown),
        ("dyn(path) > 1", Fault::WrongType),
    ] {
        assert_eq!(verdict(filter, &entry), fault(expected), "{filter}");
    }
}

#[test]
fn one_row_takes_only_so_many_steps() {
    let list = format!("[{}]", (0..2000).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
    let filter = format!("{list}.all(a, {list}.all(b, a + b >= 0))");
    assert_eq!(on_nothing(&filter), fault(Fault::TooLong));
}

#[test]
fn regexes_match_anywhere_and_are_bounded() {
    let entry = Fake::call("HTTP", [("path", text("/api/v1/users"))]);
    assert!(matches("path.matches(\"v[0-9]+\") && matches(path, \"^/api\")", &entry));
    assert!(!matches("path.matches(\"^v[0-9]+$\")", &entry));
    let error = check("path.matches(\"(a{1000}){1000}\")").unwrap_err();
    assert_eq!(error.message, "this regular expression is too big");
    assert!(check("path.matches(method)").is_err());
}

#[test]
fn lists_of_both_ends_need_no_list() {
    let entry =
        Fake::call("HTTP", [("src.namespace", text("shop")), ("src.pod.name", text("cart-1"))]);
    assert!(matches("\"shop\" in namespaces && \"cart-1\" in pods", &entry));
    assert!(matches("size(namespaces) == 1 && namespaces.exists(n, n.startsWith(\"sh\"))", &entry));
    assert!(!matches("\"\" in namespaces || \"prod\" in namespaces", &entry));
    assert!(matches("namespaces.all(n, n == \"shop\") && !(\"x\" in services)", &entry));
    // `in` of a derived list asks the two fields, and leaves no list behind.
    let checked = check("\"shop\" in namespaces").unwrap();
    let names: Vec<_> = checked.fields().iter().map(|f| f.name).collect();
    assert_eq!(names, ["dst.namespace", "src.namespace"]);
    assert!(!checked.expr().any(&mut |e| matches!(e.ty, super::super::Type::List(_))));
}

#[test]
fn derived_fields_stand_for_their_expression() {
    let entry = Fake::call(
        "HTTP",
        [
            ("request_size", Value::Int(700)),
            ("response_size", Value::Int(400)),
            ("remote_node_name", text("node-b")),
            ("capture_source", text("ebpf_tls")),
        ],
    );
    assert!(matches("http_bytes == 1100 && has_pcap && tls", &entry));
    assert!(matches("node_name == \"node-b\" && node[\"name\"] == \"node-b\"", &entry));
    assert!(matches("node.name == \"node-b\" && has(node.name) && \"ip\" in node", &entry));
    assert!(matches("capture_source_code == 3 && capture[\"source\"] == \"ebpf_tls\"", &entry));
    assert!(matches("[1].exists(x, http_bytes == 1100 && x == 1 && \"a\" in [\"a\"])", &entry));
    assert!(check("[\"a\"].exists(n, n in namespaces)").is_ok());
}

#[test]
fn presence_is_being_other_than_absent() {
    let entry = Fake::call(
        "GRPC",
        [("grpc_status", Value::Int(0)), ("dns_questions", texts(&["a"])), ("path", text("/"))],
    );
    assert!(matches("has(grpc_status) && has(dns_questions) && has(path)", &entry));
    assert!(matches("!has(status_code) && !has(local_labels) && !has(method)", &entry));
    assert!(!matches("has(timestamp) || has(has_response)", &entry));
}

#[test]
fn strings_compare_by_code_point_and_count_them() {
    let entry = Fake::call("HTTP", [("path", text("/Größe"))]);
    assert!(matches("size(path) == 6 && path.size() == 6 && path > \"/Gr\"", &entry));
    assert!(matches("path.lower() == \"/größe\" && path.lowerAscii() == \"/größe\"", &entry));
    assert!(matches("\"ÄB\".lowerAscii() == \"Äb\" && \"ÄB\".lower() == \"äb\"", &entry));
    assert!(!matches("path == \"/größe\" || path.contains(\"SS\")", &entry));
}

#[test]
fn times_take_zones_and_a_bound_now() {
    let at = parse_time("2026-03-14T22:30:00Z").unwrap();
    let entry = Fake::call("HTTP", [("timestamp", Value::Time(at))]);
    let bound = |filter: &str| {
        let checked = check(filter).unwrap_or_else(|e| panic!("{e}"));
        checked.at(parse_time("2026-03-14T22:33:00Z").unwrap()).verdict(&entry)
    };
    for filter in [
        "timestamp > now() - duration(\"5m\") && timestamp < now()",
        "now() - timestamp == duration(\"3m\")",
        "timestamp.getHours() == 22 && timestamp.getHours(\"Europe/Berlin\") == 23",
        "timestamp.getDayOfWeek() == 6 && timestamp.getMonth() == 2 && timestamp.getDate() == 14",
        "timestamp + duration(\"90m\") >= timestamp(\"2026-03-15T00:00:00Z\")",
        "(now() - timestamp).getMinutes() == 3",
        "string(timestamp) == \"2026-03-14T22:30:00Z\" && int(timestamp) == 1773527400",
    ] {
        assert_eq!(bound(filter), Verdict::Match, "{filter}");
    }
    assert!(check("timestamp > now()").unwrap().needs_now());
}

#[test]
fn ranges_of_addresses() {
    let entry = Fake::call("HTTP", [("src.ip", text("10.1.2.3")), ("dst.ip", text("fd00::1"))]);
    assert!(matches("cidr(src.ip, \"10.0.0.0/8\") && cidr(dst.ip, \"fd00::/8\")", &entry));
    assert!(!matches("cidr(src.ip, \"192.168.0.0/16\") || cidr(path, \"0.0.0.0/0\")", &entry));
}

#[test]
fn both_spellings_of_amqp_methods() {
    let entry = Fake::call("AMQP", [("amqp_method", text("basic.publish"))]);
    assert!(matches("amqp_method == \"basic.publish\"", &entry));
    assert!(matches("amqp_method == \"basic publish\"", &entry));
}

#[test]
fn clauses_are_filters_of_their_own() {
    let ast = super::super::parse("http && (path == '/' || dns) && !tcp // x").unwrap();
    assert_eq!(ast.clauses(), ["http", "path == \"/\" || dns", "!tcp"]);
    assert_eq!(super::super::parse("a || b").unwrap().clauses(), ["a || b"]);
    assert_eq!(super::super::parse(" ").unwrap().clauses(), [""; 0]);
}

#[test]
fn constants_are_computed_once() {
    for (filter, expected) in [
        ("1 + 2 * 3 == 7 && \"a\" + \"b\" == \"ab\"", Some(true)),
        ("http && false", Some(false)),
        ("path == \"\" || true", Some(true)),
        ("timestamp(\"2026-01-01T00:00:00Z\") < timestamp(\"2026-01-02T00:00:00Z\")", Some(true)),
        ("has_pcap", Some(true)),
        ("http", None),
    ] {
        assert_eq!(check(filter).unwrap().expr().as_bool(), expected, "{filter}");
    }
}

#[test]
fn filters_have_bounds() {
    let many = vec!["src.port == 1"; 2000].join(" || ");
    assert!(check(&many).is_ok());
    let deep = "!(".repeat(200) + "http" + &")".repeat(200);
    assert!(check(&deep).unwrap_err().message.starts_with("more than 128 operators"));
    let parser_deep = "(".repeat(100) + "http" + &")".repeat(100);
    assert!(check(&parser_deep).is_err() || check(&parser_deep).is_ok());
    let expanding = vec!["capture_source_code == 3"; 2000].join(" || ");
    assert!(check(&expanding).is_ok());
}
