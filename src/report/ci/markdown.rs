//! A check as Markdown: a table of findings and the commands that show what they counted. Short
//! enough for the summary of a GitHub step, which is dropped whole beyond a megabyte.

use super::super::text::{markdown as safe, markdown_block};
use super::{Checked, command};

/// Longer summaries would be dropped whole.
const BYTES_MAX: usize = 900_000;
/// Commands written out.
const COMMANDS_MAX: usize = 20;

/// The whole document.
pub fn markdown(checked: &Checked<'_>) -> String {
    let mut out = format!("## pcapsule check\n\n{}\n", checked.summary());
    if checked.findings.is_empty() {
        return out;
    }
    out.push_str("\n| severity | rule | what | from | to |\n|---|---|---|---|---|\n");
    for (number, finding) in checked.findings.iter().enumerate() {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let grave = if checked.fails(finding) { "**" } else { "" };
        let row = format!(
            "| {grave}{severity}{grave} | {} | {} | {} | {} |\n",
            safe(&finding.rule),
            safe(&finding.message),
            finding.first,
            finding.last
        );
        if out.len() + row.len() > BYTES_MAX {
            let left = checked.findings.len() - number;
            out.push_str(&format!("\n{left} more findings are left out here.\n"));
            return out;
        }
        out.push_str(&row);
    }
    let commands: Vec<String> = checked
        .findings
        .iter()
        .take(COMMANDS_MAX)
        .map(|finding| command(finding, checked.inputs))
        .collect();
    let lines: Vec<&str> = commands.iter().map(String::as_str).collect();
    out.push_str(&format!("\nTo see the calls:\n\n{}", markdown_block("sh", &lines)));
    out
}
