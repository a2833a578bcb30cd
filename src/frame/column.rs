//! Growing columns, one for each field type, and the Polars columns they become.

use polars::prelude::*;
use polars_arrow::array::{ListArray, MutableBinaryViewArray, StructArray, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, Field as ArrowField};
use polars_arrow::offset::OffsetsBuffer;
use polars_buffer::Buffer;

use crate::field::{ColumnSink, FieldType, Pairs, Text};

use super::table::Table;

type Texts = MutableBinaryViewArray<str>;

/// One growing column.
pub(super) enum Values {
    Text(Texts),
    Int(Vec<i64>),
    Bool(Vec<bool>),
    List { offsets: Vec<i64>, items: Texts },
    Map { offsets: Vec<i64>, keys: Texts, values: Texts },
}

impl Values {
    fn new(ty: FieldType) -> Self {
        match ty {
            FieldType::Text | FieldType::Bytes => Values::Text(Texts::new()),
            FieldType::Int | FieldType::Time => Values::Int(Vec::new()),
            FieldType::Bool => Values::Bool(Vec::new()),
            FieldType::List => Values::List { offsets: vec![0], items: Texts::new() },
            FieldType::Map => {
                Values::Map { offsets: vec![0], keys: Texts::new(), values: Texts::new() }
            }
        }
    }

    /// Adds the value of a row that has none.
    fn push_absent(&mut self, absent: i64) {
        match self {
            Values::Text(texts) => texts.push_value(""),
            Values::Int(ints) => ints.push(absent),
            Values::Bool(bools) => bools.push(false),
            Values::List { offsets, items } => offsets.push(items.len() as i64),
            Values::Map { offsets, keys, .. } => offsets.push(keys.len() as i64),
        }
    }

    fn finish(self, name: &str) -> PolarsResult<Column> {
        let name = PlSmallStr::from_str(name);
        let series = match self {
            Values::Text(texts) => text_series(name, texts.into()),
            Values::Int(ints) => Ok(Series::from_vec(name, ints)),
            Values::Bool(bools) => Ok(Series::new(name, bools)),
            Values::List { offsets, items } => {
                let items: Utf8ViewArray = items.into();
                list_series(name, offsets, items.boxed())
            }
            Values::Map { offsets, keys, values } => {
                let (keys, values): (Utf8ViewArray, Utf8ViewArray) = (keys.into(), values.into());
                let fields = ["key", "value"]
                    .map(|f| ArrowField::new(f.into(), ArrowDataType::Utf8View, true));
                let pairs = StructArray::try_new(
                    ArrowDataType::Struct(fields.to_vec()),
                    keys.len(),
                    vec![keys.boxed(), values.boxed()],
                    None,
                )?;
                list_series(name, offsets, pairs.boxed())
            }
        };
        Ok(series?.into_column())
    }
}

fn text_series(name: PlSmallStr, texts: Utf8ViewArray) -> PolarsResult<Series> {
    Series::try_from((name, texts.boxed()))
}

fn list_series(name: PlSmallStr, offsets: Vec<i64>, items: ArrayRef) -> PolarsResult<Series> {
    let dtype = ListArray::<i64>::default_datatype(items.dtype().clone());
    let offsets = OffsetsBuffer::try_from(Buffer::from(offsets))?;
    let list = ListArray::try_new(dtype, offsets, items, None)?;
    Series::try_from((name, list.boxed()))
}

/// Rows of one table that wait to be written.
pub(super) struct Rows {
    table: &'static Table,
    values: Vec<Values>,
    /// Columns of the current row that have a value.
    filled: Vec<bool>,
    len: usize,
}

impl Rows {
    pub fn new(table: &'static Table) -> Self {
        Rows {
            table,
            values: table.columns.iter().map(|c| Values::new(c.ty)).collect(),
            filled: vec![false; table.columns.len()],
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// A sink that puts the fields of one part of a row into their columns.
    pub fn part<'r>(&'r mut self, columns: &'r [usize]) -> Part<'r> {
        Part { rows: self, columns }
    }

    /// Ends the row: what has no value gets the absent one.
    pub fn end_row(&mut self) {
        let columns = self.values.iter_mut().zip(&mut self.filled).zip(&self.table.columns);
        for ((values, filled), def) in columns {
            if !std::mem::replace(filled, false) {
                values.push_absent(def.absent);
            }
        }
        self.len += 1;
    }

    /// Takes all rows out as a frame.
    pub fn take(&mut self) -> PolarsResult<DataFrame> {
        let mut columns = Vec::with_capacity(self.values.len() + 1);
        for (values, def) in self.values.iter_mut().zip(&self.table.columns) {
            let values = std::mem::replace(values, Values::new(def.ty));
            columns.push(values.finish(&def.name)?);
            if def.name == "ts_ns" {
                columns.push(microseconds(columns.last())?);
            }
        }
        let len = std::mem::take(&mut self.len);
        DataFrame::new(len, columns)
    }
}

/// The time again, as a type that every engine shows as one.
fn microseconds(ns: Option<&Column>) -> PolarsResult<Column> {
    let ns = ns.ok_or_else(|| polars_err!(ComputeError: "no time column"))?;
    let us = (ns / 1000i64).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
    Ok(us.with_name("ts".into()))
}

/// Puts the fields of a row struct into the columns of a table.
pub(super) struct Part<'r> {
    rows: &'r mut Rows,
    columns: &'r [usize],
}

impl Part<'_> {
    /// The column of a field, unless it has a value already: what comes first wins.
    fn slot(&mut self, field: usize) -> Option<&mut Values> {
        let column = *self.columns.get(field)?;
        let filled = self.rows.filled.get_mut(column)?;
        if std::mem::replace(filled, true) { None } else { self.rows.values.get_mut(column) }
    }
}

impl ColumnSink for Part<'_> {
    fn text(&mut self, column: usize, value: &str) {
        if let Some(Values::Text(texts)) = self.slot(column) {
            texts.push_value(value);
        }
    }

    fn int(&mut self, column: usize, value: i64) {
        if let Some(Values::Int(ints)) = self.slot(column) {
            ints.push(value);
        }
    }

    fn bool(&mut self, column: usize, value: bool) {
        if let Some(Values::Bool(bools)) = self.slot(column) {
            bools.push(value);
        }
    }

    fn list(&mut self, column: usize, value: &[Text]) {
        if let Some(Values::List { offsets, items }) = self.slot(column) {
            for item in value {
                items.push_value(item.as_str());
            }
            offsets.push(items.len() as i64);
        }
    }

    fn map(&mut self, column: usize, value: &Pairs) {
        if let Some(Values::Map { offsets, keys, values }) = self.slot(column) {
            for (key, item) in value.iter() {
                keys.push_value(key);
                values.push_value(item);
            }
            offsets.push(keys.len() as i64);
        }
    }
}
