//! What a field is: one name with its type, meaning and example, and the [`fields!`](crate::fields)
//! macro that turns a table of them into a row struct. Dissectors fill rows; whoever stores them
//! implements [`ColumnSink`]. Nothing here knows about Polars, files or protocols.

mod joined;
mod macros;
mod pairs;

pub use compact_str::{CompactString as Text, ToCompactString, format_compact};
pub use joined::{Joined, concat};
pub use pairs::Pairs;

/// The types that KFL and the frames share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    Text,
    Int,
    Bool,
    /// Nanoseconds since 1970 UTC; a `timestamp` in KFL.
    Time,
    /// A list of text.
    List,
    /// Text to text, in order of appearance; keys may repeat.
    Map,
    /// Raw bytes; only a few compatibility fields.
    Bytes,
}

impl FieldType {
    /// The name that KFL's documentation uses.
    pub fn name(self) -> &'static str {
        match self {
            FieldType::Text => "string",
            FieldType::Int => "int",
            FieldType::Bool => "bool",
            FieldType::Time => "timestamp",
            FieldType::List => "list<string>",
            FieldType::Map => "map<string,string>",
            FieldType::Bytes => "bytes",
        }
    }
}

/// Where a field's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A column of the same name in the field's table.
    Stored,
    /// A KFL expression over other fields, put in its place before a filter is checked.
    Derived(&'static str),
    /// An attribute of the workload at one end of the call, found by the row's workload id.
    Workload(End, &'static str),
    /// A family or protocol flag (`conn`, `http`): the catalogue says of what.
    Flag,
    /// Known to KFL so that filters written elsewhere parse; always the type's default so far.
    Declared,
}

/// One end of a call or connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    Src,
    Dst,
}

/// One entry of the field catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDef {
    /// As written in KFL: `status_code`, `request.headers`.
    pub name: &'static str,
    pub ty: FieldType,
    /// First line of the field's doc comment.
    pub doc: &'static str,
    /// A filter that uses the field and parses.
    pub example: &'static str,
    pub origin: Origin,
    /// What an integer reads as where the field is absent; 0 but for a few.
    pub absent: i64,
}

impl FieldDef {
    /// The column's name in frames and Parquet: dots would need quoting in every engine.
    pub fn column(&self) -> String {
        self.name.replace('.', "_")
    }
}

/// Receives the values of one row; `column` is the position in the row's own field table.
pub trait ColumnSink {
    fn text(&mut self, column: usize, value: &str);
    fn int(&mut self, column: usize, value: i64);
    fn bool(&mut self, column: usize, value: bool);
    fn list(&mut self, column: usize, value: &[Text]);
    fn map(&mut self, column: usize, value: &Pairs);
}

/// A struct made by [`fields!`](crate::fields): it knows its table and hands out its values.
pub trait Row: Send + std::fmt::Debug {
    fn fields(&self) -> &'static [FieldDef];
    /// Calls the sink once for each field, in table order.
    fn visit(&self, sink: &mut dyn ColumnSink);
}

impl Row for Box<dyn Row> {
    fn fields(&self) -> &'static [FieldDef] {
        (**self).fields()
    }

    fn visit(&self, sink: &mut dyn ColumnSink) {
        (**self).visit(sink);
    }
}

/// A value that a row struct can hold: how it reaches a sink and which type it has.
pub trait Value {
    const TYPE: FieldType;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink);
}

impl Value for Text {
    const TYPE: FieldType = FieldType::Text;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.text(column, self);
    }
}

/// Nanoseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Value for Nanos {
    const TYPE: FieldType = FieldType::Time;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.int(column, self.0);
    }
}

impl Value for i64 {
    const TYPE: FieldType = FieldType::Int;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.int(column, *self);
    }
}

impl Value for bool {
    const TYPE: FieldType = FieldType::Bool;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.bool(column, *self);
    }
}

impl Value for Vec<Text> {
    const TYPE: FieldType = FieldType::List;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.list(column, self);
    }
}

impl Value for Pairs {
    const TYPE: FieldType = FieldType::Map;
    fn put(&self, column: usize, sink: &mut dyn ColumnSink) {
        sink.map(column, self);
    }
}
