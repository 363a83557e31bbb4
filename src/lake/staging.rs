//! Rows on their way into the lake: kept in memory up to a budget, then as segments in a folder that no reader looks at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{RecordBatch, UInt32Array};

use super::batch::{self, internal};
use super::files;
use crate::base::error::Result;
use crate::base::time;
use crate::schema::TABLES;
use crate::schema::builder::TableSet;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// A day of a table: (index of the table, days since 1970-01-01).
pub type Partition = (usize, i64);

#[derive(Debug, Default)]
struct Waiting {
    batches: BTreeMap<Partition, Vec<RecordBatch>>,
    bytes: usize,
    segments: BTreeMap<Partition, Vec<PathBuf>>,
    written: usize,
}

/// Collects the rows of a run from all worker threads.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    budget: usize,
    waiting: Mutex<Waiting>,
}

impl Staging {
    /// Staging that spills into `dir` when it holds more than `budget` bytes.
    pub fn new(dir: PathBuf, budget: usize) -> Self {
        Self {
            dir,
            budget,
            waiting: Mutex::new(Waiting::default()),
        }
    }

    /// Takes the rows of one block.
    ///
    /// # Errors
    /// Where a segment cannot be written.
    pub fn add(&self, rows: TableSet) -> Result<()> {
        let mut parts = Vec::new();
        for builder in rows.into_builders() {
            let table = builder.table().ix();
            let bytes = builder.memory();
            let batch = batch::from_builder(builder)?;
            parts.push((table, bytes, by_day(&batch)?));
        }
        let mut w = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, bytes, days) in parts {
            w.bytes += bytes;
            for (day, batch) in days {
                w.batches.entry((table, day)).or_default().push(batch);
            }
        }
        if w.bytes > self.budget {
            self.spill(&mut w)?;
        }
        Ok(())
    }

    /// All partitions with rows, in order.
    pub fn partitions(&self) -> Vec<Partition> {
        let w = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Partition> = w.batches.keys().chain(w.segments.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes all rows of a partition out.
    ///
    /// # Errors
    /// Where a segment cannot be read.
    pub fn take(&self, partition: Partition) -> Result<Vec<RecordBatch>> {
        let (mut batches, segments) = {
            let mut w = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            (
                w.batches.remove(&partition).unwrap_or_default(),
                w.segments.remove(&partition).unwrap_or_default(),
            )
        };
        let Some(table) = TABLES.get(partition.0) else {
            return Ok(batches);
        };
        let columns: Vec<&str> = table.all_columns().map(|(_, c)| c.name).collect();
        for path in segments {
            for b in files::read(&path, table, &columns, files::ROW_GROUP_ROWS)? {
                batches.push(b.map_err(internal)?);
            }
        }
        Ok(batches)
    }

    fn spill(&self, w: &mut Waiting) -> Result<()> {
        files::make_dir(&self.dir)?;
        for (partition, batches) in std::mem::take(&mut w.batches) {
            let Some(table) = TABLES.get(partition.0) else { continue };
            let path = self.dir.join(format!("{:06}.parquet", w.written));
            w.written += 1;
            let rows = batches.iter().map(RecordBatch::num_rows).sum();
            files::write(&path, table, rows, batches.into_iter().map(Ok))?;
            w.segments.entry(partition).or_default().push(path);
        }
        w.bytes = 0;
        Ok(())
    }
}

/// The UTC day of a time, as days since 1970-01-01.
pub fn day_of(ts: i64) -> i64 {
    ts.div_euclid(DAY_US)
}

/// `YYYY-MM-DD` of a day.
pub fn day_name(day: i64) -> String {
    time::day_string(day.saturating_mul(DAY_US))
}

fn by_day(batch: &RecordBatch) -> Result<Vec<(i64, RecordBatch)>> {
    let ts = batch
        .column_by_name("ts")
        .and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>());
    let Some(ts) = ts else { return Ok(Vec::new()) };
    let mut days: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (i, t) in ts.values().iter().enumerate() {
        days.entry(day_of(*t)).or_default().push(i as u32);
    }
    if let (1, Some((day, _))) = (days.len(), days.first_key_value()) {
        return Ok(vec![(*day, batch.clone())]);
    }
    days.into_iter()
        .map(|(day, rows)| {
            let rows = UInt32Array::from(rows);
            let taken = arrow_select::take::take_record_batch(batch, &rows).map_err(internal)?;
            Ok((day, taken))
        })
        .collect()
}
