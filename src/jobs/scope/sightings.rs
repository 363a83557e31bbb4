//! Counting matches: per indicator and host, merged over row groups and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{HostSeen, Sighting, Wanted};
use crate::base::error::Result;
use crate::base::ip;
use crate::base::time::Ts;
use crate::jobs::who::Who;
use crate::lake::Lake;
use crate::lake::frame::{Frames, Row};
use crate::lake::scan::TimeRange;
use crate::lake::seek::{Group, Place};
use crate::rules::ioc::{CANDIDATE, Matcher};
use crate::schema::{Col, TABLES, Table, common};

/// Users named of one host.
const MAX_USERS: usize = 50;
/// Rows that wait for a host's name or a right clock; more are counted as they stand.
const MAX_PENDING: usize = 1_000_000;

/// One indicator on one host.
type Key = (u32, String);

#[derive(Debug, Default)]
struct Seen {
    users: BTreeSet<String>,
    events: u64,
    first: Ts,
    last: Ts,
    places: BTreeMap<(usize, Col), u64>,
}

/// A row to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sample {
    ts: Ts,
    file_id: i64,
    row: i64,
    /// Where it is.
    pub place: Place,
    /// Row within the row group.
    pub at: u32,
    /// Place of its table in [`TABLES`].
    pub table: usize,
}

/// A row of which only an address is known, or only a local time: what it was is known when all are.
#[derive(Debug)]
struct Pending {
    what: u32,
    host: Arc<str>,
    user: Option<Arc<str>>,
    ts: Ts,
    file_id: i64,
    /// Logged without a zone.
    local: bool,
    places: Arc<[(usize, Col)]>,
}

/// Counts of a part of the lake.
#[derive(Debug, Default)]
pub(super) struct Part {
    seen: BTreeMap<Key, Seen>,
    pending: Vec<Pending>,
    samples: BTreeMap<u32, Vec<Sample>>,
    /// Pending rows that were too many.
    rough: u64,
}

/// Columns that counting reads.
const COLUMNS: &[Col] = &[
    common::TS,
    common::TIME_QUALITY,
    common::CHANNEL,
    common::EVENT_CODE,
    common::HOST,
    common::USER,
    common::FILE_ID,
    common::ROW,
];

/// Counts the matches of a row group.
pub(super) fn of_group(table: &'static Table, group: &Group<'_>, matcher: &Matcher, wanted: &Wanted) -> Result<Part> {
    let rows = group.rows();
    let target_user = table.find("target_user").map(|(c, _)| c);
    let mut columns = COLUMNS.to_vec();
    columns.extend(target_user);
    if group.matches.iter().any(|m| m.what & CANDIDATE != 0) {
        let more = Matcher::CONFIRMING.iter().filter_map(|n| table.find(n));
        columns.extend(more.map(|(c, _)| c));
        columns.extend(group.matches.iter().map(|m| m.col));
    }
    columns.sort_unstable();
    columns.dedup();
    let mut out = Part::default();
    let mut texts = Texts::default();
    let mut matches = group.matches.iter().peekable();
    let mut done = 0;
    for batch in group.read(Some(&columns), &rows)? {
        let n = batch.num_rows();
        let frames = Frames::from_batches(&[(table, batch)]);
        for (i, at) in rows.iter().skip(done).take(n).enumerate() {
            let row = frames.row(table, i as u32);
            let mut here = Vec::new();
            while let Some(m) = matches.next_if(|m| m.row == *at) {
                here.push((m.what, m.col));
            }
            here.retain(|(what, col)| what & CANDIDATE == 0 || confirmed(matcher, *what, *col, row));
            let user = row.text(common::USER).or_else(|| row.text(target_user?));
            let found = Found { row, user, here: &here };
            out.add(&found, group, *at, wanted, &mut texts);
        }
        done += n;
    }
    Ok(out)
}

/// A row with what it matches.
struct Found<'r> {
    row: Row<'r>,
    user: Option<&'r str>,
    here: &'r [(u32, Col)],
}

