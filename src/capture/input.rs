//! INPUT arguments -> vantages: which files belong to which node and interface, in the order of
//! their first packets. A capture directory is `<node>/<vantage>/<file>`; flat folders and loose
//! files do too: the node is then the folder's name, else the file's up to its rotation suffix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Batch, CaptureError, SegmentReader};
use crate::limits::Limits;

/// Folders below an input that are looked into.
const DEPTH_MAX: usize = 6;

/// One capture file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    pub path: PathBuf,
    /// Index of the file in all results; ascending by node, vantage and first packet.
    pub segment: u32,
    /// Size on disk.
    pub bytes: u64,
    /// Time of the first packet; `None` when the file holds none.
    pub first_ns: Option<i64>,
}

/// One capture point: the files of one node's hook or interface, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vantage {
    pub node: String,
    pub name: String,
    pub segments: Vec<SegmentFile>,
}

/// Everything the INPUT arguments name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    pub vantages: Vec<Vantage>,
    /// `cluster.json` files found inside input folders.
    pub clusters: Vec<PathBuf>,
    /// `sidecar.jsonl` files found inside input folders, with their node.
    pub sidecars: Vec<(String, PathBuf)>,
    /// `tls-keys.log` files found inside input folders, or beside files.
    pub key_logs: Vec<PathBuf>,
}

/// Name of a key log that lies beside a capture.
const KEY_LOG: &str = "tls-keys.log";

impl Inputs {
    /// Finds capture files and metadata below each of `paths`.
    ///
    /// # Errors
    /// A path that does not exist or cannot be read, a file named by itself that is no capture, a
    /// folder without any.
    pub fn find(paths: &[PathBuf], limits: &Limits) -> Result<Self, CaptureError> {
        let mut found = Found::default();
        for path in paths {
            let meta = std::fs::metadata(path).map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => CaptureError::Missing { path: path.clone() },
                _ => CaptureError::Unreadable { path: path.clone(), source },
            })?;
            if meta.is_dir() {
                let before = found.captures.len();
                found.folder(path, &[], limits)?;
                if found.captures.len() == before {
                    return Err(CaptureError::NoCaptures { path: path.clone() });
                }
            } else {
                let first_ns = first_packet(path, limits)?;
                found.captures.push((loose_node(path), "pcap".into(), path.clone(), first_ns));
                found.key_logs.extend(Some(path.with_file_name(KEY_LOG)).filter(|p| p.is_file()));
            }
        }
        Ok(found.into_inputs())
    }

    /// All files in segment order.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentFile> {
        self.vantages.iter().flat_map(|v| &v.segments)
    }
}

#[derive(Default)]
struct Found {
    captures: Vec<(String, String, PathBuf, Option<i64>)>,
    clusters: Vec<PathBuf>,
    sidecars: Vec<(String, PathBuf)>,
    key_logs: Vec<PathBuf>,
}

