//! Small charts inside tables: calls with their failures, p95, and how much of the window a
//! vantage covers. The grey band is where nine of ten bins lay before the incident.

use std::fmt::Write;

use super::Scale;
use super::svg::Svg;
use crate::report::model::{Incident, Series};
use crate::report::number;
use crate::report::time::Time;

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 40.0;
const TOP: f64 = 4.0;
const PLOT: f64 = HEIGHT - 2.0 * TOP;
const POINTS_MAX: usize = 84;

/// Calls per bin as a line, the failed ones as hatched columns on the same scale.
pub fn calls(series: &Series, incident: Option<&Incident>) -> String {
    let calls: Vec<_> = join(&series.calls, |bins| Some(bins.iter().sum::<u64>() as f64));
    let failed: Vec<_> = join(&series.failed, |bins| Some(bins.iter().sum::<u64>() as f64));
    let plot = Plot::new(series, &calls, incident);
    let mut svg = plot.frame(&calls);
    for (index, value) in failed.iter().enumerate() {
        if let Some(value) = value.filter(|v| *v > 0.0) {
            let (x, y) = plot.point(index, value);
            svg.rect((x - plot.step / 2.0, y), (plot.step.max(1.5), HEIGHT - TOP - y), "s-bad");
        }
    }
    plot.line(&mut svg, &calls, "s-line");
    plot.onset(&mut svg);
    let sum = |values: &[u64]| values.iter().sum::<u64>();
    let failed = number::of(sum(&series.failed), sum(&series.calls));
    svg.finish_small("spark", &format!("{}: calls over time, {failed} failed", series.service))
}

/// The 95th percentile of each bin; bins without answers leave a hole.
pub fn p95(series: &Series, incident: Option<&Incident>) -> String {
    let values: Vec<_> =
        join(&series.p95_ms, |bins| bins.iter().flatten().copied().reduce(f64::max));
    let plot = Plot::new(series, &values, incident);
    let mut svg = plot.frame(&values);
    plot.line(&mut svg, &values, "s-line");
    plot.onset(&mut svg);
    let top = values.iter().flatten().copied().reduce(f64::max);
    let top = top.map_or("no answers".to_owned(), |ms| format!("highest {}", number::millis(ms)));
    svg.finish_small("spark", &format!("{}: p95 over time, {top}", series.service))
}

/// A bar for the covered part of the window.
pub fn extent(covered: Option<(Time, Time)>, window: (Time, Time)) -> String {
    let scale = Scale { from: window.0, until: window.1, left: 0.0, width: 120.0 };
    let mut svg = Svg::new(120.0, 12.0);
    svg.rect((0.0, 5.0), (120.0, 2.0), "s-track");
    let Some((first, last)) = covered else {
        return svg.finish_small("extent", "no packets in the window");
    };
    let (from, until) = (scale.x(first), scale.x(last));
    svg.rect((from, 2.0), ((until - from).max(1.0), 8.0), "s-extent");
    let share = (until - from) / scale.width;
    svg.finish_small("extent", &format!("covers {} of the window", number::percent(share)))
}

/// Where values go.
struct Plot<'s> {
    step: f64,
    top: f64,
    scale: Scale,
    onset: Option<Time>,
    bins_before: usize,
    series: &'s Series,
}

impl<'s> Plot<'s> {
    fn new(series: &'s Series, values: &[Option<f64>], incident: Option<&Incident>) -> Plot<'s> {
        let seconds = series.bin_s * series.calls.len() as f64;
        let until = Time(series.start.0.saturating_add((seconds * 1e9) as i64));
        let onset = incident.map(|i| i.onset.first_bad).filter(|t| *t >= series.start);
        let before = onset.map_or(0.0, |t| t.seconds_since(series.start) / seconds.max(1e-9));
        Plot {
            step: WIDTH / values.len().max(1) as f64,
            top: values.iter().flatten().copied().fold(1e-9, f64::max),
            scale: Scale { from: series.start, until, left: 0.0, width: WIDTH },
            onset,
            bins_before: (before * values.len() as f64) as usize,
            series,
        }
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - TOP - (value / self.top).clamp(0.0, 1.0) * PLOT
    }

    fn point(&self, index: usize, value: f64) -> (f64, f64) {
        ((index as f64 + 0.5) * self.step, self.y(value))
    }

    /// Base line and, with enough bins before the incident, their band.
    fn frame(&self, values: &[Option<f64>]) -> Svg {
        let mut svg = Svg::new(WIDTH, HEIGHT);
        let mut base: Vec<_> = values.iter().take(self.bins_before).flatten().copied().collect();
        base.sort_by(f64::total_cmp);
        if base.len() >= 5 && !self.series.calls.is_empty() {
            let at = |share: f64| base[((base.len() - 1) as f64 * share).round() as usize];
            let (low, high) = (self.y(at(0.05)) + 1.0, self.y(at(0.95)) - 1.0);
            svg.rect((0.0, high), (WIDTH, low - high), "s-band");
        }
        svg.line((0.0, HEIGHT - TOP), (WIDTH, HEIGHT - TOP), "s-base");
        svg
    }

    fn line(&self, svg: &mut Svg, values: &[Option<f64>], class: &str) {
        let mut path = String::new();
        let mut pen_down = false;
        for (index, value) in values.iter().enumerate() {
            let Some(value) = *value else {
                pen_down = false;
                continue;
            };
            let (x, y) = self.point(index, value);
            let _ = write!(path, "{}{x:.1} {y:.1}", if pen_down { "L" } else { "M" });
            if !pen_down {
                path.push_str("h0.1"); // a lone point stays visible
            }
            pen_down = true;
        }
        svg.raw(format_args!("<path d=\"{path}\" class=\"{class}\"/>"));
    }

    fn onset(&self, svg: &mut Svg) {
        if let Some(onset) = self.onset {
            let x = self.scale.x(onset);
            svg.line((x, 0.0), (x, HEIGHT), "s-onset");
        }
    }
}

/// Joins neighbouring bins until they fit.
fn join<T>(bins: &[T], merge: impl Fn(&[T]) -> Option<f64>) -> Vec<Option<f64>> {
    let size = bins.len().div_ceil(POINTS_MAX).max(1);
    bins.chunks(size).map(merge).collect()
}
