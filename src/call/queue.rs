//! The requests of one connection that wait for a response: oldest first, and found by id where
//! the protocol has ids, whatever the number of those that wait.

use std::collections::{HashMap, VecDeque};

use crate::dissect::{Direction, Message};

/// A request, and what was seen of it and of its answer so far.
#[derive(Debug)]
pub(super) struct Waiting {
    pub request: Message,
    pub requests: u32,
    pub interim: u32,
}

/// A place in a queue: stays the same while others come and go.
pub(super) type Ticket = u64;

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// `None` where a request has left; never at the front.
    slots: VecDeque<Option<Waiting>>,
    /// The ticket of the front.
    front: Ticket,
    count: usize,
    // Looked up, never iterated: its order cannot reach a result.
    by_key: HashMap<(Direction, u64), Ticket, foldhash::quality::FixedState>,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn oldest(&self) -> Option<&Waiting> {
        self.slots.front()?.as_ref()
    }

    /// Lets a request wait; `has_id` when its key is its own.
    pub fn push(&mut self, waiting: Waiting, has_id: bool) {
        if has_id {
            let ticket = self.front + self.slots.len() as Ticket;
            self.by_key.insert((waiting.request.direction, waiting.request.key), ticket);
        }
        self.slots.push_back(Some(waiting));
        self.count += 1;
    }

    /// The request of this id that went this way.
    pub fn keyed(&self, direction: Direction, key: u64) -> Option<Ticket> {
        self.by_key.get(&(direction, key)).copied()
    }

    /// The oldest request that went this way.
    pub fn first(&self, direction: Direction) -> Option<Ticket> {
        let is_one = |slot: &Option<Waiting>| {
            slot.as_ref().is_some_and(|waiting| waiting.request.direction == direction)
        };
        let at = self.slots.iter().position(is_one)?;
        Some(self.front + at as Ticket)
    }

    fn slot(&mut self, ticket: Ticket) -> Option<&mut Option<Waiting>> {
        let at = usize::try_from(ticket.checked_sub(self.front)?).ok()?;
        self.slots.get_mut(at)
    }

    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiting> {
        self.slot(ticket)?.as_mut()
    }

    pub fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.slot(ticket)?.take()?;
        self.count -= 1;
        if !self.by_key.is_empty() {
            self.by_key.remove(&(waiting.request.direction, waiting.request.key));
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.front += 1;
        }
        Some(waiting)
    }

    pub fn pop_oldest(&mut self) -> Option<Waiting> {
        self.remove(self.front)
    }
}
