//! Making the files of a commit durable before the catalogue names them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::error::{Error, Result};

/// Threads that wait for the disk: file systems write what several of them ask for in one go, so a thousand small files
/// take little more than one.
const WAITING: usize = 32;

/// Syncs files, then their folders and the folders those stand in, up to `root`.
///
/// # Errors
/// The first file or folder that cannot be synced.
pub fn sync_files(root: &Path, files: &[PathBuf]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for file in files {
        let above = file.ancestors().skip(1).take_while(|f| f.starts_with(root));
        folders.extend(above.map(Path::to_path_buf));
    }
    each(files, |f| {
        // Windows syncs only what is open for writing.
        let synced = OpenOptions::new().write(true).open(f).and_then(|f| f.sync_all());
        synced.map_err(|e| Error::io(f, "cannot make a file of the lake durable", e))
    })?;
    let folders: Vec<PathBuf> = folders.into_iter().collect();
    each(&folders, |f| {
        sync_dir(f).map_err(|e| Error::io(f, "cannot make a folder of the lake durable", e))
    })
}

/// Puts a file with these parts in the place of one, or of none: temporary name, sync, rename, sync of the folder.
///
/// # Errors
/// Where that is not possible; the file of before stays.
pub fn replace_file(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".new");
    let mut f = File::create(&tmp)?;
    parts.iter().try_for_each(|part| f.write_all(part))?;
    f.sync_all()?;
    fs::rename(&tmp, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a folder durable. Windows has no such call for folders and needs none.
fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

fn each(paths: &[PathBuf], sync: impl Fn(&Path) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(e) = sync(path) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..paths.len().min(WAITING) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(e) => Err(e),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_their_folders_are_synced_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..40)
            .map(|n| {
                let folder = dir.path().join(format!("table/date={n}"));
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join("part"), "x").unwrap();
                folder.join("part")
            })
            .collect();
        sync_files(dir.path(), &files).unwrap();
        sync_files(dir.path(), &[]).unwrap();
        std::fs::remove_file(&files[7]).unwrap();
        let e = sync_files(dir.path(), &files).unwrap_err();
        assert!(e.to_string().contains("date=7"), "{e}");
    }
}
