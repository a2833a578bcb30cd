//! Samples of one rule -> findings. Pure: which entries match and what they measure has been
//! asked elsewhere; here are windows, thresholds, the comparison with the time before, and the
//! merging of windows that fire into episodes.

use std::ops::Range;

use super::episode::episodes;
use super::judge::{Verdict, Window, judge};
use super::model::{Fire, Rule};
use super::quiet::Quiet;

/// One entry that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    /// Number of the entry's combination of `group_by` values.
    pub group: u32,
    /// Whether it matches (not only belongs to `of`).
    pub matched: bool,
    /// The field of a percentile; ignored by other metrics.
    pub value: f64,
    /// Id of the call or connection.
    pub call: i64,
}

/// A rule that fired for one group of entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finding {
    pub group: u32,
    /// Start of the first window that fired and end of the last, nanoseconds since 1970 UTC.
    pub from_ns: i64,
    pub to_ns: i64,
    /// First and last entry that matches in those windows; the windows' bounds without one. Of a
    /// percentile: that exceeds the limit.
    pub first_ns: i64,
    pub last_ns: i64,
    /// Windows that fired.
    pub windows: u64,
    /// Entries that match in those windows, and of how many.
    pub matched: u64,
    pub of: u64,
    /// The metric's most extreme value over those windows.
    pub value: f64,
    /// The metric in the time before, where it was looked at and there was enough of it.
    pub base: Option<f64>,
    /// Least p-value of the difference to the time before, where it was asked for.
    pub p_value: Option<f64>,
    /// Calls that show it, in time order: of a percentile the extreme ones, else spread evenly.
    pub evidence: Vec<i64>,
}

impl Finding {
    /// Share of entries that match.
    pub fn ratio(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.matched as f64 / self.of as f64 }
    }
}

/// One window that fired, or several with nothing in them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fired {
    pub from_ns: i64,
    pub to_ns: i64,
    pub windows: u64,
    /// Its samples.
    pub range: Range<usize>,
    pub verdict: Verdict,
}

/// Findings of a rule, by first entry and group. `samples` are in time order; `span` is the time
/// that was captured, needed to tell silence from the end of the capture.
pub fn evaluate(rule: &Rule, samples: &[Sample], span: Range<i64>) -> Vec<Finding> {
    let mut groups = samples.to_vec();
    groups.sort_by_key(|sample| sample.group);
    let mut findings: Vec<Finding> = groups
        .chunk_by(|a, b| a.group == b.group)
        .flat_map(|group| episodes(rule, group, fired_windows(rule, group, &span)))
        .collect();
    findings.sort_by_key(|finding| (finding.first_ns, finding.group));
    findings
}

/// The windows of one group that fire, in time order.
fn fired_windows(rule: &Rule, samples: &[Sample], span: &Range<i64>) -> Vec<Fired> {
    let (size, slide) = (rule.window.size.ns.max(1), rule.window.slide().ns.max(1));
    let mut quiet = Quiet::new(rule.fire.base.lookback, samples, span.start);
    let mut fired = Vec::new();
    let mut range = 0..0;
    let mut from_ns = samples.first().map_or(0, |sample| first_window(sample.ts_ns, size, slide));
    while range.end < samples.len() || !range.is_empty() {
        let to_ns = from_ns.saturating_add(size);
        range.start = position(samples, range.start, from_ns);
        range.end = position(samples, range.end.max(range.start), to_ns);
        let next = samples.get(range.start).filter(|_| range.is_empty());
        let mut window =
            Window { from_ns, to_ns, samples: samples.get(range.clone()).unwrap_or(&[]) };
        if range.is_empty() {
            // Nothing changes until the next sample: one verdict for all windows up to it.
            let silent_ns = next.map_or(span.end, |sample| sample.ts_ns).saturating_sub(to_ns);
            window.to_ns = to_ns.saturating_add(silent_ns.max(0) / slide * slide);
        }
        quiet.reach(from_ns);
        if let Some(verdict) =
            worth_judging(&rule.fire, &window, span).then(|| judge(rule, &window, &quiet)).flatten()
        {
            let Window { from_ns, to_ns, .. } = window;
            quiet.exclude(from_ns, to_ns);
            let windows =
                1 + (to_ns.saturating_sub(from_ns).saturating_sub(size) / slide).unsigned_abs();
            fired.push(Fired { from_ns, to_ns, windows, range: range.clone(), verdict });
        }
        let following = match next {
            Some(sample) => first_window(sample.ts_ns, size, slide),
            None => from_ns.saturating_add(slide),
        };
        // Only where a hostile clock has reached the end of time.
        if following <= from_ns {
            break;
        }
        from_ns = following;
    }
    fired
}

/// Silence is a rule's business only where it can fire on it, and then half a window of it must
/// not look like a whole one.
fn worth_judging(fire: &Fire, window: &Window, span: &Range<i64>) -> bool {
    match fire.fires_on_nothing() {
        true => span.start <= window.from_ns && window.to_ns <= span.end,
        false => !window.samples.is_empty(),
    }
}

