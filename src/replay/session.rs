//! The application layer of one connection: finds the protocol by content, keeps what a dissector
//! has not read yet, and pairs its messages. Sequence numbers and sockets are behind it.

use crate::anomaly::AnomalyKind;
use crate::call::{Call, Pairer, Unanswered};
use crate::capture::Mark;
use crate::conn::Direction;
use crate::dissect::{
    Carrier, Dissector, Feed, Inside, Message, Next, Opening, Output, PROTOCOLS, Probe, Protocol,
    Slice,
};
use crate::limits::Limits;

/// Bytes of one direction that no dissector has taken yet.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    marks: Vec<(usize, Mark)>,
}

impl Pending {
    fn push(&mut self, bytes: &[u8], mark: Mark) {
        self.marks.push((self.bytes.len(), mark));
        self.bytes.extend_from_slice(bytes);
    }

    /// Drops `taken` bytes from the front.
    fn take(&mut self, taken: usize) {
        let taken = taken.min(self.bytes.len());
        if taken == self.bytes.len() {
            self.bytes.clear();
            self.marks.clear();
            return;
        }
        self.bytes.drain(..taken);
        let first = self.marks.partition_point(|&(start, _)| start <= taken).saturating_sub(1);
        self.marks.drain(..first);
        for (start, mark) in &mut self.marks {
            *mark = mark.behind(taken.saturating_sub(*start));
            *start = start.saturating_sub(taken);
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
    }

    fn slice(&self, direction: Direction) -> Slice<'_> {
        Slice { direction, bytes: &self.bytes, marks: &self.marks }
    }
}

enum State {
    /// Waiting for bytes that tell the protocol: segments looked at in vain, and the directions
    /// whose first bytes are of no protocol that is known.
    Probing {
        tried: u32,
        strange: [bool; 2],
    },
    Known {
        protocol: &'static Protocol,
        dissector: Box<dyn Dissector>,
        pairer: Pairer,
    },
    /// Nothing more is wanted of this connection.
    Off,
}

/// What a session needs to know of its connection for each piece of payload.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub limits: &'a Limits,
    pub carrier: Carrier,
    pub ports: [u16; 2],
    /// The handshake told who the client is.
    pub opened: bool,
}

/// Where a session leaves what it found.
pub(super) struct Found<'a> {
    pub calls: &'a mut Vec<(&'static Protocol, Call)>,
    pub anomalies: &'a mut Vec<(AnomalyKind, Mark)>,
    /// The client is the sender of what was just fed (`true`) or its peer (`false`).
    pub sender_is_client: Option<bool>,
}

/// The application layer of one connection.
pub(super) struct Session {
    state: State,
    pending: [Pending; 2],
    ended: [bool; 2],
    pub gaps: [u64; 2],
    output: Output,
    /// Protocols so far, in the order of their coming.
    pub protocols: Vec<&'static Protocol>,
    /// What waits for answers in protocols that another one followed.
    earlier: Vec<(&'static Protocol, Pairer)>,
    switches: u32,
    /// Another protocol has just taken over: what waits is for it.
    switched: bool,
    /// What the protocol carries inside (the plaintext of TLS), and how deep that is.
    inside: Option<Box<Session>>,
    depth: u32,
}

impl Session {
    pub fn new() -> Self {
        Session {
            state: State::Probing { tried: 0, strange: [false; 2] },
            pending: Default::default(),
            ended: [false; 2],
            gaps: [0; 2],
            output: Output::default(),
            protocols: Vec::new(),
            earlier: Vec::new(),
            switches: 0,
            switched: false,
            inside: None,
            depth: 0,
        }
    }

    fn note(&mut self, protocol: &'static Protocol) {
        if !self.protocols.iter().any(|p| p.name == protocol.name) {
            self.protocols.push(protocol);
        }
    }

    /// Whether payload is still of interest.
    pub fn wants_payload(&self) -> bool {
        !matches!(self.state, State::Off)
    }

    fn pending(&mut self, direction: Direction) -> &mut Pending {
        let [to_server, to_client] = &mut self.pending;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// Takes the next bytes of one direction (or one datagram).
    pub fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        self.offer(direction, bytes, mark, context, found);
        self.settle(direction, context, found);
    }

    fn offer(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        if let State::Probing { .. } = self.state {
            self.pending(direction).push(bytes, mark);
            self.probe(direction, context, found);
            return;
        }
        if self.pending(direction).bytes.is_empty() {
            let marks = [(0, mark)];
            let taken = self.feed(Slice { direction, bytes, marks: &marks }, context, found);
            if let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
                self.keep(direction, rest, mark.behind(taken), context, found);
            }
        } else {
            self.keep(direction, bytes, mark, context, found);
            self.drain(direction, context, found);
        }
    }

