//! Files that call themselves captures: the reader gives what it can and ends.

use std::path::PathBuf;

use bolero::check;
use pcapsule::capture::{Batch, SegmentReader};
use pcapsule::limits::Limits;

use crate::edit::{Edit, edited, pick};
use crate::samples;

/// Reads a file to its end; every record lies within its batch.
fn read(bytes: &[u8], limits: &Limits, name: &str) {
    let path: PathBuf =
        std::env::temp_dir().join(format!("pcapsule-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    if let Ok(mut reader) = SegmentReader::open(&path) {
        let mut batch = Batch::default();
        let mut records = 0;
        while reader.next_batch(&mut batch, 4096, limits) {
            records += batch.records.len();
            for record in &batch.records {
                let frame = batch.frame(record);
                assert_eq!(frame.len(), record.captured_len as usize, "a record outside its batch");
                assert!(frame.len() <= limits.record_bytes_max);
            }
            // The shortest record is an empty pcapng simple packet block.
            assert!(records <= 1 + bytes.len(), "records out of nothing");
        }
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn edited_captures() {
    let samples = [samples::pcap(), samples::pcapng()];
    check!().with_type::<(u16, Vec<Edit>)>().with_iterations(4000).for_each(|(number, edits)| {
        read(&edited(pick(&samples, *number), edits), &Limits::default(), "edited");
    });
}

#[test]
fn small_limits_hold() {
    let limits = Limits { record_bytes_max: 64, ..Limits::default() };
    let samples = [samples::pcap(), samples::pcapng()];
    check!().with_type::<(u16, Vec<Edit>)>().with_iterations(1000).for_each(|(number, edits)| {
        read(&edited(pick(&samples, *number), edits), &limits, "limits");
    });
}

#[test]
fn any_bytes() {
    check!().with_iterations(2000).for_each(|bytes: &[u8]| {
        read(bytes, &Limits::default(), "bytes");
        for magic in [[0xd4, 0xc3, 0xb2, 0xa1], [0x0a, 0x0d, 0x0d, 0x0a], [0x1f, 0x8b, 8, 0]] {
            read(&[&magic, bytes].concat(), &Limits::default(), "magic");
        }
    });
}
