//! Qualified values of a capture filter -> tests: hosts, networks, ports and protocol numbers.

use std::net::Ipv6Addr;

use super::ast::{Dotted, Kind, Proto, Qualifier, Side, Value, prefix_mask};
use super::error::Fault;
use super::eval::{Cond, Is, Place, Test};
use super::link::{self, Layers, equal, field, masked};
use super::names::{self, Carrier};

const TCP: u32 = 6;
const UDP: u32 = 17;
const SCTP: u32 = 132;

/// Ports from the first to the last.
type Ports = (u32, u32);

impl Layers {
    pub fn value(&self, qualifier: Qualifier, value: &Value) -> Result<Cond, Fault> {
        match (qualifier.kind, value) {
            (Kind::Port, Value::Name(name)) => self.service(qualifier, name),
            (Kind::PortRange, Value::Name(name)) => self.service_range(qualifier, name),
            (Kind::Port | Kind::PortRange, Value::Number(port)) => {
                self.ports(qualifier, (*port, *port), Carrier::Both)
            }
            (Kind::Proto, Value::Number(number)) => self.proto(qualifier.proto, *number),
            (Kind::Proto, Value::Name(name)) => {
                self.proto(qualifier.proto, protocol_number(qualifier.proto, name)?)
            }
            (Kind::ProtoChain, Value::Number(number)) => self.chain(qualifier.proto, *number),
            (Kind::ProtoChain, Value::Name(name)) => {
                self.chain(qualifier.proto, protocol_number(qualifier.proto, name)?)
            }
            (Kind::Host | Kind::Net, _) => self.address(qualifier, value),
            (kind, _) => Err(Fault::new(format!("`{}` has no address", kind.word()))
                .help("write `host` or `net` in front of an address")),
        }
    }

    fn address(&self, qualifier: Qualifier, value: &Value) -> Result<Cond, Fault> {
        let is_net = qualifier.kind == Kind::Net;
        match *value {
            Value::Name(ref name) => Err(unknown_name(qualifier, name)),
            Value::Mac(mac) => self.ether_host(qualifier, mac),
            Value::Number(number) if is_net => {
                let (net, mask) = short_net(number);
                self.ipv4(qualifier, net, mask)
            }
            Value::Number(number) => self.ipv4(qualifier, number, u32::MAX),
            Value::Ipv4(ip) => self.ipv4(qualifier, ip.left_justified(), ip.mask()),
            Value::Ipv4Prefix(ip, bits) => {
                limit_bits(bits, 32)?;
                self.ipv4_net(qualifier, ip, prefix_mask(bits))
            }
            Value::Ipv4Mask(ip, mask) => self.ipv4_net(qualifier, ip, mask.left_justified()),
            Value::Ipv6(ip, bits) => {
                limit_bits(bits, 128)?;
                if !is_net && bits != 128 {
                    return Err(only_net());
                }
                self.ipv6(qualifier, ip, bits)
            }
        }
    }

    fn ipv4_net(&self, qualifier: Qualifier, ip: Dotted, mask: u32) -> Result<Cond, Fault> {
        let net = ip.left_justified();
        if net & !mask != 0 {
            return Err(bits_behind());
        }
        if qualifier.kind != Kind::Net {
            return Err(only_net());
        }
        self.ipv4(qualifier, net, mask)
    }

    /// An address in IPv4, ARP and RARP headers.
    fn ipv4(&self, qualifier: Qualifier, net: u32, mask: u32) -> Result<Cond, Fault> {
        let test = |ether, source, target| -> Result<Cond, Fault> {
            let is = |at| masked(self.network + at, 4, mask, net);
            let side = |at| Ok(Cond::All(vec![self.carries(ether)?, is(at)]));
            sides(qualifier.side, side(source)?, side(target)?)
        };
        let ip = || test(link::ETHER_IP, 12, 16);
        let arp = |ether| test(ether, 14, 24);
        match qualifier.proto {
            Some(Proto::Ip) => ip(),
            Some(Proto::Arp) => arp(link::ETHER_ARP),
            Some(Proto::Rarp) => arp(link::ETHER_RARP),
            None if self.mpls_labels > 0 => ip(),
            None => Ok(Cond::Any(vec![ip()?, arp(link::ETHER_ARP)?, arp(link::ETHER_RARP)?])),
            Some(proto) => Err(no_host(proto, "IPv4", qualifier.kind)),
        }
    }

