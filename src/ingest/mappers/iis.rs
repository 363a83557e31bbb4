//! IIS W3C logs → http, seen from the web server: host is the server, `client_ip` who asked.

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::web_outcome;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row, canonical_host};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, http};

/// Internet Information Services.
pub struct Iis;

static FIELDS: FieldMap = FieldMap::new(&[
    ("c-ip", http::CLIENT_IP, Dec::Ip),
    ("s-ip", http::DST_IP, Dec::Ip),
    ("s-port", http::DST_PORT, Dec::Int),
    ("cs-username", common::USER, Dec::User),
    ("cs-method", http::METHOD, Dec::Text),
    ("cs-host", http::URL_HOST, Dec::Lower),
    ("cs-uri-stem", http::URL_PATH, Dec::Text),
    ("cs-uri-query", http::URL_QUERY, Dec::Text),
    ("sc-status", http::STATUS, Dec::Int),
    ("sc-bytes", http::BYTES_IN, Dec::Int),
    ("cs-bytes", http::BYTES_OUT, Dec::Int),
    ("time-taken", http::DURATION_US, Dec::MillisUs),
    ("cs(Referer)", http::REFERER, Dec::Text),
]);

impl Mapper for Iis {
    fn id(&self) -> &'static str {
        "iis"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("w3c.iis")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &http::TABLE, raw, cx);
        row.action("request");
        row.fields(&FIELDS);
        // IIS writes every blank of the header as a plus, and no blank is left: turning blanks back re-creates it.
        if let Some(agent) = row.peek("cs(User-Agent)").filter(|a| !a.contains(' ')) {
            row.cells
                .escaped_text(http::UA, agent, |out| out.push_str(&agent.replace('+', " ")));
            row.take("cs(User-Agent)");
        }
        if let Some(name) = row.peek("s-computername") {
            row.cells.text(common::HOST, &canonical_host(name));
            row.cells.text(common::HOST_RAW, name);
        } else if let Some(server) = row.cells.current_ip(http::DST_IP).filter(|a| !ip::is_loopback(a)) {
            row.host_is_ip(&server);
        }
        web_outcome(&mut row);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{address, extra, map, text};

    #[test]
    fn the_server_is_the_host() {
        let out = map(
            "w3c.iis",
            &[
                ("s-computername", "EX01"),
                ("s-ip", "10.0.0.8"),
                ("c-ip", "203.0.113.5"),
                ("cs(User-Agent)", "curl+1"),
                ("sc-status", "500"),
                ("sc-win32-status", "0"),
            ],
        );
        assert_eq!(
            (text(&out, common::HOST).as_deref(), text(&out, http::UA).as_deref()),
            (Some("ex01"), Some("curl 1"))
        );
        assert_eq!(
            (
                address(&out, http::CLIENT_IP).as_deref(),
                text(&out, common::OUTCOME).as_deref()
            ),
            (Some("203.0.113.5"), Some("failure"))
        );
        assert_eq!(
            extra(&out).as_deref(),
            Some(r#"{"s-computername":"EX01","sc-win32-status":"0"}"#)
        );
        assert_eq!(text(&map("w3c.iis", &[("s-ip", "::1")]), common::HOST), None);
    }
}
