//! Where decoded records go: counted, mapped into table builders, or rejected.

use std::borrow::Cow;

use chrono::TimeZone;

use super::mappers;
use super::raw::Raw;
use crate::base::reject::Reject;
use crate::base::time::{TimeQuality, Ts};
use crate::schema::TABLES;
use crate::schema::builder::{TableBuilder, TableSet};

/// What every record of one input has in common.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext<'c> {
    /// Number of the input within this run; becomes the content's id when the rows are committed.
    pub input: u32,
    /// Format id.
    pub format: &'static str,
    /// Time of a record that has none, and none before it: the input's own (modification) time.
    pub fallback_time: Ts,
    /// Zone of times that name none, where the user gave `--tz`; else they count as UTC.
    pub zone: Option<chrono_tz::Tz>,
    /// Host of records that name none (`--input-host`, or the path of an evidence folder).
    pub input_host: Option<&'c str>,
}

impl RecordContext<'_> {
    /// The time to store and how it is known.
    pub fn time(&self, raw: &Raw<'_>) -> (Ts, TimeQuality) {
        match raw.time {
            Some(t) => (self.utc(t, raw.quality), raw.quality),
            None => (self.fallback_time, TimeQuality::None),
        }
    }

    /// A time as it is stored.
    fn utc(&self, written: Ts, quality: TimeQuality) -> Ts {
        let zone = self.zone.filter(|_| quality == TimeQuality::Assumed);
        zone.and_then(|z| local_to_utc(written, z)).unwrap_or(written)
    }
}

/// A local reading as UTC; of two possible times (the hour that comes twice) the earlier.
fn local_to_utc(local: Ts, zone: chrono_tz::Tz) -> Option<Ts> {
    let naive = chrono::DateTime::from_timestamp_micros(local)?.naive_utc();
    let utc = zone.from_local_datetime(&naive).earliest()?;
    Some(utc.timestamp_micros())
}

/// Collects the rows and rejects of one block.
#[derive(Debug)]
pub struct Sink<'c> {
    /// The rows.
    pub rows: TableSet,
    /// The rejected records.
    pub rejects: Vec<Reject>,
    /// Records seen, rejected ones included.
    pub records: u64,
    /// Bytes of the rejected records.
    pub rejected_bytes: u64,
    /// Lines of other programs among the records.
    pub foreign: u64,
    /// Parts of the file that are missing, wiped or damaged.
    pub lost: u64,
    /// Rows per table that were there before, in table order.
    before: Vec<usize>,
    /// Time of the last record that has one, as written.
    last: Option<(Ts, TimeQuality)>,
    cx: RecordContext<'c>,
}

impl<'c> Sink<'c> {
    /// An empty sink.
    pub fn new(cx: RecordContext<'c>) -> Self {
        Self::with_rows(cx, TableSet::default())
    }

    /// A sink that adds to rows of other blocks.
    pub fn with_rows(cx: RecordContext<'c>, rows: TableSet) -> Self {
        let mut before = vec![0; TABLES.len()];
        for builder in rows.iter() {
            if let Some(n) = before.get_mut(builder.table().ix()) {
                *n = builder.rows();
            }
        }
        Self {
            rows,
            rejects: Vec::new(),
            records: 0,
            rejected_bytes: 0,
            foreign: 0,
            lost: 0,
            before,
            last: None,
            cx,
        }
    }

    /// The builders, and the number of the first row that this sink added to each.
    pub fn new_rows(&self) -> impl Iterator<Item = (&TableBuilder, usize)> {
        let before = |b: &TableBuilder| self.before.get(b.table().ix()).copied().unwrap_or(0);
        self.rows.iter().map(move |b| (b, before(b)))
    }

    /// What the records of this input have in common.
    pub fn context(&self) -> &RecordContext<'c> {
        &self.cx
    }

    /// Takes one record: it becomes exactly one row. One without a time stands at the one before it: the input's own time is
    /// another whenever the input grows or is copied, and with it the record would be.
    pub fn event(&mut self, raw: &Raw<'_>) {
        self.records += 1;
        let mapper = mappers::find(raw);
        if let Some(time) = raw.time {
            self.last = Some((time, raw.quality));
            mapper.map(raw, &mut self.rows, &self.cx);
            return;
        }
        let cx = RecordContext {
            fallback_time: self.last.map_or(self.cx.fallback_time, |(t, q)| self.cx.utc(t, q)),
            ..self.cx
        };
        mapper.map(raw, &mut self.rows, &cx);
    }

    /// Takes one record that cannot be used.
    pub fn reject(&mut self, offset: u64, reason: impl Into<Cow<'static, str>>, record: &[u8]) {
        self.records += 1;
        self.rejected_bytes += record.len() as u64;
        self.rejects.push(Reject::new(offset, reason, record));
    }
}
