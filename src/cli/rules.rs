//! `pcapsule rules`: what rules there are, and whether rule files are sound.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::catalogue::catalogue;
use crate::kfl;
use crate::rule::{self, Pack, lint};

use super::args::Global;
use super::{Exit, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List rules: the built-in pack's, or those of a folder
    List {
        /// Folder or file of rules
        rules: Option<PathBuf>,
        /// How the list is written
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Check rule files: keys, fields, filters, windows, units
    Lint {
        /// Folders or files of rules; the built-in pack when none is named
        rules: Vec<PathBuf>,
    },
}

pub fn run(_: &Global, args: &Args) -> anyhow::Result<Exit> {
    match &args.action {
        Action::List { rules, format } => list(&packs(rules.as_slice())?, *format),
        Action::Lint { rules } => lint_packs(&packs(rules)?),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The packs below `paths`, the built-in one where none is named.
pub fn packs(paths: &[PathBuf]) -> anyhow::Result<Vec<Pack>> {
    let joined = |errors: Vec<rule::RuleError>| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    };
    if paths.is_empty() {
        return Ok(vec![rule::default_pack().map_err(joined)?]);
    }
    let mut packs = Vec::new();
    for path in paths {
        packs.extend(rule::load(path).map_err(joined)?);
    }
    Ok(packs)
}

fn list(packs: &[Pack], format: Format) -> anyhow::Result<Exit> {
    let rules: Vec<_> =
        packs.iter().flat_map(|pack| pack.rules.iter().map(move |r| (pack, r))).collect();
    let text = match format {
        Format::Json => {
            let rows: Vec<serde_json::Value> = rules
                .iter()
                .map(|(pack, rule)| {
                    serde_json::json!({
                        "pack": pack.name, "id": rule.id, "title": rule.title,
                        "severity": rule.severity.name(), "match": rule.matches,
                    })
                })
                .collect();
            serde_json::to_string_pretty(
                &serde_json::json!({"schema": "pcapsule/rules/v1", "rules": rows}),
            )?
        }
        Format::Text => rules
            .iter()
            .map(|(_, rule)| {
                format!("{:<24} {:<9} {}\n", rule.id, rule.severity.name(), rule.title)
            })
            .collect(),
    };
    output::print(&text)?;
    Ok(Exit::Ok)
}

fn lint_packs(packs: &[Pack]) -> anyhow::Result<Exit> {
    let check = |text: &str| kfl::check(catalogue(), text).map(|_| ()).map_err(|e| e.to_string());
    let problems = lint(packs, &check);
    let text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let rules: usize = packs.iter().map(|pack| pack.rules.len()).sum();
    output::print(&format!("{text}{rules} rules, {} problems", problems.len()))?;
    let broken = problems.iter().any(|p| p.level == rule::Level::Error);
    Ok(if broken { Exit::Usage } else { Exit::Ok })
}
