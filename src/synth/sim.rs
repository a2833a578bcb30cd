//! The run: what happens in the order of time. A request is walked through the whole system in one
//! go, forward in time (`call`); what connections do between requests are events of their own.

use super::SynthError;
use super::flow::Flow;
use super::network::{Captured, Network};
use super::pool::{Key, Pool};
use super::random::Random;
use super::record::{ClientRequest, Recorder};
use super::scenario::{self, FaultKind};
use super::system::System;
use super::tcp::{Conn, Side};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

/// How often servers look for idle connections.
const IDLE_SWEEP_NS: i64 = 1_000_000_000;
const PORT_FIRST: u64 = 32_768;
const PORT_COUNT: u64 = 28_232;

pub struct Simulation<'a> {
    pub(super) system: &'a System<'a>,
    pub(super) net: Network<'a>,
    pub(super) pool: Pool,
    pub(super) record: Recorder,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    events: u64,
    /// One stream of arrivals per load.
    arrivals: Vec<Random>,
    flows: u64,
    conns: u64,
    /// Last ephemeral port of each host.
    ports: Vec<Random>,
    port_offsets: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A load makes a request.
    Arrival(usize),
    /// A delayed acknowledgement falls due.
    Acknowledge(Key, u64, Side),
    /// Servers close what was idle too long.
    Sweep,
    /// A fault begins.
    Fault(usize),
}

impl<'a> Simulation<'a> {
    pub fn new(system: &'a System<'a>, directory: &Path) -> Self {
        let seed = system.scenario.seed;
        let streams = |kind: &str, count: usize| {
            (0..count as u64).map(|number| Random::stream(seed, kind, number)).collect()
        };
        let mut ports: Vec<Random> = streams("ports", system.hosts.len());
        let port_offsets = ports.iter_mut().map(|random| random.below(PORT_COUNT)).collect();
        Simulation {
            system,
            net: Network::new(system, directory),
            pool: Pool::default(),
            record: Recorder::new(system.services.len()),
            queue: BinaryHeap::new(),
            events: 0,
            arrivals: streams("arrivals", system.loads.len()),
            flows: 0,
            conns: 0,
            ports,
            port_offsets,
        }
    }

    /// Runs to the end; what happened, and what of it was captured.
    pub fn run(mut self) -> Result<(Recorder, Captured), SynthError> {
        for load in 0..self.system.loads.len() {
            self.plan_arrival(self.system.start(), load);
        }
        for (number, fault) in self.system.faults.iter().enumerate() {
            self.plan(fault.from, Event::Fault(number));
        }
        self.plan(self.system.start() + IDLE_SWEEP_NS, Event::Sweep);
        while let Some(Reverse((at, _, event))) = self.queue.pop() {
            self.net.flush(at)?;
            self.happen(at, event);
        }
        Ok((self.record, self.net.finish()?))
    }

    fn plan(&mut self, at: i64, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((at, self.events, event)));
    }

    fn plan_arrival(&mut self, after: i64, load: usize) {
        let mean = 1e9 / self.system.loads[load].spec.rate;
        let at = after + self.arrivals[load].exponential(mean);
        if at < self.system.end() {
            self.plan(at, Event::Arrival(load));
        }
    }

    fn happen(&mut self, at: i64, event: Event) {
        match event {
            Event::Arrival(load) => {
                self.plan_arrival(at, load);
                self.client_request(at, load);
            }
            Event::Acknowledge(key, conn, side) => {
                if let Some(conn) = self.pool.find(key, conn) {
                    conn.acknowledge(&mut self.net, side, at);
                }
            }
            Event::Sweep => {
                let limit = at - self.system.scenario.pool.idle.0;
                let idle = self.pool.extract(|_, conn| conn.free_at < limit);
                self.close_by_server(at, idle);
                if at + IDLE_SWEEP_NS < self.system.end() {
                    self.plan(at + IDLE_SWEEP_NS, Event::Sweep);
                }
            }
            Event::Fault(number) => self.begin_fault(at, number),
        }
    }

    fn client_request(&mut self, at: i64, load: usize) {
        let system = self.system;
        let load = &system.loads[load];
        self.flows += 1;
        let spec = load.spec;
        let mut flow = Flow::new(system.scenario.seed, self.flows, spec.users, spec.skus);
        let choice = flow.random.weighted(spec.mix.iter().map(|mix| mix.weight));
        let reply = self.call(&mut flow, at, load.host, &load.calls[choice]);
        self.record.client(ClientRequest {
            endpoint: spec.mix[choice].operation.clone(),
            start: at,
            end: reply.at,
            status: reply.status,
            failed: reply.error.is_some(),
            touched: reply.touched,
            request_id: flow.request_id,
        });
    }

    /// A process that stops listening also closes what it had open.
    fn begin_fault(&mut self, at: i64, number: usize) {
        let fault = &self.system.faults[number];
        if fault.spec.kind == FaultKind::Refuse && fault.spec.probability == 1.0 {
            let open = self.pool.extract(|(_, service), _| service == fault.service);
            self.close_by_server(at, open);
        }
    }

    fn close_by_server(&mut self, at: i64, conns: Vec<Conn>) {
        for (delay, mut conn) in (0..).zip(conns) {
            let at = at.max(conn.free_at) + 50_000 * (1 + delay);
            conn.close(&mut self.net, Side::Server, at);
        }
    }

    /// A new connection between a host and one of a service's.
    pub(super) fn new_conn(&mut self, client: usize, server: (usize, u16)) -> Conn {
        self.conns += 1;
        let port = self.port(client);
        Conn::new(self.system.scenario.seed, self.conns, (client, port), server)
    }

    /// An ephemeral port, not used by that host for a while.
    pub(super) fn port(&mut self, host: usize) -> u16 {
        let offset = &mut self.port_offsets[host];
        *offset = (*offset + 1 + self.ports[host].below(7)) % PORT_COUNT;
        (PORT_FIRST + *offset) as u16
    }

    /// Gives a connection back after an exchange that ended at `at`, or closes a worn one.
    pub(super) fn release(&mut self, key: Key, mut conn: Conn, at: i64) {
        conn.free_at = at;
        conn.exchanges += 1;
        if conn.exchanges >= self.system.scenario.pool.recycle {
            conn.close(&mut self.net, Side::Client, at + 30_000);
            return;
        }
        if let Some(due) = conn.ack_due(Side::Client) {
            self.plan(due, Event::Acknowledge(key, conn.id, Side::Client));
        }
        self.pool.give(key, conn);
    }

    /// The fault of this kind that hits a request to a service at a time.
    pub(super) fn fault(
        &self,
        flow: &mut Flow,
        kind: FaultKind,
        service: usize,
        at: i64,
    ) -> Option<&'a scenario::Fault> {
        let active = self.system.faults.iter().find(|fault| {
            fault.spec.kind == kind
                && fault.service == service
                && (fault.from..fault.until).contains(&at)
        })?;
        flow.random.chance(active.spec.probability).then_some(active.spec)
    }
}
