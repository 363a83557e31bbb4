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

/// Rows that are kept apart from others: those of one large input, so that a checkpoint can name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane(usize);

impl Lane {
    /// Where the rows of most inputs are, all together.
    pub const COMMON: Self = Self(0);
}

/// Rows of one builder and their order.
#[derive(Debug, Clone)]
struct Block {
    lane: Lane,
    rows: Arc<Rows>,
    days: Days,
}

#[derive(Debug, Default)]
struct State {
    blocks: Vec<Block>,
    /// Bytes of `blocks`.
    bytes: usize,
    /// Bytes of blocks that are being spilled.
    leaving: usize,
    segments: BTreeMap<Partition, Vec<(Lane, Segment)>>,
    /// Where the lanes behind the common one write, and the numbers of their inputs.
    lanes: Vec<(Arc<Scratch>, u32)>,
}

/// All rows of a lane at one moment, on their way to disk.
#[derive(Debug)]
pub struct Leaving {
    blocks: Vec<Block>,
    bytes: usize,
    segments: Vec<(Partition, Segment)>,
}

/// Collects the rows of a run from all worker threads.
#[derive(Debug)]
pub struct Staging {
    limits: Limits,
    layout: Layout,
    scratch: Arc<Scratch>,
    state: Mutex<State>,
    /// Held by the thread that spills.
    spilling: Mutex<()>,
}

impl Staging {
    /// Staging in `dir`. `budget` is the memory in bytes that the rows take from here to the end of their commit
    /// ([`limits::budget`](super::limits::budget)).
    pub fn new(dir: PathBuf, budget: usize) -> Self {
        Self::with(dir, Limits::new(budget), Layout::default())
    }

