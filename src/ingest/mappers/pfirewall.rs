//! Windows firewall log → network. The log does not name its host: it is the side that `path` (SEND, RECEIVE) tells, or
//! without it the source of what was opened.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, network};

/// pfirewall.log.
pub struct Pfirewall;

static FIELDS: FieldMap = FieldMap::new(&[
    ("protocol", network::PROTO, Dec::Lower),
    ("src-ip", network::SRC_IP, Dec::Ip),
    ("dst-ip", network::DST_IP, Dec::Ip),
    ("src-port", network::SRC_PORT, Dec::Int),
    ("dst-port", network::DST_PORT, Dec::Int),
    ("pid", network::PID, Dec::Int),
]);

impl Mapper for Pfirewall {
    fn id(&self) -> &'static str {
        "pfirewall"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("w3c.firewall")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &network::TABLE, raw, cx);
        let done = row.peek("action").unwrap_or("");
        let path = row.peek("path").unwrap_or("");
        let direction = match (path, done) {
            ("SEND", _) => Some("out"),
            ("RECEIVE", _) => Some("in"),
            (_, "OPEN-INBOUND") => Some("in"),
            (_, "OPEN") => Some("out"),
            _ => None,
        };
        let (action, outcome) = match (done, direction) {
            ("DROP", _) => ("deny", Some("blocked")),
            ("OPEN-INBOUND", _) | ("ALLOW", Some("in")) => ("accept", Some("success")),
            ("OPEN" | "ALLOW", _) => ("connect", Some("success")),
            ("CLOSE", _) => ("close", None),
            _ => ("lost", None),
        };
        row.action(action);
        if let Some(outcome) = outcome {
            row.cells.text(common::OUTCOME, outcome);
        }
        if let Some(direction) = direction {
            row.cells.text(network::DIRECTION, direction);
        }
        row.fields(&FIELDS);
        let inside = if direction == Some("in") {
            network::DST_IP
        } else {
            network::SRC_IP
        };
        if let Some(address) = row.cells.current_ip(inside).filter(is_unicast) {
            row.host_is_ip(&address);
        }
        row.finish();
    }
}

/// Broadcasts, multicasts and the unspecified address name no host.
fn is_unicast(address: &crate::base::ip::Ip) -> bool {
    let v6 = std::net::Ipv6Addr::from(*address);
    match v6.to_ipv4_mapped() {
        Some(v4) => {
            !v4.is_multicast() && !v4.is_broadcast() && !v4.is_unspecified() && v4.octets().last() != Some(&255)
        }
        None => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{map, text};

    #[test]
    fn broadcasts_name_no_host() {
        let fields = |dst| {
            [
                ("action", "DROP"),
                ("src-ip", "10.0.0.7"),
                ("dst-ip", dst),
                ("path", "RECEIVE"),
            ]
        };
        assert_eq!(
            text(&map("w3c.firewall", &fields("255.255.255.255")), common::HOST),
            None
        );
        let out = map("w3c.firewall", &fields("10.0.0.9"));
        assert_eq!(
            (
                text(&out, common::HOST).as_deref(),
                text(&out, common::OUTCOME).as_deref()
            ),
            (Some("ip:10.0.0.9"), Some("blocked"))
        );
    }
}
