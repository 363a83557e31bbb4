//! One large input over several runs: how far it was read is noted on the way, and a run behind one that was killed goes on there.
//!
//! The next run cuts the same text into the same blocks up to the place of the checkpoint, carries headers over them and
//! does not decode them; the text is hashed on the way as ever, and only where it is the same to the byte do the rows of the
//! checkpoint count. All that rows depend on beside the text is part of the checkpoint's name.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::blocks::Source;
use super::content::{Content, Proof};
use super::input::Failed;
use super::packed::stamp;
use super::tally::Tally;
use super::{Resumed, Run};
use crate::base::error::Result;
use crate::ingest::formats::Carry;
use crate::ingest::framing::BlockSizes;
use crate::ingest::sink::RecordContext;
use crate::lake::checkpoint::{Checkpoint, Found};
use crate::lake::staging::{Lane, Leaving};
use crate::schema::TABLES;

/// A checkpoint comes after at least this part of all before it: their number, and that of their files, stays small.
const SHARE: u64 = 32;

/// How far an input was read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The blocks before this place are in the segments.
    offset: u64,
    proof: Proof,
    tally: Tally,
}

/// The checkpoints of one input.
pub(super) struct Track {
    checkpoint: Mutex<Checkpoint>,
    dir: PathBuf,
    /// Whether one is being written, or none can be written any more.
    busy: AtomicBool,
}

/// Where one input stands between what an earlier run read, and the next checkpoint.
#[derive(Default)]
pub(super) struct Way {
    /// What to go on from, until that place is reached.
    found: Option<Found<Mark>>,
    /// Place of the last checkpoint.
    last: u64,
}

/// What is to be done with a block.
pub(super) enum Turn {
    /// An earlier run decoded it.
    Pass,
    /// The place of the checkpoint was reached, and this was known of the input there.
    Adopt(Box<Found<Mark>>),
    /// Decode it.
    Decode,
    /// The same, after a checkpoint of all before it.
    Save,
}

impl Way {
    /// What to do with a block at `offset`. `every` are bytes between checkpoints, `None` where there are none.
    pub(super) fn turn(&mut self, offset: u64, every: Option<u64>, content: &Content<'_>) -> Result<Turn, Failed> {
        if let Some((mark, segments)) = self.found.take() {
            if offset < mark.offset {
                self.found = Some((mark, segments));
                return Ok(Turn::Pass);
            }
            if offset > mark.offset || !content.is_proven(&mark.proof) {
                return Err(Failed::Replaced);
            }
            self.last = offset;
            return Ok(Turn::Adopt(Box::new((mark, segments))));
        }
        let due = every.is_some_and(|every| offset - self.last >= every.max(offset / SHARE));
        if due {
            self.last = offset;
        }
        Ok(if due { Turn::Save } else { Turn::Decode })
    }

    /// Whether what an earlier run read goes further than the input did so far.
    pub(super) fn is_before(&self) -> bool {
        self.found.is_some()
    }
}

impl Track {
    /// Whether a checkpoint can be written now.
    pub(super) fn is_free(&self) -> bool {
        !self.busy.load(Ordering::Relaxed)
    }

