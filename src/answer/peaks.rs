//! Begins and ends -> how many were under way at once: calls in flight, connections open.

use polars::prelude::*;

/// Puts the most of the spans that hold one moment, per row, in the place of two columns of lists:
/// their begins and their ends. No list is none.
pub(super) fn column(
    mut rows: DataFrame,
    starts: &str,
    ends: &str,
    name: &str,
) -> PolarsResult<DataFrame> {
    let (Ok(from), Ok(to)) = (rows.drop_in_place(starts), rows.drop_in_place(ends)) else {
        rows.with_column(Column::new(name.into(), vec![0i64; rows.height()]))?;
        return Ok(rows);
    };
    let (from, to) = (from.list()?.clone(), to.list()?.clone());
    let ints = |list: &ListChunked, row: usize| -> PolarsResult<Vec<i64>> {
        match list.get_as_series(row) {
            Some(items) => Ok(items.i64()?.iter().flatten().collect()),
            None => Ok(Vec::new()),
        }
    };
    let peaks = (0..rows.height())
        .map(|row| Ok(at_once(ints(&from, row)?, ints(&to, row)?) as i64))
        .collect::<PolarsResult<Vec<i64>>>()?;
    rows.with_column(Column::new(name.into(), peaks))?;
    Ok(rows)
}

/// The most spans that hold one moment. Spans are closed: one that ends when another begins is
/// still there.
fn at_once(mut starts: Vec<i64>, mut ends: Vec<i64>) -> u64 {
    starts.sort_unstable();
    ends.sort_unstable();
    let (mut over, mut most) = (0usize, 0usize);
    for (begun, start) in starts.iter().enumerate() {
        while ends.get(over).is_some_and(|end| end < start) {
            over += 1;
        }
        most = most.max((begun + 1).saturating_sub(over));
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_at_once() {
        let peak = |spans: &[(i64, i64)]| {
            let (starts, ends) = spans.iter().copied().unzip();
            at_once(starts, ends)
        };
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[(0, 10), (1, 2), (3, 4)]), 2);
        assert_eq!(peak(&[(0, 1), (1, 2)]), 2, "closed");
        assert_eq!(peak(&[(5, 5), (5, 5), (0, 9)]), 3);
        assert_eq!(peak(&[(0, 1), (2, 3), (4, 5)]), 1);
    }
}
