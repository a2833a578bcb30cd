//! The dependency map: who called whom in the incident. An edge with failures is dashed, labelled
//! with their number and coloured; one that fell silent is dotted and says so.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::layout::{Layout, Spacing, layout};
use super::svg::{Svg, fit};
use crate::report::model::{Edge, Report};
use crate::report::number;
use crate::report::view::View;

const NODE: (f64, f64) = (128.0, 46.0);
const SPACING: Spacing = Spacing { column: 244.0, node: 84.0, pass: 56.0 };
const MARGIN: (f64, f64) = (14.0, 22.0);
/// A wider picture scrolls instead of shrinking until nobody can read it.
const WIDE: f64 = 1250.0;
const NODES_MAX: usize = 40;
const EDGES_MAX: usize = 80;
/// Width of a label's character.
const CHAR: f64 = 6.4;

type Key<'e> = (&'e str, Option<&'e str>);

/// Empty without edges.
pub fn draw(report: &Report, view: &View<'_>) -> String {
    let edges = chosen(&report.edges);
    let nodes = nodes(&edges);
    if nodes.is_empty() {
        return String::new();
    }
    let pairs: Vec<_> = edges.iter().map(|e| (nodes[&src(e)], nodes[&dst(e)])).collect();
    let layout = layout(nodes.len(), &pairs, &SPACING);
    let width = (layout.columns.max(1) - 1) as f64 * SPACING.column + NODE.0 + 2.0 * MARGIN.0;
    let mut svg = Svg::new(width, layout.height + NODE.1 + 2.0 * MARGIN.1);
    arrowheads(&mut svg);
    let mut labels = Labels::new(&layout);
    for (edge, route) in edges.iter().zip(&layout.routes) {
        connect(&mut svg, edge, route);
    }
    for (index, (edge, route)) in edges.iter().zip(&layout.routes).enumerate() {
        labels.write(&mut svg, edge, index, route);
    }
    for (key, &at) in &nodes {
        node(&mut svg, *key, layout.nodes[at], &edges, view);
    }
    let hidden = report.edges.len() - edges.len();
    let desc = format!(
        "{} workloads and {} kinds of calls; the table below lists them{}.",
        nodes.len(),
        edges.len(),
        if hidden > 0 { format!(" with {hidden} more that are not drawn") } else { String::new() }
    );
    let class = if width > WIDE { "chart map wide" } else { "chart map" };
    svg.finish("map", class, "Dependency map of the affected services", &desc)
}

fn src(edge: &Edge) -> Key<'_> {
    (&edge.src, edge.src_namespace.as_deref())
}

fn dst(edge: &Edge) -> Key<'_> {
    (&edge.dst, edge.dst_namespace.as_deref())
}

/// The edges worth drawing: failures first, then traffic, as many as a picture bears.
fn chosen(edges: &[Edge]) -> Vec<&Edge> {
    let mut order: Vec<_> = edges.iter().collect();
    order.sort_by_key(|edge| std::cmp::Reverse((edge.failed, edge.calls)));
    let mut seen: BTreeMap<Key<'_>, ()> = BTreeMap::new();
    let mut chosen: Vec<&Edge> = Vec::new();
    for edge in order {
        let new = [src(edge), dst(edge)].iter().filter(|key| !seen.contains_key(*key)).count();
        if chosen.len() < EDGES_MAX && seen.len() + new <= NODES_MAX {
            seen.extend([(src(edge), ()), (dst(edge), ())]);
            chosen.push(edge);
        }
    }
    chosen.sort_by_key(|edge| (src(edge), dst(edge), &edge.protocol));
    chosen
}

/// Numbers the nodes by name.
fn nodes<'e>(edges: &[&'e Edge]) -> BTreeMap<Key<'e>, usize> {
    let mut nodes: BTreeMap<_, _> =
        edges.iter().flat_map(|edge| [(src(edge), 0), (dst(edge), 0)]).collect();
    for (number, at) in nodes.values_mut().enumerate() {
        *at = number;
    }
    nodes
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Well,
    Failing,
    Silent,
}

