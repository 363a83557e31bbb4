//! Zeek `dce_rpc` → network, action `rpc`; endpoint and operation stay in `extra`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::host_and_direction;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::network;

/// Remote procedure calls.
pub struct ZeekDceRpc;

static FIELDS: FieldMap = FieldMap::new(&[
    ("uid", network::CONN_UID, Dec::Text),
    ("id.orig_h", network::SRC_IP, Dec::Ip),
    ("id_orig_h", network::SRC_IP, Dec::Ip),
    ("id.orig_p", network::SRC_PORT, Dec::Int),
    ("id_orig_p", network::SRC_PORT, Dec::Int),
    ("id.resp_h", network::DST_IP, Dec::Ip),
    ("id_resp_h", network::DST_IP, Dec::Ip),
    ("id.resp_p", network::DST_PORT, Dec::Int),
    ("id_resp_p", network::DST_PORT, Dec::Int),
]);

impl Mapper for ZeekDceRpc {
    fn id(&self) -> &'static str {
        "zeek_dce_rpc"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.dce_rpc")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &network::TABLE, raw, cx);
        row.action("rpc");
        row.cells.text(network::APP, "dce_rpc");
        row.fields(&FIELDS);
        host_and_direction(&mut row);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{extra, map, text};

    #[test]
    fn the_operation_stays_readable() {
        let out = map(
            "zeek.dce_rpc",
            &[
                ("id.orig_h", "10.1.1.9"),
                ("id.resp_h", "10.1.1.8"),
                ("endpoint", "drsuapi"),
                ("operation", "DRSGetNCChanges"),
            ],
        );
        assert_eq!(text(&out, network::APP).as_deref(), Some("dce_rpc"));
        assert_eq!(
            extra(&out).as_deref(),
            Some(r#"{"endpoint":"drsuapi","operation":"DRSGetNCChanges"}"#)
        );
    }
}
