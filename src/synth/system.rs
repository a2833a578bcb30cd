//! Scenario -> the system it describes: names resolved to numbers, operations taken apart, pods
//! placed. Whatever contradicts itself is an error here, so that the simulation meets none.

use super::check::*;
use super::host::{Host, Placement};
use super::scenario::{self, FaultKind, Protocol, Scenario};
use std::net::Ipv4Addr;

const BODY_BYTES_MAX: usize = 1 << 20;

/// Everything the simulation looks things up in. Nodes, hosts, services and endpoints are named by
/// their index.
pub struct System<'a> {
    pub scenario: &'a Scenario,
    pub hosts: Vec<Host>,
    pub services: Vec<Service<'a>>,
    pub loads: Vec<Load<'a>>,
    pub faults: Vec<Fault<'a>>,
    /// The service that answers DNS queries.
    pub dns: usize,
}

pub struct Service<'a> {
    pub spec: &'a scenario::Service,
    pub hosts: Vec<usize>,
    /// Name that DNS answers for, without the final dot.
    pub domain: String,
    /// Its own address, where the scenario gives services one.
    pub address: Option<Ipv4Addr>,
    pub endpoints: Vec<Endpoint<'a>>,
}

pub struct Endpoint<'a> {
    pub spec: &'a scenario::Endpoint,
    pub method: &'a str,
    pub path: &'a str,
    pub calls: Vec<Call<'a>>,
}

/// A call that an endpoint or a client makes.
pub struct Call<'a> {
    pub to: usize,
    pub operation: Operation<'a>,
    pub on_failure: u16,
    pub timeout: i64,
    pub retries: u32,
    pub optional: bool,
}

#[derive(Clone, Copy)]
pub enum Operation<'a> {
    Endpoint(usize),
    /// A Redis command line.
    Command(&'a str),
}

pub struct Load<'a> {
    pub spec: &'a scenario::Load,
    pub host: usize,
    /// One per entry of the mix.
    pub calls: Vec<Call<'a>>,
}

pub struct Fault<'a> {
    pub spec: &'a scenario::Fault,
    pub service: usize,
    /// Nanoseconds since the epoch.
    pub from: i64,
    /// `i64::MAX` when it is never mended.
    pub until: i64,
}

impl<'a> System<'a> {
    pub fn build(scenario: &'a Scenario) -> Result<Self, Invalid> {
        check_settings(scenario)?;
        let mut placement = Placement::new(scenario.seed, scenario.nodes.len());
        let mut hosts = Vec::new();
        let mut services = Vec::new();
        for spec in &scenario.services {
            services.push(service(scenario, spec, &mut placement, &mut hosts)?);
        }
        for (index, spec) in scenario.services.iter().enumerate() {
            services[index].endpoints = spec
                .endpoints
                .iter()
                .map(|endpoint| resolve_endpoint(scenario, spec, endpoint))
                .collect::<Result<_, _>>()?;
        }
        check_depth(&services)?;
        let mut loads = Vec::new();
        for spec in &scenario.load {
            loads.push(load(scenario, spec, &mut placement, &mut hosts)?);
        }
        let faults = scenario.faults.iter().map(|spec| fault(scenario, spec));
        let faults = faults.collect::<Result<_, _>>()?;
        let dns = dns_service(scenario)?;
        Ok(System { scenario, hosts, services, loads, faults, dns })
    }

    pub fn start(&self) -> i64 {
        self.scenario.start.0
    }

    /// When the last request may come.
    pub fn end(&self) -> i64 {
        self.start() + self.scenario.duration.0
    }

    /// The address under which clients know a host, where it is not its own.
    pub fn known_as(&self, host: usize) -> Option<Ipv4Addr> {
        self.services.iter().find(|service| service.hosts.contains(&host))?.address
    }

    pub fn latency(&self, service: usize, operation: Operation<'_>) -> scenario::Latency {
        let service = &self.services[service];
        match operation {
            Operation::Endpoint(endpoint) => {
                service.endpoints[endpoint].spec.latency.unwrap_or(service.spec.latency)
            }
            Operation::Command(_) => service.spec.latency,
        }
    }
}

