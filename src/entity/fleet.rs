//! Facts of the fleet: on how many hosts and days each thing was seen, and since when.

use std::collections::{BTreeSet, HashMap, HashSet};

use ahash::RandomState;

use crate::base::ip;
use crate::knowledge::domains;
use crate::lake::frame::{Frames, NO_STR, Row, StrId};
use crate::schema::{TABLES, Table, common, dns, http, image_load, network, persist, process};

const DAY_US: i64 = 86_400_000_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thing {
    /// Registrable domain (e2LD) of names asked, requested or connected to.
    Domain,
    /// Whole name asked, requested or connected to, lower case.
    Name,
    /// External destination address.
    Address,
    /// Lower-case hexadecimal hash of an executed or loaded image (SHA-256, else SHA-1, else MD5).
    Hash,
    /// `parent>child` by lower-case base name.
    Edge,
    /// Lower-case base name of an executable that started another one; `count` is what it started.
    Parent,
    /// Lower-case base name of a started executable.
    Image,
    /// Lower-case full path of a started executable.
    Path,
    /// Lower-case name of a service.
    Service,
    /// Lower-case name of a task.
    Task,
    /// User-Agent.
    UserAgent,
}

/// How widely and how long something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Distinct hosts.
    pub hosts: u32,
    /// Distinct UTC days.
    pub days: u32,
    /// Events.
    pub count: u64,
    /// First time, microseconds UTC.
    pub first: i64,
    /// Last time, microseconds UTC.
    pub last: i64,
    /// Of a domain: whether a DNS question names it, in lower case.
    pub asked: bool,
}

/// All facts.
#[derive(Debug, Default)]
pub struct Facts {
    seen: HashMap<(Thing, Box<str>), Seen, RandomState>,
    hosts_with: Vec<u32>,
    hosts: u32,
    start: i64,
    end: i64,
    spans: HashMap<StrId, (i64, i64), RandomState>,
}

/// Columns that counting reads.
pub const READS: &[(&Table, &[crate::schema::Col])] = &[
    (
        &process::TABLE,
        &[
            process::IMAGE,
            process::IMAGE_NAME,
            process::PARENT_NAME,
            process::SHA256,
            process::SHA1,
            process::MD5,
            common::ACTION,
        ],
    ),
    (
        &image_load::TABLE,
        &[image_load::SHA256, image_load::SHA1, image_load::MD5],
    ),
    (&dns::TABLE, &[dns::QNAME]),
    (&http::TABLE, &[http::URL_HOST, http::UA, http::DST_IP]),
    (&network::TABLE, &[network::DST_IP, network::DST_HOST, network::TLS_SNI]),
    (&persist::TABLE, &[persist::KIND, persist::NAME]),
];

impl Facts {
    /// Counts all frames, whose hosts and times are resolved.
    pub fn count(frames: &Frames) -> Self {
        let mut tally = Tally::default();
        tally.add(frames);
        tally.finish()
    }

    /// How widely something was seen; all zero where it never was. `key` is lower case.
    pub fn seen(&self, thing: Thing, key: &str) -> Seen {
        self.seen.get(&(thing, Box::from(key))).copied().unwrap_or_default()
    }

    /// Hosts that have rows in a table.
    pub fn hosts_with(&self, table: &'static Table) -> u32 {
        self.hosts_with.get(table.ix()).copied().unwrap_or(0)
    }

    /// All hosts with a name.
    pub fn hosts(&self) -> u32 {
        self.hosts
    }

    /// Earliest and latest event time, microseconds UTC; `None` without events.
    pub fn range(&self) -> Option<(i64, i64)> {
        (self.start <= self.end).then_some((self.start, self.end))
    }

    /// First event of a host.
    pub fn first_of_host(&self, host: StrId) -> Option<i64> {
        self.spans.get(&host).map(|s| s.0)
    }

    /// Last event of a host.
    pub fn last_of_host(&self, host: StrId) -> Option<i64> {
        self.spans.get(&host).map(|s| s.1)
    }

