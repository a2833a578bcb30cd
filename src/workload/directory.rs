//! [`Metadata`] -> [`Directory`]: one row per pod, service and node, ids by their order, and the
//! claims of each on addresses. Only building happens here; lookups are `resolve`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::change::changes;
use super::claim::{Claim, Hold, How, holds_over_time};
use super::fields::WorkloadRow;
use super::hold;
use super::metadata::{Key, Life, Metadata, Versions};
use super::objects::{Named, Pod};
use super::owner::{Memberships, Owners};
use super::resolve::Directory;
use crate::field::{Text, ToCompactString};

/// How long a pod's address still means the pod after its end, unless somebody else has it:
/// clients keep calling a pod that is gone until endpoints, DNS and connection pools catch up.
const AFTERLIFE_NS: i64 = 60_000_000_000;

/// A row before its id is known.
struct Draft<'a> {
    kind: &'static str,
    key: &'a Key,
    row: WorkloadRow,
    holds: Vec<(Hold, Life)>,
}

impl Directory {
    /// Builds the directory; the same objects give the same directory in whatever order they were
    /// read.
    pub fn build(mut metadata: Metadata) -> Directory {
        metadata.settle();
        let slice_only = services_without_object(&metadata);
        let members = members(&metadata);
        let mut drafts: Vec<Draft> = members.pods;
        drafts.extend(nodes(&metadata));
        drafts.extend(services(&metadata, &slice_only, &members.workloads));
        drafts.sort_by(|a, b| (a.kind, a.key).cmp(&(b.kind, b.key)));
        let mut rows = Vec::with_capacity(drafts.len());
        let mut claims = Vec::new();
        for (draft, id) in drafts.into_iter().zip(0i64..) {
            let row = WorkloadRow { id, kind: Text::const_new(draft.kind), ..draft.row };
            rows.push(row.with_display());
            claims.extend(draft.holds.into_iter().map(|(hold, life)| {
                let Hold { ip, port, how } = hold;
                Claim { ip, port, from_ns: life.from_ns, to_ns: life.to_ns, id, how }
            }));
        }
        let changes = changes(&metadata);
        let nodes = metadata.nodes.keys().map(|key| Text::from(&*key.name)).collect();
        Directory::new(rows, claims, changes).with_captures(metadata.captures, nodes)
    }
}

/// Pods, and which workloads stand behind each service.
struct Members<'a> {
    pods: Vec<Draft<'a>>,
    workloads: BTreeMap<(&'a str, &'a str), BTreeSet<Text>>,
}

fn members(metadata: &Metadata) -> Members<'_> {
    let owners = Owners::of(&metadata.replica_sets);
    let memberships = Memberships::of(metadata);
    let mut members = Members { pods: Vec::new(), workloads: BTreeMap::new() };
    for (key, versions) in &metadata.pods {
        let Some(pod) = versions.last() else { continue };
        let workload = owners.workload(pod);
        let services = memberships.services(key, pod);
        for service in &services {
            let behind = members.workloads.entry((&key.namespace, service)).or_default();
            behind.insert(workload.clone());
        }
        let service = services.first().map_or_else(Text::default, |name| Text::from(*name));
        members.pods.push(pod_draft(key, versions, pod, workload, service));
    }
    members
}

fn pod_draft<'a>(
    key: &'a Key,
    versions: &Versions<Pod>,
    pod: &Pod,
    workload: Text,
    service: Text,
) -> Draft<'a> {
    let life = pod_life(versions);
    let mut holds = holds_over_time(versions, life, hold::of_pod);
    let gone: Vec<_> =
        holds.iter().filter_map(|&(hold, held)| afterlife(hold, held, life)).collect();
    holds.extend(gone);
    let row = WorkloadRow {
        name: Text::from(&*key.name),
        pod: Text::from(&*key.name),
        service,
        workload,
        node: Text::from(&*pod.spec.node_name),
        how: first_how(&holds, How::PodIp),
        ..row(key, pod, &holds, life)
    };
    Draft { kind: "pod", key, row, holds }
}

/// A pod has its address from when the kubelet took it on until it is deleted or all its
/// containers have ended for good.
fn pod_life(versions: &Versions<Pod>) -> Life {
    let states = || versions.states().map(|(_, pod)| pod);
    let starts: Vec<_> =
        states().map(|pod| pod.status.start_time).filter(|start| start.0.is_some()).collect();
    let ends = states().flat_map(|pod| [pod.metadata.deletion_timestamp, hold::finished(pod)]);
    let created = Life::of(versions);
    let kept = Life::between(starts.into_iter(), ends, versions.deleted_ns());
    let from_ns = if kept.from_ns == i64::MIN { created.from_ns } else { kept.from_ns };
    Life { from_ns, ..kept }
}

