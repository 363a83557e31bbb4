//! PERS-07: execution is prepared in places that only their use or a script shows.
//!
//! Sees: a shell in place of an accessibility program at the logon screen, and refused attempts to write one; a plug-in that the DNS server
//! could not load (event 150) or was told to load; services made or given failure commands and descriptors by script or by reg.exe.
//! Why: each runs the intruder's program with the rights of the system.
//! Benign causes: installers that use scripts for services (low).
//! Sources: Microsoft's documentation of DNS event 150 and ServerLevelPluginDll; MITRE ATT&CK T1546.008, T1574, T1543.003.

use std::sync::LazyLock;

use regex::Regex;

use super::deeds::{Folded, actor};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads};
use super::script_blocks::{self, blocks};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{common, event, file, process, script};

/// See the module.
pub struct Pers07;

static META: Meta = Meta {
    id: "PERS-07",
    title: "Start hijacked or prepared",
    sees: "A shell started at the logon screen in place of an accessibility program (high) or a refused attempt to write one (medium); a plug-in of the \
           DNS server (medium); a service's descriptor written by reg.exe, which hides it (medium); services made or changed by script (low).",
    why: "Each runs a program with the rights of the system.",
    techniques: &["T1546.008", "T1574", "T1543.003"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::OUTCOME,
                common::USER,
                file::NAME,
                file::PATH,
                file::ACCESS_MASK,
            ],
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
    benign: &["installers that use scripts for services"],
};

/// Accessibility programs that the logon screen starts as the system.
const ACCESSIBILITY: &[&str] = &[
    "atbroker.exe",
    "displayswitch.exe",
    "magnify.exe",
    "narrator.exe",
    "osk.exe",
    "sethc.exe",
    "utilman.exe",
];
const SHELLS: &[&str] = &["cmd", "powershell", "pwsh"];
/// Rights to write data, append, write attributes or delete.
const WRITES: i64 = 0x1_0000 | 0x2 | 0x4;
/// Modules name these commands too; only shorter text is somebody's own. \[J\]
const OWN_TEXT: usize = 65_536;

static SERVICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\bnew-service\s[^\n;|]{0,200}-binarypathname|\bsc(?:\.exe)\s+(?:\\\\\S+\s+)?(?:create|failure|sdset)\s|set-itemproperty\b[^\n;|]{0,200}\\services\\[^\n;|]{0,200}(?:failurecommand|imagepath)",
    )
    .ok()
});
/// reg.exe on a service's failure command, image or descriptor.
static REGISTRY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\badd\s.*\\services\\[^\\]+\\security\b.*/v\s+security\b").ok());

impl Signal for Pers07 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts(rows.table(&process::TABLE)) {
            started(row).into_iter().for_each(|h| found.add(h));
        }
        for row in rows
            .table(&file::TABLE)
            .iter()
            .filter(|r| r.str(common::OUTCOME) == "failure")
        {
            refused(row).into_iter().for_each(|h| found.add(h));
        }
        for (row, fields) in events(rows.table(&event::TABLE), "dns-server", &[150]) {
            let plugin = fields.get("param1");
            let explain = format!(
                "The DNS server could not start the plug-in {} that it is told to load",
                quote(plugin)
            );
            let hit = Hit::at(&META, row, format!("plugin|{}", plugin.to_lowercase()), explain)
                .level(Level::Medium)
                .techniques(&["T1574"])
                .ioc(Ioc::File(plugin.to_owned()));
            found.add(hit);
        }
        for block in blocks(rows.table(&script::TABLE))
            .iter()
            .filter(|b| b.text.len() <= OWN_TEXT)
        {
            if SERVICE.as_ref().is_some_and(|r| r.is_match(&block.text)) {
                let explain = format!("A service is made or changed by script: {}", quote(&block.text));
                found.add(
                    Hit::at(
                        &META,
                        block.row,
                        format!("script|{}", quote(&block.text).to_lowercase()),
                        explain,
                    )
                    .techniques(&["T1543.003"]),
                );
            }
        }
        hits.extend(found.into_hits());
    }
}

