//! CRED-02: somebody who is no domain controller replicates the directory's secrets.
//!
//! Sees: Security 4662 with the control access right and a replication right by an account that is not a known domain controller.
//! Why: DCSync gives the hashes of every account, krbtgt included, without touching the controller's disk or memory.
//! Benign causes: domain controllers themselves and Microsoft's directory synchronisation, both left out.
//! Sources: Microsoft's schema of extended rights; Sigma win_security_dcsync; MITRE ATT&CK T1003.006.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Prevalence, RowRef, Signal};
use crate::base::ip;
use crate::lake::frame::{Row, StrId};
use crate::schema::{account as t, auth, common};

/// See the module.
pub struct Cred02;

/// ADS_RIGHT_DS_CONTROL_ACCESS.
const CONTROL_ACCESS: i64 = 0x100;
/// Get-Changes, Get-Changes-All, Get-Changes-In-Filtered-Set.
const REPLICATION: &[&str] = &[
    "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2",
    "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2",
    "89e95b76-444d-4c62-991a-0facbeda640c",
];
/// DS-Replication-Synchronize: also used by tools that only start a replication.
const SYNCHRONIZE: &str = "9923a32a-3607-11d2-b9be-0000f87a36b2";
const HABIT_DAYS: f64 = 3.0;
const JOIN_S: f64 = 600.0;
const DAY_US: i64 = 86_400_000_000;

static META: Meta = Meta {
    id: "CRED-02",
    title: "DCSync",
    sees: "An account that is not a known domain controller uses the right to replicate directory secrets. Known are the machine accounts of \
           hosts that log as domain controllers and machine accounts that replicate on three days or more.",
    why: "Replication hands over all password hashes of the domain.",
    techniques: &["T1003.006"],
    stage: "credential-access",
    family: "credentials",
    key: Key::Fleet,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::USER_DOMAIN,
                common::LOGON_ID,
                t::ATTR,
                t::ACCESS_MASK,
                t::OBJECT,
            ],
        },
        Reads {
            table: &auth::TABLE,
            columns: &[common::ACTION, auth::TARGET_LOGON_ID, auth::SRC_IP],
        },
    ],
    level: Level::Critical,
    decisive: true,
    thresholds: &[
        Threshold {
            name: "habit",
            value: HABIT_DAYS,
            unit: "days",
            source: "[J] a domain controller replicates every day",
        },
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[M] one DCSync writes three to four records",
        },
    ],
    benign: &[
        "domain controllers whose logs are not collected, on their first days",
        "Microsoft Entra Connect (MSOL_…)",
    ],
};

impl Signal for Cred02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// Replications, the logons of their sessions, and one ticket for each host that issues some.
    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let mut out: Vec<Row<'_>> = rows.table(&t::TABLE).iter().filter(|r| right(*r).is_some()).collect();
        let session = |r: &Row<'_>| Some((r.id(common::HOST), r.int(common::LOGON_ID)?));
        let sessions: BTreeSet<(StrId, i64)> = out.iter().filter_map(session).collect();
        let mut hosts = BTreeSet::new();
        out.extend(rows.table(&auth::TABLE).iter().filter(|r| {
            let host = r.id(common::HOST);
            let logon = r
                .int(auth::TARGET_LOGON_ID)
                .is_some_and(|s| sessions.contains(&(host, s)));
            logon || is_ticket(r) && hosts.insert(host)
        }));
        out.into_iter().map(RowRef::from).collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let used: Vec<Row<'_>> = rows.table(&t::TABLE).iter().filter(|r| right(*r).is_some()).collect();
        if used.is_empty() {
            return;
        }
        let controllers = controllers(rows, &used);
        let mut mine: Vec<(Hit, String)> = Vec::new();
        for row in used {
            let user = row.str(common::USER).to_lowercase();
            if user.is_empty() || controllers.contains(&user) || user.starts_with("msol_") || user.starts_with("aad_") {
                continue;
            }
            let full = right(row) == Some(true);
            let same = mine.iter_mut().rev().find(|(h, u)| {
                *u == user
                    && h.host == row.id(common::HOST)
                    && (row.ts() - h.last).abs() <= (cx.number(&META, "join") * 1e6) as i64
            });
            match same {
                Some((h, _)) => {
                    if h.rows.len() < 20 {
                        h.add_row(row);
                    }
                    if full {
                        (h.level, h.decisive) = (Level::Critical, true);
                    }
                    (h.last, h.count) = (h.last.max(row.ts()), h.count + 1);
                }
                None => mine.push((hit(rows, row, full), user)),
            }
        }
        hits.extend(mine.into_iter().map(|(h, _)| h));
    }
}

