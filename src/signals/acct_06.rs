//! ACCT-06: accounts that nobody should use are made usable.
//!
//! Sees: the recovery password of a domain controller set anew (4794) or made good for logons; the guest account or an account of Windows'
//! services added to a group that governs others.
//! Why: nobody looks at these accounts, so whoever opens them stays.
//! Benign causes: a planned change of the recovery password; templates of old servers.
//! Sources: Microsoft's documentation of 4794 and of DsrmAdminLogonBehavior; Sigma (DSRM password change, guest added to administrators: high);
//! ATT&CK T1098.

use super::deeds::{Folded, actor};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Prevalence, Signal};
use crate::knowledge::services::{is_privileged_rid, rid_of_sid};
use crate::lake::frame::Row;
use crate::schema::{account as t, common, process, registry};

/// See the module.
pub struct Acct06;

/// Relative id of the guest account.
const GUEST: u32 = 501;
/// Accounts of services and of everybody.
const NOBODY: &[&str] = &["S-1-1-0", "S-1-5-7", "S-1-5-11", "S-1-5-19", "S-1-5-20", "S-1-5-32-546"];

static META: Meta = Meta {
    id: "ACCT-06",
    title: "Unused account made powerful",
    sees: "The recovery password of a domain controller set anew or made good for logons; the guest account or one of Windows' services added \
           to a group that governs others.",
    why: "Nobody looks at these accounts.",
    techniques: &["T1098"],
    stage: "persistence",
    family: "accounts",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::USER,
                common::USER_SID,
                common::OUTCOME,
                t::GROUP,
                t::GROUP_SID,
                t::MEMBER,
                t::MEMBER_SID,
            ],
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "recovery_quality",
        value: 0.7,
        unit: "quality of a new recovery password",
        source: "[J] some organisations change it by plan",
    }],
    benign: &["a planned change of the recovery password", "templates of old servers"],
};

impl Signal for Acct06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter() {
            if row.code() == 4794 && row.str(common::OUTCOME) != "failure" {
                let explain = format!("{} set the recovery password of this domain controller", actor(row));
                let hit = Hit::at(&META, row, "recovery password", explain);
                found.add(
                    hit.quality(cx.number(&META, "recovery_quality"))
                        .prevalence(Prevalence::Neutral),
                );
            } else if row.str(common::ACTION) == "group_add" {
                added(row).into_iter().for_each(|h| found.add(h));
            }
        }
        for change in changes(rows.table(&registry::TABLE), |key| {
            key.to_lowercase().ends_with("\\control\\lsa")
        }) {
            let opens = change.data.trim_end_matches(')').ends_with(['1', '2']);
            if change.is_set() && change.value == "dsrmadminlogonbehavior" && opens {
                let explain = format!("{} made the recovery account good for logons", change.writer());
                found.add(Hit::at(&META, change.row, "recovery logons", explain));
            }
        }
        for row in starts::starts(rows.table(&process::TABLE)) {
            let line = row.str(process::CMDLINE).to_lowercase();
            if starts::is_one_of(row, &["net", "net1"])
                && line.contains("user")
                && line.contains("guest")
                && line.contains("/active:y")
            {
                let explain = format!("The guest account was switched on: {}", command(row));
                found.add(Hit::at(&META, row, "guest on", explain).level(Level::Medium));
            }
        }
        hits.extend(found.into_hits());
    }
}

fn added(row: Row<'_>) -> Option<Hit> {
    let sid = row.str(t::MEMBER_SID);
    let nobody = NOBODY.contains(&sid) || rid_of_sid(sid) == Some(GUEST) && sid.starts_with("S-1-5-21-");
    let governs = rid_of_sid(row.str(t::GROUP_SID)).is_some_and(is_privileged_rid);
    if !nobody || !governs {
        return None;
    }
    let who = row.text(t::MEMBER).filter(|m| *m != "-").unwrap_or(sid);
    let group = row.str(t::GROUP);
    let explain = format!(
        "{} added {who} to {group}: an account that nobody should use",
        actor(row)
    );
    Some(Hit::at(&META, row, format!("{sid}|{}", group.to_lowercase()), explain).prevalence(Prevalence::Neutral))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn added_to(member: &str, group: &str) -> usize {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "group_add");
            b.text(t::MEMBER_SID, member);
            b.text(t::GROUP_SID, group);
        });
        s.hits(&Acct06).len()
    }

    #[test]
    fn guests_and_services_in_powerful_groups_fire() {
        assert_eq!(added_to("S-1-5-21-1-2-3-501", "S-1-5-32-544"), 1);
        assert_eq!(added_to("S-1-5-20", "S-1-5-32-544"), 1);
        assert_eq!(added_to("S-1-5-21-1-2-3-1104", "S-1-5-32-544"), 0);
        assert_eq!(added_to("S-1-5-21-1-2-3-501", "S-1-5-32-546"), 0);
    }

    #[test]
    fn switching_the_guest_on_is_medium_and_off_is_nothing() {
        let run = |line: &str| hits_of(&Acct06, "net.exe", "cmd.exe", line).first().map(|h| h.level);
        assert_eq!(run("net user guest /active:yes"), Some(Level::Medium));
        assert_eq!(run("net user guest /active:no"), None);
    }
}
