//! Packet blocks of a pcapng file (draft-ietf-opsawg-pcapng): many sections, many interfaces each
//! with its link type and clock, enhanced, simple and obsolete packet blocks, and the secrets of TLS
//! sessions that a capture brings. Other blocks are passed over.

use pcap_parser::Block;
use pcap_parser::pcapng::{EnhancedPacketBlock, InterfaceDescriptionBlock, SimplePacketBlock};
use pcap_parser::{parse_block_be, parse_block_le};

use super::{Parsed, Record};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const OBSOLETE_PACKET: u32 = 2;
/// Secrets that are a key log (`TLSK`).
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// Interfaces of one section; more are a broken or hostile file.
const INTERFACES_MAX: usize = 4096;

/// What an interface description says about its packets.
#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    snaplen: u32,
    /// Clock ticks per second.
    resolution: u64,
    offset_secs: i64,
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock) -> Self {
        Interface {
            link: (block.linktype.0 & 0xffff) as u16,
            snaplen: block.snaplen,
            resolution: block.ts_resolution().filter(|&r| r > 0).unwrap_or(1_000_000),
            offset_secs: block.ts_offset(),
        }
    }

    fn ns(&self, high: u32, low: u32) -> i64 {
        let ticks = (u128::from(high) << 32) | u128::from(low);
        let ns = ticks * 1_000_000_000 / u128::from(self.resolution);
        let offset = self.offset_secs.saturating_mul(1_000_000_000);
        i64::try_from(ns).unwrap_or(i64::MAX).saturating_add(offset)
    }
}

/// State of the current section.
#[derive(Default)]
pub(super) struct PcapNgFile {
    big_endian: bool,
    interfaces: Vec<Interface>,
    last_ts_ns: i64,
    frame: u32,
}

impl PcapNgFile {
    /// Parses the block at the front of `bytes`, which begin at `start` of the batch.
    pub fn next(&mut self, bytes: &[u8], start: u32, record_bytes_max: usize) -> Parsed {
        let Some(head) = bytes.first_chunk::<12>() else { return Parsed::Incomplete };
        let [t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3] = *head;
        if u32::from_le_bytes([t0, t1, t2, t3]) == SECTION_HEADER {
            match [m0, m1, m2, m3] {
                [0x1a, 0x2b, 0x3c, 0x4d] => self.big_endian = true,
                [0x4d, 0x3c, 0x2b, 0x1a] => self.big_endian = false,
                _ => return Parsed::Broken,
            }
        }
        let len = self.u32([l0, l1, l2, l3]) as usize;
        if len < 12 || len > record_bytes_max {
            return Parsed::Broken;
        }
        let Some(block) = bytes.get(..len) else { return Parsed::Incomplete };
        match self.block(block, start) {
            Some(parsed) => parsed,
            None => Parsed::Broken,
        }
    }

    fn u32(&self, field: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
    }

    fn block(&mut self, bytes: &[u8], start: u32) -> Option<Parsed> {
        let parsed = if self.big_endian { parse_block_be(bytes) } else { parse_block_le(bytes) };
        let (_, block) = parsed.ok()?;
        let record = match &block {
            Block::SectionHeader(_) => {
                self.interfaces.clear();
                None
            }
            Block::InterfaceDescription(block) => {
                if self.interfaces.len() < INTERFACES_MAX {
                    self.interfaces.push(Interface::new(block));
                }
                None
            }
            Block::EnhancedPacket(block) => self.enhanced(block, start),
            Block::SimplePacket(block) => self.simple(block, start),
            Block::Unknown(block) if block.block_type == OBSOLETE_PACKET => {
                self.obsolete(bytes, start)
            }
            Block::DecryptionSecrets(block) if block.secrets_type.0 == TLS_KEY_LOG => {
                let text = block.data.get(..block.secrets_len as usize)?;
                return Some(Parsed::Secrets(text.to_vec(), bytes.len()));
            }
            _ => None,
        };
        Some(match record {
            Some(record) => Parsed::Record(record, bytes.len()),
            None => Parsed::Skip(bytes.len()),
        })
    }

    fn record(
        &mut self,
        interface: Interface,
        ts_ns: i64,
        start: u32,
        len: u32,
        wire: u32,
    ) -> Record {
        self.frame = self.frame.saturating_add(1);
        self.last_ts_ns = ts_ns;
        Record {
            ts_ns,
            start,
            captured_len: len,
            wire_len: wire.max(len),
            link: interface.link,
            frame: self.frame,
            ..Record::default()
        }
    }

    fn enhanced(&mut self, block: &EnhancedPacketBlock, start: u32) -> Option<Record> {
        let interface = *self.interfaces.get(block.if_id as usize)?;
        let len = block.caplen.min(block.data.len() as u32);
        let ts_ns = interface.ns(block.ts_high, block.ts_low);
        Some(self.record(interface, ts_ns, start + 28, len, block.origlen))
    }

    /// A simple packet has no time: it gets that of the packet before it.
    fn simple(&mut self, block: &SimplePacketBlock, start: u32) -> Option<Record> {
        let interface = *self.interfaces.first()?;
        let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
        let len = block.origlen.min(snaplen).min(block.data.len() as u32);
        Some(self.record(interface, self.last_ts_ns, start + 12, len, block.origlen))
    }

    /// Packet Block of early drafts: 16-bit interface and drop count, else like the enhanced one.
    fn obsolete(&mut self, bytes: &[u8], start: u32) -> Option<Record> {
        let word = |at: usize| -> Option<u32> {
            bytes.get(at..at + 4)?.try_into().ok().map(|field| self.u32(field))
        };
        let ids = word(8)?;
        let id = if self.big_endian { ids >> 16 } else { ids & 0xffff };
        let interface = *self.interfaces.get(id as usize)?;
        let ts_ns = interface.ns(word(12)?, word(16)?);
        let (caplen, wire) = (word(20)?, word(24)?);
        let len = caplen.min(bytes.len().saturating_sub(32) as u32);
        Some(self.record(interface, ts_ns, start + 28, len, wire))
    }
}
