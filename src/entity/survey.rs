//! Who is who in a lake that is too large to hold: learned piece by piece, with the rows counted per host, so that the rows of
//! some hosts can be loaded alone.
//!
//! A row belongs to the host it has once clocks are right and addresses have their hosts; what is loaded for a set of hosts is
//! what the whole would show of them. Ids of hosts are the same in all frames that a survey gives, for all begin with its texts.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;

use super::address::{self, AddressMap};
use super::clock::{Offsets, Samples};
use super::resolve::{self, Entities};
use crate::base::error::Result;
use crate::lake::Lake;
use crate::lake::frame::{ALWAYS, Frames, NO_STR, Numbered, StrId, Wanted};
use crate::lake::groups::{Place, Wish, in_order, picked};
use crate::lake::scan::TimeRange;
use crate::schema::builder::Interner;
use crate::schema::{Col, TABLES, Table, auth, common};

/// Columns that say whose a row is.
const WHOSE: &[Col] = &[
    common::TS,
    common::TIME_QUALITY,
    common::HOST,
    common::EVENT_CODE,
    common::CHANNEL,
    common::FILE_ID,
];

/// A lake, surveyed.
#[derive(Debug)]
pub struct Survey {
    /// Who is who.
    pub entities: Entities,
    texts: Interner,
    range: TimeRange,
    as_of: Option<i64>,
    hosts: Vec<HostRows>,
    groups: Vec<Vec<Group>>,
}

/// How many rows a host has; [`NO_STR`] for rows without one.
#[derive(Debug, Clone, Copy)]
struct HostRows {
    host: StrId,
    rows: u64,
    /// The name under which most of its rows are stored: what lies near in the lake should be loaded together.
    stored: StrId,
    most: u32,
}

/// A row group with rows in range.
#[derive(Debug)]
struct Group {
    place: Place,
    /// Number of its first row in range.
    first: u64,
    /// Whether all of its rows are in range and belong to a host.
    whole: bool,
    rows: u32,
    hosts: Box<[StrId]>,
}

/// A set of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSet {
    has: Vec<bool>,
    nobody: bool,
}

impl HostSet {
    /// Adds a host; [`NO_STR`] for rows without one.
    pub fn insert(&mut self, host: StrId) {
        if host == NO_STR {
            self.nobody = true;
            return;
        }
        let at = host as usize;
        if self.has.len() <= at {
            self.has.resize(at + 1, false);
        }
        if let Some(slot) = self.has.get_mut(at) {
            *slot = true;
        }
    }

    /// Whether a host is in it.
    pub fn contains(&self, host: StrId) -> bool {
        match host {
            NO_STR => self.nobody,
            _ => self.has.get(host as usize).copied().unwrap_or(false),
        }
    }
}

/// Surveys the rows in range. `look` gets all of them piece by piece, with the columns `also`, resolved.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn survey(
    lake: &Lake,
    range: TimeRange,
    as_of: Option<i64>,
    also: &[Col],
    mut look: impl FnMut(&Frames),
) -> Result<Survey> {
    let mut texts = Interner::default();
    let offsets = offsets(lake, range, &mut texts)?;
    let addresses = addresses(lake, range, as_of, &offsets, &mut texts)?;
    let mut out = Survey {
        entities: Entities {
            offsets,
            addresses,
            ..Entities::default()
        },
        texts,
        range,
        as_of,
        hosts: Vec::new(),
        groups: Vec::new(),
    };
    let mut hosts = BTreeMap::new();
    for table in TABLES.iter().copied() {
        let of_table = out.count(lake, table, also, &mut hosts, &mut look)?;
        out.groups.push(of_table);
    }
    out.hosts = hosts.into_values().collect();
    let text = |id: StrId| (id != NO_STR).then(|| out.texts.get(id));
    out.hosts
        .sort_by(|a, b| (text(a.stored), text(a.host)).cmp(&(text(b.stored), text(b.host))));
    Ok(out)
}

