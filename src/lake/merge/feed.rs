//! What a merge reads: sorted runs in memory, on disk, and in the lake's own files.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::super::batch::internal;
use super::super::files::{Batches, LakeFile};
use super::super::rows::Rows;
use super::super::segment::Segment;
use crate::base::error::{Error, Result};

/// Rows of a file that are read at a time.
const BATCH_ROWS: usize = 4_096;
/// What tells whether a row may be a copy of another.
const NARROW: &[&str] = &["ts", "host", "channel", "format", "file_id", "row", "record_id"];

/// Content ids of this run's inputs by their number; `None` for an input that adds nothing.
pub type FileIds = Arc<Vec<Option<u64>>>;

/// Some rows of a run and their order.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The rows.
    pub rows: Arc<Rows>,
    /// Which of them.
    pub range: Range<u32>,
    /// Their places in order, where that is not the order in which they stand.
    pub order: Option<Arc<Vec<u32>>>,
    /// Where the rest of the rows is, where only what a copy is told by was read.
    pub old: Option<OldRows>,
}

impl Chunk {
    /// Rows that stand in order.
    pub fn new(rows: Arc<Rows>, range: Range<u32>) -> Self {
        Self {
            rows,
            range,
            order: None,
            old: None,
        }
    }

    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.order.as_ref().map_or(self.range.len(), |o| o.len())
    }

    /// The place in `rows` of the n-th row.
    #[inline]
    pub fn at(&self, n: usize) -> usize {
        match &self.order {
            None => self.range.start as usize + n,
            Some(order) => order.get(n).copied().unwrap_or(0) as usize,
        }
    }
}

/// One sorted run.
#[derive(Debug)]
pub enum Feed {
    /// Rows in memory, given out once.
    Memory(Option<Chunk>),
    /// Rows on disk; inputs get their content ids where the segment has run's numbers still.
    Segment(Segment, Option<FileIds>),
    /// Files of the lake.
    File(FileRun),
}

