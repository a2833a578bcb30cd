use super::super::tests::{Driver, shown};
use super::*;
use crate::keylog::KeyLog;
use Direction::{ToClient, ToServer};

/// A connection of `data.txt`.
struct Case {
    log: String,
    datagrams: Vec<(Direction, Vec<u8>)>,
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn cases() -> [Case; 2] {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("data.txt").lines() {
        let (mark, rest) = line.split_once(' ').unwrap();
        if mark == "#" {
            cases.push(Case { log: String::new(), datagrams: Vec::new() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match mark {
            "log" => case.log += &format!("{rest}\n"),
            ">" => case.datagrams.push((ToServer, hex(rest))),
            "<" => case.datagrams.push((ToClient, hex(rest))),
            _ => {}
        }
    }
    cases.try_into().ok().unwrap()
}

fn play(log: &str, datagrams: &[(Direction, Vec<u8>)]) -> Driver {
    let (keys, _) = KeyLog::new(&[log.as_bytes().to_vec()], 100);
    let limits = Limits { keys, ..Limits::default() };
    let mut driver = Driver::with_limits(&PROTOCOL, Carrier::Datagram, &limits);
    for (way, bytes) in datagrams {
        driver.packet(*way, bytes);
    }
    driver.end();
    driver
}

/// Calls inside, as operation and status.
fn calls(driver: &Driver) -> Vec<String> {
    let inside = driver.out.messages.iter().filter(|message| message.inner.is_some());
    let brief = |message: &super::super::Message| match message.kind {
        Kind::Request => message.operation.to_string(),
        _ => message.status.to_string(),
    };
    inside.map(brief).collect()
}

const CALLS: [&str; 8] = [
    "GET /orders/{id}",
    "200",
    "GET /orders/{id}",
    "200",
    "GET /missing",
    "404",
    "POST /orders",
    "200",
];

#[test]
fn calls_of_http3() {
    let [case, _] = cases();
    let driver = play(&case.log, &case.datagrams);
    assert_eq!(driver.anomalies(), []);
    assert_eq!(calls(&driver), CALLS);
    let inside: Vec<String> = driver.out.messages.iter().skip(2).map(shown).collect();
    for (at, fields) in [
        (0, &["host=\"shop.example\"", "user_agent=\"aioquic/1\"", "http_version=\"HTTP/3\""][..]),
        (1, &["response_body_size=12", "x-sum: 12", "server: aioquic"]),
        (5, &["404 \"404\"", "response_body=\"no such order\"", "http2_stream=8"]),
        (6, &["request_body_size=12", "request_body=\"{\\\"sku\\\": \\\"a\\\"}\""]),
    ] {
        for field in fields {
            assert!(inside[at].contains(field), "{field} is not in {}", inside[at]);
        }
    }
    let names = driver.out.messages.iter().filter_map(|m| m.inner).map(|inner| inner.name);
    assert!(names.collect::<Vec<_>>().iter().all(|name| *name == "http3"));
    let mut keys: Vec<u64> =
        driver.out.messages.iter().map(|message| message.key & 0xffff).collect();
    keys.dedup();
    assert_eq!(keys, [1, 2, 6, 10, 14], "a key for each call");
}

#[test]
fn keys_that_are_updated() {
    let [_, case] = cases();
    let driver = play(&case.log, &case.datagrams);
    assert_eq!(driver.anomalies(), []);
    assert_eq!(calls(&driver), CALLS[..4]);
}

#[test]
fn datagrams_out_of_turn() {
    let [case, _] = cases();
    for at in 4..case.datagrams.len() - 1 {
        let mut turned = case.datagrams.clone();
        turned.swap(at, at + 1);
        let mut found = calls(&play(&case.log, &turned));
        found.sort_unstable();
        let mut expected = CALLS;
        expected.sort_unstable();
        assert_eq!(found, expected, "{at}");
        // Sent again: no call comes twice.
        let mut twice = case.datagrams.clone();
        twice.insert(at + 1, case.datagrams[at].clone());
        assert_eq!(calls(&play(&case.log, &twice)), CALLS, "{at}");
    }
}

/// A datagram may hold entries of QPACK that later calls need: those that do not are whole.
#[test]
fn datagrams_that_are_lost() {
    let [case, _] = cases();
    for at in 4..case.datagrams.len() {
        let mut lost = case.datagrams.clone();
        lost.remove(at);
        let driver = play(&case.log, &lost);
        let whole = driver.out.messages.iter().filter(|message| {
            let is_answer = message.inner.is_some() && message.kind == Kind::Response;
            is_answer && message.status > 0 && !shown(message).contains("response_cut=true")
        });
        assert!(whole.count() >= 1, "without {at}: {:#?}", driver.shown());
        assert!(calls(&driver).len() <= CALLS.len(), "without {at}");
    }
    for end in 0..case.datagrams.len() {
        let found = calls(&play(&case.log, &case.datagrams[..end]));
        assert!(found.len() <= CALLS.len());
    }
}

#[test]
fn without_keys_or_with_others() {
    let [case, other] = cases();
    assert_eq!(calls(&play("", &case.datagrams)), [""; 0]);
    assert_eq!(calls(&play(&other.log, &case.datagrams)), [""; 0]);
    let wrong: String =
        case.log.lines().map(|line| format!("{}00\n", &line[..line.len() - 2])).collect();
    let driver = play(&wrong, &case.datagrams);
    assert_eq!((calls(&driver).len(), driver.out.messages.len()), (0, 2));
    assert!(driver.anomalies().iter().all(|kind| *kind == AnomalyKind::TlsUndecrypted));
    assert!((1..=2 * FAILURES_MAX as usize).contains(&driver.anomalies().len()));
}

#[test]
fn altered_datagrams_do_no_harm() {
    let [case, _] = cases();
    for (at, (_, bytes)) in case.datagrams.iter().enumerate() {
        for byte in (0..bytes.len()).step_by(1 + bytes.len() / 60) {
            let mut altered = case.datagrams.clone();
            altered[at].1[byte] ^= 1 << (byte % 8);
            assert!(calls(&play(&case.log, &altered)).len() <= CALLS.len() + 2);
        }
    }
}