/// Texts of pending rows, each kept once.
#[derive(Default)]
struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    fn keep(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(t) => Arc::clone(t),
            None => {
                let t: Arc<str> = text.into();
                self.0.insert(Arc::clone(&t));
                t
            }
        }
    }
}

fn confirmed(matcher: &Matcher, what: u32, col: Col, row: Row<'_>) -> bool {
    let column = row.table().column(col).map_or("", |c| c.name);
    let cell = |name: &str| {
        let (c, _) = row.table().find(name)?;
        row.text(c).map(str::to_owned)
    };
    matcher.confirms(what, column, &cell)
}

impl Part {
    fn add(&mut self, found: &Found<'_>, group: &Group<'_>, at: u32, wanted: &Wanted, texts: &mut Texts) {
        let Found { row, user, here } = found;
        let local = Who::may_correct(*row);
        let known = !local && !row.host().starts_with("ip:");
        if known && !(wanted.range.holds(row.ts()) && wanted.has_host(row.host())) {
            return;
        }
        let whats: BTreeSet<u32> = here.iter().map(|(w, _)| w & !CANDIDATE).collect();
        for what in whats {
            let columns: BTreeSet<Col> = here
                .iter()
                .filter(|(w, _)| w & !CANDIDATE == what)
                .map(|(_, c)| *c)
                .collect();
            let places: Vec<(usize, Col)> = columns.into_iter().map(|c| (row.table().ix(), c)).collect();
            if known {
                let seen = self.seen.entry((what, named(row.host(), *user))).or_default();
                seen.add(row.ts(), *user, &places);
            } else {
                self.pending.push(Pending {
                    what,
                    host: texts.keep(row.host()),
                    user: user.map(|u| texts.keep(u)),
                    ts: row.ts(),
                    file_id: row.int(common::FILE_ID).unwrap_or(0),
                    local,
                    places: places.into(),
                });
            }
            self.sample(what, *row, group, at, wanted.samples);
        }
    }

    fn sample(&mut self, what: u32, row: Row<'_>, group: &Group<'_>, at: u32, samples: usize) {
        let list = self.samples.entry(what).or_default();
        let place = (
            row.ts(),
            row.int(common::FILE_ID).unwrap_or(0),
            row.int(common::ROW).unwrap_or(0),
        );
        if list.len() < samples || list.last().is_some_and(|s| place < (s.ts, s.file_id, s.row)) {
            let (ts, file_id, row_number) = place;
            list.push(Sample {
                ts,
                file_id,
                row: row_number,
                place: group.place(),
                at,
                table: row.table().ix(),
            });
            list.sort();
            list.truncate(samples);
        }
    }

    /// Adds the counts of another part.
    pub fn merge(&mut self, other: Self, samples: usize) {
        self.rough += other.rough;
        for (key, s) in other.seen {
            self.seen.entry(key).or_default().merge(s);
        }
        for p in other.pending {
            match self.pending.len() < MAX_PENDING {
                true => self.pending.push(p),
                false => {
                    self.rough += 1;
                    self.count(&p, p.host.to_string(), p.ts);
                }
            }
        }
        for (what, list) in other.samples {
            let all = self.samples.entry(what).or_default();
            all.extend(list);
            all.sort();
            all.truncate(samples);
        }
    }

    fn count(&mut self, p: &Pending, host: String, ts: Ts) {
        let user = p.user.as_deref();
        let key = (p.what, named(&host, user));
        self.seen.entry(key).or_default().add(ts, user, &p.places);
    }

    /// The times of rows whose host or time must be found out; `None` where there are none.
    pub fn span(&self) -> Option<TimeRange> {
        let times = || self.pending.iter().map(|p| p.ts);
        Some(TimeRange {
            from: Some(times().min()?),
            to: Some(times().max()?.saturating_add(1)),
        })
    }

