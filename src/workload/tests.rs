//! Whole directories from small listings, and from the recorded incidents when they are at hand.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::limits::Limits;

const SECOND: i64 = 1_000_000_000;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Nanoseconds of a clock time on the day of the tests.
fn clock(time: &str) -> i64 {
    objects::parse_moment(&format!("2026-11-20T{time}Z")).expect("a time")
}

fn stamp(time: &str) -> String {
    format!("2026-11-20T{time}Z")
}

fn directory(items: &[Value]) -> Directory {
    let mut metadata = Metadata::default();
    let list = json!({"kind": "List", "items": items}).to_string();
    metadata.read_cluster_from(list.as_bytes(), Path::new("test")).expect("a listing");
    Directory::build(metadata)
}

fn with_sidecar(lines: &[Value]) -> Directory {
    let mut metadata = Metadata::default();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let counts = metadata.read_sidecar_from("node-a", text.as_bytes(), &Limits::default());
    assert_eq!((counts.broken, counts.cut), (0, false), "{counts:?}");
    Directory::build(metadata)
}

fn pod(name: &str, uid: &str, address: &str, start: &str) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "labels": {"app": "cart"},
            "creationTimestamp": stamp(start)},
        "spec": {"nodeName": "node-a"},
        "status": {"phase": "Running", "podIP": address, "hostIP": "172.20.0.11",
            "startTime": stamp(start)}
    })
}

fn service(name: &str, address: &str, selector: Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"clusterIP": address, "selector": selector, "ports": [{"port": 80, "nodePort": 30080}]}})
}

