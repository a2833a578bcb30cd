//! The source tree keeps to its own rules: imports follow the data, modules say what they are,
//! files stay readable, protocols and fixtures have their parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{files, root};

/// Which top-level module may use which others, beyond those of [`ANYWHERE`]. Exact: an edge that
/// is not here fails, and so does one here that the code no longer has.
const EDGES: &[(&str, &[&str])] = &[
    ("capture", &[]),
    ("packet", &["capture"]),
    ("conn", &["capture", "packet", "stream", "field"]),
    ("stream", &[]),
    ("field", &[]),
    ("dissect", &["capture", "conn", "field"]),
    ("call", &["dissect", "field"]),
    ("join", &["packet"]),
    ("chain", &["stats"]),
    ("workload", &["field"]),
    (
        "replay",
        &["capture", "packet", "conn", "stream", "field", "dissect", "call", "join", "workload"],
    ),
    ("catalogue", &["call", "conn", "field", "dissect", "workload"]),
    ("kfl", &["field", "catalogue"]),
    (
        "frame",
        &[
            "capture",
            "packet",
            "conn",
            "field",
            "dissect",
            "call",
            "join",
            "chain",
            "workload",
            "replay",
            "catalogue",
            "kfl",
        ],
    ),
    (
        "answer",
        &[
            "capture",
            "packet",
            "stream",
            "field",
            "dissect",
            "workload",
            "catalogue",
            "kfl",
            "frame",
        ],
    ),
    ("stats", &[]),
    ("rule", &["field", "catalogue", "kfl", "frame", "stats"]),
    ("incident", &["field", "workload", "frame", "stats"]),
    ("compare", &["field", "incident", "stats"]),
    ("report", &["workload", "kfl", "frame", "incident"]),
    ("export", &["capture", "packet", "replay"]),
    (
        "cli",
        &[
            "capture",
            "packet",
            "call",
            "field",
            "workload",
            "replay",
            "catalogue",
            "kfl",
            "frame",
            "answer",
            "rule",
            "incident",
            "compare",
            "report",
            "export",
            "synth",
        ],
    ),
    ("synth", &["capture"]),
];

/// What everything may use: kinds of anomalies, limits, secrets, and how calls end.
const ANYWHERE: &[&str] = &["anomaly", "keylog", "limits", "outcome"];

/// Edges against the order of the data, and why.
const AGAINST_THE_DATA: &[(&str, &str, &str)] = &[
    ("conn", "stream", "arithmetic of sequence numbers, which both need"),
    ("conn", "field", "connections are rows themselves; `fields!` makes their table"),
    ("cli", "synth", "makes captures instead of reading them, so it stands behind the pipeline"),
];

/// Files that may ask for features; elsewhere a module is there or not as a whole.
const ASKS_FEATURES: &[&str] = &["lib.rs", "cli/mod.rs", "rule/mod.rs"];

/// Lines of a file before its tests.
const LINES_MAX: usize = 800;

/// A file of `src`, without its inline tests.
struct Source {
    /// Path below `src`.
    name: String,
    code: String,
}

impl Source {
    fn read(path: &Path) -> Source {
        let name = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string();
        Source { name, code }
    }

    /// The folder or file right below `src`.
    fn module(&self) -> &str {
        self.name.split('/').next().unwrap().trim_end_matches(".rs")
    }

    fn is_test(&self) -> bool {
        self.name.ends_with("tests.rs")
            || self.name.ends_with("testing.rs")
            || self.name.contains("/tests/")
    }

    /// Top-level modules named in paths from `crate::`.
    fn uses(&self) -> BTreeSet<String> {
        let word = |text: &str| -> String {
            text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        let mut found = BTreeSet::new();
        for line in self.code.lines().map(|line| line.split("//").next().unwrap_or("")) {
            let after = line.split("crate::").skip(1);
            // `crate::fields!` is the macro of `field`.
            found.extend(after.map(word).map(|w| if w == "fields" { "field".into() } else { w }));
        }
        // `use crate::{capture::{..}, ..}` holds its modules one brace deep.
        for group in self.code.split("crate::{").skip(1) {
            let mut depth = 0;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.insert(word(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                item.push(c);
            }
            found.insert(word(&item));
        }
        found.remove("");
        found
    }
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> =
        files(&root().join("src"), ".rs").iter().map(|path| Source::read(path)).collect();
    assert!(sources.len() > 100, "src was not read");
    sources
}

/// Modules of `lib.rs`, in its order.
fn order() -> Vec<String> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_string());
    lib.lines().filter_map(name).collect()
}

