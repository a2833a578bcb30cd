//! Counts of the run -> the truth.

use super::network::Captured;
use super::record::{ClientRequest, Recorder};
use super::scenario::Protocol;
use super::system::System;
use super::truth::*;
use std::collections::BTreeMap;

pub fn truth(system: &System<'_>, record: &Recorder, captured: &Captured) -> Truth {
    let scenario = system.scenario;
    let cascade = cascade(system, record);
    let (affected, unaffected) = endpoints(record);
    let failed = record.clients.iter().filter(|request| request.failed).count();
    let nodes = || scenario.nodes.iter().map(|node| node.name.clone());
    Truth {
        id: scenario.name.clone(),
        title: scenario.description.clone(),
        seed: scenario.seed,
        root_cause: root_cause(system),
        faults: faults(system),
        onset_utc_ns: onset(system),
        end_utc_ns: end(system),
        capture_start_utc_ns: captured.first,
        capture_end_utc_ns: captured.last,
        first_symptom: first_symptom(&cascade, &record.clients),
        affected_services: cascade.iter().map(|entry| entry.service.clone()).collect(),
        cascade,
        affected_endpoints: affected,
        unaffected_endpoints: unaffected,
        requests_total: record.clients.len() as u64,
        requests_failed: failed as u64,
        counts: counts(system, &record.clients),
        protocols: protocols(system, record),
        services: services(system, record),
        packets: nodes().zip(captured.packets.iter().copied()).collect(),
        clock_skew_ns: nodes().zip(scenario.nodes.iter().map(|n| n.clock_skew.0)).collect(),
        links: links(system, captured),
        trace_headers: match scenario.trace_headers {
            true => vec!["x-request-id", "traceparent"],
            false => Vec::new(),
        },
        pods: pods(system),
        external: external(system),
    }
}

fn links(system: &System<'_>, captured: &Captured) -> Map<LinkTruth> {
    let name = |node: usize| &system.scenario.nodes[node].name;
    let link = |(&(from, to), &(segments, lost)): (&(usize, usize), &(u64, u64))| {
        (format!("{} > {}", name(from), name(to)), LinkTruth { segments, lost })
    };
    captured.links.iter().map(link).collect()
}

fn onset(system: &System<'_>) -> Option<i64> {
    system.faults.first().map(|fault| fault.from)
}

fn end(system: &System<'_>) -> Option<i64> {
    system.faults.first().map(|fault| fault.until).filter(|until| *until <= system.end())
}

fn root_cause(system: &System<'_>) -> Option<RootCause> {
    let service = system.services[system.faults.first()?.service].spec;
    let external = service.protocol == Protocol::External;
    Some(RootCause {
        kind: if external { "external" } else { "service" },
        name: service.name.clone(),
        namespace: if external { String::new() } else { service.namespace.clone() },
    })
}

fn faults(system: &System<'_>) -> Vec<FaultTruth> {
    let truth = |fault: &super::system::Fault<'_>| FaultTruth {
        kind: fault.spec.kind.name().into(),
        service: fault.spec.service.clone(),
        from_utc_ns: fault.from,
        until_utc_ns: Some(fault.until).filter(|until| *until != i64::MAX),
    };
    system.faults.iter().map(truth).collect()
}

fn cascade(system: &System<'_>, record: &Recorder) -> Vec<Cascade> {
    let mut cascade: Vec<Cascade> = system
        .services
        .iter()
        .zip(&record.touches)
        .filter_map(|(service, touch)| {
            let touch = touch.as_ref()?;
            Some(Cascade {
                service: service.spec.name.clone(),
                namespace: service.spec.namespace.clone(),
                symptom: if touch.error.is_some() { "failed" } else { "degraded" },
                first_utc_ns: touch.at,
                error: touch.error.clone(),
            })
        })
        .collect();
    cascade.sort_by_key(|entry| entry.first_utc_ns);
    cascade
}

fn first_symptom(cascade: &[Cascade], clients: &[ClientRequest]) -> Option<FirstSymptom> {
    let first = cascade.first()?;
    let failed = clients.iter().filter(|request| request.failed && request.touched);
    let failed = failed.min_by_key(|request| request.end).map(|request| FailedRequest {
        ts_utc_ns: request.end,
        request_start_utc_ns: request.start,
        endpoint: request.endpoint.clone(),
        status: request.status,
        elapsed_ms: millis(request.end - request.start),
        request_id: request.request_id.clone(),
    });
    Some(FirstSymptom {
        description: first.error.clone().unwrap_or_else(|| format!("{} is slow", first.service)),
        service: first.service.clone(),
        ts_utc_ns: first.first_utc_ns,
        first_failed_request: failed,
    })
}

