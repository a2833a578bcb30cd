//! Tunnels: the inner packet counts, unless nothing proper is inside.

use super::*;
use crate::packet::Tunnel;

const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 1, 0];

fn in_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    eth(0x0800, &ip4(17, &udp(50000, port, payload)))
}

#[test]
fn the_packet_inside_counts_with_the_tunnel_noted() {
    let ip = inner();
    let six = ip6(17, &udp(40000, 53, b"query"));
    let frame = eth(0x0800, &ip);
    let gre = |header: &[u8], inside: &[u8]| eth(0x0800, &ip4(47, &join(&[header, inside])));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("vxlan", in_udp(4789, &join(&[&VXLAN, &frame]))),
        ("vxlan", in_udp(8472, &join(&[&VXLAN, &frame]))),
        // Geneve with a word of options, Ethernet and bare IP.
        ("geneve", in_udp(6081, &join(&[&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 0], &frame]))),
        ("geneve", in_udp(6081, &join(&[&[0, 0, 8, 0, 0, 0, 7, 0], &ip]))),
        ("gtp", in_udp(2152, &join(&[&[0x30, 255, 0, 33, 0, 0, 0, 1], &ip]))),
        // GTP with an extension header: 0x85, one word, no more.
        (
            "gtp",
            in_udp(
                2152,
                &join(&[&[0x34, 255, 0, 41, 0, 0, 0, 1], &[0, 0, 0, 0x85], &[1, 0, 0, 0], &ip]),
            ),
        ),
        ("teredo", in_udp(3544, &six)),
        ("teredo", in_udp(3544, &join(&[&[0, 0, 1, 2, 3, 4, 5, 6], &six]))),
        ("mpls", in_udp(6635, &join(&[&[0, 1, 1, 64], &ip]))),
        ("ipip", eth(0x0800, &ip4(4, &ip))),
        ("6in4", eth(0x0800, &ip4(41, &six))),
        ("4in6", eth(0x86dd, &ip6(4, &ip))),
        ("6in6", eth(0x86dd, &ip6(41, &six))),
        ("etherip", eth(0x0800, &ip4(97, &join(&[&[0x30, 0], &frame])))),
        ("gre", gre(&[0, 0, 8, 0], &ip)),
        ("gre", gre(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &frame)), // keyed
        ("gre", gre(&[0x30, 1, 0x88, 0x0b, 0, 37, 0, 9, 0, 0, 0, 1, 0xff, 3, 0, 0x21], &ip)),
        ("erspan", gre(&[0, 0, 0x88, 0xbe], &frame)),
        ("erspan", gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &frame)),
        ("erspan", gre(&join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 11]]), &frame)),
        // The outermost is named.
        ("vxlan", in_udp(4789, &join(&[&VXLAN, &eth(0x0800, &ip4(4, &ip))]))),
    ];
    for (name, frame) in cases {
        let (packet, payload) = packet(1, frame.clone());
        assert_eq!((packet.tunnel.name(), &payload[..]), (name, &b"query"[..]), "{frame:02x?}");
        assert!(!packet.tunnel.encrypted());
    }
    assert_eq!(packet(1, frame).0.tunnel, Tunnel::None);
}

#[test]
fn what_only_looks_like_a_tunnel_stands_for_itself() {
    let frame = eth(0x0800, &inner());
    let cases: Vec<(u16, Vec<u8>)> = vec![
        (4789, b"not a tunnel at all".to_vec()),
        (4789, join(&[&VXLAN, &[7; 30]])),           // no EtherType
        (4789, join(&[&VXLAN, &eth(0x0800, b"x")])), // no IP
        (4789, join(&[&[0; 8], &frame])),            // the identifier's flag is missing
        (6081, join(&[&[0x40, 0, 0x65, 0x58, 0, 0, 7, 0], &frame])), // version 1
        (2152, join(&[&[0x30, 1, 0, 0, 0, 0, 0, 1], &inner()])), // an echo request
        (2152, join(&[&[0x34, 255, 0, 37, 0, 0, 0, 1], &[0, 0, 0, 5, 0], &inner()])),
        (3544, join(&[&ip6(17, &udp(1, 2, b"")), b"more"])),
    ];
    for (port, payload) in cases {
        let (packet, found) = packet(1, in_udp(port, &payload));
        assert_eq!((packet.tunnel, found), (Tunnel::None, payload));
        assert_eq!(packet.key.high.port.max(packet.key.low.port), 50000);
    }
}

#[test]
fn a_tunnel_of_something_else_is_no_conversation() {
    let arp = in_udp(4789, &join(&[&VXLAN, &eth(0x0806, &[0; 28])]));
    assert_eq!(reason(&decoded(1, arp)).to_string(), "ARP");
}

#[test]
fn encrypted_tunnels_stay_closed() {
    let tunnel = |port, payload: &[u8]| packet(1, in_udp(port, payload)).0.tunnel;
    let message = |kind: u8, len: usize| join(&[&[kind, 0, 0, 0], &vec![9; len - 4]]);
    assert_eq!(tunnel(51820, &message(4, 96)), Tunnel::WireGuard);
    assert_eq!(tunnel(999, &message(1, 148)), Tunnel::WireGuard);
    assert_eq!(tunnel(999, &message(4, 96)), Tunnel::None);
    assert_eq!(tunnel(51820, &message(4, 90)), Tunnel::None);
    assert_eq!(tunnel(4500, &message(1, 40)), Tunnel::Ipsec);
    assert_eq!(tunnel(4500, &[0; 40]), Tunnel::None);
    assert!(Tunnel::WireGuard.encrypted() && Tunnel::Ipsec.encrypted());
}

#[test]
fn tunnels_without_end_stop_at_the_limit() {
    let nested = (0..100).fold(inner(), |ip, _| ip4(4, &ip));
    assert_eq!(reason(&decoded(101, nested)), Undecoded::LayerLimit);
    let tags = [0, 1, 0x81, 0].repeat(100);
    assert_eq!(reason(&decoded(1, eth(0x8100, &tags))), Undecoded::LayerLimit);
    let quotes = (0..100).fold(inner(), |ip, _| ip4(1, &join(&[&[3, 0, 0, 0, 0, 0, 0, 0], &ip])));
    assert!(decoded(101, quotes).packet().is_some());
}
