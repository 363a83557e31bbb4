//! PRIV-02: rights of another account are taken through its token or a logon of one's own program.
//!
//! Sees: a shell of the system started by a program that a person or a service account started outside the folders of administrators; a person's program that logs
//! another account on at this host (runas and CreateProcessWithLogon: low; LogonUser in a program of its own: low); a program in the session of a
//! network logon that came from this very host; the right to debug switched on for a program in a folder that users may write to.
//! Why: this is how a service account or a user becomes the system or an administrator.
//! Benign causes: runas by administrators, installers and launchers with services of their own.
//! Sources: Microsoft's documentation of events 4624, 4648, 4688; published potato exploits; MITRE ATT&CK T1134.

use std::collections::HashMap;

use super::deeds::{Folded, actor, is_person};
use super::meta::{Key, Level, Meta, Reads};
use super::starts::{self, Lineage, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{INTERPRETERS, SHELLS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{account, auth as t, common, process};

/// See the module.
pub struct Priv02;

/// Session of the system.
const SYSTEM: i64 = 0x3e7;
const INTERACTIVE: i64 = 2;
const NETWORK: i64 = 3;
/// Sessions of the accounts for local and network services, which have few rights of their own.
const SERVICES: &[i64] = &[0x3e4, 0x3e5];

static META: Meta = Meta {
    id: "PRIV-02",
    title: "Token or logon of another account taken",
    sees: "A shell of the system whose parent is a program of a person or a service account outside protected folders (medium); a program in the session of \
           a network logon from this very host (medium); the right to debug for a program in a user's folder (medium); another account logged on here by a \
           person's program (low).",
    why: "So a service account or a user becomes the system or an administrator.",
    techniques: &["T1134", "T1134.001", "T1134.002", "T1134.003", "T1550.002"],
    stage: "privilege-escalation",
    family: "privilege escalation",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::OUTCOME,
                common::USER,
                t::LOGON_TYPE,
                t::LOGON_PROCESS,
                t::TARGET_USER,
                t::TARGET_LOGON_ID,
                t::SRC_IP,
                t::AUTH_PKG,
                t::IMAGE,
            ],
        },
        Reads {
            table: &account::TABLE,
            columns: &[common::ACTION, common::USER, account::NEW, account::IMAGE],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &process::TABLE,
            columns: &[process::TARGET_USER, process::TARGET_LOGON_ID],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &[
        "runas by administrators",
        "launchers with services of their own",
        "process viewers and debuggers kept in a user's folder",
    ],
};

impl Signal for Priv02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let starts = starts(rows.table(&process::TABLE));
        let lineage = Lineage::new(&starts);
        let mut found = Folded::default();
        for row in &starts {
            became_system(*row, &lineage).into_iter().for_each(|h| found.add(h));
        }
        for row in rows.table(&t::TABLE).iter().filter(|r| r.code() == 4624) {
            logged_on(row, &starts).into_iter().for_each(|h| found.add(h));
        }
        for row in from_itself(rows, &starts) {
            found.add(row);
        }
        for row in rows.table(&account::TABLE).iter().filter(|r| r.code() == 4703) {
            may_debug(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

/// A shell in the session of the system below a person's program.
fn became_system<'a>(row: Row<'a>, lineage: &Lineage<'a>) -> Option<Hit> {
    let image = stem(row.str(process::IMAGE_NAME));
    let shell = contains(SHELLS, image) || contains(INTERPRETERS, image);
    let for_another = row.text(process::TARGET_USER).is_some_and(|u| u != "-");
    if !shell || row.int(common::LOGON_ID) != Some(SYSTEM) || for_another {
        return None;
    }
    let parent = lineage.parent(row)?;
    let path = parent
        .text(process::IMAGE)
        .filter(|p| p.contains('\\') && !paths::is_protected(p))?;
    let session = parent.int(common::LOGON_ID).is_some_and(|s| s != SYSTEM);
    // A parent that was itself started as another account is not the person's.
    let service = parent.int(common::LOGON_ID).is_some_and(|s| SERVICES.contains(&s));
    let own = session
        && (service || is_person(parent.str(common::USER)))
        && parent.text(process::TARGET_USER).is_none_or(|u| u == "-");
    if !own {
        return None;
    }
    let explain = format!(
        "{} started by {} got a shell of the system: {}",
        quote(path),
        actor(parent),
        starts::command(row)
    );
    let mut hit = Hit::at(
        &META,
        row,
        format!("system|{}", base_name(path).to_lowercase()),
        explain,
    )
    .level(Level::Medium)
    .techniques(&["T1134"]);
    hit.add_row(parent);
    hit.users.push(actor(parent).to_owned());
    hit.iocs = starts::iocs(parent);
    Some(hit)
}

/// Programs in the session of a network logon that came from this host: the service side lends its session to no program,
/// so whoever runs one there took the session over (local pass-the-hash, relayed to itself).
fn from_itself(rows: &KeyRows<'_>, starts: &[Row<'_>]) -> Vec<Hit> {
    let logons: HashMap<i64, Row<'_>> = rows
        .table(&t::TABLE)
        .iter()
        .filter(|r| r.code() == 4624 && r.int(t::LOGON_TYPE) == Some(NETWORK) && is_person(r.str(t::TARGET_USER)))
        .filter(|r| r.ip(t::SRC_IP).is_some_and(|a| ip::is_loopback(&a)))
        .filter_map(|r| Some((r.int(t::TARGET_LOGON_ID)?, r)))
        .collect();
    let mut out = Vec::new();
    for row in starts {
        let Some(logon) = row.int(common::LOGON_ID).and_then(|id| logons.get(&id)) else {
            continue;
        };
        let user = logon.str(t::TARGET_USER);
        let explain = format!(
            "A program runs in the session that {user} opened over the network from this very host: {}",
            starts::command(*row)
        );
        let ntlm = logon.str(t::AUTH_PKG).eq_ignore_ascii_case("ntlm");
        let techniques: &[&'static str] = if ntlm {
            &["T1134.001", "T1550.002"]
        } else {
            &["T1134.001"]
        };
        let mut hit = Hit::at(&META, *row, format!("itself|{}", user.to_lowercase()), explain)
            .level(Level::Medium)
            .techniques(techniques);
        hit.add_row(*logon);
        out.push(hit);
    }
    out
}

/// 4703: the right to open any process, switched on by a program where users may write.
fn may_debug(row: Row<'_>) -> Option<Hit> {
    let image = row.str(account::IMAGE);
    let place = paths::user_writable(image)?;
    if !row.str(account::NEW).contains("SeDebugPrivilege") || !is_person(row.str(common::USER)) {
        return None;
    }
    let explain = format!(
        "{}, which runs from {place}, switched on the right to open every process for {}",
        quote(image),
        actor(row)
    );
    let mut hit = Hit::at(
        &META,
        row,
        format!("debug|{}", base_name(image).to_lowercase()),
        explain,
    )
    .level(Level::Medium)
    .techniques(&["T1134"]);
    hit.iocs.push(Ioc::File(image.to_owned()));
    Some(hit)
}

/// Another account logged on by a person's program.
fn logged_on(row: Row<'_>, starts: &[Row<'_>]) -> Option<Hit> {
    let (by, whom) = (row.str(common::USER), row.str(t::TARGET_USER));
    let other = is_person(by) && is_person(whom) && !by.eq_ignore_ascii_case(whom);
    if !other || row.str(common::OUTCOME) == "failure" {
        return None;
    }
    let image = row.str(t::IMAGE);
    let (technique, how) = match row.str(t::LOGON_PROCESS).trim().to_lowercase().as_str() {
        "seclogo" if row.int(t::LOGON_TYPE) == Some(INTERACTIVE) => ("T1134.002", "to start a program as it"),
        "advapi" if used_by_people(image) => {
            let session = row.int(t::TARGET_LOGON_ID);
            let started = session.is_some() && starts.iter().any(|s| s.int(process::TARGET_LOGON_ID) == session);
            if started {
                ("T1134.002", "and started a program as it")
            } else {
                ("T1134.003", "from a program of the own session")
            }
        }
        _ => return None,
    };
    let explain = format!(
        "{by} logged the account {whom} on at this host {how} ({})",
        quote(image)
    );
    let key = format!("logon|{}|{}", by.to_lowercase(), whom.to_lowercase());
    let mut hit = Hit::at(&META, row, key, explain).techniques(&[technique]);
    hit.users.push(whom.to_owned());
    Some(hit)
}