fn offsets(lake: &Lake, range: TimeRange, texts: &mut Interner) -> Result<Offsets> {
    let columns: Vec<Col> = WHOSE.iter().copied().chain([common::UTC_TIME]).collect();
    let mut samples = Samples::default();
    for table in TABLES.iter().copied() {
        pieces(lake, table, &columns, range, texts, |frames| samples.add(frames))?;
    }
    Ok(samples.learned())
}

fn addresses(
    lake: &Lake,
    range: TimeRange,
    as_of: Option<i64>,
    offsets: &Offsets,
    texts: &mut Interner,
) -> Result<AddressMap> {
    let mut claims = Vec::new();
    for (table, reads) in address::READS {
        let table = TABLES.iter().copied().find(|t| t.ix() == table.ix());
        let Some(table) = table else { continue };
        let columns: Vec<Col> = WHOSE.iter().chain(*reads).copied().chain([common::SOURCE]).collect();
        pieces(lake, table, &columns, range, texts, |frames| {
            resolve::correct(frames, offsets, as_of);
            claims.extend(address::claims(frames));
        })?;
    }
    Ok(AddressMap::new(claims, |id| texts.get(id).to_owned()))
}

/// Rows of a table piece by piece, all with the same ids of texts.
fn pieces(
    lake: &Lake,
    table: &'static Table,
    columns: &[Col],
    range: TimeRange,
    texts: &mut Interner,
    mut work: impl FnMut(&mut Frames),
) -> Result<()> {
    in_order(lake, table, columns, range, |_, batches| {
        let mut frames = Frames::with_texts(std::mem::take(texts));
        frames.append(table, columns, &batches, range);
        work(&mut frames);
        *texts = frames.strings;
    })
}

/// Columns that say whose the rows of a table are.
fn whose(table: &Table) -> Vec<Col> {
    let mut columns = WHOSE.to_vec();
    if table.ix() == auth::TABLE.ix() {
        columns.push(auth::TARGET_USER);
    }
    columns
}

impl Survey {
    fn count(
        &mut self,
        lake: &Lake,
        table: &'static Table,
        also: &[Col],
        hosts: &mut BTreeMap<StrId, HostRows>,
        look: &mut impl FnMut(&Frames),
    ) -> Result<Vec<Group>> {
        let mut columns = whose(table);
        columns.extend(also);
        let (range, as_of) = (self.range, self.as_of);
        let mut out: Vec<Group> = Vec::new();
        let mut first = 0;
        in_order(lake, table, &columns, range, |place, batches| {
            let mut frames = Frames::with_texts(std::mem::take(&mut self.texts));
            frames.append(table, &columns, &batches, range);
            let stored = frames.frame(table).strs(common::HOST).to_vec();
            let joined = self.entities.apply(&mut frames, as_of);
            self.entities.count(joined);
            look(&frames);
            let frame = frames.frame(table);
            let in_range = frame.len() as u64;
            let mut seen: BTreeMap<StrId, (u32, StrId)> = BTreeMap::new();
            let known = frame.ints(common::TS).iter().zip(frame.strs(common::HOST)).zip(&stored);
            for ((_, host), stored) in known.filter(|((ts, _), _)| !is_forgotten(**ts)) {
                seen.entry(*host).or_insert((0, *stored)).0 += 1;
            }
            let all = batches.iter().map(|b| b.num_rows() as u64).sum::<u64>();
            let kept = seen.values().map(|(n, _)| u64::from(*n)).sum::<u64>();
            for (host, (rows, stored)) in &seen {
                let of_host = hosts.entry(*host).or_insert(HostRows {
                    host: *host,
                    rows: 0,
                    stored: *stored,
                    most: 0,
                });
                of_host.rows += u64::from(*rows);
                if *rows > of_host.most {
                    (of_host.most, of_host.stored) = (*rows, *stored);
                }
            }
            if !seen.is_empty() {
                out.push(Group {
                    place,
                    first,
                    whole: all == kept,
                    rows: in_range as u32,
                    hosts: seen.into_keys().collect(),
                });
            }
            first += in_range;
            self.texts = std::mem::take(&mut frames.strings);
        })?;
        Ok(out)
    }

    /// The texts that all frames of this survey begin with: the names of all hosts among them.
    pub fn texts(&self) -> Interner {
        self.texts.clone()
    }

