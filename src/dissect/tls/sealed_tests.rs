use super::super::super::tests::{Driver, shown};
use super::super::super::{Carrier, Message};
use super::super::PROTOCOL;
use super::*;
use crate::keylog::KeyLog;
use crate::limits::Limits;
use Direction::{ToClient, ToServer};

/// A conversation of `sealed.txt`.
struct Case {
    name: String,
    log: String,
    packets: Vec<(Direction, Vec<u8>)>,
}

impl Case {
    fn is_cbc(&self) -> bool {
        self.name.starts_with("CBC")
    }

    fn is_13(&self) -> bool {
        self.name.ends_with("TLSv1.3")
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("sealed.txt").lines() {
        let (mark, rest) = line.split_once(' ').unwrap();
        if mark == "#" {
            cases.push(Case { name: rest.into(), log: String::new(), packets: Vec::new() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match mark {
            "log" => case.log += &format!("{rest}\n"),
            ">" => case.packets.push((ToServer, hex(rest))),
            "<" => case.packets.push((ToClient, hex(rest))),
            _ => {}
        }
    }
    assert_eq!(cases.len(), 8);
    cases
}

fn driver(log: &str) -> Driver {
    let (keys, _) = KeyLog::new(&[log.as_bytes().to_vec()], 100);
    Driver::with_limits(&PROTOCOL, Carrier::Stream, &Limits { keys, ..Limits::default() })
}

fn play<'p>(log: &str, packets: impl IntoIterator<Item = (Direction, &'p [u8])>) -> Driver {
    let mut driver = driver(log);
    for (way, bytes) in packets {
        driver.packet(way, bytes);
    }
    driver
}

fn packets(case: &Case) -> impl Iterator<Item = (Direction, &[u8])> {
    case.packets.iter().map(|(way, bytes)| (*way, bytes.as_slice()))
}

/// What came out of one direction, with `None` for each byte that is missing.
fn inside(driver: &Driver, way: Direction) -> Vec<Option<u8>> {
    let mut all = Vec::new();
    for piece in &driver.out.inside {
        match piece {
            Inside::Bytes(of, bytes, _) if *of == way => all.extend(bytes.iter().map(|b| Some(*b))),
            Inside::Gap(of, bytes, _) if *of == way => {
                assert!(*bytes < 10_000, "a gap of {bytes}");
                all.extend((0..*bytes).map(|_| None));
            }
            _ => {}
        }
    }
    all
}

fn whole(way: Direction) -> Vec<Option<u8>> {
    let turns = (0..2).map(|n| match way {
        ToServer => format!("GET /orders/{n} HTTP/1.1\r\nHost: shop\r\n\r\n"),
        ToClient => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".into(),
    });
    turns.collect::<String>().bytes().map(Some).collect()
}

fn handshake_of(driver: &Driver) -> (&Message, &Message) {
    let [hello, answer] = driver.out.messages.as_slice() else {
        panic!("{:#?}", driver.shown());
    };
    (hello, answer)
}

#[test]
fn every_suite_opens() {
    for case in cases() {
        let driver = play(&case.log, packets(&case));
        assert_eq!(driver.anomalies(), [], "{}", case.name);
        for way in [ToServer, ToClient] {
            assert_eq!(inside(&driver, way), whole(way), "{}", case.name);
        }
        let line = shown(handshake_of(&driver).1);
        for field in ["tlsx_alpn=\"http/1.1\"", "tls_completed=true", "tls_subject=\"CN=shop\""] {
            assert!(line.contains(field), "{}: {field} is not in {line}", case.name);
        }
    }
}

#[test]
fn every_split_gives_the_same() {
    for case in cases() {
        for (at, (way, bytes)) in case.packets.iter().enumerate() {
            for cut in 1..bytes.len() {
                let mut split: Vec<_> = packets(&case).collect();
                split[at] = (*way, &bytes[..cut]);
                split.insert(at + 1, (*way, &bytes[cut..]));
                let driver = play(&case.log, split);
                assert_eq!(driver.anomalies(), [], "{} packet {at} cut at {cut}", case.name);
                for way in [ToServer, ToClient] {
                    assert_eq!(inside(&driver, way), whole(way), "{} {at} {cut}", case.name);
                }
            }
        }
    }
}

#[test]
fn pieces_are_of_the_packets_that_brought_them() {
    for case in cases().iter().filter(|case| !case.is_cbc()) {
        let mut split: Vec<_> = packets(case).collect();
        let (way, last) = split.pop().unwrap();
        split.extend([(way, &last[..30]), (way, &last[30..])]);
        let driver = play(&case.log, split);
        let of_last = driver.out.inside.iter().rev().take(2).rev();
        let frames: Vec<u32> = of_last
            .map(|piece| match piece {
                Inside::Bytes(.., mark) => mark.packet.frame,
                other => panic!("{other:?}"),
            })
            .collect();
        let count = case.packets.len() as u32;
        assert_eq!(frames, [count, count + 1], "{}", case.name);
    }
}

#[test]
fn prefixes_give_prefixes() {
    for case in cases() {
        for (at, (way, bytes)) in case.packets.iter().enumerate() {
            for cut in 0..bytes.len() {
                let before = packets(&case).take(at).chain([(*way, &bytes[..cut])]);
                let mut driver = play(&case.log, before);
                driver.end();
                assert_eq!(driver.anomalies(), []);
                for way in [ToServer, ToClient] {
                    assert!(whole(way).starts_with(&inside(&driver, way)), "{}", case.name);
                }
            }
        }
    }
}

/// What comes after a loss among the data stands where it stood, but for padding that nobody knows.
#[test]
fn losses_are_counted_exactly() {
    for case in cases() {
        let first_data = case.packets.len() - 4;
        for at in first_data..case.packets.len() - 1 {
            let (way, bytes) = &case.packets[at];
            for start in 0..bytes.len() {
                for end in [start + 1, start + 4, start + 40, bytes.len()] {
                    let end = end.min(bytes.len());
                    let mut driver = play(&case.log, packets(&case).take(at));
                    driver.packet(*way, &bytes[..start]).gap(*way, (end - start) as u64);
                    driver.packet(*way, &bytes[end..]);
                    for (way, bytes) in packets(&case).skip(at + 1) {
                        driver.packet(way, bytes);
                    }
                    let (got, expected) = (inside(&driver, *way), whole(*way));
                    let what = format!("{} packet {at} {start}..{end}", case.name);
                    if !case.is_cbc() {
                        let same = |(g, e): (&Option<u8>, &Option<u8>)| g.is_none() || g == e;
                        assert!(got.iter().zip(&expected).all(same), "{what}: {got:?}");
                    }
                    if at + 2 < case.packets.len() {
                        let half = &expected[expected.len() / 2..];
                        assert!(got.ends_with(half), "{what}: the next message is not found");
                    }
                    assert_eq!(inside(&driver, way.reverse()), whole(way.reverse()), "{what}");
                }
            }
        }
    }
}

/// With most of the handshake missing TLS 1.3 still opens: its keys need the hellos only.
#[test]
fn a_loss_in_the_handshake() {
    for case in cases().iter().filter(|case| case.is_13()) {
        let mut driver = driver(&case.log);
        let hellos = 2;
        for (way, bytes) in packets(case).take(hellos) {
            driver.packet(way, bytes);
        }
        for (way, bytes) in packets(case).skip(hellos).take(case.packets.len() - hellos - 4) {
            driver.gap(way, bytes.len() as u64);
        }
        for (way, bytes) in packets(case).skip(case.packets.len() - 4) {
            driver.packet(way, bytes);
        }
        for way in [ToServer, ToClient] {
            let got: Vec<_> = inside(&driver, way).into_iter().flatten().map(Some).collect();
            assert!(got.ends_with(&whole(way)), "{}", case.name);
        }
    }
}

#[test]
fn wrong_keys_open_nothing() {
    for case in cases() {
        let wrong: String =
            case.log.lines().map(|line| format!("{}00\n", &line[..line.len() - 2])).collect();
        let driver = play(&wrong, packets(&case));
        assert_eq!(inside(&driver, ToServer).len() + inside(&driver, ToClient).len(), 0);
        assert!(!driver.anomalies().is_empty(), "{}", case.name);
        assert!(driver.anomalies().iter().all(|kind| *kind == AnomalyKind::TlsUndecrypted));
        handshake_of(&driver);
        let driver = play("CLIENT_RANDOM 00 00", packets(&case));
        assert_eq!((driver.anomalies(), driver.out.inside.len()), (vec![], 0));
        handshake_of(&driver);
    }
}

#[test]
fn altered_records_do_no_harm() {
    for case in cases() {
        for (at, (_, bytes)) in case.packets.iter().enumerate() {
            for byte in 0..bytes.len() {
                let mut altered: Vec<_> = case.packets.clone();
                altered[at].1[byte] ^= 1 << (byte % 8);
                let mut driver = driver(&case.log);
                for (way, bytes) in &altered {
                    driver.packet(*way, bytes);
                }
                driver.end();
                for way in [ToServer, ToClient] {
                    let known = whole(way);
                    let got = inside(&driver, way);
                    let got: Vec<_> = got.into_iter().flatten().collect();
                    assert!(got.len() <= known.len(), "{} {at} {byte}", case.name);
                }
            }
        }
    }
}
