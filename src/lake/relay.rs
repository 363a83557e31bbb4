//! One batch of rows on its way into the files while the next is picked: the pool writes, the merge's own thread goes on.

use std::sync::mpsc::{self, Receiver};

use rayon::Scope;

use super::catalogue::DataFile;
use super::merge::{Pick, View};
use super::write::DayWriter;
use crate::base::error::{Error, Result};

/// Fewer rows are written at once: the way to another thread would cost more.
const RELAYED_ROWS: usize = 1_024;

/// A writer that is given batch by batch; at most one is under way.
pub struct Relay<'r, 'scope> {
    scope: &'r Scope<'scope>,
    writer: Writer<'scope>,
    overlaps: bool,
}

enum Writer<'w> {
    Here(Box<DayWriter<'w>>),
    /// With a batch; it comes back when that is written.
    Away(Receiver<(Box<DayWriter<'w>>, Result<()>)>),
    /// It failed.
    Gone,
}

impl<'r, 'scope> Relay<'r, 'scope> {
    /// A relay to a writer, which works in `scope`.
    pub fn new(scope: &'r Scope<'scope>, writer: DayWriter<'scope>) -> Self {
        Self {
            scope,
            writer: Writer::Here(Box::new(writer)),
            // A thread of the pool must not wait for the pool, and one thread does not do two things at once.
            overlaps: rayon::current_thread_index().is_none() && rayon::current_num_threads() > 1,
        }
    }

    /// Hands over picked rows, when those before are written; `picks` is empty after it.
    ///
    /// # Errors
    /// Where a file cannot be written: with these rows, or with those before.
    pub fn append(&mut self, rows: &View, picks: &mut Vec<Pick>) -> Result<()> {
        if picks.is_empty() {
            return Ok(());
        }
        let mut writer = self.back()?;
        if !self.overlaps || picks.len() < RELAYED_ROWS {
            writer.append(rows, picks)?;
            picks.clear();
            self.writer = Writer::Here(writer);
            return Ok(());
        }
        let room = Vec::with_capacity(picks.capacity());
        let (rows, picks) = (rows.clone(), std::mem::replace(picks, room));
        let (give, take) = mpsc::sync_channel(1);
        self.scope.spawn(move |_| {
            let done = writer.append(&rows, &picks);
            // Nobody takes it where the merge failed.
            let _ = give.send((writer, done));
        });
        self.writer = Writer::Away(take);
        Ok(())
    }

    /// Ends the last file; all files, durable and under their names.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn finish(mut self) -> Result<Vec<DataFile>> {
        self.back()?.finish()
    }

    /// The writer, when it has written what it had.
    fn back(&mut self) -> Result<Box<DayWriter<'scope>>> {
        let gone = || Error::Internal("the writer of a day is gone".to_owned());
        match std::mem::replace(&mut self.writer, Writer::Gone) {
            Writer::Here(writer) => Ok(writer),
            Writer::Away(back) => {
                let (writer, done) = back.recv().map_err(|_| gone())?;
                done.map(|()| writer)
            }
            Writer::Gone => Err(gone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::lake::merge::Slots;
    use crate::lake::rows::{Column, Ints, Rows};
    use crate::lake::write::Layout;
    use crate::schema::process;

    /// Writes batches of which each is given up as soon as it was handed over.
    fn written(root: &Path, overlaps: bool) -> Result<Vec<DataFile>> {
        let layout = Layout::default();
        rayon::in_place_scope(|scope| {
            let mut relay = Relay::new(scope, DayWriter::new(root, &process::TABLE, "2026-03-02", &layout));
            relay.overlaps = overlaps;
            let mut slots = Slots::default();
            for batch in 0..6 {
                let n = if batch == 3 { 7 } else { 3_000 };
                let times: Vec<i64> = (0..n).map(|i| batch * 10_000 + i).collect();
                let rows = Rows::new(
                    &process::TABLE,
                    n as usize,
                    vec![Column::Int(Ints::new(&times).unwrap())],
                );
                let slot = slots.add(Arc::new(rows), None);
                let mut picks: Vec<Pick> = (0..n as u32).map(|at| Pick { slot, at }).collect();
                relay.append(&slots, &mut picks)?;
                assert!(picks.is_empty());
                slots.pass(slot, 1);
                slots.sweep(&[]);
            }
            relay.finish()
        })
    }

    #[test]
    fn what_is_written_beside_the_merge_is_what_is_written_in_turns() {
        let dir = tempfile::tempdir().unwrap();
        let beside = written(&dir.path().join("a"), true).unwrap();
        let turns = written(&dir.path().join("b"), false).unwrap();
        assert_eq!(beside, turns);
        let [file] = beside.as_slice() else { panic!() };
        assert_eq!((file.rows, file.first, file.last), (15_007, 0, 52_999));
    }

    #[test]
    fn a_batch_that_cannot_be_written_is_an_error_of_what_comes_next() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("no_folder");
        std::fs::write(&file, "").unwrap();
        for overlaps in [true, false] {
            assert!(matches!(written(&file, overlaps), Err(Error::Io { .. })));
        }
    }
}
