//! Ingest: files → portions (`portions`) → members (`input`) → blocks (`blocks`) → rows → a commit for each portion.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::progress::Progress;
use crate::base::error::{Error, Result};
use crate::base::reject::Reject;
use crate::base::time::{DateOrder, Ts};
use crate::ingest::container::{self, BufferPool, Note, NoteKind, OpenOptions};
use crate::ingest::discover::{Discovered, Skipped, discover};
use crate::lake::Lake;
use crate::lake::catalogue::Input;
use crate::lake::checkpoint;
use crate::lake::commit::{Committed, commit};
use crate::lake::staging::{Lane, Staging};
use crate::schema::builder::TableSet;
use input::{Failed, Opened};
use packed::Whole;

mod blocks;
mod content;
mod input;
mod packed;
mod portions;
mod read_as;
mod resume;
mod tally;
#[cfg(test)]
mod tests;
mod work;

/// A file that was not written to for this long is an archive and may be mapped.
const SETTLED: Duration = Duration::from_secs(24 * 3600);
/// Rejected records that are kept in words; all are counted.
const REJECTS_KEPT: usize = 200_000;

/// How to read.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Bytes that may wait in memory before they are spilled.
    pub staging_bytes: usize,
    /// `--format`: format of all inputs.
    pub format: Option<String>,
    /// `--tz SOURCE=ZONE`: zones of sources that write local time; `*` is every source.
    pub zones: Vec<(String, chrono_tz::Tz)>,
    /// `--codepage`.
    pub codepage: Option<&'static encoding_rs::Encoding>,
    /// `--date-order`.
    pub date_order: Option<DateOrder>,
    /// `--input-host`.
    pub input_host: Option<String>,
    /// `--custody`: SHA-256 of every input.
    pub custody: bool,
    /// `--strict`: the first reject fails the run, which leaves the lake as it was.
    pub strict: bool,
    /// `--commit-every`: bytes of text read between two commits, at least.
    pub commit_bytes: u64,
    /// `--checkpoint-every`: bytes of text of one large input between two checkpoints, at least; `None` for none at all.
    pub checkpoint_bytes: Option<u64>,
    /// Archives.
    pub open: OpenOptions,
}

impl IngestOptions {
    /// Bytes of rows that one thread gathers before they are staged: large enough that texts which repeat are stored once,
    /// small enough that what finds those texts stays in the caches, and that the rows of all threads are a small part of the
    /// whole. The room for them is up to twice as large. Measured: 4 to 8 MiB take a tenth less memory than 24, and no more
    /// time.
    fn rows_bytes(&self) -> usize {
        let threads = rayon::current_num_threads().max(1);
        (self.staging_bytes / 12 / threads).clamp(1 << 20, 8 << 20)
    }
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            staging_bytes: 512 << 20,
            format: None,
            zones: Vec::new(),
            codepage: None,
            date_order: None,
            input_host: None,
            custody: false,
            strict: false,
            commit_bytes: 16 << 30,
            checkpoint_bytes: Some(1 << 30),
            open: OpenOptions::default(),
        }
    }
}

/// A rejected record and its input.
#[derive(Debug, Clone)]
pub struct RejectedRecord {
    /// Path of the input.
    pub input: String,
    /// What and why.
    pub reject: Reject,
}

/// An input of which an earlier run that was killed had read a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// Path of the input.
    pub input: String,
    /// Bytes of text that were not decoded again.
    pub offset: u64,
    /// Records in them.
    pub records: u64,
}

/// What an ingest did.
#[derive(Debug, Default)]
pub struct IngestReport {
    /// Every input of this run, sorted by path.
    pub inputs: Vec<Input>,
    /// Rejected records by input and offset.
    pub rejects: Vec<RejectedRecord>,
    /// Inputs or parts of them that could not be read: path, reason and next step.
    pub unreadable: Vec<String>,
    /// Things left out on purpose.
    pub skipped: Vec<String>,
    /// Inputs that were not read from their beginning, because an earlier run had.
    pub resumed: Vec<Resumed>,
    /// What went otherwise with checkpoints than one would like.
    pub notices: Vec<String>,
    /// What was committed.
    pub committed: Committed,
}

impl IngestReport {
    /// Inputs of which more than `share` of the records or of the bytes were rejected: what is no record at all is rejected
    /// in one piece, however large.
    pub fn mostly_rejected(&self, share: f64) -> impl Iterator<Item = &Input> {
        let above = move |part: u64, of: u64| part as f64 > share * of as f64;
        self.inputs
            .iter()
            .filter(move |i| above(i.rejected, i.records) || above(i.rejected_bytes, i.bytes))
    }
}

