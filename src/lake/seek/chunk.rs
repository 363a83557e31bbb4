//! What a column of a row group cannot hold, by its statistics, its bloom filter and its dictionary.

use std::sync::Arc;

use parquet::basic::{Encoding, PageType, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;

use super::Probe;
use super::file::SeekFile;
use crate::base::error::Result;

/// More values than these make a false answer of the bloom filter so likely that the dictionary is asked at once.
const MAX_BLOOM_VALUES: usize = 64;

/// Cells that hold a value; all of them where the file does not tell.
pub fn present(chunk: &ColumnChunkMetaData) -> u64 {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
    u64::try_from(chunk.num_values()).unwrap_or(0).saturating_sub(nulls)
}

/// The first and the last time.
pub fn times(chunk: &ColumnChunkMetaData) -> Option<(i64, i64)> {
    match chunk.statistics()? {
        Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

/// Whether a cell may match.
pub fn may_hold(file: &SeekFile<'_>, group: usize, leaf: usize, probe: &Probe<'_>) -> Result<bool> {
    let Some(chunk) = file.chunk(group, leaf) else {
        return Ok(false);
    };
    if present(chunk) == 0 {
        return Ok(false);
    }
    if let Some(values) = probe.values {
        let within = within_bounds(chunk, values);
        if within.is_empty() || !bloom_holds(file, chunk, within)? {
            return Ok(false);
        }
    }
    let mut found = Vec::new();
    let matching = |v: &[u8]| {
        (probe.test)(v, &mut found);
        !found.is_empty()
    };
    // Where the dictionary does not hold all values, the column has to be read.
    Ok(any(file, group, leaf, matching)?.unwrap_or(true))
}

/// The values between the smallest and the largest of the chunk.
fn within_bounds<'v>(chunk: &ColumnChunkMetaData, values: &'v [Vec<u8>]) -> &'v [Vec<u8>] {
    let bounds = chunk.statistics().map(|s| (s.min_bytes_opt(), s.max_bytes_opt()));
    let Some((Some(min), Some(max))) = bounds else {
        return values;
    };
    let from = values.partition_point(|v| v.as_slice() < min);
    let to = values.partition_point(|v| v.as_slice() <= max);
    values.get(from..to).unwrap_or(&[])
}

fn bloom_holds(file: &SeekFile<'_>, chunk: &ColumnChunkMetaData, values: &[Vec<u8>]) -> Result<bool> {
    if values.len() > MAX_BLOOM_VALUES {
        return Ok(true);
    }
    let filter = file.guarded(|| Sbbf::read_from_column_chunk(chunk, file.file.as_ref()))?;
    let Some(filter) = filter else { return Ok(true) };
    file.count(chunk.bloom_filter_length().map_or(0, |n| n as u64));
    Ok(values.iter().any(|v| filter.check(v.as_slice())))
}

/// All values of a chunk, where its dictionary holds them all.
pub fn dictionary(file: &SeekFile<'_>, group: usize, leaf: usize) -> Result<Option<Vec<Vec<u8>>>> {
    let mut out = Vec::new();
    let done = any(file, group, leaf, |v| {
        out.push(v.to_vec());
        false
    })?;
    Ok(done.map(|_| out))
}

/// Whether `f` holds for any value of a chunk; `None` where its dictionary does not hold them all.
fn any(file: &SeekFile<'_>, group: usize, leaf: usize, f: impl FnMut(&[u8]) -> bool) -> Result<Option<bool>> {
    let Some(chunk) = file.chunk(group, leaf) else {
        return Ok(Some(false));
    };
    if present(chunk) == 0 {
        return Ok(Some(false));
    }
    if !is_whole(file.parquet(), group, leaf) {
        return Ok(None);
    }
    let rows = file.parquet().row_group_num_rows(group).unwrap_or(0);
    let pages = || SerializedPageReader::new(Arc::clone(&file.file), chunk, rows, None);
    let page = file.guarded(|| pages()?.get_next_page())?;
    let Some(Page::DictionaryPage { buf, .. }) = page else {
        return Ok(None);
    };
    let (start, _) = chunk.byte_range();
    let size = u64::try_from(chunk.data_page_offset())
        .unwrap_or(0)
        .saturating_sub(start);
    file.count(size);
    Ok(any_of(&buf, chunk, f))
}

/// Whether every page that holds values points into the dictionary.
pub fn is_whole(file: &ParquetMetaData, group: usize, leaf: usize) -> bool {
    let Some(chunk) = file.row_groups().get(group).and_then(|g| g.columns().get(leaf)) else {
        return false;
    };
    if chunk.dictionary_page_offset().is_none() {
        return false;
    }
    let Some(stats) = chunk.page_encoding_stats() else {
        return false;
    };
    let data = stats
        .iter()
        .filter(|s| matches!(s.page_type, PageType::DATA_PAGE | PageType::DATA_PAGE_V2));
    let plain: i64 = data
        .filter(|s| !matches!(s.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY))
        .map(|s| i64::from(s.count))
        .sum();
    // Pages of nulls alone need no dictionary.
    plain == 0 || plain == null_pages(file, group, leaf)
}

fn null_pages(file: &ParquetMetaData, group: usize, leaf: usize) -> i64 {
    let index = file.page_index_for_row_group(group);
    let (Some(columns), Some(pages)) = (index.column_index(leaf), index.page_locations(leaf)) else {
        return -1;
    };
    (0..pages.len()).filter(|i| columns.is_null_page(*i)).count() as i64
}

/// Whether `f` holds for any value of a dictionary page; `None` where it is damaged.
pub fn any_of(mut raw: &[u8], chunk: &ColumnChunkMetaData, mut f: impl FnMut(&[u8]) -> bool) -> Option<bool> {
    match chunk.column_type() {
        Type::BYTE_ARRAY => {
            while let Some((len, rest)) = raw.split_first_chunk::<4>() {
                let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
                if f(value) {
                    return Some(true);
                }
                raw = rest;
            }
            Some(false)
        }
        Type::FIXED_LEN_BYTE_ARRAY => {
            let width = usize::try_from(chunk.column_descr().type_length())
                .ok()
                .filter(|w| *w > 0)?;
            Some(raw.chunks_exact(width).any(f))
        }
        _ => None,
    }
}