    fn ipv6(&self, qualifier: Qualifier, ip: Ipv6Addr, bits: u32) -> Result<Cond, Fault> {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        let net = ip.to_bits();
        if net & !mask != 0 {
            return Err(bits_behind());
        }
        if !matches!(qualifier.proto, None | Some(Proto::Ip6)) {
            let proto = qualifier.proto.unwrap_or(Proto::Link);
            return Err(no_host(proto, "IPv6", qualifier.kind));
        }
        let side = |at: u32| -> Result<Cond, Fault> {
            let word = |index: u32| {
                let part = |whole: u128| (whole >> (96 - 32 * index)) as u32;
                masked(self.network + at + 4 * index, 4, part(mask), part(net))
            };
            let words = (0..4).map(word);
            Ok(Cond::All([self.carries(link::ETHER_IP6)?].into_iter().chain(words).collect()))
        };
        sides(qualifier.side, side(8)?, side(24)?)
    }

    fn ether_host(&self, qualifier: Qualifier, mac: [u8; 6]) -> Result<Cond, Fault> {
        if qualifier.proto != Some(Proto::Link) || qualifier.kind != Kind::Host {
            return Err(Fault::new("this is an Ethernet address").help("write `ether host`"));
        }
        self.only_ethernet("Ethernet addresses")?;
        sides(qualifier.side, self.mac(6, mac), self.mac(0, mac))
    }

    fn service(&self, qualifier: Qualifier, name: &str) -> Result<Cond, Fault> {
        let (port, carrier) = service(name)?;
        self.ports(qualifier, (port, port), carrier)
    }

    /// `80-90`, or two services. libpcap ignores what stands behind the second number.
    fn service_range(&self, qualifier: Qualifier, name: &str) -> Result<Cond, Fault> {
        let Some((first, last)) = name.split_once('-') else {
            let fault = Fault::new(format!("`{name}` is no range of ports"));
            return Err(fault.help("write `portrange 80-90`"));
        };
        let digits = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let tail = digits(last);
        let number = last.get(..last.len() - tail).unwrap_or("");
        if digits(first) == 0 && !number.is_empty() {
            let ports = (port_number(first)?, port_number(number)?);
            return self.ports(qualifier, ports, Carrier::Both);
        }
        let ((first, carrier), (last, other)) = (service(first)?, service(last)?);
        let carrier = if carrier == other { carrier } else { Carrier::Both };
        self.ports(qualifier, (first, last), carrier)
    }

    /// Ports of TCP, UDP and SCTP in IPv6 and IPv4, or of the one protocol that is named.
    fn ports(&self, qualifier: Qualifier, ports: Ports, carrier: Carrier) -> Result<Cond, Fault> {
        for port in [ports.0, ports.1] {
            if port > 65535 {
                return Err(Fault::new(format!("port {port} is above the largest, 65535")));
            }
        }
        let protos = port_protocols(qualifier.proto, carrier)?;
        let ports = (ports.0.min(ports.1), ports.0.max(ports.1));
        let all = |of: &dyn Fn(u32) -> Cond| Cond::Any(protos.iter().map(|p| of(*p)).collect());
        let v6 = |proto| {
            let at = |at| Place::At(self.network + 40 + at);
            Cond::All(vec![self.byte_is(6, proto), side_ports(qualifier.side, at, ports)])
        };
        let v4 = |proto| {
            let at = |at| Place::BehindIp { ip: self.network, at: self.network + at };
            let ports = side_ports(qualifier.side, at, ports);
            Cond::All(vec![self.byte_is(9, proto), self.first_fragment(), ports])
        };
        let v6 = Cond::All(vec![self.carries(link::ETHER_IP6)?, all(&v6)]);
        let v4 = Cond::All(vec![self.carries(link::ETHER_IP)?, all(&v4)]);
        Ok(Cond::Any(vec![v6, v4]))
    }

    fn proto(&self, proto: Option<Proto>, number: u32) -> Result<Cond, Fault> {
        match proto {
            Some(Proto::Link) => self.carries(number),
            None | Some(Proto::Ip | Proto::Ip6) => self.ip_protocol(number, proto),
            Some(Proto::Iso) => {
                let test = equal(self.network + 3, 1, number);
                Ok(Cond::All(vec![self.carries(link::LLC_ISO)?, test]))
            }
            Some(proto) => Err(no_proto(proto)),
        }
    }

    fn chain(&self, proto: Option<Proto>, number: u32) -> Result<Cond, Fault> {
        let ip = self.network;
        let chain = |ether, v6| -> Result<Cond, Fault> {
            let test = Cond::Test(Test::Chain { ip, v6, proto: number });
            Ok(Cond::All(vec![self.carries(ether)?, test]))
        };
        match proto {
            Some(Proto::Ip) => chain(link::ETHER_IP, false),
            Some(Proto::Ip6) => chain(link::ETHER_IP6, true),
            None => {
                Ok(Cond::Any(vec![chain(link::ETHER_IP, false)?, chain(link::ETHER_IP6, true)?]))
            }
            Some(proto) => Err(no_proto(proto)),
        }
    }
}

