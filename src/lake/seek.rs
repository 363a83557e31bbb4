//! Finding few rows in a large lake: what cannot hold them is not read.
//!
//! In this order: the catalogue's times rule out files; statistics, bloom filters and dictionaries rule out columns of row
//! groups; of the columns that are left each distinct value is tested once; the other columns are read for the rows found
//! only, page by page. What was read is counted.

mod cells;
mod chunk;
mod file;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use rayon::prelude::*;

use super::Lake;
use super::scan::TimeRange;
use crate::base::error::Result;
use crate::schema::{Col, Table};
use file::SeekFile;

pub(super) use chunk::{any_of, is_whole};

/// Adds the numbers of what a stored value matches. Texts come as UTF-8, addresses and hashes as their bytes.
pub type Test<'t> = dyn Fn(&[u8], &mut Vec<u32>) + Sync + 't;

/// What is asked of a column.
pub struct Probe<'p> {
    /// The column: text, list of texts, or bytes of fixed width.
    pub col: Col,
    /// Sorted values, as stored, of which a cell must be one to match; `None` where only the test can tell.
    pub values: Option<&'p [Vec<u8>]>,
    /// What a value matches.
    pub test: &'p Test<'p>,
}

/// A cell that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// Row within the row group.
    pub row: u32,
    /// Column.
    pub col: Col,
    /// What it matches.
    pub what: u32,
}

/// A row group with matches.
pub struct Group<'f> {
    file: &'f SeekFile<'f>,
    group: usize,
    /// The matches by row, column and what.
    pub matches: &'f [Match],
}

impl Group<'_> {
    /// The rows with matches, in order.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.matches.iter().map(|m| m.row).collect();
        rows.dedup();
        rows
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place {
            path: self.file.path.clone(),
            group: self.group,
        }
    }

    /// Reads columns (`None` for all) of these rows, which are in order; batches follow that order. Columns that an older file
    /// lacks are absent.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, columns: Option<&[Col]>, rows: &[u32]) -> Result<Vec<RecordBatch>> {
        self.file.rows(self.group, columns, rows)
    }
}

/// A row group, to come back to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    path: PathBuf,
    group: usize,
}

/// Reads columns (`None` for all) of rows of a row group, which are in order; and how many bytes that took.
///
/// # Errors
/// Where the file cannot be read.
pub fn read(
    table: &'static Table,
    place: &Place,
    columns: Option<&[Col]>,
    rows: &[u32],
) -> Result<(Vec<RecordBatch>, u64)> {
    let read = AtomicU64::new(0);
    let file = SeekFile::open(place.path.clone(), None, table, &read)?;
    let batches = file.rows(place.group, columns, rows)?;
    Ok((batches, read.load(Ordering::Relaxed)))
}

/// What a search found, and what it took.
#[derive(Debug)]
pub struct Sought<R> {
    /// What became of each row group with matches, in the order of the lake.
    pub found: Vec<R>,
    /// Per probe, how many cells of its column hold a value in the files that were asked.
    pub present: Vec<u64>,
    /// Rows of the files that were asked.
    pub rows: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes of all files of the table.
    pub bytes_total: u64,
}

/// Runs `work` over every row group of a table with cells that match, files in parallel. Rows outside the range may be
/// among them.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn seek<R: Send>(
    lake: &Lake,
    table: &'static Table,
    probes: &[Probe<'_>],
    range: TimeRange,
    work: impl Fn(&Group<'_>) -> Result<R> + Sync,
) -> Result<Sought<R>> {
    let read = AtomicU64::new(0);
    let wanted = range.files(lake, table);
    let per_file: Vec<(Vec<R>, Vec<u64>)> = wanted
        .par_iter()
        .map(|f| {
            let file = SeekFile::open(f.path(lake.root()), f.tail.as_ref(), table, &read)?;
            one_file(&file, probes, range, &work)
        })
        .collect::<Result<_>>()?;
    let mut out = Sought {
        found: Vec::new(),
        present: vec![0; probes.len()],
        rows: wanted.iter().map(|f| f.rows).sum(),
        bytes_read: 0,
        bytes_total: lake.catalogue().files_of(table.name).map(|f| f.bytes).sum(),
    };
    for (found, present) in per_file {
        out.found.extend(found);
        for (sum, n) in out.present.iter_mut().zip(present) {
            *sum += n;
        }
    }
    out.bytes_read = read.load(Ordering::Relaxed);
    Ok(out)
}

fn one_file<R>(
    file: &SeekFile<'_>,
    probes: &[Probe<'_>],
    range: TimeRange,
    work: &(impl Fn(&Group<'_>) -> Result<R> + Sync),
) -> Result<(Vec<R>, Vec<u64>)> {
    let mut found = Vec::new();
    let mut present = vec![0; probes.len()];
    for group in 0..file.groups() {
        for (sum, p) in present.iter_mut().zip(probes) {
            *sum += file.present(group, p.col);
        }
        if !file.may_hold_time(group, range) {
            continue;
        }
        let mut left = Vec::new();
        for p in probes {
            if file.may_hold(group, p)? {
                left.push(p);
            }
        }
        if left.is_empty() {
            continue;
        }
        let matches = file.matches(group, &left)?;
        if !matches.is_empty() {
            found.push(work(&Group {
                file,
                group,
                matches: &matches,
            })?);
        }
    }
    Ok((found, present))
}

/// The distinct values of a text column, sorted: read from dictionaries where they hold all.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn distinct(lake: &Lake, table: &'static Table, col: Col, range: TimeRange) -> Result<Vec<String>> {
    let read = AtomicU64::new(0);
    let per_file: Vec<Vec<Vec<u8>>> = range
        .files(lake, table)
        .par_iter()
        .map(|f| {
            let file = SeekFile::open(f.path(lake.root()), f.tail.as_ref(), table, &read)?;
            let mut values = Vec::new();
            for group in 0..file.groups() {
                values.append(&mut file.values(group, col)?);
                values.sort_unstable();
                values.dedup();
            }
            Ok(values)
        })
        .collect::<Result<_>>()?;
    let mut all: Vec<Vec<u8>> = per_file.into_iter().flatten().collect();
    all.sort_unstable();
    all.dedup();
    Ok(all.into_iter().filter_map(|v| String::from_utf8(v).ok()).collect())
}

#[cfg(test)]
mod tests;