/// Shells, script hosts and programs outside protected folders: not servers, which check passwords all day.
fn used_by_people(image: &str) -> bool {
    let program = stem(base_name(image)).to_lowercase();
    contains(SHELLS, &program)
        || contains(INTERPRETERS, &program)
        || (image.contains('\\') && !paths::is_protected(image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    #[test]
    fn a_shell_of_the_system_below_a_persons_program_is_medium() {
        let run = |parent: &str, user: &str, session: i64| {
            let mut sample = Sample::default();
            for (second, pid, ppid, image, user, session) in [
                (0, 10, 1, parent, user, session),
                (2, 20, 10, r"C:\Windows\System32\cmd.exe", "SRV01$", SYSTEM),
            ] {
                sample.row_us(
                    &process::TABLE,
                    "srv01",
                    1_772_442_000_000_000 + second * 1_000_000,
                    |b| {
                        b.int(process::PID, pid);
                        b.int(process::PPID, ppid);
                        b.int(common::LOGON_ID, session);
                        b.text(common::USER, user);
                        b.text(process::IMAGE, image);
                        b.text(process::IMAGE_NAME, &base_name(image).to_lowercase());
                    },
                );
            }
            sample.hits(&Priv02).first().map(|h| h.level)
        };
        assert_eq!(run(r"C:\tools\p.exe", "svc-web", 0x99), Some(Level::Medium));
        assert_eq!(run(r"C:\Windows\System32\services.exe", "SRV01$", SYSTEM), None);
        assert_eq!(run(r"C:\agent\a.exe", "SRV01$", SYSTEM), None);
        assert_eq!(run(r"C:\tools\p.exe", "LOCAL SERVICE", 0x3e5), Some(Level::Medium));
        assert_eq!(run(r"C:\Program Files\App\a.exe", "ann", 0x99), None);
    }

    #[test]
    fn a_program_in_a_session_from_this_host_and_the_right_to_debug_count() {
        let run = |from: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4624);
                b.int(t::LOGON_TYPE, NETWORK);
                b.text(t::TARGET_USER, "bob");
                b.int(t::TARGET_LOGON_ID, 0x7705);
                b.ip(t::SRC_IP, &ip::parse(from).unwrap());
                b.text(t::AUTH_PKG, "NTLM");
            });
            sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:01Z", |b| {
                b.text(process::IMAGE_NAME, "cmd.exe");
                b.int(common::LOGON_ID, 0x7705);
            });
            sample.hits(&Priv02).first().map(|h| h.techniques.join(" "))
        };
        assert_eq!(run("127.0.0.1").as_deref(), Some("T1134.001 T1550.002"));
        assert_eq!(run("10.0.0.9"), None);
        let debug = |image: &str| {
            let mut sample = Sample::default();
            sample.row(&account::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4703);
                b.text(common::USER, "ann");
                b.text(account::NEW, "SeDebugPrivilege");
                b.text(account::IMAGE, image);
            });
            sample.hits(&Priv02).len()
        };
        assert_eq!(debug(r"C:\Users\ann\Desktop\m.exe"), 1);
        assert_eq!(debug(r"C:\Windows\System32\taskmgr.exe"), 0);
    }

    #[test]
    fn logons_of_others_are_told_by_how_they_are_made() {
        let run = |by: &str, whom: &str, process: &str, kind: i64, image: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "srv01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4624);
                b.text(common::ACTION, "logon");
                b.text(common::OUTCOME, "success");
                b.text(common::USER, by);
                b.text(t::TARGET_USER, whom);
                b.text(t::LOGON_PROCESS, process);
                b.int(t::LOGON_TYPE, kind);
                b.text(t::IMAGE, image);
            });
            sample.hits(&Priv02).first().map(|h| h.techniques[0].to_string())
        };
        let svchost = r"C:\Windows\System32\svchost.exe";
        assert_eq!(run("ann", "adm", "seclogo", 2, svchost).as_deref(), Some("T1134.002"));
        assert_eq!(
            run("ann", "adm", "Advapi", 3, r"C:\tools\r.exe").as_deref(),
            Some("T1134.003")
        );
        assert_eq!(
            run("svc-web", "bob", "Advapi", 3, r"C:\Windows\System32\inetsrv\w3wp.exe"),
            None
        );
        assert_eq!(run("SRV01$", "adm", "seclogo", 2, svchost), None);
        assert_eq!(run("ann", "ann", "seclogo", 2, svchost), None);
    }
}
