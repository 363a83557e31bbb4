//! Reading tables of the lake, file by file, pruned by day.

use std::collections::HashSet;

use arrow_array::RecordBatch;
use parquet::data_type::ByteArray;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;

use super::catalogue::DataFile;
use super::files::LakeFile;
use super::{Lake, files};
use crate::base::error::Result;
use crate::schema::{Col, Table};

/// Rows of a batch.
pub(super) const BATCH: usize = 64 * 1024;
/// Rows of a batch of a [`Part`], which holds more columns at a time: buffers that fit into the cache.
const PART_BATCH: usize = 16 * 1024;

/// Which rows are wanted: `[from, to)` in microseconds UTC as stored.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeRange {
    /// First time wanted.
    pub from: Option<i64>,
    /// First time no longer wanted.
    pub to: Option<i64>,
}

impl TimeRange {
    /// The files of a table that may hold wanted rows, by the catalogue and in its order.
    pub fn files<'l>(&self, lake: &'l Lake, table: &Table) -> Vec<&'l DataFile> {
        let may_hold = |f: &&DataFile| self.from.is_none_or(|t| f.last >= t) && self.to.is_none_or(|t| f.first < t);
        lake.catalogue().files_of(table.name).filter(may_hold).collect()
    }

    /// Rows of the files of a table that may hold wanted rows.
    pub fn rows(&self, lake: &Lake, table: &Table) -> u64 {
        self.files(lake, table).iter().map(|f| f.rows).sum()
    }

    /// Whether a time is wanted.
    pub fn holds(&self, ts: i64) -> bool {
        self.from.is_none_or(|t| ts >= t) && self.to.is_none_or(|t| ts < t)
    }
}

/// Runs `work` over every batch of the wanted columns of a table, files in parallel; the results come in the
/// catalogue's order. Rows outside the range may be among them: pruning is by file.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn scan<R: Send>(
    lake: &Lake,
    table: &'static Table,
    columns: &[Col],
    range: TimeRange,
    work: impl Fn(&RecordBatch) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let names = table.names(columns);
    let per_file: Vec<Vec<R>> = range
        .files(lake, table)
        .par_iter()
        .map(|f| {
            let batches = files::read(lake.root(), f, table, &names, BATCH)?;
            batches.map(|b| work(&b?)).collect()
        })
        .collect::<Result<_>>()?;
    Ok(per_file.into_iter().flatten().collect())
}

/// What a column may hold somewhere.
#[derive(Debug, Clone, Copy)]
pub enum Sought<'t> {
    /// A text; an empty one stands for none, too.
    Text(&'t str),
    /// A number of 32 bits, or none.
    Int(Option<i32>),
}

/// One file of a table, read in steps: some columns of a row group's rows, then others of few of them.
pub struct Part {
    file: LakeFile,
}

impl Part {
    /// Row groups of the file.
    pub fn groups(&self) -> usize {
        self.file.groups()
    }

    /// Whether a row group may hold this in a column, by its statistics.
    pub fn may_hold(&self, group: usize, col: Col, sought: Sought<'_>) -> bool {
        let Some(name) = self.file.table.column(col).map(|c| c.name) else {
            return false;
        };
        let Some(stats) = self.file.statistics(group, name) else {
            return true;
        };
        let nulls = stats.null_count_opt();
        let no_nulls = nulls == Some(0);
        let only_nulls = nulls.is_some() && nulls == self.file.rows(group);
        match (sought, stats) {
            (Sought::Int(None), _) => !no_nulls,
            (Sought::Text(""), _) if !no_nulls => true,
            _ if only_nulls => false,
            (Sought::Int(Some(n)), Statistics::Int32(s)) => bounds_hold(s.min_opt(), s.max_opt(), &n),
            (Sought::Text(t), Statistics::ByteArray(s)) => {
                let bytes = |b: Option<&'_ ByteArray>| b.map(|b| b.data().to_vec());
                bounds_hold(
                    bytes(s.min_opt()).as_ref(),
                    bytes(s.max_opt()).as_ref(),
                    &t.as_bytes().to_vec(),
                )
            }
            _ => true,
        }
    }

