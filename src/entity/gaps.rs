//! Holes in what a host logged: a channel that falls silent while others go on, records missing from a row of numbers, and
//! numbers that begin anew.
//!
//! Time is the host's own, corrected. A channel that writes rarely is never called silent, and an export that holds only
//! chosen records is never called incomplete: both need an even stream before the hole.

use std::collections::BTreeMap;

use crate::base::time::{SECOND, Ts};
use crate::lake::frame::{Frames, NO_STR, Row, StrId};
use crate::schema::{TABLES, common};

/// What counts as a hole.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Shortest silence, microseconds.
    pub silence_us: i64,
    /// A silence is this many times the channel's own 99th percentile of pauses.
    pub times_usual: f64,
    /// A channel is steady whose 99th percentile of pauses is at most this, microseconds.
    pub steady_us: i64,
    /// Fewest records of a channel.
    pub records: usize,
    /// Share of record numbers that follow on their predecessor, in a complete log.
    pub complete: f64,
    /// More holes than this in the numbers of a log are its nature.
    pub holes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence_us: 3_600 * SECOND,
            times_usual: 6.0,
            steady_us: 600 * SECOND,
            records: 200,
            complete: 0.98,
            holes: 3,
        }
    }
}

/// The kind of a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No record for long, while other channels of the host go on.
    Silent,
    /// Record numbers are missing.
    Missing,
    /// Record numbers begin anew, without a cleared log that explains it.
    Restart,
}

impl Kind {
    /// Name as in `run.json`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Silent => "silent",
            Kind::Missing => "records_missing",
            Kind::Restart => "numbers_restart",
        }
    }
}

/// A hole between two rows.
#[derive(Debug, Clone, Copy)]
pub struct Gap<'a> {
    /// What is wrong.
    pub kind: Kind,
    /// The channel, or the kind of log where it has none.
    pub channel: StrId,
    /// Last row before.
    pub before: Row<'a>,
    /// First row after.
    pub after: Row<'a>,
    /// Record numbers missing; rows of other channels during a silence.
    pub count: u64,
}

/// The holes of one host, whose rows come in any order: by channel, then time.
pub fn of_host<'a>(rows: impl Iterator<Item = Row<'a>>, limits: &Limits) -> Vec<Gap<'a>> {
    let mut channels: BTreeMap<&str, (StrId, Vec<Row<'a>>)> = BTreeMap::new();
    let mut all: Vec<Ts> = Vec::new();
    let mut cleared: Vec<Ts> = Vec::new();
    for row in rows.filter(|r| r.str(common::TIME_QUALITY) != "none") {
        let column = match row.id(common::CHANNEL) {
            NO_STR => common::SOURCE,
            _ => common::CHANNEL,
        };
        if matches!(row.code(), 1102 | 104) {
            cleared.push(row.ts());
        }
        all.push(row.ts());
        let of_channel = channels.entry(row.str(column));
        of_channel.or_insert_with(|| (row.id(column), Vec::new())).1.push(row);
    }
    all.sort_unstable();
    let mut out = Vec::new();
    for (channel, mut of_channel) in channels.into_values() {
        of_channel.sort_by_key(|r| (r.ts(), r.int(common::RECORD_ID), r.table().ix(), r.at()));
        silences(channel, &of_channel, &all, limits, &mut out);
        numbers(channel, &of_channel, &cleared, limits, &mut out);
    }
    // Stable: of one time and kind in the order of the channels' names.
    out.sort_by_key(|g| (g.before.ts(), g.kind));
    out
}

/// The holes of every host, by name of the host. Rows of one host at a time are looked at.
pub fn of_hosts<'a>(frames: &'a Frames, limits: &Limits) -> Vec<(&'a str, Vec<Gap<'a>>)> {
    let mut hosts: BTreeMap<&str, Vec<(usize, usize, usize)>> = BTreeMap::new();
    for (t, table) in TABLES.iter().enumerate() {
        let order = frames.frame(table).order();
        let mut from = 0;
        for of_host in
            order.chunk_by(|a, b| frames.row(table, *a).id(common::HOST) == frames.row(table, *b).id(common::HOST))
        {
            let host = of_host.first().map_or("", |at| frames.row(table, *at).host());
            hosts.entry(host).or_default().push((t, from, from + of_host.len()));
            from += of_host.len();
        }
    }
    hosts.remove("");
    let rows_of = |parts: Vec<(usize, usize, usize)>| {
        parts.into_iter().flat_map(move |(t, from, to)| {
            let table = TABLES.get(t).copied();
            let order = table.map_or(&[][..], |t| frames.frame(t).order().get(from..to).unwrap_or(&[]));
            order.iter().filter_map(move |at| Some(frames.row(table?, *at)))
        })
    };
    hosts
        .into_iter()
        .map(|(host, parts)| (host, of_host(rows_of(parts), limits)))
        .filter(|(_, gaps)| !gaps.is_empty())
        .collect()
}

fn silences<'a>(channel: StrId, rows: &[Row<'a>], all: &[Ts], limits: &Limits, out: &mut Vec<Gap<'a>>) {
    if rows.len() < limits.records {
        return;
    }
    let mut pauses: Vec<i64> = rows
        .windows(2)
        .filter_map(|w| Some(w.last()?.ts() - w.first()?.ts()))
        .collect();
    pauses.sort_unstable();
    let usual = pauses.get(pauses.len() * 99 / 100).copied().unwrap_or(0);
    if usual > limits.steady_us {
        return;
    }
    let least = limits.silence_us.max((usual as f64 * limits.times_usual) as i64);
    for pair in rows.windows(2) {
        let [before, after] = pair else { continue };
        let pause = after.ts() - before.ts();
        if pause < least {
            continue;
        }
        // What other channels wrote meanwhile, in each quarter of the silence.
        let between = |from: Ts, to: Ts| all.partition_point(|t| *t < to) - all.partition_point(|t| *t <= from);
        let quarter = pause / 4;
        let awake = (0..4).all(|q| between(before.ts() + q * quarter, before.ts() + (q + 1) * quarter) > 0);
        if awake {
            out.push(Gap {
                kind: Kind::Silent,
                channel,
                before: *before,
                after: *after,
                count: between(before.ts(), after.ts()) as u64,
            });
        }
    }
}

