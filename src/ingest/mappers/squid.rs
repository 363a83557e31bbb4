//! Squid and Cisco WSA → http. `bytes` flow to the client only. Host is the client's address, observer the proxy.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::{is_denied, web_outcome};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::url;
use crate::schema::builder::TableSet;
use crate::schema::{common, http};

/// Squid's access log.
pub struct Squid;

static FIELDS: FieldMap = FieldMap::new(&[
    ("remotehost", http::CLIENT_IP, Dec::Ip),
    ("elapsed", http::DURATION_US, Dec::MillisUs),
    ("code", http::S_ACTION, Dec::Text),
    ("status", http::STATUS, Dec::Int),
    ("bytes", http::BYTES_IN, Dec::Int),
    ("method", http::METHOD, Dec::Text),
    ("rfc931", common::USER, Dec::User),
    ("peerstatus", http::HIERARCHY, Dec::Text),
    ("peerhost", http::DST_IP, Dec::Ip),
    ("type", http::MIME, Dec::Text),
    ("referer", http::REFERER, Dec::Text),
    ("user_agent", http::UA, Dec::Text),
    ("acl_tag", http::RULE, Dec::Text),
]);

impl Mapper for Squid {
    fn id(&self) -> &'static str {
        "squid"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("squid")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &http::TABLE, raw, cx);
        row.action("request");
        row.fields(&FIELDS);
        if let Some(client) = row.cells.current_ip(http::CLIENT_IP) {
            row.host_is_ip(&client);
        }
        let connect = row.cells.current_text(http::METHOD) == Some("CONNECT");
        url::write(&mut row, "url", connect);
        let denied = row.cells.current_text(http::S_ACTION).is_some_and(is_denied);
        let blocked = |rule: &str| rule.starts_with("BLOCK_");
        if denied || row.cells.current_text(http::RULE).is_some_and(blocked) {
            row.cells.text(http::VERDICT, "blocked");
            row.cells.text(common::OUTCOME, "blocked");
        }
        web_outcome(&mut row);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{address, extra, int, map, text};

    #[test]
    fn connect_is_cut_into_host_and_port_and_nothing_is_left() {
        let out = map(
            "squid",
            &[
                ("remotehost", "10.0.0.4"),
                ("elapsed", "207"),
                ("code", "TCP_TUNNEL"),
                ("status", "200"),
                ("bytes", "4047"),
                ("method", "CONNECT"),
                ("url", "a.example:443"),
                ("peerstatus", "HIER_DIRECT"),
                ("peerhost", "192.0.2.8"),
            ],
        );
        assert_eq!(
            (text(&out, http::URL_HOST).as_deref(), int(&out, http::URL_PORT)),
            (Some("a.example"), Some(443))
        );
        assert_eq!(
            (
                text(&out, http::SCHEME).as_deref(),
                address(&out, http::DST_IP).as_deref()
            ),
            (Some("https"), Some("192.0.2.8"))
        );
        assert_eq!(
            (int(&out, http::BYTES_IN), int(&out, http::BYTES_OUT), extra(&out)),
            (Some(4047), None, None)
        );
    }

    #[test]
    fn denied_requests_are_blocked_and_odd_urls_are_kept() {
        let out = map(
            "squid",
            &[
                ("code", "TCP_DENIED"),
                ("status", "403"),
                ("url", "error:invalid-request"),
            ],
        );
        assert_eq!(
            (text(&out, common::OUTCOME).as_deref(), text(&out, http::URL_HOST)),
            (Some("blocked"), None)
        );
        assert_eq!(extra(&out).as_deref(), Some(r#"{"url":"error:invalid-request"}"#));
    }
}
