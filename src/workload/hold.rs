//! The addresses that one state of an object stands behind.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::claim::{Hold, How, holds_over_time};
use super::directory::address;
use super::metadata::{Life, Metadata};
use super::objects::{Endpoint, EndpointSlice, Moment, Node, Pod, Service};

/// Stands for every node's address in a claim on a node port.
pub(super) const ANY_NODE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A pod's own addresses; one in the node's network has the node's, and only its ports tell it
/// apart.
pub(super) fn of_pod(pod: &Pod) -> Vec<Hold> {
    let host = address(&pod.status.host_ip);
    let own = [&pod.status.pod_ip].into_iter().chain(pod.status.pod_ips.iter().map(|a| &a.ip));
    let own: BTreeSet<IpAddr> = own.filter_map(|text| address(text)).collect();
    let in_host_network = pod.spec.host_network || host.is_some_and(|host| own.contains(&host));
    let mut holds = Vec::new();
    for port in pod.spec.containers.iter().flat_map(|container| &container.ports) {
        let port = match in_host_network {
            true => port.container_port,
            false => port.host_port,
        };
        let on_host = host.filter(|_| port != 0);
        holds.extend(on_host.map(|ip| Hold { ip, port: Some(port), how: How::HostPort }));
    }
    if !in_host_network {
        holds.extend(own.into_iter().map(|ip| Hold { ip, port: None, how: How::PodIp }));
    }
    holds
}

/// When the containers of a pod that has run to its end stopped.
pub(super) fn finished(pod: &Pod) -> Moment {
    if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        return Moment(None);
    }
    let terminated =
        pod.status.container_statuses.iter().filter_map(|c| c.state.terminated.as_ref());
    Moment(terminated.filter_map(|t| t.finished_at.0).max())
}

/// A service's cluster addresses, those outside with each of its ports, and its node ports.
///
/// An outside address may be a node's own (bare-metal load balancers do that); there the ports
/// tell.
pub(super) fn of_service(service: &Service) -> Vec<Hold> {
    let spec = &service.spec;
    let cluster = [&spec.cluster_ip].into_iter().chain(&spec.cluster_ips);
    let outside: Vec<IpAddr> = spec
        .external_ips
        .iter()
        .chain(service.status.load_balancer.ingress.iter().map(|ingress| &ingress.ip))
        .filter_map(|text| address(text))
        .collect();
    let mut holds: Vec<Hold> = cluster
        .filter_map(|text| address(text))
        .map(|ip| Hold { ip, port: None, how: How::ClusterIp })
        .collect();
    for &ip in &outside {
        holds.push(Hold { ip, port: None, how: How::ExternalIp });
        holds.extend(spec.ports.iter().map(|p| Hold {
            ip,
            port: Some(p.port),
            how: How::ExternalIp,
        }));
    }
    let node_ports = spec.ports.iter().map(|p| p.node_port).filter(|&port| port != 0);
    holds.extend(node_ports.map(|p| Hold { ip: ANY_NODE, port: Some(p), how: How::NodePort }));
    holds
}

/// A node's addresses, and the first two of its pod network: CNI bridges take those, and the
/// kubelet's probes come from there.
pub(super) fn of_node(node: &Node) -> Vec<Hold> {
    let own =
        node.status.addresses.iter().filter(|a| matches!(&*a.kind, "InternalIP" | "ExternalIP"));
    let mut holds: Vec<Hold> = own
        .filter_map(|a| address(&a.address))
        .map(|ip| Hold { ip, port: None, how: How::NodeAddress })
        .collect();
    for network in [&node.spec.pod_cidr].into_iter().chain(&node.spec.pod_cidrs) {
        let base = network.split_once('/').and_then(|(base, _)| address(base));
        let first = base.into_iter().flat_map(|base| [Some(base), next(base)]);
        holds.extend(first.flatten().map(|ip| Hold { ip, port: None, how: How::PodNetwork }));
    }
    holds
}

fn next(ip: IpAddr) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(Ipv4Addr::from)?.into(),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(std::net::Ipv6Addr::from)?.into(),
    })
}

/// Endpoints that are no pod we know: machines outside the cluster behind a service without
/// selector, or the API server's nodes. By namespace and name of the service.
pub(super) fn outside_pods(metadata: &Metadata) -> BTreeMap<(&str, &str), Vec<(Hold, Life)>> {
    let pods: BTreeSet<(&str, &str)> =
        metadata.pods.keys().map(|key| (&*key.namespace, &*key.name)).collect();
    let is_outside = |endpoint: &Endpoint| match &endpoint.target_ref {
        Some(target) if target.kind == "Pod" => {
            !pods.contains(&(target.namespace.as_str(), target.name.as_str()))
        }
        _ => true,
    };
    let mut outside: BTreeMap<(&str, &str), Vec<(Hold, Life)>> = BTreeMap::new();
    for (key, versions) in &metadata.slices {
        let Some(slice) = versions.last().filter(|slice| !slice.service().is_empty()) else {
            continue;
        };
        let holds = holds_over_time(versions, Life::of(versions), |slice| {
            slice
                .endpoints
                .iter()
                .filter(|e| is_outside(e))
                .flat_map(|e| of_endpoint(e, slice))
                .collect()
        });
        outside.entry((&key.namespace, slice.service())).or_default().extend(holds);
    }
    outside
}

fn of_endpoint(endpoint: &Endpoint, slice: &EndpointSlice) -> Vec<Hold> {
    let mut holds = Vec::new();
    for ip in endpoint.addresses.iter().filter_map(|text| address(text)) {
        let ports = slice.ports.iter().map(|p| Some(p.port)).chain([None]);
        holds.extend(ports.map(|port| Hold { ip, port, how: How::EndpointSlice }));
    }
    holds
}