/// Finds the files behind the inputs.
///
/// # Errors
/// [`Error::Usage`] for an input that is not there.
pub fn find(inputs: &[PathBuf]) -> Result<Discovered> {
    discover(inputs, &super::outputs::names()).map_err(|e| Error::Usage(e.to_string()))
}

impl IngestReport {
    /// Adds what a later portion did.
    fn add(&mut self, later: Self) {
        self.inputs.extend(later.inputs);
        let room = REJECTS_KEPT.saturating_sub(self.rejects.len());
        self.rejects.extend(later.rejects.into_iter().take(room));
        self.unreadable.extend(later.unreadable);
        self.skipped.extend(later.skipped);
        self.resumed.extend(later.resumed);
        self.notices.extend(later.notices);
        self.committed.rows += later.committed.rows;
        self.committed.files += later.committed.files;
    }

    fn sort(&mut self) {
        self.inputs.sort_by(|a, b| a.path.cmp(&b.path));
        self.rejects
            .sort_by(|a, b| (&a.input, a.reject.offset).cmp(&(&b.input, b.reject.offset)));
        self.unreadable.sort();
        self.skipped.sort();
        self.resumed.sort_by(|a, b| a.input.cmp(&b.input));
        self.notices.sort();
    }
}

/// Reads all inputs into the lake.
///
/// # Errors
/// On failures of the lake, which then is what it was after the last commit; inputs that cannot be read are in the report.
pub fn ingest(
    lake: &mut Lake,
    found: &Discovered,
    options: &IngestOptions,
    progress: &Progress,
) -> Result<IngestReport> {
    let sized = |f: &PathBuf| (f.clone(), std::fs::metadata(f).map_or(0, |m| m.len()));
    let files: Vec<(PathBuf, u64)> = found.files.iter().map(sized).collect();
    progress.set_total(files.iter().map(|f| f.1).sum());
    let said = |list: &[Skipped]| list.iter().map(ToString::to_string).collect();
    let mut report = IngestReport {
        skipped: said(&found.skipped),
        unreadable: said(&found.unreadable),
        ..IngestReport::default()
    };
    let least = Some(options.commit_bytes).filter(|_| !options.strict);
    for portion in portions::cut(files, least) {
        report.add(read(lake, portion, options, progress)?);
    }
    // Those of inputs that did not come again would stay for ever.
    checkpoint::remove(&lake.checkpoint_dir())?;
    report.sort();
    Ok(report)
}

/// Reads files into the lake with one commit.
fn read(
    lake: &mut Lake,
    mut files: Vec<(PathBuf, u64)>,
    options: &IngestOptions,
    progress: &Progress,
) -> Result<IngestReport> {
    progress.stage("reading");
    let run = Run {
        open: OpenOptions {
            map_older_than: SystemTime::now().checked_sub(SETTLED),
            ..options.open.clone()
        },
        lake,
        options,
        progress,
        staging: Staging::new(lake.staging_dir(), options.staging_bytes),
        buffers: Arc::default(),
        rows: Mutex::default(),
        claimed: Mutex::default(),
        next: AtomicU32::new(0),
        done: Mutex::new(Done::default()),
    };
    // Large files first, so that no core waits for one that began last.
    files.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    files.par_iter().try_for_each(|(path, size)| run.file(path, *size))?;
    run.flush(None)?;
    let Run {
        staging, done, claimed, ..
    } = run;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut inputs: Vec<Input> = Vec::new();
    // A number that was given to an input before it was read anew is nobody's.
    let numbers = done.inputs.last_key_value().map_or(0, |(last, _)| *last as usize + 1);
    inputs.resize_with(numbers, Input::default);
    for (ordinal, input) in done.inputs {
        if let Some(slot) = inputs.get_mut(ordinal as usize) {
            *slot = input;
        }
    }
    progress.stage("writing the lake");
    let packed = packed::told(done.packed, &inputs);
    let committed = commit(lake, &staging, &mut inputs, &packed);
    drop(staging);
    // Rows that a defect keeps from being committed would keep every later run from it, too.
    if matches!(committed, Ok(_) | Err(Error::Internal(_))) {
        let claimed = claimed.into_inner().unwrap_or_else(PoisonError::into_inner);
        claimed.iter().try_for_each(|dir| checkpoint::remove(dir))?;
    }
    inputs.retain(|i| !i.path.is_empty());
    Ok(IngestReport {
        inputs,
        rejects: done.rejects,
        unreadable: done.unreadable,
        skipped: done.skipped,
        resumed: done.resumed,
        notices: done.notices,
        committed: committed?,
    })
}

