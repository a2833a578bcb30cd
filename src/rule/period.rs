//! Lengths of time as rules write them: `30s`, `1h30m`, `250ms`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Units, the longer ones first.
const UNITS: [(&str, i64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of time, never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    pub ns: i64,
}

impl Period {
    pub const fn seconds(seconds: i64) -> Period {
        Period { ns: seconds * 1_000_000_000 }
    }

    /// Reads whole numbers with units, `1h30m`; a plain `0` needs none. The error is a sentence.
    pub fn parse(text: &str) -> Result<Period, String> {
        let allowed = "write a whole number and d, h, m, s, ms, us or ns, such as `30s` or `1h30m`";
        if text == "0" {
            return Ok(Period::default());
        }
        let mut rest = text;
        let mut ns = 0i64;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            let number: i64 =
                number.parse().map_err(|_| format!("`{text}` is no length of time: {allowed}"))?;
            let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(format!("unknown unit `{unit}` in `{text}`: {allowed}"));
            };
            let part = number.checked_mul(*unit_ns).and_then(|part| ns.checked_add(part));
            ns = part.ok_or_else(|| format!("`{text}` is longer than 292 years"))?;
            rest = after;
        }
        match text.is_empty() {
            true => Err(format!("a length of time is missing: {allowed}")),
            false => Ok(Period { ns }),
        }
    }
}

impl fmt::Display for Period {
    /// The form that [`Period::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ns == 0 {
            return f.write_str("0");
        }
        let mut rest = self.ns;
        for (unit, unit_ns) in UNITS {
            if rest / unit_ns > 0 {
                write!(f, "{}{unit}", rest / unit_ns)?;
                rest %= unit_ns;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(PeriodVisitor)
    }
}

struct PeriodVisitor;

impl Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time with its unit, such as `30s`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Period, E> {
        Period::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Period, E> {
        self.visit_str(&number.to_string())
    }
}

/// A number in the unit of the field it is compared with; a length of time counts in
/// microseconds, as KFL's fields of time do.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Quantity(pub f64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a length of time such as `250ms`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Period::parse(text).map(|period| Quantity(period.ns as f64 / 1e3)).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(Quantity(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Quantity, E> {
        match number.is_finite() && number >= 0.0 {
            true => Ok(Quantity(number)),
            false => Err(E::custom("a number that is finite and not negative is needed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for text in ["0", "30s", "1h30m", "250ms", "1d", "2m500us"] {
            assert_eq!(Period::parse(text).map(|p| p.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Period::parse("90s").map(|p| p.to_string()), Ok("1m30s".to_owned()));
    }

    #[test]
    fn says_what_is_allowed() {
        for text in ["", "30", "s", "-5s", "1.5s", "30sec", "99999999d", "5 s"] {
            let error = Period::parse(text).expect_err(text);
            assert!(error.contains("such as") || error.contains("292 years"), "{text}: {error}");
        }
        assert!(Period::parse("30sec").unwrap_err().contains("unknown unit `sec`"));
    }

    #[test]
    fn quantities_are_numbers_or_microseconds() {
        let read = |text: &str| serde_yaml::from_str::<Quantity>(text).map(|q| q.0).ok();
        assert_eq!(read("0.05"), Some(0.05));
        assert_eq!(read("250ms"), Some(250_000.0));
        assert_eq!(read("20"), Some(20.0));
        assert_eq!(read("-1.5"), None);
        assert_eq!(read(".nan"), None);
    }
}
