//! Scope: which hosts and users met these indicators, when, and in which logs.

mod pivot;
mod sightings;

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::filters;
use super::progress::Progress;
use super::who::Who;
use crate::base::error::{Error, Result};
use crate::base::ip;
use crate::base::time::{self, SECOND, Ts};
use crate::entity::ioc::{self, Indicator, Kind};
use crate::lake::Lake;
use crate::lake::frame::Frames;
use crate::lake::scan::TimeRange;
use crate::lake::seek::{self, Probe, seek};
use crate::report::line;
use crate::rules::ioc::{Matcher, Role, columns, roles};
use crate::schema::{Col, TABLES, Table, common};
use crate::score::evidence;
use crate::score::finding::Evidence;

pub use pivot::Pivot;
use sightings::{Part, Sample};

/// Sources without a zone are stored as written: their true time may be this far away.
const SLACK: Ts = 26 * 3_600 * SECOND;

/// What to search, and where.
#[derive(Debug, Clone)]
pub struct ScopeOptions {
    /// Only events in this range.
    pub range: TimeRange,
    /// Only hosts that match one of these globs; empty for all.
    pub hosts: Vec<String>,
    /// No hosts that match one of these.
    pub exclude_hosts: Vec<String>,
    /// Leave out command lines, scripts and other free text.
    pub fields_only: bool,
    /// Search the original fields that no column holds, too.
    pub deep: bool,
    /// Follow what was found to other hosts.
    pub pivot: bool,
    /// Rows shown of each indicator.
    pub samples: usize,
}

/// Which hosts met one indicator.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The indicator.
    pub indicator: Indicator,
    /// Events.
    pub events: u64,
    /// Hosts by their first event.
    pub hosts: Vec<HostSeen>,
    /// The earliest events.
    pub samples: Vec<Evidence>,
}

/// One indicator on one host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostSeen {
    /// The host.
    pub host: String,
    /// Users of the events, sorted.
    pub users: Vec<String>,
    /// Events.
    pub events: u64,
    /// First event.
    pub first: Ts,
    /// Last event.
    pub last: Ts,
    /// Events by `table.column`.
    pub places: BTreeMap<String, u64>,
}

/// A table that was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its name.
    pub table: &'static str,
    /// Rows of its files in the range.
    pub rows: u64,
    /// Columns asked that hold values.
    pub columns: Vec<&'static str>,
}

/// The answer.
#[derive(Debug, Default)]
pub struct Scope {
    /// Every indicator, those without events too, in the order of kinds and values.
    pub sightings: Vec<Sighting>,
    /// What was searched.
    pub looked: Vec<Looked>,
    /// Kinds of indicators that no column of the lake could have shown, and why.
    pub blind: Vec<(Kind, String)>,
    /// Where the hosts that were found lead.
    pub pivots: Vec<Pivot>,
    /// What the analyst should know.
    pub warnings: Vec<String>,
    /// Rows of the files that were asked.
    pub rows: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes of all tables of the lake that could have been read.
    pub bytes_total: u64,
}

/// Reads indicators from files and values.
///
/// # Errors
/// [`Error::Usage`] naming the file and line, or the value.
pub fn indicators(given: &[String]) -> Result<(Vec<Indicator>, Vec<String>)> {
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    for text in given {
        let path = std::path::Path::new(text);
        if path.is_file() {
            let found = ioc::read(path)?;
            all.extend(found.indicators);
            warnings.extend(found.warnings);
        } else {
            all.extend(ioc::value(text)?);
        }
    }
    let all = ioc::tidy(all);
    match all.is_empty() {
        true => Err(Error::Usage(format!(
            "no indicator in {}; give hashes, addresses, domains, URLs, paths, registry keys, accounts or mail addresses",
            given.join(", ")
        ))),
        false => Ok((all, warnings)),
    }
}

/// Searches a lake.
///
/// # Errors
/// Where a file of the lake cannot be read, or a pattern is malformed.
pub fn scope(lake: &Lake, indicators: Vec<Indicator>, options: &ScopeOptions, progress: &Progress) -> Result<Scope> {
    progress.stage("searching");
    let mut out = search(lake, indicators, options)?;
    if options.pivot {
        progress.stage("following to other hosts");
        let (pivots, bytes) = pivot::follow(lake, &out, options)?;
        out.pivots = pivots;
        out.bytes_read += bytes;
    }
    Ok(out)
}

