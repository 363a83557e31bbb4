//! Files that one process of all holds: locks of the operating system, which end with the process, whatever ends it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Takes the lock file `path`, which is made where there is none, for the folder `of`; held until the file is dropped.
///
/// # Errors
/// [`Error::Locked`] naming the holder where another process has it.
pub fn take(path: PathBuf, of: &Path) -> Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| Error::io(&path, "cannot open the lock", e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Reading may be refused while the lock is held on some systems; the name is a courtesy.
            if file.read_to_string(&mut holder).is_err() || holder.is_empty() {
                holder = "another run".to_owned();
            }
            return Err(Error::Locked {
                path: of.to_path_buf(),
                holder: holder.trim().to_owned(),
            });
        }
        Err(TryLockError::Error(e)) => return Err(Error::io(&path, "cannot lock", e)),
    }
    let name = format!("process {}\n", std::process::id());
    let written = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)).map(|_| ()))
        .and_then(|()| file.write_all(name.as_bytes()));
    written.map_err(|e| Error::io(&path, "cannot write the lock", e))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let take = || take(dir.path().join("lock"), dir.path());
        let first = take().unwrap();
        let holder = format!("process {}", std::process::id());
        assert!(matches!(take(), Err(Error::Locked { holder: h, .. }) if h == holder));
        drop(first);
        take().unwrap();
    }
}
