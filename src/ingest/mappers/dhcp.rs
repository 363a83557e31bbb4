//! Windows and ISC DHCP servers → lease. The host stays null: the row tells who had an address, not where it happened.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, lease};

/// DHCP servers' logs.
pub struct Dhcp;

static FIELDS: FieldMap = FieldMap::new(&[
    // Windows.
    ("IP Address", lease::IP, Dec::Ip),
    ("IPv6 Address", lease::IP, Dec::Ip),
    ("Host Name", lease::CLIENT_HOST, Dec::Text),
    ("MAC Address", lease::MAC, Dec::Mac),
    // ISC.
    ("ip", lease::IP, Dec::Ip),
    ("mac", lease::MAC, Dec::Mac),
    ("client_host", lease::CLIENT_HOST, Dec::Text),
    ("lease-duration", lease::LEASE_S, Dec::Int),
    ("server", lease::SERVER_IP, Dec::Ip),
]);

impl Mapper for Dhcp {
    fn id(&self) -> &'static str {
        "dhcp"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("dhcp.windows"), Claim::Log("dhcp.isc")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &lease::TABLE, raw, cx);
        let (action, outcome) = match raw.code {
            Some(code) => windows(code),
            None => isc(row.peek("message_type").unwrap_or("")),
        };
        row.action(action);
        if let Some(outcome) = outcome {
            row.cells.text(common::OUTCOME, outcome);
        }
        row.fields(&FIELDS);
        row.finish();
    }
}

/// Ids of the audit log, from its own preamble; above 11000 those of DHCPv6.
fn windows(code: i32) -> (&'static str, Option<&'static str>) {
    match code {
        10 | 20 | 21 | 11010 | 11024 => ("assign", Some("success")),
        11 | 11011 => ("renew", Some("success")),
        12 | 11012 => ("release", Some("success")),
        13 => ("conflict", Some("failure")),
        14 | 22 => ("exhausted", Some("failure")),
        15 => ("nak", Some("failure")),
        16 | 23 => ("delete", Some("success")),
        17 | 18 | 11017 | 11018 => ("expire", None),
        30 => ("dns_update", None),
        32 => ("dns_update", Some("success")),
        31 | 34 | 35 => ("dns_update", Some("failure")),
        33 | 36 => ("drop", Some("failure")),
        _ => ("other", None),
    }
}

fn isc(message: &str) -> (&'static str, Option<&'static str>) {
    match message {
        "DHCPACK" | "BOOTREPLY" => ("assign", Some("success")),
        "DHCPNAK" | "DHCPNACK" => ("nak", Some("failure")),
        "DHCPRELEASE" => ("release", Some("success")),
        "DHCPEXPIRE" => ("expire", None),
        "DHCPDECLINE" => ("decline", Some("failure")),
        "DHCPOFFER" => ("offer", None),
        "DHCPDISCOVER" => ("discover", None),
        "DHCPINFORM" => ("inform", None),
        _ => ("request", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::raw::Value;
    use crate::ingest::testing::{address, extra, int, map, map_raw, text};

    #[test]
    fn windows_rows_by_id() {
        let mut raw = Raw::log("dhcp.windows", 0);
        raw.code = Some(10);
        for (name, value) in [
            ("IP Address", "10.0.0.9"),
            ("Host Name", "pc1.corp.example"),
            ("MAC Address", "00155D010203"),
        ] {
            raw.push(name, Value::str(value));
        }
        let out = map_raw(&raw);
        assert_eq!(
            (text(&out, common::ACTION).as_deref(), text(&out, common::HOST)),
            (Some("assign"), None)
        );
        assert_eq!(
            (
                address(&out, lease::IP).as_deref(),
                text(&out, lease::CLIENT_HOST).as_deref()
            ),
            (Some("10.0.0.9"), Some("pc1.corp.example"))
        );
        assert_eq!(int(&out, common::EVENT_CODE), Some(10));
    }

    #[test]
    fn isc_messages_by_name() {
        let out = map(
            "dhcp.isc",
            &[
                ("message_type", "DHCPACK"),
                ("ip", "10.0.0.9"),
                ("mac", "00:15:5d:01:02:03"),
                ("lease-duration", "600"),
            ],
        );
        assert_eq!(
            (text(&out, common::ACTION).as_deref(), int(&out, lease::LEASE_S)),
            (Some("assign"), Some(600))
        );
        assert_eq!(extra(&out).as_deref(), Some(r#"{"message_type":"DHCPACK"}"#));
    }
}
