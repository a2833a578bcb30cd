//! One capture file -> batches of records, with bounded memory: a batch is the decompressed bytes
//! of some megabytes and an index of the records in them. A file cut or damaged anywhere yields
//! what lies before, and an anomaly.

use std::io::Read;
use std::path::Path;

use super::frames::Next;
use super::open::{Format, Source, open, unpack};
use super::pcap::PcapFile;
use super::pcapng::PcapNgFile;
use super::{CaptureError, Parsed, Record};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// Decompressed bytes and the records found in them.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub records: Vec<Record>,
    /// Key logs that the files brought before or among the records.
    pub secrets: Vec<Vec<u8>>,
}

impl Batch {
    /// Empties it for the next records.
    pub fn clear(&mut self) {
        self.secrets.clear();
        self.records.clear();
        self.bytes.clear();
    }

    /// The bytes of one record of this batch.
    pub fn frame(&self, record: &Record) -> &[u8] {
        let start = record.start as usize;
        self.bytes.get(start..start + record.captured_len as usize).unwrap_or(&[])
    }
}

enum Parser {
    /// A classic file whose header has not been read yet.
    PcapStart,
    Pcap(PcapFile),
    PcapNg(PcapNgFile),
}

/// Reads one file from start to end.
pub struct SegmentReader {
    source: Source,
    parser: Parser,
    /// Bytes of a record that did not end within the last batch.
    carry: Vec<u8>,
    /// Where the carried bytes begin in the decompressed file.
    offset: u64,
    ended: bool,
    cut: Option<AnomalyKind>,
}

impl SegmentReader {
    /// Opens a file by content, whatever its name, to read from its start.
    ///
    /// # Errors
    /// A file that cannot be read or is no capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::opened(path, false)
    }

    /// Opens a file to read all of it: batches may be larger than asked for, and are read ahead.
    ///
    /// # Errors
    /// As for [`SegmentReader::open`].
    pub fn open_whole(path: &Path) -> Result<Self, CaptureError> {
        Self::opened(path, true)
    }

    fn opened(path: &Path, whole: bool) -> Result<Self, CaptureError> {
        let opened = open(path, whole)?;
        let parser = match opened.format {
            Format::Pcap => Parser::PcapStart,
            Format::PcapNg => Parser::PcapNg(PcapNgFile::default()),
        };
        Ok(SegmentReader {
            source: opened.source,
            parser,
            carry: Vec::new(),
            offset: 0,
            ended: false,
            cut: None,
        })
    }

    /// How the file ended, once it has: `None` when it is whole.
    pub fn cut(&self) -> Option<AnomalyKind> {
        self.cut
    }

    /// Fills `batch` with the next records, about `batch_bytes` of them; `false` at the end.
    pub fn next_batch(&mut self, batch: &mut Batch, batch_bytes: usize, limits: &Limits) -> bool {
        batch.clear();
        if !self.carry.is_empty() {
            batch.bytes.append(&mut self.carry);
        }
        while batch.records.is_empty() && !self.ended {
            self.fill(&mut batch.bytes, batch_bytes);
            let read = self.index(batch, limits);
            if batch.records.is_empty() {
                batch.bytes.drain(..read);
                self.offset += read as u64;
            } else {
                self.carry.extend_from_slice(batch.bytes.get(read..).unwrap_or(&[]));
                self.offset += read as u64;
            }
        }
        !batch.records.is_empty()
    }

    /// Reads at least one byte, about a batch more than what is there.
    fn fill(&mut self, bytes: &mut Vec<u8>, batch_bytes: usize) {
        let filled = match &mut self.source {
            Source::Stream(source) => stream(source, bytes, batch_bytes),
            Source::Frames(first, _) if !first.is_empty() => {
                bytes.append(first);
                Ok(true)
            }
            Source::Frames(_, frames) => match frames.next(bytes) {
                Next::Content => Ok(true),
                Next::End => Ok(false),
                Next::Stream(rest) => unpack(rest).and_then(|mut rest| {
                    let filled = stream(&mut rest, bytes, batch_bytes);
                    self.source = Source::Stream(rest);
                    filled
                }),
            },
        };
        match filled {
            Ok(more) => self.ended = !more,
            // What came before the damage is there; a compressed stream cannot be read past it.
            Err(_) => {
                self.ended = true;
                self.cut = Some(AnomalyKind::FileCut);
            }
        }
    }

    /// Indexes whole records; returns the bytes they take.
    fn index(&mut self, batch: &mut Batch, limits: &Limits) -> usize {
        let mut at = 0usize;
        loop {
            let rest = batch.bytes.get(at..).unwrap_or(&[]);
            match self.parse(rest, at as u32, limits) {
                Parsed::Record(mut record, taken) => {
                    record.offset = self.offset + at as u64;
                    batch.records.push(record);
                    at += taken;
                }
                Parsed::Secrets(text, taken) => {
                    batch.secrets.push(text);
                    at += taken;
                }
                Parsed::Skip(taken) => at += taken,
                Parsed::Incomplete => {
                    if self.ended && !rest.is_empty() {
                        self.cut.get_or_insert(AnomalyKind::FileCut);
                    }
                    return at;
                }
                Parsed::Broken => {
                    self.ended = true;
                    self.cut = Some(AnomalyKind::FileBroken);
                    return at;
                }
            }
        }
    }

    fn parse(&mut self, rest: &[u8], start: u32, limits: &Limits) -> Parsed {
        match &mut self.parser {
            Parser::PcapStart => match PcapFile::start(rest) {
                Some((file, taken)) => {
                    self.parser = Parser::Pcap(file);
                    Parsed::Skip(taken)
                }
                None => Parsed::Incomplete,
            },
            Parser::Pcap(file) => file.next(rest, start, limits.record_bytes_max),
            Parser::PcapNg(file) => file.next(rest, start, limits.record_bytes_max),
        }
    }
}

