//! Link layers and IP as they come.

use super::*;
use crate::packet::{LAYER_NAMES, Proto, Transport};

fn layers(decoded: &Decoded) -> Vec<&'static str> {
    let named = LAYER_NAMES.iter().enumerate();
    named.filter(|(position, _)| decoded.layers.has(*position)).map(|(_, name)| *name).collect()
}

#[test]
fn every_link_layer_leads_to_ip() {
    let ip = inner();
    let snap: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let wlan = |flags: u8, len: usize| join(&[&[8, flags], &vec![0; len - 2], snap, &ip]);
    let qos = join(&[&[0x88, 1], &[0; 22], &[0, 0], snap, &ip]);
    let radiotap: &[u8] = &[0, 0, 9, 0, 2, 0, 0, 0, 0x10]; // flags only: a checksum follows
    let padded: &[u8] = &[0, 0, 17, 0, 3, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x20]; // time, flags
    let padded_qos = join(&[&[0x88, 1], &[0; 22], &[0, 0], &[0, 0], snap, &ip]);
    let sll2 = join(&[&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1], &[0; 10], &ip]);
    let cases: Vec<(u16, Vec<u8>)> = vec![
        (1, eth(0x0800, &ip)),
        (1, eth(0x8100, &join(&[&[0, 5, 8, 0], &ip]))),
        (1, eth(0x88a8, &join(&[&[0, 5, 0x81, 0, 0, 6, 8, 0], &ip]))),
        (1, eth(ip.len() as u16 + 8, &join(&[snap, &ip]))),
        (1, eth(0x8847, &join(&[&[0, 1, 0, 64, 0, 2, 1, 64], &ip]))), // two labels
        (1, eth(0x8847, &join(&[&[0, 1, 1, 64, 0, 0, 0, 0], &eth(0x0800, &ip)]))),
        (1, eth(0x8864, &join(&[&[0x11, 0, 0, 9, 0, 9, 0, 0x21], &ip]))),
        (1, eth(0x8909, &join(&[&[1, 1, 0, 1, 0, 2, 8, 0], &ip]))),
        (0, join(&[&[2, 0, 0, 0], &ip])),
        (108, join(&[&[0, 0, 0, 2], &ip])),
        (109, join(&[&[2, 0, 0, 0], &[0; 8], &ip])),
        (9, join(&[&[0xff, 3, 0, 0x21], &ip])),
        (9, join(&[&[0x21], &ip])), // everything compressed
        (50, join(&[&[0xff, 3, 0, 0x21], &ip])),
        (51, join(&[&[0x11, 0, 0, 9, 0, 9, 0, 0x21], &ip])),
        (104, join(&[&[0x0f, 0, 8, 0], &ip])),
        (107, join(&[&[0x18, 0x41, 3, 0xcc], &ip])),
        (100, join(&[snap, &ip])),
        (10, join(&[&[0x50], &[0; 12], snap, &ip])),
        (12, ip.clone()),
        (14, ip.clone()),
        (101, ip.clone()),
        (228, ip.clone()),
        (113, join(&[&[0, 0, 0, 1, 0, 6], &[0; 8], &[8, 0], &ip])),
        (276, sll2),
        (105, wlan(1, 24)),
        (105, wlan(3, 30)),
        (105, qos.clone()),
        (127, join(&[radiotap, &wlan(2, 24), &[9; 4]])),
        (127, join(&[padded, &padded_qos])),
        (192, join(&[&[0, 0, 12, 0, 105, 0, 0, 0], &[0; 4], &qos])),
    ];
    for (link, frame) in cases {
        let (packet, payload) = packet(link, frame.clone());
        assert_eq!(payload, b"query", "link {link}: {frame:02x?}");
        assert_eq!(packet.key.proto, Proto::Udp);
        assert_eq!(packet.key.low.address().to_string(), "10.0.0.1");
    }
}

