//! The cells of a column as KFL values: text, numbers, booleans, and the lists and maps that
//! Polars keeps as nested arrays.

use polars::prelude::{DataType, PolarsError, PolarsResult, Series, polars_err};
use polars_arrow::array::{
    Array, BooleanArray, ListArray, PrimitiveArray, StaticArray as _, StructArray, Utf8ViewArray,
};

use crate::field::FieldType;
use crate::kfl::Value;

/// A column, ready to be read cell by cell.
pub(super) enum Reader {
    Text(Utf8ViewArray),
    Bytes(Utf8ViewArray),
    Int(PrimitiveArray<i64>),
    Time(PrimitiveArray<i64>),
    Bool(BooleanArray),
    List(List),
    Map(Map),
}

impl Reader {
    /// Errors: a column of another type than its field.
    pub fn new(series: &Series, ty: FieldType) -> PolarsResult<Reader> {
        Ok(match ty {
            FieldType::Text => Reader::Text(text(series)?),
            FieldType::Bytes => Reader::Bytes(text(series)?),
            FieldType::Int => Reader::Int(int(series)?),
            FieldType::Time => Reader::Time(int(series)?),
            FieldType::Bool => Reader::Bool(first(series.rechunk().bool()?.downcast_iter())?),
            FieldType::List => Reader::List(List::new(series)?),
            FieldType::Map => Reader::Map(Map::new(series)?),
        })
    }

    /// The value in a row; None where it is null.
    pub fn get(&self, row: usize) -> Option<Value<'_>> {
        match self {
            Reader::Text(texts) => texts.get(row).map(Value::from),
            Reader::Bytes(texts) => texts.get(row).map(|t| Value::Bytes(t.as_bytes().into())),
            Reader::Int(ints) => ints.get(row).map(Value::Int),
            Reader::Time(ints) => ints.get(row).map(Value::Time),
            Reader::Bool(bools) => bools.get(row).map(Value::Bool),
            Reader::List(list) => list.items(row).map(Value::texts),
            Reader::Map(map) => map.pairs(row).map(Value::pairs),
        }
    }
}

fn text(series: &Series) -> PolarsResult<Utf8ViewArray> {
    first(series.cast(&DataType::String)?.rechunk().str()?.downcast_iter())
}

fn int(series: &Series) -> PolarsResult<PrimitiveArray<i64>> {
    first(series.cast(&DataType::Int64)?.rechunk().i64()?.downcast_iter())
}

/// The only chunk of a column.
fn first<'a, A: Clone + 'a>(mut chunks: impl Iterator<Item = &'a A>) -> PolarsResult<A> {
    chunks.next().cloned().ok_or_else(|| wrong("no chunk"))
}

fn wrong(what: &str) -> PolarsError {
    polars_err!(ComputeError: "a column of a filter is not as its field says: {}", what)
}

/// A column of lists of text.
pub(super) struct List {
    lists: ListArray<i64>,
    items: Utf8ViewArray,
}

impl List {
    pub fn new(series: &Series) -> PolarsResult<List> {
        let lists: ListArray<i64> = first(series.rechunk().list()?.downcast_iter())?;
        let items = utf8(lists.values().as_ref())?;
        Ok(List { lists, items })
    }

    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// The items of a row's list; None where it is null.
    pub fn items(&self, row: usize) -> Option<impl Iterator<Item = &str>> {
        let (start, end) = range(&self.lists, row)?;
        Some((start..end).map(|at| self.items.get(at).unwrap_or("")))
    }
}

/// A column of maps: lists of pairs of key and value.
pub(super) struct Map {
    lists: ListArray<i64>,
    keys: Utf8ViewArray,
    values: Utf8ViewArray,
}

impl Map {
    pub fn new(series: &Series) -> PolarsResult<Map> {
        let lists: ListArray<i64> = first(series.rechunk().list()?.downcast_iter())?;
        let pairs = lists.values().as_any().downcast_ref::<StructArray>();
        let pairs = pairs.ok_or_else(|| wrong("no list of pairs"))?;
        let part = |name: &str| {
            let at = pairs.fields().iter().position(|field| field.name == name);
            utf8(
                pairs
                    .values()
                    .get(at.ok_or_else(|| wrong(name))?)
                    .ok_or_else(|| wrong(name))?
                    .as_ref(),
            )
        };
        let (keys, values) = (part("key")?, part("value")?);
        Ok(Map { lists, keys, values })
    }

    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// The pairs of a row's map; None where it is null.
    pub fn pairs(&self, row: usize) -> Option<impl Iterator<Item = (&str, &str)>> {
        let (start, end) = range(&self.lists, row)?;
        Some(
            (start..end)
                .map(|i| (self.keys.get(i).unwrap_or(""), self.values.get(i).unwrap_or(""))),
        )
    }
}

fn range(lists: &ListArray<i64>, row: usize) -> Option<(usize, usize)> {
    lists.is_valid(row).then(|| lists.offsets().start_end(row))
}

fn utf8(array: &dyn Array) -> PolarsResult<Utf8ViewArray> {
    array.as_any().downcast_ref().cloned().ok_or_else(|| wrong("no text"))
}
