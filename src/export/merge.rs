//! The records of all vantages, in order of time: each vantage is read a batch at a time, and the
//! earliest record of all comes next. Of equal times the vantage that comes first in the inputs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::capture::{Batch, CaptureError, Inputs, Record, VantageReader};
use crate::limits::Limits;

/// Bytes read at a time of each vantage: there may be hundreds.
const BATCH_BYTES: usize = 256 << 10;

struct Source<'i> {
    reader: VantageReader<'i>,
    batch: Batch,
    next: usize,
}

impl Source<'_> {
    /// The time of its next record; `None` at its end.
    fn time(&mut self, limits: &Limits) -> Result<Option<i64>, CaptureError> {
        if self.next >= self.batch.records.len() {
            self.next = 0;
            if !self.reader.next_batch(&mut self.batch, BATCH_BYTES, limits)? {
                self.batch.records.clear();
            }
        }
        Ok(self.batch.records.get(self.next).map(|record| record.ts_ns))
    }
}

/// All vantages on their way.
pub(super) struct Merge<'i> {
    sources: Vec<Source<'i>>,
    /// Times of the next records, the earliest on top.
    waiting: BinaryHeap<Reverse<(i64, usize)>>,
    /// The source whose record was handed out last.
    last: Option<usize>,
}

impl<'i> Merge<'i> {
    pub fn new(inputs: &'i Inputs, limits: &Limits) -> Result<Self, CaptureError> {
        let source = |vantage| Source {
            reader: VantageReader::new(vantage),
            batch: Batch::default(),
            next: 0,
        };
        let sources: Vec<Source> = inputs.vantages.iter().map(source).collect();
        let mut merge = Merge { sources, waiting: BinaryHeap::new(), last: None };
        for index in 0..merge.sources.len() {
            merge.wait(index, limits)?;
        }
        Ok(merge)
    }

    fn wait(&mut self, index: usize, limits: &Limits) -> Result<(), CaptureError> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(()) };
        if let Some(ts_ns) = source.time(limits)? {
            self.waiting.push(Reverse((ts_ns, index)));
        }
        Ok(())
    }

    /// The next record, with its vantage and the batch that it lies in.
    pub fn next(
        &mut self,
        limits: &Limits,
    ) -> Result<Option<(usize, &Batch, &Record)>, CaptureError> {
        if let Some(last) = self.last.take() {
            if let Some(source) = self.sources.get_mut(last) {
                source.next += 1;
            }
            self.wait(last, limits)?;
        }
        let Some(Reverse((_, index))) = self.waiting.pop() else { return Ok(None) };
        self.last = Some(index);
        let found = self.sources.get(index).and_then(|source| {
            Some((index, &source.batch, source.batch.records.get(source.next)?))
        });
        Ok(found)
    }
}
