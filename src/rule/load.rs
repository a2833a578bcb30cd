//! Files of YAML -> packs of rules. A pack is a folder: `pack.yaml` names it and defines what its
//! rules share, every other file is one rule. A single file may be a whole pack too.
//!
//! Reading is strict: an unknown key, unit or word is an error with its file, line and column and
//! what is allowed instead, since a rule that is silently never true is worse than none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RuleError;
use super::expand::Definitions;
use super::model::{Literal, Rule};
use super::validate::validate;

/// The version of the format that this program reads.
const API_VERSION: &str = "rules/v1";

/// Name of the file that describes a pack.
const HEADER: &str = "pack.yaml";

/// A set of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    pub name: String,
    pub version: String,
    /// In the order of their ids.
    pub rules: Vec<Rule>,
}

/// A file's name for messages and its text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// Reads a file or folder: a folder's own YAML files are a pack, and so are those of each folder
/// in it. All errors are returned, not only the first.
pub fn load(path: &Path) -> Result<Vec<Pack>, Vec<RuleError>> {
    let groups = if path.is_dir() { folders(path) } else { alone(path) };
    let mut packs = Vec::new();
    let mut errors = Vec::new();
    for files in groups.map_err(|error| vec![error])? {
        match read(&files).map_err(|error| vec![error]).and_then(|texts| {
            let sources: Vec<Source> =
                texts.iter().map(|(file, text)| Source { file, text }).collect();
            parse(&sources)
        }) {
            Ok(pack) => packs.push(pack),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok(packs) } else { Err(errors) }
}

/// One file, with the description of the pack it lies in.
fn alone(path: &Path) -> Result<Vec<Vec<PathBuf>>, RuleError> {
    let header = path.with_file_name(HEADER);
    let is_header = path.file_name().is_some_and(|name| name == HEADER);
    let beside = (header.exists() && !is_header).then_some(header);
    Ok(vec![beside.into_iter().chain([path.to_path_buf()]).collect()])
}

/// The YAML files of a folder and of the folders in it, sorted, without those that have none.
fn folders(path: &Path) -> Result<Vec<Vec<PathBuf>>, RuleError> {
    let mut own = Vec::new();
    let mut inner = Vec::new();
    for entry in entries(path)? {
        if entry.is_dir() {
            inner.push(entries(&entry)?.into_iter().filter(|file| is_yaml(file)).collect());
        } else if is_yaml(&entry) {
            own.push(entry);
        }
    }
    let mut groups: Vec<Vec<PathBuf>> = [own].into_iter().chain(inner).collect();
    groups.retain(|files| !files.is_empty());
    match groups.is_empty() {
        true => Err(RuleError::NoRules { path: path.to_path_buf() }),
        false => Ok(groups),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, RuleError> {
    let broken = |source| RuleError::Unreadable { path: folder.to_path_buf(), source };
    let entries = std::fs::read_dir(folder).map_err(broken)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    paths.sort();
    Ok(paths)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, RuleError> {
    let text = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map(|text| (path.display().to_string(), text))
            .map_err(|source| RuleError::Unreadable { path: path.clone(), source })
    };
    files.iter().map(text).collect()
}

/// A file's `kind`, before the rest of it is read.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// `pack.yaml`, or a whole pack in one file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: PackMetadata,
    #[serde(default)]
    lists: BTreeMap<String, Vec<Literal>>,
    #[serde(default)]
    macros: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackMetadata {
    name: String,
    #[serde(default)]
    version: String,
    /// Least version of this program, `>=0.1`.
    #[serde(default)]
    requires: Option<String>,
}

/// Makes a pack of its files.
pub fn parse(sources: &[Source]) -> Result<Pack, Vec<RuleError>> {
    let mut errors = Vec::new();
    let mut header = Header::default();
    let mut rules = Vec::new();
    for source in sources {
        let outcome = match is_header(source) {
            Ok(true) => read_header(source).map(|read| header = read),
            Ok(false) => yaml::<Rule>(source).map(|rule| rules.push(with_origin(rule, source))),
            Err(error) => Err(error),
        };
        errors.extend(outcome.err());
    }
    rules.append(&mut header.rules);
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let definitions = definitions(&header);
    for rule in &mut rules {
        errors.extend(expand(rule, &definitions).err());
        errors.extend(validate(rule));
    }
    let PackMetadata { name, version, .. } = header.metadata;
    if errors.is_empty() { Ok(Pack { name, version, rules }) } else { Err(errors) }
}

fn is_header(source: &Source) -> Result<bool, RuleError> {
    match yaml::<Kind>(source)?.kind.as_deref() {
        Some("RulePack") => Ok(true),
        None => Ok(false),
        Some(other) => Err(RuleError::Invalid {
            file: source.file.to_owned(),
            line: line_of(source.text, "kind"),
            column: 1,
            cause: format!("unknown kind `{other}`"),
            remedy: "write `kind: RulePack`, or no kind in a file that is one rule".to_owned(),
        }),
    }
}

fn read_header(source: &Source) -> Result<Header, RuleError> {
    let mut header: Header = yaml(source)?;
    let error = |key: &str, cause: String, remedy: String| RuleError::Invalid {
        file: source.file.to_owned(),
        line: line_of(source.text, key),
        column: 1,
        cause,
        remedy,
    };
    if header.api_version != API_VERSION {
        let cause = format!("unknown apiVersion `{}`", header.api_version);
        return Err(error("apiVersion", cause, format!("write `apiVersion: {API_VERSION}`")));
    }
    if let Some(requires) = &header.metadata.requires
        && !is_satisfied(requires, env!("CARGO_PKG_VERSION"))
    {
        let cause =
            format!("the pack requires pcapsule {requires}, this is {}", env!("CARGO_PKG_VERSION"));
        let remedy = "use a newer pcapsule, or write it as `>=0.1`".to_owned();
        return Err(error("requires", cause, remedy));
    }
    let rules = std::mem::take(&mut header.rules);
    header.rules = rules.into_iter().map(|rule| with_origin(rule, source)).collect();
    Ok(header)
}

/// Whether `version` is at least what `>=X.Y.Z` (or fewer numbers) asks for.
fn is_satisfied(requires: &str, version: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.trim().split('.').map(|number| number.parse().ok()).collect()
    };
    let least = requires.trim().strip_prefix(">=").and_then(numbers);
    least.is_some_and(|least| numbers(version).is_some_and(|version| version >= least))
}

fn definitions(header: &Header) -> Definitions {
    let mut definitions = Definitions::default();
    for (name, values) in &header.lists {
        definitions.define_value(name, &Literal::List(values.clone()));
    }
    for (name, filter) in &header.macros {
        definitions.define_macro(name, filter);
    }
    definitions
}

/// Puts the meaning of names into the rule's filters.
fn expand(rule: &mut Rule, shared: &Definitions) -> Result<(), RuleError> {
    let mut definitions = shared.clone();
    for (name, value) in &rule.params {
        definitions.define_value(name, value);
    }
    let origin = rule.origin.clone();
    let filters = [("match", &mut rule.matches)]
        .into_iter()
        .chain(rule.of.iter_mut().map(|of| ("of", of)))
        .chain(rule.exceptions.iter_mut().map(|exception| ("exceptions", &mut exception.matches)));
    for (key, filter) in filters {
        *filter = definitions.expand(filter).map_err(|cause| RuleError::Invalid {
            file: origin.file.clone(),
            line: origin.line(key),
            column: 1,
            cause,
            remedy: "define the macro by fields and other macros".to_owned(),
        })?;
    }
    Ok(())
}

/// Reads YAML into a type; the error tells what is allowed.
fn yaml<T: DeserializeOwned>(source: &Source) -> Result<T, RuleError> {
    serde_yaml::from_str(source.text).map_err(|error| {
        let (line, column) =
            error.location().map_or((1, 1), |place| (place.line(), place.column()));
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        RuleError::Yaml {
            file: source.file.to_owned(),
            line,
            column,
            cause: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
        }
    })
}

/// Remembers the file and the lines of a rule's keys: those that are as deep as its id.
fn with_origin(mut rule: Rule, source: &Source) -> Rule {
    rule.origin.file = source.file.to_owned();
    let key_of = |line: &str| {
        let text = line.trim_start_matches([' ', '-']);
        let (key, _) = text.split_once(':')?;
        Some((line.len() - text.len(), key.trim().to_owned()))
    };
    let mut depth = None;
    for (number, line) in (1..).zip(source.text.lines()) {
        let Some((indent, key)) = key_of(line) else { continue };
        let is_id = key == "id" && depth.is_none_or(|depth| depth == indent);
        if is_id {
            let value = line.split_once(':').map_or("", |(_, value)| value);
            let value = value.split(" #").next().unwrap_or("").trim().trim_matches(['"', '\'']);
            depth = (value == rule.id).then_some(indent);
        }
        if depth == Some(indent) {
            rule.origin.lines.entry(key).or_insert(number);
        }
    }
    rule
}

/// Line of a top-level key or of one in `metadata`, from 1.
fn line_of(text: &str, key: &str) -> usize {
    let is_key =
        |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    text.lines().position(is_key).map_or(1, |index| index + 1)
}

/// A rule whose unimportant keys are filled in.
#[cfg(test)]
pub(super) fn rule_for_tests(yaml: &str) -> Rule {
    let defaults = [
        ("id", "rule"),
        ("title", "A rule"),
        ("severity", "high"),
        ("category", "application"),
        ("match", "x"),
        ("of", "y"),
        ("window", "{size: 10s}"),
        ("fire", "{metric: count}"),
        ("message", "text"),
    ];
    let mut text = yaml.to_owned();
    for (key, value) in defaults {
        if !yaml.lines().any(|line| line.starts_with(&format!("{key}:"))) {
            text.push_str(&format!("\n{key}: {value}"));
        }
    }
    serde_yaml::from_str(&text).expect("a rule")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = "apiVersion: rules/v1
kind: RulePack
metadata: {name: mine, version: 1.0.0, requires: \">=0.1\"}
lists: {probes: [/healthz, /livez]}
macros: {app: 'http && !(path in probes)'}
";

    const RULE: &str = "id: five  # a slug
title: Fives
severity: high
category: application
params: {least: 500}
match: app && status_code >= least
of: app
group_by: [dst.service.name]
window: {size: 30s, slide: 10s}
fire: {metric: ratio, op: '>', value: 0.05, bound: wilson95_low}
message: '{{dst.service.name}}: {{ratio|pct}}'
exceptions: [{reason: old, until: 2027-01-31, match: path == \"/app\"}]
";

    fn parse_texts(texts: &[&str]) -> Result<Pack, Vec<String>> {
        let sources: Vec<Source> =
            texts.iter().map(|text| Source { file: "rules/x.yaml", text }).collect();
        parse(&sources).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    /// The only error of the rule with one text replaced.
    fn error(from: &str, to: &str) -> String {
        assert!(RULE.contains(from), "{from}");
        let mut errors = parse_texts(&[PACK, &RULE.replace(from, to)]).expect_err(to);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    #[test]
    fn a_pack_of_files_and_a_pack_in_one_file_are_the_same() {
        let files = parse_texts(&[PACK, RULE]).expect("a pack");
        let inner: String = RULE.lines().map(|line| format!("  {line}\n")).collect();
        let one = format!("{PACK}rules:\n- {}", inner.trim_start());
        let single = parse_texts(&[&one]).expect("a pack");
        let rule = &files.rules[0];
        let app = r#"(http && !(path in ["/healthz", "/livez"]))"#;
        assert_eq!(rule.matches, format!("{app} && status_code >= 500"));
        assert_eq!(rule.of.as_deref(), Some(app));
        assert_eq!(
            rule.condition(0),
            format!("({app} && status_code >= 500) && !(path == \"/app\")")
        );
        assert_eq!((rule.origin.line("match"), single.rules[0].origin.line("match")), (6, 12));
        assert_eq!((&*files.name, &*files.version), ("mine", "1.0.0"));
        let without_lines = |pack: &Pack| {
            let mut rule = pack.rules[0].clone();
            rule.origin.lines.clear();
            rule
        };
        assert_eq!(without_lines(&files), without_lines(&single));
    }

    #[test]
    fn errors_name_the_place_and_what_is_allowed() {
        let unknown = error("window:", "windows:");
        assert!(unknown.starts_with("rules/x.yaml:9:1: "), "{unknown}");
        assert!(
            unknown.contains("unknown field `windows`") && unknown.contains("`window`"),
            "{unknown}"
        );
        let severity = error("severity: high", "severity: hgih");
        assert!(severity.starts_with("rules/x.yaml:3:"), "{severity}");
        assert!(severity.contains("`info`, `low`, `medium`, `high`, `critical`"), "{severity}");
        let unit = error("30s", "30sec");
        assert!(unit.starts_with("rules/x.yaml:9:"), "{unit}");
        assert!(unit.contains("unknown unit `sec`"), "{unit}");
        assert!(error("op: '>'", "op: '~'").contains("`>`, `>=`, `<`, `<=`"));
        assert!(error("ratio|pct", "ratio|upper").contains("pct, time or duration"));
        assert!(error("2027-01-31", "soon").contains("2027-01-31"));
        assert!(error("title: Fives", "title: Fives\ntitle: Six").contains("duplicate"));
        assert!(error("{size: 30s, slide: 10s}", "{size: 30s").starts_with("rules/x.yaml:"));
    }

    #[test]
    fn headers_are_checked_too() {
        let with = |from: &str, to: &str| {
            parse_texts(&[&PACK.replace(from, to), RULE]).expect_err(to).join("\n")
        };
        assert!(with("rules/v1", "rules/v9").contains("rules/x.yaml:1:1: unknown apiVersion"));
        assert!(with(">=0.1", ">=99").contains("requires pcapsule >=99"));
        assert!(with("RulePack", "Rules").contains("write `kind: RulePack`"));
        assert!(with("!(path in probes)", "app").contains("macro `app` uses itself"));
        assert!(is_satisfied(">=0.1", "0.1.0") && !is_satisfied("0.1", "0.1.0"));
        assert!(is_satisfied(">=0.1.0", "0.10.2") && !is_satisfied(">=1", "0.9.9"));
    }

    #[test]
    fn folders_are_packs() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            std::fs::write(path, text).expect("written");
        };
        assert!(matches!(load(folder.path()).unwrap_err()[0], RuleError::NoRules { .. }));
        put("mine/pack.yaml", PACK);
        put("mine/five.yaml", RULE);
        put("mine/notes.md", "no rule");
        let names = |path: &Path| -> Vec<String> {
            load(path).expect("packs").into_iter().map(|pack| pack.name).collect()
        };
        assert_eq!(names(folder.path()), ["mine"]);
        assert_eq!(names(&folder.path().join("mine")), ["mine"]);
        assert_eq!(names(&folder.path().join("mine/five.yaml")), ["mine"]);
        assert!(load(&folder.path().join("gone.yaml")).is_err());
    }
}
