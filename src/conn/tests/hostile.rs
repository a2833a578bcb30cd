//! Whatever comes, nothing overflows, grows or ends in nonsense.

use proptest::prelude::*;

use super::*;

/// Numbers that meet, nearly meet, wrap, and lie half the space apart.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..40u32, (0..40u32).prop_map(|n| u32::MAX - n), Just(1 << 31), any::<u32>()]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![0..1_000_000_000i64, any::<i64>()]
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let header = (any::<bool>(), any::<u8>(), number(), number(), any::<u16>());
    let rest = (time(), 0..3u16, prop_oneof![0..40u32, any::<u32>()], prop::option::of(0..15u8));
    (header, rest).prop_map(|((from_client, flags, seq, ack, win), (ts_ns, ip_id, len, scale))| {
        let made = packet(0, from_client, flags, seq, ack, len / 2);
        Packet { ts_ns, ip_id, payload_cut: len / 2, ..window(made, win % 3, scale) }
    })
}

proptest! {
    #[test]
    fn any_packets_are_harmless(packets in prop::collection::vec(any_packet(), 1..120)) {
        let conn = play(&packets);
        let counted = conn.packets.iter().sum::<u64>() + conn.duplicates;
        prop_assert_eq!(counted, packets.len() as u64);
        let counts = &conn.counts;
        prop_assert!(counts.retransmissions >= counts.fast + counts.spurious);
        prop_assert!(counts.retransmissions + counts.out_of_order <= counts.numbered);
        let sent = conn.payload_bytes.iter().sum::<u64>() as i64;
        prop_assert!((0..=sent).contains(&conn.goodput_bytes()));
        let times = [conn.idle_us(), conn.ttfb_us(), conn.reset_us(), conn.handshake_us()];
        prop_assert!(times.iter().all(|&us| us >= 0), "{:?}", times);
        let rtt = conn.rtt();
        prop_assert!(0 <= rtt.min_us() && rtt.min_us() <= rtt.max_us() && rtt.jitter_us() >= 0);
        prop_assert!(conn.zero_window_us() >= 0 && conn.in_flight_max() >= 0);
        prop_assert!(conn.capture_loss_bytes() >= 0);
        let _ = (conn.outcome(0), conn.over(0, &Limits::default()), conn.window_avg());
    }
}
