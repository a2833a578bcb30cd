//! Times as people give them -> nanoseconds: RFC 3339, a wall clock in the zone, or relative to
//! the capture's end.

use anyhow::{Context, bail};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::capture::Inputs;
use crate::frame::Meta;
use crate::limits::Limits;
use crate::replay::Window;

use super::args::Global;

/// The zone of `--tz`, else the machine's.
pub fn zone(global: &Global) -> anyhow::Result<TimeZone> {
    let Some(name) = &global.tz else { return Ok(TimeZone::system()) };
    if name.eq_ignore_ascii_case("utc") || name == "Z" {
        return Ok(TimeZone::UTC);
    }
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    // A fixed offset: what RFC 3339 allows behind a time.
    let probe: Result<jiff::Timestamp, _> = format!("2000-01-01T00:00:00{name}").parse();
    match probe {
        Ok(at) => {
            let seconds = Timestamp::UNIX_EPOCH.as_second() + 946_684_800 - at.as_second();
            let offset = jiff::tz::Offset::from_seconds(i32::try_from(seconds)?)?;
            Ok(TimeZone::fixed(offset))
        }
        Err(_) => {
            bail!("--tz {name}: no such zone; give an IANA name (Europe/Berlin), UTC or +02:00")
        }
    }
}

/// The zone's name, for reports: what `--tz` says, else the machine's IANA name.
pub fn zone_name(global: &Global) -> anyhow::Result<String> {
    let zone = zone(global)?;
    Ok(match &global.tz {
        Some(name) if !name.eq_ignore_ascii_case("utc") => name.clone(),
        Some(_) => "UTC".into(),
        None => zone.iana_name().unwrap_or("UTC").to_string(),
    })
}

/// The window of `--since` and `--until`; the inputs tell what relative times mean.
pub fn window(global: &Global, inputs: &Inputs, limits: &Limits) -> anyhow::Result<Window> {
    if global.since.is_none() && global.until.is_none() {
        return Ok(Window::default());
    }
    let zone = zone(global)?;
    let first = inputs.segments().filter_map(|s| s.first_ns).min().unwrap_or(0);
    let relative = |t: &Option<String>| t.as_deref().is_some_and(|t| t.starts_with('-'));
    let last = match relative(&global.since) || relative(&global.until) {
        true => {
            let mut last = first;
            for vantage in &inputs.vantages {
                last = last.max(vantage.last_packet(limits)?.unwrap_or(first));
            }
            last
        }
        false => first,
    };
    let parse = |name: &str, text: &Option<String>| -> anyhow::Result<Option<i64>> {
        let Some(text) = text else { return Ok(None) };
        instant(text, &zone, first, last).with_context(|| format!("--{name} {text}")).map(Some)
    };
    let window = Window {
        since_ns: parse("since", &global.since)?,
        until_ns: parse("until", &global.until)?,
    };
    if let (Some(since), Some(until)) = (window.since_ns, window.until_ns)
        && since > until
    {
        bail!("--since is after --until; nothing can lie between them");
    }
    if !global.quiet {
        eprintln!("window: {}", describe(window, &zone));
    }
    Ok(window)
}

/// One moment, as --since takes it; the dataset tells what relative times mean.
pub fn at(global: &Global, text: &str, meta: &Meta) -> anyhow::Result<i64> {
    let (first, last) = (meta.first_ns().unwrap_or(0), meta.last_ns().unwrap_or(0));
    instant(text, &zone(global)?, first, last).with_context(|| format!("--at {text}"))
}

/// A wall clock for tables, to the millisecond.
pub fn clock(ns: i64, zone: &TimeZone) -> String {
    match Timestamp::from_nanosecond(ns.into()) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string(),
        Err(_) => ns.to_string(),
    }
}

/// A moment in the zone, with UTC behind it where that differs.
pub fn moment(ns: i64, zone: &TimeZone) -> String {
    let Ok(at) = Timestamp::from_nanosecond(ns.into()) else { return ns.to_string() };
    let local = at.to_zoned(zone.clone());
    let shown = local.strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string();
    match local.offset().is_zero() {
        true => shown,
        false => format!("{shown} ({} UTC)", at.strftime("%H:%M:%S%.3f")),
    }
}

/// The window in the zone and in UTC.
fn describe(window: Window, zone: &TimeZone) -> String {
    let show = |ns: Option<i64>, open: &str| ns.map_or(open.to_string(), |ns| moment(ns, zone));
    let since = show(window.since_ns, "begin of the capture");
    format!("{since} to {}", show(window.until_ns, "end of the capture"))
}

/// One instant; a wall clock without a date is the first such moment not before the capture.
fn instant(text: &str, zone: &TimeZone, first_ns: i64, last_ns: i64) -> anyhow::Result<i64> {
    let ns = |at: Timestamp| i64::try_from(at.as_nanosecond()).context("out of range");
    if let Some(span) = text.strip_prefix('-') {
        let span: SignedDuration =
            span.parse().context("a relative time is like -90s, -10m, -1h")?;
        return Ok(last_ns.saturating_sub(i64::try_from(span.as_nanos())?));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return ns(at);
    }
    if let Ok(local) = text.parse::<civil::DateTime>() {
        return ns(local.to_zoned(zone.clone())?.timestamp());
    }
    let clock =
        if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_string() };
    let Ok(clock) = clock.parse::<civil::Time>() else {
        bail!("is no time; give RFC 3339 (2026-11-20T14:15:00Z), a wall clock (14:15) or -10m");
    };
    let start = Timestamp::from_nanosecond(first_ns.into())?.to_zoned(zone.clone());
    let same_day = start.date().to_datetime(clock).to_zoned(zone.clone())?;
    // The minute in which the capture began is still "today".
    if same_day.timestamp().as_second() + 60 >= start.timestamp().as_second() {
        return ns(same_day.timestamp());
    }
    ns(start.date().tomorrow()?.to_datetime(clock).to_zoned(zone.clone())?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T13:00:00Z to 14:00:00Z.
    const FIRST: i64 = 1_795_179_600_000_000_000;
    const LAST: i64 = FIRST + 3_600_000_000_000;

    fn at(text: &str, zone: &str) -> i64 {
        (instant(text, &TimeZone::get(zone).unwrap(), FIRST, LAST).unwrap() - FIRST) / 1_000_000_000
    }

    #[test]
    fn times_as_people_give_them() {
        assert_eq!(at("2026-11-20T13:10:00Z", "UTC"), 600);
        assert_eq!(at("13:10", "UTC"), 600);
        assert_eq!(at("14:10", "Europe/Berlin"), 600);
        assert_eq!(at("13:00:30", "UTC"), 30);
        assert_eq!(at("-10m", "UTC"), 3000);
        assert_eq!(at("01:00", "UTC"), 12 * 3600, "the next morning");
        assert!(instant("noon", &TimeZone::UTC, FIRST, LAST).is_err());
    }

    #[test]
    fn zones() {
        let global = |tz: &str| Global { tz: Some(tz.into()), ..Global::default() };
        assert!(zone(&global("Europe/Berlin")).is_ok());
        let fixed = zone(&global("+02:00")).unwrap();
        assert_eq!(fixed.to_offset(Timestamp::UNIX_EPOCH).seconds(), 7200);
        assert!(zone(&global("Atlantis")).unwrap_err().to_string().contains("no such zone"));
    }
}
