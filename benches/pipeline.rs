//! Throughput of each stage and of the whole way, in bytes of capture per second. The capture is
//! made by our own generator, so that anybody can run this: `cargo bench`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use pcapsule::capture::{Batch, Inputs, SegmentReader};
use pcapsule::catalogue::catalogue;
use pcapsule::frame::{Dataset, Source};
use pcapsule::incident::{Facts, detect};
use pcapsule::kfl;
use pcapsule::limits::Limits;
use pcapsule::packet;
use pcapsule::replay::Window;
use pcapsule::stream::{Event, Reassembler};
use pcapsule::synth::Scenario;
use pcapsule::workload::{Directory, Metadata};

/// A capture of three nodes with an incident, made once per run.
struct Made {
    dir: tempfile::TempDir,
    inputs: Inputs,
    directory: Directory,
    /// Decompressed bytes of all segments.
    bytes: u64,
}

fn make() -> Made {
    let dir = tempfile::tempdir().expect("a temporary folder");
    Scenario::load("redis-oom").and_then(|s| s.generate(dir.path())).expect("a scenario");
    let inputs = Inputs::find(&[dir.path().to_path_buf()], &Limits::default()).expect("inputs");
    let mut metadata = Metadata::default();
    metadata.read_cluster(&dir.path().join("cluster.json")).expect("cluster.json");
    let bytes = inputs.segments().map(|s| read(&s.path)).sum();
    Made { dir, inputs, directory: Directory::build(metadata), bytes }
}

/// Reads a segment to its end; decompressed bytes.
fn read(path: &Path) -> u64 {
    let limits = Limits::default();
    let mut reader = SegmentReader::open_whole(path).expect("a segment");
    let (mut batch, mut bytes) = (Batch::default(), 0);
    while reader.next_batch(&mut batch, limits.batch_bytes, &limits) {
        bytes += batch.bytes.len() as u64;
    }
    bytes
}

fn decode(path: &Path) -> usize {
    let limits = Limits::default();
    let mut reader = SegmentReader::open(path).expect("a segment");
    let (mut batch, mut packets) = (Batch::default(), 0);
    while reader.next_batch(&mut batch, limits.batch_bytes, &limits) {
        let decoded = batch.records.iter().map(|r| packet::decode(&batch, r, 0, &limits));
        packets += decoded.filter(|d| d.packet().is_some()).count();
    }
    packets
}

/// The same captures without compression.
fn unpack(made: &Made, dir: &Path) -> Vec<PathBuf> {
    let unpacked = |(number, path): (usize, &PathBuf)| {
        let packed = std::fs::File::open(path).expect("a segment");
        let plain = dir.join(format!("{number}.pcap"));
        let bytes = zstd::decode_all(packed).expect("zstd");
        std::fs::write(&plain, bytes).expect("a file");
        plain
    };
    let paths: Vec<PathBuf> = made.inputs.segments().map(|s| s.path.clone()).collect();
    paths.iter().enumerate().map(unpacked).collect()
}

/// One direction's bytes in segments of Ethernet's size: in order, and each pair turned round.
fn reassemble(bytes: &[u8], turned: bool) -> usize {
    let (limits, mut found) = (Limits::default(), 0);
    let mut stream = Reassembler::default();
    stream.start(0);
    let mut take = |number: usize, piece: &[u8]| {
        stream.segment((number * 1448) as u32, piece, 0, (), &limits, |event| {
            if let Event::Bytes(bytes, (), _) = event {
                found += bytes.len();
            }
        });
    };
    for (pair, pieces) in bytes.chunks(2 * 1448).enumerate() {
        let (first, second) = pieces.split_at(pieces.len().min(1448));
        if turned {
            take(2 * pair + 1, second);
        }
        take(2 * pair, first);
        if !turned {
            take(2 * pair + 1, second);
        }
    }
    found
}

fn frames(made: &Made, cache: &Path) -> Dataset {
    let source = Source {
        inputs: &made.inputs,
        directory: &made.directory,
        metadata_hash: String::new(),
        limits: &Limits::default(),
        window: Window::default(),
        stop: &AtomicBool::new(false),
        progress: &|_| {},
    };
    Dataset::open_or_build(&source, cache).expect("frames")
}

fn stages(c: &mut Criterion) {
    let made = make();
    let paths: Vec<PathBuf> = made.inputs.segments().map(|s| s.path.clone()).collect();
    let mut group = c.benchmark_group("stages");
    group.throughput(Throughput::Bytes(made.bytes));
    group.sample_size(10);
    let plain_dir = tempfile::tempdir().expect("a folder");
    let plain = unpack(&made, plain_dir.path());
    group.bench_function("capture: raw to records", |b| {
        b.iter(|| plain.iter().map(|p| read(p)).sum::<u64>());
    });
    group.bench_function("capture: zstd to records", |b| {
        b.iter(|| paths.iter().map(|p| read(p)).sum::<u64>());
    });
    group.bench_function("capture and packet: raw to packets", |b| {
        b.iter(|| plain.iter().map(|p| decode(p)).sum::<usize>());
    });
    group.bench_function("capture and packet: zstd to packets", |b| {
        b.iter(|| paths.iter().map(|p| decode(p)).sum::<usize>());
    });
    group.bench_function("whole: zstd to frames", |b| {
        b.iter_with_large_drop(|| {
            let cache = tempfile::tempdir().expect("a cache");
            frames(&made, cache.path());
            cache
        });
    });
    let cache = tempfile::tempdir().expect("a cache");
    let dataset = frames(&made, cache.path());
    group.bench_function("incident: frames to incidents", |b| {
        b.iter(|| detect(&Facts::read(&dataset).expect("facts")).len());
    });
    group.finish();
    drop(made.dir);
}

fn streams(c: &mut Criterion) {
    let bytes = vec![7; 8 << 20];
    let mut group = c.benchmark_group("stream");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for (name, turned) in [("in order", false), ("each pair turned round", true)] {
        assert_eq!(reassemble(&bytes, turned), bytes.len());
        group.bench_function(name, |b| b.iter(|| reassemble(&bytes, turned)));
    }
    group.finish();
}

fn language(c: &mut Criterion) {
    let filter =
        "http && status_code >= 500 && dst.namespace == \"shop\" && path.contains(\"/cart\")";
    let mut group = c.benchmark_group("kfl");
    group.bench_function("parse", |b| b.iter(|| kfl::parse(filter).expect("it parses")));
    group.bench_function("check", |b| {
        b.iter(|| kfl::check(catalogue(), filter).expect("it checks"))
    });
    group.finish();
}

criterion_group!(benches, stages, streams, language);
criterion_main!(benches);
