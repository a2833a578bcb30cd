//! The open connections of a shard: found by key, looked at now and then for whether they are
//! over, and given up when there are too many. Both cost a constant per packet, whatever the
//! number of connections.

use std::collections::{HashMap, VecDeque};

use crate::packet::Key;

use super::Flow;

/// Packet time between two looks at the same connection.
const LOOK_NS: i64 = 20_000_000_000;

/// One packet moves the clock by so much at most: a record with a wild time does not end
/// connections that go on.
const STEP_NS: i64 = 10_000_000_000;

#[derive(Default)]
struct Slot {
    flow: Option<Box<Flow>>,
    /// It waits in `looks`: every slot does so at most once, whoever is in it.
    queued: bool,
}

/// Connections by key.
#[derive(Default)]
pub(super) struct Table {
    by_key: HashMap<Key, usize, foldhash::quality::FixedState>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots in the order in which they are looked at, and when.
    looks: VecDeque<(i64, usize)>,
    clock_ns: Option<i64>,
}

impl Table {
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn find(&self, key: &Key) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub fn get(&self, index: usize) -> Option<&Flow> {
        self.slots.get(index)?.flow.as_deref()
    }

    /// Takes a flow out to work on it; its slot waits for it.
    pub fn take(&mut self, index: usize) -> Option<Box<Flow>> {
        self.slots.get_mut(index)?.flow.take()
    }

    pub fn put_back(&mut self, index: usize, flow: Box<Flow>) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.flow = Some(flow);
        }
    }

    pub fn insert(&mut self, key: Key, flow: Flow) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        self.by_key.insert(key, index);
        self.put_back(index, Box::new(flow));
        self.look_later(index);
        index
    }

    pub fn remove(&mut self, index: usize) -> Option<Box<Flow>> {
        let flow = self.take(index)?;
        self.by_key.remove(&flow.conn.key);
        self.free.push(index);
        Some(flow)
    }

    /// The time by which connections are over: behind the packets, so that those which come a
    /// little late still find theirs.
    pub fn clock_ns(&self) -> i64 {
        self.clock_ns.unwrap_or(i64::MIN).saturating_sub(STEP_NS)
    }

    /// Moves the clock towards the time of a packet.
    pub fn tick(&mut self, ts_ns: i64) {
        let now = self.clock_ns.unwrap_or(ts_ns);
        self.clock_ns =
            Some(now.saturating_add(ts_ns.saturating_sub(now).clamp(-STEP_NS, STEP_NS)));
    }

    /// The next connection to look at now, if any.
    pub fn due(&mut self) -> Option<usize> {
        let &(due_ns, _) = self.looks.front()?;
        if self.clock_ns.is_none_or(|now| now < due_ns) { None } else { self.next_look() }
    }

    /// The connection not looked at for longest.
    pub fn next_look(&mut self) -> Option<usize> {
        while let Some((_, index)) = self.looks.pop_front() {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.queued = false;
                if slot.flow.is_some() {
                    return Some(index);
                }
            }
        }
        None
    }

    /// The connection stays: it is looked at again later.
    pub fn look_later(&mut self, index: usize) {
        let due_ns = self.clock_ns.unwrap_or(i64::MIN).saturating_add(LOOK_NS);
        if let Some(slot) = self.slots.get_mut(index)
            && !std::mem::replace(&mut slot.queued, true)
        {
            self.looks.push_back((due_ns, index));
        }
    }

    /// All connections by their first packet, and an empty table with its clock not yet set.
    pub fn drain(&mut self) -> impl Iterator<Item = Box<Flow>> + use<> {
        let table = std::mem::take(self);
        let mut flows: Vec<_> = table.slots.into_iter().filter_map(|slot| slot.flow).collect();
        flows.sort_unstable_by_key(|flow| (flow.conn.first.ts_ns, flow.conn.id));
        flows.into_iter()
    }
}
