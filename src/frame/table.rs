//! The tables of a dataset and their columns, derived from the field tables.

use std::sync::OnceLock;

use crate::call::fields::{CallCommon, CallKeys};
use crate::conn::fields::{ConnCommon, ConnKeys, ConnTrail};
use crate::dissect::PROTOCOLS;
use crate::field::{FieldDef, FieldType, Origin};

pub const CALLS: &str = "calls";
pub const CONNS: &str = "conns";
pub const OBSERVATIONS: &str = "observations";
pub const CONN_OBSERVATIONS: &str = "conn_observations";
pub const ANOMALIES: &str = "anomalies";
pub const WORKLOADS: &str = "workloads";
pub const COVERAGE: &str = "coverage";
pub const FLOWS: &str = "flows";
/// Calls and their parents; made when it is first asked for.
pub const LINKS: &str = "links";

/// Rows of a row group of tables with narrow rows, and of those that hold headers and text.
/// Constants: what a file looks like never depends on the machine.
const NARROW_GROUP_ROWS: usize = 16_384;
const WIDE_GROUP_ROWS: usize = 2_048;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    pub name: String,
    pub ty: FieldType,
    /// What an integer reads as where a row has no value.
    pub absent: i64,
}

/// A table of the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<ColumnDef>,
    pub group_rows: usize,
}

impl Table {
    pub(super) fn new(name: &'static str, group_rows: usize, fields: &[&[FieldDef]]) -> Self {
        let mut table = Table { name, columns: Vec::new(), group_rows };
        for field in fields.iter().copied().flatten() {
            table.add(field);
        }
        table
    }

    /// Adds a column unless one of that name is there: halves of a call may share fields.
    fn add(&mut self, field: &FieldDef) {
        if field.origin == Origin::Stored && self.position(field).is_none() {
            self.columns.push(ColumnDef {
                name: column_name(field),
                ty: field.ty,
                absent: field.absent,
            });
        }
    }

    /// Position of a field's column.
    pub fn position(&self, field: &FieldDef) -> Option<usize> {
        let name = column_name(field);
        self.columns.iter().position(|c| c.name == name)
    }
}

/// The column that stores a field: times carry their unit.
pub fn column_name(field: &FieldDef) -> String {
    if field.name == "timestamp" { "ts_ns".to_string() } else { field.column() }
}

crate::fields! {
    /// Columns of a protocol's side table besides its own.
    pub struct SideKeys {
        /// Id of the call.
        id: Int = "";
        /// Vantage that the row was taken from.
        vantage_id: Int = "";
    }

    /// One call as one vantage saw it.
    pub struct Observation {
        /// Id of the call.
        id: Int = "";
        /// Vantage, key of the vantages table.
        vantage_id: Int = "";
        /// Time of the first byte there, by that node's clock.
        timestamp: Time = "";
        /// Microseconds from request to response there.
        elapsed_time: Int = "";
        /// File of the first packet.
        packet_segment: Int = "";
        /// Record number of the first packet.
        packet_frame: Int = "";
    }

    /// One anomaly; kinds beyond the limit of rows are only counted.
    pub struct AnomalyRow {
        /// Kind.
        kind: Text = "";
        /// Vantage, key of the vantages table.
        vantage_id: Int = "";
        /// Connection, 0 where it belongs to none.
        conn_id: Int = "";
        /// When.
        timestamp: Time = "";
        /// File of the packet.
        packet_segment: Int = "";
        /// Record number of the packet.
        packet_frame: Int = "";
    }
}

/// Tables with columns of their own; the others are protocols' side tables.
const FIXED: [&str; 5] = [CALLS, OBSERVATIONS, CONNS, CONN_OBSERVATIONS, ANOMALIES];

/// The protocols' side tables.
pub fn sides() -> impl Iterator<Item = &'static Table> {
    tables().iter().filter(|table| !FIXED.contains(&table.name))
}

/// All tables of a shard: calls, connections, what each vantage saw of those that several saw,
/// anomalies, then one for each protocol table in the order of the protocols.
pub fn tables() -> &'static [Table] {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let narrow = NARROW_GROUP_ROWS;
        let conns = &[ConnKeys::FIELDS, ConnTrail::FIELDS, ConnCommon::FIELDS];
        let mut tables = vec![
            Table::new(CALLS, narrow, &[CallKeys::FIELDS, CallCommon::FIELDS]),
            Table::new(OBSERVATIONS, narrow, &[Observation::FIELDS]),
            Table::new(CONNS, narrow, conns),
            Table::new(CONN_OBSERVATIONS, narrow, conns),
            Table::new(ANOMALIES, narrow, &[AnomalyRow::FIELDS]),
        ];
        for protocol in PROTOCOLS {
            let fields = [protocol.request, protocol.response].into_iter().flatten();
            match tables.iter_mut().find(|t| t.name == protocol.table) {
                Some(table) => fields.for_each(|field| table.add(field)),
                None => tables.push(Table::new(
                    protocol.table,
                    WIDE_GROUP_ROWS,
                    &[SideKeys::FIELDS, protocol.request, protocol.response],
                )),
            }
        }
        tables
    })
}

/// Position of a table in [`tables`].
pub fn table_index(name: &str) -> Option<usize> {
    tables().iter().position(|t| t.name == name)
}
