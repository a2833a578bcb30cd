//! The expression of a capture filter -> tests on the bytes of frames of one link type, in the
//! order of libpcap's.

use super::arithmetic::folded;
use super::ast::{Arith, Expr, Primitive, Proto, Relation};
use super::error::{Fault, FilterError};
use super::eval::{Cond, Is, Operand, Place, Program, Test};
use super::link::{self, Layers, Link, equal, field, masked};
use super::names;

/// Compiles for a link type. Errors: what the link type does not have, values out of range,
/// qualifiers that fit nothing.
pub(super) fn compile(expr: &Expr, link: Link) -> Result<Program, FilterError> {
    let mut layers = Layers::new(link);
    expression(expr, &mut layers).map(Program::new)
}

fn expression(expr: &Expr, layers: &mut Layers) -> Result<Cond, FilterError> {
    let mut all = |parts: &[Expr]| -> Result<Vec<Cond>, FilterError> {
        parts.iter().map(|part| expression(part, layers)).collect()
    };
    Ok(match expr {
        Expr::All(parts) => Cond::All(all(parts)?),
        Expr::Any(parts) => Cond::Any(all(parts)?),
        Expr::Not(inner) => expression(inner, layers)?.negated(),
        Expr::Test(test, span) => {
            primitive(test, layers).map_err(|fault| fault.at(span.clone()))?
        }
    })
}

fn primitive(primitive: &Primitive, layers: &mut Layers) -> Result<Cond, Fault> {
    match primitive {
        Primitive::Protocol(proto) => layers.protocol(*proto),
        Primitive::Value(qualifier, value) => layers.value(*qualifier, value),
        Primitive::Relation(left, relation, right) => layers.relation(left, *relation, right),
        Primitive::Broadcast(proto) => layers.broadcast(*proto),
        Primitive::Multicast(proto) => layers.multicast(*proto),
        Primitive::Less(bytes) => Ok(length(Relation::LessOrEqual, *bytes)),
        Primitive::Greater(bytes) => Ok(length(Relation::GreaterOrEqual, *bytes)),
        Primitive::Byte(at, relation, number) => Ok(layers.byte(*at, *relation, *number)),
        Primitive::Vlan(id) => layers.vlan(*id),
        Primitive::Mpls(label) => layers.mpls(*label),
        Primitive::PppoeDiscovery => layers.carries(0x8863),
        Primitive::PppoeSession(id) => layers.pppoe(*id),
    }
}

fn length(relation: Relation, bytes: u32) -> Cond {
    Cond::Test(Test::Relation(Operand::Length, relation, Operand::Number(bytes)))
}

/// The number of a protocol in IP headers, and the one IP version that libpcap allows it in.
fn ip_number(proto: Proto) -> Option<(u32, Option<Proto>)> {
    Some(match proto {
        Proto::Tcp => (6, None),
        Proto::Udp => (17, None),
        Proto::Sctp => (132, None),
        Proto::Icmp => (1, Some(Proto::Ip)),
        Proto::Icmp6 => (58, Some(Proto::Ip6)),
        Proto::Igmp => (2, Some(Proto::Ip)),
        Proto::Igrp => (9, Some(Proto::Ip)),
        Proto::Pim => (103, None),
        Proto::Vrrp | Proto::Carp => (112, Some(Proto::Ip)),
        Proto::Ah => (51, None),
        Proto::Esp => (50, None),
        _ => return None,
    })
}

/// The EtherType of a protocol, or its LLC service access point.
fn link_number(proto: Proto) -> Option<u32> {
    Some(match proto {
        Proto::Ip => link::ETHER_IP,
        Proto::Ip6 => link::ETHER_IP6,
        Proto::Arp => link::ETHER_ARP,
        Proto::Rarp => link::ETHER_RARP,
        Proto::Atalk => link::ETHER_ATALK,
        Proto::Aarp => link::ETHER_AARP,
        Proto::Iso => link::LLC_ISO,
        Proto::Stp => link::LLC_STP,
        Proto::Ipx => link::LLC_IPX,
        Proto::Netbeui => link::LLC_NETBEUI,
        Proto::Decnet | Proto::Lat | Proto::Sca | Proto::Moprc | Proto::Mopdl => {
            names::ether_type(names::protocol_name(proto))?
        }
        _ => return None,
    })
}

impl Layers {
    pub fn protocol(&self, proto: Proto) -> Result<Cond, Fault> {
        if let Some(number) = link_number(proto) {
            return self.carries(number);
        }
        match ip_number(proto) {
            Some((number, version)) => self.ip_protocol(number, version),
            None => Err(Fault::new("`ether` needs more behind it")
                .help("write `ether host ADDRESS` or `ether proto NUMBER`")),
        }
    }

