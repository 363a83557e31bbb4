//! Jobs around Sigma rules: do they match their own test events, and what does each cost?

use std::fs;
use std::path::{Path, PathBuf};

use super::ingest::{self, IngestOptions};
use super::progress::Progress;
use crate::base::error::{Error, Result};
use crate::lake::Lake;
use crate::lake::scan::TimeRange;
use crate::rules::sigma::Tally;
use crate::rules::sigma::hunt;
use crate::rules::sigma::load::{self, RuleSet, Selection};
use crate::rules::sigma::model::Header;
use crate::rules::sigma::yaml;

/// The outcome of a rule's own test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The rule's title.
    pub title: String,
    /// Its id.
    pub id: String,
    /// Rows that it matches among its test events; `None` where it has none.
    pub matches: Option<u64>,
    /// Rows that it should match; `None` where at least one will do.
    pub expected: Option<u64>,
}

impl Tested {
    /// Whether the test went wrong.
    pub fn failed(&self) -> bool {
        match (self.matches, self.expected) {
            (None, _) => false,
            (Some(n), Some(wanted)) => n != wanted,
            (Some(n), None) => n == 0,
        }
    }
}

/// Runs every rule over its own test events, each in a lake of its own that is thrown away.
///
/// # Errors
/// Where a lake for the events cannot be made or read.
pub fn test(set: &RuleSet, events: &[PathBuf]) -> Result<Vec<Tested>> {
    let scratch = Scratch::new()?;
    let mut out = Vec::new();
    for (id, rule) in set.program.rules().iter().enumerate() {
        let (files, expected) = test_events(&rule.header, events);
        let matches = match files.is_empty() {
            true => None,
            false => {
                let root = scratch.0.join(id.to_string());
                let tallies = over(set, &root, &files)?;
                let of_rule = tallies.into_iter().find(|(r, _)| *r as usize == id);
                Some(of_rule.map_or(0, |(_, t)| t.matches))
            }
        };
        out.push(Tested {
            title: rule.header.title.clone(),
            id: rule.header.id.clone(),
            matches,
            expected,
        });
    }
    Ok(out)
}

fn over(set: &RuleSet, root: &Path, files: &[PathBuf]) -> Result<Vec<(u32, Tally)>> {
    let found = ingest::find(files)?;
    let mut lake = Lake::open_for_writing(root)?;
    ingest::ingest(&mut lake, &found, &IngestOptions::default(), &Progress::default())?;
    let shapes = hunt::shapes(&lake, TimeRange::default())?;
    let found = hunt::hunt(&lake, set, &shapes, TimeRange::default(), false)?;
    Ok(found.tallies.into_iter().collect())
}

/// Rules with what they cost over a lake, the dearest first.
///
/// # Errors
/// Where the lake cannot be read.
pub fn cost(set: &RuleSet, lake: &Lake) -> Result<Vec<(Header, Tally)>> {
    let shapes = hunt::shapes(lake, TimeRange::default())?;
    let found = hunt::hunt(lake, set, &shapes, TimeRange::default(), true)?;
    let mut out: Vec<(Header, Tally)> = found
        .tallies
        .into_iter()
        .filter_map(|(rule, t)| Some((set.program.rule(rule)?.header.clone(), t)))
        .collect();
    out.sort_by(|a, b| b.1.nanos.cmp(&a.1.nanos).then_with(|| a.0.id.cmp(&b.0.id)));
    Ok(out)
}

/// Reads rules for the commands about them.
///
/// # Errors
/// Where a path does not exist.
pub fn read(paths: &[PathBuf], vars: &[PathBuf], selection: &Selection) -> Result<RuleSet> {
    load::load(paths, vars, selection)
}

/// Files of a rule's test events, and how many of them it should match: those its `regression_tests_path` names, those in a
/// folder of `events` called like its id, those beside it that differ in their extension only.
fn test_events(header: &Header, events: &[PathBuf]) -> (Vec<PathBuf>, Option<u64>) {
    let file = Path::new(&*header.place.file);
    if !header.tests.is_empty() {
        for base in file.ancestors().skip(1) {
            let info = base.join(&header.tests);
            if info.is_file() {
                let files = info.parent().map_or_else(Vec::new, inside);
                return (files, match_count(&info));
            }
        }
    }
    for dir in events {
        let own = dir.join(&header.id);
        if own.is_dir() {
            return (inside(&own), None);
        }
    }
    let stem = file.file_stem();
    let beside = file.parent().map_or_else(Vec::new, inside);
    (beside.into_iter().filter(|p| p.file_stem() == stem).collect(), None)
}

/// The files of a folder that are neither rules nor descriptions, by name.
fn inside(dir: &Path) -> Vec<PathBuf> {
    let skip = |p: &Path| {
        let ext = p.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        matches!(ext.as_deref(), None | Some("yml" | "yaml" | "md" | "txt"))
    };
    let Ok(entries) = fs::read_dir(if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    }) else {
        return Vec::new();
    };
    let mut out: Vec<PathBuf> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_file() && !skip(p))
        .collect();
    out.sort();
    out
}

/// The sum of `match_count` in a description of tests.
fn match_count(info: &Path) -> Option<u64> {
    let text = fs::read_to_string(info).ok()?;
    let docs = yaml::parse(&text).ok()?;
    let tests = docs.first()?.get("regression_tests_info")?;
    let counts: Option<Vec<f64>> = tests.items().iter().map(|t| t.get("match_count")?.number()).collect();
    counts.map(|c| c.iter().sum::<f64>() as u64)
}

/// A folder that goes away with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("coldtrail-rules-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| Error::io(&dir, "cannot make a folder for test events", e))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_fails_without_a_match_or_with_another_number_than_it_should() {
        let t = |matches, expected| Tested {
            title: String::new(),
            id: String::new(),
            matches,
            expected,
        };
        assert!(!t(None, Some(3)).failed() && !t(Some(1), None).failed() && !t(Some(3), Some(3)).failed());
        assert!(t(Some(0), None).failed() && t(Some(2), Some(3)).failed());
    }

    #[test]
    fn events_beside_a_rule_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.yml", "a.json", "b.json", "a.md"] {
            fs::write(dir.path().join(name), "{}").unwrap();
        }
        let text = "title: t\nid: a\nlogsource: {product: windows}\ndetection: {s: {A: b}, condition: s}\n";
        fs::write(dir.path().join("a.yml"), text).unwrap();
        let set = load::load(&[dir.path().join("a.yml")], &[], &Selection::default()).unwrap();
        let (files, expected) = test_events(&set.program.rules()[0].header, &[]);
        assert_eq!((files, expected), (vec![dir.path().join("a.json")], None));
    }
}