impl Found {
    /// `place` are the folder names between the input and `dir`.
    fn folder(
        &mut self,
        dir: &Path,
        place: &[String],
        limits: &Limits,
    ) -> Result<(), CaptureError> {
        let unreadable = |source| CaptureError::Unreadable { path: dir.into(), source };
        let mut entries: Vec<_> =
            std::fs::read_dir(dir).map_err(unreadable)?.filter_map(Result::ok).collect();
        entries.sort_by_key(|e| e.file_name());
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if place.len() < DEPTH_MAX {
                    let mut inner = place.to_vec();
                    inner.push(name);
                    self.folder(&path, &inner, limits)?;
                }
            } else {
                self.file(path, &name, place, limits)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: PathBuf,
        name: &str,
        place: &[String],
        limits: &Limits,
    ) -> Result<(), CaptureError> {
        // A snapshot keeps its nodes one level deeper.
        let place = place.strip_prefix(&["nodes".to_string()]).unwrap_or(place);
        if name == "cluster.json" {
            self.clusters.push(path);
        } else if name == KEY_LOG {
            self.key_logs.push(path);
        } else if name.starts_with("sidecar.jsonl") {
            self.sidecars.push((place.first().cloned().unwrap_or_default(), path));
        } else {
            let (node, vantage) = match place {
                [] => (loose_node(&path), "pcap".to_string()),
                [node] => (node.clone(), "pcap".to_string()),
                [node, inner @ ..] => (node.clone(), inner.join("/")),
            };
            match first_packet(&path, limits) {
                Ok(first_ns) => self.captures.push((node, vantage, path, first_ns)),
                // Logs, notes and the like may lie beside captures.
                Err(CaptureError::NotCapture { .. } | CaptureError::Empty { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn into_inputs(mut self) -> Inputs {
        self.captures.sort_by(|a, b| (&a.0, &a.1, a.3, &a.2).cmp(&(&b.0, &b.1, b.3, &b.2)));
        self.captures.dedup_by(|a, b| a.2 == b.2);
        let mut vantages: BTreeMap<(String, String), Vec<SegmentFile>> = BTreeMap::new();
        for (segment, (node, name, path, first_ns)) in (0u32..).zip(self.captures) {
            let bytes = std::fs::metadata(&path).map_or(0, |m| m.len());
            let file = SegmentFile { path, segment, bytes, first_ns };
            vantages.entry((node, name)).or_default().push(file);
        }
        let vantages = vantages
            .into_iter()
            .map(|((node, name), segments)| Vantage { node, name, segments })
            .collect();
        self.clusters.sort();
        self.sidecars.sort();
        self.key_logs.sort();
        self.key_logs.dedup();
        let Found { clusters, sidecars, key_logs, .. } = self;
        Inputs { vantages, clusters, sidecars, key_logs }
    }
}

impl Vantage {
    /// Time of the last record of the vantage's files, `None` when they hold none.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn last_packet(&self, limits: &Limits) -> Result<Option<i64>, CaptureError> {
        let Some(file) = self.segments.iter().rev().find(|s| s.first_ns.is_some()) else {
            return Ok(None);
        };
        let mut reader = SegmentReader::open(&file.path)?;
        let (mut batch, mut last) = (Batch::default(), None);
        while reader.next_batch(&mut batch, limits.batch_bytes, limits) {
            last = batch.records.iter().map(|r| r.ts_ns).max().max(last);
        }
        Ok(last)
    }
}

/// Time of the first record, `None` when there is none.
fn first_packet(path: &Path, limits: &Limits) -> Result<Option<i64>, CaptureError> {
    const FIRST_READ_BYTES: usize = 4096;
    let mut reader = SegmentReader::open(path)?;
    let mut batch = Batch::default();
    reader.next_batch(&mut batch, FIRST_READ_BYTES, limits);
    Ok(batch.records.first().map(|record| record.ts_ns))
}

/// The node of a file that stands alone: its name without compression, format and rotation.
fn loose_node(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut stem = name.as_str();
    for end in [".zst", ".gz"] {
        stem = stem.strip_suffix(end).unwrap_or(stem);
    }
    // tcpdump -C numbers behind the ending: node.pcap3
    let unnumbered = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    for end in [".pcap", ".pcapng", ".cap", ".dmp", ".ntar"] {
        if let Some(short) = stem.strip_suffix(end).or_else(|| unnumbered.strip_suffix(end)) {
            stem = short;
            break;
        }
    }
    let node = strip_ring(stem);
    if node.is_empty() { stem.to_string() } else { node.to_string() }
}

/// Takes off what `tcpdump -G` and `dumpcap -b` append: `_00001_20261120141500`, `-20261120-141500`.
/// Short numbers stay: `node-1` and `node-2` are two nodes.
fn strip_ring(stem: &str) -> &str {
    let is_stamp = |c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | 'T' | 'Z' | ':' | '.');
    let head = stem.trim_end_matches(is_stamp);
    let tail = stem.get(head.len()..).unwrap_or("");
    let longest = tail.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    if longest >= 8 { head } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_loose_files() {
        for (file, node) in [
            ("node-a.pcap.zst", "node-a"),
            ("node-1.pcap", "node-1"),
            ("edge.pcap17", "edge"),
            ("edge_00003_20261120141500.pcapng", "edge"),
            ("edge-20261120-141500.pcap.gz", "edge"),
            ("edge-1795200592.pcap", "edge"),
            ("20261120141500.pcap", "20261120141500"),
            ("trace", "trace"),
        ] {
            assert_eq!(loose_node(Path::new(file)), node, "{file}");
        }
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = Inputs::find(&["/no/such/x.pcap".into()], &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("/no/such/x.pcap: no such file"));
    }
}
