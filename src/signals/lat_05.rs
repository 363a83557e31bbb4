//! LAT-05: movement by Remote Desktop.
//!
//! Sees: a desktop session whose source is the host itself (a tunnel), `tscon` by SYSTEM (another user's session taken over), connections
//! through loopback to port 3389, and a source, user and host that never met in a week of history.
//! Why: with a desktop the intruder does what a user can, and tunnels carry it through firewalls.
//! Benign causes: administrators on new servers; jump hosts.
//! Sources: Sigma's rules on RDP tunnels and tscon; MITRE ATT&CK T1021.001, T1572, T1563.002.

use std::collections::HashMap;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::Row;
use crate::schema::{auth as t, common, network, process};

/// See the module.
pub struct Lat05;

const BASELINE_DAYS: f64 = 7.0;
const REMOTE_INTERACTIVE: i64 = 10;

static META: Meta = Meta {
    id: "LAT-05",
    title: "RDP movement or hijack",
    sees: "A Remote Desktop logon from the host itself (high), a session taken over by tscon as SYSTEM (high), a program run from a disk of \
           the client (medium), or the first logon of a user from \
           an address after a week of history (low).",
    why: "Remote Desktop is how intruders work by hand on servers.",
    techniques: &["T1021.001", "T1563.002", "T1572"],
    stage: "lateral-movement",
    family: "lateral movement",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::OUTCOME,
                common::USER,
                t::LOGON_TYPE,
                t::TARGET_USER,
                t::SRC_IP,
                t::SRC_HOST,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &network::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                network::SRC_IP,
                network::DST_IP,
                network::DST_PORT,
                network::SRC_PORT,
                network::IMAGE,
            ],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "baseline",
        value: BASELINE_DAYS,
        unit: "days",
        source: "[J] without history nothing is new",
    }],
    benign: &["administrators on new servers", "jump hosts", "helpdesk"],
};

impl Signal for Lat05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut seen: HashMap<(String, String), ()> = HashMap::new();
        let mut tunnel: Option<usize> = None;
        for row in rows.table(&t::TABLE).iter().filter(|r| is_desktop(*r)) {
            let user = row.str(t::TARGET_USER).to_lowercase();
            let Some(source) = row.ip(t::SRC_IP) else {
                continue;
            };
            if ip::is_loopback(&source) {
                let explain = format!(
                    "{user} logged on by Remote Desktop from {}: a tunnel ends here",
                    ip::display(&source)
                );
                let hit = Hit::at(&META, row, format!("tunnel|{user}"), explain)
                    .level(Level::High)
                    .techniques(&["T1572", "T1021.001"]);
                push_or_join(hits, &mut tunnel, hit, row);
                continue;
            }
            let known = seen.insert((user.clone(), ip::display(&source)), ()).is_some();
            if !known && cx.facts.baseline_days(row.ts()) >= cx.number(&META, "baseline") as i64 {
                let explain = format!(
                    "{user} logged on by Remote Desktop from {} for the first time",
                    ip::display(&source)
                );
                let key = format!("{user}|{}", ip::display(&source));
                hits.push(Hit::at(&META, row, key, explain).techniques(&["T1021.001"]));
            }
        }
        for row in rows.table(&network::TABLE).iter().filter(|r| is_loopback_desktop(*r)) {
            let program = stem(base_name(row.str(network::IMAGE))).to_lowercase();
            let explain = format!(
                "{} connected to Remote Desktop through loopback: a tunnel",
                if program.is_empty() { "A program" } else { &program }
            );
            let hit = Hit::at(&META, row, format!("tunnel|{program}"), explain)
                .level(Level::High)
                .techniques(&["T1572", "T1021.001"]);
            push_or_join(hits, &mut tunnel, hit, row);
        }
        for row in starts(rows.table(&process::TABLE)) {
            hits.extend(of_tscon(row));
            hits.extend(of_client(row));
        }
    }
}

/// Logon, session and tunnel records of one host are one hit.
fn push_or_join(hits: &mut Vec<Hit>, tunnel: &mut Option<usize>, hit: Hit, row: Row<'_>) {
    match tunnel.and_then(|at| hits.get_mut(at)) {
        Some(earlier) => {
            if earlier.rows.len() < 20 {
                earlier.add_row(row);
            }
            (earlier.last, earlier.count) = (earlier.last.max(row.ts()), earlier.count + 1);
        }
        None => {
            *tunnel = Some(hits.len());
            hits.push(hit);
        }
    }
}

