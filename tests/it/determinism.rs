//! The same packets give the same result: with any number of threads, cut into any segments, in
//! any order of arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pcapsule::frame::{Dataset, tables};
use pcapsule::synth::Scenario;
use polars::prelude::*;
use proptest::prelude::*;

use crate::support::{Program, dissect, redis_oom, root};
use crate::traffic;

/// Columns that point into files, which cutting moves.
const POINTERS: &[&str] =
    &["packet_segment", "packet_frame", "packet_offset", "response_segment", "response_frame"];

/// A minute's scenario cut short, with losses.
const SHORT: &str = "duration: 6s";

fn synth(dir: &Path) -> PathBuf {
    let healthy = root().join("src/synth/scenarios/healthy.yaml");
    let text = std::fs::read_to_string(healthy).unwrap();
    let text = text
        .replace("duration: 60s", SHORT)
        .replace("capture: {level: 19}", "capture: {level: 1, loss: {node-b: 0.02}}");
    assert!(text.contains(SHORT) && text.contains("loss"), "the scenario has changed");
    let folder = dir.join("synth");
    Scenario::parse("short.yaml", &text).unwrap().generate(&folder).unwrap();
    folder
}

/// Every file of the only dataset in a cache.
fn contents(cache: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = crate::support::files(cache, "");
    let relative = |path: &Path| path.strip_prefix(cache).unwrap().to_path_buf();
    files.iter().map(|path| (relative(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn threads_do_not_matter() {
    let program = Program::new();
    for input in [redis_oom(), synth(program.dir.path())] {
        let input = input.to_str().unwrap();
        let [one, two] = ["1", "2"].map(|threads| {
            let cache = program.path(&format!("threads-{threads}"));
            let cache = cache.to_str().unwrap();
            program.run(&["dissect", input, "--threads", threads, "--cache", cache]).ends(0);
            let contents = contents(Path::new(cache));
            std::fs::remove_dir_all(cache).unwrap();
            contents
        });
        assert!(one.len() > 20, "{:?}", one.keys());
        assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
        for (path, bytes) in one {
            assert!(two[&path] == bytes, "{} differs", path.display());
        }
    }
}

#[test]
fn reports_do_not_depend_on_threads() {
    let program = Program::new();
    let input = redis_oom().display().to_string();
    let [one, two] = ["1", "2"].map(|threads| {
        let [out, cache] =
            ["out", "cache-of"].map(|name| program.path(&format!("{name}-{threads}")));
        let [out, cache] = [out, cache].map(|path| path.display().to_string());
        let report = ["report", &input, "-o", &out, "--cache", &cache, "--threads", threads];
        program.run(&report).ends(0);
        contents(Path::new(&out))
    });
    assert_eq!(one.len(), 3, "{:?}", one.keys());
    assert!(one == two, "the reports differ");
}

/// All tables of a dataset without what points into files, each sorted by all its columns that
/// can be, as text.
fn tables_of(dataset: &Dataset) -> BTreeMap<&'static str, DataFrame> {
    let mut found = BTreeMap::new();
    for table in tables() {
        let Some(scan) = dataset.scan(table.name).unwrap() else { continue };
        let frame = scan.collect().unwrap().drop_many(POINTERS.iter().copied());
        let keys: Vec<String> = ["id", "vantage_id", "timestamp", "ts_ns", "kind", "conn_id"]
            .iter()
            .filter(|name| frame.column(name).is_ok())
            .map(ToString::to_string)
            .collect();
        found.insert(table.name, frame.sort(keys, SortMultipleOptions::default()).unwrap());
    }
    found
}

#[track_caller]
fn same_tables(left: &Dataset, right: &Dataset) {
    let (left_tables, right_tables) = (tables_of(left), tables_of(right));
    assert!(left_tables.contains_key("calls") && left_tables.contains_key("conns"));
    assert_eq!(left_tables.keys().collect::<Vec<_>>(), right_tables.keys().collect::<Vec<_>>());
    for (name, frame) in &left_tables {
        let other = &right_tables[name];
        assert_eq!(frame.height(), other.height(), "rows of {name}");
        for column in frame.columns() {
            let theirs = other.column(column.name()).unwrap();
            let same = column.equals_missing(theirs);
            assert!(same, "{name}.{} differs:\n{column:?}\n{theirs:?}", column.name());
        }
    }
    assert_eq!(left.meta.protocols, right.meta.protocols);
    assert_eq!(left.meta.anomalies, right.meta.anomalies);
    assert_eq!(left.meta.layers, right.meta.layers);
}

#[test]
fn order_of_arguments_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = ["node-a", "node-b", "node-c"].map(|node| {
        let input = dir.path().join(format!("of-{node}"));
        traffic::cut(&redis_oom().join(node), &input.join(node), &[]);
        input
    });
    let [a, b, c] = inputs;
    std::fs::copy(redis_oom().join("cluster.json"), b.join("cluster.json")).unwrap();
    let there = dissect(&[a.clone(), b.clone(), c.clone()], &dir.path().join("cache-1")).unwrap();
    let back = dissect(&[c, a, b], &dir.path().join("cache-2")).unwrap();
    same_tables(&there, &back);
    assert_eq!(there.dir.file_name(), back.dir.file_name(), "one key");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..Default::default() })]

    /// Segments of a rotated capture end anywhere: between the packets of a call, of a handshake,
    /// of a gap.
    #[test]
    fn cuts_do_not_matter(cuts in proptest::collection::vec(0.0..1.0f64, 1..6)) {
        let dir = tempfile::tempdir().unwrap();
        for (name, whole) in [("oom", redis_oom()), ("synth", synth(dir.path()))] {
            let parts = dir.path().join(format!("{name}-cut"));
            traffic::cut(&whole, &parts, &cuts);
            let cache = dir.path().join("cache");
            same_tables(
                &dissect(&[whole], &cache).unwrap(),
                &dissect(&[parts], &cache).unwrap(),
            );
        }
    }
}