/// What a container says of itself, and the numbers of its members.
type Members = (Result<Vec<Note>, container::Error>, Vec<Option<u32>>);

#[derive(Default)]
struct Done {
    inputs: BTreeMap<u32, Input>,
    rejects: Vec<RejectedRecord>,
    unreadable: Vec<String>,
    skipped: Vec<String>,
    resumed: Vec<Resumed>,
    notices: Vec<String>,
    packed: Vec<Whole>,
}

struct Run<'r> {
    open: OpenOptions,
    lake: &'r Lake,
    options: &'r IngestOptions,
    progress: &'r Progress,
    staging: Staging,
    buffers: Arc<BufferPool>,
    /// Rows under construction that no thread works on.
    rows: Mutex<Vec<(Lane, TableSet)>>,
    /// Folders of checkpoints that inputs of this run have.
    claimed: Mutex<BTreeSet<PathBuf>>,
    next: AtomicU32,
    done: Mutex<Done>,
}

impl Run<'_> {
    fn file(&self, path: &Path, size: u64) -> Result<()> {
        let mtime = modified(path);
        let sha256 = match self.options.custody {
            true => sha256(path).map_err(|e| Error::io(path, "cannot read for --custody", e))?,
            false => None,
        };
        let reading = self.progress.file(path, size);
        if let Some(known) = self.known(path, size) {
            known.into_iter().for_each(|input| {
                self.register(input);
            });
            return Ok(());
        }
        let text = portions::text_bytes(path, size);
        let count = |bytes| reading.add(bytes);
        let opened = Opened {
            mtime,
            sha256: sha256.as_deref(),
            count: &count,
            checkpoints: self.options.checkpoint_bytes.is_some_and(|every| text > every) && path.is_file(),
        };
        let stamp = packed::stamp(path);
        let (notes, members) = loop {
            match self.open(path, opened) {
                Ok(read) => break read,
                Err(Failed::Run(e)) => return Err(e),
                Err(Failed::Replaced) => reading.rewind(),
            }
        };
        match notes {
            Ok(notes) => {
                if notes.is_empty() {
                    self.note_packed(path, stamp, members);
                }
                notes.into_iter().for_each(|n| self.note(n));
            }
            Err(e) => self.done().unreadable.push(e.to_string()),
        }
        if let Some((now, _)) = packed::stamp(path).filter(|(now, _)| *now < size) {
            self.note(Note {
                place: path.to_string_lossy().into_owned(),
                kind: NoteKind::Truncated,
                reason: format!("it was cut from {size} to {now} bytes while it was read"),
                next_step: "read the copy that log rotation made, or this file once more",
            });
        }
        Ok(())
    }

    /// Reads all members of a file: what the container says of it, and their numbers.
    fn open(&self, path: &Path, opened: Opened<'_>) -> Result<Members, Failed> {
        // An error of the lake must come back as itself, through the container's visitor.
        let mut failed = None;
        let mut members = Vec::new();
        let notes = container::open(path, &self.open, opened.count, &mut |member| {
            // Opening an archive anew would read the members before once more.
            let checkpoints = opened.checkpoints && members.is_empty();
            match self.member(member, Opened { checkpoints, ..opened }) {
                Ok(ordinal) => {
                    members.push(ordinal);
                    Ok(())
                }
                Err(e) => {
                    failed = Some(e);
                    Err("ended".into())
                }
            }
        });
        match failed {
            Some(e) => Err(e),
            None => Ok((notes, members)),
        }
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: Note) {
        let text = format!("{}: {}", note.place, note.reason);
        let text = match note.next_step {
            "" => text,
            next => format!("{text}; {next}"),
        };
        let mut done = self.done();
        if note.kind == NoteKind::Skipped {
            done.skipped.push(text);
            return;
        }
        // A note about a member that was read in part stands at its input, too.
        if let Some(input) = done.inputs.values_mut().find(|i| i.path == note.place) {
            input.notes.push(note.reason.clone());
        }
        done.unreadable.push(text);
    }
}

fn modified(path: &Path) -> Ts {
    let time = std::fs::metadata(path).and_then(|m| m.modified());
    time.ok()
        .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |d| d.as_micros() as i64)
}

fn sha256(path: &Path) -> io::Result<Option<String>> {
    use sha2::Digest;
    if path.as_os_str() == "-" {
        return Ok(None);
    }
    let mut hasher = sha2::Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buf = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buf)?;
        if n == 0 {
            break;
        }
        hasher.update(buf.get(..n).unwrap_or(&[]));
    }
    Ok(Some(crate::lake::frame::hex(&hasher.finalize())))
}
