//! Requests and responses meet, by id and by order.

use super::*;
use crate::dissect::{Direction, icmp};
use Direction::{ToClient, ToServer};

/// A message with this key, of the packet with this number.
fn message(kind: Kind, direction: Direction, key: u64, number: i64) -> Message {
    let mark = crate::capture::Mark { ts_ns: number, ..Default::default() };
    let bytes = b"\x03\x03\0\0\0\0\0\0";
    let some = icmp::report(bytes, [0, 0, 0, 0].into(), direction, mark).unwrap();
    Message { kind, key, units: 1, ..some }
}

/// Calls as (key, whether both halves are there, requests), and the pairer after them.
fn play(
    pairing: Pairing,
    messages: Vec<Message>,
    limits: &Limits,
) -> (Vec<(u64, bool, u32)>, Pairer) {
    let (mut pairer, mut calls) = (Pairer::new(pairing), Vec::new());
    let shown = |call: Call| {
        let key = call.request.as_ref().or(call.response.as_ref()).map_or(0, |m| m.key);
        (key, call.request.is_some() && call.response.is_some(), call.requests)
    };
    for message in messages {
        pairer.push(message, limits, |call| calls.push(shown(call)), |_, _| {});
    }
    (calls, pairer)
}

#[test]
fn ids_pair_whatever_the_order() {
    let ask = |key, number| message(Kind::Request, ToServer, key, number);
    let answer = |key, number| message(Kind::Response, ToClient, key, number);
    let messages = vec![ask(1, 1), ask(2, 2), ask(3, 3), answer(2, 4), answer(3, 5), ask(2, 6)];
    let (calls, mut pairer) = play(Pairing::ById, messages, &Limits::default());
    assert_eq!((calls, pairer.waiting()), (vec![(2, true, 1), (3, true, 1)], 2));
    let mut left = Vec::new();
    pairer.expire(2, |call| left.push(call.request.unwrap().key));
    pairer.finish(|_| Unanswered::Closed, |call| left.push(call.request.unwrap().key));
    assert_eq!((left, pairer.waiting()), (vec![1, 2], 0));
}

#[test]
fn the_same_once_more_is_one_call() {
    let ask = || message(Kind::Request, ToServer, 7, 1);
    let answer = || message(Kind::Response, ToClient, 7, 2);
    // The key of what goes the other way is another's.
    let other = message(Kind::Request, ToClient, 7, 1);
    let messages = vec![ask(), other, ask(), answer(), answer()];
    let (calls, pairer) = play(Pairing::ById, messages, &Limits::default());
    assert_eq!((calls, pairer.waiting()), (vec![(7, true, 2), (7, false, 0)], 1));
}

#[test]
fn too_many_that_wait_let_the_oldest_go() {
    let limits = Limits { calls_pending_max: 2, ..Limits::default() };
    let messages = (1..=4).map(|key| message(Kind::Request, ToServer, key, 1)).collect();
    let (calls, pairer) = play(Pairing::ById, messages, &limits);
    assert_eq!((calls, pairer.waiting()), (vec![(1, false, 1), (2, false, 1)], 2));
}

#[test]
fn order_pairs_per_direction() {
    let kinds = [
        (Kind::Request, ToServer),
        (Kind::Request, ToClient),
        (Kind::Response, ToServer),
        (Kind::Response, ToClient),
    ];
    let number = |(at, (kind, way))| message(kind, way, at as u64, at as i64);
    let messages = kinds.into_iter().enumerate().map(number).collect();
    let (calls, pairer) = play(Pairing::InOrder, messages, &Limits::default());
    assert_eq!((calls, pairer.waiting()), (vec![(1, true, 1), (0, true, 1)], 0));
}