fn state(edge: &Edge) -> State {
    match edge {
        edge if edge.failed > 0 => State::Failing,
        edge if edge.calls == 0 && edge.rate_before.unwrap_or(0.0) > 0.0 => State::Silent,
        _ => State::Well,
    }
}

fn class(edge: &Edge) -> &'static str {
    match state(edge) {
        State::Well => "e-well",
        State::Failing => "e-bad",
        State::Silent => "e-silent",
    }
}

fn arrowheads(svg: &mut Svg) {
    svg.raw(format_args!("<defs>"));
    for class in ["e-well", "e-bad", "e-silent"] {
        svg.raw(format_args!(
            "<marker id=\"{class}-tip\" class=\"{class}-tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
             markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
             <path d=\"M0 0.5L8 4L0 7.5z\"/></marker>"
        ));
    }
    svg.raw(format_args!("</defs>"));
}

/// The points of an edge in the picture: from the right side of the caller to the left side of
/// the callee, or from left to right where it runs backwards.
fn anchored(route: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let middle = |&(x, y): &(f64, f64)| (x + MARGIN.0 + NODE.0 / 2.0, y + MARGIN.1 + NODE.1 / 2.0);
    let mut points: Vec<_> = route.iter().map(middle).collect();
    let backwards = points.first().zip(points.last()).is_some_and(|(a, b)| a.0 > b.0);
    let side = if backwards { -NODE.0 / 2.0 } else { NODE.0 / 2.0 };
    if let [first, .., last] = points.as_mut_slice() {
        first.0 += side;
        last.0 -= side + 2.0f64.copysign(side);
    }
    points
}

