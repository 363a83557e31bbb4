//! How far a job is, for whoever wants to show it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counters that the job raises and the terminal reads.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
    records: AtomicU64,
    stage: Mutex<&'static str>,
    /// The files being read, the one that began first in front.
    files: Mutex<Vec<Arc<OpenFile>>>,
}

/// One file that is being read.
#[derive(Debug)]
struct OpenFile {
    name: String,
    total: u64,
    done: AtomicU64,
    since: Instant,
}

/// How far one file is.
#[derive(Debug, Clone, PartialEq)]
pub struct FileProgress {
    /// Its path, as given.
    pub name: String,
    /// Bytes read.
    pub done: u64,
    /// Its size in bytes.
    pub total: u64,
    /// Seconds since it was begun.
    pub seconds: f64,
}

/// Counts what is read of one file, until it is dropped.
pub struct Reading<'p> {
    progress: &'p Progress,
    file: Arc<OpenFile>,
}

impl Reading<'_> {
    /// Adds bytes of the file that were read.
    pub fn add(&self, bytes: u64) {
        self.file.done.fetch_add(bytes, Ordering::Relaxed);
        self.progress.add(bytes, 0);
    }

    /// Forgets what was read of the file: it is read anew.
    pub fn rewind(&self) {
        let done = self.file.done.swap(0, Ordering::Relaxed);
        self.progress.done.fetch_sub(done, Ordering::Relaxed);
    }

    /// Bytes of the file that were read.
    pub fn done(&self) -> u64 {
        self.file.done.load(Ordering::Relaxed)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        // What was left out on purpose will not be read any more.
        self.progress.add(self.file.total.saturating_sub(self.done()), 0);
        self.progress.open_files().retain(|f| !Arc::ptr_eq(f, &self.file));
    }
}

impl Progress {
    /// Sets the bytes to be read.
    pub fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    /// Adds bytes and records that were read.
    pub fn add(&self, bytes: u64, records: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Begins a file of so many bytes.
    pub fn file(&self, path: &Path, bytes: u64) -> Reading<'_> {
        let file = Arc::new(OpenFile {
            name: path.to_string_lossy().into_owned(),
            total: bytes,
            done: AtomicU64::new(0),
            since: Instant::now(),
        });
        self.open_files().push(Arc::clone(&file));
        Reading { progress: self, file }
    }

    /// The files being read, the one that began first in front.
    pub fn files(&self) -> Vec<FileProgress> {
        let state = |f: &Arc<OpenFile>| FileProgress {
            name: f.name.clone(),
            done: f.done.load(Ordering::Relaxed),
            total: f.total,
            seconds: f.since.elapsed().as_secs_f64(),
        };
        self.open_files().iter().map(state).collect()
    }

    fn open_files(&self) -> MutexGuard<'_, Vec<Arc<OpenFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names what is being done.
    pub fn stage(&self, name: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// (bytes done, bytes in total, records, stage).
    pub fn read(&self) -> (u64, u64, u64, &'static str) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
            self.records.load(Ordering::Relaxed),
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_in_whole_once_it_is_done_however_little_of_it_was_read() {
        let progress = Progress::default();
        progress.set_total(150);
        {
            let a = progress.file(Path::new("a.evtx"), 100);
            let b = progress.file(Path::new("b.log"), 50);
            a.add(30);
            b.add(50);
            let files = progress.files();
            let seen: Vec<_> = files.iter().map(|f| (f.name.as_str(), f.done, f.total)).collect();
            assert_eq!(seen, [("a.evtx", 30, 100), ("b.log", 50, 50)]);
            assert_eq!(progress.read().0, 80);
        }
        assert!(progress.files().is_empty());
        assert_eq!(progress.read().0, 150);
    }
}
