//! Seed -> the same numbers on every machine, for ever: xoshiro256** (Blackman, Vigna) and the
//! distributions of the simulation. Logarithm and exponential are computed here from basic
//! arithmetic, because those of the platform may differ in the last bit.

/// A stream of pseudo-random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Random { state: [(); 4].map(|()| splitmix(&mut state)) }
    }

    /// A stream of its own for item `number` of a kind: what one item draws changes no other.
    pub fn stream(seed: u64, kind: &str, number: u64) -> Self {
        Random::new(hash(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15), kind.as_bytes()))
    }

    pub fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// An index drawn in proportion to the weights; 0 if there are none.
    pub fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.unit() * weights.clone().sum::<f64>();
        for (index, weight) in weights.enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        0
    }

    /// The time to the next event of a Poisson process, in the unit of `mean`.
    pub fn exponential(&mut self, mean: f64) -> i64 {
        (-ln(1.0 - self.unit()) * mean) as i64
    }

    /// Lognormal: half the values are below `median`, `spread` is the deviation of the logarithm.
    pub fn lognormal(&mut self, median: i64, spread: f64) -> i64 {
        // Irwin-Hall: the sum of twelve uniforms is close to normal, with bounded tails.
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (median as f64 * exp(normal * spread)) as i64
    }

    /// `value` up to `share` more or less.
    pub fn around(&mut self, value: i64, share: f64) -> i64 {
        (value as f64 * (1.0 + share * (2.0 * self.unit() - 1.0))) as i64
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a from a start value.
pub fn hash(start: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(start ^ 0xcbf2_9ce4_8422_2325, step)
}

/// Natural logarithm of a positive, normal number: the exponent apart, the rest as
/// 2 atanh((m-1)/(m+1)).
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i64 - 1023;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let (mut sum, mut power) = (0.0, t);
    for n in 0..20 {
        sum += power / f64::from(2 * n + 1);
        power *= t * t;
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * sum
}

/// e to the power of x, for |x| < 700: the power of two apart, the rest as its series.
fn exp(x: f64) -> f64 {
    let twos = (x / std::f64::consts::LN_2).round();
    let rest = x - twos * std::f64::consts::LN_2;
    let (mut sum, mut term) = (0.0, 1.0);
    for n in 1..20 {
        sum += term;
        term *= rest / f64::from(n);
    }
    sum * f64::from_bits(((twos as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        let mut random = Random { state: [1, 2, 3, 4] };
        // The first outputs of the reference implementation for this state.
        assert_eq!([(); 4].map(|()| random.next()), [11520, 0, 1509978240, 1215971899390074240]);
    }

    #[test]
    fn own_functions_agree_with_the_platform() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.007;
            assert!((ln(x) - x.ln()).abs() < 1e-13, "ln {x}");
            let y = x - 7.0;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}");
        }
    }

    #[test]
    fn distributions_have_their_centre() {
        let mut random = Random::stream(1, "test", 0);
        let mean = (0..20_000).map(|_| random.exponential(1e6)).sum::<i64>() / 20_000;
        assert!((970_000..1_030_000).contains(&mean), "{mean}");
        let below = (0..20_000).filter(|_| random.lognormal(1000, 0.5) < 1000).count();
        assert!((9_700..10_300).contains(&below), "{below}");
        let picked = (0..20_000).filter(|_| random.weighted([1.0, 3.0].into_iter()) == 1).count();
        assert!((14_700..15_300).contains(&picked), "{picked}");
    }
}
