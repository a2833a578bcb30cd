//! A table of results and how it is written: fitted to the terminal for people, JSON, JSON lines
//! and CSV for programs. Whatever traffic said comes out as text: visible, on one line, and never
//! a formula.

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use polars::prelude::{AnyValue, DataFrame, PolarsResult};
use serde_json::{Map, Value};

use crate::kfl;
use crate::report::{number, text};

use super::args::Global;
use super::{output, time};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
}

/// What a column's numbers are, for people; programs get them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Plain,
    /// Nanoseconds since 1970 UTC; RFC 3339 for programs.
    Time,
    /// Microseconds, shown in the unit that fits.
    Micros,
    Bytes,
    /// Between 0 and 1.
    Share,
    PerSecond,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    None,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_string())
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Cell::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Cell::Int(n)
    }
}

impl From<f64> for Cell {
    fn from(n: f64) -> Self {
        if n.is_finite() { Cell::Float(n) } else { Cell::None }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::None, Into::into)
    }
}

impl Cell {
    /// A cell of a frame.
    pub fn of(value: &AnyValue<'_>) -> Cell {
        match value {
            AnyValue::Null => Cell::None,
            AnyValue::Boolean(b) => Cell::Bool(*b),
            AnyValue::String(text) => Cell::Text((*text).to_string()),
            AnyValue::StringOwned(text) => Cell::Text(text.to_string()),
            AnyValue::List(items) => match items.struct_() {
                Ok(pairs) => {
                    let part = |name| pairs.field_by_name(name).ok();
                    let (Some(keys), Some(values)) = (part("key"), part("value")) else {
                        return Cell::None;
                    };
                    let word = |value: AnyValue<'_>| value.str_value().to_string();
                    Cell::Pairs(keys.iter().map(word).zip(values.iter().map(word)).collect())
                }
                Err(_) => Cell::List(items.iter().map(|v| v.str_value().to_string()).collect()),
            },
            value => match (value.is_float(), value.extract::<f64>(), value.extract::<i64>()) {
                (true, Some(float), _) => Cell::from(float),
                (_, _, Some(int)) => Cell::Int(int),
                _ => Cell::Text(value.str_value().to_string()),
            },
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Int(_) | Cell::Float(_))
    }

    pub fn json(&self, unit: Unit) -> Value {
        match self {
            Cell::None => Value::Null,
            Cell::Int(ns) if unit == Unit::Time => kfl::format_time(*ns).into(),
            Cell::Int(int) => (*int).into(),
            Cell::Float(float) => (*float).into(),
            Cell::Bool(bool) => (*bool).into(),
            Cell::Text(text) => text.clone().into(),
            Cell::List(items) => items.clone().into(),
            Cell::Pairs(pairs) => {
                Value::Object(pairs.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect())
            }
        }
    }

    /// For a program that reads text.
    fn plain(&self, unit: Unit) -> String {
        match self {
            Cell::None => String::new(),
            Cell::Int(ns) if unit == Unit::Time => kfl::format_time(*ns),
            Cell::Int(int) => int.to_string(),
            Cell::Float(float) => float.to_string(),
            Cell::Bool(bool) => bool.to_string(),
            Cell::Text(text) => text.clone(),
            Cell::List(items) => items.join(", "),
            Cell::Pairs(_) => self.json(unit).to_string(),
        }
    }

    /// For people.
    pub fn shown(&self, unit: Unit, zone: &jiff::tz::TimeZone) -> String {
        let float = match self {
            Cell::Int(int) => *int as f64,
            Cell::Float(float) => *float,
            Cell::None => return "-".into(),
            _ => return self.plain(unit),
        };
        match unit {
            Unit::Time => match self {
                Cell::Int(ns) => time::clock(*ns, zone),
                _ => self.plain(unit),
            },
            // Times that were not measured are 0 in all tables.
            Unit::Micros if float == 0.0 => "-".into(),
            Unit::Micros => number::millis(float / 1000.0),
            Unit::Bytes => number::bytes(float.max(0.0) as u64),
            Unit::Share => format!("{:.2} %", 100.0 * float),
            Unit::PerSecond => number::rate(float),
            Unit::Plain => match self {
                Cell::Float(float) => number::plain(*float),
                _ => self.plain(unit),
            },
        }
    }
}

