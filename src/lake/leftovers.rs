//! Files that no catalogue names: those of runs that were killed or failed, which are ours to remove, and those that are not.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::catalogue::{self, Catalogue};
use super::sync::replace_file;
use super::{Lake, META_DIR};
use crate::base::error::{Error, Result};
use crate::schema::TABLES;

/// There from the making of a lake to its first commit: until then there is no catalogue that could be lost.
const NEW: &str = "new";

/// Removes what no catalogue names: files of a killed run, replaced files, staged segments. Checkpoints stay, and so do
/// files whose names are not of our making.
pub fn remove(lake: &Lake) -> Result<()> {
    let staging = lake.staging_dir();
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(|e| Error::io(&staging, "cannot remove staged segments", e))?;
    }
    for file in unnamed(lake)? {
        fs::remove_file(&file).map_err(|e| Error::io(&file, "cannot remove a leftover", e))?;
    }
    for day in days(lake.root())? {
        // An empty folder goes; one that holds something stays, and that is no error.
        let _ = fs::remove_dir(&day);
    }
    Ok(())
}

/// Removes what a commit that failed wrote, as far as that goes; staged rows may be read still.
pub fn remove_failed(lake: &Lake) {
    // Where the catalogue was replaced before the failure, the new files count.
    let known = Catalogue::load(lake.root()).map(|c| c.unwrap_or_default().generation);
    if known.is_ok_and(|generation| generation == lake.catalogue().generation) {
        for file in unnamed(lake).unwrap_or_default() {
            let _ = fs::remove_file(&file);
        }
    }
}

/// Files with names that commits give, which the catalogue does not name, in order.
pub fn unnamed(lake: &Lake) -> Result<Vec<PathBuf>> {
    let named: BTreeSet<_> = lake.catalogue().files.iter().map(|f| f.path(lake.root())).collect();
    let mut out = Vec::new();
    for day in days(lake.root())? {
        let files = list(&day)?.into_iter();
        out.extend(files.filter(|f| is_ours(f) && !named.contains(f)));
    }
    Ok(out)
}

/// Whether a commit gives this name: `date=DAY/part-HASH.parquet`, or `date=DAY/.DAY-N.tmp` while it is written.
fn is_ours(file: &Path) -> bool {
    let text = |n: Option<&OsStr>| n.and_then(OsStr::to_str).map(str::to_owned);
    let name = text(file.file_name()).unwrap_or_default();
    let folder = text(file.parent().and_then(Path::file_name)).unwrap_or_default();
    let Some(day) = folder.strip_prefix("date=") else {
        return false;
    };
    let hash = name.strip_prefix("part-").and_then(|n| n.strip_suffix(".parquet"));
    let under_way = || {
        let n = name.strip_prefix('.')?.strip_prefix(day)?.strip_prefix('-')?;
        n.strip_suffix(".tmp")?.parse::<u32>().ok()
    };
    hash.is_some_and(|h| h.len() == 16 && h.bytes().all(|b| b.is_ascii_hexdigit())) || under_way().is_some()
}

/// Refuses a folder without catalogue that holds Parquet files where tables are: whoever wrote it anew would take them for
/// leftovers.
///
/// # Errors
/// [`Error::Catalogue`], which names one of them.
pub fn refuse_lost(root: &Path) -> Result<()> {
    if root.join(META_DIR).join(NEW).exists() {
        return Ok(());
    }
    for day in days(root)? {
        let found = list(&day)?
            .into_iter()
            .find(|f| f.extension().is_some_and(|e| e == "parquet"));
        if let Some(file) = found {
            return Err(Error::Catalogue {
                path: catalogue::path(root),
                reason: format!("the catalogue is missing, but {} is there", file.display()),
            });
        }
    }
    Ok(())
}

/// Notes that the lake has had no commit.
pub fn mark_new(root: &Path) -> Result<()> {
    let path = root.join(META_DIR).join(NEW);
    let text: &[u8] =
        b"No run has committed anything here: what lies in the folders of tables was left by one that was stopped.\n";
    replace_file(&path, &[text]).map_err(|e| Error::io(&path, "cannot write to the lake", e))
}

/// Notes that it has had one.
pub fn unmark_new(root: &Path) -> Result<()> {
    let path = root.join(META_DIR).join(NEW);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(&path, "cannot remove", e)),
        _ => Ok(()),
    }
}

/// What lies in the folders of tables.
fn days(root: &Path) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for table in TABLES {
        out.extend(list(&root.join(table.name))?);
    }
    Ok(out)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(e) => e,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, "cannot list a folder of the lake", e)),
    };
    let mut paths: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_commits_give_are_ours() {
        for (path, ours) in [
            ("process/date=2025-09-19/part-65557cba3b576a71.parquet", true),
            ("process/date=2025-09-19/.2025-09-19-0.tmp", true),
            ("process/date=2025-09-19/mine.parquet", false),
            ("process/date=2025-09-19/part-0.parquet", false),
            ("process/date=2025-09-19/part-65557cba3b576a7x.parquet", false),
            ("process/date=2025-09-19/.2025-09-18-0.tmp", false),
            ("process/date=2025-09-19/.swp.tmp", false),
            ("process/mine/part-65557cba3b576a71.parquet", false),
        ] {
            assert_eq!(is_ours(Path::new(path)), ours, "{path}");
        }
    }
}
