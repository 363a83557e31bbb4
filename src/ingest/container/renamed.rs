//! A zip archive whose directory has one name for several members, seen with a name for each.
//!
//! Such archives are made by appending, and by whoever wants a member overlooked: readers that keep members by name see the
//! last one only.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::zip::ReadSeek;

/// Largest directory that is looked at, in bytes.
const MAX_DIRECTORY: u64 = 64 << 20;
/// What an entry of the directory begins with, and the length of its fixed part.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);
/// Where the fixed part has the lengths of name, extra field and comment.
const LENGTHS: [usize; 3] = [28, 30, 32];
/// Most entries, and most bytes, that the end of a directory without extension can tell.
const MAX_ENTRIES: usize = u16::MAX as usize - 1;

/// The archive up to its directory, and another directory behind.
pub(super) struct Renamed<'s> {
    source: &'s mut dyn ReadSeek,
    /// Where the directory begins.
    cut: u64,
    directory: Vec<u8>,
    at: u64,
    /// Whether the source stands at `at`.
    is_there: bool,
}

impl<'s> Renamed<'s> {
    /// Sees the archive with `~2`, `~3` … behind names that come again. `start` is the place of the directory, `offset` the number
    /// of bytes in front of the archive.
    ///
    /// # Errors
    /// Where the directory cannot be read, or is larger than archives without extension may have.
    pub(super) fn new(source: &'s mut dyn ReadSeek, start: u64, offset: u64) -> io::Result<Self> {
        source.seek(SeekFrom::Start(start))?;
        let mut old = Vec::new();
        (&mut *source).take(MAX_DIRECTORY).read_to_end(&mut old)?;
        let directory = renamed(&old, start.saturating_sub(offset)).ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self {
            source,
            cut: start,
            directory,
            at: 0,
            is_there: false,
        })
    }
}

impl Read for Renamed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.cut.checked_sub(self.at).filter(|left| *left > 0) {
            Some(left) => {
                if !self.is_there {
                    self.source.seek(SeekFrom::Start(self.at))?;
                    self.is_there = true;
                }
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                self.source.read(buffer.get_mut(..most).unwrap_or_default())?
            }
            None => {
                let from = usize::try_from(self.at - self.cut).unwrap_or(usize::MAX);
                self.directory.get(from..).unwrap_or_default().read(buffer)?
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Renamed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.cut + self.directory.len() as u64;
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => end.checked_add_signed(by),
        };
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        self.is_there &= at == self.at;
        self.at = at;
        Ok(at)
    }
}

/// The directory with a name for each entry, and its end; `offset` is its place in the archive.
fn renamed(old: &[u8], offset: u64) -> Option<Vec<u8>> {
    let (mut new, mut names, mut entries) = (Vec::new(), HashMap::new(), 0usize);
    let mut rest = old;
    while let Some((entry, name, behind)) = entry(rest) {
        let name = unused(name, &mut names);
        let (fixed, tail) = entry;
        let mut fixed = fixed.to_vec();
        let len = u16::try_from(name.len()).ok()?.to_le_bytes();
        fixed.get_mut(LENGTHS[0]..LENGTHS[0] + 2)?.copy_from_slice(&len);
        new.extend_from_slice(&fixed);
        new.extend_from_slice(&name);
        new.extend_from_slice(tail);
        entries += 1;
        rest = behind;
    }
    let count = u16::try_from(entries)
        .ok()
        .filter(|_| entries <= MAX_ENTRIES)?
        .to_le_bytes();
    let size = u32::try_from(new.len()).ok()?.to_le_bytes();
    let offset = u32::try_from(offset).ok().filter(|o| *o < u32::MAX)?.to_le_bytes();
    new.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    new.extend_from_slice(&[count, count].concat());
    new.extend_from_slice(&[size, offset].concat());
    new.extend_from_slice(&[0, 0]);
    Some(new)
}

/// The parts of an entry in front of its name and behind it, the name, and what follows the entry.
type Entry<'d> = ((&'d [u8], &'d [u8]), &'d [u8], &'d [u8]);

fn entry(directory: &[u8]) -> Option<Entry<'_>> {
    let (magic, fixed) = ENTRY;
    let (fixed, rest) = directory
        .split_at_checked(fixed)
        .filter(|(f, _)| f.starts_with(magic))?;
    let len = |at: usize| Some(usize::from(u16::from_le_bytes(fixed.get(at..at + 2)?.try_into().ok()?)));
    let [name, extra, comment] = LENGTHS.map(len);
    let (name, rest) = rest.split_at_checked(name?)?;
    let (tail, rest) = rest.split_at_checked(extra? + comment?)?;
    Some(((fixed, tail), name, rest))
}

/// A name that no entry has yet. `names` has the number that was tried last for each: no number is tried twice, however often
/// a name comes again.
fn unused(name: &[u8], names: &mut HashMap<Vec<u8>, u32>) -> Vec<u8> {
    let mut number = names.get(name).copied().unwrap_or(0);
    let mut own = name.to_vec();
    while names.contains_key(&own) {
        number += 1;
        own = [name, format!("~{number}").as_bytes()].concat();
    }
    names.insert(name.to_vec(), number.max(1));
    names.entry(own.clone()).or_insert(1);
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_ten_thousand_times_is_numbered_at_once() {
        let mut names = HashMap::new();
        let mut next = |name: &str| String::from_utf8(unused(name.as_bytes(), &mut names)).unwrap();
        let first = ["a", "a~3", "a", "a", "a", "a~3"].map(&mut next);
        assert_eq!(first, ["a", "a~3", "a~2", "a~4", "a~5", "a~3~2"]);
        let all: std::collections::HashSet<_> = (0..10_000).map(|_| next("b")).collect();
        assert_eq!(all.len(), 10_000);
    }
}
