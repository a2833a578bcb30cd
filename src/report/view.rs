//! What the views need beyond the model: choices and sums that follow from the report alone, made
//! once in code instead of in every template.

use std::collections::BTreeSet;

use serde::Serialize;

use super::model::{Edge, Episode, Event, Impact, Incident, Report, Service, Suspect, Verdict};
use super::time::Time;

/// Rows of the table behind the sparklines.
pub const BINS_SHOWN_MAX: usize = 40;

/// A p95 is slower when it grew by half and by this much.
const SLOWER_RATIO: f64 = 1.5;
const SLOWER_MS: f64 = 20.0;

/// Context variable `view`.
#[derive(Serialize)]
pub struct View<'r> {
    /// One sentence: what broke, or that nothing did.
    pub headline: String,
    /// The incident that everything compares with.
    pub main: Option<&'r Incident>,
    /// The incident began before the capture or outlasted it, so that durations and counts are
    /// "at least".
    pub at_least: bool,
    /// Services with an episode in the main incident, in the order they turned bad.
    pub affected_services: Vec<&'r str>,
    /// First symptom of each of them, in that order.
    pub spread: Vec<Step<'r>>,
    /// Endpoints that failed, became slower or fell silent in the incident; entries first.
    pub affected: Vec<Endpoint<'r>>,
    /// All other endpoints.
    pub unaffected: Vec<&'r Impact>,
    /// Suspects of the main incident.
    pub suspects: Vec<&'r Suspect>,
    /// Further incidents with their suspects.
    pub others: Vec<Other<'r>>,
    /// `services` with what changed.
    pub services: Vec<Row<'r>>,
    pub edges: Vec<EdgeRow<'r>>,
    pub capture: Capture,
    pub bins: Bins<'r>,
    /// First timeline entry is this far before the first bad moment, in seconds.
    pub lead_s: Option<f64>,
}

#[derive(Serialize)]
pub struct Step<'r> {
    pub name: &'r str,
    pub signal: &'r str,
    /// After the first of all.
    pub after_s: f64,
    /// Too close to the step before to say which came first.
    pub same_time: bool,
}

#[derive(Serialize)]
pub struct Endpoint<'r> {
    #[serde(flatten)]
    pub row: &'r Impact,
    pub slower: bool,
    /// Had calls before, none in the incident.
    pub silent: bool,
}

#[derive(Serialize)]
pub struct Other<'r> {
    pub incident: &'r Incident,
    pub suspects: Vec<&'r Suspect>,
}

#[derive(Serialize)]
pub struct Row<'r> {
    #[serde(flatten)]
    pub service: &'r Service,
    pub worse: bool,
    pub slower: bool,
}

#[derive(Serialize)]
pub struct EdgeRow<'r> {
    #[serde(flatten)]
    pub edge: &'r Edge,
    pub silent: bool,
}

/// Sums over all vantages.
#[derive(Serialize, Default)]
pub struct Capture {
    pub nodes: usize,
    pub packets: u64,
    pub bytes: u64,
    /// `null` when no vantage says.
    pub drops: Option<u64>,
    /// Vantages that do not say.
    pub drops_unknown: usize,
    /// The largest bound on a clock's error, when every node has one.
    pub clock_bound_ms: Option<f64>,
}

/// The numbers behind the sparklines; neighbouring bins are joined until they fit.
#[derive(Serialize)]
pub struct Bins<'r> {
    pub bin_s: f64,
    pub services: Vec<&'r str>,
    pub rows: Vec<BinRow>,
}

#[derive(Serialize)]
pub struct BinRow {
    pub start: Time,
    pub cells: Vec<Cell>,
}

/// Sums of calls; the highest p95 of the joined bins.
#[derive(Serialize, Debug, PartialEq)]
pub struct Cell {
    pub calls: u64,
    pub failed: u64,
    pub p95_ms: Option<f64>,
}

impl<'r> View<'r> {
    pub fn of(report: &'r Report) -> View<'r> {
        let main = report.incidents.first();
        let (mut affected, unaffected): (Vec<_>, Vec<_>) =
            report.impact.iter().map(endpoint).partition(Endpoint::is_affected);
        affected.sort_by_key(|endpoint| !endpoint.row.entry); // what callers saw comes first
        View {
            headline: headline(report),
            main,
            at_least: main.is_some_and(|i| i.end.is_none() || i.onset.last_good.is_none()),
            affected_services: main.map(affected_services).unwrap_or_default(),
            spread: main.map(spread).unwrap_or_default(),
            affected,
            unaffected: unaffected.into_iter().map(|endpoint| endpoint.row).collect(),
            suspects: suspects_of(report, main),
            others: others(report),
            services: report.services.iter().map(service_row).collect(),
            edges: report.edges.iter().map(edge_row).collect(),
            capture: capture(report),
            bins: bins(report),
            lead_s: lead(main, report.timeline.first()),
        }
    }
}

impl Endpoint<'_> {
    fn is_affected(&self) -> bool {
        self.slower
            || self.silent
            || self.row.during.as_ref().map_or(self.row.failed, |d| d.failed) > 0
    }
}

fn headline(report: &Report) -> String {
    match (report.verdict, report.incidents.first()) {
        (Verdict::Incident, Some(incident)) => incident.summary.clone(),
        (Verdict::Incident, None) => "Something broke in this window".to_owned(),
        (Verdict::NoIncident, _) => "No incident in this window".to_owned(),
        (Verdict::Inconclusive, _) => "This capture is too thin to judge".to_owned(),
    }
}

