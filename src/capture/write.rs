//! Raw frames -> bytes on disk: classic pcap, pcapng, and our segments (pcap inside zstd that can
//! be decompressed in parallel and entered in the middle). Nothing is read here, and what a frame
//! means does not matter: the same records in give the same bytes out.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The snaplen our files declare: longer than any frame an interface hands out.
pub const SNAPLEN: u32 = 262_144;
/// LINKTYPE_ETHERNET of the pcap registry.
pub const ETHERNET: u32 = 1;
/// Content of one zstd frame of a segment; a record is never cut.
pub const FRAME_BYTES: usize = 4 << 20;

const NANOS: i64 = 1_000_000_000;

/// One frame as captured.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Nanoseconds since the epoch.
    pub ts_ns: i64,
    /// Bytes the frame had on the wire; `data` is shorter when the snaplen cut it.
    pub wire_len: u32,
    pub data: &'a [u8],
}

/// Writes a classic pcap file with nanoseconds, little endian
/// (draft-ietf-opsawg-pcap: magic 0xa1b23c4d).
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header. `link_type` is a LINKTYPE number.
    pub fn new(mut out: W, link_type: u32, snaplen: u32) -> io::Result<Self> {
        out.write_all(&pcap_header(link_type, snaplen))?;
        Ok(PcapWriter { out })
    }

    /// Appends a record. A time before 1970 or after 2106 becomes the nearest the format holds.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.out.write_all(&record_header(record)?)?;
        self.out.write_all(record.data)
    }

    /// Flushes and gives the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn pcap_header(link_type: u32, snaplen: u32) -> [u8; 24] {
    let mut header = [0; 24];
    let fields = [0xa1b2_3c4d, 2 | 4 << 16, 0, 0, snaplen, link_type];
    for (place, field) in header.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&u32::to_le_bytes(field));
    }
    header
}

fn record_header(record: &Record<'_>) -> io::Result<[u8; 16]> {
    let last = i64::from(u32::MAX).saturating_mul(NANOS).saturating_add(NANOS - 1);
    let ts = record.ts_ns.clamp(0, last);
    let mut header = [0; 16];
    let fields = [narrow(ts / NANOS)?, narrow(ts % NANOS)?, length(record.data)?, record.wire_len];
    for (place, field) in header.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&u32::to_le_bytes(field));
    }
    Ok(header)
}

fn narrow<T: TryInto<u32>>(value: T) -> io::Result<u32> {
    value.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "beyond 32 bits"))
}

fn length(data: &[u8]) -> io::Result<u32> {
    narrow(data.len())
}

/// Writes a pcapng section (draft-ietf-opsawg-pcapng), little endian, times in nanoseconds.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header; `application` names the writer.
    pub fn new(out: W, application: &str) -> io::Result<Self> {
        let mut writer = PcapngWriter { out, interfaces: 0 };
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes()); // version 1.0
        body.extend(0_u16.to_le_bytes());
        body.extend(u64::MAX.to_le_bytes()); // section length not given
        option(&mut body, 4, application.as_bytes()); // shb_userappl
        option(&mut body, 0, &[]);
        writer.block(0x0a0d_0d0a, &body)?;
        Ok(writer)
    }

    /// Declares an interface and returns its number, which its packets name.
    pub fn interface(&mut self, name: &str, link_type: u16, snaplen: u32) -> io::Result<u32> {
        let mut body = Vec::new();
        body.extend(link_type.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        body.extend(snaplen.to_le_bytes());
        option(&mut body, 2, name.as_bytes()); // if_name
        option(&mut body, 9, &[9]); // if_tsresol: 10^-9
        option(&mut body, 0, &[]);
        self.block(1, &body)?;
        let number = self.interfaces;
        self.interfaces = number.saturating_add(1);
        Ok(number)
    }

    /// Appends a packet of a declared interface. A time before 1970 becomes 1970.
    pub fn write(&mut self, interface: u32, record: &Record<'_>) -> io::Result<()> {
        if interface >= self.interfaces {
            let cause = format!("interface {interface} was not declared");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, cause));
        }
        let ts = u64::try_from(record.ts_ns).unwrap_or(0);
        let mut body = Vec::with_capacity(record.data.len().saturating_add(32));
        body.extend(interface.to_le_bytes());
        body.extend(narrow(ts >> 32)?.to_le_bytes());
        body.extend(narrow(ts & u64::from(u32::MAX))?.to_le_bytes());
        body.extend(length(record.data)?.to_le_bytes());
        body.extend(record.wire_len.to_le_bytes());
        body.extend(record.data);
        pad(&mut body);
        self.block(6, &body)
    }

    /// Flushes and gives the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let total = narrow(body.len().saturating_add(12))?.to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total)?;
        self.out.write_all(body)?;
        self.out.write_all(&total)
    }
}

