//! Growing columns, one for each field type, and the Parquet pages they become.

use std::io;

use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field as ArrowField, TimeUnit};
use polars_parquet::parquet::metadata::ColumnDescriptor;

use crate::field::{ColumnSink, FieldType, Pairs, Text};

use super::page::{Chunk, Levels, Pages};
use super::table::Table;
use super::text::Texts;

/// Column of the time in nanoseconds; behind it stands the time in microseconds, as a type that
/// every engine shows as one.
const TIME: (&str, &str) = ("ts_ns", "ts");

/// One growing column.
enum Values {
    Text(Texts),
    Int(Vec<i64>),
    Bool(Vec<bool>),
    List { lens: Vec<u32>, items: Texts },
    Map { lens: Vec<u32>, keys: Texts, values: Texts },
}

impl Values {
    fn new(ty: FieldType) -> Self {
        match ty {
            FieldType::Text | FieldType::Bytes => Values::Text(Texts::new()),
            FieldType::Int | FieldType::Time => Values::Int(Vec::new()),
            FieldType::Bool => Values::Bool(Vec::new()),
            FieldType::List => Values::List { lens: Vec::new(), items: Texts::new() },
            FieldType::Map => {
                Values::Map { lens: Vec::new(), keys: Texts::new(), values: Texts::new() }
            }
        }
    }

    /// Adds the value of a row that has none.
    fn push_absent(&mut self, absent: i64) {
        match self {
            Values::Text(texts) => {
                texts.push("", 0);
            }
            Values::Int(ints) => ints.push(absent),
            Values::Bool(bools) => bools.push(false),
            Values::List { lens, .. } | Values::Map { lens, .. } => lens.push(0),
        }
    }

    /// Makes pages of all values, a chunk for each leaf, and forgets the values.
    fn pages<'l>(
        &mut self,
        flat: &Levels,
        leaves: &mut impl Iterator<Item = &'l ColumnDescriptor>,
        pages: &mut Pages,
        out: &mut Vec<Chunk>,
    ) -> io::Result<()> {
        let mut leaf = || {
            let missing = || io::Error::other("a column without its Parquet description");
            leaves.next().map(|column| &column.descriptor).ok_or_else(missing)
        };
        match self {
            Values::Text(texts) => {
                texts.settle();
                out.push(pages.texts(texts, flat, leaf()?, true)?);
                texts.clear();
            }
            Values::Int(ints) => {
                out.push(pages.ints(ints, flat, leaf()?)?);
                ints.clear();
            }
            Values::Bool(bools) => {
                out.push(pages.bools(bools, flat, leaf()?)?);
                bools.clear();
            }
            Values::List { lens, items } => {
                let leaf = leaf()?;
                let levels = Levels::lists(lens, leaf.max_def_level as u32);
                lens.clear();
                items.settle();
                out.push(pages.texts(items, &levels, leaf, false)?);
                items.clear();
            }
            Values::Map { lens, keys, values } => {
                let leaves = [leaf()?, leaf()?];
                let levels = Levels::lists(lens, leaves[0].max_def_level as u32);
                lens.clear();
                for (texts, leaf) in [keys, values].into_iter().zip(leaves) {
                    texts.settle();
                    out.push(pages.texts(texts, &levels, leaf, false)?);
                    texts.clear();
                }
            }
        }
        Ok(())
    }
}

/// The columns of a table as Arrow, and so Polars, types them.
pub(super) fn schema(table: &Table) -> ArrowSchema {
    let mut schema = ArrowSchema::default();
    let mut add = |name: &str, ty| {
        schema.insert(name.into(), ArrowField::new(name.into(), ty, true));
    };
    for column in &table.columns {
        add(&column.name, data_type(column.ty));
        if column.name == TIME.0 {
            add(TIME.1, ArrowDataType::Timestamp(TimeUnit::Microsecond, None));
        }
    }
    schema
}

fn data_type(ty: FieldType) -> ArrowDataType {
    let list =
        |items| ArrowDataType::LargeList(Box::new(ArrowField::new("item".into(), items, true)));
    match ty {
        FieldType::Text | FieldType::Bytes => ArrowDataType::Utf8View,
        FieldType::Int | FieldType::Time => ArrowDataType::Int64,
        FieldType::Bool => ArrowDataType::Boolean,
        FieldType::List => list(ArrowDataType::Utf8View),
        FieldType::Map => {
            let text = |name: &str| ArrowField::new(name.into(), ArrowDataType::Utf8View, true);
            list(ArrowDataType::Struct(vec![text("key"), text("value")]))
        }
    }
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

    pub fn table(&self) -> &'static Table {
        self.table
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

    /// Makes pages of all rows and forgets the rows; `leaves` describe the file's columns.
    pub fn pages(
        &mut self,
        leaves: &[ColumnDescriptor],
        pages: &mut Pages,
    ) -> io::Result<Vec<Chunk>> {
        let flat = Levels::flat(std::mem::take(&mut self.len));
        let (mut leaves, mut out) = (leaves.iter(), Vec::with_capacity(leaves.len()));
        for (values, def) in self.values.iter_mut().zip(&self.table.columns) {
            let us = match values {
                Values::Int(ns) if def.name == TIME.0 => Some(ns.iter().map(|ns| ns / 1000)),
                _ => None,
            };
            let mut us = us.map(|us| Values::Int(us.collect()));
            values.pages(&flat, &mut leaves, pages, &mut out)?;
            if let Some(us) = &mut us {
                us.pages(&flat, &mut leaves, pages, &mut out)?;
            }
        }
        Ok(out)
    }
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
            texts.push(value, 0);
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
        if let Some(Values::List { lens, items }) = self.slot(column) {
            for item in value {
                items.push(item, 0);
            }
            lens.push(value.len() as u32);
        }
    }

    fn map(&mut self, column: usize, value: &Pairs) {
        if let Some(Values::Map { lens, keys, values }) = self.slot(column) {
            // Headers come in the same order again and again, each with values of its own.
            let mut place = 0;
            for (key, item) in value.iter() {
                place = keys.push(key, place) + 1;
                values.push(item, place);
            }
            lens.push(value.len() as u32);
        }
    }
}
