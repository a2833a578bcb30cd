//! Lists of numbers -> exact quantiles, interpolated between neighbours. A list is put in order only
//! as far as the wanted ones need it.

use polars::prelude::*;
use rayon::prelude::*;

/// Puts the `wanted` quantiles (name, share) of each row's list in the list's place; null where the
/// list is empty.
pub(super) fn columns(
    mut rows: DataFrame,
    list: &str,
    wanted: &[(&str, f64)],
) -> PolarsResult<DataFrame> {
    let lists = rows.drop_in_place(list)?;
    let lists = lists.list()?;
    let found = (0..rows.height()).into_par_iter().map(|row| -> PolarsResult<Vec<Option<i64>>> {
        let mut numbers: Vec<i64> = match lists.get_as_series(row) {
            Some(items) => items.i64()?.iter().flatten().collect(),
            None => Vec::new(),
        };
        Ok(wanted.iter().map(|&(_, share)| quantile(&mut numbers, share)).collect())
    });
    let found = found.collect::<PolarsResult<Vec<_>>>()?;
    for (at, (name, _)) in wanted.iter().enumerate() {
        let values: Vec<Option<i64>> = found.iter().map(|row| row[at]).collect();
        rows.with_column(Column::new((*name).into(), values))?;
    }
    Ok(rows)
}

/// One quantile, rounded down; the numbers may be moved.
fn quantile(numbers: &mut [i64], share: f64) -> Option<i64> {
    let last = numbers.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (_, &mut low, above) = numbers.select_nth_unstable(below);
    let high = above.iter().min().copied().unwrap_or(low);
    Some(low + ((high - low) as f64 * (place - below as f64)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let of = |numbers: &[i64], share| quantile(&mut numbers.to_vec(), share);
        assert_eq!(of(&[], 0.5), None);
        assert_eq!(of(&[7], 0.99), Some(7));
        assert_eq!(of(&[30, 10, 20], 0.5), Some(20));
        assert_eq!(of(&[40, 10, 20, 30], 0.5), Some(25));
        assert_eq!(of(&[0, 100], 0.9), Some(90));
        let many: Vec<i64> = (0..1001).rev().collect();
        assert_eq!(
            (of(&many, 0.95), of(&many, 1.0), of(&many, 0.0)),
            (Some(950), Some(1000), Some(0))
        );
    }
}
