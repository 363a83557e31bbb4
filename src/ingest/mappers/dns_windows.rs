//! The DNS client's log and the DNS server's analytic log. Verbs: `query` (3006, 256), `answer` (3008, 3020, 257, 258
//! failed, 261 from another server), `ignore` (259), `recurse` (260 asks another server).
//!
//! Of the server's events the host is the server; who asked is `client_ip`.

use super::{Claim, Mapper};
use crate::ingest::decode::{Dec, parse_int};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_dns::{answers, qtype, query_name, rcode};
use crate::ingest::windows_fields::first;
use crate::schema::builder::TableSet;
use crate::schema::{common, dns as t};

/// Questions and answers of Windows resolvers and servers.
pub struct DnsWindows;

/// 256, 257, 258, 259: the other end is the client.
static OF_CLIENT: FieldMap = FieldMap::new(&[
    ("Source", t::CLIENT_IP, Dec::Ip),
    ("Destination", t::CLIENT_IP, Dec::Ip),
    ("Port", t::CLIENT_PORT, Dec::Int),
    ("InterfaceIP", t::SERVER_IP, Dec::Ip),
]);

/// 260, 261: this server is the client of another.
static OF_SERVER: FieldMap = FieldMap::new(&[
    ("Source", t::SERVER_IP, Dec::Ip),
    ("Destination", t::SERVER_IP, Dec::Ip),
    ("InterfaceIP", t::CLIENT_IP, Dec::Ip),
]);

static ANY: FieldMap = FieldMap::new(&[("XID", t::TXID, Dec::Int), ("Flags", t::FLAGS, Dec::Text)]);

impl Mapper for DnsWindows {
    fn id(&self) -> &'static str {
        "dns_windows"
    }

    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Windows(Source::DnsClient, &[3006, 3008, 3020]),
            Claim::Windows(Source::DnsServer, &[256, 257, 258, 259, 260, 261]),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&ANY);
        row.action(match raw.code {
            Some(256 | 3006) => "query",
            Some(259) => "ignore",
            Some(260) => "recurse",
            _ => "answer",
        });
        match raw.code {
            Some(260 | 261) => row.fields(&OF_SERVER),
            Some(256..=259) => row.fields(&OF_CLIENT),
            _ => {}
        }
        query_name(&mut row, "QueryName");
        query_name(&mut row, "QNAME");
        if let Some(kind) = first(&row, &["QueryType", "QTYPE"]).and_then(qtype) {
            row.cells.text(t::QTYPE, &kind);
        }
        // An unanswered question has no code yet, whatever its status field says.
        if !matches!(raw.code, Some(3006 | 256 | 259 | 260)) {
            response(&mut row);
        }
        if let Some(tcp) = row.peek("TCP").and_then(parse_int) {
            row.cells.text(t::PROTO, if tcp == 0 { "udp" } else { "tcp" });
        }
        row.finish();
    }
}

fn response(row: &mut Row<'_, '_>) {
    if let Some(code) = first(row, &["RCODE", "QueryStatus", "Status"]).and_then(rcode) {
        row.cells.text(t::RCODE, &code);
        row.cells
            .text(common::OUTCOME, if code == "NOERROR" { "success" } else { "failure" });
    }
    answers(row, "QueryResults");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn the_server_names_who_asked_for_what() {
        let f = [
            ("TCP", "0"),
            ("Source", "10.0.0.5"),
            ("InterfaceIP", "10.0.0.1"),
            ("QNAME", "A.Example."),
            ("QTYPE", "16"),
            ("XID", "7"),
            ("Port", "59559"),
        ];
        let s = run(&event(
            "Microsoft-Windows-DNSServer",
            "Microsoft-Windows-DNSServer/Analytical",
            256,
            &f,
        ));
        assert_eq!(
            (s.table, s.action(), s.text(t::QNAME), s.text(t::QTYPE)),
            ("dns", "query", "a.example", "TXT")
        );
        assert_eq!(
            (s.ip(t::CLIENT_IP).as_str(), s.ip(t::SERVER_IP).as_str()),
            ("10.0.0.5", "10.0.0.1")
        );
        assert_eq!(
            (s.int(t::CLIENT_PORT), s.int(t::TXID), s.text(t::PROTO)),
            (Some(59559), Some(7), "udp")
        );
        let s = run(&event(
            "Microsoft-Windows-DNSServer",
            "x",
            258,
            &[("RCODE", "3"), ("Destination", "10.0.0.5")],
        ));
        assert_eq!(
            (s.text(t::RCODE), s.ip(t::CLIENT_IP).as_str()),
            ("NXDOMAIN", "10.0.0.5")
        );
        let s = run(&event(
            "Microsoft-Windows-DNSServer",
            "x",
            260,
            &[("Destination", "192.0.2.1")],
        ));
        assert_eq!((s.action(), s.ip(t::SERVER_IP).as_str()), ("recurse", "192.0.2.1"));
    }

    #[test]
    fn the_client_names_what_came_back() {
        let f = [
            ("QueryName", "a.example"),
            ("QueryType", "1"),
            ("QueryStatus", "0"),
            ("QueryResults", "192.0.2.1;"),
        ];
        let s = run(&event("Microsoft-Windows-DNS-Client", "x/Operational", 3008, &f));
        assert_eq!(
            (s.action(), s.text(t::QTYPE), s.list(t::ANSWERS)),
            ("answer", "A", vec!["192.0.2.1"])
        );
    }
}