/// The graph of the code: each module with what it uses.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let order = order();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let uses = graph.entry(source.module().to_string()).or_default();
        let known = |name: &String| order.contains(name) && name != source.module();
        uses.extend(source.uses().into_iter().filter(known));
    }
    graph
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let graph = graph();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (module, uses) in &graph {
        let is_for_all = |name: &String| ANYWHERE.contains(&name.as_str());
        if is_for_all(module) {
            let others = uses.iter().filter(|to| !is_for_all(to));
            wrong.extend(others.map(|to| format!("{module} is for all and uses {to}")));
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            if order().contains(module) {
                wrong.push(format!("{module} is not in the table"));
            }
            continue;
        };
        for to in uses.iter().filter(|to| !ANYWHERE.contains(&to.as_str())) {
            if !allowed.contains(to.as_str()) {
                wrong.push(format!("{module} uses {to}: not in the table"));
            }
        }
        for to in allowed.iter().filter(|to| !uses.contains(**to)) {
            wrong.push(format!("{module} no longer uses {to}: take it out of the table"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_follow_the_data() {
    let order = order();
    let place = |name: &str| order.iter().position(|m| m == name);
    for (from, to) in EDGES {
        for to in *to {
            let exception = AGAINST_THE_DATA.iter().any(|(a, b, _)| (a, b) == (from, to));
            let follows = place(to) < place(from);
            assert!(follows || exception, "{from} uses {to}, which comes later in lib.rs");
            assert!(!(follows && exception), "{from} -> {to} needs no exception");
        }
    }
}

#[test]
fn modules_have_no_cycles() {
    let mut graph = graph();
    // Take away what uses nothing that is left, until nothing is.
    while !graph.is_empty() {
        let left: BTreeSet<String> = graph.keys().cloned().collect();
        let before = graph.len();
        graph.retain(|_, uses| !uses.is_disjoint(&left));
        assert!(graph.len() < before, "a cycle among {left:?}");
    }
}

#[test]
fn modules_say_what_they_are() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.is_test() && !source.code.starts_with("//!"))
        .map(|source| source.name)
        .collect();
    assert!(silent.is_empty(), "no `//!` paragraph at the top: {silent:?}");
}

#[test]
fn files_stay_readable() {
    for source in sources() {
        let lines = source.code.lines().count();
        assert!(lines <= LINES_MAX, "{}: {lines} lines before its tests", source.name);
    }
}

#[test]
fn features_are_asked_for_in_few_places() {
    let asks = |source: &&Source| source.code.contains("feature = \"");
    for source in sources().iter().filter(asks) {
        assert!(ASKS_FEATURES.contains(&source.name.as_str()), "{}", source.name);
    }
}

#[test]
fn protocols_have_their_parts() {
    let mut protocols = 0;
    for entry in std::fs::read_dir(root().join("src/dissect")).unwrap() {
        let dir = entry.unwrap().path();
        let text = std::fs::read_to_string(dir.join("mod.rs")).unwrap_or_default();
        // A folder without a descriptor holds what several protocols share.
        if text.contains(": Protocol =") {
            // Protocols of one format (DNS, mDNS, LLMNR; GraphQL over two) share a folder.
            let code = files(&dir, ".rs").into_iter().map(|f| std::fs::read_to_string(f).unwrap());
            let descriptors = |code: String| code.matches(": Protocol =").count();
            protocols += code.map(descriptors).sum::<usize>() - usize::from(text.contains("MDNS"));
            for part in ["mod.rs", "parse.rs"] {
                assert!(dir.join(part).exists(), "{} has no {part}", dir.display());
            }
            // Fields are the protocol's own, or those of the family that it shares a table with.
            let own = dir.join("fields.rs").exists() || text.contains("super::http::");
            assert!(own, "{} has no fields.rs", dir.display());
        }
    }
    assert_eq!(protocols, pcapsule::dissect::PROTOCOLS.len(), "a folder for each protocol");
}

#[test]
fn fixtures_say_where_they_come_from() {
    let fixtures = root().join("fixtures");
    assert!(fixtures.join("README.md").exists());
    let cases = files(&fixtures, "case.yaml");
    assert!(!cases.is_empty());
    let mut homes: BTreeSet<PathBuf> = BTreeSet::new();
    for case in &cases {
        homes.insert(case.parent().unwrap().to_path_buf());
    }
    for home in &homes {
        let readme = std::fs::read_to_string(home.join("README.md")).unwrap_or_default();
        assert!(readme.contains("Origin:"), "{}: no README with an origin", home.display());
    }
    for capture in files(&fixtures, ".pcap.zst") {
        let has_case = homes.iter().any(|home| capture.starts_with(home));
        assert!(has_case, "{} belongs to no case", capture.display());
    }
}
