//! Decisions -> tables: drops the rows that another vantage's stand for, names ids and ends as the
//! connection as a whole has them, sets times right by the reference clock, and keeps what each
//! vantage saw in the tables of observations. One shard at a time.

use std::path::PathBuf;

use polars::prelude::*;

use crate::frame::parquet::{read, rewrite, write};
use crate::frame::table::{ANOMALIES, CALLS, CONN_OBSERVATIONS, CONNS, OBSERVATIONS, sides};
use crate::join::Clock;

use super::read::file;
use super::{Places, ahead, decide};

const IDS: [&str; 2] = ["id", "vantage_id"];

/// Carries out the decisions over one shard's tables.
pub(super) fn apply(
    places: &Places<'_>,
    shard: usize,
    clocks: &[Option<Clock>],
) -> PolarsResult<()> {
    let clocks = ahead_frame(places, clocks)?;
    let conns = decisions(places, "conns", shard)?;
    let calls = decisions(places, "calls", shard)?;
    let path = |table: &str| Some(file(places, table, shard)).filter(|path| path.exists());
    if let Some(path) = path(CONNS) {
        conn_rows(places, shard, path, conns.clone(), &clocks)?;
    }
    if let Some(path) = path(CALLS) {
        call_rows(places, shard, path, conns.clone(), calls, &clocks)?;
    }
    if let Some(path) = path(ANOMALIES) {
        let rows = read(&path)?;
        let names = names(&rows);
        let rows = set_right(rows.lazy(), &clocks);
        let rows = match conns {
            Some(conns) => {
                let keys = ["vantage_id", "conn_id", "new_conn_id"].map(col);
                left(rows, conns.lazy().select(keys), &["vantage_id", "conn_id"])
                    .with_column(or_else("new_conn_id", "conn_id"))
            }
            None => rows,
        };
        write(&path, rows.select(names).collect()?)?;
    }
    Ok(())
}

