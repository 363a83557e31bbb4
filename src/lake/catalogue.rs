//! The catalogue: which files count, which inputs went into them. One JSON file, replaced by an atomic rename.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::META_DIR;
use super::sync::replace_file;
use crate::base::error::{Error, Result};

/// How the file begins: with the BLAKE3 of all that comes after this line. Earlier versions wrote none.
const SEAL: (&[u8], &[u8]) = (b"{\n  \"blake3\": \"", b"\",\n");

/// Version of the lake's layout and tables. Older versions stay readable: missing columns read as null.
pub const SCHEMA_VERSION: u32 = 1;

/// One input and what became of its records: `records == stored + duplicates + rejected`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq)]
pub struct Input {
    /// Path as given, with `!member` for members of archives.
    pub path: String,
    /// Format id; empty where the input could not be read.
    pub format: String,
    /// BLAKE3 of the decompressed content, hexadecimal.
    pub content_id: String,
    /// SHA-256 of the file, where `--custody` asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Size of the decompressed content.
    pub bytes: u64,
    /// Records met.
    pub records: u64,
    /// Records that are rows of the lake.
    pub stored: u64,
    /// Records that the lake had already, or had twice.
    pub duplicates: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Bytes of those, in UTF-8.
    #[serde(default)]
    pub rejected_bytes: u64,
    /// Earliest event time, microseconds UTC.
    pub first: Option<i64>,
    /// Latest event time, microseconds UTC.
    pub last: Option<i64>,
    /// Hosts named by the records, sorted, at most 100.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// How the times are known, with counts, sorted by name.
    #[serde(default)]
    pub time_quality: Vec<(String, u64)>,
    /// What the analyst should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The options it was read with (`--tz Asia/Tokyo`); `None` where an earlier version read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_as: Option<Vec<String>>,
    /// Where its last line begins, if that does not end and is not the only one: a log that was copied while it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn: Option<u64>,
    /// Whether an earlier run read it, and this one only met it again.
    #[serde(skip)]
    pub is_known: bool,
    /// Where `coldtrail lake expire` dropped days of this input: the first day that it kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired_before: Option<String>,
}

impl Input {
    /// The number of the input in the `file_id` column.
    pub fn file_id(&self) -> u64 {
        file_id(&self.content_id)
    }
}

/// A compressed file or archive of which every member is an input of the lake: it need not be unpacked again.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packed {
    /// BLAKE3 of the file as it is, hexadecimal.
    pub blake3: String,
    /// Size of the file.
    pub bytes: u64,
    /// Its members in their order: what stands behind the file's path in theirs, and the content ids.
    pub members: Vec<(String, String)>,
}

/// The `file_id` of a content: the first eight bytes of its BLAKE3, big endian.
pub fn file_id(content_id: &str) -> u64 {
    content_id
        .get(..16)
        .and_then(|h| u64::from_str_radix(h, 16).ok())
        .unwrap_or(0)
}

/// The end of a file that is read before any page: page index and footer.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tail {
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of these bytes, hexadecimal.
    pub blake3: String,
}

/// One Parquet file that counts.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct DataFile {
    /// Table.
    pub table: String,
    /// UTC day of its events, `YYYY-MM-DD`.
    pub date: String,
    /// File name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the file, hexadecimal.
    pub blake3: String,
    /// Its end; absent where an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<Tail>,
    /// Earliest event time, microseconds UTC.
    pub first: i64,
    /// Latest event time, microseconds UTC.
    pub last: i64,
}

impl DataFile {
    /// Path of the file in the lake at `root`.
    pub fn path(&self, root: &Path) -> PathBuf {
        partition_dir(root, &self.table, &self.date).join(&self.name)
    }
}

/// Path of the catalogue of the lake at `root`.
pub fn path(root: &Path) -> PathBuf {
    root.join(META_DIR).join("catalogue.json")
}

