//! Sorting more entries than memory holds.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::dedup::Entry;
use super::merge::Heap;
use super::segment::Scratch;
use crate::base::error::{Error, Result};

const BYTES: usize = 48;
/// Sorted files that are merged to one.
const FAN: usize = 64;
const BUFFER: usize = 16 << 10;

/// Collects entries and gives them back in order.
pub struct EntrySort<'s> {
    scratch: &'s Scratch,
    room: usize,
    waiting: Vec<Entry>,
    /// Sorted files; those of level n + 1 were merged from [`FAN`] of level n.
    levels: Vec<Vec<Sorted>>,
}

struct Sorted {
    path: PathBuf,
    file: File,
}

impl Drop for Sorted {
    fn drop(&mut self) {
        // What stays is removed with the staging folder.
        let _ = fs::remove_file(&self.path);
    }
}

impl<'s> EntrySort<'s> {
    /// A sorter that holds `room` entries in memory.
    pub fn new(scratch: &'s Scratch, room: usize) -> Self {
        Self {
            scratch,
            room: room.max(2),
            waiting: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// Where the staging folder cannot be written.
    pub fn push(&mut self, e: Entry) -> Result<()> {
        self.waiting.push(e);
        if self.waiting.len() >= self.room {
            self.spill()?;
        }
        Ok(())
    }

    /// Gives all entries in order.
    ///
    /// # Errors
    /// Where the staging folder cannot be read or written.
    pub fn each(&mut self, mut take: impl FnMut(&Entry)) -> Result<()> {
        if self.levels.is_empty() {
            self.waiting.sort_unstable();
            self.waiting.iter().for_each(take);
            return Ok(());
        }
        if !self.waiting.is_empty() {
            self.spill()?;
        }
        let files: Vec<&Sorted> = self.levels.iter().flatten().collect();
        merge(&files, |e| {
            take(e);
            Ok(())
        })
    }

    fn spill(&mut self) -> Result<()> {
        self.waiting.sort_unstable();
        let (scratch, waiting) = (self.scratch, &self.waiting);
        let sorted = write(scratch, |out| waiting.iter().try_for_each(out))?;
        self.waiting.clear();
        self.store(0, sorted)
    }

    fn store(&mut self, level: usize, sorted: Sorted) -> Result<()> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        let Some(files) = self.levels.get_mut(level) else {
            return Ok(());
        };
        files.push(sorted);
        if files.len() < FAN {
            return Ok(());
        }
        let files = std::mem::take(files);
        let merged = write(self.scratch, |out| merge(&files.iter().collect::<Vec<_>>(), out))?;
        self.store(level + 1, merged)
    }
}

fn write(scratch: &Scratch, fill: impl FnOnce(&mut dyn FnMut(&Entry) -> Result<()>) -> Result<()>) -> Result<Sorted> {
    let (file, path) = scratch.create()?;
    let mut out = BufWriter::with_capacity(BUFFER, &file);
    fill(&mut |e| {
        out.write_all(&bytes(e))
            .map_err(|e| Error::io(&path, "cannot write to the staging folder", e))
    })?;
    out.flush()
        .map_err(|e| Error::io(&path, "cannot write to the staging folder", e))?;
    drop(out);
    Ok(Sorted { path, file })
}

fn merge(files: &[&Sorted], mut take: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
    let mut readers = Vec::with_capacity(files.len());
    let mut heads = Vec::with_capacity(files.len());
    for f in files {
        let mut file = &f.file;
        file.seek(SeekFrom::Start(0))
            .map_err(|e| Error::io(&f.path, "cannot read staged rows", e))?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        heads.push(read(&mut reader, f)?);
        readers.push(reader);
    }
    let mut heap = Heap::default();
    for (i, head) in heads.iter().enumerate() {
        if head.is_some() {
            heap.push(i as u32, |a, b| less(&heads, a, b));
        }
    }
    while let Some(top) = heap.top() {
        let (Some(head), Some(reader), Some(f)) = (
            heads.get_mut(top as usize),
            readers.get_mut(top as usize),
            files.get(top as usize),
        ) else {
            break;
        };
        if let Some(e) = head {
            take(e)?;
        }
        *head = read(reader, f)?;
        match head {
            Some(_) => heap.settle_top(|a, b| less(&heads, a, b)),
            None => {
                heap.pop(|a, b| less(&heads, a, b));
            }
        }
    }
    Ok(())
}

/// A reader that has ended comes first, so that taking it off the top keeps the others in order.
fn less(heads: &[Option<Entry>], a: u32, b: u32) -> bool {
    (heads.get(a as usize).copied().flatten(), a) < (heads.get(b as usize).copied().flatten(), b)
}

fn read(reader: &mut impl Read, f: &Sorted) -> Result<Option<Entry>> {
    let mut b = [0; BYTES];
    match reader.read_exact(&mut b) {
        Ok(()) => Ok(Some(parse(&b))),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(Error::io(&f.path, "cannot read staged rows", e)),
    }
}

fn bytes(e: &Entry) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    let tail = [e.rank, u8::from(e.repeats)];
    let parts = e
        .key
        .to_le_bytes()
        .into_iter()
        .chain(e.file_id.to_le_bytes())
        .chain(e.row.to_le_bytes())
        .chain(e.at.to_le_bytes())
        .chain(tail);
    out.iter_mut().zip(parts).for_each(|(o, b)| *o = b);
    out
}

fn parse(b: &[u8; BYTES]) -> Entry {
    let part = |from: usize| {
        let bytes = b.get(from..).and_then(|b| b.first_chunk::<8>());
        u64::from_le_bytes(*bytes.unwrap_or(&[0; 8]))
    };
    let byte = |at: usize| b.get(at).copied().unwrap_or(0);
    Entry {
        key: u128::from(part(8)) << 64 | u128::from(part(0)),
        file_id: part(16),
        row: part(24),
        at: part(32),
        rank: byte(40),
        repeats: byte(41) != 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn entries_come_back_sorted_whatever_the_room(keys in proptest::collection::vec((any::<u128>(), any::<u8>(), 0u64..9, any::<bool>()), 0..400), room in 2usize..90) {
            let dir = tempfile::tempdir().unwrap();
            let scratch = Scratch::new(dir.path().to_path_buf());
            let mut sort = EntrySort::new(&scratch, room);
            let mut want = Vec::new();
            for (i, (key, rank, file_id, repeats)) in keys.into_iter().enumerate() {
                let e = Entry { key, rank, file_id, row: i as u64 * 3, at: u64::MAX - i as u64, repeats };
                sort.push(e).unwrap();
                want.push(e);
            }
            want.sort_unstable();
            for _ in 0..2 {
                let mut got = Vec::new();
                sort.each(|e| got.push(*e)).unwrap();
                prop_assert_eq!(&got, &want);
            }
            drop(sort);
            prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }
}