    /// The only thing that a column holds in all rows of a row group, where its statistics tell so.
    pub fn only(&self, group: usize, col: Col) -> Option<Sought<'_>> {
        let column = self.file.table.column(col)?;
        let stats = self.file.statistics(group, column.name)?;
        let nulls = stats.null_count_opt()?;
        let none = if column.kind.is_text() {
            Sought::Text("")
        } else {
            Sought::Int(None)
        };
        match stats {
            _ if nulls == self.file.rows(group)? => Some(none),
            _ if nulls > 0 => None,
            Statistics::Int32(s) if s.min_opt()? == s.max_opt()? => Some(Sought::Int(s.min_opt().copied())),
            Statistics::ByteArray(s) if s.min_is_exact() && s.max_is_exact() && s.min_opt()? == s.max_opt()? => {
                std::str::from_utf8(s.min_opt()?.data()).ok().map(Sought::Text)
            }
            _ => None,
        }
    }

    /// Whether a column holds anything in a row group; `None` where its statistics do not tell.
    pub fn holds_any(&self, group: usize, col: Col) -> Option<bool> {
        let name = self.file.table.column(col)?.name;
        let nulls = self.file.statistics(group, name)?.null_count_opt()?;
        Some(nulls < self.file.rows(group)?)
    }

    /// Whether `f` holds for any text of a column in a row group, asked of its dictionary; `None` where that does not hold all.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn any_text(&self, group: usize, col: Col, mut f: impl FnMut(&str) -> bool) -> Result<Option<bool>> {
        let Some(name) = self.file.table.column(col).map(|c| c.name) else {
            return Ok(Some(false));
        };
        self.file
            .any_value(group, name, |v| std::str::from_utf8(v).map_or(true, &mut f))
    }

    /// How many rows of a row group lie in the range; `None` where its statistics do not tell.
    pub fn rows_within(&self, group: usize, range: TimeRange) -> Option<u64> {
        let rows = self.file.rows(group)?;
        if range.from.is_none() && range.to.is_none() {
            return Some(rows);
        }
        let Statistics::Int64(s) = self.file.statistics(group, "ts")? else {
            return None;
        };
        let (first, last) = (*s.min_opt()?, *s.max_opt()?);
        let all = s.null_count_opt() == Some(0) && range.holds(first) && range.holds(last);
        all.then_some(rows)
    }

    /// The names of the fields in `extra`; `None` where the file does not tell.
    pub fn extra_names(&self) -> Option<HashSet<String>> {
        self.file.extra_names()
    }

    /// Calls `step` for every batch of the columns of a row group; only of `rows` (places in the group, ascending) where they
    /// are given.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(
        &self,
        group: usize,
        columns: &[Col],
        rows: Option<&[u32]>,
        mut step: impl FnMut(&RecordBatch),
    ) -> Result<()> {
        let names = self.file.table.names(columns);
        for batch in self.file.read_group(group, &names, rows, PART_BATCH)? {
            step(&batch?);
        }
        Ok(())
    }
}

/// Whether a value may lie within bounds.
fn bounds_hold<T: PartialOrd>(min: Option<&T>, max: Option<&T>, value: &T) -> bool {
    match (min, max) {
        (Some(min), Some(max)) => min <= value && value <= max,
        _ => true,
    }
}

/// Runs `work` over every file of a table that may hold rows in range, files in parallel; results in the catalogue's order.
/// Rows come in the same order as in [`scan`], and so does their number: rows outside the range may be among them.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn parts<R: Send>(
    lake: &Lake,
    table: &'static Table,
    range: TimeRange,
    work: impl Fn(&Part) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    range
        .files(lake, table)
        .par_iter()
        .map(|f| {
            let file = LakeFile::open(lake.root(), f, table, true)?;
            work(&Part { file })
        })
        .collect()
}

/// The first rows of the largest file of a table; `None` where it has none.
///
/// # Errors
/// Where the file cannot be read.
pub fn sample(lake: &Lake, table: &'static Table, columns: &[Col], rows: usize) -> Result<Option<RecordBatch>> {
    let names = table.names(columns);
    let largest = lake.catalogue().files_of(table.name).max_by_key(|f| f.rows);
    let Some(file) = largest else { return Ok(None) };
    files::read(lake.root(), file, table, &names, rows)?.next().transpose()
}
