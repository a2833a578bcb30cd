//! Kubernetes objects as far as names and changes need them. Whatever is not listed here is never
//! read into memory: no environment, no secret, no annotation can reach a result.
//!
//! Shapes follow the Kubernetes API reference (core/v1, apps/v1, discovery.k8s.io/v1 and
//! events.k8s.io/v1); `null` counts as absent everywhere, as the API server writes it for empty
//! lists.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object of a kind that is used.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    Pod(Pod),
    Service(Service),
    EndpointSlice(EndpointSlice),
    Node(Node),
    ReplicaSet(ReplicaSet),
    Event(Event),
}

impl Object {
    /// Reads an object of the kind that it names itself, else of `kind`. `None`: a kind that is
    /// not used, or none at all.
    pub fn read(value: Value, kind: &str) -> serde_json::Result<Option<Object>> {
        fn typed<T: DeserializeOwned>(
            value: Value,
            wrap: fn(T) -> Object,
        ) -> serde_json::Result<Option<Object>> {
            let name = described(&value);
            T::deserialize(value)
                .map(|object| Some(wrap(object)))
                .map_err(|cause| serde_json::Error::custom(format!("{name}: {cause}")))
        }
        let own = value.get("kind").and_then(Value::as_str).unwrap_or("");
        match if own.is_empty() { kind } else { own } {
            "Pod" => typed(value, Object::Pod),
            "Service" => typed(value, Object::Service),
            "EndpointSlice" => typed(value, Object::EndpointSlice),
            "Node" => typed(value, Object::Node),
            "ReplicaSet" => typed(value, Object::ReplicaSet),
            "Event" => typed(value, Object::Event),
            _ => Ok(None),
        }
    }
}

/// `Pod shop/cart-0`, for error messages.
fn described(value: &Value) -> String {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// An absent or `null` value as the type's default.
fn or_default<'de, D, T>(source: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(source).map(Option::unwrap_or_default)
}

/// An RFC 3339 time as nanoseconds since 1970 UTC.
fn moment<'de, D: Deserializer<'de>>(source: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<String>::deserialize(source)?;
    text.map(|text| parse_moment(&text).map_err(D::Error::custom)).transpose()
}

/// Reads an RFC 3339 time; the error is a sentence.
pub(super) fn parse_moment(text: &str) -> Result<i64, String> {
    let time: jiff::Timestamp =
        text.parse().map_err(|cause| format!("`{text}` is no RFC 3339 time: {cause}"))?;
    i64::try_from(time.as_nanosecond())
        .map_err(|_| format!("`{text}` is not between the years 1677 and 2262"))
}

/// Declares structs of API objects: camel case names, every field optional.
macro_rules! api {
    ($($(#[$outer:meta])* pub struct $name:ident {
        $($(#[$attribute:meta])* $field:ident: $ty:ty,)*
    })*) => {$(
        $(#[$outer])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$attribute])* #[serde(deserialize_with = "or_default")] pub $field: $ty,)*
        }
    )*};
}

/// A time in an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Moment(#[serde(deserialize_with = "moment")] pub Option<i64>);

api! {
    pub struct Meta {
        name: String,
        namespace: String,
        uid: String,
        creation_timestamp: Moment,
        /// The latest moment at which the object will be gone, not when that was asked for.
        deletion_timestamp: Moment,
        deletion_grace_period_seconds: i64,
        labels: BTreeMap<String, String>,
        owner_references: Vec<Owner>,
    }

    pub struct Owner {
        kind: String,
        name: String,
        uid: String,
        controller: bool,
    }

    pub struct Pod {
        metadata: Meta,
        spec: PodSpec,
        status: PodStatus,
    }

    pub struct PodSpec {
        node_name: String,
        host_network: bool,
        containers: Vec<Container>,
    }

    pub struct Container {
        image: String,
        ports: Vec<ContainerPort>,
    }

    pub struct ContainerPort {
        container_port: u16,
        host_port: u16,
    }

    pub struct PodStatus {
        phase: String,
        reason: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "podIPs")]
        pod_ips: Vec<Address>,
        #[serde(rename = "hostIP")]
        host_ip: String,
        start_time: Moment,
        container_statuses: Vec<ContainerStatus>,
    }

    /// One entry of `podIPs`, or one ingress of a load balancer.
    pub struct Address {
        ip: String,
    }

    pub struct ContainerStatus {
        name: String,
        restart_count: i64,
        state: ContainerState,
        last_state: ContainerState,
    }

    pub struct ContainerState {
        running: Option<Running>,
        terminated: Option<Terminated>,
    }

    pub struct Running {
        started_at: Moment,
    }

    pub struct Terminated {
        exit_code: i64,
        reason: String,
        finished_at: Moment,
    }

    pub struct Service {
        metadata: Meta,
        spec: ServiceSpec,
        status: ServiceStatus,
    }

    pub struct ServiceSpec {
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        #[serde(rename = "clusterIPs")]
        cluster_ips: Vec<String>,
        #[serde(rename = "externalIPs")]
        external_ips: Vec<String>,
        selector: BTreeMap<String, String>,
        ports: Vec<ServicePort>,
    }

    pub struct ServicePort {
        port: u16,
        node_port: u16,
    }

    pub struct ServiceStatus {
        load_balancer: LoadBalancer,
    }

    pub struct LoadBalancer {
        ingress: Vec<Address>,
    }

    pub struct EndpointSlice {
        metadata: Meta,
        endpoints: Vec<Endpoint>,
        ports: Vec<EndpointPort>,
    }

    pub struct Endpoint {
        addresses: Vec<String>,
        conditions: EndpointConditions,
        target_ref: Option<Reference>,
    }

    pub struct EndpointConditions {
        ready: Option<bool>,
    }

    pub struct EndpointPort {
        port: u16,
    }

    pub struct Reference {
        kind: String,
        namespace: String,
        name: String,
        uid: String,
    }

    pub struct Node {
        metadata: Meta,
        spec: NodeSpec,
        status: NodeStatus,
    }

    pub struct NodeSpec {
        #[serde(rename = "podCIDR")]
        pod_cidr: String,
        #[serde(rename = "podCIDRs")]
        pod_cidrs: Vec<String>,
    }

    pub struct NodeStatus {
        addresses: Vec<NodeAddress>,
    }

    pub struct NodeAddress {
        #[serde(rename = "type")]
        kind: String,
        address: String,
    }

    pub struct ReplicaSet {
        metadata: Meta,
        spec: ReplicaSetSpec,
    }

    pub struct ReplicaSetSpec {
        template: PodTemplate,
    }

    pub struct PodTemplate {
        spec: PodSpec,
    }

    /// Both generations of the API: `involvedObject`, `message`, `firstTimestamp` of core/v1 and
    /// `regarding`, `note`, `deprecatedFirstTimestamp`, `series` of events.k8s.io/v1.
    pub struct Event {
        metadata: Meta,
        #[serde(alias = "regarding")]
        involved_object: Reference,
        reason: String,
        #[serde(alias = "note")]
        message: String,
        #[serde(alias = "deprecatedFirstTimestamp")]
        first_timestamp: Moment,
        #[serde(alias = "deprecatedLastTimestamp")]
        last_timestamp: Moment,
        event_time: Moment,
        #[serde(alias = "deprecatedCount")]
        count: i64,
        series: EventSeries,
    }

    pub struct EventSeries {
        count: i64,
        last_observed_time: Moment,
    }
}

