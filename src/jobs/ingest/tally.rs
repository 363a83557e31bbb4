//! What is said of one input: counts, first and last time, hosts, how times are known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::REJECTS_KEPT;
use crate::base::reject::Reject;
use crate::base::time::Ts;
use crate::ingest::sink::Sink;
use crate::lake::catalogue::Input;
use crate::schema::builder::{NULL_CODE, TableBuilder};
use crate::schema::common;

/// Hosts named per input.
const HOSTS_NAMED: usize = 100;

/// The sums over the blocks of one input, whatever their order.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) records: u64,
    rejected: u64,
    #[serde(default)]
    rejected_bytes: u64,
    /// Lines of other programs among the records.
    #[serde(default)]
    pub(super) foreign: u64,
    /// Parts of the file that are missing, wiped or damaged.
    #[serde(default)]
    pub(super) lost: u64,
    /// Rejected records in no order: the first of them, where they are more than are kept.
    pub(super) rejects: Vec<Reject>,
    first: Option<Ts>,
    last: Option<Ts>,
    hosts: BTreeSet<String>,
    quality: BTreeMap<String, u64>,
}

impl Tally {
    /// A record of `len` bytes that was passed over because of its size.
    pub(super) fn oversized(&mut self, len: u64, reject: Reject) {
        self.records += 1;
        self.rejected += 1;
        self.rejected_bytes += len;
        self.rejects.push(reject);
        self.trim();
    }

    /// Adds what a sink took in.
    pub(super) fn add(&mut self, sink: &mut Sink<'_>) {
        self.records += sink.records;
        self.rejected += sink.rejects.len() as u64;
        self.rejected_bytes += sink.rejected_bytes;
        self.foreign += sink.foreign;
        self.lost += sink.lost;
        self.rejects.append(&mut sink.rejects);
        self.trim();
        for (builder, before) in sink.new_rows() {
            self.times(builder.ints(common::TS).get(before..).unwrap_or_default());
            self.hosts_of(builder, before);
            self.qualities(builder, before);
        }
    }

    /// Forgets rejected records that will not be told: memory is bounded, and those that come first stay.
    fn trim(&mut self) {
        if self.rejects.len() >= 2 * REJECTS_KEPT {
            self.rejects.select_nth_unstable_by_key(REJECTS_KEPT, |r| r.offset);
            self.rejects.truncate(REJECTS_KEPT);
        }
    }

    /// Writes the sums into the input.
    pub(super) fn finish(&mut self, input: &mut Input) {
        input.records = self.records;
        input.rejected = self.rejected;
        input.rejected_bytes = self.rejected_bytes;
        input.first = self.first;
        input.last = self.last;
        input.hosts = std::mem::take(&mut self.hosts).into_iter().take(HOSTS_NAMED).collect();
        input.time_quality = std::mem::take(&mut self.quality).into_iter().collect();
    }

    fn times(&mut self, times: &[Ts]) {
        let first = times.iter().min().copied();
        self.first = first.into_iter().chain(self.first).min();
        self.last = times.iter().max().copied().max(self.last);
    }

    /// All hosts that the block names: the first hundred by name are those of any order of blocks.
    fn hosts_of(&mut self, builder: &TableBuilder, before: usize) {
        let Some((codes, values)) = builder.dict(common::HOST) else {
            return;
        };
        let mut last = NULL_CODE;
        for code in codes.get(before..).unwrap_or_default() {
            if *code == last || *code == NULL_CODE {
                continue;
            }
            last = *code;
            let host = values.get(*code);
            let full = self.hosts.len() >= HOSTS_NAMED;
            if host.starts_with("ip:") || full && self.hosts.last().is_some_and(|l| l.as_str() <= host) {
                continue;
            }
            if !self.hosts.contains(host) {
                self.hosts.insert(host.to_owned());
                if full {
                    self.hosts.pop_last();
                }
            }
        }
    }

    fn qualities(&mut self, builder: &TableBuilder, before: usize) {
        let Some((codes, values)) = builder.dict(common::TIME_QUALITY) else {
            return;
        };
        let new = codes.get(before..).unwrap_or_default();
        for same in new.chunk_by(|a, b| a == b).filter(|c| c.first() != Some(&NULL_CODE)) {
            let name = same.first().map_or("", |code| values.get(*code));
            match self.quality.get_mut(name) {
                Some(n) => *n += same.len() as u64,
                None => {
                    self.quality.insert(name.to_owned(), same.len() as u64);
                }
            }
        }
    }
}