fn connect(svg: &mut Svg, edge: &Edge, route: &[(f64, f64)]) {
    let points = anchored(route);
    let Some(&(x, y)) = points.first() else { return };
    let mut path = format!("M{x:.1} {y:.1}");
    for pair in points.windows(2) {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        let bend = (x2 - x1) * 0.5;
        let _ = write!(path, "C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 + bend, x2 - bend);
    }
    let (class, width) = (class(edge), 1.2 + (edge.calls as f64 + 1.0).log10() * 0.7);
    svg.open("edge", &describe(edge));
    svg.raw(format_args!(
        "<path d=\"{path}\" class=\"{class}\" stroke-width=\"{width:.1}\" marker-end=\"url(#{class}-tip)\"/>"
    ));
    svg.close();
}

fn describe(edge: &Edge) -> String {
    let p95 = edge.p95_ms.map_or(String::new(), |ms| format!(", p95 {}", number::millis(ms)));
    format!(
        "{} to {} ({}): {} failed{p95}",
        edge.src,
        edge.dst,
        edge.protocol,
        number::of(edge.failed, edge.calls)
    )
}

fn caption(edge: &Edge) -> String {
    match state(edge) {
        State::Failing => {
            format!("✕ {} of {}", number::count(edge.failed), number::count(edge.calls))
        }
        State::Silent => format!("was {}", number::rate(edge.rate_before.unwrap_or(0.0))),
        State::Well => match edge.p95_ms {
            Some(ms) => format!("{} · {}", number::count(edge.calls), number::millis(ms)),
            None => format!("{} calls", number::count(edge.calls)),
        },
    }
}

/// Finds places for labels: not on nodes, not on each other, on as few foreign edges as possible.
struct Labels {
    taken: Vec<[f64; 4]>,
    /// Points along every edge.
    lines: Vec<Vec<(f64, f64)>>,
}

/// Places tried along each stretch of an edge.
const SPOTS: &[f64] = &[0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74];
const POINTS: usize = 40;

impl Labels {
    fn new(layout: &Layout) -> Labels {
        let node = |&(x, y): &(f64, f64)| {
            [x + MARGIN.0, y + MARGIN.1, x + MARGIN.0 + NODE.0, y + MARGIN.1 + NODE.1]
        };
        let line = |route: &Vec<(f64, f64)>| {
            let points = anchored(route);
            let stretch = |pair: &[(f64, f64)]| {
                let (from, to) = (pair[0], pair[1]);
                (0..=POINTS).map(move |at| along(from, to, at as f64 / POINTS as f64))
            };
            points.windows(2).flat_map(stretch).collect()
        };
        Labels {
            taken: layout.nodes.iter().map(node).collect(),
            lines: layout.routes.iter().map(line).collect(),
        }
    }

    fn write(&mut self, svg: &mut Svg, edge: &Edge, index: usize, route: &[(f64, f64)]) {
        let label = caption(edge);
        let half = label.chars().count() as f64 * CHAR / 2.0 + 4.0;
        let box_at = |(x, y): (f64, f64)| [x - half, y - 9.0, x + half, y + 9.0];
        let points = anchored(route);
        let spots =
            points.windows(2).flat_map(|pair| SPOTS.iter().map(|&t| along(pair[0], pair[1], t)));
        let cost = |at: &(f64, f64)| self.cost(index, &box_at(*at));
        let Some((x, y)) = spots.min_by_key(cost) else { return };
        self.taken.push(box_at((x, y)));
        svg.rect((x - half, y - 9.0), (half * 2.0, 18.0), "e-plate");
        svg.text((x, y + 4.0), &format!("e-label {}-label", class(edge)), &label);
    }

    /// Points of other edges below the label; a node or a label below it costs more than any.
    fn cost(&self, index: usize, label: &[f64; 4]) -> usize {
        let covered = self.taken.iter().filter(|other| overlap(other, label)).count();
        let inside = |(x, y): &&(f64, f64)| overlap(&[*x, *y, *x, *y], label);
        let others = self.lines.iter().enumerate().filter(|(at, _)| *at != index);
        covered * 10_000 + others.map(|(_, line)| line.iter().filter(inside).count()).sum::<usize>()
    }
}

/// A point of the curve that [`connect`] draws between two points.
fn along((x1, y1): (f64, f64), (x2, y2): (f64, f64), t: f64) -> (f64, f64) {
    let u = 1.0 - t;
    let bend = (x2 - x1) * 0.5;
    let cubic = |a: f64, b: f64, c: f64, d: f64| {
        u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
    };
    (cubic(x1, x1 + bend, x2 - bend, x2), cubic(y1, y1, y2, y2))
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn node(svg: &mut Svg, key: Key<'_>, (x, y): (f64, f64), edges: &[&Edge], view: &View<'_>) {
    let (x, y) = (x + MARGIN.0, y + MARGIN.1);
    let into: Vec<_> = edges.iter().filter(|edge| dst(edge) == key).collect();
    let (calls, failed) =
        into.iter().fold((0, 0), |(calls, failed), e| (calls + e.calls, failed + e.failed));
    let rank = view
        .suspects
        .iter()
        .position(|s| s.name == key.0 && s.namespace.as_deref() == key.1)
        .map(|at| at + 1);
    let class = if failed > 0 { "n-bad" } else { "n-well" };
    let name = key.1.map_or(key.0.to_owned(), |namespace| format!("{namespace}/{}", key.0));
    svg.open("node", &name);
    svg.raw(format_args!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"7\" class=\"{class}\"/>",
        NODE.0, NODE.1
    ));
    svg.text((x + NODE.0 / 2.0, y + 21.0), "n-name", &fit(key.0, 16));
    let note = match (into.is_empty(), failed) {
        (true, _) => key.1.unwrap_or("caller").to_owned(),
        (false, 0) => format!("{} calls", number::count(calls)),
        (false, _) => format!("✕ {} of {}", number::count(failed), number::count(calls)),
    };
    svg.text((x + NODE.0 / 2.0, y + 37.0), &format!("n-note {class}-note"), &fit(&note, 20));
    if let Some(rank) = rank {
        let (cx, cy) = (x + NODE.0 - 8.0, y - 4.0);
        svg.raw(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"66\" height=\"17\" rx=\"8.5\" class=\"n-rank\"/>",
            cx - 58.0,
            cy - 9.0
        ));
        svg.text((cx - 25.0, cy + 3.5), "n-rank-text", &format!("suspect {rank}"));
    }
    svg.close();
}
