//! `pcapsule call ID INPUT...`: one entry whole.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Context;
use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::answer::call::{Filled, Seen, Whole, find, says_something};
use crate::answer::payload::{self, Body, Exchange};
use crate::catalogue::Family;
use crate::frame::Dataset;
use crate::kfl;
use crate::limits::Limits;
use crate::report::{number, text};

use super::args::Global;
use super::load::{self, Source};
use super::query::{columns, unit};
use super::sheet::{Cell, Sheet};
use super::{Exit, output, time};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The id is the `id` column of `query`, `conns` and of every finding. Values of secrets are masked
unless --show-secrets is given; bytes of other protocols than HTTP/1 are shown with it only.

Examples:
  pcapsule query 'http && status_code == 503' CAPTURE --limit 1       an id to look at
  pcapsule call 4370545412116744 CAPTURE                              all of it
  pcapsule call 4370545412116744 CAPTURE --format json | jq .response_body.content")]
pub struct Args {
    /// Id of a call, connection or flow
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    source: Source,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Bytes of each body shown at most
    #[arg(long, value_name = "BYTES", default_value_t = 65536)]
    max_body: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The bodies of a call, and why they could not be read.
#[derive(Default)]
struct Bodies {
    request: Option<Body>,
    response: Option<Body>,
    note: Option<String>,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let dataset = load::dataset(global, &args.source)?;
    let whole = find(&dataset, args.id)?.with_context(|| {
        format!("{}: no call, connection or flow of this id is in these captures; `pcapsule query` lists ids", args.id)
    })?;
    let bodies = bodies(global, args, &whole);
    match args.format {
        Format::Json => output::json(&json(&dataset, &whole, &bodies)?)?,
        Format::Text => output::print(&screen(global, &whole, &bodies, args.id)?)?,
    }
    Ok(Exit::Ok)
}

/// Reads the bodies again from the capture.
fn bodies(global: &Global, args: &Args, whole: &Whole) -> Bodies {
    let Some(place) = &whole.place else { return Bodies::default() };
    if is_sealed(whole) {
        let note = "inside TLS: the capture holds its bytes sealed; the fields hold what is kept";
        return Bodies { note: Some(note.into()), ..Bodies::default() };
    }
    let limits = Limits { show_secrets: global.show_secrets, ..Limits::default() };
    let exchange = match payload::read(place, &limits) {
        Ok(exchange) => exchange,
        Err(error) => return Bodies { note: Some(format!("{error}")), ..Bodies::default() },
    };
    let Exchange { request, response, .. } = &exchange;
    if whole.text("http_version").starts_with("HTTP/1") {
        // Upper case as on the wire; the path as stored may have secrets masked.
        let start = format!("{} ", whole.text("method"));
        let body = |stream: &[u8], start: &str, size: &str| {
            let size = usize::try_from(whole.int(size)).unwrap_or(0);
            payload::http1_body(stream, start, size, args.max_body, &limits)
        };
        return Bodies {
            request: body(request, &start, "request_body_size"),
            response: body(response, "HTTP/1", "response_body_size"),
            note: None,
        };
    }
    if !global.show_secrets {
        let note = "bytes of this protocol may hold secrets: --show-secrets shows them";
        return Bodies { note: Some(note.into()), ..Bodies::default() };
    }
    let shown = |bytes: &[u8]| {
        (!bytes.is_empty()).then(|| payload::shown(bytes, "", args.max_body, None, &limits))
    };
    Bodies { request: shown(request), response: shown(response), note: None }
}

/// Whether the call is one that was decrypted: its connection is TLS or QUIC, and it is neither.
fn is_sealed(whole: &Whole) -> bool {
    const SEALING: [&str; 2] = ["TLS", "QUIC"];
    let of_conn = whole.conn.iter().find(|(field, _)| field.name == "conn_l7_detected");
    let detected = of_conn.map(|(field, value)| Cell::of(value).json(unit(field)));
    let detected = detected.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_one = |name: &str| SEALING.contains(&name);
    !is_one(&whole.text("protocol")) && detected.iter().filter_map(Value::as_str).any(is_one)
}

fn json(dataset: &Dataset, whole: &Whole, bodies: &Bodies) -> anyhow::Result<Value> {
    let object = |fields: &[Filled]| -> Value {
        let cells = fields
            .iter()
            .map(|(field, value)| (field.name.to_string(), Cell::of(value).json(unit(field))));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    let chain = match whole.chain.height() {
        0 => Vec::new(),
        _ => Sheet::of(&whole.chain, &columns(&chain_fields()))?.objects(),
    };
    let seen = whole.seen.iter().map(|seen| {
        serde_json::json!({
            "node": seen.node, "vantage": seen.vantage, "timestamp": kfl::format_time(seen.ts_ns),
            "elapsed_us": seen.elapsed_us, "file": seen.file, "frame": seen.frame,
        })
    });
    Ok(serde_json::json!({
        "schema": "pcapsule/call/v1",
        "kind": whole.family.table().trim_end_matches('s'),
        "entry": object(&whole.fields),
        "connection": (!whole.conn.is_empty()).then(|| object(&whole.conn)),
        "observations": seen.collect::<Vec<_>>(),
        "request_body": bodies.request,
        "response_body": bodies.response,
        "bodies_note": bodies.note,
        "chain": chain,
        "chain_filter": whole.chain_filter,
        "coverage": dataset.meta.coverage,
    }))
}

fn chain_fields() -> Vec<crate::catalogue::FieldRef> {
    let names = [
        "timestamp",
        "src.display",
        "dst.display",
        "operation",
        "status_code",
        "error",
        "outcome",
        "elapsed_time",
        "id",
    ];
    names.iter().filter_map(|name| crate::catalogue::catalogue().get(name)).cloned().collect()
}

/// Fields shown in the head of the screen, not again below.
const IN_HEAD: &[&str] = &[
    "id",
    "conn_id",
    "flow_id",
    "timestamp",
    "elapsed_time",
    "operation",
    "status_code",
    "error",
    "outcome",
    "protocol",
    "src.ip",
    "src.port",
    "dst.ip",
    "dst.port",
    "request.headers",
    "response.headers",
    "local_labels",
    "remote_labels",
];

fn screen(global: &Global, whole: &Whole, bodies: &Bodies, id: i64) -> anyhow::Result<String> {
    let zone = time::zone(global)?;
    let mut out = String::new();
    head(&mut out, whole, &zone, id)?;
    if !whole.seen.is_empty() {
        writeln!(out, "\nseen at")?;
        whole.seen.iter().try_for_each(|seen| vantage(&mut out, seen, &zone))?;
    }
    let shown: BTreeSet<&str> = IN_HEAD.iter().copied().collect();
    let workload = |name: &str| name.starts_with("src.") || name.starts_with("dst.");
    let rest = whole.fields.iter().filter(|(field, value)| {
        !shown.contains(field.name)
            && !workload(field.name)
            && !field.name.contains("node_name")
            && says_something(field, value)
    });
    section(&mut out, "fields", rest, &zone)?;
    let headers = |out: &mut String, what: &str, name: &str| -> std::fmt::Result {
        let Some((_, value)) = whole.fields.iter().find(|(f, _)| f.name == name) else {
            return Ok(());
        };
        let Cell::Pairs(pairs) = Cell::of(value) else { return Ok(()) };
        if !pairs.is_empty() {
            writeln!(out, "\n{what}")?;
        }
        pairs.iter().try_for_each(|(key, value)| {
            writeln!(out, "  {}: {}", text::terminal(key), text::terminal(value))
        })
    };
    headers(&mut out, "request headers", "request.headers")?;
    body(&mut out, "request body", &bodies.request)?;
    headers(&mut out, "response headers", "response.headers")?;
    body(&mut out, "response body", &bodies.response)?;
    if let Some(note) = &bodies.note {
        writeln!(out, "\nbodies: {}", text::terminal(note))?;
    }
    let metrics = whole.conn.iter().filter(|(field, value)| {
        (field.name.starts_with("conn_") && field.name != "conn_id" || field.name == "elapsed_time")
            && says_something(field, value)
    });
    section(&mut out, "connection", metrics, &zone)?;
    if whole.chain.height() > 1 {
        let filter = whole.chain_filter.as_deref().unwrap_or("");
        writeln!(out, "\nsame {}", text::terminal(filter))?;
        let table = Sheet::of(&whole.chain, &columns(&chain_fields()))?.table(&zone);
        let own = id.to_string();
        for line in table.lines() {
            writeln!(out, "{} {line}", if line.ends_with(&own) { '>' } else { ' ' })?;
        }
    }
    evidence(&mut out, whole)?;
    Ok(out)
}

fn head(out: &mut String, whole: &Whole, zone: &jiff::tz::TimeZone, id: i64) -> anyhow::Result<()> {
    let say = |name: &str| text::terminal(&whole.text(name));
    let took = number::millis(whole.int("elapsed_time") as f64 / 1000.0);
    let outcome = [say("outcome"), say("flow_state")].concat();
    let what = match whole.family {
        Family::Calls => format!("call {id}: {} {}", say("protocol"), say("operation")),
        Family::Conns => format!("connection {id}: {}", say("protocol")),
        Family::Flows => format!("flow {id}: {}", say("protocol")),
    };
    let status = match (whole.int("status_code"), say("error")) {
        (0, error) if error.is_empty() => String::new(),
        (0, error) => format!(" {error}"),
        (code, error) if error.is_empty() || error == code.to_string() => format!(" {code}"),
        (code, error) => format!(" {code} {error}"),
    };
    writeln!(out, "{what} ->{status} {outcome}, {took}")?;
    writeln!(out, "at    {}", time::moment(whole.int("timestamp"), zone))?;
    for (label, end) in [("from", "src"), ("to", "dst")] {
        let field = |name: &str| say(&format!("{end}.{name}"));
        let node = say(if end == "src" { "local_node_name" } else { "remote_node_name" });
        let mut about = vec![field("kind")];
        about.extend(
            (!field("service.name").is_empty())
                .then(|| format!("service {}", field("service.name"))),
        );
        about.extend((!node.is_empty()).then(|| format!("on {node}")));
        let namespace = match field("namespace") {
            none if none.is_empty() => none,
            namespace => format!("{namespace}/"),
        };
        let port = whole.int(&format!("{end}.port"));
        let port = if port == 0 { String::new() } else { format!(":{port}") };
        writeln!(
            out,
            "{label:<5} {namespace}{} ({}), {}{port}",
            field("name"),
            about.join(", "),
            field("ip")
        )?;
    }
    Ok(())
}

fn vantage(out: &mut String, seen: &Seen, zone: &jiff::tz::TimeZone) -> std::fmt::Result {
    writeln!(
        out,
        "  {:<12} {:<10} {}  {:>9}  frame {} of {}",
        text::terminal(&seen.node),
        text::terminal(&seen.vantage),
        time::moment(seen.ts_ns, zone),
        number::millis(seen.elapsed_us as f64 / 1000.0),
        seen.frame,
        text::terminal(&seen.file)
    )
}

fn section<'f>(
    out: &mut String,
    title: &str,
    fields: impl Iterator<Item = &'f Filled>,
    zone: &jiff::tz::TimeZone,
) -> std::fmt::Result {
    for (position, (field, value)) in fields.enumerate() {
        if position == 0 {
            writeln!(out, "\n{title}")?;
        }
        let shown = Cell::of(value).shown(unit(field), zone);
        writeln!(out, "  {:<28} {}", field.name, text::terminal(&shown))?;
    }
    Ok(())
}

fn body(out: &mut String, title: &str, body: &Option<Body>) -> std::fmt::Result {
    let Some(body) = body else { return Ok(()) };
    let cut = if body.truncated { ", cut" } else { "" };
    writeln!(out, "\n{title} ({} bytes{cut})", body.bytes)?;
    if let Some(note) = &body.note {
        writeln!(out, "  note: {}", text::terminal(note))?;
    }
    // Line by line, so that what is one document stays readable.
    body.content.lines().try_for_each(|line| writeln!(out, "  {}", text::visible(line)))
}

/// How to see the packets elsewhere.
fn evidence(out: &mut String, whole: &Whole) -> std::fmt::Result {
    if whole.family == Family::Flows || whole.seen.is_empty() {
        return Ok(());
    }
    let (src, dst) = (whole.text("src.ip"), whole.text("dst.ip"));
    let transport = whole.conn.iter().find(|(f, _)| f.name == "protocol");
    let transport = transport.map_or(whole.text("protocol"), |(_, v)| v.str_value().to_string());
    let proto = if transport == "UDP" { "udp" } else { "tcp" };
    let ip = if src.contains(':') { "ipv6" } else { "ip" };
    let filter = format!(
        "{ip}.addr=={src} && {ip}.addr=={dst} && {proto}.port=={} && {proto}.port=={}",
        whole.int("src.port"),
        whole.int("dst.port")
    );
    writeln!(out, "\nin Wireshark\n  {}", text::terminal(&filter))?;
    let files: BTreeSet<&str> = whole.seen.iter().map(|seen| seen.file.as_str()).collect();
    for file in files {
        let command = ["tshark", "-r", file, "-Y", &filter];
        writeln!(out, "  $ {}", text::shell(&command))?;
    }
    Ok(())
}
