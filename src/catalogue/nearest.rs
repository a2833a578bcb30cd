//! "Did you mean": the names of a list that a misspelt one is close to.

/// How many suggestions help; more are noise.
const SUGGESTIONS_MAX: usize = 3;

/// Names close to `wanted`, best first: few letters off, or the same last segment.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = (wanted.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let distance = distance(wanted, name);
            let same_end = name.rsplit('.').next() == wanted.rsplit('.').next();
            match (distance <= allowed, same_end) {
                (true, _) => Some((distance, name)),
                (false, true) => Some((allowed + distance, name)),
                (false, false) => None,
            }
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name).collect()
}

/// Edits between two names: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitute = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["status_code", "src.namespace", "dst.namespace", "path", "url"];

    #[test]
    fn finds_misspelt_names_and_last_segments() {
        assert_eq!(nearest("statuscode", NAMES.into_iter()), ["status_code"]);
        assert_eq!(nearest("paht", NAMES.into_iter()), ["path"]);
        assert_eq!(nearest("namespace", NAMES.into_iter()), ["dst.namespace", "src.namespace"]);
        assert!(nearest("zzz", NAMES.into_iter()).is_empty());
    }

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abcd", "abdc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
