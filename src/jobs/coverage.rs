//! What could be seen at all: sources per host and day, clock offsets, and signals that had nothing to look at.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ip;
use crate::base::time::format_rfc3339;
use crate::entity::gaps;
use crate::entity::resolve::Entities;
use crate::lake::frame::{Frames, NO_STR, StrId};
use crate::lake::staging::{day_name, day_of};
use crate::report::run::{Blind, ClockOffset, Coverage, HostDay, LogGap};
use crate::schema::builder::Interner;
use crate::schema::{Col, TABLES, common, process};
use crate::signals::{Key, SIGNALS};

/// Holes listed.
const LISTED: usize = 1000;

/// Computes the coverage of a hunt over frames that hold all rows.
pub fn coverage(frames: &Frames, entities: &Entities) -> Coverage {
    let mut seen = Seen::default();
    seen.add(frames);
    seen.coverage(&frames.strings, entities)
}

/// What was seen, from rows in pieces: each host in one of them only, pieces in any order, ids of hosts the same in all.
#[derive(Default)]
pub struct Seen {
    days: Vec<HostDay>,
    hosts_of_table: Vec<BTreeSet<StrId>>,
    /// Hosts with process starts, and those with a command line.
    starts: BTreeSet<StrId>,
    lines: BTreeSet<StrId>,
    gaps: Vec<(String, Vec<LogGap>)>,
}

impl Seen {
    /// Adds rows, resolved and in order.
    pub fn add(&mut self, frames: &Frames) {
        let text = |id: StrId| frames.text(id).unwrap_or("").to_owned();
        self.hosts_of_table.resize(TABLES.len(), BTreeSet::new());
        let mut days: BTreeMap<(StrId, i64), BTreeMap<StrId, u64>> = BTreeMap::new();
        for (frame, of_table) in frames.iter().zip(&mut self.hosts_of_table) {
            let (hosts, times, sources) = (
                frame.strs(common::HOST),
                frame.ints(common::TS),
                frame.strs(common::SOURCE),
            );
            for ((host, ts), source) in hosts.iter().zip(times).zip(sources) {
                if *host != NO_STR {
                    let of_day = days.entry((*host, day_of(*ts))).or_default();
                    *of_day.entry(*source).or_default() += 1;
                    of_table.insert(*host);
                }
            }
        }
        self.days.extend(days.into_iter().map(|((host, day), sources)| HostDay {
            host: text(host),
            day: day_name(day),
            sources: sources.into_iter().map(|(s, n)| (text(s), n)).collect(),
        }));
        self.add_starts(frames);
        let gaps = gaps::of_hosts(frames, &gaps::Limits::default()).into_iter();
        self.gaps.extend(gaps.map(|(host, of_host)| {
            let told = of_host.iter().map(|g| log_gap(frames, host, g));
            (host.to_owned(), told.collect())
        }));
    }

    fn add_starts(&mut self, frames: &Frames) {
        for at in 0..frames.frame(&process::TABLE).len() as u32 {
            let row = frames.row(&process::TABLE, at);
            let host = row.id(common::HOST);
            if host != NO_STR && row.text(common::ACTION) == Some("start") {
                self.starts.insert(host);
                if row.id(process::CMDLINE) != NO_STR {
                    self.lines.insert(host);
                }
            }
        }
    }

