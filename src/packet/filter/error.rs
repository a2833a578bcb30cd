//! What is wrong with a capture filter, where, and what to write instead.

use std::fmt;
use std::ops::Range;

/// Byte positions in the filter's text.
pub type Span = Range<usize>;

/// A capture filter that cannot be used. Displays as the line, a caret under the place and the
/// advice:
///
/// ```text
/// unknown port `htp`
///   | tcp port htp
///   |          ^^^
///   = write the number
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// What is wrong, without place or advice.
    pub message: String,
    /// What to do, if that can be told.
    pub help: Option<String>,
    /// Where in `text`.
    pub span: Span,
    /// The filter.
    pub text: String,
}

impl FilterError {
    /// The line of the place, the column in it, and the marks to print under it.
    fn snippet(&self) -> (String, String) {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(line_start..).unwrap_or("").split('\n').next().unwrap_or("");
        let column = before.get(line_start..).unwrap_or("").chars().count();
        let marked = self.text.get(self.span.clone()).unwrap_or("");
        let width = marked.split('\n').next().map_or(0, |m| m.chars().count());
        // Tabs stay tabs, so that the marks stand where the terminal puts the text.
        let indent: String =
            line.chars().take(column).map(|c| if c == '\t' { c } else { ' ' }).collect();
        (printable(line), indent + &"^".repeat(width.max(1)))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, marks) = self.snippet();
        write!(f, "{}\n  | {line}\n  | {marks}", printable(&self.message))?;
        match &self.help {
            Some(help) => write!(f, "\n  = {}", printable(help)),
            None => Ok(()),
        }
    }
}

/// Text from a filter on its way to a terminal: control characters become `?`.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect()
}

/// What is wrong with a part whose place the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    /// Adds the place; [`FilterError::text`] is still empty.
    pub fn at(self, span: Span) -> FilterError {
        FilterError { message: self.message, help: self.help, span, text: String::new() }
    }
}
