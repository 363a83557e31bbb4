//! LAT-08: administrative shares, service pipes and SSH of a host are used or opened.
//!
//! Sees: a person at ADMIN$ or a drive's share over the network (info; low when refused), at the pipes of services, tasks or the registry (low),
//! shares made on hidden names or whole drives and permissions of shares changed (low), OpenSSH's server installed (low) or listening (info).
//! Why: these are the doors of hands-on movement between hosts; alone they are daily work, in a chain they say how somebody came.
//! Benign causes: administration.
//! Sources: Microsoft's documentation of events 5140 to 5145; MITRE ATT&CK T1021.002, T1021.004, T1222.001.

use super::deeds::{Folded, actor, by_person};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads};
use super::script_blocks::{self, blocks};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{common, event, file as t, process, script};

/// See the module.
pub struct Lat08;

static META: Meta = Meta {
    id: "LAT-08",
    title: "Administrative share or SSH used or opened",
    sees: "A person reaches an administrative share over the network (info, low when refused) or the pipes svcctl, atsvc, winreg (low), makes a hidden \
           share or one of a whole drive, changes a share's permissions, or installs OpenSSH's server (low); sshd listens (info).",
    why: "These are the doors of movement between hosts.",
    techniques: &["T1021.002", "T1021.004", "T1222.001"],
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
                common::USER_SID,
                t::SHARE,
                t::PATH,
                t::NAME,
                t::CLIENT_IP,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &["administration", "software deployment", "backup"],
};

/// Pipes through which services, tasks and the registry are changed from afar.
const PIPES: &[&str] = &["atsvc", "svcctl", "winreg"];

impl Signal for Lat08 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter() {
            let hit = match row.str(common::ACTION) {
                "share_access" => reached(row),
                "share_create" | "share_permissions" if by_person(row) => Some(changed(row)),
                _ => None,
            };
            hit.into_iter().for_each(|h| found.add(h));
        }
        for row in starts(rows.table(&process::TABLE)) {
            shared(row).into_iter().for_each(|h| found.add(h));
        }
        for block in blocks(rows.table(&script::TABLE)) {
            let lower = block.text.to_lowercase();
            if lower.contains("add-windowscapability") && lower.contains("openssh.server") {
                let explain = format!("OpenSSH's server was installed by script: {}", quote(&block.text));
                found.add(Hit::at(&META, block.row, "ssh install", explain).techniques(&["T1021.004"]));
            }
        }
        for (row, fields) in events(rows.table(&event::TABLE), "openssh", &[4]) {
            let line = fields.get("payload");
            if line.starts_with("Server listening on ") {
                let explain = format!("OpenSSH on this host: {}", quote(line));
                found.add(
                    Hit::at(&META, row, "ssh listens", explain)
                        .level(Level::Info)
                        .techniques(&["T1021.004"]),
                );
            }
        }
        hits.extend(found.into_hits());
    }
}

/// `ADMIN$` or a drive's share.
fn is_administrative(share: &str) -> bool {
    let name = share.rsplit('\\').next().unwrap_or("");
    let drive = name
        .strip_suffix('$')
        .is_some_and(|d| d.len() == 1 && d.bytes().all(|c| c.is_ascii_alphabetic()));
    drive || name.eq_ignore_ascii_case("admin$")
}

fn reached(row: Row<'_>) -> Option<Hit> {
    let share = row.str(t::SHARE);
    let pipe = share.to_ascii_lowercase().ends_with("ipc$") && PIPES.contains(&row.str(t::NAME));
    if !pipe && !is_administrative(share) {
        return None;
    }
    let client = row.ip(t::CLIENT_IP).filter(|c| !ip::is_loopback(c))?;
    if !by_person(row) {
        return None;
    }
    let address = ip::display(&client);
    let refused = row.str(common::OUTCOME) == "failure";
    let what = if pipe {
        row.str(t::NAME)
    } else {
        share.rsplit('\\').next().unwrap_or(share)
    };
    let how = if refused { "was refused" } else { "reached" };
    let explain = format!("{} {how} {what} of this host from {address}", actor(row));
    let level = if pipe || refused { Level::Low } else { Level::Info };
    let key = format!("{}|{}", what.to_lowercase(), row.str(common::USER).to_lowercase());
    Some(
        Hit::at(&META, row, key, explain)
            .level(level)
            .techniques(&["T1021.002"])
            .ioc(Ioc::Ip(address)),
    )
}