    fn keep(
        &mut self,
        direction: Direction,
        rest: &[u8],
        mark: Mark,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        if context.carrier != Carrier::Stream || !self.wants_payload() {
            return;
        }
        self.pending(direction).push(rest, mark);
        let held = self.pending(direction).bytes.len();
        if held > context.limits.pending_bytes_max {
            found.anomalies.push((AnomalyKind::PendingLimit, mark));
            self.gap(direction, held as u64, mark, context, found);
        }
    }

    /// Feeds what waits in one direction.
    fn drain(&mut self, direction: Direction, context: Context<'_>, found: &mut Found<'_>) {
        let held = std::mem::take(self.pending(direction));
        let taken = match held.bytes.is_empty() {
            true => 0,
            false => self.feed(held.slice(direction), context, found),
        };
        *self.pending(direction) = held;
        self.pending(direction).take(taken);
    }

    fn feed(&mut self, slice: Slice<'_>, context: Context<'_>, found: &mut Found<'_>) -> usize {
        let State::Known { dissector, .. } = &mut self.state else { return slice.bytes.len() };
        let taken = match dissector.feed(slice, &mut self.output) {
            Feed::Taken(taken) => taken,
            Feed::GiveUp(kind) => {
                found.anomalies.push((kind, slice.mark_at(0)));
                self.collect(context, found);
                self.state = State::Off;
                return slice.bytes.len();
            }
        };
        self.collect(context, found);
        taken
    }

    /// Pairs the messages that a dissector left.
    fn collect(&mut self, context: Context<'_>, found: &mut Found<'_>) {
        found.anomalies.append(&mut self.output.anomalies);
        if let State::Known { protocol, pairer, .. } = &mut self.state {
            for message in self.output.messages.drain(..) {
                let calls = &mut *found.calls;
                let anomalies = &mut *found.anomalies;
                let anomaly = |kind, m: &Message| anomalies.push((kind, m.first));
                pairer.push(message, context.limits, |call| calls.push((protocol, call)), anomaly);
            }
        }
        for inner in found.calls.iter().filter_map(|(_, call)| call.inner()) {
            self.note(inner);
        }
        for piece in std::mem::take(&mut self.output.inside) {
            self.inside(piece, context, found);
        }
        if let Some(next) = self.output.next.take() {
            self.switch(next, context, found);
        }
    }

    /// A piece of what is carried inside, which is a stream like any other. Who opened it is known.
    fn inside(&mut self, piece: Inside, context: Context<'_>, found: &mut Found<'_>) {
        let inner = self
            .inside
            .get_or_insert_with(|| Box::new(Session { depth: self.depth + 1, ..Session::new() }));
        if inner.depth > context.limits.protocol_switches_max {
            inner.state = State::Off;
        }
        let context = Context { carrier: Carrier::Stream, opened: true, ..context };
        match piece {
            Inside::Bytes(way, bytes, mark) => {
                inner.bytes(way, &bytes, mark, context, found);
            }
            Inside::Gap(way, bytes, mark) => inner.gap(way, bytes, mark, context, found),
            Inside::End(way) => inner.end(way, context, found),
        }
        for protocol in inner.protocols.clone() {
            self.note(protocol);
        }
    }

    /// Goes on in another protocol, from the first byte that was not taken.
    fn switch(&mut self, next: Next, context: Context<'_>, found: &mut Found<'_>) {
        let state = match next {
            _ if self.switches >= context.limits.protocol_switches_max => {
                found.anomalies.push((AnomalyKind::ProtocolSwitchLimit, self.waiting_mark()));
                State::Off
            }
            Next::Probed => State::Probing { tried: 0, strange: [false; 2] },
            Next::Known(protocol, dissector) => {
                self.note(protocol);
                State::Known { protocol, dissector, pairer: Pairer::new(protocol.pairing) }
            }
        };
        if let State::Known { protocol, pairer, .. } = std::mem::replace(&mut self.state, state) {
            self.earlier.push((protocol, pairer));
        }
        self.switches += 1;
        self.switched = true;
        self.ended = [false; 2];
    }

    /// The mark of the first byte that waits, if any does.
    fn waiting_mark(&self) -> Mark {
        let first = self.pending.iter().find_map(|pending| pending.marks.first());
        first.map_or(Mark::default(), |&(_, mark)| mark)
    }

    /// After another protocol took over: offers it what waits, `direction` first.
    fn settle(&mut self, direction: Direction, context: Context<'_>, found: &mut Found<'_>) {
        while std::mem::take(&mut self.switched) {
            for way in [direction, direction.reverse()] {
                if self.pending(way).bytes.is_empty() {
                    continue;
                }
                match self.state {
                    State::Probing { .. } => self.probe(way, context, found),
                    State::Known { .. } => self.drain(way, context, found),
                    State::Off => self.pending(way).clear(),
                }
            }
        }
    }

