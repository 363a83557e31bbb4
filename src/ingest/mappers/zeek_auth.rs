//! Zeek `kerberos`, `ntlm` and `rdp` → auth, seen from the server as in the Windows Security log: host is the responder
//! (by name where NTLM tells it), `src_ip` the originator.
//!
//! An `rdp` record is an attempt: the log does not know whether a logon succeeded, so its outcome stays null.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row, canonical_host};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{auth, common};

/// Authentication on the wire.
pub struct ZeekAuth;

/// Windows logon types: network, remote interactive.
const NETWORK: i64 = 3;
const REMOTE_INTERACTIVE: i64 = 10;

static FIELDS: FieldMap = FieldMap::new(&[
    ("id.orig_h", auth::SRC_IP, Dec::Ip),
    ("id_orig_h", auth::SRC_IP, Dec::Ip),
    ("id.orig_p", auth::SRC_PORT, Dec::Int),
    ("id_orig_p", auth::SRC_PORT, Dec::Int),
    ("service", auth::SERVICE, Dec::Text),
    ("error_msg", auth::FAIL_REASON, Dec::Text),
    ("username", auth::TARGET_USER, Dec::Text),
    ("domainname", auth::TARGET_DOMAIN, Dec::Text),
    ("hostname", auth::SRC_HOST, Dec::Text),
    ("server_dns_computer_name", auth::TARGET_SERVER, Dec::Text),
    ("client_name", auth::SRC_HOST, Dec::Text),
    ("cookie", auth::TARGET_USER, Dec::Text),
]);

impl Mapper for ZeekAuth {
    fn id(&self) -> &'static str {
        "zeek_auth"
    }

    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Log("zeek.kerberos"),
            Claim::Log("zeek.ntlm"),
            Claim::Log("zeek.rdp"),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &auth::TABLE, raw, cx);
        match &*raw.kind {
            "zeek.kerberos" => kerberos(&mut row),
            "zeek.ntlm" => ntlm(&mut row),
            _ => {
                row.action("session_connect");
                row.cells.text(auth::APP, "rdp");
                row.cells.int(auth::LOGON_TYPE, REMOTE_INTERACTIVE);
            }
        }
        row.fields(&FIELDS);
        let server = row
            .peek("id.resp_h")
            .or_else(|| row.peek("id_resp_h"))
            .and_then(crate::base::ip::parse);
        if let Some(server) = server {
            row.host_is_ip(&server);
        }
        match row.peek("success") {
            Some("T" | "true") => row.cells.text(common::OUTCOME, "success"),
            Some("F" | "false") => row.cells.text(common::OUTCOME, "failure"),
            _ => {}
        }
        row.finish();
    }
}

/// `client` is `user/REALM`.
fn kerberos(row: &mut Row<'_, '_>) {
    row.cells.text(auth::AUTH_PKG, "Kerberos");
    row.action(match row.peek("request_type") {
        Some("TGS") => "krb_tgs",
        _ => "krb_tgt",
    });
    let Some(client) = row.peek("client") else { return };
    // A service principal has slashes of its own: the realm is behind the last.
    if let Some((user, realm)) = client.rsplit_once('/').filter(|(u, _)| !u.is_empty()) {
        row.cells.text(auth::TARGET_USER, user);
        row.cells.text(auth::TARGET_DOMAIN, realm);
        row.take("client");
    }
}

fn ntlm(row: &mut Row<'_, '_>) {
    row.action("ntlm");
    row.cells.text(auth::AUTH_PKG, "NTLM");
    row.cells.int(auth::LOGON_TYPE, NETWORK);
    let name = row
        .peek("server_dns_computer_name")
        .or_else(|| row.peek("server_nb_computer_name"));
    if let Some(name) = name.filter(|n| !n.is_empty() && *n != "-") {
        row.cells.text(common::HOST, &canonical_host(name));
        row.cells.text(common::HOST_RAW, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{address, map, text};

    #[test]
    fn kerberos_requests() {
        let out = map(
            "zeek.kerberos",
            &[
                ("id.orig_h", "10.1.1.9"),
                ("id.resp_h", "10.1.1.8"),
                ("request_type", "AS"),
                ("client", "PC-1$/CORP.EXAMPLE"),
                ("service", "krbtgt/CORP.EXAMPLE"),
                ("success", "false"),
                ("error_msg", "KDC_ERR_PREAUTH_REQUIRED"),
            ],
        );
        assert_eq!(text(&out, common::ACTION).as_deref(), Some("krb_tgt"));
        assert_eq!(
            (
                text(&out, auth::TARGET_USER).as_deref(),
                text(&out, auth::TARGET_DOMAIN).as_deref()
            ),
            (Some("PC-1$"), Some("CORP.EXAMPLE"))
        );
        assert_eq!(
            (
                text(&out, common::HOST).as_deref(),
                text(&out, common::OUTCOME).as_deref()
            ),
            (Some("ip:10.1.1.8"), Some("failure"))
        );
        assert_eq!(address(&out, auth::SRC_IP).as_deref(), Some("10.1.1.9"));
    }

    #[test]
    fn ntlm_knows_its_server_and_rdp_is_only_an_attempt() {
        let out = map(
            "zeek.ntlm",
            &[
                ("id.resp_h", "10.1.1.8"),
                ("username", "ann"),
                ("server_dns_computer_name", "SRV1.corp.example"),
                ("success", "T"),
            ],
        );
        assert_eq!(
            (
                text(&out, common::HOST).as_deref(),
                text(&out, common::OUTCOME).as_deref()
            ),
            (Some("srv1"), Some("success"))
        );
        let out = map(
            "zeek.rdp",
            &[("id.resp_h", "10.1.1.8"), ("cookie", "ann"), ("result", "encrypted")],
        );
        assert_eq!(
            (text(&out, auth::TARGET_USER).as_deref(), text(&out, common::OUTCOME)),
            (Some("ann"), None)
        );
    }
}
