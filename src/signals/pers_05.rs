//! PERS-05: accounts are made, made privileged or prepared.
//!
//! Sees: a new account that joins a privileged group within a day, a user account whose name ends like a machine's, an account that is made and
//! deleted within a day, and single changes that give an account a lasting advantage (low).
//! Why: an account of his own brings the intruder back after passwords are changed.
//! Benign causes: onboarding, test machines, identity management.
//! Sources: Sigma's and Elastic's rules on 4720, 4732, 4738; Microsoft's flags of userAccountControl; MITRE ATT&CK T1136, T1098.

use std::collections::HashMap;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::services::{is_privileged_rid, rid_of_sid};
use crate::lake::frame::Row;
use crate::rules::cmdline;
use crate::schema::{account as t, common, process};

/// See the module.
pub struct Pers05;

const DAY_H: f64 = 24.0;

static META: Meta = Meta {
    id: "PERS-05",
    title: "New account made privileged",
    sees: "An account is created and joins a privileged group, or is deleted again, within a day; a user's name ends with $; an account gets SID \
           history or is added to a privileged group (low). A new account alone is info.",
    why: "Accounts of the intruder's own survive the clean-up of others.",
    techniques: &["T1136.001", "T1136.002", "T1098.007", "T1098", "T1134.005"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                t::TARGET_USER,
                t::TARGET_DOMAIN,
                t::TARGET_SID,
                t::GROUP,
                t::GROUP_SID,
                t::MEMBER,
                t::MEMBER_SID,
                t::NEW,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "window",
        value: DAY_H,
        unit: "h",
        source: "[J] made and used the same day",
    }],
    benign: &[
        "onboarding of administrators",
        "test and build machines",
        "identity management",
    ],
};

struct Made<'a> {
    row: Row<'a>,
    name: String,
    level: Level,
    what: Vec<String>,
    techniques: Vec<&'static str>,
    more: Vec<Row<'a>>,
}

impl Signal for Pers05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let day = (cx.number(&META, "window") * 3.6e9) as i64;
        let mut made: Vec<Made<'_>> = Vec::new();
        let mut by_sid: HashMap<String, usize> = HashMap::new();
        for row in rows.table(&t::TABLE).iter() {
            let sid = row.str(t::TARGET_SID).to_lowercase();
            match row.str(common::ACTION) {
                "create" if row.code() == 4720 || row.code() == 0 => {
                    by_sid.insert(sid, made.len());
                    made.push(created(row));
                }
                "delete" => {
                    if let Some(m) = by_sid
                        .get(&sid)
                        .and_then(|at| made.get_mut(*at))
                        .filter(|m| row.ts() - m.row.ts() <= day)
                    {
                        m.what.push("deleted again the same day".to_owned());
                        m.level = Level::High;
                        m.more.push(row);
                    }
                }
                "group_add" => {
                    let member = row.str(t::MEMBER_SID).to_lowercase();
                    let privileged = rid_of_sid(row.str(t::GROUP_SID)).is_some_and(is_privileged_rid);
                    if !privileged {
                        continue;
                    }
                    match by_sid
                        .get(&member)
                        .and_then(|at| made.get_mut(*at))
                        .filter(|m| row.ts() - m.row.ts() <= day)
                    {
                        Some(m) => {
                            m.what.push(format!("added to {}", row.str(t::GROUP)));
                            m.level = Level::High;
                            m.techniques.push("T1098.007");
                            m.more.push(row);
                        }
                        None => hits.push(added(row)),
                    }
                }
                "sid_history" => {
                    let explain = format!(
                        "{} was given the SID history of another account",
                        row.str(t::TARGET_USER)
                    );
                    hits.push(Hit::at(&META, row, "sid history", explain).techniques(&["T1134.005"]));
                }
                _ => {}
            }
        }
        hits.extend(made.into_iter().map(finish));
        for row in starts(rows.table(&process::TABLE)) {
            hits.extend(of_net(row));
        }
    }
}

