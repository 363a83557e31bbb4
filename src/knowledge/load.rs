//! Reading a knowledge file that the user gives in place of the shipped one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest knowledge file that is read: far above any real table (the shipped ones are under 100 KiB).
const MAX_BYTES: u64 = 64 << 20;

/// Why a knowledge file cannot be used. Names the file, the reason and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read ({source}); check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than any real table of its kind.
    #[error("{}: larger than {max} bytes, which no table of this kind is; give the table itself", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        max: u64,
    },
    /// The file is readable and is not the table that was asked for.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what is expected instead.
        reason: String,
    },
}

/// The whole file as text. A byte order mark is removed; bytes that are not UTF-8 become U+FFFD.
pub(super) fn read_text(path: &Path) -> Result<String, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_path_buf(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells "exactly at the limit" from "beyond it", without trusting the file's metadata.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(LoadError::TooLarge {
            path: path.to_path_buf(),
            max: MAX_BYTES,
        });
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// A [`LoadError::Content`] for `path`.
pub(super) fn bad_content(path: &Path, reason: impl Into<String>) -> LoadError {
    LoadError::Content {
        path: path.to_path_buf(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        let error = read_text(Path::new("no/such/table.json")).unwrap_err();
        assert!(error.to_string().starts_with("no/such/table.json: "));
    }

    #[test]
    fn a_byte_order_mark_does_not_reach_the_first_column() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, b"\xef\xbb\xbftool,kind").unwrap();
        assert_eq!(read_text(&path).unwrap(), "tool,kind");
    }
}
