//! The system -> `cluster.json`, in the shape of `kubectl get pods,services,endpointslices,nodes,
//! replicasets -A -o json`: what stands there in a real cluster and matters for names.

use super::host::{Host, node_ip};
use super::random::hash;
use super::scenario::{self, Protocol};
use super::system::{Service, System};
use serde_json::{Value, json};

/// Cluster and its workloads are older than the capture by this much.
const CLUSTER_AGE_S: i64 = 40 * 86_400;
const POD_AGE_S: i64 = 26 * 3600;

pub fn cluster(system: &System<'_>) -> Value {
    let mut items = Vec::new();
    items.extend(pods(system).map(|(_, host)| pod(system, host)));
    for service in &system.services {
        if service.spec.protocol == Protocol::External {
            continue;
        }
        items.push(service_object(system, service));
        items.push(endpoint_slice(system, service));
    }
    items.extend((0..).zip(&system.scenario.nodes).map(|(i, node)| node_object(system, i, node)));
    items.extend(replica_sets(system));
    let mut list = json!({
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"resourceVersion": ""},
        "items": items,
    });
    // The order of keys must not depend on how serde_json was built.
    list.sort_all_objects();
    list
}

fn pods<'s>(system: &'s System<'_>) -> impl Iterator<Item = (usize, &'s Host)> {
    system.hosts.iter().filter_map(|host| Some((host.node?, host)))
}

fn pod(system: &System<'_>, host: &Host) -> Value {
    let node = host.node.unwrap_or(0);
    let (ip, node_ip) = (host.ip.to_string(), node_ip(node).to_string());
    let service = system.services.iter().find(|service| service.spec.name == host.workload);
    let ports: Vec<Value> = service.into_iter().map(|s| container_port(s.spec)).collect();
    let started = time(system, POD_AGE_S - 5);
    let ready = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": started});
    let mut labels = labels(host);
    labels["pod-template-hash"] = json!(template_hash(host));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": host.name,
            "generateName": format!("{}-", host.replica_set),
            "namespace": host.namespace,
            "uid": uid("Pod", &host.namespace, &host.name),
            "creationTimestamp": time(system, POD_AGE_S),
            "labels": labels,
            "ownerReferences": [owner("apps/v1", "ReplicaSet", &host.namespace, &host.replica_set)],
        },
        "spec": {
            "nodeName": system.scenario.nodes[node].name,
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "containers": [{
                "name": host.workload,
                "image": format!("registry.example/{}/{}:1.4", host.namespace, host.workload),
                "ports": ports,
            }],
        },
        "status": {
            "phase": "Running",
            "hostIP": node_ip,
            "hostIPs": [{"ip": node_ip}],
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": started,
            "conditions": [ready("Initialized"), ready("Ready"), ready("PodScheduled")],
            "containerStatuses": [{
                "name": host.workload,
                "ready": true,
                "started": true,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
            }],
        },
    })
}

/// Where names resolve to the addresses of pods the services are headless, but for that of DNS.
fn service_object(system: &System<'_>, service: &Service<'_>) -> Value {
    let spec = service.spec;
    let dns = spec.protocol == Protocol::Dns;
    let own = service.address.map(|ip| ip.to_string());
    let cluster_ip = own.as_deref().unwrap_or(if dns { "10.96.0.10" } else { "None" });
    let (name, app) = (service_name(spec), &spec.name);
    let transport = transport(spec);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": spec.namespace,
            "uid": uid("Service", &spec.namespace, name),
            "creationTimestamp": time(system, CLUSTER_AGE_S),
            "labels": {"app": app},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": cluster_ip,
            "clusterIPs": [cluster_ip],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "selector": {"app": app},
            "ports": [{
                "name": port_name(spec),
                "port": spec.port,
                "protocol": transport,
                "targetPort": spec.port,
            }],
        },
        "status": {"loadBalancer": {}},
    })
}

