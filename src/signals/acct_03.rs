//! ACCT-03: membership of groups that an intruder would change.
//!
//! Sees: somebody adds his own account to a group; a member is added and removed again within the hour; a member joins a group that
//! governs mail, names, policies or remote access (privileged groups themselves: PERS-05), medium from five such groups at once.
//! Why: group membership is the shortest way to rights, and a short one leaves the least trace.
//! Benign causes: just-in-time administration, onboarding of administrators.
//! Sources: Microsoft's documentation of events 4728 to 4757 and of well-known groups; MITRE ATT&CK T1098.007.

use std::collections::{BTreeSet, HashMap};

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::services::{is_privileged_rid, rid_of_sid};
use crate::lake::frame::Row;
use crate::schema::{account as t, common};

/// See the module.
pub struct Acct03;

const QUICK_S: f64 = 3600.0;
const MANY: f64 = 5.0;

static META: Meta = Meta {
    id: "ACCT-03",
    title: "Group membership manipulated",
    sees: "A person adds his own account to a group (medium), adds and removes a member within an hour (low), or adds a member to a group that \
           governs mail, names, policies or remote access (low; medium from five groups for one member).",
    why: "Membership is the shortest way to rights, and a short one leaves the least trace.",
    techniques: &["T1098.007"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            common::USER_SID,
            t::GROUP,
            t::GROUP_SID,
            t::MEMBER,
            t::MEMBER_SID,
        ],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "quick",
            value: QUICK_S,
            unit: "s",
            source: "[J] added and removed",
        },
        Threshold {
            name: "many",
            value: MANY,
            unit: "groups",
            source: "[J] of one member",
        },
    ],
    benign: &["just-in-time administration", "onboarding of administrators"],
};

/// Power over others though not privileged by number: certificate publishers, policy creators, key administrators, remote desktop, Hyper-V,
/// remote management. Source: Microsoft's well-known SIDs.
const POWERFUL_RIDS: &[u32] = &[517, 520, 526, 527, 555, 578, 580];
/// The same by name (lower case), of products that make groups of their own.
const POWERFUL_NAMES: &[&str] = &[
    "compliance management",
    "delegated setup",
    "discovery management",
    "dnsadmins",
    "exchange servers",
    "exchange trusted subsystem",
    "exchange windows permissions",
    "exchangelegacyinterop",
    "hygiene management",
    "organization management",
    "public folder management",
    "recipient management",
    "records management",
    "security administrator",
    "server management",
    "um management",
];

impl Signal for Acct03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let mut added: HashMap<(String, String), Row<'_>> = HashMap::new();
        let mut groups: HashMap<String, BTreeSet<String>> = HashMap::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| by_person(*r)) {
            let pair = (group(row), member(row).to_lowercase());
            match row.str(common::ACTION) {
                "group_add" => {
                    if let Some(hit) = joined(cx, row, &mut groups) {
                        found.add(hit);
                    }
                    added.insert(pair, row);
                }
                "group_remove" => {
                    if let Some(start) = added.remove(&pair)
                        && row.ts() - start.ts() <= (cx.number(&META, "quick") * 1e6) as i64
                    {
                        found.add(quick(start, row));
                    }
                }
                _ => {}
            }
        }
        hits.extend(found.into_hits());
    }
}

fn group(row: Row<'_>) -> String {
    row.text(t::GROUP_SID).unwrap_or(row.str(t::GROUP)).to_lowercase()
}

/// The SID, else the name.
fn member(row: Row<'_>) -> &str {
    row.text(t::MEMBER_SID).unwrap_or(row.str(t::MEMBER))
}

/// The name where there is one, else the SID.
fn named(row: Row<'_>) -> String {
    quote(
        row.text(t::MEMBER)
            .filter(|m| *m != "-")
            .unwrap_or(row.str(t::MEMBER_SID)),
    )
}