fn changed(row: Row<'_>) -> Hit {
    let (share, path) = (row.str(t::SHARE), row.str(t::PATH));
    if row.str(common::ACTION) == "share_permissions" {
        let explain = format!(
            "{} changed the permissions of the share {} ({})",
            actor(row),
            quote(share),
            quote(path)
        );
        return Hit::at(&META, row, format!("permissions|{}", share.to_lowercase()), explain)
            .techniques(&["T1222.001"]);
    }
    let hidden = share.ends_with('$') || path.trim_end_matches('\\').ends_with(':');
    let explain = format!("{} shared {} as {}", actor(row), quote(path), quote(share));
    Hit::at(&META, row, format!("share|{}", share.to_lowercase()), explain)
        .level(if hidden { Level::Low } else { Level::Info })
        .techniques(&["T1021.002"])
}

/// `net share NAME=PATH …`.
fn shared(row: Row<'_>) -> Option<Hit> {
    if !starts::is_one_of(row, &["net", "net1"]) || row.str(process::PARENT_NAME) == "net.exe" {
        return None;
    }
    let tokens = tokenize(&row.str(process::CMDLINE).to_lowercase());
    let share = tokens.get(2).filter(|_| tokens.get(1).is_some_and(|w| w == "share"))?;
    let (name, _) = share.split_once('=')?;
    let explain = format!("A share was made by command: {}", starts::command(row));
    Some(Hit::at(&META, row, format!("net share|{name}"), explain).techniques(&["T1021.002"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip::parse;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn access(user: &str, share: &str, name: &str, outcome: &str, from: &str) -> Option<Level> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "srv01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "share_access");
            b.text(common::OUTCOME, outcome);
            b.text(common::USER, user);
            b.text(t::SHARE, share);
            b.text(t::NAME, name);
            b.ip(t::CLIENT_IP, &parse(from).unwrap());
        });
        sample.hits(&Lat08).first().map(|h| h.level)
    }

    #[test]
    fn administrative_shares_and_pipes_count_for_people_from_afar() {
        let run = |user, share, name, outcome| access(user, share, name, outcome, "10.0.5.21");
        assert_eq!(run("adm", r"\\*\C$", "x", "success"), Some(Level::Info));
        assert_eq!(run("ann", r"\\*\ADMIN$", "", "failure"), Some(Level::Low));
        assert_eq!(run("adm", r"\\*\IPC$", "svcctl", "success"), Some(Level::Low));
        assert_eq!(run("adm", r"\\*\IPC$", "srvsvc", "success"), None);
        assert_eq!(run("SRV02$", r"\\*\C$", "x", "success"), None);
        assert_eq!(run("ann", r"\\*\data$", "x", "success"), None);
        assert_eq!(access("adm", r"\\*\C$", "x", "success", "127.0.0.1"), None);
    }

    #[test]
    fn shares_count_by_what_they_open() {
        let run = |action: &str, user: &str, share: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "srv01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, action);
                b.text(common::USER, user);
                b.text(t::SHARE, share);
                b.text(t::PATH, r"C:\tools");
            });
            sample
                .hits(&Lat08)
                .first()
                .map(|h| (h.level, h.techniques[0].to_string()))
        };
        assert_eq!(
            run("share_create", "ann", r"\\*\x$"),
            Some((Level::Low, "T1021.002".to_owned()))
        );
        assert_eq!(
            run("share_permissions", "ann", r"\\*\x"),
            Some((Level::Low, "T1222.001".to_owned()))
        );
        assert_eq!(run("share_create", "SRV01$", r"\\*\print$"), None);
        assert_eq!(
            hits_of(&Lat08, "net.exe", "cmd.exe", r"net share x=C:\ /grant:everyone,full").len(),
            1
        );
        assert!(hits_of(&Lat08, "net.exe", "cmd.exe", "net share").is_empty());
    }
}
