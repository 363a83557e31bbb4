//! Zip archives: by their directory, or from the front if the directory is missing.

use std::io::{Read, Seek, SeekFrom};

use ::zip::ZipArchive;
use ::zip::read::{ZipReadOptions, read_zipfile_from_stream};
use ::zip::result::ZipError;

use super::reader::{Lenient, State};
use super::renamed::Renamed;
use super::walk::{self, Visit};
use super::{Error, NoteKind, name};

/// A source of a zip archive.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Visits the members of a zip archive.
pub(super) fn walk(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    archive: &str,
    source: &mut dyn ReadSeek,
    depth: u8,
) -> Result<(), Error> {
    let mut directory = match ZipArchive::new(&mut *source) {
        Ok(directory) => directory,
        Err(e) => {
            let reason = format!("the directory of the zip archive cannot be read ({e}); reading it from the front");
            state.note(archive, NoteKind::Truncated, reason, "look for an intact copy");
            return salvage(state, visit, archive, source, depth);
        }
    };
    if directory.index_for_name("[Content_Types].xml").is_some() {
        let reason = "it is an Office document";
        state.note(archive, NoteKind::Unreadable, reason, "save the sheet as CSV (UTF-8)");
        return Ok(());
    }
    if directory.is_empty() {
        state.note(archive, NoteKind::Unreadable, "the zip archive is empty", "");
    }
    if !directory.has_duplicate_names() {
        return members(state, visit, archive, &mut directory, depth);
    }
    let (start, offset) = (directory.central_directory_start(), directory.offset());
    drop(directory);
    let renamed = Renamed::new(source, start, offset).map_err(ZipError::from);
    if let Ok(mut directory) = renamed.and_then(ZipArchive::new)
        && !directory.has_duplicate_names()
    {
        return members(state, visit, archive, &mut directory, depth);
    }
    let reason = "several members have the same name, and only the last of them can be read";
    state.note(
        archive,
        NoteKind::Unreadable,
        reason,
        "unpack the archive with another tool",
    );
    match ZipArchive::new(&mut *source) {
        Ok(mut directory) => members(state, visit, archive, &mut directory, depth),
        Err(_) => Ok(()),
    }
}

fn members<R: Read + Seek>(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    archive: &str,
    directory: &mut ZipArchive<R>,
    depth: u8,
) -> Result<(), Error> {
    for index in 0..directory.len() {
        if state.is_capped() {
            break;
        }
        member(state, visit, archive, directory, index, depth)?;
    }
    Ok(())
}

fn member<R: Read + Seek>(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    archive: &str,
    directory: &mut ZipArchive<R>,
    index: usize,
    depth: u8,
) -> Result<(), Error> {
    let (place, encrypted) = match directory.by_index_data(index) {
        Ok(entry) if entry.is_dir() => return Ok(()),
        Ok(entry) => (
            member_name(archive, entry.name().ok().as_deref(), entry.name_raw()),
            entry.encrypted(),
        ),
        Err(e) => {
            state.note(archive, NoteKind::Unreadable, format!("member {index}: {e}"), "");
            return Ok(());
        }
    };
    if name::is_junk(&place) {
        state.note(&place, NoteKind::Skipped, "desktop metadata", "");
        return Ok(());
    }
    let passwords = &state.options.passwords;
    let password = passwords
        .iter()
        .find(|password| encrypted && fits(directory, index, password));
    if encrypted && password.is_none() {
        let reason = if passwords.is_empty() {
            "it is encrypted"
        } else {
            "it is encrypted and no password fits"
        };
        state.note(&place, NoteKind::Unreadable, reason, "give the archive's password");
        return Ok(());
    }
    let options = ZipReadOptions::new().password(password.map(String::as_bytes));
    match directory.by_index_with_options(index, options) {
        Ok(file) => walk::stream(
            state,
            visit,
            &place,
            &mut Lenient::new(file, state, &place, "zip"),
            depth + 1,
        ),
        Err(e) => {
            state.note(
                &place,
                NoteKind::Unreadable,
                e.to_string(),
                "unpack the archive with another tool",
            );
            Ok(())
        }
    }
}

/// The old cipher accepts one wrong password in 256, so the first bytes must decompress too.
fn fits<R: Read + Seek>(directory: &mut ZipArchive<R>, index: usize, password: &str) -> bool {
    let options = ZipReadOptions::new().password(Some(password.as_bytes()));
    let Ok(mut file) = directory.by_index_with_options(index, options) else {
        return false;
    };
    let mut probe = [0; 4096];
    file.read(&mut probe).is_ok()
}

/// Reads local headers one after the other until the data ends.
fn salvage(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    archive: &str,
    source: &mut dyn ReadSeek,
    depth: u8,
) -> Result<(), Error> {
    let mut source = source;
    if source.seek(SeekFrom::Start(0)).is_err() {
        return Ok(());
    }
    while !state.is_capped() {
        match read_zipfile_from_stream(&mut source) {
            Ok(Some(file)) if file.is_dir() => {}
            Ok(Some(file)) => {
                let place = member_name(archive, file.name().ok().as_deref(), file.name_raw());
                if !name::is_junk(&place) {
                    let mut reader = Lenient::new(file, state, &place, "zip");
                    walk::stream(state, visit, &place, &mut reader, depth + 1)?;
                }
            }
            Ok(None) => break,
            Err(ZipError::Io(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(e) => {
                state.note(archive, NoteKind::Truncated, e.to_string(), "look for an intact copy");
                break;
            }
        }
    }
    Ok(())
}

fn member_name(archive: &str, decoded: Option<&str>, raw: &[u8]) -> String {
    name::join(archive, decoded.map_or(raw, str::as_bytes))
}
