//! Sysmon 3: a connection. `connect` for one that this host opened, `accept` for one that came in.

use super::{Claim, Mapper};
use crate::base::ip::Ip;
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{hold, sysmon_fields};
use crate::schema::builder::TableSet;
use crate::schema::{Col, network as t};

/// Connections as Sysmon sees them.
pub struct SysmonNetwork;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("Protocol", t::PROTO, Dec::Lower),
    ("SourceIp", t::SRC_IP, Dec::Ip),
    ("SourceHostname", t::SRC_HOST, Dec::Text),
    ("SourcePort", t::SRC_PORT, Dec::Int),
    ("SourcePortName", t::SRC_PORT_NAME, Dec::Text),
    ("DestinationIp", t::DST_IP, Dec::Ip),
    ("DestinationHostname", t::DST_HOST, Dec::Text),
    ("DestinationPort", t::DST_PORT, Dec::Int),
    ("DestinationPortName", t::DST_PORT_NAME, Dec::Text),
);

impl Mapper for SysmonNetwork {
    fn id(&self) -> &'static str {
        "sysmon_network"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[3])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let incoming = row.peek("Initiated").is_some_and(|v| v.eq_ignore_ascii_case("false"));
        let (verb, direction, lexeme) = match incoming {
            true => ("accept", "in", "false"),
            false => ("connect", "out", "true"),
        };
        row.action(verb);
        row.cells.text(t::DIRECTION, direction);
        // These fields say again what direction and address family say.
        hold(&mut row, "Initiated", lexeme);
        hold_family(&mut row, t::SRC_IP, "SourceIsIpv6");
        hold_family(&mut row, t::DST_IP, "DestinationIsIpv6");
        row.finish();
    }
}

fn hold_family(row: &mut Row<'_, '_>, address: Col, name: &'static str) {
    if let Some(ip) = row.cells.current_ip(address) {
        hold(row, name, if is_v4(&ip) { "false" } else { "true" });
    }
}

fn is_v4(ip: &Ip) -> bool {
    ip.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;
    use crate::schema::common;

    #[test]
    fn direction_follows_initiated_and_redundant_flags_leave_extra() {
        let s = sysmon(
            3,
            &[
                ("Protocol", "tcp"),
                ("Initiated", "true"),
                ("SourceIsIpv6", "false"),
                ("SourceIp", "192.168.1.45"),
                ("SourcePort", "54321"),
                ("DestinationIsIpv6", "true"),
                ("DestinationIp", "2001:db8::7"),
                ("DestinationPort", "443"),
                ("DestinationPortName", "https"),
            ],
        );
        assert_eq!(
            (s.table, s.action(), s.text(t::DIRECTION)),
            ("network", "connect", "out")
        );
        assert_eq!(
            (s.ip(t::SRC_IP).as_str(), s.ip(t::DST_IP).as_str()),
            ("192.168.1.45", "2001:db8::7")
        );
        assert_eq!((s.int(t::DST_PORT), s.text(t::DST_PORT_NAME)), (Some(443), "https"));
        assert!(s.is_null(common::EXTRA));
    }

    #[test]
    fn an_incoming_connection_is_accepted() {
        let s = sysmon(3, &[("Initiated", "False"), ("Protocol", "udp")]);
        assert_eq!((s.action(), s.text(t::DIRECTION)), ("accept", "in"));
        assert_eq!(s.extra("Initiated").as_deref(), Some("False"));
    }
}