    /// A protocol in IPv4 or IPv6, in both without a version. In IPv6 also behind a fragment
    /// header.
    pub fn ip_protocol(&self, number: u32, version: Option<Proto>) -> Result<Cond, Fault> {
        let v4 = Cond::All(vec![self.carries(link::ETHER_IP)?, self.byte_is(9, number)]);
        let fragment = Cond::All(vec![self.byte_is(6, 44), self.byte_is(40, number)]);
        let v6 = Cond::Any(vec![self.byte_is(6, number), fragment]);
        let v6 = Cond::All(vec![self.carries(link::ETHER_IP6)?, v6]);
        Ok(match version {
            Some(Proto::Ip) => v4,
            Some(_) => v6,
            None => Cond::Any(vec![v4, v6]),
        })
    }

    /// A byte of the network header.
    pub fn byte_is(&self, at: u32, number: u32) -> Cond {
        equal(self.network + at, 1, number)
    }

    /// IPv4 packets that are no fragment but the first.
    pub fn first_fragment(&self) -> Cond {
        masked(self.network + 6, 2, 0x1fff, 0)
    }

    fn byte(&self, at: u32, relation: Relation, number: u32) -> Cond {
        let place = Place::At(self.link_header.saturating_add(at));
        match relation {
            Relation::Less => field(place, 1, Is::AtLeast, number).negated(),
            Relation::Greater => field(place, 1, Is::Greater, number),
            _ => field(place, 1, Is::Equal, number),
        }
    }

    fn relation(&self, left: &Arith, relation: Relation, right: &Arith) -> Result<Cond, Fault> {
        let (left, left_needs) = self.operand(left)?;
        let (right, right_needs) = self.operand(right)?;
        let test = Cond::Test(Test::Relation(left, relation, right));
        Ok(Cond::All(left_needs.into_iter().chain(right_needs).chain([test]).collect()))
    }

    /// An operand and what must hold before it is read. libpcap forgets what the right-hand side
    /// of arithmetic needs, and so `len + tcp[0]` reads where TCP would be in any packet.
    fn operand(&self, arith: &Arith) -> Result<(Operand, Vec<Cond>), Fault> {
        if let Some(number) = folded(arith) {
            return Ok((Operand::Number(number), Vec::new()));
        }
        Ok(match arith {
            Arith::Number(number) => (Operand::Number(*number), Vec::new()),
            Arith::Length => (Operand::Length, Vec::new()),
            Arith::Negative(inner) => {
                let (inner, needs) = self.operand(inner)?;
                (Operand::Negative(Box::new(inner)), needs)
            }
            Arith::Binary(operator, left, right) => {
                let (left, needs) = self.operand(left)?;
                let (right, _) = self.operand(right)?;
                (Operand::Binary(*operator, Box::new(left), Box::new(right)), needs)
            }
            Arith::Load { proto, index, size } => {
                let (index, needs) = self.operand(index)?;
                let (base, needs) = self.base(*proto, needs)?;
                (Operand::Load { base, index: Box::new(index), size: *size as u8 }, needs)
            }
        })
    }

    /// Where the header of a protocol begins, and what must hold for it to be there.
    fn base(&self, proto: Proto, before: Vec<Cond>) -> Result<(Place, Vec<Cond>), Fault> {
        let mut needs = before;
        Ok(match proto {
            Proto::Link => (Place::At(self.link_header), needs),
            Proto::Icmp6 => {
                needs.push(self.carries(link::ETHER_IP6)?);
                needs.push(self.byte_is(6, 58));
                (Place::At(self.network + 40), needs)
            }
            Proto::Ah
            | Proto::Esp
            | Proto::Iso
            | Proto::Stp
            | Proto::Ipx
            | Proto::Netbeui
            | Proto::Aarp => {
                let name = names::protocol_name(proto);
                let fault = Fault::new(format!("the bytes of `{name}` cannot be read"));
                return Err(fault.help("count from another header: `ether[...]` or `ip[...]`"));
            }
            _ if ip_number(proto).is_none() => {
                needs.push(self.protocol(proto)?);
                (Place::At(self.network), needs)
            }
            _ => {
                needs.insert(0, self.carries(link::ETHER_IP)?);
                needs.push(self.protocol(proto)?);
                needs.push(self.first_fragment());
                (Place::BehindIp { ip: self.network, at: self.network }, needs)
            }
        })
    }

