//! The merge of sorted runs into one stream of rows in order of (host, time, input, place).
//!
//! Two heaps: one of the runs by their next host, one by time of the runs that stand at the host of the moment. So a host's
//! name is compared once a run and host, and everything else is integers.

mod chain;
mod feed;
mod gather;
mod heap;
mod reduce;
mod slots;

pub use chain::chains;
pub use feed::{Chunk, Feed, FileIds, FileRun};
pub use gather::Gather;
pub(super) use heap::Heap;
pub use reduce::{reduce, write_segment};
pub use slots::{Pick, Remaps, Slots, Span, View};

use crate::base::error::Result;
use crate::schema::builder::NULL_CODE;
use crate::schema::common;

/// The next row of a merge.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// The row.
    pub pick: Pick,
    /// Its time.
    pub ts: i64,
    /// Whether it is the first of its host.
    pub new_host: bool,
}

/// Where the merge stands in one run.
#[derive(Debug)]
struct Cursor {
    feed: Feed,
    chunk: Chunk,
    place: usize,
    slot: u32,
    /// The row in the chunk's rows.
    at: usize,
    host: u32,
    ts: i64,
}

enum Step {
    SameHost,
    OtherHost,
    End,
}

impl Cursor {
    /// A cursor at the first row of a run; `None` for an empty one.
    fn open(mut feed: Feed, slots: &mut Slots) -> Result<Option<Self>> {
        let Some(chunk) = feed.next()? else { return Ok(None) };
        let mut c = Self {
            slot: slots.add(chunk.rows.clone(), chunk.old.clone()),
            feed,
            chunk,
            place: 0,
            at: 0,
            host: NULL_CODE,
            ts: 0,
        };
        c.look();
        Ok(Some(c))
    }

    /// Reads the row at `place`.
    fn look(&mut self) {
        self.at = self.chunk.at(self.place);
        self.host = self.chunk.rows.code(common::HOST, self.at);
        self.ts = self.chunk.rows.int(common::TS, self.at);
    }

    fn host(&self) -> Option<&[u8]> {
        self.chunk.rows.text(common::HOST, self.at)
    }

    fn origin(&self) -> (u64, u64) {
        (
            self.chunk.rows.int(common::FILE_ID, self.at) as u64,
            self.chunk.rows.int(common::ROW, self.at) as u64,
        )
    }

    fn step(&mut self, slots: &mut Slots) -> Result<Step> {
        let (host, ts) = (self.host, self.ts);
        self.place += 1;
        if self.place < self.chunk.len() {
            let before = self.at;
            self.look();
            if self.host == host {
                return match self.ts >= ts {
                    true => Ok(Step::SameHost),
                    false => Err(self.feed.unsorted()),
                };
            }
            return match self.host() > self.chunk.rows.text(common::HOST, before) {
                true => Ok(Step::OtherHost),
                false => Err(self.feed.unsorted()),
            };
        }
        let bytes = if self.feed.frees() { self.chunk.rows.memory() } else { 0 };
        slots.pass(self.slot, bytes);
        let Some(chunk) = self.feed.next()? else {
            return Ok(Step::End);
        };
        self.slot = slots.add(chunk.rows.clone(), chunk.old.clone());
        self.place = 0;
        let (before, last) = (std::mem::replace(&mut self.chunk, chunk), self.at);
        self.look();
        let before = before.rows.text(common::HOST, last);
        match (before.cmp(&self.host()), self.ts >= ts) {
            (std::cmp::Ordering::Equal, true) => Ok(Step::SameHost),
            (std::cmp::Ordering::Less, _) => Ok(Step::OtherHost),
            _ => Err(self.feed.unsorted()),
        }
    }
}

/// A merge under way.
#[derive(Debug)]
pub struct Merge {
    cursors: Vec<Cursor>,
    waiting: Heap,
    active: Heap,
    new_host: bool,
    /// The rows that picks name.
    pub slots: Slots,
}

impl Merge {
    /// Opens all runs.
    ///
    /// # Errors
    /// Where a run cannot be read.
    pub fn new(feeds: Vec<Feed>) -> Result<Self> {
        let mut slots = Slots::default();
        let mut cursors = Vec::with_capacity(feeds.len());
        for feed in feeds {
            cursors.extend(Cursor::open(feed, &mut slots)?);
        }
        let mut waiting = Heap::default();
        for i in 0..cursors.len() {
            waiting.push(i as u32, |a, b| by_host(&cursors, a, b));
        }
        Ok(Self {
            cursors,
            waiting,
            active: Heap::default(),
            new_host: false,
            slots,
        })
    }

    /// The next row.
    ///
    /// # Errors
    /// Where a run cannot be read or is not in order.
    pub fn next(&mut self) -> Result<Option<Next>> {
        if self.active.is_empty() {
            self.next_host();
        }
        let Some(top) = self.active.top() else { return Ok(None) };
        let Some(cursor) = self.cursors.get_mut(top as usize) else {
            return Ok(None);
        };
        let next = Next {
            pick: Pick {
                slot: cursor.slot,
                at: cursor.at as u32,
            },
            ts: cursor.ts,
            new_host: std::mem::take(&mut self.new_host),
        };
        match cursor.step(&mut self.slots)? {
            Step::SameHost => self.active.settle_top(|a, b| by_time(&self.cursors, a, b)),
            Step::OtherHost => {
                self.active.pop(|a, b| by_time(&self.cursors, a, b));
                self.waiting.push(top, |a, b| by_host(&self.cursors, a, b));
            }
            Step::End => {
                self.active.pop(|a, b| by_time(&self.cursors, a, b));
            }
        }
        Ok(Some(next))
    }

    /// Moves all runs that stand at the smallest host to the heap by time.
    fn next_host(&mut self) {
        let Self {
            cursors,
            waiting,
            active,
            ..
        } = self;
        let Some(first) = waiting.pop(|a, b| by_host(cursors, a, b)) else {
            return;
        };
        let host = |i: u32| cursors.get(i as usize).and_then(Cursor::host);
        active.push(first, |a, b| by_time(cursors, a, b));
        while let Some(i) = waiting.top().filter(|i| host(*i) == host(first)) {
            waiting.pop(|a, b| by_host(cursors, a, b));
            active.push(i, |a, b| by_time(cursors, a, b));
        }
        self.new_host = true;
    }
}

fn by_host(cursors: &[Cursor], a: u32, b: u32) -> bool {
    match (cursors.get(a as usize), cursors.get(b as usize)) {
        (Some(x), Some(y)) => x.host().cmp(&y.host()).then(a.cmp(&b)).is_lt(),
        _ => false,
    }
}

#[inline]
fn by_time(cursors: &[Cursor], a: u32, b: u32) -> bool {
    match (cursors.get(a as usize), cursors.get(b as usize)) {
        (Some(x), Some(y)) => match x.ts.cmp(&y.ts) {
            std::cmp::Ordering::Equal => x.origin().cmp(&y.origin()).then(a.cmp(&b)).is_lt(),
            o => o.is_lt(),
        },
        _ => false,
    }
}