impl Feed {
    /// The next rows; never an empty chunk.
    pub fn next(&mut self) -> Result<Option<Chunk>> {
        match self {
            Feed::Memory(chunk) => Ok(chunk.take().filter(|c| c.len() > 0)),
            Feed::File(run) => run.next(),
            Feed::Segment(segment, ids) => {
                while let Some(mut rows) = segment.next_chunk()? {
                    let all = 0..rows.len() as u32;
                    let order = match (segment.numbered, &ids) {
                        (false, Some(ids)) => {
                            match segment.input {
                                Some(input) => rows.number_as(ids.get(input as usize).copied().flatten()),
                                None => rows.number(ids),
                            }
                            rows.settle(all.clone()).map(Arc::new)
                        }
                        _ => None,
                    };
                    let chunk = Chunk {
                        order,
                        ..Chunk::new(Arc::new(rows), all)
                    };
                    if chunk.len() > 0 {
                        return Ok(Some(chunk));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The same run from its beginning, before anything was read; files of the lake are opened anew instead.
    pub fn again(&self) -> Option<Self> {
        match self {
            Feed::Memory(chunk) => Some(Feed::Memory(chunk.clone())),
            Feed::Segment(s, ids) => Some(Feed::Segment(s.again(), ids.clone())),
            Feed::File(_) => None,
        }
    }

    /// Rows, as far as they are counted.
    pub fn rows(&self) -> u64 {
        match self {
            Feed::Memory(chunk) => chunk.as_ref().map_or(0, |c| c.len() as u64),
            Feed::Segment(s, _) => s.rows,
            Feed::File(_) => 0,
        }
    }

    /// Bytes of its rows in memory, roughly.
    pub fn bytes(&self) -> usize {
        match self {
            Feed::Memory(Some(c)) => c.rows.memory() / c.rows.len().max(1) * c.len(),
            _ => 0,
        }
    }

    /// Whether giving up a passed chunk frees memory: rows in memory are shared by several days.
    pub fn frees(&self) -> bool {
        !matches!(self, Feed::Memory(_))
    }

    /// Bytes that it takes more while it is read on: one run at a time is.
    pub fn reading(&self) -> usize {
        match self {
            Feed::Segment(s, _) => s.reading(),
            Feed::Memory(_) | Feed::File(_) => 0,
        }
    }

    /// Bytes of what is read of it at a time.
    pub fn memory(&self) -> usize {
        match self {
            Feed::Memory(_) => 0,
            Feed::Segment(s, _) => s.chunk_memory,
            Feed::File(f) => f.memory,
        }
    }

    /// Rows that are not in order where they must be.
    pub fn unsorted(&self) -> Error {
        match self {
            Feed::File(f) => Error::lake(&f.file.path, "its rows are not in order of host and time"),
            _ => Error::Internal("staged rows are not in order".to_owned()),
        }
    }
}

/// Files of the lake of which each begins after the one before has ended.
#[derive(Debug)]
pub struct FileRun {
    file: Arc<LakeFile>,
    rest: VecDeque<Arc<LakeFile>>,
    reader: Batches,
    /// Only what tells copies is read; the rest on demand.
    narrow: bool,
    row: usize,
    memory: usize,
}

impl FileRun {
    /// A run over files in their order; `None` without a file.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn open(files: Vec<Arc<LakeFile>>, narrow: bool) -> Result<Option<Self>> {
        let memory = files.iter().map(|f| f.memory(narrow.then_some(NARROW))).max();
        let mut rest = VecDeque::from(files);
        let Some(file) = rest.pop_front() else { return Ok(None) };
        Ok(Some(Self {
            reader: reader(&file, narrow)?,
            file,
            rest,
            narrow,
            row: 0,
            memory: memory.unwrap_or(0),
        }))
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            match self.reader.next() {
                Some(batch) => {
                    let batch = batch?;
                    let rows = Arc::new(Rows::from_batch(self.file.table, &batch));
                    if rows.is_empty() {
                        continue;
                    }
                    let first = self.row;
                    self.row += rows.len();
                    let old = self.narrow.then(|| OldRows {
                        file: self.file.clone(),
                        first,
                        rows: rows.len(),
                        identities: Arc::default(),
                    });
                    let all = 0..rows.len() as u32;
                    return Ok(Some(Chunk {
                        old,
                        ..Chunk::new(rows, all)
                    }));
                }
                None => match self.rest.pop_front() {
                    Some(file) => {
                        self.reader = reader(&file, self.narrow)?;
                        self.file = file;
                        self.row = 0;
                    }
                    None => return Ok(None),
                },
            }
        }
    }
}

fn reader(file: &LakeFile, narrow: bool) -> Result<Batches> {
    file.read(narrow.then_some(NARROW), BATCH_ROWS)
}

/// Rows of a file of which only the narrow columns were read.
#[derive(Debug, Clone)]
pub struct OldRows {
    file: Arc<LakeFile>,
    first: usize,
    rows: usize,
    identities: Arc<std::sync::OnceLock<Vec<u128>>>,
}

impl OldRows {
    /// A row by itself, with all of its columns.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn whole(&self, at: usize) -> Result<Rows> {
        let batch = self.file.read_range(self.first + at, 1)?.next();
        let batch = batch.ok_or_else(not_found)??;
        Ok(Rows::from_batch(self.file.table, &batch))
    }

    /// What a row says ([`Rows::identity`]); the first question reads the whole rows.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn identity(&self, at: usize) -> Result<u128> {
        if self.identities.get().is_none() {
            let mut all = Vec::with_capacity(self.rows);
            for batch in self.file.read_range(self.first, self.rows)? {
                let rows = Rows::from_batch(self.file.table, &batch?);
                all.extend((0..rows.len()).map(|i| rows.identity(i)));
            }
            // Another thread cannot be here: a merge is one thread's.
            let _ = self.identities.set(all);
        }
        let known = self.identities.get().and_then(|all| all.get(at));
        known.copied().ok_or_else(not_found)
    }
}

fn not_found() -> Error {
    internal("a row of the lake was not found again")
}
