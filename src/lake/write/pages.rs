//! The pages of one column of one row group: levels and values compressed, found again by the page index.

use std::cell::RefCell;

use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::schema::types::ColumnDescPtr;

use super::super::batch::internal;
use super::bound::{Bound, Bounds, cut, statistics, widen};
use super::layout::LEVEL;
use super::{page_header, rle};
use crate::base::error::Result;

/// What is known of a page beside its bytes.
#[derive(Debug, Default)]
pub struct Facts {
    /// Rows.
    pub rows: usize,
    /// Values, nulls and empty lists included.
    pub values: usize,
    /// Nulls among the values.
    pub nulls: usize,
    /// Floats that are no number.
    pub nans: usize,
    /// Smallest and largest value.
    pub bounds: Bounds,
}

/// Pages under way.
pub struct Pages {
    descr: ColumnDescPtr,
    /// Whether bounds are kept; nobody looks for the smallest JSON object.
    bounded: bool,
    sink: Vec<u8>,
    found: Vec<(Bounds, Facts)>,
    offsets: OffsetIndexBuilder,
    encodings: Vec<(Encoding, i32)>,
    uncompressed: usize,
    values: usize,
    rows: usize,
}

/// A finished column chunk: its bytes, and what the row group must know of it.
pub struct ColumnChunk {
    /// Dictionary page and data pages.
    pub bytes: Vec<u8>,
    /// For the row group.
    pub close: ColumnCloseResult,
}

impl Pages {
    /// No pages yet.
    pub fn new(descr: ColumnDescPtr, bounded: bool) -> Self {
        Self {
            descr,
            bounded,
            sink: Vec::new(),
            found: Vec::new(),
            offsets: OffsetIndexBuilder::new(),
            encodings: Vec::new(),
            uncompressed: 0,
            values: 0,
            rows: 0,
        }
    }

    /// Compressed bytes so far.
    pub fn bytes(&self) -> usize {
        self.sink.len()
    }

    /// Whether there is no page yet.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The type of the column in the file.
    pub fn physical(&self) -> Type {
        self.descr.physical_type()
    }

    /// Adds a page of levels and encoded values.
    pub fn data(&mut self, raw: &[u8], encoding: Encoding, mut facts: Facts) -> Result<()> {
        let packed = compress(raw)?;
        let header = page_header::data(facts.values, encoding, raw.len(), &packed);
        let (offset, size) = (self.sink.len(), header.len() + packed.len());
        self.sink.extend_from_slice(&header);
        self.sink.extend_from_slice(&packed);
        self.offsets.append_offset_and_size(offset as i64, size as i32);
        self.offsets.append_row_count(facts.rows as i64);
        self.uncompressed += header.len() + raw.len();
        self.values += facts.values;
        self.rows += facts.rows;
        match self.encodings.iter_mut().find(|e| e.0 == encoding) {
            Some(e) => e.1 += 1,
            None => self.encodings.push((encoding, 1)),
        }
        let bounds = if self.bounded { cut(facts.bounds.take()) } else { None };
        self.found.push((bounds, facts));
        Ok(())
    }

    /// Ends the column chunk, and begins the next.
    pub fn finish(&mut self, dictionary: Option<(&[u8], usize)>, bloom: Option<Sbbf>) -> Result<ColumnChunk> {
        let done = std::mem::replace(self, Self::new(self.descr.clone(), self.bounded));
        done.close(dictionary, bloom)
    }