fn is_desktop(row: Row<'_>) -> bool {
    let remote =
        row.int(t::LOGON_TYPE) == Some(REMOTE_INTERACTIVE) || row.str(common::CHANNEL).contains("TerminalServices");
    remote
        && row.str(common::OUTCOME) != "failure"
        && !matches!(row.str(common::ACTION), "logoff" | "session_disconnect")
}

fn is_loopback_desktop(row: Row<'_>) -> bool {
    let here = |a: Option<crate::base::ip::Ip>| a.is_some_and(|a| ip::is_loopback(&a));
    row.int(network::DST_PORT) == Some(3389) && here(row.ip(network::SRC_IP)) && here(row.ip(network::DST_IP))
}

/// A program that lies on a disk which the Remote Desktop client lends to the session.
fn of_client(row: Row<'_>) -> Option<Hit> {
    let path = row
        .text(process::IMAGE)
        .filter(|p| p.to_lowercase().starts_with("\\\\tsclient\\"))?;
    let explain = format!(
        "A program ran from a disk of the Remote Desktop client: {}",
        quote(path)
    );
    let mut hit = Hit::at(
        &META,
        row,
        format!("tsclient|{}", base_name(path).to_lowercase()),
        explain,
    )
    .level(Level::Medium)
    .techniques(&["T1021.001"]);
    hit.iocs = starts::iocs(row);
    Some(hit)
}

/// As SYSTEM `tscon` asks for no password.
fn of_tscon(row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE).to_lowercase();
    let named = starts::is_one_of(row, &["tscon"]) || line.contains("tscon.exe") || line.contains("tscon ");
    let user = row.str(common::USER);
    let system =
        user.eq_ignore_ascii_case("system") || user.ends_with('$') || row.str(process::PARENT_NAME) == "services.exe";
    if !named || !line.contains("/dest:") || !system {
        return None;
    }
    let explain = format!(
        "SYSTEM took over a desktop session: {}",
        quote(row.str(process::CMDLINE))
    );
    Some(
        Hit::at(&META, row, "tscon", explain)
            .level(Level::High)
            .techniques(&["T1563.002"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn logon(sample: &mut Sample, time: &str, kind: i64, source: &str) {
        sample.row(&t::TABLE, "srv", time, |b| {
            b.text(common::ACTION, "logon");
            b.int(t::LOGON_TYPE, kind);
            b.text(t::TARGET_USER, "adm");
            if let Some(a) = ip::parse(source) {
                b.ip(t::SRC_IP, &a);
            }
        });
    }

    #[test]
    fn a_program_from_the_clients_disk_is_medium() {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
            b.text(process::IMAGE, r"\\tsclient\c\temp\a.exe");
            b.text(process::IMAGE_NAME, "a.exe");
        });
        assert_eq!(sample.hits(&Lat05)[0].level, Level::Medium);
    }

    #[test]
    fn a_desktop_from_the_host_itself_is_a_tunnel() {
        let mut sample = Sample::default();
        logon(&mut sample, "2026-03-02T09:00:00Z", 10, "127.0.0.1");
        logon(&mut sample, "2026-03-02T09:01:00Z", 10, "::1");
        let hits = sample.hits(&Lat05);
        assert_eq!((hits.len(), hits[0].level, hits[0].count), (1, Level::High, 2));
        assert_eq!(hits[0].techniques[0], "T1572");
    }

    #[test]
    fn only_a_new_pair_after_a_week_is_new() {
        let mut sample = Sample::default();
        logon(&mut sample, "2026-03-02T09:00:00Z", 10, "10.0.0.5");
        logon(&mut sample, "2026-03-20T09:00:00Z", 10, "10.0.0.5");
        logon(&mut sample, "2026-03-20T03:00:00Z", 10, "10.0.0.9");
        logon(&mut sample, "2026-03-20T03:00:00Z", 7, "");
        let hits = sample.hits(&Lat05);
        assert_eq!(
            hits.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(),
            ["adm|10.0.0.9"]
        );
    }

    #[test]
    fn tscon_counts_as_system_only() {
        let tscon = |user: &str| {
            let mut sample = Sample::default();
            sample.row(&process::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
                b.text(common::USER, user);
                b.text(process::IMAGE_NAME, "tscon.exe");
                b.text(process::CMDLINE, "tscon 2 /dest:console");
            });
            sample.hits(&Lat05).len()
        };
        assert_eq!((tscon("SYSTEM"), tscon("ann")), (1, 0));
    }
}
