//! Who the two ends of an entry are, as far as a question wants to tell them apart: a label for
//! each workload by pod, service, workload, namespace or node.

use polars::prelude::*;

use crate::frame::{Dataset, workloads};
use crate::workload::WorkloadRow;

/// What peers are taken together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Pod,
    Service,
    /// Deployment, StatefulSet and the like: the name that people know.
    Workload,
    Namespace,
    Node,
}

/// The label of a workload; `(external)` and `(node)` where it has none of that level.
pub fn label(row: &WorkloadRow, level: Level) -> String {
    let outside = || format!("({})", row.kind);
    let spaced = |name: &str| match row.namespace.is_empty() {
        true => name.to_string(),
        false => format!("{}/{name}", row.namespace),
    };
    match level {
        Level::Pod => spaced(&row.name),
        Level::Service if row.service.is_empty() => spaced(row.display_name()),
        Level::Service => spaced(&row.service),
        Level::Workload => spaced(row.display_name()),
        Level::Namespace if row.namespace.is_empty() => outside(),
        Level::Namespace => row.namespace.to_string(),
        Level::Node if row.node.is_empty() => outside(),
        Level::Node => row.node.to_string(),
    }
}

/// The labels of all workloads: `id`, `label`.
///
/// # Errors
/// A workloads table that cannot be read.
pub fn labels(dataset: &Dataset, level: Level) -> PolarsResult<DataFrame> {
    let rows = workloads::rows(&dataset.workloads()?)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let labels: Vec<String> = rows.iter().map(|row| label(row, level)).collect();
    df!("id" => ids, "label" => labels)
}

/// Adds `client` and `server`, the labels of `src_id` and `dst_id`.
pub fn join(rows: LazyFrame, labels: &DataFrame) -> LazyFrame {
    let mut rows = rows;
    for (key, name) in [("src_id", "client"), ("dst_id", "server")] {
        let names = labels.clone().lazy().select([col("id").alias(key), col("label").alias(name)]);
        rows = rows.join(names, [col(key)], [col(key)], JoinArgs::new(JoinType::Left));
    }
    rows.with_columns([col("client").fill_null(lit("?")), col("server").fill_null(lit("?"))])
}
