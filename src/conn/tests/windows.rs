use super::*;

/// A handshake with window scales of 2 (client) and 3 (server).
fn opened() -> Vec<Packet> {
    vec![
        window(packet(0, true, SYN, 99, 0, 0), 1000, Some(2)),
        window(packet(1, false, SYN | ACK, 0, 100, 0), 1000, Some(3)),
        window(packet(2, true, ACK, 100, 1, 0), 250, None),
    ]
}

#[test]
fn a_window_closes_and_opens() {
    let mut packets = opened();
    packets.extend([
        packet(10, true, ACK, 100, 1, 200),
        window(packet(20, false, ACK, 1, 300, 0), 100, None),
        packet(30, true, ACK, 300, 1, 800), // all of 100 << 3
        window(packet(40, false, ACK, 1, 1100, 0), 0, None),
        packet(240, true, ACK, 1100, 1, 1), // a probe
        window(packet(241, false, ACK, 1, 1100, 0), 0, None), // still closed
        window(packet(540, false, ACK, 1, 1100, 0), 50, None), // an update
    ]);
    let conn = play(&packets);
    let counts = &conn.counts;
    assert_eq!((counts.window_full, counts.zero_windows, counts.window_updates), (1, 2, 1));
    assert_eq!((counts.duplicate_acks, counts.retransmissions), (0, 0));
    assert_eq!((conn.zero_window_us(), conn.window_scale()), (500_000, 3));
    assert_eq!(conn.window_avg(), (800 + 400) / 4);
}

#[test]
fn one_end_without_scale_is_none_for_both() {
    let mut packets = opened();
    packets[1] = window(packets[1], 1000, None);
    packets.push(window(packet(20, false, ACK, 1, 100, 0), 100, None));
    packets.push(packet(30, true, ACK, 100, 1, 100));
    let conn = play(&packets);
    assert_eq!((conn.counts.window_full, conn.window_scale(), conn.window_avg()), (1, 0, 100));
}

#[test]
fn keep_alives_are_neither_lost_nor_repeated() {
    let conn = play(&[
        packet(0, true, ACK, 100, 1, 10),
        packet(1, false, ACK, 1, 110, 0),
        packet(60_000, true, ACK, 109, 1, 1),
        packet(60_001, false, ACK, 1, 110, 0),
        packet(120_000, true, ACK, 109, 1, 0),
        packet(120_001, false, ACK, 1, 110, 0),
    ]);
    let counts = &conn.counts;
    assert_eq!((counts.keep_alives, counts.keep_alive_acks), (2, 2));
    assert_eq!((counts.retransmissions, counts.duplicate_acks, conn.goodput_bytes()), (0, 0, 10));
    assert_eq!(conn.idle_us(), 59_999_000);
}
