//! What a link type's header says about the protocol in it, and where that protocol begins
//! (tcpdump.org/linktypes.html).

use super::error::Fault;
use super::eval::{Cond, Is, Place, Test};

pub(super) const ETHER_IP: u32 = 0x0800;
pub(super) const ETHER_IP6: u32 = 0x86dd;
pub(super) const ETHER_ARP: u32 = 0x0806;
pub(super) const ETHER_RARP: u32 = 0x8035;
pub(super) const ETHER_MPLS: u32 = 0x8847;
pub(super) const ETHER_ATALK: u32 = 0x809b;
pub(super) const ETHER_AARP: u32 = 0x80f3;
pub(super) const ETHER_IPX: u32 = 0x8137;
/// MPLS in PPP.
pub(super) const PPP_MPLS: u32 = 0x0281;

/// LLC service access points (IEEE 802.2).
pub(super) const LLC_IP: u32 = 0x06;
pub(super) const LLC_STP: u32 = 0x42;
pub(super) const LLC_IPX: u32 = 0xe0;
pub(super) const LLC_NETBEUI: u32 = 0xf0;
pub(super) const LLC_ISO: u32 = 0xfe;

/// Largest value of the type field that is a length (IEEE 802.3).
const LENGTH_MAX: u32 = 1500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Ethernet,
    /// Linux "cooked" captures, LINKTYPE_LINUX_SLL and its second version.
    Cooked,
    Cooked2,
    /// IP by its version.
    Raw,
    Ipv4,
    Ipv6,
    /// BSD's address family, in the byte order of the capturing host.
    Null,
    /// The same in network byte order.
    Loop,
    Ppp,
}

impl Link {
    /// How many there are.
    pub const COUNT: usize = Link::Ppp as usize + 1;

    /// The link type of a capture file.
    pub fn new(number: u16) -> Option<Link> {
        Some(match number {
            0 => Link::Null,
            1 => Link::Ethernet,
            9 => Link::Ppp,
            12 | 14 | 101 => Link::Raw,
            108 => Link::Loop,
            113 => Link::Cooked,
            228 => Link::Ipv4,
            229 => Link::Ipv6,
            276 => Link::Cooked2,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Link::Ethernet => "Ethernet",
            Link::Cooked => "Linux cooked",
            Link::Cooked2 => "Linux cooked v2",
            Link::Raw => "raw IP",
            Link::Ipv4 => "raw IPv4",
            Link::Ipv6 => "raw IPv6",
            Link::Null | Link::Loop => "BSD loopback",
            Link::Ppp => "PPP",
        }
    }

    /// Where the type of the payload is told and where the payload begins.
    pub fn offsets(self) -> (u32, u32) {
        match self {
            Link::Ethernet => (12, 14),
            Link::Cooked => (14, 16),
            Link::Cooked2 => (0, 20),
            Link::Raw | Link::Ipv4 | Link::Ipv6 => (0, 0),
            Link::Null | Link::Loop => (0, 4),
            Link::Ppp => (2, 4),
        }
    }
}

/// Where the layers begin. It changes along the filter's text: all that stands behind `vlan`,
/// `mpls` or `pppoes` looks into what those carry.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    pub link: Link,
    pub link_header: u32,
    /// The field with the payload's type.
    pub link_type: u32,
    /// Behind the link header, where an LLC header would be.
    pub payload: u32,
    pub network: u32,
    pub mpls_labels: u32,
}

impl Layers {
    pub fn new(link: Link) -> Layers {
        let (link_type, payload) = link.offsets();
        Layers { link, link_header: 0, link_type, payload, network: payload, mpls_labels: 0 }
    }

    /// Packets of a protocol by its EtherType, or by its LLC service access point up to 1500.
    pub fn carries(&self, proto: u32) -> Result<Cond, Fault> {
        if self.mpls_labels > 0 {
            return self.mpls_carries(proto);
        }
        let is = |number| equal(self.link_type, 2, number);
        Ok(match self.link {
            Link::Ethernet => {
                let llc = field(Place::At(self.link_type), 2, Is::Greater, LENGTH_MAX).negated();
                self.ethernet_carries(proto, llc)
            }
            Link::Cooked => match proto {
                LLC_IPX => self.cooked_ipx(),
                _ => self.ethernet_carries(proto, is(4)),
            },
            Link::Cooked2 => is(proto),
            Link::Ppp => is(ppp_type(proto)),
            Link::Raw => match proto {
                ETHER_IP => masked(self.link_header, 1, 0xf0, 0x40),
                ETHER_IP6 => masked(self.link_header, 1, 0xf0, 0x60),
                _ => Cond::FALSE,
            },
            Link::Ipv4 if proto == ETHER_IP => Cond::TRUE,
            Link::Ipv6 if proto == ETHER_IP6 => Cond::TRUE,
            Link::Ipv4 | Link::Ipv6 => Cond::FALSE,
            Link::Null | Link::Loop => match proto {
                ETHER_IP => self.family(&[2]),
                // Each BSD has a number of its own for IPv6.
                ETHER_IP6 => self.family(&[30, 24, 28]),
                _ => Cond::FALSE,
            },
        })
    }

