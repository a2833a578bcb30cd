//! The few SVG elements the charts are made of. Text is neutralised here and nowhere else.

use std::fmt::Write;

use crate::report::text;

/// An SVG document being written.
pub struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Svg {
        Svg { body: String::new(), width, height }
    }

    /// Adds markup that is made of numbers and class names only.
    pub fn raw(&mut self, markup: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(markup);
        self.body.push('\n');
    }

    pub fn text(&mut self, (x, y): (f64, f64), class: &str, label: &str) {
        let label = text::html(label);
        self.raw(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{label}</text>"));
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.raw(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        ));
    }

    pub fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        self.raw(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        ));
    }

    /// Opens a group with a tooltip; [`Svg::close`] ends it.
    pub fn open(&mut self, class: &str, title: &str) {
        let title = text::html(title);
        self.raw(format_args!("<g class=\"{class}\"><title>{title}</title>"));
    }

    pub fn close(&mut self) {
        self.raw(format_args!("</g>"));
    }

    /// The whole element. `id` must be unique on the page; `title` names the chart and `desc`
    /// says what it shows, for those who do not see it.
    pub fn finish(self, id: &str, class: &str, title: &str, desc: &str) -> String {
        let (title, desc) = (text::html(title), text::html(desc));
        let (width, height, body) = (self.width, self.height, self.body);
        format!(
            "<svg class=\"{class}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
             <title id=\"{id}-t\">{title}</title>\n<desc id=\"{id}-d\">{desc}</desc>\n{body}</svg>"
        )
    }

    /// A small chart inside a table, named in one line.
    pub fn finish_small(self, class: &str, label: &str) -> String {
        let label = text::html(label);
        let (width, height, body) = (self.width, self.height, self.body);
        format!(
            "<svg class=\"{class}\" role=\"img\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\"><title>{label}</title>\n{body}</svg>"
        )
    }
}

/// A label cut to what fits.
pub fn fit(label: &str, chars: usize) -> String {
    match label.char_indices().nth(chars) {
        None => label.to_owned(),
        Some(_) => label.chars().take(chars.saturating_sub(1)).chain(['…']).collect(),
    }
}
