//! `pcapsule stats INPUT...`: rate, errors, duration and saturation, per group and stretch of time.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use polars::prelude::{DataFrame, SortMultipleOptions};

use crate::answer::stats::{BARS, Course, FIGURES, Question, TIME, courses, key_texts, stats};
use crate::catalogue::{Family, FieldRef};
use crate::field::FieldType;
use crate::frame::column;
use crate::kfl;

use super::Exit;
use super::args::Global;
use super::load::{self, Source};
use super::query::{field, filter};
use super::sheet::{Cell, Format, Sheet, Unit};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
errors are calls that failed on the callee's side or on the way: server errors, time-outs, resets,
refused connections, throttling; 4xx is the caller's fault and is no error. Durations are from the
request's first byte to the response's last. in_flight is the most calls under way at once.

Examples:
  pcapsule stats CAPTURE                                       each service: rate, errors, duration
  pcapsule stats CAPTURE --by dst.display,operation --sort -p99_us          the slowest endpoints
  pcapsule stats CAPTURE -f 'dst.service.name == \"checkout\"' --by status_code
  pcapsule stats CAPTURE -f http --by dst.display --every 1m   errors per minute: has it recovered?
  pcapsule stats CAPTURE --by src.display,dst.display          each caller by itself")]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Only calls that match, such as 'http' or 'dst.service.name == "payment"'
    #[arg(long, short, value_name = "KFL", default_value = "true", hide_default_value = true)]
    filter: String,
    /// Fields that tell groups apart; none: everything together
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', default_value = "dst.display")]
    by: Vec<String>,
    /// Figures wanted [default: all]: calls rate errors error_rate p50_us p90_us p95_us p99_us max_us
    /// in_flight conns conns_at_once request_bytes response_bytes
    #[arg(long, value_name = "FIGURE,...", value_delimiter = ',')]
    figures: Vec<String>,
    /// Tell stretches of time apart, such as 10s, 1m, 1h
    #[arg(long, value_name = "DURATION")]
    every: Option<String>,
    /// How groups are written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Groups shown at most; 0 for all
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Column to sort by; a minus in front turns the order round [default: -errors, with --every time]
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
}

/// How a figure is shown.
fn unit(figure: &str) -> Unit {
    match figure {
        "rate" => Unit::PerSecond,
        "error_rate" => Unit::Share,
        name if name.ends_with("_us") => Unit::Micros,
        name if name.ends_with("_bytes") => Unit::Bytes,
        _ => Unit::Plain,
    }
}

