use super::*;

#[test]
fn late_segments_are_not_repeated_ones() {
    let conn = play(&[
        packet(1, true, ACK, 100, 1, 10),
        packet(2, true, ACK, 120, 1, 10), // a hole before it
        packet(3, true, ACK, 110, 1, 10), // fills it at once: reordered
        packet(4, true, ACK, 110, 1, 10), // seen already, however soon: sent again
        packet(5, true, ACK, 140, 1, 10),
        packet(300, true, ACK, 130, 1, 10), // fills the hole late: sent again, by a timer
    ]);
    let counts = &conn.counts;
    assert_eq!((counts.out_of_order, counts.retransmissions, counts.timeouts), (1, 2, 1));
    assert_eq!((conn.segments(conn.client()), counts.missing), (6, 2));
    assert_eq!(conn.goodput_bytes(), 50);
}

#[test]
fn a_handshake_tells_how_late_a_segment_may_be() {
    let late = |ms: i64| {
        play(&[
            packet(0, true, SYN, 99, 0, 0),
            packet(9, false, SYN | ACK, 0, 100, 0),
            packet(10, true, ACK, 100, 1, 0),
            packet(20, true, ACK, 110, 1, 10),
            packet(20 + ms, true, ACK, 100, 1, 10),
        ])
        .counts
    };
    assert_eq!((late(9).out_of_order, late(9).retransmissions), (1, 0));
    assert_eq!((late(10).out_of_order, late(10).retransmissions), (0, 1));
}

#[test]
fn fast_and_spurious() {
    let mut packets = vec![
        packet(0, true, ACK, 100, 1, 10),
        packet(1, false, ACK, 1, 110, 0),
        packet(2, true, ACK, 120, 1, 10), // 110 to 120 was lost
        packet(3, false, ACK, 1, 110, 0),
        packet(4, true, ACK, 130, 1, 10),
        packet(5, false, ACK, 1, 110, 0),
        packet(9, true, ACK, 110, 1, 10), // asked for twice
    ];
    let counts = play(&packets).counts;
    assert_eq!((counts.duplicate_acks, counts.fast, counts.retransmissions), (2, 1, 1));
    packets.push(packet(10, false, ACK, 1, 140, 0));
    packets.push(packet(11, true, ACK, 120, 1, 10)); // it has that
    let counts = play(&packets).counts;
    assert_eq!((counts.spurious, counts.fast, counts.retransmissions), (1, 1, 2));
}

#[test]
fn what_was_acknowledged_and_never_captured() {
    let conn = play(&[
        packet(0, true, ACK, 100, 1, 10),
        packet(1, true, ACK, 150, 1, 10), // 40 missing
        packet(2, false, ACK, 1, 130, 0), // 20 of them had arrived
        packet(3, true, ACK, 130, 1, 20), // the rest comes again
        packet(4, false, ACK, 1, 200, 0), // and 40 behind all
    ]);
    assert_eq!((conn.counts.unseen_acks, conn.capture_loss_bytes()), (2, 60));
    assert_eq!(conn.goodput_bytes(), 40);
}

#[test]
fn sequence_numbers_wrap() {
    let conn = play(&[
        packet(0, true, ACK, u32::MAX - 9, 1, 10),
        packet(1, true, ACK, 0, 1, 10),
        packet(2, true, ACK, 20, 1, 10),
        packet(3, true, ACK, 10, 1, 10),
        packet(4, false, ACK, 1, 30, 0),
        packet(5, true, ACK, u32::MAX - 9, 1, 10),
    ]);
    assert_eq!((conn.counts.out_of_order, conn.counts.spurious, conn.counts.missing), (1, 1, 1));
    assert_eq!((conn.goodput_bytes(), conn.capture_loss_bytes()), (40, 0));
}

#[test]
fn round_trips_of_the_farther_end() {
    let conn = play(&[
        packet(0, true, SYN, 99, 0, 0),
        packet(10, false, SYN | ACK, 0, 100, 0),
        packet(10, true, ACK, 100, 1, 0), // the near end answers at once
        packet(20, true, ACK, 100, 1, 10),
        packet(50, false, ACK, 1, 110, 10),
        packet(60, true, ACK, 110, 11, 10),
        packet(90, true, ACK, 110, 11, 10), // ambiguous from here on
        packet(95, false, ACK, 11, 120, 0),
        packet(100, true, ACK, 120, 11, 10),
        packet(120, false, ACK, 11, 130, 0),
    ]);
    let rtt = conn.rtt();
    assert_eq!((rtt.samples, rtt.min_us(), rtt.max_us()), (3, 10_000, 30_000));
    assert_eq!((rtt.avg_us(), rtt.jitter_us()), (20_000, 8164));
}

#[test]
fn bytes_in_flight() {
    let conn = play(&[
        packet(0, true, ACK, 100, 1, 10),
        packet(1, false, ACK, 1, 110, 0),
        packet(2, true, ACK, 110, 1, 1000),
        packet(3, true, ACK, 1110, 1, 1000),
        packet(4, false, ACK, 1, 2110, 0),
        packet(5, true, ACK, 2110, 1, 500),
    ]);
    assert_eq!(conn.in_flight_max(), 2000);
}

#[test]
fn a_packet_captured_twice_counts_once() {
    let data = packet(0, true, ACK, 100, 1, 10);
    let copy = Packet { ts_ns: 50_000, ..data };
    let mut conn = play(&[data]);
    assert!(conn.update(&copy).duplicate);
    assert_eq!((conn.packets, conn.duplicates, conn.counts.retransmissions), ([1, 0], 1, 0));
    // Another identification: the sender wrote it again.
    let again = Packet { ts_ns: 100_000, ip_id: 9, ..data };
    assert!(!conn.update(&again).duplicate);
    // The same one, but after a time-out.
    let late = Packet { ts_ns: 300_000_000, ..data };
    assert!(!conn.update(&late).duplicate);
    assert_eq!((conn.packets, conn.counts.retransmissions), ([3, 0], 2));
}

#[test]
fn without_an_identification_copies_are_told_by_checksum_and_time() {
    let unnamed = |ns, checksum, len| {
        let packet = packet(0, true, ACK, 100, 1, len);
        Packet { ts_ns: ns, ip_id: 0, checksum, ..packet }
    };
    let mut conn = play(&[unnamed(0, 7, 0)]);
    // An acknowledgement may repeat itself.
    assert!(!conn.update(&unnamed(1000, 7, 0)).duplicate);
    assert_eq!(conn.counts.duplicate_acks, 1);
    assert!(!conn.update(&unnamed(2000, 7, 10)).duplicate);
    assert!(!conn.update(&unnamed(3000, 8, 10)).duplicate);
    assert!(conn.update(&unnamed(4000, 7, 10)).duplicate);
    assert!(!conn.update(&unnamed(2_000_000, 7, 10)).duplicate);
    // Once there are copies, it is one.
    conn.update(&unnamed(2_001_000, 9, 0));
    assert!(conn.update(&unnamed(2_002_000, 9, 0)).duplicate);
}
