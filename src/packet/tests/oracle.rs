//! Layers per file against those that tshark counted. `tests/it/layers.tsv` holds the files where
//! both differ, with the reason; nothing else may differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::{Batch, SegmentReader};
use crate::limits::Limits;
use crate::packet::{Content, Decoded, Defragmenter, LAYER_NAMES, decode};

/// Every frame of a file.
pub(super) fn read(path: &Path) -> Vec<Decoded> {
    let limits = Limits::default();
    let Ok(mut reader) = SegmentReader::open(path) else { return Vec::new() };
    let (mut batch, mut all) = (Batch::default(), Vec::new());
    let mut defragmenter = Defragmenter::default();
    while reader.next_batch(&mut batch, limits.batch_bytes, &limits) {
        let decoded: Vec<Decoded> =
            batch.records.iter().map(|r| decode(&batch, r, 0, &limits)).collect();
        for (record, mut decoded) in batch.records.iter().zip(decoded) {
            if let Content::Fragment(_) = decoded.content {
                let bytes = &mut batch.bytes;
                decoded = defragmenter.complete(decoded, record, 0, bytes, &limits, &mut |_, _| {});
            }
            all.push(decoded);
        }
    }
    all
}

fn ours(path: &Path) -> String {
    let decoded = read(path);
    let counts = (0..LAYER_NAMES.len())
        .map(|position| decoded.iter().filter(|d| d.layers.has(position)).count());
    let named = LAYER_NAMES.iter().zip(counts).filter(|(_, count)| *count > 0);
    named.map(|(name, count)| format!("{name}:{count}")).collect::<Vec<_>>().join(",")
}

/// The layers that we count too, in our order.
fn theirs(column: &str) -> String {
    let counts: BTreeMap<&str, &str> =
        column.split(',').filter_map(|part| part.rsplit_once(':')).collect();
    let named = LAYER_NAMES.iter().filter_map(|name| Some(format!("{name}:{}", counts.get(name)?)));
    named.collect::<Vec<_>>().join(",")
}

#[test]
fn layers_equal_those_of_tshark() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let captures = root.join("../shared/pcaps");
    let Ok(index) = std::fs::read_to_string(captures.join("index.tsv")) else {
        println!("no captures in {}: nothing compared", captures.display());
        return;
    };
    let known = std::fs::read_to_string(root.join("tests/it/layers.tsv")).unwrap();
    let known: BTreeMap<&str, (&str, &str)> = known
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|row| (row[0], (row[1], row[2])))
        .collect();
    let (mut files, mut wrong) = (0, Vec::new());
    for row in index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>()) {
        let (ours, theirs) = (ours(&captures.join(row[1])), theirs(row[15]));
        files += 1;
        let expected = known.get(row[1]).copied().unwrap_or((&theirs, &theirs));
        if expected != (&ours, &theirs) {
            wrong.push(format!("{}\t{ours}\t{theirs}", row[1]));
        }
    }
    println!("{files} files, {} known to differ", known.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
