//! Rule files: found in files, folders and archives, read, linked, selected, compiled.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::document;
use super::link;
use super::model::{Document, Rejected, Severity};
use super::placeholders::Placeholders;
use super::program::Program;
use super::yaml::MAX_BYTES;
use crate::base::error::{Error, Result};
use crate::ingest::container::{self, Body, Member, OpenOptions};

/// Which rules are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Rules of this level or above.
    pub min_level: Option<Severity>,
    /// Rules of one of these statuses; empty for all but `deprecated` and `unsupported`.
    pub status: Vec<String>,
    /// Only rules whose id, a tag, or the title (as a glob) is one of these; empty for all.
    pub include: Vec<String>,
    /// No rules whose id, a tag, or the title (as a glob) is one of these.
    pub exclude: Vec<String>,
}

/// Rules ready to run.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// Rules about single events.
    pub program: Program,
    /// Correlations.
    pub correlations: Vec<link::Linked>,
    /// Rules of the program that are reported by themselves; the others serve correlations only.
    pub reported: Vec<bool>,
    /// Rules and correlations that can be used.
    pub loaded: u64,
    /// Left out by the selection.
    pub deselected: u64,
    /// Rules that cannot be used.
    pub rejected: Vec<Rejected>,
}

/// Most bytes of all rule files together.
const MAX_TOTAL: u64 = 1 << 30;

/// Reads and compiles the rules at these paths.
///
/// # Errors
/// [`Error::Usage`] where a path does not exist or cannot be opened, or a placeholder file is wrong. A rule that cannot
/// be used is no error: it is listed in [`RuleSet::rejected`].
pub fn load(paths: &[PathBuf], vars: &[PathBuf], selection: &Selection) -> Result<RuleSet> {
    let placeholders = placeholders(vars)?;
    let (documents, rejected) = read(paths, &placeholders)?;
    Ok(link::link(documents, rejected, selection))
}

/// The documents at these paths in the order of their places, and what cannot be used.
///
/// # Errors
/// See [`load`].
pub fn read(paths: &[PathBuf], placeholders: &Placeholders) -> Result<(Vec<Document>, Vec<Rejected>)> {
    let files = texts(paths)?;
    let per_file: Vec<(Vec<Document>, Vec<Rejected>)> = files
        .par_iter()
        .map(|(name, text)| document::read(&Arc::from(name.as_str()), text, placeholders))
        .collect();
    let (mut documents, mut rejected) = (Vec::new(), Vec::new());
    for (d, r) in per_file {
        documents.extend(d);
        rejected.extend(r);
    }
    Ok((documents, rejected))
}

/// Values of placeholders.
///
/// # Errors
/// [`Error::Usage`] naming the file and the line.
pub fn placeholders(files: &[PathBuf]) -> Result<Placeholders> {
    let mut out = Placeholders::default();
    for path in files {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::Usage(format!("{}: cannot read these placeholders: {e}", path.display())))?;
        out.add(&text)
            .map_err(|e| Error::Usage(format!("{}: {e}", path.display())))?;
    }
    Ok(out)
}

/// Names and texts of all rule files, by name; a name that comes twice is read once.
fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut out = BTreeMap::new();
    let mut total = 0u64;
    for path in paths {
        let meta = std::fs::metadata(path)
            .map_err(|e| Error::Usage(format!("{}: no Sigma rules here: {e}", path.display())))?;
        let mut files = Vec::new();
        match meta.is_dir() {
            true => walk(path, &mut files, 0)?,
            false => files.push(path.clone()),
        }
        for file in files {
            let folder = meta.is_dir();
            if folder && is_rule(&file.to_string_lossy()) {
                plain(&file, &mut out, &mut total)?;
                continue;
            }
            if folder && !is_archive(&file) {
                continue;
            }
            open(&file, folder, &mut out, &mut total)?;
        }
    }
    Ok(out.into_iter().collect())
}

fn is_rule(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".yml") || lower.ends_with(".yaml")
}

fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [
        ".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar.bz2", ".7z",
    ]
    .iter()
    .any(|e| name.ends_with(e))
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    const MAX_DEPTH: usize = 32;
    let wrong = |e: std::io::Error| Error::Usage(format!("{}: cannot read this folder of rules: {e}", dir.display()));
    let mut entries = Vec::new();
    for e in std::fs::read_dir(dir).map_err(wrong)? {
        entries.push(e.map_err(wrong)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth < MAX_DEPTH {
                walk(&path, out, depth + 1)?;
            }
        } else {
            out.push(path);
        }
    }
    Ok(())
}

/// Reads a rule of a folder.
fn plain(path: &Path, out: &mut BTreeMap<String, String>, total: &mut u64) -> Result<()> {
    let wrong = |e: &dyn std::fmt::Display| Error::Usage(format!("{}: cannot read this rule: {e}", path.display()));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| wrong(&e))?;
    let mut file = file.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    add(path.to_string_lossy().into_owned(), &bytes, out, total).map_err(|e| wrong(&e))
}

fn add(name: String, bytes: &[u8], out: &mut BTreeMap<String, String>, total: &mut u64) -> Result<(), &'static str> {
    *total = total.saturating_add(bytes.len() as u64);
    if *total > MAX_TOTAL {
        return Err("more than 1 GiB of rules");
    }
    out.insert(name, String::from_utf8_lossy(bytes).into_owned());
    Ok(())
}

/// Reads a file, or the rules among the members of an archive.
fn open(path: &Path, quiet: bool, out: &mut BTreeMap<String, String>, total: &mut u64) -> Result<()> {
    let plain = path.to_string_lossy().into_owned();
    let mut visit = |member: Member<'_>| -> Result<(), container::VisitError> {
        let inside = member.name != plain;
        if inside && !is_rule(&member.name) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        match member.body {
            Body::Bytes(b) => bytes.extend_from_slice(b.get(..(MAX_BYTES + 1).min(b.len())).unwrap_or(&[])),
            Body::Reader(r) => {
                r.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
            }
        }
        Ok(add(member.name, &bytes, out, total)?)
    };
    let opened = container::open(path, &OpenOptions::default(), &|_| {}, &mut visit);
    match opened {
        Ok(notes) => match notes.iter().find(|n| n.kind != container::NoteKind::Skipped) {
            Some(n) if !quiet => Err(Error::Usage(format!("{}: {}", n.place, n.reason))),
            _ => Ok(()),
        },
        Err(e) => Err(Error::Usage(e.to_string())),
    }
}
