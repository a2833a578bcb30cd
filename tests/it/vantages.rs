//! Three nodes with clocks of their own, services behind translated addresses, ways that are slow
//! in one direction, and one that loses: each call counts once, and what the nodes together know
//! is right.

use std::collections::BTreeMap;

use pcapsule::frame::{CALLS, CONNS, Dataset};
use pcapsule::synth::Scenario;
use polars::prelude::*;

use crate::support::dissect;

/// node-b and node-c never talk to each other. The way from node-a to node-b takes four times as
/// long as that back; from node-a to node-c every fiftieth segment is lost.
const SCENARIO: &str = r#"
name: vantages
description: Three nodes, two of which never talk
seed: 5
start: 2026-11-20T14:15:00Z
duration: 20s
nodes: [{name: node-a}, {name: node-b, clock_skew: 180ms}, {name: node-c, clock_skew: -35ms}]
network:
  cross_node: 300us
  jitter: 0.1
  links:
    - {from: node-a, to: node-b, delay: 2ms}
    - {from: node-b, to: node-a, delay: 500us}
    - {from: node-a, to: node-c, loss: 0.02}
capture: {level: 1}
service_addresses: true
services:
  - name: frontend
    namespace: shop
    protocol: http
    port: 8080
    nodes: [node-a]
    latency: {median: 1ms}
    endpoints:
      - operation: POST /cart
        request_bytes: 6000
        calls: [{to: cart, operation: POST /items}, {to: catalog, operation: GET /items}]
  - name: cart
    namespace: shop
    protocol: http
    port: 8080
    nodes: [node-c]
    latency: {median: 2ms}
    background: [{status: 500, rate: 0.02}]
    endpoints: [{operation: POST /items, request_bytes: 9000}]
  - name: catalog
    namespace: shop
    protocol: http
    port: 8080
    nodes: [node-b]
    latency: {median: 2ms}
    endpoints: [{operation: GET /items, response_bytes: 4000}]
  - {name: coredns, namespace: kube-system, protocol: dns, port: 53, nodes: [node-a], latency: {median: 100us}}
load:
  - {node: node-a, to: frontend, rate: 40, mix: [{operation: POST /cart, weight: 1}]}
"#;

fn text(row: &AnyValue<'_>) -> String {
    row.get_str().unwrap_or("").to_string()
}

/// Calls by the service that was called: how many, and the median of `network_time`.
fn by_service(dataset: &Dataset) -> BTreeMap<String, (u64, i64)> {
    let workloads = dataset.workloads().unwrap().lazy().select([col("id"), col("service")]);
    let calls = dataset.scan(CALLS).unwrap().unwrap();
    let found = calls
        .join(workloads, [col("dst_id")], [col("id")], JoinType::Inner.into())
        .group_by([col("service")])
        .agg([
            len().cast(DataType::UInt64).alias("n"),
            col("network_time").median().cast(DataType::Int64).alias("way"),
        ])
        .collect()
        .unwrap();
    let rows = (0..found.height()).map(|row| found.get_row(row).unwrap().0);
    rows.map(|row| {
        let n = row[1].extract::<u64>().unwrap();
        (text(&row[0]), (n, row[2].extract::<i64>().unwrap_or(0)))
    })
    .collect()
}

#[test]
fn three_nodes_tell_one_story() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Scenario::parse("vantages.yaml", SCENARIO)
        .unwrap()
        .generate(&dir.path().join("synth"))
        .unwrap();
    let dataset = dissect(&[dir.path().join("synth")], &dir.path().join("cache")).unwrap();
    let meta = &dataset.meta;

    // Calls and connections count once.
    let http = &meta.protocols["http1"];
    assert_eq!(http.requests, truth.protocols.http_requests);
    assert_eq!(http.responses, truth.protocols.http_responses);
    assert_eq!(meta.protocols["dns"].requests, truth.protocols.dns_queries);
    let conns = dataset.scan(CONNS).unwrap().unwrap();
    let tcp = conns.filter(col("protocol").eq(lit("TCP"))).collect().unwrap();
    assert_eq!(tcp.height() as u64, truth.protocols.tcp_conns);

    // The pods behind the services' addresses are named.
    let services = by_service(&dataset);
    for name in ["frontend", "cart", "catalog"] {
        assert_eq!(services[name].0, truth.services[name].requests, "calls to {name}");
    }

    // Each clock is right within its bound; where both ways take as long, within a millisecond.
    for coverage in &meta.coverage {
        let off = coverage.clock_ahead_ns.unwrap() - truth.clock_skew_ns[&coverage.node];
        let bound = coverage.clock_bound_ns.unwrap();
        assert!(off.abs() <= bound, "{} is off by {off} ns of {bound}", coverage.node);
        assert!(bound < 2_000_000, "{}: {bound} ns", coverage.node);
        assert!(coverage.node == "node-b" || off.abs() < 1_000_000, "{}: {off}", coverage.node);
    }

    // What the network took does not depend on clocks.
    let near = |got: i64, want: i64| (got - want).abs() <= want / 5;
    assert!(near(services["catalog"].1, 2_500), "{services:?}");
    assert!(near(services["cart"].1, 600), "{services:?}");

    // The way that loses is named, with what it lost.
    let lossy: Vec<_> = meta.links.iter().filter(|link| link.lost_bytes > 0).collect();
    let names: Vec<_> = lossy.iter().map(|link| (&*link.from, &*link.to)).collect();
    assert_eq!(names, [("node-a", "node-c")]);
    let link = &truth.links["node-a > node-c"];
    assert!(link.lost > 20, "{link:?}");
    assert_eq!((lossy[0].segments, lossy[0].lost_segments), (link.segments, link.lost));
}
