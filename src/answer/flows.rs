//! Connections that a filter picks -> one row per pair of peers: how many connections, how much
//! they carried, how well, and how many connections and calls were under way at once.

use polars::prelude::*;

use crate::catalogue::Family;
use crate::field::Origin;
use crate::frame::{CALLS, CONNS, Dataset, Selector, tables};
use crate::kfl::{Checked, Kind};

use super::peaks;
use super::peers::{self, Level};

/// What connections are taken together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// From one address to one port of another.
    Address,
    Peers(Level),
}

impl By {
    /// Columns that tell the rows apart.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            By::Address => &["client", "server", "src_ip", "dst_ip", "dst_port", "protocol"],
            By::Peers(_) => &["client", "server", "protocol"],
        }
    }
}

/// How a column of connections is summed up, and what the sum is called.
const COUNTS: [(&str, &str); 11] = [
    ("conn_local_bytes", "bytes_out"),
    ("conn_remote_bytes", "bytes_in"),
    ("conn_local_pkts", "packets_out"),
    ("conn_remote_pkts", "packets_in"),
    ("conn_segments", "segments"),
    ("conn_retransmissions", "retransmissions"),
    ("conn_fast_retransmissions", "fast_retransmissions"),
    ("conn_out_of_order", "out_of_order"),
    ("conn_missing_bytes", "missing_bytes"),
    ("conn_zero_windows", "zero_windows"),
    ("conn_window_full", "window_full"),
];

/// One row per pair of peers, in no order; see [`By::keys`] and the columns made here. Shares are
/// between 0 and 1, times end in `_us`.
///
/// # Errors
/// Tables that cannot be read.
pub fn flows(dataset: &Dataset, checked: &Checked, by: By) -> PolarsResult<Option<DataFrame>> {
    let Some(conns) = conns(dataset, checked, by)? else { return Ok(None) };
    let conns = conns.collect()?;
    let keys: Vec<Expr> = by.keys().iter().map(|name| col(*name)).collect();
    let mut groups = conns.clone().lazy().group_by_stable(&keys).agg(sums()).with_columns([
        (col("bytes_out") + col("bytes_in")).alias("bytes"),
        share(col("retransmissions"), col("segments")).alias("retransmission_rate"),
    ]);
    if let Some(calls) = calls(dataset, &conns, by)? {
        let calls = calls.group_by(&keys).agg([col("__call_start"), col("__call_end")]);
        groups = groups.join(calls, &keys, &keys, JoinArgs::new(JoinType::Left));
    }
    let groups = peaks::column(groups.collect()?, "__start", "__end", "conns_at_once")?;
    peaks::column(groups, "__call_start", "__call_end", "calls_at_once").map(Some)
}

fn share(part: Expr, whole: Expr) -> Expr {
    let ratio = part.cast(DataType::Float64) / whole.clone().cast(DataType::Float64);
    when(whole.gt(lit(0))).then(ratio).otherwise(lit(0.0))
}

/// Whether the conns table has a column: metrics are added from time to time.
fn has(column: &str) -> bool {
    let table = tables().iter().find(|table| table.name == CONNS);
    table.is_some_and(|table| table.columns.iter().any(|c| c.name == column))
}

/// The connections that count, with their peers' names.
fn conns(dataset: &Dataset, checked: &Checked, by: By) -> PolarsResult<Option<LazyFrame>> {
    let selector = Selector::new(dataset)?;
    let plain = [
        "id",
        "ts_ns",
        "elapsed_time",
        "src_id",
        "dst_id",
        "src_ip",
        "dst_ip",
        "dst_port",
        "protocol",
        "outcome",
        "conn_state",
        "conn_l7_detected",
        "conn_completeness",
        "conn_refused",
        "conn_reset_by",
        "conn_initial_rtt_us",
        "conn_handshake_us",
        "conn_rtt_min_us",
        "conn_rtt_avg_us",
        "conn_rtt_max_us",
    ];
    let counts = COUNTS.iter().map(|(column, _)| *column);
    let columns: Vec<Expr> = plain
        .into_iter()
        .filter(|c| !c.starts_with("conn_") || has(c))
        .chain(counts.filter(|c| has(c)))
        .map(col)
        .collect();
    let about_flows = asks_flows(checked);
    let rows = match about_flows {
        true => selector.rows(&Checked::everything(), Family::Conns, &[], &columns)?,
        false => selector.rows(checked, Family::Conns, &[], &columns)?,
    };
    let Some(mut rows) = rows else { return Ok(None) };
    if about_flows {
        let keys = ["protocol", "src_id", "dst_id", "src_ip", "dst_ip", "dst_port"].map(col);
        let Some(flows) = selector.rows(checked, Family::Flows, &[], &keys)? else {
            return Ok(None);
        };
        rows = rows.join(flows, &keys, &keys, JoinArgs::new(JoinType::Semi));
    }
    let level = match by {
        By::Address => Level::Pod,
        By::Peers(level) => level,
    };
    Ok(Some(peers::join(rows, &peers::labels(dataset, level)?)))
}

