//! Records in the order of the file -> records in the order of time, within a bounded window:
//! network cards with many queues and captures of many processors hand packets out some
//! microseconds late. A record later than the window allows stays where it is. The order does not
//! depend on how the records came in batches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Batch, Record};
use crate::limits::Limits;

/// Holds the last records back until it is known that none older follows.
#[derive(Debug, Default)]
pub(super) struct Order {
    held: Vec<Record>,
    /// The frames of the held records, one behind the other.
    bytes: Vec<u8>,
}

impl Order {
    /// Puts the records of `batch`, which follow those before, in order and holds the last back;
    /// those held back so far come in front.
    pub fn pass(&mut self, batch: &mut Batch, limits: &Limits) {
        self.give(batch);
        let kept = if batch.records.is_sorted_by_key(|record| record.ts_ns) {
            let fits = held(batch.records.iter().rev(), limits);
            batch.records.split_off(batch.records.len() - fits)
        } else {
            sort(&mut batch.records, limits)
        };
        for mut record in kept {
            let frame = batch.frame(&record);
            record.start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(frame);
            self.held.push(record);
        }
    }

    /// Puts the records held back in front of those of `batch`.
    pub fn give(&mut self, batch: &mut Batch) {
        let base = batch.bytes.len() as u32;
        batch.bytes.append(&mut self.bytes);
        let held = self.held.drain(..).map(|r| Record { start: r.start + base, ..r });
        batch.records.splice(0..0, held);
    }
}

/// How many of `records`, newest first, can be held back.
fn held<'r>(records: impl Iterator<Item = &'r Record>, limits: &Limits) -> usize {
    let mut bytes = 0usize;
    records
        .take(limits.order_records_max)
        .take_while(|record| {
            bytes += record.captured_len as usize;
            bytes <= limits.order_bytes_max
        })
        .count()
}

/// Records that wait, oldest first; of the same time, in the order of the file.
struct Waiting<'l> {
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    bytes: usize,
    newest_ns: i64,
    limits: &'l Limits,
}

/// Sorts records; those to hold back come back.
fn sort(records: &mut Vec<Record>, limits: &Limits) -> Vec<Record> {
    let unsorted = std::mem::take(records);
    let mut waiting = Waiting { heap: BinaryHeap::new(), bytes: 0, newest_ns: i64::MIN, limits };
    let window_ns = i64::from(limits.order_window_ms) * 1_000_000;
    for (place, record) in unsorted.iter().enumerate() {
        // The clock was set back, or another begins: what waits is not late for it.
        if record.ts_ns < waiting.newest_ns.saturating_sub(window_ns) {
            waiting.drain(&unsorted, records);
            waiting.newest_ns = record.ts_ns;
        }
        waiting.newest_ns = waiting.newest_ns.max(record.ts_ns);
        waiting.bytes += record.captured_len as usize;
        waiting.heap.push(Reverse((record.ts_ns, place)));
        while waiting.too_many() {
            waiting.pop(&unsorted, records);
        }
    }
    let mut kept = Vec::new();
    waiting.drain(&unsorted, &mut kept);
    kept
}

impl Waiting<'_> {
    fn too_many(&self) -> bool {
        self.heap.len() > self.limits.order_records_max || self.bytes > self.limits.order_bytes_max
    }

    fn pop(&mut self, from: &[Record], to: &mut Vec<Record>) -> bool {
        let Some(Reverse((_, place))) = self.heap.pop() else { return false };
        if let Some(record) = from.get(place) {
            self.bytes = self.bytes.saturating_sub(record.captured_len as usize);
            to.push(*record);
        }
        true
    }

    fn drain(&mut self, from: &[Record], to: &mut Vec<Record>) {
        while self.pop(from, to) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    fn limits() -> Limits {
        Limits {
            order_records_max: 4,
            order_bytes_max: 40,
            order_window_ms: 1,
            ..Limits::default()
        }
    }

    /// Passes records of these times and sizes through, so many at a time; their times and numbers.
    fn pass(records: &[(i64, u32)], at_a_time: usize) -> Vec<(i64, u32)> {
        let (mut order, mut found) = (Order::default(), Vec::new());
        let mut take = |batch: &Batch| {
            for record in &batch.records {
                let frame = batch.frame(record);
                assert!(frame.iter().all(|&byte| byte == record.frame as u8), "its own bytes");
                assert_eq!(frame.len(), record.captured_len as usize);
                found.push((record.ts_ns, record.frame));
            }
        };
        for (place, records) in records.chunks(at_a_time).enumerate() {
            let mut batch = Batch::default();
            for (number, &(ts_ns, len)) in (1 + place * at_a_time..).zip(records) {
                let start = batch.bytes.len() as u32;
                batch.bytes.extend(std::iter::repeat_n(number as u8, len as usize));
                let (captured_len, frame) = (len, number as u32);
                batch.records.push(Record {
                    ts_ns,
                    start,
                    captured_len,
                    frame,
                    ..Record::default()
                });
            }
            order.pass(&mut batch, &limits());
            take(&batch);
        }
        let mut rest = Batch::default();
        order.give(&mut rest);
        take(&rest);
        found
    }

    fn numbers(records: &[(i64, u32)]) -> Vec<u32> {
        pass(records, records.len()).into_iter().map(|(_, number)| number).collect()
    }

    #[test]
    fn late_records_find_their_place() {
        assert_eq!(numbers(&[(5, 1), (7, 1), (6, 1), (4, 1), (8, 1)]), [4, 1, 3, 2, 5]);
    }

    #[test]
    fn records_of_one_time_keep_their_order() {
        assert_eq!(numbers(&[(2, 1), (1, 1), (1, 1), (2, 1)]), [2, 3, 1, 4]);
    }

    #[test]
    fn a_record_later_than_the_window_stays() {
        assert_eq!(numbers(&[(9 * MS, 1), (1, 1), (2, 1)]), [1, 2, 3]);
        let behind_four = [(2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (1, 1)];
        assert_eq!(numbers(&behind_four), [1, 2, 7, 3, 4, 5, 6], "four wait at most");
        assert_eq!(numbers(&[(2, 30), (3, 30), (1, 1)]), [1, 3, 2], "40 bytes wait at most");
        assert_eq!(numbers(&[(3, 50), (2, 50), (1, 50)]), [1, 2, 3], "none fits");
    }

    proptest! {
        #[test]
        fn batches_do_not_matter(
            records in proptest::collection::vec((0..3 * MS, 0..15u32), 0..60),
            at_a_time in 1..20usize,
        ) {
            let whole = pass(&records, records.len().max(1));
            prop_assert_eq!(&pass(&records, at_a_time), &whole);
            prop_assert_eq!(whole.len(), records.len());
            let mut sorted = records.clone();
            sorted.sort_by_key(|&(ts_ns, _)| ts_ns);
            let in_order: Vec<i64> = pass(&sorted, at_a_time).iter().map(|&(ts, _)| ts).collect();
            prop_assert!(in_order.is_sorted());
        }
    }
}