    fn broadcast(&self, proto: Option<Proto>) -> Result<Cond, Fault> {
        match proto {
            None | Some(Proto::Link) => {
                self.only_ethernet("broadcast")?;
                Ok(self.mac(0, [0xff; 6]))
            }
            // Without the network's mask: all zeros or all ones.
            Some(Proto::Ip) => {
                let at = self.network + 16;
                let addresses = Cond::Any(vec![equal(at, 4, 0), equal(at, 4, u32::MAX)]);
                Ok(Cond::All(vec![self.carries(link::ETHER_IP)?, addresses]))
            }
            Some(proto) => Err(no_cast(proto, "broadcast")),
        }
    }

    fn multicast(&self, proto: Option<Proto>) -> Result<Cond, Fault> {
        let (ether, test) = match proto {
            None | Some(Proto::Link) => {
                self.only_ethernet("multicast")?;
                return Ok(masked(self.link_header, 1, 1, 1));
            }
            // 224 and above, broadcasts with them, as up to libpcap 1.10.
            Some(Proto::Ip) => {
                (link::ETHER_IP, field(Place::At(self.network + 16), 1, Is::AtLeast, 224))
            }
            Some(Proto::Ip6) => (link::ETHER_IP6, self.byte_is(24, 255)),
            Some(proto) => return Err(no_cast(proto, "multicast")),
        };
        Ok(Cond::All(vec![self.carries(ether)?, test]))
    }

    pub fn only_ethernet(&self, what: &str) -> Result<(), Fault> {
        if self.link == Link::Ethernet {
            return Ok(());
        }
        Err(Fault::new(format!("{} captures have no {what}", self.link.name())))
    }

    /// An Ethernet address in the link header; its end is read first.
    pub fn mac(&self, at: u32, mac: [u8; 6]) -> Cond {
        let [a, b, c, d, e, f] = mac;
        let at = self.link_header + at;
        let tail = equal(at + 2, 4, u32::from_be_bytes([c, d, e, f]));
        Cond::All(vec![tail, equal(at, 2, u32::from(u16::from_be_bytes([a, b])))])
    }

    fn vlan(&mut self, id: Option<u32>) -> Result<Cond, Fault> {
        if self.mpls_labels > 0 {
            return Err(Fault::new("`vlan` cannot be recognised behind `mpls`"));
        }
        self.only_ethernet("VLAN tags")?;
        let tags: Result<_, _> =
            [0x8100, 0x88a8, 0x9100].map(|tag| self.carries(tag)).into_iter().collect();
        let mut tests = vec![Cond::Any(tags?)];
        if let Some(id) = id {
            limit("VLAN", id, 0xfff)?;
            tests.push(masked(self.network, 2, 0xfff, id));
        }
        self.link_type += 4;
        self.payload += 4;
        self.network += 4;
        Ok(Cond::All(tests))
    }

    fn mpls(&mut self, label: Option<u32>) -> Result<Cond, Fault> {
        let mut tests = vec![match self.link {
            // The label before was not the last one.
            _ if self.mpls_labels > 0 => masked(self.network - 2, 1, 1, 0),
            Link::Ethernet => self.carries(link::ETHER_MPLS)?,
            Link::Ppp => self.carries(link::PPP_MPLS)?,
            link => return Err(Fault::new(format!("{} captures have no MPLS", link.name()))),
        }];
        if let Some(label) = label {
            limit("MPLS label", label, 0xf_ffff)?;
            tests.push(masked(self.network, 4, 0xffff_f000, label << 12));
        }
        self.network += 4;
        self.mpls_labels += 1;
        Ok(Cond::All(tests))
    }

    /// What follows looks into PPP, which has a link type of its own.
    fn pppoe(&mut self, id: Option<u32>) -> Result<Cond, Fault> {
        let mut tests = vec![self.carries(0x8864)?];
        if let Some(id) = id {
            limit("PPPoE session", id, 0xffff)?;
            tests.push(masked(self.network, 4, 0xffff, id));
        }
        let ppp = self.network + 6;
        *self = Layers {
            link: Link::Ppp,
            link_header: ppp,
            link_type: ppp,
            payload: ppp + 2,
            network: ppp + 2,
            mpls_labels: self.mpls_labels,
        };
        Ok(Cond::All(tests))
    }
}

fn no_cast(proto: Proto, cast: &str) -> Fault {
    let name = names::protocol_name(proto);
    Fault::new(format!("`{name}` has no {cast} addresses"))
        .help(format!("write `ether {cast}` or `ip {cast}`"))
}

fn limit(what: &str, number: u32, max: u32) -> Result<(), Fault> {
    if number <= max {
        return Ok(());
    }
    Err(Fault::new(format!("{what} {number} is above the largest, {max}")))
}
