//! AUTH-05: a logon made with a hash, or with credentials put into a new session.
//!
//! Sees: new-credential logons (type 9) through `seclogo`, and network logons with NTLM and an empty session key by an account that gets
//! administrative rights in the same session.
//! Why: a hash is as good as the password, and these are its traces on a single host.
//! Benign causes: `runas /netonly`, which is told apart where its start is logged.
//! Sources: Microsoft's description of event 4624; Sigma's rules on pass-the-hash; MITRE ATT&CK T1550.002.

use std::collections::HashSet;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::schema::{auth as t, common, process};

/// See the module.
pub struct Auth05;

const NEW_CREDENTIALS: i64 = 9;
const NETWORK: i64 = 3;
const NEAR_S: f64 = 10.0;
const BURST: f64 = 3.0;
const BURST_S: f64 = 600.0;

static META: Meta = Meta {
    id: "AUTH-05",
    title: "Pass-the-hash or ticket anomaly",
    sees: "A logon with new credentials through seclogo that no logged runas explains (high when explicit credentials are then used for three \
           targets), or a network logon with NTLM and no session key whose session gets administrative rights.",
    why: "Stolen hashes move an intruder without any password.",
    techniques: &["T1550.002"],
    stage: "lateral-movement",
    family: "authentication",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::OUTCOME,
                common::USER,
                common::LOGON_ID,
                t::LOGON_TYPE,
                t::LOGON_PROCESS,
                t::TARGET_USER,
                t::TARGET_LOGON_ID,
                t::AUTH_PKG,
                t::KEY_LEN,
                t::SRC_IP,
                t::SRC_HOST,
                t::TARGET_SERVER,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "near",
            value: NEAR_S,
            unit: "s",
            source: "[J] runas and its logon",
        },
        Threshold {
            name: "burst",
            value: BURST,
            unit: "targets",
            source: "[J] explicit credentials after the logon",
        },
        Threshold {
            name: "burst_window",
            value: BURST_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &["runas /netonly by administrators", "old systems that speak NTLM"],
};

impl Signal for Auth05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let auth = rows.table(&t::TABLE);
        let logons = |kind: i64| {
            auth.iter().filter(move |r| {
                r.str(common::ACTION) == "logon"
                    && r.int(t::LOGON_TYPE) == Some(kind)
                    && r.str(common::OUTCOME) != "failure"
            })
        };
        let privileged: HashSet<i64> = auth
            .iter()
            .filter(|r| r.str(common::ACTION) == "special")
            .filter_map(|r| r.int(common::LOGON_ID).or(r.int(t::TARGET_LOGON_ID)))
            .collect();
        let mut seen = HashSet::new();
        for row in logons(NEW_CREDENTIALS).filter(|r| r.str(t::LOGON_PROCESS).eq_ignore_ascii_case("seclogo")) {
            if !explained(cx, rows, row) && seen.insert(row.str(t::TARGET_USER).to_lowercase()) {
                hits.push(new_credentials(cx, rows, row));
            }
        }
        let mut seen = HashSet::new();
        for row in logons(NETWORK).filter(|r| is_keyless(*r)) {
            let admin = row.int(t::TARGET_LOGON_ID).is_some_and(|id| privileged.contains(&id));
            let from = row
                .ip(t::SRC_IP)
                .map_or_else(|| row.str(t::SRC_HOST).to_owned(), |a| ip::display(&a));
            let user = row.str(t::TARGET_USER).to_lowercase();
            if admin && seen.insert((user.clone(), from.clone())) {
                let explain =
                    format!("{user} logged on from {from} with NTLM, without a session key, and as administrator");
                let mut hit = Hit::at(&META, row, format!("ntlm|{user}"), explain);
                hit.users = vec![user.clone()];
                hit.iocs.push(Ioc::Account(user));
                hits.push(hit);
            }
        }
    }
}

