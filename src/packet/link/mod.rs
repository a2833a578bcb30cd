//! Link layers (tcpdump.org/linktypes.html) and EtherTypes -> what comes behind their headers.
//! Two tables say who reads what; one file per family reads it.

mod cooked;
mod ethernet;
mod ppp;
mod wifi;

use super::walk::{Next, Peeled};
use super::{Rest, Undecoded};

pub(super) const ETHERNET: u16 = 1;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const MPLS: u16 = 0x8847;

type Peel = for<'a> fn(Rest<'a>) -> Peeled<'a>;

/// LINKTYPE_ values and who takes their header off, the commonest first.
const LINKS: &[(u16, Peel)] = &[
    (ETHERNET, ethernet::ethernet),
    (113, cooked::sll),
    (276, cooked::sll2),
    (101, raw),
    (12, raw),
    (14, raw),
    (228, |rest| Ok((Next::EtherType(IPV4), rest))),
    (229, |rest| Ok((Next::EtherType(IPV6), rest))),
    (0, cooked::null),
    (108, cooked::null),
    (109, cooked::enc),
    (9, ppp::ppp),
    (50, ppp::ppp),
    (51, ppp::pppoe),
    (104, ppp::cisco_hdlc),
    (107, ppp::frame_relay),
    (105, wifi::ieee80211),
    (127, wifi::radiotap),
    (192, wifi::ppi),
    (10, ethernet::fddi),
    (100, ethernet::llc),
];

/// EtherTypes (IEEE 802 numbers): the name, and who takes the header off where one is known.
const ETHERS: &[(u16, &str, Option<Peel>)] = &[
    (0x8100, "802.1Q", Some(ethernet::vlan)),
    (0x88a8, "802.1ad", Some(ethernet::vlan)),
    (0x9100, "QinQ", Some(ethernet::vlan)),
    (0x9200, "QinQ", Some(ethernet::vlan)),
    (0x8847, "MPLS", Some(ethernet::mpls)),
    (0x8848, "MPLS multicast", Some(ethernet::mpls)),
    (0x8864, "PPPoE session", Some(ppp::pppoe)),
    (0x880b, "PPP", Some(ppp::ppp)),
    (0x6558, "bridged Ethernet", Some(ethernet::ethernet)),
    (0x0004, "802.2", Some(ethernet::llc)),
    (0x8909, "Cisco metadata", Some(ethernet::metadata)),
    (IPV4, "IPv4", None),
    (IPV6, "IPv6", None),
    (0x0806, "ARP", None),
    (0x0842, "Wake-on-LAN", None),
    (0x8035, "RARP", None),
    (0x809b, "AppleTalk", None),
    (0x80f3, "AppleTalk ARP", None),
    (0x8137, "IPX", None),
    (0x8808, "Ethernet flow control", None),
    (0x8809, "LACP", None),
    (0x8863, "PPPoE discovery", None),
    (0x888e, "802.1X", None),
    (0x88cc, "LLDP", None),
    (0x88e5, "MACsec", None),
    (0x88f7, "PTP", None),
    (0x8902, "CFM", None),
    (0x9000, "loopback test", None),
];

/// Takes a link header off.
#[inline]
pub(super) fn peel(link: u16, rest: Rest) -> Peeled {
    match LINKS.iter().find(|entry| entry.0 == link) {
        Some((_, peel)) => peel(rest),
        None => Err(Undecoded::LinkType(link)),
    }
}

/// Takes the header of an EtherType off that is not IP.
pub(super) fn ether(ether: u16, rest: Rest) -> Peeled {
    match ETHERS.iter().find(|entry| entry.0 == ether) {
        Some((_, _, Some(peel))) => peel(rest),
        _ => Err(Undecoded::EtherType(ether)),
    }
}

/// The name of an EtherType that is known.
pub(super) fn ether_name(ether: u16) -> Option<&'static str> {
    ETHERS.iter().find(|entry| entry.0 == ether).map(|entry| entry.1)
}

/// IP without any link header.
fn raw(rest: Rest) -> Peeled {
    Ok((Next::Ip, rest))
}