/// Whether a row uses a replication right: `true` for one that gives secrets, `false` for synchronising only.
fn right(row: Row<'_>) -> Option<bool> {
    if row.str(common::ACTION) != "object_access" || row.int(t::ACCESS_MASK) != Some(CONTROL_ACCESS) {
        return None;
    }
    let properties = row.str(t::ATTR).to_lowercase();
    if REPLICATION.iter().any(|guid| properties.contains(guid)) {
        return Some(true);
    }
    properties.contains(SYNCHRONIZE).then_some(false)
}

fn is_ticket(row: &Row<'_>) -> bool {
    matches!(row.str(common::ACTION), "krb_tgt" | "krb_tgs")
}

/// Machine accounts of domain controllers, lower case with their `$`.
fn controllers(rows: &KeyRows<'_>, used: &[Row<'_>]) -> BTreeSet<String> {
    let tickets = rows.table(&auth::TABLE);
    let mut out: BTreeSet<String> = tickets
        .iter()
        .filter(is_ticket)
        .chain(used.iter().copied())
        .map(|r| format!("{}$", r.host()))
        .collect();
    let mut days: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for row in used.iter().filter(|r| r.str(common::USER).ends_with('$')) {
        days.entry(row.str(common::USER).to_lowercase())
            .or_default()
            .insert(row.ts().div_euclid(DAY_US));
    }
    out.extend(
        days.into_iter()
            .filter(|(_, d)| d.len() as f64 >= HABIT_DAYS)
            .map(|(user, _)| user),
    );
    out
}

fn hit(rows: &KeyRows<'_>, row: Row<'_>, full: bool) -> Hit {
    let user = row.str(common::USER);
    let session = row.int(common::LOGON_ID);
    let logon = rows.table(&auth::TABLE).iter().find(|r| {
        session.is_some()
            && r.id(common::HOST) == row.id(common::HOST)
            && r.str(common::ACTION) == "logon"
            && r.int(auth::TARGET_LOGON_ID) == session
    });
    let from = logon
        .and_then(|l| l.ip(auth::SRC_IP))
        .map_or_else(String::new, |a| format!(" from {}", ip::display(&a)));
    let what = if full {
        "replicated directory secrets"
    } else {
        "started a replication of the directory"
    };
    let explain = format!(
        "{user}{from} {what} on {} though it is not a known domain controller",
        row.host()
    );
    let level = if full { Level::Critical } else { Level::Medium };
    let mut hit = Hit::at(&META, row, user.to_lowercase(), explain)
        .level(level)
        .decisive(full)
        .prevalence(Prevalence::Neutral);
    hit.iocs.push(Ioc::Account(user.to_owned()));
    if let Some(l) = logon {
        hit.add_row(l);
    }
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn replicate(user: &str, mask: i64, guid: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        for second in 0..3 {
            sample.row(&t::TABLE, "dc01", &format!("2026-03-02T09:00:0{second}Z"), |b| {
                b.text(common::ACTION, "object_access");
                b.text(common::USER, user);
                b.int(t::ACCESS_MASK, mask);
                b.text(t::ATTR, &format!("%%7688 {{{guid}}}"));
            });
        }
        sample.row(&auth::TABLE, "dc02", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "krb_tgt")
        });
        sample.hits(&Cred02)
    }

    #[test]
    fn users_and_foreign_machines_that_replicate_are_critical() {
        for user in ["pgustavo", "WS01$", "svc_new"] {
            let hits = replicate(user, 0x100, REPLICATION[1]);
            assert_eq!(
                (hits.len(), hits[0].level, hits[0].decisive, hits[0].count),
                (1, Level::Critical, true, 3),
                "{user}"
            );
        }
        assert_eq!(replicate("ann", 0x100, SYNCHRONIZE)[0].level, Level::Medium);
    }

    #[test]
    fn controllers_synchronisation_and_other_rights_are_silent() {
        for (user, mask) in [
            ("DC02$", 0x100),
            ("DC01$", 0x100),
            ("MSOL_abc", 0x100),
            ("admin", 0x40000),
        ] {
            assert!(replicate(user, mask, REPLICATION[1]).is_empty(), "{user}");
        }
    }
}
