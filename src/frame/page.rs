//! Grown columns -> compressed Parquet pages: for each row group a dictionary page where values
//! repeat, one data page, and the least and greatest value where a scan can skip by them. It is
//! what Polars' own writer would make of the same columns, without a new compressor for every page
//! and without hashing every value once more. Which columns there are is `table.rs`.

use std::collections::HashMap;
use std::io;

use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::compression::Compression;
use polars_parquet::parquet::encoding::{Encoding, hybrid_rle};
use polars_parquet::parquet::metadata::Descriptor;
use polars_parquet::parquet::page::{CompressedDictPage, DataPageHeader, DataPageHeaderV1};
use polars_parquet::parquet::statistics::ParquetStatistics;
use polars_parquet::write::{CompressedDataPage, CompressedPage};

use super::text::{Texts, value_at};
use super::{delta, rle};

/// zstd level of the pages: one that leaves letters as they are, and so costs half of level 1 for
/// a quarter more bytes.
const ZSTD_LEVEL: i32 = -1;
/// Pages of fewer bytes are stored as they are.
const COMPRESSED_BYTES_MIN: usize = 64;
/// Of longer pages so many bytes are compressed, to see whether it is worth it.
const TRIED_BYTES: usize = 2 << 10;
const TRIED_BYTES_MIN: usize = 4 * TRIED_BYTES;
/// Longer text makes no statistics.
const STATISTICS_BYTES_MAX: usize = 64;
/// Integers of a row group that are tried for repetitions before their dictionary is made.
const SAMPLE: usize = 256;

/// The pages of one column of a row group.
pub(super) type Chunk = Vec<CompressedPage>;

/// Where the values of a column stand in their rows: Parquet's repetition and definition levels.
pub(super) struct Levels {
    bytes: Vec<u8>,
    /// Values, and empty lists in their place.
    values: usize,
    rows: usize,
}

impl Levels {
    /// One value in each row.
    pub fn flat(rows: usize) -> Self {
        let mut levels = Levels { bytes: Vec::with_capacity(16), values: rows, rows };
        levels.put(|bytes| rle::run(1, rows, 1, bytes));
        levels
    }

    /// A list of so many values in each row; `defined` is the definition level of a value.
    pub fn lists(lens: &[u32], defined: u32) -> Self {
        let places = |len: u32| len.max(1) as usize;
        let values = lens.iter().map(|&len| places(len)).sum();
        let mut levels = Levels { bytes: Vec::with_capacity(values / 2), values, rows: lens.len() };
        let mut numbers = Vec::with_capacity(values);
        for &len in lens {
            numbers.push(0);
            numbers.resize(numbers.len() + places(len) - 1, 1);
        }
        levels.put(|bytes| rle::encode(&numbers, 1, bytes));
        numbers.clear();
        for &len in lens {
            let level = if len == 0 { 1 } else { defined };
            numbers.resize(numbers.len() + places(len), level);
        }
        levels.put(|bytes| rle::encode(&numbers, width(defined as usize), bytes));
        levels
    }

    /// Appends levels behind their length.
    fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        encode(&mut self.bytes);
        let len = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
}

/// Bits that hold numbers up to `max`.
fn width(max: usize) -> u32 {
    usize::BITS - max.leading_zeros()
}

/// Turns the columns of one shard into pages.
pub(super) struct Pages {
    compressor: zstd::bulk::Compressor<'static>,
    /// A data page before it is compressed.
    page: Vec<u8>,
    /// Distinct integers, where each stands in the dictionary, and that of each row.
    dictionary: Vec<u8>,
    places: HashMap<i64, u32, foldhash::fast::FixedState>,
    ids: Vec<u32>,
}

/// What a data page holds, besides its bytes.
struct Data<'a> {
    levels: &'a Levels,
    encoding: Encoding,
    statistics: Option<ParquetStatistics>,
    descriptor: &'a Descriptor,
}

