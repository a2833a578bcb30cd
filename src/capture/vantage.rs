//! The files of a vantage, one after the other -> batches of records in the order of time.

use super::order::Order;
use super::{Batch, CaptureError, SegmentFile, SegmentReader, Vantage};
use crate::anomaly::AnomalyKind;
use crate::limits::Limits;

/// Reads a vantage from the first record to the last. Rotated files continue each other: records
/// are put in order across their ends too.
pub struct VantageReader<'a> {
    files: std::slice::Iter<'a, SegmentFile>,
    file: Option<(&'a SegmentFile, SegmentReader)>,
    order: Order,
    cuts: Vec<AnomalyKind>,
    read_bytes: u64,
}

impl<'a> VantageReader<'a> {
    pub fn new(vantage: &'a Vantage) -> Self {
        let (order, cuts) = (Order::default(), Vec::new());
        VantageReader { files: vantage.segments.iter(), file: None, order, cuts, read_bytes: 0 }
    }

    /// Fills `batch` with the next records, about `batch_bytes` of them; `false` at the end.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn next_batch(
        &mut self,
        batch: &mut Batch,
        batch_bytes: usize,
        limits: &Limits,
    ) -> Result<bool, CaptureError> {
        // Secrets go ahead of records that are held back.
        let mut secrets = Vec::new();
        loop {
            if !self.next_records(batch, batch_bytes, limits)? {
                batch.clear();
                self.order.give(batch);
                batch.secrets = secrets;
                return Ok(!batch.records.is_empty());
            }
            secrets.append(&mut batch.secrets);
            self.order.pass(batch, limits);
            if !batch.records.is_empty() {
                batch.secrets = secrets;
                return Ok(true);
            }
        }
    }

    /// The next records as they stand in the files.
    fn next_records(
        &mut self,
        batch: &mut Batch,
        batch_bytes: usize,
        limits: &Limits,
    ) -> Result<bool, CaptureError> {
        loop {
            if let Some((file, reader)) = &mut self.file {
                if reader.next_batch(batch, batch_bytes, limits) {
                    batch.records.iter_mut().for_each(|record| record.segment = file.segment);
                    return Ok(true);
                }
                self.cuts.extend(reader.cut());
                self.read_bytes += file.bytes;
                self.file = None;
            }
            let Some(file) = self.files.next() else { return Ok(false) };
            self.file = Some((file, SegmentReader::open_whole(&file.path)?));
        }
    }

    /// Bytes of the files that were read to their ends since last asked.
    pub fn read_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.read_bytes)
    }

    /// How files ended that are not whole, once all are read.
    pub fn cuts(&self) -> &[AnomalyKind] {
        &self.cuts
    }
}
