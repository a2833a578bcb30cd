//! The documentation keeps to the program: commands shown exist and take the options shown, and
//! what is generated is current.

use std::path::Path;

use crate::support::{Program, files, root};

/// Set to write generated documents instead of comparing them.
const REWRITE: &str = "PCAPSULE_REWRITE";

/// Lines of code blocks and table cells that start the program, without its name.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let pieces: Vec<&str> = match in_code {
            true => vec![line.trim_start().trim_start_matches("$ ")],
            false => line.split('`').skip(1).step_by(2).collect(),
        };
        for piece in pieces {
            let start = ["pcapsule ", "cargo run -- ", "cargo run --release -- "];
            found.extend(start.iter().filter_map(|s| piece.strip_prefix(s)).map(str::to_string));
        }
    }
    found
}

/// Names that follow a dash or two in a command line, quotes respected.
fn options(line: &str) -> Vec<String> {
    let unquoted: String = line.split('\'').step_by(2).collect();
    let unquoted = unquoted.split('#').next().unwrap().to_string();
    let words = unquoted.split_whitespace().map(|word| word.trim_matches(['[', ']', '.', ',']));
    words
        .filter(|w| w.starts_with('-') && w.len() > 1 && !w[1..].starts_with(char::is_numeric))
        .map(|word| word.split('=').next().unwrap().to_string())
        .collect()
}

fn documents() -> Vec<std::path::PathBuf> {
    let mut documents = vec![root().join("README.md")];
    for folder in ["src", "rules", "fixtures", "report-templates"] {
        documents.extend(files(&root().join(folder), ".md"));
    }
    documents
}

#[test]
fn commands_shown_exist() {
    let program = Program::new();
    let general = program.line("--help").ends(0).stdout;
    let mut shown = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for line in commands(&text) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(first) = words.first().filter(|word| word.chars().all(char::is_alphabetic))
            else {
                continue; // an input, or options, alone
            };
            if !general.contains(&format!("\n  {first} ")) && Path::new(first).exists() {
                continue;
            }
            let place = format!("{}: pcapsule {line}", document.display());
            let help = program.run(&[first, "--help"]);
            assert_eq!(help.code, Some(0), "{place}: {}", help.stderr);
            for option in options(&line) {
                let takes = help
                    .stdout
                    .split(|c: char| c.is_whitespace() || c == ',' || c == '=')
                    .any(|word| word == option);
                let nested = words.get(1).is_some_and(|second| {
                    let inner = program.run(&[*first, *second, "--help"]);
                    inner.code == Some(0) && inner.stdout.contains(&option)
                });
                assert!(takes || nested, "{place}: no option {option}");
            }
            shown += 1;
        }
    }
    assert!(shown >= 10, "{shown} commands were found");
}

/// README lists every command that there is.
#[test]
fn readme_lists_all_commands() {
    let help = Program::new().line("--help").ends(0).stdout;
    let list = help.split("Commands:").nth(1).unwrap();
    let names: Vec<&str> = list
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() >= 3, "{help}");
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for name in names.iter().filter(|name| **name != "help") {
        let listed = [format!("`pcapsule {name}"), format!("`{name}`")];
        assert!(listed.iter().any(|l| readme.contains(l)), "{name} is not in README.md");
    }
}

#[test]
fn the_field_reference_is_current() {
    let current = Program::new().line("fields --format md").ends(0).stdout;
    let path = root().join("rules/FIELDS.md");
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "rules/FIELDS.md is not current; {REWRITE}=1 cargo test the_field_reference writes it"
    );
}

/// Relative links between documents lead somewhere.
#[test]
fn links_lead_somewhere() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            let elsewhere = target.is_empty() || target.contains("://") || target.contains(' ');
            let there = document.parent().unwrap().join(target).exists();
            assert!(elsewhere || there, "{}: {link}", document.display());
        }
    }
}
