use super::*;
use crate::kfl::testing::PROTOCOLS as TEST_PROTOCOLS;

/// Kubeshark's 226 variables as its reference lists them: type, then names.
const KUBESHARK: &str = "
string src.ip dst.ip protocol node_id stream worker capture_source capture_backend method url path
 http_version grpc_method ws_opcode ws_request_payload_data tls_summary tls_info tlsx_sni tlsx_alpn
 tlsx_summary tlsx_info tcp_method tcp_error_type tcp_error_message sctp_chunk_type icmp_type
 redis_type redis_command redis_key kafka_api_key_name kafka_client_id kafka_request_summary
 amqp_method amqp_summary ldap_type ldap_summary radius_code_name radius_request_authenticator
 diameter_method diameter_summary mongodb_command mongodb_database mongodb_collection mongodb_opcode
 mongodb_error_message mongodb_error_code_name mysql_command mysql_query mysql_database
 mysql_error_message postgresql_command postgresql_query postgresql_database postgresql_user
 postgresql_error_code postgresql_error_message conn_state flow_state src.pod.name
 src.pod.namespace dst.pod.name dst.pod.namespace src.service.name src.service.namespace
 dst.service.name dst.service.namespace src.name dst.name src.namespace dst.namespace node_name
 node_ip local_node_name remote_node_name local_process_name remote_process_name src.dns dst.dns
 local_resolution_status remote_resolution_status
int src.port dst.port id index elapsed_time conn_id flow_id capture_source_code status_code
 request_headers_size request_body_size response_headers_size response_body_size grpc_status
 ws_request_payload_length ws_response_payload_length dns_request_length dns_response_length
 dns_total_size tls_request_size tls_response_size tls_total_size tlsx_cipher_suite tlsx_version
 udp_length udp_checksum sctp_checksum sctp_length icmp_version icmp_length redis_request_size
 redis_response_size redis_total_size kafka_api_key kafka_size kafka_request_size
 kafka_response_size amqp_request_length amqp_response_length amqp_total_size ldap_request_length
 ldap_response_length ldap_total_size radius_code radius_request_length radius_response_length
 radius_total_size diameter_request_length diameter_response_length diameter_total_size
 mongodb_request_size mongodb_response_size mongodb_total_size mongodb_error_code
 mysql_statement_id mysql_request_size mysql_response_size mysql_total_size mysql_error_code
 postgresql_request_size postgresql_response_size postgresql_total_size conn_local_pkts
 conn_local_bytes conn_remote_pkts conn_remote_bytes conn_group_id flow_local_pkts flow_local_bytes
 flow_remote_pkts flow_remote_bytes flow_local_pps flow_local_bps flow_remote_pps flow_remote_bps
 flow_group_id
bool has_pcap http grpc gql gqlv1 gqlv2 ws dns redis kafka amqp mongodb mysql postgresql ldap
 radius diameter tls tlsx tcp udp sctp icmp conn flow tcp_conn udp_conn tcp_flow udp_flow
 ws_request ws_response dns_request dns_response kafka_request kafka_response amqp_request
 amqp_response ldap_request ldap_response radius_request radius_response diameter_request
 diameter_response mongodb_success mysql_success postgresql_success
timestamp timestamp
list<string> dns_questions dns_answers dns_question_types tlsx_cipher_suites conn_l7_detected
 flow_l7_detected namespaces pods services dns_resolutions
map<string,string> capture query_string request.headers response.headers request.cookies
 response.cookies local_labels remote_labels local_annotations remote_annotations node
bytes tcp_payload udp_payload
";

#[test]
fn has_every_kubeshark_variable_with_its_type() {
    for catalogue in [catalogue(), &Catalogue::of(TEST_PROTOCOLS)] {
        let mut count = 0;
        for line in KUBESHARK.replace("\n ", " ").lines().filter(|l| !l.is_empty()) {
            let (ty, names) = line.split_once(' ').unwrap();
            for name in names.split_whitespace() {
                let field = catalogue.get(name).unwrap_or_else(|| panic!("{name} is missing"));
                assert_eq!(field.ty.name(), ty, "{name}");
                count += 1;
            }
        }
        assert_eq!(count, 226);
    }
}

#[test]
fn a_name_defined_twice_has_one_meaning() {
    assert_eq!(catalogue().conflicts(), [""; 0]);
    assert_eq!(Catalogue::of(TEST_PROTOCOLS).conflicts(), [""; 0]);
}

#[test]
fn conflicting_definitions_are_told() {
    const WRONG: &[FieldDef] = &[FieldDef {
        name: "outcome",
        ty: FieldType::Int,
        doc: "",
        example: "",
        origin: Origin::Stored,
        absent: 0,
    }];
    let protocol = Protocol { request: WRONG, ..testing_protocol() };
    let conflicts = Catalogue::of(&[&protocol]).conflicts().to_vec();
    assert_eq!(conflicts, ["outcome: string and int, or stored and derived"]);
}

fn testing_protocol() -> Protocol {
    let first = TEST_PROTOCOLS[0];
    Protocol { request: first.request, response: &[], derived: &[], ..*first }
}

#[test]
fn knows_where_fields_are_stored() {
    let catalogue = Catalogue::of(TEST_PROTOCOLS);
    let field = |name: &str| catalogue.get(name).unwrap().clone();
    assert_eq!(field("path").tables, ["http"]);
    assert_eq!(field("path").protocols, ["http", "grpc"]);
    assert_eq!(field("path").side_table(), Some("http"));
    assert!(field("path").stored_for(Family::Calls) && !field("path").stored_for(Family::Conns));
    assert_eq!(field("src.ip").tables, ["calls", "conns", "flows"]);
    assert_eq!(field("src.ip").side_table(), None);
    assert!(field("conn_state").stored_for(Family::Conns));
    assert!(!field("conn_state").stored_for(Family::Calls));
    assert_eq!(field("index").tables, ["calls"]);
    assert_eq!(field("grpc_status").absent, -1);
    assert_eq!(field("status_code").protocols, ["http", "dns"]);
}

#[test]
fn flags_follow_the_protocol_table() {
    let catalogue = Catalogue::of(TEST_PROTOCOLS);
    let flag = |name: &str| catalogue.get(name).unwrap().flag.clone().unwrap();
    assert_eq!(flag("http"), Flag::Protocols(vec!["GRPC", "HTTP"]));
    assert_eq!(flag("grpc"), Flag::Protocols(vec!["GRPC"]));
    assert_eq!(flag("kafka"), Flag::Protocols(vec![]));
    assert!(flag("http").holds(Family::Calls, "GRPC"));
    assert!(!flag("kafka").holds(Family::Calls, "KAFKA"));
    assert!(flag("tcp_conn").holds(Family::Conns, "TCP"));
    assert!(!flag("tcp_conn").holds(Family::Conns, "UDP"));
    assert!(!flag("conn").holds(Family::Calls, "HTTP"));
    assert!(flag("tcp").holds(Family::Flows, "TCP") && !flag("tcp").holds(Family::Calls, "TCP"));
    assert_eq!(flag("http").protocols(Family::Conns), Some(&[][..]));
    assert_eq!(flag("conn").protocols(Family::Conns), None);
}

#[test]
fn version_follows_the_content() {
    let with = Catalogue::of(TEST_PROTOCOLS);
    assert_eq!(with.version(), Catalogue::of(TEST_PROTOCOLS).version());
    assert_ne!(with.version(), Catalogue::of(&TEST_PROTOCOLS[..1]).version());
    assert!(with.iter().map(|f| f.name).is_sorted());
    assert!(with.iter().enumerate().all(|(i, f)| f.index == i));
}