    /// Registrable domains that DNS questions name, in no order.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        let asked = self
            .seen
            .iter()
            .filter(|((thing, _), s)| *thing == Thing::Domain && s.asked);
        asked.map(|((_, domain), _)| domain.as_ref())
    }

    /// Days of history before `ts`.
    pub fn baseline_days(&self, ts: i64) -> i64 {
        self.range().map_or(0, |(start, _)| (ts - start).max(0) / DAY_US)
    }
}

fn is_host(name: Option<&str>) -> bool {
    name.is_some_and(|n| !n.starts_with("ip:") && !n.starts_with("user:"))
}

/// Facts under construction, from rows in pieces: each host in one of them only, pieces in any order.
#[derive(Debug, Default)]
pub struct Tally {
    seen: HashMap<(Thing, Box<str>), Sum, RandomState>,
    hosts_with: Vec<u32>,
    hosts: u32,
    range: Option<(i64, i64)>,
    spans: HashMap<StrId, (i64, i64), RandomState>,
}

/// A [`Seen`] that can grow.
#[derive(Debug, Default)]
struct Sum {
    seen: Seen,
    /// Distinct days, sorted.
    days: Vec<i32>,
}

impl Sum {
    fn add(&mut self, more: Seen, days: Vec<i32>) {
        let own = &mut self.seen;
        match self.days.is_empty() {
            true => self.days = days,
            false => {
                self.days.extend(days);
                self.days.sort_unstable();
                self.days.dedup();
            }
        }
        *own = Seen {
            hosts: own.hosts + more.hosts,
            days: self.days.len() as u32,
            count: own.count + more.count,
            first: if own.count == 0 {
                more.first
            } else {
                own.first.min(more.first)
            },
            last: if own.count == 0 {
                more.last
            } else {
                own.last.max(more.last)
            },
            asked: own.asked || more.asked,
        };
    }
}

impl Tally {
    /// Counts rows whose hosts and times are resolved.
    pub fn add(&mut self, frames: &Frames) {
        self.hosts_with.resize(TABLES.len(), 0);
        let mut all_hosts = BTreeSet::new();
        let mut counter = Counter::default();
        for frame in frames.iter() {
            let mut hosts = BTreeSet::new();
            for at in 0..frame.len() as u32 {
                let row = frames.row(frame.table, at);
                let host = row.id(common::HOST);
                let ts = row.ts();
                if row.text(common::TIME_QUALITY) != Some("none") {
                    widen(self.range.get_or_insert((ts, ts)), ts);
                }
                if host == NO_STR {
                    continue;
                }
                hosts.insert(host);
                widen(self.spans.entry(host).or_insert((ts, ts)), ts);
                counter.row(frames, row, host, ts);
            }
            if let Some(n) = self.hosts_with.get_mut(frame.table.ix()) {
                *n += hosts.len() as u32;
            }
            all_hosts.extend(hosts);
        }
        self.hosts += all_hosts.iter().filter(|h| is_host(frames.text(**h))).count() as u32;
        counter.finish(&mut self.seen);
    }

    /// The facts.
    pub fn finish(self) -> Facts {
        let (start, end) = self.range.unwrap_or((i64::MAX, i64::MIN));
        Facts {
            seen: self.seen.into_iter().map(|(key, sum)| (key, sum.seen)).collect(),
            hosts_with: self.hosts_with,
            hosts: self.hosts,
            start,
            end,
            spans: self.spans,
        }
    }
}

fn widen(span: &mut (i64, i64), ts: i64) {
    *span = (span.0.min(ts), span.1.max(ts));
}

/// Sightings, reduced at the end: one sort per thing, so no set per key.
#[derive(Default)]
struct Counter {
    keys: crate::schema::builder::Interner,
    sightings: Vec<(Thing, u32, StrId, i64)>,
    domains: HashMap<StrId, Option<u32>, RandomState>,
    /// Names that were asked for, and those of `keys` that are their domains.
    questions: HashSet<StrId, RandomState>,
    asked: HashSet<u32, RandomState>,
}

