//! Timeline: everything that happened on a host, in order, from all logs, one event once.

mod merge;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;

use super::filters;
use super::who::Who;
use crate::base::error::{Error, Result};
use crate::base::ip;
use crate::base::time::{self, SECOND, Ts};
use crate::ingest::row::canonical_host;
use crate::lake::Lake;
use crate::lake::frame::{Frames, Row};
use crate::lake::scan::TimeRange;
use crate::lake::seek::{self, Probe, seek};
use crate::report::line;
use crate::schema::{Col, TABLES, Table, common};
use crate::score::evidence;
use crate::score::finding::Evidence;

use merge::Merger;

/// Sources without a zone are stored as written: their true time may be this far away.
const SLACK: Ts = 26 * 3_600 * SECOND;
/// More rows than these are no timeline that a person reads.
const MAX_ROWS: usize = 2_000_000;

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct TimelineOptions {
    /// The host.
    pub host: String,
    /// Only events in this range, on corrected clocks.
    pub range: TimeRange,
    /// Only these kinds of logs or tables; empty for all.
    pub sources: Vec<String>,
    /// Only events of this user.
    pub user: Option<String>,
    /// Only events with all of these texts, any case.
    pub grep: Vec<String>,
    /// Do not merge what several logs tell of one event.
    pub all_records: bool,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Time, microseconds UTC, corrected.
    pub ts: Ts,
    /// Table of the first record.
    pub table: &'static str,
    /// Kinds of logs that tell of it, sorted.
    pub sources: Vec<String>,
    /// Acting user.
    pub user: String,
    /// What happened.
    pub what: String,
    /// Its records.
    pub records: Vec<Evidence>,
}

/// The events of a host.
#[derive(Debug, Default)]
pub struct Timeline {
    /// Canonical name.
    pub host: String,
    /// In the order of time.
    pub events: Vec<Event>,
    /// Rows of each kind of log that were merged into the events.
    pub sources: BTreeMap<String, u64>,
    /// What the analyst should know.
    pub warnings: Vec<String>,
}

/// Reads a host's timeline.
///
/// # Errors
/// [`Error::Usage`] where the lake has no such host or log.
pub fn timeline(lake: &Lake, options: &TimelineOptions) -> Result<Timeline> {
    let mut out = Timeline::default();
    let found = rows_of_host(lake, &options.host, TABLES, options.range, &mut out.warnings)?;
    out.host.clone_from(&found.host);
    let paths: HashMap<u64, &str, RandomState> = lake
        .catalogue()
        .inputs
        .iter()
        .map(|i| (i.file_id(), i.path.as_str()))
        .collect();
    let source = |id: u64| paths.get(&id).map_or_else(String::new, |p| (*p).to_owned());
    let mut rows = found.rows();
    check_sources(&rows, &options.sources)?;
    rows.retain(|(_, row)| wanted(*row, options));
    let mut merger = Merger::default();
    for (ts, row) in rows {
        *out.sources.entry(row.source().to_owned()).or_default() += 1;
        let mut record = evidence::entry(row, &source);
        record.time = time::format_rfc3339(ts);
        if let Some(guid) = row.table().find("proc_guid").and_then(|(c, _)| row.text(c)) {
            record.fields.insert("proc_guid".to_owned(), guid.into());
        }
        if !options.grep.is_empty() && !has_texts(&record, &line::words(row), &options.grep) {
            continue;
        }
        merger.add(ts, row, record, options.all_records);
    }
    out.events = merger.events;
    Ok(out)
}

