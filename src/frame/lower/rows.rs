//! The row evaluator inside a Polars expression: for the tests that Polars has no expression for.

use std::collections::BTreeMap;

use polars::prelude::{
    BooleanChunked, Column, DataType, Field as Schema, IntoColumn, PolarsResult, col,
};

use crate::catalogue::{Family, Field, FieldRef};
use crate::field::FieldType;
use crate::kfl::{Checked, Entry, Expr, Kind, Value, Verdict};

use super::readers::Reader;
use super::{Lower, Part, column};

impl Lower<'_> {
    /// A test, row by row over the columns that it asks for.
    pub(super) fn rows(&self, expr: &Expr) -> Part {
        let mut fields: BTreeMap<&'static str, FieldRef> = BTreeMap::new();
        let mut has_flag = false;
        expr.any(&mut |part| {
            match &part.kind {
                Kind::Field(field) => drop(fields.insert(field.name, field.clone())),
                Kind::Flag(_) => has_flag = true,
                _ => {}
            }
            false
        });
        let mut inputs: Vec<_> = fields.values().map(|field| col(column(field).as_str())).collect();
        if has_flag {
            inputs.push(col("protocol"));
        }
        let judge = Judge {
            expr: expr.clone(),
            family: self.family,
            fields: fields.values().cloned().collect(),
        };
        let first = inputs.remove(0);
        let test = first.map_many(
            move |cells| judge.column(cells),
            &inputs,
            |_, fields| Ok(Schema::new(fields[0].name().clone(), DataType::Boolean)),
        );
        Part { expr: test, fields }
    }
}

/// A test to run on the rows of some columns: the fields', then `protocol` where flags ask for it.
struct Judge {
    expr: Expr,
    family: Family,
    fields: Vec<FieldRef>,
}

impl Judge {
    fn column(&self, cells: &[Column]) -> PolarsResult<Column> {
        let mut readers = Vec::with_capacity(self.fields.len());
        for (field, cells) in self.fields.iter().zip(cells) {
            let series = cells.as_materialized_series();
            readers.push((field.index, Reader::new(series, field.ty)?));
        }
        let protocol = cells.get(self.fields.len());
        let protocol = protocol
            .map(|cells| Reader::new(cells.as_materialized_series(), FieldType::Text))
            .transpose()?;
        let (len, name) = cells.first().map_or((0, "".into()), |c| (c.len(), c.name().clone()));
        let rows = (0..len).map(|row| {
            let entry = Row { family: self.family, readers: &readers, protocol: &protocol, row };
            match Checked::judge(&self.expr, &entry) {
                Verdict::Match => Some(true),
                Verdict::NoMatch => Some(false),
                Verdict::Error(_) => None,
            }
        });
        Ok(rows.collect::<BooleanChunked>().with_name(name).into_column())
    }
}

/// One row of the columns.
struct Row<'r> {
    family: Family,
    readers: &'r [(usize, Reader)],
    protocol: &'r Option<Reader>,
    row: usize,
}

impl Entry for Row<'_> {
    fn family(&self) -> Family {
        self.family
    }

    fn protocol(&self) -> &str {
        match self.protocol {
            Some(Reader::Text(titles)) => titles.get(self.row).unwrap_or(""),
            _ => "",
        }
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        let (_, reader) = self.readers.iter().find(|(index, _)| *index == field.index)?;
        reader.get(self.row)
    }
}