impl Counter {
    fn row(&mut self, frames: &Frames, row: Row<'_>, host: StrId, ts: i64) {
        let t = row.table().ix();
        if t == process::TABLE.ix() && row.text(common::ACTION) == Some("start") {
            let (parent, child) = (row.str(process::PARENT_NAME), row.str(process::IMAGE_NAME));
            if !child.is_empty() {
                self.see(Thing::Image, child, host, ts);
                if !parent.is_empty() {
                    self.see(Thing::Edge, &format!("{parent}>{child}"), host, ts);
                    self.see(Thing::Parent, parent, host, ts);
                }
            }
            if let Some(path) = row.text(process::IMAGE) {
                self.see(Thing::Path, &path.to_lowercase(), host, ts);
            }
            self.hash(row, [process::SHA256, process::SHA1, process::MD5], host, ts);
        } else if t == image_load::TABLE.ix() {
            self.hash(row, [image_load::SHA256, image_load::SHA1, image_load::MD5], host, ts);
        } else if t == dns::TABLE.ix() {
            self.name(frames, row.id(dns::QNAME), host, ts);
            self.question(frames, row.id(dns::QNAME));
        } else if t == http::TABLE.ix() {
            self.name(frames, row.id(http::URL_HOST), host, ts);
            if let Some(ua) = row.text(http::UA) {
                self.see(Thing::UserAgent, ua, host, ts);
            }
            self.address(row.ip(http::DST_IP), host, ts);
        } else if t == network::TABLE.ix() {
            self.name(frames, row.id(network::TLS_SNI), host, ts);
            self.name(frames, row.id(network::DST_HOST), host, ts);
            self.address(row.ip(network::DST_IP), host, ts);
        } else if t == persist::TABLE.ix() {
            let thing = match row.str(persist::KIND) {
                "service" | "driver_service" => Thing::Service,
                "task" => Thing::Task,
                _ => return,
            };
            if let Some(name) = row.text(persist::NAME) {
                self.see(thing, &name.to_lowercase(), host, ts);
            }
        }
    }

    fn hash(&mut self, row: Row<'_>, columns: [crate::schema::Col; 3], host: StrId, ts: i64) {
        if let Some(h) = columns.into_iter().find_map(|c| row.text(c)) {
            self.see(Thing::Hash, h, host, ts);
        }
    }

    fn address(&mut self, address: Option<ip::Ip>, host: StrId, ts: i64) {
        if let Some(a) = address.filter(|a| !ip::is_internal(a)) {
            self.see(Thing::Address, &ip::display(&a), host, ts);
        }
    }

    fn name(&mut self, frames: &Frames, id: StrId, host: StrId, ts: i64) {
        let Some(name) = frames.text(id) else { return };
        let keys = &mut self.keys;
        let domain = *self.domains.entry(id).or_insert_with(|| {
            let lower = name.to_ascii_lowercase();
            domains::registrable(&lower).map(|d| keys.intern(d))
        });
        if let Some(d) = domain {
            self.sightings.push((Thing::Domain, d, host, ts));
        }
        self.see(Thing::Name, &name.to_ascii_lowercase(), host, ts);
    }

    fn question(&mut self, frames: &Frames, id: StrId) {
        if !self.questions.insert(id) {
            return;
        }
        let domain = frames.text(id).and_then(domains::registrable);
        if let Some(key) = domain.and_then(|d| self.keys.code(d)) {
            self.asked.insert(key);
        }
    }

    fn see(&mut self, thing: Thing, key: &str, host: StrId, ts: i64) {
        let key = self.keys.intern(key);
        self.sightings.push((thing, key, host, ts));
    }

    fn finish(mut self, out: &mut HashMap<(Thing, Box<str>), Sum, RandomState>) {
        self.sightings.sort_unstable();
        for group in self.sightings.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some((thing, key, ..)) = group.first() else {
                continue;
            };
            let mut days: Vec<i32> = group.iter().map(|s| s.3.div_euclid(DAY_US) as i32).collect();
            days.sort_unstable();
            days.dedup();
            days.shrink_to_fit();
            let seen = Seen {
                hosts: group.chunk_by(|a, b| a.2 == b.2).count() as u32,
                days: days.len() as u32,
                count: group.len() as u64,
                first: group.iter().map(|s| s.3).min().unwrap_or(0),
                last: group.iter().map(|s| s.3).max().unwrap_or(0),
                asked: *thing == Thing::Domain && self.asked.contains(key),
            };
            let key = (*thing, Box::from(self.keys.get(*key)));
            out.entry(key).or_default().add(seen, days);
        }
    }
}
