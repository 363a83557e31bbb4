//! Dropping days that are older than a limit.
//!
//! The inputs stay in the catalogue, with a note: a folder of logs that is ingested again every night must not bring expired
//! days back.

use std::fs;
use std::io::ErrorKind;

use super::catalogue::DataFile;
use super::{Lake, leftovers};
use crate::base::error::Result;

/// What was dropped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Drops every file of a day before `first_kept` (`YYYY-MM-DD`, UTC). The catalogue forgets them before they are
/// removed, so a kill in between leaves nothing that counts. Only on a disk without room for another catalogue they go first:
/// after a kill there, dropping the same days once more mends the lake.
///
/// # Errors
/// Where the catalogue cannot be written.
pub fn expire(lake: &mut Lake, first_kept: &str) -> Result<Expired> {
    let mut catalogue = lake.catalogue().clone();
    let mut out = Expired::default();
    let mut gone: Vec<DataFile> = Vec::new();
    catalogue.files.retain(|f| {
        // Dates of four-digit years compare as text.
        let old = f.date.as_str() < first_kept;
        if old {
            out.files += 1;
            out.rows += f.rows;
            out.bytes += f.bytes;
            gone.push(f.clone());
        }
        !old
    });
    if out.files > 0 {
        for input in &mut catalogue.inputs {
            let (first, last) = (input.first.unwrap_or(i64::MAX), input.last.unwrap_or(i64::MIN));
            if gone.iter().any(|f| f.first <= last && f.last >= first) {
                input.expired_before = input.expired_before.take().max(Some(first_kept.to_owned()));
            }
        }
        catalogue.generation += 1;
        match lake.set_catalogue(catalogue.clone()) {
            Err(e) if e.is_full_disk() => {
                let remove = |f: &DataFile| match fs::remove_file(f.path(lake.root())) {
                    Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
                    _ => Ok(()),
                };
                gone.iter().try_for_each(remove).map_err(|_| e)?;
                lake.set_catalogue(catalogue)?;
            }
            done => done?,
        }
        leftovers::remove(lake)?;
    }
    Ok(out)
}
