//! `pcapsule map INPUT...`: who called whom, as a table or as a picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::ValueEnum;

use crate::answer::map::{Edge, edges};
use crate::answer::peers::Level;
use crate::report::{model, picture, text};

use super::args::Global;
use super::load::{self, Source};
use super::query::filter;
use super::sheet::{Cell, Sheet, Unit};
use super::{Exit, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pcapsule map CAPTURE                                        callers, callees, errors, latency
  pcapsule map CAPTURE --format svg -o map.svg                the same as a picture
  pcapsule map CAPTURE --format mermaid                       to paste into Markdown
  pcapsule map CAPTURE -f 'src.namespace != dst.namespace' --level namespace")]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Only calls and connections that match
    #[arg(long, short, value_name = "KFL", default_value = "true", hide_default_value = true)]
    filter: String,
    /// What the boxes are
    #[arg(long, value_enum, default_value = "workload")]
    level: LevelArg,
    /// How the map is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File to write to [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelArg {
    Pod,
    Service,
    Workload,
    Namespace,
    Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Dot,
    Mermaid,
    Svg,
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let checked = filter(global, &args.filter)?;
    let level = match args.level {
        LevelArg::Pod => Level::Pod,
        LevelArg::Service => Level::Service,
        LevelArg::Workload => Level::Workload,
        LevelArg::Namespace => Level::Namespace,
        LevelArg::Node => Level::Node,
    };
    let dataset = load::dataset(global, &args.source)?;
    let checked = checked.at(dataset.meta.last_ns().unwrap_or(0));
    let edges = edges(&dataset, &checked, level)?;
    let text = match args.format {
        Format::Text => table(&edges).table(&super::time::zone(global)?),
        Format::Dot => dot(&edges),
        Format::Mermaid => mermaid(&edges),
        Format::Svg => picture(edges.iter().map(drawn).collect()),
        Format::Json => output::json_text(&serde_json::json!({
            "schema": "pcapsule/map/v1", "edges": edges, "coverage": dataset.meta.coverage,
        }))?,
    };
    match &args.output {
        Some(path) => output::write_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    if edges.is_empty() && !global.quiet {
        eprintln!("note: no call and no connection matches");
    }
    Ok(Exit::Ok)
}

fn table(edges: &[Edge]) -> Sheet {
    let heads = [
        ("client", Unit::Plain),
        ("server", Unit::Plain),
        ("protocol", Unit::Plain),
        ("calls", Unit::Plain),
        ("errors", Unit::Plain),
        ("error_rate", Unit::Share),
        ("p50", Unit::Micros),
        ("p95", Unit::Micros),
    ];
    let mut sheet = Sheet::new(heads);
    for edge in edges {
        sheet.push(vec![
            Cell::from(edge.client.as_str()),
            Cell::from(edge.server.as_str()),
            Cell::from(edge.protocol.as_str()),
            Cell::from(edge.calls),
            Cell::from(edge.errors),
            Cell::from(edge.errors as f64 / edge.calls.max(1) as f64),
            Cell::from(edge.p50_us),
            Cell::from(edge.p95_us),
        ]);
    }
    sheet
}

/// Numbers for the boxes, in the order of their names.
fn boxes(edges: &[Edge]) -> BTreeMap<&str, usize> {
    let mut boxes: BTreeMap<&str, usize> =
        edges.iter().flat_map(|e| [(e.client.as_str(), 0), (e.server.as_str(), 0)]).collect();
    for (number, at) in boxes.values_mut().enumerate() {
        *at = number;
    }
    boxes
}

/// Graphviz. Only quotes and backslashes act inside its strings.
fn dot(edges: &[Edge]) -> String {
    let quoted = |label: &str| {
        format!("\"{}\"", text::terminal(label).replace('\\', "\\\\").replace('"', "\\\""))
    };
    let boxes = boxes(edges);
    let mut out = String::from("digraph map {\n  rankdir=LR;\n  node [shape=box];\n");
    for (name, number) in &boxes {
        let _ = writeln!(out, "  n{number} [label={}];", quoted(name));
    }
    for edge in edges {
        let (from, to) = (boxes[edge.client.as_str()], boxes[edge.server.as_str()]);
        let colour = if edge.errors > 0 { ", color=red, fontcolor=red, style=bold" } else { "" };
        let _ = writeln!(out, "  n{from} -> n{to} [label={}{colour}];", quoted(&edge.label()));
    }
    out.push_str("}\n");
    out
}

/// Mermaid. Labels are quoted, with entities for what would end or mean something in them.
fn mermaid(edges: &[Edge]) -> String {
    let quoted = |label: &str| {
        let mut out = String::from("\"");
        for c in text::terminal(label).chars() {
            match c {
                '"' | '#' | '<' | '>' | '&' | '`' | '\\' | '[' | ']' | '|' | ';' => {
                    let _ = write!(out, "#{};", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out + "\""
    };
    let boxes = boxes(edges);
    let mut out = String::from("flowchart LR\n");
    for (name, number) in &boxes {
        let _ = writeln!(out, "  n{number}[{}]", quoted(name));
    }
    for edge in edges {
        let (from, to) = (boxes[edge.client.as_str()], boxes[edge.server.as_str()]);
        let _ = writeln!(out, "  n{from} -->|{}| n{to}", quoted(&edge.label()));
    }
    for (number, _) in edges.iter().enumerate().filter(|(_, edge)| edge.errors > 0) {
        let _ = writeln!(out, "  linkStyle {number} stroke:#c00,color:#c00");
    }
    out
}

/// An edge as reports draw it.
fn drawn(edge: &Edge) -> model::Edge {
    let split = |label: &str| match label.split_once('/') {
        Some((namespace, name)) => (name.to_string(), Some(namespace.to_string())),
        None => (label.to_string(), None),
    };
    let ((src, src_namespace), (dst, dst_namespace)) = (split(&edge.client), split(&edge.server));
    model::Edge {
        src,
        src_namespace,
        dst,
        dst_namespace,
        protocol: edge.protocol.clone(),
        calls: edge.calls,
        failed: edge.errors,
        p95_ms: edge.p95_us.map(|us| us as f64 / 1000.0),
        rate_before: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_traffic_are_labels_and_nothing_else() {
        let edge = Edge {
            client: "a\"]; evil [label=\"x".into(),
            server: "b\\\"<script>\x1b[2J".into(),
            protocol: "HTTP".into(),
            calls: 2,
            errors: 1,
            p50_us: None,
            p95_us: Some(1500),
            is_conns: false,
        };
        let edges = [edge];
        let dot = dot(&edges);
        assert!(dot.contains(r#"n0 [label="a\"]; evil [label=\"x"];"#), "{dot}");
        assert!(dot.contains(r#"n1 [label="b\\\"<script>⟨ESC⟩[2J"];"#), "{dot}");
        let mermaid = mermaid(&edges);
        assert!(!mermaid.contains("<script>") && !mermaid.contains('\x1b'), "{mermaid}");
        assert!(mermaid.contains("HTTP 2, 1 failed (50.0 %), p95 1.5 ms"), "{mermaid}");
        let svg = picture(edges.iter().map(drawn).collect());
        assert!(svg.starts_with("<svg xmlns=") && !svg.contains("<script>"), "{svg}");
    }
}
