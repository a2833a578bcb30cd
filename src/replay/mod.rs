//! Captures -> rows: runs the stages over batches of records, in parallel and in bounded memory.
//!
//! A batch is read and decompressed while the frames of the one before it are decoded and dealt out
//! to a fixed number of shards by conversation, and the shards run their connections over the one
//! before that. Shards, not threads, decide who sees what, so results never depend on the thread
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
use crate::capture::{Batch, Inputs, Record, Vantage, VantageReader};
use crate::limits::Limits;
use crate::packet::{self, Content, Decoded, Defragmenter};
use crate::workload::Directory;
use shard::Shard;

/// Conversations are dealt out to so many shards: a constant, so that results do not depend on
/// the machine.
pub const SHARDS: usize = 8;

/// Frames decoded as one parallel task, at least.
const DECODE_CHUNK: usize = 256;

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

/// A batch on its way.
struct Step {
    batch: Batch,
    /// What each record comes to.
    decoded: Vec<Decoded>,
    /// Records that are packets, per shard.
    queues: Vec<Vec<u32>>,
}

impl Step {
    fn new(shards: usize) -> Self {
        let (batch, decoded) = (Batch::default(), Vec::new());
        Step { batch, decoded, queues: vec![Vec::new(); shards] }
    }
}

/// What is between a vantage's records and the shards.
struct Dealer {
    found: VantageStats,
    defragmenter: Defragmenter,
}

impl Replay<'_> {
    /// Replays all vantages into one sink per shard.
    ///
    /// # Errors
    /// A file that cannot be opened, a sink that cannot write, an interruption.
    pub fn run<S: Sink>(&self, sinks: Vec<S>) -> Result<(Vec<S>, ReplayStats), ReplayError> {
        // From inside the thread pool: from outside, each parallel step would be handed over to it.
        rayon::scope(|_| self.vantages(sinks))
    }

    fn vantages<S: Sink>(&self, sinks: Vec<S>) -> Result<(Vec<S>, ReplayStats), ReplayError> {
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
        let mut reader = VantageReader::new(vantage);
        let mut dealer = Dealer {
            found: VantageStats::new(id, vantage, self.limits),
            defragmenter: Defragmenter::default(),
        };
        match rayon::current_num_threads() {
            1 => self.in_turn(&mut reader, &mut dealer, shards)?,
            _ => self.overlapped(&mut reader, &mut dealer, shards)?,
        }
        let Dealer { mut found, mut defragmenter } = dealer;
        reader.cuts().iter().for_each(|&kind| found.anomaly(kind));
        let end_ns = found.last_ns.unwrap_or(0);
        defragmenter.finish(&mut |kind, lost| found.fragments(kind, lost, end_ns));
        Ok(found)
    }

    /// One batch after the other, so that each is still in the processor's cache.
    fn in_turn<S: Sink>(
        &self,
        reader: &mut VantageReader<'_>,
        dealer: &mut Dealer,
        shards: &mut [Shard<S>],
    ) -> Result<(), ReplayError> {
        let mut step = Step::new(shards.len());
        while self.read(reader, &mut step)? {
            self.deal(&mut step, dealer);
            self.learn(&step, dealer);
            run(&step, shards)?;
        }
        Ok(())
    }

    /// Three batches at a time: one is read, the one before it decoded and dealt out, and the one
    /// before that run through the shards.
    fn overlapped<S: Sink>(
        &self,
        reader: &mut VantageReader<'_>,
        dealer: &mut Dealer,
        shards: &mut [Shard<S>],
    ) -> Result<(), ReplayError> {
        let [mut reading, mut dealing, mut running] = [(); 3].map(|()| Step::new(shards.len()));
        let (mut to_deal, mut to_run) = (self.read(reader, &mut dealing)?, false);
        while to_deal || to_run {
            if to_run {
                self.learn(&running, dealer);
            }
            let read = || if to_deal { self.read(reader, &mut reading) } else { Ok(false) };
            let deal = || {
                if to_deal {
                    self.deal(&mut dealing, dealer);
                }
            };
            let run = || if to_run { run(&running, shards) } else { Ok(()) };
            let (read, ((), ran)) = rayon::join(read, || rayon::join(deal, run));
            ran?;
            (to_run, to_deal) = (to_deal, read?);
            std::mem::swap(&mut running, &mut dealing);
            std::mem::swap(&mut dealing, &mut reading);
        }
        Ok(())
    }

    /// Reads the next batch; whether there was one.
    fn read(&self, reader: &mut VantageReader<'_>, step: &mut Step) -> Result<bool, ReplayError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ReplayError::Interrupted);
        }
        let more = reader.next_batch(&mut step.batch, self.limits.batch_bytes, self.limits)?;
        (self.progress)(reader.read_bytes());
        Ok(more)
    }

    /// Takes in the secrets that a batch brings, before its packets are run through the shards.
    fn learn(&self, step: &Step, dealer: &mut Dealer) {
        for text in &step.batch.secrets {
            if !self.limits.keys.find(text, self.limits.tls_secrets_max) {
                dealer.found.anomaly(AnomalyKind::TlsSecretsLimit);
            }
        }
    }

    /// Decodes a batch and deals its packets out.
    fn deal(&self, step: &mut Step, dealer: &mut Dealer) {
        let Step { batch, decoded, queues } = step;
        let decode = |r: &Record| packet::decode(batch, r, r.segment, self.limits);
        let records = batch.records.par_iter().with_min_len(DECODE_CHUNK);
        records.map(decode).collect_into_vec(decoded);
        let shards = queues.len();
        queues.iter_mut().for_each(Vec::clear);
        let Batch { bytes, records, .. } = batch;
        for (place, (record, decoded)) in (0..).zip(records.iter().zip(decoded)) {
            if !self.window.holds(record.ts_ns) {
                continue;
            }
            dealer.take(record, decoded, bytes, self.limits);
            if let Content::Packet(packet) = &decoded.content
                && let Some(queue) = queues.get_mut(packet.key.shard(shards))
            {
                queue.push(place);
            }
        }
    }
}

impl Dealer {
    /// Counts a record and puts fragments together, in the batch's `bytes`.
    fn take(
        &mut self,
        record: &Record,
        decoded: &mut Decoded,
        bytes: &mut Vec<u8>,
        limits: &Limits,
    ) {
        let found = &mut self.found;
        if let Content::Fragment(_) = decoded.content {
            let report = &mut |kind, lost| found.fragments(kind, lost, record.ts_ns);
            let segment = record.segment;
            *decoded = self.defragmenter.complete(*decoded, record, segment, bytes, limits, report);
        }
        if found.count(record, decoded) {
            found.anomaly(AnomalyKind::TimeBackwards);
        }
    }
}

/// Runs the shards over their packets of a batch.
fn run<S: Sink>(step: &Step, shards: &mut [Shard<S>]) -> Result<(), ReplayError> {
    shards.par_iter_mut().zip(&step.queues).for_each(|(shard, queue)| {
        for &place in queue {
            if let Some(packet) = step.decoded.get(place as usize).and_then(Decoded::packet) {
                shard.packet(packet, packet.payload(&step.batch));
            }
        }
    });
    match shards.iter_mut().find_map(Shard::take_error) {
        Some(error) => Err(ReplayError::Sink(error)),
        None => Ok(()),
    }
}
