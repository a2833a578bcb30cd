//! Packets a line each, and what a connection makes of them.

mod expiry;
mod handshake;
mod hostile;
mod loss;
mod others;
mod windows;

use super::*;
use crate::limits::Limits;
use crate::packet::{Endpoint, Tcp, TcpFlags, Tunnel};

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// The client is 10.0.0.1:40000, the server 10.0.0.2:80.
fn ends(proto: Proto, from_client: bool) -> (Key, Side) {
    let client = Endpoint { ip: 0xffff_0a00_0001, port: 40000 };
    let server = Endpoint { ip: 0xffff_0a00_0002, port: 80 };
    let (source, target) = if from_client { (client, server) } else { (server, client) };
    Key::new(proto, source, target)
}

/// A packet of `len` payload bytes at `ms`, with an IP identification of its own.
fn packet(ms: i64, from_client: bool, flags: u8, seq: u32, ack: u32, len: u32) -> Packet {
    let (key, from) = ends(Proto::Tcp, from_client);
    let tcp =
        Tcp { seq, ack, flags: TcpFlags(flags), window: 100, window_scale: None.into(), stamp: 0 };
    Packet {
        ts_ns: ms * 1_000_000,
        at: Default::default(),
        key,
        from,
        transport: Transport::Tcp(tcp),
        ip_id: 1000 + ms as u16,
        checksum: 0,
        payload_start: 0,
        payload_len: len,
        payload_cut: 0,
        tunnel: Tunnel::None,
    }
}

/// The same with another window, and with a scale where it is a SYN.
fn window(packet: Packet, window: u16, window_scale: Option<u8>) -> Packet {
    let Transport::Tcp(tcp) = packet.transport else { panic!("{packet:?}") };
    let window_scale = window_scale.into();
    Packet { transport: Transport::Tcp(Tcp { window, window_scale, ..tcp }), ..packet }
}

/// A packet of another transport.
fn other(ms: i64, from_client: bool, transport: Transport, len: u32) -> Packet {
    let (key, from) = ends(transport.proto(), from_client);
    Packet { key, from, transport, ..packet(ms, from_client, 0, 0, 0, len) }
}

fn play(packets: &[Packet]) -> Conn {
    let mut conn = Conn::new(&packets[0], &[], |port| port == 80);
    for packet in packets {
        conn.update(packet);
    }
    conn
}