fn service<'a>(
    scenario: &'a Scenario,
    spec: &'a scenario::Service,
    placement: &mut Placement,
    hosts: &mut Vec<Host>,
) -> Result<Service<'a>, Invalid> {
    let place = format!("service {:?}", spec.name);
    let external = spec.protocol == Protocol::External;
    let twins = scenario.services.iter().filter(|s| s.name == spec.name).count();
    require(twins == 1, &place, &spec.name, "the name is used twice")?;
    for label in spec.name.split('.') {
        check_name(&place, label)?;
    }
    check_name(&place, &spec.namespace)?;
    let dotted = spec.name.contains('.');
    require(external == dotted, &place, &spec.name, "only names of external services have dots")?;
    require(spec.port > 0, &place, &spec.name, "port must be above 0")?;
    check_latency(&place, spec.latency)?;
    check_background(&place, &spec.background)?;
    let http = external || spec.protocol == Protocol::Http;
    require(http || spec.endpoints.is_empty(), &place, &spec.name, "only http has endpoints")?;
    require(http || spec.background.is_empty(), &place, &spec.name, "only http has background")?;
    let placed = match spec.address {
        Some(ip) if external => vec![placement.external(&spec.name, ip)],
        None if !external => {
            let nodes = node_indices(scenario, &place, &spec.nodes)?;
            place_pods(placement, &place, &spec.namespace, &spec.name, spec.replicas, &nodes)?
        }
        _ => {
            let cause = "address belongs to external services, and they must have one";
            return Err(invalid(&place, &spec.name, cause));
        }
    };
    let domain = match external {
        true => spec.name.clone(),
        false => format!("{}.{}.svc.cluster.local", spec.name, spec.namespace),
    };
    let first = hosts.len();
    hosts.extend(placed);
    let hosts = (first..hosts.len()).collect();
    let address =
        (scenario.service_addresses && !external).then(|| service_address(scenario, spec));
    Ok(Service { spec, hosts, domain, address, endpoints: Vec::new() })
}

/// From the range that clusters give their services, by place in the scenario; that of DNS is
/// always the tenth.
fn service_address(scenario: &Scenario, spec: &scenario::Service) -> Ipv4Addr {
    let place = scenario.services.iter().position(|s| s.name == spec.name).unwrap_or(0);
    match spec.protocol {
        Protocol::Dns => Ipv4Addr::new(10, 96, 0, 10),
        _ => Ipv4Addr::new(10, 96, 1 + (place / 200) as u8, 20 + (place % 200) as u8),
    }
}

fn place_pods(
    placement: &mut Placement,
    place: &str,
    namespace: &str,
    name: &str,
    replicas: usize,
    nodes: &[usize],
) -> Result<Vec<Host>, Invalid> {
    require(replicas > 0, place, name, "replicas must be at least 1")?;
    let pods = placement.pods(namespace, name, replicas, nodes);
    pods.ok_or_else(|| invalid(place, name, "a node has no room for so many pods"))
}

fn resolve_endpoint<'a>(
    scenario: &'a Scenario,
    service: &scenario::Service,
    spec: &'a scenario::Endpoint,
) -> Result<Endpoint<'a>, Invalid> {
    let operation = &spec.operation;
    let place = format!("service {:?}, endpoint {operation:?}", service.name);
    let parts = operation.split_once(' ').filter(|(_, path)| path.starts_with('/'));
    let Some((method, path)) = parts else {
        return Err(invalid(&place, operation, "an endpoint is written METHOD /path"));
    };
    let twins = service.endpoints.iter().filter(|e| e.operation == *operation).count();
    require(twins == 1, &place, operation, "the endpoint is there twice")?;
    let upper = method.bytes().all(|b| b.is_ascii_uppercase());
    require(upper, &place, operation, "the method must be upper case")?;
    let visible = path.bytes().all(|b| b.is_ascii_graphic());
    require(visible, &place, operation, "the path must be visible ASCII")?;
    check_status(&place, spec.status)?;
    if let Some(latency) = spec.latency {
        check_latency(&place, latency)?;
    }
    check_background(&place, &spec.background)?;
    let small = spec.request_bytes.max(spec.response_bytes) <= BODY_BYTES_MAX;
    require(small, &place, operation, "bodies must be at most 1 MiB")?;
    let calls = spec.calls.iter().map(|call| resolve_call(scenario, &place, call));
    Ok(Endpoint { spec, method, path, calls: calls.collect::<Result<_, _>>()? })
}

fn resolve_call<'a>(
    scenario: &'a Scenario,
    place: &str,
    call: &'a scenario::Call,
) -> Result<Call<'a>, Invalid> {
    check_status(place, call.on_failure)?;
    let timeout = call.timeout.0;
    require(timeout > 0, place, &call.operation, "timeout must be above 0")?;
    require(call.retries <= 10, place, &call.operation, "retries must be at most 10")?;
    let (to, operation) = target(scenario, place, &call.to, &call.operation)?;
    let (on_failure, retries, optional) = (call.on_failure, call.retries, call.optional);
    Ok(Call { to, operation, on_failure, timeout, retries, optional })
}