/// An object with a name, a namespace and a life.
pub trait Named: Ord {
    fn meta(&self) -> &Meta;
}

macro_rules! named {
    ($($kind:ident)*) => {$(
        impl Named for $kind {
            fn meta(&self) -> &Meta {
                &self.metadata
            }
        }
    )*};
}

named!(Pod Service EndpointSlice Node ReplicaSet Event);

impl EndpointSlice {
    /// Name of the service that the slice belongs to; empty for one that was made by hand.
    pub fn service(&self) -> &str {
        self.metadata.labels.get("kubernetes.io/service-name").map_or("", String::as_str)
    }
}

impl Endpoint {
    /// Absent means ready (API reference of `EndpointConditions`).
    pub fn is_ready(&self) -> bool {
        self.conditions.ready.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_names_and_never_environment_or_annotations() {
        let pod = json!({
            "kind": "Pod",
            "metadata": {"name": "cart-0", "annotations": {"token": "hunter2"}, "labels": null},
            "spec": {"containers": [{"image": "cart:1", "env": [{"name": "K", "value": "hunter2"}]}]},
            "status": {"podIP": "10.0.0.1", "startTime": "2026-11-20T08:20:32Z"}
        });
        let Ok(Some(Object::Pod(pod))) = Object::read(pod, "") else { panic!("no pod") };
        assert_eq!(pod.status.pod_ip, "10.0.0.1");
        assert_eq!(pod.status.start_time.0, Some(1_795_162_832_000_000_000));
        assert!(!format!("{pod:?}").contains("hunter2"));
    }

    #[test]
    fn null_lists_and_both_event_generations() {
        let slice = json!({"kind": "EndpointSlice", "endpoints": null, "ports": null});
        assert!(matches!(Object::read(slice, ""), Ok(Some(Object::EndpointSlice(_)))));
        let event = json!({"kind": "Event", "regarding": {"name": "x"}, "note": "n",
            "eventTime": "2026-11-20T08:20:32.000001Z"});
        let Ok(Some(Object::Event(event))) = Object::read(event, "") else { panic!("no event") };
        assert_eq!((event.involved_object.name.as_str(), event.message.as_str()), ("x", "n"));
        assert_eq!(event.event_time.0, Some(1_795_162_832_000_001_000));
    }

    #[test]
    fn names_the_object_that_does_not_fit() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"},
            "spec": {"hostNetwork": "yes"}});
        let error = Object::read(pod, "").expect_err("a string is no bool").to_string();
        assert!(error.starts_with("Pod b/a: "), "{error}");
        assert!(matches!(Object::read(json!({"kind": "Secret"}), ""), Ok(None)));
    }
}
