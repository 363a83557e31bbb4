//! PRIV-05: the checks of what may run in the kernel are switched off at boot.
//!
//! Sees: a boot with test signing, kernel debugging or without integrity checks (Security 4826), and `bcdedit` that asks for it.
//! Why: an unsigned driver can then be loaded, and with it everything above can be hidden.
//! Benign causes: developers of drivers and their test machines.
//! Sources: Microsoft's documentation of event 4826; Sigma (bcdedit boot configuration tampering: high); ATT&CK T1553.006.

use super::deeds::Folded;
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{event, process as t};

/// See the module.
pub struct Priv05;

/// How Windows writes yes in event 4826.
const YES: &str = "%%1842";
/// Fields of event 4826 and what each allows.
const WEAK: &[(&str, &str)] = &[
    ("DisableIntegrityChecks", "without integrity checks"),
    ("KernelDebug", "with the kernel's debugger"),
    ("TestSigning", "with test signing"),
];

static META: Meta = Meta {
    id: "PRIV-05",
    title: "Boot protection weakened",
    sees: "A boot with test signing, kernel debugging or without integrity checks; bcdedit asking for one of them.",
    why: "An unsigned driver can then be loaded.",
    techniques: &["T1553.006"],
    stage: "defense-impairment",
    family: "drivers",
    key: Key::Host,
    reads: &[
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "debug_quality",
        value: 0.7,
        unit: "quality of the debugger alone",
        source: "[J] virtual machines of developers boot so",
    }],
    benign: &["developers of drivers and their test machines"],
};

impl Signal for Priv05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for (row, fields) in events(rows.table(&event::TABLE), "security", &[4826]) {
            let weak: Vec<&str> = WEAK
                .iter()
                .filter(|(f, _)| is_yes(fields.get(f)))
                .map(|(_, w)| *w)
                .collect();
            if weak.is_empty() {
                continue;
            }
            let alone = weak.len() == 1 && is_yes(fields.get("KernelDebug"));
            let explain = format!("The host booted {}", weak.join(" and "));
            let hit = Hit::at(&META, row, format!("boot|{}", weak.join("|")), explain);
            found.add(hit.quality(if alone { cx.number(&META, "debug_quality") } else { 1.0 }));
        }
        for row in starts::starts(rows.table(&t::TABLE)) {
            if asks(row) {
                let explain = format!("The next boot is to check less: {}", command(row));
                found.add(Hit::at(&META, row, "bcdedit", explain));
            }
        }
        hits.extend(found.into_hits());
    }
}

fn is_yes(value: &str) -> bool {
    value == YES || value.eq_ignore_ascii_case("yes")
}

fn asks(row: Row<'_>) -> bool {
    let line = row.str(t::CMDLINE).to_lowercase();
    let weaker = [
        "testsigning on",
        "testsigning yes",
        "nointegritychecks on",
        "nointegritychecks yes",
        "ddisable_integrity_checks",
        "disable_integrity_checks",
        "debug on",
    ];
    starts::is_one_of(row, &["bcdedit"]) && weaker.iter().any(|w| line.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    #[test]
    fn only_switching_off_counts() {
        let run = |line: &str| hits_of(&Priv05, "bcdedit.exe", "cmd.exe", line).len();
        assert_eq!(run("bcdedit /set testsigning on"), 1);
        assert_eq!(run("bcdedit.exe -set loadoptions DDISABLE_INTEGRITY_CHECKS"), 1);
        assert_eq!(run("bcdedit /set testsigning off"), 0);
        assert_eq!(run("bcdedit /enum"), 0);
    }
}