fn joined(cx: &Cx<'_>, row: Row<'_>, groups: &mut HashMap<String, BTreeSet<String>>) -> Option<Hit> {
    let rid = rid_of_sid(row.str(t::GROUP_SID));
    let privileged = rid.is_some_and(is_privileged_rid);
    let own = row.text(common::USER_SID).is_some_and(|s| s == row.str(t::MEMBER_SID));
    let name = row.str(t::GROUP).to_lowercase();
    let powerful = POWERFUL_NAMES.contains(&name.as_str()) || rid.is_some_and(|r| POWERFUL_RIDS.contains(&r));
    let who = member(row).to_lowercase();
    if own {
        let explain = format!(
            "{} added the own account to the group {}",
            actor(row),
            row.str(t::GROUP)
        );
        return Some(Hit::at(&META, row, format!("own|{name}"), explain).level(Level::Medium));
    }
    // Privileged groups are PERS-05's.
    if privileged || !powerful {
        return None;
    }
    let of_member = groups.entry(who.clone()).or_default();
    of_member.insert(name);
    let many = of_member.len() as f64 >= cx.number(&META, "many");
    let list: Vec<&str> = of_member.iter().map(String::as_str).collect();
    let explain = format!("{} added {} to {}", actor(row), named(row), list.join(", "));
    let level = if many { Level::Medium } else { Level::Low };
    Some(Hit::at(&META, row, format!("join|{who}"), explain).level(level))
}

fn quick(start: Row<'_>, end: Row<'_>) -> Hit {
    let explain = format!(
        "{} was a member of {} for {} s: added by {}, removed by {}",
        named(start),
        start.str(t::GROUP),
        (end.ts() - start.ts()) / 1_000_000,
        actor(start),
        actor(end)
    );
    let mut hit = Hit::at(&META, start, format!("quick|{}", group(start)), explain);
    hit.add_row(end);
    (hit.last, hit.count) = (end.ts(), 2);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const OWN: &str = "S-1-5-21-1-2-3-1101";

    fn row(sample: &mut Sample, minute: u32, action: &str, user: &str, group: (&str, &str), member: &str) {
        sample.row(&t::TABLE, "dc01", &format!("2026-03-02T09:{minute:02}:00Z"), |b| {
            b.text(common::ACTION, action);
            b.text(common::USER, user);
            b.text(common::USER_SID, OWN);
            b.text(t::GROUP, group.0);
            b.text(t::GROUP_SID, group.1);
            b.text(t::MEMBER_SID, member);
        });
    }

    #[test]
    fn own_accounts_and_short_memberships_count() {
        let project = ("Project", "S-1-5-21-1-2-3-2001");
        let mut sample = Sample::default();
        row(&mut sample, 0, "group_add", "ann", project, OWN);
        assert_eq!(sample.hits(&Acct03)[0].level, Level::Medium);
        let mut sample = Sample::default();
        row(&mut sample, 0, "group_add", "adm", project, "S-1-5-21-1-2-3-1200");
        row(&mut sample, 9, "group_remove", "adm", project, "S-1-5-21-1-2-3-1200");
        let hits = sample.hits(&Acct03);
        assert_eq!((hits.len(), hits[0].level, hits[0].rows.len()), (1, Level::Low, 2));
    }

    #[test]
    fn an_ordinary_group_is_quiet_and_many_powerful_ones_are_medium() {
        let mut sample = Sample::default();
        row(
            &mut sample,
            0,
            "group_add",
            "adm",
            ("Project", "S-1-5-21-1-2-3-2001"),
            "S-1-5-21-1-2-3-1200",
        );
        row(
            &mut sample,
            1,
            "group_add",
            "DC01$",
            ("DnsAdmins", "S-1-5-21-1-2-3-1102"),
            "S-1-5-21-1-2-3-1200",
        );
        assert!(sample.hits(&Acct03).is_empty());
        let mut sample = Sample::default();
        for (i, name) in POWERFUL_NAMES.iter().take(5).enumerate() {
            row(
                &mut sample,
                i as u32,
                "group_add",
                "adm",
                (name, "S-1-5-21-1-2-3-3000"),
                "S-1-5-21-1-2-3-1200",
            );
        }
        let hits = sample.hits(&Acct03);
        assert_eq!((hits.len(), hits[0].level, hits[0].count), (1, Level::Medium, 5));
    }
}
