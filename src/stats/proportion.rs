//! Proportions: how sure one is, and whether two differ.

use super::normal::{ln_factorial, two_sided_p};

/// The normal quantile of a two-sided 95 % interval.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A range of plausible values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Score interval of `hits` out of `total`: sound for small numbers and ratios near 0, where the
/// textbook interval is not. Nothing seen: anything from 0 to 1.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
/// (1927).
pub fn wilson_interval(hits: u64, total: u64, z: f64) -> Interval {
    if total == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let (n, p) = (total as f64, ratio(hits, total));
    let z2 = z * z;
    let centre = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    Interval {
        low: if hits == 0 { 0.0 } else { (centre - spread) / scale },
        high: if hits >= total { 1.0 } else { (centre + spread) / scale },
    }
}

/// z of the difference between `a` of `of_a` and `b` of `of_b`, with the pooled variance; positive
/// where the first is greater. 0 where there is nothing to tell.
///
/// J. L. Fleiss, "Statistical Methods for Rates and Proportions", section 2.1 (without continuity
/// correction).
pub fn two_proportion_z(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    let pooled = ratio(a + b, of_a + of_b);
    let variance = pooled * (1.0 - pooled) * (1.0 / of_a as f64 + 1.0 / of_b as f64);
    let z = (ratio(a, of_a) - ratio(b, of_b)) / variance.sqrt();
    if z.is_finite() { z } else { 0.0 }
}

/// Two-sided p of the table (`a`, `of_a - a`; `b`, `of_b - b`): the probability of all tables with
/// the same margins that are no more likely than this one.
///
/// R. A. Fisher, "On the interpretation of χ² from contingency tables", JRSS 85 (1922).
pub fn fisher_exact(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    let hits = a + b;
    let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let all = choose(of_a + of_b, hits);
    let probability = |a: u64| (choose(of_a, a) + choose(of_b, hits - a) - all).exp();
    // Tables as likely as this one must count although their sums are rounded otherwise.
    let as_likely = probability(a) * (1.0 + 1e-7);
    let tables = hits.saturating_sub(of_b)..=hits.min(of_a);
    tables.map(probability).filter(|p| *p <= as_likely).sum::<f64>().min(1.0)
}

/// Below this count in any cell the normal approximation is not trusted (Cochran's rule).
const CELL_MIN: u64 = 5;

/// Two-sided p that two ratios differ: Fisher's test where a cell is small, else the z test.
/// 1 where either side has nothing.
pub fn difference_p(a: u64, of_a: u64, b: u64, of_b: u64) -> f64 {
    if of_a == 0 || of_b == 0 {
        return 1.0;
    }
    match [a, of_a - a, b, of_b - b].iter().any(|&cell| cell < CELL_MIN) {
        true => fisher_exact(a, of_a, b, of_b),
        false => two_sided_p(two_proportion_z(a, of_a, b, of_b)),
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() < tolerance, "{value} is not {expected}");
    }

    /// R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
    /// Medicine 17 (1998), table I, method 3.
    #[test]
    fn wilson_as_published() {
        for (hits, total, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = wilson_interval(hits, total, Z_95);
            close(interval.low, low, 5e-5);
            close(interval.high, high, 5e-5);
        }
        assert_eq!(wilson_interval(0, 0, Z_95), Interval { low: 0.0, high: 1.0 });
        assert_eq!(wilson_interval(20, 20, Z_95).high, 1.0);
    }

    #[test]
    fn two_proportions_by_hand() {
        // 0.8 against 0.6, pooled 104/150: 0.2 / sqrt(0.6933 * 0.3067 * (1/70 + 1/80)).
        close(two_proportion_z(56, 70, 48, 80), 2.650_172, 1e-6);
        assert_eq!(two_proportion_z(0, 10, 0, 10), 0.0);
    }

    /// The lady tasting tea (34/70), and a table worked out by hand (5/143).
    #[test]
    fn fisher_by_enumeration() {
        close(fisher_exact(3, 4, 1, 4), 34.0 / 70.0, 1e-12);
        close(fisher_exact(8, 10, 1, 6), 5.0 / 143.0, 1e-12);
        close(fisher_exact(0, 5, 0, 5), 1.0, 1e-12);
    }

    #[test]
    fn difference_takes_the_test_that_fits() {
        close(difference_p(3, 4, 1, 4), 34.0 / 70.0, 1e-12);
        close(difference_p(56, 70, 48, 80), 0.008_045_1, 1e-6);
        assert_eq!(difference_p(0, 0, 5, 10), 1.0);
    }
}
