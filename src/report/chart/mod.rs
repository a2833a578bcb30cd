//! Charts as inline SVG: colours come from the page's style sheet, so that they follow its dark
//! and print modes; every mark that a colour sets apart is also set apart by shape, dash or label.

mod lanes;
mod layout;
mod map;
mod spark;
mod svg;

use minijinja::value::Value;

use super::model::Report;
use super::template::markup;
use super::time::{Time, Zone};
use super::view::View;

/// The context variable `charts`: `lanes` and `map` (empty when there is nothing to draw),
/// `services` (`calls` and `p95` for each of the report's services), `coverage` (one bar each).
pub fn all(report: &Report, view: &View<'_>, zone: &Zone) -> Value {
    let services = report.services.iter().map(|service| {
        let series = report
            .series
            .iter()
            .find(|s| s.service == service.service && s.namespace == service.namespace);
        let calls = series.map(|s| spark::calls(s, view.main)).unwrap_or_default();
        let p95 = series.map(|s| spark::p95(s, view.main)).unwrap_or_default();
        minijinja::context! { calls => markup(calls), p95 => markup(p95) }
    });
    let window = (report.window.covered.since, report.window.covered.until);
    let coverage =
        report.coverage.iter().map(|row| markup(spark::extent(row.first.zip(row.last), window)));
    minijinja::context! {
        lanes => markup(lanes::draw(report, view, zone)),
        map => markup(map::draw(report, view)),
        services => services.collect::<Vec<_>>(),
        coverage => coverage.collect::<Vec<_>>(),
    }
}

/// The dependency map of some edges by itself: one SVG document with its own styles.
pub fn picture(edges: Vec<super::model::Edge>) -> String {
    const STYLE: &str = include_str!("../../../report-templates/style.css");
    let moment = Time(0);
    let window = super::model::Window {
        asked: Default::default(),
        covered: super::model::Covered { since: moment, until: moment },
    };
    let tool = super::model::Tool { name: String::new(), version: String::new() };
    let mut report = Report::new(tool, "UTC", window);
    report.edges = edges;
    let svg = match map::draw(&report, &View::of(&report)) {
        empty if empty.is_empty() => {
            svg::Svg::new(1.0, 1.0).finish("map", "chart map", "Dependency map", "Empty.")
        }
        svg => svg,
    };
    let style = format!(">\n<style><![CDATA[\n{STYLE}\n]]></style>");
    svg.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1).replacen('>', &style, 1)
}

/// Time to horizontal position.
#[derive(Clone, Copy)]
struct Scale {
    from: Time,
    until: Time,
    left: f64,
    width: f64,
}

impl Scale {
    fn x(&self, time: Time) -> f64 {
        let whole = self.until.seconds_since(self.from);
        let part = time.seconds_since(self.from);
        let share = if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
        self.left + share * self.width
    }
}
