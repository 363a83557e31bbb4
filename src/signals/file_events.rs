//! Changes of files by one actor, whatever sensor saw them: what was written, what was removed, what was renamed.

use std::collections::{BTreeMap, HashMap};

use super::View;
use crate::base::ip;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{Col, common, file};

/// Columns of `file` that the signals over mass activity read.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::USER,
    common::USER_DOMAIN,
    common::LOGON_ID,
    file::PATH,
    file::NAME,
    file::EXT,
    file::PREV_PATH,
    file::KIND,
    file::SHARE,
    file::ACCESS_MASK,
    file::CLIENT_IP,
    file::PID,
    file::PROC_GUID,
    file::IMAGE,
];

/// Access rights of a share access (5145) that change a file. Source: MS-SMB2 2.2.13.1.
const WRITE_DATA: i64 = 0x2;
const APPEND_DATA: i64 = 0x4;
const DELETE: i64 = 0x1_0000;

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Created or written.
    Write,
    /// Deleted, or opened with the right to delete or rename.
    Delete,
    /// Got this name; the old one is in `before`.
    Rename,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Time, microseconds UTC.
    pub ts: i64,
    /// What happened.
    pub change: Change,
    /// Path, lower case, with the share in front.
    pub path: String,
    /// Path before a rename, lower case.
    pub before: Option<String>,
    /// The row.
    pub row: Row<'a>,
}

impl Event<'_> {
    /// The folder.
    pub fn folder(&self) -> &str {
        split(&self.path).0
    }

    /// The base name.
    pub fn name(&self) -> &str {
        split(&self.path).1
    }

    /// The extension without dot; empty where there is none.
    pub fn extension(&self) -> &str {
        extension(&self.path)
    }
}

/// Folder and base name of a path with either slash.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once(['\\', '/']).unwrap_or(("", path))
}

/// The extension of a path without dot; empty where there is none.
pub fn extension(path: &str) -> &str {
    match split(path).1.rsplit_once('.') {
        Some((stem, ext)) if !stem.is_empty() => ext,
        _ => "",
    }
}

/// The changes of a host by actor, each in time order: a client and its user on a share, else a process, else a user.
pub fn by_actor<'a>(view: View<'a>) -> BTreeMap<String, Vec<Event<'a>>> {
    let mut names: HashMap<Actor, String> = HashMap::new();
    let mut out: BTreeMap<String, Vec<Event<'a>>> = BTreeMap::new();
    for row in view.iter() {
        let Some(change) = change(row) else { continue };
        let name = names.entry(actor(row)).or_insert_with(|| actor_name(row));
        let event = Event {
            ts: row.ts(),
            change,
            path: path(row),
            before: row.text(file::PREV_PATH).map(str::to_lowercase),
            row,
        };
        match out.get_mut(name.as_str()) {
            Some(events) => events.push(event),
            None => {
                out.insert(name.clone(), vec![event]);
            }
        }
    }
    out
}

fn change(row: Row<'_>) -> Option<Change> {
    row.text(file::PATH)?;
    if matches!(
        row.str(file::KIND),
        "pipe" | "share" | "stream" | "print" | "dir" | "directory" | "key"
    ) {
        return None;
    }
    Some(match row.str(common::ACTION) {
        "create" | "write" | "append" => Change::Write,
        "delete" => Change::Delete,
        "rename" => Change::Rename,
        "share_access" => {
            let mask = row.int(file::ACCESS_MASK).unwrap_or(0);
            if mask & (WRITE_DATA | APPEND_DATA) != 0 {
                Change::Write
            } else if mask & DELETE != 0 {
                Change::Delete
            } else {
                return None;
            }
        }
        _ => return None,
    })
}

fn path(row: Row<'_>) -> String {
    let path = row.str(file::PATH).to_lowercase();
    match row.text(file::SHARE) {
        Some(share) => format!("{}\\{path}", share.to_lowercase().trim_end_matches('\\')),
        None => path,
    }
}

type Actor = (Option<ip::Ip>, StrId, StrId, i64);

fn actor(row: Row<'_>) -> Actor {
    if let Some(client) = row.ip(file::CLIENT_IP) {
        return (Some(client), row.id(common::USER), NO_STR, 0);
    }
    match row.id(file::PROC_GUID) {
        NO_STR => (
            None,
            row.id(common::USER),
            row.id(file::IMAGE),
            row.int(file::PID).unwrap_or(-1),
        ),
        guid => (None, NO_STR, guid, -2),
    }
}

fn actor_name(row: Row<'_>) -> String {
    if let Some(client) = row.ip(file::CLIENT_IP) {
        return format!(
            "{} at {}",
            row.text(common::USER).unwrap_or("somebody"),
            ip::display(&client)
        );
    }
    let image = row.text(file::IMAGE).unwrap_or("an unnamed program");
    let id = row
        .text(file::PROC_GUID)
        .map_or_else(|| row.int(file::PID).unwrap_or(-1).to_string(), str::to_owned);
    format!("{image} ({id}) as {}", row.text(common::USER).unwrap_or("somebody"))
}
