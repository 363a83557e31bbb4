//! Files and named pipes of Defender for Endpoint: DeviceFileEvents, shell links, NamedPipeEvent.
//!
//! Verbs: `create`, `write`, `rename`, `delete`, `read`, `modify_time`, `pipe_create`, `pipe_connect`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, names, path};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::file;

/// DeviceFileEvents and the like.
pub struct MdeFile;

static FIELDS: FieldMap = FieldMap::new(&[
    ("FileSize", file::SIZE, Dec::Int),
    ("MD5", file::MD5, Dec::Hash),
    ("SHA1", file::SHA1, Dec::Hash),
    ("SHA256", file::SHA256, Dec::Hash),
    ("ShareName", file::SHARE, Dec::Text),
    ("RequestSourceIP", file::CLIENT_IP, Dec::Ip),
    ("RequestSourcePort", file::CLIENT_PORT, Dec::Int),
    ("FileOriginUrl", file::ORIGIN_URL, Dec::Text),
    ("FileOriginReferrerUrl", file::REFERRER_URL, Dec::Text),
]);

impl Mapper for MdeFile {
    fn id(&self) -> &'static str {
        "mde_file"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::FILE)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &file::TABLE, raw, cx);
        let action = row.peek("ActionType").unwrap_or("");
        if action == "NamedPipeEvent" {
            pipe(&mut row);
        } else {
            row.action(verb(action));
            row.cells.text(file::KIND, "file");
            row.fields(&FIELDS);
            path(&mut row, "FolderPath", "FileName", file::PATH);
            path(&mut row, "PreviousFolderPath", "PreviousFileName", file::PREV_PATH);
        }
        names(&mut row, file::PATH, file::NAME, Some(file::EXT));
        actor(&mut row, file::PID, file::PROC_START, file::IMAGE);
        row.finish();
    }
}

fn verb(action: &str) -> &'static str {
    const VERBS: &[(&str, &str)] = &[
        ("FileModified", "write"),
        ("FileRenamed", "rename"),
        ("FileDeleted", "delete"),
        ("FileTimestamp", "modify_time"),
        ("SensitiveFileRead", "read"),
    ];
    VERBS
        .iter()
        .find(|(a, _)| action.starts_with(a))
        .map_or("create", |(_, v)| v)
}

fn pipe(row: &mut Row<'_, '_>) {
    let more = Additional::of(row);
    let server = more.get("NamedPipeEnd") == Some("Server") || more.get("FileOperation") == Some("File created");
    row.action(if server { "pipe_create" } else { "pipe_connect" });
    row.cells.text(file::KIND, "pipe");
    more.text(row, "PipeName", file::PATH);
    more.int(row, "DesiredAccess", file::ACCESS_MASK, i64::from(u32::MAX));
    more.text(row, "ShareName", file::SHARE);
}
