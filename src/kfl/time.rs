//! Timestamps and durations: texts to nanoseconds and back, and the parts that the getters give.
//! Both are 64-bit nanoseconds, so that times reach from 1677 to 2262.

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};

const SECOND: i64 = 1_000_000_000;

/// Units of a duration, longest name first where one begins another.
const UNITS: [(&str, i64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("h", 3600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
];

/// RFC 3339 text as nanoseconds since 1970 UTC.
pub fn parse_time(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// As RFC 3339 in UTC, with as many digits of a second as it takes.
pub fn format_time(ns: i64) -> String {
    Timestamp::from_nanosecond(ns.into()).map_or_else(|_| ns.to_string(), |t| t.to_string())
}

/// `1h30m`, `-1.5s`, `250ms`: numbers with the units h m s ms us ns, after one sign.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let (unit, scale) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        total = total.checked_add(scaled(number, *scale)?)?;
        rest = after.strip_prefix(unit)?;
        if rest.is_empty() {
            return i64::try_from(if negative { -total } else { total }).ok();
        }
    }
}

/// A decimal number of units in nanoseconds; digits below one are cut off.
fn scaled(number: &str, scale: i64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale.into())?;
    let mut unit = i128::from(scale);
    for digit in fraction.bytes() {
        unit /= 10;
        total = total.checked_add(unit * i128::from(digit - b'0'))?;
    }
    Some(total)
}

/// Seconds with as many digits as it takes, as CEL writes durations: `5400s`, `1.5s`.
pub fn format_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let (seconds, nanos) = (ns.unsigned_abs() / SECOND as u64, ns.unsigned_abs() % SECOND as u64);
    let fraction = format!(".{nanos:09}");
    let fraction = if nanos == 0 { "" } else { fraction.trim_end_matches('0') };
    format!("{sign}{seconds}{fraction}s")
}

/// What a getter gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    FullYear,
    /// From 0.
    Month,
    /// Day of the month from 1.
    Date,
    /// Day of the month from 0.
    DayOfMonth,
    /// From 0, a Sunday.
    DayOfWeek,
    /// From 0.
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    /// The getter's name.
    pub fn named(name: &str) -> Option<Part> {
        Some(match name {
            "getFullYear" => Part::FullYear,
            "getMonth" => Part::Month,
            "getDate" => Part::Date,
            "getDayOfMonth" => Part::DayOfMonth,
            "getDayOfWeek" => Part::DayOfWeek,
            "getDayOfYear" => Part::DayOfYear,
            "getHours" => Part::Hours,
            "getMinutes" => Part::Minutes,
            "getSeconds" => Part::Seconds,
            "getMilliseconds" => Part::Milliseconds,
            _ => return None,
        })
    }

    /// Whether durations have it too.
    pub fn is_of_duration(self) -> bool {
        matches!(self, Part::Hours | Part::Minutes | Part::Seconds | Part::Milliseconds)
    }

    /// The part of a time, in a zone.
    pub fn of_time(self, ns: i64, zone: &Zone) -> Option<i64> {
        let time = Timestamp::from_nanosecond(ns.into()).ok()?;
        Some(self.of_zoned(&time.to_zoned(zone.0.clone())))
    }

    fn of_zoned(self, time: &Zoned) -> i64 {
        match self {
            Part::FullYear => time.year().into(),
            Part::Month => i64::from(time.month()) - 1,
            Part::Date => time.day().into(),
            Part::DayOfMonth => i64::from(time.day()) - 1,
            Part::DayOfWeek => time.weekday().to_sunday_zero_offset().into(),
            Part::DayOfYear => i64::from(time.day_of_year()) - 1,
            Part::Hours => time.hour().into(),
            Part::Minutes => time.minute().into(),
            Part::Seconds => time.second().into(),
            Part::Milliseconds => time.millisecond().into(),
        }
    }

    /// The whole duration in the unit; of milliseconds only those of its last second.
    pub fn of_duration(self, ns: i64) -> Option<i64> {
        match self {
            Part::Hours => Some(ns / (3600 * SECOND)),
            Part::Minutes => Some(ns / (60 * SECOND)),
            Part::Seconds => Some(ns / SECOND),
            Part::Milliseconds => Some(ns % SECOND / 1_000_000),
            _ => None,
        }
    }
}

/// A time zone: a name of the IANA database, which is built in, or an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// Reads `Europe/Berlin`, `UTC`, `+02:00`, `-08:00`, `02:00`.
    pub fn parse(text: &str) -> Option<Zone> {
        match parse_offset(text) {
            Some(seconds) => Offset::from_seconds(seconds).ok().map(|o| Zone(o.to_time_zone())),
            None => TimeZoneDatabase::bundled().get(text).ok().map(Zone),
        }
    }
}

/// Seconds east of UTC.
fn parse_offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |t: &str| t.parse::<u8>().ok().filter(|_| t.len() == 2).map(i32::from);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, ns, printed) in [
            ("5m", 300 * SECOND, "300s"),
            ("1h30m", 5400 * SECOND, "5400s"),
            ("-1.5s", -1_500_000_000, "-1.5s"),
            ("1.5ms", 1_500_000, "0.0015s"),
            ("2us3ns", 2_003, "0.000002003s"),
            ("0", 0, "0s"),
            (".5s", 500_000_000, "0.5s"),
        ] {
            assert_eq!(parse_duration(text), Some(ns), "{text}");
            assert_eq!(format_duration(ns), printed);
        }
        for text in ["", "5", "-", "m", "5d", "1w", "5 m", "1..5s", ".s", "300000000h", "5m-1s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_read_and_print() {
        let ns = parse_time("2026-03-14T22:00:00.5Z").unwrap();
        assert_eq!(ns, 1_773_525_600_500_000_000);
        assert_eq!(format_time(ns), "2026-03-14T22:00:00.5Z");
        assert_eq!(parse_time("2026-03-15T00:00:00.5+02:00"), Some(ns));
        for text in ["", "2026-03-14", "2026-03-14T22:00:00", "9999-01-01T00:00:00Z", "now"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn parts_follow_the_zone() {
        let ns = parse_time("2009-02-13T23:31:30.123Z").unwrap();
        let part = |part: Part, zone: &str| part.of_time(ns, &Zone::parse(zone).unwrap()).unwrap();
        let all = [
            Part::FullYear,
            Part::Month,
            Part::Date,
            Part::DayOfMonth,
            Part::DayOfWeek,
            Part::DayOfYear,
            Part::Hours,
            Part::Minutes,
            Part::Seconds,
            Part::Milliseconds,
        ];
        assert_eq!(all.map(|p| part(p, "UTC")), [2009, 1, 13, 12, 5, 43, 23, 31, 30, 123]);
        assert_eq!(part(Part::Hours, "+02:00"), 1);
        assert_eq!(part(Part::Hours, "02:00"), 1);
        assert_eq!(part(Part::Date, "Australia/Sydney"), 14);
        assert_eq!(part(Part::Hours, "America/Los_Angeles"), 15);
        assert!(Zone::parse("Mars/Base").is_none() && Zone::parse("+25:00").is_none());
    }

    #[test]
    fn durations_have_parts() {
        let ns = parse_duration("1h2m3.456s").unwrap();
        let parts = [Part::Hours, Part::Minutes, Part::Seconds, Part::Milliseconds];
        assert_eq!(parts.map(|p| p.of_duration(ns)), [Some(1), Some(62), Some(3723), Some(456)]);
        assert_eq!(Part::FullYear.of_duration(ns), None);
    }
}
