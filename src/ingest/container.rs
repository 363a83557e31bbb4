//! Opening an input: a file, an archive, a compressed stream or archives in archives become a row of *members*.
//!
//! The type is decided by magic numbers, never by the name. Nothing is written to disk, so member names are only names.
//! What cannot be read becomes a [`Note`] and the rest goes on; memory is bounded by the settings, not by the input.

mod bytes;
mod gzip;
mod magic;
mod name;
mod reader;
mod renamed;
mod tar;
mod walk;
mod zip;

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use memmap2::Mmap;

pub use bytes::{BufferPool, SharedBytes};
use magic::Kind;
pub use name::is_junk;
use reader::State;

/// Files below this size are read, larger ones may be mapped: for small files a mapping costs more than it saves.
const MAP_FROM: u64 = 1 << 20;

/// How deep archives may be nested: `.tar.gz` in a zip is three.
const MAX_DEPTH: u8 = 3;

/// What limits the opening of one input.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Most bytes that decompression may produce from one input, all levels added up.
    pub max_expanded: u64,
    /// Largest zip archive inside another archive or on standard input, in bytes. It has to be held in memory, because a
    /// zip's directory is at its end.
    pub max_zip_in_memory: u64,
    /// Passwords to try, in this order, on encrypted zip members.
    pub passwords: Vec<String>,
    /// Files that nobody has written to since may be mapped; the others are read, because cutting a mapped file ends
    /// the process. `None` maps nothing.
    pub map_older_than: Option<SystemTime>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            max_expanded: 1 << 40,
            max_zip_in_memory: 256 << 20,
            passwords: Vec::new(),
            map_older_than: None,
        }
    }
}

/// One readable log of an input.
pub struct Member<'a> {
    /// The path as given, and for archives the member's sanitised name behind `!` at each level.
    pub name: String,
    /// Its content, decompressed.
    pub body: Body<'a>,
}

/// The content of a member.
pub enum Body<'a> {
    /// All of it at once; can be cut and given to threads.
    Bytes(SharedBytes),
    /// A stream. It ends early when the archive is damaged (there is a note then) and need not be read to its end.
    Reader(&'a mut dyn Read),
}

/// Something in an input that was not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The member or file, named as in [`Member::name`].
    pub place: String,
    /// What happened.
    pub kind: NoteKind,
    /// Why, in words.
    pub reason: String,
    /// What the user can do; empty if there is nothing to do.
    pub next_step: &'static str,
}

/// What happened to the subject of a [`Note`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Left out because it holds no log: links, resource forks, thumbnails.
    Skipped,
    /// Not read at all.
    Unreadable,
    /// Read up to a point where the data ends or is damaged.
    Truncated,
    /// Read up to the limit of expansion.
    Capped,
}

/// What a visitor may fail with.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

/// Why an input could not be opened at all, or the visit ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused the file.
    #[error("cannot read {}: {source}; check that it exists and that you may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The visitor failed.
    #[error("{member}: {source}")]
    Visit {
        /// The member it was given.
        member: String,
        /// Its own error.
        source: VisitError,
    },
}

/// Opens a file (`-` is standard input) and calls `visit` for each of its members in the order of the archive. `count` is
/// told of bytes as they are read from the file; of a [`Body::Bytes`] it is told nothing.
///
/// # Errors
/// Fails if the file itself cannot be read or if `visit` fails; anything wrong inside becomes a note.
pub fn open(
    path: &Path,
    options: &OpenOptions,
    count: &dyn Fn(u64),
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), VisitError>,
) -> Result<Vec<Note>, Error> {
    let state = State::new(options);
    let name = path.to_string_lossy().into_owned();
    let failed = |source| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    if name == "-" {
        walk::stream(&state, visit, &name, &mut io::stdin().lock(), 0)?;
        return Ok(state.into_notes());
    }
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
    }
    let mut file = Counted { inner: file, count };
    if !meta.is_file() {
        // A pipe, such as a shell's process substitution: it can be read once and not be sought in.
        walk::stream(&state, visit, &name, &mut BufReader::new(file), 0)?;
        return Ok(state.into_notes());
    }
    let head = magic::read_head(&mut file.inner).map_err(failed)?;
    file.inner.rewind().map_err(failed)?;
    match magic::kind(&head) {
        Kind::Plain => {
            let body = match may_map(&meta, options) {
                true => Body::Bytes(map(&file.inner).map_err(failed)?),
                false => Body::Reader(&mut file),
            };
            walk::give(visit, Member { name, body })?;
        }
        Kind::Zip => zip::walk(&state, visit, &name, &mut BufReader::new(file), 0)?,
        _ => walk::stream(&state, visit, &name, &mut BufReader::with_capacity(1 << 18, file), 0)?,
    }
    Ok(state.into_notes())
}

/// Whether a file is large enough to be mapped, and old enough to stay as it is.
fn may_map(meta: &Metadata, options: &OpenOptions) -> bool {
    let old = options.map_older_than.zip(meta.modified().ok());
    meta.len() >= MAP_FROM && old.is_some_and(|(limit, modified)| modified < limit)
}

fn map(file: &File) -> io::Result<SharedBytes> {
    // SAFETY: the map is read only, and of a file that nobody has written to for long. Should another program cut it
    // nevertheless, this process ends with a signal, as with every tool that maps; the lake stays as it was.
    #[allow(unsafe_code)]
    let map = unsafe { Mmap::map(file)? };
    Ok(SharedBytes::from(map))
}

/// Tells how many bytes of a file were read.
struct Counted<'c, R> {
    inner: R,
    count: &'c dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.count)(read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests;