/// Appends what comes, up to a batch in all but no less than a quarter of one; whether there is
/// more.
fn stream(
    source: &mut Box<dyn Read + Send>,
    bytes: &mut Vec<u8>,
    batch_bytes: usize,
) -> std::io::Result<bool> {
    let want = batch_bytes.saturating_sub(bytes.len()).max(batch_bytes / 4).max(1);
    bytes.reserve(want);
    Ok(source.by_ref().take(want as u64).read_to_end(bytes)? == want)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Two records of 4 and 6 bytes, the second cut on the wire from 60.
    fn pcap(big_endian: bool, nanos: bool) -> Vec<u8> {
        let u32b = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let u16b = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut out = Vec::new();
        out.extend(u32b(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
        out.extend(u16b(2));
        out.extend(u16b(4));
        for v in [0, 0, 65535, 1] {
            out.extend(u32b(v));
        }
        for (sec, frac, len, wire) in [(1u32, 5u32, 4usize, 4u32), (2, 6, 6, 60)] {
            for v in [sec, frac, len as u32, wire] {
                out.extend(u32b(v));
            }
            out.extend(vec![0xab; len]);
        }
        out
    }

    fn read(bytes: &[u8], batch_bytes: usize) -> (Vec<Record>, Option<AnomalyKind>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let (found, cut) = records(SegmentReader::open(file.path()).unwrap(), batch_bytes);
        assert!(found.iter().all(|(_, frame)| frame.iter().all(|&b| b == 0xab)));
        (found.into_iter().map(|(record, _)| record).collect(), cut)
    }

    type Found = (Vec<(Record, Vec<u8>)>, Option<AnomalyKind>);

    fn records(mut reader: SegmentReader, batch_bytes: usize) -> Found {
        let (mut batch, mut records) = (Batch::default(), Vec::new());
        while reader.next_batch(&mut batch, batch_bytes, &Limits::default()) {
            for record in &batch.records {
                let frame = batch.frame(record).to_vec();
                assert_eq!(frame.len(), record.captured_len as usize);
                records.push((Record { start: 0, ..*record }, frame));
            }
        }
        (records, reader.cut())
    }

    #[test]
    fn reads_every_byte_order_and_precision() {
        for (big_endian, nanos) in [(false, false), (false, true), (true, false), (true, true)] {
            let (records, cut) = read(&pcap(big_endian, nanos), 1 << 20);
            let unit = if nanos { 1 } else { 1000 };
            assert_eq!(cut, None);
            assert_eq!(records.len(), 2);
            assert_eq!(records[0].ts_ns, 1_000_000_000 + 5 * unit);
            assert_eq!((records[1].captured_len, records[1].wire_len), (6, 60));
            assert_eq!((records[1].frame, records[1].offset), (2, 44));
        }
    }

    #[test]
    fn batch_size_does_not_change_records() {
        let bytes = pcap(false, true);
        for size in 1..bytes.len() + 2 {
            assert_eq!(read(&bytes, size), read(&bytes, 1 << 20));
        }
    }

    #[test]
    fn a_file_cut_anywhere_gives_what_is_whole() {
        let bytes = pcap(false, false);
        for len in 4..bytes.len() {
            let (records, cut) = read(&bytes[..len], 1 << 20);
            assert_eq!(records.len(), usize::from(len >= 44), "cut at {len}");
            assert_eq!(cut.is_some(), len != 24 && len != 44, "cut at {len}");
        }
    }

    #[test]
    fn a_cut_zstd_or_gzip_file_gives_what_is_whole() {
        let bytes: Vec<u8> = pcap(false, true);
        let packed = zstd::encode_all(&bytes[..], 3).unwrap();
        assert_eq!(read(&packed, 1 << 20).0.len(), 2);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&bytes).unwrap();
        let gz = gz.finish().unwrap();
        assert_eq!(read(&gz, 1 << 20).0.len(), 2);
        assert_eq!(read(&gz[..gz.len() - 9], 1 << 20).1, Some(AnomalyKind::FileCut));
    }

    #[test]
    fn a_record_length_beyond_the_limit_is_a_broken_file() {
        let mut bytes = pcap(false, false);
        bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&bytes, 1 << 20), (vec![], Some(AnomalyKind::FileBroken)));
    }

    /// Records in zstd frames of their own, a skippable one among them.
    fn frames() -> Vec<u8> {
        let mut content = pcap(false, true);
        let records = content.split_off(24);
        for _ in 0..20 {
            content.extend_from_slice(&records);
        }
        let mut file = Vec::new();
        for (number, piece) in content.chunks(90).enumerate() {
            let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
            compressor.include_checksum(number % 2 == 0).unwrap();
            file.extend(compressor.compress(piece).unwrap());
            if number == 4 {
                file.extend([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
            }
        }
        file
    }

    /// Both ways of reading zstd give the same.
    fn reads_alike(bytes: &[u8]) -> Found {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let read = |open: fn(&Path) -> Result<SegmentReader, CaptureError>| {
            open(file.path()).map_or((vec![], None), |reader| records(reader, 64))
        };
        let threads = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let whole = threads.install(|| read(SegmentReader::open_whole));
        assert_eq!(whole, read(SegmentReader::open));
        whole
    }

    #[test]
    fn zstd_frames_give_what_the_stream_gives() {
        let whole = frames();
        let (records, cut) = reads_alike(&whole);
        assert_eq!((records.len(), cut), (40, None));
        for len in 1..whole.len() {
            reads_alike(&whole[..len]);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            reads_alike(&damaged);
        }
    }

    #[test]
    fn what_lies_before_a_damaged_frame_is_kept() {
        let mut bytes = frames();
        let last = bytes.len() - 20;
        bytes[last..].fill(0xff);
        let (records, cut) = reads_alike(&bytes);
        assert!((35..40).contains(&records.len()), "{}", records.len());
        assert_eq!(cut, Some(AnomalyKind::FileCut));
    }
}
