//! Zeek `dns` → dns: one row holds question and answer.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::{dns_outcome, qname};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::zeek;
use crate::schema::builder::TableSet;
use crate::schema::dns;

/// Queries seen on the wire.
pub struct ZeekDns;

static FIELDS: FieldMap = FieldMap::new(&[
    ("uid", dns::CONN_UID, Dec::Text),
    ("id.orig_h", dns::CLIENT_IP, Dec::Ip),
    ("id_orig_h", dns::CLIENT_IP, Dec::Ip),
    ("id.orig_p", dns::CLIENT_PORT, Dec::Int),
    ("id_orig_p", dns::CLIENT_PORT, Dec::Int),
    ("id.resp_h", dns::SERVER_IP, Dec::Ip),
    ("id_resp_h", dns::SERVER_IP, Dec::Ip),
    ("id.resp_p", dns::SERVER_PORT, Dec::Int),
    ("id_resp_p", dns::SERVER_PORT, Dec::Int),
    ("proto", dns::PROTO, Dec::Lower),
    ("qtype_name", dns::QTYPE, Dec::Text),
    ("rcode_name", dns::RCODE, Dec::Text),
    ("trans_id", dns::TXID, Dec::Int),
]);

/// Flags in the order in which `flags` joins them; a flag that is not set is left out.
const FLAGS: [&str; 4] = ["AA", "TC", "RD", "RA"];

impl Mapper for ZeekDns {
    fn id(&self) -> &'static str {
        "zeek_dns"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.dns")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &dns::TABLE, raw, cx);
        row.action("query");
        row.fields(&FIELDS);
        if let Some(client) = row.cells.current_ip(dns::CLIENT_IP) {
            row.host_is_ip(&client);
        }
        qname(&mut row, "query");
        answers(&mut row);
        flags(&mut row);
        dns_outcome(&mut row);
        row.finish();
    }
}

fn answers(row: &mut Row<'_, '_>) {
    if let Some(text) = row.peek("answers") {
        let items = zeek::items(text);
        row.cells.list(dns::ANSWERS, items.iter().map(|i| &**i));
        if zeek::recreates(text, &items) {
            row.take("answers");
        }
    }
    let ttls = row.peek("TTLs").map(zeek::items).unwrap_or_default();
    let least = ttls
        .iter()
        .filter_map(|t| t.parse::<f64>().ok())
        .filter(|t| (0.0..=4_294_967_295.0).contains(t))
        .fold(f64::INFINITY, f64::min);
    if least.is_finite() {
        row.cells.int(dns::TTL_MIN, least as i64);
    }
}

/// Joins the four flags into one column, where the record has all four.
fn flags(row: &mut Row<'_, '_>) {
    let values = FLAGS.map(|f| row.peek(f));
    if !values.iter().all(|v| matches!(v, Some("T" | "F" | "true" | "false"))) {
        return;
    }
    let set: Vec<_> = FLAGS
        .iter()
        .zip(values)
        .filter(|(_, v)| matches!(v, Some("T" | "true")))
        .map(|(f, _)| *f)
        .collect();
    row.cells.text(dns::FLAGS, &set.join(","));
    for flag in FLAGS {
        row.take(flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{extra, int, list, map, text};
    use crate::schema::common;

    #[test]
    fn question_answers_and_flags() {
        let out = map(
            "zeek.dns",
            &[
                ("id.orig_h", "10.47.1.100"),
                ("query", "ISE.Example.ORG"),
                ("qtype_name", "A"),
                ("rcode_name", "NOERROR"),
                ("AA", "F"),
                ("TC", "F"),
                ("RD", "T"),
                ("RA", "T"),
                ("answers", "x.example,192.0.2.16"),
                ("TTLs", "2230.000000,36.000000"),
            ],
        );
        assert_eq!(text(&out, dns::QNAME).as_deref(), Some("ise.example.org"));
        assert_eq!(list(&out, dns::ANSWERS), ["x.example", "192.0.2.16"]);
        assert_eq!(int(&out, dns::TTL_MIN), Some(36));
        assert_eq!(text(&out, dns::FLAGS).as_deref(), Some("RD,RA"));
        assert_eq!(text(&out, common::OUTCOME).as_deref(), Some("success"));
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:10.47.1.100"));
        assert_eq!(
            extra(&out).as_deref(),
            Some(r#"{"query":"ISE.Example.ORG","TTLs":"2230.000000,36.000000"}"#)
        );
    }
}
