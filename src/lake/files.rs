//! Reading one Parquet file of the lake; `super::write` writes them.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowGroups,
    RowSelection, RowSelector,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::Page;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::catalogue::{DataFile, Tail};
use super::chunks::Groups;
use super::seek::{any_of, is_whole};
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
    /// Where the file cannot be read or its footer is not the one that was committed.
    pub fn open(root: &Path, f: &DataFile, table: &'static Table, index: bool) -> Result<Self> {
        let path = f.path(root);
        let file = open_with_tail(&path, f.tail.as_ref())?;
        let policy = if index {
            PageIndexPolicy::Optional
        } else {
            PageIndexPolicy::Skip
        };
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(policy)
            .with_encoding_stats_as_mask(!index);
        let load = || -> parquet::errors::Result<_> {
            let plain = ArrowReaderMetadata::load(&file, options.clone())?;
            let schema = with_dictionaries(plain.schema(), table, |k| k == Kind::Dict);
            ArrowReaderMetadata::try_new(plain.metadata().clone(), options.clone().with_schema(schema))
        };
        let metadata = guarded(&path, load)?;
        Ok(Self { path, table, metadata })
    }

    /// Reads the named columns, or all of them, with dictionaries where the table has them.
    ///
    /// Columns that the file lacks (written by an older version) are absent from the batches.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, columns: Option<&[&str]>, batch_rows: usize) -> Result<Batches> {
        self.reader((0..self.groups()).collect(), columns, None, batch_rows)
    }

    /// Reads all columns of `rows` rows from `first` on.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read_range(&self, first: usize, rows: usize) -> Result<Batches> {
        let b = ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone());
        let b = b
            .with_offset(first)
            .with_limit(rows)
            .with_batch_size(rows.clamp(1, 4_096));
        Batches::new(&self.path, || b.build())
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
    ) -> Result<Batches> {
        self.reader(vec![group], Some(columns), rows.map(selection), batch_rows)
    }

    fn reader(
        &self,
        groups: Vec<usize>,
        columns: Option<&[&str]>,
        rows: Option<RowSelection>,
        batch_rows: usize,
    ) -> Result<Batches> {
        let schema = self.metadata.parquet_schema();
        let mask = match columns {
            Some(names) => ProjectionMask::columns(schema, names.iter().copied()),
            None => ProjectionMask::all(),
        };
        let groups = self.groups_of(groups)?;
        let batch_rows = batch_rows.min(groups.num_rows()).max(1);
        Batches::new(&self.path, || {
            parquet_to_arrow_field_levels(schema, mask, Some(self.metadata.schema().fields())).and_then(|levels| {
                ParquetRecordBatchReader::try_new_with_row_groups(&levels, &groups, batch_rows, rows)
            })
        })
    }

    fn leaf(&self, group: usize, name: &str) -> Option<(usize, &ColumnChunkMetaData)> {
        let columns = self.metadata.metadata().row_groups().get(group)?.columns();
        let own = |c: &ColumnChunkMetaData| c.column_path().parts().first().is_some_and(|p| p == name);
        let leaf = columns.iter().position(own)?;
        Some((leaf, columns.get(leaf)?))
    }

    /// What a row group says of a column.
    pub fn statistics(&self, group: usize, name: &str) -> Option<&Statistics> {
        self.leaf(group, name)?.1.statistics()
    }

    /// Whether `f` holds for any value of a column of texts or bytes in a row group; `None` where its dictionary does not
    /// hold all of them. A column that the file lacks has no values.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn any_value(&self, group: usize, name: &str, f: impl FnMut(&[u8]) -> bool) -> Result<Option<bool>> {
        let Some((leaf, chunk)) = self.leaf(group, name) else {
            return Ok(Some(false));
        };
        let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
        if nulls.is_some() && nulls == self.rows(group) {
            return Ok(Some(false));
        }
        if !is_whole(self.metadata.metadata(), group, leaf) {
            return Ok(None);
        }
        let groups = self.groups_of(vec![group])?;
        let page = guarded(&self.path, || -> parquet::errors::Result<_> {
            let first = groups.column_chunks(leaf)?.next().transpose()?;
            first.map_or(Ok(None), |mut pages| pages.get_next_page())
        })?;
        Ok(match page {
            Some(Page::DictionaryPage { buf, .. }) => any_of(&buf, chunk, f),
            _ => None,
        })
    }

    fn groups_of(&self, groups: Vec<usize>) -> Result<Groups> {
        Ok(Groups {
            file: Arc::new(open(&self.path)?),
            metadata: Arc::clone(self.metadata.metadata()),
            groups,
        })
    }

    /// Rows of a row group.
    pub fn rows(&self, group: usize) -> Option<u64> {
        u64::try_from(self.metadata.metadata().row_groups().get(group)?.num_rows()).ok()
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

/// Batches of a file of the lake; an error names the file.
pub struct Batches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl Batches {
    /// Batches of the reader that `build` makes.
    ///
    /// # Errors
    /// Where the file is damaged.
    pub fn new<E: Display>(path: &Path, build: impl FnOnce() -> Result<ParquetRecordBatchReader, E>) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            reader: guarded(path, build)?,
        })
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "batches of {}", self.path.display())
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { path, reader } = self;
        guarded(path, || reader.next().transpose()).transpose()
    }
}

/// Runs a step of the parquet crate over a file of the lake. What it says of a damaged one names the file, and so does what it
/// says by a panic.
pub(super) fn guarded<T, E: Display>(path: &Path, step: impl FnOnce() -> Result<T, E>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(done) => done.map_err(|e| Error::lake(path, format!("is damaged: {e}"))),
        Err(_) => Err(Error::lake(path, "is damaged: it cannot be decoded")),
    }
}

/// Opens a file whose end is the one that was committed; its pages have checksums of their own.
///
/// # Errors
/// Where it cannot be read or its end is another one.
pub(super) fn open_with_tail(path: &Path, tail: Option<&Tail>) -> Result<File> {
    let mut file = open(path)?;
    let Some(tail) = tail else { return Ok(file) };
    let mut hasher = blake3::Hasher::new();
    let mut hash = || -> io::Result<()> {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(tail.bytes)))?;
        io::copy(&mut (&file).take(tail.bytes), &mut hasher).map(|_| ())
    };
    hash().map_err(|e| Error::io(path, "cannot read a file of the lake", e))?;
    match hasher.finalize().to_hex().as_str() == tail.blake3 {
        true => Ok(file),
        false => Err(Error::lake(
            path,
            "is damaged: its footer is not the one that was committed",
        )),
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| Error::io(path, "cannot read a file of the lake", e))
}

/// Opens a file of the lake for reading the named columns of a table, with dictionaries where the table has them.
///
/// Columns that the file lacks (written by an older version) are absent from the batches.
///
/// # Errors
/// Where the file cannot be read or is not as it was committed.
pub fn read(root: &Path, f: &DataFile, table: &'static Table, columns: &[&str], batch_rows: usize) -> Result<Batches> {
    LakeFile::open(root, f, table, false)?.read(Some(columns), batch_rows)
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
