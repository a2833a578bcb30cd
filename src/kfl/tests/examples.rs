//! The example filters that Kubeshark publishes.

use super::*;

/// In the order of its reference; one line there may hold several.
#[rustfmt::skip]
const EXAMPLES: &[&str] = &[
    r#"http"#,
    r#"!http"#,
    r#"dst.port == 80"#,
    r#"dst.port == 80 || dst.port == 443 || dst.port == 8080"#,
    r#"dst.port >= 8000 && dst.port <= 9000"#,
    r#"src.ip.startsWith("192.168.")"#,
    r#"dst.ip == "169.254.169.254""#,
    r#"protocol == "HTTP""#,
    r#"dst.port in [3306, 5432, 6379]"#,
    r#"src.pod.name == "web-server-123""#,
    r#"dst.pod.namespace == "production""#,
    r#"src.service.name == "api-gateway" && dst.service.name == "user-service""#,
    r#""production" in namespaces"#,
    r#""orders" in pods"#,
    r#""api-gateway" in services"#,
    r#"src.name == "api-gateway""#,
    r#"dst.name.contains("payment")"#,
    r#"src.namespace == "prod" && dst.namespace != "prod""#,
    r#"src.pod.namespace != dst.pod.namespace"#,
    r#"src.service.namespace != dst.service.namespace"#,
    r#"!(src.pod.namespace == "kube-system")"#,
    r#"!dst.pod.namespace.startsWith("kube")"#,
    r#"map_get(local_labels, "app", "") == "checkout""#,
    r#"map_get(remote_labels, "version", "") == "canary""#,
    r#""tier" in local_labels"#,
    r#"local_labels.app == "payment" || remote_labels.app == "payment""#,
    r#"node_name == "ip-10-0-25-170.ec2.internal""#,
    r#"local_node_name != remote_node_name"#,
    r#"local_process_name == "nginx""#,
    r#"remote_process_name.contains("postgres")"#,
    r#"local_resolution_status != """#,
    r#"src.dns == "api.example.com""#,
    r#"dst.dns.contains("redis")"#,
    r#"dst.dns != "" && !dst.dns.endsWith(".internal")"#,
    r#""db.example.com" in dns_resolutions"#,
    r#"http && method == "GET""#,
    r#"http && method == "POST" && path.contains("/orders")"#,
    r#"http && url.matches(".*/api/v[0-9]+/users.*")"#,
    r#"http && status_code >= 500"#,
    r#"http && status_code >= 400 && status_code < 500"#,
    r#"http && status_code == 429"#,
    r#"http && status_code != 200"#,
    r#"http && status_code == 0"#,
    r#"http && elapsed_time > 5000000"#,
    r#"http && response_body_size > 1000000"#,
    r#"http && "authorization" in request.headers"#,
    r#"http && !("authorization" in request.headers)"#,
    r#"http && request.headers["content-type"] == "application/json""#,
    r#"http && map_get(request.headers, "user-agent", "").contains("curl")"#,
    r#"http && map_get(request.headers, "upgrade", "") == "websocket""#,
    r#"http && query_string["id"] == "123""#,
    r#"http && request.cookies["session"] != """#,
    r#"http && !path.contains("/health")"#,
    r#"http && (path == "/.env" || path == "/actuator/info")"#,
    r#"http && path.startsWith("/api/v1/secrets")"#,
    r#"gql && status_code >= 400"#,
    r#"gql && method == "POST" && status_code >= 400"#,
    r#"tls && http && status_code >= 500"#,
    r#"ws && ws_opcode == "close""#,
    r#"grpc && grpc_status != 0"#,
    r#"grpc && grpc_status == 14"#,
    r#"grpc && grpc_method == "SayHello""#,
    r#"grpc && grpc_method.contains("Create")"#,
    r#"grpc && elapsed_time > 1000000"#,
    r#"dns && dns_request"#,
    r#"dns && "google.com" in dns_questions"#,
    r#"dns && dns_response && status_code != 0"#,
    r#"dns && dns_response && size(dns_answers) == 0"#,
    r#"dns && "A" in dns_question_types"#,
    r#"dns && size(dns_questions) > 1"#,
    r#"dns && dns_questions.exists(q, q.endsWith(".example.com"))"#,
    r#"tlsx && tlsx_sni.contains("amazonaws.com")"#,
    r#"tlsx && tlsx_cipher_suites.exists(s, s.contains("RC4"))"#,
    r#"tlsx && src.pod.namespace == "production""#,
    r#"redis && redis_type == "GET""#,
    r#"redis && redis_key.startsWith("session:")"#,
    r#"redis && redis_command.contains("CONFIG SET dir")"#,
    r#"redis && redis_total_size > 10000"#,
    r#"kafka && kafka_api_key_name == "PRODUCE""#,
    r#"kafka && kafka_request_summary.contains("orders")"#,
    r#"kafka && kafka_client_id == "payment-processor""#,
    r#"mongodb && mongodb_command == "find" && mongodb_collection == "users""#,
    r#"mongodb && !mongodb_success"#,
    r#"mysql && !mysql_success"#,
    r#"mysql && mysql_error_code != 0"#,
    r#"postgresql && postgresql_error_code != """#,
    r#"postgresql && postgresql_query.contains("UNION SELECT")"#,
    r#"amqp && amqp_method == "basic.publish""#,
    r#"ldap && ldap_type == "bind""#,
    r#"radius && radius_code_name == "Access-Request""#,
    r#"diameter && diameter_method.contains("Credit")"#,
    r#"tcp && tcp_error_type != """#,
    r#"conn && conn_state == "open" && conn_local_bytes > 1000000"#,
    r#"tcp_conn && "HTTP" in conn_l7_detected"#,
    r#"flow && flow_local_pps > 1000"#,
    r#"tcp_flow && flow_local_bps > 5000000"#,
    r#"flow && flow_state == "closed" && "TLS" in flow_l7_detected"#,
    r#"timestamp >= timestamp("2026-03-14T22:00:00Z") && timestamp <= timestamp("2026-03-14T23:00:00Z")"#,
    r#"timestamp > now() - duration("5m")"#,
    r#"timestamp >= now()"#,
    r#"capture_source == "ebpf_tls""#,
    r#"elapsed_time <= 300000000"#,
];

#[test]
fn every_published_example_checks_and_judges_any_entry() {
    for catalogue in [crate::catalogue::catalogue(), &catalogue()] {
        for text in EXAMPLES {
            let checked = super::super::check(catalogue, text).unwrap_or_else(|e| panic!("{e}"));
            let checked = checked.at(0);
            for entry in [Fake::call("HTTP", []), Fake::call("DNS", []), Fake::conn([])] {
                let verdict = checked.verdict(&entry);
                let may_miss_a_key = text.contains("[\"") || text.contains("local_labels.app");
                assert!(may_miss_a_key || !matches!(verdict, Verdict::Error(_)), "{text}");
            }
        }
    }
}

#[test]
fn every_example_of_the_catalogue_checks() {
    for catalogue in [crate::catalogue::catalogue(), &catalogue()] {
        for field in catalogue.iter() {
            let checked = super::super::check(catalogue, field.example);
            let checked = checked.unwrap_or_else(|e| panic!("{}: {e}", field.name));
            assert!(checked.notes().is_empty(), "{}: {:?}", field.name, checked.notes());
            assert!(!field.doc.is_empty(), "{}", field.name);
        }
    }
}
