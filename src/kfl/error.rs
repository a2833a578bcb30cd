//! What is wrong with a filter, where, and what to write instead.

use std::fmt;
use std::ops::Range;

/// Byte positions in the filter's text.
pub type Span = Range<usize>;

/// A filter that cannot be used. Displays as the line, a caret under the place and the advice:
///
/// ```text
/// unknown name `statuscode`
///   | http && statuscode >= 500
///   |         ^^^^^^^^^^
///   = did you mean `status_code`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct KflError {
    /// What is wrong, without place or advice.
    pub message: String,
    /// What to do, if that can be told.
    pub help: Option<String>,
    /// Where in `text`.
    pub span: Span,
    /// The filter.
    pub text: String,
}

impl KflError {
    /// An error at a place; [`KflError::of`] adds the text.
    pub(super) fn at(span: Span, message: impl Into<String>) -> KflError {
        KflError { message: message.into(), help: None, span, text: String::new() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> KflError {
        self.help = Some(help.into());
        self
    }

    pub(super) fn of(mut self, text: &str) -> KflError {
        self.text = text.to_string();
        self
    }

    /// Line and column of the place, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The line with the place, and the marks to print under it.
    fn snippet(&self) -> (&str, String) {
        let (line, column) = self.position();
        let source = self.text.split('\n').nth(line - 1).unwrap_or("");
        let marked = self.text.get(self.span.clone()).unwrap_or("");
        let width = marked.split('\n').next().map_or(1, |m| m.chars().count()).max(1);
        let room = (source.chars().count() + 2).saturating_sub(column).max(1);
        // Tabs stay tabs, so that the marks stand where the terminal puts the text.
        let indent = source.chars().take(column - 1);
        let indent: String = indent.map(|c| if c == '\t' { c } else { ' ' }).collect();
        (source, indent + &"^".repeat(width.min(room)))
    }
}

impl fmt::Display for KflError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, marks) = self.snippet();
        writeln!(f, "{}", self.message)?;
        writeln!(f, "  | {}", Printable(source))?;
        write!(f, "  | {marks}")?;
        match &self.help {
            Some(help) => write!(f, "\n  = {help}"),
            None => Ok(()),
        }
    }
}

/// Text from a filter on its way to a terminal: control characters become `?`.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\t' => f.write_str("\t"),
            c if c.is_control() => f.write_str("?"),
            c => write!(f, "{c}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place_under_multibyte_text() {
        let text = "dns &&\n \"ü\" == paht // x";
        let at = text.find("paht").unwrap();
        let error = KflError::at(at..at + 4, "unknown name `paht`").help("write `path`").of(text);
        assert_eq!(error.position(), (2, 9));
        assert_eq!(
            error.to_string(),
            "unknown name `paht`\n  |  \"ü\" == paht // x\n  |         ^^^^\n  = write `path`"
        );
    }

    #[test]
    fn shows_the_end_and_hides_control_characters() {
        let error = KflError::at(9..9, "ends too early").of("a == \x1b[1m");
        assert_eq!(error.to_string(), "ends too early\n  | a == ?[1m\n  |          ^");
    }
}
