//! Writes a report in one format. JSON is the model itself; the other formats are a template over
//! the model's fields, the derived `view` and, in HTML, the `charts`.

use std::path::PathBuf;

use minijinja::value::{Serde, Value};

use super::filters::Markup;
use super::model::Report;
use super::template;
use super::time::Zone;
use super::view::View;
use super::{Error, chart, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Markdown,
    Html,
}

impl Format {
    /// The file's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Markdown => "md",
            Format::Html => "html",
        }
    }
}

/// Which report: a template of that name exists per format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Postmortem,
    Timeline,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Postmortem => "postmortem",
            Kind::Timeline => "timeline",
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub kind: Kind,
    /// A folder whose files replace built-in templates of the same names.
    pub templates: Option<PathBuf>,
}

/// The report in `format`, ending in a newline. JSON is the same for every kind.
///
/// # Errors
/// The report's zone is unknown, the template folder cannot be read, or a template fails: it uses
/// a name that does not exist, or runs too long.
pub fn render(report: &Report, format: Format, options: &Options) -> Result<String, Error> {
    let markup = match format {
        Format::Json => return json(report),
        Format::Markdown => Markup::Markdown,
        Format::Html => Markup::Html,
    };
    let zone = Zone::named(&report.tz)
        .map_err(|source| Error::Zone { name: report.tz.clone(), source })?;
    if let Some(path) = options.templates.as_ref().filter(|path| !path.is_dir()) {
        return Err(Error::Folder { path: path.clone(), detail: "is not a folder".to_owned() });
    }
    let env = template::environment(markup, &zone, options.templates.clone());
    let name = format!("{}.{}.j2", options.kind.name(), format.extension());
    let context = context(report, options.kind, markup, &zone);
    env.get_template(&name).and_then(|template| template.render(context)).map_err(|error| {
        let (place, detail) = template::explain(&error);
        Error::Template { place, detail }
    })
}

fn json(report: &Report) -> Result<String, Error> {
    let mut out = serde_json::to_string_pretty(report)?;
    out.push('\n');
    Ok(text::json(&out).into_owned())
}

/// The model's fields by their own names, `kind`, `view`, and `charts` where they can be drawn.
fn context(report: &Report, kind: Kind, markup: Markup, zone: &Zone) -> Value {
    let view = View::of(report);
    let charts = match markup {
        Markup::Html => chart::all(report, &view, zone),
        Markup::Markdown => Value::from(()),
    };
    minijinja::context! {
        kind => kind.name(),
        view => Value::from(Serde(&view)),
        charts => charts,
        ..Value::from(Serde(report))
    }
}