fn is_keyless(row: Row<'_>) -> bool {
    let user = row.str(t::TARGET_USER);
    row.str(t::AUTH_PKG).eq_ignore_ascii_case("ntlm")
        && row.int(t::KEY_LEN) == Some(0)
        && !user.eq_ignore_ascii_case("anonymous logon")
        && !user.ends_with('$')
        && !user.is_empty()
        && row.ip(t::SRC_IP).is_none_or(|a| !ip::is_loopback(&a))
}

/// Whether `runas` was started just before.
fn explained(cx: &Cx<'_>, rows: &KeyRows<'_>, row: Row<'_>) -> bool {
    let near = (cx.number(&META, "near") * 1e6) as i64;
    starts(rows.table(&process::TABLE).between(row.ts() - near, row.ts() + near))
        .into_iter()
        .any(|p| starts::is_one_of(p, &["runas"]))
}

fn new_credentials(cx: &Cx<'_>, rows: &KeyRows<'_>, row: Row<'_>) -> Hit {
    let until = row.ts() + (cx.number(&META, "burst_window") * 1e6) as i64;
    let used: Vec<Row<'_>> = rows
        .table(&t::TABLE)
        .between(row.ts(), until)
        .iter()
        .filter(|r| r.str(common::ACTION) == "explicit")
        .collect();
    let targets: HashSet<_> = used
        .iter()
        .map(|r| (r.id(t::TARGET_SERVER), r.id(t::TARGET_USER)))
        .collect();
    let burst = used.len() as f64 >= cx.number(&META, "burst") && !targets.is_empty();
    let user = row.str(t::TARGET_USER);
    let then = if burst {
        format!(", then used other credentials {} times", used.len())
    } else {
        String::new()
    };
    let explain = format!("A session of {user} took on other network credentials (logon type 9 through seclogo){then}");
    let mut hit = Hit::at(&META, row, format!("seclogo|{}", user.to_lowercase()), explain).level(if burst {
        Level::High
    } else {
        Level::Medium
    });
    hit.users = vec![user.to_owned()];
    used.iter().take(19).for_each(|r| hit.add_row(*r));
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn seclogo(then: usize, runas: bool) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "logon");
            b.int(t::LOGON_TYPE, 9);
            b.text(t::LOGON_PROCESS, "seclogo");
            b.text(t::TARGET_USER, "ann");
        });
        for i in 0..then {
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:01:00Z", |b| {
                b.text(common::ACTION, "explicit");
                b.text(t::TARGET_SERVER, &format!("srv{i}"));
            });
        }
        if runas {
            sample.row(&process::TABLE, "ws01", "2026-03-02T08:59:58Z", |b| {
                b.text(process::IMAGE_NAME, "runas.exe")
            });
        }
        sample.hits(&Auth05)
    }

    fn ntlm(package: &str, key: i64, privileged: bool) -> usize {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "logon");
            b.int(t::LOGON_TYPE, 3);
            b.text(t::AUTH_PKG, package);
            b.int(t::KEY_LEN, key);
            b.text(t::TARGET_USER, "adm");
            b.int(t::TARGET_LOGON_ID, 5);
            b.ip(t::SRC_IP, &ip::parse("10.0.0.9").unwrap());
        });
        if privileged {
            sample.row(&t::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "special");
                b.int(common::LOGON_ID, 5);
            });
        }
        sample.hits(&Auth05).len()
    }

    #[test]
    fn new_credentials_count_unless_runas_explains_them() {
        assert_eq!(seclogo(5, false)[0].level, Level::High);
        assert_eq!(seclogo(0, false)[0].level, Level::Medium);
        assert!(seclogo(5, true).is_empty());
    }

    #[test]
    fn only_keyless_ntlm_of_administrators_counts() {
        assert_eq!(ntlm("NTLM", 0, true), 1);
        assert_eq!(ntlm("NTLM", 128, true), 0);
        assert_eq!(ntlm("NTLM", 0, false), 0);
        assert_eq!(ntlm("Kerberos", 0, true), 0);
    }
}
