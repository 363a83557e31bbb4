//! Zeek `http` → http. Bodies only: Zeek does not count headers.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::web_outcome;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::{url, zeek};
use crate::schema::builder::TableSet;
use crate::schema::{common, http};

/// Requests seen on the wire.
pub struct ZeekHttp;

static FIELDS: FieldMap = FieldMap::new(&[
    ("uid", http::CONN_UID, Dec::Text),
    ("id.orig_h", http::CLIENT_IP, Dec::Ip),
    ("id_orig_h", http::CLIENT_IP, Dec::Ip),
    ("id.orig_p", http::CLIENT_PORT, Dec::Int),
    ("id_orig_p", http::CLIENT_PORT, Dec::Int),
    ("id.resp_h", http::DST_IP, Dec::Ip),
    ("id_resp_h", http::DST_IP, Dec::Ip),
    ("id.resp_p", http::DST_PORT, Dec::Int),
    ("id_resp_p", http::DST_PORT, Dec::Int),
    ("method", http::METHOD, Dec::Text),
    ("referrer", http::REFERER, Dec::Text),
    ("user_agent", http::UA, Dec::Text),
    ("status_code", http::STATUS, Dec::Int),
    ("request_body_len", http::BYTES_OUT, Dec::Int),
    ("response_body_len", http::BYTES_IN, Dec::Int),
    ("username", common::USER, Dec::User),
]);

impl Mapper for ZeekHttp {
    fn id(&self) -> &'static str {
        "zeek_http"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.http")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &http::TABLE, raw, cx);
        row.action("request");
        row.fields(&FIELDS);
        if let Some(client) = row.cells.current_ip(http::CLIENT_IP) {
            row.host_is_ip(&client);
        }
        uri(&mut row);
        if let Some(text) = row.peek("resp_mime_types") {
            let items = zeek::items(text);
            if let Some(first) = items.iter().next() {
                row.cells.text(http::MIME, first);
                if items.only().is_some() && items.recreate() {
                    row.take("resp_mime_types");
                }
            }
        }
        web_outcome(&mut row);
        row.finish();
    }
}

/// `uri` is a path, to a proxy a whole URL, or the `host:port` of CONNECT; `host` may carry a port.
fn uri(row: &mut Row<'_, '_>) {
    let connect = row.peek("method") == Some("CONNECT");
    match row.peek("uri") {
        Some(path) if path.starts_with('/') => {
            row.take("uri");
            url::write_path(row, path);
        }
        Some(_) => url::write(row, "uri", connect),
        None => {}
    }
    if let Some((name, port)) = row
        .peek("host")
        .and_then(|h| h.rsplit_once(':'))
        .filter(|(n, _)| !n.contains(':'))
        && let Ok(port) = port.parse::<u16>()
    {
        row.cells.text(http::URL_HOST, &name.to_lowercase());
        row.cells.int(http::URL_PORT, i64::from(port));
    }
    row.field("host", http::URL_HOST, Dec::Lower);
    row.cells.text(http::SCHEME, "http");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{extra, int, map, text};

    #[test]
    fn host_and_uri_become_the_url() {
        let out = map(
            "zeek.http",
            &[
                ("id.orig_h", "10.0.0.5"),
                ("method", "GET"),
                ("host", "a.example"),
                ("uri", "/p?q=1?2"),
                ("status_code", "301"),
                ("resp_mime_types", "text/html"),
            ],
        );
        assert_eq!(text(&out, http::URL_HOST).as_deref(), Some("a.example"));
        assert_eq!(
            (
                text(&out, http::URL_PATH).as_deref(),
                text(&out, http::URL_QUERY).as_deref()
            ),
            (Some("/p"), Some("q=1?2"))
        );
        assert_eq!((text(&out, http::SCHEME).as_deref(), extra(&out)), (Some("http"), None));
    }

    #[test]
    fn connect_and_hosts_with_ports() {
        let out = map(
            "zeek.http",
            &[
                ("method", "CONNECT"),
                ("uri", "b.example:443"),
                ("host", "b.example:443"),
            ],
        );
        assert_eq!(text(&out, http::URL_HOST).as_deref(), Some("b.example"));
        assert_eq!(
            (int(&out, http::URL_PORT), text(&out, http::SCHEME).as_deref()),
            (Some(443), Some("https"))
        );
        let out = map(
            "zeek.http",
            &[("method", "GET"), ("uri", "/"), ("host", "C.example:8080")],
        );
        assert_eq!(
            (text(&out, http::URL_HOST).as_deref(), int(&out, http::URL_PORT)),
            (Some("c.example"), Some(8080))
        );
        assert_eq!(extra(&out).as_deref(), Some(r#"{"host":"C.example:8080"}"#));
    }
}
