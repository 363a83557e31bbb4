//! From the inputs on the command line to the list of files: folders are searched, patterns expanded.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::container::is_junk;

/// The files to read, and what was left out on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Sorted by path, each file once even if several names or links lead to it. `-` (standard input) comes first.
    pub files: Vec<PathBuf>,
    /// Sorted by path.
    pub skipped: Vec<Skipped>,
}

/// Something below a folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: String,
}

/// An input that leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("{}: {source}; check the path, and quote a pattern so that the shell leaves it alone", path.display())]
    Missing {
        /// The input as given.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The pattern is malformed.
    #[error("pattern {pattern}: {reason}; write * ? [abc] {{a,b}} or ** for any depth")]
    Pattern {
        /// The input as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The pattern matches nothing.
    #[error("pattern {pattern} matches no file; ** searches folders at any depth")]
    NoMatch {
        /// The input as given.
        pattern: String,
    },
}

/// Expands files, folders (recursively), patterns and `-`.
///
/// # Errors
/// Fails on an input that does not exist, a malformed pattern, or a pattern without a match. What cannot be read inside a
/// folder is listed in [`Discovered::skipped`].
pub fn discover(inputs: &[PathBuf]) -> Result<Discovered, Error> {
    let mut found = Found::default();
    for input in inputs {
        let text = input.to_string_lossy();
        match fs::metadata(input) {
            _ if text == "-" => found.add(input.clone()),
            Ok(meta) if meta.is_dir() => found.folder(input, None),
            Ok(_) => found.add(input.clone()),
            Err(_) if text.contains(['*', '?', '[', '{']) => found.pattern(&text)?,
            Err(source) => {
                return Err(Error::Missing {
                    path: input.clone(),
                    source,
                });
            }
        }
    }
    Ok(found.finish())
}

#[derive(Default)]
struct Found {
    files: BTreeSet<PathBuf>,
    skipped: BTreeSet<Skipped>,
}

/// What a pattern asks of the files below its fixed part.
struct Filter {
    /// `None` accepts everything.
    matcher: Option<GlobMatcher>,
    /// Levels of folders below the fixed part; `None` with `**`.
    levels: Option<usize>,
}

impl Filter {
    fn accepts(&self, path: &Path) -> bool {
        self.matcher.as_ref().is_none_or(|m| m.is_match(path))
    }
}

impl Found {
    fn add(&mut self, path: PathBuf) {
        self.files.insert(path);
    }

    fn skip(&mut self, path: &Path, reason: impl Into<String>) {
        self.skipped.insert(Skipped {
            path: path.to_path_buf(),
            reason: reason.into(),
        });
    }

    fn folder(&mut self, root: &Path, filter: Option<&Filter>) {
        // Folders are known by their real path, so that a link to a folder above ends the descent.
        let mut visited = BTreeSet::new();
        let mut open = vec![(root.to_path_buf(), 0usize)];
        while let Some((folder, level)) = open.pop() {
            let entries = fs::canonicalize(&folder).and_then(|real| {
                let first_time = visited.insert(real);
                if first_time {
                    fs::read_dir(&folder).map(Some)
                } else {
                    Ok(None)
                }
            });
            match entries {
                Ok(Some(entries)) => {
                    for entry in entries {
                        match entry {
                            Ok(entry) => self.entry(entry.path(), level, filter, &mut open),
                            Err(e) => self.skip(&folder, e.to_string()),
                        }
                    }
                }
                Ok(None) => {}
                Err(e) => self.skip(&folder, e.to_string()),
            }
        }
    }

    fn entry(&mut self, path: PathBuf, level: usize, filter: Option<&Filter>, open: &mut Vec<(PathBuf, usize)>) {
        let wanted = filter.is_none_or(|f| f.accepts(&path));
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                if filter.and_then(|f| f.levels).is_none_or(|most| level + 1 < most) {
                    open.push((path, level + 1));
                }
            }
            _ if !wanted => {}
            Ok(_) if is_junk(&path.to_string_lossy()) => self.skip(&path, "desktop metadata"),
            Ok(meta) if meta.is_file() => self.add(path),
            Ok(_) => self.skip(&path, "neither a file nor a folder"),
            Err(e) => self.skip(&path, e.to_string()),
        }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), Error> {
        let bad = |reason: String| Error::Pattern {
            pattern: pattern.to_owned(),
            reason,
        };
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|e| bad(e.kind().to_string()))?;
        let (base, rest) = fixed_part(pattern);
        let levels = (!pattern.contains("**")).then_some(rest);
        let before = (self.files.len(), self.skipped.len());
        // A path below "." would be spelt "./x" and not match "x".
        let filter = Filter {
            matcher: Some(glob.compile_matcher()),
            levels,
        };
        if base.as_os_str().is_empty() {
            self.current_folder(&filter);
        } else if base.is_dir() {
            self.folder(&base, Some(&filter));
        }
        if before == (self.files.len(), self.skipped.len()) && !self.files.iter().any(|f| filter.accepts(f)) {
            return Err(Error::NoMatch {
                pattern: pattern.to_owned(),
            });
        }
        Ok(())
    }

    fn current_folder(&mut self, filter: &Filter) {
        let mut below = Self::default();
        let unprefixed = |path: &Path| {
            path.strip_prefix(".")
                .map_or_else(|_| path.to_path_buf(), Path::to_path_buf)
        };
        let all = Filter {
            matcher: None,
            levels: filter.levels,
        };
        below.folder(Path::new("."), Some(&all));
        self.files
            .extend(below.files.iter().map(|p| unprefixed(p)).filter(|p| filter.accepts(p)));
        for skipped in below.skipped {
            let path = unprefixed(&skipped.path);
            if filter.accepts(&path) {
                self.skip(&path, skipped.reason);
            }
        }
    }

    fn finish(self) -> Discovered {
        let mut seen = BTreeSet::new();
        let real = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let files = self.files.into_iter().filter(|path| seen.insert(real(path))).collect();
        Discovered {
            files,
            skipped: self.skipped.into_iter().collect(),
        }
    }
}

