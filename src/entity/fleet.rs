//! Facts of the fleet: on how many hosts and days each thing was seen, and since when.

use std::collections::{BTreeSet, HashMap};

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
}

/// All facts.
#[derive(Debug, Default)]
pub struct Facts {
    seen: HashMap<(Thing, Box<str>), Seen, RandomState>,
    hosts_with: Vec<u32>,
    hosts: u32,
    start: i64,
    end: i64,
    first_of_host: HashMap<StrId, i64, RandomState>,
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
        let mut facts = Self {
            hosts_with: vec![0; TABLES.len()],
            start: i64::MAX,
            end: i64::MIN,
            ..Self::default()
        };
        let mut all_hosts = BTreeSet::new();
        let mut counter = Counter::default();
        for frame in frames.iter() {
            let mut hosts = BTreeSet::new();
            for at in 0..frame.len() as u32 {
                let row = frames.row(frame.table, at);
                let host = row.id(common::HOST);
                let ts = row.ts();
                if row.text(common::TIME_QUALITY) != Some("none") {
                    facts.start = facts.start.min(ts);
                    facts.end = facts.end.max(ts);
                }
                if host == NO_STR {
                    continue;
                }
                hosts.insert(host);
                let first = facts.first_of_host.entry(host).or_insert(ts);
                *first = (*first).min(ts);
                counter.row(frames, row, host, ts);
            }
            if let Some(n) = facts.hosts_with.get_mut(frame.table.ix()) {
                *n = hosts.len() as u32;
            }
            all_hosts.extend(hosts);
        }
        facts.hosts = all_hosts.iter().filter(|h| is_host(frames.text(**h))).count() as u32;
        facts.seen = counter.finish();
        facts
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
        self.first_of_host.get(&host).copied()
    }

    /// Days of history before `ts`.
    pub fn baseline_days(&self, ts: i64) -> i64 {
        self.range().map_or(0, |(start, _)| (ts - start).max(0) / DAY_US)
    }
}

fn is_host(name: Option<&str>) -> bool {
    name.is_some_and(|n| !n.starts_with("ip:") && !n.starts_with("user:"))
}

/// Sightings, reduced at the end: one sort per thing, so no set per key.
#[derive(Default)]
struct Counter {
    keys: crate::schema::builder::Interner,
    sightings: Vec<(Thing, u32, StrId, i64)>,
    domains: HashMap<StrId, Option<u32>, RandomState>,
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

    fn see(&mut self, thing: Thing, key: &str, host: StrId, ts: i64) {
        let key = self.keys.intern(key);
        self.sightings.push((thing, key, host, ts));
    }

    fn finish(mut self) -> HashMap<(Thing, Box<str>), Seen, RandomState> {
        self.sightings.sort_unstable();
        let mut out = HashMap::default();
        for group in self.sightings.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some((thing, key, ..)) = group.first() else {
                continue;
            };
            let hosts = group.chunk_by(|a, b| a.2 == b.2).count() as u32;
            let mut days: Vec<i64> = group.iter().map(|s| s.3.div_euclid(DAY_US)).collect();
            days.sort_unstable();
            days.dedup();
            let seen = Seen {
                hosts,
                days: days.len() as u32,
                count: group.len() as u64,
                first: group.iter().map(|s| s.3).min().unwrap_or(0),
                last: group.iter().map(|s| s.3).max().unwrap_or(0),
            };
            out.insert((*thing, Box::from(self.keys.get(*key))), seen);
        }
        out
    }
}
