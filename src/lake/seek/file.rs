//! One file under search: its footer, and reading parts of it while counting the bytes.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData};

use super::{Match, Probe, cells, chunk};
use crate::base::error::{Error, Result};
use crate::lake::catalogue::Tail;
use crate::lake::files::{Batches, guarded, open_with_tail, selection, with_dictionaries};
use crate::lake::scan::TimeRange;
use crate::schema::{Col, Kind, Table, common};

/// Rows of a batch: texts of the longest kind in all of them still fit an array.
const BATCH_ROWS: usize = 8 << 10;

/// A file whose footer and page index were read.
pub struct SeekFile<'m> {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) table: &'static Table,
    metadata: ArrowReaderMetadata,
    meter: &'m AtomicU64,
}

impl<'m> SeekFile<'m> {
    /// Reads footer and page index; bytes are added to the meter.
    pub fn open(path: PathBuf, tail: Option<&Tail>, table: &'static Table, meter: &'m AtomicU64) -> Result<Self> {
        let file = open_with_tail(&path, tail)?;
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_encoding_stats_as_mask(false);
        let load = || -> parquet::errors::Result<_> {
            let plain = ArrowReaderMetadata::load(&file, options.clone())?;
            // Long texts come as dictionaries too: each distinct one is tested once.
            let schema = with_dictionaries(plain.schema(), table, Kind::is_text);
            ArrowReaderMetadata::try_new(plain.metadata().clone(), options.clone().with_schema(schema))
        };
        let metadata = guarded(&path, load)?;
        let out = Self {
            path,
            file: Arc::new(file),
            table,
            metadata,
            meter,
        };
        out.count(out.footer_bytes());
        Ok(out)
    }

    pub(super) fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// Runs a step of the parquet crate over the file.
    pub(super) fn guarded<T, E: std::fmt::Display>(&self, step: impl FnOnce() -> Result<T, E>) -> Result<T> {
        guarded(&self.path, step)
    }

