//! `pcapsule conns INPUT...`: connections, one per line, with what TCP tells of their health.

use std::path::PathBuf;

use crate::catalogue::{Family, catalogue};

use super::args::Global;
use super::query::{self, Question};
use super::sheet::Format;
use super::{Exit, load};

/// Columns shown when none are named, as far as the catalogue knows them.
const COLUMNS: &[&str] = &[
    "timestamp",
    "src.display",
    "dst.display",
    "dst.port",
    "protocol",
    "conn_l7_detected",
    "outcome",
    "conn_state",
    "elapsed_time",
    "conn_local_bytes",
    "conn_remote_bytes",
    "conn_initial_rtt_us",
    "conn_rtt_avg_us",
    "conn_segments",
    "conn_retransmissions",
    "conn_zero_windows",
    "conn_reset_by",
    "conn_completeness",
    "id",
];

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pcapsule conns CAPTURE -f 'conn_refused'                        connections that were refused
  pcapsule conns CAPTURE --sort -conn_retransmissions --limit 10  the lossiest ten
  pcapsule conns CAPTURE -f 'dst.service.name == \"redis\"' --columns timestamp,src.ip,src.port,conn_handshake_us
  pcapsule fields conn_                                           all that is known of a connection")]
pub struct Args {
    /// Capture files, capture directories or snapshots
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Only connections that match, such as 'conn_refused' or 'dst.port == 6379'
    #[arg(long, short, value_name = "KFL", default_value = "true", hide_default_value = true)]
    filter: String,
    /// How connections are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Connections shown at most; 0 for all
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Field to sort by; a minus in front turns the order round
    #[arg(long, value_name = "FIELD", default_value = "timestamp", allow_hyphen_values = true)]
    sort: String,
    /// Fields to show (see `pcapsule fields conn_`)
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    columns: Vec<String>,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let stored =
        |name: &&&str| catalogue().get(name).is_some_and(|field| field.stored_for(Family::Conns));
    let columns: Vec<&str> = match args.columns.is_empty() {
        true => COLUMNS.iter().filter(stored).copied().collect(),
        false => args.columns.iter().map(String::as_str).collect(),
    };
    let question =
        Question::new(global, &args.filter, &columns, &args.sort, args.limit, &[Family::Conns])?;
    let loaded = load::load(global, &args.inputs)?;
    let answer = question.ask(&loaded.dataset)?;
    let json = |rows| {
        serde_json::json!({
            "schema": "pcapsule/conns/v1",
            "matches": answer.matches(),
            "not_judged": answer.faults(),
            "conns": rows,
            "coverage": loaded.dataset.meta.coverage,
        })
    };
    answer.sheet(question.columns())?.print(global, args.format, json)?;
    query::notes(global, &loaded.dataset, &question, &answer, args.format)?;
    Ok(Exit::Ok)
}
