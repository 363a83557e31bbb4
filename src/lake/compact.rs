//! Merging the files of a day: nightly runs leave one file a night, and a scan opens each.

use std::collections::BTreeMap;

use super::catalogue::DataFile;
use super::day::{DayResult, merge_files};
use super::torn::Torn;
use super::{Lake, commit};
use crate::base::error::Result;
use crate::schema::{TABLES, Table};

/// Days that are merged before the catalogue names them: bounds what lies on the disk twice.
const DAYS_AT_ONCE: usize = 32;

/// What was merged.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Days of tables that had several files.
    pub days: u64,
    /// Their files before.
    pub files_before: u64,
    /// Their files after.
    pub files_after: u64,
    /// Bytes of those files before.
    pub bytes_before: u64,
    /// Bytes of those files after.
    pub bytes_after: u64,
}

/// Merges the files of every day of every table that has more than one; rows stay what they are. `budget` is the memory
/// in bytes that this may take.
///
/// # Errors
/// Where a file cannot be read or written; what was merged until then stays.
pub fn compact(lake: &mut Lake, budget: usize) -> Result<Compacted> {
    let mut out = Compacted::default();
    let days = crowded(lake);
    let torn = Torn::of(lake.catalogue().inputs.iter());
    for some in days.chunks(DAYS_AT_ONCE) {
        let done = some
            .iter()
            .map(|(table, date, files)| {
                merge_files(lake.root(), &lake.staging_dir(), table, date, files, &torn, budget)
            })
            .collect::<Result<Vec<DayResult>>>();
        for d in done.iter().flatten() {
            out.days += 1;
            out.files_before += d.replaced.len() as u64;
            out.files_after += d.files.len() as u64;
            out.bytes_before += d.replaced.iter().map(|f| f.bytes).sum::<u64>();
            out.bytes_after += d.files.iter().map(|f| f.bytes).sum::<u64>();
        }
        commit::commit_merged(lake, done)?;
    }
    Ok(out)
}

/// A day of a table and its files.
type Crowded = (&'static Table, String, Vec<DataFile>);

fn crowded(lake: &Lake) -> Vec<Crowded> {
    let mut days: BTreeMap<(usize, String), Vec<DataFile>> = BTreeMap::new();
    for f in &lake.catalogue().files {
        if let Some(at) = TABLES.iter().position(|t| t.name == f.table) {
            days.entry((at, f.date.clone())).or_default().push(f.clone());
        }
    }
    days.into_iter()
        .filter(|(_, files)| files.len() > 1)
        .filter_map(|((at, date), files)| Some((*TABLES.get(at)?, date, files)))
        .collect()
}
