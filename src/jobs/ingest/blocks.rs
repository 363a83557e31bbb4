//! The blocks of one input through its format, on all threads.
//!
//! One thread reads and cuts; every block becomes a task that any idle thread may take. Where too many wait, the reading
//! thread decodes one itself, so that memory stays bounded. It waits for others only in front of a checkpoint (`resume`), until
//! the blocks before it are decoded; decoding waits for nothing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::Scope;

use super::content::Content;
use super::input::Failed;
use super::resume::{Track, Turn, Way};
use super::tally::Tally;
use super::work::Work;
use super::{REJECTS_KEPT, RejectedRecord, Run};
use crate::base::error::{Error, Result};
use crate::base::reject::Reject;
use crate::base::time::Ts;
use crate::ingest::collector;
use crate::ingest::formats::{Block, Carry, Format, Head};
use crate::ingest::framing::{self, BlockReader, Cut, Framing};
use crate::ingest::sink::{RecordContext, Sink};
use crate::lake::catalogue::Input;
use crate::lake::staging::Lane;
use crate::schema::builder::TableSet;

/// Portals cut exports at these numbers of rows (formats.md 1.5).
const EXPORT_CAPS: &[u64] = &[10_000, 30_000, 100_000];

/// One input on its way through its format.
pub(super) struct Source<'s> {
    pub(super) format: &'static (dyn Format + Sync),
    pub(super) head: &'s Head<'s>,
    pub(super) mtime: Ts,
    /// Bytes in front of the first block (a byte order mark).
    pub(super) base: u64,
    /// Told how many bytes of a block were decoded, where the container does not count them itself.
    pub(super) count: Option<&'s (dyn Fn(u64) + Sync)>,
    /// By what the input is told, where it is large enough for checkpoints.
    pub(super) content: Option<Content<'s>>,
}

/// A block, and the state in front of it.
type Task = (framing::Block, Carry);

impl Source<'_> {
    /// Tells that a block is done.
    fn passed(&self, block: &framing::Block) {
        if let Some(count) = self.count {
            count(block.bytes.len() as u64);
        }
    }
}

/// What the tasks of one input share.
struct Shared<'s> {
    source: &'s Source<'s>,
    cx: RecordContext<'s>,
    /// Path of the input.
    path: String,
    track: Option<&'s Track>,
    work: Work<(Lane, Task)>,
    tally: Mutex<Tally>,
    failed: Mutex<Option<Failed>>,
}

