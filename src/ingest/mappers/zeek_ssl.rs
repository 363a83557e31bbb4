//! Zeek `ssl` → network, action `tls`: the same connection as in `conn`, seen as a handshake.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::host_and_direction;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, network};

/// TLS handshakes.
pub struct ZeekSsl;

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
    ("version", network::TLS_VERSION, Dec::Text),
    ("server_name", network::TLS_SNI, Dec::Text),
    ("ja3", network::TLS_JA3, Dec::Text),
    ("ja3s", network::TLS_JA3S, Dec::Text),
    ("subject", network::CERT_SUBJECT, Dec::Text),
    ("issuer", network::CERT_ISSUER, Dec::Text),
    ("issuer_subject", network::CERT_ISSUER, Dec::Text),
]);

impl Mapper for ZeekSsl {
    fn id(&self) -> &'static str {
        "zeek_ssl"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.ssl")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &network::TABLE, raw, cx);
        row.action("tls");
        row.cells.text(network::APP, "ssl");
        row.fields(&FIELDS);
        host_and_direction(&mut row);
        row.cells
            .derive(network::TLS_SNI, network::DST_HOST, |name| Some(name.to_lowercase()));
        // The column has no dash, and an empty name makes none.
        if let Some(name @ ("" | "-")) = row.peek("server_name") {
            row.cells.text(network::DST_HOST, name);
        }
        let version = row.peek("version").unwrap_or("");
        if !version.is_empty() {
            row.cells
                .text(network::PROTO, if version.starts_with("DTLS") { "udp" } else { "tcp" });
        }
        match row.peek("established") {
            Some("T" | "true") => row.cells.text(common::OUTCOME, "success"),
            Some("F" | "false") => row.cells.text(common::OUTCOME, "failure"),
            _ => {}
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{map, text};

    #[test]
    fn the_server_name_is_sni_and_destination() {
        let out = map(
            "zeek.ssl",
            &[
                ("id.orig_h", "10.0.0.5"),
                ("id.resp_h", "192.0.2.1"),
                ("version", "TLSv12"),
                ("server_name", "A.example"),
                ("established", "T"),
            ],
        );
        assert_eq!(text(&out, network::TLS_SNI).as_deref(), Some("A.example"));
        assert_eq!(text(&out, network::DST_HOST).as_deref(), Some("a.example"));
        assert_eq!(
            (
                text(&out, common::ACTION).as_deref(),
                text(&out, common::OUTCOME).as_deref()
            ),
            (Some("tls"), Some("success"))
        );
    }
}
