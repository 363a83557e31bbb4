//! LAT-09: remote desktop spoken by a program that is no client of it.
//!
//! Sees: an outgoing connection to port 3389 by a program that is neither Windows' client nor a known one.
//! Why: tools that run commands over remote desktop, tunnels and scanners connect so; people use the client.
//! Benign causes: clients of other vendors, connection managers, monitoring that tries the port.
//! Sources: Sigma (outbound RDP connections over non-standard tools: high); ATT&CK T1021.001.

use std::collections::BTreeMap;

use super::contacts::odd_process;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{base_name, contains, stem};
use crate::lake::frame::Row;
use crate::schema::{common, network as t};

/// See the module.
pub struct Lat09;

const REMOTE_DESKTOP: i64 = 3389;
/// Clients of remote desktop and programs that try the port. Sorted.
#[rustfmt::skip]
const CLIENTS: &[&str] = &[
    "avast*", "devolutions*", "dns", "msedge", "mobaxterm*", "mremoteng", "msrdc", "msrdcw", "mstsc", "mstsc2", "nmap",
    "rdcman", "rdp", "remotedesktopmanager*", "remotedesktopmanagerfree", "rtsapp", "royalts*", "sspkl", "system", "thor",
    "thor64", "wsl", "wslservice",
];

static META: Meta = Meta {
    id: "LAT-09",
    title: "Remote desktop by another program",
    sees: "An outgoing connection to port 3389 by a program that is no client of remote desktop.",
    why: "Tools that run commands over remote desktop connect so; people use the client.",
    techniques: &["T1021.001"],
    stage: "lateral-movement",
    family: "lateral movement",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            t::DIRECTION,
            t::DST_IP,
            t::DST_PORT,
            t::DST_HOST,
            t::PID,
            t::PROC_GUID,
            t::IMAGE,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "installed_quality",
        value: 0.6,
        unit: "quality of a program that administrators installed",
        source: "[J] connection managers of other vendors",
    }],
    benign: &[
        "clients of other vendors",
        "connection managers",
        "monitoring that tries the port",
    ],
};

impl Signal for Lat09 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut programs: BTreeMap<String, Vec<Row<'_>>> = BTreeMap::new();
        for row in rows.table(&t::TABLE).iter().filter(is_wanted) {
            programs.entry(row.str(t::IMAGE).to_lowercase()).or_default().push(row);
        }
        for (path, connections) in programs {
            let Some((first, last)) = connections.first().zip(connections.last()) else {
                continue;
            };
            let program = base_name(&path);
            let targets: std::collections::BTreeSet<String> = connections
                .iter()
                .filter_map(|r| r.ip(t::DST_IP))
                .map(|a| ip::display(&a))
                .collect();
            let some: Vec<&str> = targets.iter().take(5).map(String::as_str).collect();
            let explain = format!("{program} connected to remote desktop at {}", some.join(", "));
            let mut hit =
                Hit::at(&META, *first, program.to_owned(), explain).quality(if odd_process(&path).is_some() {
                    1.0
                } else {
                    cx.number(&META, "installed_quality")
                });
            hit.iocs = targets.iter().take(5).map(|a| Ioc::Ip(a.clone())).collect();
            connections.iter().skip(1).take(10).for_each(|r| hit.add_row(*r));
            (hit.last, hit.count) = (last.ts(), connections.len() as u64);
            hits.push(hit);
        }
    }
}

fn is_wanted(row: &Row<'_>) -> bool {
    let program = stem(base_name(row.str(t::IMAGE))).to_lowercase();
    row.int(t::DST_PORT) == Some(REMOTE_DESKTOP)
        && row.str(t::DIRECTION) != "in"
        && !matches!(row.str(common::ACTION), "accept" | "listen" | "bind")
        && row.ip(t::DST_IP).is_some_and(|a| !ip::is_loopback(&a))
        && !matches!(program.as_str(), "" | "-" | "<unknown process>" | "svchost")
        && !contains(CLIENTS, &program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(image: &str, port: i64) -> usize {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.ip(t::DST_IP, &ip::parse("10.0.0.5").unwrap());
            b.int(t::DST_PORT, port);
            b.text(t::IMAGE, image);
        });
        s.hits(&Lat09).len()
    }

    #[test]
    fn other_programs_fire_and_clients_do_not() {
        assert_eq!(hits(r"C:\Users\a\SharpRDP.exe", 3389), 1);
        assert_eq!(hits(r"C:\Windows\System32\mstsc.exe", 3389), 0);
        assert_eq!(hits(r"C:\Users\a\x.exe", 443), 0);
    }
}
