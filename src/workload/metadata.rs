//! What the inputs said of the cluster's objects, and when: the versions of each object, gathered
//! from any number of files in any order. `directory` makes the lookup table of it.

use std::collections::BTreeMap;

use super::capture::CaptureCounters;
use super::objects::{
    EndpointSlice, Event, Meta, Moment, Named, Node, Object, Pod, ReplicaSet, Service,
};

/// Identity of one incarnation of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub namespace: String,
    pub name: String,
    /// The uid; without one the time of creation, which tells incarnations apart as well.
    pub uid: String,
}

impl Key {
    fn of(meta: &Meta) -> Key {
        let uid = match (meta.uid.is_empty(), meta.creation_timestamp.0) {
            (true, Some(created)) => created.to_string(),
            _ => meta.uid.clone(),
        };
        Key { namespace: meta.namespace.clone(), name: meta.name.clone(), uid }
    }
}

/// The versions of one object: when each was seen, and `None` where it was deleted. A listing
/// without a time counts as seen before everything else.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Versions<T>(Vec<(i64, Option<T>)>);

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Versions(Vec::new())
    }
}

impl<T: Ord> Versions<T> {
    /// Time order, whatever the order of reading; repeated states count once.
    fn settle(&mut self) {
        self.0.sort();
        self.0.dedup_by(|later, earlier| later.1 == earlier.1);
    }

    /// States in time order.
    pub fn states(&self) -> impl DoubleEndedIterator<Item = (i64, &T)> {
        self.0.iter().filter_map(|(ts_ns, state)| state.as_ref().map(|state| (*ts_ns, state)))
    }

    /// The newest state.
    pub fn last(&self) -> Option<&T> {
        self.states().next_back().map(|(_, state)| state)
    }

    /// When the object's removal was seen.
    pub fn deleted_ns(&self) -> Option<i64> {
        self.0.last().filter(|(_, state)| state.is_none()).map(|(ts_ns, _)| *ts_ns)
    }
}

pub(super) type History<T> = BTreeMap<Key, Versions<T>>;

/// Everything read so far.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    pub(super) pods: History<Pod>,
    pub(super) services: History<Service>,
    pub(super) slices: History<EndpointSlice>,
    pub(super) nodes: History<Node>,
    pub(super) replica_sets: History<ReplicaSet>,
    pub(super) events: History<Event>,
    /// What the collectors say of their own capturing.
    pub(super) captures: Vec<CaptureCounters>,
}

/// When a state was seen in a listing that carries no time.
pub(super) const UNDATED: i64 = i64::MIN;

impl Metadata {
    /// Whether nothing was read that could name an address.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty() && self.services.is_empty() && self.nodes.is_empty()
    }

    /// Adds what was seen of one object at `ts_ns`: its state, or that it is gone.
    pub(super) fn add(&mut self, ts_ns: i64, object: Object, gone: bool) {
        match object {
            Object::Pod(pod) => record(&mut self.pods, ts_ns, pod, gone),
            Object::Service(service) => record(&mut self.services, ts_ns, service, gone),
            Object::EndpointSlice(slice) => record(&mut self.slices, ts_ns, slice, gone),
            Object::Node(node) => record(&mut self.nodes, ts_ns, node, gone),
            Object::ReplicaSet(set) => record(&mut self.replica_sets, ts_ns, set, gone),
            Object::Event(event) => record(&mut self.events, ts_ns, event, gone),
        }
    }

    /// Brings the versions of every object into time order.
    pub(super) fn settle(&mut self) {
        self.pods.values_mut().for_each(Versions::settle);
        self.services.values_mut().for_each(Versions::settle);
        self.slices.values_mut().for_each(Versions::settle);
        self.nodes.values_mut().for_each(Versions::settle);
        self.replica_sets.values_mut().for_each(Versions::settle);
        self.events.values_mut().for_each(Versions::settle);
        self.captures.sort();
        self.captures.dedup();
    }
}

fn record<T: Named>(history: &mut History<T>, ts_ns: i64, object: T, gone: bool) {
    let versions = history.entry(Key::of(object.meta())).or_default();
    versions.0.push((ts_ns, (!gone).then_some(object)));
}

/// From when to when an object was there, as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub from_ns: i64,
    pub to_ns: i64,
}

impl Life {
    /// The life of an object that is there from its creation to its deletion.
    pub fn of<T: Named>(versions: &Versions<T>) -> Life {
        Life::between(
            versions.states().map(|(_, state)| state.meta().creation_timestamp),
            versions.states().map(|(_, state)| state.meta().deletion_timestamp),
            versions.deleted_ns(),
        )
    }

    /// The earliest of `starts` to the earliest of `ends`; open where nothing is known.
    pub fn between(
        starts: impl Iterator<Item = Moment>,
        ends: impl Iterator<Item = Moment>,
        deleted_ns: Option<i64>,
    ) -> Life {
        Life {
            from_ns: starts.filter_map(|m| m.0).min().unwrap_or(i64::MIN),
            to_ns: ends.filter_map(|m| m.0).chain(deleted_ns).min().unwrap_or(i64::MAX),
        }
    }
}
