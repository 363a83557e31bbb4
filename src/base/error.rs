//! The library's error: it names the place, the reason and the next step.

use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What stops a run. Bad records never do: they are [`super::reject::Reject`]s.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag, list, configuration or rule is wrong; nothing was started (exit 2).
    #[error("{0}")]
    Usage(String),
    /// Another run holds the lake or the folder of outputs (exit 5).
    #[error("{}: locked by {holder}; wait for that run or stop it", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// What the lock file says about the holder.
        holder: String,
    },
    /// The operating system refused (exit 3).
    #[error("{}: {what}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of the lake is not as it was committed (exit 3).
    #[error("{}: {reason}; run `coldtrail lake verify`, then ingest the inputs again into a new lake", .path.display())]
    Lake {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The catalogue of a lake is damaged or missing (exit 3).
    #[error("{}: {reason}; restore it from a backup, or name another folder (--lake) and ingest the inputs into it", .path.display())]
    Catalogue {
        /// The catalogue.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Something inside failed that no input should be able to cause (exit 3).
    #[error("{0}; this is a defect of coldtrail, please report it")]
    Internal(String),
    /// `--strict` and something could not be used (exit 3).
    #[error("--strict: {0}")]
    Strict(String),
    /// The user interrupted the run (exit 130).
    #[error("interrupted; run the same command again to go on")]
    Interrupted,
}

impl Error {
    /// An I/O error at `path` while doing `what`.
    pub fn io(path: impl AsRef<Path>, what: &'static str, source: std::io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_path_buf(),
            what,
            source,
        }
    }

    /// Whether a file was not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether there was no room on the disk, or none left to this user.
    pub fn is_full_disk(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    /// A damaged or foreign file in the lake.
    pub fn lake(path: impl AsRef<Path>, reason: impl ToString) -> Self {
        Self::Lake {
            path: path.as_ref().to_path_buf(),
            reason: reason.to_string(),
        }
    }
}
