//! What is wrong with the files themselves: cut, damaged, twice there, out of order.

use std::collections::BTreeMap;
use std::path::Path;

use crate::anomaly::AnomalyKind;
use crate::frame::{InputFile, Meta};

use super::{Complaint, Grade, LISTED_MAX, words};

/// Anomalies that say that a bound of this program was reached.
const LIMITS: [AnomalyKind; 8] = [
    AnomalyKind::LayerLimit,
    AnomalyKind::FragmentLimit,
    AnomalyKind::ConnLimit,
    AnomalyKind::ReorderLimit,
    AnomalyKind::PendingLimit,
    AnomalyKind::HttpHeadLimit,
    AnomalyKind::DnsLimit,
    AnomalyKind::CallsPendingLimit,
];

pub(super) fn examine(meta: &Meta, found: &mut Vec<Complaint>) {
    let count = |kind: AnomalyKind| meta.anomalies.get(kind.name()).copied().unwrap_or(0);
    let broken = count(AnomalyKind::FileCut) + count(AnomalyKind::FileBroken);
    if broken > 0 {
        let text = format!(
            "{} end in the middle or are damaged: what came after is missing",
            words::of(broken, meta.inputs.len() as u64, "files")
        );
        found.push(Complaint::new("files_cut", Grade::Bad, text).now(
            "copy them again from where they were captured, once tcpdump has ended",
            Some("capinfos FILE".into()),
        ));
    }
    twice(meta, found);
    let repeated: u64 =
        meta.anomalies.iter().filter(|(k, _)| k.contains("duplicate")).map(|(_, n)| n).sum();
    if repeated > 0 {
        let text = format!(
            "{} were captured twice at one place, as mirror ports and `-i any` do; they count once",
            words::of(repeated, meta.packets, "packets")
        );
        found.push(Complaint::new("packets_twice", Grade::Note, text));
    }
    let backwards = count(AnomalyKind::TimeBackwards);
    if backwards > 0 {
        let text = format!(
            "{} are older than the one before them in their file",
            words::of(backwards, meta.packets, "packets")
        );
        let grade = if backwards > meta.packets / 100 { Grade::Weak } else { Grade::Note };
        found.push(Complaint::new("time_backwards", grade, text).now(
            "bring the file into the order of time",
            Some("reordercap FILE SORTED.pcapng".into()),
        ));
    }
    let limits: Vec<String> = LIMITS
        .iter()
        .filter(|kind| count(**kind) > 0)
        .map(|kind| format!("{} {}", kind.name(), count(*kind)))
        .collect();
    if !limits.is_empty() {
        let limits: Vec<&str> = limits.iter().map(String::as_str).collect();
        let text =
            format!("bounds of this program were reached: {}", words::list(&limits, LISTED_MAX));
        found.push(Complaint::new("limits", Grade::Weak, text));
    }
}

/// Files of the same content, which counts twice.
fn twice(meta: &Meta, found: &mut Vec<Complaint>) {
    let mut alike: BTreeMap<(u64, Option<i64>), Vec<&InputFile>> = BTreeMap::new();
    for file in meta.inputs.iter().filter(|file| file.first_ns.is_some()) {
        alike.entry((file.bytes, file.first_ns)).or_default().push(file);
    }
    for files in alike.values().filter(|files| files.len() > 1) {
        let mut same: BTreeMap<[u8; 32], Vec<&str>> = BTreeMap::new();
        for file in files {
            if let Some(hash) = hash(Path::new(&file.path)) {
                same.entry(hash).or_default().push(&file.path);
            }
        }
        for paths in same.values().filter(|paths| paths.len() > 1) {
            let text = format!(
                "the same file is there {} times: {}",
                paths.len(),
                words::list(paths, LISTED_MAX)
            );
            found.push(
                Complaint::new("files_twice", Grade::Bad, text)
                    .now("give it once; each node's packets belong to that node alone", None),
            );
        }
    }
}

fn hash(path: &Path) -> Option<[u8; 32]> {
    let mut hash = blake3::Hasher::new();
    hash.update_reader(std::fs::File::open(path).ok()?).ok()?;
    Some(*hash.finalize().as_bytes())
}
