//! What can go wrong when a scenario is read or played.

use super::check::Invalid;
use std::path::{Path, PathBuf};

/// Names the file, the place, the cause and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    #[error("cannot read scenario {file}: {source}; name a YAML file or one of: {builtin}")]
    Read { file: String, builtin: String, source: std::io::Error },
    /// Not YAML, or not the fields of a scenario.
    #[error("{file}:{line}:{column}: {cause}")]
    Yaml { file: String, line: usize, column: usize, cause: String },
    /// Contradicts itself. No line when the scenario did not come from a text.
    #[error("{file}{}: {source}", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Invalid { file: String, line: Option<usize>, source: Invalid },
    #[error("cannot write {path}: {source}; is there room, and may this user write there?")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} holds captures that no scenario made; choose another output folder")]
    Occupied { path: PathBuf },
}

impl SynthError {
    pub(super) fn write(path: &Path, source: std::io::Error) -> Self {
        SynthError::Write { path: path.into(), source }
    }

    pub(super) fn yaml(file: &str, source: serde_yaml::Error) -> Self {
        let (line, column) = source.location().map_or((0, 0), |at| (at.line(), at.column()));
        let text = source.to_string();
        let cause = text.rsplit_once(" at line ").map_or(text.as_str(), |(cause, _)| cause);
        SynthError::Yaml { file: file.into(), line, column, cause: cause.into() }
    }

    pub(super) fn invalid(file: &str, text: Option<&str>, source: Invalid) -> Self {
        let line = text.map(|text| line_of(text, &source.place, &source.word));
        SynthError::Invalid { file: file.into(), line, source }
    }
}

/// The line that is meant: the section, then what the place quotes, then the word.
fn line_of(text: &str, place: &str, word: &str) -> usize {
    let (section, key) = match place.split(' ').next() {
        Some("service") => ("services:", "name: "),
        Some("load") => ("load:", "name: "),
        Some("node") => ("nodes:", "name: "),
        Some("fault") => ("faults:", "service: "),
        _ => ("", ""),
    };
    let mut quoted = place.split('"').skip(1).step_by(2);
    let name = quoted.next().map(|name| format!("{key}{name}")).unwrap_or_default();
    let mut at = 0;
    let path = [section, &name].into_iter().chain(quoted).chain([word]);
    for sought in path.filter(|sought| !sought.is_empty()) {
        let rest = text.lines().skip(at);
        let hit = rest.map(str::trim_start).position(|l| !l.starts_with('#') && l.contains(sought));
        at += hit.unwrap_or(0);
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_below_its_section() {
        let text = "# cart\nservices:\n  - name: shop\n    calls: [cart]\n  - name: cart\n    port: 1\n\
            faults:\n  - {kind: drop, service: cart}\n";
        assert_eq!(line_of(text, "service \"cart\"", "port"), 6);
        assert_eq!(line_of(text, "service \"shop\", endpoint \"calls\"", "cart"), 4);
        assert_eq!(line_of(text, "fault drop of \"cart\"", "cart"), 8);
        assert_eq!(line_of(text, "scenario", "nothing"), 1);
    }
}