fn affected_services(incident: &Incident) -> Vec<&str> {
    first_episodes(incident).into_iter().map(|episode| episode.name.as_str()).collect()
}

/// Each name's first episode, by onset.
fn first_episodes(incident: &Incident) -> Vec<&Episode> {
    let mut episodes: Vec<_> = incident.episodes.iter().collect();
    episodes.sort_by_key(|episode| episode.onset.first_bad);
    let mut seen = BTreeSet::new();
    episodes.retain(|episode| seen.insert((&episode.name, &episode.namespace)));
    episodes
}

fn spread(incident: &Incident) -> Vec<Step<'_>> {
    let episodes = first_episodes(incident);
    let step = |index: usize| {
        let episode = episodes[index];
        let since = |other: &Episode| episode.onset.first_bad.seconds_since(other.onset.first_bad);
        let before = index.checked_sub(1).map(|at| episodes[at]);
        Step {
            name: &episode.name,
            signal: &episode.signal,
            after_s: since(episodes[0]),
            same_time: before.is_some_and(|b| since(b) * 1e3 <= clock_bound_ms(b, episode)),
        }
    };
    (0..episodes.len()).map(step).collect()
}

fn clock_bound_ms(a: &Episode, b: &Episode) -> f64 {
    let bound = |episode: &Episode| episode.onset.clock_bound_ms.unwrap_or(0.0);
    bound(a).max(bound(b))
}

fn endpoint(row: &Impact) -> Endpoint<'_> {
    let (before, during) = (row.before.as_ref(), row.during.as_ref());
    Endpoint {
        row,
        slower: grew(before.and_then(|b| b.p95_ms), during.and_then(|d| d.p95_ms)),
        silent: before.is_some_and(|b| b.requests > 0) && during.is_some_and(|d| d.requests == 0),
    }
}

fn grew(before: Option<f64>, now: Option<f64>) -> bool {
    before.zip(now).is_some_and(|(b, n)| n >= b * SLOWER_RATIO && n - b >= SLOWER_MS)
}

fn service_row(service: &Service) -> Row<'_> {
    let before = service.before.as_ref();
    let rate_before = before.and_then(|b| b.error_rate).unwrap_or(0.0);
    Row {
        service,
        worse: service.now.error_rate.unwrap_or(0.0) > rate_before,
        slower: grew(before.and_then(|b| b.p95_ms), service.now.p95_ms),
    }
}

fn edge_row(edge: &Edge) -> EdgeRow<'_> {
    EdgeRow { edge, silent: edge.calls == 0 && edge.rate_before.unwrap_or(0.0) > 0.0 }
}

fn suspects_of<'r>(report: &'r Report, incident: Option<&Incident>) -> Vec<&'r Suspect> {
    let first = report.incidents.first().map(|i| i.id.as_str());
    let wanted = incident.map(|i| i.id.as_str());
    let of = |suspect: &&Suspect| suspect.incident.as_deref().or(first) == wanted;
    report.suspects.iter().filter(of).collect()
}

fn others(report: &Report) -> Vec<Other<'_>> {
    let rest = report.incidents.iter().skip(1);
    rest.map(|incident| Other { incident, suspects: suspects_of(report, Some(incident)) }).collect()
}

fn capture(report: &Report) -> Capture {
    let rows = &report.coverage;
    let nodes: BTreeSet<_> = rows.iter().map(|row| row.node.as_str()).collect();
    let known: Vec<_> = rows.iter().filter_map(|row| row.drops).collect();
    let bounds: Vec<_> = rows.iter().filter_map(|row| row.clock_bound_ms).collect();
    let widest = bounds.iter().copied().fold(0.0, f64::max);
    Capture {
        nodes: nodes.len(),
        packets: rows.iter().map(|row| row.packets).sum(),
        bytes: rows.iter().map(|row| row.bytes).sum(),
        drops: (!known.is_empty()).then(|| known.iter().sum()),
        drops_unknown: rows.len() - known.len(),
        clock_bound_ms: (!rows.is_empty() && bounds.len() == rows.len()).then_some(widest),
    }
}

fn lead(main: Option<&Incident>, first: Option<&Event>) -> Option<f64> {
    let seconds = main?.onset.first_bad.seconds_since(first?.ts);
    (seconds > 0.0).then_some(seconds)
}

fn bins(report: &Report) -> Bins<'_> {
    let series = &report.series;
    let len = series.iter().map(|s| s.calls.len()).max().unwrap_or(0);
    let join = len.div_ceil(BINS_SHOWN_MAX).max(1);
    let (start, bin_s) = series.first().map_or((Time(0), 0.0), |s| (s.start, s.bin_s));
    let row = |index: usize| BinRow {
        start: Time(start.0.saturating_add((index as f64 * bin_s * 1e9) as i64)),
        cells: series.iter().map(|s| cell(s, index, join)).collect(),
    };
    Bins {
        bin_s: bin_s * join as f64,
        services: series.iter().map(|s| s.service.as_str()).collect(),
        rows: (0..len).step_by(join).map(row).collect(),
    }
}

fn cell(series: &super::model::Series, from: usize, join: usize) -> Cell {
    let sum = |values: &[u64]| values.iter().skip(from).take(join).sum();
    let p95 = series.p95_ms.iter().skip(from).take(join).flatten().copied();
    Cell { calls: sum(&series.calls), failed: sum(&series.failed), p95_ms: p95.reduce(f64::max) }
}
