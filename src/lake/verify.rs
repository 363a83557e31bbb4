//! Is every byte of the lake as it was committed?

use std::path::Path;

use rayon::prelude::*;

use super::catalogue::{Catalogue, DataFile};
use super::{Lake, files, leftovers};
use crate::base::error::{Error, Result};

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Files that are not as they were committed, in the catalogue's order.
    pub damages: Vec<Damage>,
    /// Files with names of ours that the catalogue does not name: paths within the lake.
    pub unnamed: Vec<String>,
}

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Path within the lake.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// Compares every file that the catalogue names with its BLAKE3.
///
/// # Errors
/// Never for a damaged file; that is a result. Where files are missing because a run that wrote meanwhile replaced them, so
/// that [`Lake::read`] begins again.
pub fn verify(lake: &Lake) -> Result<Verified> {
    let check = |f: &DataFile| match as_committed(lake.root(), f) {
        Ok(None) => Ok(None),
        Err(e) if e.is_missing() && was_replaced(lake) => Err(e),
        Ok(Some(reason)) => Ok(Some(reason)),
        Err(e) => Ok(Some(e.to_string())),
    };
    let named = |f: &DataFile, reason| Damage {
        path: format!("{}/date={}/{}", f.table, f.date, f.name),
        reason,
    };
    let found = lake.catalogue().files.par_iter();
    let found: Vec<Option<Damage>> = found
        .map(|f| Ok(check(f)?.map(|reason| named(f, reason))))
        .collect::<Result<_>>()?;
    let unnamed = leftovers::unnamed(lake)?.into_iter().map(|f| {
        let within = f.strip_prefix(lake.root()).unwrap_or(&f);
        within.display().to_string()
    });
    Ok(Verified {
        damages: found.into_iter().flatten().collect(),
        unnamed: unnamed.collect(),
    })
}

/// Fails where a file is not as it was committed: before its rows go into others, whose own BLAKE3 would hide that.
///
/// # Errors
/// [`Error::Lake`], which names the file.
pub fn must_be_as_committed(root: &Path, f: &DataFile) -> Result<()> {
    match as_committed(root, f)? {
        None => Ok(()),
        Some(reason) => Err(Error::lake(f.path(root), format!("{reason}, so nothing was merged"))),
    }
}

/// Fails where any file is not as it was committed.
///
/// # Errors
/// The first such file in the catalogue's order.
#[cfg(feature = "query")]
pub fn must_all_be_as_committed(lake: &Lake) -> Result<()> {
    let check = |f: &DataFile| match as_committed(lake.root(), f)? {
        None => Ok(()),
        Some(reason) => Err(Error::lake(f.path(lake.root()), reason)),
    };
    let checked: Vec<Result<()>> = lake.catalogue().files.par_iter().map(check).collect();
    checked.into_iter().collect()
}

/// What is wrong with a file; `None` for nothing.
fn as_committed(root: &Path, f: &DataFile) -> Result<Option<String>> {
    Ok(match files::digest(&f.path(root))? {
        (_, n) if n != f.bytes => Some(format!("{n} bytes, committed were {}", f.bytes)),
        (digest, _) if digest != f.blake3 => Some("its bytes are not those that were committed".to_owned()),
        _ => None,
    })
}

fn was_replaced(lake: &Lake) -> bool {
    let now = Catalogue::load(lake.root()).ok().flatten();
    now.is_none_or(|c| c.generation != lake.catalogue().generation)
}
