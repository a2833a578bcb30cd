use super::*;

#[test]
fn a_whole_connection() {
    let conn = play(&[
        packet(1, true, SYN, 100, 0, 0),
        packet(2, false, SYN | ACK, 900, 101, 0),
        packet(4, true, ACK, 101, 901, 0),
        packet(5, true, ACK, 101, 901, 10),
        packet(9, false, ACK | FIN, 901, 111, 20),
        packet(10, true, ACK | FIN, 111, 922, 0),
    ]);
    assert_eq!((conn.completeness(), conn.state()), (31, "closed"));
    assert_eq!((conn.initial_rtt_us(), conn.handshake_us()), (1000, 3000));
    assert_eq!((conn.connection_us(), conn.ttfb_us(), conn.idle_us()), (4000, 4000, 4000));
    assert_eq!((conn.counts.fins, conn.counts.numbered), (2, 5));
    assert_eq!((conn.segments(Side::Low), conn.segments(Side::High)), (1, 1));
    assert_eq!(conn.counts.retransmissions + conn.counts.out_of_order + conn.counts.missing, 0);
    assert_eq!((conn.goodput_bytes(), conn.capture_loss_bytes()), (30, 0));
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
    // As in Wireshark, a SYN sent again is a retransmission, and this one waited for its timer.
    assert_eq!((lonely.counts.retransmissions, lonely.counts.timeouts), (1, 1));
    assert_eq!(lonely.outcome(lonely.last_ns), Outcome::Timeout);
    assert!(lonely.is_half_open());
}

#[test]
fn the_round_trip_is_that_of_the_syn_that_was_answered() {
    let conn = play(&[
        packet(0, true, SYN, 100, 0, 0),
        packet(1000, true, SYN, 100, 0, 0),
        packet(1007, false, SYN | ACK, 900, 101, 0),
        packet(1008, true, ACK, 101, 901, 0),
    ]);
    assert_eq!((conn.initial_rtt_us(), conn.handshake_us()), (7000, 1_008_000));
}

#[test]
fn who_reset_it_and_when() {
    let conn = play(&[
        packet(1, true, ACK, 100, 1, 10),
        packet(31, false, RST, 1, 0, 0),
        packet(40, true, RST, 110, 0, 0),
    ]);
    assert_eq!((conn.reset_by(), conn.reset_us()), (Some(Direction::ToClient), 30_000));
    assert_eq!((conn.counts.resets, conn.outcome(0)), (2, Outcome::Reset));
}

#[test]
fn both_vantages_give_a_connection_the_same_id() {
    let syn = packet(1, true, SYN, 100, 0, 0);
    let syn_ack = packet(7, false, SYN | ACK, 900, 101, 0);
    assert_eq!(id::content_id(&syn, &[]), id::content_id(&syn_ack, &[]));
    assert_ne!(id::content_id(&syn, &[]), id::content_id(&packet(1, true, SYN, 101, 0, 0), &[]));
}