/// Appends an option; text longer than its 16-bit length is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(value.iter().take(usize::from(length)));
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Writes a segment: nanosecond pcap in zstd, as independent zstd frames of about [`FRAME_BYTES`]
/// cut between records, closed by the seek table of the zstd seekable format
/// (facebook/zstd, contrib/seekable_format). `zstd -dc x.pcap.zst | tcpdump -r -` reads it.
///
/// The file carries a temporary name until [`SegmentWriter::finish`]; what a killed writer leaves
/// under that name is whole zstd frames, short of the last one.
pub struct SegmentWriter {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
    compressor: zstd::bulk::Compressor<'static>,
    content: Vec<u8>,
    /// Compressed and decompressed size of each zstd frame.
    frames: Vec<(u32, u32)>,
    summary: Segment,
}

/// What a finished segment holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Segment {
    pub packets: u64,
    /// Bytes of decompressed content, headers included.
    pub content_bytes: u64,
    /// Size of the file.
    pub file_bytes: u64,
}

impl SegmentWriter {
    /// Opens `<path>.part`; the folder must exist. `level` is zstd's, 1 to 22.
    pub fn create(path: &Path, link_type: u32, snaplen: u32, level: i32) -> io::Result<Self> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(SegmentWriter {
            out: BufWriter::new(File::create(&temporary)?),
            path: path.to_owned(),
            temporary,
            compressor,
            content: pcap_header(link_type, snaplen).to_vec(),
            frames: Vec::new(),
            summary: Segment::default(),
        })
    }

    /// Appends a record; times as in [`PcapWriter::write`].
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let header = record_header(record)?;
        let grown = self.content.len().saturating_add(header.len() + record.data.len());
        if grown > FRAME_BYTES {
            self.end_frame()?;
        }
        self.content.extend(header);
        self.content.extend(record.data);
        self.summary.packets = self.summary.packets.saturating_add(1);
        Ok(())
    }

    /// Writes the seek table and gives the file its name.
    pub fn finish(mut self) -> io::Result<Segment> {
        self.end_frame()?;
        let table = seek_table(&self.frames)?;
        self.put(&table)?;
        self.out.flush()?;
        std::fs::rename(&self.temporary, &self.path)?;
        Ok(self.summary)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        if self.content.is_empty() {
            return Ok(());
        }
        let frame = self.compressor.compress(&self.content)?;
        let content = length(&self.content)?;
        self.frames.push((length(&frame)?, content));
        self.summary.content_bytes = self.summary.content_bytes.saturating_add(u64::from(content));
        self.content.clear();
        self.put(&frame)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.summary.file_bytes = self.summary.file_bytes.saturating_add(u64::from(length(bytes)?));
        self.out.write_all(bytes)
    }
}

