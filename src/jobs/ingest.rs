//! Ingest: inputs → members → blocks → rows → one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::progress::Progress;
use crate::base::error::{Error, Result};
use crate::base::reject::Reject;
use crate::base::time::{DateOrder, Ts};
use crate::ingest::container::{self, Body, Member, Note, NoteKind, OpenOptions, SharedBytes};
use crate::ingest::discover::{Discovered, discover};
use crate::ingest::encoding;
use crate::ingest::formats::{self, Block, Carry, Format, Head};
use crate::ingest::framing::{BlockReader, BlockSizes, Cut};
use crate::ingest::sink::{RecordContext, Sink};
use crate::lake::Lake;
use crate::lake::catalogue::Input;
use crate::lake::commit::{Committed, commit};
use crate::lake::staging::Staging;
use crate::schema::builder::{NULL_CODE, TableSet};
use crate::schema::common;

/// What is looked at to tell the format.
const HEAD_BYTES: u64 = 256 * 1024;
/// Rejected records that are kept in words; all are counted.
const REJECTS_KEPT: usize = 200_000;
/// Hosts named per input.
const HOSTS_NAMED: usize = 100;
/// EVTX is binary: no question of its encoding arises.
const EVTX_MAGIC: &[u8] = b"ElfFile\0";
/// Portals cut exports at these numbers of rows (formats.md 1.5).
const EXPORT_CAPS: &[u64] = &[10_000, 30_000, 100_000];

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
    /// `--strict`: the first reject fails the run.
    pub strict: bool,
    /// Archives.
    pub open: OpenOptions,
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
    /// What was committed.
    pub committed: Committed,
}

impl IngestReport {
    /// Inputs of which more than `share` of the records were rejected.
    pub fn mostly_rejected(&self, share: f64) -> impl Iterator<Item = &Input> {
        self.inputs
            .iter()
            .filter(move |i| i.rejected as f64 > share * i.records as f64)
    }
}

/// Finds the files behind the inputs.
///
/// # Errors
/// [`Error::Usage`] for an input that is not there.
pub fn find(inputs: &[PathBuf]) -> Result<Discovered> {
    discover(inputs).map_err(|e| Error::Usage(e.to_string()))
}

/// Reads all inputs into the lake with one commit.
///
/// # Errors
/// On failures of the lake; inputs that cannot be read are in the report.
pub fn ingest(
    lake: &mut Lake,
    found: &Discovered,
    options: &IngestOptions,
    progress: &Progress,
) -> Result<IngestReport> {
    progress.stage("reading");
    let sizes: Vec<u64> = found
        .files
        .iter()
        .map(|f| std::fs::metadata(f).map_or(0, |m| m.len()))
        .collect();
    progress.set_total(sizes.iter().sum());
    let run = Run {
        lake,
        options,
        progress,
        staging: Staging::new(lake.staging_dir(), options.staging_bytes),
        next: AtomicU32::new(0),
        done: Mutex::new(Done::default()),
    };
    // Large files first, so that no core waits for one that began last.
    let mut order: Vec<(&PathBuf, u64)> = found.files.iter().zip(sizes).collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    order.par_iter().try_for_each(|(path, size)| run.file(path, *size))?;
    let Run { staging, done, .. } = run;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut inputs: Vec<Input> = Vec::new();
    inputs.resize_with(done.inputs.len(), Input::default);
    for (ordinal, input) in done.inputs {
        if let Some(slot) = inputs.get_mut(ordinal as usize) {
            *slot = input;
        }
    }
    progress.stage("writing the lake");
    let committed = commit(lake, &staging, &mut inputs)?;
    inputs.sort_by(|a, b| a.path.cmp(&b.path));
    done.rejects
        .sort_by(|a, b| (&a.input, a.reject.offset).cmp(&(&b.input, b.reject.offset)));
    done.unreadable.sort();
    let mut skipped: Vec<String> = found
        .skipped
        .iter()
        .map(|s| format!("{}: {}", s.path.display(), s.reason))
        .chain(done.skipped)
        .collect();
    skipped.sort();
    Ok(IngestReport {
        inputs,
        rejects: done.rejects,
        unreadable: done.unreadable,
        skipped,
        committed,
    })
}

