//! Zeek `dhcp` → lease. The verb is that of the last message that decides (ACK, NAK, RELEASE, DECLINE).

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::zeek;
use crate::schema::builder::TableSet;
use crate::schema::lease;

/// DHCP conversations.
pub struct ZeekDhcp;

static FIELDS: FieldMap = FieldMap::new(&[
    // Since Zeek 2.6.
    ("assigned_addr", lease::IP, Dec::Ip),
    ("server_addr", lease::SERVER_IP, Dec::Ip),
    // Before.
    ("assigned_ip", lease::IP, Dec::Ip),
    ("mac", lease::MAC, Dec::Mac),
    ("host_name", lease::CLIENT_HOST, Dec::Text),
]);

impl Mapper for ZeekDhcp {
    fn id(&self) -> &'static str {
        "zeek_dhcp"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.dhcp")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &lease::TABLE, raw, cx);
        row.action(verb(&row));
        row.fields(&FIELDS);
        // A client that only asks for options tells its address itself; both names are kept where both are there.
        for (name, col) in [("client_addr", lease::IP), ("id.resp_h", lease::SERVER_IP)] {
            if let Some(address) = row.peek(name).and_then(ip::parse).filter(|_| !row.cells.is_set(col)) {
                row.cells.ip(col, &address);
            }
        }
        if let Some(name) = row.peek("client_fqdn") {
            row.cells.text(lease::CLIENT_HOST, name);
        }
        let seconds = row.peek("lease_time").and_then(|t| t.parse::<f64>().ok());
        if let Some(seconds) = seconds.filter(|s| (0.0..=4_294_967_295.0).contains(s)) {
            row.cells.int(lease::LEASE_S, seconds as i64);
        }
        row.finish();
    }
}

fn verb(row: &Row<'_, '_>) -> &'static str {
    let Some(messages) = row.peek("msg_types") else {
        return "assign";
    };
    let decisive = |message| match message {
        "ACK" if row.peek("assigned_addr").is_some() => Some("assign"),
        "ACK" => Some("inform"),
        "NAK" => Some("nak"),
        "RELEASE" => Some("release"),
        "DECLINE" => Some("decline"),
        _ => None,
    };
    let last = zeek::items(messages).iter().filter_map(decisive).last();
    last.unwrap_or("request")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{int, map, text};
    use crate::schema::common;

    #[test]
    fn both_generations_of_the_log() {
        let new = map(
            "zeek.dhcp",
            &[
                ("client_addr", "10.0.2.15"),
                ("server_addr", "10.0.2.2"),
                ("mac", "08:00:27:7f:09:e1"),
                ("host_name", "John-PC"),
                ("assigned_addr", "10.0.2.15"),
                ("lease_time", "86400.0"),
                ("msg_types", r#"["REQUEST","ACK"]"#),
            ],
        );
        assert_eq!(
            (text(&new, common::ACTION).as_deref(), text(&new, common::HOST)),
            (Some("assign"), None)
        );
        assert_eq!(
            (int(&new, lease::LEASE_S), text(&new, lease::CLIENT_HOST).as_deref()),
            (Some(86_400), Some("John-PC"))
        );
        let old = map(
            "zeek.dhcp",
            &[
                ("id.orig_h", "10.0.2.15"),
                ("id.resp_h", "10.0.2.2"),
                ("mac", "08:00:27:7f:09:e1"),
                ("assigned_ip", "10.0.2.15"),
            ],
        );
        assert_eq!(text(&old, common::ACTION).as_deref(), Some("assign"));
        let asked = map(
            "zeek.dhcp",
            &[("client_addr", "10.0.2.15"), ("msg_types", "INFORM,ACK")],
        );
        assert_eq!(text(&asked, common::ACTION).as_deref(), Some("inform"));
    }
}
