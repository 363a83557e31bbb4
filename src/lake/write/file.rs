//! One file of the lake under way: row groups from picked rows, hashed while it is written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::column::page::Page;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::super::batch::{arrow_schema, internal};
use super::super::catalogue::Tail;
use super::super::merge::{Pick, Span, View};
use super::column::ColumnWriter;
use super::extra_names::ExtraNames;
use super::layout::Layout;
use super::pages::ColumnChunk;
use crate::base::error::{Error, Result};
use crate::schema::{Table, common};

/// Fewer cells than these are not worth the way to other threads.
const PARALLEL_ROWS: usize = 1_024;

/// What a finished file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the file, hexadecimal.
    pub blake3: String,
    /// What stands behind the row groups.
    pub tail: Tail,
}

/// A file under way.
pub struct FileWriter {
    path: PathBuf,
    layout: Layout,
    writer: SerializedFileWriter<Hashing>,
    columns: Vec<ColumnWriter>,
    extra: ExtraNames,
    rows: u64,
    group_rows: usize,
    /// Rows and bytes of large values since the size of the row group was looked at.
    since: usize,
    large: usize,
}

impl FileWriter {
    /// Makes the file.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: PathBuf, table: &'static Table, layout: &Layout) -> Result<Self> {
        let file = File::create(&path).map_err(|e| Error::io(&path, "cannot write to the lake", e))?;
        // The Arrow schema is not embedded: readers that refuse dictionary types read plain strings.
        let schema = ArrowSchemaConverter::new()
            .convert(&arrow_schema(table))
            .map_err(internal)?;
        let columns = table
            .file_columns()
            .enumerate()
            .map(|(i, (col, c))| ColumnWriter::new(col, c, schema.column(i), layout))
            .collect();
        let place = |wanted| {
            let found = table.file_columns().position(|(c, _)| c == wanted);
            found.map_or(0, |i| i as i32)
        };
        let sorted = |col| SortingColumn {
            column_idx: place(col),
            descending: false,
            nulls_first: true,
        };
        let properties = WriterProperties::builder()
            .set_created_by(concat!("coldtrail ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_sorting_columns(Some(vec![sorted(common::HOST), sorted(common::TS)]))
            .build();
        let out = Hashing {
            file,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            tail: None,
        };
        let writer = SerializedFileWriter::new(out, schema.root_schema_ptr(), Arc::new(properties))
            .map_err(|e| failed(&path, e))?;
        Ok(Self {
            path,
            layout: layout.clone(),
            writer,
            columns,
            extra: ExtraNames::default(),
            rows: 0,
            group_rows: 0,
            since: 0,
            large: 0,
        })
    }

    /// Adds rows from the front of `picks`, at most up to the next place at which a row group may end; how many.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append(&mut self, slots: &View, picks: &[Pick]) -> Result<usize> {
        let n = self.until_check(slots, picks)?;
        let parts = self.parts(picks.get(..n).unwrap_or(picks));
        self.rows += n as u64;
        self.group_rows += n;
        self.since += n;
        let checkpoint = self.since >= self.layout.check_rows || self.large >= self.layout.check_bytes;
        let Self { columns, extra, .. } = self;
        let mut names = || extra.append(slots, &parts);
        let write = |c: &mut ColumnWriter| c.append(slots, &parts, checkpoint);
        match n < PARALLEL_ROWS {
            true => {
                names();
                columns.iter_mut().try_for_each(write)?;
            }
            // Each by itself: those that take long are neighbours.
            false => rayon::join(names, || columns.par_iter_mut().with_max_len(1).try_for_each(write)).1?,
        }
        if checkpoint {
            (self.since, self.large) = (0, 0);
            let bytes: usize = self.columns.iter().map(ColumnWriter::bytes).sum();
            if self.group_rows >= self.layout.group_rows || bytes >= self.layout.group_bytes {
                self.end_group()?;
            }
        }
        Ok(n)
    }

