//! DNS of Defender for Endpoint: DnsConnectionInspected (Zeek's names) and DnsQueryResponse.
//!
//! Verb: `query`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::json_fields;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::dns;

/// DNS questions.
pub struct MdeDns;

impl Mapper for MdeDns {
    fn id(&self) -> &'static str {
        "mde_dns"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::DNS)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &dns::TABLE, raw, cx);
        let more = Additional::of(&row);
        row.action("query");
        let (local, remote) = match more.get("direction") {
            Some("In") => ((dns::SERVER_IP, dns::SERVER_PORT), (dns::CLIENT_IP, dns::CLIENT_PORT)),
            _ => ((dns::CLIENT_IP, dns::CLIENT_PORT), (dns::SERVER_IP, dns::SERVER_PORT)),
        };
        row.field("LocalIP", local.0, Dec::Ip);
        row.field("LocalPort", local.1, Dec::Int);
        row.field("RemoteIP", remote.0, Dec::Ip);
        row.field("RemotePort", remote.1, Dec::Int);
        if let Some(p) = row.peek("Protocol") {
            row.cells.text(dns::PROTO, &p.to_ascii_lowercase());
        }
        if let Some(name) = more.get("query").or_else(|| more.get("DnsQueryString")) {
            row.cells.text(dns::QNAME, &name.trim_end_matches('.').to_lowercase());
        }
        more.text(&mut row, "qtype_name", dns::QTYPE);
        more.text(&mut row, "rcode_name", dns::RCODE);
        more.text(&mut row, "uid", dns::CONN_UID);
        more.int(&mut row, "trans_id", dns::TXID, i64::from(u16::MAX));
        answers(&mut row, &more);
        flags(&mut row, &more);
        actor(&mut row, dns::PID, dns::PROC_START, dns::IMAGE);
        row.finish();
    }
}

fn answers(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    if let Some(items) = more.get("answers").and_then(json_fields::list) {
        row.cells.list(dns::ANSWERS, items.iter().filter_map(|v| v.text()));
    } else if let Some(items) = more.get("DnsQueryResult").and_then(json_fields::list) {
        let objects: Vec<_> = items.iter().filter_map(|v| json_fields::object(v.text()?)).collect();
        row.cells.list(
            dns::ANSWERS,
            objects.iter().filter_map(|o| json_fields::member(o, "Result")),
        );
        if let Some(t) = objects.first().and_then(|o| json_fields::member(o, "DnsQueryType")) {
            row.cells.text(dns::QTYPE, t);
        }
    }
    let ttls = more.get("TTLs").and_then(json_fields::list).unwrap_or_default();
    let least = ttls
        .iter()
        .filter_map(|v| v.text()?.parse::<f64>().ok())
        .fold(f64::INFINITY, f64::min);
    if (0.0..4_294_967_296.0).contains(&least) {
        row.cells.int(dns::TTL_MIN, least as i64);
    }
}

fn flags(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    let set: Vec<&str> = ["AA", "TC", "RD", "RA"]
        .into_iter()
        .filter(|f| more.get(f) == Some("true"))
        .collect();
    if !set.is_empty() {
        row.cells.text(dns::FLAGS, &set.join(" "));
    }
}
