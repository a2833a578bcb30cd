//! Traffic that wants memory, time or wrong answers.

use super::*;

/// A connection that has been opened and says a line a second, for `secs`.
fn steady(secs: i64) -> Vec<Timed> {
    let client: End = (9, 4000);
    let mut frames = vec![
        (START, tcp(client, SERVER, SYN, 99, 0, b"")),
        (START + 1000, tcp(SERVER, client, SYN | ACK, 499, 100, b"")),
        (START + 2000, tcp(client, SERVER, ACK, 100, 500, b"")),
    ];
    for second in 0..secs {
        let (at, seq) = (START + second * SECOND, 100 + 4 * second as u32);
        frames.push((at + 3000, tcp(client, SERVER, ACK, seq, 500, b"line")));
        frames.push((at + 4000, tcp(SERVER, client, ACK, 500, seq + 4, b"")));
    }
    frames
}

fn connection(rows: &Rows) -> &ConnCommon {
    let mut found = rows.conns.iter().filter(|conn| conn.src_ip == "10.0.0.9");
    let conn = found.next().unwrap();
    assert_eq!(found.count(), 0, "it is one connection");
    conn
}

#[test]
fn a_flood_of_syns_is_bounded_and_ends_no_connection_that_lives() {
    const FLOOD: u32 = 40_000;
    let limits = Limits { conns_open_max: 500, ..Limits::default() };
    let mut frames = steady(10);
    for n in 0..FLOOD {
        let at = START + 10_000 + i64::from(n) * (10 * SECOND / i64::from(FLOOD));
        frames.push((at, tcp((1000 + n, 1024 + n as u16 % 50_000), SERVER, SYN, n, 0, b"")));
    }
    frames.sort_by_key(|(at, _)| *at);
    let (rows, stats) = replay_frames(&frames, &limits);
    assert_eq!(stats.conns, u64::from(FLOOD) + 1);
    let room = (SHARDS * limits.conns_open_max) as u64;
    let evicted = stats.anomalies.get(AnomalyKind::ConnLimit);
    assert!((u64::from(FLOOD) - room..u64::from(FLOOD)).contains(&evicted), "{evicted}");
    let conn = connection(&rows);
    assert_eq!((conn.conn_local_bytes, conn.conn_out_of_order), (40, 0));
}

#[test]
fn the_same_ports_over_and_over_are_bounded() {
    let limits = Limits { conns_open_max: 4, ..Limits::default() };
    let frames: Vec<Timed> = (0..5000u32)
        .map(|n| (START + i64::from(n), tcp((9, 4000), SERVER, SYN, n * 7, 0, b"")))
        .collect();
    let (rows, stats) = replay_frames(&frames, &limits);
    assert_eq!(stats.conns, 5000);
    assert_eq!(stats.anomalies.get(AnomalyKind::PortReused), 4999);
    assert_eq!(rows.conns.iter().filter(|conn| conn.conn_port_reused).count(), 4999);
}

#[test]
fn a_wild_time_ends_nothing() {
    let mut frames = steady(10);
    let alien = |at| (at, udp((5, 5), (6, 6), 1, b"?"));
    let ten_years = 10 * 365 * 86_400 * SECOND;
    frames.insert(9, alien(START + ten_years));
    frames.insert(12, alien(START - ten_years / 2));
    let (rows, _) = replay_frames(&frames, &Limits::default());
    assert_eq!(connection(&rows).conn_local_bytes, 40);
}

#[test]
fn a_clock_set_back_by_hours_ends_nothing() {
    let mut frames = steady(20);
    for (at, _) in frames.iter_mut().skip(20) {
        *at -= 5 * 3600 * SECOND;
    }
    let (rows, stats) = replay_frames(&frames, &Limits::default());
    let conn = connection(&rows);
    assert_eq!((conn.conn_local_bytes, conn.conn_retransmissions), (80, 0));
    assert!(conn.elapsed_time >= 0 && conn.conn_idle_us >= 0 && conn.conn_rtt_min_us >= 0);
    assert_eq!(stats.anomalies.get(AnomalyKind::TimeBackwards), 1);
}

#[test]
fn a_mirror_port_shows_everything_twice() {
    let once = steady(10);
    let twice: Vec<Timed> = once
        .iter()
        .flat_map(|(at, frame)| {
            let mut copy = frame.clone();
            copy[0..6].fill(0xee); // another MAC
            copy[22] -= 1; // one hop later
            [(*at, frame.clone()), (at + 30_000, copy)]
        })
        .collect();
    let (rows, stats) = replay_frames(&twice, &Limits::default());
    let conn = connection(&rows);
    let (alone, _) = replay_frames(&once, &Limits::default());
    let duplicates = once.len() as i64;
    assert_eq!(conn, &ConnCommon { conn_duplicates: duplicates, ..connection(&alone).clone() });
    assert_eq!(stats.anomalies.get(AnomalyKind::DuplicatePacket), duplicates as u64);
}

#[test]
fn errors_find_the_connection_that_they_quote() {
    let mut frames = steady(2);
    let (at, data) = frames[3].clone();
    // Eight bytes behind the IP header are all that a router must quote.
    frames.insert(4, (at + 100, icmp_error(300, 3, 4, &data, 8)));
    let query = udp((9, 5000), (2, 53), 1, b"anybody");
    frames.push((at + 3 * SECOND, query.clone()));
    frames.push((at + 3 * SECOND + 100, icmp_error(2, 3, 3, &query, 8)));
    let ping = ip(1, 7, 8, 1, &[8, 0, 0, 0, 0, 42, 0, 1]);
    frames.push((at + 4 * SECOND, ping));
    let mut init = vec![0, 99, 0, 100, 0, 0, 0, 0, 1, 2, 3, 4];
    init.extend([1, 0, 0, 20]);
    frames.push((at + 5 * SECOND, ip(132, 7, 8, 1, &init)));
    let (rows, stats) = replay_frames(&frames, &Limits::default());
    let calls: Vec<_> = rows
        .calls
        .iter()
        .filter(|call| &*call.protocol == "ICMP")
        .map(|c| (&*c.operation, &*c.outcome, &*c.error, &*c.src_ip, c.dst_port))
        .collect();
    // An error is a call from who sent the packet that it quotes.
    assert_eq!(
        calls,
        [
            ("destination unreachable", "ok", "fragmentation needed", "10.0.0.9", 80),
            ("destination unreachable", "refused", "port unreachable", "10.0.0.9", 53),
            ("echo", "unknown", "", "10.0.0.7", 42),
        ]
    );
    let icmp = &stats.protocols["icmp"];
    assert_eq!((icmp.requests, icmp.responses, icmp.calls), (1, 0, 3));
    let told: Vec<_> = rows
        .conns
        .iter()
        .map(|c| (&*c.protocol, &*c.outcome, &*c.conn_icmp_error, c.icmp_code, c.dst_port))
        .collect();
    assert_eq!(
        told,
        [
            ("TCP", "ok", "fragmentation needed", 4, 80),
            ("UDP", "refused", "port unreachable", 3, 53),
            ("ICMP", "ok", "", 0, 42),
            ("SCTP", "ok", "", 0, 100),
        ]
    );
}
