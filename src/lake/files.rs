//! Reading one Parquet file of the lake; `super::write` writes them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, RowGroupMetaData};

use super::write::extra_names;
use crate::base::error::{Error, Result};
use crate::schema::{Kind, Table};

/// Bytes of a column chunk that reading keeps at a time: a page and a dictionary, at most.
const COLUMN_BYTES: usize = 3 << 20;
/// What a column's reader takes beside its pages.
const READER_BYTES: usize = 32 << 10;

/// A file of the lake whose footer was read.
#[derive(Debug)]
pub struct LakeFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its table.
    pub table: &'static Table,
    metadata: ArrowReaderMetadata,
}

impl LakeFile {
    /// Reads the footer; `index` where rows will be picked from within.
    ///
    /// # Errors
    /// Where the file cannot be read or is no Parquet file.
    pub fn open(path: PathBuf, table: &'static Table, index: bool) -> Result<Self> {
        let file = open(&path)?;
        let policy = if index {
            PageIndexPolicy::Optional
        } else {
            PageIndexPolicy::Skip
        };
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let load = || {
            let plain = ArrowReaderMetadata::load(&file, options.clone())?;
            let schema = with_dictionaries(plain.schema(), table, |k| k == Kind::Dict);
            ArrowReaderMetadata::try_new(plain.metadata().clone(), options.clone().with_schema(schema))
        };
        let metadata = load().map_err(|e: parquet::errors::ParquetError| Error::lake(&path, e))?;
        Ok(Self { path, table, metadata })
    }

    /// Reads the named columns, or all of them, with dictionaries where the table has them.
    ///
    /// Columns that the file lacks (written by an older version) are absent from the batches.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, columns: Option<&[&str]>, batch_rows: usize) -> Result<ParquetRecordBatchReader> {
        self.build(self.builder(columns)?.with_batch_size(batch_rows))
    }

    /// Reads all columns of `rows` rows from `first` on.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read_range(&self, first: usize, rows: usize) -> Result<ParquetRecordBatchReader> {
        let b = self.builder(None)?.with_offset(first).with_limit(rows);
        self.build(b.with_batch_size(rows.clamp(1, 4_096)))
    }

    fn builder(&self, columns: Option<&[&str]>) -> Result<ParquetRecordBatchReaderBuilder<File>> {
        let b = ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone());
        Ok(match columns {
            Some(names) => {
                let mask = ProjectionMask::columns(b.parquet_schema(), names.iter().copied());
                b.with_projection(mask)
            }
            None => b,
        })
    }

    fn build(&self, b: ParquetRecordBatchReaderBuilder<File>) -> Result<ParquetRecordBatchReader> {
        b.build().map_err(|e| Error::lake(&self.path, e))
    }

    /// Row groups of the file.
    pub fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Reads the named columns of one row group; of its rows only `rows`, which ascend, where they are given.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read_group(
        &self,
        group: usize,
        columns: &[&str],
        rows: Option<&[u32]>,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let b = self.builder(Some(columns))?.with_row_groups(vec![group]);
        let b = match rows {
            Some(rows) => b.with_row_selection(selection(rows)),
            None => b,
        };
        self.build(b.with_batch_size(batch_rows))
    }

    /// The names of the fields in `extra`; `None` where the file does not tell.
    pub fn extra_names(&self) -> Option<HashSet<String>> {
        let said = self.metadata.metadata().file_metadata().key_value_metadata()?;
        let names = said.iter().find(|k| k.key == extra_names::KEY)?.value.as_ref()?;
        serde_json::from_str(names).ok()
    }

    /// Bytes that reading the named columns takes, at most.
    pub fn memory(&self, columns: Option<&[&str]>) -> usize {
        let wanted = |c: &&ColumnChunkMetaData| {
            let name = c.column_path().parts().first();
            columns.is_none_or(|names| name.is_some_and(|n| names.contains(&n.as_str())))
        };
        let column = |c: &ColumnChunkMetaData| {
            let raw = usize::try_from(c.uncompressed_size()).unwrap_or(usize::MAX);
            raw.min(COLUMN_BYTES) + READER_BYTES
        };
        let group = |g: &RowGroupMetaData| g.columns().iter().filter(wanted).map(column).sum::<usize>();
        self.metadata
            .metadata()
            .row_groups()
            .iter()
            .map(group)
            .max()
            .unwrap_or(0)
    }

    /// The smallest and the largest host of the file by its statistics (bounds, perhaps wider than the truth);
    /// `None` for the smallest where rows without host come first. `None` where the file does not tell.
    #[allow(clippy::type_complexity)] // one place asks
    pub fn hosts(&self) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
        let mut out: Option<(Option<Vec<u8>>, Vec<u8>)> = None;
        for g in self.metadata.metadata().row_groups() {
            let column = g.columns().iter().find(|c| c.column_path().string() == "host")?;
            let stats = column.statistics()?;
            let min = match stats.null_count_opt()? {
                0 => Some(stats.min_bytes_opt()?.to_vec()),
                _ => None,
            };
            let max = stats.max_bytes_opt().map(<[u8]>::to_vec).unwrap_or_default();
            out = Some(match out {
                None => (min, max),
                Some((a, b)) => (a.min(min), b.max(max)),
            });
        }
        out
    }
}

/// Rows that ascend as the reader wants them.
pub(super) fn selection(rows: &[u32]) -> RowSelection {
    let mut out: Vec<RowSelector> = Vec::new();
    let mut next = 0;
    for run in rows.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let first = run.first().map_or(0, |r| *r as usize);
        if first > next {
            out.push(RowSelector::skip(first - next));
        }
        out.push(RowSelector::select(run.len()));
        next = first + run.len();
    }
    out.into()
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| Error::io(path, "cannot read a file of the lake", e))
}

/// Opens a file of the lake for reading the named columns of a table, with dictionaries where the table has them.
///
/// Columns that the file lacks (written by an older version) are absent from the batches.
///
/// # Errors
/// Where the file cannot be read or is no Parquet file.
pub fn read(
    path: &Path,
    table: &'static Table,
    columns: &[&str],
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader> {
    LakeFile::open(path.to_path_buf(), table, false)?.read(Some(columns), batch_rows)
}

/// The schema of a file with dictionaries for the texts of these kinds.
pub(super) fn with_dictionaries(found: &SchemaRef, table: &'static Table, which: fn(Kind) -> bool) -> SchemaRef {
    let fields: Vec<_> = found
        .fields()
        .iter()
        .map(|f| match table.find(f.name()) {
            Some((_, c)) if which(c.kind) && *f.data_type() == DataType::Utf8 => {
                Field::new(f.name(), super::batch::data_type(Kind::Dict), f.is_nullable())
            }
            _ => f.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// BLAKE3 of a file and its size.
///
/// # Errors
/// Where the file cannot be read.
pub fn digest(path: &Path) -> Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    let bytes = std::io::copy(&mut file, &mut hasher).map_err(|e| Error::io(path, "cannot read", e))?;
    Ok((hasher.finalize().to_hex().to_string(), bytes))
}

/// Makes a folder and its parents.
///
/// # Errors
/// Where it cannot be made.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "cannot make a folder of the lake", e))
}
