//! Compressed files and archives that the lake knows whole: they are told by their own bytes and not unpacked again.
//!
//! A night's run over a folder of rotated logs meets the same `.gz` files night after night; their content is known only when
//! they are unpacked, read and mapped, unless the catalogue remembers the packed file itself.

use std::path::Path;
use std::time::SystemTime;

use super::Run;
use crate::lake::catalogue::{Input, Packed};
use crate::lake::files::digest;

/// A packed file of this run that was read whole.
pub(super) struct Whole {
    path: String,
    blake3: String,
    bytes: u64,
    /// Numbers of its members among the run's inputs, in its order.
    members: Vec<u32>,
}

/// Size and time of a file: the same before and after reading if nobody wrote to it.
pub(super) fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some((meta.len(), meta.modified().ok()?))
}

impl Run<'_> {
    /// What a file is that the lake knows, byte for byte: the input it is a copy of, or the members of the packed file it is a
    /// copy of. It is read for that only where the lake knows a file of its size.
    pub(super) fn known(&self, path: &Path, size: u64) -> Option<Vec<Input>> {
        let catalogue = self.lake.catalogue();
        let sizes = catalogue.inputs.iter().map(|i| i.bytes);
        if !path.is_file() || sizes.chain(catalogue.packed.iter().map(|p| p.bytes)).all(|b| b != size) {
            return None;
        }
        let (blake3, _) = digest(path).ok()?;
        let name = path.to_string_lossy();
        if let Some(known) = catalogue.input(&blake3) {
            return Some(vec![self.again(known, name.into_owned())]);
        }
        let found = catalogue.packed.binary_search_by(|p| p.blake3.as_str().cmp(&blake3));
        let members = catalogue.members(catalogue.packed.get(found.ok()?)?)?;
        let named = members
            .into_iter()
            .map(|(member, known)| self.again(known, format!("{name}{member}")));
        Some(named.collect())
    }

    /// Notes a file without anything wrong in it, if it was a packed one: `before` is its stamp before it was read,
    /// `members` the numbers of what was in it.
    pub(super) fn note_packed(&self, path: &Path, before: Option<(u64, SystemTime)>, members: Vec<Option<u32>>) {
        let Some(members) = members.into_iter().collect::<Option<Vec<u32>>>() else {
            return;
        };
        let path_text = path.to_string_lossy().into_owned();
        let plain = |i: &Input| i.path == path_text && Some(i.bytes) == before.map(|b| b.0);
        let is_plain = match members.as_slice() {
            [one] => self.done().inputs.get(one).is_none_or(plain),
            _ => members.is_empty(),
        };
        if is_plain || before.is_none() {
            return;
        }
        let Ok((blake3, bytes)) = digest(path) else { return };
        if stamp(path) == before {
            self.done().packed.push(Whole {
                path: path_text,
                blake3,
                bytes,
                members,
            });
        }
    }
}

/// What the catalogue is to remember: packed files of which every member was read to its end.
pub(super) fn told(whole: Vec<Whole>, inputs: &[Input]) -> Vec<Packed> {
    let member = |path: &str, ordinal: u32| {
        let input = inputs.get(ordinal as usize)?;
        let readable = !input.content_id.is_empty() && !input.format.is_empty();
        let name = input.path.strip_prefix(path).filter(|_| readable)?;
        Some((name.to_owned(), input.content_id.clone()))
    };
    let packed = whole.into_iter().filter_map(|w| {
        let members = w.members.iter().map(|o| member(&w.path, *o)).collect::<Option<_>>()?;
        Some(Packed {
            blake3: w.blake3,
            bytes: w.bytes,
            members,
        })
    });
    packed.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::jobs::ingest::{IngestOptions, IngestReport, find, ingest};
    use crate::jobs::progress::Progress;
    use crate::lake::Lake;

    const EVENT: &str = r#"{"Event":{"System":{"Provider":{"Name":"P"},"EventID":1,"Computer":"ws01","TimeCreated":{"SystemTime":"2026-01-02T03:04:05Z"}},"EventData":{"a":1}}}"#;

    fn gz(path: &Path, text: &str) {
        let mut file = flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
        file.write_all(text.as_bytes()).unwrap();
        file.finish().unwrap();
    }

    fn run(lake: &Path, input: &Path) -> IngestReport {
        let mut lake = Lake::open_for_writing(lake).unwrap();
        let found = find(&[PathBuf::from(input)]).unwrap();
        ingest(&mut lake, &found, &IngestOptions::default(), &Progress::default()).unwrap()
    }

    fn known(report: &IngestReport) -> bool {
        report
            .inputs
            .iter()
            .all(|i| i.notes.iter().any(|n| n.contains("already")))
    }

    #[test]
    fn a_known_packed_file_is_not_unpacked_again_under_any_name_and_a_changed_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let (lake, old, new) = (
            dir.path().join("lake"),
            dir.path().join("a.gz"),
            dir.path().join("b.gz"),
        );
        gz(&old, &format!("{EVENT}\n"));
        let first = run(&lake, &old);
        assert_eq!((first.committed.rows, known(&first)), (1, false));
        std::fs::rename(&old, &new).unwrap();
        let second = run(&lake, &new);
        assert_eq!((second.committed.rows, known(&second)), (0, true));
        assert_eq!((second.inputs.len(), second.inputs[0].records), (1, 1));
        assert!(second.inputs[0].path.contains("b.gz"));
        gz(&new, &format!("{EVENT}\n{}\n", EVENT.replace("ws01", "ws02")));
        assert!(!known(&run(&lake, &new)));
        let lake = Lake::open_for_writing(&lake).unwrap();
        let rows: u64 = lake.catalogue().files.iter().map(|f| f.rows).sum();
        assert_eq!((rows, lake.catalogue().packed.len()), (2, 2));
    }

    #[test]
    fn a_packed_file_with_something_unread_in_it_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let (lake, path) = (dir.path().join("lake"), dir.path().join("a.gz"));
        gz(&path, &format!("{EVENT}\n"));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 6]).unwrap();
        let first = run(&lake, &path);
        assert!(!first.unreadable.is_empty());
        let again = run(&lake, &path);
        assert!(!known(&again) && !again.unreadable.is_empty());
        let lake = Lake::open_for_writing(&lake).unwrap();
        assert!(lake.catalogue().packed.is_empty());
    }
}
