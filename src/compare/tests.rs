//! Runs that differ in one known thing, or in nothing but chance.

use super::*;
use crate::incident::{CallFact, Entity};
use crate::outcome::Outcome;

/// Numbers between 0 and 1 (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Ten calls a second for two minutes: web asks stock and, where `third` says, ads; `slower` times
/// as long, and failing in a share of `errors`.
fn run(seed: u64, slower: f64, errors: f64, third: bool) -> Facts {
    let mut chance = Chance(seed);
    let entity =
        |name: &str| Entity { name: name.into(), namespace: "shop".into(), kind: "service".into() };
    let mut calls = Vec::new();
    for number in 0..1200i64 {
        let callee = if third && number % 4 == 0 { 2 } else { 1 };
        // Log-normal, as latencies are.
        let normal: f64 = (0..12).map(|_| chance.next()).sum::<f64>() - 6.0;
        let ms = 5.0 * slower * (0.4 * normal).exp();
        let failed = chance.next() < errors;
        let start_ns = number * 100_000_000;
        calls.push(CallFact {
            id: number + 1,
            start_ns,
            end_ns: start_ns + (ms * 1e6) as i64,
            src: 0,
            dst: callee,
            operation: 0,
            protocol: 1,
            status: 2,
            outcome: if failed { Outcome::ServerError } else { Outcome::Ok },
            parent: None,
            own_us: None,
            way_us: None,
            has_response: true,
            is_conn: false,
            counts: true,
            segment: 0,
            frame: 1,
        });
    }
    Facts {
        entities: vec![entity("web"), entity("stock"), entity("ads")],
        texts: ["GET /", "HTTP", "200"].map(Text::from).to_vec(),
        calls,
        last_ns: 120_000_000_000,
        ..Facts::default()
    }
}

#[test]
fn runs_that_differ_by_chance_alone_are_equal() {
    for seed in 0..40 {
        let comparison = compare(&run(seed, 1.0, 0.005, true), &run(1000 + seed, 1.0, 0.005, true));
        assert!(comparison.changes.is_empty(), "{seed}: {:?}", comparison.changes);
        assert!(comparison.tests >= 8 && comparison.doubts.is_empty());
    }
}

#[test]
fn planted_regressions_are_found_and_come_first() {
    for seed in 0..20 {
        let base = run(seed, 1.0, 0.002, false);
        let slow = compare(&base, &run(500 + seed, 1.6, 0.002, false));
        assert!(matches!(slow.changes[0].what, What::Latency { .. }), "{seed}: {slow:?}");
        assert!(
            matches!(&slow.changes[0].subject, Subject::Service { service, .. } if service == "stock")
        );
        let failing = compare(&base, &run(500 + seed, 1.0, 0.03, false));
        assert!(matches!(failing.changes[0].what, What::Errors { .. }), "{seed}: {failing:?}");
        let more = compare(&base, &run(500 + seed, 1.0, 0.002, true));
        let expected =
            Subject::Dependency { from: "web".into(), to: "ads".into(), protocol: "HTTP".into() };
        assert_eq!((&more.changes[0].subject, more.changes[0].worse), (&expected, true));
        let less = compare(&run(seed, 1.0, 0.002, true), &run(500 + seed, 1.0, 0.002, false));
        assert!(matches!(less.changes[0].what, What::Gone { calls: 300 }), "{less:?}");
    }
}

#[test]
fn faster_is_a_change_but_no_regression() {
    let comparison = compare(&run(1, 1.6, 0.0, false), &run(2, 1.0, 0.0, false));
    assert!(!comparison.changes.is_empty() && comparison.regressions().next().is_none());
}

#[test]
fn another_load_or_hardly_any_calls_leave_doubts() {
    let (base, mut now) = (run(1, 1.0, 0.0, false), run(2, 1.0, 0.0, false));
    now.calls.truncate(300);
    assert!(compare(&base, &now).doubts[0].contains("load differs"));
    now.calls.truncate(10);
    assert!(compare(&base, &now).doubts[0].contains("too few"));
}