/// The service and operation that a call names.
fn target<'a>(
    scenario: &'a Scenario,
    place: &str,
    to: &str,
    operation: &'a str,
) -> Result<(usize, Operation<'a>), Invalid> {
    let index = find(&scenario.services, |s| &s.name, place, "service", to)?;
    let service = &scenario.services[index];
    match service.protocol {
        Protocol::Http | Protocol::External => {
            let place = format!("{place}, call to {to:?}");
            let endpoint =
                find(&service.endpoints, |e| &e.operation, &place, "endpoint", operation)?;
            Ok((index, Operation::Endpoint(endpoint)))
        }
        Protocol::Redis => {
            require(!operation.trim().is_empty(), place, to, "a Redis call needs a command")?;
            Ok((index, Operation::Command(operation)))
        }
        Protocol::Dns => Err(invalid(place, to, "names are looked up without being called")),
    }
}

fn load<'a>(
    scenario: &'a Scenario,
    spec: &'a scenario::Load,
    placement: &mut Placement,
    hosts: &mut Vec<Host>,
) -> Result<Load<'a>, Invalid> {
    let place = format!("load {:?}", spec.name);
    check_name(&place, &spec.name)?;
    check_name(&place, &spec.namespace)?;
    let rate = spec.rate > 0.0 && spec.rate <= 1e6;
    require(rate, &place, "rate", "rate must be above 0 and at most 1000000 per second")?;
    let positive = spec.timeout.0 > 0 && spec.users > 0 && spec.skus > 0;
    require(positive, &place, &spec.name, "timeout, users and skus must be above 0")?;
    let weights = !spec.mix.is_empty() && spec.mix.iter().all(|m| m.weight > 0.0);
    require(weights, &place, "mix", "mix must have entries with weights above 0")?;
    let nodes = node_indices(scenario, &place, std::slice::from_ref(&spec.node))?;
    let host = hosts.len();
    hosts.extend(place_pods(placement, &place, &spec.namespace, &spec.name, 1, &nodes)?);
    let call = |mix: &'a scenario::Mix| {
        let (to, operation) = target(scenario, &place, &spec.to, &mix.operation)?;
        let timeout = spec.timeout.0;
        Ok(Call { to, operation, on_failure: 0, timeout, retries: 0, optional: false })
    };
    let calls = spec.mix.iter().map(call).collect::<Result<_, _>>()?;
    Ok(Load { spec, host, calls })
}

fn fault<'a>(scenario: &Scenario, spec: &'a scenario::Fault) -> Result<Fault<'a>, Invalid> {
    use FaultKind::*;
    let place = format!("fault {} of {:?}", spec.kind.name(), spec.service);
    let service = find(&scenario.services, |s| &s.name, &place, "service", &spec.service)?;
    let protocol = scenario.services[service].protocol;
    let fits = match spec.kind {
        RedisOom => protocol == Protocol::Redis,
        Errors => matches!(protocol, Protocol::Http | Protocol::External),
        DnsServfail | DnsTimeout => protocol == Protocol::Dns,
        Refuse | Drop => protocol != Protocol::Dns,
        Latency => true,
    };
    require(fits, &place, &spec.service, "a service of this protocol cannot have this fault")?;
    check_share(&place, "probability", spec.probability)?;
    let status = spec.status.is_some() == (spec.kind == Errors);
    require(status, &place, &spec.service, "status belongs to errors, and they must have one")?;
    check_status(&place, spec.status.unwrap_or(500))?;
    let delay = spec.delay.is_some() == (spec.kind == Latency);
    require(delay, &place, &spec.service, "delay belongs to latency, which must have one")?;
    let (start, end) = (scenario.start.0, scenario.start.0 + scenario.duration.0);
    let from = start.saturating_add(spec.from.0);
    let until = spec.until.map_or(i64::MAX, |until| start.saturating_add(until.0));
    let ordered = start <= from && from < until.min(end);
    require(ordered, &place, &spec.service, "from must be before until and the end, not below 0")?;
    Ok(Fault { spec, service, from, until })
}

fn dns_service(scenario: &Scenario) -> Result<usize, Invalid> {
    let mut found = (0..).zip(&scenario.services).filter(|(_, s)| s.protocol == Protocol::Dns);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        _ => Err(invalid("services", "services", "exactly one must have protocol dns")),
    }
}
