//! Sorted rows that wait on disk for the commit: chunks of rows, compressed lightly, in files of the staging folder.
//!
//! One file holds the chunks of many runs (a spill writes one run per table and day into one file); a run knows
//! where its chunks lie. A file goes when the last run in it does.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::batch::internal;
use super::rows::Rows;
use crate::base::error::{Error, Result};
use crate::schema::Table;

/// Measured (docs/benchmarks.md, Layout): a sixth of the size for a third of the time that level 1 takes.
const LEVEL: i32 = -3;
/// Bytes of a chunk in memory beyond which a checkpoint is not believed: the largest record, several times over.
const LARGEST_CHUNK: u32 = 1 << 30;
/// Rows, and bytes in memory, beyond which a checkpoint is not believed.
const MOST: u64 = 1 << 40;

/// Where segments are written.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    next: AtomicU64,
}

impl Scratch {
    /// Files will be made in `dir`, which is made with the first.
    pub fn new(dir: PathBuf) -> Self {
        Self::behind::<()>(dir, &[])
    }

    /// Files will be made in `dir`, with names behind those of `segments`, which lie there.
    pub fn behind<P>(dir: PathBuf, segments: &[(P, Segment)]) -> Self {
        let numbers = segments.iter().filter_map(|(_, s)| number_of(&file_name(&s.file.path)));
        Self {
            dir,
            next: AtomicU64::new(numbers.max().map_or(0, |n| n + 1)),
        }
    }

    /// A new file.
    pub fn create(&self) -> Result<(File, PathBuf)> {
        super::files::make_dir(&self.dir)?;
        let path = self
            .dir
            .join(format!("{:06}.run", self.next.fetch_add(1, Ordering::Relaxed)));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|e| Error::io(&path, "cannot write to the staging folder", e))?;
        Ok((file, path))
    }
}

/// The number of a file of segments by its name; `None` for any other file.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".run")?;
    let plain = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|n| plain && *n < u64::MAX / 2)
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// A file of segments; removed when nobody holds it any more, unless a checkpoint names it. It is open only while it is
/// written, and for each chunk that is read: a long ingest has more of them than a process may have open.
#[derive(Debug)]
pub struct SegmentFile {
    path: PathBuf,
    kept: AtomicBool,
}

impl SegmentFile {
    /// A file that a checkpoint names.
    pub fn of_checkpoint(path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            path,
            kept: AtomicBool::new(true),
        })
    }

    /// The rows at a place; `None` where they are not whole.
    fn read(&self, place: Place, table: &'static Table) -> std::io::Result<Option<Rows>> {
        thread_local! {
            static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
        }
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        READER.with_borrow_mut(|reader| {
            let reader = match reader {
                Some(r) => r,
                None => reader.insert(Reader::new()?),
            };
            let raw = reader.unpacked(file.take(place.bytes.into()), place)?;
            let rows = Rows::read_bytes(table, raw);
            reader.shrink();
            Ok(rows)
        })
    }
}

/// What a thread reads chunks with: made anew for each of them it would cost more than they do.
struct Reader {
    unpacker: zstd::bulk::Decompressor<'static>,
    packed: Vec<u8>,
    raw: Vec<u8>,
}

impl Reader {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            unpacker: zstd::bulk::Decompressor::new()?,
            packed: Vec::new(),
            raw: Vec::new(),
        })
    }

    fn unpacked(&mut self, mut from: impl Read, place: Place) -> std::io::Result<&[u8]> {
        self.packed.clear();
        from.read_to_end(&mut self.packed)?;
        self.raw.clear();
        self.raw.reserve(place.raw as usize);
        self.unpacker.decompress_to_buffer(&self.packed, &mut self.raw)?;
        Ok(&self.raw)
    }

    /// A chunk of one huge record must not hold its memory for good.
    fn shrink(&mut self) {
        self.packed.shrink_to(1 << 20);
        self.raw.shrink_to(1 << 20);
    }
}