/// Endpoints of the loads that the fault touched, and the others.
fn endpoints(record: &Recorder) -> (Vec<String>, Vec<String>) {
    let mut touched: Map<bool> = BTreeMap::new();
    for request in &record.clients {
        *touched.entry(request.endpoint.clone()).or_default() |= request.touched;
    }
    let pick = |wanted: bool| -> Vec<String> {
        let picked = touched.iter().filter(|(_, touched)| **touched == wanted);
        picked.map(|(name, _)| name.clone()).collect()
    };
    (pick(true), pick(false))
}

fn counts(system: &System<'_>, clients: &[ClientRequest]) -> Counts {
    let phase = |request: &ClientRequest| match (onset(system), end(system)) {
        (Some(onset), _) if request.start < onset => "before",
        (Some(_), Some(end)) if request.start >= end => "after",
        (Some(_), _) => "during",
        (None, _) => "healthy",
    };
    let mut endpoints: Map<Vec<&ClientRequest>> = BTreeMap::new();
    let mut phases: Map<Vec<&ClientRequest>> = BTreeMap::new();
    let mut both: Map<Map<Vec<&ClientRequest>>> = BTreeMap::new();
    for request in clients {
        let (phase, endpoint) = (phase(request).to_owned(), request.endpoint.clone());
        endpoints.entry(endpoint.clone()).or_default().push(request);
        phases.entry(phase.clone()).or_default().push(request);
        both.entry(phase).or_default().entry(endpoint).or_default().push(request);
    }
    let each = |groups: Map<Vec<&ClientRequest>>| -> Map<RequestCounts> {
        groups.into_iter().map(|(name, requests)| (name, request_counts(&requests))).collect()
    };
    Counts {
        overall: request_counts(&clients.iter().collect::<Vec<_>>()),
        per_endpoint: each(endpoints),
        per_phase: each(phases),
        per_phase_endpoint: both.into_iter().map(|(name, map)| (name, each(map))).collect(),
    }
}

fn request_counts(requests: &[&ClientRequest]) -> RequestCounts {
    let mut status = BTreeMap::new();
    for request in requests {
        *status.entry(request.status).or_default() += 1;
    }
    let mut elapsed: Vec<i64> = requests.iter().map(|r| r.end - r.start).collect();
    elapsed.sort_unstable();
    // The smallest value that so many percent of the values do not exceed.
    let percentile = |percent: usize| {
        let rank = (elapsed.len() * percent).div_ceil(100).max(1);
        millis(elapsed.get(rank - 1).copied().unwrap_or(0))
    };
    RequestCounts {
        requests: requests.len() as u64,
        failed: requests.iter().filter(|request| request.failed).count() as u64,
        status,
        p50_ms: percentile(50),
        p95_ms: percentile(95),
        p99_ms: percentile(99),
    }
}

/// Milliseconds with the digits of microseconds.
fn millis(nanos: i64) -> f64 {
    (nanos / 1000) as f64 / 1000.0
}

fn protocols(system: &System<'_>, record: &Recorder) -> Protocols {
    let mut sums = Protocols {
        tcp_conns: record.tcp_conns,
        tcp_refused: record.tcp_refused,
        tcp_unanswered: record.tcp_unanswered,
        ..Protocols::default()
    };
    for (service, messages) in system.services.iter().zip(&record.messages) {
        let (requests, responses, status) = match service.spec.protocol {
            Protocol::Http | Protocol::External => {
                (&mut sums.http_requests, &mut sums.http_responses, &mut sums.http_status)
            }
            Protocol::Dns => (&mut sums.dns_queries, &mut sums.dns_responses, &mut sums.dns_rcode),
            Protocol::Redis => {
                sums.redis_errors += messages.failed;
                (&mut sums.redis_commands, &mut sums.redis_replies, &mut sums.redis_status)
            }
        };
        *requests += messages.requests;
        *responses += messages.responses;
        for (label, count) in &messages.status {
            *status.entry(label.clone()).or_default() += count;
        }
    }
    sums
}

fn services(system: &System<'_>, record: &Recorder) -> Map<ServiceCounts> {
    let counts = system.services.iter().zip(&record.messages).map(|(service, messages)| {
        let counts = ServiceCounts {
            requests: messages.requests,
            responses: messages.responses,
            failed: messages.failed,
            status: messages.status.clone(),
        };
        (service.spec.name.clone(), counts)
    });
    counts.collect()
}

fn pods(system: &System<'_>) -> Map<PodTruth> {
    let pods = system.hosts.iter().filter_map(|host| {
        let pod = PodTruth {
            ip: host.ip.to_string(),
            node: system.scenario.nodes[host.node?].name.clone(),
            workload: host.workload.clone(),
            namespace: host.namespace.clone(),
        };
        Some((host.name.clone(), pod))
    });
    pods.collect()
}

fn external(system: &System<'_>) -> Map<String> {
    let external = system.hosts.iter().filter(|host| host.node.is_none());
    external.map(|host| (host.name.clone(), host.ip.to_string())).collect()
}
