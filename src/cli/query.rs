//! `pcapsule query KFL INPUT...`: the entries that match a filter. What it asks and how it prints
//! is shared with the commands that ask for one family only.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::ValueEnum;
use polars::prelude::*;

use crate::answer::entries::{self, Hits, Order};
use crate::answer::sql;
use crate::catalogue::{Family, Field, FieldRef, catalogue};
use crate::field::FieldType;
use crate::frame::{Dataset, FAMILIES, Selector, column};
use crate::kfl::sql::Dialect;
use crate::kfl::{self, Checked};

use super::args::Global;
use super::load::{self, Source};
use super::sheet::{self, Sheet, Unit};
use super::{Exit, output};

/// Columns shown when none are named.
const COLUMNS: &[&str] = &[
    "timestamp",
    "src.display",
    "dst.display",
    "protocol",
    "operation",
    "status_code",
    "error",
    "outcome",
    "elapsed_time",
    "id",
];

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A filter asks for fields (`pcapsule fields`), calls, connections and flows alike:
  'http && status_code >= 500'                                    failed requests
  'http && path.startsWith(\"/api/orders\") && status_code == 504'  one endpoint's time-outs
  'dst.service.name == \"payment\" && http'                         what hits a service
  'src.namespace == \"prod\" && dst.namespace == \"staging\"'         between namespaces
  'dns && dns_response && status_code == 3'                       names that do not exist
  'http && elapsed_time > 5000000'                                slower than 5 s (microseconds)
  'request_id == \"3fc6\"', 'trace_id == \"4bf9...\"'                 one request across services
  'src.pod.name == \"orders-7d9\" && dst.kind == \"external\"'        what a pod called outside
  'conn && conn_refused', 'flow && flow_conns > 100'              connections, and their sums

Then `pcapsule call ID INPUT...` shows one entry whole.")]
pub struct Args {
    /// Filter in KFL, such as 'http && status_code >= 500'; 'true' matches all
    kfl: String,
    #[command(flatten)]
    source: Source,
    /// How entries are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Only the number of entries that match
    #[arg(long)]
    count: bool,
    /// Entries shown at most; 0 for all
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Field to sort by; a minus in front turns the order round
    #[arg(long, value_name = "FIELD", default_value = "timestamp", allow_hyphen_values = true)]
    sort: String,
    /// Fields to show
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// Say how the filter is understood and run, instead of running it
    #[arg(long, conflicts_with_all = ["count", "format"])]
    explain: bool,
    /// Print the SQL that asks the same of the frames' Parquet files, instead of running it
    #[arg(long, value_enum, value_name = "DIALECT", conflicts_with_all = ["count", "format", "explain"])]
    sql: Option<DialectArg>,
    /// File to write to [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DialectArg {
    Duckdb,
    Spark,
}

/// What says most of a protocol's or family's entries, shown where the filter names that.
const TELLING: &[(&str, &[&str])] = &[
    ("dns", &["dns_questions"]),
    ("redis", &["redis_key"]),
    ("kafka", &["kafka_request_summary"]),
    ("amqp", &["amqp_summary"]),
    ("mysql", &["mysql_query"]),
    ("postgresql", &["postgresql_query"]),
    ("mongodb", &["mongodb_collection"]),
    ("memcached", &["memcached_key"]),
    ("nats", &["nats_subject"]),
    ("tlsx", &["tlsx_sni"]),
    ("conn", &["dst.port", "conn_local_bytes", "conn_remote_bytes"]),
    ("tcp_conn", &["dst.port", "conn_local_bytes", "conn_remote_bytes"]),
    ("udp_conn", &["dst.port", "conn_local_bytes", "conn_remote_bytes"]),
    ("flow", &["dst.port", "flow_conns", "flow_local_bytes", "flow_remote_bytes"]),
    ("tcp_flow", &["dst.port", "flow_conns", "flow_local_bytes", "flow_remote_bytes"]),
    ("udp_flow", &["dst.port", "flow_conns", "flow_local_bytes", "flow_remote_bytes"]),
];

/// The columns of a filter that names none: those of every entry, and what is telling.
fn default_columns(checked: &Checked) -> Vec<&'static str> {
    let mut columns = COLUMNS.to_vec();
    for field in checked.fields() {
        let telling = TELLING.iter().find(|(flag, _)| *flag == field.name);
        for &name in telling.map_or(&[][..], |(_, names)| names) {
            let behind = columns.iter().position(|c| *c == "status_code").unwrap_or(0);
            if !columns.contains(&name) {
                columns.insert(behind, name);
            }
        }
    }
    columns
}

/// What is asked, and which fields of the answer are wanted in which order.
pub struct Question {
    checked: Checked,
    columns: Vec<FieldRef>,
    order: Order,
    families: Vec<Family>,
}

/// What was found.
pub struct Answer {
    hits: Vec<Hits>,
    rows: DataFrame,
}

