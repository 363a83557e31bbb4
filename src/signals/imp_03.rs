//! IMP-03: the host is told to start in safe mode.
//!
//! Sees: `bcdedit` that sets `safeboot`, and programs that register themselves to run in safe mode.
//! Why: in safe mode no protection runs; ransomware reboots into it.
//! Benign causes: technicians who repair a host.
//! Sources: ATT&CK T1688; published ransomware (Snatch, REvil, AvosLocker).

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::changes;
use super::starts::{self, command, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{common, process as t, registry};

/// See the module.
pub struct Imp03;

static META: Meta = Meta {
    id: "IMP-03",
    title: "Safe-mode boot",
    sees: "bcdedit sets safeboot, or a service is registered to run in safe mode by something other than an installer.",
    why: "No protection runs in safe mode.",
    techniques: &["T1688"],
    stage: "defense-impairment",
    family: "recovery",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                registry::KEY,
                registry::VALUE_NAME,
                registry::DATA,
                registry::PID,
                registry::PROC_GUID,
                registry::IMAGE,
            ],
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "registered_quality",
        value: 0.5,
        unit: "quality of a service registered for safe mode",
        source: "[J] remote-support tools do so",
    }],
    benign: &[
        "technicians who repair a host",
        "remote-support and protection software that runs in safe mode",
    ],
};

impl Signal for Imp03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            if sets_safeboot(row) {
                let explain = format!("The host is told to start in safe mode: {}", command(row));
                found.add(Hit::at(&META, row, "bcdedit safeboot", explain));
            }
        }
        for change in changes(rows.table(&registry::TABLE), |key| {
            key.to_lowercase().contains("\\control\\safeboot\\")
        }) {
            let writer = change.writer();
            let by_hand = super::registry_changes::is_scripted_writer(&writer);
            if change.is_set() && by_hand {
                let explain = format!("{writer} registered {} to run in safe mode", quote(&change.path()));
                let hit = Hit::at(&META, change.row, "safeboot service", explain);
                found.add(hit.quality(cx.number(&META, "registered_quality")));
            }
        }
        hits.extend(found.into_hits());
    }
}

fn sets_safeboot(row: Row<'_>) -> bool {
    let line = row.str(t::CMDLINE).to_lowercase();
    let sets = line.contains("safeboot") && line.contains("/set") && !line.contains("/deletevalue");
    sets && (starts::is_one_of(row, &["bcdedit"]) || line.contains("bcdedit"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn hits(image: &str, line: &str) -> usize {
        hits_of(&Imp03, image, "cmd.exe", line).len()
    }

    #[test]
    fn only_setting_safeboot_fires() {
        assert_eq!(hits("bcdedit.exe", "bcdedit /set {current} safeboot network"), 1);
        assert_eq!(
            hits(
                "cmd.exe",
                "cmd /c bcdedit /set {default} safeboot minimal & shutdown /r"
            ),
            1
        );
        assert_eq!(hits("bcdedit.exe", "bcdedit /deletevalue {current} safeboot"), 0);
        assert_eq!(hits("bcdedit.exe", "bcdedit /enum"), 0);
        assert_eq!(hits("shutdown.exe", "shutdown /r"), 0);
    }
}