pub fn run(global: &Global, args: &Args) -> anyhow::Result<Exit> {
    let checked = filter(global, &args.filter)?;
    let wanted = args.by.iter().filter(|name| !matches!(name.as_str(), "" | "none"));
    let by = wanted.map(|name| groupable(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let every_ns = args.every.as_deref().map(duration).transpose()?;
    let dataset = load::dataset(global, &args.source)?;
    let checked = checked.at(dataset.meta.last_ns().unwrap_or(0));
    let figures = figures(&args.figures)?;
    let question = Question { checked: &checked, by: &by, every_ns, figures: &figures };
    let groups = stats(&dataset, &question)?.unwrap_or_default();
    let total = groups.height();
    let rows = sorted(&groups, args)?;
    let with_course = args.format == Format::Table && every_ns.is_none() && total > 0;
    let course = match with_course {
        true => courses(&dataset, &question)?,
        false => HashMap::new(),
    };
    let sheet = sheet(&rows, &question, with_course.then_some(&course))?;
    sheet.print(global, args.format, |rows| {
        serde_json::json!({
            "schema": "pcapsule/stats/v1",
            "by": args.by,
            "every_s": every_ns.map(|ns| ns as f64 / 1e9),
            "groups": rows,
            "total": total,
            "truncated": rows.len() < total,
            "coverage": dataset.meta.coverage,
        })
    })?;
    if !global.quiet && args.format != Format::Json {
        match (total, sheet.len()) {
            (0, _) => eprintln!("note: no call matches"),
            (total, shown) if shown < total => {
                eprintln!("note: {shown} of {total} groups shown; --limit 0 shows all");
            }
            _ => {}
        }
    }
    Ok(Exit::Ok)
}

/// A field that groups can be told apart by: of calls, one value each.
fn groupable(name: &str) -> anyhow::Result<FieldRef> {
    let field = field(name)?;
    ensure!(field.ty != FieldType::Time, "--by {name}: give --every DURATION for time");
    ensure!(
        !matches!(field.ty, FieldType::Map | FieldType::Bytes),
        "--by {name}: a {} tells no groups apart; name a field of one value",
        field.ty.name()
    );
    ensure!(
        field.stored_for(Family::Calls),
        "--by {name}: no column of calls holds it; `pcapsule fields` tells what is computed"
    );
    Ok(field)
}

/// The figures asked for, all where none are.
fn figures(asked: &[String]) -> anyhow::Result<Vec<&str>> {
    if asked.is_empty() {
        return Ok(FIGURES.to_vec());
    }
    for name in asked {
        let known = FIGURES.contains(&name.as_str());
        ensure!(known, "--figures {name}: no such figure; there are {}", FIGURES.join(", "));
    }
    Ok(asked.iter().map(String::as_str).collect())
}

fn duration(text: &str) -> anyhow::Result<i64> {
    kfl::parse_duration(text)
        .filter(|&ns| ns >= 1_000_000)
        .with_context(|| format!("--every {text}: is no stretch of time; give 10s, 1m, 1h"))
}

fn sorted(groups: &DataFrame, args: &Args) -> anyhow::Result<DataFrame> {
    if groups.height() == 0 {
        return Ok(groups.clone());
    }
    let names: Vec<String> = groups.get_column_names().iter().map(ToString::to_string).collect();
    let sort = match (&args.sort, &args.every) {
        (Some(sort), _) => sort.as_str(),
        (None, Some(_)) => TIME,
        (None, None) => "-errors",
    };
    let (descending, name) = match sort.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, sort),
    };
    let name = name.replace('.', "_");
    ensure!(names.contains(&name), "--sort {name}: no such column; there are {}", names.join(", "));
    // Equals by calls, then by their keys.
    let mut order = vec![name, "calls".into()];
    order.extend(names.iter().take_while(|name| *name != "calls").cloned());
    let mut directions = vec![false; order.len()];
    (directions[0], directions[1]) = (descending, true);
    let options = SortMultipleOptions::default().with_order_descending_multi(directions);
    let rows = groups.sort(order, options.with_nulls_last(true))?;
    Ok(if args.limit == 0 { rows } else { rows.head(Some(args.limit)) })
}

fn sheet(
    rows: &DataFrame,
    question: &Question<'_>,
    course: Option<&HashMap<Vec<String>, Course>>,
) -> anyhow::Result<Sheet> {
    let mut columns: Vec<(String, String, Unit)> = Vec::new();
    columns.extend(question.every_ns.map(|_| (TIME.into(), TIME.into(), Unit::Time)));
    columns.extend(question.by.iter().map(|f| (column(f), f.name.to_string(), Unit::Plain)));
    let figures = question.figures.iter();
    columns.extend(figures.map(|name| ((*name).into(), (*name).into(), unit(name))));
    if rows.height() == 0 {
        return Ok(Sheet::new(columns.into_iter().map(|(_, head, unit)| (head, unit))));
    }
    columns.retain(|(name, ..)| rows.column(name).is_ok());
    let mut sheet = Sheet::of(rows, &columns)?;
    if let Some(course) = course {
        let lines = key_texts(rows, question)?.into_iter().map(|key| {
            let course = course.get(&key).cloned().unwrap_or_default();
            (spark(&course.calls), spark(&course.failed))
        });
        let (calls, failed): (Vec<_>, Vec<_>) = lines.unzip();
        sheet.add("calls over time", calls);
        sheet.add("errors over time", failed);
    }
    Ok(sheet)
}

/// One character per bar, as high as its part of the highest.
fn spark(values: &[u64]) -> Cell {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0);
    let bar = |&value: &u64| match value {
        0 => '·',
        value => HEIGHTS[((value * 8).div_ceil(most).clamp(1, 8) - 1) as usize],
    };
    let bars: String = values.iter().map(bar).collect();
    Cell::Text(if bars.is_empty() { "·".repeat(BARS) } else { bars })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_show_the_least_and_the_most() {
        assert_eq!(spark(&[0, 1, 4, 8]), Cell::Text("·▁▄█".into()));
        assert_eq!(spark(&[0, 1, 1000]), Cell::Text("·▁█".into()));
    }

    #[test]
    fn groups_need_one_value() {
        for (name, says) in [
            ("timestamp", "--every"),
            ("request.headers", "tells no groups apart"),
            ("dst.displa", "did you mean"),
            ("flow_state", "no column of calls"),
        ] {
            let error = groupable(name).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(groupable("dst.display").is_ok() && groupable("status_code").is_ok());
    }
}
