//! UDP, ICMP and SCTP.

use super::*;

fn error(ms: i64, from_client: bool, proto: Proto, kind: u8, code: u8) -> Packet {
    other(ms, from_client, Transport::IcmpError { kind, code, proto, reporter: [0; 16] }, 28)
}

#[test]
fn port_unreachable_refuses_a_datagram() {
    let conn = play(&[
        other(0, true, Transport::Udp, 10),
        error(1, false, Proto::Udp, 3, 3),
        error(2, false, Proto::Udp, 3, 3),
    ]);
    assert_eq!((conn.outcome(0), conn.packets.iter().sum::<u64>()), (Outcome::Refused, 1));
    let errors = conn.icmp_errors.unwrap();
    assert_eq!((errors.count, errors.code, errors.meaning.name()), (2, 3, "port unreachable"));
}

#[test]
fn an_error_alone_tells_of_the_datagram_it_quotes() {
    let conn = play(&[error(1, false, Proto::Udp, 3, 3)]);
    assert_eq!((conn.outcome(0), conn.packets), (Outcome::Refused, [0, 0]));
    assert_eq!(conn.key.end(conn.client()).port, 40000);
}

#[test]
fn fragmentation_needed_is_not_the_end() {
    let conn = play(&[
        packet(0, true, ACK, 100, 1, 1400),
        error(1, false, Proto::Tcp, 3, 4),
        packet(2, false, ACK, 1, 100, 0),
    ]);
    assert!(!conn.refused());
    assert_eq!(conn.icmp_errors.unwrap().meaning.name(), "fragmentation needed");
}

#[test]
fn what_was_answered_was_not_refused() {
    let conn = play(&[
        other(0, true, Transport::Udp, 10),
        other(1, false, Transport::Udp, 10),
        error(2, false, Proto::Udp, 3, 3),
    ]);
    assert!(!conn.refused());
}

#[test]
fn an_echo_is_its_askers() {
    let ask = other(0, true, Transport::Icmp { kind: 8, code: 0 }, 56);
    let answer = other(3, false, Transport::Icmp { kind: 0, code: 0 }, 56);
    for packets in [vec![ask, answer], vec![answer]] {
        let conn = play(&packets);
        assert_eq!(conn.key.end(conn.client()).port, 40000);
    }
    assert_eq!(play(&[ask, answer]).ttfb_us(), 3000);
}

#[test]
fn associations_open_abort_and_shut_down() {
    let chunk = |ms, from_client, chunk| other(ms, from_client, Transport::Sctp { chunk }, 20);
    let whole = play(&[chunk(0, true, 1), chunk(2, false, 2), chunk(9, true, 14)]);
    assert_eq!((whole.state(), whole.initial_rtt_us()), ("closed", 2000));
    let refused = play(&[chunk(0, true, 1), chunk(1, false, 6)]);
    assert_eq!(
        (refused.outcome(0), refused.reset_by()),
        (Outcome::Refused, Some(Direction::ToClient))
    );
}
