//! The timeline as lanes: services, nodes, Kubernetes. A mark carries the number of its row in the
//! table below; its shape tells the severity; a bar shows how long it lasted.

use super::Scale;
use super::svg::{Svg, fit};
use crate::report::model::{Event, Lane, Report, Severity};
use crate::report::time::{Time, Zone};
use crate::report::view::View;

const WIDTH: f64 = 940.0;
const LEFT: f64 = 118.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 40.0;
const ROW: f64 = 26.0;
const MARK: f64 = 22.0;
const LANES_MAX: usize = 14;
const ROWS_PER_LANE_MAX: usize = 4;
const TICKS_MAX: f64 = 7.0;

/// Seconds between ticks that people read easily.
const STEPS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0,
    120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0,
];

/// Empty without a timeline.
pub fn draw(report: &Report, view: &View<'_>, zone: &Zone) -> String {
    let lanes = lanes(&report.timeline);
    let Some(scale) = scale(report, view) else { return String::new() };
    let placed: Vec<_> = lanes.iter().map(|lane| place(lane, &scale)).collect();
    let rows: usize = placed.iter().map(|lane| lane.rows).sum();
    let bottom = TOP + rows as f64 * ROW + 6.0 * lanes.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 28.0);
    incident(&mut svg, view, &scale, bottom);
    axis(&mut svg, &scale, zone, bottom);
    let mut y = TOP;
    for (lane, placed) in lanes.iter().zip(&placed) {
        let height = placed.rows as f64 * ROW + 6.0;
        svg.line((0.0, y + height), (WIDTH - RIGHT, y + height), "l-rule");
        svg.text((0.0, y + height / 2.0 + 4.0), "l-name", &fit(&lane.name, 16));
        for (mark, row) in placed.marks.iter().zip(&placed.at) {
            self::mark(&mut svg, mark, &scale, y + 3.0 + (*row as f64 + 0.5) * ROW);
        }
        y += height;
    }
    let desc = format!("{} events; the table below lists them all.", report.timeline.len());
    svg.finish("lanes", "chart lanes", "Timeline by service, node and Kubernetes", &desc)
}

struct LaneOf<'e> {
    name: String,
    marks: Vec<(usize, &'e Event)>,
}

/// Events by lane; services in the order they first appear, then nodes, then Kubernetes.
fn lanes(timeline: &[Event]) -> Vec<LaneOf<'_>> {
    let mut lanes: Vec<(Lane, LaneOf<'_>)> = Vec::new();
    for (index, event) in timeline.iter().enumerate() {
        let name = match (event.lane, &event.subject) {
            (Lane::Kubernetes, _) => "Kubernetes".to_owned(),
            (_, Some(subject)) => subject.clone(),
            (Lane::Service, None) => "services".to_owned(),
            (Lane::Node, None) => "nodes".to_owned(),
        };
        let known = lanes.iter().position(|(kind, lane)| *kind == event.lane && lane.name == name);
        let at = match known {
            Some(at) => at,
            None if lanes.len() < LANES_MAX => {
                lanes.push((event.lane, LaneOf { name, marks: Vec::new() }));
                lanes.len() - 1
            }
            None => continue, // the table has them all
        };
        lanes[at].1.marks.push((index + 1, event));
    }
    lanes.sort_by_key(|(kind, _)| *kind);
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

/// From a little before the first event to a little after the last, inside the capture.
fn scale(report: &Report, view: &View<'_>) -> Option<Scale> {
    let end = |event: &Event| event.until.unwrap_or(event.ts);
    let mut from = report.timeline.iter().map(|event| event.ts).min()?;
    let mut until = report.timeline.iter().map(end).max()?;
    if let Some(main) = view.main {
        from = from.min(main.onset.first_bad);
        until = until.max(main.end.unwrap_or(report.window.covered.until));
    }
    let margin = (until.seconds_since(from) * 0.03).max(0.001);
    let shift = |time: Time, seconds: f64| Time(time.0.saturating_add((seconds * 1e9) as i64));
    Some(Scale {
        from: shift(from, -margin),
        until: shift(until, margin),
        left: LEFT,
        width: WIDTH - LEFT - RIGHT,
    })
}

struct Placed<'l, 'e> {
    marks: &'l [(usize, &'e Event)],
    /// The row of each mark inside its lane.
    at: Vec<usize>,
    rows: usize,
}

