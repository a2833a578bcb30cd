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

/// Columns that tell of vantages: which saw a row, how many, and what they know together.
const VANTAGES: &[&str] = &["vantage_id", "observations", "server_time", "network_time"];

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

/// Calls, connections and what the protocols tell of them are the same, whoever saw them.
#[track_caller]
fn same_calls(left: &Dataset, right: &Dataset) {
    let (left_tables, right_tables) = (tables_of(left), tables_of(right));
    let of_vantages = ["anomalies", "observations", "conn_observations"];
    let names = |tables: &BTreeMap<&str, DataFrame>| -> Vec<String> {
        let names = tables.keys().filter(|name| !of_vantages.contains(name));
        names.map(ToString::to_string).collect()
    };
    assert_eq!(names(&left_tables), names(&right_tables));
    for name in names(&left_tables) {
        let [ours, theirs] = [&left_tables, &right_tables].map(|tables| {
            let kept = tables[&*name].drop_many(VANTAGES.iter().copied());
            let keys: Vec<PlSmallStr> = kept
                .columns()
                .iter()
                .filter(|c| !c.dtype().is_nested())
                .map(|c| c.name().clone())
                .collect();
            kept.sort(keys, SortMultipleOptions::default()).unwrap()
        });
        assert_eq!(ours.height(), theirs.height(), "rows of {name}");
        for column in ours.columns() {
            let other = theirs.column(column.name()).unwrap();
            let same = column.equals_missing(other);
            assert!(same, "{name}.{} differs:\n{column:?}\n{other:?}", column.name());
        }
    }
    assert_eq!(left.meta.protocols, right.meta.protocols);
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

/// One node's capture of a scenario with retransmissions, as one file and in other shapes.
fn one_node(dir: &Path) -> (Vec<traffic::Frame>, Dataset) {
    let folder = synth(dir).join("node-a");
    let capture = crate::support::files(&folder, ".pcap.zst").pop().unwrap();
    let frames = traffic::read(&capture);
    assert!(frames.len() > 1000, "{} frames", frames.len());
    traffic::write_pcap(&dir.join("one/node-0/if-eth0/all.pcap"), frames.clone());
    let whole = dissect(&[dir.join("one")], &dir.join("cache")).unwrap();
    (frames, whole)
}

#[test]
fn a_thousand_segments_are_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let (frames, whole) = one_node(dir.path());
    let mut random = 88_172_645_463_325_252_u64;
    let mut cuts: Vec<usize> = (0..1000)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % frames.len() as u64) as usize
        })
        .chain([0, frames.len()])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    for (number, pair) in cuts.windows(2).enumerate() {
        let path = dir.path().join(format!("cut/node-0/if-eth0/{number:04}.pcap"));
        traffic::write_pcap(&path, frames[pair[0]..pair[1]].to_vec());
    }
    let parts = dissect(&[dir.path().join("cut")], &dir.path().join("cache")).unwrap();
    same_calls(&whole, &parts);
}

/// Both ends' addresses and ports, in either order: what a load balancer spreads by.
fn conversation(frame: &traffic::Frame) -> usize {
    let ends = frame.1.get(26..38).unwrap_or(&[]);
    ends.iter().map(|&byte| usize::from(byte)).sum()
}

#[test]
fn spread_over_ten_nodes_is_as_on_one() {
    let dir = tempfile::tempdir().unwrap();
    let (frames, whole) = one_node(dir.path());
    let cache = dir.path().join("cache");
    let shape = |name: &str, nodes: usize, who: &dyn Fn(usize, &traffic::Frame) -> Vec<usize>| {
        let folder = dir.path().join(name);
        traffic::spread(&frames, &folder, nodes, who);
        dissect(&[folder], &cache).unwrap()
    };
    let by_conn = shape("by-conn", 10, &|_, frame| vec![conversation(frame) % 10]);
    same_calls(&whole, &by_conn);
    let both_ends = shape("both-ends", 2, &|_, _| vec![0, 1]);
    same_calls(&whole, &both_ends);
    let by_packet = shape("by-packet", 10, &|number, _| vec![number * 7 % 10]);
    assert!(by_packet.meta.mended_conns > 10);
    same_calls(&whole, &by_packet);
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