impl Shared<'_> {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, with: Failed) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert(with);
    }

    fn has_failed(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Run<'_> {
    /// Decodes all blocks into the run's rows and registers the input. Its number in this run.
    pub(super) fn decode(
        &self,
        source: &Source<'_>,
        blocks: &mut BlockReader<'_>,
        input: &mut Input,
    ) -> Result<u32, Failed> {
        let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
        let format = source.format;
        let mut carry = Carry {
            input_time: source.mtime,
            name: crate::base::text::basename(source.head.name).into(),
            codepage: self.options.codepage,
            date_order: self.options.date_order,
            ..Carry::default()
        };
        format.open(source.head, &mut carry);
        let guess = match self.options.input_host {
            Some(_) => None,
            None => collector::host_of(source.head.name),
        };
        if let Some(g) = &guess {
            input.notes.push(format!(
                "records that name no host are taken as of {}, by the path ({}); --input-host says another",
                g.host, g.collector
            ));
        }
        input.read_as = Some(self.read_as(format.id()));
        let by_path = guess.as_ref().map(|g| g.host.as_str());
        let cx = RecordContext {
            input: ordinal,
            format: format.id(),
            fallback_time: source.mtime,
            zone: self.zone(format.id()),
            input_host: self.options.input_host.as_deref().or(by_path),
        };
        let (track, way) = self.track(source, &cx, &carry, &input.path)?.unzip();
        let shared = Shared {
            source,
            cx,
            path: input.path.clone(),
            track: track.as_ref(),
            work: Work::default(),
            tally: Mutex::default(),
            failed: Mutex::default(),
        };
        let way = way.unwrap_or_default();
        rayon::in_place_scope(|scope| {
            if let Err(e) = self.read(blocks, carry, way, &shared, scope, input) {
                shared.fail(e);
            }
        });
        let Shared { tally, failed, .. } = shared;
        if let Some(e) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(e);
        }
        let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.strict(&input.path, &tally)?;
        self.finish(format, input, &mut tally);
        self.done().inputs.insert(ordinal, std::mem::take(input));
        Ok(ordinal)
    }

    /// Cuts the input and gives its blocks to all threads.
    fn read<'s>(
        &'s self,
        blocks: &mut BlockReader<'_>,
        mut carry: Carry,
        mut way: Way,
        shared: &'s Shared<'s>,
        scope: &Scope<'s>,
        input: &mut Input,
    ) -> Result<(), Failed> {
        let (source, number) = (shared.source, shared.cx.input);
        let mut lane = match shared.track {
            Some(track) if !way.is_before() => self.lane(track, number),
            _ => Lane::COMMON,
        };
        let mut end = source.base;
        while !shared.has_failed() {
            let block = match blocks.next_cut() {
                Ok(Some(Cut::Block(block))) => block,
                // It is counted among what an earlier run read.
                Ok(Some(Cut::Oversized { .. })) if way.is_before() => continue,
                Ok(Some(Cut::Oversized { offset, len, head })) => {
                    let reason = format!("a record of {len} bytes is larger than any log record; skipped");
                    let reject = Reject::new(offset + source.base, reason, &head);
                    shared.tally().oversized(len, reject);
                    continue;
                }
                Ok(None) => {
                    let mut sink = Sink::new(shared.cx);
                    source.format.close(end, &carry, &mut sink);
                    shared.tally().add(&mut sink);
                    break;
                }
                Err(e) => {
                    input.notes.push(format!("not read to its end: {e}"));
                    break;
                }
            };
            end = source.base + block.offset + block.bytes.len() as u64;
            let torn = torn(source.format.framing(), &block.bytes).map(|len| end - len);
            // A record in a file of its own is none of a log that grows, and there may be very many.
            input.torn = torn.filter(|at| *at > source.base);
            if let (Some(track), Some(content)) = (shared.track, &source.content) {
                let every = self.options.checkpoint_bytes.filter(|_| track.is_free());
                match way.turn(block.offset, every, content) {
                    Ok(Turn::Pass) => {
                        source.format.carry(&view(&block, source.base), &mut carry);
                        source.passed(&block);
                        continue;
                    }
                    Ok(Turn::Adopt(found)) => {
                        let (adopted, tally) = self.adopt(track, number, &shared.path, *found);
                        lane = adopted;
                        *shared.tally() = tally;
                    }
                    Ok(Turn::Save) => self.checkpoint(track, lane, block.offset, shared, scope)?,
                    Ok(Turn::Decode) => {}
                    Err(_) => return Err(self.replaced(track, &shared.path)),
                }
            }
            let before = carry.clone();
            source.format.carry(&view(&block, source.base), &mut carry);
            if shared.work.put((lane, (block, before))) > rayon::current_num_threads() + 1 {
                shared.work.one(|task| self.task(task, shared));
            } else {
                scope.spawn(|_| {
                    shared.work.one(|task| self.task(task, shared));
                });
            }
        }
        let ended_early = way.is_before() && !shared.has_failed();
        // Its files must be closed where they are to be removed.
        drop(way);
        match shared.track.filter(|_| ended_early) {
            Some(track) => Err(self.replaced(track, &shared.path)),
            None => Ok(()),
        }
    }

    /// Waits until all blocks before `offset` are decoded, and has a checkpoint of them written.
    fn checkpoint<'s>(
        &'s self,
        track: &'s Track,
        lane: Lane,
        offset: u64,
        shared: &'s Shared<'s>,
        scope: &Scope<'s>,
    ) -> Result<()> {
        shared.work.all(|task| self.task(task, shared));
        let Some(content) = shared.source.content.filter(|_| !shared.has_failed()) else {
            return Ok(());
        };
        let tally = shared.tally().clone();
        self.strict(&shared.path, &tally)?;
        self.flush(Some(lane))?;
        let (mark, leaving) = self.mark(track, lane, offset, content.proof(), tally);
        // With one thread nobody else could.
        match rayon::current_num_threads() {
            1 => self.save(track, &shared.path, &mark, leaving),
            _ => scope.spawn(move |_| self.save(track, &shared.path, &mark, leaving)),
        }
        Ok(())
    }

    fn task(&self, (lane, (block, before)): (Lane, Task), shared: &Shared<'_>) {
        if let Err(e) = self.block(&block, &before, lane, shared) {
            shared.fail(e.into());
        }
    }

    fn block(&self, block: &framing::Block, carry: &Carry, lane: Lane, shared: &Shared<'_>) -> Result<()> {
        let source = shared.source;
        let mut sink = Sink::with_rows(shared.cx, self.rows_of(lane)?);
        source.format.decode(&view(block, source.base), carry, &mut sink);
        self.progress.add(0, sink.records);
        source.passed(block);
        shared.tally().add(&mut sink);
        self.keep(lane, sink.rows)
    }

    /// Rows under construction of a lane. So many as there are threads wait at most, beside those that threads work on.
    fn rows_of(&self, lane: Lane) -> Result<TableSet> {
        let mut idle = self.idle();
        let own = idle.iter().rposition(|(of, _)| *of == lane);
        if own.is_none() && idle.len() < rayon::current_num_threads() {
            return Ok(TableSet::default());
        }
        let (of, mut rows) = idle.swap_remove(own.unwrap_or(0));
        drop(idle);
        if of != lane {
            self.staging.add_to(of, &mut rows)?;
        }
        Ok(rows)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Lane, TableSet)>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts rows back for the next block, or hands them to the staging area when they are many.
    fn keep(&self, lane: Lane, mut rows: TableSet) -> Result<()> {
        if rows.memory() > self.options.rows_bytes() {
            self.staging.add_to(lane, &mut rows)?;
        }
        self.idle().push((lane, rows));
        Ok(())
    }

    /// Hands all rows to the staging area, or those of one lane.
    pub(super) fn flush(&self, lane: Option<Lane>) -> Result<()> {
        let all = std::mem::take(&mut *self.idle());
        let (leave, stay): (Vec<_>, _) = all.into_iter().partition(|(of, _)| lane.is_none_or(|l| l == *of));
        self.idle().extend(stay);
        let mut leave = leave.into_iter();
        leave.try_for_each(|(of, mut rows)| self.staging.add_to(of, &mut rows))
    }

    /// With `--strict` the first rejected record ends the run.
    fn strict(&self, path: &str, tally: &Tally) -> Result<()> {
        let first = tally
            .rejects
            .iter()
            .filter(|_| self.options.strict)
            .min_by_key(|r| r.offset);
        match first {
            Some(r) => Err(Error::Strict(format!("{path} at byte {}: {}", r.offset, r.reason))),
            None => Ok(()),
        }
    }

    fn finish(&self, format: &dyn Format, input: &mut Input, tally: &mut Tally) {
        tally.finish(input);
        tally.rejects.sort_by_key(|r| r.offset);
        let mut done = self.done();
        let room = REJECTS_KEPT.saturating_sub(done.rejects.len());
        let path = input.path.clone();
        let rejects = tally.rejects.drain(..).take(room);
        done.rejects.extend(rejects.map(|reject| RejectedRecord {
            input: path.clone(),
            reject,
        }));
        if input.records == 0 {
            input.notes.push("no records in it".to_owned());
        }
        if tally.foreign > 0 {
            input.notes.push(format!(
                "{} of {} lines are of other programs: they are kept as events, and no signal understands them",
                tally.foreign, input.records
            ));
        }
        if tally.lost > 0 {
            let lost = format!(
                "{} of its chunks are missing, wiped or damaged; the others were read; look for an intact copy",
                tally.lost
            );
            done.unreadable.push(format!("{path}: {lost}"));
            input.notes.push(lost);
        }
        if format.id().starts_with("mde") && EXPORT_CAPS.contains(&input.records) {
            input.notes.push(format!(
                "exactly {} rows: the portal cuts exports there, later rows are probably missing",
                input.records
            ));
        }
    }

    pub(super) fn zone(&self, format: &str) -> Option<chrono_tz::Tz> {
        let exact = self.options.zones.iter().find(|(s, _)| s == format);
        let family = || self.options.zones.iter().find(|(s, _)| format.starts_with(s.as_str()));
        let any = || self.options.zones.iter().find(|(s, _)| s == "*");
        exact.or_else(family).or_else(any).map(|(_, z)| *z)
    }
}

/// The length of the last line of a text, if it does not end.
fn torn(framing: Framing, text: &[u8]) -> Option<u64> {
    if !matches!(framing, Framing::Lines | Framing::Csv) {
        return None;
    }
    let last = text.len() - memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    (last > 0).then_some(last as u64)
}

/// A block as formats see it, with offsets in the input.
fn view(block: &framing::Block, base: u64) -> Block<'_> {
    Block {
        bytes: &block.bytes,
        offset: block.offset + base,
        place: block.place,
    }
}
