//! Bytes on disk -> raw frames, and back: pcap and pcapng, plain, gzip or zstd, cut anywhere.
//! What a frame means is `packet/`.

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
