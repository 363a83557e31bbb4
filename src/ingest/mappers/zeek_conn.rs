//! Zeek `conn` → network.
//!
//! The host is the originator if it lies inside, else the responder; `direction` is seen from it. A connection that never
//! came to be (no answer, refused) is a failure.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::host_and_direction;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, network};

/// Connections.
pub struct ZeekConn;

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
    ("proto", network::PROTO, Dec::Lower),
    ("service", network::APP, Dec::Text),
    ("duration", network::DURATION_US, Dec::SecondsUs),
    ("orig_bytes", network::BYTES_OUT, Dec::Int),
    ("resp_bytes", network::BYTES_IN, Dec::Int),
    ("orig_pkts", network::PKTS_OUT, Dec::Int),
    ("resp_pkts", network::PKTS_IN, Dec::Int),
    ("conn_state", network::CONN_STATE, Dec::Text),
]);

impl Mapper for ZeekConn {
    fn id(&self) -> &'static str {
        "zeek_conn"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.conn")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &network::TABLE, raw, cx);
        row.action("flow");
        row.fields(&FIELDS);
        host_and_direction(&mut row);
        let outcome = match row.peek("conn_state") {
            Some("S0" | "REJ" | "RSTOS0" | "RSTRH" | "SH" | "SHR") => Some("failure"),
            Some("SF" | "S1" | "S2" | "S3" | "RSTO" | "RSTR") => Some("success"),
            _ => None,
        };
        if let Some(outcome) = outcome {
            row.cells.text(common::OUTCOME, outcome);
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{extra, map, text};

    fn conn(orig: &str, resp: &str) -> Vec<(&'static str, String)> {
        vec![
            ("uid", "C1".into()),
            ("id.orig_h", orig.into()),
            ("id.orig_p", "1032".into()),
            ("id.resp_h", resp.into()),
            ("duration", "0.447460".into()),
            ("orig_bytes", "601".into()),
            ("conn_state", "S0".into()),
            ("missed_bytes", "0".into()),
        ]
    }

    #[test]
    fn host_is_the_inner_side() {
        let out = map("zeek.conn", &conn("192.168.33.10", "192.0.2.191"));
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:192.168.33.10"));
        assert_eq!(text(&out, network::DIRECTION).as_deref(), Some("out"));
        let out = map("zeek.conn", &conn("203.0.113.7", "10.0.0.8"));
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:10.0.0.8"));
        assert_eq!(text(&out, common::OUTCOME).as_deref(), Some("failure"));
    }

    #[test]
    fn only_what_no_column_holds_stays_in_extra() {
        let out = map("zeek.conn", &conn("192.168.33.10", "192.0.2.191"));
        assert_eq!(extra(&out).as_deref(), Some(r#"{"missed_bytes":"0"}"#));
    }
}
