//! STLH-02: traces of what somebody did are erased.
//!
//! Sees: the lists of recently used commands, folders and remote desktops deleted from the registry by a console, editor or script; the
//! history of PowerShell deleted or switched off; prefetch files and recent items deleted in numbers; free space or the journal wiped.
//! Why: these lists are what an investigation reads first.
//! Benign causes: cleaning tools, privacy settings, administrators who tidy a shared account.
//! Sources: Sigma (connection history cleared: high, PowerShell history deletion: medium); ATT&CK T1070.003, T1070.004, T1070.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes, is_scripted_writer};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, quote};
use super::windows::densest;
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::time::SECOND;
use crate::knowledge::programs::base_name;
use crate::lake::frame::Row;
use crate::schema::{common, file, process as t, registry, script};

/// See the module.
pub struct Stlh02;

/// Keys of the lists, ends of lower-case paths.
const LISTS: &[&str] = &[
    "\\explorer\\runmru",
    "\\explorer\\typedpaths",
    "\\explorer\\recentdocs",
    "\\explorer\\comdlg32\\opensavepidlmru",
    "\\terminal server client\\default",
    "\\terminal server client\\servers",
    "\\internet explorer\\typedurls",
];

static META: Meta = Meta {
    id: "STLH-02",
    title: "Traces of use erased",
    sees: "Lists of recent commands, folders and remote desktops deleted from the registry by a console, editor or script; PowerShell's \
           history deleted or switched off; prefetch files deleted in numbers; free space or the journal wiped.",
    why: "These lists are what an investigation reads first.",
    techniques: &["T1070.003", "T1070.004", "T1070"],
    stage: "stealth",
    family: "log tampering",
    key: Key::Host,
    reads: &[
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                file::PATH,
                file::NAME,
                file::EXT,
                file::PID,
                file::PROC_GUID,
                file::IMAGE,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "prefetch",
        value: 10.0,
        unit: "prefetch files deleted within a minute",
        source: "[J] Windows itself removes a few",
    }],
    benign: &[
        "cleaning tools",
        "privacy settings",
        "administrators who tidy a shared account",
    ],
};

impl Signal for Stlh02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for change in changes(rows.table(&registry::TABLE), |key| {
            LISTS.iter().any(|l| key.to_lowercase().contains(l))
        }) {
            let writer = change.writer();
            if change.is_deleted() && is_scripted_writer(&writer) {
                let explain = format!("{writer} deleted {}", quote(&change.path()));
                found.add(Hit::at(&META, change.row, "list of use", explain).techniques(&["T1070.003"]));
            }
        }
        for row in starts::starts(rows.table(&t::TABLE)) {
            if let Some((technique, what)) = by_command(row) {
                found.add(Hit::at(&META, row, what, format!("{what}: {}", command(row))).techniques(technique));
            }
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if erases_history(&block.text.to_lowercase()) {
                let explain = format!(
                    "The history of PowerShell is erased or switched off: {}",
                    quote(&block.text)
                );
                found.add(Hit::at(&META, block.row, "powershell history", explain).techniques(&["T1070.003"]));
            }
        }
        hits.extend(found.into_hits());
        hits.extend(prefetch(cx, rows));
    }
}

fn by_command(row: Row<'_>) -> Option<(&'static [&'static str], &'static str)> {
    let line = row.str(t::CMDLINE).to_lowercase();
    if starts::is_one_of(row, &["reg"]) && line.contains("delete") && LISTS.iter().any(|l| line.contains(l)) {
        return Some((&["T1070.003"], "a list of use is deleted"));
    }
    if starts::is_one_of(row, &["fsutil"]) && line.contains("usn") && line.contains("deletejournal") {
        return Some((&["T1070"], "the journal of a drive is deleted"));
    }
    if starts::is_one_of(row, &["cipher"]) && line.contains("/w:") {
        return Some((&["T1070.004"], "free space is overwritten"));
    }
    let sdelete =
        starts::is_one_of(row, &["sdelete", "sdelete64"]) || line.contains("-accepteula") && line.contains("sdelete");
    if sdelete {
        return Some((&["T1070.004"], "files are deleted beyond recovery"));
    }
    let shell = starts::is_one_of(row, &["cmd", "powershell", "pwsh"]);
    if shell
        && line.contains("\\prefetch\\")
        && ["del ", "erase ", "remove-item", "rm "]
            .iter()
            .any(|d| line.contains(d))
    {
        return Some((&["T1070.004"], "prefetch files are deleted"));
    }
    (shell && erases_history(&line)).then_some((&["T1070.003"], "the history of PowerShell is erased or switched off"))
}

fn erases_history(lower: &str) -> bool {
    let file = lower.contains("consolehost_history") || lower.contains("historysavepath");
    let gone = ["remove-item", "del ", "rm ", "clear-content", "sc "]
        .iter()
        .any(|d| lower.contains(d));
    file && gone
        || lower.contains("savenothing") && lower.contains("set-psreadlineoption")
        || lower.trim() == "clear-history"
}

fn prefetch(cx: &Cx<'_>, rows: &KeyRows<'_>) -> Option<Hit> {
    let gone: Vec<Row<'_>> = rows
        .table(&file::TABLE)
        .iter()
        .filter(|r| {
            r.str(common::ACTION) == "delete"
                && r.str(file::EXT) == "pf"
                && r.str(file::PATH).to_lowercase().contains("\\prefetch\\")
        })
        .filter(|r| !base_name(r.str(file::IMAGE)).eq_ignore_ascii_case("svchost.exe"))
        .collect();
    let events: Vec<(i64, &str)> = gone.iter().map(|r| (r.ts(), r.str(file::PATH))).collect();
    let found = densest(&events, 60 * SECOND).filter(|d| d.distinct as f64 >= cx.number(&META, "prefetch"))?;
    let first = *gone.get(found.from)?;
    let explain = format!(
        "{} deleted {} prefetch files within a minute",
        base_name(first.str(file::IMAGE)),
        found.distinct
    );
    let mut hit = Hit::at(&META, first, "prefetch", explain).techniques(&["T1070.004"]);
    gone.get(found.from + 1..found.to)?
        .iter()
        .take(10)
        .for_each(|r| hit.add_row(*r));
    hit.count = found.distinct as u64;
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn deleted(image: &str, action: &str) -> usize {
        let mut s = Sample::default();
        s.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, action);
            b.text(
                registry::KEY,
                r"HKU\S-1-5-21-1\Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU",
            );
            b.text(registry::IMAGE, image);
        });
        s.hits(&Stlh02).len()
    }

    #[test]
    fn lists_and_histories_that_are_erased_fire() {
        assert_eq!(deleted(r"C:\Windows\regedit.exe", "delete_key"), 1);
        let run = |image: &str, line: &str| hits_of(&Stlh02, image, "cmd.exe", line).len();
        assert_eq!(
            run(
                "powershell.exe",
                "powershell Remove-Item (Get-PSReadlineOption).HistorySavePath"
            ),
            1
        );
        assert_eq!(run("fsutil.exe", "fsutil usn deletejournal /d c:"), 1);
    }

    #[test]
    fn the_desktop_itself_and_questions_stay_quiet() {
        assert_eq!(deleted(r"C:\Windows\explorer.exe", "delete_value"), 0);
        assert_eq!(deleted(r"C:\Windows\regedit.exe", "create_key"), 0);
        assert_eq!(
            hits_of(&Stlh02, "fsutil.exe", "cmd.exe", "fsutil usn queryjournal c:").len(),
            0
        );
    }
}