    /// Gives pending rows their hosts and times, as far as they are known; how many stay as they stand in the log.
    pub fn settle(&mut self, who: Option<&Who>, wanted: &Wanted) -> u64 {
        for p in std::mem::take(&mut self.pending) {
            let local = p.local.then(|| who?.correct(&p.host, p.ts, p.file_id)).flatten();
            let ts = local.unwrap_or(p.ts);
            let address = || ip::parse(p.host.strip_prefix("ip:")?);
            let host = address().and_then(|a| who?.host_at(&a, ts));
            let host = host.unwrap_or_else(|| p.host.to_string());
            if wanted.range.holds(ts) && wanted.has_host(&host) {
                self.count(&p, host, ts);
            }
        }
        self.rough
    }

    /// The sightings of every indicator, and the bytes that reading their samples took.
    pub fn finish(
        mut self,
        lake: &Lake,
        matcher: &Matcher,
        who: Option<&Who>,
        wanted: &Wanted,
    ) -> Result<(Vec<Sighting>, u64)> {
        let mut sightings: Vec<Sighting> = matcher
            .indicators()
            .iter()
            .map(|i| Sighting {
                indicator: i.clone(),
                events: 0,
                hosts: Vec::new(),
                samples: Vec::new(),
            })
            .collect();
        for ((what, host), s) in std::mem::take(&mut self.seen) {
            if let Some(sighting) = sightings.get_mut(what as usize) {
                sighting.events += s.events;
                sighting.hosts.push(s.of_host(host));
            }
        }
        let mut samples = Vec::new();
        let mut whose = Vec::new();
        for (what, s) in (0u32..).zip(sightings.iter_mut()) {
            s.hosts.sort_by(|a, b| (a.first, &a.host).cmp(&(b.first, &b.host)));
            for sample in self.samples.remove(&what).filter(|_| s.events > 0).unwrap_or_default() {
                samples.push(sample);
                whose.push(what as usize);
            }
        }
        let (rows, bytes) = super::show(lake, &samples, who, wanted)?;
        for (row, what) in rows.into_iter().zip(whose) {
            if let (Some(row), Some(s)) = (row, sightings.get_mut(what)) {
                s.samples.push(row);
            }
        }
        Ok((sightings, bytes))
    }
}

/// Sign-ins that name no host belong to their user, as in a hunt.
fn named(host: &str, user: Option<&str>) -> String {
    match (host, user) {
        ("", Some(u)) => format!("user:{}", u.to_lowercase()),
        (h, _) => h.to_owned(),
    }
}

impl Seen {
    fn add(&mut self, ts: Ts, user: Option<&str>, places: &[(usize, Col)]) {
        if self.events == 0 {
            (self.first, self.last) = (ts, ts);
        }
        self.events += 1;
        self.first = self.first.min(ts);
        self.last = self.last.max(ts);
        if let Some(u) = user
            && !self.users.contains(u)
        {
            self.users.insert(u.to_owned());
            self.cut();
        }
        for p in places {
            *self.places.entry(*p).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        if self.events == 0 {
            *self = other;
            return;
        }
        self.events += other.events;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.users.extend(other.users);
        self.cut();
        for (place, n) in other.places {
            *self.places.entry(place).or_default() += n;
        }
    }

    /// The first by name: the same whatever came first.
    fn cut(&mut self) {
        while self.users.len() > MAX_USERS {
            self.users.pop_last();
        }
    }

    fn of_host(self, host: String) -> HostSeen {
        let name = |(table, col): (usize, Col)| {
            let t = TABLES.get(table);
            let column = t.and_then(|t| t.column(col)).map_or("", |c| c.name);
            format!("{}.{column}", t.map_or("", |t| t.name))
        };
        HostSeen {
            host,
            users: self.users.into_iter().collect(),
            events: self.events,
            first: self.first,
            last: self.last,
            places: self.places.into_iter().map(|(p, n)| (name(p), n)).collect(),
        }
    }
}
