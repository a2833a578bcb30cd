//! Bytes on disk -> raw frames, and back: pcap and pcapng, plain, gzip or zstd, cut anywhere.
//! What a frame means is `packet/`; which node a file belongs to is decided here, by its place.

mod error;
mod frames;
mod input;
mod open;
mod order;
mod pcap;
mod pcapng;
mod segment;
mod vantage;

pub use error::CaptureError;
pub use input::{Inputs, SegmentFile, Vantage};
pub use segment::{Batch, SegmentReader};
pub use vantage::VantageReader;

pub mod write;

/// Points to one record of the capture: what every statement of a result leads back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PacketRef {
    /// Index into the list of capture files.
    pub segment: u32,
    /// Number of the record in its file, from 1, as Wireshark shows it.
    pub frame: u32,
    /// Byte offset of the record in the decompressed file.
    pub offset: u64,
}

/// A moment in the capture: when, and in which packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    pub ts_ns: i64,
    pub packet: PacketRef,
    /// TCP sequence number of the byte that is marked, as on the wire: the same wherever it was
    /// captured, behind address translation too. 0 in datagrams.
    pub seq: u32,
}

impl Mark {
    /// The mark of a byte so many behind, in the same packet.
    pub fn behind(self, bytes: usize) -> Self {
        Mark { seq: self.seq.wrapping_add(bytes as u32), ..self }
    }
}

/// One captured frame: where its bytes lie in its batch, and what the file says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Nanoseconds since 1970 UTC.
    pub ts_ns: i64,
    /// Start of the frame in the batch's bytes.
    pub start: u32,
    /// Bytes captured.
    pub captured_len: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// LINKTYPE_ value (tcpdump.org/linktypes.html).
    pub link: u16,
    /// Index of its file.
    pub segment: u32,
    /// Number of the record in its file, from 1.
    pub frame: u32,
    /// Byte offset of the record in the decompressed file.
    pub offset: u64,
}

/// What a file format's parser says about the bytes at hand.
enum Parsed {
    /// A record, and the bytes it took with everything around it.
    Record(Record, usize),
    /// A key log, and the bytes that its block took.
    Secrets(Vec<u8>, usize),
    /// Something that is no packet (a pcapng block of another kind).
    Skip(usize),
    /// The record does not end within these bytes.
    Incomplete,
    /// These bytes are no record.
    Broken,
}
