//! What `truth.json` says: what was wrong, since when, what it touched, and how many of each thing
//! the captures hold. Times are true times in nanoseconds; captures of a node with clock skew carry
//! true time plus skew.

use serde::Serialize;
use std::collections::BTreeMap;

pub(super) type Map<T> = BTreeMap<String, T>;

#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    pub id: String,
    pub title: String,
    pub seed: u64,
    /// The first fault's service; none on a good day.
    pub root_cause: Option<RootCause>,
    pub faults: Vec<FaultTruth>,
    pub onset_utc_ns: Option<i64>,
    /// None when it lasts to the end of the capture.
    pub end_utc_ns: Option<i64>,
    pub capture_start_utc_ns: i64,
    pub capture_end_utc_ns: i64,
    pub first_symptom: Option<FirstSymptom>,
    /// Services in the order in which the fault showed at them.
    pub cascade: Vec<Cascade>,
    pub affected_services: Vec<String>,
    pub affected_endpoints: Vec<String>,
    pub unaffected_endpoints: Vec<String>,
    pub requests_total: u64,
    pub requests_failed: u64,
    /// The loads' requests.
    pub counts: Counts,
    pub protocols: Protocols,
    /// Per service, all its callers together.
    pub services: Map<ServiceCounts>,
    pub packets: Map<u64>,
    pub clock_skew_ns: Map<i64>,
    /// Ways between nodes, as `node-a > node-b`.
    pub links: Map<LinkTruth>,
    pub trace_headers: Vec<&'static str>,
    pub pods: Map<PodTruth>,
    pub external: Map<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkTruth {
    /// TCP segments with payload.
    pub segments: u64,
    pub lost: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct RootCause {
    /// `service` or `external`.
    pub kind: &'static str,
    pub name: String,
    pub namespace: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct FaultTruth {
    pub kind: String,
    pub service: String,
    pub from_utc_ns: i64,
    pub until_utc_ns: Option<i64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FirstSymptom {
    pub description: String,
    pub service: String,
    pub ts_utc_ns: i64,
    pub first_failed_request: Option<FailedRequest>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FailedRequest {
    pub ts_utc_ns: i64,
    pub request_start_utc_ns: i64,
    pub endpoint: String,
    pub status: u16,
    pub elapsed_ms: f64,
    pub request_id: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Cascade {
    pub service: String,
    pub namespace: String,
    /// `failed`, or `degraded` when it only became slow or did without something.
    pub symptom: &'static str,
    pub first_utc_ns: i64,
    pub error: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Counts {
    pub overall: RequestCounts,
    pub per_endpoint: Map<RequestCounts>,
    /// `before`, `during` and `after` the fault, by the start of the request; `healthy` without.
    pub per_phase: Map<RequestCounts>,
    pub per_phase_endpoint: Map<Map<RequestCounts>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RequestCounts {
    pub requests: u64,
    /// Status 500 or above, or no answer (status 0).
    pub failed: u64,
    pub status: BTreeMap<u16, u64>,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Protocols {
    pub http_requests: u64,
    pub http_responses: u64,
    pub http_status: Map<u64>,
    pub redis_commands: u64,
    pub redis_replies: u64,
    pub redis_errors: u64,
    /// `OK`, or the error's first word.
    pub redis_status: Map<u64>,
    pub dns_queries: u64,
    pub dns_responses: u64,
    pub dns_rcode: Map<u64>,
    pub tcp_conns: u64,
    pub tcp_refused: u64,
    pub tcp_unanswered: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct ServiceCounts {
    pub requests: u64,
    pub responses: u64,
    pub failed: u64,
    pub status: Map<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PodTruth {
    pub ip: String,
    pub node: String,
    pub workload: String,
    pub namespace: String,
}
