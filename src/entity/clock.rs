//! Clock offsets: what a source that writes local time without a zone is off by, learned from Sysmon's own UTC clock.
//!
//! Per host and UTC day: the median of (record time − `UtcTime`), rounded to 15 minutes, over Sysmon events other than
//! 3 and 22 (there `UtcTime` is stale after a resume). It holds for all Windows logs of that host on that day, and for
//! the nearest day where a day has none. Hosts without Sysmon take the offset of the input that carried them.

use std::collections::BTreeMap;

use crate::lake::frame::{Frames, NO_STR, StrId};
use crate::schema::common;

/// Offsets are whole quarters of an hour: no zone has another.
const QUARTER_US: i64 = 15 * 60 * 1_000_000;
const DAY_US: i64 = 86_400_000_000;
/// A zone is at most 14 hours from UTC, and exports of 12-hour clocks without AM and PM add 12 more (seen in real
/// PowerShell exports: −16 h to −19 h); a larger difference is a stale clock.
const MAX_OFFSET_US: i64 = 26 * 3_600 * 1_000_000;
/// A day's offset is used for other days of the host at most this far away.
const REACH_DAYS: i64 = 14;

/// Learned offsets.
#[derive(Debug, Default)]
pub struct Offsets {
    by_host: BTreeMap<StrId, BTreeMap<i64, i64>>,
    by_input: BTreeMap<i64, i64>,
}

/// One learned offset, for the coverage report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Host.
    pub host: StrId,
    /// Day, days since 1970-01-01 as written.
    pub day: i64,
    /// Offset in microseconds: record time − UTC.
    pub offset_us: i64,
}

/// What is needed to learn offsets: how often each was seen. Piece by piece, in any order.
#[derive(Debug, Default)]
pub struct Samples {
    hosts: BTreeMap<(StrId, i64), Counts>,
    inputs: BTreeMap<i64, Counts>,
}

/// How often each offset was seen; they are whole quarters of an hour within two days.
type Counts = BTreeMap<i64, u64>;

impl Samples {
    /// Adds what rows say.
    pub fn add(&mut self, frames: &Frames) {
        for frame in frames.iter() {
            if frame.ints(common::UTC_TIME).is_empty() {
                continue;
            }
            for at in 0..frame.len() as u32 {
                let row = frames.row(frame.table, at);
                let (Some(ts), Some(utc)) = (row.int(common::TS), row.int(common::UTC_TIME)) else {
                    continue;
                };
                if row.text(common::TIME_QUALITY) != Some("assumed") || matches!(row.code(), 3 | 22) {
                    continue;
                }
                let offset = round(ts.saturating_sub(utc));
                if offset.abs() > MAX_OFFSET_US {
                    continue;
                }
                let host = row.id(common::HOST);
                if host != NO_STR {
                    let day = ts.div_euclid(DAY_US);
                    *self.hosts.entry((host, day)).or_default().entry(offset).or_default() += 1;
                }
                if let Some(input) = row.int(common::FILE_ID) {
                    *self.inputs.entry(input).or_default().entry(offset).or_default() += 1;
                }
            }
        }
    }

    /// The offsets.
    pub fn learned(&self) -> Offsets {
        let mut by_host: BTreeMap<StrId, BTreeMap<i64, i64>> = BTreeMap::new();
        for ((host, day), counts) in &self.hosts {
            by_host.entry(*host).or_default().insert(*day, median(counts));
        }
        let by_input = self.inputs.iter().map(|(i, counts)| (*i, median(counts))).collect();
        Offsets { by_host, by_input }
    }
}

impl Offsets {
    /// Learns from all frames.
    pub fn learn(frames: &Frames) -> Self {
        let mut samples = Samples::default();
        samples.add(frames);
        samples.learned()
    }

    /// Shifts every Windows row whose time has no zone, where an offset is known; such rows become `host_offset`.
    pub fn apply(&self, frames: &mut Frames) {
        if self.by_input.is_empty() {
            return;
        }
        let assumed = frames.strings.code("assumed").unwrap_or(NO_STR);
        let shifted = frames.strings.intern("host_offset");
        for table in crate::schema::TABLES.iter().copied() {
            let frame = frames.frame(table);
            let mut changes = Vec::new();
            for at in 0..frame.len() as u32 {
                let row = frames.row(table, at);
                let windows = row.id(common::CHANNEL) != NO_STR || row.int(common::EVENT_CODE).is_some();
                if row.id(common::TIME_QUALITY) != assumed || !windows {
                    continue;
                }
                if let Some(offset) = self.offset(row.id(common::HOST), row.ts(), row.int(common::FILE_ID)) {
                    changes.push((at as usize, offset));
                }
            }
            let frame = frames.frame_mut(table);
            for (at, offset) in changes {
                if let Some(ts) = frame.ints_mut(common::TS).get_mut(at) {
                    *ts = ts.saturating_sub(offset);
                }
                if let Some(q) = frame.strs_mut(common::TIME_QUALITY).get_mut(at) {
                    *q = shifted;
                }
            }
        }
    }

    /// What was learned per host and day.
    pub fn learned(&self) -> impl Iterator<Item = Learned> {
        self.by_host.iter().flat_map(|(host, days)| {
            days.iter().map(|(day, offset_us)| Learned {
                host: *host,
                day: *day,
                offset_us: *offset_us,
            })
        })
    }

    /// What the clock of a Windows log without a zone is off by: record time − UTC.
    pub fn offset(&self, host: StrId, ts: i64, input: Option<i64>) -> Option<i64> {
        let day = ts.div_euclid(DAY_US);
        let of_host = self.by_host.get(&host).and_then(|days| {
            let before = days.range(..=day).next_back();
            let after = days.range(day..).next();
            [before, after]
                .into_iter()
                .flatten()
                .filter(|(d, _)| (**d - day).abs() <= REACH_DAYS)
                .min_by_key(|(d, _)| (**d - day).abs())
                .map(|(_, o)| *o)
        });
        of_host.or_else(|| self.by_input.get(&input?).copied())
    }
}

fn round(delta: i64) -> i64 {
    delta.saturating_add(QUARTER_US / 2).div_euclid(QUARTER_US) * QUARTER_US
}

/// The middle one; of an even number the upper of the two in the middle.
fn median(counts: &Counts) -> i64 {
    let half = counts.values().sum::<u64>() / 2;
    let mut below = 0;
    let middle = counts.iter().find(|(_, n)| {
        below += **n;
        below > half
    });
    middle.map_or(0, |(offset, _)| *offset)
}