    fn checkpoint(&self) -> MutexGuard<'_, Checkpoint> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run<'_> {
    /// The checkpoints of an input and where it stands; `None` where it has none.
    pub(super) fn track(
        &self,
        source: &Source<'_>,
        cx: &RecordContext<'_>,
        carry: &Carry,
        path: &str,
    ) -> Result<Option<(Track, Way)>> {
        let Some(content) = source.content else { return Ok(None) };
        let dir = self.lake.checkpoint_dir().join(name(source, cx, carry));
        // Of two inputs that begin alike the first has the checkpoint.
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        if !claimed.insert(dir.clone()) {
            return Ok(None);
        }
        drop(claimed);
        let mut checkpoint = Checkpoint::new(dir.clone());
        let found = match checkpoint.load::<Mark>() {
            Ok(Some((mark, _))) if !content.may_prove(&mark.proof) => {
                Err("the file is another one or was written to".to_owned())
            }
            other => other,
        };
        if let Err(why) = &found {
            let text = format!(
                "{path}: the checkpoint of a run that was killed is of no use ({why}); read from the beginning"
            );
            self.done().notices.push(text);
        }
        let found = found.ok().flatten();
        if found.is_none() {
            checkpoint.remove()?;
        }
        let track = Track {
            checkpoint: Mutex::new(checkpoint),
            dir,
            busy: AtomicBool::new(false),
        };
        Ok(Some((track, Way { found, last: 0 })))
    }

    /// A lane for the rows of an input, without any yet.
    pub(super) fn lane(&self, track: &Track, input: u32) -> Lane {
        self.staging.lane(track.dir.clone(), input, Vec::new())
    }

    /// Takes over what an earlier run read: the lane with its rows, and its sums.
    pub(super) fn adopt(&self, track: &Track, input: u32, path: &str, found: Found<Mark>) -> (Lane, Tally) {
        let (mark, segments) = found;
        let lane = self.staging.lane(track.dir.clone(), input, segments);
        self.progress.add(0, mark.tally.records);
        self.done().resumed.push(Resumed {
            input: path.to_owned(),
            offset: mark.offset,
            records: mark.tally.records,
        });
        (lane, mark.tally)
    }

    /// Gives up what an earlier run read: the input is not what it was.
    pub(super) fn replaced(&self, track: &Track, path: &str) -> Failed {
        let text = format!(
            "{path}: begins like the file of a run that was killed, and goes on otherwise; read from the beginning"
        );
        self.done().notices.push(text);
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&track.dir);
        match track.checkpoint().remove() {
            Ok(()) => Failed::Replaced,
            Err(e) => Failed::Run(e),
        }
    }

    /// Notes how far an input was read; `save` does the work, on any thread, while the next blocks are decoded.
    pub(super) fn mark(&self, track: &Track, lane: Lane, offset: u64, proof: Proof, tally: Tally) -> (Mark, Leaving) {
        track.busy.store(true, Ordering::Relaxed);
        let mark = Mark { offset, proof, tally };
        (mark, self.staging.leave(lane))
    }

    /// Writes a checkpoint. Where that fails the run goes on without.
    pub(super) fn save(&self, track: &Track, path: &str, mark: &Mark, leaving: Leaving) {
        let written = self.staging.settle(leaving);
        match written.and_then(|segments| track.checkpoint().store(mark, &segments)) {
            Ok(()) => track.busy.store(false, Ordering::Relaxed),
            Err(e) => {
                let text = format!("{path}: read without further checkpoints, as one could not be written: {e}");
                self.done().notices.push(text);
            }
        }
    }
}

/// A name for all that rows depend on beside the text behind its head: this program, options, format, headers, the file's
/// name and time.
fn name(source: &Source<'_>, cx: &RecordContext<'_>, carry: &Carry) -> String {
    let program = std::env::current_exe().ok().as_deref().and_then(stamp);
    let rows = RecordContext { input: 0, ..*cx };
    let all = (
        env!("CARGO_PKG_VERSION"),
        program,
        TABLES,
        BlockSizes::default(),
        source.base,
        rows,
        carry,
    );
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{all:?}").as_bytes());
    hasher.update(source.head.bytes);
    let name = hasher.finalize().to_hex();
    name.get(..32).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(offset: u64) -> Option<Found<Mark>> {
        let mark = Mark {
            offset,
            proof: Proof::Content("id".to_owned()),
            tally: Tally::default(),
        };
        Some((mark, Vec::new()))
    }

    fn turns(found: Option<Found<Mark>>, offsets: &[u64]) -> String {
        let mut way = Way { found, last: 0 };
        let content = Content::Whole("id", b"");
        let turn = |offset: &u64| match way.turn(*offset, Some(10), &content) {
            Ok(Turn::Pass) => '-',
            Ok(Turn::Adopt(_)) => 'a',
            Ok(Turn::Decode) => '.',
            Ok(Turn::Save) => 's',
            Err(_) => '!',
        };
        offsets.iter().map(turn).collect()
    }

    #[test]
    fn blocks_are_passed_up_to_the_checkpoint_and_saved_at_intervals_behind_it() {
        assert_eq!(turns(None, &[0, 4, 8, 12, 16, 20, 24]), "...s..s");
        assert_eq!(turns(found(12), &[0, 4, 8, 12, 16, 20, 24]), "---a..s");
        // Not cut where it was: another file.
        assert_eq!(turns(found(10), &[0, 4, 8, 12]), "---!");
        // Far into a file checkpoints are further apart.
        assert_eq!(turns(found(6_400), &[6_400, 6_500, 6_620]), "a.s");
    }
}