fn created(row: Row<'_>) -> Made<'_> {
    let name = row.str(t::TARGET_USER).to_owned();
    // A local account's domain is its host.
    let local = row.str(t::TARGET_DOMAIN).eq_ignore_ascii_case(row.host());
    let hides = name.ends_with('$');
    Made {
        row,
        level: if hides { Level::High } else { Level::Info },
        what: if hides {
            vec!["its name looks like a machine's".to_owned()]
        } else {
            Vec::new()
        },
        techniques: vec![if local { "T1136.001" } else { "T1136.002" }],
        more: Vec::new(),
        name,
    }
}

fn finish(m: Made<'_>) -> Hit {
    let why = if m.what.is_empty() {
        String::new()
    } else {
        format!(": {}", m.what.join(", "))
    };
    let by = m
        .row
        .text(common::USER)
        .map_or_else(String::new, |u| format!(" by {u}"));
    let explain = format!("The account {} was created{by}{why}", m.name);
    let mut techniques = m.techniques;
    techniques.dedup();
    let mut hit = Hit::at(&META, m.row, m.name.to_lowercase(), explain)
        .level(m.level)
        .techniques(&techniques);
    m.more.into_iter().take(19).for_each(|r| hit.add_row(r));
    hit.users.push(m.name.clone());
    hit.iocs.push(Ioc::Account(m.name));
    hit
}

/// A member added to a privileged group, though not a new account.
fn added(row: Row<'_>) -> Hit {
    let member = row
        .text(t::MEMBER)
        .filter(|m| *m != "-")
        .unwrap_or(row.str(t::MEMBER_SID));
    let own = row.str(common::USER);
    let itself = !own.is_empty() && member.to_lowercase().contains(&format!("cn={},", own.to_lowercase()));
    let explain = format!(
        "{} added {} to the privileged group {}",
        if own.is_empty() { "Somebody" } else { own },
        quote(member),
        row.str(t::GROUP)
    );
    let key = format!("{}|{}", row.str(t::GROUP).to_lowercase(), member.to_lowercase());
    Hit::at(&META, row, key, explain)
        .level(if itself { Level::Medium } else { Level::Low })
        .techniques(&["T1098.007"])
}

/// `net user NAME … /add`, `net localgroup administrators NAME /add`.
fn of_net(row: Row<'_>) -> Option<Hit> {
    // net hands its work to net1: one start is enough.
    if !starts::is_one_of(row, &["net", "net1"]) || row.str(process::PARENT_NAME) == "net.exe" {
        return None;
    }
    let lower = row.str(process::CMDLINE).to_lowercase();
    let tokens = cmdline::tokenize(&lower);
    if !tokens.iter().any(|w| w == "/add" || w == "-add" || w == "/ad") {
        return None;
    }
    let (verb, name) = (tokens.get(1)?.as_str(), tokens.get(2)?);
    let domain = tokens.iter().any(|w| w.starts_with("/dom"));
    let (level, technique) = match verb {
        "user" if name.ends_with('$') => (Level::High, if domain { "T1136.002" } else { "T1136.001" }),
        "user" => (Level::Low, if domain { "T1136.002" } else { "T1136.001" }),
        "localgroup" | "group"
            if ["admin", "remote desktop", "リモート デスクトップ"]
                .iter()
                .any(|g| name.contains(g)) =>
        {
            (Level::Medium, "T1098.007")
        }
        _ => return None,
    };
    let explain = format!(
        "An account was made or made privileged by command: {}",
        starts::command(row)
    );
    Some(
        Hit::at(&META, row, format!("net {verb}|{name}"), explain)
            .level(level)
            .techniques(&[technique]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn event(sample: &mut Sample, time: &str, action: &str, name: &str, group: u32) {
        sample.row(&t::TABLE, "ws01", time, |b| {
            b.text(common::ACTION, action);
            b.text(t::TARGET_DOMAIN, "WS01");
            b.text(common::USER, "adm");
            if group == 0 {
                b.text(t::TARGET_USER, name);
                b.text(t::TARGET_SID, "S-1-5-21-1-2-3-1010");
            } else {
                b.text(t::MEMBER_SID, "S-1-5-21-1-2-3-1010");
                b.text(t::GROUP, "Group");
                b.text(t::GROUP_SID, &format!("S-1-5-32-{group}"));
            }
        });
    }

    #[test]
    fn a_new_administrator_is_high_and_a_new_user_is_info() {
        let run = |name: &str, group: u32| {
            let mut sample = Sample::default();
            event(&mut sample, "2026-03-02T09:00:00Z", "create", name, 0);
            event(&mut sample, "2026-03-02T09:05:00Z", "group_add", "", group);
            sample.hits(&Pers05)
        };
        let hits = run("tmpadm", 544);
        assert_eq!((hits.len(), hits[0].level, hits[0].rows.len()), (1, Level::High, 2));
        assert_eq!(hits[0].techniques, ["T1136.001", "T1098.007"]);
        assert_eq!(run("jdoe", 545)[0].level, Level::Info);
        assert_eq!(run("svc$", 545)[0].level, Level::High);
    }

    #[test]
    fn an_account_for_a_day_is_high() {
        let mut sample = Sample::default();
        event(&mut sample, "2026-03-02T09:00:00Z", "create", "tmp", 0);
        event(&mut sample, "2026-03-02T09:30:00Z", "delete", "tmp", 0);
        assert_eq!(sample.hits(&Pers05)[0].level, Level::High);
    }

    #[test]
    fn the_net_command_is_read() {
        let net = |line: &str| {
            let mut sample = Sample::default();
            sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(process::IMAGE_NAME, "net.exe");
                b.text(process::CMDLINE, line);
            });
            sample.hits(&Pers05).first().map(|h| h.level)
        };
        assert_eq!(net("net user bob Pass1 /add"), Some(Level::Low));
        assert_eq!(net("net localgroup Administrators bob /add"), Some(Level::Medium));
        assert_eq!(net("net user"), None);
        assert_eq!(net("net user bob"), None);
    }
}
