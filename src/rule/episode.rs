//! Windows that fired -> findings: windows close together are one episode, and an episode knows
//! its first and last entry and a few calls that show it.

use super::model::{Fire, Metric, Mode, Rule};
use super::window::{Finding, Fired, Sample};

/// The findings of one group; `fired` is in time order.
pub(super) fn episodes(rule: &Rule, samples: &[Sample], fired: Vec<Fired>) -> Vec<Finding> {
    let hold_ns = rule.fire.hold.ns;
    let lasting: Vec<Fired> = fired
        .chunk_by(|a, b| b.from_ns <= a.to_ns)
        .filter(|run| length_ns(run) >= hold_ns)
        .flatten()
        .cloned()
        .collect();
    let gap_ns = rule.emit.merge_gap.ns;
    lasting
        .chunk_by(|a, b| match rule.emit.mode {
            Mode::Episode => b.from_ns.saturating_sub(a.to_ns) <= gap_ns,
            Mode::Window => false,
            Mode::Once => true,
        })
        .filter_map(|windows| finding(rule, samples, windows))
        .collect()
}

fn length_ns(run: &[Fired]) -> i64 {
    match (run.first(), run.last()) {
        (Some(first), Some(last)) => last.to_ns.saturating_sub(first.from_ns),
        _ => 0,
    }
}

fn finding(rule: &Rule, samples: &[Sample], windows: &[Fired]) -> Option<Finding> {
    let (first, last) = (windows.first()?, windows.last()?);
    let inside = union(samples, windows);
    let limit = limit(&rule.fire, first.verdict.base);
    let hits: Vec<&Sample> =
        inside.iter().copied().filter(|sample| is_hit(&rule.fire, limit, sample)).collect();
    let extreme = if rule.fire.op.is_downward() { f64::min } else { f64::max };
    let values = windows.iter().map(|window| window.verdict.value);
    let p_values = windows.iter().filter_map(|window| window.verdict.p_value);
    Some(Finding {
        group: samples.first()?.group,
        from_ns: first.from_ns,
        to_ns: last.to_ns,
        first_ns: hits.first().map_or(first.from_ns, |sample| sample.ts_ns),
        last_ns: hits.last().map_or(last.to_ns, |sample| sample.ts_ns),
        windows: windows.iter().map(|window| window.windows).sum(),
        matched: inside.iter().filter(|sample| sample.matched).count() as u64,
        of: inside.len() as u64,
        value: values.reduce(extreme)?,
        base: first.verdict.base,
        p_value: p_values.reduce(f64::min),
        evidence: evidence(rule, hits),
    })
}

/// The samples of all windows, each once: sliding windows share some.
fn union<'a>(samples: &'a [Sample], windows: &[Fired]) -> Vec<&'a Sample> {
    let mut inside = Vec::new();
    let mut taken = 0;
    for window in windows {
        let range = window.range.start.max(taken)..window.range.end.max(taken);
        taken = range.end;
        inside.extend(samples.get(range).unwrap_or(&[]));
    }
    inside
}

/// Beyond which value an entry shows that a percentile was off.
fn limit(fire: &Fire, base: Option<f64>) -> f64 {
    match base {
        Some(base) if fire.op.is_downward() => fire.value.0.min(base),
        Some(base) => fire.value.0.max(base),
        None => fire.value.0,
    }
}

fn is_hit(fire: &Fire, limit: f64, sample: &Sample) -> bool {
    sample.matched && (fire.metric != Metric::Percentile || fire.op.holds(sample.value, limit))
}

/// Calls to show: of a percentile the extreme ones, else spread evenly from first to last.
fn evidence(rule: &Rule, mut hits: Vec<&Sample>) -> Vec<i64> {
    let wanted = rule.emit.max_evidence.min(hits.len());
    if rule.fire.metric == Metric::Percentile {
        hits.sort_by(|a, b| match rule.fire.op.is_downward() {
            true => a.value.total_cmp(&b.value),
            false => b.value.total_cmp(&a.value),
        });
        hits.truncate(wanted);
        hits.sort_by_key(|sample| sample.ts_ns);
    }
    let steps = wanted.saturating_sub(1).max(1);
    (0..wanted)
        .filter_map(|n| hits.get(n * (hits.len() - 1) / steps))
        .map(|sample| sample.call)
        .collect()
}
