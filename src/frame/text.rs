//! A growing column of text: each value (nearly) once, and for each row which one it is, as
//! Parquet's dictionary pages want it. Where values hardly repeat it becomes a plain list of them.
//! Nothing here knows about tables or files.

use std::hash::BuildHasher;

/// Rows looked at before a column is judged to hardly repeat itself.
const JUDGED_ROWS: usize = 512;
/// Groups of rows that a column stays plain before it is judged again.
const PLAIN_GROUPS: u32 = 8;
/// Values that are found again: of two that fall on the same slot the later one. A table that
/// stays in the processor's cache finds nearly all; what it does not find is stored again.
const SLOTS: usize = 1024;
/// Values of a place that are looked for before it is judged to hardly repeat itself.
const PLACE_SAMPLE: u32 = 128;

/// A value that may come again. What it is compared by is here, so that the values themselves,
/// which do not fit the processor's cache, are only looked at where it is likely that it did.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Part of the value's hash.
    tag: u32,
    /// Number of the value, from 1; 0 is an empty slot.
    number: u32,
    /// Where it begins in the column's bytes.
    start: u32,
}

/// What is known of the values that come in one place: those of one header, say.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The value that came there last.
    last: Slot,
    /// It came there twice running: many columns hold one value alone.
    is_same: bool,
    looked_for: u32,
    found: u32,
}

impl Place {
    /// Whether its values are worth looking for: ids hardly come twice.
    fn repeats(&self) -> bool {
        self.looked_for < PLACE_SAMPLE || self.found * 8 > self.looked_for
    }
}

/// A growing column of text.
pub(super) struct Texts {
    /// Values as they were first met (of a plain column all), each behind its length in four bytes:
    /// Parquet's PLAIN encoding.
    bytes: Vec<u8>,
    /// Where each of them begins in `bytes`.
    starts: Vec<u32>,
    /// The value of each row; unused in a plain column.
    ids: Vec<u32>,
    slots: Vec<Slot>,
    places: Vec<Place>,
    hasher: foldhash::fast::FixedState,
    /// Groups for which the column stays plain.
    plain: u32,
}

impl Texts {
    pub fn new() -> Self {
        Texts {
            bytes: Vec::new(),
            starts: Vec::new(),
            ids: Vec::new(),
            slots: Vec::new(),
            places: Vec::new(),
            hasher: foldhash::fast::FixedState::default(),
            plain: 0,
        }
    }

    /// Number of values met, `None` of a plain column.
    pub fn distinct(&self) -> Option<usize> {
        (self.plain == 0).then_some(self.starts.len())
    }

    /// The values, each behind its length: those met, or all of a plain column.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value of each row.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Adds a value, and says which it is. It is likely to be what came last in its `place`: a
    /// number that the caller chooses, small ones first.
    pub fn push(&mut self, value: &str, place: u32) -> u32 {
        if self.plain > 0 {
            append(&mut self.bytes, value.as_bytes());
            return 0;
        }
        let id = self.id(value, place as usize);
        self.ids.push(id);
        if self.ids.len() == JUDGED_ROWS {
            self.judge();
        }
        id
    }

    /// The number of a value, which may be new.
    fn id(&mut self, value: &str, place: usize) -> u32 {
        if place >= self.places.len() {
            self.places.resize(place + 1, Place::default());
        }
        let known = self.places[place];
        if known.is_same && self.holds(known.last, value) {
            return known.last.number - 1;
        }
        if !known.repeats() {
            return self.add(value);
        }
        let hash = self.hasher.hash_one(value);
        let (tag, at) = ((hash >> 32) as u32, hash as usize % SLOTS);
        let is_same = self.is(known.last, tag, value);
        let found = match is_same {
            true => Some(known.last),
            false => self.slots.get(at).copied().filter(|&slot| self.is(slot, tag, value)),
        };
        let slot = match found {
            Some(slot) => slot,
            None => self.add_slot(value, tag, at),
        };
        let place = &mut self.places[place];
        place.last = slot;
        place.is_same = is_same;
        place.looked_for += 1;
        place.found += u32::from(found.is_some());
        slot.number - 1
    }

    /// Adds a value that is found from now on.
    fn add_slot(&mut self, value: &str, tag: u32, at: usize) -> Slot {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Slot::default());
        }
        let start = self.bytes.len() as u32;
        let slot = Slot { tag, number: self.add(value) + 1, start };
        self.slots[at] = slot;
        slot
    }

    /// Adds a value.
    fn add(&mut self, value: &str) -> u32 {
        self.starts.push(self.bytes.len() as u32);
        append(&mut self.bytes, value.as_bytes());
        self.starts.len() as u32 - 1
    }

    fn is(&self, slot: Slot, tag: u32, value: &str) -> bool {
        slot.tag == tag && slot.number > 0 && self.holds(slot, value)
    }

    fn holds(&self, slot: Slot, value: &str) -> bool {
        value_at(&self.bytes, slot.start) == value.as_bytes()
    }

    /// Makes the column plain where more than three of four values are new.
    fn judge(&mut self) {
        if self.plain > 0 || self.starts.len() * 4 <= self.ids.len() * 3 {
            return;
        }
        self.plain = PLAIN_GROUPS;
        if self.starts.len() < self.ids.len() {
            let mut all = Vec::with_capacity(self.bytes.capacity());
            for &id in &self.ids {
                append(&mut all, value_at(&self.bytes, self.starts[id as usize]));
            }
            self.bytes = all;
        }
        self.ids.clear();
        self.starts.clear();
    }

    /// Judges the whole group, before its pages are made.
    pub fn settle(&mut self) {
        self.judge();
    }

    /// Begins the next group of rows.
    pub fn clear(&mut self) {
        self.plain = self.plain.saturating_sub(1);
        self.bytes.clear();
        self.starts.clear();
        self.ids.clear();
        self.slots.fill(Slot::default());
        self.places.clear();
    }
}

fn append(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}

/// The value that begins at `start`.
pub(super) fn value_at(bytes: &[u8], start: u32) -> &[u8] {
    let rest = bytes.get(start as usize..).unwrap_or(&[]);
    match rest.split_first_chunk::<4>() {
        Some((len, rest)) => rest.get(..u32::from_le_bytes(*len) as usize).unwrap_or(&[]),
        None => &[],
    }
}
