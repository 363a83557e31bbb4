//! From the inputs on the command line to the list of files: folders are searched, patterns expanded.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::container::is_junk;
use crate::schema::TABLES;

/// The files to read, and what was left out on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Sorted by path, each file once even if several names or links lead to it. `-` (standard input) comes first.
    pub files: Vec<PathBuf>,
    /// Left out on purpose. Sorted by path.
    pub skipped: Vec<Skipped>,
    /// Folders and links behind which there may be logs that nobody can see, and folders of the command line with nothing in
    /// them. Sorted by path; the reason names the next step.
    pub unreadable: Vec<Skipped>,
}

/// Something below a folder that is not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Folder of a lake that holds its catalogue, and the catalogue in it.
const LAKE: [&str; 2] = ["_coldtrail", "catalogue.json"];
/// What a complete folder of outputs has.
const OUTPUTS: [&str; 2] = ["run.json", "findings.jsonl"];

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

/// Expands files, folders (recursively), patterns and `-`. Below a folder, what a run of this program wrote there is left out:
/// the tables of a lake, and files named like `outputs` beside a hunt's `run.json`.
///
/// # Errors
/// Fails on an input that does not exist, a malformed pattern, or a pattern without a match. What cannot be read inside a
/// folder is listed in [`Discovered::unreadable`].
pub fn discover(inputs: &[PathBuf], outputs: &[String]) -> Result<Discovered, Error> {
    let mut found = Found::new(outputs);
    for input in inputs {
        let text = input.to_string_lossy();
        match fs::metadata(input) {
            _ if text == "-" => found.add(input.clone()),
            Ok(meta) if meta.is_dir() => found.named_folder(input),
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

struct Found<'o> {
    files: BTreeSet<PathBuf>,
    skipped: BTreeSet<Skipped>,
    unreadable: BTreeSet<Skipped>,
    /// Names of the files that a hunt writes.
    outputs: &'o [String],
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

impl<'o> Found<'o> {
    fn new(outputs: &'o [String]) -> Self {
        Self {
            files: BTreeSet::new(),
            skipped: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            outputs,
        }
    }

    fn add(&mut self, path: PathBuf) {
        self.files.insert(path);
    }

    fn skip(&mut self, path: &Path, reason: impl Into<String>) {
        self.skipped.insert(Skipped {
            path: path.to_path_buf(),
            reason: reason.into(),
        });
    }

    fn unreadable(&mut self, path: &Path, reason: impl Into<String>) {
        self.unreadable.insert(Skipped {
            path: path.to_path_buf(),
            reason: reason.into(),
        });
    }

    /// How much was found, in one way or another.
    fn count(&self) -> usize {
        self.files.len() + self.unreadable.len()
    }

    /// A folder of the command line: that there is nothing to read in it is said, as it may be an archive that is not mounted.
    fn named_folder(&mut self, root: &Path) {
        // Files of it may have been found by other names before.
        let mut below = Self::new(self.outputs);
        below.folder(root, None);
        if below.count() == 0 {
            let reason = match below.skipped.is_empty() {
                true => "the folder is empty; check the path, and that the archive is mounted",
                false => "there is nothing to read in the folder, all in it is left out; check the path",
            };
            below.unreadable(root, reason);
        }
        self.files.append(&mut below.files);
        self.skipped.append(&mut below.skipped);
        self.unreadable.append(&mut below.unreadable);
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
                    let own = Own::of(&folder);
                    for entry in entries {
                        match entry {
                            Ok(entry) if self.is_own(&entry, &folder, own) => {}
                            Ok(entry) => self.entry(&entry, level, filter, &mut open),
                            Err(e) => self.unreadable(&folder, format!("the folder cannot be read to its end: {e}")),
                        }
                    }
                }
                Ok(None) => {}
                Err(e) => self.unreadable(
                    &folder,
                    format!("the folder cannot be read: {e}; check that you may read and enter it"),
                ),
            }
        }
    }

    /// Whether an entry of `folder` was written by this program, which is said once for the folder.
    fn is_own(&mut self, entry: &fs::DirEntry, folder: &Path, own: Own) -> bool {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_table = || TABLES.iter().any(|t| t.name == name);
        if own.lake && (name == LAKE[0] || is_table() && entry.path().is_dir()) {
            self.skip(folder, "a lake of coldtrail: its tables are not read as logs");
            return true;
        }
        let is_temporary = |o: &String| name.strip_prefix('.').and_then(|n| n.strip_suffix(".tmp")) == Some(o);
        if own.outputs && self.outputs.iter().any(|o| *o == name || is_temporary(o)) {
            self.skip(folder, "outputs of a hunt lie here: they are not read as logs");
            return true;
        }
        false
    }

    fn entry(&mut self, entry: &fs::DirEntry, level: usize, filter: Option<&Filter>, open: &mut Vec<(PathBuf, usize)>) {
        let path = entry.path();
        let wanted = filter.is_none_or(|f| f.accepts(&path));
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                if filter.and_then(|f| f.levels).is_none_or(|most| level + 1 < most) {
                    open.push((path, level + 1));
                }
            }
            // What lies behind a folder that cannot be entered is unknown, and so whether it is wanted.
            Err(e) if wanted || entry.file_type().is_ok_and(|t| t.is_dir()) => {
                let link = entry.file_type().is_ok_and(|t| t.is_symlink());
                self.unreadable(&path, unseen(&e, link));
            }
            _ if !wanted => {}
            Ok(_) if is_junk(&path.to_string_lossy()) => self.skip(&path, "desktop metadata"),
            Ok(meta) if meta.is_file() => self.add(path),
            Ok(_) => self.skip(&path, "neither a file nor a folder"),
            Err(_) => {}
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
        let before = (self.count(), self.skipped.len());
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
        if before == (self.count(), self.skipped.len()) && !self.files.iter().any(|f| filter.accepts(f)) {
            return Err(Error::NoMatch {
                pattern: pattern.to_owned(),
            });
        }
        Ok(())
    }

    fn current_folder(&mut self, filter: &Filter) {
        let mut below = Self::new(self.outputs);
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
        for lost in below.unreadable {
            let path = unprefixed(&lost.path);
            if path.is_dir() || filter.accepts(&path) {
                self.unreadable(&path, lost.reason);
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
            unreadable: self.unreadable.into_iter().collect(),
        }
    }
}

