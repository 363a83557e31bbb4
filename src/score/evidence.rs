//! Rows as evidence: where a person finds them, and the fields that matter.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::finding::Evidence;
use crate::base::text::truncate_chars;
use crate::base::{ip, time};
use crate::lake::frame::Row;
use crate::schema::{Col, Column, Kind, TABLES, Table, common};
use crate::signals::Cx;
use crate::signals::RowRef;

/// Rows shown per hit.
pub const MAX_ROWS: usize = 20;
/// Characters shown of one text.
const MAX_TEXT: usize = 500;

/// Columns worth showing, whatever the table.
const SHOWN: &[&str] = &[
    "event_code",
    "action",
    "outcome",
    "user",
    "pid",
    "image",
    "cmdline",
    "orig_name",
    "signer",
    "sig_status",
    "integrity",
    "parent_image",
    "parent_cmdline",
    "gparent_image",
    "sha256",
    "sha1",
    "md5",
    "target_user",
    "direction",
    "src_ip",
    "src_host",
    "dst_ip",
    "dst_port",
    "dst_host",
    "tls_sni",
    "bytes_out",
    "bytes_in",
    "client_ip",
    "qname",
    "qtype",
    "rcode",
    "answers",
    "ttl_min",
    "method",
    "url_host",
    "url_path",
    "url_query",
    "status",
    "ua",
    "path",
    "prev_path",
    "share",
    "origin_url",
    "key",
    "value_name",
    "data",
    "prev_data",
    "kind",
    "name",
    "command",
    "args",
    "account",
    "start_type",
    "text",
    "host_app",
    "logon_type",
    "auth_pkg",
    "fail_reason",
    "service",
    "ticket_enc",
    "country",
    "city",
    "location",
    "target_image",
    "access",
    "call_trace",
    "start_module",
    "group_name",
    "member",
    "object",
    "attr",
    "old",
    "new",
    "setting",
    "title",
    "threat",
    "severity",
    "action_taken",
    "sender",
    "subject",
    "recipients",
    "message",
    "logon_id",
    "target_logon_id",
    "product",
];

/// The columns of [`SHOWN`] that a table has, by the table's place.
static SHOWN_OF: LazyLock<Vec<Vec<(Col, &'static Column)>>> = LazyLock::new(|| {
    let of = |t: &&'static Table| SHOWN.iter().filter_map(|name| t.find(name)).collect();
    TABLES.iter().map(of).collect()
});

/// The evidence of a hit's rows, at most [`MAX_ROWS`].
pub fn of(rows: &[RowRef], cx: &Cx<'_>, source_path: &dyn Fn(u64) -> String) -> Vec<Evidence> {
    rows.iter()
        .take(MAX_ROWS)
        .map(|r| entry(cx.frames.row(r.table, r.at), source_path))
        .collect()
}

/// A row as evidence.
pub fn entry(row: Row<'_>, source_path: &dyn Fn(u64) -> String) -> Evidence {
    let shown = SHOWN_OF.get(row.table().ix()).map_or(&[][..], Vec::as_slice);
    let fields: BTreeMap<String, Value> = shown
        .iter()
        .filter_map(|(col, column)| Some((column.name.to_owned(), cell(row, *col, column)?)))
        .collect();
    Evidence {
        table: row.table().name.to_owned(),
        time: time::format_rfc3339(row.ts()),
        source_file: row
            .int(common::FILE_ID)
            .map_or_else(String::new, |id| source_path(id as u64)),
        record: row.int(common::RECORD_ID).map(|id| id as u64),
        offset: row.int(common::ROW).map_or(0, |at| at as u64),
        fields,
    }
}

/// A cell as JSON; `None` for null.
fn cell(row: Row<'_>, col: Col, column: &Column) -> Option<Value> {
    Some(match column.kind {
        Kind::Ts => json!(time::format_rfc3339(row.int(col)?)),
        Kind::Bool => json!(row.int(col)? != 0),
        Kind::F32 => json!(row.float(col)?),
        Kind::Ip => json!(ip::display(&row.ip(col)?)),
        Kind::U64 => json!(row.int(col)? as u64),
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32 => json!(row.int(col)?),
        Kind::List => json!(row.text(col)?.lines().take(32).map(cut).collect::<Vec<_>>()),
        Kind::Dict | Kind::Text | Kind::Mac | Kind::Md5 | Kind::Sha1 | Kind::Sha256 => json!(cut(row.text(col)?)),
    })
}

fn cut(text: &str) -> String {
    let head = truncate_chars(text, MAX_TEXT);
    if head.len() < text.len() {
        format!("{head}…")
    } else {
        head.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::testing::Rows;
    use crate::schema::process;

    #[test]
    fn every_shown_column_exists_somewhere() {
        for name in SHOWN {
            assert!(TABLES.iter().any(|t| t.find(name).is_some()), "{name}");
        }
    }

    #[test]
    fn a_row_is_named_by_file_record_and_offset_and_long_texts_are_cut() {
        let corpus = Rows::default()
            .row(&process::TABLE, "pc", 0, |b| {
                b.text(process::CMDLINE, &"x".repeat(600));
                b.int(common::RECORD_ID, 7);
            })
            .corpus();
        let rows = [RowRef {
            table: &process::TABLE,
            at: 0,
        }];
        let all = of(&rows, &corpus.cx(), &|id| format!("file {id}"));
        let e = &all[0];
        assert_eq!((e.source_file.as_str(), e.record, e.offset), ("file 1", Some(7), 1));
        assert_eq!(e.fields["cmdline"].as_str().unwrap().chars().count(), 501);
        assert!(!e.fields.contains_key("image"), "null columns are left out");
    }
}