impl Drop for SegmentFile {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            // What stays is removed with the staging folder.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where a chunk of rows lies.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(from = "(u64, u32, u32)", into = "(u64, u32, u32)")]
struct Place {
    offset: u64,
    bytes: u32,
    raw: u32,
}

impl From<(u64, u32, u32)> for Place {
    fn from((offset, bytes, raw): (u64, u32, u32)) -> Self {
        Self { offset, bytes, raw }
    }
}

impl From<Place> for (u64, u32, u32) {
    fn from(p: Place) -> Self {
        (p.offset, p.bytes, p.raw)
    }
}

/// Where a segment lies, for a later run of the program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SegmentPlace {
    table: String,
    /// Name of its file.
    pub file: String,
    rows: u64,
    chunk_memory: u64,
    chunks: Vec<Place>,
}

impl SegmentPlace {
    /// Whether the file has a name that files of segments have.
    pub fn is_named_well(&self) -> bool {
        number_of(&self.file).is_some()
    }

    /// The segment in its file of `len` bytes; `None` where it cannot lie there.
    pub fn open(&self, file: &Arc<SegmentFile>, len: u64) -> Option<Segment> {
        let inside = |c: &Place| {
            let end = c.offset.checked_add(u64::from(c.bytes));
            end.is_some_and(|end| end <= len) && c.raw <= LARGEST_CHUNK
        };
        let sane = self.rows <= MOST && self.chunk_memory <= MOST && self.chunks.iter().all(inside);
        Some(Segment {
            table: crate::schema::table(&self.table).filter(|_| sane)?,
            file: Arc::clone(file),
            chunks: Arc::new(self.chunks.clone()),
            next: 0,
            rows: self.rows,
            chunk_memory: usize::try_from(self.chunk_memory).ok()?,
            numbered: false,
            input: None,
        })
    }
}

/// A run of rows in order, on disk.
#[derive(Debug)]
pub struct Segment {
    table: &'static Table,
    file: Arc<SegmentFile>,
    chunks: Arc<Vec<Place>>,
    next: usize,
    /// Rows in all chunks.
    pub rows: u64,
    /// Bytes that the largest chunk takes in memory, roughly.
    pub chunk_memory: usize,
    /// Whether inputs have their content ids already.
    pub numbered: bool,
    /// The number of the one input that all rows are of, where the rows themselves say that of an earlier run.
    pub input: Option<u32>,
}

impl Segment {
    /// Where it lies.
    pub fn place(&self) -> SegmentPlace {
        SegmentPlace {
            table: self.table.name.to_owned(),
            file: file_name(&self.file.path),
            rows: self.rows,
            chunk_memory: self.chunk_memory as u64,
            chunks: self.chunks.to_vec(),
        }
    }

    /// The same, with all rows of the input with a number.
    pub fn of(self, input: Option<u32>) -> Self {
        Self { input, ..self }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Leaves its file on disk whatever becomes of the segment.
    pub fn keep(&self) {
        self.file.kept.store(true, Ordering::Relaxed);
    }

    /// Its table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Bytes that a chunk takes beside its rows while it is read: packed and as bytes.
    pub fn reading(&self) -> usize {
        let bytes = self.chunks.iter().map(|c| c.bytes as usize + c.raw as usize);
        bytes.max().unwrap_or(0)
    }

    /// The same run from its beginning.
    pub fn again(&self) -> Self {
        Self {
            file: self.file.clone(),
            chunks: self.chunks.clone(),
            next: 0,
            ..*self
        }
    }

    /// The next chunk; `None` after the last.
    ///
    /// # Errors
    /// Where the file cannot be read or is not as it was written.
    pub fn next_chunk(&mut self) -> Result<Option<Rows>> {
        let Some(place) = self.chunks.get(self.next).copied() else {
            return Ok(None);
        };
        self.next += 1;
        let path = &self.file.path;
        let failed = |e| Error::io(path, "cannot read staged rows", e);
        match self.file.read(place, self.table).map_err(failed)? {
            Some(rows) => Ok(Some(rows)),
            None => Err(failed(std::io::Error::other("the staged rows changed on disk"))),
        }
    }
}

/// Writes runs one after the other into one file.
pub struct SegmentWriter {
    file: Arc<SegmentFile>,
    out: File,
    packer: zstd::bulk::Compressor<'static>,
    offset: u64,
    raw: Vec<u8>,
    packed: Vec<u8>,
    chunks: Vec<Place>,
    rows: u64,
    chunk_memory: usize,
}

impl SegmentWriter {
    /// A writer to a new file.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(scratch: &Scratch) -> Result<Self> {
        let (out, path) = scratch.create()?;
        let kept = AtomicBool::new(false);
        Ok(Self {
            file: Arc::new(SegmentFile { path, kept }),
            out,
            packer: zstd::bulk::Compressor::new(LEVEL).map_err(internal)?,
            offset: 0,
            raw: Vec::new(),
            packed: Vec::new(),
            chunks: Vec::new(),
            rows: 0,
            chunk_memory: 0,
        })
    }

