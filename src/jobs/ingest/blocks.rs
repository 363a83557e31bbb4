//! The blocks of one input through its format, on all threads.
//!
//! One thread reads and cuts; every block becomes a task that any idle thread may take. Where too many wait, the reading
//! thread decodes one itself, so that memory stays bounded and no thread ever waits for another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::tally::Tally;
use super::{REJECTS_KEPT, RejectedRecord, Run};
use crate::base::error::{Error, Result};
use crate::base::reject::Reject;
use crate::base::time::Ts;
use crate::ingest::collector;
use crate::ingest::formats::{Block, Carry, Format, Head};
use crate::ingest::framing::{self, BlockReader, Cut};
use crate::ingest::sink::{RecordContext, Sink};
use crate::lake::catalogue::Input;
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
}

/// What the tasks of one input share.
#[derive(Default)]
struct Shared {
    tally: Mutex<Tally>,
    failed: Mutex<Option<Error>>,
    waiting: AtomicUsize,
}

impl Run<'_> {
    /// Decodes all blocks into the run's rows and registers the input. Its number in this run.
    pub(super) fn decode(&self, source: &Source<'_>, blocks: &mut BlockReader<'_>, input: &mut Input) -> Result<u32> {
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
        let by_path = guess.as_ref().map(|g| g.host.as_str());
        let cx = RecordContext {
            input: ordinal,
            format: format.id(),
            fallback_time: source.mtime,
            zone: self.zone(format.id()),
            input_host: self.options.input_host.as_deref().or(by_path),
        };
        let shared = Shared::default();
        let most = rayon::current_num_threads() + 1;
        rayon::in_place_scope(|scope| {
            while shared.failed.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                match blocks.next_cut() {
                    Ok(Some(Cut::Block(block))) => {
                        let before = carry.clone();
                        format.carry(&view(&block, source.base), &mut carry);
                        let shared = &shared;
                        let task = move || {
                            let result = self.block(source, cx, &block, &before, shared);
                            if let Err(e) = result {
                                shared
                                    .failed
                                    .lock()
                                    .unwrap_or_else(PoisonError::into_inner)
                                    .get_or_insert(e);
                            }
                        };
                        if shared.waiting.load(Ordering::Relaxed) >= most {
                            task();
                        } else {
                            shared.waiting.fetch_add(1, Ordering::Relaxed);
                            scope.spawn(move |_| {
                                task();
                                shared.waiting.fetch_sub(1, Ordering::Relaxed);
                            });
                        }
                    }
                    Ok(Some(Cut::Oversized { offset, len, head })) => {
                        let reason = format!("a record of {len} bytes is larger than any log record; skipped");
                        let reject = Reject::new(offset + source.base, reason, &head);
                        shared
                            .tally
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .oversized(reject);
                    }
                    Ok(None) => break,
                    Err(e) => {
                        input.notes.push(format!("not read to its end: {e}"));
                        break;
                    }
                }
            }
        });
        if let Some(e) = shared.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(e);
        }
        let mut tally = shared.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.strict(input, &tally)?;
        self.finish(format, input, &mut tally);
        self.done().inputs.insert(ordinal, std::mem::take(input));
        Ok(ordinal)
    }

    fn block(
        &self,
        source: &Source<'_>,
        cx: RecordContext<'_>,
        block: &framing::Block,
        carry: &Carry,
        shared: &Shared,
    ) -> Result<()> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut sink = Sink::with_rows(cx, rows.unwrap_or_default());
        source.format.decode(&view(block, source.base), carry, &mut sink);
        self.progress.add(0, sink.records);
        if let Some(count) = source.count {
            count(block.bytes.len() as u64);
        }
        shared
            .tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&mut sink);
        self.keep(sink.rows)
    }

    /// Puts rows back for the next block, or hands them to the staging area when they are many.
    fn keep(&self, mut rows: TableSet) -> Result<()> {
        if rows.memory() > self.options.rows_bytes() {
            self.staging.add(&mut rows)?;
        }
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
        Ok(())
    }

    /// Hands all rows to the staging area.
    pub(super) fn flush(&self) -> Result<()> {
        let all = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().try_for_each(|mut rows| self.staging.add(&mut rows))
    }

    /// With `--strict` the first rejected record ends the run.
    fn strict(&self, input: &Input, tally: &Tally) -> Result<()> {
        let first = tally
            .rejects
            .iter()
            .filter(|_| self.options.strict)
            .min_by_key(|r| r.offset);
        match first {
            Some(r) => Err(Error::Strict(format!(
                "{} at byte {}: {}",
                input.path, r.offset, r.reason
            ))),
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
        if format.id().starts_with("mde") && EXPORT_CAPS.contains(&input.records) {
            input.notes.push(format!(
                "exactly {} rows: the portal cuts exports there, later rows are probably missing",
                input.records
            ));
        }
    }

    fn zone(&self, format: &str) -> Option<chrono_tz::Tz> {
        let exact = self.options.zones.iter().find(|(s, _)| s == format);
        let family = || self.options.zones.iter().find(|(s, _)| format.starts_with(s.as_str()));
        let any = || self.options.zones.iter().find(|(s, _)| s == "*");
        exact.or_else(family).or_else(any).map(|(_, z)| *z)
    }
}

/// A block as formats see it, with offsets in the input.
fn view(block: &framing::Block, base: u64) -> Block<'_> {
    Block {
        bytes: &block.bytes,
        offset: block.offset + base,
        place: block.place,
    }
}