/// A skippable frame: sizes of every frame, then their number, the descriptor (no checksums here:
/// each frame ends with its own) and the magic that a reader looks for at the end of the file.
fn seek_table(frames: &[(u32, u32)]) -> io::Result<Vec<u8>> {
    let count = narrow(frames.len())?;
    let size = narrow(u64::from(count) * 8 + 9)?;
    let mut table = Vec::new();
    table.extend(0x184d_2a5e_u32.to_le_bytes());
    table.extend(size.to_le_bytes());
    for (compressed, content) in frames {
        table.extend(compressed.to_le_bytes());
        table.extend(content.to_le_bytes());
    }
    table.extend(count.to_le_bytes());
    table.push(0);
    table.extend(0x8f92_eab1_u32.to_le_bytes());
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_parser::traits::PcapReaderIterator;
    use pcap_parser::{Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};

    const TS: i64 = 1_795_184_100_123_456_789;

    #[test]
    fn pcap_bytes() {
        let mut writer = PcapWriter::new(Vec::new(), ETHERNET, SNAPLEN).unwrap();
        writer.write(&Record { ts_ns: TS, wire_len: 60, data: b"abc" }).unwrap();
        let expected = [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, // nanosecond magic, version 2.4
            0, 0, 0, 0, 0, 0, 0, 0, // zone, accuracy
            0, 0, 4, 0, 1, 0, 0, 0, // snaplen 262144, Ethernet
            0xe4, 0x55, 0x00, 0x6b, 0x15, 0xcd, 0x5b, 0x07, // seconds, nanoseconds
            3, 0, 0, 0, 60, 0, 0, 0, // captured, on the wire
            b'a', b'b', b'c',
        ];
        assert_eq!(writer.finish().unwrap(), expected);
    }

    #[test]
    fn pcap_times_out_of_range_are_clamped() {
        let seconds = |ts_ns| {
            let header = record_header(&Record { ts_ns, wire_len: 0, data: b"" }).unwrap();
            u32::from_le_bytes([header[0], header[1], header[2], header[3]])
        };
        assert_eq!(seconds(-5), 0);
        assert_eq!(seconds(i64::MAX), u32::MAX);
    }

    #[test]
    fn pcapng_is_read_back_by_another_parser() {
        let mut writer = PcapngWriter::new(Vec::new(), "pcapsule").unwrap();
        for name in ["node-a/if-cbr0", "node-b"] {
            writer.interface(name, 1, SNAPLEN).unwrap();
        }
        writer.write(1, &Record { ts_ns: TS, wire_len: 99, data: b"hello" }).unwrap();
        assert!(writer.write(2, &Record { ts_ns: TS, wire_len: 0, data: b"" }).is_err());
        let bytes = writer.finish().unwrap();

        let mut reader = PcapNGReader::new(65_536, &bytes[..]).unwrap();
        let mut names = Vec::new();
        let mut packets = Vec::new();
        loop {
            match reader.next() {
                Ok((size, PcapBlockOwned::NG(block))) => {
                    match block {
                        Block::InterfaceDescription(idb) => {
                            let name = idb.options.iter().find(|o| o.code.0 == 2).unwrap();
                            names.push(name.as_str().unwrap().to_owned());
                            assert_eq!(idb.ts_resolution(), Some(1_000_000_000));
                        }
                        Block::EnhancedPacket(epb) => packets.push((
                            epb.if_id,
                            (i64::from(epb.ts_high) << 32) | i64::from(epb.ts_low),
                            epb.origlen,
                            epb.data[..epb.caplen as usize].to_vec(),
                        )),
                        _ => {}
                    }
                    reader.consume(size);
                }
                Err(PcapError::Eof) => break,
                Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
                Err(error) => panic!("{error:?}"),
                Ok(_) => panic!("not a pcapng block"),
            }
        }
        assert_eq!(names, ["node-a/if-cbr0", "node-b"]);
        assert_eq!(packets, [(1, TS, 99, b"hello".to_vec())]);
    }

    /// The frames as a reader finds them from the seek table alone.
    fn frames(file: &[u8]) -> Vec<Vec<u8>> {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let end = file.len();
        assert_eq!(word(end - 4), 0x8f92_eab1);
        assert_eq!(file[end - 5], 0);
        let count = word(end - 9);
        let table = end - 9 - 8 * count;
        assert_eq!((word(table - 8), word(table - 4)), (0x184d_2a5e, 8 * count + 9));
        let mut at = 0;
        let decode = |i: usize| {
            let size = word(table + 8 * i);
            let frame = zstd::decode_all(&file[at..at + size]).unwrap();
            at += size;
            assert_eq!(frame.len(), word(table + 8 * i + 4));
            frame
        };
        (0..count).map(decode).collect()
    }

    #[test]
    fn segment_is_pcap_in_independent_frames() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pcap.zst");
        let mut writer = SegmentWriter::create(&path, ETHERNET, SNAPLEN, 3).unwrap();
        let mut plain = PcapWriter::new(Vec::new(), ETHERNET, SNAPLEN).unwrap();
        let data = vec![7; 60_000];
        for i in 0..100 {
            let record = Record { ts_ns: TS + i, wire_len: 60_000, data: &data };
            writer.write(&record).unwrap();
            plain.write(&record).unwrap();
        }
        assert!(!path.exists());
        let segment = writer.finish().unwrap();
        let plain = plain.finish().unwrap();
        let file = std::fs::read(&path).unwrap();
        let frames = frames(&file);
        assert_eq!(frames.len(), 2);
        assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES));
        assert_eq!(frames[1][8..12], u32::to_le_bytes(60_000), "cut between records");
        assert_eq!(frames.concat(), plain);
        assert_eq!(zstd::decode_all(&file[..]).unwrap(), plain, "the table is skipped");
        let expected = (100, plain.len() as u64, file.len() as u64);
        assert_eq!((segment.packets, segment.content_bytes, segment.file_bytes), expected);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

        let mut reader = LegacyPcapReader::new(1 << 20, &plain[..]).unwrap();
        let (_, header) = reader.next().unwrap();
        let PcapBlockOwned::LegacyHeader(header) = header else { panic!() };
        assert!(header.is_nanosecond_precision());
    }
}
