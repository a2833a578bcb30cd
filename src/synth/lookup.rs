//! Finding a service's address, as a resolver with search domains does it: for each name in turn a
//! query for A and one for AAAA, until one exists.

use super::call::Reply;
use super::dns::{self, A, AAAA, Answer};
use super::flow::Flow;
use super::network::Way;
use super::scenario::FaultKind;
use super::sim::Simulation;
use super::wire;
use std::net::Ipv4Addr;

/// resolv.conf(5): attempts, and the wait for each.
const ATTEMPTS: usize = 2;
const WAIT_NS: i64 = 5_000_000_000;
/// From the query for A to that for AAAA, and from an answer to the next query.
const NEXT_QUERY_NS: i64 = 15_000;
const NEXT_NAME_NS: i64 = 40_000;
/// What fits into a datagram of 512 bytes.
const ADDRESSES_MAX: usize = 16;

/// One lookup's constants.
struct Lookup {
    caller: usize,
    service: usize,
    deadline: i64,
    /// The addresses that the name has, that to be used first.
    addresses: Vec<Ipv4Addr>,
    /// Whether a fault had a hand in it.
    touched: bool,
}

/// When a lookup succeeded.
pub struct Found {
    pub at: i64,
    pub touched: bool,
}

/// How the server fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    /// Answers SERVFAIL.
    Broken,
    /// Does not answer.
    Mute,
}

/// One question to one server.
struct Question<'q> {
    name: &'q str,
    kind: u16,
    port: u16,
    server: usize,
    /// How long the query travels: the same for both, so that they stay in order.
    delay: i64,
}

impl Simulation<'_> {
    /// When the caller knows the address of the service's host number `choice`.
    pub(super) fn lookup(
        &mut self,
        flow: &mut Flow,
        at: i64,
        caller: usize,
        service: usize,
        choice: usize,
        deadline: i64,
    ) -> Result<Found, Reply> {
        let system = self.system;
        let callee = &system.services[service];
        let mut addresses: Vec<_> = callee.hosts.iter().map(|h| system.hosts[*h].ip).collect();
        addresses.rotate_left(choice);
        addresses.truncate(ADDRESSES_MAX);
        let addresses = callee.address.map_or(addresses, |address| vec![address]);
        let mut lookup = Lookup { caller, service, deadline, addresses, touched: false };
        let name = self.address_name(caller, service);
        let mut now = at;
        for name in dns::search_list(&name, &system.hosts[caller].namespace, system.scenario.ndots)
        {
            now = self.ask(flow, now, &mut lookup, &name)?;
            if name == callee.domain {
                return Ok(Found { at: now, touched: lookup.touched });
            }
            now += NEXT_NAME_NS;
        }
        Err(Reply { touched: false, ..self.silent(service, now, "no such host") })
    }

    /// Both questions for one name, again after trouble; when they are answered.
    fn ask(
        &mut self,
        flow: &mut Flow,
        at: i64,
        lookup: &mut Lookup,
        name: &str,
    ) -> Result<i64, Reply> {
        let dns = self.system.dns;
        let mut now = at;
        for _ in 0..ATTEMPTS {
            let health = self.dns_health(flow, now);
            let answered = self.ask_once(flow, now, lookup, name, health);
            let patience = (now + WAIT_NS).min(lookup.deadline);
            lookup.touched |= health != Health::Well;
            if health == Health::Mute || answered >= patience {
                self.failed(dns, now, "query unanswered");
                if patience == lookup.deadline {
                    return Err(self.silent(lookup.service, patience, "lookup timed out"));
                }
                now = patience;
            } else if health == Health::Broken {
                self.failed(dns, answered, "SERVFAIL");
                now = answered + NEXT_NAME_NS;
            } else {
                return Ok(answered);
            }
        }
        Err(self.silent(lookup.service, now, "lookup failed"))
    }

    fn dns_health(&self, flow: &mut Flow, at: i64) -> Health {
        let dns = self.system.dns;
        if self.fault(flow, FaultKind::DnsTimeout, dns, at).is_some() {
            Health::Mute
        } else if self.fault(flow, FaultKind::DnsServfail, dns, at).is_some() {
            Health::Broken
        } else {
            Health::Well
        }
    }

    /// A and AAAA over one socket; when both answers have come.
    fn ask_once(
        &mut self,
        flow: &mut Flow,
        at: i64,
        lookup: &mut Lookup,
        name: &str,
        health: Health,
    ) -> i64 {
        let servers = &self.system.services[self.system.dns].hosts;
        let server = servers[flow.random.below(servers.len() as u64) as usize];
        let port = self.port(lookup.caller);
        let delay = self.net.delay(lookup.caller, server, &mut flow.random);
        let known = name == self.system.services[lookup.service].domain;
        let addresses = lookup.addresses.clone();
        let mut done = at;
        for (kind, start) in [(A, at), (AAAA, at + NEXT_QUERY_NS)] {
            let answer = match kind {
                _ if health == Health::Mute => None,
                _ if health == Health::Broken => Some(Answer::ServFail),
                _ if !known => Some(Answer::NxDomain),
                A => Some(Answer::Addresses(&addresses)),
                _ => Some(Answer::NoData),
            };
            let question = Question { name, kind, port, server, delay };
            done = done.max(self.exchange(flow, start, lookup, &question, answer));
        }
        done
    }

    /// One query and, if there is one, its answer; when it has come.
    fn exchange(
        &mut self,
        flow: &mut Flow,
        at: i64,
        lookup: &mut Lookup,
        question: &Question<'_>,
        answer: Option<Answer<'_>>,
    ) -> i64 {
        let &Question { name, kind, port, server, delay } = question;
        let (dns, caller) = (self.system.dns, lookup.caller);
        let id = flow.random.next() as u16;
        let client = (self.net.ip(caller), port);
        let resolver = (self.net.ip(server), self.system.services[dns].spec.port);
        let query = dns::query(id, name, kind);
        let datagram = wire::udp(client, resolver, flow.random.next() as u16, &query);
        let arrival = at + delay;
        let seen = self.net.send((caller, server), Way::ToServer, at, Some(arrival), &datagram);
        self.record.request(dns, seen);
        let Some(answer) = answer else { return arrival };

        let latency = self.system.services[dns].spec.latency;
        let own = flow.random.lognormal(latency.median.0, latency.spread);
        let slow = self.fault(flow, FaultKind::Latency, dns, arrival);
        let ready = arrival + own + slow.and_then(|fault| fault.delay).map_or(0, |delay| delay.0);
        if slow.is_some() {
            lookup.touched = true;
            self.record.touch(dns, ready, None);
        }
        let response = dns::response(id, name, kind, answer);
        let datagram = wire::udp(resolver, client, flow.random.next() as u16, &response);
        let arrival = ready + self.net.delay(server, caller, &mut flow.random);
        let seen = self.net.send((server, caller), Way::ToClient, ready, Some(arrival), &datagram);
        let failed = matches!(answer, Answer::ServFail);
        self.record.response(dns, answer.rcode().1, failed, seen);
        arrival
    }
}
