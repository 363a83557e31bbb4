//! The merged rows of a day without their copies, handed to the writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::DataFile;
use super::crowd::Crowd;
use super::dedup::{self, Entry, Judge};
use super::limits::Limits;
use super::merge::{Merge, Next, Pick, View};
use super::relay::Relay;
use super::segment::Scratch;
use super::torn::{self, Lines, Torn};
use super::write::DayWriter;
use crate::base::error::Result;
use crate::schema::builder::{NULL_CODE, NULL_INT};
use crate::schema::{Table, common};

/// Rows by input: those that stayed and those that gave way.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Rows that stayed, by the input's content id.
    pub kept: BTreeMap<u64, u64>,
    /// Copies that gave way, by the input's content id.
    pub dropped: BTreeMap<u64, u64>,
    run: (u64, u64),
}

impl Tally {
    /// Counts a row.
    pub fn count(&mut self, file_id: u64, kept: bool) {
        match kept {
            false => *self.dropped.entry(file_id).or_default() += 1,
            true if self.run.0 == file_id => self.run.1 += 1,
            true => {
                self.settle();
                self.run = (file_id, 1);
            }
        }
    }

    /// Adds up what was counted.
    pub fn settle(&mut self) {
        let (id, n) = std::mem::take(&mut self.run);
        if n > 0 {
            *self.kept.entry(id).or_default() += n;
        }
    }
}

/// Sifts a merge into a writer; rows of which the lake's files need only be compared are not written again. `torn` are all
/// inputs that end within a line. The files that were written, and the rows that stayed and gave way.
///
/// # Errors
/// Where a run cannot be read or a file not be written.
pub fn sift(
    merge: Merge,
    torn: &Torn,
    out: DayWriter<'_>,
    scratch: &Scratch,
    limits: &Limits,
) -> Result<(Vec<DataFile>, Tally)> {
    rayon::in_place_scope(|scope| {
        let mut s = Sift {
            merge,
            torn,
            table: out.table(),
            out: Relay::new(scope, out),
            scratch,
            limits,
            tally: Tally::default(),
            group: Vec::new(),
            ms: 0,
            batch: Vec::with_capacity(limits.batch_rows),
            hints: Vec::new(),
            entries: Vec::new(),
        };
        s.run()?;
        s.tally.settle();
        Ok((s.out.finish()?, s.tally))
    })
}

struct Sift<'s, 'scope> {
    merge: Merge,
    torn: &'s Torn,
    table: &'static Table,
    out: Relay<'s, 'scope>,
    scratch: &'s Scratch,
    limits: &'s Limits,
    tally: Tally,
    /// Rows of one host and millisecond, `ms`.
    group: Vec<Pick>,
    ms: i64,
    /// Rows that stay.
    batch: Vec<Pick>,
    hints: Vec<(u64, u32)>,
    entries: Vec<Entry>,
}

impl Sift<'_, '_> {
    fn run(&mut self) -> Result<()> {
        while let Some(next) = self.merge.next()? {
            if !self.belongs(&next) {
                self.settle_group()?;
                self.ms = next.ts.div_euclid(1_000);
            }
            self.group.push(next.pick);
            if self.batch.len() >= self.limits.batch_rows {
                self.flush()?;
            }
            if self.crowded() {
                self.flush()?;
                if self.crowded() {
                    self.crowd()?;
                }
            }
        }
        self.settle_group()?;
        self.flush()
    }

    fn belongs(&self, next: &Next) -> bool {
        !next.new_host && !self.group.is_empty() && next.ts.div_euclid(1_000) == self.ms
    }

    fn crowded(&self) -> bool {
        self.group.len() >= self.limits.group_rows || self.merge.slots.passed_bytes() >= self.limits.pinned_bytes
    }

    fn settle_group(&mut self) -> Result<()> {
        if let [pick] = *self.group {
            self.group.clear();
            return self.accept(pick);
        }
        if self.group.len() > 1 {
            self.mend()?;
            self.judge()?;
        }
        let mut group = std::mem::take(&mut self.group);
        for pick in group.drain(..) {
            self.accept(pick)?;
        }
        self.group = group;
        Ok(())
    }

    /// Takes lines out of the group that it has more of.
    fn mend(&mut self) -> Result<()> {
        let slots = &self.merge.slots;
        let mut lines = Lines::new(self.torn);
        self.group.iter().try_for_each(|p| lines.meet(slots, *p))?;
        let parts = lines.parts();
        if parts.is_empty() {
            return Ok(());
        }
        self.group.retain(|p| {
            let place = slots.get(p.slot).map(|s| torn::place(&s.rows, p.at as usize));
            let part = place.filter(|place| parts.contains(place));
            part.inspect(|(file_id, _)| self.tally.count(*file_id, false)).is_none()
        });
        Ok(())
    }

