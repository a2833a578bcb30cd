//! The fields of DNS calls. Their names are KFL's, with our own for what KFL leaves out.

use crate::field::{FieldDef, FieldType, Origin};

crate::fields! {
    /// What a client asked.
    pub struct DnsRequest {
        /// Names asked for, lower case.
        dns_questions: List = "dns && \"redis.prod.svc.cluster.local\" in dns_questions";
        /// Record types asked for.
        dns_question_types: List = "dns && \"AAAA\" in dns_question_types";
        /// Whether the request was captured.
        dns_request: Bool = "dns && dns_request";
        /// Bytes of the request.
        dns_request_length: Int = "dns && dns_request_length > 512";
        /// Kind of the request: QUERY IQUERY STATUS NOTIFY UPDATE DSO.
        dns_opcode: Text = "dns && dns_opcode == \"UPDATE\"";
        /// Name that was meant, without the search list of a pod: one lookup, however often it is asked.
        dns_lookup: Text = "dns && dns_lookup == \"api.example.com\"";
        /// udp or tcp: a lookup whose answer was truncated is asked for again over tcp.
        dns_transport: Text = "dns && dns_transport == \"tcp\"";
        /// Whether the other address type of the name (A, AAAA) was asked just before from the same socket.
        dns_pair: Bool = "dns && dns_pair && !has_response";
    }

    /// What a server answered.
    pub struct DnsResponse {
        /// Names asked for, lower case.
        dns_questions: List = "dns && \"redis.prod.svc.cluster.local\" in dns_questions";
        /// Record types asked for.
        dns_question_types: List = "dns && \"AAAA\" in dns_question_types";
        /// Answers: addresses, target names or texts, by type.
        dns_answers: List = "dns && dns_response && size(dns_answers) == 0";
        /// Whether the response was captured.
        dns_response: Bool = "dns && dns_response && status_code != 0";
        /// Bytes of the response.
        dns_response_length: Int = "dns && dns_response_length > 512";
        /// Name of the return code.
        dns_rcode: Text = "dns && dns_rcode == \"NXDOMAIN\"";
        /// Kind of the request: QUERY IQUERY STATUS NOTIFY UPDATE DSO.
        dns_opcode: Text = "dns && dns_opcode == \"UPDATE\"";
        /// Name that was meant, without the search list of a pod: one lookup, however often it is asked.
        dns_lookup: Text = "dns && dns_lookup == \"api.example.com\"";
        /// udp or tcp: a lookup whose answer was truncated is asked for again over tcp.
        dns_transport: Text = "dns && dns_transport == \"tcp\"";
        /// Whether the response was cut to fit and has to be asked for again over TCP.
        dns_truncated: Bool = "dns && dns_truncated";
        /// Whether the server answers for its own zone.
        dns_authoritative: Bool = "dns && dns_authoritative";
        /// Search suffix that a resolver in a cluster has put behind the name that was meant (ndots).
        dns_search_suffix: Text = "dns && dns_rcode == \"NXDOMAIN\" && dns_search_suffix == \"\"";
        /// Whether the server speaks EDNS.
        dns_edns: Bool = "dns && dns_truncated && !dns_edns";
        /// Least time to live of the answers in seconds, 0 without answers.
        dns_ttl_min: Int = "dns && size(dns_answers) > 0 && dns_ttl_min < 5";
    }

    /// A message of multicast DNS or LLMNR.
    pub struct DnsMulticast {
        /// Names asked for, lower case.
        dns_questions: List = "dns && \"redis.prod.svc.cluster.local\" in dns_questions";
        /// Record types asked for.
        dns_question_types: List = "dns && \"AAAA\" in dns_question_types";
        /// Answers: addresses, target names or texts, by type.
        dns_answers: List = "dns && dns_response && size(dns_answers) == 0";
        /// Whether the request was captured.
        dns_request: Bool = "dns && dns_request";
        /// Whether the response was captured.
        dns_response: Bool = "dns && dns_response && status_code != 0";
        /// Bytes of the request.
        dns_request_length: Int = "dns && dns_request_length > 512";
        /// Bytes of the response.
        dns_response_length: Int = "dns && dns_response_length > 512";
        /// Kind of the request: QUERY IQUERY STATUS NOTIFY UPDATE DSO.
        dns_opcode: Text = "dns && dns_opcode == \"UPDATE\"";
        /// Name that was meant, without the search list of a pod: one lookup, however often it is asked.
        dns_lookup: Text = "dns && dns_lookup == \"api.example.com\"";
        /// Least time to live of the answers in seconds, 0 without answers.
        dns_ttl_min: Int = "dns && size(dns_answers) > 0 && dns_ttl_min < 5";
    }
}

pub const DERIVED: &[FieldDef] = &[FieldDef {
    name: "dns_total_size",
    ty: FieldType::Int,
    doc: "Bytes of the request and the response.",
    example: "dns && dns_total_size > 1000",
    origin: Origin::Derived("dns_request_length + dns_response_length"),
    absent: 0,
}];