/// Whether the bytes of a catalogue are those that were written, as far as it tells.
fn is_as_written(bytes: &[u8]) -> bool {
    let Some((digest, rest)) = bytes.strip_prefix(SEAL.0).and_then(|b| b.split_first_chunk::<64>()) else {
        return true;
    };
    let body = rest.strip_prefix(SEAL.1);
    body.is_some_and(|body| blake3::hash(body).to_hex().as_bytes() == digest)
}

/// Folder of one day of one table.
pub fn partition_dir(root: &Path, table: &str, date: &str) -> PathBuf {
    root.join(table).join(format!("date={date}"))
}

/// The catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Catalogue {
    /// [`SCHEMA_VERSION`] of the run that wrote it.
    pub schema_version: u32,
    /// Counts commits.
    pub generation: u64,
    /// Inputs, sorted by content id.
    pub inputs: Vec<Input>,
    /// Files, sorted by table, date and name.
    pub files: Vec<DataFile>,
    /// Packed files whose members are known, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packed: Vec<Packed>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            generation: 0,
            inputs: Vec::new(),
            files: Vec::new(),
            packed: Vec::new(),
        }
    }
}

impl Catalogue {
    /// Reads the catalogue of the lake at `root`; `None` where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read or was written by a newer coldtrail.
    pub fn load(root: &Path) -> Result<Option<Self>> {
        let path = path(root);
        let bytes = match fs::read(&path) {
            Ok(b) => b,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, "cannot read the catalogue", e)),
        };
        let damaged = |reason: String| Error::Catalogue {
            path: path.clone(),
            reason: format!("the catalogue is damaged: {reason}"),
        };
        if !is_as_written(&bytes) {
            return Err(damaged("its bytes are not those that were written".to_owned()));
        }
        let c: Self = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if c.schema_version > SCHEMA_VERSION {
            return Err(Error::Usage(format!(
                "{}: written by a newer coldtrail (schema version {}, this one reads up to {SCHEMA_VERSION}); update coldtrail",
                path.display(),
                c.schema_version
            )));
        }
        Ok(Some(c))
    }

    /// Writes the catalogue: temporary name, sync, rename, sync of the folder.
    pub(crate) fn store(&self, root: &Path) -> Result<()> {
        let path = path(root);
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| {
            let body = text.strip_prefix(b"{\n").unwrap_or(&text);
            let digest = blake3::hash(body).to_hex();
            replace_file(&path, &[SEAL.0, digest.as_bytes(), SEAL.1, body])
        });
        written.map_err(|e| Error::io(&path, "cannot write the catalogue", e))
    }

    /// The input with this content.
    pub fn input(&self, content_id: &str) -> Option<&Input> {
        self.inputs
            .binary_search_by(|i| i.content_id.as_str().cmp(content_id))
            .ok()
            .and_then(|i| self.inputs.get(i))
    }

    /// The inputs that the members of a packed file are, in its order; `None` where one of them is not known.
    pub fn members<'c>(&'c self, packed: &'c Packed) -> Option<Vec<(&'c str, &'c Input)>> {
        let members = packed.members.iter();
        members
            .map(|(name, id)| Some((name.as_str(), self.input(id)?)))
            .collect()
    }

    /// Remembers packed files whose members are all inputs.
    pub(super) fn remember(&mut self, packed: &[Packed]) {
        let known: Vec<Packed> = packed.iter().filter(|p| self.members(p).is_some()).cloned().collect();
        self.packed.extend(known);
        self.packed.sort();
        self.packed.dedup_by(|a, b| a.blake3 == b.blake3);
    }

    /// Files of one table in date order.
    pub fn files_of<'c>(&'c self, table: &'c str) -> impl Iterator<Item = &'c DataFile> {
        self.files.iter().filter(move |f| f.table == table)
    }

    /// Earliest and latest event time, microseconds UTC.
    pub fn time_range(&self) -> Option<(i64, i64)> {
        let first = self.files.iter().map(|f| f.first).min()?;
        let last = self.files.iter().map(|f| f.last).max()?;
        Some((first, last))
    }
}
