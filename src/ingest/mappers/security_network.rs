//! The filtering platform: Security 5031, 5152 to 5159. Verbs: `connect` and `accept` (5156 by direction), `listen`
//! (5154), `bind` (5158), `deny` (5031, 5152, 5153, 5155, 5157, 5159).
//!
//! Source and destination stay as logged. In 5156 and 5157 the platform calls this host the source of an outgoing and
//! often the destination of an incoming connection; who opened it is told by `direction` alone. The image is a device
//! path (`\device\harddiskvolume3\…`) as logged.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row};
use crate::schema::builder::TableSet;
use crate::schema::{common, network as t};

/// Connections as the filtering platform sees them.
pub struct SecurityNetwork;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ProcessID", t::PID, Dec::Int),
    ("ProcessId", t::PID, Dec::Int),
    ("Application", t::IMAGE, Dec::Text),
    ("SourceAddress", t::SRC_IP, Dec::Ip),
    ("SourcePort", t::SRC_PORT, Dec::Int),
    ("DestAddress", t::DST_IP, Dec::Ip),
    ("DestPort", t::DST_PORT, Dec::Int),
    ("FilterRTID", t::RULE, Dec::Text),
]);

impl Mapper for SecurityNetwork {
    fn id(&self) -> &'static str {
        "security_network"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[5031, 5152, 5153, 5154, 5155, 5156, 5157, 5158, 5159],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let incoming = match row.peek("Direction") {
            Some("%%14592" | "Inbound") => Some(true),
            Some("%%14593" | "Outbound") => Some(false),
            _ => None,
        };
        if let Some(incoming) = incoming {
            row.cells.text(t::DIRECTION, if incoming { "in" } else { "out" });
        }
        row.action(match (raw.code, incoming) {
            (Some(5156), Some(true)) => "accept",
            (Some(5156), _) => "connect",
            (Some(5154), _) => "listen",
            (Some(5158), _) => "bind",
            _ => "deny",
        });
        let allowed = matches!(raw.code, Some(5154 | 5156 | 5158));
        row.cells
            .text(common::OUTCOME, if allowed { "success" } else { "blocked" });
        protocol(&mut row);
        finish_security(row, raw);
    }
}

/// Writes the protocol by name. The well-known numbers leave `extra`: their names re-create them.
fn protocol(row: &mut Row<'_, '_>) {
    let Some(number) = row.peek("Protocol") else {
        return;
    };
    let name = match number {
        "1" => "icmp",
        "2" => "igmp",
        "6" => "tcp",
        "17" => "udp",
        "47" => "gre",
        "58" => "icmp6",
        _ => {
            row.field("Protocol", t::PROTO, Dec::Lower);
            return;
        }
    };
    row.cells.text(t::PROTO, name);
    row.take("Protocol");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn direction_and_protocol_are_named_and_ends_stay_as_logged() {
        let s = security(
            5156,
            &[
                ("ProcessID", "1752"),
                ("Application", "\\device\\harddiskvolume2\\a.exe"),
                ("Direction", "%%14592"),
                ("SourceAddress", "10.0.0.1"),
                ("SourcePort", "445"),
                ("DestAddress", "10.0.0.2"),
                ("DestPort", "50000"),
                ("Protocol", "6"),
            ],
        );
        assert_eq!(
            (s.table, s.action(), s.text(t::DIRECTION), s.text(t::PROTO)),
            ("network", "accept", "in", "tcp")
        );
        assert_eq!((s.ip(t::SRC_IP).as_str(), s.int(t::SRC_PORT)), ("10.0.0.1", Some(445)));
        assert_eq!(
            (s.int(t::PID), s.text(t::IMAGE)),
            (Some(1752), "\\device\\harddiskvolume2\\a.exe")
        );
        assert_eq!(security(5156, &[("Direction", "%%14593")]).action(), "connect");
    }

    #[test]
    fn a_blocked_connection_is_blocked() {
        let s = security(5157, &[("Direction", "%%14593"), ("Protocol", "99")]);
        assert_eq!((s.action(), s.outcome(), s.text(t::PROTO)), ("deny", "blocked", "99"));
    }
}