    fn family(&self, numbers: &[u32]) -> Cond {
        let orders = |number: &u32| match self.link {
            Link::Null => vec![number.swap_bytes(), *number],
            _ => vec![*number],
        };
        let tests = numbers.iter().flat_map(orders);
        Cond::Any(tests.map(|number| equal(self.link_type, 4, number)).collect())
    }

    /// `llc` tells frames with an LLC header from those with an EtherType.
    fn ethernet_carries(&self, proto: u32, llc: Cond) -> Cond {
        let ether = |proto| equal(self.link_type, 2, proto);
        match proto {
            LLC_ISO | LLC_NETBEUI | LLC_IP => {
                Cond::All(vec![llc, equal(self.payload, 2, proto << 8 | proto)])
            }
            LLC_IPX => {
                let novell = equal(self.payload, 2, 0xffff);
                let kinds = vec![self.snap(0, ETHER_IPX), equal(self.payload, 1, proto), novell];
                Cond::Any(vec![ether(ETHER_IPX), Cond::All(vec![llc, Cond::Any(kinds)])])
            }
            ETHER_ATALK => self.ether_or_snap(proto, llc, 0x08_0007),
            ETHER_AARP => self.ether_or_snap(proto, llc, 0),
            _ if proto <= LENGTH_MAX => Cond::All(vec![llc, equal(self.payload, 1, proto)]),
            _ => ether(proto),
        }
    }

    fn ether_or_snap(&self, proto: u32, llc: Cond, organization: u32) -> Cond {
        let snap = Cond::All(vec![llc, self.snap(organization, proto)]);
        Cond::Any(vec![equal(self.link_type, 2, proto), snap])
    }

    /// Frames of the second and fourth kind of a cooked header, 802.3 and 802.2.
    fn cooked_ipx(&self) -> Cond {
        let is = |number| equal(self.link_type, 2, number);
        let kinds = vec![equal(self.payload, 1, LLC_IPX), self.snap(0, ETHER_IPX)];
        Cond::Any(vec![is(ETHER_IPX), is(1), Cond::All(vec![is(4), Cond::Any(kinds)])])
    }

    /// An LLC header with SNAP, an organization and its protocol; the end is read first.
    fn snap(&self, organization: u32, proto: u32) -> Cond {
        let tail = equal(self.payload + 4, 4, organization << 16 | proto);
        Cond::All(vec![tail, equal(self.payload, 4, 0xaaaa_0300 | organization >> 16)])
    }

    /// MPLS does not tell what it carries: the last label, then IP by its version.
    fn mpls_carries(&self, proto: u32) -> Result<Cond, Fault> {
        let version = match proto {
            ETHER_IP => 0x40,
            ETHER_IP6 => 0x60,
            _ => return Err(Fault::new("behind `mpls` only IPv4 and IPv6 can be recognised")),
        };
        let last = masked(self.network - 2, 1, 1, 1);
        Ok(Cond::All(vec![last, masked(self.network, 1, 0xf0, version)]))
    }
}

/// The PPP number of an EtherType.
fn ppp_type(proto: u32) -> u32 {
    match proto {
        ETHER_IP => 0x0021,
        ETHER_IP6 => 0x0057,
        0x6003 => 0x0027,
        ETHER_ATALK => 0x0029,
        0x0600 => 0x0025,
        LLC_ISO => 0x0023,
        LLC_STP => 0x0031,
        LLC_IPX => 0x002b,
        _ => proto,
    }
}

pub(super) fn field(place: Place, size: u8, is: Is, number: u32) -> Cond {
    Cond::Test(Test::Field { place, size, mask: u32::MAX, is, number })
}

pub(super) fn equal(at: u32, size: u8, number: u32) -> Cond {
    field(Place::At(at), size, Is::Equal, number)
}

/// A comparison of some bits; one of none holds, and is not made.
pub(super) fn masked(at: u32, size: u8, mask: u32, number: u32) -> Cond {
    if mask == 0 && number == 0 {
        return Cond::TRUE;
    }
    Cond::Test(Test::Field { place: Place::At(at), size, mask, is: Is::Equal, number })
}
