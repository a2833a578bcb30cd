//! Small functions on columns that Polars has no expression for. All work row by row, so that
//! Polars may cut a column where it likes; a null cell gives null unless said otherwise.

use polars::prelude::{
    BooleanChunked, Column, DataType, Expr as PlExpr, Field, Int64Chunked, IntoColumn,
    NewChunkedArray, PolarsResult, StringChunked,
};

use super::readers::{List, Map};

/// Runs `f` on a column; the result has the column's name.
fn map(
    column: PlExpr,
    ty: DataType,
    f: impl Fn(Column) -> PolarsResult<Column> + Send + Sync + 'static,
) -> PlExpr {
    let named = move |cells: Column| {
        let name = cells.name().clone();
        f(cells).map(|out| out.with_name(name))
    };
    column.map(named, move |_, field| Ok(Field::new(field.name().clone(), ty.clone())))
}

/// A test of a text.
pub(super) fn text_test(
    column: PlExpr,
    test: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> PlExpr {
    map(column, DataType::Boolean, move |cells| {
        let texts = cells.str()?.iter();
        Ok(texts.map(|text| text.map(&test)).collect::<BooleanChunked>().into_column())
    })
}

/// A text made of a text.
pub(super) fn text(column: PlExpr, f: fn(&str) -> String) -> PlExpr {
    map(column, DataType::String, move |cells| {
        let texts = cells.str()?.iter();
        Ok(texts.map(|text| text.map(f)).collect::<StringChunked>().into_column())
    })
}

/// A number made of a number; null where there is none.
pub(super) fn int(
    column: PlExpr,
    f: impl Fn(i64) -> Option<i64> + Send + Sync + 'static,
) -> PlExpr {
    map(column, DataType::Int64, move |cells| {
        let ints = cells.i64()?.iter();
        Ok(ints.map(|int| int.and_then(&f)).collect::<Int64Chunked>().into_column())
    })
}

/// A number made of two; null where there is none.
pub(super) fn ints(left: PlExpr, right: PlExpr, f: fn(i64, i64) -> Option<i64>) -> PlExpr {
    let compute = move |cells: &mut [Column]| {
        let [left, right] = cells else { return Ok(Column::default()) };
        let name = left.name().clone();
        let len = left.len().max(right.len());
        let (left, right) = (spread(left, len), spread(right, len));
        let pairs = left.i64()?.iter().zip(right.i64()?.iter());
        let out = pairs.map(|(a, b)| f(a?, b?));
        Ok(Int64Chunked::from_iter_options(name, out).into_column())
    };
    left.map_many(compute, &[right], |_, fields| {
        Ok(Field::new(fields[0].name().clone(), DataType::Int64))
    })
}

/// A literal next to a column is one cell: as many as the column has.
fn spread(cells: &Column, len: usize) -> Column {
    if cells.len() == len { cells.clone() } else { cells.new_from_index(0, len) }
}

/// Whether a list has an item; a null list has none.
pub(super) fn has_item(column: PlExpr, item: String) -> PlExpr {
    map(column, DataType::Boolean, move |cells| {
        let lists = List::new(cells.as_materialized_series())?;
        let has = |row| lists.items(row).is_some_and(|mut items| items.any(|i| i == item));
        Ok((0..lists.len()).map(has).collect::<BooleanChunked>().into_column())
    })
}

/// Whether a map has a key; a null map has none.
pub(super) fn has_key(column: PlExpr, key: String) -> PlExpr {
    map(column, DataType::Boolean, move |cells| {
        let maps = Map::new(cells.as_materialized_series())?;
        let has = |row| maps.pairs(row).is_some_and(|mut pairs| pairs.any(|(k, _)| k == key));
        Ok((0..maps.len()).map(has).collect::<BooleanChunked>().into_column())
    })
}

/// The value of a key, null where there is none.
pub(super) fn map_value(column: PlExpr, key: String) -> PlExpr {
    map(column, DataType::String, move |cells| {
        let maps = Map::new(cells.as_materialized_series())?;
        let value = |row| maps.pairs(row)?.find(|(k, _)| *k == key).map(|(_, value)| value);
        Ok((0..maps.len()).map(value).collect::<StringChunked>().into_column())
    })
}
