//! Handshakes, teardowns and loss, packet by packet.

use super::*;
use crate::packet::{Endpoint, Tcp, TcpFlags, Tunnel};

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// A packet of `len` payload bytes at `ms`; the client is 10.0.0.1:40000.
fn packet(ms: i64, from_client: bool, flags: u8, seq: u32, ack: u32, len: u32) -> Packet {
    let client = Endpoint { ip: 0xffff_0a00_0001, port: 40000 };
    let server = Endpoint { ip: 0xffff_0a00_0002, port: 80 };
    let (source, target) = if from_client { (client, server) } else { (server, client) };
    let (key, from) = Key::new(Proto::Tcp, source, target);
    let tcp = Tcp { seq, ack, flags: TcpFlags(flags), window: 100, window_scale: None, stamp: 0 };
    Packet {
        ts_ns: ms * 1_000_000,
        at: Default::default(),
        key,
        from,
        transport: Transport::Tcp(tcp),
        payload_start: 0,
        payload_len: len,
        payload_cut: 0,
        tunnel: Tunnel::None,
    }
}

fn play(packets: &[Packet]) -> Conn {
    let mut conn = Conn::new(&packets[0], &[], |port| port == 80);
    for packet in packets {
        conn.update(packet);
    }
    conn
}

#[test]
fn a_whole_connection() {
    let conn = play(&[
        packet(1, true, SYN, 100, 0, 0),
        packet(2, false, SYN | ACK, 900, 101, 0),
        packet(4, true, ACK, 101, 901, 0),
        packet(5, true, ACK, 101, 901, 10),
        packet(6, false, ACK | FIN, 901, 111, 20),
        packet(7, true, ACK | FIN, 111, 922, 0),
    ]);
    assert_eq!((conn.completeness(), conn.state()), (31, "closed"));
    assert_eq!((conn.initial_rtt_us(), conn.handshake_us()), (1000, 3000));
    assert_eq!(conn.outcome(i64::MAX), Outcome::Ok);
}

#[test]
fn refused_and_unanswered() {
    let refused = play(&[packet(1, true, SYN, 100, 0, 0), packet(2, false, RST | ACK, 0, 101, 0)]);
    assert!(refused.refused());
    assert_eq!(refused.completeness(), 33);
    assert_eq!(refused.outcome(i64::MAX), Outcome::Refused);
    let lonely = play(&[packet(1, true, SYN, 100, 0, 0), packet(1001, true, SYN, 100, 0, 0)]);
    assert_eq!((lonely.syn_retries(), lonely.state()), (1, "open"));
    assert_eq!(lonely.outcome(lonely.last_ns), Outcome::Timeout);
}

#[test]
fn late_segments_are_not_repeated_ones() {
    let conn = play(&[
        packet(1, true, ACK, 100, 1, 10),
        packet(2, true, ACK, 120, 1, 10), // a hole before it
        packet(3, true, ACK, 110, 1, 10), // fills it at once: reordered
        packet(4, true, ACK, 120, 1, 10), // seen already: sent again
        packet(5, true, ACK, 140, 1, 10),
        packet(300, true, ACK, 130, 1, 10), // fills the hole late: sent again
    ]);
    let side = &conn.tcp[conn.client().index()];
    assert_eq!((side.out_of_order, side.retransmissions, side.segments), (1, 2, 6));
}

#[test]
fn a_syn_with_another_number_is_a_new_connection() {
    let conn = play(&[packet(1, true, SYN, 100, 0, 0)]);
    assert_eq!(conn.belongs(&packet(2, true, SYN, 100, 0, 0), 0), Belongs::Here);
    let other = packet(3, true, SYN, 555, 0, 0);
    assert_eq!(conn.belongs(&other, 0), Belongs::NewOne { was_open: true });
}

#[test]
fn both_vantages_give_a_connection_the_same_id() {
    let syn = packet(1, true, SYN, 100, 0, 0);
    let syn_ack = packet(7, false, SYN | ACK, 900, 101, 0);
    assert_eq!(content_id(&syn, &[]), content_id(&syn_ack, &[]));
    assert_ne!(content_id(&syn, &[]), content_id(&packet(1, true, SYN, 101, 0, 0), &[]));
}
