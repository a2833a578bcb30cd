//! A node's `sidecar.jsonl[.zst]` -> [`Metadata`]: one JSON object per line,
//! `{"ts": RFC 3339, "op": "upsert"|"delete", "kind": "Pod", "metadata": {...}, ...}`, the trimmed
//! Kubernetes object's own keys beside `ts`, `op` and `kind`.
//!
//! A node may die in mid-line: a broken line is counted and passed over, a cut end is noted, and
//! what came before counts. `Capture` lines become the node's counters; lines of other kinds
//! (`Container`, `Socket`, ...) are counted for those who read them.

use std::io::{BufRead, Read};
use std::path::Path;

use serde_json::Value;

use super::MetadataError;
use super::capture::CaptureCounters;
use super::cluster::open;
use super::metadata::Metadata;
use super::objects::{Object, parse_moment};
use crate::limits::Limits;

/// What a sidecar held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidecarCounts {
    /// Lines that names or changes are taken from.
    pub used: u64,
    /// Whole lines of other kinds.
    pub other: u64,
    /// Lines that are no sidecar line.
    pub broken: u64,
    /// Number of the first broken line, from 1, and what is wrong with it.
    pub first_broken: Option<(u64, String)>,
    /// The file ends in the middle of a line or of its compressed frame.
    pub cut: bool,
}

impl SidecarCounts {
    fn note_broken(&mut self, line: u64, cause: String) {
        self.broken += 1;
        self.first_broken.get_or_insert((line, cause));
    }
}

impl Metadata {
    /// Adds the sidecar file of a node. Only a file that cannot be opened is an error.
    pub fn read_sidecar(
        &mut self,
        node: &str,
        path: &Path,
        limits: &Limits,
    ) -> Result<SidecarCounts, MetadataError> {
        Ok(self.read_sidecar_from(node, open(path)?, limits))
    }

    /// Adds the lines of `source`.
    pub fn read_sidecar_from(
        &mut self,
        node: &str,
        mut source: impl BufRead,
        limits: &Limits,
    ) -> SidecarCounts {
        let mut counts = SidecarCounts::default();
        let mut line = Vec::new();
        for number in 1.. {
            match next_line(&mut source, &mut line, limits.sidecar_line_bytes_max) {
                Line::Whole => match self.take_line(node, &line) {
                    Ok(true) => counts.used += 1,
                    Ok(false) => counts.other += 1,
                    Err(cause) => counts.note_broken(number, cause),
                },
                Line::TooLong => counts.note_broken(
                    number,
                    format!("longer than {} bytes", limits.sidecar_line_bytes_max),
                ),
                Line::End { unread } => {
                    counts.cut = unread;
                    break;
                }
            }
        }
        counts
    }

    /// Takes one line; whether it was of a kind that is used.
    fn take_line(&mut self, node: &str, line: &[u8]) -> Result<bool, String> {
        if line.trim_ascii().is_empty() {
            return Ok(false);
        }
        let value: Value = serde_json::from_slice(line).map_err(|cause| cause.to_string())?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let ts_ns = parse_moment(text("ts").ok_or("no `ts`")?)?;
        let gone = match text("op") {
            Some("upsert") => false,
            Some("delete") => true,
            Some(_) => {
                let counters = CaptureCounters::read(&value, node, ts_ns);
                let is_capture = counters.is_some();
                self.captures.extend(counters);
                return Ok(is_capture);
            }
            None => return Err("no `op`".to_owned()),
        };
        let Some(object) = Object::read(value, "").map_err(|cause| cause.to_string())? else {
            return Ok(false);
        };
        self.add(ts_ns, object, gone);
        Ok(true)
    }
}

enum Line {
    Whole,
    TooLong,
    /// Nothing more can be read; `unread`: the file does not end with a whole line.
    End {
        unread: bool,
    },
}

/// Reads up to the next line feed into `line`, keeping at most `bytes_max`.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>, bytes_max: usize) -> Line {
    line.clear();
    let allowed = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    match source.by_ref().take(allowed).read_until(b'\n', line) {
        Err(_) => Line::End { unread: true },
        Ok(_) if line.last() == Some(&b'\n') => Line::Whole,
        Ok(length) if length == bytes_max => match source.skip_until(b'\n') {
            Ok(_) => Line::TooLong,
            Err(_) => Line::End { unread: true },
        },
        // No line feed at the end of the file: whole only if it is a JSON value.
        Ok(_) if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() => Line::Whole,
        Ok(length) => Line::End { unread: length > 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#"{"ts":"2026-11-20T10:00:00.5Z","op":"upsert","kind":"Pod","metadata":{"name":"a","uid":"1"}}"#;

    fn read(bytes: &[u8]) -> (Metadata, SidecarCounts) {
        let mut metadata = Metadata::default();
        let limits = Limits { sidecar_line_bytes_max: 200, ..Limits::default() };
        let counts = metadata.read_sidecar_from("node-a", bytes, &limits);
        (metadata, counts)
    }

    #[test]
    fn counts_broken_lines_and_goes_on() {
        let long = "x".repeat(500);
        let text = format!(
            "{POD}\nno json\n{{\"ts\":\"yesterday\",\"op\":\"upsert\",\"kind\":\"Pod\"}}\n{long}\n\
             {{\"ts\":\"2026-11-20T10:00:00Z\",\"op\":\"counters\",\"kind\":\"Capture\"}}\n\
             {{\"ts\":\"2026-11-20T10:00:00Z\",\"op\":\"upsert\",\"kind\":\"Socket\"}}\n{POD}\n"
        );
        let (metadata, counts) = read(text.as_bytes());
        assert_eq!((counts.used, counts.other, counts.broken, counts.cut), (2, 2, 3, false));
        assert_eq!(counts.first_broken.as_ref().map(|(line, _)| *line), Some(2));
        assert_eq!(metadata.pods.len(), 1);
    }

    #[test]
    fn a_cut_last_line_is_no_broken_line() {
        let text = format!("{POD}\n{POD}");
        for end in POD.len() + 2..text.len() {
            let (_, counts) = read(&text.as_bytes()[..end]);
            assert_eq!((counts.used, counts.broken, counts.cut), (1, 0, true), "cut at {end}");
        }
        assert_eq!(read(text.as_bytes()).1.used, 2, "whole without its line feed");
        assert_eq!(read(b"").1, SidecarCounts::default());
    }

    #[test]
    fn reads_compressed_frames_up_to_the_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sidecar.jsonl.zst");
        let line = format!("{POD}\n");
        let mut bytes = zstd::encode_all(line.as_bytes(), 3).expect("a frame");
        let second = zstd::encode_all(line.repeat(2000).as_bytes(), 3).expect("a frame");
        bytes.extend_from_slice(&second[..second.len() / 2]);
        std::fs::write(&path, bytes).expect("written");
        let mut metadata = Metadata::default();
        let counts = metadata.read_sidecar("node-a", &path, &Limits::default()).expect("opened");
        assert!(counts.used >= 1 && counts.cut && counts.broken == 0, "{counts:?}");
        let missing = folder.path().join("no");
        assert!(metadata.read_sidecar("node-a", &missing, &Limits::default()).is_err());
    }
}