/// Checks a filter and says on stderr what its writer should know.
pub fn filter(global: &Global, text: &str) -> anyhow::Result<Checked> {
    let checked = kfl::check(catalogue(), text)?;
    if !global.quiet {
        for note in checked.notes() {
            eprintln!("note: {note}");
        }
    }
    Ok(checked)
}

impl Question {
    /// # Errors
    /// A filter that is wrong, fields that do not exist.
    pub fn new(
        global: &Global,
        kfl: &str,
        columns: &[&str],
        sort: &str,
        limit: usize,
        families: &[Family],
    ) -> anyhow::Result<Self> {
        let columns = columns.iter().map(|name| field(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let (descending, name) = match sort.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, sort),
        };
        let limit = if limit == 0 { usize::MAX } else { limit };
        let order = Order { by: field(name)?, descending, limit };
        Ok(Question { checked: filter(global, kfl)?, columns, order, families: families.to_vec() })
    }

    pub fn columns(&self) -> &[FieldRef] {
        &self.columns
    }

    fn at(&self, dataset: &Dataset) -> Checked {
        self.checked.clone().at(dataset.meta.last_ns().unwrap_or(0))
    }

    fn count(&self, dataset: &Dataset) -> anyhow::Result<Vec<Hits>> {
        Ok(entries::count(dataset, &self.at(dataset), &self.families)?)
    }

    pub fn ask(&self, dataset: &Dataset) -> anyhow::Result<Answer> {
        let hits = self.count(dataset)?;
        let with_hits: Vec<Family> =
            hits.iter().filter(|h| h.matches > 0).map(|h| h.family).collect();
        let checked = self.at(dataset);
        let rows = entries::rows(dataset, &checked, &with_hits, &self.columns, &self.order)?;
        Ok(Answer { hits, rows })
    }
}

impl Answer {
    pub fn matches(&self) -> u64 {
        self.hits.iter().map(|h| h.matches).sum()
    }

    pub fn faults(&self) -> u64 {
        self.hits.iter().map(|h| h.faults).sum()
    }

    pub fn sheet(&self, columns: &[FieldRef]) -> anyhow::Result<Sheet> {
        let columns = self::columns(columns);
        match self.rows.height() {
            0 => Ok(Sheet::new(columns.into_iter().map(|(_, head, unit)| (head, unit)))),
            _ => Ok(Sheet::of(&self.rows, &columns)?),
        }
    }
}

/// Columns of a frame for the fields that they hold.
pub fn columns(fields: &[FieldRef]) -> Vec<(String, String, Unit)> {
    fields.iter().map(|f| (column(f), f.name.to_string(), unit(f))).collect()
}

/// How a field's values are shown to people.
pub fn unit(field: &Field) -> Unit {
    match (field.ty, field.name) {
        (FieldType::Time, _) => Unit::Time,
        (FieldType::Int, "elapsed_time" | "first_byte_time" | "server_time" | "network_time") => {
            Unit::Micros
        }
        (FieldType::Int, name) if name.ends_with("_us") => Unit::Micros,
        (FieldType::Int, name) if name.ends_with("_bytes") || name.ends_with("_size") => {
            Unit::Bytes
        }
        _ => Unit::Plain,
    }
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let names: Vec<&str> = match args.columns.is_empty() {
        true => default_columns(&kfl::check(catalogue(), &args.kfl)?),
        false => args.columns.iter().map(String::as_str).collect(),
    };
    let question = Question::new(global, &args.kfl, &names, &args.sort, args.limit, &FAMILIES)?;
    let dataset = load::dataset(global, &args.source)?;
    if args.explain {
        output::print(&explain(&dataset, &question)?)?;
        return Ok(Exit::Ok);
    }
    if let Some(dialect) = args.sql {
        let dialect = match dialect {
            DialectArg::Duckdb => Dialect::DuckDb,
            DialectArg::Spark => Dialect::Spark,
        };
        let checked = question.at(&dataset);
        let families = &question.families;
        output::print(&sql::statements(&dataset, &checked, &question.columns, families, dialect)?)?;
        return Ok(Exit::Ok);
    }
    if args.count {
        let total: u64 = question.count(&dataset)?.iter().map(|h| h.matches).sum();
        output::print(&total.to_string())?;
        return Ok(Exit::Ok);
    }
    let answer = question.ask(&dataset)?;
    let format = match args.format {
        Format::Table => sheet::Format::Table,
        Format::Json => sheet::Format::Json,
        Format::Jsonl => sheet::Format::Jsonl,
        Format::Csv => sheet::Format::Csv,
        Format::Parquet => {
            parquet(args, &answer)?;
            notes(global, &dataset, &question, &answer, sheet::Format::Table)?;
            return Ok(Exit::Ok);
        }
    };
    let json = |rows| {
        serde_json::json!({
            "schema": "pcapsule/query/v1",
            "matches": answer.matches(),
            "not_judged": answer.faults(),
            "entries": rows,
            "coverage": dataset.meta.coverage,
        })
    };
    let sheet = answer.sheet(question.columns())?;
    match &args.output {
        None => sheet.print(global, format, json)?,
        Some(path) => output::write_file(path, sheet.text(global, format, json)?.as_bytes())?,
    }
    notes(global, &dataset, &question, &answer, format)?;
    Ok(Exit::Ok)
}

