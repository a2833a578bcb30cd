//! What templates call to write numbers, times and code. Every filter answers markup that is
//! finished for its format; everything else a template prints is neutralised by the formatter.

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::time::{Style, Time, Zone};
use super::{number, text};

/// The markup a template writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    Html,
    Markdown,
}

impl Markup {
    /// Text from anywhere, made harmless.
    pub fn text(self, text: &str) -> String {
        match self {
            Markup::Html => text::html(text),
            Markup::Markdown => text::markdown(text),
        }
    }

    fn code(self, text: &str) -> String {
        match self {
            Markup::Html => format!("<code>{}</code>", text::html_code(text)),
            Markup::Markdown => text::markdown_code(text),
        }
    }

    fn block(self, language: &str, lines: &[&str]) -> String {
        match self {
            Markup::Html => {
                let lines: Vec<_> = lines.iter().map(|line| text::html_code(line)).collect();
                format!("<pre><code>{}</code></pre>", lines.join("\n"))
            }
            Markup::Markdown => text::markdown_block(language, lines),
        }
    }

    /// A number and its unit, which a browser must not part.
    fn measure(self, text: &str) -> Value {
        Value::from_safe_string(match self {
            Markup::Html => text::html(text).replace(' ', "\u{a0}"),
            Markup::Markdown => text.replace('<', "\\<").replace('>', "\\>"),
        })
    }

    /// Local first, UTC behind it where that is another zone.
    fn both_zones(self, (local, utc): (String, Option<String>)) -> String {
        match (self, utc) {
            (_, None) => local,
            (Markup::Html, Some(utc)) => format!("{local} <span class=\"utc\">({utc})</span>"),
            (Markup::Markdown, Some(utc)) => format!("{local} ({utc})"),
        }
    }

    fn moment(self, time: Time, zone: &Zone, style: Style, digits: u8) -> Value {
        let shown = self.both_zones(zone.both(time, style, digits));
        Value::from_safe_string(match self {
            Markup::Html => format!("<time datetime=\"{time}\">{shown}</time>"),
            Markup::Markdown => shown,
        })
    }
}

/// Stands where a value is not known.
const UNKNOWN: &str = "–";

/// Registers the filters for one markup and zone.
pub fn add(env: &mut Environment<'_>, markup: Markup, zone: &Zone) {
    for name in ["safe", "tojson", "count"] {
        env.remove_filter(name); // the first two would let text through as markup
    }
    for name in ["e", "escape"] {
        env.add_filter(name, move |value: &Value| escape(markup, value));
    }
    add_numbers(env, markup);
    add_times(env, markup, zone);
    add_until(env, markup);
    add_text(env, markup);
}

type Show<T> = fn(T) -> String;

fn add_numbers(env: &mut Environment<'_>, markup: Markup) {
    let measures: [(&str, Show<f64>); 5] = [
        ("pct", number::percent),
        ("ms", number::millis),
        ("duration", number::seconds),
        ("rate", number::rate),
        ("number", number::plain),
    ];
    for (name, show) in measures {
        env.add_filter(name, move |value: &Value| {
            known(value, |v| Ok(markup.measure(&show(f64::try_from(v.clone())?))))
        });
    }
    let counts: [(&str, Show<u64>); 2] = [("count", number::count), ("bytes", number::bytes)];
    for (name, show) in counts {
        env.add_filter(name, move |value: &Value| {
            known(value, |v| Ok(markup.measure(&show(u64::try_from(v.clone())?))))
        });
    }
    env.add_filter("of", move |part: u64, whole: u64| markup.measure(&number::of(part, whole)));
    env.add_filter("share", move |part: u64, whole: u64| match whole {
        0 => Value::from_safe_string(UNKNOWN.to_owned()),
        _ => markup.measure(&number::percent(part as f64 / whole as f64)),
    });
    env.add_filter("plural", move |n: u64, one: &str, many: Option<&str>| {
        let many = many.map_or_else(|| format!("{one}s"), str::to_owned);
        let noun = if n == 1 { one } else { &many };
        markup.measure(&format!("{} {noun}", number::count(n)))
    });
}

fn add_times(env: &mut Environment<'_>, markup: Markup, zone: &Zone) {
    for (name, style) in [("time", Style::Clock), ("date", Style::Date)] {
        let zone = zone.clone();
        env.add_filter(name, move |value: &Value, digits: Option<u8>| {
            known(value, |v| Ok(markup.moment(moment(v)?, &zone, style, digits.unwrap_or(0))))
        });
    }
    for (name, style) in [("span", Style::Clock), ("datespan", Style::Date)] {
        let zone = zone.clone();
        env.add_filter(name, move |from: &Value, until: &Value, digits: Option<u8>| {
            let (from, until) = (moment(from)?, moment(until)?);
            let span = zone.span(from, until, style, digits.unwrap_or(0));
            Ok::<_, Error>(Value::from_safe_string(markup.both_zones(span)))
        });
    }
}

fn add_until(env: &mut Environment<'_>, markup: Markup) {
    env.add_filter("until", move |from: &Value, until: &Value| {
        let seconds = moment(until)?.seconds_since(moment(from)?);
        Ok::<_, Error>(markup.measure(&number::seconds(seconds)))
    });
}

fn add_text(env: &mut Environment<'_>, markup: Markup) {
    env.add_filter("code", move |value: &Value| {
        known(value, |v| Ok(Value::from_safe_string(markup.code(&plain(v)))))
    });
    env.add_filter("block", move |value: &Value, language: Option<&str>| {
        let lines = lines(value)?;
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        Ok::<_, Error>(Value::from_safe_string(markup.block(language.unwrap_or(""), &lines)))
    });
    env.add_filter("listing", move |value: &Value, last: Option<&str>| {
        let names: Vec<_> = lines(value)?.iter().map(|name| markup.text(name)).collect();
        Ok::<_, Error>(Value::from_safe_string(listing(&names, last.unwrap_or("and"))))
    });
    env.add_filter("words", |name: &str| name.replace('_', " "));
}

/// The formatter behind `{{ }}`: markup of filters and macros as it is, all else as harmless text.
pub fn escape(markup: Markup, value: &Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_safe() {
        return Ok(value.clone());
    }
    let shown = if value.is_none() { UNKNOWN.to_owned() } else { markup.text(&plain(value)) };
    Ok(Value::from_safe_string(shown))
}

fn known(value: &Value, show: impl Fn(&Value) -> Result<Value, Error>) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Ok(Value::from_safe_string(UNKNOWN.to_owned())),
        _ => show(value),
    }
}

fn moment(value: &Value) -> Result<Time, Error> {
    let text = plain(value);
    Time::parse(&text).map_err(|error| {
        let detail = format!("\"{}\" is not an RFC 3339 time", text::terminal(&text));
        Error::new(ErrorKind::InvalidOperation, detail).with_source(error)
    })
}

fn lines(value: &Value) -> Result<Vec<String>, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable => Ok(value.try_iter()?.map(|v| plain(&v)).collect()),
        _ => Ok(vec![plain(value)]),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `a, b and c`
fn listing(names: &[String], last: &str) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [front @ .., end] => format!("{} {last} {end}", front.join(", ")),
    }
}