    /// The coverage; `texts` are those of the pieces' hosts.
    pub fn coverage(mut self, texts: &Interner, entities: &Entities) -> Coverage {
        let text = |id: StrId| {
            if id == NO_STR {
                String::new()
            } else {
                texts.get(id).to_owned()
            }
        };
        self.days.sort_by(|a, b| (&a.host, &a.day).cmp(&(&b.host, &b.day)));
        self.gaps.sort_by(|a, b| a.0.cmp(&b.0));
        let endpoints: BTreeSet<StrId> = self
            .hosts_of_table
            .iter()
            .flatten()
            .copied()
            .filter(|h| !text(*h).starts_with("ip:") && !text(*h).starts_with("user:"))
            .collect();
        let mut clock_offsets: Vec<ClockOffset> = entities
            .offsets
            .learned()
            .filter(|l| l.offset_us != 0)
            .map(|l| ClockOffset {
                host: text(l.host),
                day: day_name(l.day),
                hours: l.offset_us as f64 / 3.6e9,
            })
            .collect();
        clock_offsets.sort_by(|a, b| (&a.host, &a.day).cmp(&(&b.host, &b.day)));
        let mut blind = blind(&endpoints, &self.hosts_of_table, &text);
        blind.extend(half_blind(self.starts.difference(&self.lines).map(|h| text(*h))));
        blind.sort_by(|a, b| (&a.signal, &a.why).cmp(&(&b.signal, &b.why)));
        let mut gaps: Vec<LogGap> = self.gaps.into_iter().flat_map(|g| g.1).collect();
        let more_gaps = gaps.len().saturating_sub(LISTED) as u64;
        gaps.truncate(LISTED);
        Coverage {
            host_days: self.days,
            clock_offsets,
            gaps,
            more_gaps,
            blind,
            addresses_joined: entities.joined,
            addresses_unjoined: entities.unjoined,
            shared_addresses: entities.addresses.shared().iter().map(ip::display).collect(),
        }
    }
}

fn log_gap(frames: &Frames, host: &str, gap: &gaps::Gap<'_>) -> LogGap {
    LogGap {
        host: host.to_owned(),
        channel: frames.text(gap.channel).unwrap_or("").to_owned(),
        kind: gap.kind.name().to_owned(),
        from: format_rfc3339(gap.before.ts()),
        to: format_rfc3339(gap.after.ts()),
        records: gap.count,
    }
}

/// Signals over process starts on hosts whose starts carry no command line: they see only half.
fn half_blind(hosts: impl Iterator<Item = String>) -> Vec<Blind> {
    let mut hosts: Vec<String> = hosts.collect();
    hosts.sort();
    if hosts.is_empty() {
        return Vec::new();
    }
    let reads = |columns: &[Col]| columns.contains(&process::CMDLINE);
    let by_line = SIGNALS.iter().map(|s| s.meta()).filter(|m| {
        let of_process = m.reads.iter().filter(|r| r.table.ix() == process::TABLE.ix());
        of_process.into_iter().any(|r| reads(r.columns))
    });
    by_line
        .map(|m| Blind {
            signal: m.id.to_owned(),
            hosts: hosts.clone(),
            why: "process starts of these hosts carry no command line; switch on their logging (4688) or Sysmon"
                .to_owned(),
        })
        .collect()
}

fn blind(
    endpoints: &BTreeSet<StrId>,
    hosts_of_table: &[BTreeSet<StrId>],
    text: &impl Fn(StrId) -> String,
) -> Vec<Blind> {
    let mut out = Vec::new();
    for meta in SIGNALS.iter().map(|s| s.meta()) {
        let tables: Vec<&str> = meta.reads.iter().map(|r| r.table.name).collect();
        let seen: BTreeSet<StrId> = meta
            .reads
            .iter()
            .filter_map(|r| hosts_of_table.get(r.table.ix()))
            .flatten()
            .copied()
            .collect();
        if seen.is_empty() {
            out.push(Blind {
                signal: meta.id.to_owned(),
                hosts: Vec::new(),
                why: format!("no rows in {}", tables.join(", ")),
            });
            continue;
        }
        if meta.key != Key::Host {
            continue;
        }
        let mut missing: Vec<String> = endpoints.difference(&seen).map(|h| text(*h)).collect();
        if !missing.is_empty() {
            missing.sort();
            out.push(Blind {
                signal: meta.id.to_owned(),
                hosts: missing,
                why: format!("these hosts have no rows in {}", tables.join(", ")),
            });
        }
    }
    out
}
