//! Published-but-wrong syntax: each gets the filter to write instead.

use super::*;

/// The whole error as shown.
fn shown(text: &str) -> String {
    check(text).map(|c| format!("{:?}", c.notes())).unwrap_or_else(|e| e.to_string())
}

#[test]
fn wrong_filters_get_their_translation() {
    for (pasted, suggested) in [
        ("http and response.status == 500", "http && status_code == 500"),
        ("response.status >= 400 or error", "http && status_code >= 400"),
        ("request.path contains \"/api\"", "path.contains(\"/api\")"),
        ("request.path == \"/x\"", "path == \"/x\""),
        ("request.method == \"GET\"", "method == \"GET\""),
        ("src.ns == \"a\"", "src.pod.namespace == \"a\""),
        ("dst.ns == \"a\"", "dst.pod.namespace == \"a\""),
        ("dst.svc == \"a\"", "dst.service.name == \"a\""),
        ("src.pod contains \"x\"", "src.pod.name.contains(\"x\")"),
        ("dst.pod == \"db\"", "dst.pod.name == \"db\""),
        ("status>=400", "status_code >= 400"),
        ("response.latency > 1000", "elapsed_time > 1000000"),
        ("elapsedTime > 250", "elapsed_time > 250000"),
        ("dns and response.code == \"NXDOMAIN\"", "dns && dns_response && status_code == 3"),
        ("http and request.path == r\"/v[0-9]+\"", "http && path.matches(\"/v[0-9]+\")"),
        ("response.status == r\"4.*\"", "http && status_code >= 400 && status_code <= 499"),
        ("response.status != r\"^5.*\"", "http && !(status_code >= 500 && status_code <= 599)"),
        ("full_flow", "flow"),
        ("full_flow or flow", "flow || conn"),
        ("http2 and not error", "http && http_version == \"HTTP/2\" && error == \"\""),
        ("http && !error", "http && error == \"\""),
        ("error", "error != \"\""),
        ("request.method != nil", "has(method)"),
        ("src.name == nil", "!has(src.name)"),
        ("ip_in(src.ip, \"10.0.0.0/8\")", "cidr(src.ip, \"10.0.0.0/8\")"),
        ("src.labels.app == \"x\"", "local_labels.app == \"x\""),
    ] {
        let error = check(pasted).expect_err(pasted);
        assert_eq!(error.help, Some(format!("write `{suggested}`")), "{pasted}\n{error}");
        assert!(check(suggested).is_ok(), "{suggested}");
    }
}

#[test]
fn wrong_types_get_the_right_spelling() {
    for (text, message, help) in [
        (
            "status_code == \"200\"",
            "`==` between an int and a string",
            "write `status_code == 200`",
        ),
        (
            "timestamp > \"2026-03-14T22:00:00Z\"",
            "`>` between a timestamp and a string",
            "write `timestamp > timestamp(\"2026-03-14T22:00:00Z\")`",
        ),
        (
            "now() - \"5m\" < timestamp",
            "`-` between a timestamp and a string",
            "write `now() - timestamp(\"5m\")`",
        ),
        (
            "dns_questions.contains(\"a.com\")",
            "`contains` is for strings, and `dns_questions` is a list<string>",
            "write `\"a.com\" in dns_questions`",
        ),
        (
            "has_response == \"true\"",
            "`==` between a bool and a string",
            "write `has_response == true`",
        ),
        ("src.ip == 10", "`==` between a string and an int", "write `src.ip == \"10\"`"),
        (
            "\"a\" in path",
            "`in` wants a list or map on its right, not a string",
            "write `path.contains(\"a\")`",
        ),
        (
            "dns_questions == \"a\"",
            "`==` between a list<string> and a string",
            "write `\"a\" in dns_questions`",
        ),
        (
            "elapsed_time / 1000.0 > 5.0",
            "`/` between an int and a double",
            "write `double(elapsed_time) / 1000.0`",
        ),
        (
            "path",
            "this must be true or false, and `path` is a string",
            "write `path != \"\"`, or compare it with a text",
        ),
        (
            "http && status_code",
            "this must be true or false, and `status_code` is an int",
            "write `status_code != 0`, or compare it with a number",
        ),
        (
            "dns_answers || http",
            "this must be true or false, and `dns_answers` is a list<string>",
            "write `size(dns_answers) > 0`",
        ),
    ] {
        let error = check(text).expect_err(text);
        assert_eq!(
            (error.message.as_str(), error.help.as_deref()),
            (message, Some(help)),
            "{text}"
        );
    }
}

