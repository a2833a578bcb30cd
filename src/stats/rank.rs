//! Samples without assumptions on their shape: percentiles, and whether one sample tends to be
//! greater than another.

use super::normal::two_sided_p;

/// The `percent`th percentile, linear between neighbours; `None` without values. The values are
/// put into another order, which is faster than sorting them.
///
/// Definition 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The
/// American Statistician 50 (1996).
pub fn percentile(values: &mut [f64], percent: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = position.floor();
    let (_, &mut low, above) = values.select_nth_unstable_by(below as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (high - low) * (position - below))
}

/// How two samples compare by rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// Pairs in which the first sample's value is greater, ties by half.
    pub u: f64,
    /// Normal score, positive where the first sample tends to be greater.
    pub z: f64,
    /// Two-sided p of the normal approximation.
    pub p: f64,
    /// Cliff's delta: share of pairs in which the first is greater, less the share in which it is
    /// smaller; 0.33 is called medium, 0.474 large.
    ///
    /// N. Cliff, "Dominance statistics", Psychological Bulletin 114 (1993).
    pub delta: f64,
}

/// Mann and Whitney's U test of two samples, with ties and continuity corrected for; `None` where
/// a sample is empty.
///
/// H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18 (1947); correction for ties:
/// M. Hollander and D. A. Wolfe, "Nonparametric Statistical Methods", section 4.1.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<RankTest> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> = first.iter().map(|&value| (value, true)).collect();
    all.extend(second.iter().map(|&value| (value, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n, m, total) = (first.len() as f64, second.len() as f64, all.len() as f64);
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let size = group.len() as f64;
        let of_first = group.iter().filter(|(_, is_first)| *is_first).count() as f64;
        rank_sum += of_first * (before + (size + 1.0) / 2.0);
        ties += size * size * size - size;
        before += size;
    }
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let (pairs, away) = (n * m, u - n * m / 2.0);
    let variance = pairs / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let z = away.signum() * (away.abs() - 0.5).max(0.0) / variance.sqrt();
    let z = if z.is_finite() { z } else { 0.0 };
    Some(RankTest { u, z, p: two_sided_p(z), delta: 2.0 * u / pairs - 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        let mut values = [40.0, 15.0, 50.0, 20.0, 35.0];
        let mut at = |percent| percentile(&mut values, percent).unwrap();
        close(at(40.0), 29.0);
        close(at(0.0), 15.0);
        close(at(100.0), 50.0);
        close(at(95.0), 48.0);
        assert_eq!(percentile(&mut [], 50.0), None);
        assert_eq!(percentile(&mut [7.0], 99.0), Some(7.0));
    }

    /// Ages at diagnosis of five men and four women (example of SciPy's documentation).
    #[test]
    fn mann_whitney_without_ties() {
        let test =
            mann_whitney(&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0]).unwrap();
        assert_eq!(test.u, 17.0);
        close(test.p, 0.111_346_886_533_140_4);
        close(test.delta, 0.7);
    }

    /// By hand: ranks 1 3 3 5.5 of the first; ties 3³-3 + 2³-2 = 30; variance 16/12 (9 - 30/56).
    #[test]
    fn mann_whitney_with_ties() {
        let test = mann_whitney(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(test.u, 2.5);
        close(test.z, -5.0 / (16.0f64 / 12.0 * (9.0 - 30.0 / 56.0)).sqrt());
        close(test.delta, -0.6875);
    }

    #[test]
    fn equal_samples_do_not_differ() {
        let test = mann_whitney(&[1.0, 1.0], &[1.0, 1.0]).unwrap();
        assert_eq!((test.z, test.p, test.delta), (0.0, 1.0, 0.0));
        assert_eq!(mann_whitney(&[], &[1.0]), None);
    }
}
