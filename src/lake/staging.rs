//! Rows on their way into the lake: sorted runs in memory up to a budget, then on disk in a folder that no reader looks at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rayon::prelude::*;

use super::limits::Limits;
use super::merge::{Chunk, Feed, FileIds, Merge, write_segment};
use super::rows::{Days, Rows};
use super::segment::{Scratch, Segment, SegmentWriter};
use super::write::Layout;
use crate::base::error::Result;
use crate::base::time;
use crate::schema::TABLES;
use crate::schema::builder::TableSet;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// A day of a table: (index of the table, days since 1970-01-01).
pub type Partition = (usize, i64);

/// Rows of one builder and their order.
#[derive(Debug)]
struct Block {
    rows: Rows,
    days: Days,
}

#[derive(Debug, Default)]
struct State {
    blocks: Vec<Block>,
    /// Bytes of `blocks`.
    bytes: usize,
    /// Bytes of blocks that are being spilled.
    leaving: usize,
    segments: BTreeMap<Partition, Vec<Segment>>,
}

/// Collects the rows of a run from all worker threads.
#[derive(Debug)]
pub struct Staging {
    limits: Limits,
    layout: Layout,
    scratch: Scratch,
    state: Mutex<State>,
    /// Held by the thread that spills.
    spilling: Mutex<()>,
}

impl Staging {
    /// Staging in `dir`. `budget` is the memory in bytes that the rows take from here to the end of their commit: about
    /// 40 % of what the program may use.
    pub fn new(dir: PathBuf, budget: usize) -> Self {
        Self::with(dir, Limits::new(budget), Layout::default())
    }

    /// Staging with other limits, for files with another layout.
    pub(super) fn with(dir: PathBuf, limits: Limits, layout: Layout) -> Self {
        Self {
            limits,
            layout,
            scratch: Scratch::new(dir),
            state: Mutex::default(),
            spilling: Mutex::default(),
        }
    }

    /// Takes the rows of a set and leaves it empty, with room for as many again. The more rows a set holds the less work they
    /// make: a set should grow to some megabytes first.
    ///
    /// # Errors
    /// Where rows must be spilled and cannot be written.
    pub fn add(&self, set: &mut TableSet) -> Result<()> {
        let blocks: Vec<Block> = set
            .builders()
            .map(|b| {
                let (rows, days) = Rows::from_builder(b);
                Block { rows, days }
            })
            .collect();
        set.clear();
        let (bytes, leaving) = {
            let mut state = self.state();
            for b in blocks {
                state.bytes += b.memory();
                state.blocks.push(b);
            }
            (state.bytes, state.leaving)
        };
        if bytes < self.limits.spill_at {
            return Ok(());
        }
        // Nothing waits under this lock for other work of the pool, so waiting for it always ends.
        let guard = match self.spilling.try_lock() {
            Ok(g) => g,
            Err(TryLockError::Poisoned(p)) => p.into_inner(),
            Err(TryLockError::WouldBlock) if bytes + leaving < self.limits.staged => return Ok(()),
            Err(TryLockError::WouldBlock) => self.spilling.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let done = self.spill();
        drop(guard);
        done
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is in memory to disk, unless another thread did while this one waited.
    fn spill(&self) -> Result<()> {
        let blocks = {
            let mut state = self.state();
            if state.bytes < self.limits.spill_at {
                return Ok(());
            }
            state.leaving = std::mem::take(&mut state.bytes);
            std::mem::take(&mut state.blocks)
        };
        let written = self.write(blocks);
        let mut state = self.state();
        state.leaving = 0;
        for (partition, segments) in written? {
            state.segments.entry(partition).or_default().extend(segments);
        }
        Ok(())
    }

    fn write(&self, blocks: Vec<Block>) -> Result<Vec<(Partition, Vec<Segment>)>> {
        let mut writer = SegmentWriter::create(&self.scratch)?;
        let mut out = Vec::new();
        for (partition, feeds) in feeds(blocks, None) {
            let Some(table) = TABLES.get(partition.0) else { continue };
            let chunk = self.limits.chunk_bytes;
            let bytes: usize = feeds.iter().map(Feed::bytes).sum();
            let mut segments = Vec::new();
            // Short runs are merged, or each would make a tiny segment; longer ones are left to the commit.
            let merges = match bytes / feeds.len().max(1) < chunk / 2 {
                true => vec![feeds],
                false => feeds.into_iter().map(|f| vec![f]).collect(),
            };
            for feeds in merges {
                let mut merge = Merge::new(feeds)?;
                segments.extend(write_segment(&mut merge, table, &mut writer, false, chunk)?);
            }
            out.push((partition, segments));
        }
        Ok(out)
    }

    /// Takes all rows out, by partition, with the content ids of their inputs.
    pub(super) fn take(&self, ids: &FileIds) -> BTreeMap<Partition, Vec<Feed>> {
        let State { blocks, segments, .. } = std::mem::take(&mut *self.state());
        let mut out = feeds(blocks, Some(ids));
        for (partition, segments) in segments {
            let feeds = segments.into_iter().map(|s| Feed::Segment(s, Some(ids.clone())));
            out.entry(partition).or_default().extend(feeds);
        }
        out
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }
}

impl Block {
    fn memory(&self) -> usize {
        self.rows.memory() + self.days.capacity() * 16
    }
}

/// Runs of blocks in memory; with `ids`, inputs get their content ids.
fn feeds(blocks: Vec<Block>, ids: Option<&FileIds>) -> BTreeMap<Partition, Vec<Feed>> {
    let numbered = |Block { mut rows, days }| {
        if let Some(ids) = ids {
            rows.number(ids);
        }
        let rows = Arc::new(rows);
        let chunk = |(day, range): (i64, Range<u32>)| {
            let order = ids.and_then(|_| rows.settle(range.clone())).map(Arc::new);
            let chunk = Chunk {
                order,
                ..Chunk::new(rows.clone(), range)
            };
            ((rows.table().ix(), day), chunk)
        };
        days.into_iter().map(chunk).collect::<Vec<_>>()
    };
    // Spilling happens under a lock that must not wait for other work of the pool; the commit holds none.
    let chunks: Vec<Vec<(Partition, Chunk)>> = match ids {
        None => blocks.into_iter().map(numbered).collect(),
        Some(_) => blocks.into_par_iter().map(numbered).collect(),
    };
    let mut out: BTreeMap<Partition, Vec<Feed>> = BTreeMap::new();
    for (partition, chunk) in chunks.into_iter().flatten().filter(|c| c.1.len() > 0) {
        out.entry(partition).or_default().push(Feed::Memory(Some(chunk)));
    }
    out
}

/// The UTC day of a time, as days since 1970-01-01.
pub fn day_of(ts: i64) -> i64 {
    ts.div_euclid(DAY_US)
}

/// `YYYY-MM-DD` of a day.
pub fn day_name(day: i64) -> String {
    time::day_string(day.saturating_mul(DAY_US))
}