/// Marks that would touch go to the next row of their lane.
fn place<'l, 'e>(lane: &'l LaneOf<'e>, scale: &Scale) -> Placed<'l, 'e> {
    let mut ends: Vec<f64> = Vec::new();
    let mut at = Vec::with_capacity(lane.marks.len());
    for (_, event) in &lane.marks {
        let x = scale.x(event.ts);
        let end = event.until.map_or(x, |until| scale.x(until)).max(x + MARK);
        let free = ends.iter().position(|last| *last <= x);
        let row = free.unwrap_or(ends.len()).min(ROWS_PER_LANE_MAX - 1);
        if row == ends.len() {
            ends.push(end);
        }
        ends[row] = ends[row].max(end);
        at.push(row);
    }
    Placed { marks: &lane.marks, at, rows: ends.len().max(1) }
}

fn mark(svg: &mut Svg, &(number, event): &(usize, &Event), scale: &Scale, y: f64) {
    let x = scale.x(event.ts);
    let class = match event.severity {
        Severity::Info | Severity::Low => "m-info",
        Severity::Medium => "m-medium",
        Severity::High | Severity::Critical => "m-high",
    };
    svg.open(class, &format!("{number}. {}", event.text));
    if let Some(until) = event.until {
        svg.rect((x, y - 4.0), ((scale.x(until) - x).max(1.0), 8.0), "m-bar");
    }
    svg.raw(format_args!("<a href=\"#event-{number}\">"));
    match event.severity {
        Severity::Info | Severity::Low => {
            svg.raw(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9.5\"/>"));
        }
        Severity::Medium => svg.raw(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"18\" height=\"18\" rx=\"3\"/>",
            x - 9.0,
            y - 9.0
        )),
        Severity::High | Severity::Critical => {
            svg.raw(format_args!("<path d=\"M{x:.1} {:.1}l12 12l-12 12l-12 -12z\"/>", y - 12.0))
        }
    }
    svg.text((x, y + 4.0), "m-number", &number.to_string());
    svg.raw(format_args!("</a>"));
    svg.close();
}

/// The incident as a band, the doubt about its beginning hatched.
fn incident(svg: &mut Svg, view: &View<'_>, scale: &Scale, bottom: f64) {
    let Some(main) = view.main else { return };
    let from = scale.x(main.onset.first_bad);
    let until = main.end.map_or(scale.left + scale.width, |end| scale.x(end));
    svg.rect((from, TOP - 8.0), ((until - from).max(1.0), bottom - TOP + 8.0), "l-band");
    let good = scale.x(main.onset.last_good.unwrap_or(scale.from));
    if from - good > 2.0 {
        svg.rect((good, TOP - 8.0), (from - good, bottom - TOP + 8.0), "l-doubt");
    }
    svg.line((from, TOP - 8.0), (from, bottom), "l-onset");
}

/// The wall clock above; below, UTC where that is another clock.
fn axis(svg: &mut Svg, scale: &Scale, zone: &Zone, bottom: f64) {
    let seconds = scale.until.seconds_since(scale.from);
    let step = STEPS.iter().copied().find(|step| seconds / step <= TICKS_MAX).unwrap_or(86400.0);
    let step_ns = (step * 1e9) as i64;
    let digits = if step < 1.0 { 3 } else { 0 };
    let utc = Zone::named("UTC").ok().filter(|_| !zone.is_utc());
    svg.text((0.0, 14.0), "l-axis", &zone.abbreviation(scale.from));
    if utc.is_some() {
        svg.text((0.0, bottom + 20.0), "l-axis", "UTC");
    }
    let mut at = scale.from.0.div_euclid(step_ns).saturating_add(1).saturating_mul(step_ns);
    while at < scale.until.0 {
        let x = scale.x(Time(at));
        svg.line((x, 20.0), (x, bottom), "l-tick");
        svg.text((x, 14.0), "l-axis l-mid", &zone.clock(Time(at), digits));
        if let Some(utc) = &utc {
            svg.text((x, bottom + 20.0), "l-axis l-mid", &utc.clock(Time(at), digits));
        }
        at = at.saturating_add(step_ns);
    }
}