impl Pages {
    pub fn new() -> io::Result<Self> {
        Ok(Pages {
            compressor: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            page: Vec::new(),
            dictionary: Vec::new(),
            places: HashMap::default(),
            ids: Vec::new(),
        })
    }

    /// Pages of truth values.
    pub fn bools(
        &mut self,
        bools: &[bool],
        levels: &Levels,
        leaf: &Descriptor,
    ) -> io::Result<Chunk> {
        self.start(levels);
        hybrid_rle::bitpacked_encode(&mut self.page, bools.iter().copied())?;
        let data = Data { levels, encoding: Encoding::Plain, statistics: None, descriptor: leaf };
        self.chunk(None, data)
    }

    /// Pages of integers.
    pub fn ints(&mut self, ints: &[i64], levels: &Levels, leaf: &Descriptor) -> io::Result<Chunk> {
        self.start(levels);
        let (min, max) = ints.iter().fold((i64::MAX, i64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        let statistics = Some(statistics(&min.to_le_bytes(), &max.to_le_bytes()));
        let encoding = match () {
            _ if min == max => Encoding::RleDictionary,
            _ if self.number(ints) => Encoding::RleDictionary,
            _ if delta::suits(ints) => Encoding::DeltaBinaryPacked,
            _ => Encoding::Plain,
        };
        let data = Data { levels, encoding, statistics, descriptor: leaf };
        match encoding {
            Encoding::Plain => {
                ints.iter().for_each(|int| self.page.extend_from_slice(&int.to_le_bytes()));
                self.chunk(None, data)
            }
            Encoding::DeltaBinaryPacked => {
                delta::encode(ints, &mut self.page);
                self.chunk(None, data)
            }
            _ if min == max => {
                self.page.push(0);
                rle::run(0, ints.len(), 0, &mut self.page);
                self.chunk(Some((&min.to_le_bytes(), 1)), data)
            }
            _ => {
                indices(&mut self.page, &self.ids, self.places.len());
                let dictionary = std::mem::take(&mut self.dictionary);
                let chunk = self.chunk(Some((&dictionary, self.places.len())), data);
                self.dictionary = dictionary;
                chunk
            }
        }
    }

    /// Numbers the distinct integers; `false` when they hardly repeat.
    fn number(&mut self, ints: &[i64]) -> bool {
        self.places.clear();
        self.dictionary.clear();
        self.ids.clear();
        let mut last = None;
        for &int in ints {
            let id = match last {
                Some((value, id)) if value == int => id,
                _ => self.place(int),
            };
            last = Some((int, id));
            self.ids.push(id);
            if self.ids.len() >= SAMPLE && self.places.len() * 2 > self.ids.len() {
                return false;
            }
        }
        true
    }

    fn place(&mut self, int: i64) -> u32 {
        let next = self.places.len() as u32;
        *self.places.entry(int).or_insert_with(|| {
            self.dictionary.extend_from_slice(&int.to_le_bytes());
            next
        })
    }

    /// Pages of text; `skip` when scans may skip by its least and greatest value.
    pub fn texts(
        &mut self,
        texts: &Texts,
        levels: &Levels,
        leaf: &Descriptor,
        skip: bool,
    ) -> io::Result<Chunk> {
        self.start(levels);
        let Some(distinct) = texts.distinct() else {
            self.page.extend_from_slice(texts.bytes());
            let data =
                Data { levels, encoding: Encoding::Plain, statistics: None, descriptor: leaf };
            return self.chunk(None, data);
        };
        indices(&mut self.page, texts.ids(), distinct);
        let statistics = if skip { text_statistics(texts) } else { None };
        let data = Data { levels, encoding: Encoding::RleDictionary, statistics, descriptor: leaf };
        self.chunk(Some((texts.bytes(), distinct)), data)
    }

    fn start(&mut self, levels: &Levels) {
        self.page.clear();
        self.page.extend_from_slice(&levels.bytes);
    }

    /// The page at hand behind its dictionary, if it has one.
    fn chunk(&mut self, dictionary: Option<(&[u8], usize)>, data: Data<'_>) -> io::Result<Chunk> {
        let mut chunk = Vec::with_capacity(2);
        let is_packed = data.encoding == Encoding::DeltaBinaryPacked;
        let codec = match !is_packed && self.is_worth_it(dictionary.map_or(&[], |(d, _)| d))? {
            true => Compression::Zstd,
            false => Compression::Uncompressed,
        };
        if let Some((bytes, distinct)) = dictionary {
            let packed = packed(&mut self.compressor, codec, bytes)?;
            let page = CompressedDictPage::new(packed, codec, bytes.len(), distinct, false);
            chunk.push(CompressedPage::Dict(page));
        }
        let header = DataPageHeader::V1(DataPageHeaderV1 {
            num_values: data.levels.values as i32,
            encoding: data.encoding.into(),
            definition_level_encoding: Encoding::Rle.into(),
            repetition_level_encoding: Encoding::Rle.into(),
            statistics: data.statistics,
        });
        let packed = packed(&mut self.compressor, codec, &self.page)?;
        let (descriptor, rows) = (data.descriptor.clone(), data.levels.rows);
        let page =
            CompressedDataPage::new(header, packed, codec, self.page.len(), descriptor, rows);
        chunk.push(CompressedPage::Data(page));
        Ok(chunk)
    }
}

impl Pages {
    /// Whether the page at hand and its dictionary get smaller: ids hardly do, and are most of what
    /// there is. Of much a piece tells.
    fn is_worth_it(&mut self, dictionary: &[u8]) -> io::Result<bool> {
        let bytes = if dictionary.len() > self.page.len() { dictionary } else { &self.page };
        let tried = match bytes.len() {
            0..COMPRESSED_BYTES_MIN => return Ok(false),
            COMPRESSED_BYTES_MIN..TRIED_BYTES_MIN => return Ok(true),
            len => &bytes[len / 2..][..TRIED_BYTES],
        };
        Ok(self.compressor.compress(tried)?.len() < TRIED_BYTES * 7 / 8)
    }
}

fn packed(
    compressor: &mut zstd::bulk::Compressor<'_>,
    codec: Compression,
    bytes: &[u8],
) -> io::Result<CowBuffer> {
    match codec {
        Compression::Zstd => compressor.compress(bytes).map(CowBuffer::Owned),
        _ => Ok(CowBuffer::Owned(bytes.to_vec())),
    }
}

/// Appends the places of values in a dictionary of `distinct` ones.
fn indices(page: &mut Vec<u8>, ids: &[u32], distinct: usize) {
    let width = width(distinct.saturating_sub(1));
    page.push(width as u8);
    rle::encode(ids, width, page);
}

fn statistics(min: &[u8], max: &[u8]) -> ParquetStatistics {
    ParquetStatistics {
        null_count: Some(0),
        distinct_count: None,
        max_value: Some(max.to_vec()),
        min_value: Some(min.to_vec()),
        max: None,
        min: None,
        is_max_value_exact: None,
        is_min_value_exact: None,
    }
}

/// Least and greatest of the distinct values.
fn text_statistics(texts: &Texts) -> Option<ParquetStatistics> {
    let bytes = texts.bytes();
    let mut at = 0u32;
    let values = std::iter::from_fn(|| {
        let value = ((at as usize) < bytes.len()).then(|| value_at(bytes, at))?;
        at += value.len() as u32 + 4;
        Some(value)
    });
    let ends = values.fold(None, |ends: Option<(&[u8], &[u8])>, value| {
        Some(ends.map_or((value, value), |(min, max)| (min.min(value), max.max(value))))
    });
    let (min, max) = ends.filter(|(min, max)| min.len().max(max.len()) <= STATISTICS_BYTES_MAX)?;
    Some(statistics(min, max))
}