fn started(row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE);
    let lower = line.to_lowercase();
    // The logon screen hands the shell the name of the program that it stands for.
    let stands_for = ACCESSIBILITY.iter().find(|p| lower.contains(*p));
    let at_logon = matches!(
        row.str(process::PARENT_NAME),
        "winlogon.exe" | "utilman.exe" | "sethc.exe"
    );
    if let Some(program) = stands_for.filter(|_| at_logon && starts::is_one_of(row, SHELLS)) {
        let explain = format!(
            "A shell stands for {program} at the logon screen: {}",
            starts::command(row)
        );
        return Some(
            Hit::at(&META, row, format!("shell|{program}"), explain)
                .level(Level::High)
                .techniques(&["T1546.008"]),
        );
    }
    if starts::is_one_of(row, &["dnscmd"]) && lower.contains("/serverlevelplugindll") {
        let explain = format!("The DNS server was told to load a plug-in: {}", starts::command(row));
        return Some(
            Hit::at(&META, row, "dnscmd", explain)
                .level(Level::Medium)
                .techniques(&["T1574"]),
        );
    }
    let descriptor = starts::is_one_of(row, &["reg"]) && REGISTRY.as_ref().is_some_and(|r| r.is_match(line));
    let explain = format!("The descriptor of a service was written: {}", starts::command(row));
    descriptor.then(|| {
        Hit::at(&META, row, format!("descriptor|{lower}"), explain)
            .level(Level::Medium)
            .techniques(&["T1543.003"])
    })
}

/// A refused attempt to write or delete an accessibility program.
fn refused(row: Row<'_>) -> Option<Hit> {
    let program = ACCESSIBILITY.iter().find(|p| **p == row.str(file::NAME))?;
    let system = row.str(file::PATH).to_lowercase().contains("\\windows\\system32\\");
    let writes = row.int(file::ACCESS_MASK).is_some_and(|m| m & WRITES != 0);
    let explain = format!(
        "{} tried to replace {program} of the logon screen and was refused",
        actor(row)
    );
    (system && writes).then(|| {
        Hit::at(&META, row, format!("refused|{program}"), explain)
            .level(Level::Medium)
            .techniques(&["T1546.008"])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    #[test]
    fn a_shell_at_the_logon_screen_is_high() {
        let run = |parent: &str, line: &str| hits_of(&Pers07, "cmd.exe", parent, line).first().map(|h| h.level);
        assert_eq!(
            run("winlogon.exe", r"C:\windows\system32\cmd.exe sethc.exe 211"),
            Some(Level::High)
        );
        assert_eq!(run("explorer.exe", "cmd.exe"), None);
        assert_eq!(run("winlogon.exe", "cmd.exe /c logon.cmd"), None);
    }

    #[test]
    fn scripts_that_make_services_count_and_those_that_ask_do_not() {
        let run = |text: &str| {
            let mut sample = Sample::default();
            sample.row(&script::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(script::TEXT, text);
                b.text(script::BLOCK_ID, "b");
            });
            sample.hits(&Pers07).len()
        };
        assert_eq!(run("New-Service -Name upd -BinaryPathName 'C:\\tools\\u.exe'"), 1);
        assert_eq!(
            run(r"Set-ItemProperty -path HKLM:\System\CurrentControlSet\services\x -name FailureCommand -value c"),
            1
        );
        assert_eq!(run("Get-Service spooler"), 0);
        assert_eq!(run("# sc is a tool; sc.exe query"), 0);
    }

    #[test]
    fn a_refused_write_to_an_accessibility_program_is_told_from_a_read() {
        let run = |mask: i64, name: &str| {
            let mut sample = Sample::default();
            sample.row(&file::TABLE, "srv01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::OUTCOME, "failure");
                b.text(file::NAME, name);
                b.text(file::PATH, &format!(r"C:\Windows\System32\{name}"));
                b.int(file::ACCESS_MASK, mask);
            });
            sample.hits(&Pers07).len()
        };
        assert_eq!(
            (run(0x6, "sethc.exe"), run(0x1, "sethc.exe"), run(0x6, "calc.exe")),
            (1, 0, 0)
        );
    }
}