fn endpoint_slice(system: &System<'_>, service: &Service<'_>) -> Value {
    let spec = service.spec;
    let name = service_name(spec);
    let endpoints = service.hosts.iter().map(|&host| {
        let host = &system.hosts[host];
        json!({
            "addresses": [host.ip.to_string()],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": host.node.map(|node| &system.scenario.nodes[node].name),
            "targetRef": {
                "kind": "Pod",
                "name": host.name,
                "namespace": host.namespace,
                "uid": uid("Pod", &host.namespace, &host.name),
            },
        })
    });
    let suffix = hash(0, name.as_bytes()) & 0xf_ffff;
    let slice = format!("{name}-{suffix:05x}");
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {
            "name": slice,
            "namespace": spec.namespace,
            "uid": uid("EndpointSlice", &spec.namespace, &slice),
            "creationTimestamp": time(system, CLUSTER_AGE_S),
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner("v1", "Service", &spec.namespace, name)],
        },
        "endpoints": endpoints.collect::<Vec<_>>(),
        "ports": [{"name": port_name(spec), "port": spec.port, "protocol": transport(spec)}],
    })
}

fn node_object(system: &System<'_>, number: usize, node: &scenario::Node) -> Value {
    let pod_cidr = format!("10.244.{number}.0/24");
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": uid("Node", "", &node.name),
            "creationTimestamp": time(system, CLUSTER_AGE_S),
            "labels": {
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node_ip(number).to_string()},
                {"type": "Hostname", "address": node.name},
            ],
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "lastTransitionTime": time(system, CLUSTER_AGE_S),
            }],
            "nodeInfo": {
                "kubeletVersion": "v1.31.4",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    })
}

/// One per workload; its pods are those that name it.
fn replica_sets(system: &System<'_>) -> Vec<Value> {
    let mut sets: Vec<(&Host, usize)> = Vec::new();
    for (_, host) in pods(system) {
        match sets.iter_mut().find(|(first, _)| first.replica_set == host.replica_set) {
            Some((_, count)) => *count += 1,
            None => sets.push((host, 1)),
        }
    }
    let object = |(host, count): (&Host, usize)| {
        let namespace = &host.namespace;
        json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": host.replica_set,
                "namespace": namespace,
                "uid": uid("ReplicaSet", namespace, &host.replica_set),
                "creationTimestamp": time(system, POD_AGE_S),
                "labels": labels(host),
                "ownerReferences": [owner("apps/v1", "Deployment", namespace, &host.workload)],
            },
            "spec": {"replicas": count, "selector": {"matchLabels": {"app": host.workload}}},
            "status": {"replicas": count, "readyReplicas": count, "availableReplicas": count},
        })
    };
    sets.into_iter().map(object).collect()
}

fn labels(host: &Host) -> Value {
    json!({"app": host.workload, "app.kubernetes.io/name": host.workload, "version": "1.4"})
}

fn template_hash(host: &Host) -> &str {
    host.replica_set.rsplit('-').next().unwrap_or_default()
}

/// The DNS service goes by the name that every cluster gives it.
fn service_name(spec: &scenario::Service) -> &str {
    if spec.protocol == Protocol::Dns { "kube-dns" } else { &spec.name }
}

fn port_name(spec: &scenario::Service) -> &'static str {
    match spec.protocol {
        Protocol::Http | Protocol::External => "http",
        Protocol::Redis => "redis",
        Protocol::Dns => "dns",
    }
}

fn transport(spec: &scenario::Service) -> &'static str {
    if spec.protocol == Protocol::Dns { "UDP" } else { "TCP" }
}

fn container_port(spec: &scenario::Service) -> Value {
    json!({"name": port_name(spec), "containerPort": spec.port, "protocol": transport(spec)})
}

fn owner(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid(kind, namespace, name),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// A UUID in form, the same wherever the object is named.
fn uid(kind: &str, namespace: &str, name: &str) -> String {
    let text = format!("{kind}/{namespace}/{name}");
    let (high, low) = (hash(1, text.as_bytes()), hash(2, text.as_bytes()));
    let hex = format!("{high:016x}{low:016x}");
    let parts = [&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]];
    format!("{}-{}-4{}-a{}-{}", parts[0], parts[1], parts[2], parts[3], parts[4])
}

/// So many seconds before the capture, RFC 3339.
fn time(system: &System<'_>, age_s: i64) -> String {
    let second = system.start() / 1_000_000_000 - age_s;
    jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
}