    fn close(self, dictionary: Option<(&[u8], usize)>, bloom_filter: Option<Sbbf>) -> Result<ColumnChunk> {
        let physical = self.physical();
        let mut stats: Vec<PageEncodingStats> = Vec::new();
        let mut encodings = vec![Encoding::RLE];
        let (mut bytes, mut uncompressed) = (self.sink, self.uncompressed);
        let mut dict_len = 0;
        if let Some((raw, n)) = dictionary {
            let (page, size) = dictionary_page(raw, n)?;
            dict_len = page.len();
            uncompressed += size;
            bytes = [page, bytes].concat();
            encodings.push(Encoding::PLAIN);
            stats.push(encoding_stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        for (e, n) in &self.encodings {
            if !encodings.contains(e) {
                encodings.push(*e);
            }
            stats.push(encoding_stats(PageType::DATA_PAGE, *e, *n));
        }
        let mut all = None;
        self.found.iter().for_each(|(b, _)| widen(&mut all, b));
        let nulls: usize = self.found.iter().map(|(_, f)| f.nulls).sum();
        let level = ZstdLevel::try_new(LEVEL).map_err(internal)?;
        let metadata = ColumnChunkMetaData::builder(self.descr.clone())
            .set_compression(Compression::ZSTD(level))
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(self.values as i64)
            .set_data_page_offset(0)
            .set_statistics(statistics(physical, &all, nulls as u64))
            .build()
            .map_err(internal)?;
        let mut index = ColumnIndexBuilder::new(physical);
        let told = |(b, f): &(Bounds, Facts)| b.is_some() || f.nulls == f.values;
        let column_index = match self.bounded && self.found.iter().all(told) {
            true => {
                fill(&mut index, &self.found, physical);
                Some(index.build().map_err(internal)?)
            }
            false => None,
        };
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter,
            column_index,
            offset_index: Some(self.offsets.build()),
        };
        let close = close.update_dictionary_location(dict_len).map_err(internal)?;
        Ok(ColumnChunk { bytes, close })
    }
}

fn encoding_stats(page_type: PageType, encoding: Encoding, count: i32) -> PageEncodingStats {
    PageEncodingStats {
        page_type,
        encoding,
        count,
    }
}

fn dictionary_page(raw: &[u8], n: usize) -> Result<(Vec<u8>, usize)> {
    let packed = compress(raw)?;
    let header = page_header::dictionary(n, raw.len(), &packed);
    let uncompressed = header.len() + raw.len();
    Ok(([header, packed].concat(), uncompressed))
}

fn fill(index: &mut ColumnIndexBuilder, found: &[(Bounds, Facts)], physical: Type) {
    for (bounds, f) in found {
        let (min, max) = match bounds {
            Some((a, b)) => (a.bytes(physical), b.bytes(physical)),
            None => (Vec::new(), Vec::new()),
        };
        let nans = (physical == Type::FLOAT).then_some(f.nans as i64);
        index.append(bounds.is_none(), min, max, f.nulls as i64, nans);
    }
    let pairs: Vec<&(Bound, Bound)> = found.iter().filter_map(|(b, _)| b.as_ref()).collect();
    let all = |f: fn(std::cmp::Ordering) -> bool| {
        pairs
            .windows(2)
            .all(|w| matches!(w, [a, b] if f(a.0.order(&b.0)) && f(a.1.order(&b.1))))
    };
    index.set_boundary_order(match (all(std::cmp::Ordering::is_le), all(std::cmp::Ordering::is_ge)) {
        (true, _) => BoundaryOrder::ASCENDING,
        (_, true) => BoundaryOrder::DESCENDING,
        _ => BoundaryOrder::UNORDERED,
    });
}

/// Takes the nulls out of the values from a place on, and appends a level for each of these: 1, or 0 for null.
pub fn part_nulls<T: Copy + PartialEq>(values: &mut Vec<T>, from: usize, null: T, defs: &mut Vec<u8>) {
    let new = values.get(from..).unwrap_or(&[]);
    if !new.contains(&null) {
        return defs.resize(defs.len() + new.len(), 1);
    }
    defs.extend(new.iter().map(|v| u8::from(*v != null)));
    let there = values.split_off(from).into_iter().filter(|v| *v != null);
    values.extend(there);
}

/// Appends levels as a page holds them: their length and their runs.
pub fn levels(levels: &[u8], width: u32, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    rle::encode(levels, width, out);
    let len = (out.len() - at - 4) as u32;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

/// One compressor a thread: its tables are a megabyte, and a day has sixty columns.
fn compress(raw: &[u8]) -> Result<Vec<u8>> {
    type Packer = (Option<zstd::bulk::Compressor<'static>>, Vec<u8>);
    thread_local! {
        static PACKER: RefCell<Packer> = const { RefCell::new((None, Vec::new())) };
    }
    PACKER.with_borrow_mut(|(packer, buffer)| {
        let packer = match packer {
            Some(p) => p,
            None => packer.insert(zstd::bulk::Compressor::new(LEVEL).map_err(internal)?),
        };
        buffer.clear();
        buffer.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        packer.compress_to_buffer(raw, buffer).map_err(internal)?;
        let out = buffer.as_slice().to_vec();
        // A page of one huge value must not hold its memory for good.
        buffer.shrink_to(4 << 20);
        Ok(out)
    })
}