    /// How many of the rows come before the next look at the size; a place that depends on the rows alone.
    fn until_check(&mut self, slots: &View, picks: &[Pick]) -> Result<usize> {
        let room = self.layout.check_rows.saturating_sub(self.since).max(1);
        for (i, p) in picks.iter().take(room).enumerate() {
            self.large += slots.large(*p)?;
            if self.large >= self.layout.check_bytes {
                return Ok(i + 1);
            }
        }
        Ok(picks.len().min(room))
    }

    /// The rows, cut where the parts of the row group end.
    fn parts(&self, mut picks: &[Pick]) -> Vec<Vec<Span>> {
        let mut room = self.layout.part_rows - self.group_rows % self.layout.part_rows;
        let mut out = Vec::with_capacity(picks.len() / self.layout.part_rows + 2);
        while !picks.is_empty() {
            let (part, rest) = picks.split_at_checked(room).unwrap_or((picks, &[]));
            out.push(Span::all(part));
            (picks, room) = (rest, self.layout.part_rows);
        }
        out
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the row groups that have ended.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    fn end_group(&mut self) -> Result<()> {
        let chunks: Vec<ColumnChunk> = match self.group_rows < PARALLEL_ROWS {
            true => self
                .columns
                .iter_mut()
                .map(ColumnWriter::finish)
                .collect::<Result<_>>()?,
            false => self
                .columns
                .par_iter_mut()
                .with_max_len(1)
                .map(ColumnWriter::finish)
                .collect::<Result<_>>()?,
        };
        (self.group_rows, self.since, self.large) = (0, 0, 0);
        let path = &self.path;
        let mut group = self.writer.next_row_group().map_err(|e| failed(path, e))?;
        for c in chunks {
            // The parquet crate takes a chunk as its own kind of bytes, which only its pages hold.
            let carrier = Page::DictionaryPage {
                buf: c.bytes.into(),
                num_values: 0,
                encoding: parquet::basic::Encoding::PLAIN,
                is_sorted: false,
            };
            group
                .append_column(carrier.buffer(), c.close)
                .map_err(|e| failed(path, e))?;
        }
        group.close().map_err(|e| failed(path, e))?;
        Ok(())
    }

    /// Ends the file. The commit makes it durable, with all others of the run.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn finish(mut self) -> Result<Written> {
        if self.group_rows > 0 {
            self.end_group()?;
        }
        let path = &self.path;
        if let Some(names) = self.extra.finish() {
            self.writer.append_key_value_metadata(names);
        }
        self.writer
            .flush()
            .map_err(|e| Error::io(path, "cannot write to the lake", e))?;
        let out = self.writer.inner_mut();
        let body = out.bytes;
        out.tail = Some(blake3::Hasher::new());
        // Not `into_inner`, which turns the system's reason into words.
        self.writer.finish().map_err(|e| failed(path, e))?;
        let out = self.writer.inner();
        Ok(Written {
            rows: self.rows,
            bytes: out.bytes,
            blake3: hex(Some(&out.hasher)),
            tail: Tail {
                bytes: out.bytes - body,
                blake3: hex(out.tail.as_ref()),
            },
        })
    }
}

fn hex(hasher: Option<&blake3::Hasher>) -> String {
    hasher.map_or_else(String::new, |h| h.finalize().to_hex().to_string())
}

fn failed(path: &Path, e: ParquetError) -> Error {
    match e {
        ParquetError::External(e) => Error::io(path, "cannot write to the lake", io::Error::other(e)),
        e => internal(e),
    }
}

struct Hashing {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
    /// Over what is written behind the row groups.
    tail: Option<blake3::Hasher>,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buf)?;
        let written = buf.get(..n).unwrap_or(&[]);
        self.hasher.update(written);
        if let Some(tail) = &mut self.tail {
            tail.update(written);
        }
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