    /// Adds the next rows of the run.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn chunk(&mut self, rows: &Rows) -> Result<()> {
        self.raw.clear();
        rows.write_bytes(&mut self.raw);
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.raw.len()));
        let path = &self.file.path;
        let failed = |e| Error::io(path, "cannot write to the staging folder", e);
        self.packer
            .compress_to_buffer(&self.raw, &mut self.packed)
            .map_err(failed)?;
        let too_big = |_| internal("a chunk of staged rows has more than 4 GiB");
        self.chunks.push(Place {
            offset: self.offset,
            bytes: u32::try_from(self.packed.len()).map_err(too_big)?,
            raw: u32::try_from(self.raw.len()).map_err(too_big)?,
        });
        self.out.write_all(&self.packed).map_err(failed)?;
        self.offset += self.packed.len() as u64;
        self.rows += rows.len() as u64;
        self.chunk_memory = self.chunk_memory.max(rows.memory());
        Ok(())
    }

    /// Ends the run that the chunks since the last one make up.
    pub fn finish_run(&mut self, table: &'static Table, numbered: bool) -> Segment {
        Segment {
            table,
            file: self.file.clone(),
            chunks: Arc::new(std::mem::take(&mut self.chunks)),
            next: 0,
            rows: std::mem::take(&mut self.rows),
            chunk_memory: std::mem::take(&mut self.chunk_memory),
            numbered,
            input: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::rows::{Column, Ints};
    use crate::schema::{common, process};

    fn rows(times: &[i64]) -> Rows {
        Rows::new(
            &process::TABLE,
            times.len(),
            vec![Column::Int(Ints::new(times).unwrap())],
        )
    }

    #[test]
    fn runs_of_one_file_come_back_and_the_file_goes_with_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path().join("staging"));
        let mut w = SegmentWriter::create(&scratch).unwrap();
        w.chunk(&rows(&[1, 2])).unwrap();
        w.chunk(&rows(&[3])).unwrap();
        let mut first = w.finish_run(&process::TABLE, false);
        w.chunk(&rows(&[7])).unwrap();
        let mut second = w.finish_run(&process::TABLE, true);
        drop(w);
        assert_eq!((first.rows, second.rows), (3, 1));
        assert_eq!(second.next_chunk().unwrap().unwrap().int(common::TS, 0), 7);
        assert_eq!(first.next_chunk().unwrap().unwrap().int(common::TS, 1), 2);
        assert_eq!(first.next_chunk().unwrap().unwrap().int(common::TS, 0), 3);
        assert!(first.next_chunk().unwrap().is_none());
        let files = || fs::read_dir(dir.path().join("staging")).unwrap().count();
        drop(first);
        assert_eq!(files(), 1);
        drop(second);
        assert_eq!(files(), 0);
    }

    #[test]
    fn staged_rows_that_changed_on_disk_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path().to_path_buf());
        let mut w = SegmentWriter::create(&scratch).unwrap();
        w.chunk(&rows(&[1, 2])).unwrap();
        let mut run = w.finish_run(&process::TABLE, false);
        let path = dir.path().join("000000.run");
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 3);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(run.next_chunk(), Err(Error::Io { .. })));
    }
}
