//! Whether a rule that reads well also makes sense: keys that need or exclude each other, numbers
//! in their ranges. What merely deserves better style is `lint`'s.

use super::RuleError;
use super::model::{Bound, Metric, Rule};

/// Slides per window: each sample is looked at that often.
const SLIDES_MAX: i64 = 1000;

/// The errors of one rule.
pub(super) fn validate(rule: &Rule) -> Vec<RuleError> {
    let checks = [window(rule), metric(rule), comparison(rule), message(rule)];
    checks
        .into_iter()
        .flatten()
        .map(|(key, cause, remedy)| RuleError::Invalid {
            file: rule.origin.file.clone(),
            line: rule.origin.line(key),
            column: 1,
            cause,
            remedy: remedy.to_owned(),
        })
        .collect()
}

/// Key, cause and remedy.
type Fault = (&'static str, String, &'static str);

fn window(rule: &Rule) -> Option<Fault> {
    let (size, slide) = (rule.window.size, rule.window.slide());
    if size.ns == 0 || slide.ns == 0 {
        let cause = "a window needs a size, and a slide if given, above 0".to_owned();
        return Some(("window", cause, "write for example `{size: 30s, slide: 10s}`"));
    }
    if slide > size {
        let cause = format!("windows of {size} every {slide} leave entries out");
        return Some(("window", cause, "let `slide` be at most `size`"));
    }
    (size.ns / slide.ns > SLIDES_MAX).then(|| {
        let cause = format!("windows of {size} every {slide} overlap more than {SLIDES_MAX} times");
        ("window", cause, "let `slide` be greater")
    })
}

fn metric(rule: &Rule) -> Option<Fault> {
    let fire = &rule.fire;
    let is_percentile = fire.metric == Metric::Percentile;
    if fire.metric == Metric::Ratio && rule.of.is_none() {
        let cause = "a ratio needs `of`: the entries that those matching are a share of".to_owned();
        return Some(("fire", cause, "add `of`, or use `metric: count`"));
    }
    if is_percentile && (fire.field.is_none() || fire.p.is_none()) {
        let cause = "a percentile needs `field` and `p`".to_owned();
        return Some(("fire", cause, "write for example `field: elapsed_time, p: 95`"));
    }
    if !is_percentile && (fire.field.is_some() || fire.p.is_some()) {
        let cause = format!("`field` and `p` mean nothing to the metric {}", fire.metric);
        return Some(("fire", cause, "leave them out, or use `metric: percentile`"));
    }
    if fire.p.is_some_and(|p| !(0.0..=100.0).contains(&p)) {
        return Some(("fire", "`p` is no percentage".to_owned(), "write a number from 0 to 100"));
    }
    (fire.bound != Bound::Point && fire.metric != Metric::Ratio).then(|| {
        let cause = format!("`bound` means nothing to the metric {}", fire.metric);
        ("fire", cause, "leave it out, or use `metric: ratio`")
    })
}

fn comparison(rule: &Rule) -> Option<Fault> {
    let fire = &rule.fire;
    let has_test = matches!(fire.metric, Metric::Ratio | Metric::Percentile);
    if fire.max_p.is_some() && !has_test {
        let cause = format!("there is no test of the metric {} for `max_p`", fire.metric);
        return Some(("fire", cause, "leave it out: ratio and percentile have one"));
    }
    if fire.max_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
        return Some(("fire", "`max_p` is no probability".to_owned(), "write for example 0.01"));
    }
    fire.vs_base.is_some_and(|factor| !(factor > 0.0 && factor.is_finite())).then(|| {
        ("fire", "`vs_base` is no factor".to_owned(), "write for example 3.0: three times the base")
    })
}

fn message(rule: &Rule) -> Option<Fault> {
    let is_known = |name: &str| {
        super::message::NAMES.contains(&name) || rule.group_by.iter().any(|field| field == name)
    };
    let unknown = rule.message.names().find(|name| !is_known(name))?;
    let cause = format!(
        "unknown name `{unknown}` in the message: known are {} and the fields of group_by",
        super::message::NAMES.join(", ")
    );
    Some(("message", cause, "add the field to `group_by`, or leave it out"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::load::rule_for_tests;

    fn fault(yaml: &str) -> String {
        let errors = validate(&rule_for_tests(yaml));
        assert!(errors.len() <= 1, "{errors:?}");
        errors.first().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn each_fault_is_told() {
        assert_eq!(fault("fire: {metric: ratio, vs_base: 3.0, max_p: 0.01}"), "");
        for (yaml, cause) in [
            ("window: {size: 0}", "above 0"),
            ("window: {size: 10s, slide: 20s}", "leave entries out"),
            ("window: {size: 1h, slide: 1ms}", "overlap"),
            ("fire: {metric: ratio}\nof:", "needs `of`"),
            ("fire: {metric: percentile, p: 95}", "needs `field` and `p`"),
            ("fire: {metric: count, p: 95}", "mean nothing"),
            ("fire: {metric: percentile, field: x, p: 195}", "no percentage"),
            ("fire: {metric: count, bound: wilson95_low}", "`bound` means nothing"),
            ("fire: {metric: count, max_p: 0.1}", "no test"),
            ("fire: {metric: ratio, max_p: 5}", "no probability"),
            ("fire: {metric: ratio, vs_base: -1}", "no factor"),
            ("message: '{{src.name}}'", "unknown name `src.name`"),
        ] {
            assert!(fault(yaml).contains(cause), "{yaml}: {}", fault(yaml));
        }
        assert_eq!(fault("message: '{{src.name}}'\ngroup_by: [src.name]"), "");
    }
}
