//! Zeek `smb_files` and `smb_mapping` → file, seen from the server: host is the responder, `client_ip` the originator
//! (as in Security 5140 and 5145).

use super::{Claim, Mapper};
use crate::base::time;
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::name_and_extension;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::file;

/// Files and shares over SMB.
pub struct ZeekSmb;

static FILES: FieldMap = FieldMap::new(&[
    ("uid", file::CONN_UID, Dec::Text),
    ("id.orig_h", file::CLIENT_IP, Dec::Ip),
    ("id_orig_h", file::CLIENT_IP, Dec::Ip),
    ("id.orig_p", file::CLIENT_PORT, Dec::Int),
    ("id_orig_p", file::CLIENT_PORT, Dec::Int),
    ("path", file::SHARE, Dec::Text),
    ("name", file::PATH, Dec::Text),
    ("prev_name", file::PREV_PATH, Dec::Text),
    ("size", file::SIZE, Dec::Int),
]);

/// Zeek's verbs and ours, one to one.
const VERBS: &[(&str, &str, &str)] = &[
    ("SMB::FILE_OPEN", "access", "file"),
    ("SMB::FILE_READ", "read", "file"),
    ("SMB::FILE_WRITE", "write", "file"),
    ("SMB::FILE_RENAME", "rename", "file"),
    ("SMB::FILE_DELETE", "delete", "file"),
    ("SMB::FILE_SET_ATTRIBUTE", "attr_change", "file"),
    ("SMB::FILE_CLOSE", "close", "file"),
    ("SMB::PIPE_OPEN", "pipe_connect", "pipe"),
    ("SMB::PIPE_READ", "pipe_read", "pipe"),
    ("SMB::PIPE_WRITE", "pipe_write", "pipe"),
    ("SMB::PIPE_CLOSE", "pipe_close", "pipe"),
    ("SMB::PRINT_OPEN", "print_open", "print"),
    ("SMB::PRINT_WRITE", "print_write", "print"),
    ("SMB::PRINT_CLOSE", "print_close", "print"),
];

impl Mapper for ZeekSmb {
    fn id(&self) -> &'static str {
        "zeek_smb"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.smb_files"), Claim::Log("zeek.smb_mapping")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &file::TABLE, raw, cx);
        let server = row
            .peek("id.resp_h")
            .or_else(|| row.peek("id_resp_h"))
            .and_then(crate::base::ip::parse);
        if let Some(server) = server {
            row.host_is_ip(&server);
        }
        if raw.kind == "zeek.smb_mapping" {
            row.action("share_access");
            row.cells.text(file::KIND, "share");
        } else {
            let verb = row
                .peek("action")
                .and_then(|a| VERBS.iter().find(|(zeek, ..)| *zeek == a));
            row.action(verb.map_or("access", |v| v.1));
            row.cells.text(file::KIND, verb.map_or("file", |v| v.2));
            if verb.is_some() {
                row.take("action");
            }
        }
        row.fields(&FILES);
        for (name, col) in [("times.created", file::CREATION_TS)] {
            if let Some(ts) = row.peek(name).and_then(|t| time::epoch(t.as_bytes())) {
                row.cells.int(col, ts);
            }
        }
        name_and_extension(&mut row);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{extra, map, text};
    use crate::schema::common;

    #[test]
    fn the_server_is_the_host_and_the_verb_is_held() {
        let out = map(
            "zeek.smb_files",
            &[
                ("id.orig_h", "10.0.0.2"),
                ("id.resp_h", "10.0.0.9"),
                ("action", "SMB::FILE_OPEN"),
                ("path", "\\\\srv\\C$"),
                ("name", "Temp\\Evil.EXE"),
            ],
        );
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:10.0.0.9"));
        assert_eq!(
            (text(&out, common::ACTION).as_deref(), text(&out, file::NAME).as_deref()),
            (Some("access"), Some("evil.exe"))
        );
        assert_eq!(extra(&out).as_deref(), Some(r#"{"id.resp_h":"10.0.0.9"}"#));
        let out = map(
            "zeek.smb_mapping",
            &[("path", "\\\\srv\\ADMIN$"), ("share_type", "DISK")],
        );
        assert_eq!(
            (
                text(&out, common::ACTION).as_deref(),
                text(&out, file::SHARE).as_deref()
            ),
            (Some("share_access"), Some("\\\\srv\\ADMIN$"))
        );
    }
}