/// Takes the decisions away when they are carried out.
pub(super) fn clean_up(places: &Places<'_>) -> PolarsResult<()> {
    match std::fs::remove_dir_all(decide::folder(places)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// All decisions of a shard, `None` where there are none.
fn decisions(places: &Places<'_>, table: &str, shard: usize) -> PolarsResult<Option<DataFrame>> {
    let dir = decide::folder(places);
    let mut found: Option<DataFrame> = None;
    for part in 0.. {
        let path: PathBuf = dir.join(format!("{table}-{shard:02}-{part:04}.parquet"));
        if !path.exists() {
            // Parts without a decision leave no file; the last part's number is in none of them.
            if part > places.parts() {
                break;
            }
            continue;
        }
        let frame = read(&path)?;
        found = Some(match found {
            Some(mut all) => {
                all.vstack_mut(&frame)?;
                all
            }
            None => frame,
        });
    }
    Ok(found)
}

/// `vantage_id`, and the nanoseconds that its clock is ahead.
fn ahead_frame(places: &Places<'_>, clocks: &[Option<Clock>]) -> PolarsResult<DataFrame> {
    let of = |node: &u32| clocks.get(*node as usize).map_or(0, ahead);
    df!(
        "vantage_id" => (0..places.nodes.len() as i64).collect::<Vec<_>>(),
        "ahead_ns" => places.nodes.iter().map(of).collect::<Vec<i64>>(),
    )
}

fn names(frame: &DataFrame) -> Vec<Expr> {
    frame.get_column_names().into_iter().map(|name| col(name.clone())).collect()
}

/// A join that keeps the order of the rows.
fn ordered(how: JoinType) -> JoinArgs {
    JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(how) }
}

fn left(rows: LazyFrame, other: LazyFrame, on: &[&str]) -> LazyFrame {
    let on: Vec<Expr> = on.iter().map(|name| col(*name)).collect();
    rows.join(other, on.clone(), on, ordered(JoinType::Left))
}

/// A decided value where there is one, else the row's own.
fn or_else(decided: &str, own: &str) -> Expr {
    when(col(decided).is_not_null()).then(col(decided)).otherwise(col(own)).alias(own)
}

/// Times by the reference clock in place of the vantage's own.
fn set_right(rows: LazyFrame, clocks: &DataFrame) -> LazyFrame {
    left(rows, clocks.clone().lazy(), &["vantage_id"])
        .with_column(col("ts_ns") - col("ahead_ns").fill_null(lit(0i64)))
        .with_column(microseconds())
}

fn microseconds() -> Expr {
    let us = (col("ts_ns") / lit(1000i64)).cast(DataType::Datetime(TimeUnit::Microseconds, None));
    us.alias("ts")
}

fn conn_rows(
    places: &Places<'_>,
    shard: usize,
    path: PathBuf,
    decisions: Option<DataFrame>,
    clocks: &DataFrame,
) -> PolarsResult<()> {
    let rows = read(&path)?;
    let names = names(&rows);
    let Some(decisions) = decisions else {
        return write(&path, sorted(set_right(rows.lazy(), clocks).select(names)).collect()?);
    };
    let decisions = decisions.lazy().rename(["conn_id"], ["id"], true);
    let decided = left(rows.lazy(), decisions, &["vantage_id", "id"]);
    let observed = decided
        .clone()
        .filter(col("new_conn_id").is_not_null())
        .with_columns([col("new_conn_id").alias("id"), col("new_conn_id").alias("conn_id")])
        .with_column(col("new_observations").alias("observations"));
    let observed = observed.select(names.clone()).collect()?;
    if observed.height() > 0 {
        write(&file(places, CONN_OBSERVATIONS, shard), observed)?;
    }
    let kept = decided.filter(col("new_conn_id").is_null().or(col("stays"))).with_columns([
        or_else("client_ip", "src_ip"),
        or_else("client_port", "src_port"),
        or_else("client_id", "src_id"),
        or_else("server_ip", "dst_ip"),
        or_else("server_port", "dst_port"),
        or_else("server_id", "dst_id"),
        or_else("new_observations", "observations"),
        or_else("new_conn_id", "id"),
        or_else("new_conn_id", "conn_id"),
    ]);
    write(&path, sorted(set_right(kept, clocks).select(names)).collect()?)
}

fn sorted(rows: LazyFrame) -> LazyFrame {
    rows.sort(["ts_ns", "id"], SortMultipleOptions::default())
}

fn call_rows(
    places: &Places<'_>,
    shard: usize,
    path: PathBuf,
    conns: Option<DataFrame>,
    calls: Option<DataFrame>,
    clocks: &DataFrame,
) -> PolarsResult<()> {
    let rows = read(&path)?;
    let names = names(&rows);
    let Some(conns) = conns else {
        let rows = set_right(settle(rows.lazy(), clocks), clocks);
        return write(&path, sorted(rows.select(names)).collect()?);
    };
    let decided = left(rows.lazy(), conns.lazy(), &["vantage_id", "conn_id"]);
    let decided = match calls {
        Some(calls) => left(decided, calls.lazy(), &IDS),
        None => decided.with_columns(no_call_decisions()),
    };
    let decided = decided.collect()?;
    observed_calls(places, shard, &decided)?;
    let kept = decided
        .lazy()
        .filter(col("new_conn_id").is_null().or(col("call_stays").fill_null(lit(false))));
    let kept = kept.collect()?;
    side_rows(places, shard, &kept)?;
    let rows = set_right(settle(ends(kept.lazy()), clocks), clocks)
        .with_columns([
            or_else("new_id", "id"),
            or_else("new_conn_id", "conn_id"),
            or_else("call_observations", "observations"),
            or_else("new_ts_ns", "ts_ns"),
            or_else("new_settled_ns", "settled_ns"),
            or_else("new_elapsed", "elapsed_time"),
            or_else("new_server_time", "server_time"),
            or_else("new_network_time", "network_time"),
        ])
        .with_column(microseconds());
    write(&path, sorted(rows.select(names)).collect()?)
}

/// The columns of decisions over calls, for a shard whose connections have none.
fn no_call_decisions() -> Vec<Expr> {
    let int = |name: &str| lit(NULL).cast(DataType::Int64).alias(name);
    let mut columns = vec![lit(NULL).cast(DataType::Boolean).alias("call_stays")];
    let names = ["new_id", "new_ts_ns", "new_settled_ns", "new_elapsed", "call_observations"];
    columns.extend(names.into_iter().chain(["new_server_time", "new_network_time"]).map(int));
    columns
}

/// The time at which a call's fate was known, by the reference clock; 0 stays.
fn settle(rows: LazyFrame, clocks: &DataFrame) -> LazyFrame {
    let settled = when(col("settled_ns").gt(lit(0)))
        .then(col("settled_ns") - col("ahead_ns").fill_null(lit(0i64)))
        .otherwise(lit(0i64));
    left(rows, clocks.clone().lazy(), &["vantage_id"])
        .with_column(settled.alias("settled_ns"))
        .drop(by_name(["ahead_ns"], true, false))
}

/// Caller and callee as the vantages nearest to them saw them.
fn ends(rows: LazyFrame) -> LazyFrame {
    let joined = col("new_conn_id").is_not_null();
    let by_client =
        col("src_ip").eq(col("old_client_ip")).and(col("src_port").eq(col("old_client_port")));
    let end = |own: &str, part: &str, is_src: bool| {
        let (first, second) = match is_src {
            true => (format!("client_{part}"), format!("server_{part}")),
            false => (format!("server_{part}"), format!("client_{part}")),
        };
        let decided = when(by_client.clone()).then(col(&*first)).otherwise(col(&*second));
        when(joined.clone()).then(decided).otherwise(col(own)).alias(own)
    };
    rows.with_columns([
        end("src_ip", "ip", true),
        end("src_port", "port", true),
        end("src_id", "id", true),
        end("dst_ip", "ip", false),
        end("dst_port", "port", false),
        end("dst_id", "id", false),
    ])
}

/// What each vantage saw of the calls that several saw, by its own clock.
fn observed_calls(places: &Places<'_>, shard: usize, decided: &DataFrame) -> PolarsResult<()> {
    let columns = [
        col("new_id").alias("id"),
        col("vantage_id"),
        col("ts_ns"),
        col("ts"),
        col("elapsed_time"),
        col("packet_segment"),
        col("packet_frame"),
    ];
    let seen = decided
        .clone()
        .lazy()
        .filter(col("call_observations").gt(lit(1)))
        .select(columns)
        .collect()?;
    if seen.height() == 0 {
        return Ok(());
    }
    write(&file(places, OBSERVATIONS, shard), seen)
}

/// Side rows of the calls that stay, under the calls' ids.
fn side_rows(places: &Places<'_>, shard: usize, kept: &DataFrame) -> PolarsResult<()> {
    let kept = kept.clone().lazy().select([col("id"), col("vantage_id"), col("new_id")]);
    let kept = kept.collect()?;
    for table in sides() {
        let path = file(places, table.name, shard);
        if !path.exists() {
            continue;
        }
        rewrite(&path, |rows| {
            let names = names(&rows);
            let on = IDS.map(col);
            rows.lazy()
                .join(kept.clone().lazy(), on.clone(), on, ordered(JoinType::Inner))
                .with_column(or_else("new_id", "id"))
                .select(names)
                .collect()
        })?;
    }
    Ok(())
}
