//! Zeek `files` → file, action `transfer`: a file seen on the wire. The host is the receiver if it lies inside, else the
//! sender; `client_ip` is the receiver.

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::name_and_extension;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::zeek;
use crate::schema::builder::TableSet;
use crate::schema::file;

/// Files in transfer.
pub struct ZeekFiles;

static FIELDS: FieldMap = FieldMap::new(&[
    ("filename", file::PATH, Dec::Text),
    ("mime_type", file::MIME, Dec::Text),
    ("total_bytes", file::SIZE, Dec::Int),
    ("md5", file::MD5, Dec::Hash),
    ("sha1", file::SHA1, Dec::Hash),
    ("sha256", file::SHA256, Dec::Hash),
    ("uid", file::CONN_UID, Dec::Text),
]);

impl Mapper for ZeekFiles {
    fn id(&self) -> &'static str {
        "zeek_files"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.files")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &file::TABLE, raw, cx);
        row.action("transfer");
        row.cells.text(file::KIND, "file");
        row.fields(&FIELDS);
        if !row.cells.is_set(file::SIZE) {
            row.field("seen_bytes", file::SIZE, Dec::Int);
        }
        name_and_extension(&mut row);
        if let Some(uids) = row.peek("conn_uids") {
            let items = zeek::items(uids);
            if let Some(only) = items.only() {
                row.cells.text(file::CONN_UID, only);
                if items.recreate() {
                    row.take("conn_uids");
                }
            }
        }
        ends(&mut row);
        row.finish();
    }
}

fn ends(row: &mut Row<'_, '_>) {
    let first = |name| {
        row.peek(name)
            .and_then(|t| zeek::items(t).iter().next().and_then(ip::parse))
    };
    let (mut sender, mut receiver) = (first("tx_hosts"), first("rx_hosts"));
    if sender.is_none() && receiver.is_none() {
        // Since Zeek 5.1 the connection's ends stand here, and whether the originator sends.
        let end = |a, b| row.peek(a).or_else(|| row.peek(b)).and_then(ip::parse);
        (sender, receiver) = (end("id.resp_h", "id_resp_h"), end("id.orig_h", "id_orig_h"));
        if matches!(row.peek("is_orig"), Some("T" | "true")) {
            (sender, receiver) = (receiver, sender);
        }
    }
    if let Some(receiver) = receiver {
        row.cells.ip(file::CLIENT_IP, &receiver);
    }
    let host = receiver
        .filter(ip::is_internal)
        .or(sender.filter(ip::is_internal))
        .or(receiver);
    if let Some(host) = host {
        row.host_is_ip(&host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{int, map, text};
    use crate::schema::common;

    #[test]
    fn the_receiver_is_the_host() {
        let out = map(
            "zeek.files",
            &[
                ("tx_hosts", "192.0.2.9"),
                ("rx_hosts", r#"["10.0.0.7"]"#),
                ("filename", "a\\B.EXE"),
                ("seen_bytes", "184"),
                ("md5", "92bf83360b8ed10d82e38bcdcfcfa4a7"),
                ("conn_uids", "C1"),
            ],
        );
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:10.0.0.7"));
        assert_eq!(
            (text(&out, file::NAME).as_deref(), text(&out, file::EXT).as_deref()),
            (Some("b.exe"), Some("exe"))
        );
        assert_eq!(
            (int(&out, file::SIZE), text(&out, file::CONN_UID).as_deref()),
            (Some(184), Some("C1"))
        );
    }
}
