//! Running all signals over all keys.

use std::collections::HashMap;

use ahash::RandomState;
use rayon::prelude::*;

use super::meta::{Key, Level};
use super::rows::Groups;
use super::{Cx, Hit, Neighbour, SIGNALS, Signal};
use crate::lake::frame::{Frames, StrId, Wanted};
use crate::schema::{Col, TABLES};

const DAY_US: i64 = 24 * 3_600_000_000;

/// Every table and column that some signal reads.
pub fn wanted() -> Wanted {
    wanted_by(|_| true)
}

/// Every table, with the columns that signals which are not by host read.
pub fn wanted_over_hosts() -> Wanted {
    wanted_by(|s| !s.is_by_host())
}

fn wanted_by(which: impl Fn(&dyn Signal) -> bool) -> Wanted {
    let mut per_table: Vec<Vec<Col>> = vec![Vec::new(); TABLES.len()];
    let signals = SIGNALS.iter().filter(|s| which(**s));
    for reads in signals.flat_map(|s| s.meta().reads) {
        if let Some(columns) = per_table.get_mut(reads.table.ix()) {
            columns.extend_from_slice(reads.columns);
        }
    }
    let mut wanted = Vec::new();
    for (table, mut columns) in TABLES.iter().copied().zip(per_table) {
        columns.sort_unstable();
        columns.dedup();
        wanted.push((table, columns));
    }
    wanted
}

/// All hits, ordered by host, time, signal and key.
pub fn run(cx: &Cx<'_>) -> Vec<Hit> {
    let mut hits = of_hosts(cx);
    hits.extend(over_hosts(cx));
    settle(cx, &mut hits);
    hits
}

/// Hits of the signals that look at one host, in no order.
pub fn of_hosts(cx: &Cx<'_>) -> Vec<Hit> {
    scan(cx, true)
}

/// Hits of the signals that look at several hosts together, in no order.
pub fn over_hosts(cx: &Cx<'_>) -> Vec<Hit> {
    scan(cx, false)
}

fn scan(cx: &Cx<'_>, by_host: bool) -> Vec<Hit> {
    [Key::Host, Key::User, Key::Fleet]
        .into_iter()
        .flat_map(|key| run_key(cx, key, by_host))
        .collect()
}

/// The rows that [`over_hosts`] needs of these, per table and ascending.
pub fn gather(frames: &Frames) -> Vec<Vec<u32>> {
    let groups = Groups::new(frames, Key::Fleet);
    let mut out: Vec<Vec<u32>> = vec![Vec::new(); TABLES.len()];
    for rows in groups.as_slice(frames) {
        for signal in SIGNALS.iter().filter(|s| !s.is_by_host()) {
            for row in signal.gather(&rows) {
                if let Some(of_table) = out.get_mut(row.table.ix()) {
                    of_table.push(row.at);
                }
            }
        }
    }
    for of_table in &mut out {
        of_table.sort_unstable();
        of_table.dedup();
    }
    out
}

/// Lets signals look at their hits over the fleet, then at those of others beside them, and puts all into order.
pub fn settle(cx: &Cx<'_>, hits: &mut [Hit]) {
    order(cx, hits);
    // Stable: hits of a signal stay ordered by host and time.
    hits.sort_by_key(|h| h.meta.id);
    for of_signal in hits.chunk_by_mut(|a, b| a.meta.id == b.meta.id) {
        let id = of_signal.first().map(|h| h.meta.id);
        if let Some(signal) = SIGNALS.iter().find(|s| Some(s.meta().id) == id) {
            signal.settle(cx, of_signal);
        }
    }
    order(cx, hits);
    beside(hits);
}

/// Shows each hit to its signal together with what other families say about its host on that day. Levels are those before
/// this step, so that no order of the hits matters; below high they say nothing here, for agents and updaters reach medium daily.
fn beside(hits: &mut [Hit]) {
    let neighbours: Vec<Neighbour> = hits
        .iter()
        .filter(|h| h.level >= Level::High)
        .map(|h| Neighbour {
            meta: h.meta,
            time: h.time,
            host: h.host,
        })
        .collect();
    // Ordered by host's name and time, so one host's lie together.
    let mut of_host: HashMap<StrId, &[Neighbour], RandomState> = HashMap::default();
    for group in neighbours.chunk_by(|a, b| a.host == b.host) {
        if let Some(first) = group.first() {
            of_host.insert(first.host, group);
        }
    }
    for hit in hits {
        let Some(signal) = super::by_id(hit.meta.id) else {
            continue;
        };
        let all = of_host.get(&hit.host).copied().unwrap_or_default();
        let from = all.partition_point(|n| n.time < hit.time - DAY_US);
        let until = all.partition_point(|n| n.time <= hit.time + DAY_US);
        let others: Vec<Neighbour> = all
            .get(from..until)
            .unwrap_or_default()
            .iter()
            .filter(|n| n.meta.family != hit.meta.family)
            .copied()
            .collect();
        if !others.is_empty() {
            signal.beside(hit, &others);
        }
    }
}

/// Orders hits by host, time, signal and key.
pub fn order(cx: &Cx<'_>, hits: &mut [Hit]) {
    let host = |h: &Hit| cx.frames.text(h.host).unwrap_or("");
    hits.sort_by(|a, b| {
        (host(a), a.time, a.meta.id, &a.key, &a.explain).cmp(&(host(b), b.time, b.meta.id, &b.key, &b.explain))
    });
}

fn run_key(cx: &Cx<'_>, key: Key, by_host: bool) -> Vec<Hit> {
    let which = |s: &&&(dyn Signal + Sync)| s.meta().key == key && s.is_by_host() == by_host;
    let signals: Vec<_> = SIGNALS.iter().filter(which).collect();
    if signals.is_empty() {
        return Vec::new();
    }
    let groups = Groups::new(cx.frames, key);
    groups
        .as_slice(cx.frames)
        .par_iter()
        .flat_map_iter(|rows| {
            let mut hits = Vec::new();
            for signal in &signals {
                signal.scan(cx, rows, &mut hits);
            }
            hits
        })
        .collect()
}
