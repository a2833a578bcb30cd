use super::*;

fn limits() -> Limits {
    Limits {
        tcp_idle_secs: 3600,
        tcp_handshake_secs: 130,
        tcp_closed_secs: 60,
        udp_idle_secs: 60,
        ..Limits::default()
    }
}

const HERE: Belongs = Belongs::Here;
const LATER: Belongs = Belongs::NewOne { reused: false, was_open: false };

#[test]
fn a_syn_with_another_number_is_a_new_connection() {
    let conn = play(&[packet(1, true, SYN, 100, 0, 0)]);
    assert_eq!(conn.belongs(&packet(2, true, SYN, 100, 0, 0), &limits()), HERE);
    let other = packet(3, true, SYN, 555, 0, 0);
    let open = Belongs::NewOne { reused: true, was_open: true };
    assert_eq!(conn.belongs(&other, &limits()), open);
    let closed = play(&[packet(1, true, SYN, 100, 0, 0), packet(2, false, RST, 0, 0, 0)]);
    let ended = Belongs::NewOne { reused: true, was_open: false };
    assert_eq!(closed.belongs(&other, &limits()), ended);
}

#[test]
fn both_ends_may_open_at_once() {
    let conn = play(&[packet(1, true, SYN, 100, 0, 0)]);
    assert_eq!(conn.belongs(&packet(2, false, SYN, 900, 0, 0), &limits()), HERE);
}

#[test]
fn silence_ends_a_connection_by_the_packets_own_time() {
    let half_open = play(&[packet(0, true, SYN, 99, 0, 0)]);
    let open = play(&[packet(0, true, ACK, 100, 1, 10)]);
    let closed = play(&[packet(0, true, RST, 100, 1, 0)]);
    let udp = play(&[other(0, true, Transport::Udp, 10)]);
    for (conn, secs) in [(half_open, 130), (open, 3600), (closed, 60), (udp, 60)] {
        let at = |ms| Packet { key: conn.key, ..packet(ms, false, ACK, 1, 100, 0) };
        assert_eq!(conn.belongs(&at(secs * 1000), &limits()), HERE, "{secs}");
        assert_eq!(conn.belongs(&at(secs * 1000 + 1), &limits()), LATER, "{secs}");
        // A clock that was set back by hours ends nothing.
        assert_eq!(conn.belongs(&at(-7_200_000), &limits()), HERE, "{secs}");
    }
}
