//! Finds templates: those built in, or files of the same names in a folder of the user's. A
//! template is bounded in size and work, and reads nothing but templates from that folder.

use std::fs;
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::filters::{self, Markup};
use super::time::Zone;

/// Instructions one view may run: about a hundred times what a large report takes.
pub const FUEL: u64 = 20_000_000;

/// Bytes of one template file.
pub const TEMPLATE_BYTES_MAX: u64 = 1 << 20;

macro_rules! built_in {
    ($($name:literal)*) => {
        /// The templates in the program, by file name.
        pub const BUILT_IN: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../report-templates/", $name)))),*
        ];
    };
}

built_in! {
    "postmortem.html.j2" "timeline.html.j2" "postmortem.md.j2" "timeline.md.j2"
    "base.html.j2" "style.css" "macros.html.j2" "macros.md.j2"
    "summary.html.j2" "impact.html.j2" "timeline_section.html.j2" "suspects.html.j2"
    "services.html.j2" "findings.html.j2" "limits.html.j2" "people.html.j2" "inputs.html.j2"
    "summary.md.j2" "impact.md.j2" "timeline_section.md.j2" "suspects.md.j2"
    "services.md.j2" "findings.md.j2" "limits.md.j2" "people.md.j2" "inputs.md.j2"
}

/// An environment for one markup, zone and folder of the user's templates.
pub fn environment(markup: Markup, zone: &Zone, folder: Option<PathBuf>) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_syntax(syntax());
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_debug(false); // errors name the line; the data around it may hold secrets
    env.set_auto_escape_callback(move |_| match markup {
        Markup::Html => AutoEscape::Html,
        Markup::Markdown => AutoEscape::Custom("markdown".into()),
    });
    env.set_formatter(move |out, _, value| {
        let shown = filters::escape(markup, value)?;
        out.write_str(shown.as_str().unwrap_or_default()).map_err(Error::from)
    });
    filters::add(&mut env, markup, zone);
    env.set_loader(move |name| find(name, folder.as_deref()));
    env
}

/// Blocks on lines of their own leave no lines behind.
fn syntax() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    syntax.build().unwrap_or_default()
}

fn find(name: &str, folder: Option<&Path>) -> Result<Option<String>, Error> {
    if let Some(folder) = folder
        && is_file_name(name)
        && let Some(source) = read(folder, name)?
    {
        return Ok(Some(source));
    }
    Ok(BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, source)| (*source).to_owned()))
}

/// Template names are bare file names: no folders, nothing hidden.
fn is_file_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

/// The file's text; `None` when there is none. A link that leads out of the folder is refused.
fn read(folder: &Path, name: &str) -> Result<Option<String>, Error> {
    let refuse = |detail: String| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("{}: {detail}", folder.join(name).display()),
        )
    };
    let folder_real = folder.canonicalize().map_err(|e| refuse(e.to_string()))?;
    let path = match folder.join(name).canonicalize() {
        Ok(path) => path,
        Err(e) if e.kind() == Io::NotFound => return Ok(None),
        Err(e) => return Err(refuse(e.to_string())),
    };
    if !path.starts_with(&folder_real) {
        return Err(refuse("leads out of the template folder".to_owned()));
    }
    if !fs::metadata(&path).is_ok_and(|meta| meta.is_file()) {
        return Err(refuse("is not a file".to_owned()));
    }
    let mut source = String::new();
    fs::File::open(&path)
        .and_then(|file| file.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut source))
        .map_err(|e| refuse(e.to_string()))?;
    if source.len() as u64 > TEMPLATE_BYTES_MAX {
        return Err(refuse(format!("is larger than {TEMPLATE_BYTES_MAX} bytes")));
    }
    Ok(Some(source))
}

/// Where and why a template failed, in words for its author.
pub fn explain(error: &Error) -> (String, String) {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name} line {line}"),
        (Some(name), None) => name.to_owned(),
        _ => "(unnamed)".to_owned(),
    };
    let mut detail = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("it ran more than {FUEL} instructions"),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = format!("{detail} ({cause})");
        source = cause.source();
    }
    (place, detail)
}

/// The context's value for markup that the program wrote itself.
pub fn markup(text: String) -> Value {
    Value::from_safe_string(text)
}
