//! KFL apart: parsing, checking, compiling to a plan, and running it on frames of made-up calls.
//! `cargo bench --bench questions`; for other sizes `pcapsule synth frames --calls N`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use pcapsule::catalogue::{Family, catalogue};
use pcapsule::frame::{Dataset, Selector, made};
use pcapsule::kfl;

/// Calls of the frames that are asked.
const CALLS: u64 = 200_000;

/// Filters of the kinds that people write: a status, a namespace, a pattern, a label.
const FILTERS: [(&str, &str); 4] = [
    ("status", "http && status_code >= 500"),
    ("namespace", "http && status_code >= 500 && dst.namespace == \"production\""),
    ("pattern", "http && path.matches(\"^/api/v[0-9]+/orders/[0-9]+$\")"),
    ("label", "map_get(remote_labels, \"app\", \"\") == \"cart\" && status_code == 200"),
];

fn questions(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    made::write(dir.path(), CALLS, 1).expect("frames");
    let dataset = Dataset::open(dir.path()).expect("a dataset");
    let selector = Selector::new(&dataset).expect("workloads");
    for (name, filter) in FILTERS {
        let mut group = criterion.benchmark_group(format!("kfl/{name}"));
        group.bench_function("parse", |b| b.iter(|| kfl::parse(filter)));
        group.bench_function("check", |b| b.iter(|| kfl::check(catalogue(), filter)));
        let checked = kfl::check(catalogue(), filter).expect("a filter");
        group.bench_function("compile", |b| {
            b.iter(|| selector.rows(&checked, Family::Calls, &[], &[]).expect("a plan").is_some());
        });
        group.throughput(Throughput::Elements(CALLS)).sample_size(20);
        group.bench_function("execute", |b| {
            b.iter(|| selector.count(&checked, Family::Calls).expect("a count"));
        });
        group.finish();
    }
}

criterion_group!(benches, questions);
criterion_main!(benches);
