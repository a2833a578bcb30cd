//! How the doctor puts numbers into words.

/// `3 of 5 nodes (60 %)`.
pub fn of(part: u64, whole: u64, what: &str) -> String {
    if whole == 0 {
        return format!("{part} {what}");
    }
    let percent = 100.0 * part as f64 / whole as f64;
    match percent {
        small if small > 0.0 && small < 0.1 => format!("{part} of {whole} {what} (< 0.1 %)"),
        whole_number if whole_number.fract() == 0.0 => {
            format!("{part} of {whole} {what} ({percent:.0} %)")
        }
        _ => format!("{part} of {whole} {what} ({percent:.1} %)"),
    }
}

/// `1 hole`, `12 holes`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Nanoseconds as seconds for people.
pub fn seconds(ns: i64) -> String {
    format!("{:.1} s", ns as f64 / 1e9)
}

/// `a, b, c and 4 more`.
pub fn list(names: &[&str], most: usize) -> String {
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What of a window is missing, in nanoseconds at its begin and at its end.
pub fn edges(late: Option<i64>, early: Option<i64>) -> String {
    match (late, early) {
        (Some(late), Some(early)) => {
            format!(
                "it begins {} later and ends {} earlier than others",
                seconds(late),
                seconds(early)
            )
        }
        (Some(late), None) => format!("it begins {} later than others", seconds(late)),
        (None, Some(early)) => format!("it ends {} earlier than others", seconds(early)),
        (None, None) => "nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(of(3, 5, "nodes"), "3 of 5 nodes (60 %)");
        assert_eq!(of(1, 3000, "packets"), "1 of 3000 packets (< 0.1 %)");
        assert_eq!(of(2, 3, "nodes"), "2 of 3 nodes (66.7 %)");
        assert_eq!(list(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(count(1, "hole", "holes"), "1 hole");
    }
}
