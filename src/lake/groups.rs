//! Reading tables of the lake by row groups: each has its place, so that it can be left out, or read again in part.

use arrow_array::RecordBatch;
use rayon::prelude::*;

use super::Lake;
use super::files::LakeFile;
use super::scan::{BATCH, TimeRange};
use crate::base::error::Result;
use crate::schema::{Col, Table};

/// A row group: the file by its place among those of the table in range, and the group in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File.
    pub file: u32,
    /// Row group.
    pub group: u32,
}

/// Gives the wanted columns of every row group of a table to `take`, in the order of [`super::scan::scan`]. Some files at a time
/// are read in parallel, so that the memory does not grow with their number. Rows outside the range may be among them.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn in_order(
    lake: &Lake,
    table: &'static Table,
    columns: &[Col],
    range: TimeRange,
    mut take: impl FnMut(Place, Vec<RecordBatch>),
) -> Result<()> {
    let names = table.names(columns);
    let files: Vec<(u32, _)> = (0..).zip(range.files(lake, table)).collect();
    for some in files.chunks(together()) {
        let read: Vec<Vec<(Place, Vec<RecordBatch>)>> = some
            .par_iter()
            .map(|(at, f)| {
                let file = LakeFile::open(lake.root(), f, table, false)?;
                let groups = 0..file.groups() as u32;
                groups
                    .map(|group| Ok((Place { file: *at, group }, read(&file, group, &names, None)?)))
                    .collect()
            })
            .collect::<Result<_>>()?;
        read.into_iter().flatten().for_each(|(place, rows)| take(place, rows));
    }
    Ok(())
}

/// A row group to read from, and which of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The row group.
    pub place: Place,
    /// All of its rows; else those that are picked by some columns.
    pub whole: bool,
}

/// Gives the wanted columns of picked rows to `take`, in the order of `wishes`, which are in that of [`in_order`]. `pick` looks at the
/// columns `by` and gives the places of those rows in their group, ascending, and what `take` should know of them; there is
/// nothing to know where a group is taken whole.
///
/// # Errors
/// Where a file of the lake cannot be read.
#[allow(clippy::too_many_arguments)] // two kinds of columns, two closures; one place asks
pub fn picked<T: Send + Sync>(
    lake: &Lake,
    table: &'static Table,
    range: TimeRange,
    wishes: &[Wish],
    by: &[Col],
    pick: impl Fn(Place, &[RecordBatch]) -> (Vec<u32>, T) + Sync,
    columns: &[Col],
    mut take: impl FnMut(Place, Option<&T>, &[RecordBatch]),
) -> Result<()> {
    type Read<T> = Vec<(Place, Option<T>, Vec<RecordBatch>)>;
    let files = range.files(lake, table);
    let (by, names) = (table.names(by), table.names(columns));
    let per_file: Vec<&[Wish]> = wishes.chunk_by(|a, b| a.place.file == b.place.file).collect();
    for some in per_file.chunks(together()) {
        let done: Vec<Read<T>> = some
            .par_iter()
            .map(|of_file| {
                let mut out = Read::<T>::new();
                let found = of_file.first().and_then(|w| files.get(w.place.file as usize));
                let Some(found) = found else { return Ok(out) };
                let file = LakeFile::open(lake.root(), found, table, true)?;
                for Wish { place, whole } in of_file.iter().copied() {
                    let (rows, told) = match whole {
                        true => (None, None),
                        false => {
                            let (rows, told) = pick(place, &read(&file, place.group, &by, None)?);
                            (Some(rows), Some(told))
                        }
                    };
                    if rows.as_ref().is_none_or(|r| !r.is_empty()) {
                        let batches = read(&file, place.group, &names, rows.as_deref())?;
                        out.push((place, told, batches));
                    }
                }
                Ok(out)
            })
            .collect::<Result<_>>()?;
        for (place, told, batches) in done.iter().flatten() {
            take(*place, told.as_ref(), batches);
        }
    }
    Ok(())
}

fn read(file: &LakeFile, group: u32, names: &[&str], rows: Option<&[u32]>) -> Result<Vec<RecordBatch>> {
    file.read_group(group as usize, names, rows, BATCH)?.collect()
}

/// Files that are read at a time.
fn together() -> usize {
    rayon::current_num_threads().max(1) * 2
}
