//! `--dry-run`: what would be read as what, how much, and what it would take; nothing is written.
//!
//! Only the beginning of every input is read and decoded. How long its rest takes and how many records it has is extrapolated
//! from that, and said as the estimate it is.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;

use super::ingest::IngestOptions;
use crate::base::text::basename;
use crate::ingest::collector::{self, Guess};
use crate::ingest::container::{self, Body, BufferPool, Member};
use crate::ingest::discover::Discovered;
use crate::ingest::encoding;
use crate::ingest::formats::{self, Block, Carry, Format, Head};
use crate::ingest::framing::{BlockReader, BlockSizes, Cut};
use crate::ingest::sink::{RecordContext, Sink};
use crate::ingest::unknown;
use crate::lake::Lake;
use crate::lake::catalogue::Input;

/// Bytes decoded of every input.
const HEAD: u64 = 256 * 1024;
/// Bytes of a stream that are read to learn how far it expands.
const STREAM: u64 = 32 << 20;
/// Decoding is about this share of an ingest; the rest sorts, drops duplicates and writes (docs/benchmarks.md).
const DECODE_SHARE: f64 = 0.35;
/// Bytes of the lake per byte of input where no lake tells (docs/benchmarks.md: 0.02 for EVTX to 0.25 for Zeek's dns.log).
const DISK_SHARE: f64 = 0.15;

/// One input.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// Path, with `!member` for members of archives.
    pub path: String,
    /// Format; empty where none is known.
    pub format: String,
    /// Why that one, or why none.
    pub why: String,
    /// Bytes, decompressed; extrapolated where `exact` is false.
    pub bytes: u64,
    /// Whether the bytes are counted.
    pub exact: bool,
    /// Records, extrapolated.
    pub records: u64,
    /// Whether the lake has this content.
    pub known: bool,
    /// Host that records without one would get, by the path.
    pub host: Option<Guess>,
    /// Seconds that decoding all of it takes one thread.
    seconds: f64,
}

/// What a run would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// By path.
    pub inputs: Vec<Planned>,
    /// What could not be read: path, reason and next step.
    pub unreadable: Vec<String>,
    /// What would be left out.
    pub skipped: Vec<String>,
    /// Seconds, estimated.
    pub seconds: f64,
    /// Bytes that the lake would grow by, estimated.
    pub disk: u64,
}

impl Plan {
    /// Inputs that would be read.
    pub fn new_inputs(&self) -> impl Iterator<Item = &Planned> {
        self.inputs.iter().filter(|i| !i.known && !i.format.is_empty())
    }
}

/// Looks at the inputs; `lake` is the one that would grow, where there is one already.
pub fn preview(found: &Discovered, options: &IngestOptions, lake: Option<&Lake>) -> Plan {
    let looked: Vec<(Vec<Planned>, Vec<String>)> = found.files.par_iter().map(|p| file(p, options, lake)).collect();
    let mut plan = Plan {
        unreadable: found.unreadable.iter().map(ToString::to_string).collect(),
        skipped: found.skipped.iter().map(ToString::to_string).collect(),
        ..Plan::default()
    };
    for (inputs, unreadable) in looked {
        plan.inputs.extend(inputs);
        plan.unreadable.extend(unreadable);
    }
    plan.inputs.sort_by(|a, b| a.path.cmp(&b.path));
    let nothing = |i: &&Planned| i.format.is_empty() && !i.known;
    let unknown = plan
        .inputs
        .iter()
        .filter(nothing)
        .map(|i| format!("{}: {}", i.path, i.why));
    plan.unreadable.extend(unknown.collect::<Vec<_>>());
    plan.unreadable.sort();
    let threads = rayon::current_num_threads().max(1) as f64;
    plan.seconds = plan.new_inputs().map(|i| i.seconds).sum::<f64>() / DECODE_SHARE / threads;
    let bytes: u64 = plan.new_inputs().map(|i| i.bytes).sum();
    plan.disk = (bytes as f64 * disk_share(lake)) as u64;
    plan
}

/// By the lake that there is, or by what was measured.
fn disk_share(lake: Option<&Lake>) -> f64 {
    let sums = lake.map(|l| {
        let c = l.catalogue();
        let stored: u64 = c.files.iter().map(|f| f.bytes).sum();
        (stored as f64, c.inputs.iter().map(|i| i.bytes).sum::<u64>() as f64)
    });
    match sums {
        Some((stored, read)) if read > 1e6 => (stored / read).clamp(0.005, 2.0),
        _ => DISK_SHARE,
    }
}