    pub(super) fn count(&self, bytes: u64) {
        self.meter.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes behind the last row group: page index and footer.
    fn footer_bytes(&self) -> u64 {
        let size = self.file.metadata().map_or(0, |m| m.len());
        let chunks = self.parquet().row_groups().iter().flat_map(|g| g.columns());
        let end = |c: &ColumnChunkMetaData| {
            let (start, len) = c.byte_range();
            let bloom = c.bloom_filter_offset().zip(c.bloom_filter_length());
            let bloom = bloom.map_or(0, |(at, n)| at as u64 + n as u64);
            (start + len).max(bloom)
        };
        size.saturating_sub(chunks.map(end).max().unwrap_or(0))
    }

    /// Number of row groups.
    pub fn groups(&self) -> usize {
        self.parquet().num_row_groups()
    }

    /// The leaf of a column in the file.
    pub(super) fn leaf(&self, col: Col) -> Option<usize> {
        let name = self.table.column(col)?.name;
        let columns = self.parquet().file_metadata().schema_descr().columns();
        columns
            .iter()
            .position(|c| c.path().parts().first().is_some_and(|p| p == name))
    }

    pub(super) fn chunk(&self, group: usize, leaf: usize) -> Option<&ColumnChunkMetaData> {
        self.parquet().row_groups().get(group)?.columns().get(leaf)
    }

    /// How many cells of a column hold a value; all of them where the file does not tell.
    pub fn present(&self, group: usize, col: Col) -> u64 {
        let chunk = self.leaf(col).and_then(|l| self.chunk(group, l));
        chunk.map_or(0, chunk::present)
    }

    /// Whether a row group may hold times of the range.
    pub fn may_hold_time(&self, group: usize, range: TimeRange) -> bool {
        let chunk = self.leaf(common::TS).and_then(|l| self.chunk(group, l));
        let Some((first, last)) = chunk.and_then(chunk::times) else {
            return true;
        };
        range.from.is_none_or(|t| last >= t) && range.to.is_none_or(|t| first < t)
    }

    /// Whether a row group may hold a cell that matches; reads its bloom filter or dictionary for it.
    pub fn may_hold(&self, group: usize, probe: &Probe<'_>) -> Result<bool> {
        let Some(leaf) = self.leaf(probe.col) else {
            return Ok(false);
        };
        chunk::may_hold(self, group, leaf, probe)
    }

    /// The cells that match, by row, column and what they match.
    pub fn matches(&self, group: usize, probes: &[&Probe<'_>]) -> Result<Vec<Match>> {
        let columns: Vec<Col> = probes.iter().map(|p| p.col).collect();
        self.count_chunks(group, &columns);
        let names = self.table.names(&columns);
        let reader = self.reader(group, Some(&names))?.with_batch_size(BATCH_ROWS);
        let mut out = Vec::new();
        let mut first = 0;
        for batch in Batches::new(&self.path, || reader.build())? {
            let batch = batch?;
            for p in probes {
                let name = self.table.column(p.col).map_or("", |c| c.name);
                if let Some(array) = batch.column_by_name(name) {
                    cells::matches(array.as_ref(), first, p, &mut out);
                }
            }
            first += batch.num_rows() as u32;
        }
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// The distinct values of a text column in a row group, in no order.
    pub fn values(&self, group: usize, col: Col) -> Result<Vec<Vec<u8>>> {
        let Some(leaf) = self.leaf(col) else {
            return Ok(Vec::new());
        };
        if let Some(values) = chunk::dictionary(self, group, leaf)? {
            return Ok(values);
        }
        self.count_chunks(group, &[col]);
        let names = self.table.names(&[col]);
        let reader = self.reader(group, Some(&names))?.with_batch_size(BATCH_ROWS);
        let mut out = Vec::new();
        for batch in Batches::new(&self.path, || reader.build())? {
            for array in batch?.columns() {
                cells::distinct(array.as_ref(), &mut out);
            }
        }
        Ok(out)
    }

    /// Reads columns of some rows of a row group; only pages that hold them.
    pub fn rows(&self, group: usize, columns: Option<&[Col]>, rows: &[u32]) -> Result<Vec<RecordBatch>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.count_pages(group, columns, rows);
        let names = columns.map(|c| self.table.names(c));
        let reader = self
            .reader(group, names.as_deref())?
            .with_row_selection(selection(rows))
            .with_batch_size(BATCH_ROWS.min(rows.len()));
        Batches::new(&self.path, || reader.build())?.collect()
    }

    fn reader(&self, group: usize, names: Option<&[&str]>) -> Result<ParquetRecordBatchReaderBuilder<File>> {
        let file = self.file.try_clone();
        let file = file.map_err(|e| Error::io(&self.path, "cannot read a file of the lake", e))?;
        let b = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let b = b.with_row_groups(vec![group]);
        Ok(match names {
            Some(names) => {
                let mask = ProjectionMask::columns(b.parquet_schema(), names.iter().copied());
                b.with_projection(mask)
            }
            None => b,
        })
    }

    fn count_chunks(&self, group: usize, columns: &[Col]) {
        for leaf in columns.iter().filter_map(|c| self.leaf(*c)) {
            self.count(self.chunk(group, leaf).map_or(0, |c| c.byte_range().1));
        }
    }

    /// Counts dictionaries and the pages that hold the rows.
    fn count_pages(&self, group: usize, columns: Option<&[Col]>, rows: &[u32]) {
        let all: Vec<Col> = self.table.all_columns().map(|(c, _)| c).collect();
        let index = self.parquet().page_index_for_row_group(group);
        for leaf in columns.unwrap_or(&all).iter().filter_map(|c| self.leaf(*c)) {
            let Some(chunk) = self.chunk(group, leaf) else { continue };
            let (_, len) = chunk.byte_range();
            let Some(pages) = index.page_locations(leaf) else {
                self.count(len);
                continue;
            };
            let data: u64 = pages.iter().map(|p| p.compressed_page_size as u64).sum();
            let holds = |(i, p): &(usize, &parquet::file::page_index::offset_index::PageLocation)| {
                let end = pages.get(i + 1).map_or(i64::MAX, |n| n.first_row_index);
                let at = rows.partition_point(|r| i64::from(*r) < p.first_row_index);
                rows.get(at).is_some_and(|r| i64::from(*r) < end)
            };
            let read = pages.iter().enumerate().filter(holds);
            self.count(len.saturating_sub(data) + read.map(|(_, p)| p.compressed_page_size as u64).sum::<u64>());
        }
    }
}