fn afterlife(hold: Hold, held: Life, life: Life) -> Option<(Hold, Life)> {
    let ended = hold.how == How::PodIp && held.to_ns == life.to_ns && life.to_ns != i64::MAX;
    ended.then(|| {
        let after = Life { from_ns: life.to_ns, to_ns: life.to_ns.saturating_add(AFTERLIFE_NS) };
        (Hold { how: How::PodGone, ..hold }, after)
    })
}

fn nodes(metadata: &Metadata) -> impl Iterator<Item = Draft<'_>> {
    metadata.nodes.iter().filter_map(|(key, versions)| {
        let node = versions.last()?;
        let life = Life::of(versions);
        let holds = holds_over_time(versions, life, hold::of_node);
        let row = WorkloadRow {
            name: Text::from(&*key.name),
            node: Text::from(&*key.name),
            how: Text::const_new(How::NodeAddress.name()),
            ..row(key, node, &holds, life)
        };
        Some(Draft { kind: "node", key, row, holds })
    })
}

/// Services that are known by their EndpointSlices alone.
fn services_without_object(metadata: &Metadata) -> BTreeSet<Key> {
    let known: BTreeSet<(&str, &str)> =
        metadata.services.keys().map(|key| (&*key.namespace, &*key.name)).collect();
    let named = metadata.slices.iter().flat_map(|(key, versions)| {
        versions.states().map(move |(_, slice)| (key.namespace.as_str(), slice.service()))
    });
    named
        .filter(|service| !service.1.is_empty() && !known.contains(service))
        .map(|(namespace, name)| Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: String::new(),
        })
        .collect()
}

fn services<'a>(
    metadata: &'a Metadata,
    slice_only: &'a BTreeSet<Key>,
    workloads: &BTreeMap<(&'a str, &'a str), BTreeSet<Text>>,
) -> Vec<Draft<'a>> {
    let outside = hold::outside_pods(metadata);
    let draft = |key: &'a Key, row: WorkloadRow, mut holds: Vec<(Hold, Life)>| {
        let name = (key.namespace.as_str(), key.name.as_str());
        holds.extend(outside.get(&name).into_iter().flatten().copied());
        let behind = workloads.get(&name).filter(|all| all.len() == 1);
        let row = WorkloadRow {
            name: Text::from(&*key.name),
            namespace: Text::from(&*key.namespace),
            pod: Text::from(&*key.name),
            service: Text::from(&*key.name),
            workload: behind.and_then(BTreeSet::first).cloned().unwrap_or_default(),
            ip: first_ip(&holds),
            how: first_how(&holds, How::ClusterIp),
            ..row
        };
        Draft { kind: "service", key, row, holds }
    };
    let with_object = metadata.services.iter().filter_map(|(key, versions)| {
        let service = versions.last()?;
        let life = Life::of(versions);
        let holds = holds_over_time(versions, life, hold::of_service);
        Some(draft(key, row(key, service, &holds, life), holds))
    });
    let by_slice = slice_only.iter().map(|key| draft(key, WorkloadRow::default(), Vec::new()));
    with_object.chain(by_slice).collect()
}

/// The columns that all kinds fill alike.
fn row<T: Named>(key: &Key, object: &T, holds: &[(Hold, Life)], life: Life) -> WorkloadRow {
    let known = |ns: i64| if ns == i64::MIN || ns == i64::MAX { 0 } else { ns };
    WorkloadRow {
        namespace: Text::from(&*key.namespace),
        ip: first_ip(holds),
        labels: object.meta().labels.iter().collect(),
        from_ns: known(life.from_ns),
        to_ns: known(life.to_ns),
        ..WorkloadRow::default()
    }
}

/// The hold that describes the row: of the best kind, held first.
fn first(holds: &[(Hold, Life)]) -> Option<Hold> {
    let by_kind =
        holds.iter().map(|&(hold, life)| (std::cmp::Reverse(hold.how), life.from_ns, hold));
    by_kind.min().map(|(_, _, hold)| hold)
}

fn first_ip(holds: &[(Hold, Life)]) -> Text {
    first(holds).map_or_else(Text::default, |hold| hold.ip.to_compact_string())
}

fn first_how(holds: &[(Hold, Life)], otherwise: How) -> Text {
    Text::const_new(first(holds).map_or(otherwise, |hold| hold.how).name())
}

/// Reads an address as metadata writes it; `None`, the empty text and host names are none.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}
