//! What could be seen at all: sources per host and day, clock offsets, and signals that had nothing to look at.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ip;
use crate::base::time::format_rfc3339;
use crate::entity::gaps;
use crate::entity::resolve::Entities;
use crate::lake::frame::{Frames, NO_STR, StrId};
use crate::lake::staging::{day_name, day_of};
use crate::report::run::{Blind, ClockOffset, Coverage, HostDay, LogGap};
use crate::schema::{Col, common, process};
use crate::signals::{Key, SIGNALS};

/// Computes the coverage of a hunt.
pub fn coverage(frames: &Frames, entities: &Entities) -> Coverage {
    let text = |id: StrId| frames.text(id).unwrap_or("").to_owned();
    let mut days: BTreeMap<(StrId, i64), BTreeMap<StrId, u64>> = BTreeMap::new();
    let mut hosts_of_table: Vec<BTreeSet<StrId>> = Vec::new();
    for frame in frames.iter() {
        let (hosts, times, sources) = (
            frame.strs(common::HOST),
            frame.ints(common::TS),
            frame.strs(common::SOURCE),
        );
        let mut of_table = BTreeSet::new();
        for ((host, ts), source) in hosts.iter().zip(times).zip(sources) {
            if *host != NO_STR {
                *days
                    .entry((*host, day_of(*ts)))
                    .or_default()
                    .entry(*source)
                    .or_default() += 1;
                of_table.insert(*host);
            }
        }
        hosts_of_table.push(of_table);
    }
    let endpoints: BTreeSet<StrId> = hosts_of_table
        .iter()
        .flatten()
        .copied()
        .filter(|h| !text(*h).starts_with("ip:") && !text(*h).starts_with("user:"))
        .collect();
    let mut host_days: Vec<HostDay> = days
        .into_iter()
        .map(|((host, day), sources)| HostDay {
            host: text(host),
            day: day_name(day),
            sources: sources.into_iter().map(|(s, n)| (text(s), n)).collect(),
        })
        .collect();
    host_days.sort_by(|a, b| (&a.host, &a.day).cmp(&(&b.host, &b.day)));
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
    let (gaps, more_gaps) = gaps(frames);
    Coverage {
        host_days,
        clock_offsets,
        gaps,
        more_gaps,
        blind: {
            let mut all = blind(&endpoints, &hosts_of_table, &text);
            all.extend(half_blind(frames, &text));
            all.sort_by(|a, b| (&a.signal, &a.why).cmp(&(&b.signal, &b.why)));
            all
        },
        addresses_joined: entities.joined,
        addresses_unjoined: entities.unjoined,
        shared_addresses: entities.addresses.shared().iter().map(ip::display).collect(),
    }
}

/// Holes in what hosts logged, and how many more there are.
fn gaps(frames: &Frames) -> (Vec<LogGap>, u64) {
    const LISTED: usize = 1000;
    let mut out = Vec::new();
    let mut more = 0;
    for (host, of_host) in gaps::of_hosts(frames, &gaps::Limits::default()) {
        for gap in of_host {
            if out.len() == LISTED {
                more += 1;
                continue;
            }
            out.push(LogGap {
                host: host.to_owned(),
                channel: frames.text(gap.channel).unwrap_or("").to_owned(),
                kind: gap.kind.name().to_owned(),
                from: format_rfc3339(gap.before.ts()),
                to: format_rfc3339(gap.after.ts()),
                records: gap.count,
            });
        }
    }
    (out, more)
}

/// Signals over process starts on hosts whose starts carry no command line: they see only half.
fn half_blind(frames: &Frames, text: &impl Fn(StrId) -> String) -> Vec<Blind> {
    let frame = frames.frame(&process::TABLE);
    let (mut all, mut with): (BTreeSet<StrId>, BTreeSet<StrId>) = Default::default();
    for at in 0..frame.len() as u32 {
        let row = frames.row(&process::TABLE, at);
        let host = row.id(common::HOST);
        if host != NO_STR && row.text(common::ACTION) == Some("start") {
            all.insert(host);
            if row.id(process::CMDLINE) != NO_STR {
                with.insert(host);
            }
        }
    }
    let mut hosts: Vec<String> = all.difference(&with).map(|h| text(*h)).collect();
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