fn sides(side: Side, source: Cond, target: Cond) -> Result<Cond, Fault> {
    Ok(match side {
        Side::Source => source,
        Side::Target => target,
        Side::Either => Cond::Any(vec![source, target]),
        Side::Both => Cond::All(vec![source, target]),
    })
}

/// The source port at the transport header's begin, the target port behind it.
fn side_ports(side: Side, place: impl Fn(u32) -> Place, (first, last): Ports) -> Cond {
    let port = |at| {
        if first == last {
            return field(place(at), 2, Is::Equal, first);
        }
        let not_above = field(place(at), 2, Is::Greater, last).negated();
        Cond::All(vec![field(place(at), 2, Is::AtLeast, first), not_above])
    };
    match side {
        Side::Source => port(0),
        Side::Target => port(2),
        Side::Either => Cond::Any(vec![port(0), port(2)]),
        Side::Both => Cond::All(vec![port(0), port(2)]),
    }
}

/// The transport protocols whose ports are meant.
fn port_protocols(proto: Option<Proto>, carrier: Carrier) -> Result<Vec<u32>, Fault> {
    let wrong = |is: &str| {
        let name = proto.map_or("", names::protocol_name);
        Err(Fault::new(format!("this is a service of {is}, not of {name}"))
            .help("write the number of the port"))
    };
    match (proto, carrier) {
        (None, Carrier::Both) => Ok(vec![SCTP, TCP, UDP]),
        (None | Some(Proto::Tcp), Carrier::Tcp) => Ok(vec![TCP]),
        (None | Some(Proto::Udp), Carrier::Udp) => Ok(vec![UDP]),
        (Some(Proto::Tcp), Carrier::Both) => Ok(vec![TCP]),
        (Some(Proto::Udp), Carrier::Both) => Ok(vec![UDP]),
        (Some(Proto::Sctp), Carrier::Both) => Ok(vec![SCTP]),
        (Some(Proto::Udp | Proto::Sctp), Carrier::Tcp) => wrong("tcp"),
        (Some(Proto::Tcp | Proto::Sctp), Carrier::Udp) => wrong("udp"),
        (Some(proto), _) => {
            let name = names::protocol_name(proto);
            let fault = Fault::new(format!("`{name}` has no ports"));
            Err(fault.help("ports are those of `tcp`, `udp` and `sctp`"))
        }
    }
}

fn service(name: &str) -> Result<(u32, Carrier), Fault> {
    names::service(name).ok_or_else(|| {
        Fault::new(format!("unknown service `{name}`")).help("write the number of its port")
    })
}

fn port_number(digits: &str) -> Result<u32, Fault> {
    digits.parse().map_err(|_| Fault::new(format!("{digits} is above the largest port, 65535")))
}

fn protocol_number(proto: Option<Proto>, name: &str) -> Result<u32, Fault> {
    let number = match proto {
        Some(Proto::Link) => names::ether_type(name),
        None | Some(Proto::Ip | Proto::Ip6) => names::ip_protocol(name),
        Some(proto) => return Err(no_proto(proto)),
    };
    number.ok_or_else(|| {
        Fault::new(format!("unknown protocol `{name}`")).help("write its number instead")
    })
}

/// `net 10` is 10.0.0.0/8, `net 0x0a01` is 10.1.0.0/16.
fn short_net(number: u32) -> (u32, u32) {
    let (mut net, mut mask) = (number, u32::MAX);
    while net != 0 && net & 0xff00_0000 == 0 {
        (net, mask) = (net << 8, mask << 8);
    }
    (net, mask)
}

fn unknown_name(qualifier: Qualifier, name: &str) -> Fault {
    let what = if qualifier.kind == Kind::Net { "network" } else { "host" };
    Fault::new(format!("`{name}` is a name: the {what}'s address is needed"))
        .help("names are not looked up; write its address")
}

fn limit_bits(bits: u32, max: u32) -> Result<(), Fault> {
    if bits <= max {
        return Ok(());
    }
    Err(Fault::new(format!("a prefix of {bits} bits is longer than the address, {max}")))
}

fn bits_behind() -> Fault {
    Fault::new("the address has bits behind its prefix or mask")
        .help("write the network's own address, such as 10.1.0.0/16")
}

fn only_net() -> Fault {
    Fault::new("a prefix or mask makes a network of the address").help("write `net` for `host`")
}

fn no_host(proto: Proto, version: &str, kind: Kind) -> Fault {
    let (name, word) = (names::protocol_name(proto), kind.word());
    Fault::new(format!("`{name}` has no {version} addresses"))
        .help(format!("write `{name} and {word} ...`"))
}

fn no_proto(proto: Proto) -> Fault {
    let name = names::protocol_name(proto);
    Fault::new(format!("`{name}` does not tell what it carries"))
        .help("write `ip proto`, `ip6 proto` or `ether proto`")
}
