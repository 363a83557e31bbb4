//! Checkpoints: how far a large input was read, and the staged rows of that part, for the next run if this one is killed.
//!
//! A folder for each input holds its segments and a manifest. A manifest is replaced by a rename after the segments that it
//! names are durable, and carries its own BLAKE3 and theirs: what was cut or changed is told and never used. No reader
//! looks here; the rows count when a commit of their whole input does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files::digest;
use super::segment::{Segment, SegmentFile, SegmentPlace, file_name};
use super::staging::Partition;
use super::sync::{replace_file, sync_files};
use crate::base::error::{Error, Result};

/// Version of the manifest.
const VERSION: u32 = 1;
/// Larger manifests are not read: 200,000 rejected records take a third of it.
const LARGEST: u64 = 256 << 20;
/// Hexadecimal digits of a BLAKE3.
const DIGITS: usize = 64;

#[derive(Serialize, Deserialize)]
struct Manifest<S> {
    version: u32,
    state: S,
    files: BTreeMap<String, Stamp>,
    /// Day and place of every segment.
    segments: Vec<(i64, SegmentPlace)>,
}

/// What a file is told by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    blake3: String,
}

/// The folder of one input's checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    /// Files that are durable.
    files: BTreeMap<String, Stamp>,
}

/// A checkpoint that was found again: what was noted with it, and the segments.
pub type Found<S> = (S, Vec<(Partition, Segment)>);

impl Checkpoint {
    /// The checkpoint in `dir`, which is made when something is stored.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            files: BTreeMap::new(),
        }
    }

    /// Makes the segments durable, then puts a manifest in place that names them and holds `state`.
    ///
    /// # Errors
    /// Where that is not possible; the manifest of before stays.
    pub fn store<S: Serialize>(&mut self, state: &S, segments: &[(Partition, Segment)]) -> Result<()> {
        let new: BTreeSet<&Path> = segments.iter().map(|(_, s)| s.path()).collect();
        let new: Vec<PathBuf> = new
            .into_iter()
            .filter(|p| !self.files.contains_key(&file_name(p)))
            .map(Path::to_path_buf)
            .collect();
        let above = self.dir.ancestors().nth(2).unwrap_or(&self.dir);
        sync_files(above, &new)?;
        for path in new {
            let (blake3, bytes) = digest(&path)?;
            self.files.insert(file_name(&path), Stamp { bytes, blake3 });
        }
        let manifest = Manifest {
            version: VERSION,
            state,
            files: self.files.clone(),
            segments: segments.iter().map(|((_, day), s)| (*day, s.place())).collect(),
        };
        segments.iter().for_each(|(_, s)| s.keep());
        super::files::make_dir(&self.dir)?;
        let path = self.manifest();
        write(&path, &manifest).map_err(|e| Error::io(&path, "cannot write a checkpoint", e))
    }

    /// What was stored last, `None` where nothing was. Files that are not part of it are removed.
    ///
    /// # Errors
    /// What is wrong with it, in words; it must be removed then.
    pub fn load<S: DeserializeOwned>(&mut self) -> Result<Option<Found<S>>, String> {
        if !self.dir.is_dir() {
            return Ok(None);
        }
        let Some(manifest) = read::<S>(&self.manifest())? else {
            return Ok(None);
        };
        let mut files: BTreeMap<&str, Arc<SegmentFile>> = BTreeMap::new();
        let mut segments = Vec::with_capacity(manifest.segments.len());
        for (day, place) in &manifest.segments {
            let stamp = manifest.files.get(&place.file).filter(|_| place.is_named_well());
            let stamp = stamp.ok_or("its list of files is wrong")?;
            let file = match files.get(place.file.as_str()) {
                Some(file) => file,
                None => files.entry(&place.file).or_insert(self.check(&place.file, stamp)?),
            };
            let segment = place.open(file, stamp.bytes).ok_or("its list of rows is wrong")?;
            segments.push(((segment.table().ix(), *day), segment));
        }
        let named = manifest.files.into_iter();
        self.files = named.filter(|(name, _)| files.contains_key(name.as_str())).collect();
        self.tidy();
        Ok(Some((manifest.state, segments)))
    }

    /// A file that is as it was written.
    fn check(&self, name: &str, stamp: &Stamp) -> Result<Arc<SegmentFile>, String> {
        let path = self.dir.join(name);
        let (blake3, bytes) = digest(&path).map_err(|e| e.to_string())?;
        match (Stamp { bytes, blake3 }) == *stamp {
            true => Ok(SegmentFile::of_checkpoint(path)),
            false => Err(format!("{}: staged rows changed on disk", path.display())),
        }
    }

    /// Removes what was written behind the manifest: it will be written again.
    fn tidy(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != MANIFEST && !self.files.contains_key(&name) {
                // What stays goes with the folder.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes it.
    ///
    /// # Errors
    /// Where that is not possible.
    pub fn remove(&mut self) -> Result<()> {
        self.files.clear();
        remove(&self.dir)
    }

    fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }
}

/// Name of the manifest.
const MANIFEST: &str = "manifest";

/// Removes a checkpoint, or the folder of all.
///
/// # Errors
/// Where that is not possible.
pub fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(dir, "cannot remove a checkpoint", e)),
        _ => Ok(()),
    }
}

fn write<S: Serialize>(path: &Path, manifest: &Manifest<S>) -> std::io::Result<()> {
    let text = serde_json::to_vec(manifest)?;
    let digest = blake3::hash(&text).to_hex();
    replace_file(path, &[digest.as_bytes(), &text])
}

fn read<S: DeserializeOwned>(path: &Path) -> Result<Option<Manifest<S>>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let whole = bytes
        .split_at_checked(DIGITS)
        .filter(|(told, text)| *told == blake3::hash(text).to_hex().as_bytes());
    let (_, text) = whole.ok_or("its manifest changed on disk")?;
    let manifest: Manifest<S> =
        serde_json::from_slice(text).map_err(|e| format!("its manifest is not understood: {e}"))?;
    match manifest.version {
        VERSION => Ok(Some(manifest)),
        other => Err(format!("its manifest has version {other}")),
    }
}

#[cfg(test)]
mod tests;
