//! Finds the stretch of time in which a ratio is raised: a scan statistic over bins with the
//! binomial likelihood ratio (Kulldorff 1997), one-sided. Pure functions on counts.

use super::facts::CallFact;

/// Trials and failures of one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bin {
    pub n: u64,
    pub k: u64,
}

/// A raised stretch: bins [start, end), and by how much it is likelier than no change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raised {
    pub start: usize,
    pub end: usize,
    /// Log likelihood gained by two rates over one.
    pub gain: f64,
    pub inside: Bin,
    pub outside: Bin,
}

/// Bins a scan looks at; longer series are to be binned coarser, since all pairs are tried.
pub const BINS_MAX: usize = 600;

/// Counts of calls, which are in order of time, by equal bins from the first one on; and how long
/// a bin is. `None` without calls.
pub fn bins(calls: &[&CallFact], bad: &dyn Fn(&CallFact) -> bool) -> Option<(Vec<Bin>, i64)> {
    let (first, last) = (calls.first()?, calls.last()?);
    let span = (last.start_ns - first.start_ns).max(1);
    let bin_ns = (span / BINS_MAX as i64 + 1).max(1_000_000_000.min(span / 30 + 1));
    let mut bins = vec![Bin::default(); (span / bin_ns + 1) as usize];
    for call in calls {
        let bin = &mut bins[((call.start_ns - first.start_ns) / bin_ns) as usize];
        bin.n += 1;
        bin.k += u64::from(bad(call));
    }
    Some((bins, bin_ns))
}

/// Log likelihood of `k` failures in `n` trials at their own rate, smoothed as Jeffreys has it.
fn log_likelihood(k: f64, n: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let p = (k + 0.5) / (n + 1.0);
    k * p.ln() + (n - k) * (1.0 - p).ln()
}

/// The most raised stretch, `None` where nothing failed.
pub fn most_raised(bins: &[Bin]) -> Option<Raised> {
    let bins = bins.get(..bins.len().min(BINS_MAX))?;
    let mut sums = vec![Bin::default()];
    for bin in bins {
        let last = sums.last().copied().unwrap_or_default();
        sums.push(Bin { n: last.n + bin.n, k: last.k + bin.k });
    }
    let all = sums.last().copied().filter(|all| all.k > 0)?;
    let flat = log_likelihood(all.k as f64, all.n as f64);
    let mut best: Option<Raised> = None;
    for start in (0..bins.len()).filter(|&s| bins[s].k > 0) {
        for end in (start + 1..=bins.len()).filter(|&e| bins[e - 1].k > 0) {
            let inside = Bin { n: sums[end].n - sums[start].n, k: sums[end].k - sums[start].k };
            let outside = Bin { n: all.n - inside.n, k: all.k - inside.k };
            if inside.k * outside.n <= outside.k * inside.n && outside.n > 0 {
                continue; // not raised
            }
            let split = log_likelihood(inside.k as f64, inside.n as f64)
                + log_likelihood(outside.k as f64, outside.n as f64);
            let gain = split - flat;
            if best.is_none_or(|b| gain > b.gain) {
                best = Some(Raised { start, end, gain, inside, outside });
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(counts: &[(u64, u64)]) -> Vec<Bin> {
        counts.iter().map(|&(n, k)| Bin { n, k }).collect()
    }

    #[test]
    fn finds_the_burst() {
        let mut counts = vec![(20, 0); 60];
        counts[3] = (20, 1); // background
        for bin in &mut counts[25..40] {
            *bin = (20, 9);
        }
        let found = most_raised(&bins(&counts)).unwrap();
        assert_eq!((found.start, found.end), (25, 40));
        assert_eq!((found.inside.k, found.outside.k), (135, 1));
        assert!(found.gain > 100.0);
    }

    #[test]
    fn background_alone_gains_little() {
        let counts: Vec<_> = (0..120).map(|i| (50, u64::from(i % 17 == 0))).collect();
        assert!(most_raised(&bins(&counts)).unwrap().gain < 8.0);
        assert_eq!(most_raised(&bins(&[(9, 0), (9, 0)])), None);
    }

    #[test]
    fn a_burst_that_covers_everything_is_not_raised_above_anything() {
        let found = most_raised(&bins(&[(10, 10); 30])).unwrap();
        assert_eq!(found.outside.n, 0);
    }
}
