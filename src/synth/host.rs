//! Places workloads: pods on nodes with names, addresses and MACs as a bridge CNI gives them, and
//! hosts outside the cluster.

use super::random::Random;
use std::net::Ipv4Addr;

/// Whoever has an address: a pod, or an external host.
#[derive(Debug, Clone)]
pub struct Host {
    /// Pod name, or DNS name of an external host.
    pub name: String,
    pub namespace: String,
    /// Name of the service or load that it belongs to.
    pub workload: String,
    /// Empty for external hosts.
    pub replica_set: String,
    pub ip: Ipv4Addr,
    /// Node number; none for external hosts.
    pub node: Option<usize>,
}

impl Host {
    /// What the bridge plugin gives an interface: 0a:58 and the address.
    pub fn mac(&self) -> [u8; 6] {
        mac(self.ip)
    }
}

pub fn mac(ip: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = ip.octets();
    [0x0a, 0x58, a, b, c, d]
}

/// Address of a node's pod bridge, the gateway of its pods.
pub fn bridge(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 244, node as u8, 1)
}

/// Address of a node itself.
pub fn node_ip(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(172, 20, 0, 11 + node as u8)
}

/// Nodes, and pods per node, that the addressing has room for.
pub const NODES_MAX: usize = 64;
pub const PODS_PER_NODE_MAX: usize = 200;

/// Hands out names and addresses in the order of the scenario.
pub struct Placement {
    names: Random,
    /// Pods so far on each node.
    pods: Vec<usize>,
    next_node: usize,
}

impl Placement {
    pub fn new(seed: u64, nodes: usize) -> Self {
        Placement { names: Random::stream(seed, "names", 0), pods: vec![0; nodes], next_node: 0 }
    }

    /// The pods of one workload: on `nodes` in turn, or, when empty, going on around all nodes.
    /// None when a node is full.
    pub fn pods(
        &mut self,
        namespace: &str,
        workload: &str,
        replicas: usize,
        nodes: &[usize],
    ) -> Option<Vec<Host>> {
        let replica_set = format!("{workload}-{}", self.suffix(10));
        (0..replicas)
            .map(|replica| {
                let node = self.node(nodes, replica);
                let count = self.pods.get_mut(node).filter(|n| **n < PODS_PER_NODE_MAX)?;
                *count += 1;
                let ip = Ipv4Addr::new(10, 244, node as u8, 9 + *count as u8);
                Some(Host {
                    name: format!("{replica_set}-{}", self.suffix(5)),
                    namespace: namespace.into(),
                    workload: workload.into(),
                    replica_set: replica_set.clone(),
                    ip,
                    node: Some(node),
                })
            })
            .collect()
    }

    pub fn external(&self, name: &str, ip: Ipv4Addr) -> Host {
        Host {
            name: name.into(),
            namespace: String::new(),
            workload: name.into(),
            replica_set: String::new(),
            ip,
            node: None,
        }
    }

    fn node(&mut self, nodes: &[usize], replica: usize) -> usize {
        if let Some(&node) = nodes.get(replica % nodes.len().max(1)) {
            return node;
        }
        self.next_node += 1;
        (self.next_node - 1) % self.pods.len()
    }

    /// Letters and digits as Kubernetes picks them: none that could form a word.
    fn suffix(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(ALPHABET[self.names.below(27) as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_go_round_the_nodes() {
        let mut placement = Placement::new(1, 3);
        let a = placement.pods("shop", "a", 2, &[]).unwrap();
        let b = placement.pods("shop", "b", 2, &[]).unwrap();
        let fixed = placement.pods("shop", "c", 3, &[1]).unwrap();
        let nodes = |hosts: &[Host]| hosts.iter().filter_map(|h| h.node).collect::<Vec<_>>();
        assert_eq!((nodes(&a), nodes(&b), nodes(&fixed)), (vec![0, 1], vec![2, 0], vec![1, 1, 1]));
        assert_eq!(a[0].ip, Ipv4Addr::new(10, 244, 0, 10));
        assert_eq!(b[1].ip, Ipv4Addr::new(10, 244, 0, 11));
        assert_eq!(a[0].mac(), [0x0a, 0x58, 10, 244, 0, 10]);
        assert!(a[0].name.starts_with(&format!("{}-", a[1].replica_set)));
        assert!(placement.pods("shop", "many", 201, &[2]).is_none());
    }
}
