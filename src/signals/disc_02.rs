//! DISC-02: directory, groups, trusts and networks are looked up, as events and scripts show it.
//!
//! Sees: many users, groups or computers read one after the other in the directory by a person (4662), lists of local groups and users read by
//! programs outside the folders of administrators (4798, 4799), cmdlets and classes that list them (info; low from three topics within
//! ten minutes), single commands that ask for groups, trusts or service names (info), zone transfers refused, and hosts files read over the network.
//! Why: what an intruder asks tells what comes next; DISC-01 sees only bursts of commands.
//! Benign causes: administrators and their scripts, inventory, secondary name servers.
//! Sources: Microsoft's documentation of events 4662, 4798, 4799 and of the ActiveDirectory module; MITRE ATT&CK discovery.

use std::collections::{BTreeMap, BTreeSet};

use super::deeds::{Folded, actor, by_person, is_person};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, names, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::discovery::question;
use crate::rules::paths;
use crate::schema::{account as t, common, event, file, process, script};

/// See the module.
pub struct Disc02;

const OBJECTS: f64 = 20.0;
const OBJECTS_S: f64 = 60.0;
const TOPICS: f64 = 3.0;
const TOPICS_S: f64 = 600.0;
/// Modules and their exported functions name every cmdlet; only shorter text is somebody's own. \[J\]
const OWN_TEXT: usize = 65_536;

