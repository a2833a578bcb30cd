//! Captures -> rows: runs the stages over batches of records, in parallel and in bounded memory.
//!
//! A batch is read and decompressed while the one before it is worked on; its frames are decoded
//! in parallel, dealt out to a fixed number of shards by conversation, and each shard runs its
//! connections. Shards, not threads, decide who sees what, so results never depend on the thread
//! count. What becomes of the rows is the [`Sink`]'s business.

mod mend;
mod rows;
mod session;
mod shard;
mod summary;
mod timeline;
mod twins;

#[cfg(test)]
mod tests;

pub use mend::Mend;
pub use rows::{CallRow, ConnRow, Sink};
pub use summary::{ProtocolCounts, ReplayStats, VantageStats};
pub use timeline::{Second, Timeline};

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::anomaly::AnomalyKind;
use crate::capture::{Batch, Inputs, SegmentFile, SegmentReader, Vantage};
use crate::limits::Limits;
use crate::packet::{self, Content, Decoded, Defragmenter};
use crate::workload::Directory;
use shard::Shard;

/// Conversations are dealt out to so many shards: a constant, so that results do not depend on
/// the machine.
pub const SHARDS: usize = 8;

/// Frames decoded as one parallel task.
const DECODE_CHUNK: usize = 2048;

/// Why a replay stopped early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Capture(#[from] crate::capture::CaptureError),
    #[error("{0}")]
    Sink(String),
    #[error("interrupted")]
    Interrupted,
}

/// The part of the captures that is asked for; both ends inclusive, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    pub since_ns: Option<i64>,
    pub until_ns: Option<i64>,
}

impl Window {
    pub fn holds(&self, ts_ns: i64) -> bool {
        self.since_ns.is_none_or(|since| ts_ns >= since)
            && self.until_ns.is_none_or(|until| ts_ns <= until)
    }
}

/// Everything a replay reads.
pub struct Replay<'a> {
    pub inputs: &'a Inputs,
    pub directory: &'a Directory,
    pub limits: &'a Limits,
    pub window: Window,
    /// Set from outside to end early (Ctrl-C).
    pub stop: &'a AtomicBool,
    /// Told how many bytes of the inputs have been read, for a progress bar.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What is between a vantage's frames and the shards.
struct Packets {
    /// Packets of the current batch, per shard.
    queues: Vec<Vec<packet::Packet>>,
    defragmenter: Defragmenter,
}

impl Replay<'_> {
    /// Replays all vantages into one sink per shard.
    ///
    /// # Errors
    /// A file that cannot be opened, a sink that cannot write, an interruption.
    pub fn run<S: Sink>(&self, sinks: Vec<S>) -> Result<(Vec<S>, ReplayStats), ReplayError> {
        let mut stats = ReplayStats::default();
        let mut shards: Vec<Shard<S>> =
            sinks.into_iter().map(|sink| Shard::new(sink, self)).collect();
        for (id, vantage) in self.inputs.vantages.iter().enumerate() {
            let mut found = self.vantage(id, vantage, &mut shards)?;
            let end_ns = found.last_ns.unwrap_or(0);
            shards.par_iter_mut().for_each(|shard| shard.end_vantage(end_ns));
            for shard in &mut shards {
                found.timeline.merge(shard.take_timeline());
            }
            stats.add_vantage(found);
        }
        let mut sinks = Vec::with_capacity(shards.len());
        for shard in shards {
            sinks.push(shard.finish(&mut stats)?);
        }
        Ok((sinks, stats))
    }

    fn vantage<S: Sink>(
        &self,
        id: usize,
        vantage: &Vantage,
        shards: &mut [Shard<S>],
    ) -> Result<VantageStats, ReplayError> {
        let mut found = VantageStats::new(id, vantage, self.limits);
        let mut packets = Packets {
            queues: vec![Vec::new(); shards.len()],
            defragmenter: Defragmenter::default(),
        };
        for file in &vantage.segments {
            self.segment(file, &mut found, shards, &mut packets)?;
            (self.progress)(file.bytes);
        }
        let end_ns = found.last_ns.unwrap_or(0);
        packets.defragmenter.finish(&mut |kind, lost| found.fragments(kind, lost, end_ns));
        Ok(found)
    }

    fn segment<S: Sink>(
        &self,
        file: &SegmentFile,
        found: &mut VantageStats,
        shards: &mut [Shard<S>],
        packets: &mut Packets,
    ) -> Result<(), ReplayError> {
        let mut reader = SegmentReader::open(&file.path)?;
        let (mut now, mut next) = (Batch::default(), Batch::default());
        let read = |reader: &mut SegmentReader, batch: &mut Batch| {
            reader.next_batch(batch, self.limits.batch_bytes, self.limits)
        };
        let mut more = read(&mut reader, &mut now);
        while more {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ReplayError::Interrupted);
            }
            let work = || self.batch(file.segment, &mut now, found, shards, packets);
            (more, _) = rayon::join(|| read(&mut reader, &mut next), work);
            std::mem::swap(&mut now, &mut next);
            if let Some(error) = shards.iter_mut().find_map(Shard::take_error) {
                return Err(ReplayError::Sink(error));
            }
        }
        if let Some(kind) = reader.cut() {
            found.anomaly(kind);
        }
        Ok(())
    }

    /// Decodes a batch, deals its packets out and runs the shards.
    fn batch<S: Sink>(
        &self,
        segment: u32,
        batch: &mut Batch,
        found: &mut VantageStats,
        shards: &mut [Shard<S>],
        packets: &mut Packets,
    ) {
        let decoded = self.decode(segment, batch);
        let Packets { queues, defragmenter } = packets;
        queues.iter_mut().for_each(Vec::clear);
        let Batch { bytes, records } = batch;
        for (record, mut decoded) in records.iter().zip(decoded.into_iter().flatten()) {
            if !self.window.holds(record.ts_ns) {
                continue;
            }
            if let Content::Fragment(_) = decoded.content {
                let report = &mut |kind, lost| found.fragments(kind, lost, record.ts_ns);
                decoded =
                    defragmenter.complete(decoded, record, segment, bytes, self.limits, report);
            }
            if found.count(record, &decoded) {
                found.anomaly(AnomalyKind::TimeBackwards);
            }
            if let Content::Packet(packet) = decoded.content
                && let Some(queue) = queues.get_mut(packet.key.shard(shards.len()))
            {
                queue.push(packet);
            }
        }
        shards.par_iter_mut().zip(&*queues).for_each(|(shard, queue)| {
            for packet in queue {
                shard.packet(packet, packet.payload(batch));
            }
        });
    }

    fn decode(&self, segment: u32, batch: &Batch) -> Vec<Vec<Decoded>> {
        let decode = |r| packet::decode(batch, r, segment, self.limits);
        let chunks = batch.records.par_chunks(DECODE_CHUNK);
        chunks.map(|records| records.iter().map(decode).collect()).collect()
    }
}
