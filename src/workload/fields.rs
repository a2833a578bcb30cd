//! The columns of the workloads table, and what KFL can ask of the workload at either end of a
//! call or connection.
//!
//! The latter are no columns of the calls table: a row has a workload id, and a predicate on an
//! attribute is answered once per workload.

use crate::field::{End, FieldDef, FieldType, Origin, Text};

crate::fields! {
    /// Who was behind an address: a pod, a service, a node or something outside the cluster.
    pub struct WorkloadRow {
        /// Key of the table: from 0 for what the metadata names, negative for other addresses.
        id: Int = "";
        /// pod, service, node or external.
        kind: Text = "";
        /// Best name: pod, else service, else DNS name, else address.
        name: Text = "";
        /// Name for people: workload, else service, else node, else DNS name, else `name`.
        display: Text = "";
        /// Namespace; empty for nodes and externals.
        namespace: Text = "";
        /// Pod; the service's name where the pod is unknown.
        pod: Text = "";
        /// Service that the pod belongs to, or that the address stands for.
        service: Text = "";
        /// Owner of the pod (Deployment, StatefulSet, ...), or of all pods of the service.
        workload: Text = "";
        /// Node that the pod runs on, or the node itself.
        node: Text = "";
        /// First address.
        ip: Text = "";
        /// DNS name learnt for the address.
        dns: Text = "";
        /// Kubernetes labels.
        labels: Pairs = "";
        /// Nanoseconds since 1970 UTC from which on it existed, 0 where unknown.
        from_ns: Int = "";
        /// Nanoseconds since 1970 UTC until which it existed, 0 where it still did or nobody knows.
        to_ns: Int = "";
        /// How it was found: "pod ip", "service cluster ip", "node address", "address", ...
        how: Text = "";
    }
}

impl WorkloadRow {
    /// The name that people know it by; the row's `display` column holds it.
    pub fn display_name(&self) -> &Text {
        let names = [&self.workload, &self.service, &self.node, &self.dns];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or(&self.name)
    }

    /// Fills in `display` once the other names are there.
    pub(super) fn with_display(mut self) -> Self {
        self.display = self.display_name().clone();
        self
    }
}

const fn attribute(
    name: &'static str,
    end: End,
    attribute: &'static str,
    ty: FieldType,
    doc: &'static str,
    example: &'static str,
) -> FieldDef {
    FieldDef { name, ty, doc, example, origin: Origin::Workload(end, attribute), absent: 0 }
}

use End::{Dst, Src};
use FieldType::{Map, Text as Words};

/// The attribute names are those of the workloads table.
pub const FIELDS: &[FieldDef] = &[
    attribute(
        "src.name",
        Src,
        "name",
        Words,
        "Best name of the caller: pod, else service, else DNS name, else address.",
        "src.name == \"api-gateway\"",
    ),
    attribute(
        "dst.name",
        Dst,
        "name",
        Words,
        "Best name of the callee: pod, else service, else DNS name, else address.",
        "dst.name.contains(\"payment\")",
    ),
    attribute(
        "src.namespace",
        Src,
        "namespace",
        Words,
        "Namespace of the caller.",
        "src.namespace == \"prod\"",
    ),
    attribute(
        "dst.namespace",
        Dst,
        "namespace",
        Words,
        "Namespace of the callee.",
        "dst.namespace != \"prod\"",
    ),
    attribute(
        "src.pod.name",
        Src,
        "pod",
        Words,
        "Pod of the caller; the service's name where the pod is unknown.",
        "src.pod.name == \"web-server-123\"",
    ),
    attribute(
        "dst.pod.name",
        Dst,
        "pod",
        Words,
        "Pod of the callee; the service's name where the pod is unknown.",
        "dst.pod.name.startsWith(\"pay-\")",
    ),
    attribute(
        "src.pod.namespace",
        Src,
        "namespace",
        Words,
        "Namespace of the caller's pod.",
        "src.pod.namespace == \"prod\"",
    ),
    attribute(
        "dst.pod.namespace",
        Dst,
        "namespace",
        Words,
        "Namespace of the callee's pod.",
        "dst.pod.namespace == \"production\"",
    ),
    attribute(
        "src.service.name",
        Src,
        "service",
        Words,
        "Service of the caller.",
        "src.service.name == \"api-gateway\"",
    ),
    attribute(
        "dst.service.name",
        Dst,
        "service",
        Words,
        "Service of the callee.",
        "dst.service.name == \"user-service\"",
    ),
    attribute(
        "src.service.namespace",
        Src,
        "namespace",
        Words,
        "Namespace of the caller's service.",
        "src.service.namespace == \"prod\"",
    ),
    attribute(
        "dst.service.namespace",
        Dst,
        "namespace",
        Words,
        "Namespace of the callee's service.",
        "dst.service.namespace == \"prod\"",
    ),
    attribute(
        "src.workload",
        Src,
        "workload",
        Words,
        "Deployment, StatefulSet or other owner of the caller's pod.",
        "src.workload == \"cart\"",
    ),
    attribute(
        "dst.workload",
        Dst,
        "workload",
        Words,
        "Deployment, StatefulSet or other owner of the callee's pod.",
        "dst.workload == \"redis\"",
    ),
    attribute(
        "src.display",
        Src,
        "display",
        Words,
        "Name of the caller for people: workload, else service, else node, else DNS name, else address.",
        "src.display == \"cart\"",
    ),
    attribute(
        "dst.display",
        Dst,
        "display",
        Words,
        "Name of the callee for people: workload, else service, else node, else DNS name, else address.",
        "dst.display == \"api.example.com\"",
    ),
    attribute(
        "src.kind",
        Src,
        "kind",
        Words,
        "What the caller is: pod, service, node or external.",
        "src.kind == \"external\"",
    ),
    attribute(
        "dst.kind",
        Dst,
        "kind",
        Words,
        "What the callee is: pod, service, node or external.",
        "dst.kind == \"external\"",
    ),
    attribute(
        "local_labels",
        Src,
        "labels",
        Map,
        "Labels of the caller's pod.",
        "map_get(local_labels, \"app\", \"\") == \"checkout\"",
    ),
    attribute(
        "remote_labels",
        Dst,
        "labels",
        Map,
        "Labels of the callee's pod.",
        "map_get(remote_labels, \"version\", \"\") == \"canary\"",
    ),
    attribute(
        "local_node_name",
        Src,
        "node",
        Words,
        "Node of the caller.",
        "local_node_name != remote_node_name",
    ),
    attribute(
        "remote_node_name",
        Dst,
        "node",
        Words,
        "Node of the callee.",
        "remote_node_name == \"node-a\"",
    ),
    attribute(
        "src.dns",
        Src,
        "dns",
        Words,
        "DNS name learnt for the caller's address.",
        "src.dns == \"api.example.com\"",
    ),
    attribute(
        "dst.dns",
        Dst,
        "dns",
        Words,
        "DNS name learnt for the callee's address.",
        "dst.dns.contains(\"redis\")",
    ),
];