    /// Staging with other limits, for files with another layout.
    pub(super) fn with(dir: PathBuf, limits: Limits, layout: Layout) -> Self {
        Self {
            limits,
            layout,
            scratch: Arc::new(Scratch::new(dir)),
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
        self.add_to(Lane::COMMON, set)
    }

    /// The same for rows of a lane.
    ///
    /// # Errors
    /// Where rows must be spilled and cannot be written.
    pub fn add_to(&self, lane: Lane, set: &mut TableSet) -> Result<()> {
        let blocks: Vec<Block> = set
            .builders()
            .map(|b| {
                let (rows, days) = Rows::from_builder(b);
                let rows = Arc::new(rows);
                Block { lane, rows, days }
            })
            .collect();
        set.clear();
        let (full, brimful) = {
            let mut state = self.state();
            for b in blocks {
                state.bytes += b.memory();
                state.blocks.push(b);
            }
            (self.is_full(&state), state.bytes + state.leaving >= self.limits.staged)
        };
        if !full {
            return Ok(());
        }
        // Nothing waits under this lock for other work of the pool, so waiting for it always ends.
        let guard = match self.spilling.try_lock() {
            Ok(g) => g,
            Err(TryLockError::Poisoned(p)) => p.into_inner(),
            Err(TryLockError::WouldBlock) if !brimful => return Ok(()),
            Err(TryLockError::WouldBlock) => self.spilling.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let done = self.spill();
        drop(guard);
        done
    }

    /// A lane for the rows of the input with a number, which lie in `dir`; `segments` of it are there already.
    pub fn lane(&self, dir: PathBuf, input: u32, segments: Vec<(Partition, Segment)>) -> Lane {
        let scratch = Arc::new(Scratch::behind(dir, &segments));
        let mut state = self.state();
        state.lanes.push((scratch, input));
        let lane = Lane(state.lanes.len());
        for (partition, segment) in segments {
            let all = state.segments.entry(partition).or_default();
            all.push((lane, segment.of(Some(input))));
        }
        lane
    }

    /// Begins to put all rows of a lane on disk: those that are added from now on are none of them.
    pub fn leave(&self, lane: Lane) -> Leaving {
        let mut state = self.state();
        let all = std::mem::take(&mut state.blocks);
        let (blocks, rest) = all.into_iter().partition::<Vec<_>, _>(|b| b.lane == lane);
        state.blocks = rest;
        let bytes = blocks.iter().map(Block::memory).sum();
        state.bytes -= bytes;
        state.leaving += bytes;
        let own = |(partition, segments): (&Partition, &Vec<(Lane, Segment)>)| {
            let own = segments.iter().filter(|(l, _)| *l == lane);
            own.map(|(_, s)| (*partition, s.again())).collect::<Vec<_>>()
        };
        let segments = state.segments.iter().flat_map(own).collect();
        Leaving {
            blocks,
            bytes,
            segments,
        }
    }

    /// Puts the rows on disk: all segments of the lane up to then.
    ///
    /// # Errors
    /// Where they cannot be written; they stay in memory then, and nothing is lost.
    pub fn settle(&self, leaving: Leaving) -> Result<Vec<(Partition, Segment)>> {
        let guard = self.spilling.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.write(leaving.blocks.clone());
        let mut state = self.state();
        state.leaving -= leaving.bytes;
        let mut all = leaving.segments;
        match written {
            Ok(written) => {
                all.extend(written.iter().map(|(partition, (_, s))| (*partition, s.again())));
                state.keep(written);
            }
            Err(e) => {
                state.bytes += leaving.bytes;
                state.blocks.extend(leaving.blocks);
                return Err(e);
            }
        }
        drop(state);
        drop(guard);
        Ok(all)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether rows should be spilled.
    fn is_full(&self, state: &State) -> bool {
        let all = state.bytes + state.leaving;
        state.bytes >= self.limits.spill_at || all >= self.limits.staged && state.bytes > 0
    }

    /// Writes the older half of what is in memory to disk, unless another thread did while this one waited.
    fn spill(&self) -> Result<()> {
        let (blocks, bytes) = {
            let mut state = self.state();
            if !self.is_full(&state) {
                return Ok(());
            }
            state.older_half()
        };
        let written = self.write(blocks);
        let mut state = self.state();
        state.leaving -= bytes;
        state.keep(written?);
        Ok(())
    }

    fn write(&self, blocks: Vec<Block>) -> Result<Vec<(Partition, (Lane, Segment))>> {
        let mut lanes: BTreeMap<Lane, Vec<Block>> = BTreeMap::new();
        for b in blocks {
            lanes.entry(b.lane).or_default().push(b);
        }
        let mut out = Vec::new();
        for (lane, blocks) in lanes {
            let own = match lane.0.checked_sub(1) {
                None => None,
                Some(n) => self.state().lanes.get(n).cloned(),
            };
            let (scratch, input) = match own {
                None => (Arc::clone(&self.scratch), None),
                Some((scratch, input)) => (scratch, Some(input)),
            };
            let segments = self.write_lane(blocks, &scratch)?;
            let own = |(partition, s): (Partition, Segment)| (partition, (lane, s.of(input)));
            out.extend(segments.into_iter().map(own));
        }
        Ok(out)
    }

    fn write_lane(&self, blocks: Vec<Block>, scratch: &Scratch) -> Result<Vec<(Partition, Segment)>> {
        let chunk = self.limits.chunk_bytes;
        let mut merges: Vec<(Partition, Vec<Feed>)> = Vec::new();
        for (partition, feeds) in feeds(blocks, None) {
            let bytes: usize = feeds.iter().map(Feed::bytes).sum();
            // Short runs are merged, or each would make a tiny segment; longer ones are left to the commit.
            match bytes / feeds.len().max(1) < chunk / 2 {
                true => merges.push((partition, feeds)),
                false => merges.extend(feeds.into_iter().map(|f| (partition, vec![f]))),
            }
        }
        let queue = Mutex::new(merges.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut writer = SegmentWriter::create(scratch)?;
            let mut out = Vec::new();
            while let Some((partition, feeds)) = next() {
                let Some(table) = TABLES.get(partition.0) else { continue };
                let segments = write_segment(&mut Merge::new(feeds)?, table, &mut writer, false, chunk)?;
                out.extend(segments.into_iter().map(|s| (partition, s)));
            }
            Ok(out)
        };
        // Threads of their own: those of the pool must not be waited for here, and decode meanwhile.
        std::thread::scope(|s| {
            let others: Vec<_> = (1..rayon::current_num_threads() / 2).map(|_| s.spawn(work)).collect();
            let mut out = work();
            for other in others {
                let more = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                out = out.and_then(|mut all: Vec<_>| {
                    all.extend(more?);
                    Ok(all)
                });
            }
            out
        })
    }

    /// Takes all rows out, by partition, with the content ids of their inputs.
    pub(super) fn take(&self, ids: &FileIds) -> BTreeMap<Partition, Vec<Feed>> {
        let State { blocks, segments, .. } = std::mem::take(&mut *self.state());
        let mut out = feeds(blocks, Some(ids));
        for (partition, segments) in segments {
            let feeds = segments.into_iter().map(|(_, s)| Feed::Segment(s, Some(ids.clone())));
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

impl State {
    /// Takes out the older half of the blocks and their bytes: what stays may never have to leave.
    fn older_half(&mut self) -> (Vec<Block>, usize) {
        let (all, mut bytes) = (self.bytes, 0);
        let older = self.blocks.iter().take_while(|b| {
            let more = bytes * 2 < all;
            bytes += if more { b.memory() } else { 0 };
            more
        });
        let n = older.count();
        self.bytes -= bytes;
        self.leaving += bytes;
        (self.blocks.drain(..n).collect(), bytes)
    }

    fn keep(&mut self, written: Vec<(Partition, (Lane, Segment))>) {
        for (partition, segment) in written {
            self.segments.entry(partition).or_default().push(segment);
        }
    }
}

impl Block {
    fn memory(&self) -> usize {
        self.rows.memory() + self.days.capacity() * 16
    }
}

/// Runs of blocks in memory; with `ids`, inputs get their content ids.
fn feeds(blocks: Vec<Block>, ids: Option<&FileIds>) -> BTreeMap<Partition, Vec<Feed>> {
    let numbered = |Block { mut rows, days, .. }| {
        if let Some(ids) = ids {
            Arc::make_mut(&mut rows).number(ids);
        }
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
#[inline]
pub fn day_of(ts: i64) -> i64 {
    ts.div_euclid(DAY_US)
}

/// `YYYY-MM-DD` of a day.
pub fn day_name(day: i64) -> String {
    time::day_string(day.saturating_mul(DAY_US))
}