static META: Meta = Meta {
    id: "DISC-02",
    title: "Directory or network looked up",
    sees: "Twenty users, groups or computers read in the directory within a minute by a person; local groups and users listed by a program outside \
           protected folders; cmdlets that list accounts, groups, hosts, shares or trusts (info; low from three topics); single questions by \
           command (info); refused zone transfers; a hosts file read over the network.",
    why: "What an intruder asks tells what comes next.",
    techniques: &[
        "T1087.002",
        "T1069.002",
        "T1018",
        "T1087.001",
        "T1069.001",
        "T1482",
        "T1135",
        "T1016",
        "T1201",
    ],
    stage: "discovery",
    family: "discovery",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::USER,
                common::USER_SID,
                t::OBJECT,
                t::OBJECT_TYPE,
                t::IMAGE,
                t::GROUP,
                t::TARGET_USER,
            ],
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::USER_SID,
                file::SHARE,
                file::PATH,
                file::CLIENT_IP,
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
    thresholds: &[
        Threshold {
            name: "objects",
            value: OBJECTS,
            unit: "objects of one class",
            source: "[J] more than a dialogue shows",
        },
        Threshold {
            name: "objects_window",
            value: OBJECTS_S,
            unit: "s",
            source: "[J]",
        },
        Threshold {
            name: "topics",
            value: TOPICS,
            unit: "topics of scripts",
            source: "[J]",
        },
        Threshold {
            name: "topics_window",
            value: TOPICS_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &[
        "administrators and their scripts",
        "inventory",
        "secondary name servers",
    ],
};

/// Class of a directory object as 4662 writes it, what it is, and the technique of listing it.
const CLASSES: &[(&str, &str, &str)] = &[
    ("bf967a86-0de6-11d0-a285-00aa003049e2", "computers", "T1018"),
    ("bf967a9c-0de6-11d0-a285-00aa003049e2", "groups", "T1069.002"),
    ("bf967aba-0de6-11d0-a285-00aa003049e2", "users", "T1087.002"),
];

/// Lower-case pieces of scripts, and the technique of what they list.
const PHRASES: &[(&str, &str)] = &[
    ("get-adcomputer", "T1018"),
    ("get-addefaultdomainpasswordpolicy", "T1201"),
    ("get-addomaincontroller", "T1018"),
    ("get-adforest", "T1482"),
    ("get-adgroup", "T1069.002"),
    ("get-adprincipalgroupmembership", "T1069.002"),
    ("get-adtrust", "T1482"),
    ("get-aduser", "T1087.002"),
    ("get-localgroup", "T1069.001"),
    ("get-localuser", "T1087.001"),
    ("get-netgroup", "T1069.002"),
    ("get-netuser", "T1087.002"),
    ("get-smbshare", "T1135"),
    ("invoke-sharefinder", "T1135"),
    ("directoryservices.activedirectory.domain]::getcurrentdomain", "T1482"),
    ("directoryservices.activedirectory.forest]::getcurrentforest", "T1482"),
    ("getalltrustrelationships", "T1482"),
    ("(serviceprincipalname=", "T1087.002"),
    ("kerberosrequestorsecuritytoken", "T1087.002"),
];

impl Signal for Disc02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        directory(cx, rows, hits);
        let mut found = Folded::default();
        let listed = rows.table(&t::TABLE);
        for row in listed
            .iter()
            .filter(|r| matches!(r.code(), 4798 | 4799) && by_person(*r))
        {
            local(row).into_iter().for_each(|h| found.add(h));
        }
        for row in starts(rows.table(&process::TABLE)) {
            command(row).into_iter().for_each(|h| found.add(h));
        }
        for (row, fields) in events(rows.table(&event::TABLE), "dns", &[6004]) {
            let (client, zone) = (fields.get("param1"), fields.get("param2"));
            let explain = format!(
                "{} asked for a transfer of the zone {} that this server does not give",
                quote(client),
                quote(zone)
            );
            found.add(
                Hit::at(&META, row, format!("zone|{client}"), explain)
                    .level(Level::Medium)
                    .techniques(&["T1016"]),
            );
        }
        for row in rows
            .table(&file::TABLE)
            .iter()
            .filter(|r| r.str(common::ACTION) == "share_access")
        {
            hosts_file(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
        scripts(cx, rows, hits);
    }
}

/// Many objects of one class read by one account.
fn directory(cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
    type Reading<'a> = BTreeMap<(String, usize), Vec<Row<'a>>>;
    let mut by: Reading<'_> = BTreeMap::new();
    for row in rows
        .table(&t::TABLE)
        .iter()
        .filter(|r| r.code() == 4662 && by_person(*r))
    {
        let class = row.str(t::OBJECT_TYPE).to_lowercase();
        if let Some(at) = CLASSES.iter().position(|(guid, ..)| class.contains(guid)) {
            by.entry((row.str(common::USER).to_lowercase(), at))
                .or_default()
                .push(row);
        }
    }
    for ((user, at), of_user) in by {
        let Some((_, what, technique)) = CLASSES.get(at) else {
            continue;
        };
        let window = (cx.number(&META, "objects_window") * 1e6).max(1.0) as i64;
        for burst in of_user.chunk_by(|a, b| b.ts() - a.ts() <= window) {
            let objects: BTreeSet<&str> = burst.iter().map(|r| r.str(t::OBJECT)).collect();
            let (Some(first), Some(last)) = (burst.first(), burst.last()) else {
                continue;
            };
            // A slow chain of single readings is no listing.
            let minutes = (last.ts() - first.ts()) as f64 / window as f64;
            if (objects.len() as f64) < cx.number(&META, "objects") * minutes.max(1.0) {
                continue;
            }
            let explain = format!(
                "{} read {} {what} in the directory one after the other",
                actor(*first),
                objects.len()
            );
            let mut hit = Hit::at(&META, *first, format!("read|{what}|{user}"), explain).techniques(&[technique]);
            burst.iter().skip(1).take(9).for_each(|r| hit.add_row(*r));
            (hit.last, hit.count) = (last.ts(), burst.len() as u64);
            hits.push(hit);
        }
    }
}

/// Local groups or the groups of a user listed by an odd program.
fn local(row: Row<'_>) -> Option<Hit> {
    let image = row
        .text(t::IMAGE)
        .filter(|i| i.contains('\\') && !paths::is_protected(i))?;
    let (what, technique) = if row.code() == 4799 {
        (row.str(t::GROUP), "T1069.001")
    } else {
        (row.str(t::TARGET_USER), "T1087.001")
    };
    let explain = format!(
        "{} listed the members or groups of {} for {}",
        quote(image),
        quote(what),
        actor(row)
    );
    Some(Hit::at(&META, row, format!("local|{}", image.to_lowercase()), explain).techniques(&[technique]))
}

/// A single question for groups, accounts of the domain, trusts or service names.
fn command(row: Row<'_>) -> Option<Hit> {
    if !is_person(row.str(common::USER)) || row.str(process::PARENT_NAME) == "net.exe" {
        return None;
    }
    let (image, original) = names(row);
    let line = row.str(process::CMDLINE);
    let lower = line.to_lowercase();
    if (image == "setspn" || original == "setspn") && [" -q", " /q"].iter().any(|q| lower.contains(q)) {
        let explain = format!("Service names of accounts were listed: {}", starts::command(row));
        return Some(Hit::at(&META, row, "setspn query", explain).techniques(&["T1087.002"]));
    }
    let asked = question(&image, line).or_else(|| question(&original, line))?;
    let telling = |t: &&'static str| t.starts_with("T1069") || matches!(*t, "T1087.002" | "T1482");
    let ids: Vec<&'static str> = asked.techniques.iter().copied().filter(telling).collect();
    if ids.is_empty() {
        return None;
    }
    let explain = format!("A question for groups, accounts or trusts: {}", starts::command(row));
    Some(
        Hit::at(&META, row, asked.name, explain)
            .level(Level::Info)
            .techniques(&ids),
    )
}

fn hosts_file(row: Row<'_>) -> Option<Hit> {
    let path = row.str(file::PATH).to_lowercase().replace('/', "\\");
    // Also its streams.
    let file = path.contains("drivers\\etc\\hosts");
    if !file || !by_person(row) || row.ip(file::CLIENT_IP).is_none() {
        return None;
    }
    let explain = format!("{} opened the hosts file of this host over the network", actor(row));
    Some(
        Hit::at(
            &META,
            row,
            format!("hosts|{}", row.str(common::USER).to_lowercase()),
            explain,
        )
        .techniques(&["T1018"]),
    )
}

/// What scripts list: one hit for each run of topics.
fn scripts(cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
    let mut asked: Vec<(Row<'_>, Vec<(&'static str, &'static str)>)> = Vec::new();
    for block in blocks(rows.table(&script::TABLE))
        .iter()
        .filter(|b| b.text.len() <= OWN_TEXT)
    {
        let lower = block.text.to_lowercase();
        let found: Vec<_> = PHRASES.iter().filter(|(p, _)| lower.contains(p)).copied().collect();
        if !found.is_empty() {
            asked.push((block.row, found));
        }
    }
    let window = (cx.number(&META, "topics_window") * 1e6) as i64;
    for run in asked.chunk_by(|a, b| b.0.ts() - a.0.ts() <= window) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else {
            continue;
        };
        let phrases: BTreeSet<&'static str> = run.iter().flat_map(|(_, f)| f).map(|(p, _)| *p).collect();
        let mut ids: Vec<&'static str> = Vec::new();
        for id in run.iter().flat_map(|(_, f)| f).map(|(_, id)| *id) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let list: Vec<&str> = phrases.into_iter().collect();
        let explain = format!("Scripts listed: {}", list.join(", "));
        let level = if ids.len() as f64 >= cx.number(&META, "topics") {
            Level::Low
        } else {
            Level::Info
        };
        let mut hit = Hit::at(&META, *first, format!("script|{}", list.join("+")), explain)
            .level(level)
            .techniques(&ids);
        run.iter().skip(1).take(9).for_each(|(r, _)| hit.add_row(*r));
        (hit.last, hit.count) = (last.ts(), run.len() as u64);
        hits.push(hit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::start;
    use crate::signals::testing::Sample;

    #[test]
    fn many_objects_in_a_minute_are_a_listing() {
        let run = |n: i64, by: &str, gap_ms: i64| {
            let mut sample = Sample::default();
            for i in 0..n {
                sample.row_us(&t::TABLE, "dc01", 1_772_442_000_000_000 + i * gap_ms * 1000, |b| {
                    b.int(common::EVENT_CODE, 4662);
                    b.text(common::USER, by);
                    b.text(t::OBJECT, &format!("%{{{i}}}"));
                    b.text(t::OBJECT_TYPE, "%{bf967a9c-0de6-11d0-a285-00aa003049e2}");
                });
            }
            sample
                .hits(&Disc02)
                .first()
                .map(|h| (h.level, h.techniques[0].to_string()))
        };
        assert_eq!(run(40, "ann", 100), Some((Level::Low, "T1069.002".to_owned())));
        assert_eq!(run(40, "DC02$", 100), None);
        assert_eq!(run(5, "ann", 100), None);
        assert_eq!(run(40, "ann", 30_000), None);
    }

    #[test]
    fn scripts_count_by_their_topics() {
        let run = |texts: &[&str]| {
            let mut sample = Sample::default();
            for (i, text) in texts.iter().enumerate() {
                sample.row_us(
                    &script::TABLE,
                    "ws01",
                    1_772_442_000_000_000 + i as i64 * 1_000_000,
                    |b| {
                        b.text(script::TEXT, text);
                        b.text(script::BLOCK_ID, &format!("b{i}"));
                    },
                );
            }
            sample.hits(&Disc02).first().map(|h| (h.level, h.techniques.len()))
        };
        assert_eq!(run(&["Get-ADGroupMember -Identity x"]), Some((Level::Info, 1)));
        assert_eq!(
            run(&["Get-ADUser -Filter *", "Get-ADTrust -Filter *", "Get-ADComputer x"]),
            Some((Level::Low, 3))
        );
        assert_eq!(run(&["Get-ChildItem"]), None);
    }

    #[test]
    fn single_commands_are_info_and_service_names_low() {
        let run = |image: &str, line: &str| {
            let mut sample = Sample::default();
            sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::USER, "ann");
                b.text(process::IMAGE_NAME, image);
                b.text(process::CMDLINE, line);
            });
            sample.hits(&Disc02).first().map(|h| h.level)
        };
        assert_eq!(run("net.exe", "net group /domain"), Some(Level::Info));
        assert_eq!(run("setspn.exe", "setspn -T corp -Q */*"), Some(Level::Low));
        assert_eq!(run("ipconfig.exe", "ipconfig /all"), None);
        let mut by_system = Sample::default();
        start(
            &mut by_system,
            "2026-03-02T09:00:00Z",
            "net.exe",
            "agent.exe",
            "net group /domain",
        );
        assert!(by_system.hits(&Disc02).is_empty());
    }
}
