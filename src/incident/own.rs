//! Calls and their parents -> what each call took by itself: the callee's time less the time in
//! which calls made for it were open, and the time on the way there and back. Also to which moment
//! a call belongs: that of the request it was made for in the end.

use super::facts::CallFact;

/// Parents followed upwards: chains are short, and broken data must not go round for ever.
const DEPTH_MAX: usize = 64;

/// Fills in [`CallFact::own_us`] from the calls made for each one.
pub(super) fn fill_own_time(calls: &mut [CallFact]) {
    // Calls made for another, grouped by it and in order of begin, since all calls are.
    let mut made: Vec<(u32, i64, i64)> =
        calls.iter().filter_map(|c| Some((c.parent?, c.start_ns, c.end_ns))).collect();
    made.sort_unstable();
    for group in made.chunk_by(|a, b| a.0 == b.0) {
        let Some(parent) = group.first().and_then(|g| calls.get_mut(g.0 as usize)) else {
            continue;
        };
        let Some(own) = parent.own_us else { continue };
        let (begin, end) = (parent.start_ns, parent.end_ns);
        let (mut open_us, mut until) = (0, begin);
        for &(_, from, to) in group {
            let (from, to) = (from.max(until), to.min(end));
            open_us += (to - from).max(0) / 1000;
            until = until.max(to);
        }
        parent.own_us = Some((own - open_us).max(0));
    }
}

/// When the request began that each call was made for in the end.
pub(super) fn request_begins(calls: &[CallFact]) -> Vec<i64> {
    let begin = |index: usize| {
        let mut call = calls.get(index)?;
        for _ in 0..DEPTH_MAX {
            let Some(parent) = call.parent.and_then(|parent| calls.get(parent as usize)) else {
                break;
            };
            call = parent;
        }
        Some(call.start_ns)
    };
    (0..calls.len()).filter_map(begin).collect()
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    #[test]
    fn time_of_calls_that_overlap_counts_once() {
        let mut calls = facts(1, 4, |_| false).calls;
        for (call, (from, to)) in calls.iter_mut().zip([(0, 100), (10, 40), (30, 60), (90, 130)]) {
            (call.start_ns, call.end_ns) = (from * 1_000_000, to * 1_000_000);
            call.own_us = Some((to - from) * 1000);
            call.parent = (from > 0).then_some(0);
        }
        fill_own_time(&mut calls);
        let own: Vec<_> = calls.iter().map(|c| c.own_us.unwrap() / 1000).collect();
        assert_eq!(own, [40, 30, 30, 40]);
        assert_eq!(request_begins(&calls), [0; 4]);
    }
}
