//! Numbers for people: units, thousands, shares with both of their parts. Nothing here rounds a
//! failure away: what is not zero does not read as zero, what is not all does not read as all.

/// `2,341`
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share between 0 and 1 as `37.3 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        "0 %".to_owned()
    } else if percent < 0.1 {
        "< 0.1 %".to_owned()
    } else if percent >= 100.0 {
        format!("{percent:.0} %")
    } else if percent > 99.9 {
        "> 99.9 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// `401 of 1,075 (37.3 %)`; `0 of 0` has no share.
pub fn of(part: u64, whole: u64) -> String {
    let counts = format!("{} of {}", count(part), count(whole));
    if whole == 0 { counts } else { format!("{counts} ({})", percent(part as f64 / whole as f64)) }
}

/// Milliseconds with three figures: `0.31 ms`, `5.3 ms`, `252 ms`, `4.80 s`.
pub fn millis(ms: f64) -> String {
    match ms.abs() {
        below if below < 0.995 => format!("{ms:.2} ms"),
        below if below < 99.95 => format!("{ms:.1} ms"),
        below if below < 999.5 => format!("{ms:.0} ms"),
        below if below < 60_000.0 => format!("{:.2} s", ms / 1000.0),
        _ => seconds(ms / 1000.0),
    }
}

/// `36.0 s`, `1 min 35 s`, `2 h 5 min`.
pub fn seconds(s: f64) -> String {
    if s.abs() < 1.0 {
        return millis(s * 1000.0);
    }
    if s < 59.95 {
        return format!("{s:.1} s");
    }
    let whole = s.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, rest) {
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Decimal units: `1.2 MB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} PB")
}

/// Events per second: `11.3 /s`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        none if none <= 0.0 => "0 /s".to_owned(),
        low if low < 0.05 => format!("{:.1} /min", low * 60.0),
        low if low < 99.95 => format!("{low:.1} /s"),
        high => format!("{} /s", count(high.round() as u64)),
    }
}

/// Any measure with three figures and no needless zeros.
pub fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(value.abs() as u64));
    }
    match value.abs() {
        below if below < 10.0 => format!("{value:.2}"),
        below if below < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(count(n), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn no_failure_is_rounded_away() {
        assert_eq!(of(401, 1075), "401 of 1,075 (37.3 %)");
        assert_eq!(of(1, 1_000_000), "1 of 1,000,000 (< 0.1 %)");
        assert_eq!(of(999_999, 1_000_000), "999,999 of 1,000,000 (> 99.9 %)");
        assert_eq!(of(0, 5), "0 of 5 (0 %)");
        assert_eq!(of(5, 5), "5 of 5 (100 %)");
        assert_eq!(of(0, 0), "0 of 0");
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        let cases = [
            (0.31, "0.31 ms"),
            (5.33, "5.3 ms"),
            (251.9, "252 ms"),
            (4800.0, "4.80 s"),
            (95_000.0, "1 min 35 s"),
        ];
        for (ms, text) in cases {
            assert_eq!(millis(ms), text);
        }
        let cases = [
            (0.25, "250 ms"),
            (36.0, "36.0 s"),
            (59.97, "1 min"),
            (95.0, "1 min 35 s"),
            (3600.0, "1 h"),
            (7500.0, "2 h 5 min"),
        ];
        for (s, text) in cases {
            assert_eq!(seconds(s), text);
        }
    }

    #[test]
    fn sizes_and_rates() {
        let cases = [(999, "999 B"), (1_230_142, "1.2 MB"), (999_600, "1.0 MB")];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
        let cases = [(0.0, "0 /s"), (0.01, "0.6 /min"), (11.26, "11.3 /s"), (1234.4, "1,234 /s")];
        for (r, text) in cases {
            assert_eq!(rate(r), text);
        }
        let cases = [(64.0, "64"), (0.934, "0.93"), (93.44, "93.4"), (-2.0, "-2")];
        for (v, text) in cases {
            assert_eq!(plain(v), text);
        }
    }
}