/// The rows as a Parquet file, columns as the frames name them.
fn parquet(args: &Args, answer: &Answer) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    let mut rows = answer.rows.clone();
    for helper in ["__id", "__sort"] {
        let _ = rows.drop_in_place(helper); // not there when nothing matched
    }
    ParquetWriter::new(&mut bytes).finish(&mut rows)?;
    match &args.output {
        Some(path) => output::write_file(path, &bytes),
        None if std::io::stdout().is_terminal() => {
            bail!("--format parquet is no text: give -o FILE")
        }
        None => Ok(std::io::stdout().lock().write_all(&bytes)?),
    }
}

/// Says on stderr what the rows do not say.
pub fn notes(
    global: &Global,
    dataset: &Dataset,
    question: &Question,
    answer: &Answer,
    format: sheet::Format,
) -> anyhow::Result<()> {
    if global.quiet || format == sheet::Format::Json {
        return Ok(());
    }
    let (total, shown) = (answer.matches(), answer.rows.height() as u64);
    if dataset.meta.packets == 0 && dataset.meta.protocols.is_empty() {
        eprintln!("note: no packets in these files within the window");
    } else if total == 0 {
        eprintln!("note: nothing matches{}", blame(dataset, question)?);
    } else if shown < total {
        let kinds = answer.hits.iter().filter(|h| h.matches > 0);
        let kinds: Vec<String> = kinds.map(|h| format!("{} {}", h.matches, name(h))).collect();
        let kinds = if kinds.len() > 1 { format!(" ({})", kinds.join(", ")) } else { "".into() };
        eprintln!("note: {shown} of {total} entries shown{kinds}; --limit 0 shows all");
    }
    if answer.faults() > 0 {
        eprintln!(
            "note: {} entries could not be judged (a missing map key, a division by zero): they do not match",
            answer.faults()
        );
    }
    Ok(())
}

fn name(hits: &Hits) -> &'static str {
    match (hits.family, hits.matches) {
        (Family::Calls, 1) => "call",
        (Family::Calls, _) => "calls",
        (Family::Conns, 1) => "connection",
        (Family::Conns, _) => "connections",
        (Family::Flows, 1) => "flow",
        (Family::Flows, _) => "flows",
    }
}

/// What the parts of a filter match alone, when together they match nothing.
fn blame(dataset: &Dataset, question: &Question) -> anyhow::Result<String> {
    let clauses =
        entries::clauses(dataset, catalogue(), question.checked.text(), &question.families)?;
    if clauses.len() < 2 {
        return Ok(String::new());
    }
    let lines = clauses
        .iter()
        .map(|(clause, hits)| format!("\n  {hits:>9}  {}", crate::report::text::terminal(clause)));
    Ok(format!("; its parts alone match:{}", lines.collect::<String>()))
}

/// A field by its name.
pub fn field(name: &str) -> anyhow::Result<FieldRef> {
    catalogue().get(name).cloned().with_context(|| {
        let near = catalogue().nearest(name);
        match near.is_empty() {
            true => format!("{name}: no such field; `pcapsule fields` lists them"),
            false => format!("{name}: no such field; did you mean {}?", near.join(", ")),
        }
    })
}

/// How the filter is understood, which fields it asks for, and the plan for each family's table.
fn explain(dataset: &Dataset, question: &Question) -> anyhow::Result<String> {
    use std::fmt::Write as _;
    let mut out = String::new();
    writeln!(out, "filter   {}", kfl::parse(question.checked.text())?)?;
    for field in question.checked.fields() {
        let place = match field.side_table() {
            Some(table) => table.to_string(),
            None if field.tables.is_empty() => "computed".into(),
            None => field.tables.join(", "),
        };
        writeln!(out, "field    {:<24} {:<20} {place}", field.name, field.ty.name())?;
    }
    let selector = Selector::new(dataset)?;
    let checked = question.at(dataset);
    for &family in &question.families {
        match selector.rows(&checked, family, &[], &[col("id")])? {
            None => writeln!(out, "{:<8} no row can match", family.table())?,
            Some(rows) => {
                writeln!(out, "{:<8} plan:", family.table())?;
                for line in rows.explain(true)?.lines() {
                    writeln!(out, "           {}", crate::report::text::terminal(line))?;
                }
            }
        }
    }
    Ok(out)
}
