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
