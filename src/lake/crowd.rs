//! A group of rows of one host and millisecond that is too large for memory: logs without times, storms, attacks.
//!
//! The rows go to disk in their order; beside them goes an entry of 48 bytes a row, sorted on disk by what the
//! duplicates' rule asks. Two passes over the entries say which rows stay, one bit a row; a pass over the rows writes them.

use super::dedup::{Entry, Judge};
use super::entries::EntrySort;
use super::limits::Limits;
use super::merge::{Gather, Pick, View};
use super::segment::{Scratch, Segment, SegmentWriter};
use super::sift::{Tally, entry};
use super::torn::{Lines, Torn};
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::schema::Table;

/// Place of a row that is not written again.
const NOWHERE: u64 = u64::MAX;

/// A large group under way.
pub struct Crowd<'s> {
    table: &'static Table,
    rows: SegmentWriter,
    gather: Gather,
    entries: EntrySort<'s>,
    lines: Lines<'s>,
    next: u64,
}

impl<'s> Crowd<'s> {
    /// An empty group.
    ///
    /// # Errors
    /// Where the staging folder cannot be written.
    pub fn new(table: &'static Table, torn: &'s Torn, scratch: &'s Scratch, limits: &Limits) -> Result<Self> {
        Ok(Self {
            table,
            rows: SegmentWriter::create(scratch)?,
            gather: Gather::new(table),
            entries: EntrySort::new(scratch, limits.entries),
            lines: Lines::new(torn),
            next: 0,
        })
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// Where they cannot be written, or the whole of an old row not be read.
    pub fn add(&mut self, slots: &View, picks: &[Pick]) -> Result<()> {
        let mut written = Vec::with_capacity(picks.len());
        for p in picks {
            self.lines.meet(slots, *p)?;
            let old = slots.held(*p)?.old.is_some();
            let place = if old { NOWHERE } else { self.next };
            self.entries.push(entry(slots, *p, place)?)?;
            if !old {
                self.next += 1;
                written.push(*p);
            }
        }
        if !written.is_empty() {
            self.rows.chunk(&self.gather.rows(slots, &written))?;
        }
        Ok(())
    }

    /// The rows, and which of them stay; all are counted.
    ///
    /// # Errors
    /// Where the staging folder cannot be read or written.
    pub fn finish(mut self, tally: &mut Tally) -> Result<(Segment, Bits)> {
        let mut kept = Bits::default();
        let parts = self.lines.parts();
        let is_part = |e: &Entry| parts.contains(&(e.file_id, e.row));
        let mut judge = Judge::default();
        self.entries.each(|e| {
            if !is_part(e) {
                judge.look(e);
            }
        })?;
        let mut verdicts = judge.verdicts();
        self.entries.each(|e| {
            let keep = !is_part(e) && verdicts.keeps(e);
            tally.count(e.file_id, keep);
            if keep && e.at != NOWHERE {
                kept.set(e.at);
            }
        })?;
        Ok((self.rows.finish_run(self.table, true), kept))
    }
}