/// A table: heads, and rows of as many cells.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    columns: Vec<(String, Unit)>,
    rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (S, Unit)>) -> Self {
        let columns = columns.into_iter().map(|(name, unit)| (name.into(), unit)).collect();
        Sheet { columns, rows: Vec::new() }
    }

    /// The rows of a frame; `columns` are the frame's, the head and the unit of each.
    ///
    /// # Errors
    /// A column that the frame lacks.
    pub fn of(frame: &DataFrame, columns: &[(String, String, Unit)]) -> PolarsResult<Self> {
        let mut sheet = Sheet::new(columns.iter().map(|(_, head, unit)| (head.clone(), *unit)));
        for row in 0..frame.height() {
            let cell = |(name, ..): &(String, String, Unit)| -> PolarsResult<Cell> {
                Ok(Cell::of(&frame.column(name)?.get(row)?))
            };
            sheet.rows.push(columns.iter().map(cell).collect::<PolarsResult<_>>()?);
        }
        Ok(sheet)
    }

    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Adds a column of as many cells as there are rows.
    pub fn add(&mut self, head: &str, cells: Vec<Cell>) {
        self.columns.push((head.to_string(), Unit::Plain));
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn object(&self, row: &[Cell]) -> Value {
        let cells = self.columns.iter().zip(row);
        Value::Object(
            cells.map(|((name, unit), c)| (name.clone(), c.json(*unit))).collect::<Map<_, _>>(),
        )
    }

    /// The rows as JSON objects.
    pub fn objects(&self) -> Vec<Value> {
        self.rows.iter().map(|row| self.object(row)).collect()
    }

    pub fn jsonl(&self) -> String {
        let line = |row: &Vec<Cell>| format!("{}\n", text::json(&self.object(row).to_string()));
        self.rows.iter().map(line).collect()
    }

    /// CSV (RFC 4180); a cell that a spreadsheet would run as a formula gets an apostrophe in
    /// front.
    pub fn csv(&self) -> String {
        let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
        let head = self.columns.iter().map(|(name, _)| csv_cell(name));
        let mut out = line(head.collect());
        for row in &self.rows {
            let cells = self.columns.iter().zip(row).map(|((_, u), c)| csv_cell(&c.plain(*u)));
            out.push_str(&line(cells.collect()));
        }
        out
    }

    /// For people: one line per row where the terminal is wide enough.
    pub fn table(&self, zone: &jiff::tz::TimeZone) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(self.columns.iter().map(|(name, _)| name));
        for row in &self.rows {
            let cells = self.columns.iter().zip(row);
            table.add_row(cells.map(|((_, unit), c)| text::terminal(&c.shown(*unit, zone))));
        }
        for (index, (_, unit)) in self.columns.iter().enumerate() {
            let numbers = |row: &Vec<Cell>| row.get(index).is_some_and(Cell::is_number);
            if *unit != Unit::Time
                && self.rows.iter().any(numbers)
                && let Some(column) = table.column_mut(index)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// Writes it to stdout; `json` makes the whole answer of the rows.
    ///
    /// # Errors
    /// Output that cannot be written, a zone that is none.
    pub fn print(
        &self,
        global: &Global,
        format: Format,
        json: impl FnOnce(Vec<Value>) -> Value,
    ) -> anyhow::Result<()> {
        match self.text(global, format, json)? {
            empty if format == Format::Jsonl && empty.is_empty() => Ok(()),
            text => output::print(&text),
        }
    }

    /// The same as text.
    ///
    /// # Errors
    /// A zone that is none.
    pub fn text(
        &self,
        global: &Global,
        format: Format,
        json: impl FnOnce(Vec<Value>) -> Value,
    ) -> anyhow::Result<String> {
        Ok(match format {
            Format::Json => output::json_text(&json(self.objects()))?,
            Format::Jsonl => self.jsonl(),
            Format::Csv => self.csv(),
            Format::Table => self.table(&time::zone(global)?),
        })
    }
}

fn csv_cell(cell: &str) -> String {
    let acts = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    let cell = if acts { format!("'{cell}") } else { cell.to_string() };
    match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(name: &str) -> Sheet {
        let columns = [("name", Unit::Plain), ("at", Unit::Time), ("took", Unit::Micros)];
        let mut sheet = Sheet::new(columns);
        sheet.push(vec![name.into(), Cell::Int(0), Cell::Int(1500)]);
        sheet
    }

    #[test]
    fn nothing_acts_on_its_reader() {
        let hostile = sheet("=cmd|'/C calc'!A0,\x1b[2J\u{202e}\"");
        assert!(hostile.csv().contains("\"'=cmd|'/C calc'!A0,"), "{}", hostile.csv());
        let table = hostile.table(&jiff::tz::TimeZone::UTC);
        assert!(!table.contains('\x1b') && !table.contains('\u{202e}'), "{table:?}");
        assert!(hostile.jsonl().contains("\\u001b") && !hostile.jsonl().contains('\u{202e}'));
        assert_eq!(csv_cell("-3.5"), "-3.5");
    }

    #[test]
    fn people_get_units_and_programs_numbers() {
        let sheet = sheet("a");
        let table = sheet.table(&jiff::tz::TimeZone::UTC);
        assert!(
            table.contains("1.5 ms") && table.contains("1970-01-01 00:00:00.000 UTC"),
            "{table}"
        );
        assert_eq!(sheet.csv(), "name,at,took\na,1970-01-01T00:00:00Z,1500\n");
        assert_eq!(Cell::from(f64::NAN), Cell::None);
    }
}