fn numbers<'a>(channel: StrId, rows: &[Row<'a>], cleared: &[Ts], limits: &Limits, out: &mut Vec<Gap<'a>>) {
    let mut files: BTreeMap<Option<i64>, Vec<(i64, Row<'a>)>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.text(common::CHANNEL).is_some()) {
        if let Some(number) = row.int(common::RECORD_ID).filter(|n| *n > 0) {
            files.entry(row.int(common::FILE_ID)).or_default().push((number, *row));
        }
    }
    for mut of_file in files.into_values().filter(|f| f.len() >= limits.records) {
        restarts(channel, &of_file, cleared, limits, out);
        of_file.sort_by_key(|(n, _)| *n);
        let steps: Vec<(u64, Row<'a>, Row<'a>)> = of_file
            .windows(2)
            .filter_map(|w| match w {
                [(a, before), (b, after)] => Some((b.abs_diff(*a), *before, *after)),
                _ => None,
            })
            .filter(|(step, ..)| *step > 0)
            .collect();
        let holes: Vec<_> = steps.iter().filter(|(step, ..)| *step > 1).collect();
        let even = (steps.len() - holes.len()) as f64 >= limits.complete * steps.len() as f64;
        if even && steps.len() + 1 >= limits.records && holes.len() <= limits.holes {
            out.extend(holes.into_iter().map(|(step, before, after)| Gap {
                kind: Kind::Missing,
                channel,
                before: *before,
                after: *after,
                count: step - 1,
            }));
        }
    }
}

/// Numbers that fall to a tenth and stay there, though no log was cleared within minutes.
fn restarts<'a>(channel: StrId, by_time: &[(i64, Row<'a>)], cleared: &[Ts], limits: &Limits, out: &mut Vec<Gap<'a>>) {
    const NEAR_US: i64 = 300 * SECOND;
    let mut lowest_after = i64::MAX;
    let mut highest_after = 0;
    let mut after: Vec<(i64, i64)> = Vec::with_capacity(by_time.len());
    for (number, _) in by_time.iter().rev() {
        lowest_after = lowest_after.min(*number);
        highest_after = highest_after.max(*number);
        after.push((lowest_after, highest_after));
    }
    after.reverse();
    let mut highest_before = 0;
    for (pair, later) in by_time.windows(2).zip(after.iter().skip(1)) {
        let [(a, before), (b, next)] = pair else { continue };
        highest_before = highest_before.max(*a);
        let anew = *b < highest_before / 10 && later.1 < highest_before && highest_before > limits.records as i64;
        let explained = cleared.iter().any(|t| (t - next.ts()).abs() <= NEAR_US);
        if anew && !explained {
            out.push(Gap {
                kind: Kind::Restart,
                channel,
                before: *before,
                after: *next,
                count: 0,
            });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::batch;
    use crate::schema::builder::TableSet;
    use crate::schema::{dns, process};

    /// Kinds of the gaps of a host whose Security log has these (seconds, number), with DNS questions every ten minutes.
    fn kinds(records: &[(i64, i64)], dns_until: i64) -> Vec<Kind> {
        let mut set = TableSet::default();
        for (second, number) in records {
            let b = set.table(&process::TABLE);
            b.int(common::TS, second * SECOND);
            b.text(common::HOST, "ws01");
            b.text(common::CHANNEL, "Security");
            b.int(common::RECORD_ID, *number);
            b.end_row();
        }
        for second in (0..dns_until).step_by(600) {
            let b = set.table(&dns::TABLE);
            b.int(common::TS, second * SECOND);
            b.text(common::HOST, "ws01");
            b.text(common::SOURCE, "zeek");
            b.end_row();
        }
        let batches: Vec<_> = set
            .into_builders()
            .map(|b| (b.table(), batch::from_builder(b).unwrap()))
            .collect();
        let mut frames = Frames::from_batches(&batches);
        super::super::resolve::resolve(&mut frames);
        let gaps = of_hosts(&frames, &Limits::default());
        gaps.iter().flat_map(|(_, g)| g.iter().map(|g| g.kind)).collect()
    }

    fn steady(from: i64, records: i64, number: i64) -> Vec<(i64, i64)> {
        (0..records).map(|n| (from + n * 30, number + n)).collect()
    }

    #[test]
    fn a_channel_that_falls_silent_while_others_go_on_is_a_gap() {
        let mut log = steady(0, 300, 1);
        log.extend(steady(9_000 + 5 * 3_600, 300, 301));
        assert_eq!(kinds(&log, 40_000), [Kind::Silent]);
        assert!(kinds(&log, 9_000).is_empty());
    }

    #[test]
    fn missing_and_restarted_numbers_are_gaps_and_chosen_records_are_not() {
        let mut log = steady(0, 300, 1);
        log.extend(steady(9_000, 300, 341));
        assert_eq!(kinds(&log, 0), [Kind::Missing]);
        let mut log = steady(0, 300, 5_000);
        log.extend(steady(9_000, 300, 1));
        assert_eq!(kinds(&log, 0), [Kind::Restart, Kind::Missing]);
        let chosen: Vec<_> = (0..600).map(|n| (n * 30, n * 3)).collect();
        assert!(kinds(&chosen, 0).is_empty());
    }
}