/// The leading components without a wildcard, and the number of components behind them.
fn fixed_part(pattern: &str) -> (PathBuf, usize) {
    let path = Path::new(pattern);
    let is_fixed = |c: &Component<'_>| !c.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let base: PathBuf = path.components().take_while(is_fixed).collect();
    let rest = path.components().count() - base.components().count();
    (base, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b.log",
            "a.log",
            "sub/c.log",
            "sub/deep/d.evtx",
            "sub/.DS_Store",
            "x[1].log",
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        dir
    }

    fn names(dir: &Path, inputs: &[&str]) -> Vec<String> {
        let inputs: Vec<_> = inputs.iter().map(|input| dir.join(input)).collect();
        let found = discover(&inputs).unwrap().files;
        found
            .iter()
            .map(|p| p.strip_prefix(dir).unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn folders_are_searched_sorted_and_without_junk() {
        let dir = tree();
        assert_eq!(
            names(dir.path(), &["", "a.log"]),
            ["a.log", "b.log", "sub/c.log", "sub/deep/d.evtx", "x[1].log"]
        );
        let skipped = discover(&[dir.path().to_path_buf()]).unwrap().skipped;
        assert!(skipped.len() == 1 && skipped[0].path.ends_with(".DS_Store"));
    }

    #[test]
    fn patterns_stop_at_separators_unless_doubled() {
        let dir = tree();
        assert_eq!(names(dir.path(), &["[ab].log"]), ["a.log", "b.log"]);
        assert_eq!(names(dir.path(), &["*/*.log"]), ["sub/c.log"]);
        assert_eq!(names(dir.path(), &["**/*.{log,evtx}"]).len(), 5);
        assert_eq!(names(dir.path(), &["x[1].log"]), ["x[1].log"]);
        assert_eq!(names(dir.path(), &["*.log", "a*"]).len(), 3);
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        let dir = tree();
        let error = |input: &str| discover(&[dir.path().join(input)]).unwrap_err().to_string();
        assert!(error("none.log").contains("none.log"));
        assert!(error("*.zip").contains("*.zip") && error("[.log").contains("pattern"));
    }

    #[cfg(unix)]
    #[test]
    fn link_loops_end_and_a_linked_file_counts_once() {
        let dir = tree();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("sub/up")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("a.log"), dir.path().join("z.log")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
        assert_eq!(names(dir.path(), &[""]).len(), 5);
        let skipped = discover(&[dir.path().to_path_buf()]).unwrap().skipped;
        assert!(skipped.iter().any(|s| s.path.ends_with("dangling")));
    }

    #[test]
    fn standard_input_passes_through() {
        assert_eq!(discover(&[PathBuf::from("-")]).unwrap().files, [PathBuf::from("-")]);
    }
}