fn node(name: &str, address: &str) -> Value {
    json!({"kind": "Node", "metadata": {"name": name, "uid": name},
        "spec": {"podCIDR": "10.244.0.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name}]}})
}

fn merge(mut base: Value, patch: Value) -> Value {
    for (pointer, value) in patch.as_object().expect("an object") {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        base.pointer_mut(parent).expect("a parent")[key] = value.clone();
    }
    base
}

/// Name and how, of whoever has the address.
fn who(directory: &Directory, address: &str, port: u16, ts_ns: i64) -> (String, &'static str) {
    let found = directory.find(ip(address), port, ts_ns);
    (directory.row(found.id, ip(address)).name.to_string(), found.how.name())
}

#[test]
fn pods_recreated_on_one_address() {
    let ended = merge(
        pod("cart-a", "1", "10.244.0.5", "10:00:00"),
        json!({"/metadata/deletionTimestamp": stamp("11:00:00")}),
    );
    let directory = directory(&[ended, pod("cart-b", "2", "10.244.0.5", "11:00:30")]);
    let at = |time| who(&directory, "10.244.0.5", 80, clock(time));
    assert_eq!(at("09:59:59"), ("10.244.0.5".into(), "unresolved"));
    assert_eq!(at("10:00:00"), ("cart-a".into(), "pod ip"));
    assert_eq!(at("11:00:29"), ("cart-a".into(), "pod ip after its end"));
    assert_eq!(at("11:00:30"), ("cart-b".into(), "pod ip"));
    assert_eq!(at("23:00:00"), ("cart-b".into(), "pod ip"));
    let row = &directory.rows()[0];
    assert_eq!((row.from_ns, row.to_ns), (clock("10:00:00"), clock("11:00:00")));
}

#[test]
fn a_finished_pod_gives_its_address_back() {
    let done = merge(
        pod("job-x", "1", "10.244.0.6", "10:00:00"),
        json!({"/status/phase": "Succeeded", "/status/containerStatuses": [
            {"name": "a", "state": {"terminated": {"exitCode": 0, "finishedAt": stamp("10:05:00")}}},
            {"name": "b", "state": {"terminated": {"exitCode": 0, "finishedAt": stamp("10:06:00")}}}]}),
    );
    let directory = directory(&[done]);
    let at = |time| directory.find(ip("10.244.0.6"), 1, clock(time)).how.name();
    assert_eq!(at("10:05:59"), "pod ip");
    assert_eq!(at("10:06:59"), "pod ip after its end");
    assert_eq!(at("10:07:00"), "unresolved");
}

#[test]
fn host_network_pods_are_told_by_their_ports() {
    let proxy = merge(
        pod("ingress-x", "9", "172.20.0.11", "10:00:00"),
        json!({"/spec/hostNetwork": true, "/spec/containers": [
            {"image": "ingress", "ports": [{"containerPort": 443}]}]}),
    );
    let directory = directory(&[
        proxy,
        node("node-a", "172.20.0.11"),
        service("cart", "10.96.0.9", json!({"app": "none"})),
    ]);
    let at = |port| who(&directory, "172.20.0.11", port, clock("12:00:00"));
    assert_eq!(at(443), ("ingress-x".into(), "host port"));
    assert_eq!(at(10250), ("node-a".into(), "node address"));
    assert_eq!(at(30080), ("cart".into(), "service node port"));
    let bridge = who(&directory, "10.244.0.1", 50000, clock("12:00:00"));
    assert_eq!(bridge, ("node-a".into(), "node pod network"));
}

#[test]
fn services_by_slice_before_selector_and_addresses_outside_pods() {
    let slice = json!({"kind": "EndpointSlice",
        "metadata": {"name": "cart-x", "namespace": "shop", "uid": "s1",
            "labels": {"kubernetes.io/service-name": "cart"}},
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": ["10.244.0.5"],
            "targetRef": {"kind": "Pod", "namespace": "shop", "name": "cart-a", "uid": "1"}}]});
    let legacy = json!({"kind": "EndpointSlice",
        "metadata": {"name": "db-x", "namespace": "shop", "uid": "s2",
            "labels": {"kubernetes.io/service-name": "legacy-db"}},
        "ports": [{"port": 5432}], "endpoints": [{"addresses": ["192.168.7.7"]}]});
    let api = json!({"kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default", "uid": "s3",
            "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "ports": [{"port": 6443}], "endpoints": [{"addresses": ["172.20.0.11"]}]});
    let directory = directory(&[
        slice,
        legacy,
        api,
        node("node-a", "172.20.0.11"),
        pod("cart-a", "1", "10.244.0.5", "10:00:00"),
        pod("cart-b", "2", "10.244.0.6", "10:00:00"),
        service("cart", "10.96.0.9", json!({"app": "nothing"})),
        service("all", "None", json!({"app": "cart"})),
    ]);
    let now = clock("12:00:00");
    let row = |address| {
        let id = directory.resolve(ip(address), 0, now);
        directory.row(id, ip(address))
    };
    assert_eq!(row("10.244.0.5").service, "cart", "the slice says so");
    assert_eq!(row("10.244.0.6").service, "all", "the selector, as no slice names the pod");
    let cluster = row("10.96.0.9");
    assert_eq!((&*cluster.kind, &*cluster.pod, &*cluster.workload), ("service", "cart", "cart-a"));
    assert_eq!(who(&directory, "192.168.7.7", 1, now), ("legacy-db".into(), "endpoint slice"));
    assert_eq!(who(&directory, "172.20.0.11", 6443, now), ("kubernetes".into(), "endpoint slice"));
    assert_eq!(who(&directory, "172.20.0.11", 22, now), ("node-a".into(), "node address"));
}

#[test]
fn workloads_by_owner() {
    let owned = |name: &str, uid: &str, address: &str, kind: &str, owner: &str| {
        merge(
            pod(name, uid, address, "10:00:00"),
            json!({"/metadata/ownerReferences": [
                {"kind": kind, "name": owner, "uid": "o", "controller": true}]}),
        )
    };
    let set = json!({"kind": "ReplicaSet", "metadata": {"name": "odd-name", "namespace": "shop",
        "uid": "r", "ownerReferences": [{"kind": "Deployment", "name": "cart", "uid": "d"}]}});
    let directory = directory(&[
        set,
        owned("a", "1", "10.0.0.1", "ReplicaSet", "odd-name"),
        owned("b", "2", "10.0.0.2", "ReplicaSet", "pay-api-5fknnc9tdz"),
        owned("c", "3", "10.0.0.3", "StatefulSet", "redis-primary"),
        owned("api-node-a", "4", "10.0.0.4", "Node", "node-a"),
        pod("alone", "5", "10.0.0.5", "10:00:00"),
    ]);
    let workload = |last: u8| {
        let address = IpAddr::from([10, 0, 0, last]);
        directory.row(directory.resolve(address, 0, clock("12:00:00")), address).workload
    };
    let all: Vec<_> = (1..=5).map(workload).collect();
    assert_eq!(all, ["cart", "pay-api", "redis-primary", "api", "alone"]);
}

#[test]
fn sidecar_changes_count_from_when_they_were_seen() {
    let upsert =
        |ts: &str, object: Value| merge(object, json!({"/ts": stamp(ts), "/op": "upsert"}));
    let pending = pod("cart-a", "1", "", "10:00:00");
    let directory = with_sidecar(&[
        upsert("10:10:00", pod("cart-a", "1", "10.244.0.9", "10:00:00")),
        upsert("10:00:01", pending),
        upsert("10:00:03", pod("cart-a", "1", "10.244.0.5", "10:00:00")),
        json!({"ts": stamp("10:20:00"), "op": "delete", "kind": "Pod",
            "metadata": {"name": "cart-a", "namespace": "shop", "uid": "1"}}),
    ]);
    let at = |address, time| directory.find(ip(address), 0, clock(time)).how.name();
    assert_eq!(at("10.244.0.5", "10:00:00"), "pod ip");
    assert_eq!(at("10.244.0.5", "10:10:00"), "unresolved");
    assert_eq!(at("10.244.0.9", "10:09:59"), "unresolved");
    assert_eq!(at("10.244.0.9", "10:10:00"), "pod ip");
    assert_eq!(at("10.244.0.9", "10:20:00"), "pod ip after its end");
    let reasons: Vec<_> = directory.changes().iter().map(|c| c.reason.as_str()).collect();
    assert_eq!(reasons, ["Created", "Deleted"]);
}

#[test]
fn the_order_of_reading_does_not_matter() {
    let items = [
        node("node-a", "172.20.0.11"),
        pod("cart-b", "2", "10.244.0.6", "10:00:00"),
        pod("cart-a", "1", "10.244.0.5", "10:00:00"),
        service("cart", "10.96.0.9", json!({"app": "cart"})),
    ];
    let mut reversed = items.clone();
    reversed.reverse();
    let (one, other) = (directory(&items), directory(&reversed));
    assert_eq!(one.rows(), other.rows());
    assert_eq!(one.claims(), other.claims());
    assert_eq!(one.changes(), other.changes());
    let names: Vec<_> = one.rows().iter().map(|row| (row.id, row.name.as_str())).collect();
    assert_eq!(names, [(0, "node-a"), (1, "cart-a"), (2, "cart-b"), (3, "cart")]);
}

#[test]
fn changes_from_events_containers_and_endpoints() {
    let killed = merge(
        pod("pay-a", "1", "10.244.0.7", "10:00:00"),
        json!({"/status/containerStatuses": [{"name": "pay", "restartCount": 1,
            "state": {"running": {"startedAt": stamp("11:00:30")}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled",
                "finishedAt": stamp("11:00:00")}}}]}),
    );
    let event = json!({"kind": "Event", "metadata": {"name": "e", "namespace": "shop", "uid": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "pay-a"},
        "reason": "Unhealthy", "message": "Readiness probe failed", "count": 3,
        "firstTimestamp": stamp("11:00:02"), "lastTimestamp": stamp("11:00:22")});
    let slice = |ts: &str, ready: bool| {
        json!({"ts": stamp(ts), "op": "upsert", "kind": "EndpointSlice",
            "metadata": {"name": "pay-x", "namespace": "shop", "uid": "s",
                "labels": {"kubernetes.io/service-name": "pay"}},
            "endpoints": [{"addresses": ["10.244.0.7"], "conditions": {"ready": ready}}]})
    };
    let dated = |object: Value| merge(object, json!({"/ts": stamp("11:59:00"), "/op": "upsert"}));
    let directory = with_sidecar(&[
        dated(killed),
        dated(event),
        slice("10:30:00", true),
        slice("11:00:12", false),
    ]);
    let all: Vec<_> = directory
        .changes()
        .iter()
        .map(|c| (c.ts_ns, c.last_ns - c.ts_ns, &*c.kind, &*c.name, &*c.reason, &*c.what))
        .collect();
    assert_eq!(
        all,
        [
            (clock("10:00:00"), 0, "Pod", "pay-a", "Created", ""),
            (
                clock("11:00:00"),
                0,
                "Pod",
                "pay-a",
                "OOMKilled",
                "container pay ended with exit code 137"
            ),
            (
                clock("11:00:02"),
                20 * SECOND,
                "Pod",
                "pay-a",
                "Unhealthy",
                "Readiness probe failed (3 times)"
            ),
            (
                clock("11:00:12"),
                0,
                "Service",
                "pay",
                "EndpointsChanged",
                "0 ready, before 1: -10.244.0.7"
            ),
            (clock("11:00:30"), 0, "Pod", "pay-a", "Restarted", "container pay, restart 1"),
        ]
    );
}

#[test]
fn people_see_the_most_telling_name() {
    let row = |workload: &str, service: &str, node: &str, dns: &str| WorkloadRow {
        workload: workload.into(),
        service: service.into(),
        node: node.into(),
        dns: dns.into(),
        name: "10.0.0.1".into(),
        ..WorkloadRow::default()
    };
    assert_eq!(row("cart", "cart-svc", "node-a", "x").display_name(), "cart");
    assert_eq!(row("", "cart-svc", "node-a", "x").display_name(), "cart-svc");
    assert_eq!(row("", "", "node-a", "x").display_name(), "node-a");
    assert_eq!(row("", "", "", "api.example.com").display_name(), "api.example.com");
    assert_eq!(row("", "", "", "").display_name(), "10.0.0.1");
}

/// The recorded incident's directory, where the recordings are at hand.
fn recorded(id: &str) -> Option<Directory> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/lab/{id}/cluster.json"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let mut metadata = Metadata::default();
    metadata.read_cluster(&path).expect("a listing");
    Some(Directory::build(metadata))
}

#[test]
fn recorded_cluster_names_its_addresses() {
    let Some(directory) = recorded("1") else { return };
    assert_eq!(directory.rows().len(), 19 + 9 + 3);
    let now = clock("18:50:00");
    let seen = |address: &str| {
        let found = directory.find(ip(address), 8080, now);
        let row = directory.row(found.id, ip(address));
        let name = row.display.to_string();
        (name, row.service.to_string(), row.namespace.to_string(), found.how.name())
    };
    let expect = |name: &str, service: &str, namespace: &str, how| {
        (name.to_owned(), service.to_owned(), namespace.to_owned(), how)
    };
    assert_eq!(seen("10.244.2.86"), expect("cart", "cart", "shop", "pod ip"));
    assert_eq!(seen("10.244.1.40"), expect("redis", "redis", "shop", "pod ip"));
    assert_eq!(seen("10.244.0.52"), expect("coredns", "kube-dns", "kube-system", "pod ip"));
    assert_eq!(seen("10.244.0.59"), expect("loadgen", "", "load", "pod ip"));
    assert_eq!(
        seen("10.96.0.10"),
        expect("coredns", "kube-dns", "kube-system", "service cluster ip")
    );
    assert_eq!(seen("172.20.0.12"), expect("node-b", "", "", "node address"));
    assert_eq!(seen("10.244.1.1"), expect("node-b", "", "", "node pod network"));
    assert_eq!(seen("203.0.113.10"), expect("203.0.113.10", "", "", "address"));
}

#[test]
fn recorded_restarts_are_changes() {
    let Some(directory) = recorded("3") else { return };
    let killed: Vec<_> = directory.changes().iter().filter(|c| c.reason == "OOMKilled").collect();
    assert_eq!(killed.len(), 3);
    assert!(killed.iter().all(|c| c.name.starts_with("payment-") && c.ts_ns == clock("18:52:22")));
    assert_eq!(directory.changes().iter().filter(|c| c.reason == "BackOff").count(), 3);
}