/// The search without pivots.
fn search(lake: &Lake, indicators: Vec<Indicator>, options: &ScopeOptions) -> Result<Scope> {
    let matcher = Matcher::new(indicators)?;
    let wanted = Wanted {
        range: options.range,
        hosts: filters::globs(&options.hosts)?,
        any_host: options.hosts.is_empty(),
        exclude: filters::globs(&options.exclude_hosts)?,
        samples: options.samples,
    };
    let mut out = Scope {
        warnings: filters::check(lake, &options.hosts, &[])?,
        ..Scope::default()
    };
    let mut all = Part::default();
    let mut present: BTreeMap<Kind, u64> = BTreeMap::new();
    for table in TABLES.iter().copied() {
        let asked: Vec<(Col, &'static crate::schema::Column, Role)> = roles(table)
            .into_iter()
            .filter(|(_, c, role)| matcher.asks(*role, c))
            .filter(|(_, _, role)| *role != Role::Extra || options.deep)
            .filter(|(_, _, role)| !role.is_free_text() || !options.fields_only)
            .collect();
        let found = search_table(lake, table, &asked, &matcher, &wanted)?;
        out.bytes_read += found.bytes_read;
        out.bytes_total += found.bytes_total;
        out.rows += found.rows;
        let with_values = asked.iter().zip(&found.present).filter(|(_, n)| **n > 0);
        for ((_, c, role), n) in with_values.clone() {
            for kind in role.native() {
                if *role != Role::Hash || columns::holds_hash(c, *kind) {
                    *present.entry(*kind).or_default() += n;
                }
            }
        }
        if found.rows > 0 {
            out.looked.push(Looked {
                table: table.name,
                rows: found.rows,
                columns: with_values.map(|((_, c, _), _)| c.name).collect(),
            });
        }
        found.found.into_iter().for_each(|p| all.merge(p, options.samples));
    }
    out.blind = blind(&matcher, &present);
    let who = match all.span() {
        Some(span) => Who::load(lake, span, &mut out.warnings)?,
        None => None,
    };
    let rough = all.settle(who.as_ref(), &wanted);
    if rough > 0 {
        out.warnings.push(format!(
            "{rough} events keep their address as host, or their time as logged: too many to look each up; narrow the search"
        ));
    }
    let (sightings, bytes) = all.finish(lake, &matcher, who.as_ref(), &wanted)?;
    out.sightings = sightings;
    out.bytes_read += bytes;
    Ok(out)
}

/// Which rows count.
struct Wanted {
    range: TimeRange,
    hosts: globset::GlobSet,
    any_host: bool,
    exclude: globset::GlobSet,
    samples: usize,
}

impl Wanted {
    fn has_host(&self, host: &str) -> bool {
        (self.any_host || self.hosts.is_match(host)) && !self.exclude.is_match(host)
    }
}

fn search_table(
    lake: &Lake,
    table: &'static Table,
    asked: &[(Col, &'static crate::schema::Column, Role)],
    matcher: &Matcher,
    wanted: &Wanted,
) -> Result<seek::Sought<Part>> {
    let values: Vec<Option<Vec<Vec<u8>>>> = asked.iter().map(|(_, c, role)| matcher.values(*role, c)).collect();
    let tests: Vec<_> = asked
        .iter()
        .map(|(_, _, role)| {
            let role = *role;
            move |v: &[u8], out: &mut Vec<u32>| matcher.test(role, v, out)
        })
        .collect();
    let probes: Vec<Probe<'_>> = asked
        .iter()
        .zip(&values)
        .zip(&tests)
        .map(|(((col, ..), values), test)| Probe {
            col: *col,
            values: values.as_deref(),
            test,
        })
        .collect();
    // Times without a zone are stored as written.
    let wide = TimeRange {
        from: wanted.range.from.map(|t| t.saturating_sub(SLACK)),
        to: wanted.range.to.map(|t| t.saturating_add(SLACK)),
    };
    seek(lake, table, &probes, wide, |group| {
        sightings::of_group(table, group, matcher, wanted)
    })
}

/// Kinds that were asked for and that no typed column could have shown.
fn blind(matcher: &Matcher, present: &BTreeMap<Kind, u64>) -> Vec<(Kind, String)> {
    let asked = |k: &Kind| matcher.indicators().iter().any(|i| i.kind == *k);
    Kind::ALL
        .into_iter()
        .filter(asked)
        .filter(|k| present.get(k).is_none_or(|n| *n == 0))
        .map(|k| {
            let places = columns::places(k);
            let shown: Vec<&str> = places.iter().map(String::as_str).take(8).collect();
            let more = if places.len() > shown.len() { " …" } else { "" };
            (k, format!("no source in the lake fills {}{more}", shown.join(", ")))
        })
        .collect()
}

/// The rows of samples as evidence, in their order, and the bytes that took; each row group is opened once.
fn show(lake: &Lake, samples: &[Sample], who: Option<&Who>, wanted: &Wanted) -> Result<(Vec<Option<Evidence>>, u64)> {
    let inputs = lake.catalogue().inputs.iter();
    let paths: BTreeMap<u64, &str> = inputs.map(|i| (i.file_id(), i.path.as_str())).collect();
    let source = |id: u64| paths.get(&id).map_or_else(String::new, |p| (*p).to_owned());
    let mut by_place: BTreeMap<(usize, &seek::Place), BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for (n, s) in samples.iter().enumerate() {
        let rows = by_place.entry((s.table, &s.place)).or_default();
        rows.entry(s.at).or_default().push(n);
    }
    let places: Vec<_> = by_place.into_iter().collect();
    let read: Vec<(Vec<(usize, Evidence)>, u64)> = places
        .par_iter()
        .map(|((table, place), rows)| show_group((*table, place), rows, &source, who, wanted))
        .collect::<Result<_>>()?;
    let mut out: Vec<Option<Evidence>> = vec![None; samples.len()];
    let mut bytes = 0;
    for (rows, n) in read {
        bytes += n;
        for (at, e) in rows {
            if let Some(slot) = out.get_mut(at) {
                *slot = Some(e);
            }
        }
    }
    Ok((out, bytes))
}

fn show_group(
    (table, place): (usize, &seek::Place),
    rows: &BTreeMap<u32, Vec<usize>>,
    source: &(dyn Fn(u64) -> String + Sync),
    who: Option<&Who>,
    wanted: &Wanted,
) -> Result<(Vec<(usize, Evidence)>, u64)> {
    let Some(table) = TABLES.get(table).copied() else {
        return Ok((Vec::new(), 0));
    };
    let all = table.all_columns().map(|(c, _)| c);
    let columns: Vec<Col> = all.filter(|c| *c != common::EXTRA).collect();
    let numbers: Vec<u32> = rows.keys().copied().collect();
    let (batches, bytes) = seek::read(table, place, Some(&columns), &numbers)?;
    let mut whose = rows.values();
    let mut out = Vec::new();
    for batch in batches {
        let n = batch.num_rows() as u32;
        let frames = Frames::from_batches(&[(table, batch)]);
        for (row, places) in (0..n).map(|i| frames.row(table, i)).zip(&mut whose) {
            let ts = who.and_then(|w| w.corrected(row, row.host())).unwrap_or(row.ts());
            let address = row.host().strip_prefix("ip:").and_then(ip::parse);
            let host = address.and_then(|a| who?.host_at(&a, ts));
            let host = host.unwrap_or_else(|| row.host().to_owned());
            if !wanted.range.holds(ts) || !wanted.has_host(&host) {
                continue;
            }
            let mut e = evidence::entry(row, &|id| source(id));
            e.time = time::format_rfc3339(ts);
            e.fields.insert("host".to_owned(), host.into());
            e.fields.insert("what".to_owned(), line::words(row).into());
            // What `coldtrail tree --process` and pivots go on with.
            if let Some(guid) = table.find("proc_guid").and_then(|(c, _)| row.text(c)) {
                e.fields.insert("proc_guid".to_owned(), guid.into());
            }
            out.extend(places.iter().map(|p| (*p, e.clone())));
        }
    }
    Ok((out, bytes))
}
