//! W3C logs of web proxies → http. `sc-bytes` flow to the client (in), `cs-bytes` to the server (out).
//!
//! Host is the client's address, observer the proxy.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::{is_denied, web_outcome};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::url;
use crate::schema::builder::TableSet;
use crate::schema::{common, http};

/// ProxySG, Edge SWG and other W3C proxies.
pub struct ProxyW3c;

static FIELDS: FieldMap = FieldMap::new(&[
    ("c-ip", http::CLIENT_IP, Dec::Ip),
    ("c-port", http::CLIENT_PORT, Dec::Int),
    ("cs-username", common::USER, Dec::User),
    ("cs-userdn", common::USER, Dec::User),
    ("sc-status", http::STATUS, Dec::Int),
    ("s-action", http::S_ACTION, Dec::Text),
    ("sc-bytes", http::BYTES_IN, Dec::Int),
    ("cs-bytes", http::BYTES_OUT, Dec::Int),
    ("cs-method", http::METHOD, Dec::Text),
    ("cs-uri-scheme", http::SCHEME, Dec::Lower),
    ("cs-host", http::URL_HOST, Dec::Lower),
    ("cs-uri-port", http::URL_PORT, Dec::Int),
    ("cs-uri-path", http::URL_PATH, Dec::Text),
    ("cs(Referer)", http::REFERER, Dec::Text),
    ("cs(referer)", http::REFERER, Dec::Text),
    ("cs(User-Agent)", http::UA, Dec::Text),
    ("cs(user-agent)", http::UA, Dec::Text),
    ("rs(Content-Type)", http::MIME, Dec::Text),
    ("s-hierarchy", http::HIERARCHY, Dec::Text),
    ("r-ip", http::DST_IP, Dec::Ip),
    ("s-supplier-ip", http::DST_IP, Dec::Ip),
    ("s-supplier-name", http::DST_IP, Dec::Ip),
    ("r-port", http::DST_PORT, Dec::Int),
    ("x-virus-id", http::THREAT, Dec::Text),
    ("cs-categories", http::CATEGORY, Dec::Text),
    ("cs-category", http::CATEGORY, Dec::Text),
    ("sc-filter-category", http::CATEGORY, Dec::Text),
    ("x-bluecoat-application-name", http::APP, Dec::Text),
    ("x-rs-application-name", http::APP, Dec::Text),
    ("time-taken", http::DURATION_US, Dec::MillisUs),
    ("x-bluecoat-appliance-name", common::OBSERVER, Dec::Text),
    ("s-computername", common::OBSERVER, Dec::Text),
    ("s-dns", common::OBSERVER, Dec::Text),
    ("s-ip", common::OBSERVER, Dec::Text),
]);

impl Mapper for ProxyW3c {
    fn id(&self) -> &'static str {
        "proxy_w3c"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("w3c.proxy")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &http::TABLE, raw, cx);
        row.action("request");
        row.fields(&FIELDS);
        if let Some(client) = row.cells.current_ip(http::CLIENT_IP) {
            row.host_is_ip(&client);
        }
        // The query is written with its question mark.
        if let Some(query) = row.peek("cs-uri-query") {
            match query.strip_prefix('?') {
                Some(query) => {
                    row.take("cs-uri-query");
                    row.cells.text(http::URL_QUERY, query);
                }
                None => row.cells.text(http::URL_QUERY, query),
            }
        }
        let connect = row.cells.current_text(http::METHOD) == Some("CONNECT");
        for whole in ["cs-uri", "cs-url", "c-uri", "c-url"] {
            if !row.cells.is_set(http::URL_HOST) {
                url::write(&mut row, whole, connect);
            }
        }
        verdict(&mut row);
        web_outcome(&mut row);
        row.finish();
    }
}

fn verdict(row: &mut Row<'_, '_>) {
    let denied = row.cells.current_text(http::S_ACTION).is_some_and(is_denied);
    let verdict = match row.peek("sc-filter-result") {
        Some("DENIED") => "blocked",
        _ if denied => "blocked",
        Some("OBSERVED" | "PROXIED") => "allowed",
        _ => return,
    };
    row.cells.text(http::VERDICT, verdict);
    if verdict == "blocked" {
        row.cells.text(common::OUTCOME, "blocked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{int, map, text};

    #[test]
    fn bytes_are_seen_from_the_client() {
        let out = map(
            "w3c.proxy",
            &[
                ("c-ip", "10.0.0.4"),
                ("cs-method", "GET"),
                ("cs-host", "A.example"),
                ("cs-uri-query", "?x=1"),
                ("sc-bytes", "900"),
                ("cs-bytes", "100"),
                ("sc-filter-result", "OBSERVED"),
                ("sc-status", "200"),
                ("time-taken", "51"),
                ("s-ip", "10.9.9.9"),
            ],
        );
        assert_eq!(
            (
                int(&out, http::BYTES_IN),
                int(&out, http::BYTES_OUT),
                int(&out, http::DURATION_US)
            ),
            (Some(900), Some(100), Some(51_000))
        );
        assert_eq!(
            (
                text(&out, http::URL_QUERY).as_deref(),
                text(&out, http::VERDICT).as_deref()
            ),
            (Some("x=1"), Some("allowed"))
        );
        assert_eq!(
            (
                text(&out, common::OBSERVER).as_deref(),
                text(&out, common::HOST).as_deref()
            ),
            (Some("10.9.9.9"), Some("ip:10.0.0.4"))
        );
    }

    #[test]
    fn what_the_filter_denied_is_blocked() {
        let out = map(
            "w3c.proxy",
            &[
                ("s-action", "TCP_DENIED"),
                ("sc-status", "403"),
                ("cs-uri", "http://b.example/x"),
            ],
        );
        assert_eq!(
            (
                text(&out, common::OUTCOME).as_deref(),
                text(&out, http::URL_HOST).as_deref()
            ),
            (Some("blocked"), Some("b.example"))
        );
    }
}