    /// Takes the copies out of the group. Rows that a glance tells apart are not looked at closely.
    fn judge(&mut self) -> Result<()> {
        let slots = &self.merge.slots;
        let narrow = self.group.iter().any(|p| is_narrow(slots, *p));
        self.hints.clear();
        for (i, p) in self.group.iter().enumerate() {
            self.hints.push((hint(slots, *p, narrow), i as u32));
        }
        self.hints.sort_unstable();
        self.entries.clear();
        for alike in self.hints.chunk_by(|a, b| a.0 == b.0).filter(|c| c.len() > 1) {
            for (_, i) in alike {
                if let Some(pick) = self.group.get(*i as usize) {
                    self.entries.push(entry(slots, *pick, u64::from(*i))?);
                }
            }
        }
        if self.entries.is_empty() {
            return Ok(());
        }
        self.entries.sort_unstable();
        let mut judge = Judge::default();
        self.entries.iter().for_each(|e| judge.look(e));
        let mut verdicts = judge.verdicts();
        let mut out = Vec::new();
        for e in &self.entries {
            if !verdicts.keeps(e) {
                self.tally.count(e.file_id, false);
                out.push(e.at);
            }
        }
        out.sort_unstable();
        let mut place = 0;
        self.group.retain(|_| {
            place += 1;
            out.binary_search(&(place - 1)).is_err()
        });
        Ok(())
    }

    fn accept(&mut self, pick: Pick) -> Result<()> {
        let slot = self.merge.slots.held(pick)?;
        let id = slot.rows.int(common::FILE_ID, pick.at as usize) as u64;
        self.tally.count(id, true);
        if slot.old.is_none() {
            self.batch.push(pick);
        }
        Ok(())
    }

    /// Hands the rows that stay to the writer. Only rows of the group are held here after it.
    fn flush(&mut self) -> Result<()> {
        self.out.append(&self.merge.slots, &mut self.batch)?;
        self.merge.slots.sweep(&self.group);
        Ok(())
    }

    /// More rows share a host and a millisecond than memory should hold: the rest of the group goes through the disk.
    fn crowd(&mut self) -> Result<()> {
        let mut crowd = Crowd::new(self.table, self.torn, self.scratch, self.limits)?;
        let after = loop {
            crowd.add(&self.merge.slots, &self.group)?;
            self.group.clear();
            self.merge.slots.sweep(&[]);
            let after = loop {
                match self.merge.next()? {
                    Some(n) if !n.new_host && n.ts.div_euclid(1_000) == self.ms => {
                        self.group.push(n.pick);
                        if self.group.len() >= self.limits.group_rows.min(self.limits.batch_rows)
                            || self.merge.slots.passed_bytes() >= self.limits.pinned_bytes
                        {
                            break None;
                        }
                    }
                    other => break Some(other),
                }
            };
            if let Some(after) = after {
                break after;
            }
        };
        crowd.add(&self.merge.slots, &self.group)?;
        self.group.clear();
        self.settle_crowd(crowd, after.map(|n| n.pick))?;
        if let Some(n) = after {
            self.ms = n.ts.div_euclid(1_000);
            self.group.push(n.pick);
        }
        Ok(())
    }

    fn settle_crowd(&mut self, crowd: Crowd<'_>, next: Option<Pick>) -> Result<()> {
        let (mut rows, kept) = crowd.finish(&mut self.tally)?;
        let held: Vec<Pick> = next.into_iter().collect();
        let mut place = 0;
        while let Some(chunk) = rows.next_chunk()? {
            let (bytes, n) = (chunk.memory(), chunk.len());
            let slot = self.merge.slots.add(Arc::new(chunk), None);
            for at in 0..n as u32 {
                if kept.get(place) {
                    self.batch.push(Pick { slot, at });
                }
                place += 1;
            }
            self.merge.slots.pass(slot, bytes);
            self.out.append(&self.merge.slots, &mut self.batch)?;
            self.merge.slots.sweep(&held);
        }
        Ok(())
    }
}

/// Whether only a part of the row's columns was read.
fn is_narrow(slots: &View, p: Pick) -> bool {
    slots.get(p.slot).is_some_and(|s| s.old.is_some())
}

/// Rows with different hints are not copies. Where some rows of the group were read in part a glance would mislead.
fn hint(slots: &View, p: Pick, narrow: bool) -> u64 {
    let Some(slot) = slots.get(p.slot) else { return 0 };
    let at = p.at as usize;
    let id = slot.rows.int(common::RECORD_ID, at);
    match (id, slot.rows.code(common::CHANNEL, at)) {
        (NULL_INT, _) | (_, NULL_CODE) if narrow => u64::MAX,
        (NULL_INT, _) | (_, NULL_CODE) => slot.rows.glance(at) & !1,
        (id, _) => (id as u64) << 1 | 1,
    }
}

/// The entry of a row for the duplicates' rule; `place` is its place in the group.
pub(super) fn entry(slots: &View, p: Pick, place: u64) -> Result<Entry> {
    let slot = slots.held(p)?;
    let at = p.at as usize;
    let whole = || match &slot.old {
        Some(old) => old.identity(at),
        None => Ok(slot.rows.identity(at)),
    };
    dedup::entry(&slot.rows, at, place, whole)
}
