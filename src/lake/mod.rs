//! Floor 4: the lake, a folder of plain Parquet with a catalogue. The only place that names parquet or polars.
//!
//! `LAKE/<table>/date=YYYY-MM-DD/part-*.parquet` holds rows, `LAKE/_coldtrail/catalogue.json` says which of those
//! files count and which inputs went into them. A commit writes new files, then replaces the catalogue by one atomic
//! rename; whatever a killed run left is not in the catalogue and is removed by the next run that writes, checkpoints aside,
//! which the next ingest goes on from or removes.

pub mod batch;
pub mod catalogue;
pub mod checkpoint;
mod chunks;
pub mod commit;
pub mod compact;
mod crowd;
mod day;
mod dedup;
pub mod describe;
mod entries;
pub mod expire;
pub mod files;
pub mod frame;
pub mod groups;
mod leftovers;
pub mod limits;
mod merge;
#[cfg(test)]
mod oracle;
pub mod records;
mod relay;
pub mod rows;
pub mod scan;
pub mod seek;
mod segment;
mod sift;
#[cfg(feature = "query")]
pub mod sql;
pub mod staging;
mod sync;
#[cfg(test)]
pub mod testing;
mod torn;
pub mod verify;
mod write;

#[cfg(test)]
mod commit_tests;

pub use day::{DayResult, merge_files};

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::lock;
use catalogue::Catalogue;

/// Folder of the catalogue inside a lake.
pub const META_DIR: &str = "_coldtrail";
/// How often a reader begins again because files were replaced under it.
const REREADS: usize = 8;

/// An open lake: a snapshot of its catalogue, and the lock where it was opened for writing.
#[derive(Debug)]
pub struct Lake {
    root: PathBuf,
    catalogue: Catalogue,
    lock: Option<File>,
}

impl Lake {
    /// Opens a lake for reading: what the catalogue names now.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no lake, [`Error::Catalogue`] where its catalogue is damaged or lost.
    pub fn open(root: &Path) -> Result<Self> {
        let Some(catalogue) = Catalogue::load(root)? else {
            leftovers::refuse_lost(root)?;
            return Err(Error::Usage(format!(
                "{}: no lake here (no {META_DIR}/catalogue.json); make one with `coldtrail ingest INPUT… --lake {}`",
                root.display(),
                root.display()
            )));
        };
        Ok(Self {
            root: root.to_path_buf(),
            catalogue,
            lock: None,
        })
    }

    /// Opens a lake for writing, making it where there is none; takes its lock and removes what a killed run left.
    ///
    /// # Errors
    /// [`Error::Locked`] where another run holds it, [`Error::Catalogue`] where its catalogue is damaged or lost.
    pub fn open_for_writing(root: &Path) -> Result<Self> {
        let meta = root.join(META_DIR);
        fs::create_dir_all(&meta).map_err(|e| Error::io(&meta, "cannot make the lake's folder", e))?;
        let lock = lock::take(root.join(META_DIR).join("lock"), root)?;
        let catalogue = match Catalogue::load(root)? {
            Some(c) => c,
            None => {
                leftovers::refuse_lost(root)?;
                leftovers::mark_new(root)?;
                Catalogue::default()
            }
        };
        let lake = Self {
            root: root.to_path_buf(),
            catalogue,
            lock: Some(lock),
        };
        leftovers::remove(&lake)?;
        Ok(lake)
    }

    /// Opens a lake for reading and runs `work` over it; from the beginning again where files are gone because a run that wrote
    /// meanwhile replaced them.
    ///
    /// # Errors
    /// As [`Lake::open`], and those of `work`.
    pub fn read<T>(root: &Path, work: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let mut lake = Self::open(root)?;
        for _ in 0..REREADS {
            let done = work(&lake);
            if !done.as_ref().is_err_and(Error::is_missing) {
                return done;
            }
            let now = Self::open(root)?;
            if now.catalogue.generation == lake.catalogue.generation {
                return done;
            }
            lake = now;
        }
        work(&lake)
    }

    /// The lake's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What counts.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Where segments wait for their commit.
    pub fn staging_dir(&self) -> PathBuf {
        self.root.join(META_DIR).join("staging")
    }

    /// Where checkpoints of large inputs lie.
    pub fn checkpoint_dir(&self) -> PathBuf {
        self.root.join(META_DIR).join("checkpoints")
    }

    pub(crate) fn may_write(&self) -> bool {
        self.lock.is_some()
    }

    pub(crate) fn set_catalogue(&mut self, catalogue: Catalogue) -> Result<()> {
        catalogue.store(&self.root)?;
        self.catalogue = catalogue;
        leftovers::unmark_new(&self.root)
    }
}
