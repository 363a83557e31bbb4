//! Connections of Defender for Endpoint: DeviceNetworkEvents, firewall blocks and inspected protocols.
//!
//! Verbs: `connect`, `accept`, `listen`, `deny`, `flow`. Local and remote become source and destination: the remote side
//! is the source of inbound connections. The sensor drops repeats, so counts are lower bounds.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, network};

/// DeviceNetworkEvents and the like.
pub struct MdeNetwork;

impl Mapper for MdeNetwork {
    fn id(&self) -> &'static str {
        "mde_network"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::NETWORK)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &network::TABLE, raw, cx);
        let more = Additional::of(&row);
        let action = row.peek("ActionType").unwrap_or("");
        let (verb, outcome) = verb(action);
        row.action(verb);
        if let Some(o) = outcome {
            row.cells.text(common::OUTCOME, o);
        }
        let inbound = action.contains("Inbound") || more.get("direction") == Some("In");
        ends(&mut row, verb, inbound);
        protocol(&mut row);
        if action.ends_with("Inspected") {
            inspected(&mut row, &more, action);
        }
        actor(&mut row, network::PID, network::PROC_START, network::IMAGE);
        row.finish();
    }
}

fn verb(action: &str) -> (&'static str, Option<&'static str>) {
    if action.ends_with("Inspected") {
        ("flow", None)
    } else if action.contains("Blocked") {
        ("deny", Some("blocked"))
    } else if action.starts_with("Listening") {
        ("listen", None)
    } else if action.starts_with("InboundConnection") {
        let attempt = action.contains("Attempt");
        ("accept", (!attempt).then_some("success"))
    } else if action.starts_with("ConnectionSuccess") {
        ("connect", Some("success"))
    } else if action.starts_with("ConnectionFailed") {
        ("connect", Some("failure"))
    } else {
        ("connect", None)
    }
}

/// Addresses, ports and the remote name; the remote side is the source if `inbound`.
fn ends(row: &mut Row<'_, '_>, verb: &str, inbound: bool) {
    use network::{DST_HOST, DST_IP, DST_PORT, SRC_HOST, SRC_IP, SRC_PORT};
    let (local, remote) = if inbound {
        ((DST_IP, DST_PORT), (SRC_IP, SRC_PORT, SRC_HOST))
    } else {
        ((SRC_IP, SRC_PORT), (DST_IP, DST_PORT, DST_HOST))
    };
    if verb != "listen" {
        row.cells.text(network::DIRECTION, if inbound { "in" } else { "out" });
    }
    row.field("LocalIP", local.0, Dec::Ip);
    row.field("LocalPort", local.1, Dec::Int);
    row.field("RemoteIP", remote.0, Dec::Ip);
    row.field("RemotePort", remote.1, Dec::Int);
    match row.peek("RemoteUrl") {
        Some(url) if host_of(url) == url => {
            row.field("RemoteUrl", remote.2, Dec::Text);
        }
        // A whole URL: its host is the name, the URL stays in `extra`.
        Some(url) => row.cells.text(remote.2, host_of(url)),
        None => {
            row.field("RemoteDeviceName", remote.2, Dec::Text);
        }
    }
}

fn protocol(row: &mut Row<'_, '_>) {
    if let Some(p) = row.peek("Protocol") {
        let lower = p.to_ascii_lowercase();
        let proto = lower.trim_end_matches("v4").trim_end_matches("v6");
        row.cells.text(network::PROTO, proto);
    }
}

/// The sensor's protocol analysis writes Zeek's names into `AdditionalFields`.
fn inspected(row: &mut Row<'_, '_>, more: &Additional<'_>, action: &str) {
    for (name, col) in [
        ("server_name", network::TLS_SNI),
        ("subject", network::CERT_SUBJECT),
        ("issuer", network::CERT_ISSUER),
        ("ja3", network::TLS_JA3),
        ("ja3s", network::TLS_JA3S),
        ("conn_state", network::CONN_STATE),
        ("uid", network::CONN_UID),
        ("SignatureName", network::RULE),
    ] {
        more.text(row, name, col);
    }
    for (name, col) in [
        ("orig_bytes", network::BYTES_OUT),
        ("resp_bytes", network::BYTES_IN),
        ("orig_pkts", network::PKTS_OUT),
        ("resp_pkts", network::PKTS_IN),
    ] {
        more.int(row, name, col, i64::MAX);
    }
    let seconds = more.get("duration").and_then(|t| t.parse::<f64>().ok());
    if let Some(s) = seconds.filter(|s| (0.0..1e9).contains(s)) {
        row.cells.int(network::DURATION_US, (s * 1e6) as i64);
    }
    if let Some(app) = action.strip_suffix("ConnectionInspected") {
        row.cells.text(network::APP, &app.to_ascii_lowercase());
        if app == "Ssl" {
            more.text(row, "version", network::TLS_VERSION);
            more.text(row, "server_name", network::DST_HOST);
        }
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    rest.split(['/', '?']).next().unwrap_or(rest)
}