/// Whether a filter speaks of flows: it then picks flows, and their connections count.
fn asks_flows(checked: &Checked) -> bool {
    checked.expr().any(&mut |part| match &part.kind {
        Kind::Flag(field) => {
            let of =
                |family| field.flag.as_ref().is_some_and(|f| f.protocols(family) != Some(&[][..]));
            of(Family::Flows) && !of(Family::Conns)
        }
        Kind::Field(field) => field.origin == Origin::Stored && field.tables == ["flows"],
        _ => false,
    })
}

fn sums() -> Vec<Expr> {
    let count = |test: Expr| test.sum().cast(DataType::Int64);
    let known = |name: &str| col(name).filter(col(name).gt(lit(0)));
    let at = |name: &str, q: f64| {
        known(name).quantile(lit(q), QuantileMethod::Nearest).cast(DataType::Int64)
    };
    let end = col("ts_ns") + col("elapsed_time") * lit(1000i64);
    let inside = ExplodeOptions { empty_as_null: false, keep_nulls: false };
    let l7 = col("conn_l7_detected").explode(inside);
    let mut sums = vec![
        len().cast(DataType::Int64).alias("conns"),
        count(col("conn_state").neq(lit("closed"))).alias("conns_left_open"),
        count(col("conn_refused")).alias("refused"),
        count(col("conn_reset_by").neq(lit(""))).alias("resets"),
        count(col("outcome").eq(lit("timeout"))).alias("unanswered"),
        count(col("conn_completeness").eq(lit(31i64))).alias("complete"),
        at("conn_initial_rtt_us", 0.5).alias("initial_rtt_us"),
        at("conn_handshake_us", 0.5).alias("handshake_p50_us"),
        at("conn_handshake_us", 0.9).alias("handshake_p90_us"),
        at("conn_handshake_us", 0.99).alias("handshake_p99_us"),
    ];
    if has("conn_rtt_min_us") && has("conn_rtt_avg_us") && has("conn_rtt_max_us") {
        sums.extend([
            known("conn_rtt_min_us").min().alias("rtt_min_us"),
            known("conn_rtt_avg_us").mean().cast(DataType::Int64).alias("rtt_avg_us"),
            col("conn_rtt_max_us").max().alias("rtt_max_us"),
        ]);
    }
    for (column, name) in COUNTS.iter().filter(|(column, _)| has(column)) {
        sums.push(col(*column).sum().alias(*name));
    }
    sums.extend([
        l7.unique().sort(SortOptions::default()).alias("l7"),
        col("ts_ns").min().alias("first"),
        end.clone().max().alias("last"),
        col("ts_ns").alias("__start"),
        end.alias("__end"),
    ]);
    sums
}

/// Begin and end of the calls that the connections carried, with the connections' keys.
fn calls(dataset: &Dataset, conns: &DataFrame, by: By) -> PolarsResult<Option<LazyFrame>> {
    let Some(calls) = dataset.scan(CALLS)? else { return Ok(None) };
    let end_ns = dataset.meta.last_ns().unwrap_or(i64::MAX);
    let settled = when(col("settled_ns").gt(lit(0)))
        .then(col("settled_ns"))
        .when(col("unanswered").eq(lit("capture_end")))
        .then(lit(end_ns))
        .otherwise(col("ts_ns") + col("elapsed_time") * lit(1000i64));
    let calls = calls.filter(col("is_half").not().or(col("has_response").not())).select([
        col("conn_id"),
        col("ts_ns").alias("__call_start"),
        settled.alias("__call_end"),
    ]);
    let mut names: Vec<Expr> = by.keys().iter().map(|name| col(*name)).collect();
    names.push(col("id").alias("conn_id"));
    let conns = conns.clone().lazy().select(names);
    let args = JoinArgs::new(JoinType::Inner);
    Ok(Some(calls.join(conns, [col("conn_id")], [col("conn_id")], args)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_on_flows_are_told_from_those_on_connections() {
        let catalogue = crate::catalogue::catalogue();
        let asks = |text: &str| asks_flows(&crate::kfl::check(catalogue, text).unwrap());
        assert!(asks("tcp_flow") && asks("flow_local_bytes > 1 && dst.port == 80"));
        assert!(!asks("conn && dst.port == 80") && !asks("tcp") && !asks(""));
    }
}
