//! Links of calls that were made up: the true parents are known.

use super::*;

const MS: i64 = 1_000_000;

fn span(at_ms: i64, ms: i64, caller: u32, callee: u32, operation: u32) -> Span {
    let times = [at_ms * MS, (at_ms + ms) * MS];
    let (trace, request) = (0, 0);
    Span { called_ns: times, served_ns: times, caller, callee, operation, trace, request }
}

fn parents(spans: &[Span]) -> Vec<Option<(u32, Tier)>> {
    link(spans).into_iter().map(|p| p.map(|p| (p.index, p.tier))).collect()
}

#[test]
fn the_only_open_call_is_the_parent() {
    let spans = [span(0, 10, 9, 1, 1), span(2, 3, 1, 2, 2), span(20, 3, 1, 2, 2)];
    assert_eq!(parents(&spans), [None, Some((0, Tier::Only)), None]);
}

#[test]
fn ids_tell_among_several() {
    let mut spans = vec![
        span(0, 50, 9, 1, 1),
        span(1, 50, 9, 1, 1),
        span(5, 3, 1, 2, 2),
        span(9, 3, 1, 2, 2),
        span(11, 3, 1, 2, 2),
    ];
    for (index, trace, request) in [(0, 7, 3), (1, 8, 4), (2, 7, 0), (3, 0, 4), (4, 9, 0)] {
        (spans[index].trace, spans[index].request) = (trace, request);
    }
    let found = parents(&spans);
    assert_eq!(found[2..4], [Some((0, Tier::Trace)), Some((1, Tier::Request))]);
    // Its trace is that of neither, so it was made for neither.
    assert_eq!(found[4], None);
}

/// Two requests at once; each makes call A 2 ms after its begin and call B 5 ms after A's end.
#[test]
fn usual_pauses_tell_what_time_alone_does_not() {
    let (mut spans, mut truth) = (Vec::new(), Vec::new());
    for number in 0..200i64 {
        // A third of the requests is alone, the others overlap by a changing part.
        let begin = number * 40 - if number % 3 == 1 { 25 + number % 7 } else { 0 };
        let parent = spans.len() as u32;
        spans.push(span(begin, 30, 9, 1, 1));
        spans.push(span(begin + 2, 4, 1, 2, 2));
        spans.push(span(begin + 11, 4, 1, 3, 3));
        truth.extend([None, Some(parent), Some(parent)]);
    }
    let found = link(&spans);
    let right = found.iter().zip(&truth).filter(|(f, t)| f.map(|p| p.index) == **t).count();
    assert_eq!(right, truth.len());
    assert!(found.iter().flatten().any(|parent| parent.tier == Tier::Likeliest));
}

#[test]
fn any_calls_are_linked_to_calls_at_their_own_place() {
    use proptest::prelude::*;
    let one = (0i64..60, 0i64..30, 0u32..4, 0u32..4, 0u32..3, 0u32..3, 0u32..3);
    proptest!(|(calls in prop::collection::vec(one, 0..60))| {
        let spans: Vec<Span> = calls
            .iter()
            .map(|&(at, ms, caller, callee, operation, trace, request)| {
                Span { trace, request, ..span(at, ms, caller, callee, operation) }
            })
            .collect();
        for (child, parent) in spans.iter().zip(link(&spans)) {
            let Some(parent) = parent else { continue };
            let parent = &spans[parent.index as usize];
            prop_assert_eq!(parent.callee, child.caller);
            prop_assert!(parent.served_ns[0] <= child.called_ns[0]);
        }
    });
}