/// Start of the first window that holds `ts_ns`: starts are multiples of `slide`.
fn first_window(ts_ns: i64, size: i64, slide: i64) -> i64 {
    ts_ns.saturating_sub(size).div_euclid(slide).saturating_add(1).saturating_mul(slide)
}

/// Index of the first sample at or after `ts_ns`, looked for from `from` on.
fn position(samples: &[Sample], from: usize, ts_ns: i64) -> usize {
    let rest = samples.get(from..).unwrap_or(&[]);
    from + rest.iter().take_while(|sample| sample.ts_ns < ts_ns).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::load::rule_for_tests;

    const SECOND: i64 = 1_000_000_000;

    /// A rule with the given window and fire, one minute of merging.
    fn rule(window: &str, fire: &str) -> Rule {
        rule_for_tests(&format!("window: {window}\nfire: {fire}"))
    }

    /// One sample a second from `from` to `to`, matching where `matches` says.
    fn each_second(from: i64, to: i64, matches: impl Fn(i64) -> bool) -> Vec<Sample> {
        (from..to).map(|second| sample(second, matches(second), 0.0)).collect()
    }

    fn sample(second: i64, matched: bool, value: f64) -> Sample {
        Sample { ts_ns: second * SECOND, group: 0, matched, value, call: second }
    }

    fn seconds(range: Range<i64>) -> Range<i64> {
        range.start * SECOND..range.end * SECOND
    }

    #[test]
    fn windows_hold_their_first_sample_and_are_aligned() {
        assert_eq!(first_window(25, 30, 10), 0);
        assert_eq!(first_window(30, 30, 10), 10);
        assert_eq!(first_window(5, 10, 10), 0);
        assert_eq!(first_window(-1, 10, 10), -10);
    }

    #[test]
    fn a_burst_is_one_episode_with_its_first_and_last_match() {
        let rule = rule("{size: 30s}", "{metric: count, op: '>=', value: 5}");
        let samples = each_second(0, 300, |s| (95..=125).contains(&s));
        let findings = evaluate(&rule, &samples, seconds(0..300));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.from_ns, finding.to_ns), (90 * SECOND, 150 * SECOND));
        assert_eq!((finding.first_ns, finding.last_ns), (95 * SECOND, 125 * SECOND));
        assert_eq!((finding.matched, finding.of, finding.windows), (31, 60, 2));
        assert_eq!(finding.evidence, [95, 102, 110, 117, 125]);
        assert_eq!(finding.value, 25.0);
    }

    #[test]
    fn sliding_windows_count_each_sample_once() {
        let rule = rule("{size: 30s, slide: 10s}", "{metric: count, op: '>=', value: 5}");
        let samples = each_second(0, 300, |s| (100..120).contains(&s));
        let findings = evaluate(&rule, &samples, seconds(0..300));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.matched, finding.windows), (20, 4));
        assert_eq!((finding.from_ns, finding.to_ns), (80 * SECOND, 140 * SECOND));
    }

    #[test]
    fn a_gap_longer_than_merge_gap_splits_episodes() {
        let rule = rule("{size: 10s}", "{metric: count, op: '>', value: 0}");
        let samples = each_second(0, 400, |s| s == 5 || s == 75 || s == 145);
        let firsts: Vec<_> = evaluate(&rule, &samples, seconds(0..400))
            .iter()
            .map(|finding| finding.first_ns / SECOND)
            .collect();
        assert_eq!(firsts, [5], "60 s from the end of one window to the start of the next");
        let samples = each_second(0, 400, |s| s == 5 || s == 85);
        assert_eq!(evaluate(&rule, &samples, seconds(0..400)).len(), 2);
    }

    #[test]
    fn groups_are_judged_apart() {
        let rule = rule("{size: 30s}", "{metric: count, op: '>=', value: 5}");
        let mut samples = each_second(0, 60, |s| s < 8);
        for sample in &mut samples {
            sample.group = u32::from(sample.call % 2 == 0);
        }
        assert!(evaluate(&rule, &samples, seconds(0..60)).is_empty());
    }

    #[test]
    fn low_traffic_stays_quiet_behind_wilson() {
        let fire = "{metric: ratio, op: '>', value: 0.05, bound: wilson95_low, min_of: 5}";
        let rule = rule("{size: 30s}", fire);
        let one_of_ten = each_second(0, 10, |s| s == 3);
        assert!(evaluate(&rule, &one_of_ten, seconds(0..30)).is_empty());
        let five_of_ten = each_second(0, 10, |s| s < 5);
        assert_eq!(evaluate(&rule, &five_of_ten, seconds(0..30)).len(), 1);
    }

    #[test]
    fn a_long_incident_does_not_become_its_own_base() {
        let fire = "{metric: ratio, op: '>', value: 0.2, vs_base: 3.0, base: {lookback: 2m}}";
        let rule = rule("{size: 30s}", fire);
        // One in ten before, then all fail for longer than the lookback.
        let samples = each_second(0, 600, |s| s % 10 == 0 || s >= 240);
        let findings = evaluate(&rule, &samples, seconds(0..600));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.from_ns, finding.to_ns), (240 * SECOND, 600 * SECOND));
        assert_eq!((finding.base, finding.value), (Some(0.1), 1.0));
    }

    #[test]
    fn without_a_time_before_the_policy_decides() {
        let samples = each_second(0, 60, |_| true);
        let findings = |missing: &str| {
            let fire = format!(
                "{{metric: ratio, op: '>', value: 0.2, vs_base: 3.0, base: {{missing: {missing}}}}}"
            );
            evaluate(&rule("{size: 30s}", &fire), &samples, seconds(0..60)).len()
        };
        assert_eq!((findings("fire"), findings("skip")), (1, 0));
    }

    #[test]
    fn latency_needs_a_base_and_a_difference_beyond_chance() {
        let fire = "{metric: percentile, field: elapsed_time, p: 95, op: '>', value: 0, \
            vs_base: 2.0, min_delta: 100ms, max_p: 0.01, min_of: 20, base: {missing: skip}}";
        let rule = rule("{size: 60s}", fire);
        let latency =
            |second: i64| if second < 300 { 50_000.0 } else { 400_000.0 } + (second % 7) as f64;
        let samples: Vec<_> = (0..420).map(|s| sample(s, true, latency(s))).collect();
        let findings = evaluate(&rule, &samples, seconds(0..420));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.from_ns, finding.first_ns), (300 * SECOND, 300 * SECOND));
        assert!((finding.base.unwrap() - 50_006.0).abs() < 1.0 && finding.value > 400_000.0);
        assert!(finding.p_value.unwrap() < 1e-6);
        let slow_from_the_start = samples.split_off_time(300);
        assert!(evaluate(&rule, &slow_from_the_start, seconds(300..420)).is_empty());
    }

    trait SplitOff {
        fn split_off_time(&self, second: i64) -> Vec<Sample>;
    }

    impl SplitOff for Vec<Sample> {
        fn split_off_time(&self, second: i64) -> Vec<Sample> {
            self.iter().copied().filter(|sample| sample.ts_ns >= second * SECOND).collect()
        }
    }

    #[test]
    fn absence_is_silence_after_traffic_within_the_capture() {
        let rule = rule("{size: 30s}", "{metric: absence, min_match: 10}");
        let mut samples = each_second(0, 300, |_| true);
        samples.retain(|sample| !(150 * SECOND..240 * SECOND).contains(&sample.ts_ns));
        let findings = evaluate(&rule, &samples, seconds(0..310));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.from_ns, finding.to_ns), (150 * SECOND, 240 * SECOND));
        assert_eq!((finding.windows, finding.matched, finding.base), (3, 0, Some(30.0)));
        let to_the_end = evaluate(&rule, &samples, seconds(0..400));
        assert_eq!(to_the_end.last().map(|f| f.to_ns), Some(390 * SECOND));
    }

    #[test]
    fn a_rate_that_drops_fires_even_on_nothing() {
        let fire = "{metric: rate, op: '<', value: 0.5, vs_base: 0.5}";
        let rule = rule("{size: 30s}", fire);
        let samples = each_second(0, 300, |s| s < 180 || s % 10 == 0);
        let findings = evaluate(&rule, &samples, seconds(0..300));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.from_ns, finding.to_ns), (180 * SECOND, 300 * SECOND));
        assert_eq!((finding.value, finding.base), (0.1, Some(1.0)));
        let until_180: Vec<_> = samples.into_iter().filter(|s| s.call < 180).collect();
        let findings = evaluate(&rule, &until_180, seconds(0..300));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.windows, finding.matched, finding.value), (4, 0, 0.0));
    }

    #[test]
    fn for_drops_what_does_not_last() {
        let fire = "{metric: count, op: '>', value: 0, for: 60s}";
        let rule = rule("{size: 30s}", fire);
        let short = each_second(0, 300, |s| s == 100);
        assert!(evaluate(&rule, &short, seconds(0..300)).is_empty());
        let long = each_second(0, 300, |s| s == 100 || s == 121);
        assert_eq!(evaluate(&rule, &long, seconds(0..300)).len(), 1);
    }

    #[test]
    fn hostile_times_end_the_loop() {
        let rule = rule("{size: 30s}", "{metric: absence}");
        for ts_ns in [i64::MIN, -1, 0, i64::MAX] {
            let samples = [Sample { ts_ns, group: 0, matched: true, value: f64::NAN, call: 1 }];
            evaluate(&rule, &samples, i64::MIN..i64::MAX);
        }
    }
}
