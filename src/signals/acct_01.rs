//! ACCT-01: a computer account for a moment, or an account in disguise.
//!
//! Sees: a person creates or changes a computer account and deletes it within an hour; a computer account is renamed to a name without
//! `$`; a user account is renamed to a name with `$`.
//! Why: every user may join machines to a domain by default, and tools that abuse delegation or forge names clean up behind them.
//! Benign causes: deployment that fails and is repeated, tests of domain joins.
//! Sources: Microsoft's documentation of events 4741, 4743 and 4781; CVE-2021-42278; MITRE ATT&CK T1136, T1068, T1564.002.

use std::collections::HashMap;

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{account as t, common};

/// See the module.
pub struct Acct01;

const SHORT_S: f64 = 3600.0;

static META: Meta = Meta {
    id: "ACCT-01",
    title: "Short-lived or disguised account",
    sees: "A computer account that a person creates (medium) or changes (low) and deletes within an hour; a computer account that loses the $ \
           of its name (high); a user account that gets one (medium).",
    why: "Machine accounts are open to every user by default and serve abuse of delegation; a $ hides a user among machines.",
    techniques: &["T1136", "T1068", "T1564.002"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::EVENT_CODE,
            common::USER,
            common::USER_SID,
            t::TARGET_USER,
            t::TARGET_SID,
            t::NEW,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "short",
        value: SHORT_S,
        unit: "s",
        source: "[J] from the first event of the account to its deletion",
    }],
    benign: &["deployment that fails and is repeated", "tests of domain joins"],
};

impl Signal for Acct01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut first: HashMap<String, Row<'_>> = HashMap::new();
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter() {
            let machine = row.str(t::TARGET_USER).ends_with('$');
            match row.str(common::ACTION) {
                "create" | "attr_change" if machine && matches!(row.code(), 4741 | 4742) => {
                    first.entry(account(row)).or_insert(row);
                }
                "delete" if machine && by_person(row) => {
                    if let Some(start) = first.remove(&account(row))
                        && row.ts() - start.ts() <= (cx.number(&META, "short") * 1e6) as i64
                    {
                        found.add(short_lived(start, row));
                    }
                }
                "rename" if by_person(row) => {
                    if let Some(hit) = renamed(row, machine) {
                        found.add(hit);
                    }
                }
                _ => {}
            }
        }
        hits.extend(found.into_hits());
    }
}

/// The SID, else the name.
fn account(row: Row<'_>) -> String {
    row.text(t::TARGET_SID)
        .unwrap_or(row.str(t::TARGET_USER))
        .to_lowercase()
}

fn short_lived(start: Row<'_>, end: Row<'_>) -> Hit {
    let name = end.str(t::TARGET_USER);
    let made = start.code() == 4741;
    let explain = format!(
        "The computer account {name} was {} and deleted by {} after {} s",
        if made { "created" } else { "changed" },
        actor(end),
        (end.ts() - start.ts()) / 1_000_000
    );
    let mut hit = Hit::at(&META, start, format!("short|{}", name.to_lowercase()), explain)
        .level(if made { Level::Medium } else { Level::Low })
        .techniques(&["T1136"])
        .ioc(Ioc::Account(name.to_owned()));
    hit.users = vec![actor(end).to_owned()];
    hit.last = end.ts();
    hit.count = 2;
    hit.add_row(end);
    hit
}

fn renamed(row: Row<'_>, was_machine: bool) -> Option<Hit> {
    let (old, new) = (row.str(t::TARGET_USER), row.text(t::NEW)?);
    let (level, technique, what) = match (was_machine, new.ends_with('$')) {
        (true, false) => (Level::High, "T1068", "a machine's name without its $"),
        (false, true) => (Level::Medium, "T1564.002", "a name like a machine's"),
        _ => return None,
    };
    let explain = format!("{} renamed the account {old} to {new}: {what}", actor(row));
    Some(
        Hit::at(&META, row, format!("rename|{}", new.to_lowercase()), explain)
            .level(level)
            .techniques(&[technique])
            .ioc(Ioc::Account(new.to_owned())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn row(sample: &mut Sample, minute: u32, code: i64, action: &str, by: &str, names: (&str, &str)) {
        sample.row(&t::TABLE, "dc01", &format!("2026-03-02T09:{minute:02}:00Z"), |b| {
            b.int(common::EVENT_CODE, code);
            b.text(common::ACTION, action);
            b.text(common::USER, by);
            b.text(t::TARGET_USER, names.0);
            b.text(t::NEW, names.1);
            b.text(t::TARGET_SID, "S-1-5-21-1-2-3-1601");
        });
    }

    #[test]
    fn a_computer_account_for_minutes_counts_and_a_machine_that_leaves_does_not() {
        let run = |by: &str, end: u32| {
            let mut sample = Sample::default();
            row(&mut sample, 0, 4741, "create", by, ("PC99$", ""));
            row(&mut sample, end, 4743, "delete", by, ("PC99$", ""));
            sample.hits(&Acct01)
        };
        let hits = run("ann", 2);
        assert_eq!((hits.len(), hits[0].level, hits[0].rows.len()), (1, Level::Medium, 2));
        assert_eq!(hits[0].techniques, ["T1136"]);
        assert!(run("DC01$", 2).is_empty());
        let mut sample = Sample::default();
        row(&mut sample, 2, 4743, "delete", "adm", ("PC98$", ""));
        assert!(sample.hits(&Acct01).is_empty());
    }

    #[test]
    fn a_machine_that_loses_its_dollar_is_high() {
        let run = |old: &str, new: &str| {
            let mut sample = Sample::default();
            row(&mut sample, 0, 4781, "rename", "ann", (old, new));
            sample.hits(&Acct01).first().map(|h| h.level)
        };
        assert_eq!(run("PC99$", "dc01"), Some(Level::High));
        assert_eq!(run("tmp", "tmp$"), Some(Level::Medium));
        assert_eq!(run("ann.smith", "ann.miller"), None);
    }
}
