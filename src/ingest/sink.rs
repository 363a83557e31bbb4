//! Where decoded records go: counted, mapped into table builders, or rejected.

use std::borrow::Cow;

use chrono::TimeZone;

use super::mappers;
use super::raw::{Family, Raw};
use super::windows;
use crate::base::reject::Reject;
use crate::base::time::{TimeQuality, Ts};
use crate::schema::builder::TableSet;

/// What every record of one input has in common.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext<'c> {
    /// Number of the input within this run; becomes the content's id when the rows are committed.
    pub input: u32,
    /// Format id.
    pub format: &'static str,
    /// Time of a record that has none: the input's own (modification) time.
    pub fallback_time: Ts,
    /// Zone of times that name none, where the user gave `--tz`; else they count as UTC.
    pub zone: Option<chrono_tz::Tz>,
    /// Host of records that name none (`--input-host`, or the path of an evidence folder).
    pub input_host: Option<&'c str>,
}

impl RecordContext<'_> {
    /// The time to store and how it is known.
    pub fn time(&self, raw: &Raw<'_>) -> (Ts, TimeQuality) {
        match (raw.time, raw.quality) {
            (Some(t), TimeQuality::Assumed) => {
                let utc = self.zone.and_then(|z| local_to_utc(t, z)).unwrap_or(t);
                (utc, TimeQuality::Assumed)
            }
            (Some(t), q) => (t, q),
            (None, _) => (self.fallback_time, TimeQuality::None),
        }
    }

    /// The `source` column.
    pub fn source<'r>(&self, raw: &'r Raw<'_>) -> &'r str {
        match raw.family {
            Family::Windows => windows::source(&raw.kind, raw.channel.as_deref()).name(),
            Family::Log => raw.kind.split('.').next().unwrap_or(&raw.kind),
        }
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
    cx: RecordContext<'c>,
}

impl<'c> Sink<'c> {
    /// An empty sink.
    pub fn new(cx: RecordContext<'c>) -> Self {
        Self {
            rows: TableSet::default(),
            rejects: Vec::new(),
            records: 0,
            cx,
        }
    }

    /// What the records of this input have in common.
    pub fn context(&self) -> &RecordContext<'c> {
        &self.cx
    }

    /// Takes one record: it becomes exactly one row.
    pub fn event(&mut self, raw: &Raw<'_>) {
        self.records += 1;
        mappers::find(raw).map(raw, &mut self.rows, &self.cx);
    }

    /// Takes one record that cannot be used.
    pub fn reject(&mut self, offset: u64, reason: impl Into<Cow<'static, str>>, record: &[u8]) {
        self.records += 1;
        self.rejects.push(Reject::new(offset, reason, record));
    }
}
