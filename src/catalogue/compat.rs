//! Kubeshark's KFL variables that no table of ours stores (yet), with the types and meanings of
//! its reference, so that filters written for it check here. A protocol that stores a variable
//! of the same name takes its line's place; what is left reads as its type's default.

use crate::field::{FieldDef, FieldType, Origin};

/// One line per variable: `Type name "doc" = "example" [<- "KFL expression"] [absent];`
macro_rules! variables {
    ($($ty:ident $name:literal $doc:literal = $example:literal
       $(<- $kfl:literal)? $(absent $absent:literal)?;)*) => {
        &[$(FieldDef {
            name: $name,
            ty: FieldType::$ty,
            doc: $doc,
            example: $example,
            origin: variables!(@origin $($kfl)?),
            absent: 0 $(+ $absent)?,
        },)*]
    };
    (@origin) => { Origin::Declared };
    (@origin $kfl:literal) => { Origin::Derived($kfl) };
}

/// The variables, in the order of Kubeshark's reference; [`FLAGS`] holds the protocol booleans.
#[rustfmt::skip]
pub const VARIABLES: &[FieldDef] = variables! {
    // identity
    Text "node_id" "Node that saw the entry, by name." = "node_id == \"node-a\"" <- "node_name";
    Text "stream" "Stream id, hexadecimal." = "stream != \"\"";
    Text "worker" "Worker that recorded the entry." = "worker != \"\"";
    Int "flow_id" "Id of the flow that the entry belongs to." = "flow_id != 0";
    Bool "has_pcap" "Whether packets are at hand: always so." = "has_pcap" <- "true";
    // capture source
    Text "capture_source" "What recorded the packets: af_packet, ebpf or ebpf_tls." = "capture_source == \"ebpf_tls\"";
    Text "capture_backend" "What recorded the packets: af_packet or ebpf." = "capture_backend == \"ebpf\"";
    Int "capture_source_code" "1 af_packet, 2 ebpf, 3 ebpf_tls, 0 unknown." = "capture_source_code == 3"
        <- "capture_source == \"af_packet\" ? 1 : capture_source == \"ebpf\" ? 2 : capture_source == \"ebpf_tls\" ? 3 : 0";
    Map "capture" "Keys `source` and `backend`." = "capture[\"source\"] == \"ebpf_tls\""
        <- "{\"source\": capture_source, \"backend\": capture_backend}";
    // protocol booleans that are expressions
    Bool "gql" "GraphQL over any HTTP version." = "gql && status_code >= 400" <- "gqlv1 || gqlv2";
    Bool "tls" "Traffic recorded in the clear inside a TLS library; handshakes are `tlsx`." = "tls && http" <- "capture_source == \"ebpf_tls\"";
    // HTTP
    Text "method" "Verb of the request." = "http && method == \"GET\"";
    Text "url" "Path and query of the request." = "http && url.matches(\"/api/v[0-9]+/users\")";
    Text "path" "Path of the request, without the query." = "http && path.startsWith(\"/api/\")";
    Text "http_version" "`HTTP/1.1`, `HTTP/2`." = "http && http_version == \"HTTP/2\"";
    Map "query_string" "Query parameters, decoded." = "http && map_get(query_string, \"id\", \"\") == \"123\"";
    Map "request.headers" "Headers of the request; names in lower case, repeated ones joined by `,`." = "http && \"authorization\" in request.headers";
    Map "response.headers" "Headers of the response; names in lower case, repeated ones joined by `,`." = "http && \"retry-after\" in response.headers";
    Map "request.cookies" "Cookies of the request." = "http && \"session\" in request.cookies";
    Map "response.cookies" "Cookies set by the response." = "http && \"session\" in response.cookies";
    Int "request_headers_size" "Bytes of the request's headers." = "http && request_headers_size > 8000";
    Int "request_body_size" "Bytes of the request's body." = "http && request_body_size > 1000000";
    Int "response_headers_size" "Bytes of the response's headers." = "http && response_headers_size > 8000";
    Int "response_body_size" "Bytes of the response's body." = "http && response_body_size > 1000000";
    // gRPC
    Text "grpc_method" "Last segment of the path." = "grpc && grpc_method == \"SayHello\"";
    Int "grpc_status" "Status of the trailer; -1 where there is none." = "grpc && grpc_status > 0" absent -1;
    // WebSocket
    Text "ws_opcode" "text, binary, close, ping or pong." = "ws && ws_opcode == \"close\"";
    Bool "ws_request" "Whether the client sent the frame." = "ws && ws_request";
    Bool "ws_response" "Whether the server sent the frame." = "ws && ws_response";
    Text "ws_request_payload_data" "Payload from the client, cut." = "ws && ws_request_payload_data.contains(\"subscribe\")";
    Int "ws_request_payload_length" "Payload bytes from the client." = "ws && ws_request_payload_length > 1000";
    Int "ws_response_payload_length" "Payload bytes from the server." = "ws && ws_response_payload_length > 1000";
    // DNS
    List "dns_questions" "Names asked for." = "dns && \"google.com\" in dns_questions";
    List "dns_answers" "Addresses and names in the answer." = "dns && dns_response && size(dns_answers) == 0";
    List "dns_question_types" "Record types asked for: A, AAAA, SRV." = "dns && \"A\" in dns_question_types";
    Bool "dns_request" "Whether the query was captured." = "dns && dns_request";
    Bool "dns_response" "Whether the response was captured." = "dns && dns_response && status_code != 0";
    Int "dns_request_length" "Bytes of the query." = "dns && dns_request_length > 100";
    Int "dns_response_length" "Bytes of the response." = "dns && dns_response_length > 1000";
    Int "dns_total_size" "Bytes of query and response." = "dns && dns_total_size > 1000";
    // TLS: decrypted traffic, then handshakes
    Text "tls_summary" "ClientHello or ServerHello, summed up." = "tls_summary != \"\"";
    Text "tls_info" "Version and cipher suite." = "tls_info.contains(\"TLS 1.2\")";
    Int "tls_request_size" "Bytes from the client." = "tls_request_size > 1000";
    Int "tls_response_size" "Bytes from the server." = "tls_response_size > 1000";
    Int "tls_total_size" "Bytes both ways." = "tls_total_size > 1000";
    Text "tlsx_sni" "Server name that the client asked for." = "tlsx && tlsx_sni.contains(\"amazonaws.com\")";
    Int "tlsx_cipher_suite" "Cipher suite chosen by the server." = "tlsx && tlsx_cipher_suite == 0x1301";
    List "tlsx_cipher_suites" "Cipher suites offered by the client." = "tlsx && tlsx_cipher_suites.exists(s, s.contains(\"RC4\"))";
    Text "tlsx_alpn" "Application protocol agreed on." = "tlsx && tlsx_alpn == \"h2\"";
    Int "tlsx_version" "Version chosen by the server." = "tlsx && tlsx_version > 0 && tlsx_version < 0x0303";
    Text "tlsx_summary" "Server name, ALPN or cipher suite." = "tlsx && tlsx_summary != \"\"";
    Text "tlsx_info" "ClientHello or ServerHello." = "tlsx && tlsx_info == \"ClientHello\"";
    // TCP, UDP, SCTP, ICMP
    Text "tcp_method" "Kind of TCP entry." = "tcp && tcp_method != \"\"";
    Bytes "tcp_payload" "Payload of a TCP entry." = "tcp && size(tcp_payload) > 0";
    Text "tcp_error_type" "Kind of TCP error." = "tcp && tcp_error_type != \"\"";
    Text "tcp_error_message" "TCP error in words." = "tcp && tcp_error_message != \"\"";
    Int "udp_length" "Length field of the datagram." = "udp && udp_length > 512";
    Int "udp_checksum" "Checksum field of the datagram." = "udp && udp_checksum != 0";
    Bytes "udp_payload" "Payload of the datagram." = "udp && size(udp_payload) > 0";
    Int "sctp_checksum" "Checksum field of the packet." = "sctp && sctp_checksum != 0";
    Text "sctp_chunk_type" "Type of the first chunk." = "sctp && sctp_chunk_type == \"INIT\"";
    Int "sctp_length" "Bytes of the packet." = "sctp && sctp_length > 100";
    Text "icmp_type" "Message type in words." = "icmp && icmp_type != \"\"";
    Int "icmp_version" "4 or 6." = "icmp && icmp_version == 6";
    Int "icmp_length" "Bytes of the message." = "icmp && icmp_length > 100";
    // Redis
    Text "redis_type" "Verb: `GET`." = "redis && redis_type == \"GET\"";
    Text "redis_command" "The whole command." = "redis && redis_command.contains(\"CONFIG SET dir\")";
    Text "redis_key" "First 64 bytes of the key." = "redis && redis_key.startsWith(\"session:\")";
    Int "redis_request_size" "Bytes of the request." = "redis && redis_request_size > 1000";
    Int "redis_response_size" "Bytes of the response." = "redis && redis_response_size > 1000";
    Int "redis_total_size" "Bytes of request and response." = "redis && redis_total_size > 10000";
    // Kafka
    Int "kafka_api_key" "API key: 0 Produce, 1 Fetch." = "kafka && kafka_api_key == 0";
    Text "kafka_api_key_name" "API in upper case: `PRODUCE`." = "kafka && kafka_api_key_name == \"PRODUCE\"";
    Text "kafka_client_id" "Client id of the request." = "kafka && kafka_client_id == \"payment-processor\"";
    Int "kafka_size" "Bytes of the request, else of the response." = "kafka && kafka_size > 1000";
    Bool "kafka_request" "Whether the request was captured." = "kafka && kafka_request";
    Bool "kafka_response" "Whether the response was captured." = "kafka && kafka_response";
    Text "kafka_request_summary" "Topic." = "kafka && kafka_request_summary.contains(\"orders\")";
    Int "kafka_request_size" "Bytes of the request." = "kafka && kafka_request_size > 1000";
    Int "kafka_response_size" "Bytes of the response." = "kafka && kafka_response_size > 1000";
    // AMQP
    Text "amqp_method" "Class and method: `basic.publish`; a space in place of the dot is understood." = "amqp && amqp_method == \"basic.publish\"";
    Text "amqp_summary" "Queue, exchange or routing key." = "amqp && amqp_summary.contains(\"orders\")";
    Bool "amqp_request" "Whether the request was captured." = "amqp && amqp_request";
    Bool "amqp_response" "Whether the response was captured." = "amqp && amqp_response";
    Int "amqp_request_length" "Bytes of the request." = "amqp && amqp_request_length > 1000";
    Int "amqp_response_length" "Bytes of the response." = "amqp && amqp_response_length > 1000";
    Int "amqp_total_size" "Bytes of request and response." = "amqp && amqp_total_size > 1000";
    // LDAP
    Text "ldap_type" "Operation: `bind`." = "ldap && ldap_type == \"bind\"";
    Text "ldap_summary" "Operation and its object." = "ldap && ldap_summary != \"\"";
    Bool "ldap_request" "Whether the request was captured." = "ldap && ldap_request";
    Bool "ldap_response" "Whether the response was captured." = "ldap && ldap_response";
    Int "ldap_request_length" "Bytes of the request." = "ldap && ldap_request_length > 1000";
    Int "ldap_response_length" "Bytes of the response." = "ldap && ldap_response_length > 1000";
    Int "ldap_total_size" "Bytes of request and response." = "ldap && ldap_total_size > 1000";
    // RADIUS
    Int "radius_code" "Code of the packet." = "radius && radius_code == 3";
    Text "radius_code_name" "Code in words." = "radius && radius_code_name == \"Access-Request\"";
    Bool "radius_request" "Whether the request was captured." = "radius && radius_request";
    Bool "radius_response" "Whether the response was captured." = "radius && radius_response";
    Text "radius_request_authenticator" "Authenticator of the request, hexadecimal." = "radius && radius_request_authenticator != \"\"";
    Int "radius_request_length" "Bytes of the request." = "radius && radius_request_length > 1000";
    Int "radius_response_length" "Bytes of the response." = "radius && radius_response_length > 1000";
    Int "radius_total_size" "Bytes of request and response." = "radius && radius_total_size > 1000";
    // Diameter
    Text "diameter_method" "Command." = "diameter && diameter_method.contains(\"Credit\")";
    Text "diameter_summary" "Command and its session." = "diameter && diameter_summary != \"\"";
    Bool "diameter_request" "Whether the request was captured." = "diameter && diameter_request";
    Bool "diameter_response" "Whether the response was captured." = "diameter && diameter_response";
    Int "diameter_request_length" "Bytes of the request." = "diameter && diameter_request_length > 1000";
    Int "diameter_response_length" "Bytes of the response." = "diameter && diameter_response_length > 1000";
    Int "diameter_total_size" "Bytes of request and response." = "diameter && diameter_total_size > 1000";
    // MongoDB
    Text "mongodb_command" "Command: `find`." = "mongodb && mongodb_command == \"find\"";
    Text "mongodb_database" "Database." = "mongodb && mongodb_database == \"shop\"";
    Text "mongodb_collection" "Collection." = "mongodb && mongodb_collection == \"users\"";
    Text "mongodb_opcode" "Opcode of the message: `OP_MSG`." = "mongodb && mongodb_opcode == \"OP_MSG\"";
    Int "mongodb_request_size" "Bytes of the request." = "mongodb && mongodb_request_size > 1000";
    Int "mongodb_response_size" "Bytes of the response." = "mongodb && mongodb_response_size > 1000";
    Int "mongodb_total_size" "Bytes of request and response." = "mongodb && mongodb_total_size > 1000";
    Bool "mongodb_success" "Whether the command succeeded." = "mongodb && !mongodb_success";
    Int "mongodb_error_code" "Error code." = "mongodb && mongodb_error_code != 0";
    Text "mongodb_error_message" "Error in words." = "mongodb && mongodb_error_message != \"\"";
    Text "mongodb_error_code_name" "Error code in words." = "mongodb && mongodb_error_code_name == \"DuplicateKey\"";
    // MySQL
    Text "mysql_command" "Command: `COM_QUERY`." = "mysql && mysql_command == \"COM_QUERY\"";
    Text "mysql_query" "SQL of the query." = "mysql && mysql_query.contains(\"SELECT\")";
    Text "mysql_database" "Database." = "mysql && mysql_database == \"shop\"";
    Int "mysql_statement_id" "Prepared statement." = "mysql && mysql_statement_id != 0";
    Int "mysql_request_size" "Bytes of the request." = "mysql && mysql_request_size > 1000";
    Int "mysql_response_size" "Bytes of the response." = "mysql && mysql_response_size > 1000";
    Int "mysql_total_size" "Bytes of request and response." = "mysql && mysql_total_size > 1000";
    Bool "mysql_success" "Whether the query succeeded." = "mysql && !mysql_success";
    Int "mysql_error_code" "Error code." = "mysql && mysql_error_code != 0";
    Text "mysql_error_message" "Error in words." = "mysql && mysql_error_message != \"\"";
    // PostgreSQL
    Text "postgresql_command" "Command tag: `SELECT`." = "postgresql && postgresql_command == \"SELECT\"";
    Text "postgresql_query" "SQL of the query." = "postgresql && postgresql_query.contains(\"UNION SELECT\")";
    Text "postgresql_database" "Database." = "postgresql && postgresql_database == \"shop\"";
    Text "postgresql_user" "User." = "postgresql && postgresql_user == \"app\"";
    Int "postgresql_request_size" "Bytes of the request." = "postgresql && postgresql_request_size > 1000";
    Int "postgresql_response_size" "Bytes of the response." = "postgresql && postgresql_response_size > 1000";
    Int "postgresql_total_size" "Bytes of request and response." = "postgresql && postgresql_total_size > 1000";
    Bool "postgresql_success" "Whether the query succeeded." = "postgresql && !postgresql_success";
    Text "postgresql_error_code" "SQLSTATE of the error." = "postgresql && postgresql_error_code != \"\"";
    Text "postgresql_error_message" "Error in words." = "postgresql && postgresql_error_message != \"\"";
    // connections and flows
    Int "conn_group_id" "Group that the connection belongs to." = "conn && conn_group_id != 0";
    Text "flow_state" "open, in_progress or closed." = "flow && flow_state == \"closed\"";
    Int "flow_local_pkts" "Packets from the local peer." = "flow && flow_local_pkts > 1000";
    Int "flow_local_bytes" "Bytes from the local peer." = "flow && flow_local_bytes > 1000000";
    Int "flow_remote_pkts" "Packets to the local peer." = "flow && flow_remote_pkts > 1000";
    Int "flow_remote_bytes" "Bytes to the local peer." = "flow && flow_remote_bytes > 1000000";
    Int "flow_local_pps" "Packets a second from the local peer." = "flow && flow_local_pps > 1000";
    Int "flow_local_bps" "Bytes a second from the local peer." = "tcp_flow && flow_local_bps > 5000000";
    Int "flow_remote_pps" "Packets a second to the local peer." = "flow && flow_remote_pps > 1000";
    Int "flow_remote_bps" "Bytes a second to the local peer." = "flow && flow_remote_bps > 5000000";
    List "flow_l7_detected" "Protocols found inside." = "flow && \"TLS\" in flow_l7_detected";
    Int "flow_group_id" "Group that the flow belongs to." = "flow && flow_group_id != 0";
    // Kubernetes
    List "namespaces" "Namespaces of both ends." = "\"production\" in namespaces"
        <- "[src.namespace, dst.namespace].filter(n, n != \"\")";
    List "pods" "Pods of both ends." = "\"orders\" in pods"
        <- "[src.pod.name, dst.pod.name].filter(n, n != \"\")";
    List "services" "Services of both ends." = "\"api-gateway\" in services"
        <- "[src.service.name, dst.service.name].filter(n, n != \"\")";
    Map "local_annotations" "Annotations of the caller's pod." = "\"team\" in local_annotations";
    Map "remote_annotations" "Annotations of the callee's pod." = "\"team\" in remote_annotations";
    Map "node" "Keys `name` and `ip`." = "node[\"name\"] == \"node-a\"" <- "{\"name\": node_name, \"ip\": node_ip}";
    Text "node_name" "Node of the caller, else of the callee." = "node_name == \"node-a\""
        <- "local_node_name != \"\" ? local_node_name : remote_node_name";
    Text "node_ip" "Address of that node." = "node_ip != \"\"";
    Text "local_process_name" "Process of the caller." = "local_process_name == \"nginx\"";
    Text "remote_process_name" "Process of the callee." = "remote_process_name.contains(\"postgres\")";
    List "dns_resolutions" "DNS names of both ends." = "\"db.example.com\" in dns_resolutions"
        <- "[src.dns, dst.dns].filter(n, n != \"\")";
    Text "local_resolution_status" "Why the caller has no name; empty when it has." = "local_resolution_status != \"\"";
    Text "remote_resolution_status" "Why the callee has no name; empty when it has." = "remote_resolution_status != \"\"";
};