#[test]
fn valid_but_unmeant_filters_get_a_note() {
    for (text, note) in [
        (
            "http && request.headers[\"Authorization\"] == \"\"",
            "write `!(\"authorization\" in request.headers)`",
        ),
        (
            "http && request.headers[\"User-Agent\"] != \"x\"",
            "header names are in lower case; write `request.headers[\"user-agent\"]`",
        ),
        ("src.pod.name == \"frontend-.*\"", "write `src.pod.name.matches(\"^frontend-.*$\")`"),
        ("http && path != r\"^/a|/b\"", "write `!path.matches(\"^/a|/b\")`"),
        ("# nodes\nhttp", "comments begin with `//` in KFL; `#` was accepted"),
        (
            "status_code != 200",
            "this also matches entries without `http` or `dns`, where `status_code` reads as 0; \
             put `http &&` in front",
        ),
        ("!(path == \"/x\")", "without `http` or `grpc`, where `path` reads as \"\""),
        ("grpc_status < 0 || grpc", "without `grpc`, where `grpc_status` reads as -1"),
    ] {
        let checked = check(text).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            checked.notes().iter().any(|n| n.ends_with(note) || n.contains(note)),
            "{text}: {:?}",
            checked.notes()
        );
    }
}

#[test]
fn what_is_meant_gets_no_note() {
    for text in [
        "http && status_code != 200",
        "status_code >= 500",
        "dst.port == 80 || path == \"/x\"",
        "src.pod.namespace != dst.pod.namespace",
        "elapsed_time < 1000",
        "http && path == \"/a.b\"",
        "conn && conn_state != \"open\"",
        "dns_questions.exists(q, q == \"a\")",
    ] {
        assert_eq!(check(text).unwrap().notes(), [""; 0], "{text}");
    }
}

#[test]
fn words_without_counterpart_get_advice() {
    for (text, advice) in [
        ("http && limit(10)", "--limit"),
        ("record(\"x\")", "captures are chosen as inputs"),
        ("redact(\"request.path\")", "export --redact"),
        ("timestamp > datetime(\"1/2/2026, 3:04:05 PM\")", "timestamp(\"2026"),
        ("timestamp > minutes(-5)", "duration(\"5m\")"),
        ("path == nil && http(1)", "has(x)"),
        ("path == null", "never null"),
        ("http && path like \"x\"", "contains"),
        ("path = \"x\"", "compare with `==`"),
        ("http & dns", "join with `&&`"),
        ("namespace == \"x\"", "in namespaces"),
        ("path == “x”", "straight quotes"),
        ("dst.port ~ 80", "matches"),
        ("pathh == \"x\"", "did you mean `path`?"),
        ("src.pod.nam == \"x\"", "did you mean `src.pod.name`"),
        ("src.pod.name.first == \"x\"", "is a string and has no parts"),
        ("path.startswith(\"x\")", "did you mean `startsWith`? as in `path.startsWith(\"/api\")`"),
        ("zzz", "`pcapsule fields` lists all names"),
        ("map_get(local_labels, \"app\") == \"x\"", "map_get(local_labels, \"app\", \"\")"),
        ("timestamp.getHours(\"Mars\") == 1", "Europe/Berlin"),
        ("cidr(src.ip, \"10.0.0.0/40\")", "10.0.0.0/8"),
        ("timestamp > timestamp(\"yesterday\")", "2026-03-14T22:00:00Z"),
        ("timestamp > now() - duration(\"7d\")", "duration(\"1h30m\")"),
    ] {
        let error = check(text).expect_err(text);
        let help = error.help.clone().unwrap_or_default();
        assert!(help.contains(advice), "{text}: {error}");
    }
}

#[test]
fn errors_show_the_place() {
    assert_eq!(
        shown("http &&\n  statuscode >= 500"),
        "unknown name `statuscode`\n  |   statuscode >= 500\n  |   ^^^^^^^^^^\n  = did you mean `status_code`?"
    );
    assert_eq!(
        shown("http && (path =="),
        "this `(` is not closed\n  | http && (path ==\n  |         ^"
    );
    assert_eq!(
        shown("http &&"),
        "the filter ends too early: something is missing here\n  | http &&\n  |        ^"
    );
    assert_eq!(
        shown("dns && \"ü\" == paht.x"),
        "unknown name `paht.x`\n  | dns && \"ü\" == paht.x\n  |               ^^^^^^\n  = `pcapsule fields` lists all names"
    );
    assert_eq!(
        shown("path.matches(\"(\")"),
        "this regular expression is wrong: unclosed group\n  | path.matches(\"(\")\n  |              ^^^"
    );
    assert_eq!(
        shown("http && size(status_code) > 1"),
        "an int has no size\n  | http && size(status_code) > 1\n  |         ^^^^^^^^^^^^^^^^"
    );
}
