//! Moments and the zone they are shown in. JSON has RFC 3339 UTC with nanoseconds; people get
//! their wall clock first and UTC behind it.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// Nanoseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Time, jiff::Error> {
        let timestamp: Timestamp = text.parse()?;
        Ok(Time(i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX)))
    }

    /// Seconds from `earlier` to here, negative when it is later.
    pub fn seconds_since(self, earlier: Time) -> f64 {
        (i128::from(self.0) - i128::from(earlier.0)) as f64 / 1e9
    }

    fn timestamp(self) -> Timestamp {
        // Any i64 of nanoseconds (1677 to 2262) lies within jiff's range.
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", self.timestamp())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse(&text).map_err(D::Error::custom)
    }
}

/// How a moment is written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `15:03:22`
    Clock,
    /// `2026-11-20 15:03:22`
    Date,
}

/// The zone of the views.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// # Errors
    /// The name is in no IANA table of this machine.
    pub fn named(name: &str) -> Result<Zone, jiff::Error> {
        match name {
            "UTC" | "Etc/UTC" | "Z" => Ok(Zone(TimeZone::UTC)),
            _ => TimeZone::get(name).map(Zone),
        }
    }

    pub fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }

    /// `15:03:22 IST (12:03:22 UTC)`; in UTC once. `digits` of a second are cut, not rounded, so
    /// that a moment never moves past the packet it names.
    pub fn show(&self, time: Time, style: Style, digits: u8) -> String {
        let (local, utc) = self.both(time, style, digits);
        match utc {
            Some(utc) => format!("{local} ({utc})"),
            None => local,
        }
    }

    /// `15:03:22 to 15:04:10 IST` and, unless the zone is UTC, `12:03:22 to 12:04:10 UTC`.
    pub fn span(
        &self,
        from: Time,
        until: Time,
        style: Style,
        digits: u8,
    ) -> (String, Option<String>) {
        let span = |tz: &TimeZone, style| {
            let first = self.at(from, tz, style, digits);
            let last_style = if self.date(from, tz) == self.date(until, tz) {
                Style::Clock
            } else {
                Style::Date
            };
            let last = self.at(until, tz, last_style, digits);
            format!("{first} to {last} {}", abbreviation(until, tz))
        };
        let utc = || span(&TimeZone::UTC, self.utc_style(from, style));
        (span(&self.0, style), (!self.is_utc()).then(utc))
    }

    /// Both halves of [`Zone::show`]; the second is `None` when the zone is UTC.
    pub fn both(&self, time: Time, style: Style, digits: u8) -> (String, Option<String>) {
        let one = |tz: &TimeZone, style| {
            format!("{} {}", self.at(time, tz, style, digits), abbreviation(time, tz))
        };
        let local = one(&self.0, style);
        let utc = (!self.is_utc()).then(|| one(&TimeZone::UTC, self.utc_style(time, style)));
        (local, utc)
    }

    /// The wall clock without its zone, for axes.
    pub fn clock(&self, time: Time, digits: u8) -> String {
        self.at(time, &self.0, Style::Clock, digits)
    }

    /// The zone's short name at that time: `IST`, `+03`.
    pub fn abbreviation(&self, time: Time) -> String {
        abbreviation(time, &self.0)
    }

    /// UTC repeats the date only where it is another one.
    fn utc_style(&self, time: Time, style: Style) -> Style {
        let other_day = self.date(time, &self.0) != self.date(time, &TimeZone::UTC);
        if style == Style::Date && other_day { Style::Date } else { Style::Clock }
    }

    fn date(&self, time: Time, tz: &TimeZone) -> jiff::civil::Date {
        tz.to_datetime(time.timestamp()).date()
    }

    fn at(&self, time: Time, tz: &TimeZone, style: Style, digits: u8) -> String {
        let at = tz.to_datetime(time.timestamp());
        let mut text = match style {
            Style::Clock => at.strftime("%H:%M:%S").to_string(),
            Style::Date => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        };
        if digits > 0 {
            let fraction = format!("{:09}", at.subsec_nanosecond());
            let end = usize::from(digits.min(9));
            text.push('.');
            text.push_str(&fraction[..end]);
        }
        text
    }
}

fn abbreviation(time: Time, tz: &TimeZone) -> String {
    tz.to_offset_info(time.timestamp()).abbreviation().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn json_has_nine_decimals_and_reads_back() {
        let noon = time("2026-11-20T12:03:22.5+00:00");
        let json = serde_json::to_string(&noon).unwrap();
        assert_eq!(json, "\"2026-11-20T12:03:22.500000000Z\"");
        assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), noon);
        let ns = Time(1_795_200_636_319_576_595);
        assert_eq!(ns.to_string(), "2026-11-20T18:50:36.319576595Z");
        assert_eq!(Time::parse(&ns.to_string()).unwrap(), ns);
        assert!(serde_json::from_str::<Time>("\"noon\"").is_err());
    }

    #[test]
    fn local_first_then_utc() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let noon = time("2026-11-20T12:03:22.987654321Z");
        assert_eq!(zone.show(noon, Style::Clock, 0), "13:03:22 CET (12:03:22 UTC)");
        assert_eq!(zone.show(noon, Style::Clock, 3), "13:03:22.987 CET (12:03:22.987 UTC)");
        assert_eq!(zone.show(noon, Style::Date, 0), "2026-11-20 13:03:22 CET (12:03:22 UTC)");
    }

    #[test]
    fn utc_is_printed_once_and_another_day_is_named() {
        let utc = Zone::named("UTC").unwrap();
        let late = time("2026-11-20T23:03:22Z");
        assert_eq!(utc.show(late, Style::Clock, 0), "23:03:22 UTC");
        let india = Zone::named("Asia/Kolkata").unwrap();
        assert_eq!(
            india.show(late, Style::Date, 0),
            "2026-11-21 04:33:22 IST (2026-11-20 23:03:22 UTC)"
        );
    }

    #[test]
    fn a_span_names_its_zone_once() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let (from, until) = (time("2026-11-20T12:03:22Z"), time("2026-11-20T12:04:10Z"));
        assert_eq!(
            zone.span(from, until, Style::Clock, 0),
            ("13:03:22 to 13:04:10 CET".to_owned(), Some("12:03:22 to 12:04:10 UTC".to_owned()))
        );
        let next_day = time("2026-11-21T00:00:01Z");
        assert_eq!(
            Zone::named("UTC").unwrap().span(from, next_day, Style::Date, 0),
            ("2026-11-20 12:03:22 to 2026-11-21 00:00:01 UTC".to_owned(), None)
        );
    }

    #[test]
    fn the_ends_of_the_range_do_not_panic() {
        for time in [Time(i64::MIN), Time(i64::MAX), Time(0)] {
            Zone::named("Asia/Kolkata").unwrap().show(time, Style::Date, 9);
            assert!(!time.to_string().is_empty());
        }
        assert!(Time(i64::MAX).seconds_since(Time(i64::MIN)) > 0.0);
    }
}