/// What this program wrote into a folder.
#[derive(Clone, Copy)]
struct Own {
    lake: bool,
    outputs: bool,
}

impl Own {
    fn of(folder: &Path) -> Self {
        Self {
            lake: folder.join(LAKE[0]).join(LAKE[1]).is_file(),
            outputs: OUTPUTS.iter().all(|name| folder.join(name).is_file()),
        }
    }
}

/// Why nobody knows what an entry is, and what to do.
fn unseen(e: &io::Error, link: bool) -> String {
    match (e.kind(), link) {
        (io::ErrorKind::NotFound, true) => "the link leads nowhere; bring the file it names".to_owned(),
        _ => format!("{e}; check that you may enter its folder, and the medium"),
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
        let found = discover(&inputs, &[]).unwrap().files;
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
        let skipped = discover(&[dir.path().to_path_buf()], &[]).unwrap().skipped;
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
        let error = |input: &str| discover(&[dir.path().join(input)], &[]).unwrap_err().to_string();
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
        let lost = discover(&[dir.path().to_path_buf()], &[]).unwrap().unreadable;
        assert!(
            lost.len() == 1
                && lost[0]
                    .to_string()
                    .ends_with("dangling: the link leads nowhere; bring the file it names")
        );
    }

    #[test]
    fn a_folder_of_the_command_line_with_nothing_in_it_is_named() {
        let dir = tree();
        let empty = dir.path().join("mnt");
        fs::create_dir(&empty).unwrap();
        let found = discover(&[empty.clone(), dir.path().to_path_buf()], &[]).unwrap();
        assert_eq!((found.files.len(), found.unreadable.len()), (5, 1));
        assert!(found.unreadable[0].path == empty && found.unreadable[0].reason.contains("mounted"));
        fs::write(empty.join(".DS_Store"), "x").unwrap();
        assert_eq!(discover(&[empty], &[]).unwrap().unreadable.len(), 1);
    }

    #[test]
    fn what_a_hunt_wrote_is_left_out_and_logs_beside_it_are_not() {
        let dir = tree();
        let outputs = ["run.json", "findings.jsonl", "report.md"].map(String::from);
        for name in [
            "run.json",
            "findings.jsonl",
            ".report.md.tmp",
            "cache/lake/_coldtrail/catalogue.json",
            "cache/lake/dns/date=2026-01-01/part-1.parquet",
            "cache/lake/other.log",
            "sub/report.md",
        ] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let found = discover(&[dir.path().to_path_buf()], &outputs).unwrap();
        let all = |end: &str| {
            found
                .files
                .iter()
                .filter(|f| f.to_string_lossy().ends_with(end))
                .count()
        };
        assert_eq!((found.files.len(), all("other.log"), all("report.md")), (7, 1, 1));
        // The two folders, and desktop metadata.
        assert_eq!(found.skipped.len(), 3);
        let named = dir.path().join("findings.jsonl");
        assert_eq!(discover(std::slice::from_ref(&named), &outputs).unwrap().files, [named]);
    }

    #[test]
    fn standard_input_passes_through() {
        assert_eq!(
            discover(&[PathBuf::from("-")], &[]).unwrap().files,
            [PathBuf::from("-")]
        );
    }
}