#[derive(Default)]
struct Done {
    inputs: BTreeMap<u32, Input>,
    rejects: Vec<RejectedRecord>,
    unreadable: Vec<String>,
    skipped: Vec<String>,
}

struct Run<'r> {
    lake: &'r Lake,
    options: &'r IngestOptions,
    progress: &'r Progress,
    staging: Staging,
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
        // An error of the lake must come back as itself, through the container's visitor.
        let mut failed = None;
        let mut counted = 0;
        let notes = container::open(path, &self.options.open, &mut |member| {
            let result = self.member(member, mtime, sha256.as_deref(), &mut counted);
            result.map_err(|e| {
                let text = e.to_string();
                failed = Some(e);
                text.into()
            })
        });
        self.progress.add(size.saturating_sub(counted), 0);
        if let Some(e) = failed {
            return Err(e);
        }
        match notes {
            Ok(notes) => notes.into_iter().for_each(|n| self.note(n)),
            Err(e) => self.done().unreadable.push(e.to_string()),
        }
        Ok(())
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

    fn member(&self, member: Member<'_>, mtime: Ts, sha256: Option<&str>, counted: &mut u64) -> Result<()> {
        let mut input = Input {
            path: member.name.clone(),
            sha256: sha256.map(str::to_owned),
            ..Input::default()
        };
        match member.body {
            Body::Bytes(bytes) => self.bytes(&mut input, bytes, mtime, counted),
            Body::Reader(reader) => self.stream(&mut input, reader, mtime),
        }
    }

    fn bytes(&self, input: &mut Input, bytes: SharedBytes, mtime: Ts, counted: &mut u64) -> Result<()> {
        input.content_id = blake3::hash(&bytes).to_hex().to_string();
        input.bytes = bytes.len() as u64;
        *counted += input.bytes;
        if let Some(known) = self.lake.catalogue().input(&input.content_id) {
            self.progress.add(input.bytes, 0);
            let mut again = known.clone();
            again.path = std::mem::take(&mut input.path);
            again
                .notes
                .push(format!("the lake has this content already, as {}", known.path));
            self.register(again);
            return Ok(());
        }
        let encoding = match bytes.starts_with(EVTX_MAGIC) {
            true => encoding::Detected::Bytes { bom: 0 },
            false => encoding::detect(&bytes),
        };
        match encoding {
            encoding::Detected::Bytes { bom } => {
                let text = bytes.slice(bom..bytes.len());
                let head = text.slice(0..HEAD_BYTES as usize);
                let name = input.path.clone();
                let head = Head {
                    bytes: &head,
                    name: &name,
                };
                let Some(format) = self.format(&head, input) else {
                    self.progress.add(input.bytes, 0);
                    return Ok(());
                };
                let mut blocks = BlockReader::from_bytes(format.framing(), text, BlockSizes::default());
                self.decode(format, &head, &mut blocks, input, mtime, bom as u64, true)?;
            }
            _ => {
                let mut cursor = io::Cursor::new(&bytes[..]);
                self.text(input, &mut cursor, mtime)?;
                self.progress.add(input.bytes, 0);
            }
        }
        Ok(())
    }

    fn stream(&self, input: &mut Input, reader: &mut dyn Read, mtime: Ts) -> Result<()> {
        let mut hashing = Hashing {
            inner: reader,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        let ordinal = self.text_of(input, &mut hashing, mtime)?;
        // A format that stopped early must not make two inputs look alike.
        let rest = io::copy(&mut hashing, &mut io::sink());
        let content_id = hashing.hasher.finalize().to_hex().to_string();
        let bytes = hashing.bytes;
        let mut done = self.done();
        if let Some(o) = ordinal
            && let Some(i) = done.inputs.get_mut(&o)
        {
            i.content_id = content_id;
            i.bytes = bytes;
            if let Err(e) = rest {
                i.notes.push(format!("not read to its end: {e}"));
            }
        }
        Ok(())
    }

    fn text(&self, input: &mut Input, reader: &mut dyn Read, mtime: Ts) -> Result<()> {
        self.text_of(input, reader, mtime).map(|_| ())
    }

    /// Reads text of any encoding from a stream. The number of the input.
    fn text_of(&self, input: &mut Input, reader: &mut dyn Read, mtime: Ts) -> Result<Option<u32>> {
        let mut magic = Vec::new();
        if let Err(e) = (&mut *reader).take(EVTX_MAGIC.len() as u64).read_to_end(&mut magic) {
            return Ok(self.unread(input, &e));
        }
        let binary = magic.starts_with(EVTX_MAGIC);
        let mut whole = io::Cursor::new(magic).chain(reader);
        let mut utf8: Box<dyn Read + '_> = match binary {
            true => Box::new(whole),
            false => match encoding::utf8_reader(&mut whole) {
                Ok(r) => r,
                Err(e) => return Ok(self.unread(input, &e)),
            },
        };
        let mut head = Vec::new();
        if let Err(e) = utf8.by_ref().take(HEAD_BYTES).read_to_end(&mut head) {
            // What came before the damage is read; the container notes the damage itself.
            if head.is_empty() {
                return Ok(self.unread(input, &e));
            }
        }
        let name = input.path.clone();
        let first = head.clone();
        let head_view = Head {
            bytes: &first,
            name: &name,
        };
        let Some(format) = self.format(&head_view, input) else {
            return Ok(None);
        };
        let mut whole = io::Cursor::new(head).chain(utf8);
        let mut blocks = BlockReader::from_reader(format.framing(), &mut whole, BlockSizes::default());
        self.decode(format, &head_view, &mut blocks, input, mtime, 0, false)
            .map(Some)
    }

    fn unread(&self, input: &mut Input, e: &io::Error) -> Option<u32> {
        let text = format!("{}: cannot be read: {e}", input.path);
        input.notes.push(text.clone());
        self.done().unreadable.push(text);
        Some(self.register(std::mem::take(input)))
    }

    /// The format of an input; where it has none the input is registered as unreadable.
    fn format(&self, head: &Head<'_>, input: &mut Input) -> Option<&'static (dyn Format + Sync)> {
        if let Some(id) = &self.options.format {
            let format = formats::by_id(id);
            input.format = format.map_or_else(String::new, |f| f.id().to_owned());
            return format;
        }
        match formats::sniff(head) {
            Ok((format, _, _)) => {
                input.format = format.id().to_owned();
                Some(format)
            }
            Err(reasons) => {
                let first = head
                    .lines(1)
                    .first()
                    .map(|l| crate::base::text::escape_head(l.as_bytes(), 120));
                let why = reasons
                    .iter()
                    .find(|(_, why)| why.len() > 40)
                    .map(|(_, why)| format!(" ({why})"));
                let text = format!(
                    "no known log format{}; its first line: {}; see `coldtrail sniff`, or say --format",
                    why.unwrap_or_default(),
                    first.unwrap_or_default()
                );
                self.done().unreadable.push(format!("{}: {text}", input.path));
                input.notes.push(text);
                self.register(std::mem::take(input));
                None
            }
        }
    }

    fn register(&self, input: Input) -> u32 {
        let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
        self.done().inputs.insert(ordinal, input);
        ordinal
    }

    #[allow(clippy::too_many_arguments)] // private, and each is one thing that only the caller knows
    fn decode(
        &self,
        format: &'static (dyn Format + Sync),
        head: &Head<'_>,
        blocks: &mut BlockReader<'_>,
        input: &mut Input,
        mtime: Ts,
        base: u64,
        count_bytes: bool,
    ) -> Result<u32> {
        let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
        let mut carry = Carry {
            input_time: mtime,
            name: crate::base::text::basename(head.name).into(),
            codepage: self.options.codepage,
            date_order: self.options.date_order,
            ..Carry::default()
        };
        format.open(head, &mut carry);
        let cx = RecordContext {
            input: ordinal,
            format: format.id(),
            fallback_time: mtime,
            zone: self.zone(format.id()),
            input_host: self.options.input_host.as_deref(),
        };
        let mut tally = Tally::default();
        let width = rayon::current_num_threads().max(1);
        let mut at_end = false;
        while !at_end {
            let mut batch = Vec::with_capacity(width);
            while batch.len() < width && !at_end {
                match blocks.next_cut() {
                    Ok(Some(Cut::Block(b))) => {
                        let before = carry.clone();
                        let view = Block {
                            bytes: &b.bytes,
                            offset: b.offset + base,
                            place: b.place,
                        };
                        format.carry(&view, &mut carry);
                        batch.push((b, before));
                    }
                    Ok(Some(Cut::Oversized { offset, len, head })) => {
                        tally.records += 1;
                        let reason = format!("a record of {len} bytes is larger than any log record; skipped");
                        tally.rejects.push(Reject::new(offset + base, reason, &head));
                    }
                    Ok(None) => at_end = true,
                    Err(e) => {
                        input.notes.push(format!("not read to its end: {e}"));
                        at_end = true;
                    }
                }
            }
            let sinks: Vec<Sink<'_>> = batch
                .par_iter()
                .map(|(b, carry)| {
                    let mut sink = Sink::new(cx);
                    let view = Block {
                        bytes: &b.bytes,
                        offset: b.offset + base,
                        place: b.place,
                    };
                    format.decode(&view, carry, &mut sink);
                    sink
                })
                .collect();
            let bytes: u64 = batch.iter().map(|(b, _)| b.bytes.len() as u64).sum();
            let records = sinks.iter().map(|s| s.records).sum();
            self.progress.add(if count_bytes { bytes } else { 0 }, records);
            for sink in sinks {
                tally.add(&sink);
                if let (true, Some(r)) = (self.options.strict, tally.rejects.first()) {
                    return Err(Error::Strict(format!(
                        "{} at byte {}: {}",
                        input.path, r.offset, r.reason
                    )));
                }
                tally.rejects.extend(sink.rejects);
                self.staging.add(sink.rows)?;
            }
        }
        tally.finish(input);
        let mut done = self.done();
        let room = REJECTS_KEPT.saturating_sub(done.rejects.len());
        let path = input.path.clone();
        done.rejects
            .extend(tally.rejects.into_iter().take(room).map(|reject| RejectedRecord {
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
        done.inputs.insert(ordinal, std::mem::take(input));
        Ok(ordinal)
    }

    fn zone(&self, format: &str) -> Option<chrono_tz::Tz> {
        let exact = self.options.zones.iter().find(|(s, _)| s == format);
        let family = || self.options.zones.iter().find(|(s, _)| format.starts_with(s.as_str()));
        let any = || self.options.zones.iter().find(|(s, _)| s == "*");
        exact.or_else(family).or_else(any).map(|(_, z)| *z)
    }
}

/// What is said of one input.
#[derive(Default)]
struct Tally {
    records: u64,
    rejects: Vec<Reject>,
    rejected: u64,
    first: Option<Ts>,
    last: Option<Ts>,
    hosts: BTreeSet<String>,
    quality: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, sink: &Sink<'_>) {
        self.records += sink.records;
        self.rejected += sink.rejects.len() as u64;
        self.rows(&sink.rows);
    }

    fn rows(&mut self, rows: &TableSet) {
        for b in rows.iter() {
            for t in b.ints(common::TS) {
                self.first = Some(self.first.map_or(*t, |f| f.min(*t)));
                self.last = Some(self.last.map_or(*t, |l| l.max(*t)));
            }
            if let Some((_, values)) = b.dict(common::HOST) {
                let room = HOSTS_NAMED.saturating_sub(self.hosts.len());
                self.hosts.extend(
                    values
                        .iter()
                        .filter(|h| !h.starts_with("ip:"))
                        .take(room)
                        .map(str::to_owned),
                );
            }
            if let Some((codes, values)) = b.dict(common::TIME_QUALITY) {
                for code in codes.iter().filter(|c| **c != NULL_CODE) {
                    let name = values.get(*code);
                    match self.quality.get_mut(name) {
                        Some(n) => *n += 1,
                        None => {
                            self.quality.insert(name.to_owned(), 1);
                        }
                    }
                }
            }
        }
    }

    fn finish(&mut self, input: &mut Input) {
        let oversized = (self.rejects.len() as u64).saturating_sub(self.rejected);
        input.records = self.records;
        input.rejected = self.rejected + oversized;
        input.first = self.first;
        input.last = self.last;
        input.hosts = std::mem::take(&mut self.hosts).into_iter().collect();
        input.time_quality = std::mem::take(&mut self.quality).into_iter().collect();
    }
}

struct Hashing<'r> {
    inner: &'r mut dyn Read,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.hasher.update(buf.get(..n).unwrap_or(&[]));
        self.bytes += n as u64;
        Ok(n)
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