#[test]
fn what_is_no_packet_says_why() {
    let told = |link, frame| reason(&decoded(link, frame)).to_string();
    assert_eq!(told(147, vec![0; 60]), "link type 147");
    assert_eq!(told(1, eth(0x0806, &[0; 28])), "ARP");
    assert_eq!(told(1, eth(0x1234, &[0; 28])), "ethertype 0x1234");
    assert_eq!(told(1, eth(38, &[0x42, 0x42, 3, 0, 0])), "spanning tree");
    assert_eq!(told(9, vec![0xff, 3, 0xc0, 0x21, 1]), "PPP protocol 0xc021");
    assert_eq!(told(105, join(&[&[8, 0x41], &[0; 40]])), "802.11 frame, encrypted");
    assert_eq!(told(101, ip4(50, &[0; 40])), "ESP, encrypted");
    assert_eq!(told(101, ip4(89, &[0; 40])), "IP protocol 89");
    assert_eq!(told(1, vec![0; 9]), "malformed Ethernet header");
    assert_eq!(told(101, ip4(6, &[0; 12])), "malformed TCP header");
}

#[test]
fn the_snap_length_is_told_from_lies() {
    let frame = eth(0x0800, &inner());
    let (batch, record) = batch(1, frame[..20].to_vec(), frame.len());
    let cut = reason(&decode(&batch, &record, 0, &Limits::default()));
    assert_eq!(cut, Undecoded::Cut("IPv4 header"));
}

#[test]
fn offloaded_and_lying_lengths_keep_what_is_there() {
    let with_len = |len: u16| {
        let mut ip = inner();
        ip[2..4].copy_from_slice(&len.to_be_bytes());
        eth(0x0800, &ip)
    };
    for len in [0, 33, 9000] {
        assert_eq!(packet(1, with_len(len)).1, b"query", "total length {len}");
    }
    assert_eq!(reason(&decoded(1, with_len(19))), Undecoded::Malformed("IPv4 length"));
    // Padding behind the datagram is the link's.
    assert_eq!(packet(1, join(&[&eth(0x0800, &inner()), &[0; 13]])).1, b"query");
    let mut six = ip6(17, &udp(1, 2, b"segment"));
    six[4..6].copy_from_slice(&[0, 0]);
    assert_eq!(packet(1, eth(0x86dd, &six)).1, b"segment");
}

#[test]
fn ipv6_extensions_are_passed_over() {
    let datagram = udp(1, 2, b"behind");
    let hop = [60, 0, 0, 0, 0, 0, 0, 0]; // hop-by-hop, then destination options
    let options = [51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // then authentication
    let authentication = [44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // then an atomic fragment
    let atomic = [17, 0, 0, 0, 0, 0, 0, 9];
    let frame = ip6(0, &join(&[&hop, &options, &authentication, &atomic, &datagram]));
    assert_eq!(packet(101, frame).1, b"behind");
}

#[test]
fn an_icmp_error_counts_the_layers_it_quotes() {
    let quote = ip4(6, &[0, 80, 0, 81, 0, 0, 0, 1]); // 8 bytes of a TCP header
    let error = decoded(101, ip4(1, &join(&[&[3, 3, 0, 0, 0, 0, 0, 0], &quote])));
    assert_eq!(layers(&error), ["ip", "tcp", "icmp"]);
    let transport = error.packet().unwrap().transport;
    let Transport::IcmpError { kind, code, proto, reporter } = transport else { panic!() };
    assert_eq!((kind, code, proto), (3, 3, Proto::Tcp));
    assert_eq!(reporter[10..], [255, 255, 10, 0, 0, 1]);
    let echo = decoded(101, ip4(1, &join(&[&[8, 0, 0, 0, 0, 5, 0, 1], &quote])));
    assert_eq!(layers(&echo), ["ip", "icmp"]);
    assert_eq!(echo.packet().unwrap().key.low.port, 5);
}

#[test]
fn packets_are_small() {
    // Batches hold tens of thousands of them; what an ICMP error tells must not widen the others.
    assert_eq!(size_of::<Transport>(), 20);
    assert_eq!(size_of::<Packet>(), 144);
}
