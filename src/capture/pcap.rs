//! Records of a classic pcap file (draft-ietf-opsawg-pcap): microseconds or nanoseconds, either
//! byte order, and Alexey Kuznetzov's modified header.

use pcap_parser::pcap::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified};
use pcap_parser::{PcapHeader, parse_pcap_header};

use super::{Parsed, Record};

/// Bytes of the file header.
const HEADER_BYTES: usize = 24;

/// What the file header says about all records.
pub(super) struct PcapFile {
    header: PcapHeader,
    frame: u32,
}

impl PcapFile {
    /// Reads the file header: itself and the bytes it took, or `None` where it is cut.
    pub fn start(bytes: &[u8]) -> Option<(Self, usize)> {
        let (_, header) = parse_pcap_header(bytes).ok()?;
        Some((PcapFile { header, frame: 0 }, HEADER_BYTES))
    }

    /// Parses the record at the front of `bytes`, which begin at `start` of the batch.
    pub fn next(&mut self, bytes: &[u8], start: u32, record_bytes_max: usize) -> Parsed {
        let modified = self.header.is_modified_format();
        let header_bytes = if modified { 24 } else { 16 };
        if self.caplen(bytes).is_some_and(|len| len as usize > record_bytes_max) {
            return Parsed::Broken;
        }
        let parsed = match (self.header.is_bigendian(), modified) {
            (_, true) => parse_pcap_frame_modified(bytes),
            (true, _) => parse_pcap_frame_be(bytes),
            (false, _) => parse_pcap_frame(bytes),
        };
        let block = match parsed {
            Ok((_, block)) => block,
            Err(pcap_parser::nom::Err::Incomplete(_)) => return Parsed::Incomplete,
            Err(_) => return Parsed::Broken,
        };
        self.frame = self.frame.saturating_add(1);
        let fraction_ns = if self.header.is_nanosecond_precision() { 1 } else { 1000 };
        let record = Record {
            ts_ns: i64::from(block.ts_sec) * 1_000_000_000 + i64::from(block.ts_usec) * fraction_ns,
            start: start + header_bytes,
            captured_len: block.caplen,
            wire_len: block.origlen.max(block.caplen),
            link: (self.header.network.0 & 0xffff) as u16,
            frame: self.frame,
            ..Record::default()
        };
        Parsed::Record(record, header_bytes as usize + block.data.len())
    }

    /// The record's length field, where it is within `bytes`.
    fn caplen(&self, bytes: &[u8]) -> Option<u32> {
        let field: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
        Some(match self.header.is_bigendian() {
            true => u32::from_be_bytes(field),
            false => u32::from_le_bytes(field),
        })
    }
}