/// Protocol booleans of Kubeshark and what they mean; the protocol table says which are real.
#[rustfmt::skip]
pub const FLAGS: &[(&str, &str)] = &[
    ("http", "HTTP/1 and HTTP/2, gRPC and GraphQL included."),
    ("grpc", "gRPC; its HTTP fields are filled too."),
    ("gqlv1", "GraphQL over HTTP/1."),
    ("gqlv2", "GraphQL over HTTP/2."),
    ("ws", "WebSocket frames."),
    ("dns", "DNS queries and responses."),
    ("redis", "Redis commands."),
    ("kafka", "Kafka requests."),
    ("amqp", "AMQP 0-9-1 methods."),
    ("mongodb", "MongoDB commands."),
    ("mysql", "MySQL commands."),
    ("postgresql", "PostgreSQL queries."),
    ("ldap", "LDAP operations."),
    ("radius", "RADIUS exchanges."),
    ("diameter", "Diameter exchanges."),
    ("tlsx", "TLS handshakes seen on the wire."),
    ("sctp", "SCTP packets."),
    ("icmp", "ICMP messages."),
];

/// Flags whose entries carry another flag too, and its fields.
pub const IMPLIED: &[(&str, &str)] = &[("grpc", "http"), ("gqlv1", "http"), ("gqlv2", "http")];

/// Common fields that mean something for a few protocols only.
pub const SPECIFIC: &[(&str, &[&str])] = &[("status_code", &["http", "dns"])];