fn file(path: &Path, options: &IngestOptions, lake: Option<&Lake>) -> (Vec<Planned>, Vec<String>) {
    let size = std::fs::metadata(path).map_or(0, |m| m.len());
    let (mut inputs, mut unreadable) = (Vec::new(), Vec::new());
    if path.as_os_str() == "-" {
        unreadable.push("-: standard input cannot be looked at without reading it".to_owned());
        return (inputs, unreadable);
    }
    if let Some(known) = known(path, size, lake) {
        inputs.push(Planned {
            path: path.to_string_lossy().into_owned(),
            format: known.format.clone(),
            why: format!("the lake has this content, as {}", known.path),
            bytes: known.bytes,
            exact: true,
            records: known.records,
            known: true,
            ..Planned::default()
        });
        return (inputs, unreadable);
    }
    let counted = std::cell::Cell::new(0u64);
    let count = |n: u64| counted.set(counted.get() + n);
    let notes = container::open(path, &options.open, &count, &mut |member| {
        let before = counted.get();
        let mut planned = look(member, options);
        if !planned.exact {
            // A stream: its compressed part that was read tells how far the whole file expands.
            let read = (counted.get() - before).max(1);
            let rest = size.saturating_sub(before) as f64 / read as f64;
            planned.extrapolate(rest.max(1.0));
        }
        inputs.push(planned);
        Ok(())
    });
    match notes {
        Ok(notes) => unreadable.extend(
            notes
                .into_iter()
                .map(|n| format!("{}: {}. {}", n.place, n.reason, n.next_step)),
        ),
        Err(e) => unreadable.push(e.to_string()),
    }
    (inputs, unreadable)
}

/// The input of the lake that a file is a copy of; asked only where one of its size is known.
fn known<'l>(path: &Path, size: u64, lake: Option<&'l Lake>) -> Option<&'l Input> {
    let catalogue = lake?.catalogue();
    catalogue.inputs.iter().find(|i| i.bytes == size)?;
    let (content_id, _) = crate::lake::files::digest(path).ok()?;
    catalogue.input(&content_id)
}

impl Planned {
    fn extrapolate(&mut self, factor: f64) {
        self.bytes = (self.bytes as f64 * factor) as u64;
        self.records = (self.records as f64 * factor) as u64;
        self.seconds *= factor;
    }
}

fn look(member: Member<'_>, options: &IngestOptions) -> Planned {
    let mut out = Planned {
        path: member.name,
        ..Planned::default()
    };
    let (head, bytes, exact) = match member.body {
        Body::Bytes(b) => (b.iter().take(HEAD as usize).copied().collect(), b.len() as u64, true),
        Body::Reader(r) => {
            let mut head = Vec::new();
            // Damage further on is noted by the container.
            let _ = (&mut *r).take(HEAD).read_to_end(&mut head);
            let more = std::io::copy(&mut r.take(STREAM), &mut std::io::sink()).unwrap_or(0);
            let bytes = head.len() as u64 + more;
            (head, bytes, more < STREAM)
        }
    };
    (out.bytes, out.exact) = (bytes, exact);
    let head = encoding::beginning(head);
    let view = Head::new(&head, &out.path);
    let chosen = match &options.format {
        Some(id) => formats::by_id(id).map(|f| (f, "--format".to_owned())),
        None => formats::sniff(&view)
            .ok()
            .map(|(f, sure, why)| (f, format!("{sure} %, {why}"))),
    };
    let Some((format, why)) = chosen else {
        let looks = unknown::looks_like(&view);
        out.why = format!("no known log format: {looks}; see `coldtrail sniff`, or say --format");
        return out;
    };
    let (records, seconds) = decode(format, &view, options);
    let factor = bytes as f64 / head.len().max(1) as f64;
    out.records = (records as f64 * factor.max(1.0)) as u64;
    out.seconds = seconds * factor.max(1.0);
    out.format = format.id().to_owned();
    out.why = why;
    out.host = match &options.input_host {
        None => collector::host_of(&out.path),
        Some(_) => None,
    };
    out
}

/// Records of the beginning, and the seconds that reading them took.
fn decode(format: &'static (dyn Format + Sync), head: &Head<'_>, options: &IngestOptions) -> (u64, f64) {
    let clock = Instant::now();
    let mut carry = Carry {
        name: basename(head.name).into(),
        codepage: options.codepage,
        date_order: options.date_order,
        ..Carry::default()
    };
    format.open(head, &mut carry);
    let mut sink = Sink::new(RecordContext {
        input: 0,
        format: format.id(),
        fallback_time: 0,
        zone: None,
        input_host: None,
    });
    let pool = BufferPool::default().into();
    let mut bytes = head.bytes;
    let mut blocks = BlockReader::from_reader(format.framing(), &mut bytes, BlockSizes::default(), &pool);
    while let Ok(Some(cut)) = blocks.next_cut() {
        if let Cut::Block(block) = cut {
            let view = Block {
                bytes: &block.bytes,
                offset: block.offset,
                place: block.place,
            };
            let before = carry.clone();
            format.carry(&view, &mut carry);
            format.decode(&view, &before, &mut sink);
        }
    }
    (sink.records, clock.elapsed().as_secs_f64())
}

/// Sums per format: inputs, bytes, records.
pub fn by_format(plan: &Plan) -> BTreeMap<&str, (u64, u64, u64)> {
    let mut out: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for i in plan.new_inputs() {
        let sums = out.entry(i.format.as_str()).or_default();
        sums.0 += 1;
        sums.1 += i.bytes;
        sums.2 += i.records;
    }
    out
}
