//! One day of one table: its runs and the lake's files of that day become new files.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::catalogue::DataFile;
use super::files::LakeFile;
use super::limits::Limits;
use super::merge::{Feed, FileRun, Merge, chains, reduce};
use super::segment::Scratch;
use super::sift::{Tally, sift};
use super::staging::Staging;
use super::torn::Torn;
use super::verify::must_be_as_committed;
use super::write::{DayWriter, Layout};
use crate::base::error::{Error, Result};
use crate::schema::Table;

/// What is to be committed of a day of a table.
#[derive(Debug)]
pub struct Day {
    /// The table.
    pub table: &'static Table,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// New rows, in sorted runs.
    pub feeds: Vec<Feed>,
    /// What the lake has of that day.
    pub old: Vec<DataFile>,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct DayResult {
    /// New files.
    pub files: Vec<DataFile>,
    /// Files that the new ones replace.
    pub replaced: Vec<DataFile>,
    /// Rows that stayed and gave way.
    pub tally: Tally,
}

/// Commits days, as many at a time as memory allows; `new` are the content ids of the inputs that add rows, `torn` all
/// inputs that end within a line. The results come in the order of the days.
///
/// # Errors
/// The first failure of any day.
pub fn commit_days(
    root: &Path,
    days: Vec<Day>,
    new: &BTreeSet<u64>,
    torn: &Torn,
    staging: &Staging,
) -> Result<Vec<DayResult>> {
    let limits = staging.limits();
    let n = days.len();
    let width = limits.days(rayon::current_num_threads());
    let cx = Cx {
        root,
        scratch: staging.scratch(),
        limits,
        layout: staging.layout(),
        run_bytes: limits.runs(width),
        new,
        torn,
    };
    // Large days first, so that no core waits for one that began last.
    let mut order: Vec<(usize, Day)> = days.into_iter().enumerate().collect();
    order.sort_by_key(|(i, d)| (std::cmp::Reverse(d.feeds.iter().map(Feed::rows).sum::<u64>()), *i));
    let queue: Vec<Mutex<Option<(usize, Day)>>> = order.into_iter().map(|d| Mutex::new(Some(d))).collect();
    let results: Vec<Mutex<Option<Result<DayResult>>>> = (0..n).map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(slot) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some((i, day)) = slot.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                continue;
            };
            let done = cx.commit(day);
            if done.is_err() {
                // No use to go on: the whole commit fails.
                next.store(queue.len(), Ordering::Relaxed);
            }
            if let Some(r) = results.get(i) {
                *r.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            }
        }
    };
    // The threads here merge; columns are written on the pool. A thread of the pool itself must not wait for it.
    match width == 1 || rayon::current_thread_index().is_some() {
        true => work(),
        false => std::thread::scope(|s| {
            for _ in 0..width.min(n) {
                s.spawn(work);
            }
        }),
    }
    let mut out = Vec::with_capacity(n);
    let mut missing = false;
    for r in results {
        match r.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(done) => out.push(done?),
            None => missing = true,
        }
    }
    match missing {
        true => Err(Error::Internal("a day was not committed".to_owned())),
        false => Ok(out),
    }
}

/// Merges files of one day of one table into new files without copies of a row; the files themselves and the catalogue
/// stay as they are. `torn` are all inputs that end within a line, `budget` is the memory in bytes that this may take. Files of
/// one day only.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn merge_files(
    root: &Path,
    staging_dir: &Path,
    table: &'static Table,
    date: &str,
    files: &[DataFile],
    torn: &Torn,
    budget: usize,
) -> Result<DayResult> {
    let limits = Limits::new(budget);
    let cx = Cx {
        root,
        scratch: &Scratch::new(staging_dir.to_path_buf()),
        limits: &limits,
        layout: &Layout::default(),
        run_bytes: budget
            .saturating_sub(super::limits::WRITER_BYTES)
            .max(limits.chunk_bytes * 4),
        new: &BTreeSet::new(),
        torn,
    };
    let day = Day {
        table,
        date: date.to_owned(),
        feeds: Vec::new(),
        old: files.to_vec(),
    };
    let feeds = cx.reduce(&day, old_feeds(root, &day, false)?)?;
    let mut done = cx.write(&day, feeds)?;
    done.replaced = day.old;
    Ok(done)
}

struct Cx<'c> {
    root: &'c Path,
    scratch: &'c Scratch,
    limits: &'c Limits,
    layout: &'c Layout,
    run_bytes: usize,
    /// Content ids of the inputs that this run adds.
    new: &'c BTreeSet<u64>,
    torn: &'c Torn,
}

impl Cx<'_> {
    fn commit(&self, mut day: Day) -> Result<DayResult> {
        let new = std::mem::take(&mut day.feeds);
        let feeds = self.reduce(&day, new)?;
        if day.old.is_empty() || feeds.is_empty() {
            return self.write(&day, feeds);
        }
        // The first pass only compares with the rows that the lake has: if none gives way its files stay as they are.
        let mut all: Vec<Feed> = feeds.iter().filter_map(Feed::again).collect();
        let mut compared = feeds;
        compared.extend(old_feeds(self.root, &day, true)?);
        let done = self.write(&day, compared)?;
        if done.tally.dropped.keys().all(|id| self.new.contains(id)) {
            return Ok(done);
        }
        all.extend(old_feeds(self.root, &day, false)?);
        let all = self.reduce(&day, all)?;
        let mut whole = self.write(&day, all)?;
        whole.replaced = day.old;
        Ok(whole)
    }

    fn reduce(&self, day: &Day, feeds: Vec<Feed>) -> Result<Vec<Feed>> {
        let chunk = self.limits.chunk_bytes;
        reduce(feeds, day.table, self.scratch, self.run_bytes, chunk)
    }

    fn write(&self, day: &Day, feeds: Vec<Feed>) -> Result<DayResult> {
        let out = DayWriter::new(self.root, day.table, &day.date, self.layout);
        let (files, tally) = sift(Merge::new(feeds)?, self.torn, out, self.scratch, self.limits)?;
        Ok(DayResult {
            files,
            replaced: Vec::new(),
            tally,
        })
    }
}

/// The lake's files of the day as runs; `narrow` where only what tells copies is wanted and the files stay.
fn old_feeds(root: &Path, day: &Day, narrow: bool) -> Result<Vec<Feed>> {
    if !narrow {
        day.old.iter().try_for_each(|f| must_be_as_committed(root, f))?;
    }
    let files: Vec<Arc<LakeFile>> = day
        .old
        .iter()
        .map(|f| LakeFile::open(root, f, day.table, narrow).map(Arc::new))
        .collect::<Result<_>>()?;
    let runs = chains(files).into_iter().map(|c| FileRun::open(c, narrow));
    let runs: Vec<Option<FileRun>> = runs.collect::<Result<_>>()?;
    Ok(runs.into_iter().flatten().map(Feed::File).collect())
}
