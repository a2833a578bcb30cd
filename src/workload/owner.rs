//! Whose a pod is: its workload by owner references, its service by EndpointSlice or selector.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::{History, Key, Metadata};
use super::objects::{EndpointSlice, Meta, Owner, Pod, ReplicaSet, Service};
use crate::field::Text;

/// The ReplicaSets' own owners, by namespace and name.
pub(super) struct Owners<'a> {
    replica_sets: BTreeMap<(&'a str, &'a str), &'a str>,
}

impl<'a> Owners<'a> {
    pub fn of(replica_sets: &'a History<ReplicaSet>) -> Self {
        let owned = replica_sets.iter().filter_map(|(key, versions)| {
            let owner = controller(&versions.last()?.metadata)?;
            Some(((key.namespace.as_str(), key.name.as_str()), owner.name.as_str()))
        });
        Owners { replica_sets: owned.collect() }
    }

    /// Name of the Deployment, StatefulSet, DaemonSet or Job behind a pod; the pod's own name for
    /// one that nobody manages.
    pub fn workload(&self, pod: &Pod) -> Text {
        let meta = &pod.metadata;
        let name = match controller(meta) {
            Some(owner) if owner.kind == "ReplicaSet" => self
                .replica_sets
                .get(&(meta.namespace.as_str(), owner.name.as_str()))
                .copied()
                .unwrap_or_else(|| without_hash(&owner.name)),
            // A static pod is owned by its node and named after it.
            Some(owner) if owner.kind == "Node" => meta
                .name
                .strip_suffix(owner.name.as_str())
                .and_then(|name| name.strip_suffix('-'))
                .unwrap_or(&meta.name),
            Some(owner) => &owner.name,
            None => &meta.name,
        };
        Text::from(name)
    }
}

fn controller(meta: &Meta) -> Option<&Owner> {
    meta.owner_references.iter().find(|owner| owner.controller).or(meta.owner_references.first())
}

/// A Deployment names its ReplicaSets after itself and a hash of the pod template.
fn without_hash(name: &str) -> &str {
    let is_hash = |text: &str| {
        (6..=10).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    match name.rsplit_once('-') {
        Some((deployment, hash)) if is_hash(hash) => deployment,
        _ => name,
    }
}

type NamespacedName<'a> = (&'a str, &'a str);

/// What a service picks its pods by.
struct Selector<'a> {
    labels: &'a BTreeMap<String, String>,
    service: &'a str,
}

/// Which services a pod is behind.
#[derive(Default)]
pub(super) struct Memberships<'a> {
    by_uid: BTreeMap<&'a str, BTreeSet<NamespacedName<'a>>>,
    by_name: BTreeMap<NamespacedName<'a>, BTreeSet<NamespacedName<'a>>>,
    selectors: BTreeMap<&'a str, Vec<Selector<'a>>>,
    headless: BTreeSet<NamespacedName<'a>>,
}

impl<'a> Memberships<'a> {
    pub fn of(metadata: &'a Metadata) -> Self {
        let mut all = Memberships::default();
        for (key, versions) in &metadata.services {
            if let Some(service) = versions.last() {
                all.add_service(key, service);
            }
        }
        for (key, versions) in &metadata.slices {
            versions.states().for_each(|(_, slice)| all.add_slice(key, slice));
        }
        all
    }

    fn add_service(&mut self, key: &'a Key, service: &'a Service) {
        if matches!(service.spec.cluster_ip.as_str(), "None" | "") {
            self.headless.insert((&key.namespace, &key.name));
        }
        if !service.spec.selector.is_empty() {
            let selector = Selector { labels: &service.spec.selector, service: &key.name };
            self.selectors.entry(&key.namespace).or_default().push(selector);
        }
    }

    fn add_slice(&mut self, key: &'a Key, slice: &'a EndpointSlice) {
        let service = (key.namespace.as_str(), slice.service());
        if service.1.is_empty() {
            return;
        }
        let targets = slice.endpoints.iter().filter_map(|endpoint| endpoint.target_ref.as_ref());
        for target in targets.filter(|target| target.kind == "Pod") {
            let services = match target.uid.as_str() {
                "" => self.by_name.entry((&target.namespace, &target.name)).or_default(),
                uid => self.by_uid.entry(uid).or_default(),
            };
            services.insert(service);
        }
    }

    /// Names of the pod's services in its namespace, the most telling first: those whose slices
    /// point to it, else those that select it; one with an address before a headless one; then
    /// the shortest name.
    pub fn services(&self, key: &'a Key, pod: &Pod) -> Vec<&'a str> {
        let by_uid = self.by_uid.get(pod.metadata.uid.as_str());
        let by_name = self.by_name.get(&(key.namespace.as_str(), key.name.as_str()));
        let mut names: Vec<&str> =
            by_uid.into_iter().chain(by_name).flatten().map(|(_, name)| *name).collect();
        if names.is_empty() {
            let selectors = self.selectors.get(key.namespace.as_str()).into_iter().flatten();
            let selecting = selectors.filter(|selector| {
                let labels = &pod.metadata.labels;
                selector.labels.iter().all(|(label, value)| labels.get(label) == Some(value))
            });
            names.extend(selecting.map(|selector| selector.service));
        }
        names.sort_by_key(|name| {
            (self.headless.contains(&(key.namespace.as_str(), *name)), name.len(), *name)
        });
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_only_what_looks_like_a_hash() {
        assert_eq!(without_hash("cart-6ssd6s7v2"), "cart");
        assert_eq!(without_hash("pay-api-5fknnc9tdz"), "pay-api");
        assert_eq!(without_hash("cart-v2"), "cart-v2");
        assert_eq!(without_hash("cart"), "cart");
    }
}
