//! What happened to the cluster's objects: Kubernetes Events, containers that ended and came
//! back, objects created and deleted, endpoints that came and went. A report sets these beside
//! what the packets show; nothing here says that one caused the other.

use std::collections::BTreeSet;

use super::metadata::{History, Metadata, UNDATED};
use super::objects::{ContainerStatus, Event, Moment, Named};
use crate::field::{Text, format_compact};

/// One change. The order of the fields is that of sorting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// When it happened first, nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    /// When it was seen last; the same as `ts_ns` for what happens once.
    pub last_ns: i64,
    /// Kind of the object: `Pod`, `Node`, `Service`, `ReplicaSet`, `Deployment`, ...
    pub kind: Text,
    pub namespace: Text,
    pub name: Text,
    /// One word: the Event's reason (`Unhealthy`), `OOMKilled`, `Restarted`, `Created`,
    /// `Terminating`, `Deleted`, `EndpointsChanged`.
    pub reason: Text,
    /// The rest, for people.
    pub what: Text,
}

/// The changes in time order, each once.
pub(super) fn changes(metadata: &Metadata) -> Vec<Change> {
    let mut all = BTreeSet::new();
    lives(&mut all, "Pod", &metadata.pods, |_| Text::default());
    lives(&mut all, "Service", &metadata.services, |_| Text::default());
    lives(&mut all, "Node", &metadata.nodes, |_| Text::default());
    lives(&mut all, "ReplicaSet", &metadata.replica_sets, |set| {
        let images = set.spec.template.spec.containers.iter().map(|c| c.image.as_str());
        Text::from(images.collect::<Vec<_>>().join(", "))
    });
    for pod in metadata.pods.values().flat_map(|v| v.states().map(|(_, pod)| pod)) {
        for container in &pod.status.container_statuses {
            all.extend(ends(container).chain(restart(container)).map(|(ts_ns, reason, what)| {
                once(ts_ns, "Pod", &pod.metadata.namespace, &pod.metadata.name, reason, what)
            }));
        }
    }
    all.extend(metadata.events.values().filter_map(|v| event(v.last()?)));
    endpoints(&mut all, metadata);
    all.into_iter().collect()
}

fn once(ts_ns: i64, kind: &str, namespace: &str, name: &str, reason: Text, what: Text) -> Change {
    let (kind, namespace, name) = (kind.into(), namespace.into(), name.into());
    Change { ts_ns, last_ns: ts_ns, kind, namespace, name, reason, what }
}

/// When each object came and went.
fn lives<T: Named>(
    all: &mut BTreeSet<Change>,
    kind: &str,
    history: &History<T>,
    describe: fn(&T) -> Text,
) {
    for versions in history.values() {
        let Some(object) = versions.last() else { continue };
        let meta = object.meta();
        let grace_ns = meta.deletion_grace_period_seconds.saturating_mul(1_000_000_000);
        let asked_ns = meta.deletion_timestamp.0.map(|ns| ns.saturating_sub(grace_ns));
        let moments = [
            (meta.creation_timestamp.0, "Created", describe(object)),
            (asked_ns, "Terminating", Text::default()),
            (versions.deleted_ns(), "Deleted", Text::default()),
        ];
        all.extend(moments.into_iter().filter_map(|(ts_ns, reason, what)| {
            Some(once(ts_ns?, kind, &meta.namespace, &meta.name, reason.into(), what))
        }));
    }
}

/// Ends of a container: the one before its last start, and the one it has not come back from.
fn ends(container: &ContainerStatus) -> impl Iterator<Item = (i64, Text, Text)> {
    let states = [&container.last_state, &container.state];
    states.into_iter().filter_map(|state| state.terminated.as_ref()).filter_map(|end| {
        let reason = if end.reason.is_empty() { "Terminated" } else { &end.reason };
        let what =
            format_compact!("container {} ended with exit code {}", container.name, end.exit_code);
        Some((end.finished_at.0?, Text::from(reason), what))
    })
}

fn restart(container: &ContainerStatus) -> Option<(i64, Text, Text)> {
    let started = container.state.running.as_ref()?.started_at.0?;
    // Without an end before it, the container's first start.
    container.last_state.terminated.as_ref()?;
    let what = format_compact!("container {}, restart {}", container.name, container.restart_count);
    Some((started, Text::const_new("Restarted"), what))
}

fn event(event: &Event) -> Option<Change> {
    let object = &event.involved_object;
    let earliest = [event.first_timestamp, event.event_time, event.metadata.creation_timestamp];
    let ts_ns = earliest.into_iter().find_map(|Moment(ns)| ns)?;
    let latest = [event.series.last_observed_time, event.last_timestamp];
    let last_ns = latest.into_iter().find_map(|Moment(ns)| ns).map_or(ts_ns, |ns| ns.max(ts_ns));
    let count = event.count.max(event.series.count);
    let message = event.message.trim();
    let what = match count > 1 {
        true => format_compact!("{message} ({count} times)"),
        false => Text::from(message),
    };
    let (namespace, name) = (object.namespace.as_str(), object.name.as_str());
    let reason = Text::from(event.reason.as_str());
    Some(Change { last_ns, ..once(ts_ns, &object.kind, namespace, name, reason, what) })
}

/// A service's ready endpoints, from version to version of its slices.
fn endpoints(all: &mut BTreeSet<Change>, metadata: &Metadata) {
    for (key, versions) in &metadata.slices {
        let mut before: Option<BTreeSet<&str>> = None;
        for (ts_ns, slice) in versions.states() {
            let ready = slice.endpoints.iter().filter(|endpoint| endpoint.is_ready());
            let ready: BTreeSet<&str> =
                ready.flat_map(|endpoint| &endpoint.addresses).map(String::as_str).collect();
            if let Some(before) = before.filter(|before| ts_ns != UNDATED && *before != ready) {
                let what = difference(&before, &ready);
                let reason = Text::const_new("EndpointsChanged");
                all.insert(once(ts_ns, "Service", &key.namespace, slice.service(), reason, what));
            }
            before = Some(ready);
        }
    }
}

fn difference(before: &BTreeSet<&str>, after: &BTreeSet<&str>) -> Text {
    let list = |sign: char, addresses: Vec<&&str>| {
        addresses.into_iter().fold(Text::default(), |text, ip| format_compact!("{text} {sign}{ip}"))
    };
    let gone = list('-', before.difference(after).collect());
    let new = list('+', after.difference(before).collect());
    format_compact!("{} ready, before {}:{gone}{new}", after.len(), before.len())
}