    /// Sets of hosts with at most so many rows together; a host that has more is a set of its own. Every row is in one of them.
    pub fn sets(&self, rows: u64) -> Vec<HostSet> {
        let mut sets: Vec<HostSet> = Vec::new();
        let mut left = 0;
        for of_host in &self.hosts {
            if of_host.rows > left || sets.is_empty() {
                sets.push(HostSet::default());
                left = rows;
            }
            left = left.saturating_sub(of_host.rows);
            if let Some(set) = sets.last_mut() {
                set.insert(of_host.host);
            }
        }
        sets
    }

    /// Hosts with more than so many rows, with their number.
    pub fn larger_than(&self, rows: u64) -> impl Iterator<Item = (&str, u64)> {
        let large = self.hosts.iter().filter(move |h| h.rows > rows && h.host != NO_STR);
        large.map(|h| (self.texts.get(h.host), h.rows))
    }

    /// Loads the wanted columns of the rows of some hosts, resolved and in order.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub fn load(&self, lake: &Lake, wanted: &Wanted, hosts: &HostSet) -> Result<Numbered> {
        let mut out = Numbered::new(self.texts());
        for (table, columns) in wanted {
            let mut all: Vec<Col> = ALWAYS.iter().chain(columns).copied().chain(whose(table)).collect();
            all.sort_unstable();
            all.dedup();
            self.load_table(lake, table, &all, hosts, &mut out)?;
        }
        self.entities.apply(&mut out.frames, self.as_of);
        resolve::set_order(&mut out.frames);
        Ok(out)
    }

    fn load_table(
        &self,
        lake: &Lake,
        table: &'static Table,
        columns: &[Col],
        hosts: &HostSet,
        out: &mut Numbered,
    ) -> Result<()> {
        let groups = self.groups.get(table.ix()).map_or(&[][..], Vec::as_slice);
        let group_at = |place: Place| {
            let at = groups.binary_search_by_key(&place, |g| g.place);
            at.ok().and_then(|at| groups.get(at))
        };
        let wanted = groups.iter().filter(|g| g.hosts.iter().any(|h| hosts.contains(*h)));
        let wishes: Vec<Wish> = wanted
            .map(|g| Wish {
                place: g.place,
                whole: g.whole && g.hosts.iter().all(|h| hosts.contains(*h)),
            })
            .collect();
        let by = whose(table);
        let pick = |_, batches: &[RecordBatch]| self.pick(table, &by, batches, hosts);
        picked(
            lake,
            table,
            self.range,
            &wishes,
            &by,
            pick,
            columns,
            |place, found, batches| {
                let Some(group) = group_at(place) else { return };
                let number = |n: u32| group.first + u64::from(n);
                let numbers: Vec<u64> = match found {
                    None => (0..group.rows).map(number).collect(),
                    Some(found) => found.iter().copied().map(number).collect(),
                };
                out.add(table, columns, batches, &numbers);
            },
        )
    }

    /// The places of the rows of some hosts in a row group: among all rows, and among those in range.
    fn pick(
        &self,
        table: &'static Table,
        columns: &[Col],
        batches: &[RecordBatch],
        hosts: &HostSet,
    ) -> (Vec<u32>, Vec<u32>) {
        let mut frames = Frames::with_texts(self.texts());
        frames.append(table, columns, batches, TimeRange::default());
        let stored = frames.frame(table).ints(common::TS).to_vec();
        self.entities.apply(&mut frames, self.as_of);
        let frame = frames.frame(table);
        let rows = stored.iter().zip(frame.ints(common::TS)).zip(frame.strs(common::HOST));
        let in_range = (0..)
            .zip(rows)
            .filter(|(_, ((stored, _), _))| self.range.holds(**stored));
        (0..)
            .zip(in_range)
            .filter(|(_, (_, ((_, ts), host)))| !is_forgotten(**ts) && hosts.contains(**host))
            .map(|(number, (at, _))| (at, number))
            .unzip()
    }
}

/// Whether a row was forgotten: it has nothing left, not even a time.
fn is_forgotten(ts: i64) -> bool {
    ts == crate::schema::builder::NULL_INT
}