    /// Bytes of one direction were lost before what comes next.
    pub fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        mark: Mark,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        self.pending(direction).clear();
        if let Some(gaps) = self.gaps.get_mut(direction.index()) {
            *gaps += bytes;
        }
        if let State::Known { dissector, .. } = &mut self.state {
            dissector.gap(direction, bytes, mark, &mut self.output);
            self.collect(context, found);
            self.settle(direction, context, found);
        }
    }

    /// One direction sends no more.
    pub fn end(&mut self, direction: Direction, context: Context<'_>, found: &mut Found<'_>) {
        match self.ended.get_mut(direction.index()) {
            Some(ended) if !*ended => *ended = true,
            _ => return,
        }
        let held = std::mem::take(self.pending(direction));
        if let State::Known { dissector, .. } = &mut self.state {
            dissector.end(direction, held.slice(direction), &mut self.output);
            self.collect(context, found);
        }
    }

    /// Requests without an answer for longer than the limit are unanswered.
    pub fn expire(&mut self, before_ns: i64, found: &mut Found<'_>) {
        if let State::Known { protocol, pairer, .. } = &mut self.state {
            pairer.expire(before_ns, |call| found.calls.push((protocol, call)));
        }
    }

    /// The connection is over: ends both directions and hands out the halves.
    pub fn finish(
        &mut self,
        reason: &dyn Fn(&Message) -> Unanswered,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        self.end(Direction::ToServer, context, found);
        self.end(Direction::ToClient, context, found);
        if let Some(mut inner) = self.inside.take() {
            inner.finish(reason, context, found);
        }
        let last = match std::mem::replace(&mut self.state, State::Off) {
            State::Known { protocol, pairer, .. } => Some((protocol, pairer)),
            _ => None,
        };
        for (protocol, mut pairer) in std::mem::take(&mut self.earlier).into_iter().chain(last) {
            pairer.finish(reason, |call| found.calls.push((protocol, call)));
        }
        for inner in found.calls.iter().filter_map(|(_, call)| call.inner()) {
            self.note(inner);
        }
    }

    /// Asks the probes about the bytes that wait; starts the protocol that says yes.
    fn probe(&mut self, direction: Direction, context: Context<'_>, found: &mut Found<'_>) {
        let pending = self.pending(direction);
        let sender = context.opened.then_some(direction);
        let mut undecided = false;
        let mut chosen = None;
        for protocol in PROTOCOLS.iter().filter(|p| p.carriers.contains(&context.carrier)) {
            let port_hint = context.ports.iter().any(|port| protocol.ports.contains(port));
            match (protocol.probe)(Opening { sender, port_hint }, &pending.bytes) {
                Probe::No => {}
                Probe::Maybe(_) => undecided = true,
                Probe::Yes(way) => {
                    chosen = Some((*protocol, way));
                    break;
                }
            }
        }
        match chosen {
            Some((protocol, way)) => self.start(protocol, direction, way, context, found),
            // A datagram is whole: there is nothing to wait for.
            None if undecided
                && context.carrier == Carrier::Stream
                && pending.bytes.len() < context.limits.probe_bytes_max => {}
            None => self.unknown(direction, context, found),
        }
    }

    fn start(
        &mut self,
        protocol: &'static Protocol,
        direction: Direction,
        way: Option<Direction>,
        context: Context<'_>,
        found: &mut Found<'_>,
    ) {
        let turned = way.is_some_and(|way| way != direction) && !context.opened;
        if turned {
            self.pending.swap(0, 1);
            self.gaps.swap(0, 1);
        }
        if let Some(way) = way.filter(|_| !context.opened) {
            found.sender_is_client = Some(way == Direction::ToServer);
        }
        self.note(protocol);
        self.state = State::Known {
            protocol,
            dissector: (protocol.start)(context.carrier, context.limits),
            pairer: Pairer::new(protocol.pairing),
        };
        let direction = if turned { direction.reverse() } else { direction };
        self.drain(direction, context, found);
        // What the peer said before the protocol was known.
        self.drain(direction.reverse(), context, found);
    }

    /// No protocol knows these bytes. A connection joined in mid-stream may start a message with
    /// a later segment; one whose first bytes are there waits for what its peer says.
    fn unknown(&mut self, direction: Direction, context: Context<'_>, found: &mut Found<'_>) {
        let State::Probing { tried, strange } = &mut self.state else { return };
        *tried += 1;
        let from_start = context.carrier == Carrier::Stream && context.opened;
        if from_start && let Some(strange) = strange.get_mut(direction.index()) {
            *strange = true;
        }
        let hopeless = match from_start {
            true => *strange == [true; 2],
            false => *tried > context.limits.probe_segments_max,
        };
        let pending = self.pending(direction);
        let mark = pending.marks.first().map_or(Mark::default(), |&(_, mark)| mark);
        if !from_start || pending.bytes.len() > context.limits.probe_bytes_max {
            pending.clear();
        }
        if hopeless {
            found.anomalies.push((AnomalyKind::ProtocolUnknown, mark));
            self.pending.iter_mut().for_each(Pending::clear);
            self.state = State::Off;
        }
    }
}
