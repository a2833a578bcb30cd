//! The normal distribution's tail and the logarithm of factorials.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Probability that a standard normal variable exceeds `z`.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * erfc(z * FRAC_1_SQRT_2)
}

/// Probability of a standard normal variable at least as far from 0 as `z`, on either side.
pub fn two_sided_p(z: f64) -> f64 {
    erfc(z.abs() * FRAC_1_SQRT_2)
}

/// Where the series takes more terms than the continued fraction.
const SERIES_MAX: f64 = 2.0;

/// Terms after which either expansion has settled to a double's precision.
const TERMS: u32 = 80;

/// The complementary error function, to about 1e-14 of its value.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < SERIES_MAX { 1.0 - erf_series(x) } else { erfc_fraction(x) }
}

/// Abramowitz and Stegun 7.1.6: all terms have one sign, so nothing cancels.
fn erf_series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..=TERMS {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// Abramowitz and Stegun 7.1.14, from the innermost fraction outwards.
fn erfc_fraction(x: f64) -> f64 {
    let inner = (1..=TERMS).rev().fold(x, |inner, n| x + f64::from(n) / 2.0 / inner);
    (-x * x).exp() / PI.sqrt() / inner
}

/// Below, factors are multiplied; above, Stirling's series is exact to a double.
const STIRLING_MIN: u64 = 16;

/// ln(n!), by Stirling's series (Abramowitz and Stegun 6.1.41) where n is not small.
pub(super) fn ln_factorial(n: u64) -> f64 {
    if n < STIRLING_MIN {
        return (2..=n).map(|k| k as f64).product::<f64>().ln();
    }
    let x = n as f64 + 1.0;
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn erfc_has_the_tabulated_values() {
        close(erfc(0.5), 0.479_500_122_186_953_5);
        close(erfc(1.0), 0.157_299_207_050_285_13);
        close(erfc(1.999_999), 4.677_755_648_073_953e-3);
        close(erfc(2.0), 4.677_734_981_047_266e-3);
        close(erfc(3.0), 2.209_049_699_858_544e-5);
        close(erfc(5.0), 1.537_459_794_428_035e-12);
        close(erfc(-1.0), 2.0 - 0.157_299_207_050_285_13);
        assert_eq!(erfc(0.0), 1.0);
    }

    #[test]
    fn tails_of_well_known_quantiles() {
        close(two_sided_p(1.959_963_984_540_054), 0.05);
        close(normal_tail(2.326_347_874_040_841), 0.01);
        close(normal_tail(0.0), 0.5);
    }

    #[test]
    fn factorials_on_both_sides_of_the_switch() {
        close(ln_factorial(15), 1_307_674_368_000f64.ln());
        close(ln_factorial(16), 20_922_789_888_000f64.ln());
        close(ln_factorial(170), 7.257_415_615_307_994e306f64.ln());
        assert_eq!(ln_factorial(0), 0.0);
    }
}
