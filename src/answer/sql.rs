//! A filter -> SQL statements over the Parquet files of a dataset, one per family of entries, for
//! people who have another engine at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use crate::catalogue::{Family, FieldRef};
use crate::field::{End, FieldType, Origin};
use crate::frame::{Dataset, WORKLOADS};
use crate::kfl::Checked;
use crate::kfl::sql::{Dialect, NotInSql, condition, literal, quoted, sql_column};

/// The statements, families without rows that can match left out.
///
/// # Errors
/// A part of the filter that SQL has no words for.
pub fn statements(
    dataset: &Dataset,
    checked: &Checked,
    columns: &[FieldRef],
    families: &[Family],
    dialect: Dialect,
) -> Result<String, NotInSql> {
    let mut out = String::new();
    for &family in families {
        let asked = condition(checked, family, dialect)?;
        if asked.text == "FALSE" || !dataset.dir.join(family.table()).exists() {
            continue;
        }
        let shown: Vec<FieldRef> =
            columns.iter().filter(|field| field.stored_for(family)).cloned().collect();
        let relation = relation(dataset, family, shown.iter().chain(&asked.fields), dialect);
        let names = shown.iter().map(|field| quoted(&sql_column(field), dialect));
        let names: Vec<String> = names.collect();
        let names = if names.is_empty() { "*".into() } else { names.join(", ") };
        let _ = writeln!(
            out,
            "-- {}\nSELECT {names}\nFROM (\n{relation}) AS entries\nWHERE {};",
            family.table(),
            asked.text
        );
    }
    Ok(out)
}

/// A family's table with the side tables and workloads that hold some of the fields.
fn relation<'f>(
    dataset: &Dataset,
    family: Family,
    fields: impl Iterator<Item = &'f FieldRef>,
    dialect: Dialect,
) -> String {
    let file = |path: &Path| -> String {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let path = path.display().to_string();
        match dialect {
            Dialect::DuckDb if path.ends_with(".parquet") => {
                format!("read_parquet({})", literal(&path, dialect))
            }
            Dialect::DuckDb => {
                format!("read_parquet({})", literal(&format!("{path}/*.parquet"), dialect))
            }
            Dialect::Spark => format!("parquet.`{}`", path.replace('`', "``")),
        }
    };
    let fields: BTreeMap<&str, &FieldRef> = fields.map(|field| (field.name, field)).collect();
    let (mut columns, mut joins) = (vec!["c.*".to_string()], BTreeSet::new());
    for field in fields.values() {
        let name = quoted(&sql_column(field), dialect);
        let from = match field.origin {
            Origin::Workload(end, attribute) => {
                let (alias, key) = match end {
                    End::Src => ("src", "src_id"),
                    End::Dst => ("dst", "dst_id"),
                };
                let table = file(&dataset.dir.join(format!("{WORKLOADS}.parquet")));
                joins.insert(format!("LEFT JOIN {table} AS {alias} ON {alias}.id = c.{key}"));
                format!("{alias}.{}", quoted(attribute, dialect))
            }
            _ => match field.side_table().filter(|_| family == Family::Calls) {
                None => continue,
                Some(side) if dataset.dir.join(side).exists() => {
                    let table = file(&dataset.dir.join(side));
                    joins.insert(format!("LEFT JOIN {table} AS {side} ON {side}.id = c.id"));
                    format!("{side}.{name}")
                }
                Some(_) => format!("CAST(NULL AS {})", type_name(field.ty, dialect)),
            },
        };
        columns.push(format!("{from} AS {name}"));
    }
    let table = file(&dataset.dir.join(family.table()));
    let mut out = format!("  SELECT {}\n  FROM {table} AS c\n", columns.join(", "));
    for join in joins {
        let _ = writeln!(out, "  {join}");
    }
    out
}

/// The type of a column that no file holds.
fn type_name(ty: FieldType, dialect: Dialect) -> &'static str {
    match (ty, dialect) {
        (FieldType::Int | FieldType::Time, _) => "BIGINT",
        (FieldType::Bool, _) => "BOOLEAN",
        (FieldType::Text | FieldType::Bytes, Dialect::DuckDb) => "VARCHAR",
        (FieldType::Text | FieldType::Bytes, Dialect::Spark) => "STRING",
        (FieldType::List, Dialect::DuckDb) => "VARCHAR[]",
        (FieldType::List, Dialect::Spark) => "ARRAY<STRING>",
        (FieldType::Map, Dialect::DuckDb) => "STRUCT(\"key\" VARCHAR, \"value\" VARCHAR)[]",
        (FieldType::Map, Dialect::Spark) => "ARRAY<STRUCT<key: STRING, value: STRING>>",
    }
}
