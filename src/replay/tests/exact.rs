//! The rows of a conversation depend on its own packets, not on when somebody looked.

use super::*;

/// A DNS message about the name `a`, a response where `answers`.
fn dns(id: u16, answers: bool) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let flags = if answers { [0x81, 0x80] } else { [1, 0] };
    let mut message = vec![high, low, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend([1, b'a', 0, 0, 1, 0, 1]);
    message
}

const RESOLVER: End = (2, 53);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Datagrams answered in time, at the limit, late, never; sockets used again after a minute.
fn datagrams() -> Vec<Timed> {
    let client: End = (9, 5000);
    let mut frames = Vec::new();
    let mut say = |ms: i64, id, answers| {
        let (from, to) = if answers { (RESOLVER, client) } else { (client, RESOLVER) };
        let at = START + ms * 1_000_000;
        frames.push((at, udp(from, to, frames.len() as u16 + 1, &dns(id, answers))));
    };
    for (ms, id, answers) in [
        (0, 1, false),
        (10, 1, true),
        (1000, 2, false), // never answered
        (2000, 3, false),
        (7000, 3, true), // just in time
        (20_000, 4, false),
        (25_001, 4, true), // too late
        (40_000, 5, false),
        (100_000, 5, true), // after a minute: still the same exchange, but too late
        (160_001, 6, false), // and more: the next one
        (160_010, 6, true),
    ] {
        say(ms, id, answers);
    }
    frames
}

/// Connections that are silent for an hour, half open for minutes, closed for a minute.
fn streams() -> Vec<Timed> {
    let mut frames = Vec::new();
    let mut say = |secs: i64, client: End, answers, flags, seq, ack, payload: &[u8]| {
        let (from, to) = if answers { (SERVER, client) } else { (client, SERVER) };
        frames.push((START + secs * SECOND, tcp(from, to, flags, seq, ack, payload)));
    };
    let (silent, half, closed) = ((9, 1000), (9, 1001), (9, 1002));
    say(0, silent, false, SYN, 99, 0, b"");
    say(0, half, false, SYN, 99, 0, b"");
    say(0, closed, false, SYN, 99, 0, b"");
    say(1, silent, true, SYN | ACK, 499, 100, b"");
    say(1, closed, true, SYN | ACK, 499, 100, b"");
    say(2, silent, false, ACK, 100, 500, GET);
    say(2, closed, false, ACK | 4, 100, 500, b"");
    say(40, closed, true, ACK, 500, 100, b"late"); // a straggler
    say(101, closed, true, ACK, 500, 100, b"more"); // somebody else
    say(128, half, false, SYN, 99, 0, b""); // the same one
    say(300, half, false, SYN, 99, 0, b""); // the next one
    say(3000, silent, true, ACK, 500, 100 + GET.len() as u32, b""); // still there
    say(6700, silent, true, ACK, 500, 100 + GET.len() as u32, b"x"); // somebody else
    frames
}

/// Somebody else's datagrams all along, in every shard.
fn bystanders(end_ns: i64) -> Vec<Timed> {
    let mut frames = Vec::new();
    let mut at = START + 1;
    while at < end_ns {
        for port in 0..32u16 {
            frames.push((at, udp((77, 1000 + port), (78, 9), 1 + (at / SECOND) as u16, b"hello")));
        }
        at += SECOND * 3;
    }
    frames
}

fn rows_of_nine(mut frames: Vec<Timed>) -> (Vec<ConnCommon>, Vec<CallCommon>) {
    frames.sort_by_key(|(at, _)| *at);
    let (rows, _) = replay_frames(&frames, &Limits::default());
    let ours = |ip: &str| ip == "10.0.0.9";
    (
        rows.conns.into_iter().filter(|c| ours(&c.src_ip) || ours(&c.dst_ip)).collect(),
        rows.calls.into_iter().filter(|c| ours(&c.src_ip) || ours(&c.dst_ip)).collect(),
    )
}

#[test]
fn when_somebody_looks_does_not_matter() {
    for frames in [datagrams(), streams()] {
        let end_ns = frames.iter().map(|(at, _)| *at).max().unwrap();
        let alone = rows_of_nine(frames.clone());
        let among = rows_of_nine(frames.into_iter().chain(bystanders(end_ns)).collect());
        assert_eq!(alone, among);
        assert!(alone.0.len() > 1 && !alone.1.is_empty());
    }
}

#[test]
fn a_response_after_the_limit_is_none() {
    let (conns, calls) = rows_of_nine(datagrams());
    assert_eq!(conns.len(), 2);
    let whole = calls.iter().filter(|call| call.has_response && !call.is_half).count();
    let timeouts = calls.iter().filter(|call| call.unanswered == "timeout").count();
    let alone = calls.iter().filter(|call| call.is_half && call.has_response).count();
    assert_eq!((whole, timeouts, alone), (3, 3, 2));
}

#[test]
fn streams_end_by_their_own_silence() {
    let (conns, _) = rows_of_nine(streams());
    let of = |port| conns.iter().filter(|c| [c.src_port, c.dst_port].contains(&port)).count();
    assert_eq!([1000, 1001, 1002].map(of), [2, 2, 2]);
}

#[test]
fn cuts_between_segments_do_not_matter() {
    let end_ns = START + 200 * SECOND;
    let mut frames: Vec<Timed> =
        [datagrams(), streams(), bystanders(end_ns)].into_iter().flatten().collect();
    frames.sort_by_key(|(at, _)| *at);
    let (whole, _) = replay_frames(&frames, &Limits::default());
    for records in [11, 100, 1000] {
        let segments: Vec<&[Timed]> = frames.chunks(records).collect();
        let (rows, _) = replay_segments(&segments, &Limits::default());
        assert_eq!((rows.conns, rows.calls), (whole.conns.clone(), whole.calls.clone()));
        assert_eq!(rows.anomalies, whole.anomalies);
    }
}