/// Rows of one host, their times corrected.
pub(super) struct HostRows {
    /// Canonical name.
    pub host: String,
    /// Frames with no other rows than the host's.
    pub frames: Frames,
    /// (table, row, corrected time) that lie in the range.
    kept: Vec<(&'static Table, u32, Ts)>,
}

impl HostRows {
    /// The rows by time, table, input and place.
    fn rows(&self) -> Vec<(Ts, Row<'_>)> {
        let mut out: Vec<(Ts, Row<'_>)> = self
            .kept
            .iter()
            .map(|(table, at, ts)| (*ts, self.frames.row(table, *at)))
            .collect();
        out.sort_by_key(|(ts, r)| (*ts, r.table().ix(), r.int(common::FILE_ID), r.int(common::ROW)));
        out
    }
}

/// Reads all rows of a host from some tables.
///
/// # Errors
/// [`Error::Usage`] where there is no such host, or far too many rows.
pub(super) fn rows_of_host(
    lake: &Lake,
    host: &str,
    tables: &[&'static Table],
    range: TimeRange,
    warnings: &mut Vec<String>,
) -> Result<HostRows> {
    let host = canonical_host(host);
    let wide = TimeRange {
        from: range.from.map(|t| t.saturating_sub(SLACK)),
        to: range.to.map(|t| t.saturating_add(SLACK)),
    };
    let who = Who::load(lake, wide, warnings)?;
    let mut names: Vec<Vec<u8>> = vec![host.clone().into_bytes()];
    let addresses = who.as_ref().map(|w| w.addresses_of(&host)).unwrap_or_default();
    names.extend(addresses.iter().map(|a| ip::host_key(a).into_bytes()));
    names.sort();
    let mut batches = Vec::new();
    let mut rows = 0;
    for table in tables.iter().copied() {
        for batch in read_table(lake, table, &names, wide)? {
            rows += batch.num_rows();
            batches.push((table, batch));
        }
        if rows > MAX_ROWS {
            return Err(Error::Usage(format!(
                "more than {MAX_ROWS} records of {host}; narrow --from and --to, or say --around"
            )));
        }
    }
    let frames = Frames::from_batches(&batches);
    let mut kept = Vec::new();
    for frame in frames.iter() {
        for at in 0..frame.len() as u32 {
            let row = frames.row(frame.table, at);
            let here = match row.host().strip_prefix("ip:").and_then(ip::parse) {
                Some(a) if row.host() != host => {
                    who.as_ref().and_then(|w| w.host_at(&a, row.ts())).as_deref() == Some(host.as_str())
                }
                _ => true,
            };
            let ts = who.as_ref().and_then(|w| w.corrected(row, &host)).unwrap_or(row.ts());
            if here && range.holds(ts) {
                kept.push((frame.table, at, ts));
            }
        }
    }
    if kept.is_empty() {
        no_rows(lake, &host, range)?;
        warnings.push(format!("{host} has no records in this range"));
    }
    Ok(HostRows { host, frames, kept })
}

fn read_table(
    lake: &Lake,
    table: &'static Table,
    hosts: &[Vec<u8>],
    range: TimeRange,
) -> Result<Vec<arrow_array::RecordBatch>> {
    let test = |v: &[u8], out: &mut Vec<u32>| {
        if hosts.binary_search_by(|h| h.as_slice().cmp(v)).is_ok() {
            out.push(0);
        }
    };
    let probe = Probe {
        col: common::HOST,
        values: Some(hosts),
        test: &test,
    };
    let columns: Vec<Col> = table
        .all_columns()
        .map(|(c, _)| c)
        .filter(|c| *c != common::EXTRA)
        .collect();
    let found = seek(lake, table, &[probe], range, |group| {
        // Times first: of a host's day only a part may be wanted.
        let rows = group.rows();
        let mut within = Vec::with_capacity(rows.len());
        let mut done = 0;
        for batch in group.read(Some(&[common::TS]), &rows)? {
            let n = batch.num_rows();
            let frames = Frames::from_batches(&[(table, batch)]);
            let some = rows.iter().skip(done).take(n).enumerate();
            within.extend(
                some.filter(|(i, _)| range.holds(frames.row(table, *i as u32).ts()))
                    .map(|(_, r)| *r),
            );
            done += n;
        }
        group.read(Some(&columns), &within)
    })?;
    Ok(found.found.into_iter().flatten().collect())
}

/// An error where the lake does not know the host at all.
fn no_rows(lake: &Lake, host: &str, range: TimeRange) -> Result<()> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for table in TABLES.iter().copied() {
        known.extend(seek::distinct(lake, table, common::HOST, TimeRange::default())?);
    }
    if known.contains(host) || range.from.is_some() && known.is_empty() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "no host '{host}' among the {} of this lake; {}",
        known.len(),
        filters::nearest(host, &known)
    )))
}

fn check_sources(rows: &[(Ts, Row<'_>)], asked: &[String]) -> Result<()> {
    let here: BTreeSet<&str> = rows.iter().flat_map(|(_, r)| [r.source(), r.table().name]).collect();
    let known = |a: &String| here.contains(a.as_str()) || crate::schema::table(a).is_some();
    match asked.iter().find(|a| !known(a)) {
        Some(a) if !rows.is_empty() => {
            let list: Vec<&str> = here.into_iter().collect();
            Err(Error::Usage(format!(
                "--sources {a}: this host has none; it has {}",
                list.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

fn wanted(row: Row<'_>, options: &TimelineOptions) -> bool {
    let source = options.sources.is_empty()
        || options
            .sources
            .iter()
            .any(|s| s == row.source() || s == row.table().name);
    let users = || {
        let columns = [Some(common::USER), row.table().find("target_user").map(|(c, _)| c)];
        columns
            .into_iter()
            .flatten()
            .filter_map(|c| row.text(c))
            .collect::<Vec<_>>()
    };
    source
        && options
            .user
            .as_ref()
            .is_none_or(|u| users().iter().any(|x| x.eq_ignore_ascii_case(u)))
}

fn has_texts(record: &Evidence, line: &str, texts: &[String]) -> bool {
    let all = format!("{line} {}", serde_json::to_string(&record.fields).unwrap_or_default()).to_lowercase();
    // Backslashes are doubled in JSON.
    texts.iter().all(|t| {
        let t = t.to_lowercase();
        all.contains(&t) || all.contains(&t.replace('\\', "\\\\"))
    })
}
